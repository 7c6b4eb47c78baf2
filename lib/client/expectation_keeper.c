/* SPDX-License-Identifier: MIT */
/*
 * What becomes of "Expect: 100-continue" (RFC 9110, section 10.1.1) beside the
 * waiting, which the connection does (ah_exchange_expect()):
 *   - without content nobody may expect anything, so it is not sent then;
 *   - a server, or something on the way, that does not know it says 417; then
 *     the same request is sent without it, as the RFC and curl have it.
 */
#include "config.h"

#include "client/interceptor.h"

#include "base/error.h"

enum {
  STATUS_EXPECTATION_FAILED = 417
};

static int keeper_on_start(ahttp_call *call, ahttp_error *err)
{
  const ah_request_head *head = &call->exchange.request;
  bool has_content = head->body != NULL && head->body->length != 0;
  if (has_content || ah_fields_find(head->fields, AH_FIELD_EXPECT) == NULL) {
    return AHTTP_OK;
  }
  ahttp_fields *fields = ah_call_outgoing(call);
  if (fields == NULL) {
    ah_error_plain(err, AHTTP_ENOMEM, AHTTP_PHASE_NONE);
    return AHTTP_ENOMEM;
  }
  ah_fields_remove(fields, AH_FIELD_EXPECT);
  return AHTTP_OK;
}

/* Takes Expect out of what is to be sent next, whose lines this hop shares. */
static int keeper_drop_field(ahttp_call *call)
{
  ahttp_fields *fields = &call->next.fields;
  const ahttp_fields all = *fields;
  ah_fields_init(fields, &call->arena);
  int rv = ah_fields_add_all(fields, &all);
  if (rv == AHTTP_OK) {
    ah_fields_remove(fields, AH_FIELD_EXPECT);
  }
  return rv;
}

static int keeper_on_head(ahttp_call *call, ahttp_error *err)
{
  if (call->exchange.response.status != STATUS_EXPECTATION_FAILED ||
      ah_fields_find(call->hop_fields, AH_FIELD_EXPECT) == NULL ||
      !ah_call_repeat(call)) {
    return AHTTP_OK;
  }
  int rv = keeper_drop_field(call);
  if (rv != AHTTP_OK) {
    ah_error_plain(err, rv, AHTTP_PHASE_RECEIVE);
    return rv;
  }
  return AH_AGAIN;
}

const ah_interceptor ah_expectation_keeper = {
    .name = "expectation",
    .on_start = keeper_on_start,
    .on_head = keeper_on_head,
};
