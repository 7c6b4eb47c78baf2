/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "client/proxy_hop.h"

#include "base/error.h"
#include "base/str.h"
#include "client/interceptor.h"

enum {
  STATUS_PROXY_AUTHENTICATION = 407 /* RFC 9110, section 15.5.8 */
};

/* --- Sending. --------------------------------------------------------------
 */

/* An empty list for this hop, in the call's arena. */
static ahttp_fields *fields_new(ahttp_call *call)
{
  ahttp_fields *fields = ah_arena_alloc(&call->arena, sizeof(*fields));
  if (fields != NULL) {
    ah_fields_init(fields, &call->arena);
  }
  return fields;
}

static bool has_name(const ahttp_fields *fields, const ah_field *field)
{
  return field->id == AH_FIELD_OTHER
             ? ah_fields_find_name(fields, field->name) != NULL
             : ah_fields_find(fields, field->id) != NULL;
}

/* The target as the request line has it, which Digest signs. */
static int target_of(ahttp_call *call, ahttp_str *out)
{
  const ahttp_url *url = call->exchange.request.url;
  const ahttp_str parts[] = {url->scheme, AH_STR("://"), ah_url_authority(url),
                             ah_url_target(url)};
  size_t len = 0;
  for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
    len += parts[i].len;
  }
  char *bytes = ah_arena_bytes(&call->arena, len);
  if (bytes == NULL) {
    return AHTTP_ENOMEM;
  }
  *out = ah_str(bytes, len);
  for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
    if (parts[i].len > 0) {
      memcpy(bytes, parts[i].ptr, parts[i].len);
      bytes += parts[i].len;
    }
  }
  return AHTTP_OK;
}

static int fields_add_credentials(ahttp_fields *fields, ahttp_call *call,
                                  ah_proxy *proxy)
{
  ahttp_str target = AH_STR("");
  ahttp_str value;
  int rv = AHTTP_OK;
  if (proxy->digest.is_set) {
    rv = target_of(call, &target);
  }
  if (rv == AHTTP_OK) {
    rv = ah_proxy_authorize(proxy, call->exchange.request.method, target,
                            &call->arena, &value);
  }
  if (rv != AHTTP_OK || value.len == 0) {
    return rv;
  }
  return ah_fields_add_view(fields, AH_STR("Proxy-Authorization"), value,
                            AH_FIELD_PROXY_AUTHORIZATION);
}

int ah_proxy_hop_forward(ahttp_call *call, ah_proxy *proxy)
{
  ah_request_head *request = &call->exchange.request;
  const ahttp_fields *own = request->fields;
  ahttp_fields *fields = fields_new(call);
  if (fields == NULL) {
    return AHTTP_ENOMEM;
  }
  int rv = AHTTP_OK;
  for (uint32_t i = 0; rv == AHTTP_OK && i < proxy->fields.count; i++) {
    const ah_field *field = &proxy->fields.items[i];
    if (!has_name(own, field)) {
      rv = ah_fields_add_view(fields, field->name, field->value, field->id);
    }
  }
  bool has_credentials =
      ah_fields_find(own, AH_FIELD_PROXY_AUTHORIZATION) != NULL ||
      ah_fields_find(fields, AH_FIELD_PROXY_AUTHORIZATION) != NULL;
  if (rv == AHTTP_OK && !has_credentials) {
    rv = fields_add_credentials(fields, call, proxy);
    call->answers_proxy = true;
  }
  if (rv == AHTTP_OK) {
    rv = ah_fields_add_all(fields, own);
  }
  request->fields = fields;
  request->is_absolute = true;
  return rv;
}

int ah_proxy_hop_tunnel(ahttp_call *call)
{
  ah_request_head *request = &call->exchange.request;
  if (ah_fields_find(request->fields, AH_FIELD_PROXY_AUTHORIZATION) == NULL) {
    return AHTTP_OK;
  }
  ahttp_fields *fields = fields_new(call);
  if (fields == NULL) {
    return AHTTP_ENOMEM;
  }
  int rv = ah_fields_add_all(fields, request->fields);
  ah_fields_remove(fields, AH_FIELD_PROXY_AUTHORIZATION);
  request->fields = fields;
  return rv;
}

/* --- Being asked for credentials. ------------------------------------------
 */

typedef struct answers {
  const ah_proxy *proxy; /* whom */
  unsigned rounds;
} answers;

static int answerer_on_head(ahttp_call *call, ahttp_error *err)
{
  const ah_exchange *exchange = &call->exchange;
  if (!call->answers_proxy ||
      exchange->response.status != STATUS_PROXY_AUTHENTICATION ||
      exchange->origin == NULL || !exchange->origin->is_forward) {
    return AHTTP_OK;
  }
  ah_proxy *proxy = exchange->origin->proxy;
  answers *given = ah_call_state(call, AH_AT_PROXY, sizeof(*given));
  bool again = false;
  int rv = AHTTP_ENOMEM;
  if (given != NULL) {
    if (given->proxy != proxy) { /* a redirect's */
      *given = (answers){.proxy = proxy};
    }
    rv = ah_proxy_read_challenge(proxy, &exchange->response.fields,
                                 given->rounds, &again);
  }
  if (rv != AHTTP_OK) {
    ah_error_plain(err, rv, AHTTP_PHASE_RECEIVE);
    return rv;
  }
  if (!again || !ah_call_repeat(call)) {
    return AHTTP_OK; /* the user's */
  }
  given->rounds++;
  return AH_AGAIN;
}

const ah_interceptor ah_proxy_answerer = {
    .name = "proxy",
    .on_head = answerer_on_head,
};
