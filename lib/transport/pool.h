/* SPDX-License-Identifier: MIT */
#ifndef AH_TRANSPORT_POOL_H
#define AH_TRANSPORT_POOL_H

#include <ahttp/client.h>

#include "net/resolver.h"
#include "net/socket_policy.h"
#include "transport/exchange.h"
#include "transport/origin.h"

/*
 * The transport that owns connections: it gives each exchange an idle one, a
 * free HTTP/2 stream, or dials, within the limits; the rest wait, first come
 * first served.
 */
typedef struct ah_pool ah_pool;

typedef struct ah_pool_opts {
  uint32_t conns_max; /* UINT32_MAX: no limit; so all of these */
  uint32_t conns_per_origin_max;
  uint32_t conns_idle_max;
  uint32_t idle_ms;
  uint32_t h2_conns_per_origin_max;
  uint32_t h2_streams_max;
  const ah_socket_policy *policy; /* or NULL; outlives the pool */
  const ah_trace *trace; /* told of connections; outlives the pool; or NULL */
  const ah_route *route; /* of most requests, which is told by its address: it
                            never changes and outlives the pool; or NULL */
} ah_pool_opts;

int ah_pool_new(ah_pool **out, ah_loop *loop, ah_resolver *resolver,
                const ah_pool_opts *opts);

/* The pool as what exchanges are started on. */
ah_transport *ah_pool_transport(ah_pool *pool);

/* The number for |tls| in ah_route.tls_id, the same for equal profiles.
 * AHTTP_OK or AHTTP_ENOMEM. */
int ah_pool_tls_id(ah_pool *pool, ah_tls_profile *tls, unsigned *out);

/*
 * The interned origin of |url| over |route|, with a reference for the caller,
 * made when it is new.  AHTTP_OK or AHTTP_ENOMEM.
 */
int ah_pool_origin(ah_pool *pool, const ahttp_url *url, const ah_route *route,
                   ah_origin **out);
/* Drops it; one without references is kept for a while, for what is known of
 * its protocol. */
void ah_pool_release_origin(ah_pool *pool, ah_origin *origin);

/*
 * Closes every connection and dial; exchanges that have not ended are failed
 * with AHTTP_ECLOSED.  |on_closed| runs later, from the loop, when all origins
 * were released; the pool is gone then.
 */
void ah_pool_close(ah_pool *pool, void (*on_closed)(void *arg), void *arg);

/* Adds the pool's part to |*out|: waiting, open, idle, dialing, made. */
void ah_pool_stats(const ah_pool *pool, ahttp_client_stats *out);

/* Asserts that every counter is what its lists say and, if the turn is over,
 * that nobody waits without need.  For tests: walks everything. */
void ah_pool_check(const ah_pool *pool, bool turn_is_over);

#endif
