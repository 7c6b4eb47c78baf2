/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "transport/pool.h"

#include "support/pool_world.h"

enum {
  MANY = 100
};

static world_exchange exchanges[4 * MANY];

static void assert_all(size_t from, size_t count, int code)
{
  for (size_t i = from; i < from + count; i++) {
    assert_int_equal(exchanges[i].code, code);
  }
}

/* Failed dials. */

static void pool_fails_waiters_with_the_last_dial(void **state)
{
  (void)state;
  world_start(exchanges, 3, "http", "a.test");
  world_fail_dial(0, AHTTP_EREFUSED);
  world_fail_dial(0, AHTTP_EREFUSED);
  assert_all(0, 3, 1);
  assert_stats(3, 0, 0, 1);
  world_fail_dial(0, AHTTP_EUNREACHABLE);
  assert_all(0, 3, AHTTP_EUNREACHABLE);
  assert_int_equal(world.dials_made, 3);
}

static void pool_does_not_redial_while_a_connection_serves(void **state)
{
  (void)state;
  world_start(exchanges, 4, "http", "a.test");
  world_conn *conn = world_connect_h1(0);
  for (int i = 0; i < 3; i++) {
    world_fail_dial(0, AHTTP_EREFUSED);
  }
  assert_stats(3, 1, 0, 0);
  assert_int_equal(world.dials_made, 4);
  world_start(&exchanges[4], 1, "http", "a.test");
  assert_int_equal(world.dial_count, 1); /* a newcomer has his own try */
  world_fail_dial(0, AHTTP_EREFUSED);
  for (int i = 0; i < 5; i++) {
    world_finish(conn);
  }
  assert_all(0, 5, AHTTP_OK);
  world_start(&exchanges[5], 2, "http", "a.test");
  assert_stats(1, 1, 0, 1); /* all is forgotten */
}

static void pool_redials_when_a_connection_closes(void **state)
{
  (void)state;
  world_start(exchanges, 4, "http", "a.test");
  world_conn *a = world_connect_h1(0);
  world_conn *b = world_connect_h1(0);
  world_fail_dial(0, AHTTP_EREFUSED);
  world_fail_dial(0, AHTTP_EREFUSED);
  assert_stats(2, 2, 0, 0);
  world_kill(a, AHTTP_ELIMIT);
  assert_stats(2, 1, 0, 1);
  world_fail_dial(0, AHTTP_EREFUSED);
  assert_stats(2, 1, 0, 0);
  world_kill(b, AHTTP_ELIMIT);
  assert_stats(2, 0, 0, 2);
  world_fail_dial(0, AHTTP_EREFUSED);
  world_fail_dial(0, AHTTP_EREFUSED);
  assert_all(2, 2, AHTTP_EREFUSED);
}

/* Retries. */

static void pool_puts_an_unsent_exchange_first(void **state)
{
  (void)state;
  ah_pool_opts opts = world_opts();
  opts.conns_per_origin_max = 1;
  world_reopen(&opts);
  world_start(exchanges, 3, "http", "a.test");
  world_conn *conn = world_connect_h1(0);
  exchanges[0].exchange.request.traits = 0; /* any method */
  world_advance(7);
  world_kill(conn, AHTTP_EWRITE);
  assert_all(0, 3, 1);
  conn = world_connect_h1(0);
  assert_true(world_is_on(&exchanges[0], conn));
  assert_int_equal(exchanges[0].exchange.facts.attempts, 2);
  assert_int_equal(exchanges[0].exchange.times.started,
                   exchanges[0].exchange.times.attached);
}

/* One exchange on a connection that was used before, written. */
static world_conn *write_on_reused(const char *scheme, uint32_t slots)
{
  world_start(exchanges, 1, scheme, "a.test");
  world_conn *conn = world_connect(0, slots);
  world_turn();
  world_finish(conn);
  world_start(exchanges, 1, scheme, "a.test");
  assert_true(world_is_on(&exchanges[0], conn));
  exchanges[0].exchange.facts.written = true;
  return conn;
}

