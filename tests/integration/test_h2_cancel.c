/* SPDX-License-Identifier: MIT */
/* Calls that are cancelled at whatever moment, over and over, on one HTTP/2
 * connection to nghttpd: nothing is left over, and the connection lives. */
#include "config.h"

#include <pthread.h>
#include <setjmp.h>
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

enum {
  RUNS = 200,
  TLS_RUNS = 50,
  CALLS_MAX = 6,
  TURNS_MAX = 12,
  UPLOAD_BYTES = 300000
};

static const size_t file_sizes[] = {0, 100, 20000, 500000};

static const test_certificate_files *files;
static char docs[300];
static struct {
  server_process *process;
  way way;
} plain, secure;

/* --- Servers. ------------------------------------------------------------ */

static int open_servers(void **state)
{
  (void)state;
  char path[400];
  files = test_certificates(server_dir());
  (void)snprintf(docs, sizeof(docs), "%s/www", server_dir());
  (void)mkdir(docs, 0755);
  for (size_t i = 0; i < sizeof(file_sizes) / sizeof(file_sizes[0]); i++) {
    (void)snprintf(path, sizeof(path), "%s/%zu", docs, i);
    pattern_write_file(path, file_sizes[i]);
  }
  char digits[16];
  plain.way = (way){"http", server_free_port(), AHTTP_VERSION_2};
  (void)snprintf(digits, sizeof(digits), "%u", (unsigned)plain.way.port);
  const char *const plain_argv[] = {"nghttpd", "--no-tls",  "--echo-upload",
                                    "-a",      "127.0.0.1", "-d",
                                    docs,      digits,      NULL};
  plain.process = server_start(plain_argv, plain.way.port);

  secure.way = (way){"https", server_free_port(), AHTTP_VERSION_2};
  (void)snprintf(digits, sizeof(digits), "%u", (unsigned)secure.way.port);
  const char *const secure_argv[] = {
      "nghttpd",       "--echo-upload",  "-a", "127.0.0.1", "-d", docs, digits,
      files->key_file, files->cert_file, NULL};
  secure.process = server_start(secure_argv, secure.way.port);
  return 0;
}

static int close_servers(void **state)
{
  (void)state;
  server_stop(plain.process);
  server_stop(secure.process);
  return 0;
}

/* --- One run. ------------------------------------------------------------ */

/* The same every time: what fails can be found again. */
static unsigned random_below(uint32_t *seed, unsigned limit)
{
  *seed ^= *seed << 13;
  *seed ^= *seed >> 17;
  *seed ^= *seed << 5;
  return *seed % limit;
}

static void start_any(client_run *run, const way *there, call_record *record,
                      pattern_source *source, uint32_t *seed)
{
  static const record_action actions[] = {
      RECORD_NOTHING, RECORD_NOTHING, RECORD_CANCEL_AT_HEAD,
      RECORD_CANCEL_AT_BODY, RECORD_FAIL_AT_BODY};
  memset(record, 0, sizeof(*record));
  record->action =
      actions[random_below(seed, sizeof(actions) / sizeof(actions[0]))];
  bool is_upload = random_below(seed, 4) == 0;
  char path[16];
  (void)snprintf(path, sizeof(path), "/%u", random_below(seed, 4));
  ahttp_request *request;
  assert_int_equal(ahttp_request_new(&request, is_upload ? "POST" : "GET",
                                     way_url(there, path)),
                   AHTTP_OK);
  if (is_upload) {
    const ahttp_content_source content =
        pattern_content(source, UPLOAD_BYTES, random_below(seed, 2) == 0);
    assert_int_equal(ahttp_request_set_content_source(request, &content),
                     AHTTP_OK);
  }
  client_run_start_request(run, record, request, NULL);
  ahttp_request_free(request);
}

/* Some turns, some of which wait for something to happen. */
static void turn_any(client_run *run, uint32_t *seed)
{
  unsigned turns = random_below(seed, TURNS_MAX);
  for (unsigned i = 0; i < turns && run->calls_pending > 0; i++) {
    (void)uv_run(&run->loop,
                 random_below(seed, 2) == 0 ? UV_RUN_NOWAIT : UV_RUN_ONCE);
  }
}

static void check_outcome(const call_record *record, bool was_cancelled)
{
  assert_int_equal(record->dones, 1);
  if (record->code == AHTTP_ECANCELED) {
    assert_true(was_cancelled || record->action == RECORD_CANCEL_AT_HEAD ||
                record->action == RECORD_CANCEL_AT_BODY);
  } else if (record->code == AHTTP_ECALLBACK) {
    assert_int_equal(record->action, RECORD_FAIL_AT_BODY);
  } else {
    assert_string_equal(record->error.text, "");
    assert_true(pattern_matches(record->content, record->content_len));
  }
}

