/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "transport/pool.h"

#include <stdio.h>

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

/* Origins. */

static void pool_interns_origins(void **state)
{
  (void)state;
  ah_origin *a;
  ah_origin *b;
  ah_origin *c;
  assert_int_equal(world_get_origin("http", "a.test", &a), AHTTP_OK);
  assert_int_equal(world_get_origin("http", "a.test", &b), AHTTP_OK);
  assert_int_equal(world_get_origin("https", "a.test", &c), AHTTP_OK);
  assert_ptr_equal(a, b);
  assert_ptr_not_equal(a, c);
  assert_int_equal(a->refs, 2);
  ah_pool_release_origin(world.pool, a);
  ah_pool_release_origin(world.pool, b);
  ah_pool_release_origin(world.pool, c);
}

static void pool_tells_origins_apart_after_each_other(void **state)
{
  (void)state;
  const ahttp_url base = {
      .scheme = AH_STR("https"), .host = AH_STR("a.test"), .port = 443};
  ahttp_url urls[4] = {base, base, base, base};
  urls[1].port = 444;
  urls[2].host = AH_STR("b.test");
  urls[3].scheme = AH_STR("http");
  const ah_route other = {.tls = &world_tls, .sni = AH_STR("c.test")};
  ah_origin *origins[5];
  for (int i = 0; i < 4; i++) {
    assert_int_equal(
        ah_pool_origin(world.pool, &urls[i], &world_route, &origins[i]),
        AHTTP_OK);
  }
  assert_int_equal(ah_pool_origin(world.pool, &base, &other, &origins[4]),
                   AHTTP_OK);
  for (int i = 0; i < 5; i++) {
    for (int j = 0; j < i; j++) {
      assert_ptr_not_equal(origins[i], origins[j]);
    }
  }
  for (int i = 4; i >= 0; i--) { /* once more, the other way around */
    ah_origin *again;
    assert_int_equal(ah_pool_origin(world.pool, i == 4 ? &base : &urls[i],
                                    i == 4 ? &other : &world_route, &again),
                     AHTTP_OK);
    assert_ptr_equal(again, origins[i]);
    ah_pool_release_origin(world.pool, again);
    ah_pool_release_origin(world.pool, again);
  }
}

static void pool_keeps_a_limited_number_of_unused_origins(void **state)
{
  (void)state;
  char host[32];
  for (int i = 0; i < 3000; i++) {
    ah_origin *origin;
    (void)snprintf(host, sizeof(host), "h%d.test", i);
    assert_int_equal(world_get_origin("https", host, &origin), AHTTP_OK);
    origin->protocol = AH_PROTOCOL_H2;
    ah_pool_release_origin(world.pool, origin);
  }
  ah_pool_check(world.pool, false);
  ah_origin *recent;
  ah_origin *forgotten;
  assert_int_equal(world_get_origin("https", host, &recent), AHTTP_OK);
  assert_int_equal(world_get_origin("https", "h0.test", &forgotten), AHTTP_OK);
  assert_int_equal(recent->protocol, AH_PROTOCOL_H2);
  assert_int_equal(forgotten->protocol, AH_PROTOCOL_UNKNOWN);
  ah_pool_release_origin(world.pool, recent);
  ah_pool_release_origin(world.pool, forgotten);
}

static void pool_gives_equal_profiles_equal_numbers(void **state)
{
  (void)state;
  ah_tls_profile a = {.settings = 1};
  ah_tls_profile same = {.settings = 1};
  ah_tls_profile other = {.settings = 2};
  unsigned ids[3];
  assert_int_equal(ah_pool_tls_id(world.pool, &a, &ids[0]), AHTTP_OK);
  assert_int_equal(ah_pool_tls_id(world.pool, &same, &ids[1]), AHTTP_OK);
  assert_int_equal(ah_pool_tls_id(world.pool, &other, &ids[2]), AHTTP_OK);
  assert_int_equal(ids[0], ids[1]);
  assert_int_not_equal(ids[0], ids[2]);
  assert_int_equal(a.refs, 1);
  assert_int_equal(same.refs, 0);
  world_close(); /* drops what it held */
  assert_int_equal(a.refs, 0);
  assert_int_equal(other.refs, 0);
  (void)world_setup(state);
}