static void pool_resends_on_a_fresh_connection_only(void **state)
{
  (void)state;
  /* A second connection, as old as the first, is idle. */
  world_start(exchanges, 2, "http", "a.test");
  world_conn *a = world_connect_h1(0);
  world_conn *b = world_connect_h1(0);
  world_finish(b);
  exchanges[0].exchange.facts.written = true;
  exchanges[0].exchange.facts.conn_reused = true;
  world_kill(a, AHTTP_EDISCONNECTED);
  assert_stats(1, 1, 1, 1);
  world_start(&exchanges[2], 1, "http", "a.test"); /* others may use it */
  assert_true(world_is_on(&exchanges[2], b));
  world_finish(b);
  assert_stats(1, 1, 1, 1);
  world_conn *c = world_connect_h1(0);
  assert_true(world_is_on(&exchanges[0], c));
  assert_true(exchanges[0].exchange.facts.resent);
  exchanges[0].exchange.facts.written = true;
  exchanges[0].exchange.facts.conn_reused = true;
  world_kill(c, AHTTP_EDISCONNECTED);
  assert_int_equal(exchanges[0].code, AHTTP_EDISCONNECTED); /* once is enough */
}

static void pool_makes_room_for_a_fresh_connection(void **state)
{
  (void)state;
  ah_pool_opts opts = world_opts();
  opts.conns_per_origin_max = 2;
  world_reopen(&opts);
  world_start(exchanges, 3, "http", "a.test");
  world_conn *a = world_connect_h1(0);
  world_conn *b = world_connect_h1(0);
  exchanges[0].exchange.facts.written = true;
  exchanges[0].exchange.facts.conn_reused = true;
  exchanges[1].exchange.facts.written = true;
  exchanges[1].exchange.facts.conn_reused = true;
  world_kill(a, AHTTP_EREAD);
  world_conn *c = world_connect_h1(0);
  assert_true(world_is_on(&exchanges[0], c));
  world_kill(b, AHTTP_EREAD);
  assert_stats(2, 1, 0, 1);
  world_finish(c);
  assert_true(world_is_on(&exchanges[2], c)); /* too old for the first */
  world_finish(c);
  assert_stats(1, 1, 1, 1);
  world_fail_dial(0, AHTTP_EREFUSED);
  assert_int_equal(exchanges[1].code, AHTTP_EREFUSED);
}

static void pool_fails_a_fresh_connection_that_died(void **state)
{
  (void)state;
  world_start(exchanges, 1, "http", "a.test");
  exchanges[0].exchange.facts.written = true;
  world_conn *conn = world_connect_h1(0);
  world_kill(conn, AHTTP_EDISCONNECTED);
  assert_int_equal(exchanges[0].code, AHTTP_EDISCONNECTED);
}

static void pool_resends_what_is_idempotent_by_its_key(void **state)
{
  (void)state;
  world_conn *conn = write_on_reused("http", 0);
  exchanges[0].exchange.request.traits = AH_METHOD_HAS_CONTENT;
  world_kill(conn, AHTTP_EDISCONNECTED);
  assert_int_equal(exchanges[0].code, AHTTP_EDISCONNECTED);

  conn = write_on_reused("http", 0);
  exchanges[0].exchange.request.traits = AH_METHOD_HAS_CONTENT;
  assert_int_equal(ah_fields_add_view(&exchanges[0].fields,
                                      AH_STR("Idempotency-Key"), AH_STR("7"),
                                      AH_FIELD_IDEMPOTENCY_KEY),
                   AHTTP_OK);
  world_kill(conn, AHTTP_EDISCONNECTED);
  assert_int_equal(exchanges[0].code, 1);
  world_finish(world_connect_h1(0));
  assert_int_equal(exchanges[0].code, AHTTP_OK);
  ah_arena_clear(&exchanges[0].arena);
}

static void pool_resends_only_content_that_can_be_read_again(void **state)
{
  (void)state;
  ah_body body = {.length = 3};
  world_conn *conn = write_on_reused("http", 0);
  exchanges[0].exchange.request.body = &body;
  exchanges[0].exchange.bytes.upload = 3;
  world_kill(conn, AHTTP_EDISCONNECTED);
  assert_int_equal(exchanges[0].code, AHTTP_EDISCONNECTED);

  body.can_rewind = true;
  conn = write_on_reused("http", 0);
  exchanges[0].exchange.request.body = &body;
  exchanges[0].exchange.bytes.upload = 3;
  world_kill(conn, AHTTP_EDISCONNECTED);
  assert_int_equal(exchanges[0].code, 1);
  assert_int_equal(exchanges[0].exchange.bytes.upload, 0);
}

static void pool_resends_http2_on_any_connection(void **state)
{
  (void)state;
  world_conn *conn = write_on_reused("https", 100);
  world_kill(conn, AHTTP_EDISCONNECTED);
  assert_stats(1, 0, 0, 1);
  world_conn *next = world_connect_h2(0, 100);
  assert_true(world_is_on(&exchanges[0], next));
}

