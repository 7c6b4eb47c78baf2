/* SPDX-License-Identifier: MIT */
/* The whole library against nginx: HTTP/1.1, over TLS, and HTTP/2. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ahttp/ahttp.h>

#include "support/client_run.h"
#include "support/nginx.h"

enum {
  MANY = 400,
  CONNS_PER_ORIGIN = 5
};

/* One way to reach the server. */
typedef struct way {
  const char *scheme;
  uint16_t port;
  ahttp_http_policy http;
  ahttp_version version;
} way;

static nginx server;

static size_t make_ways(way *ways)
{
  ways[0] = (way){"http", server.http, AHTTP_HTTP_AUTO, AHTTP_VERSION_1_1};
  ways[1] = (way){"https", server.https, AHTTP_HTTP_AUTO, AHTTP_VERSION_1_1};
  ways[2] = (way){"https", server.h2, AHTTP_HTTP_AUTO, AHTTP_VERSION_2};
  ways[3] = (way){"https", server.h2, AHTTP_HTTP_1_1, AHTTP_VERSION_1_1};
  return 4;
}

static void open_run(client_run *run, const way *w)
{
  ahttp_tls_opts tls = {.size = sizeof(tls), .ca_file = server.ca_file};
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.tls = &tls;
  opts.http = w->http;
  opts.conns_per_origin_max = CONNS_PER_ORIGIN;
  opts.pool_ms = AHTTP_NO_LIMIT;
  client_run_open(run, &opts);
}

static void each_way(void (*check)(client_run *run, const way *w))
{
  way ways[4];
  size_t n = make_ways(ways);
  for (size_t i = 0; i < n; i++) {
    client_run run;
    open_run(&run, &ways[i]);
    check(&run, &ways[i]);
    client_run_close(&run);
  }
}

static void check_many(client_run *run, const way *w)
{
  size_t before = nginx_connections(&server);
  call_record *records = calloc(MANY, sizeof(*records));
  assert_non_null(records);
  for (int i = 0; i < MANY; i++) {
    char path[64];
    (void)snprintf(path, sizeof(path), "/f/%d?n=%d", i % NGINX_FILES, i);
    client_run_start(run, &records[i], "GET",
                     test_url(w->scheme, w->port, path), NULL);
  }
  client_run_wait(run);
  for (int i = 0; i < MANY; i++) {
    size_t file = (size_t)i % NGINX_FILES;
    assert_string_equal(records[i].error.text, "");
    assert_int_equal(records[i].status, 200);
    assert_int_equal(records[i].version, w->version);
    assert_int_equal(records[i].content_len, nginx_file_sizes[file]);
    if (nginx_file_sizes[file] > 0) {
      assert_memory_equal(records[i].content, nginx_file(file),
                          nginx_file_sizes[file]);
    }
    call_record_clear(&records[i]);
  }
  free(records);
  ahttp_client_stats stats = {.size = sizeof(stats)};
  ahttp_client_get_stats(run->client, &stats);
  size_t limit = w->version == AHTTP_VERSION_2 ? 1 : CONNS_PER_ORIGIN;
  assert_true(stats.conns_made <= limit);
  assert_true(stats.conns_made >= 1);
  assert_true(nginx_connections(&server) - before <= limit);
}

static void many_bodies_arrive_whole_within_the_limits(void **state)
{
  (void)state;
  each_way(check_many);
}

static void check_kinds(client_run *run, const way *w)
{
  call_record record = {0};
  client_run_start(run, &record, "HEAD", test_url(w->scheme, w->port, "/f/6"),
                   NULL);
  client_run_wait(run);
  assert_int_equal(record.code, AHTTP_OK);
  assert_int_equal(record.status, 200);
  assert_int_equal(record.content_len, 0);
  call_record_clear(&record);

  client_run_get(run, &record, test_url(w->scheme, w->port, "/empty"));
  assert_int_equal(record.status, 204);
  assert_int_equal(record.content_len, 0);
  call_record_clear(&record);

  client_run_get(run, &record, test_url(w->scheme, w->port, "/missing"));
  assert_int_equal(record.code, AHTTP_OK);
  assert_int_equal(record.status, 404);
  assert_true(record.content_len > 0);
  call_record_clear(&record);

  client_run_get(run, &record, test_url(w->scheme, w->port, "/gone"));
  assert_int_equal(record.status, 302);
  call_record_clear(&record);

  ahttp_send_opts opts = AHTTP_SEND_OPTS_INIT;
  opts.redirects_max = 3;
  client_run_start(run, &record, "GET", test_url(w->scheme, w->port, "/gone"),
                   &opts);
  client_run_wait(run);
  assert_int_equal(record.code, AHTTP_OK);
  assert_int_equal(record.status, 200);
  assert_int_equal(record.content_len, nginx_file_sizes[2]);
  call_record_clear(&record);
}

static void head_and_empty_and_errors_and_redirects(void **state)
{
  (void)state;
  each_way(check_kinds);
}

static void check_cut(client_run *run, const way *w)
{
  call_record record = {0};
  client_run_get(run, &record, test_url(w->scheme, w->port, "/cut"));
  assert_int_not_equal(record.code, AHTTP_OK);
  assert_int_equal(record.heads, 0);
  call_record_clear(&record);
  client_run_get(run, &record, test_url(w->scheme, w->port, "/f/2"));
  assert_int_equal(record.code, AHTTP_OK);
  call_record_clear(&record);
}

static void connection_cut_without_response_is_an_error(void **state)
{
  (void)state;
  each_way(check_cut);
}

