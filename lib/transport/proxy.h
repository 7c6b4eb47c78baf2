/* SPDX-License-Identifier: MIT */
#ifndef AH_TRANSPORT_PROXY_H
#define AH_TRANSPORT_PROXY_H

#include <ahttp/proxy.h>

#include "base/arena.h"
#include "http/digest.h"
#include "http/fields.h"
#include "net/tls_profile.h"

/*
 * A proxy, complete: where it is, how it is spoken to, and what it is told of
 * us.  Two routes may share a connection only if their proxies are one object;
 * whoever makes proxies makes equal ones only once.
 *
 * All but |digest| never changes.  That is what the proxy has asked for last,
 * on the loop's thread; with it the next request is answered in advance.
 */
typedef enum ah_proxy_kind {
  AH_PROXY_HTTP,
  AH_PROXY_HTTPS,  /* the same, behind TLS */
  AH_PROXY_SOCKS5, /* names are resolved here */
  AH_PROXY_SOCKS5H /* names are resolved by the proxy */
} ah_proxy_kind;

typedef struct ah_proxy_digest {
  ah_arena arena; /* of the challenge */
  bool is_set;
  ah_digest_challenge challenge;
  char cnonce[AH_DIGEST_CNONCE_LEN];
  uint32_t count; /* of requests with this nonce */
} ah_proxy_digest;

typedef struct ah_proxy {
  uint32_t id; /* from 1: its number among the client's proxies */
  ah_proxy_kind kind;
  ahttp_str host; /* without brackets; NUL-terminated */
  uint16_t port;
  bool host_is_ip;
  bool has_credentials;
  ahttp_str username; /* as they are, not percent-encoded */
  ahttp_str password;
  ahttp_proxy_auth auth;
  ahttp_str basic;     /* Proxy-Authorization; empty: not by Basic */
  ahttp_fields fields; /* extra ones; sent to the proxy alone */
  ah_tls_profile *tls; /* AH_PROXY_HTTPS; held */
  ah_proxy_digest digest;
  ah_arena arena;
} ah_proxy;

/*
 * Makes one from |opts|.  AHTTP_OK; AHTTP_ENOMEM; or AHTTP_EINVAL (no proxy's
 * URL, a username that cannot be sent, a field that is none of the caller's),
 * or AHTTP_ETLS, and |*err| says what it is, without credentials.
 */
int ah_proxy_new(ah_proxy **out, const ahttp_proxy *opts, ahttp_error *err);
/* NULL is allowed. */
void ah_proxy_free(ah_proxy *proxy);

/* True if what they do is the same in everything. */
bool ah_proxy_equal(const ah_proxy *a, const ah_proxy *b);

static inline bool ah_proxy_is_socks(const ah_proxy *proxy)
{
  return proxy->kind == AH_PROXY_SOCKS5 || proxy->kind == AH_PROXY_SOCKS5H;
}

/* --- What an HTTP proxy is told: proxy_credentials.c. -----------------------
 */

/*
 * The value of Proxy-Authorization for |method| and |target| in |arena|; empty
 * if there is none to be sent.  AHTTP_OK, AHTTP_ENOMEM, or AHTTP_ESTATE if this
 * system's OpenSSL does not have the hash.
 */
int ah_proxy_authorize(ah_proxy *proxy, ahttp_str method, ahttp_str target,
                       ah_arena *arena, ahttp_str *out);

enum {
  /* Answers to one request's challenges: to the first, and to one that says
   * that the nonce has become stale meanwhile. */
  AH_PROXY_ROUNDS_MAX = 2
};

/*
 * The proxy has answered 407 with |fields|, after |rounds| other answers to the
 * same request.  True in |*again| if the request is worth sending again with
 * what ah_proxy_authorize() gives now.  AHTTP_OK or AHTTP_ENOMEM.
 */
int ah_proxy_read_challenge(ah_proxy *proxy, const ahttp_fields *fields,
                            unsigned rounds, bool *again);

#endif
