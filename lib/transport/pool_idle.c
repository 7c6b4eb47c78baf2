/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "base/assert.h"
#include "base/error.h"
#include "transport/pool_internal.h"

enum {
  /* A connection is given up this long before the server said it would close
   * it, so that a request does not cross the FIN on its way. */
  KEEP_ALIVE_MARGIN_MS = 1000
};

/* How long |conn| may stay unused. */
static uint32_t idle_ms(const ah_pool *pool, const ah_connection *conn)
{
  uint32_t server_ms = conn->keep_alive_ms;
  if (server_ms == UINT32_MAX) {
    return pool->opts.idle_ms;
  }
  server_ms =
      server_ms > KEEP_ALIVE_MARGIN_MS ? server_ms - KEEP_ALIVE_MARGIN_MS : 0;
  return server_ms < pool->opts.idle_ms ? server_ms : pool->opts.idle_ms;
}

/* A connection in use keeps its deadline, so that one that is used again and
 * again need not file it each time. */
static void idle_on_expired(ah_deadline *deadline)
{
  ah_connection *conn = AH_CONTAINER(deadline, ah_connection, idle);
  if (ah_list_is_linked(&conn->lru_node)) {
    ah_pool_close_idle(conn);
  }
}

void ah_pool_add_idle(ah_pool *pool, ah_connection *conn)
{
  ah_assert(conn->active == 0 && !ah_list_is_linked(&conn->lru_node));
  ah_list_push_back(&pool->idle, &conn->lru_node);
  pool->idle_count++;
  conn->idle.expired = idle_on_expired;
  ah_deadline_start(pool->loop, &conn->idle, idle_ms(pool, conn));
}

void ah_pool_remove_idle(ah_pool *pool, ah_connection *conn)
{
  if (!ah_list_is_linked(&conn->lru_node)) {
    return;
  }
  ah_list_remove(&conn->lru_node);
  pool->idle_count--;
}

void ah_pool_close_idle(ah_connection *conn)
{
  ah_assert(conn->active == 0);
  ahttp_error err;
  ah_error_say(&err, AHTTP_ECLOSED, AHTTP_PHASE_NONE,
               "the connection was not needed any more");
  conn->ops->close(conn, &err);
}

bool ah_pool_evict_idle(ah_pool *pool)
{
  ah_list_node *node = ah_list_first(&pool->idle);
  if (node == NULL) {
    return false;
  }
  ah_pool_close_idle(AH_CONTAINER(node, ah_connection, lru_node));
  return true;
}

/*
 * Runs after the tasks that were queued when the limit was seen to be exceeded,
 * since those may end calls whose callbacks start the next ones: a burst that
 * goes on must not lose its connections in between.  Then serving is queued
 * again, and comes back here.
 */
void ah_pool_trim_idle(ah_task *trim_task)
{
  ah_pool *pool = AH_CONTAINER(trim_task, ah_pool, trim_task);
  if (ah_list_is_linked(&pool->serve_task.node)) {
    return;
  }
  while (pool->idle_count > pool->opts.conns_idle_max) {
    (void)ah_pool_evict_idle(pool); /* there is one: the count says so */
  }
}
