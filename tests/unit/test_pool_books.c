/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "transport/pool.h"

#include "support/pool_world.h"
#include "support/test_alloc.h"

enum {
  RANDOM_STEPS = 4000,
  RANDOM_EXCHANGES = 300,
  RANDOM_HOSTS = 5
};

static world_exchange exchanges[RANDOM_EXCHANGES];

static void assert_all(size_t from, size_t count, int code)
{
  for (size_t i = from; i < from + count; i++) {
    assert_int_equal(exchanges[i].code, code);
  }
}

/* The end. */

static void pool_close_ends_everything(void **state)
{
  (void)state;
  world_start(&exchanges[0], 3, "https", "scouted.test");
  world_start(&exchanges[3], 2, "http", "dialing.test");
  world_start(&exchanges[5], 2, "https", "two.test");
  world_conn *h2 = world_connect_h2(3, 100);
  world_start(&exchanges[7], 2, "http", "one.test");
  (void)world_connect_h1(3);
  world_conn *idle = world_connect_h1(3);
  world_finish(idle);
  world_drain(h2);
  world_prepare(&exchanges[9], "http", "late.test");
  world_launch(&exchanges[9]); /* not served yet */
  world_close();
  assert_all(0, 8, AHTTP_ECLOSED);
  assert_int_equal(exchanges[8].code, AHTTP_OK);
  assert_int_equal(exchanges[9].code, AHTTP_ECLOSED);
  (void)world_setup(state);
}

static void pool_close_waits_for_the_last_origin(void **state)
{
  (void)state;
  ah_origin *origin;
  assert_int_equal(world_get_origin("http", "a.test", &origin), AHTTP_OK);
  ah_pool_close(world.pool, world_on_closed, &world);
  virtual_loop_turn(&world.loop);
  assert_false(world.is_closed);
  ah_pool_release_origin(world.pool, origin);
  assert_false(world.is_closed);
  virtual_loop_turn(&world.loop);
  assert_true(world.is_closed);
  (void)world_setup(state);
}

static void start_after_close(world_exchange *we)
{
  world_exchange *next = we->user_data;
  world_prepare(next, "http", "a.test");
  world_launch(next);
}

static void pool_refuses_exchanges_after_close(void **state)
{
  (void)state;
  world_start(exchanges, 1, "http", "a.test");
  exchanges[0].on_done = start_after_close;
  exchanges[0].user_data = &exchanges[1];
  world_close();
  assert_all(0, 2, AHTTP_ECLOSED);
  (void)world_setup(state);
}

/* Memory. */

/* A pool, a profile, an origin, a dial, and the end of it all. */
static int run_one_exchange(void *arg)
{
  (void)arg;
  const ah_pool_opts opts = world_opts();
  int rv = world_try_open(&opts);
  if (rv != AHTTP_OK) {
    return rv;
  }
  unsigned id;
  rv = ah_pool_tls_id(world.pool, &world_tls, &id);
  ah_origin *origin = NULL;
  if (rv == AHTTP_OK) {
    rv = world_get_origin("https", "a.test", &origin);
  }
  if (rv == AHTTP_OK) {
    world_start(exchanges, 1, "https", "a.test");
    rv = exchanges[0].code == 1 ? AHTTP_OK : exchanges[0].code;
    ah_pool_release_origin(world.pool, origin);
  }
  world_close();
  return rv;
}

static void pool_survives_every_failed_allocation(void **state)
{
  (void)state;
  world_close();
  test_alloc_fail_each(run_one_exchange, NULL);
  (void)world_setup(state);
}

static void pool_without_memory_for_a_dial_uses_the_connection(void **state)
{
  (void)state;
  world_start(exchanges, 1, "http", "a.test");
  world_conn *conn = world_connect_h1(0);
  world_prepare(&exchanges[1], "http", "a.test");
  world_launch(&exchanges[1]);
  test_alloc_install();
  test_alloc_fail_nth(1);
  world_turn();
  test_alloc_remove();
  assert_stats(1, 1, 0, 0);
  world_finish(conn);
  assert_true(world_is_on(&exchanges[1], conn));
}

/* Anything, in any order. */

static uint32_t random_next(uint32_t *seed)
{
  *seed = *seed * 1664525U + 1013904223U; /* Numerical Recipes */
  return *seed >> 8;
}

/* A connection that is open, or NULL. */
static world_conn *random_conn(uint32_t *seed, bool in_use)
{
  for (int i = 0; i < 20 && world.conn_count > 0; i++) {
    size_t back = random_next(seed) % 40;
    if (back >= world.conn_count) {
      continue;
    }
    world_conn *conn = world.conns[world.conn_count - 1 - back];
    if (!conn->is_closed && (!in_use || conn->base.active > 0)) {
      return conn;
    }
  }
  return NULL;
}

