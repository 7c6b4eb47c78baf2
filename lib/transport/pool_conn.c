/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "base/assert.h"
#include "transport/hop_trace.h"
#include "transport/pool_internal.h"

/*
 * A connection is in one list of its origin at any time, by |node|:
 *
 *   idle  HTTP/1.1, unused; the last used one first
 *   h2    HTTP/2, taking streams; those with a free slot first
 *   busy  HTTP/1.1 in use, and everything that is retired: draining, or HTTP/2
 *         with a server in doubt
 *
 * Its owner table tells the four kinds apart: h1_owner, h2_owner, and among the
 * retired ones drain_owner and doubt_owner.  Unused ones of both protocols are
 * also in the pool's list of idle ones, by |lru_node|, unless they are retired.
 *
 * A connection whose server is in doubt may come back.  Until then nobody waits
 * for it: it counts for the limits of connections, not for that of HTTP/2
 * connections, so another one is dialed for the waiters.
 */
static const ah_connection_owner h2_owner;
static const ah_connection_owner doubt_owner;
static const ah_connection_owner drain_owner;

static ah_connection *conn_at(ah_list_node *node)
{
  return node == NULL ? NULL : AH_CONTAINER(node, ah_connection, node);
}

static void conn_move(ah_connection *conn, ah_list *list, bool to_front)
{
  ah_list_remove(&conn->node);
  if (to_front) {
    ah_list_push_front(list, &conn->node);
  } else {
    ah_list_push_back(list, &conn->node);
  }
}

/* Puts |conn| where its protocol, slots and use say. */
static void conn_place(ah_connection *conn)
{
  ah_origin *origin = conn->origin;
  bool is_h2 = conn->owner_ops == &h2_owner;
  bool is_idle = conn->active == 0 && (is_h2 || conn->slots > 0);
  if (is_h2) {
    conn_move(conn, &origin->h2, conn->slots > 0);
  } else if (is_idle) {
    conn_move(conn, &origin->idle, true);
  } else {
    conn_move(conn, &origin->busy, false);
  }
  if (!is_idle) {
    ah_pool_remove_idle(origin->pool, conn);
  } else if (!ah_list_is_linked(&conn->lru_node)) {
    ah_pool_add_idle(origin->pool, conn);
  }
}

static bool conn_is_retired(const ah_connection *conn)
{
  return conn->owner_ops == &doubt_owner || conn->owner_ops == &drain_owner;
}

/* It serves nobody new: another dial may take its place. */
static void conn_leave(ah_connection *conn)
{
  ah_origin *origin = conn->origin;
  ah_pool_remove_idle(origin->pool, conn);
  ah_deadline_stop(&conn->idle);
  if (conn->owner_ops == &h2_owner) {
    origin->h2_count--;
  }
  if (!conn_is_retired(conn) && origin->given_up > 0) {
    origin->given_up--;
  }
  ah_pool_mark(origin);
}

static void conn_retire(ah_connection *conn, const ah_connection_owner *as)
{
  conn_leave(conn);
  conn->owner_ops = as;
  conn->origin->retired_count++;
  conn_move(conn, &conn->origin->busy, false);
}

/* Somebody waits for the total limit. */
static bool pool_is_hungry(const ah_pool *pool)
{
  return !ah_list_is_empty(&pool->starving) ||
         !ah_list_is_empty(&pool->starved);
}

/* Nobody may want the slot: then there is nothing to decide. */
static void conn_on_slots(void *owner, ah_connection *conn)
{
  const ah_pool *pool = owner;
  ah_origin *origin = conn->origin;
  if (conn->in_doubt) {
    conn_retire(conn, &doubt_owner);
    return;
  }
  conn_place(conn);
  if (origin->waiters.count > 0 || pool_is_hungry(pool) ||
      pool->idle_count > pool->opts.conns_idle_max) {
    ah_pool_mark(origin);
  }
}

static void conn_on_draining(void *owner, ah_connection *conn)
{
  (void)owner;
  conn_retire(conn, &drain_owner);
}

static void conn_on_closed(void *owner, ah_connection *conn)
{
  ah_pool *pool = owner;
  ah_origin *origin = conn->origin;
  conn_leave(conn);
  if (conn_is_retired(conn)) {
    origin->retired_count--;
  }
  ah_list_remove(&conn->node);
  origin->conn_count--;
  pool->conn_count--;
  ah_trace_conn(conn, AHTTP_TRACE_CONNECTION_CLOSED, conn->served);
  ah_pool_unref_origin(origin);
}

static void drain_on_slots(void *owner, ah_connection *conn)
{
  (void)owner;
  (void)conn;
}

static void drain_on_draining(void *owner, ah_connection *conn)
{
  (void)owner;
  (void)conn;
}

/* Once the server has been heard the dial in its place is not needed. */
static void doubt_on_slots(void *owner, ah_connection *conn)
{
  const ah_pool *pool = owner;
  ah_origin *origin = conn->origin;
  if (conn->in_doubt) {
    return;
  }
  conn->owner_ops = &h2_owner;
  origin->retired_count--;
  origin->h2_count++;
  conn_place(conn);
  if (origin->h2_count >= pool->opts.h2_conns_per_origin_max) {
    ah_pool_cancel_dials(origin, 0);
  }
  ah_pool_mark(origin);
}

