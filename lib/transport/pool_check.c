/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "base/assert.h"
#include "transport/pool_internal.h"

/* AH_CONTAINER for what must not be changed. */
#define CONST_CONTAINER(node, type, member) \
  ((const type *)(const void *)((const char *)(node) - offsetof(type, member)))

static uint32_t list_count(const ah_list *list)
{
  uint32_t count = 0;
  AH_LIST_FOREACH (node, list) {
    count++;
  }
  return count;
}

static void waiters_check(const ah_waiters *waiters)
{
  uint32_t counts[AH_WAIT_LINES];
  uint32_t count = 0;
  uint32_t covered_count = 0;
  bool is_blocked = false;
  for (int i = 0; i < AH_WAIT_LINES; i++) {
    uint32_t covered = list_count(&waiters->lines[i].covered);
    ah_assert(covered == 0 || !is_blocked);
    is_blocked |= !ah_list_is_empty(&waiters->lines[i].blocked);
    counts[i] = covered + list_count(&waiters->lines[i].blocked);
    covered_count += covered;
    count += counts[i];
  }
  ah_assert(waiters->fresh_count == counts[AH_WAIT_FRESH]);
  ah_assert(waiters->covered_count == covered_count);
  ah_assert(waiters->count == count);
}

static void origin_check(const ah_origin *origin)
{
  uint32_t h2_count = list_count(&origin->h2);
  ah_assert(origin->h2_count == h2_count);
  ah_assert(origin->dial_count == list_count(&origin->dials));
  ah_assert(origin->conn_count ==
            h2_count + list_count(&origin->idle) + list_count(&origin->busy));
  ah_assert(origin->retired_count <= list_count(&origin->busy));
  ah_assert(origin->refs >= origin->conn_count + origin->dial_count);
  ah_assert(origin->refs > 0 || origin->waiters.count == 0);
  ah_assert(origin->dial_count > 0 || !ah_list_is_linked(&origin->scout.node));
  ah_assert((origin->refs == 0) == ah_list_is_linked(&origin->unused_node));
  waiters_check(&origin->waiters);
}

/* After serving, whoever waits has something to wait for. */
static void origin_check_served(const ah_origin *origin)
{
  const ah_waiters *waiters = &origin->waiters;
  if (waiters->count == 0) {
    ah_assert(!ah_list_is_linked(&origin->starved_node));
    return;
  }
  AH_LIST_FOREACH (node, &origin->h2) {
    ah_assert(CONST_CONTAINER(node, ah_connection, node)->slots == 0);
  }
  ah_assert(ah_list_is_empty(&origin->idle) ||
            waiters->count == waiters->fresh_count);
  bool is_full = origin->conn_count + origin->dial_count >=
                 origin->pool->opts.conns_per_origin_max;
  bool has_prospects =
      origin->conn_count - origin->retired_count + origin->dial_count > 0;
  ah_assert(has_prospects || is_full ||
            ah_list_is_linked(&origin->starved_node));
}

void ah_pool_check(const ah_pool *pool, bool turn_is_over)
{
  bool is_served = turn_is_over && !pool->close.begun;
  uint32_t waiter_count = 0;
  uint32_t conn_count = 0;
  uint32_t dial_count = 0;
  uint32_t used_count = 0;
  const ah_hash_entry *entry = NULL;
  while ((entry = ah_hash_next(&pool->origins.table, entry)) != NULL) {
    const ah_origin *origin = CONST_CONTAINER(entry, ah_origin, entry);
    origin_check(origin);
    if (is_served) {
      origin_check_served(origin);
    }
    waiter_count += origin->waiters.count;
    conn_count += origin->conn_count;
    dial_count += origin->dial_count;
    used_count += origin->refs > 0 ? 1 : 0;
  }
  ah_assert(pool->waiter_count == waiter_count);
  ah_assert(pool->conn_count == conn_count);
  ah_assert(pool->dial_count == dial_count);
  ah_assert(pool->idle_count == list_count(&pool->idle));
  ah_assert(pool->origins.used_count == used_count);
  ah_assert(pool->origins.unused_count == list_count(&pool->origins.unused));
  ah_assert(conn_count + dial_count <= pool->opts.conns_max);
  if (is_served && conn_count + dial_count < pool->opts.conns_max) {
    ah_assert(ah_list_is_empty(&pool->starving));
    ah_assert(ah_list_is_empty(&pool->starved));
  }
}
