/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "client/request.h"

#include <stddef.h>

#include <ahttp/error.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/str.h"
#include "client/client.h"
#include "http/base_url.h"
#include "http/method.h"
#include "http/query.h"

static int request_fill(ahttp_request *request, ahttp_str method, ahttp_str url,
                        const ah_base_url *base)
{
  int rv = ah_arena_copy(&request->arena, method, &request->method);
  if (rv != AHTTP_OK) {
    return rv;
  }
  request->traits = ah_method_traits(method);
  rv = base == NULL
           ? ah_url_parse(&request->url, &request->arena, url, NULL, NULL)
           : ah_base_url_join(&request->url, &request->arena, base, url);
  return rv == AHTTP_OK ? ah_url_check_http(&request->url) : rv;
}

ahttp_request *ah_request_alloc(void)
{
  ahttp_request *request = ah_malloc(sizeof(*request));
  if (request != NULL) {
    ah_zero(request, offsetof(ahttp_request, block));
    atomic_init(&request->refs, 1);
    atomic_init(&request->is_sent, false);
    ah_arena_init(&request->arena, request->block, sizeof(request->block));
    ah_fields_init(&request->fields, &request->arena);
    ah_fields_init(&request->implied, &request->arena);
  }
  return request;
}

static int request_make(ahttp_request **out, ahttp_str method, ahttp_str url,
                        const ah_base_url *base)
{
  *out = NULL;
  if (!ah_str_all(method, AH_CHAR_TOKEN)) {
    return AHTTP_EINVAL;
  }
  ahttp_request *request = ah_request_alloc();
  if (request == NULL) {
    return AHTTP_ENOMEM;
  }
  int rv = request_fill(request, method, url, base);
  if (rv != AHTTP_OK) {
    ahttp_request_free(request);
    return rv;
  }
  *out = request;
  return AHTTP_OK;
}

int ahttp_request_new_str(ahttp_request **out, ahttp_str method, ahttp_str url)
{
  return request_make(out, method, url, NULL);
}

int ahttp_request_new(ahttp_request **out, const char *method, const char *url)
{
  return ahttp_request_new_str(out, ah_str_from_c(method), ah_str_from_c(url));
}

int ahttp_client_request_str(const ahttp_client *client, ahttp_request **out,
                             ahttp_str method, ahttp_str url)
{
  return request_make(out, method, url,
                      client == NULL ? NULL : &client->base_url);
}

int ahttp_client_request(const ahttp_client *client, ahttp_request **out,
                         const char *method, const char *url)
{
  return ahttp_client_request_str(client, out, ah_str_from_c(method),
                                  ah_str_from_c(url));
}

/* "host:port" as RFC 9110, section 7.1, has it for CONNECT: the port is not
 * optional, and an IPv6 address is in brackets. */
static bool is_authority(ahttp_str text)
{
  size_t colon = text.len;
  while (colon > 0 && text.ptr[colon - 1] != ':') {
    colon--;
  }
  if (colon < 2 || !ah_str_all(text, AH_CHAR_TARGET)) {
    return false;
  }
  ahttp_str host = ah_str(text.ptr, colon - 1);
  uint64_t port;
  if (!ah_str_to_u64(ah_str(text.ptr + colon, text.len - colon), &port) ||
      port == 0 || port > UINT16_MAX) {
    return false;
  }
  bool is_v6 = host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
  for (size_t i = 0; i < host.len; i++) {
    if (strchr("/?#@\\", host.ptr[i]) != NULL ||
        (!is_v6 && strchr("[]:", host.ptr[i]) != NULL)) {
      return false;
    }
  }
  return true;
}

int ahttp_request_new_connect(ahttp_request **out, const char *url,
                              const char *authority)
{
  ahttp_str to = ah_str_from_c(authority);
  *out = NULL;
  if (!is_authority(to)) {
    return AHTTP_EURL;
  }
  ahttp_request *request;
  int rv = ahttp_request_new(&request, "CONNECT", url);
  if (rv != AHTTP_OK) {
    return rv;
  }
  rv = ah_arena_copy(&request->arena, to, &request->connect_to);
  if (rv != AHTTP_OK) {
    ahttp_request_free(request);
    return rv;
  }
  *out = request;
  return AHTTP_OK;
}

ahttp_request *ah_request_ref(ahttp_request *request)
{
  atomic_fetch_add_explicit(&request->refs, 1, memory_order_relaxed);
  return request;
}

