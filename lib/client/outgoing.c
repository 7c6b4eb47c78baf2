/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "client/outgoing.h"

#include "base/str.h"
#include "client/interceptor.h"

ahttp_str ahttp_outgoing_method(const ahttp_outgoing *outgoing)
{
  return outgoing->call->exchange.request.method;
}

const ahttp_url *ahttp_outgoing_url(const ahttp_outgoing *outgoing)
{
  return outgoing->call->exchange.request.url;
}

const ahttp_fields *ahttp_outgoing_fields(const ahttp_outgoing *outgoing)
{
  return outgoing->call->exchange.request.fields;
}

/* Drops every line called |name|. */
static void fields_remove(ahttp_fields *fields, ahttp_str name)
{
  ah_field_id id = ah_field_id_of(name);
  if (id < AH_FIELD_OTHER) {
    ah_fields_remove(fields, id);
    return;
  }
  uint32_t kept = 0;
  for (uint32_t i = 0; i < fields->count; i++) {
    if (!ah_str_ieq(fields->items[i].name, name)) {
      fields->items[kept++] = fields->items[i];
    }
  }
  fields->count = kept;
}

/* The fields to change, once it is sure that they may be. */
static int outgoing_open(ahttp_outgoing *outgoing, ahttp_str name,
                         ahttp_str value, ahttp_fields **out)
{
  if (!ah_field_is_valid(name, value) ||
      ah_request_is_framing_field(ah_field_id_of(name))) {
    return AHTTP_EFIELD;
  }
  *out = ah_call_outgoing(outgoing->call);
  return *out == NULL ? AHTTP_ENOMEM : AHTTP_OK;
}

int ahttp_outgoing_set_field(ahttp_outgoing *outgoing, ahttp_str name,
                             ahttp_str value)
{
  ahttp_fields *fields;
  int rv = outgoing_open(outgoing, name, value, &fields);
  if (rv != AHTTP_OK) {
    return rv;
  }
  fields_remove(fields, name);
  return ah_fields_add(fields, name, value);
}

int ahttp_outgoing_add_field(ahttp_outgoing *outgoing, ahttp_str name,
                             ahttp_str value)
{
  ahttp_fields *fields;
  int rv = outgoing_open(outgoing, name, value, &fields);
  if (rv != AHTTP_OK) {
    return rv;
  }
  if (ah_field_id_of(name) == AH_FIELD_HOST &&
      ah_fields_find(fields, AH_FIELD_HOST) != NULL) {
    return AHTTP_EFIELD; /* a second Host is smuggling (RFC 9112, 3.2) */
  }
  return ah_fields_add(fields, name, value);
}

int ahttp_outgoing_remove_field(ahttp_outgoing *outgoing, ahttp_str name)
{
  ahttp_fields *fields;
  int rv = outgoing_open(outgoing, name, AH_STR(""), &fields);
  if (rv == AHTTP_OK) {
    fields_remove(fields, name);
  }
  return rv;
}

int ahttp_outgoing_set_url(ahttp_outgoing *outgoing, ahttp_str url)
{
  ahttp_call *call = outgoing->call;
  ahttp_url parsed;
  int rv = ah_url_parse(&parsed, &call->arena, url, call->exchange.request.url,
                        NULL);
  if (rv != AHTTP_OK) {
    return rv;
  }
  if (!ah_str_eq(parsed.scheme, AH_STR("http")) &&
      !ah_str_eq(parsed.scheme, AH_STR("https"))) {
    return AHTTP_ESCHEME;
  }
  return parsed.host.len == 0 ? AHTTP_EURL : ah_call_set_url(call, &parsed);
}
