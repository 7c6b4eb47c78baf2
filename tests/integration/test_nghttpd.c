/* SPDX-License-Identifier: MIT */
/* The whole library over HTTP/2 against nghttpd, with and without TLS. */
#include "config.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include <ahttp/ahttp.h>

#include "support/certificates.h"
#include "support/client_run.h"
#include "support/client_turns.h"
#include "support/pattern.h"
#include "support/server_process.h"
#include "support/way.h"

/* Files to be fetched, /0, /100, ...: named after their size. */
static const size_t file_sizes[] = {0, 100, 100000, 1000000, 10000000};

enum {
  BIG = 10000000,
  WINDOW = 1024 * 1024, /* what ahttp_call_set_manual_credit() promises */
  STREAMS_FEW = 3
};

static const test_certificate_files *files;
static char docs[300];
static struct {
  server_process *process;
  way way;
} plain, secure, narrow;

/* --- Servers. ------------------------------------------------------------ */

static server_process *start_plain(uint16_t port)
{
  char digits[16];
  (void)snprintf(digits, sizeof(digits), "%u", (unsigned)port);
  const char *const argv[] = {"nghttpd", "--no-tls", "-a",   "127.0.0.1",
                              "-d",      docs,       digits, NULL};
  return server_start(argv, port);
}

static void start_secure(void)
{
  char digits[16];
  uint16_t port = server_free_port();
  (void)snprintf(digits, sizeof(digits), "%u", (unsigned)port);
  const char *const argv[] = {"nghttpd",
                              "--echo-upload",
                              "--trailer",
                              "x-sum: 42",
                              "-a",
                              "127.0.0.1",
                              "-d",
                              docs,
                              digits,
                              files->key_file,
                              files->cert_file,
                              NULL};
  secure.process = server_start(argv, port);
  secure.way = (way){"https", port, AHTTP_VERSION_2};
}

static void start_narrow(void)
{
  char digits[16];
  uint16_t port = server_free_port();
  (void)snprintf(digits, sizeof(digits), "%u", (unsigned)port);
  const char *const argv[] = {"nghttpd",
                              "--no-tls",
                              "--echo-upload",
                              "--max-concurrent-streams=3",
                              "--trailer",
                              "x-sum: 42",
                              "-a",
                              "127.0.0.1",
                              "-d",
                              docs,
                              digits,
                              NULL};
  narrow.process = server_start(argv, port);
  narrow.way = (way){"http", port, AHTTP_VERSION_2};
}

static int open_servers(void **state)
{
  (void)state;
  char path[400];
  files = test_certificates(server_dir());
  (void)snprintf(docs, sizeof(docs), "%s/www", server_dir());
  (void)mkdir(docs, 0755);
  for (size_t i = 0; i < sizeof(file_sizes) / sizeof(file_sizes[0]); i++) {
    (void)snprintf(path, sizeof(path), "%s/%zu", docs, file_sizes[i]);
    pattern_write_file(path, file_sizes[i]);
  }
  uint16_t port = server_free_port();
  plain.process = start_plain(port);
  plain.way = (way){"http", port, AHTTP_VERSION_2};
  start_secure();
  start_narrow();
  return 0;
}

static int close_servers(void **state)
{
  (void)state;
  server_stop(plain.process);
  server_stop(secure.process);
  server_stop(narrow.process);
  return 0;
}

static void open_run(client_run *run)
{
  client_run_open_for(run, files->ca_file, AHTTP_HTTP_2_PRIOR_KNOWLEDGE);
}

/* --- Downloads. ---------------------------------------------------------- */

static void fetch_all_sizes(const way *w)
{
  client_run run;
  open_run(&run);
  for (size_t i = 0; i < sizeof(file_sizes) / sizeof(file_sizes[0]); i++) {
    char path[32];
    (void)snprintf(path, sizeof(path), "/%zu", file_sizes[i]);
    call_record record = {0};
    client_run_get(&run, &record, way_url(w, path));
    assert_int_equal(record.version, AHTTP_VERSION_2);
    assert_int_equal(record.info.reused, i > 0);
    call_record_check_pattern(&record, 200, file_sizes[i]);
  }
  assert_int_equal(client_run_stats(&run).conns_made, 1);
  client_run_close(&run);
}