static void doubt_on_draining(void *owner, ah_connection *conn)
{
  (void)owner;
  conn->owner_ops = &drain_owner;
}

static const ah_connection_owner h1_owner = {
    .on_slots = conn_on_slots,
    .on_draining = conn_on_draining,
    .on_closed = conn_on_closed,
};

static const ah_connection_owner h2_owner = {
    .on_slots = conn_on_slots,
    .on_draining = conn_on_draining,
    .on_closed = conn_on_closed,
};

static const ah_connection_owner doubt_owner = {
    .on_slots = doubt_on_slots,
    .on_draining = doubt_on_draining,
    .on_closed = conn_on_closed,
};

static const ah_connection_owner drain_owner = {
    .on_slots = drain_on_slots,
    .on_draining = drain_on_draining,
    .on_closed = conn_on_closed,
};

static uint64_t cut(uint64_t duration, uint64_t *rest)
{
  uint64_t part = duration < *rest ? duration : *rest;
  *rest -= part;
  return part;
}

void ah_pool_set_dial_times(ah_exchange *exchange,
                            const ah_connect_times *times, uint64_t until_ns)
{
  uint64_t waited = until_ns - exchange->times.started;
  exchange->times.tls = cut(times->tls, &waited);
  exchange->times.connect = cut(times->connect, &waited);
  exchange->times.dns = cut(times->dns, &waited);
  exchange->facts.connects = times->attempts;
}

/* Puts |exchange|, which waits no more, on |conn|, which has a free slot. */
static void conn_attach(ah_connection *conn, ah_exchange *exchange,
                        const ah_connect_times *times)
{
  ah_exchange_put_on(exchange, conn);
  exchange->facts.conn_reused = conn->served > 0;
  exchange->facts.attempts++;
  exchange->times.attached = ah_loop_now_ns(conn->origin->pool->loop);
  exchange->wire.now = conn->counts;
  if (conn->counts != NULL && conn->served > 0) {
    exchange->wire.counts = *conn->counts;
  }
  if (times != NULL) {
    ah_pool_set_dial_times(exchange, times, exchange->times.attached);
  }
  if (exchange->trace != NULL) {
    ah_pool_tell_attached(exchange, times != NULL);
  }
  conn->ops->start(conn, exchange);
}

/* Puts the next waiter that may use |conn| on it.  False if there is none. */
static bool conn_attach_next(ah_connection *conn, const ah_connect_times *times)
{
  ah_origin *origin = conn->origin;
  if (conn->slots == 0) {
    return false;
  }
  ah_exchange *exchange = ah_waiters_pop(&origin->waiters, conn->id);
  if (exchange == NULL) {
    return false;
  }
  origin->pool->waiter_count--;
  conn_attach(conn, exchange, times);
  return true;
}

bool ah_pool_attach_at_once(ah_origin *origin, ah_exchange *exchange)
{
  ah_connection *conn = conn_at(ah_list_first(&origin->idle));
  if (conn == NULL || origin->waiters.count > 0 ||
      !ah_list_is_empty(&origin->h2) || pool_is_hungry(origin->pool)) {
    return false;
  }
  conn_attach(conn, exchange, NULL);
  conn_place(conn);
  return true;
}

void ah_pool_attach_waiting(ah_origin *origin)
{
  while (origin->waiters.count > 0) {
    ah_connection *conn = conn_at(ah_list_first(&origin->h2));
    if (conn == NULL || conn->slots == 0) {
      conn = conn_at(ah_list_first(&origin->idle));
    }
    if (conn == NULL || !conn_attach_next(conn, NULL)) {
      return;
    }
    conn_place(conn);
  }
}

/* Whoever dialed is served first, before the connection could be taken for an
 * idle one: every connection serves at least one exchange. */
void ah_pool_adopt(ah_origin *origin, ah_connection *conn,
                   ah_origin_protocol protocol, const ah_connect_times *times)
{
  ah_pool *pool = origin->pool;
  bool is_h2 = protocol == AH_PROTOCOL_H2;
  conn->owner_ops = is_h2 ? &h2_owner : &h1_owner;
  conn->owner = pool;
  conn->origin = origin;
  conn->id = ++pool->conns_made;
  pool->conn_count++;
  origin->conn_count++;
  origin->protocol = protocol;
  if (is_h2) {
    origin->h2_count++;
  }
  conn->trace = pool->opts.trace;
  if (!conn_attach_next(conn, times)) { /* others follow at the turn's end */
    ah_trace_conn(conn, AHTTP_TRACE_CONNECTION_MADE, 0);
  }
  conn_place(conn);
  ah_pool_mark(origin);
}

static void list_close_conns(ah_list *list, const ahttp_error *err)
{
  ah_connection *conn;
  while ((conn = conn_at(ah_list_first(list))) != NULL) {
    conn->ops->close(conn, err);
    ah_assert(conn_at(ah_list_first(list)) != conn);
  }
}

void ah_pool_close_conns(ah_origin *origin, const ahttp_error *err)
{
  list_close_conns(&origin->idle, err);
  list_close_conns(&origin->h2, err);
  list_close_conns(&origin->busy, err);
}