/* HTTP/1.1. */

static void pool_dials_once_for_each_waiter(void **state)
{
  (void)state;
  world_start(exchanges, 3, "http", "a.test");
  assert_int_equal(world.dial_count, 3);
  assert_stats(3, 0, 0, 3);
  world_conn *conn = world_connect_h1(1); /* whichever is first */
  assert_true(world_is_on(&exchanges[0], conn));
  assert_stats(2, 1, 0, 2);
  world_finish(conn);
  assert_int_equal(exchanges[0].code, AHTTP_OK);
  /* It was free before the next dial was done. */
  assert_true(world_is_on(&exchanges[1], conn));
  assert_stats(1, 1, 0, 2);
}

static void pool_start_does_nothing_before_the_turn_ends(void **state)
{
  (void)state;
  world_prepare(&exchanges[0], "http", "a.test");
  world_launch(&exchanges[0]);
  assert_int_equal(world.dials_made, 0);
  world_turn();
  assert_int_equal(world.dials_made, 1);
}

static void pool_reuses_the_last_used_connection(void **state)
{
  (void)state;
  world_start(exchanges, 3, "http", "a.test");
  world_conn *conns[3];
  for (int i = 0; i < 3; i++) {
    conns[i] = world_connect_h1(0);
  }
  world_finish(conns[1]);
  world_finish(conns[0]);
  world_finish(conns[2]);
  assert_stats(0, 3, 3, 0);
  world_start(exchanges, 2, "http", "a.test");
  assert_true(world_is_on(&exchanges[0], conns[2]));
  assert_true(world_is_on(&exchanges[1], conns[0]));
  assert_true(exchanges[0].exchange.facts.conn_reused);
  assert_int_equal(ah_exchange_conn_id(&exchanges[0].exchange), 3);
  assert_int_equal(world.dials_made, 3);
}

static void pool_keeps_a_surplus_dial_as_idle(void **state)
{
  (void)state;
  world_start(exchanges, 2, "http", "a.test");
  world_conn *conn = world_connect_h1(0);
  world_finish(conn);
  assert_true(world_is_on(&exchanges[1], conn));
  (void)world_connect_h1(0);
  assert_stats(0, 2, 1, 0);
}

static void pool_serves_waiters_in_their_order(void **state)
{
  (void)state;
  ah_pool_opts opts = world_opts();
  opts.conns_per_origin_max = 1;
  world_reopen(&opts);
  world_start(exchanges, 5, "http", "a.test");
  assert_int_equal(world.dial_count, 1);
  world_conn *conn = world_connect_h1(0);
  for (size_t i = 0; i < 5; i++) {
    assert_true(world_is_on(&exchanges[i], conn));
    assert_all(i, 5 - i, 1);
    world_finish(conn);
  }
  assert_int_equal(world.dials_made, 1);
  assert_stats(0, 1, 1, 0);
}

static void pool_keeps_the_limit_for_one_origin(void **state)
{
  (void)state;
  ah_pool_opts opts = world_opts();
  opts.conns_per_origin_max = 2;
  world_reopen(&opts);
  world_start(exchanges, 5, "http", "a.test");
  world_start(&exchanges[5], 1, "http", "b.test");
  assert_int_equal(world.dial_count, 3);
  world_conn *conn = world_connect_h1(0);
  (void)world_connect_h1(0);
  assert_stats(4, 2, 0, 1);
  world_kill(conn, AHTTP_ELIMIT);
  assert_stats(4, 1, 0, 2); /* its place is taken */
}

