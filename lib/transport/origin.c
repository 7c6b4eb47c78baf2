/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "transport/origin.h"

#include <assert.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/str.h"

static bool url_is_tls(const ahttp_url *url)
{
  bool is_tls = ah_str_eq(url->scheme, AH_STR("https"));
  ah_assert(is_tls || ah_str_eq(url->scheme, AH_STR("http")));
  return is_tls;
}

static char *key_put(char *at, const void *data, size_t len)
{
  if (len > 0) {
    memcpy(at, data, len);
  }
  return at + len;
}

bool ah_origin_is_forward(const ahttp_url *url, const ah_route *route)
{
  /* HTTP/2 without TLS is nothing a proxy of HTTP/1.1 could forward. */
  return route->proxy != NULL && !ah_proxy_is_socks(route->proxy) &&
         !url_is_tls(url) && route->http != AHTTP_HTTP_2_PRIOR_KNOWLEDGE;
}

/*
 * Everything that decides where a connection goes and whom it trusts.  Lengths
 * are fixed but for the last parts, all but one of which have their lengths in
 * front; so no two origins have the same key.  One that is a proxy itself has
 * no host and no policy: every request that it forwards may use its
 * connections.
 */
int ah_origin_key(ah_arena *arena, const ahttp_url *url, const ah_route *route,
                  ahttp_str *out)
{
  /* ah_route has no padding, so every new member breaks this and must then be
   * put into the key below. */
  static_assert(sizeof(ah_route) ==
                    sizeof(route->tls) + sizeof(route->tls_id) +
                        sizeof(route->http) + sizeof(route->unix_path) +
                        sizeof(route->sni) + sizeof(route->local) +
                        sizeof(route->proxy),
                "a new member of ah_route must become part of the key");

  bool is_tls = url_is_tls(url);
  bool is_forward = ah_origin_is_forward(url, route);
  const ahttp_str host = is_forward ? AH_STR("") : url->host;
  const struct {
    uint32_t tls_id; /* 0 without TLS, which then does not matter */
    uint32_t unix_path_len;
    uint32_t sni_len; /* 0 without TLS as well */
    uint32_t local_len;
    uint32_t proxy_id; /* 0: none */
    uint16_t port;
    uint8_t http;
    uint8_t is_tls;
  } fixed = {
      .tls_id = is_tls ? route->tls_id + 1 : 0,
      .unix_path_len = (uint32_t)route->unix_path.len,
      .sni_len = is_tls ? (uint32_t)route->sni.len : 0,
      .local_len = (uint32_t)route->local.len,
      .proxy_id = route->proxy == NULL ? 0 : route->proxy->id,
      .port = is_forward ? 0 : url->port,
      .http = (uint8_t)(is_forward ? AHTTP_HTTP_1_1 : route->http),
      .is_tls = is_tls,
  };
  static_assert(sizeof(fixed) == 24, "the key has no padding");

  size_t len = sizeof(fixed) + route->unix_path.len + fixed.sni_len +
               route->local.len + host.len;
  char *key = ah_arena_bytes(arena, len);
  if (key == NULL) {
    return AHTTP_ENOMEM;
  }
  char *at = key_put(key, &fixed, sizeof(fixed));
  at = key_put(at, route->unix_path.ptr, route->unix_path.len);
  at = key_put(at, route->sni.ptr, fixed.sni_len);
  at = key_put(at, route->local.ptr, route->local.len);
  at = key_put(at, host.ptr, host.len);
  ah_assert(at == key + len);
  *out = ah_str(key, len);
  return AHTTP_OK;
}

/* The key's parts that are the URL's. */
bool ah_origin_is_of(const ah_origin *origin, const ahttp_url *url)
{
  return origin->port == url->port && origin->is_tls == url_is_tls(url) &&
         origin->host_is_ip == url->is_ip &&
         ah_str_eq(origin->host, ah_url_hostname(url));
}

/* The protocol, where the policy leaves no choice. */
static ah_origin_protocol protocol_known(bool is_tls, ahttp_http_policy policy)
{
  switch (policy) {
  case AHTTP_HTTP_AUTO:
    return is_tls ? AH_PROTOCOL_UNKNOWN : AH_PROTOCOL_H1;
  case AHTTP_HTTP_1_1:
    return AH_PROTOCOL_H1;
  case AHTTP_HTTP_2:
    return is_tls ? AH_PROTOCOL_H2 : AH_PROTOCOL_H1;
  case AHTTP_HTTP_2_PRIOR_KNOWLEDGE:
    return AH_PROTOCOL_H2;
  }
  ah_assert(false); /* policies are checked when a client is made */
  return AH_PROTOCOL_UNKNOWN;
}

/* Copies |text| with a NUL to |*at| and moves it on. */
static ahttp_str str_put(char **at, ahttp_str text)
{
  char *ptr = *at;
  *at = key_put(ptr, text.ptr, text.len);
  *(*at)++ = '\0';
  return ah_str(ptr, text.len);
}

int ah_origin_new(ah_origin **out, const ahttp_url *url, const ah_route *route,
                  ahttp_str key)
{
  *out = NULL;
  bool is_forward = ah_origin_is_forward(url, route);
  ahttp_str host = is_forward ? route->proxy->host : ah_url_hostname(url);
  size_t text_len =
      key.len + host.len + route->unix_path.len + route->sni.len + 4;
  ah_origin *origin = ah_calloc(1, sizeof(*origin) + text_len);
  if (origin == NULL) {
    return AHTTP_ENOMEM;
  }
  char *text = (char *)(origin + 1);
  origin->entry.key = str_put(&text, key);
  origin->is_tls = url_is_tls(url);
  origin->proxy = route->proxy;
  origin->is_forward = is_forward;
  origin->host_is_ip = is_forward ? route->proxy->host_is_ip : url->is_ip;
  origin->host = str_put(&text, host);
  origin->port = is_forward ? route->proxy->port : url->port;
  if (origin->is_tls) {
    origin->tls = ah_tls_profile_ref(route->tls);
  }
  origin->http = is_forward ? AHTTP_HTTP_1_1 : route->http;
  origin->unix_path = str_put(&text, route->unix_path);
  origin->sni = str_put(&text, route->sni);
  if (route->local.len > 0) {
    ah_assert(route->local.len == sizeof(origin->local));
    memcpy(&origin->local, route->local.ptr, sizeof(origin->local));
    origin->has_local = true;
  }
  origin->protocol = protocol_known(origin->is_tls, origin->http);
  ah_list_init(&origin->idle);
  ah_list_init(&origin->h2);
  ah_list_init(&origin->busy);
  ah_list_init(&origin->dials);
  ah_waiters_init(&origin->waiters);
  *out = origin;
  return AHTTP_OK;
}

void ah_origin_free(ah_origin *origin)
{
  if (origin == NULL) {
    return;
  }
  ah_assert(origin->refs == 0);
  ah_assert(origin->conn_count == 0 && origin->dial_count == 0);
  ah_tls_profile_unref(origin->tls);
  ah_free(origin);
}
