/* SPDX-License-Identifier: MIT */
#ifndef POOL_WORLD_H
#define POOL_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/str.h"
#include "http/method.h"
#include "support/virtual_loop.h"
#include "transport/connection.h"
#include "transport/connector.h"
#include "transport/pool.h"

/*
 * A pool in a world without sockets.  Dials stay under way until the test says
 * what came of them, connections keep their exchanges until the test finishes
 * them, and the clock is the test's.  After every step the pool's counters are
 * compared with its lists.
 *
 * The connector and the TLS profiles here take the place of the real ones at
 * link time, so this is included by exactly one file of a program.
 */
enum {
  WORLD_DIALS_MAX = 4096,
  WORLD_CONNS_MAX = 4096
};

typedef struct world_conn {
  ah_connection base;
  ah_list exchanges;
  uint32_t slots_max;
  bool is_h2;
  bool is_closed;
  ah_task slots_task; /* tells on_slots later in the turn */
} world_conn;

struct ah_connector {
  ah_list_node node;
  ah_origin *origin;
  ah_connector_opts opts;
  ah_connect_times times; /* so far */
};

typedef struct world_exchange {
  ah_exchange exchange;
  ahttp_fields fields;
  ah_arena arena;
  int code; /* it ended with; 1: it has not */
  void (*on_done)(struct world_exchange *we);
  void *user_data;
} world_exchange;

static struct {
  ah_loop loop;
  ah_pool *pool;
  ah_connector *dials[WORLD_DIALS_MAX]; /* under way, oldest first */
  size_t dial_count;
  unsigned dials_made;
  unsigned dials_canceled;
  world_conn *conns[WORLD_CONNS_MAX]; /* all that were made, by id - 1 */
  size_t conn_count;
  unsigned done_count; /* exchanges */
  bool is_closed;
} world;

struct ah_tls_profile {
  unsigned refs;
  int settings; /* equal profiles have equal ones */
};

static ah_tls_profile world_tls = {.refs = 1};

ah_tls_profile *ah_tls_profile_ref(ah_tls_profile *profile)
{
  profile->refs++;
  return profile;
}

void ah_tls_profile_unref(ah_tls_profile *profile)
{
  if (profile != NULL) {
    profile->refs--;
  }
}

bool ah_tls_profile_equal(const ah_tls_profile *a, const ah_tls_profile *b)
{
  return a->settings == b->settings;
}

/* The connector. */

int ah_connector_start(ah_connector **out, ah_loop *loop, ah_resolver *resolver,
                       ah_origin *origin, const ah_connector_opts *opts)
{
  assert_ptr_equal(loop, &world.loop);
  assert_null(resolver);
  assert_true(world.dial_count < WORLD_DIALS_MAX);
  *out = ah_calloc(1, sizeof(**out));
  if (*out == NULL) {
    return AHTTP_ENOMEM;
  }
  (*out)->origin = origin;
  (*out)->opts = *opts;
  world.dials[world.dial_count++] = *out;
  world.dials_made++;
  return AHTTP_OK;
}

static void world_remove_dial(const ah_connector *connector)
{
  size_t i = 0;
  while (world.dials[i] != connector) {
    i++;
    assert_true(i < world.dial_count);
  }
  world.dial_count--;
  memmove(&world.dials[i], &world.dials[i + 1],
          (world.dial_count - i) * sizeof(world.dials[0]));
}

void ah_connector_cancel(ah_connector *connector)
{
  world_remove_dial(connector);
  world.dials_canceled++;
  ah_free(connector);
}

const ah_connect_times *ah_connector_times(ah_connector *connector)
{
  return &connector->times;
}

ah_list_node *ah_connector_node(ah_connector *connector)
{
  return &connector->node;
}

ah_connector *ah_connector_at(ah_list_node *node)
{
  return AH_CONTAINER(node, ah_connector, node);
}

/* Connections. */

static world_conn *world_conn_of(ah_connection *conn)
{
  return AH_CONTAINER(conn, world_conn, base);
}

static ah_exchange *world_conn_first(const world_conn *conn)
{
  ah_list_node *node = ah_list_first(&conn->exchanges);
  return node == NULL ? NULL : AH_CONTAINER(node, ah_exchange, node);
}

