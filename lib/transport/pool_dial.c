/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "base/assert.h"
#include "base/error.h"
#include "transport/pool_internal.h"

enum {
  /* A scout slower than this gets company.  It is longer than the dialer's own
   * step from one address to the next (250 ms), so that a dead first address
   * alone does not cost a second connection. */
  SCOUT_DELAY_MS = 300
};

static ah_origin *starved_origin(ah_list_node *node)
{
  return node == NULL ? NULL : AH_CONTAINER(node, ah_origin, starved_node);
}

/* Connections and dials that can serve somebody who waits. */
static uint32_t origin_prospects(const ah_origin *origin)
{
  return origin->conn_count - origin->retired_count + origin->dial_count;
}

/* Ends the waiter that is next.  False if there is none. */
static bool origin_fail_next(ah_origin *origin, const ah_connect_times *times,
                             const ahttp_error *err)
{
  ah_exchange *exchange = ah_waiters_pop(&origin->waiters, UINT64_MAX);
  if (exchange == NULL) {
    return false;
  }
  origin->pool->waiter_count--;
  if (times != NULL) {
    exchange->facts.connects = times->attempts;
    ah_pool_set_dial_times(exchange, times, ah_loop_now_ns(exchange->loop));
  }
  ah_exchange_end(exchange, err);
  return true;
}

void ah_pool_fail_waiters(ah_origin *origin, const ah_connect_times *times,
                          const ahttp_error *err)
{
  while (origin_fail_next(origin, times, err)) {
  }
}

static void origin_fail_fresh(ah_origin *origin, const ah_connect_times *times,
                              const ahttp_error *err)
{
  while (origin->waiters.fresh_count > 0) {
    (void)origin_fail_next(origin, times, err); /* there is one */
  }
}

void ah_pool_blame_dial(ah_exchange *exchange)
{
  ah_list_node *first = ah_list_first(&exchange->origin->dials);
  if (first != NULL && exchange->wait.is_covered) {
    ah_pool_set_dial_times(exchange, ah_connector_times(ah_connector_at(first)),
                           exchange->times.ended);
  }
}

/*
 * A dial failed.  Others may still serve those who wait: then nothing is dialed
 * for as many of them again, lest a server that takes no more connections be
 * asked over and over.  If nothing else can serve them, they fail together,
 * rather than one after the other with a dial each.
 */
static void origin_on_dial_failed(ah_origin *origin,
                                  const ah_connect_times *times,
                                  const ahttp_error *err)
{
  if (origin->dial_count > 0) {
    if (origin->protocol == AH_PROTOCOL_H1) {
      origin->given_up++;
    }
    return;
  }
  origin_fail_fresh(origin, times, err);
  if (origin_prospects(origin) == 0) {
    ah_pool_fail_waiters(origin, times, err);
  }
  origin->given_up = origin->waiters.count;
}

/* Takes |connector|, which is over, off the books. */
static void origin_remove_dial(ah_origin *origin, ah_connector *connector)
{
  ah_list_remove(ah_connector_node(connector));
  origin->dial_count--;
  origin->pool->dial_count--;
  if (origin->dial_count == 0) {
    ah_deadline_stop(&origin->scout);
  }
}

static void origin_on_connected(void *owner, ah_connector *connector,
                                ah_connection *conn,
                                ah_origin_protocol protocol,
                                const ah_connect_times *times,
                                const ahttp_error *err)
{
  ah_origin *origin = owner;
  origin_remove_dial(origin, connector);
  if (conn == NULL) {
    origin_on_dial_failed(origin, times, err);
    ah_pool_mark(origin);
    ah_pool_unref_origin(origin);
    return;
  }
  ah_deadline_stop(&origin->scout);
  ah_pool_adopt(origin, conn, protocol, times);
  if (protocol == AH_PROTOCOL_H2 &&
      origin->h2_count >= origin->pool->opts.h2_conns_per_origin_max) {
    ah_pool_cancel_dials(origin, 0);
  }
}

static void origin_on_scout_late(ah_deadline *deadline);

/* Starts one dial.  False if memory is out, which counts as its failure. */
static bool origin_dial(ah_origin *origin)
{
  ah_pool *pool = origin->pool;
  const ah_exchange *first = ah_waiters_first(&origin->waiters);
  ah_assert(first != NULL);
  bool is_heard = pool->opts.trace != NULL || first->trace != NULL;
  const ah_connector_opts opts = {
      .connect_ms = first->timeouts.connect_ms,
      .h2_streams_max = pool->opts.h2_streams_max,
      .dial_id = ++pool->dials_made,
      .tell = is_heard ? ah_pool_tell_dial : NULL,
      .retries = first->connect_retries,
      .policy = pool->opts.policy,
      .done = origin_on_connected,
      .owner = origin,
  };
  ah_connector *connector;
  int rv =
      ah_connector_start(&connector, pool->loop, pool->resolver, origin, &opts);
  if (rv != AHTTP_OK) {
    ahttp_error err;
    ah_error_plain(&err, rv, AHTTP_PHASE_CONNECT);
    origin_on_dial_failed(origin, NULL, &err);
    return false;
  }
  ah_list_push_back(&origin->dials, ah_connector_node(connector));
  origin->dial_count++;
  pool->dial_count++;
  ah_pool_ref_origin(origin);
  if (origin->protocol == AH_PROTOCOL_UNKNOWN && origin->dial_count == 1) {
    origin->scout.expired = origin_on_scout_late;
    ah_deadline_start(pool->loop, &origin->scout, SCOUT_DELAY_MS);
  }
  return true;
}