static void pool_resends_what_was_refused(void **state)
{
  (void)state;
  const ahttp_error err = {.code = AHTTP_ESTREAM};
  world_conn *conn = write_on_reused("https", 100);
  exchanges[0].exchange.request.traits = 0;
  for (int i = 0; i < 2; i++) {
    world_conn_detach(conn, &exchanges[0].exchange);
    ah_exchange_fail(&exchanges[0].exchange, &err, true);
    world_turn();
    assert_true(world_is_on(&exchanges[0], conn));
    exchanges[0].exchange.facts.written = true;
  }
  world_conn_detach(conn, &exchanges[0].exchange);
  ah_exchange_fail(&exchanges[0].exchange, &err, true);
  world_turn();
  assert_int_equal(exchanges[0].code, AHTTP_ESTREAM);
}

/* A server that takes two requests on each connection, and says so late. */
static void pool_serves_first_who_was_refused_more_often(void **state)
{
  (void)state;
  const ahttp_error err = {.code = AHTTP_EGOAWAY};
  world_start(exchanges, 6, "https", "a.test");
  for (int round = 0; round < 3; round++) {
    world_conn *conn = world_connect_h2(0, 100);
    world_finish_in_turn(conn);
    world_finish_in_turn(conn);
    world_drain(conn);
    while (conn->base.active > 0) { /* in whatever order */
      ah_list_node *last = ah_list_last(&conn->exchanges);
      assert_non_null(last);
      if (last == NULL) {
        break; /* the compiler cannot know that an assertion does not return */
      }
      ah_exchange *exchange = AH_CONTAINER(last, ah_exchange, node);
      world_conn_detach(conn, exchange);
      ah_exchange_fail(exchange, &err, true);
    }
    world_start(&exchanges[10 + 5 * round], 5, "https", "a.test");
    world_kill(conn, AHTTP_EGOAWAY);
  }
  assert_all(0, 6, AHTTP_OK);
}

/* Cancelling. */

static void pool_cancel_before_serving_leaves_nothing(void **state)
{
  (void)state;
  world_prepare(&exchanges[0], "http", "a.test");
  world_launch(&exchanges[0]);
  world_cancel(&exchanges[0]);
  world_turn();
  assert_int_equal(exchanges[0].code, AHTTP_ECANCELED);
  assert_int_equal(world.dials_made, 0);
}

static void pool_cancel_stops_the_dial_at_once(void **state)
{
  (void)state;
  world_start(exchanges, 2, "http", "a.test");
  world_cancel(&exchanges[0]);
  assert_stats(1, 0, 0, 1);
  world_cancel(&exchanges[1]);
  assert_stats(0, 0, 0, 0);
  world_turn();
  assert_int_equal(world.dials_canceled, 2);
}

static void pool_cancel_keeps_the_scout_for_the_others(void **state)
{
  (void)state;
  world_start(exchanges, 3, "https", "a.test");
  world_cancel(&exchanges[0]);
  world_cancel(&exchanges[1]);
  world_turn();
  assert_stats(1, 0, 0, 1);
  world_conn *conn = world_connect_h2(0, 100);
  assert_true(world_is_on(&exchanges[2], conn));
}

static void pool_cancel_in_the_middle_keeps_the_order(void **state)
{
  (void)state;
  ah_pool_opts opts = world_opts();
  opts.conns_per_origin_max = 1;
  world_reopen(&opts);
  world_start(exchanges, 4, "http", "a.test");
  world_conn *conn = world_connect_h1(0);
  world_cancel(&exchanges[1]);
  world_turn();
  world_finish(conn);
  assert_true(world_is_on(&exchanges[2], conn));
  world_cancel(&exchanges[2]); /* HTTP/1.1: the connection goes with it */
  world_turn();
  assert_true(conn->is_closed);
  assert_stats(1, 0, 0, 1);
}

/* The pool timeout. */

static void pool_timeout_runs_while_a_limit_forbids_a_dial(void **state)
{
  (void)state;
  ah_pool_opts opts = world_opts();
  opts.conns_per_origin_max = 1;
  world_reopen(&opts);
  for (int i = 0; i < 3; i++) {
    world_prepare(&exchanges[i], "http", "a.test");
    exchanges[i].exchange.timeouts.pool_ms = 1000;
    world_launch(&exchanges[i]);
  }
  world_advance(999);
  assert_all(0, 3, 1);
  world_advance(1);
  /* The first waits for the dial, which has a timeout of its own. */
  assert_int_equal(exchanges[0].code, 1);
  assert_all(1, 2, AHTTP_ETIMEOUT_POOL);
  assert_stats(1, 0, 0, 1);
}