static void world_conn_tell_slots(ah_task *task)
{
  world_conn *conn = AH_CONTAINER(task, world_conn, slots_task);
  if (!conn->is_closed) {
    conn->base.owner_ops->on_slots(conn->base.owner, &conn->base);
  }
}

static void world_conn_start(ah_connection *base, ah_exchange *exchange)
{
  world_conn *conn = world_conn_of(base);
  assert_true(base->slots > 0 && !conn->is_closed && !base->draining);
  assert_ptr_equal(exchange->conn, base);
  assert_false(exchange->ended);
  assert_ptr_equal(exchange->origin, base->origin);
  base->slots--;
  base->active++;
  base->served++;
  ah_list_push_back(&conn->exchanges, &exchange->node);
}

/* Takes |exchange| off the connection. */
static void world_conn_detach(world_conn *conn, ah_exchange *exchange)
{
  ah_list_remove(&exchange->node);
  conn->base.active--;
  if (!conn->base.draining && !conn->base.in_doubt && !conn->is_closed) {
    conn->base.slots++;
  }
}

static void world_conn_close(ah_connection *base, const ahttp_error *err)
{
  world_conn *conn = world_conn_of(base);
  if (conn->is_closed) {
    return;
  }
  conn->is_closed = true;
  base->slots = 0;
  ah_exchange *exchange;
  while ((exchange = world_conn_first(conn)) != NULL) {
    world_conn_detach(conn, exchange);
    ah_exchange_fail(exchange, err, false);
  }
  base->owner_ops->on_closed(base->owner, base);
  assert_false(ah_list_is_linked(&base->node));
  assert_false(ah_list_is_linked(&base->lru_node));
  assert_false(ah_list_is_linked(&base->idle.node));
}

static void world_conn_cancel(ah_connection *base, ah_exchange *exchange,
                              int code)
{
  world_conn *conn = world_conn_of(base);
  world_conn_detach(conn, exchange);
  if (conn->is_h2) {
    ah_loop_defer(&world.loop, &conn->slots_task);
  } else {
    const ahttp_error err = {.code = code};
    world_conn_close(base, &err);
  }
}

static void world_conn_ignore(ah_connection *conn, ah_exchange *exchange)
{
  (void)conn;
  (void)exchange;
}

static void world_conn_credit(ah_connection *conn, ah_exchange *exchange,
                              size_t len)
{
  (void)conn;
  (void)exchange;
  (void)len;
}

static const ah_connection_ops world_conn_ops = {
    .name = "world",
    .start = world_conn_start,
    .cancel = world_conn_cancel,
    .pause = world_conn_ignore,
    .resume = world_conn_ignore,
    .credit = world_conn_credit,
    .body_ready = world_conn_ignore,
    .close = world_conn_close,
};

/* Ends the turn and compares the books. */
static inline void world_turn(void)
{
  virtual_loop_turn(&world.loop);
  if (!world.is_closed) {
    ah_pool_check(world.pool, true);
  }
}

static inline void world_advance(uint32_t ms)
{
  virtual_loop_advance(&world.loop, ms);
  if (!world.is_closed) {
    ah_pool_check(world.pool, true);
  }
}

/* What the |index|th dial under way comes to: a connection with |slots| that
 * speaks HTTP/1.1 if |slots| is 0. */
static inline world_conn *world_connect(size_t index, uint32_t slots)
{
  assert_true(index < world.dial_count);
  assert_true(world.conn_count < WORLD_CONNS_MAX);
  ah_connector *connector = world.dials[index];
  world_conn *conn = calloc(1, sizeof(*conn));
  assert_non_null(conn);
  atomic_init(&conn->base.refs, 1);
  conn->base.ops = &world_conn_ops;
  conn->base.loop = &world.loop;
  conn->base.keep_alive_ms = UINT32_MAX;
  conn->is_h2 = slots > 0;
  conn->slots_max = slots > 0 ? slots : 1;
  conn->base.slots = conn->slots_max;
  conn->slots_task.run = world_conn_tell_slots;
  ah_list_init(&conn->exchanges);
  world.conns[world.conn_count++] = conn;
  world_remove_dial(connector);
  const ah_connect_times times = {
      .dns = 1, .connect = 20, .tls = 300, .attempts = 1};
  connector->opts.done(connector->opts.owner, connector, &conn->base,
                       conn->is_h2 ? AH_PROTOCOL_H2 : AH_PROTOCOL_H1, &times,
                       NULL);
  ah_free(connector);
  assert_int_equal(conn->base.id, world.conn_count);
  return conn;
}

