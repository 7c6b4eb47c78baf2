/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "transport/connect_tunnel.h"

#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/str.h"
#include "http/h1_reader.h"
#include "http/h1_writer.h"
#include "http/method.h"
#include "net/loop.h"

enum {
  STATUS_PROXY_AUTHENTICATION = 407, /* RFC 9110, section 15.5.8 */
  PORT_BYTES_MAX = 8                 /* ":65535" and a NUL */
};

typedef struct connect_tunnel {
  ah_negotiator base;
  ah_connect_tunnel_opts opts;
  ah_arena arena;   /* the request's and the response's bytes */
  ahttp_str host;   /* as in a URL: IPv6 in brackets (RFC 9112, 3.2.3) */
  ahttp_str target; /* with the port; as the request line has it */
  ah_h1_reader reader;
  ah_response_head head;
  ahttp_fields trailers;
} connect_tunnel;

static connect_tunnel *tunnel_from(ah_negotiator *base)
{
  return AH_CONTAINER(base, connect_tunnel, base);
}

static int tunnel_fail(ahttp_error *err, int code)
{
  ah_error_plain(err, code, AHTTP_PHASE_CONNECT);
  return code;
}

/* Extra fields, then the credentials; one that is given as an extra field is
 * instead of them. */
static int tunnel_fill_fields(connect_tunnel *tunnel, ahttp_fields *fields)
{
  ah_proxy *proxy = tunnel->opts.proxy;
  ah_fields_init(fields, &tunnel->arena);
  int rv = ah_fields_add_all(fields, &proxy->fields);
  ahttp_str value;
  if (rv != AHTTP_OK ||
      ah_fields_find(fields, AH_FIELD_PROXY_AUTHORIZATION) != NULL) {
    return rv;
  }
  rv = ah_proxy_authorize(proxy, AH_STR("CONNECT"), tunnel->target,
                          &tunnel->arena, &value);
  if (rv != AHTTP_OK || value.len == 0) {
    return rv;
  }
  return ah_fields_add_view(fields, AH_STR("Proxy-Authorization"), value,
                            AH_FIELD_PROXY_AUTHORIZATION);
}

static int tunnel_begin(ah_negotiator *base, ah_buf *out, ahttp_error *err)
{
  connect_tunnel *tunnel = tunnel_from(base);
  ahttp_fields fields;
  int rv = tunnel_fill_fields(tunnel, &fields);
  if (rv != AHTTP_OK) {
    return tunnel_fail(err, rv);
  }
  const ahttp_url url = {.host = tunnel->host, .port = tunnel->opts.port};
  const ah_request_head request = {.method = AH_STR("CONNECT"),
                                   .traits = AH_METHOD_CONNECT,
                                   .url = &url,
                                   .fields = &fields};
  ah_h1_head head;
  const char *why = "";
  rv = ah_h1_head_init(&head, &request, &why);
  if (rv != AHTTP_OK) {
    ah_error_say(err, rv, AHTTP_PHASE_CONNECT, "CONNECT cannot be sent: %s",
                 why);
    return rv;
  }
  rv = ah_buf_reserve(out, head.len);
  if (rv != AHTTP_OK) {
    return tunnel_fail(err, rv);
  }
  ah_h1_head_write(&head, out->data + out->tail);
  out->tail += head.len;
  ah_h1_reader_expect(&tunnel->reader,
                      &(ah_h1_expected){.arena = &tunnel->arena,
                                        .head = &tunnel->head,
                                        .trailers = &tunnel->trailers,
                                        .traits = AH_METHOD_CONNECT});
  return AHTTP_OK;
}

/* The final status is none of 2xx. */
static int tunnel_refused(connect_tunnel *tunnel, ahttp_error *err)
{
  const ah_response_head *head = &tunnel->head;
  const char *hint = "";
  if (head->status == STATUS_PROXY_AUTHENTICATION) {
    int rv = ah_proxy_read_challenge(tunnel->opts.proxy, &head->fields,
                                     tunnel->opts.rounds, tunnel->opts.again);
    if (rv != AHTTP_OK) {
      return tunnel_fail(err, rv);
    }
    hint = tunnel->opts.proxy->has_credentials
               ? " (the username and password were not accepted)"
               : " (it wants a username and password)";
  }
  ah_error_set(err, AHTTP_EPROXY, AHTTP_PHASE_CONNECT, AHTTP_DOMAIN_HTTP,
               head->status, "the proxy refused a tunnel to %.*s: %d %.*s%s",
               (int)(tunnel->target.len > 200 ? 200 : tunnel->target.len),
               tunnel->target.ptr, head->status,
               (int)(head->reason.len > 80 ? 80 : head->reason.len),
               head->reason.ptr == NULL ? "" : head->reason.ptr, hint);
  return AHTTP_EPROXY;
}

