/* SPDX-License-Identifier: MIT */
/* The limits of the pool, against nginx under many names. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ahttp/ahttp.h>

#include "support/client_run.h"
#include "support/client_turns.h"
#include "support/nginx.h"

static nginx server;

/* Every name is 127.0.0.1: names are origins. */
static void open_run(client_run *run, ahttp_client_opts *opts)
{
  const ahttp_resolve_entry entry = {.host = "*", .addresses = "127.0.0.1"};
  opts->resolve = &entry;
  opts->resolve_count = 1;
  opts->pool_ms = AHTTP_NO_LIMIT;
  client_run_open(run, opts);
}

/* /f/FILE of origin |index|. */
static const char *origin_url(unsigned index, unsigned file)
{
  static char url[100];
  (void)snprintf(url, sizeof(url), "http://o%u.test:%u/f/%u", index,
                 (unsigned)server.http, file);
  return url;
}

static void start(client_run *run, call_record *record, unsigned origin,
                  unsigned file)
{
  client_run_start(run, record, "GET", origin_url(origin, file), NULL);
}

static void check_file(call_record *record, unsigned file)
{
  assert_string_equal(record->error.text, "");
  assert_int_equal(record->status, 200);
  assert_int_equal(record->content_len, nginx_file_sizes[file]);
  call_record_clear(record);
}

/* One request after the other. */
static void get(client_run *run, unsigned origin, bool is_reused)
{
  call_record record = {0};
  client_run_get(run, &record, origin_url(origin, 2));
  assert_int_equal(record.info.reused, is_reused);
  check_file(&record, 2);
}

/* Turns the loop until all is done; the most connections there were at once,
 * those being made among them. */
static uint64_t wait_and_count(client_run *run)
{
  uint64_t most = 0;
  while (run->calls_pending > 0) {
    (void)uv_run(&run->loop, UV_RUN_ONCE);
    ahttp_client_stats stats = client_run_stats(run);
    uint64_t now = stats.conns_open + stats.conns_dialing;
    most = now > most ? now : most;
  }
  return most;
}

/* --- How many connections there may be. ---------------------------------- */

static void limit_of_all_connections_is_kept(void **state)
{
  (void)state;
  enum {
    CALLS = 60,
    CONNS = 5
  };
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.conns_max = CONNS;
  client_run run;
  open_run(&run, &opts);
  call_record *records = calloc(CALLS, sizeof(*records));
  assert_non_null(records);
  for (unsigned i = 0; i < CALLS; i++) {
    start(&run, &records[i], i % 3, 5);
  }
  assert_int_equal(wait_and_count(&run), CONNS);
  for (int i = 0; i < CALLS; i++) {
    check_file(&records[i], 5);
  }
  free(records);
  client_run_close(&run);
}

static void limit_per_origin_is_kept(void **state)
{
  (void)state;
  enum {
    CALLS = 60,
    ORIGINS = 3,
    CONNS = 2
  };
  size_t before = nginx_connections(&server);
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.conns_per_origin_max = CONNS;
  client_run run;
  open_run(&run, &opts);
  call_record *records = calloc(CALLS, sizeof(*records));
  assert_non_null(records);
  for (unsigned i = 0; i < CALLS; i++) {
    start(&run, &records[i], i % ORIGINS, 5);
  }
  client_run_wait(&run);
  for (int i = 0; i < CALLS; i++) {
    check_file(&records[i], 5);
  }
  free(records);
  assert_int_equal(client_run_stats(&run).conns_made, ORIGINS * CONNS);
  client_run_close(&run);
  assert_int_equal(nginx_connections(&server) - before, ORIGINS * CONNS);
}