static inline world_conn *world_connect_h1(size_t index)
{
  world_conn *conn = world_connect(index, 0);
  world_turn();
  return conn;
}

static inline world_conn *world_connect_h2(size_t index, uint32_t slots)
{
  world_conn *conn = world_connect(index, slots);
  world_turn();
  return conn;
}

static inline void world_fail_dial(size_t index, int code)
{
  assert_true(index < world.dial_count);
  ah_connector *connector = world.dials[index];
  world_remove_dial(connector);
  const ah_connect_times times = {.dns = 2, .connect = 30, .attempts = 1};
  ahttp_error err;
  ah_error_plain(&err, code, AHTTP_PHASE_CONNECT);
  connector->opts.done(connector->opts.owner, connector, NULL,
                       AH_PROTOCOL_UNKNOWN, &times, &err);
  ah_free(connector);
  world_turn();
}

/* The response to the oldest exchange of |conn| is complete.  The turn goes
 * on. */
static inline void world_finish_in_turn(world_conn *conn)
{
  ah_exchange *exchange = world_conn_first(conn);
  ah_assert(exchange != NULL);
  world_conn_detach(conn, exchange);
  ah_exchange_end(exchange, NULL);
  conn->base.owner_ops->on_slots(conn->base.owner, &conn->base);
}

static inline void world_finish(world_conn *conn)
{
  world_finish_in_turn(conn);
  world_turn();
}

/* |conn| dies and fails what it carries. */
static inline void world_kill(world_conn *conn, int code)
{
  const ahttp_error err = {.code = code};
  world_conn_close(&conn->base, &err);
  world_turn();
}

/* |conn| takes no more exchanges (GOAWAY). */
static inline void world_drain(world_conn *conn)
{
  conn->base.draining = true;
  conn->base.slots = 0;
  conn->base.owner_ops->on_draining(conn->base.owner, &conn->base);
  world_turn();
}

/* |conn|, which speaks HTTP/2, is |in_doubt| from now on, or no longer. */
static inline void world_doubt(world_conn *conn, bool in_doubt)
{
  conn->base.in_doubt = in_doubt;
  conn->base.slots = in_doubt ? 0 : conn->slots_max - conn->base.active;
  conn->base.owner_ops->on_slots(conn->base.owner, &conn->base);
  world_turn();
}

/* Exchanges. */

static void world_on_done(ah_exchange *exchange)
{
  world_exchange *we = AH_CONTAINER(exchange, world_exchange, exchange);
  assert_int_equal(we->code, 1);
  assert_null(exchange->conn);
  assert_false(ah_list_is_linked(&exchange->node));
  we->code = exchange->error.code;
  world.done_count++;
  ah_pool_release_origin(world.pool, exchange->origin);
  if (we->on_done != NULL) {
    we->on_done(we);
  }
}

static void world_on_event(ah_exchange *exchange)
{
  (void)exchange;
}

static void world_on_informational(ah_exchange *exchange,
                                   const ah_response_head *head)
{
  (void)exchange;
  (void)head;
}

static void world_on_body(ah_exchange *exchange, const uint8_t *data,
                          size_t len)
{
  (void)exchange;
  (void)data;
  (void)len;
}

static const ah_exchange_sink world_sink = {
    .on_informational = world_on_informational,
    .on_head = world_on_event,
    .on_body = world_on_body,
    .on_trailers = world_on_event,
    .on_upload = world_on_event,
    .on_done = world_on_done,
};

/* What most requests go over. */
static const ah_route world_route = {.tls = &world_tls};

static inline int world_get_origin(const char *scheme, const char *host,
                                   ah_origin **out)
{
  const ahttp_url url = {
      .scheme = ah_str_from_c(scheme),
      .host = ah_str_from_c(host),
      .port = strcmp(scheme, "https") == 0 ? 443 : 80,
  };
  return ah_pool_origin(world.pool, &url, &world_route, out);
}