static void pool_keeps_the_total_limit(void **state)
{
  (void)state;
  ah_pool_opts opts = world_opts();
  opts.conns_max = 3;
  world_reopen(&opts);
  world_start(exchanges, 2, "http", "a.test");
  world_start(&exchanges[2], 5, "http", "b.test");
  assert_stats(7, 0, 0, 3);
  for (int i = 0; i < 3; i++) {
    (void)world_connect_h1(0);
  }
  assert_stats(4, 3, 0, 0);
}

static void pool_gives_times_to_the_exchange_that_waited(void **state)
{
  (void)state;
  world_start(exchanges, 1, "http", "a.test");
  world_advance(5);
  world_conn *conn = world_connect_h1(0);
  const ah_exchange *first = &exchanges[0].exchange;
  assert_int_equal(first->times.attached - first->times.started, 5000000);
  assert_int_equal(first->times.dns, 1);
  assert_int_equal(first->times.connect, 20);
  assert_int_equal(first->times.tls, 300);
  assert_false(first->facts.conn_reused);
  assert_int_equal(first->facts.attempts, 1);
  world_finish(conn);
  world_start(&exchanges[1], 1, "http", "a.test");
  assert_int_equal(exchanges[1].exchange.times.tls, 0);
}

static void pool_gives_times_of_a_dial_that_came_to_nothing(void **state)
{
  (void)state;
  world_start(exchanges, 2, "http", "a.test");
  world_advance(5);
  world.dials[0]->times = (ah_connect_times){.dns = 4};
  world_cancel(&exchanges[0]);
  assert_int_equal(exchanges[0].exchange.times.dns, 4);
  world_fail_dial(0, AHTTP_EREFUSED);
  assert_int_equal(exchanges[1].exchange.times.dns, 2);
  assert_int_equal(exchanges[1].exchange.times.connect, 30);
}

static void pool_gives_no_more_time_than_the_exchange_waited(void **state)
{
  (void)state;
  world_start(exchanges, 1, "http", "a.test");
  world.loop.now_ns += 310;
  (void)world_connect_h1(0);
  const ah_exchange *first = &exchanges[0].exchange;
  assert_int_equal(first->times.tls, 300);
  assert_int_equal(first->times.connect, 10);
  assert_int_equal(first->times.dns, 0);
}

/* Idle connections. */

static void pool_closes_an_idle_connection_after_its_time(void **state)
{
  (void)state;
  world_start(exchanges, 1, "http", "a.test");
  world_conn *conn = world_connect_h1(0);
  world_advance(60000); /* busy ones do not expire */
  world_finish(conn);
  world_advance(4999);
  assert_false(conn->is_closed);
  world_advance(1);
  assert_true(conn->is_closed);
  assert_stats(0, 0, 0, 0);
}

static void pool_closes_before_the_server_does(void **state)
{
  (void)state;
  world_start(exchanges, 2, "http", "a.test");
  world_conn *short_lived = world_connect_h1(0);
  world_conn *long_lived = world_connect_h1(0);
  short_lived->base.keep_alive_ms = 3000;
  long_lived->base.keep_alive_ms = 60000;
  world_finish(short_lived);
  world_finish(long_lived);
  world_advance(1999);
  assert_false(short_lived->is_closed);
  world_advance(1);
  assert_true(short_lived->is_closed);
  assert_false(long_lived->is_closed);
  world_advance(3000);
  assert_true(long_lived->is_closed);
}

static void pool_closes_the_oldest_above_the_idle_limit(void **state)
{
  (void)state;
  ah_pool_opts opts = world_opts();
  opts.conns_idle_max = 2;
  world_reopen(&opts);
  world_start(exchanges, 3, "http", "a.test");
  world_conn *conns[3];
  for (int i = 0; i < 3; i++) {
    conns[i] = world_connect_h1(0);
  }
  world_finish(conns[2]);
  world_finish(conns[0]);
  world_finish(conns[1]);
  assert_true(conns[2]->is_closed);
  assert_false(conns[0]->is_closed || conns[1]->is_closed);
  assert_stats(0, 2, 2, 0);
}

static void start_another(world_exchange *we)
{
  world_exchange *next = we->user_data;
  world_prepare(next, "http", "a.test");
  world_launch(next);
}