static int tunnel_read(ah_negotiator *base, const uint8_t *data, size_t len,
                       size_t *consumed, ah_buf *out, ahttp_error *err)
{
  connect_tunnel *tunnel = tunnel_from(base);
  ah_h1_event event;
  (void)out; /* everything has been said */
  *consumed = 0;
  for (;;) {
    size_t used = 0;
    int rv = ah_h1_reader_next(&tunnel->reader, data + *consumed,
                               len - *consumed, &used, &event);
    *consumed += used;
    if (rv < 0) {
      ah_error_say(err, rv, AHTTP_PHASE_CONNECT,
                   "the proxy's answer to CONNECT: %s", tunnel->reader.why);
      return rv;
    }
    if (rv == AH_MORE) {
      return rv;
    }
    if (event.kind == AH_H1_HEAD) {
      bool is_open = tunnel->head.status >= 200 && tunnel->head.status < 300;
      return is_open ? AHTTP_OK : tunnel_refused(tunnel, err);
    }
    ah_assert(event.kind == AH_H1_INFORMATIONAL);
  }
}

static void tunnel_end(ah_negotiator *base, ahttp_error *err)
{
  const connect_tunnel *tunnel = tunnel_from(base);
  ah_error_say(err, AHTTP_EPROXY, AHTTP_PHASE_CONNECT,
               "the proxy closed the connection %s",
               tunnel->reader.started ? "in the middle of its answer to CONNECT"
                                      : "instead of answering CONNECT");
}

static void tunnel_free(ah_negotiator *base)
{
  connect_tunnel *tunnel = tunnel_from(base);
  ah_h1_reader_clear(&tunnel->reader);
  ah_arena_clear(&tunnel->arena);
  ah_free(tunnel);
}

static const ah_negotiator_ops tunnel_ops = {
    .name = "connect",
    .begin = tunnel_begin,
    .read = tunnel_read,
    .end = tunnel_end,
    .free = tunnel_free,
};

/* "example.org:443" or "[2001:db8::1]:443". */
static int tunnel_set_target(connect_tunnel *tunnel)
{
  ahttp_str host = tunnel->opts.host;
  bool is_v6 = memchr(host.ptr, ':', host.len) != NULL;
  char *bytes = ah_arena_bytes(&tunnel->arena, host.len + 2 + PORT_BYTES_MAX);
  if (bytes == NULL) {
    return AHTTP_ENOMEM;
  }
  size_t len = 0;
  if (is_v6) {
    bytes[len++] = '[';
  }
  memcpy(bytes + len, host.ptr, host.len);
  len += host.len;
  if (is_v6) {
    bytes[len++] = ']';
  }
  tunnel->host = ah_str(bytes, len);
  bytes[len++] = ':';
  unsigned port = tunnel->opts.port;
  unsigned unit = 10000;
  while (unit > 1 && port < unit) {
    unit /= 10;
  }
  for (; unit > 0; unit /= 10) {
    bytes[len++] = (char)('0' + port / unit % 10);
  }
  tunnel->target = ah_str(bytes, len);
  return AHTTP_OK;
}

int ah_connect_tunnel_new(ah_negotiator **out,
                          const ah_connect_tunnel_opts *opts)
{
  *out = NULL;
  connect_tunnel *tunnel = ah_calloc(1, sizeof(*tunnel));
  if (tunnel == NULL) {
    return AHTTP_ENOMEM;
  }
  tunnel->base.ops = &tunnel_ops;
  tunnel->opts = *opts;
  ah_arena_init(&tunnel->arena, NULL, 0);
  ah_h1_reader_init(&tunnel->reader);
  int rv = tunnel_set_target(tunnel);
  if (rv != AHTTP_OK) {
    tunnel_free(&tunnel->base);
    return rv;
  }
  *out = &tunnel->base;
  return AHTTP_OK;
}
