/* SPDX-License-Identifier: MIT */
/* The fields of a call's first hop: the client's, the request's, and what
 * follows from its content. */
#include "config.h"

#include "client/call.h"

#include "base/str.h"
#include "client/client.h"
#include "http/content_coding.h"

/* Whether the request has fields of its own of that name. */
static bool request_has_field(const ahttp_request *request,
                              const ah_field *field)
{
  return field->id == AH_FIELD_OTHER
             ? ah_fields_find_name(&request->fields, field->name) != NULL
             : ah_fields_find(&request->fields, field->id) != NULL;
}

/* What goes into Accept-Encoding by default: all codings, none of them, or no
 * such field (ptr NULL).  A part of encoded content cannot be decoded, so that
 * a range is asked for of the plain one: Fetch Standard, "HTTP-network-or-cache
 * fetch": "If httpRequest's header list contains `Range`, then append
 * (`Accept-Encoding`, `identity`)". */
static ahttp_str call_accepted(const ahttp_call *call)
{
  if (!call->settings->decode) {
    return (ahttp_str){NULL, 0};
  }
  bool is_part = ah_fields_find(&call->request->fields, AH_FIELD_RANGE) != NULL;
  return is_part ? AH_STR("identity") : ah_accept_encoding();
}

/* What follows from the request's content, unless somebody has said it. */
static int call_merge_implied(ahttp_call *call)
{
  ahttp_fields *fields = &call->fields;
  const ahttp_fields *implied = &call->request->implied;
  int rv = AHTTP_OK;
  for (uint32_t i = 0; i < implied->count && rv == AHTTP_OK; i++) {
    const ah_field *field = &implied->items[i];
    if (call->request->body != NULL &&
        ah_fields_find(fields, field->id) == NULL) {
      rv = ah_fields_add_view(fields, field->name, field->value, field->id);
    }
  }
  return rv;
}

/* Has a server asked whether it wants content that is not little. */
static int call_merge_expectation(ahttp_call *call)
{
  ahttp_fields *fields = &call->fields;
  const ah_body *body = call->request->body;
  if (body == NULL || (uint64_t)body->length < call->settings->expect_bytes ||
      call->settings->expect_bytes == UINT64_MAX ||
      ah_fields_find(fields, AH_FIELD_EXPECT) != NULL) {
    return AHTTP_OK; /* an unknown length, -1, is more than any other */
  }
  return ah_fields_add_view(fields, AH_STR("Expect"), AH_STR("100-continue"),
                            AH_FIELD_EXPECT);
}

/* True if the request has none of the defaults' names, and Accept-Encoding is
 * as it was when the client was made. */
static bool call_takes_defaults(const ahttp_call *call)
{
  uint64_t own = call->request->fields.known;
  return !call->request->is_complete &&
         (own & call->client->default_fields.known) == 0 &&
         (own & UINT64_C(1) << AH_FIELD_RANGE) == 0 &&
         !ah_coding_is_any_withdrawn();
}

/* Whether Accept-Encoding is not sent though it is one of the defaults. */
static bool call_offers_less(const ahttp_call *call)
{
  return !call->settings->decode && call->client->offers_codings;
}

/* True if nothing is to be sent but the defaults. */
static bool call_adds_nothing(const ahttp_call *call)
{
  return call->request->fields.count == 0 && call->request->body == NULL &&
         call_takes_defaults(call) && !call_offers_less(call);
}

/* Adds all defaults, in one piece. */
static int call_copy_defaults(ahttp_call *call)
{
  int rv = ah_fields_add_all(&call->fields, &call->client->default_fields);
  if (call_offers_less(call)) {
    ah_fields_remove(&call->fields, AH_FIELD_ACCEPT_ENCODING);
  }
  return rv;
}

/* Adds those defaults that the request does not have itself. */
static int call_add_defaults(ahttp_call *call)
{
  ahttp_fields *fields = &call->fields;
  const ahttp_fields *defaults = &call->client->default_fields;
  for (uint32_t i = 0; i < defaults->count; i++) {
    const ah_field *field = &defaults->items[i];
    if (call->request->is_complete || request_has_field(call->request, field)) {
      continue;
    }
    ahttp_str value = field->value;
    if (field->id == AH_FIELD_ACCEPT_ENCODING && call->client->offers_codings) {
      value = call_accepted(call);
      if (value.ptr == NULL) {
        continue;
      }
    }
    int rv = ah_fields_add_view(fields, field->name, value, field->id);
    if (rv != AHTTP_OK) {
      return rv;
    }
  }
  return AHTTP_OK;
}

/* The client's default fields, or the request's after those of them that it
 * does not have itself. */
int ah_call_merge_fields(ahttp_call *call)
{
  if (call_adds_nothing(call)) {
    call->hop_fields = &call->client->default_fields;
    return AHTTP_OK;
  }
  ahttp_fields *fields = &call->fields;
  ah_fields_init(fields, &call->arena);
  fields->items = call->items;
  fields->cap = AH_CALL_FIELDS;
  call->hop_fields = fields;
  int rv = call_takes_defaults(call) ? call_copy_defaults(call)
                                     : call_add_defaults(call);
  if (rv == AHTTP_OK) {
    rv = ah_fields_add_all(fields, &call->request->fields);
  }
  if (rv == AHTTP_OK) {
    rv = call_merge_implied(call);
  }
  return rv == AHTTP_OK ? call_merge_expectation(call) : rv;
}

int ah_call_outlive_client(ahttp_call *call)
{
  const ahttp_fields *views = call->hop_fields;
  ahttp_fields own;
  ah_fields_init(&own, &call->arena);
  for (uint32_t i = 0; i < views->count; i++) {
    const ah_field *field = &views->items[i];
    ahttp_str name;
    ahttp_str value;
    int rv = ah_arena_copy(&call->arena, field->name, &name);
    if (rv == AHTTP_OK) {
      rv = ah_arena_copy(&call->arena, field->value, &value);
    }
    if (rv == AHTTP_OK) {
      rv = ah_fields_add_view(&own, name, value, field->id);
    }
    if (rv != AHTTP_OK) {
      return rv;
    }
  }
  call->fields = own;
  call->hop_fields = &call->fields;
  if (call->settings != &call->own_settings) {
    call->own_settings = *call->settings;
    call->settings = &call->own_settings;
  }
  return AHTTP_OK;
}