static void one_stream_at_a_time(void **state)
{
  (void)state;
  fetch_all_sizes(&plain.way);
  fetch_all_sizes(&secure.way);
}

static void fetch_many(const way *w, size_t count)
{
  client_run run;
  open_run(&run);
  call_record *records =
      client_run_start_many(&run, way_url(w, "/100000"), count);
  client_run_wait(&run);
  for (size_t i = 0; i < count; i++) {
    assert_true(records[i].info.stream_id > 0);
    assert_int_equal(records[i].info.conn_id, 1);
  }
  call_records_check_pattern(records, count, 100000);
  assert_int_equal(client_run_stats(&run).conns_made, 1);
  client_run_close(&run);
}

static void hundred_streams_share_a_connection(void **state)
{
  (void)state;
  fetch_many(&plain.way, 100);
  fetch_many(&secure.way, 100);
}

static void more_requests_than_the_server_takes_streams(void **state)
{
  (void)state;
  fetch_many(&narrow.way, 50);
}

/* The limit is known from the first response on: nothing is refused then. */
static void known_stream_limit_is_kept(void **state)
{
  (void)state;
  client_run run;
  open_run(&run);
  call_record first = {0};
  client_run_get(&run, &first, way_url(&narrow.way, "/100"));
  call_record_check_pattern(&first, 200, 100);
  call_record *records =
      client_run_start_many(&run, way_url(&narrow.way, "/100"), 50);
  client_run_turn(&run, 1);
  assert_int_equal(client_run_stats(&run).calls_waiting, 50 - STREAMS_FEW);
  client_run_wait(&run);
  for (size_t i = 0; i < 50; i++) {
    assert_int_equal(records[i].info.attempts, 1);
  }
  call_records_check_pattern(records, 50, 100);
  client_run_close(&run);
}

static void trailers_are_told(void **state)
{
  (void)state;
  const way *const ways[] = {&secure.way, &narrow.way};
  client_run run;
  open_run(&run);
  for (size_t i = 0; i < 2; i++) {
    call_record record = {0};
    client_run_get(&run, &record, way_url(ways[i], "/100000"));
    assert_int_equal(record.trailers, 1);
    assert_string_equal(record.trailer, "42");
    call_record_check_pattern(&record, 200, 100000);
  }
  client_run_close(&run);
}

static void head_and_missing_file(void **state)
{
  (void)state;
  client_run run;
  open_run(&run);
  call_record record = {0};
  client_run_start(&run, &record, "HEAD", way_url(&plain.way, "/100000"), NULL);
  client_run_wait(&run);
  call_record_check_pattern(&record, 200, 0);
  client_run_get(&run, &record, way_url(&plain.way, "/nothing"));
  assert_int_equal(record.code, AHTTP_OK);
  assert_int_equal(record.status, 404);
  assert_true(record.content_len > 0);
  call_record_clear(&record);
  assert_int_equal(client_run_stats(&run).conns_made, 1);
  client_run_close(&run);
}

/* --- Uploads. ------------------------------------------------------------ */

static void uploads_come_back_whole(void **state)
{
  (void)state;
  static const size_t sizes[] = {0,     1,     16383,   16384,
                                 65535, 65536, 1000000, BIG};
  const way *const ways[] = {&secure.way, &narrow.way};
  client_run run;
  open_run(&run);
  for (size_t i = 0; i < 2; i++) {
    for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
      way_check_echo(ways[i], &run, "/echo", sizes[k], true);
      way_check_echo(ways[i], &run, "/echo", sizes[k], false);
    }
  }
  assert_int_equal(client_run_stats(&run).conns_made, 2);
  client_run_close(&run);
}

/* --- Backpressure. ------------------------------------------------------- */