static void limits_of_http2_are_kept(void **state)
{
  (void)state;
  enum {
    CALLS = 40,
    STREAMS = 3,
    CONNS = 2
  };
  ahttp_tls_opts tls = {.size = sizeof(tls), .ca_file = server.ca_file};
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.tls = &tls;
  opts.h2_streams_max = STREAMS;
  opts.h2_conns_per_origin_max = CONNS;
  opts.pool_ms = AHTTP_NO_LIMIT;
  client_run run;
  client_run_open(&run, &opts);
  call_record *records =
      client_run_start_many(&run, test_url("https", server.h2, "/f/5"), CALLS);
  uint64_t most = 0;
  while (run.calls_pending > 0) {
    (void)uv_run(&run.loop, UV_RUN_ONCE);
    ahttp_client_stats stats = client_run_stats(&run);
    uint64_t now = stats.calls_active - stats.calls_waiting;
    most = now > most ? now : most;
  }
  assert_in_range(most, STREAMS, STREAMS * CONNS);
  for (int i = 0; i < CALLS; i++) {
    assert_int_equal(records[i].version, AHTTP_VERSION_2);
    check_file(&records[i], 5);
  }
  free(records);
  assert_int_equal(client_run_stats(&run).conns_made, CONNS);
  client_run_close(&run);
}

/* --- How many may be unused, and how long. ------------------------------- */

static void no_connection_is_kept_if_none_may_be(void **state)
{
  (void)state;
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.conns_idle_max = AHTTP_NONE;
  client_run run;
  open_run(&run, &opts);
  for (int i = 0; i < 3; i++) {
    get(&run, 0, false);
    client_run_until_conns(&run, 0);
  }
  assert_int_equal(client_run_stats(&run).conns_made, 3);
  client_run_close(&run);
}

static void one_connection_is_kept_if_one_may_be(void **state)
{
  (void)state;
  enum {
    CALLS = 4
  };
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.conns_idle_max = 1;
  client_run run;
  open_run(&run, &opts);
  call_record records[CALLS] = {{.action = RECORD_NOTHING}};
  for (int i = 0; i < CALLS; i++) {
    start(&run, &records[i], 0, 5);
  }
  client_run_wait(&run);
  for (int i = 0; i < CALLS; i++) {
    check_file(&records[i], 5);
  }
  client_run_until_conns(&run, 1);
  get(&run, 0, true);
  get(&run, 1, false);
  client_run_until_conns(&run, 1);
  get(&run, 1, true); /* the one used last is kept */
  client_run_close(&run);
}

static void unused_connection_expires(void **state)
{
  (void)state;
  enum {
    IDLE_MS = 100
  };
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.idle_ms = IDLE_MS;
  client_run run;
  open_run(&run, &opts);
  get(&run, 0, false);
  uint64_t since_ns = uv_hrtime();
  assert_int_equal(client_run_stats(&run).conns_idle, 1);
  client_run_until_conns(&run, 0);
  /* The loop's clock stands still within a turn: some slack. */
  assert_true(uv_hrtime() - since_ns > (IDLE_MS - 20) * 1000000ULL);
  get(&run, 0, false);
  client_run_close(&run);
}

static void used_connection_does_not_expire(void **state)
{
  (void)state;
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.idle_ms = 50;
  client_run run;
  open_run(&run, &opts);
  call_record slow = {0};
  /* 64 KiB a second: this takes 300 ms at least. */
  client_run_get(&run, &slow, test_url("http", server.http, "/slow/6"));
  check_file(&slow, 6);
  assert_int_equal(client_run_stats(&run).conns_made, 1);
  client_run_close(&run);
}

/* --- Sharing the limit. -------------------------------------------------- */

/* The connection unused for longest makes room. */
static void unused_connections_make_room_for_other_origins(void **state)
{
  (void)state;
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.conns_max = 3;
  client_run run;
  open_run(&run, &opts);
  for (unsigned i = 0; i < 3; i++) {
    get(&run, i, false);
  }
  get(&run, 0, true);  /* from the oldest on: 1 2 0 */
  get(&run, 3, false); /* 2 0 3 */
  assert_int_equal(client_run_stats(&run).conns_open, 3);
  get(&run, 2, true);  /* 0 3 2 */
  get(&run, 1, false); /* 3 2 1 */
  get(&run, 2, true);
  get(&run, 0, false);
  assert_int_equal(client_run_stats(&run).conns_open, 3);
  assert_int_equal(client_run_stats(&run).conns_made, 6);
  client_run_close(&run);
}

