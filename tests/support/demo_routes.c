/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "support/demo_routes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

/* Larger content has no digest, so that a response need not be computed twice
 * before its first byte is sent. */
enum {
  DIGEST_BODY_BYTES_MAX = 1024 * 1024
};

demo_stats demo_counters;

void demo_buffer_append(demo_buffer *buffer, const void *data, size_t len)
{
  if (len > buffer->cap - buffer->len) {
    size_t cap = buffer->cap * 2;
    cap = cap < buffer->len + len ? buffer->len + len : cap;
    uint8_t *grown = realloc(buffer->data, cap);
    if (grown == NULL) {
      abort();
    }
    buffer->data = grown;
    buffer->cap = cap;
  }
  if (len > 0) {
    memcpy(buffer->data + buffer->len, data, len);
    buffer->len += len;
  }
}

void demo_buffer_consume(demo_buffer *buffer, size_t len)
{
  buffer->len -= len;
  if (buffer->len > 0) {
    memmove(buffer->data, buffer->data + len, buffer->len);
  }
}

void demo_buffer_clear(demo_buffer *buffer)
{
  free(buffer->data);
  *buffer = (demo_buffer){.data = NULL};
}

static void response_add_field(demo_response *response, const char *name,
                               const char *value)
{
  demo_field *field = &response->fields[response->field_count++];
  field->name = name;
  (void)snprintf(field->value, sizeof(field->value), "%s", value);
}

static void response_set_bytes(demo_response *response, const uint8_t *bytes,
                               size_t len)
{
  response->bytes = bytes;
  response->len = len;
  response->left = len;
}

static void response_set_text(demo_response *response, int status,
                              const char *type)
{
  response->status = status;
  response_add_field(response, "content-type", type);
  response_set_bytes(response, (const uint8_t *)response->text,
                     strlen(response->text));
}

static void route_body(demo_response *response, uint64_t size, uint64_t seed)
{
  response->len = size;
  demo_body_init(&response->body, size, seed);
  response_add_field(response, "content-type", "application/octet-stream");
  if (size <= DIGEST_BODY_BYTES_MAX) {
    /* RFC 9530, section 2: a byte sequence of RFC 8941. */
    uint8_t digest[DEMO_DIGEST_BYTES];
    char base64[4 * (DEMO_DIGEST_BYTES / 3 + 1) + 1];
    char value[sizeof(base64) + sizeof("sha-256=::")];
    demo_body_digest(size, seed, digest);
    (void)EVP_EncodeBlock((unsigned char *)base64, digest, sizeof(digest));
    (void)snprintf(value, sizeof(value), "sha-256=:%s:", base64);
    response_add_field(response, "content-digest", value);
  }
}

static void route_redirect(demo_response *response, long count)
{
  char location[64] = "/b/10/1";
  if (count > 1) {
    (void)snprintf(location, sizeof(location), "/redirect/%ld", count - 1);
  }
  response_add_field(response, "location", location);
  response_set_text(response, 302, "text/plain");
}

static void route_stats(demo_response *response)
{
  const demo_stats *now = &demo_counters;
  (void)snprintf(response->text, sizeof(response->text),
                 "{\"accepted\": {\"http\": %" PRIu64
                 ", \"tls_http1\": %" PRIu64 ", \"tls_h2\": %" PRIu64
                 "}, \"requests\": %" PRIu64 ", \"open\": %" PRIu64 "}\n",
                 now->http, now->tls_http1, now->tls_h2, now->requests,
                 now->open);
  response_set_text(response, 200, "application/json");
}

/* The number after |prefix| in |target|; -1 if it begins otherwise. */
static long number_after(const char *target, const char *prefix)
{
  size_t len = strlen(prefix);
  if (strncmp(target, prefix, len) != 0) {
    return -1;
  }
  char *end;
  long number = strtol(target + len, &end, 10);
  return end == target + len || number < 0 ? -1 : number;
}

static void route_target(const demo_request *request, demo_response *response)
{
  const char *target = request->target;
  uint64_t size;
  uint64_t seed;
  if (demo_body_parse(target, &size, &seed)) {
    route_body(response, size, seed);
    return;
  }
  long status = number_after(target, "/status/");
  if (status >= 200 && status <= 599) {
    (void)snprintf(response->text, sizeof(response->text), "%ld\n", status);
    response_set_text(response, (int)status, "text/plain");
    return;
  }
  long count = number_after(target, "/redirect/");
  if (count >= 0) {
    route_redirect(response, count);
    return;
  }
  if (strcmp(target, "/echo") == 0) {
    if (request->content_type[0] != '\0') {
      response_add_field(response, "content-type", request->content_type);
    }
    response_set_bytes(response, request->content.data, request->content.len);
    return;
  }
  if (strcmp(target, "/stats") == 0) {
    route_stats(response);
    return;
  }
  (void)snprintf(response->text, sizeof(response->text), "no such page\n");
  response_set_text(response, 404, "text/plain");
}

void demo_route(const demo_request *request, demo_response *response)
{
  memset(response, 0, sizeof(*response));
  response->status = 200;
  demo_counters.requests++;
  route_target(request, response);
  /* RFC 9110, section 6.4.1. */
  bool is_bare = response->status == 204 || response->status == 304;
  response->has_content = !is_bare && strcmp(request->method, "HEAD") != 0;
}

size_t demo_response_read(demo_response *response, uint8_t *out, size_t cap)
{
  if (!response->has_content) {
    return 0;
  }
  if (response->bytes == NULL) {
    return demo_body_read(&response->body, out, cap);
  }
  size_t len = response->left < cap ? (size_t)response->left : cap;
  memcpy(out, response->bytes, len);
  response->bytes += len;
  response->left -= len;
  return len;
}

bool demo_response_is_read(const demo_response *response)
{
  return !response->has_content ||
         (response->left == 0 && response->body.left == 0);
}
