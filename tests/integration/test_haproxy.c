/* SPDX-License-Identifier: MIT */
/* The whole library against HAProxy, which brings an HTTP/2 of its own and many
 * ways to be unfriendly: it denies, stalls and hangs up. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ahttp/ahttp.h>

#include "support/certificates.h"
#include "support/client_run.h"
#include "support/client_turns.h"
#include "support/server_process.h"
#include "support/way.h"

enum {
  WAY_HTTP,
  WAY_HTTPS,
  WAY_H2C,
  WAY_H2,
  WAYS,
  TARPIT_MS = 300,
  KEEP_ALIVE_MS = 50
};

/* How to reach it, and what the client is told to speak. */
static struct {
  way way;
  ahttp_http_policy http;
} ways[WAYS] = {
    [WAY_HTTP] = {{"http", 0, AHTTP_VERSION_1_1}, AHTTP_HTTP_AUTO},
    [WAY_HTTPS] = {{"https", 0, AHTTP_VERSION_1_1}, AHTTP_HTTP_1_1},
    [WAY_H2C] = {{"http", 0, AHTTP_VERSION_2}, AHTTP_HTTP_2_PRIOR_KNOWLEDGE},
    [WAY_H2] = {{"https", 0, AHTTP_VERSION_2}, AHTTP_HTTP_AUTO},
};

static const test_certificate_files *files;
static server_process *haproxy;

/* --- The server. --------------------------------------------------------- */

static const char config[] =
    "global\n"
    "  maxconn 500\n"
    "defaults\n"
    "  mode http\n"
    "  timeout connect 5s\n"
    "  timeout server 5s\n"
    "  timeout client 5s\n"
    "  timeout http-keep-alive 50ms\n"
    "  timeout tarpit 300ms\n"
    "frontend all\n"
    "  bind 127.0.0.1:%u\n"
    "  bind 127.0.0.1:%u proto h2\n"
    "  bind 127.0.0.1:%u ssl crt %s alpn h2,http/1.1\n"
    "  http-request tarpit deny_status 429 if { path /tarpit }\n"
    "  http-request deny deny_status 429 if { path /busy }\n"
    "  http-request reject if { path /reject }\n"
    "  http-request redirect location /hello if { path /old }\n"
    "  http-request return status 204 if { path /empty }\n"
    "  http-request return status 200 content-type text/plain string \"hello\" "
    "hdr x-method %%[method]\n";

/* HAProxy wants certificate and key in one file. */
static char *write_pem(void)
{
  char *path = server_write_file("both.pem", "");
  FILE *out = fopen(path, "wb");
  assert_non_null(out);
  const char *const parts[] = {files->cert_file, files->key_file};
  for (size_t i = 0; i < 2; i++) {
    char block[4096];
    FILE *in = fopen(parts[i], "rb");
    assert_non_null(in);
    size_t len = fread(block, 1, sizeof(block), in);
    assert_int_equal(fwrite(block, 1, len, out), len);
    (void)fclose(in);
  }
  (void)fclose(out);
  return path;
}

static int open_server(void **state)
{
  (void)state;
  files = test_certificates(server_dir());
  ways[WAY_HTTP].way.port = server_free_port();
  ways[WAY_H2C].way.port = server_free_port();
  ways[WAY_HTTPS].way.port = server_free_port();
  ways[WAY_H2].way.port = ways[WAY_HTTPS].way.port;
  char *pem = write_pem();
  char *text;
  assert_true(asprintf(&text, config, (unsigned)ways[WAY_HTTP].way.port,
                       (unsigned)ways[WAY_H2C].way.port,
                       (unsigned)ways[WAY_HTTPS].way.port, pem) > 0);
  char *path = server_write_file("haproxy.cfg", text);
  const char *const argv[] = {"haproxy", "-db", "-f", path, NULL};
  haproxy = server_start(argv, ways[WAY_HTTPS].way.port);
  free(path);
  free(text);
  free(pem);
  return 0;
}

static int close_server(void **state)
{
  (void)state;
  server_stop(haproxy);
  return 0;
}

static void each_way(void (*check)(client_run *run, const way *there))
{
  for (int i = 0; i < WAYS; i++) {
    client_run run;
    client_run_open_for(&run, files->ca_file, ways[i].http);
    check(&run, &ways[i].way);
    client_run_close(&run);
  }
}

static bool is_h2(const way *there)
{
  return there->version == AHTTP_VERSION_2;
}

static void check_hello(client_run *run, const way *there)
{
  call_record record = {0};
  client_run_get(run, &record, way_url(there, "/hello"));
  assert_string_equal(record.error.text, "");
  assert_int_equal(record.status, 200);
  assert_int_equal(record.version, there->version);
  assert_string_equal(record.content, "hello");
  call_record_clear(&record);
}

/* --- A friendly server. -------------------------------------------------- */