static void pool_keeps_connections_for_a_burst_that_goes_on(void **state)
{
  (void)state;
  ah_pool_opts opts = world_opts();
  opts.conns_idle_max = 1;
  world_reopen(&opts);
  world_start(exchanges, MANY, "http", "a.test");
  for (int i = 0; i < MANY; i++) {
    (void)world_connect_h1(0);
    exchanges[i].on_done = start_another;
    exchanges[i].user_data = &exchanges[MANY + i];
  }
  for (int i = 0; i < MANY; i++) {
    world_finish_in_turn(world.conns[i]);
  }
  world_turn();
  assert_int_equal(world.dials_made, MANY);
  assert_stats(0, MANY, 0, 0);
  for (int i = 0; i < MANY; i++) {
    world_finish_in_turn(world.conns[i]);
  }
  world_turn();
  assert_stats(0, 1, 1, 0);
}

static void pool_evicts_the_longest_idle_of_any_origin(void **state)
{
  (void)state;
  ah_pool_opts opts = world_opts();
  opts.conns_max = 3;
  world_reopen(&opts);
  world_start(&exchanges[0], 1, "http", "a.test");
  world_start(&exchanges[1], 1, "http", "b.test");
  world_start(&exchanges[2], 1, "http", "c.test");
  for (int i = 0; i < 3; i++) {
    (void)world_connect_h1(0);
  }
  world_finish(world.conns[1]);
  world_finish(world.conns[0]);
  world_start(&exchanges[3], 1, "http", "d.test");
  assert_true(world.conns[1]->is_closed);
  assert_false(world.conns[0]->is_closed || world.conns[2]->is_closed);
  assert_stats(1, 2, 1, 1);
}

/* The scout. */

static void pool_sends_one_scout_and_puts_all_on_http2(void **state)
{
  (void)state;
  world_start(exchanges, MANY, "https", "a.test");
  assert_int_equal(world.dial_count, 1);
  assert_stats(MANY, 0, 0, 1);
  world_conn *conn = world_connect_h2(0, MANY);
  for (int i = 0; i < MANY; i++) {
    assert_true(world_is_on(&exchanges[i], conn));
  }
  assert_int_equal(world.dials_made, 1);
  assert_false(exchanges[0].exchange.facts.conn_reused);
  assert_true(exchanges[1].exchange.facts.conn_reused);
  assert_int_equal(exchanges[0].exchange.times.connect,
                   0); /* it took no time */
  assert_stats(0, 1, 0, 0);
}

static void pool_dials_for_all_when_the_scout_finds_http1(void **state)
{
  (void)state;
  ah_pool_opts opts = world_opts();
  opts.conns_per_origin_max = 10;
  world_reopen(&opts);
  world_start(exchanges, MANY, "https", "a.test");
  world_conn *conn = world_connect_h1(0);
  assert_true(world_is_on(&exchanges[0], conn));
  assert_stats(MANY - 1, 1, 0, 9);
}

static void pool_remembers_the_protocol(void **state)
{
  (void)state;
  world_start(exchanges, 1, "https", "a.test");
  world_finish(world_connect_h1(0));
  world_advance(5000);
  assert_stats(0, 0, 0, 0);
  world_start(exchanges, 7, "https", "a.test");
  assert_int_equal(world.dial_count, 7);
}

static void pool_fails_all_waiters_with_the_scout(void **state)
{
  (void)state;
  world_start(exchanges, MANY, "https", "a.test");
  world_fail_dial(0, AHTTP_EREFUSED);
  assert_all(0, MANY, AHTTP_EREFUSED);
  assert_int_equal(exchanges[7].exchange.error.phase, AHTTP_PHASE_CONNECT);
  assert_int_equal(world.dials_made, 1);
  assert_stats(0, 0, 0, 0);
}