/* Drops the content, which may be another request's. */
static void request_drop_body(ahttp_request *request)
{
  if (request->body_owner == NULL) {
    ah_body_free(request->body);
  } else {
    ahttp_request_free(request->body_owner);
    request->body_owner = NULL;
  }
  request->body = NULL;
}

void ahttp_request_free(ahttp_request *request)
{
  if (request == NULL) {
    return;
  }
  unsigned before =
      atomic_fetch_sub_explicit(&request->refs, 1, memory_order_acq_rel);
  ah_assert(before > 0);
  if (before > 1) {
    return;
  }
  request_drop_body(request);
  ah_arena_clear(&request->arena);
  ah_free(request);
}

/* Fields that frame a message belong to whoever writes it (engine.md 2.11:
 * request smuggling begins with the caller's own framing fields). */
bool ah_request_is_framing_field(ah_field_id id)
{
  return id == AH_FIELD_CONTENT_LENGTH || id == AH_FIELD_TRANSFER_ENCODING ||
         id == AH_FIELD_CONNECTION || id == AH_FIELD_KEEP_ALIVE ||
         id == AH_FIELD_PROXY_CONNECTION || id == AH_FIELD_HTTP2_SETTINGS;
}

int ahttp_request_add_field_str(ahttp_request *request, ahttp_str name,
                                ahttp_str value)
{
  if (atomic_load(&request->is_sent)) {
    return AHTTP_ESTATE;
  }
  ah_field_id id = ah_field_id_of(name);
  if (ah_request_is_framing_field(id)) {
    return AHTTP_EFIELD;
  }
  if (id == AH_FIELD_HOST && ah_fields_find(&request->fields, id) != NULL) {
    return AHTTP_EFIELD;
  }
  return ah_fields_add(&request->fields, name, value);
}

int ahttp_request_add_field(ahttp_request *request, const char *name,
                            const char *value)
{
  return ahttp_request_add_field_str(request, ah_str_from_c(name),
                                     ah_str_from_c(value));
}

int ahttp_request_add_fields(ahttp_request *request, const ahttp_field *fields,
                             size_t count)
{
  int rv = AHTTP_OK;
  for (size_t i = 0; i < count && rv == AHTTP_OK; i++) {
    rv = ahttp_request_add_field_str(request, fields[i].name, fields[i].value);
  }
  return rv;
}

int ahttp_request_merge_params(ahttp_request *request,
                               const ahttp_params *params)
{
  if (atomic_load(&request->is_sent)) {
    return AHTTP_ESTATE;
  }
  if (ahttp_params_count(params) == 0) {
    return AHTTP_OK;
  }
  ahttp_url merged;
  int rv = ah_url_merge_params(&merged, &request->arena, &request->url, params);
  if (rv == AHTTP_OK) {
    request->url = merged;
  }
  return rv;
}

void ah_request_set_body(ahttp_request *request, ah_body *body)
{
  request_drop_body(request);
  request->body = body;
  ah_fields_remove(&request->implied, AH_FIELD_CONTENT_TYPE);
}

int ahttp_request_set_content(ahttp_request *request, const void *data,
                              size_t len)
{
  if (atomic_load(&request->is_sent)) {
    return AHTTP_ESTATE;
  }
  ah_body *body;
  int rv = ah_body_new_bytes(&body, data, len);
  if (rv == AHTTP_OK) {
    ah_request_set_body(request, body);
  }
  return rv;
}

int ahttp_request_set_content_file(ahttp_request *request, const char *path)
{
  if (atomic_load(&request->is_sent)) {
    return AHTTP_ESTATE;
  }
  ah_body *body;
  int rv = ah_body_new_file(&body, path);
  if (rv == AHTTP_OK) {
    ah_request_set_body(request, body);
  }
  return rv;
}

int ahttp_request_set_content_source(ahttp_request *request,
                                     const ahttp_content_source *source)
{
  if (atomic_load(&request->is_sent)) {
    return AHTTP_ESTATE;
  }
  ah_body *body;
  int rv = ah_body_new_source(&body, source);
  if (rv == AHTTP_OK) {
    ah_request_set_body(request, body);
  }
  return rv;
}

ahttp_str ahttp_request_method(const ahttp_request *request)
{
  return request->method;
}

const ahttp_url *ahttp_request_url(const ahttp_request *request)
{
  return &request->url;
}

const ahttp_fields *ahttp_request_fields(const ahttp_request *request)
{
  return &request->fields;
}