static void cancel_some(client_run *run, const way *there, uint32_t *seed)
{
  call_record records[CALLS_MAX];
  pattern_source sources[CALLS_MAX];
  bool are_cancelled[CALLS_MAX] = {false};
  unsigned count = 1 + random_below(seed, CALLS_MAX);
  for (unsigned i = 0; i < count; i++) {
    start_any(run, there, &records[i], &sources[i], seed);
    turn_any(run, seed);
  }
  for (unsigned i = 0; i < count; i++) {
    if (records[i].call != NULL && random_below(seed, 3) > 0) {
      ahttp_call_cancel(records[i].call);
      are_cancelled[i] = true;
      turn_any(run, seed);
    }
  }
  client_run_wait(run);
  for (unsigned i = 0; i < count; i++) {
    check_outcome(&records[i], are_cancelled[i]);
    call_record_clear(&records[i]);
  }
}

static void check_many(const way *there, int runs)
{
  client_run run;
  client_run_open_for(&run, files->ca_file, AHTTP_HTTP_2_PRIOR_KNOWLEDGE);
  call_record record = {0};
  client_run_get(&run, &record, way_url(there, "/1"));
  call_record_check_pattern(&record, 200, file_sizes[1]);
  uint32_t seed = 20240229;
  for (int i = 0; i < runs; i++) {
    cancel_some(&run, there, &seed);
    ahttp_client_stats stats = client_run_stats(&run);
    assert_int_equal(stats.calls_active, 0);
    assert_int_equal(stats.calls_waiting, 0);
    assert_int_equal(stats.conns_open, 1);
    assert_int_equal(stats.conns_idle, 1);
    assert_int_equal(stats.conns_dialing, 0);
    client_run_get(&run, &record, way_url(there, "/2"));
    call_record_check_pattern(&record, 200, file_sizes[2]);
  }
  assert_int_equal(client_run_stats(&run).conns_made, 1);
  client_run_close(&run);
}

static void cancelled_streams_leave_the_connection(void **state)
{
  (void)state;
  check_many(&plain.way, RUNS);
}

static void cancelled_streams_leave_the_tls_connection(void **state)
{
  (void)state;
  check_many(&secure.way, TLS_RUNS);
}

/* Here the connection is still being made. */
static void cancel_while_connecting_leaves_nothing(void **state)
{
  (void)state;
  const way *const ways[] = {&plain.way, &secure.way};
  for (unsigned i = 0; i < 40; i++) {
    client_run run;
    client_run_open_for(&run, files->ca_file, AHTTP_HTTP_2_PRIOR_KNOWLEDGE);
    call_record *records =
        client_run_start_many(&run, way_url(ways[i % 2], "/3"), CALLS_MAX);
    client_run_turn(&run, i / 2);
    for (int k = 0; k < CALLS_MAX; k++) {
      if (records[k].call != NULL) {
        ahttp_call_cancel(records[k].call);
      }
    }
    client_run_wait(&run);
    for (int k = 0; k < CALLS_MAX; k++) {
      check_outcome(&records[k], true);
      call_record_clear(&records[k]);
    }
    free(records);
    assert_int_equal(client_run_stats(&run).conns_dialing, 0);
    client_run_close(&run);
  }
}

/* --- From another thread. ------------------------------------------------ */

/* Drops the references it was given. */
static void *cancel_all(void *arg)
{
  ahttp_call **calls = arg;
  for (int i = 0; i < CALLS_MAX; i++) {
    ahttp_call_cancel(calls[i]);
    ahttp_call_unref(calls[i]);
  }
  return NULL;
}

static void any_thread_may_cancel(void **state)
{
  (void)state;
  client_run run;
  client_run_open_for(&run, files->ca_file, AHTTP_HTTP_2_PRIOR_KNOWLEDGE);
  for (int i = 0; i < 50; i++) {
    ahttp_call *calls[CALLS_MAX];
    call_record *records =
        client_run_start_many(&run, way_url(&plain.way, "/3"), CALLS_MAX);
    for (int k = 0; k < CALLS_MAX; k++) {
      calls[k] = ahttp_call_ref(records[k].call);
    }
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, cancel_all, calls), 0);
    client_run_wait(&run);
    assert_int_equal(pthread_join(thread, NULL), 0);
    for (int k = 0; k < CALLS_MAX; k++) {
      check_outcome(&records[k], true);
      call_record_clear(&records[k]);
    }
    free(records);
  }
  client_run_close(&run);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(cancelled_streams_leave_the_connection),
      cmocka_unit_test(cancelled_streams_leave_the_tls_connection),
      cmocka_unit_test(cancel_while_connecting_leaves_nothing),
      cmocka_unit_test(any_thread_may_cancel),
  };
  return cmocka_run_group_tests(tests, open_servers, close_servers);
}
