/* SPDX-License-Identifier: MIT */
#ifndef AH_TRANSPORT_POOL_INTERNAL_H
#define AH_TRANSPORT_POOL_INTERNAL_H

#include "transport/connection.h"
#include "transport/connector.h"
#include "transport/pool.h"

/* What the files of the pool share; pool.c has the essay. */

struct ah_pool {
  ah_transport transport;
  ah_loop *loop;
  ah_resolver *resolver;
  ah_pool_opts opts;

  struct {
    ah_hash table;
    ah_origin *last; /* asked for last, or NULL: most requests come in runs */
    ah_list unused;  /* those with |refs| 0, longest first */
    ah_origin *last_usual; /* the last one found over opts.route; or NULL */
    uint32_t unused_count;
    uint32_t used_count; /* all others */
  } origins;
  struct {
    ah_tls_profile **items; /* held; no two are equal */
    unsigned count;
  } profiles;

  uint32_t waiter_count; /* sums over all origins */
  uint32_t conn_count;
  uint32_t dial_count;
  uint32_t idle_count;
  uint64_t conns_made; /* also the newest connection's id */
  uint64_t dials_made; /* also the newest dial's id */

  ah_list idle;     /* unused connections of both protocols, longest first */
  ah_list ready;    /* origins something has changed for */
  ah_list starving; /* origins that the total limit keeps from having even one
                       connection; longest first */
  ah_list starved;  /* those it keeps from having more */
  ah_task serve_task;
  ah_task trim_task;

  struct {
    bool begun;
    ah_task task; /* queued when nothing is left */
    void (*on_closed)(void *arg);
    void *arg;
  } close;
};

/* pool.c: has |origin| served at the end of this turn. */
void ah_pool_mark(ah_origin *origin);

/* pool_origin.c: one more and one less use of |origin|. */
void ah_pool_ref_origin(ah_origin *origin);
void ah_pool_unref_origin(ah_origin *origin);
/* Queues the last task when a closing pool has nothing left. */
void ah_pool_check_closed(ah_pool *pool);
void ah_pool_free_origins(ah_pool *pool);

/* pool_idle.c: |conn| is unused from now on, or used again. */
void ah_pool_add_idle(ah_pool *pool, ah_connection *conn);
void ah_pool_remove_idle(ah_pool *pool, ah_connection *conn);
/* Closes the one unused for longest.  False if there is none. */
bool ah_pool_evict_idle(ah_pool *pool);
/* Closes |conn|, which is unused. */
void ah_pool_close_idle(ah_connection *conn);
void ah_pool_trim_idle(ah_task *trim_task);

/* pool_conn.c: takes |conn| over, with one reference of |origin|. */
void ah_pool_adopt(ah_origin *origin, ah_connection *conn,
                   ah_origin_protocol protocol, const ah_connect_times *times);
/* Puts |exchange|, which does not wait yet, on an idle HTTP/1.1 connection.
 * False if there is none, or somebody who waits may have a better right. */
bool ah_pool_attach_at_once(ah_origin *origin, ah_exchange *exchange);
/* Puts waiters on connections that have room. */
void ah_pool_attach_waiting(ah_origin *origin);
/* Closes every connection of |origin|. */
void ah_pool_close_conns(ah_origin *origin, const ahttp_error *err);

/* pool_conn.c: gives |exchange|, which has waited until |until_ns|, the part of
 * the dial that it waited for: the last steps, if it came later. */
void ah_pool_set_dial_times(ah_exchange *exchange,
                            const ah_connect_times *times, uint64_t until_ns);

/* pool_dial.c: dials for |origin| as its waiters and the limits ask for, and
 * sees whose pool timeout runs. */
void ah_pool_settle(ah_origin *origin);
/* Dials for those that wait for the total limit, as far as there is room. */
void ah_pool_feed_starving(ah_pool *pool);
void ah_pool_feed_starved(ah_pool *pool);
/* Stops the youngest dials until at most |count| are left. */
void ah_pool_cancel_dials(ah_origin *origin, uint32_t count);
/* pool_trace.c: an event of |connector|, one of the origin |owner|. */
void ah_pool_tell_dial(void *owner, ah_connector *connector,
                       ahttp_trace_event *event);
/* |exchange|, which has a trace, was put on its connection. */
void ah_pool_tell_attached(const ah_exchange *exchange, bool is_new);

/* pool_dial.c: ends every waiter of |origin|; |times| are of the dial that
 * failed, or NULL.
 */
void ah_pool_fail_waiters(ah_origin *origin, const ah_connect_times *times,
                          const ahttp_error *err);
/* |exchange|, which was waiting, has ended: what it waited for, if that is a
 * dial under way. */
void ah_pool_blame_dial(ah_exchange *exchange);

#endif