static void check_kinds(client_run *run, const way *there)
{
  check_hello(run, there);
  call_record record = {0};
  client_run_start(run, &record, "HEAD", way_url(there, "/hello"), NULL);
  client_run_wait(run);
  assert_int_equal(record.status, 200);
  assert_int_equal(record.content_len, 0);
  call_record_clear(&record);
  client_run_get(run, &record, way_url(there, "/empty"));
  assert_string_equal(record.error.text, "");
  assert_int_equal(record.status, 204);
  call_record_clear(&record);
  ahttp_send_opts opts = AHTTP_SEND_OPTS_INIT;
  opts.redirects_max = 1;
  client_run_start(run, &record, "GET", way_url(there, "/old"), &opts);
  client_run_wait(run);
  assert_string_equal(record.content, "hello");
  call_record_clear(&record);
  client_run_get(run, &record, way_url(there, "/busy"));
  assert_string_equal(record.error.text, "");
  assert_int_equal(record.status, 429);
  call_record_clear(&record);
}

static void every_kind_of_answer(void **state)
{
  (void)state;
  each_way(check_kinds);
}

static void check_many(client_run *run, const way *there)
{
  enum {
    CALLS = 40
  };
  call_record *records =
      client_run_start_many(run, way_url(there, "/hello"), CALLS);
  client_run_wait(run);
  for (int i = 0; i < CALLS; i++) {
    assert_string_equal(records[i].error.text, "");
    assert_string_equal(records[i].content, "hello");
    call_record_clear(&records[i]);
  }
  free(records);
  if (is_h2(there)) {
    assert_int_equal(client_run_stats(run).conns_made, 1);
  }
}

static void many_at_once(void **state)
{
  (void)state;
  each_way(check_many);
}

/* --- A slow one. --------------------------------------------------------- */

static void check_tarpit(client_run *run, const way *there)
{
  call_record record = {0};
  client_run_get(run, &record, way_url(there, "/tarpit"));
  assert_string_equal(record.error.text, "");
  assert_int_equal(record.status, 429);
  assert_true(record.info.wait_ns > (TARPIT_MS - 50) * 1000000ULL);
  call_record_clear(&record);

  ahttp_send_opts opts = AHTTP_SEND_OPTS_INIT;
  opts.read_ms = TARPIT_MS / 5;
  client_run_start(run, &record, "GET", way_url(there, "/tarpit"), &opts);
  client_run_wait(run);
  assert_int_equal(record.code, AHTTP_ETIMEOUT_READ);
  assert_int_equal(record.error.phase, AHTTP_PHASE_WAIT);
  assert_int_equal(record.info.attempts, 1);
  call_record_clear(&record);
  check_hello(run, there);
}

static void tarpit_holds_the_patient_only(void **state)
{
  (void)state;
  each_way(check_tarpit);
}

/* --- An unfriendly one. -------------------------------------------------- */

static void check_reject(client_run *run, const way *there)
{
  call_record record = {0};
  client_run_get(run, &record, way_url(there, "/reject"));
  assert_int_equal(record.dones, 1);
  assert_int_equal(record.heads, 0);
  assert_true(record.code == AHTTP_EDISCONNECTED ||
              record.code == AHTTP_EREAD ||
              (is_h2(there) &&
               (record.code == AHTTP_ESTREAM || record.code == AHTTP_EGOAWAY)));
  call_record_clear(&record);
  check_hello(run, there);
}

static void hanging_up_is_an_error(void **state)
{
  (void)state;
  each_way(check_reject);
}

/* --- One that closes unused connections soon. ---------------------------- */

static void on_timer(uv_timer_t *timer)
{
  *(bool *)timer->data = true;
}

static void let_pass(client_run *run, unsigned ms)
{
  bool has_passed = false;
  uv_timer_t timer;
  assert_int_equal(uv_timer_init(&run->loop, &timer), 0);
  timer.data = &has_passed;
  assert_int_equal(uv_timer_start(&timer, on_timer, ms, 0), 0);
  client_run_until(run, &has_passed);
  uv_close((uv_handle_t *)&timer, NULL);
  (void)uv_run(&run->loop, UV_RUN_NOWAIT);
}

/* Requests that cross the server's end of the connection are not lost. */
static void check_crossing(client_run *run, const way *there)
{
  for (unsigned i = 0; i < 10; i++) {
    check_hello(run, there);
    let_pass(run, KEEP_ALIVE_MS - 5 + i);
  }
}

static void requests_that_cross_the_end_are_not_lost(void **state)
{
  (void)state;
  each_way(check_crossing);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_kind_of_answer),
      cmocka_unit_test(many_at_once),
      cmocka_unit_test(tarpit_holds_the_patient_only),
      cmocka_unit_test(hanging_up_is_an_error),
      cmocka_unit_test(requests_that_cross_the_end_are_not_lost),
  };
  return cmocka_run_group_tests(tests, open_server, close_server);
}