static bool pool_has_room(const ah_pool *pool)
{
  return pool->conn_count + pool->dial_count < pool->opts.conns_max;
}

/* Room for one connection more below the total limit, at the expense of an
 * unused one if need be. */
static bool pool_make_room(ah_pool *pool)
{
  return pool_has_room(pool) || ah_pool_evict_idle(pool);
}

/* The same below the limit of |origin|.  Its own unused connections are in the
 * way only of those who may not use them. */
static bool origin_make_room(ah_origin *origin)
{
  uint32_t max = origin->pool->opts.conns_per_origin_max;
  if (origin->conn_count + origin->dial_count < max) {
    return true;
  }
  ah_list_node *node = ah_list_last(&origin->idle);
  if (node == NULL || origin->waiters.fresh_count == 0) {
    return false;
  }
  ah_pool_close_idle(AH_CONTAINER(node, ah_connection, node));
  return origin->conn_count + origin->dial_count < max;
}

/* Brings |given_up| up to date with what has changed since: no more than there
 * are waiters, and none if there is nothing else to wait for. */
static void origin_correct_given_up(ah_origin *origin)
{
  if (origin_prospects(origin) == 0) {
    origin->given_up = 0;
  } else if (origin->given_up > origin->waiters.count) {
    origin->given_up = origin->waiters.count;
  }
}

/* How many dials the waiters ask for, limits aside. */
static uint32_t origin_dials_wanted(const ah_origin *origin)
{
  ah_assert(origin->given_up <= origin->waiters.count);
  uint32_t waiting = origin->waiters.count - origin->given_up;
  if (waiting == 0) {
    return 0;
  }
  switch (origin->protocol) {
  case AH_PROTOCOL_UNKNOWN:
    return origin->dial_count == 0 ? 1 : 0;
  case AH_PROTOCOL_H1:
    return waiting > origin->dial_count ? waiting - origin->dial_count : 0;
  case AH_PROTOCOL_H2:
    break;
  }
  return origin->dial_count == 0 &&
                 origin->h2_count < origin->pool->opts.h2_conns_per_origin_max
             ? 1
             : 0;
}

/* How many waiters the dials under way may serve. */
static uint64_t origin_cover(const ah_origin *origin)
{
  switch (origin->protocol) {
  case AH_PROTOCOL_UNKNOWN:
    return origin->dial_count > 0 ? UINT64_MAX : 0;
  case AH_PROTOCOL_H1:
    return origin->dial_count;
  case AH_PROTOCOL_H2:
    break;
  }
  return (uint64_t)origin->dial_count * origin->pool->opts.h2_streams_max;
}

static void origin_on_scout_late(ah_deadline *deadline)
{
  ah_origin *origin = AH_CONTAINER(deadline, ah_origin, scout);
  /* A second dial would not help the one who waits for the first. */
  if (origin->waiters.count > 1 && origin_make_room(origin) &&
      pool_make_room(origin->pool)) {
    (void)origin_dial(origin); /* the first one goes on */
  }
}

/* Puts |origin| at the end of the list of those that wait for the total limit;
 * one that is there already keeps its place. */
static void origin_starve(ah_origin *origin)
{
  bool is_starving = origin_prospects(origin) == 0;
  if (ah_list_is_linked(&origin->starved_node) &&
      origin->is_starving == is_starving) {
    return;
  }
  ah_pool *pool = origin->pool;
  ah_list_remove(&origin->starved_node);
  ah_list_push_back(is_starving ? &pool->starving : &pool->starved,
                    &origin->starved_node);
  origin->is_starving = is_starving;
}

void ah_pool_settle(ah_origin *origin)
{
  origin_correct_given_up(origin);
  bool is_starved = false;
  while (!is_starved && origin_dials_wanted(origin) > 0 &&
         origin_make_room(origin)) {
    if (!pool_make_room(origin->pool)) {
      is_starved = true;
    } else if (!origin_dial(origin)) {
      break;
    }
  }
  if (is_starved) {
    origin_starve(origin);
  } else {
    ah_list_remove(&origin->starved_node);
  }
  ah_waiters_cover(&origin->waiters, origin_cover(origin));
}

/* Has the origins of |list| dial in turn, once each time around, as long as
 * there is room. */
static void pool_feed(ah_pool *pool, ah_list *list)
{
  ah_origin *origin;
  while ((origin = starved_origin(ah_list_first(list))) != NULL) {
    origin_correct_given_up(origin);
    bool is_hungry =
        origin_dials_wanted(origin) > 0 && origin_make_room(origin);
    if (is_hungry && !pool_make_room(pool)) {
      return;
    }
    ah_list_remove(&origin->starved_node);
    ah_pool_mark(origin);
    if (is_hungry && origin_dial(origin) && origin_dials_wanted(origin) > 0) {
      origin_starve(origin);
    }
  }
}

void ah_pool_feed_starving(ah_pool *pool)
{
  pool_feed(pool, &pool->starving);
}

void ah_pool_feed_starved(ah_pool *pool)
{
  pool_feed(pool, &pool->starved);
}

void ah_pool_cancel_dials(ah_origin *origin, uint32_t count)
{
  while (origin->dial_count > count) {
    ah_connector *connector = ah_connector_at(ah_list_last(&origin->dials));
    origin_remove_dial(origin, connector);
    ah_connector_cancel(connector);
    ah_pool_unref_origin(origin);
  }
}
