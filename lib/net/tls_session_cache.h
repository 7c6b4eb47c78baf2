/* SPDX-License-Identifier: MIT */
#ifndef AH_NET_TLS_SESSION_CACHE_H
#define AH_NET_TLS_SESSION_CACHE_H

#include <openssl/ssl.h>

#include <ahttp/types.h>

#include "base/hash.h"
#include "base/list.h"

/*
 * TLS sessions to resume, by server.  TLS 1.3 tickets are given out once (RFC
 * 8446, appendix C.4), sessions of TLS 1.2 as often as asked.  The cache
 * belongs to one profile: what was verified under other settings is never
 * offered.
 */
typedef struct ah_tls_session_cache ah_tls_session_cache;
struct ah_tls_session_cache {
  ah_hash servers;
  ah_list recent; /* the same servers, last used first */
};

enum {
  /* Servers remembered; the one unused longest goes first.  A session with its
   * certificates takes about 4 KiB, so the whole is bounded by 4 MiB. */
  AH_TLS_SERVERS_MAX = 256,
  /* Sessions a server; servers hand out two tickets a connection, and a client
   * opens several at a time. */
  AH_TLS_SESSIONS_PER_SERVER_MAX = 4
};

void ah_tls_session_cache_init(ah_tls_session_cache *cache);
void ah_tls_session_cache_clear(ah_tls_session_cache *cache);

/* Keeps |session| for |key|, with a reference of its own.  Out of memory, it is
 * not kept: the next handshake is a full one. */
void ah_tls_session_cache_put(ah_tls_session_cache *cache, ahttp_str key,
                              SSL_SESSION *session);

/* The newest session for |key|, one reference of it, or NULL. */
SSL_SESSION *ah_tls_session_cache_take(ah_tls_session_cache *cache,
                                       ahttp_str key);

/*
 * Where one connection's sessions go.  Tickets arrive after the handshake,
 * while anything may be going on above; so OpenSSL's callback is given this and
 * nothing of a request.  Both pointers outlive the SSL.
 */
typedef struct ah_tls_session_slot {
  ah_tls_session_cache *cache;
  ahttp_str key;
} ah_tls_session_slot;

/* Makes |slot| the app data of |ssl| and offers the server a kept session. */
void ah_tls_session_slot_attach(ah_tls_session_slot *slot, SSL *ssl);

/* For SSL_CTX_sess_set_new_cb(). */
int ah_tls_session_on_new(SSL *ssl, SSL_SESSION *session);

#endif