/* The tick of the slow reader is one whole response on another stream. */
static void slow_reader_slows_nobody_else(void **state)
{
  (void)state;
  enum {
    TAKEN_A_TICK = 64 * 1024,
    TICKS = 40
  };
  client_run run;
  open_run(&run);
  call_record slow = {0};
  client_run_start(&run, &slow, "GET", way_url(&plain.way, "/10000000"), NULL);
  ahttp_call_set_manual_credit(slow.call);
  client_run_until_content(&run, &slow, WINDOW);
  size_t credited = 0;
  for (int tick = 0; tick < TICKS; tick++) {
    assert_true(slow.content_len - credited <= WINDOW);
    ahttp_call_credit(slow.call, TAKEN_A_TICK);
    credited += TAKEN_A_TICK;
    call_record quick = {0};
    client_run_start(&run, &quick, "GET", way_url(&plain.way, "/1000000"),
                     NULL);
    client_run_until_done(&run, &quick);
    call_record_check_pattern(&quick, 200, 1000000);
  }
  assert_int_equal(slow.dones, 0);
  while (slow.call != NULL) {
    assert_true(slow.content_len - credited <= WINDOW);
    ahttp_call_credit(slow.call, slow.content_len - credited);
    credited = slow.content_len;
    (void)uv_run(&run.loop, UV_RUN_ONCE);
  }
  call_record_check_pattern(&slow, 200, BIG);
  assert_int_equal(client_run_stats(&run).conns_made, 1);
  client_run_close(&run);
}

/* What they leave unread together exceeds the connection's window. */
static void twenty_stopped_readers_stop_nobody_else(void **state)
{
  (void)state;
  enum {
    STOPPED = 20
  };
  client_run run;
  open_run(&run);
  call_record stopped[STOPPED] = {{.action = RECORD_NOTHING}};
  for (int i = 0; i < STOPPED; i++) {
    client_run_start(&run, &stopped[i], "GET",
                     way_url(&secure.way, "/10000000"), NULL);
    ahttp_call_set_manual_credit(stopped[i].call);
  }
  for (int i = 0; i < STOPPED; i++) {
    client_run_until_content(&run, &stopped[i], WINDOW);
  }
  for (int i = 0; i < 3; i++) {
    call_record quick = {0};
    client_run_start(&run, &quick, "GET", way_url(&secure.way, "/1000000"),
                     NULL);
    client_run_until_done(&run, &quick);
    call_record_check_pattern(&quick, 200, 1000000);
  }
  for (int i = 0; i < STOPPED; i++) {
    assert_int_equal(stopped[i].content_len, WINDOW);
    ahttp_call_cancel(stopped[i].call);
  }
  client_run_wait(&run);
  for (int i = 0; i < STOPPED; i++) {
    assert_int_equal(stopped[i].code, AHTTP_ECANCELED);
    call_record_clear(&stopped[i]);
  }
  assert_int_equal(client_run_stats(&run).conns_made, 1);
  client_run_close(&run);
}

/* --- A server that goes away. -------------------------------------------- */

static void check_killed(call_record *records, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    assert_int_equal(records[i].dones, 1);
    assert_true(
        records[i].code == AHTTP_ETRUNCATED || records[i].code == AHTTP_EREAD ||
        (records[i].heads == 0 && records[i].code == AHTTP_EDISCONNECTED));
    assert_true(pattern_matches(records[i].content, records[i].content_len));
    call_record_clear(&records[i]);
  }
  free(records);
}

static void kill_within_bodies(bool are_paused)
{
  enum {
    CALLS = 20
  };
  uint16_t port = server_free_port();
  const way w = {"http", port, AHTTP_VERSION_2};
  server_process *victim = start_plain(port);
  client_run run;
  open_run(&run);
  call_record *records =
      client_run_start_many(&run, way_url(&w, "/10000000"), CALLS);
  for (size_t i = 0; are_paused && i < CALLS; i++) {
    records[i].action = RECORD_PAUSE_AT_BODY;
  }
  for (size_t i = 0; i < (are_paused ? CALLS : 1); i++) {
    client_run_until_content(&run, &records[i], 1);
  }
  server_kill(victim);
  client_run_wait(&run);
  check_killed(records, CALLS);
  assert_int_equal(client_run_stats(&run).conns_open, 0);
  client_run_close(&run);
}