/* Makes |we| a GET request to |host|, not started. */
static inline void world_prepare(world_exchange *we, const char *scheme,
                                 const char *host)
{
  *we = (world_exchange){.code = 1};
  ah_exchange_init(&we->exchange);
  ah_arena_init(&we->arena, NULL, 0);
  ah_fields_init(&we->fields, &we->arena);
  we->exchange.sink = &world_sink;
  we->exchange.loop = &world.loop;
  we->exchange.request.traits = AH_METHOD_SAFE | AH_METHOD_IDEMPOTENT;
  we->exchange.request.fields = &we->fields;
  we->exchange.timeouts.connect_ms = 5000;
  we->exchange.timeouts.read_ms = UINT32_MAX;
  we->exchange.timeouts.write_ms = UINT32_MAX;
  we->exchange.timeouts.pool_ms = UINT32_MAX;
  assert_int_equal(world_get_origin(scheme, host, &we->exchange.origin),
                   AHTTP_OK);
}

static inline void world_launch(world_exchange *we)
{
  ah_exchange_start(&we->exchange, ah_pool_transport(world.pool));
}

/* Starts |count| requests to |host| in one turn. */
static inline void world_start(world_exchange *we, size_t count,
                               const char *scheme, const char *host)
{
  for (size_t i = 0; i < count; i++) {
    world_prepare(&we[i], scheme, host);
    world_launch(&we[i]);
  }
  world_turn();
}

static inline void world_cancel(world_exchange *we)
{
  static const ahttp_error err = {.code = AHTTP_ECANCELED};
  ah_exchange_cancel(&we->exchange, &err);
}

static inline bool world_is_on(const world_exchange *we, const world_conn *conn)
{
  return we->exchange.conn == &conn->base;
}

static inline ahttp_client_stats world_stats(void)
{
  ahttp_client_stats stats = {.size = sizeof(stats)};
  ah_pool_stats(world.pool, &stats);
  return stats;
}

static inline void assert_stats(uint64_t waiting, uint64_t open, uint64_t idle,
                                uint64_t dialing)
{
  ahttp_client_stats stats = world_stats();
  assert_int_equal(stats.calls_waiting, waiting);
  assert_int_equal(stats.conns_open, open);
  assert_int_equal(stats.conns_idle, idle);
  assert_int_equal(stats.conns_dialing, dialing);
}

/* The world itself. */

static inline ah_pool_opts world_opts(void)
{
  return (ah_pool_opts){
      .conns_max = 100,
      .conns_per_origin_max = UINT32_MAX,
      .conns_idle_max = 20,
      .idle_ms = 5000,
      .h2_conns_per_origin_max = 1,
      .h2_streams_max = 100,
      .route = &world_route,
  };
}

static inline int world_try_open(const ah_pool_opts *opts)
{
  memset(&world, 0, sizeof(world));
  virtual_loop_init(&world.loop);
  return ah_pool_new(&world.pool, &world.loop, NULL, opts);
}

static inline void world_open(const ah_pool_opts *opts)
{
  assert_int_equal(world_try_open(opts), AHTTP_OK);
}

static void world_on_closed(void *arg)
{
  assert_ptr_equal(arg, &world);
  world.is_closed = true;
}

/* Closes the pool, expecting that it takes everything with it. */
static inline void world_close(void)
{
  ah_pool_close(world.pool, world_on_closed, &world);
  assert_false(world.is_closed);
  virtual_loop_turn(&world.loop);
  assert_true(world.is_closed);
  assert_int_equal(world.dial_count, 0);
  assert_true(ah_list_is_empty(&world.loop.tasks));
  assert_true(ah_list_is_empty(&world.loop.deadlines));
  for (size_t i = 0; i < world.conn_count; i++) {
    assert_true(world.conns[i]->is_closed);
    free(world.conns[i]);
  }
  assert_int_equal(world_tls.refs, 1);
}

/* Around every case: a world with the default limits, or others. */
static inline int world_setup(void **state)
{
  (void)state;
  const ah_pool_opts opts = world_opts();
  world_open(&opts);
  return 0;
}

static inline int world_teardown(void **state)
{
  (void)state;
  world_close();
  return 0;
}

static inline void world_reopen(const ah_pool_opts *opts)
{
  world_close();
  world_open(opts);
}

#endif
