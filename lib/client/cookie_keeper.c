/* SPDX-License-Identifier: MIT */
/*
 * Sends and stores the cookies of the client's jar, on every hop anew.
 *
 * A Cookie field of the request's own, or one that authentication has put
 * there, stays as it is and the jar adds what has other names.  After a
 * redirect it is gone, as it is with HTTPX: from then on the jar alone knows
 * what holds, the answer to the first hop may have changed it.  What is put on
 * a hop here is of that hop only, so a jar's cookies cannot travel to another
 * origin.
 */
#include "config.h"

#include "client/interceptor.h"

#include "base/error.h"
#include "base/str.h"
#include "client/client.h"
#include "client/cookie_jar.h"

static bool has_cookie_field(const ahttp_fields *fields)
{
  return ah_fields_find(fields, AH_FIELD_COOKIE) != NULL;
}

/* Replaces the hop's Cookie fields by one that says |value|, or by none. */
static int keeper_set_field(ahttp_call *call, ahttp_str value)
{
  if (value.len == 0 && !has_cookie_field(call->exchange.request.fields)) {
    return AHTTP_OK;
  }
  ahttp_fields *fields = ah_call_outgoing(call);
  if (fields == NULL) {
    return AHTTP_ENOMEM;
  }
  ah_fields_remove(fields, AH_FIELD_COOKIE);
  if (value.len == 0) {
    return AHTTP_OK;
  }
  return ah_fields_add_view(fields, AH_STR("Cookie"), value, AH_FIELD_COOKIE);
}

static int keeper_on_start(ahttp_call *call, ahttp_error *err)
{
  const ahttp_fields *own =
      call->response.redirects == 0 ? call->exchange.request.fields : NULL;
  ahttp_str value;
  int rv = ah_cookie_jar_make_field(call->client->cookies,
                                    call->exchange.request.url, own,
                                    &call->arena, &value);
  if (rv == AHTTP_OK) {
    rv = keeper_set_field(call, value);
  }
  if (rv != AHTTP_OK) {
    ah_error_plain(err, rv, AHTTP_PHASE_NONE);
  }
  return rv;
}

static int keeper_on_head(ahttp_call *call, ahttp_error *err)
{
  int rv =
      ah_cookie_jar_receive(call->client->cookies, call->exchange.request.url,
                            &call->exchange.response.fields);
  if (rv != AHTTP_OK) {
    ah_error_plain(err, rv, AHTTP_PHASE_RECEIVE);
  }
  return rv;
}

const ah_interceptor ah_cookie_keeper = {
    .name = "cookies",
    .on_start = keeper_on_start,
    .on_head = keeper_on_head,
};
