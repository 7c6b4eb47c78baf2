/* SPDX-License-Identifier: MIT */
#ifndef AH_TRANSPORT_ORIGIN_H
#define AH_TRANSPORT_ORIGIN_H

#include "base/hash.h"
#include "base/list.h"
#include "http/url.h"
#include "net/deadline.h"
#include "net/local_address.h"
#include "net/tls_profile.h"
#include "transport/exchange.h"
#include "transport/proxy.h"
#include "transport/waiters.h"

/*
 * Where connections go, interned: two requests have the same origin exactly if
 * they may share a connection.  The key is built by one function from scheme,
 * canonical host, port, TLS profile and server name, unix socket path, local
 * address, proxy and protocol policy.  A proxy that forwards requests is an
 * origin by itself, whatever their hosts.
 */
typedef struct ah_pool ah_pool;

/* What is known of the protocol an origin speaks. */
typedef enum ah_origin_protocol {
  AH_PROTOCOL_UNKNOWN, /* TLS, and no handshake has told yet */
  AH_PROTOCOL_H1,
  AH_PROTOCOL_H2
} ah_origin_protocol;

/* What a client connects with; all of it is part of the key. */
typedef struct ah_route {
  ah_tls_profile *tls;
  unsigned tls_id; /* equal exactly if the profiles are: ah_pool_tls_id(), or 0
                      for somebody who has only one */
  ahttp_http_policy http;
  ahttp_str unix_path; /* empty: TCP */
  ahttp_str sni;       /* for TLS, instead of the URL's host; empty: that */
  ahttp_str local;     /* an ah_local_address; empty: the client's */
  ah_proxy *proxy;     /* outlives the origin; NULL: none */
} ah_route;

struct ah_origin {
  ah_hash_entry entry; /* in the pool's table */
  unsigned refs;       /* exchanges, connections and dials that point here */
  bool is_tls;
  bool host_is_ip;
  ahttp_str host; /* without brackets; NUL-terminated */
  uint16_t port;
  ah_tls_profile *tls; /* NULL without TLS */
  ahttp_http_policy http;
  ahttp_str unix_path; /* NUL-terminated; empty: TCP */
  ahttp_str sni;       /* as in ah_route */
  bool has_local;      /* |local| is to be used, not the client's */
  ah_local_address local;
  ah_proxy *proxy; /* NULL: none */
  bool is_forward; /* the proxy is what exchanges are sent to; |host|, |port|
                      and the like are its own */

  /* The pool's own. */
  ah_pool *pool;
  ah_origin_protocol protocol;
  ah_list idle;        /* unused HTTP/1.1 connections, last used first */
  ah_list h2;          /* HTTP/2 connections that take streams; those that have
                          a slot come first */
  ah_list busy;        /* all other open connections */
  ah_list dials;       /* connectors under way, oldest first */
  ah_waiters waiters;  /* exchanges without a connection */
  uint32_t dial_count; /* in |dials| */
  uint32_t conn_count; /* open connections */
  uint32_t h2_count;   /* of those in |h2| */
  uint32_t retired_count; /* of those draining, all in |busy| */
  uint32_t given_up;      /* waiters whose dial failed: nothing is dialed for as
                             many again */
  ah_deadline scout;      /* dials another one when the first is slow */
  ah_list_node ready_node;   /* in the pool's list of those to be served */
  ah_list_node starved_node; /* in a list of those that wait for the total
                                limit */
  bool is_starving;          /* that list is the one for those without any
                                connection */
  ah_list_node unused_node;  /* in the list of those with |refs| 0 */
};

/* True if |url| over |route| is for an HTTP proxy to forward, rather than to
 * make a tunnel for (RFC 9110, section 7.3.2). */
bool ah_origin_is_forward(const ahttp_url *url, const ah_route *route);

/*
 * Builds the key of |url| (http or https) over |route| in |arena|.  AHTTP_OK or
 * AHTTP_ENOMEM.
 */
int ah_origin_key(ah_arena *arena, const ahttp_url *url, const ah_route *route,
                  ahttp_str *out);

/* True if |origin| is the one of |url| over the route that it was made for. */
bool ah_origin_is_of(const ah_origin *origin, const ahttp_url *url);

/* Makes the origin with a copy of |key|, without references and linked nowhere.
 * AHTTP_OK or AHTTP_ENOMEM. */
int ah_origin_new(ah_origin **out, const ahttp_url *url, const ah_route *route,
                  ahttp_str key);
/* It is linked nowhere.  NULL is allowed. */
void ah_origin_free(ah_origin *origin);

#endif