static void killed_server_ends_each_call_once(void **state)
{
  (void)state;
  kill_within_bodies(false);
  kill_within_bodies(true);
}

/* Once the end of the connection was noticed, even a POST goes through. */
static void restarted_server_is_found_again(void **state)
{
  (void)state;
  static const char *const methods[] = {"GET", "POST"};
  uint16_t port = server_free_port();
  const way w = {"http", port, AHTTP_VERSION_2};
  server_process *process = start_plain(port);
  client_run run;
  open_run(&run);
  call_record record = {0};
  client_run_get(&run, &record, way_url(&w, "/100"));
  call_record_check_pattern(&record, 200, 100);
  for (int i = 0; i < 2; i++) {
    server_stop(process);
    process = start_plain(port);
    client_run_until_conns(&run, 0);
    client_run_start(&run, &record, methods[i], way_url(&w, "/100"), NULL);
    client_run_wait(&run);
    assert_int_equal(record.info.attempts, 1);
    assert_int_equal(record.info.reused, 0);
    call_record_check_pattern(&record, 200, 100);
  }
  server_stop(process);
  client_run_close(&run);
}

/* The request is on its way before anybody looked at the old connection. */
static void restarted_server_is_found_without_a_look(void **state)
{
  (void)state;
  uint16_t port = server_free_port();
  const way w = {"http", port, AHTTP_VERSION_2};
  server_process *process = start_plain(port);
  client_run run;
  open_run(&run);
  call_record record = {0};
  client_run_get(&run, &record, way_url(&w, "/100"));
  call_record_check_pattern(&record, 200, 100);
  server_stop(process);
  process = start_plain(port);
  client_run_get(&run, &record, way_url(&w, "/100"));
  assert_true(record.info.attempts <= 2);
  call_record_check_pattern(&record, 200, 100);
  server_stop(process);
  client_run_close(&run);
}

/* Between blocking calls nobody turns the loop: the next one looks first, so
 * that even what cannot be sent twice goes through. */
static void restarted_server_is_found_by_blocking_calls(void **state)
{
  (void)state;
  uint16_t port = server_free_port();
  const way w = {"http", port, AHTTP_VERSION_2};
  server_process *process = start_plain(port);
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.http = AHTTP_HTTP_2_PRIOR_KNOWLEDGE;
  ahttp_client *client;
  assert_int_equal(ahttp_client_new(&client, &opts), AHTTP_OK);
  for (int i = 0; i < 4; i++) {
    ahttp_request *request;
    ahttp_response *response;
    ahttp_error err;
    assert_int_equal(ahttp_request_new(&request, "POST", way_url(&w, "/100")),
                     AHTTP_OK);
    if (ahttp_send(client, request, NULL, &response, &err) != AHTTP_OK) {
      fail_msg("%s", err.text);
    }
    assert_int_equal(ahttp_response_status(response), 200);
    ahttp_response_free(response);
    ahttp_request_free(request);
    server_stop(process);
    process = start_plain(port);
  }
  server_stop(process);
  ahttp_client_free(client);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_stream_at_a_time),
      cmocka_unit_test(hundred_streams_share_a_connection),
      cmocka_unit_test(more_requests_than_the_server_takes_streams),
      cmocka_unit_test(known_stream_limit_is_kept),
      cmocka_unit_test(trailers_are_told),
      cmocka_unit_test(head_and_missing_file),
      cmocka_unit_test(uploads_come_back_whole),
      cmocka_unit_test(slow_reader_slows_nobody_else),
      cmocka_unit_test(twenty_stopped_readers_stop_nobody_else),
      cmocka_unit_test(killed_server_ends_each_call_once),
      cmocka_unit_test(restarted_server_is_found_again),
      cmocka_unit_test(restarted_server_is_found_without_a_look),
      cmocka_unit_test(restarted_server_is_found_by_blocking_calls),
  };
  return cmocka_run_group_tests(tests, open_servers, close_servers);
}