static void pool_sends_a_second_scout_after_the_slow_one(void **state)
{
  (void)state;
  world_start(exchanges, 5, "https", "a.test");
  world_advance(299);
  assert_int_equal(world.dial_count, 1);
  world_advance(1);
  assert_int_equal(world.dial_count, 2);
  world_advance(10000); /* and no third */
  assert_int_equal(world.dial_count, 2);
  world_fail_dial(0, AHTTP_ETIMEOUT_CONNECT);
  assert_all(0, 5, 1);
  world_conn *conn = world_connect_h2(0, 100);
  assert_true(world_is_on(&exchanges[4], conn));
  assert_int_equal(world.dials_made, 2);
}

static void pool_sends_no_second_scout_for_one_waiter(void **state)
{
  (void)state;
  world_start(exchanges, 1, "https", "a.test");
  world_advance(10000);
  assert_int_equal(world.dial_count, 1);
}

static void pool_calls_the_second_scout_off_when_http2_is_there(void **state)
{
  (void)state;
  world_start(exchanges, 5, "https", "a.test");
  world_advance(300);
  (void)world_connect_h2(1, 100);
  assert_int_equal(world.dials_canceled, 1);
  assert_stats(0, 1, 0, 0);
}

static void pool_uses_the_second_scout_when_http1_is_there(void **state)
{
  (void)state;
  world_start(exchanges, 5, "https", "a.test");
  world_advance(300);
  (void)world_connect_h1(0);
  assert_stats(4, 1, 0, 4); /* the second scout is one of them */
  assert_int_equal(world.dials_made, 5);
}

static void pool_scouts_nothing_where_the_policy_decides(void **state)
{
  (void)state;
  const ahttp_url url = {
      .scheme = AH_STR("https"), .host = AH_STR("a.test"), .port = 443};
  for (int i = 0; i < 3; i++) {
    const ah_route route = {.tls = &world_tls, .http = AHTTP_HTTP_1_1};
    world_prepare(&exchanges[i], "http", "unused.test");
    ah_pool_release_origin(world.pool, exchanges[i].exchange.origin);
    assert_int_equal(
        ah_pool_origin(world.pool, &url, &route, &exchanges[i].exchange.origin),
        AHTTP_OK);
    world_launch(&exchanges[i]);
  }
  world_turn();
  assert_int_equal(world.dial_count, 3);
}

/* HTTP/2. */

static void pool_waits_for_streams_to_end(void **state)
{
  (void)state;
  world_start(exchanges, 5, "https", "a.test");
  world_conn *conn = world_connect_h2(0, 2);
  assert_stats(3, 1, 0, 0);
  world_finish(conn);
  assert_true(world_is_on(&exchanges[2], conn));
  world_finish_in_turn(conn);
  world_finish_in_turn(conn);
  world_turn();
  assert_true(world_is_on(&exchanges[3], conn));
  assert_true(world_is_on(&exchanges[4], conn));
  assert_int_equal(world.dials_made, 1);
}

static void pool_opens_another_http2_connection_only_when_full(void **state)
{
  (void)state;
  ah_pool_opts opts = world_opts();
  opts.h2_conns_per_origin_max = 2;
  world_reopen(&opts);
  world_start(exchanges, 2, "https", "a.test");
  world_conn *first = world_connect_h2(0, 2);
  assert_int_equal(world.dial_count, 0);
  world_start(&exchanges[2], 3, "https", "a.test");
  assert_int_equal(world.dial_count, 1);
  world_finish(first); /* quicker than the dial */
  assert_true(world_is_on(&exchanges[2], first));
  world_conn *second = world_connect_h2(0, 2);
  assert_true(world_is_on(&exchanges[4], second));
  world_start(&exchanges[5], 3, "https", "a.test");
  assert_stats(3, 2, 0, 0);
}