static void pool_timeout_begins_when_the_limit_does(void **state)
{
  (void)state;
  ah_pool_opts opts = world_opts();
  opts.conns_per_origin_max = 2;
  world_reopen(&opts);
  for (int i = 0; i < 4; i++) {
    world_prepare(&exchanges[i], "https", "a.test");
    exchanges[i].exchange.timeouts.pool_ms = 1000;
    world_launch(&exchanges[i]);
  }
  world_advance(4000); /* two scouts */
  assert_all(0, 4, 1);
  world_conn *conn = world_connect_h1(0);
  world_advance(900);
  world_kill(conn, AHTTP_ELIMIT); /* now a dial is for the third */
  assert_int_equal(world.dial_count, 2);
  world_advance(100);
  assert_int_equal(exchanges[2].code, 1);
  assert_int_equal(exchanges[3].code, AHTTP_ETIMEOUT_POOL);
}

/* One dial may serve as many as a connection has streams. */
static void pool_timeout_rests_for_those_an_http2_dial_may_serve(void **state)
{
  (void)state;
  ah_pool_opts opts = world_opts();
  opts.h2_streams_max = 2;
  world_reopen(&opts);
  world_start(exchanges, 1, "https", "a.test");
  world_kill(world_connect_h2(0, 2), AHTTP_ELIMIT); /* now it is known */
  for (int i = 0; i < 4; i++) {
    world_prepare(&exchanges[i], "https", "a.test");
    exchanges[i].exchange.timeouts.pool_ms = 1000;
    world_launch(&exchanges[i]);
  }
  world_advance(1000);
  assert_stats(2, 0, 0, 1);
  assert_all(0, 2, 1);
  assert_all(2, 2, AHTTP_ETIMEOUT_POOL);
}

static void pool_timeout_ends_with_the_waiting(void **state)
{
  (void)state;
  ah_pool_opts opts = world_opts();
  opts.conns_per_origin_max = 1;
  world_reopen(&opts);
  world_start(exchanges, 1, "http", "a.test");
  world_conn *conn = world_connect_h1(0);
  world_prepare(&exchanges[1], "http", "a.test");
  exchanges[1].exchange.timeouts.pool_ms = 1000;
  world_launch(&exchanges[1]);
  world_advance(999);
  world_finish(conn);
  world_advance(10000);
  assert_int_equal(exchanges[1].code, 1);
  assert_true(world_is_on(&exchanges[1], conn));
}

/* Fairness. */

static void pool_gives_every_origin_a_connection(void **state)
{
  (void)state;
  ah_pool_opts opts = world_opts();
  opts.conns_max = 4;
  world_reopen(&opts);
  world_start(exchanges, MANY, "http", "greedy.test");
  for (int i = 0; i < 4; i++) {
    (void)world_connect_h1(0);
  }
  world_start(&exchanges[MANY], 2, "http", "modest.test");
  assert_stats(MANY - 4 + 2, 4, 0, 0);
  world_finish(world.conns[2]);
  assert_true(world.conns[2]->is_closed); /* though its own origin waits */
  world_conn *conn = world_connect_h1(0);
  assert_true(world_is_on(&exchanges[MANY], conn));
  world_finish(conn);
  assert_true(world_is_on(&exchanges[MANY + 1], conn));
  world_finish(world.conns[0]); /* nobody is without one any more */
  assert_false(world.conns[0]->is_closed);
  world_finish(conn);
  assert_true(conn->is_closed); /* idle: the greedy one may have it */
  assert_stats(MANY - 5, 3, 0, 1);
}

static void pool_serves_starved_origins_in_turn(void **state)
{
  (void)state;
  ah_pool_opts opts = world_opts();
  opts.conns_max = 2;
  world_reopen(&opts);
  static const char *const hosts[] = {"a.test", "b.test", "c.test"};
  world_start(&exchanges[0], 2, "http", "first.test");
  (void)world_connect_h1(0);
  (void)world_connect_h1(0);
  for (size_t i = 0; i < 3; i++) {
    world_start(&exchanges[10 * (i + 1)], 5, "http", hosts[i]);
  }
  /* Each time a connection becomes idle, the next origin gets its place. */
  for (size_t i = 0; i < 9; i++) {
    world_finish(world.conns[i]);
    world_conn *conn = world_connect_h1(0);
    assert_string_equal(conn->base.origin->host.ptr, hosts[i % 3]);
  }
}