/* One origin has work for long, the others come later with a little: they need
 * not wait until it is done. */
static void busy_origin_leaves_room_for_others(void **state)
{
  (void)state;
  enum {
    ORIGINS = 50,
    BUSY_CALLS = 500,
    CONNS = 5
  };
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.conns_max = CONNS;
  client_run run;
  open_run(&run, &opts);
  call_record *busy = calloc(BUSY_CALLS, sizeof(*busy));
  call_record *others = calloc(ORIGINS, sizeof(*others));
  assert_non_null(busy);
  assert_non_null(others);
  for (int i = 0; i < BUSY_CALLS; i++) {
    start(&run, &busy[i], 0, 2);
  }
  client_run_turn(&run, 5);
  for (unsigned i = 1; i < ORIGINS; i++) {
    start(&run, &others[i], i, 2);
  }
  for (int i = 1; i < ORIGINS; i++) {
    client_run_until_done(&run, &others[i]);
  }
  int left = 0;
  for (int i = 0; i < BUSY_CALLS; i++) {
    left += busy[i].dones == 0;
  }
  assert_true(left > BUSY_CALLS / 4);
  assert_true(wait_and_count(&run) <= CONNS);
  for (int i = 0; i < BUSY_CALLS; i++) {
    check_file(&busy[i], 2);
  }
  for (int i = 1; i < ORIGINS; i++) {
    check_file(&others[i], 2);
  }
  free(busy);
  free(others);
  client_run_close(&run);
}

enum {
  EQUAL_ORIGINS = 50,
  EQUAL_CALLS = 12, /* each */
  EQUAL_CONNS = 5
};

/* How many calls more than the last origin the first one has been served. */
static unsigned lead_of_the_first(const call_record *records)
{
  unsigned most = 0;
  unsigned least = EQUAL_CALLS;
  for (int i = 0; i < EQUAL_ORIGINS; i++) {
    unsigned done = 0;
    for (int k = 0; k < EQUAL_CALLS; k++) {
      done += records[i * EQUAL_CALLS + k].dones;
    }
    most = done > most ? done : most;
    least = done < least ? done : least;
  }
  return most - least;
}

/* All have the same work: none gets far ahead of the others.  Whoever comes
 * first has all connections to itself for once. */
static void equal_origins_advance_together(void **state)
{
  (void)state;
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.conns_max = EQUAL_CONNS;
  client_run run;
  open_run(&run, &opts);
  call_record *records = calloc(EQUAL_ORIGINS * EQUAL_CALLS, sizeof(*records));
  assert_non_null(records);
  for (unsigned i = 0; i < EQUAL_ORIGINS * EQUAL_CALLS; i++) {
    start(&run, &records[i], i / EQUAL_CALLS, 2);
  }
  while (run.calls_pending > 0) {
    (void)uv_run(&run.loop, UV_RUN_ONCE);
    assert_in_range(lead_of_the_first(records), 0, EQUAL_CONNS);
    assert_in_range(client_run_stats(&run).conns_open, 0, EQUAL_CONNS);
  }
  for (int i = 0; i < EQUAL_ORIGINS * EQUAL_CALLS; i++) {
    check_file(&records[i], 2);
  }
  free(records);
  client_run_close(&run);
}

static int open_server(void **state)
{
  (void)state;
  nginx_open(&server);
  return 0;
}

static int close_server(void **state)
{
  (void)state;
  nginx_close(&server);
  return 0;
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(limit_of_all_connections_is_kept),
      cmocka_unit_test(limit_per_origin_is_kept),
      cmocka_unit_test(limits_of_http2_are_kept),
      cmocka_unit_test(no_connection_is_kept_if_none_may_be),
      cmocka_unit_test(one_connection_is_kept_if_one_may_be),
      cmocka_unit_test(unused_connection_expires),
      cmocka_unit_test(used_connection_does_not_expire),
      cmocka_unit_test(unused_connections_make_room_for_other_origins),
      cmocka_unit_test(busy_origin_leaves_room_for_others),
      cmocka_unit_test(equal_origins_advance_together),
  };
  return cmocka_run_group_tests(tests, open_server, close_server);
}