static void random_start(uint32_t *seed)
{
  char host[8] = "h0.test";
  world_exchange *we = &exchanges[random_next(seed) % RANDOM_EXCHANGES];
  if (we->code == 1) {
    return;
  }
  host[1] = (char)('0' + random_next(seed) % RANDOM_HOSTS);
  world_prepare(we, random_next(seed) % 2 == 0 ? "http" : "https", host);
  we->exchange.timeouts.pool_ms = 100 + random_next(seed) % 4 * 100;
  world_launch(we);
}

static void random_connect(uint32_t *seed)
{
  if (world.dial_count == 0 || world.conn_count == WORLD_CONNS_MAX) {
    return;
  }
  size_t index = random_next(seed) % world.dial_count;
  if (random_next(seed) % 4 == 0) {
    world_fail_dial(index, AHTTP_EREFUSED);
    return;
  }
  const ah_origin *origin = world.dials[index]->origin;
  bool is_h2 = origin->is_tls && origin->host.ptr[1] % 2 == 0;
  (void)world_connect(index, is_h2 ? 1 + random_next(seed) % 3 : 0);
}

static void random_finish(uint32_t *seed)
{
  world_conn *conn = random_conn(seed, true);
  if (conn != NULL && !conn->base.draining) {
    world_finish_in_turn(conn);
  }
}

static void random_kill(uint32_t *seed)
{
  static const int codes[] = {AHTTP_EREAD, AHTTP_EPROTO, AHTTP_EDISCONNECTED};
  world_conn *conn = random_conn(seed, false);
  if (conn == NULL) {
    return;
  }
  AH_LIST_FOREACH (node, &conn->exchanges) {
    ah_exchange *exchange = AH_CONTAINER(node, ah_exchange, node);
    exchange->facts.written = random_next(seed) % 2 == 0;
  }
  if (random_next(seed) % 3 == 0 && !conn->base.draining) {
    world_drain(conn);
  } else {
    world_kill(conn, codes[random_next(seed) % 3]);
  }
}

static void random_doubt(uint32_t *seed)
{
  world_conn *conn = random_conn(seed, false);
  if (conn != NULL && conn->is_h2 && !conn->base.draining) {
    world_doubt(conn, !conn->base.in_doubt);
  }
}

static void random_step(uint32_t *seed)
{
  switch (random_next(seed) % 11) {
  case 0:
  case 1:
  case 2:
    random_start(seed);
    break;
  case 3:
  case 4:
    random_connect(seed);
    break;
  case 5:
  case 6:
    random_finish(seed);
    break;
  case 7:
    world_cancel(&exchanges[random_next(seed) % RANDOM_EXCHANGES]);
    break;
  case 8:
    random_kill(seed);
    break;
  case 9:
    random_doubt(seed);
    break;
  default:
    world_advance(random_next(seed) % 200);
    break;
  }
  ah_pool_check(world.pool, false);
}

/* Cancels what is left; then nothing may be. */
static void random_end(void)
{
  for (size_t i = 0; i < RANDOM_EXCHANGES; i++) {
    if (exchanges[i].code == 1) {
      world_cancel(&exchanges[i]);
    }
  }
  world_turn();
  assert_int_equal(world_stats().calls_waiting, 0);
  while (world.dial_count > 0) { /* for those who were served otherwise */
    world_fail_dial(0, AHTTP_EREFUSED);
  }
  for (size_t i = 0; i < RANDOM_EXCHANGES; i++) {
    assert_int_not_equal(exchanges[i].code, 1);
  }
  for (size_t i = 0; i < world.conn_count; i++) {
    const ah_connection *conn = &world.conns[i]->base;
    if ((conn->draining || conn->in_doubt) && !world.conns[i]->is_closed) {
      world_kill(world.conns[i], AHTTP_EGOAWAY);
    }
  }
  world_advance(5000);
  assert_stats(0, 0, 0, 0);
}

static void pool_keeps_its_books_whatever_happens(void **state)
{
  (void)state;
  for (uint32_t run = 1; run <= 30; run++) {
    uint32_t seed = run;
    ah_pool_opts opts = world_opts();
    opts.conns_max = 2 + run % 9;
    opts.conns_per_origin_max = run % 3 == 0 ? UINT32_MAX : 1 + run % 5;
    opts.conns_idle_max = run % 4;
    opts.h2_conns_per_origin_max = 1 + run % 2;
    world_reopen(&opts);
    memset(exchanges, 0, sizeof(exchanges));
    for (size_t i = 0; i < RANDOM_EXCHANGES; i++) {
      exchanges[i].exchange.ended = true; /* cancelling them does nothing */
    }
    for (int step = 0; step < RANDOM_STEPS; step++) {
      random_step(&seed);
    }
    random_end();
  }
}

#define pool_test(name) \
  cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      pool_test(pool_close_ends_everything),
      pool_test(pool_close_waits_for_the_last_origin),
      pool_test(pool_refuses_exchanges_after_close),
      pool_test(pool_survives_every_failed_allocation),
      pool_test(pool_without_memory_for_a_dial_uses_the_connection),
      pool_test(pool_keeps_its_books_whatever_happens),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