static void check_cancel(client_run *run, const way *w)
{
  call_record slow[8] = {{.action = RECORD_CANCEL_AT_BODY}};
  for (int i = 0; i < 8; i++) {
    slow[i].action = RECORD_CANCEL_AT_BODY;
    client_run_start(run, &slow[i], "GET",
                     test_url(w->scheme, w->port, "/slow/7"), NULL);
  }
  client_run_wait(run);
  for (int i = 0; i < 8; i++) {
    assert_int_equal(slow[i].code, AHTTP_ECANCELED);
    call_record_clear(&slow[i]);
  }
  call_record record = {0};
  client_run_get(run, &record, test_url(w->scheme, w->port, "/f/6"));
  assert_int_equal(record.code, AHTTP_OK);
  assert_int_equal(record.content_len, nginx_file_sizes[6]);
  if (w->version == AHTTP_VERSION_2) {
    ahttp_client_stats stats = {.size = sizeof(stats)};
    ahttp_client_get_stats(run->client, &stats);
    assert_int_equal(stats.conns_made, 1);
  }
  call_record_clear(&record);
}

static void cancelled_bodies_leave_the_client_usable(void **state)
{
  (void)state;
  each_way(check_cancel);
}

static void pause_forever_and_others_go_on(client_run *run, const way *w)
{
  call_record paused = {.action = RECORD_PAUSE_AT_BODY};
  client_run_start(run, &paused, "GET", test_url(w->scheme, w->port, "/f/7"),
                   NULL);
  for (int i = 0; i < 20; i++) {
    call_record record = {0};
    client_run_start(run, &record, "GET", test_url(w->scheme, w->port, "/f/6"),
                     NULL);
    while (record.call != NULL) {
      (void)uv_run(&run->loop, UV_RUN_ONCE);
    }
    assert_int_equal(record.code, AHTTP_OK);
    assert_int_equal(record.content_len, nginx_file_sizes[6]);
    call_record_clear(&record);
  }
  while (paused.call != NULL) {
    ahttp_call_resume(paused.call);
    (void)uv_run(&run->loop, UV_RUN_ONCE);
  }
  assert_int_equal(paused.code, AHTTP_OK);
  assert_memory_equal(paused.content, nginx_file(7), nginx_file_sizes[7]);
  call_record_clear(&paused);
}

static void paused_call_does_not_stall_others(void **state)
{
  (void)state;
  each_way(pause_forever_and_others_go_on);
}

static void untrusted_certificate_is_refused(void **state)
{
  (void)state;
  client_run run;
  client_run_open(&run, NULL); /* the system's store does not know the CA */
  call_record record = {0};
  client_run_get(&run, &record, test_url("https", server.https, "/f/2"));
  assert_int_equal(record.code, AHTTP_ECERT);
  assert_int_equal(record.error.domain, AHTTP_DOMAIN_X509);
  assert_int_equal(record.error.phase, AHTTP_PHASE_TLS);
  client_run_close(&run);

  ahttp_tls_opts tls = {.size = sizeof(tls), .verify_off = true};
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.tls = &tls;
  client_run_open(&run, &opts);
  memset(&record, 0, sizeof(record));
  client_run_get(&run, &record, test_url("https", server.https, "/f/2"));
  assert_int_equal(record.code, AHTTP_OK);
  call_record_clear(&record);
  client_run_close(&run);
}

static void second_tls_connection_resumes_the_session(void **state)
{
  (void)state;
  ahttp_tls_opts tls = {.size = sizeof(tls), .ca_file = server.ca_file};
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.tls = &tls;
  opts.conns_idle_max = AHTTP_NONE;
  client_run run;
  client_run_open(&run, &opts);
  for (int i = 0; i < 3; i++) {
    call_record record = {0};
    client_run_get(&run, &record, test_url("https", server.https, "/f/2"));
    assert_int_equal(record.code, AHTTP_OK);
    assert_int_equal(record.info.reused, 0);
    assert_int_equal(record.info.tls_resumed, i > 0);
    call_record_clear(&record);
  }
  client_run_close(&run);
}

static void durations_add_up(void **state)
{
  (void)state;
  ahttp_tls_opts tls = {.size = sizeof(tls), .ca_file = server.ca_file};
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.tls = &tls;
  client_run run;
  client_run_open(&run, &opts);
  for (int i = 0; i < 2; i++) {
    call_record record = {0};
    client_run_get(&run, &record, test_url("https", server.h2, "/f/6"));
    const ahttp_call_info *info = &record.info;
    assert_int_equal(info->total_ns, info->queue_ns + info->dns_ns +
                                         info->connect_ns + info->tls_ns +
                                         info->send_ns + info->wait_ns +
                                         info->receive_ns + info->earlier_ns);
    assert_int_equal(info->tls_ns > 0, i == 0);
    assert_int_equal(info->bytes_body, nginx_file_sizes[6]);
    assert_true(info->bytes_out > 0);
    assert_true(info->bytes_head > 0);
    assert_int_equal(info->remote_port, server.h2);
    assert_true(info->stream_id > 0);
    call_record_clear(&record);
  }
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
      cmocka_unit_test(many_bodies_arrive_whole_within_the_limits),
      cmocka_unit_test(head_and_empty_and_errors_and_redirects),
      cmocka_unit_test(connection_cut_without_response_is_an_error),
      cmocka_unit_test(cancelled_bodies_leave_the_client_usable),
      cmocka_unit_test(paused_call_does_not_stall_others),
      cmocka_unit_test(untrusted_certificate_is_refused),
      cmocka_unit_test(second_tls_connection_resumes_the_session),
      cmocka_unit_test(durations_add_up),
  };
  return cmocka_run_group_tests(tests, open_server, close_server);
}