static void launch_next(world_exchange *we)
{
  world_launch(we->user_data);
}

/* An exchange need not wait for the end of the turn ... */
static void pool_gives_what_is_idle_at_once(void **state)
{
  (void)state;
  world_start(&exchanges[0], 1, "http", "a.test");
  world_conn *conn = world_connect_h1(0);
  world_finish(conn);
  world_prepare(&exchanges[1], "http", "a.test");
  world_prepare(&exchanges[2], "http", "a.test");
  world_launch(&exchanges[1]);
  world_launch(&exchanges[2]);
  assert_true(world_is_on(&exchanges[1], conn));
  assert_stats(1, 1, 0, 0); /* there was one */
  world_turn();
  assert_stats(1, 1, 0, 1);
}

/* ... but one that follows the other does not keep the only connection there
 * may be from those who have none. */
static void pool_gives_at_once_only_what_nobody_lacks(void **state)
{
  (void)state;
  ah_pool_opts opts = world_opts();
  opts.conns_max = 1;
  world_reopen(&opts);
  world_start(&exchanges[0], 1, "http", "greedy.test");
  world_conn *conn = world_connect_h1(0);
  world_prepare(&exchanges[1], "http", "greedy.test");
  exchanges[0].on_done = launch_next;
  exchanges[0].user_data = &exchanges[1];
  world_start(&exchanges[2], 1, "http", "modest.test");
  world_finish(conn);
  assert_true(conn->is_closed);
  assert_false(world_is_on(&exchanges[1], conn));
  conn = world_connect_h1(0);
  assert_true(world_is_on(&exchanges[2], conn));
}

/* Two origins that want more than there is share what becomes free. */
static void pool_shares_what_becomes_free(void **state)
{
  (void)state;
  ah_pool_opts opts = world_opts();
  opts.conns_max = 4;
  world_reopen(&opts);
  world_start(&exchanges[0], 2, "http", "a.test");
  world_start(&exchanges[10], 2, "http", "b.test");
  for (int i = 0; i < 4; i++) {
    (void)world_connect_h1(0);
  }
  world_start(&exchanges[20], 10, "http", "a.test");
  world_start(&exchanges[30], 10, "http", "b.test");
  const ahttp_error err = {.code = AHTTP_ELIMIT};
  for (int i = 0; i < 4; i++) {
    world_conn_close(&world.conns[i]->base, &err);
  }
  world_turn();
  size_t for_a = 0;
  for (size_t i = 0; i < world.dial_count; i++) {
    for_a += strcmp(world.dials[i]->origin->host.ptr, "a.test") == 0 ? 1 : 0;
  }
  assert_int_equal(world.dial_count, 4);
  assert_int_equal(for_a, 2);
}

#define pool_test(name) \
  cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      pool_test(pool_fails_waiters_with_the_last_dial),
      pool_test(pool_does_not_redial_while_a_connection_serves),
      pool_test(pool_redials_when_a_connection_closes),
      pool_test(pool_puts_an_unsent_exchange_first),
      pool_test(pool_resends_on_a_fresh_connection_only),
      pool_test(pool_makes_room_for_a_fresh_connection),
      pool_test(pool_fails_a_fresh_connection_that_died),
      pool_test(pool_resends_what_is_idempotent_by_its_key),
      pool_test(pool_resends_only_content_that_can_be_read_again),
      pool_test(pool_resends_http2_on_any_connection),
      pool_test(pool_resends_what_was_refused),
      pool_test(pool_serves_first_who_was_refused_more_often),
      pool_test(pool_cancel_before_serving_leaves_nothing),
      pool_test(pool_cancel_stops_the_dial_at_once),
      pool_test(pool_cancel_keeps_the_scout_for_the_others),
      pool_test(pool_cancel_in_the_middle_keeps_the_order),
      pool_test(pool_timeout_runs_while_a_limit_forbids_a_dial),
      pool_test(pool_timeout_begins_when_the_limit_does),
      pool_test(pool_timeout_rests_for_those_an_http2_dial_may_serve),
      pool_test(pool_timeout_ends_with_the_waiting),
      pool_test(pool_gives_every_origin_a_connection),
      pool_test(pool_serves_starved_origins_in_turn),
      pool_test(pool_gives_what_is_idle_at_once),
      pool_test(pool_gives_at_once_only_what_nobody_lacks),
      pool_test(pool_shares_what_becomes_free),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