static void pool_finds_the_http2_connection_with_a_free_stream(void **state)
{
  (void)state;
  ah_pool_opts opts = world_opts();
  opts.h2_conns_per_origin_max = 3;
  world_reopen(&opts);
  world_start(exchanges, 3, "https", "a.test");
  for (int i = 0; i < 3; i++) {
    (void)world_connect_h2(0, 1);
  }
  /* The one in the middle has a stream; then the others say that they have
   * none. */
  world_finish_in_turn(world.conns[1]);
  for (int i = 0; i < 3; i += 2) {
    ah_connection *full = &world.conns[i]->base;
    full->owner_ops->on_slots(full->owner, full);
  }
  world_start(&exchanges[3], 1, "https", "a.test");
  assert_true(world_is_on(&exchanges[3], world.conns[1]));
}

static void pool_lets_an_unused_http2_connection_expire(void **state)
{
  (void)state;
  world_start(exchanges, 2, "https", "a.test");
  world_conn *conn = world_connect_h2(0, 100);
  world_finish(conn);
  assert_stats(0, 1, 0, 0);
  world_finish(conn);
  assert_stats(0, 1, 1, 0);
  world_advance(4000);
  world_start(exchanges, 1, "https", "a.test");
  assert_stats(0, 1, 0, 0);
  world_advance(4000);
  world_finish(conn);
  world_advance(5000);
  assert_true(conn->is_closed);
}

static void pool_replaces_a_draining_connection_at_once(void **state)
{
  (void)state;
  world_start(exchanges, 2, "https", "a.test");
  world_conn *old = world_connect_h2(0, 100);
  world_drain(old);
  assert_stats(0, 1, 0, 0);
  world_start(&exchanges[2], 1, "https", "a.test");
  world_conn *young = world_connect_h2(0, 100);
  assert_true(world_is_on(&exchanges[2], young));
  assert_true(world_is_on(&exchanges[1], old));
  world_kill(old, AHTTP_EGOAWAY);
  assert_stats(0, 1, 0, 0);
}

static void pool_dials_past_a_connection_in_doubt(void **state)
{
  (void)state;
  world_start(exchanges, 1, "https", "a.test");
  world_conn *old = world_connect_h2(0, 100);
  world_doubt(old, true);
  assert_stats(0, 1, 0, 0); /* not before somebody wants it */
  world_start(&exchanges[1], 2, "https", "a.test");
  assert_stats(2, 1, 0, 1);
  world_conn *young = world_connect_h2(0, 100);
  assert_true(world_is_on(&exchanges[1], young));
  assert_true(world_is_on(&exchanges[2], young));
  world_kill(old, AHTTP_EREAD);
  assert_true(world_is_on(&exchanges[0], young)); /* it was not written */
  assert_stats(0, 1, 0, 0);
}

static void pool_takes_a_connection_back_when_the_doubt_is_over(void **state)
{
  (void)state;
  world_start(exchanges, 1, "https", "a.test");
  world_conn *conn = world_connect_h2(0, 100);
  world_finish(conn);
  assert_stats(0, 1, 1, 0);
  world_doubt(conn, true);
  assert_stats(0, 1, 0, 0);
  world_start(&exchanges[1], 2, "https", "a.test");
  assert_stats(2, 1, 0, 1);
  world_doubt(conn, false);
  assert_true(world_is_on(&exchanges[1], conn));
  assert_true(world_is_on(&exchanges[2], conn));
  assert_stats(0, 1, 0, 0);
  assert_int_equal(world.dials_canceled, 1);
  world_finish(conn);
  world_finish(conn);
  assert_stats(0, 1, 1, 0);
}

/* It may be told of the same doubt again, drain, or die in it. */
static void pool_lets_a_connection_in_doubt_go(void **state)
{
  (void)state;
  world_start(exchanges, 1, "https", "a.test");
  world_conn *first = world_connect_h2(0, 100);
  world_doubt(first, true);
  world_doubt(first, true);
  world_drain(first);
  world_start(&exchanges[1], 1, "https", "a.test");
  world_conn *second = world_connect_h2(0, 100);
  assert_true(world_is_on(&exchanges[1], second));
  world_doubt(second, true);
  world_kill(first, AHTTP_EGOAWAY);
  world_kill(second, AHTTP_EREAD);
  assert_stats(2, 0, 0, 1); /* both again, with one dial */
}

/* There is nothing to wait for but the dial. */
static void pool_fails_waiters_with_the_dial_past_a_doubt(void **state)
{
  (void)state;
  world_start(exchanges, 1, "https", "a.test");
  world_conn *conn = world_connect_h2(0, 100);
  world_doubt(conn, true);
  world_start(&exchanges[1], 1, "https", "a.test");
  world_fail_dial(0, AHTTP_EREFUSED);
  assert_int_equal(exchanges[1].code, AHTTP_EREFUSED);
  world_doubt(conn, false);
  world_start(&exchanges[2], 1, "https", "a.test");
  assert_true(world_is_on(&exchanges[2], conn));
}

static void pool_gives_up_a_connection_that_allows_no_streams(void **state)
{
  (void)state;
  world_start(exchanges, 1, "https", "a.test");
  world_conn *conn = world_connect_h2(0, 1);
  world_finish(conn);
  conn->base.slots = 0;
  conn->base.owner_ops->on_slots(conn->base.owner, &conn->base);
  world_start(&exchanges[1], 1, "https", "a.test");
  assert_stats(1, 1, 1, 0);
  world_advance(5000);
  assert_true(conn->is_closed);
  conn = world_connect_h2(0, 1);
  assert_true(world_is_on(&exchanges[1], conn));
}

#define pool_test(name) \
  cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      pool_test(pool_interns_origins),
      pool_test(pool_tells_origins_apart_after_each_other),
      pool_test(pool_keeps_a_limited_number_of_unused_origins),
      pool_test(pool_gives_equal_profiles_equal_numbers),
      pool_test(pool_dials_once_for_each_waiter),
      pool_test(pool_start_does_nothing_before_the_turn_ends),
      pool_test(pool_reuses_the_last_used_connection),
      pool_test(pool_keeps_a_surplus_dial_as_idle),
      pool_test(pool_serves_waiters_in_their_order),
      pool_test(pool_keeps_the_limit_for_one_origin),
      pool_test(pool_keeps_the_total_limit),
      pool_test(pool_gives_times_to_the_exchange_that_waited),
      pool_test(pool_gives_times_of_a_dial_that_came_to_nothing),
      pool_test(pool_gives_no_more_time_than_the_exchange_waited),
      pool_test(pool_closes_an_idle_connection_after_its_time),
      pool_test(pool_closes_before_the_server_does),
      pool_test(pool_closes_the_oldest_above_the_idle_limit),
      pool_test(pool_keeps_connections_for_a_burst_that_goes_on),
      pool_test(pool_evicts_the_longest_idle_of_any_origin),
      pool_test(pool_sends_one_scout_and_puts_all_on_http2),
      pool_test(pool_dials_for_all_when_the_scout_finds_http1),
      pool_test(pool_remembers_the_protocol),
      pool_test(pool_fails_all_waiters_with_the_scout),
      pool_test(pool_sends_a_second_scout_after_the_slow_one),
      pool_test(pool_sends_no_second_scout_for_one_waiter),
      pool_test(pool_calls_the_second_scout_off_when_http2_is_there),
      pool_test(pool_uses_the_second_scout_when_http1_is_there),
      pool_test(pool_scouts_nothing_where_the_policy_decides),
      pool_test(pool_waits_for_streams_to_end),
      pool_test(pool_opens_another_http2_connection_only_when_full),
      pool_test(pool_finds_the_http2_connection_with_a_free_stream),
      pool_test(pool_lets_an_unused_http2_connection_expire),
      pool_test(pool_replaces_a_draining_connection_at_once),
      pool_test(pool_dials_past_a_connection_in_doubt),
      pool_test(pool_takes_a_connection_back_when_the_doubt_is_over),
      pool_test(pool_lets_a_connection_in_doubt_go),
      pool_test(pool_fails_waiters_with_the_dial_past_a_doubt),
      pool_test(pool_gives_up_a_connection_that_allows_no_streams),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
