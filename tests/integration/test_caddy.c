/* SPDX-License-Identifier: MIT */
/* The whole library against Caddy, which brings Go's HTTP/1.1, TLS and HTTP/2,
 * with files of its own and as a proxy in front of other servers. */
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
#include "support/cut_proxy.h"
#include "support/pattern.h"
#include "support/raw_peer.h"
#include "support/server_process.h"
#include "support/way.h"

static const size_t file_sizes[] = {0, 1, 16384, 100000, 3000000};

enum {
  FILES = sizeof(file_sizes) / sizeof(file_sizes[0]),
  WAYS = 3
};

/* How to reach it, and what the client is told to speak. */
static struct {
  way way;
  ahttp_http_policy http;
} ways[WAYS] = {
    {{"http", 0, AHTTP_VERSION_1_1}, AHTTP_HTTP_AUTO},
    {{"https", 0, AHTTP_VERSION_1_1}, AHTTP_HTTP_1_1},
    {{"https", 0, AHTTP_VERSION_2}, AHTTP_HTTP_AUTO},
};

static const test_certificate_files *files;
static server_process *caddy;
static server_process *echo; /* behind /echo */
static uint16_t echo_port;

/* --- Servers. ------------------------------------------------------------ */

static const char config[] = "{\n"
                             "  admin off\n"
                             "  auto_https off\n"
                             "  default_sni localhost\n"
                             "  grace_period 10s\n"
                             "}\n"
                             "(site) {\n"
                             "  bind 127.0.0.1\n"
                             "  root * %s/www\n"
                             "  reverse_proxy /echo h2c://127.0.0.1:%u\n"
                             "  reverse_proxy /backend unix/%s/backend\n"
                             "  redir /old /4 301\n"
                             "  file_server\n"
                             "}\n"
                             "http://127.0.0.1:%u {\n"
                             "  import site\n"
                             "}\n"
                             "https://127.0.0.1:%u {\n"
                             "  import site\n"
                             "  tls %s %s\n"
                             "}\n";

static server_process *start_caddy(void)
{
  /* Where it would keep certificates and its configuration. */
  (void)setenv("HOME", server_dir(), 1);
  (void)unsetenv("XDG_CONFIG_HOME");
  (void)unsetenv("XDG_DATA_HOME");
  char *text;
  if (asprintf(&text, config, server_dir(), (unsigned)echo_port, server_dir(),
               (unsigned)ways[0].way.port, (unsigned)ways[1].way.port,
               files->cert_file, files->key_file) < 0) {
    fail();
  }
  char *path = server_write_file("Caddyfile", text);
  free(text);
  const char *const argv[] = {"caddy",     "run",       "--config", path,
                              "--adapter", "caddyfile", NULL};
  server_process *process = server_start(argv, ways[1].way.port);
  server_wait(process, ways[0].way.port);
  free(path);
  return process;
}

static void write_documents(void)
{
  char path[400];
  (void)snprintf(path, sizeof(path), "%s/www", server_dir());
  (void)mkdir(path, 0755);
  for (int i = 0; i < FILES; i++) {
    (void)snprintf(path, sizeof(path), "%s/www/%d", server_dir(), i);
    pattern_write_file(path, file_sizes[i]);
  }
}

static int open_servers(void **state)
{
  (void)state;
  files = test_certificates(server_dir());
  write_documents();
  char digits[16];
  echo_port = server_free_port();
  (void)snprintf(digits, sizeof(digits), "%u", (unsigned)echo_port);
  const char *const argv[] = {
      "nghttpd", "--no-tls", "--echo-upload", "-a", "127.0.0.1", digits, NULL};
  echo = server_start(argv, echo_port);
  ways[0].way.port = server_free_port();
  ways[1].way.port = server_free_port();
  ways[2].way.port = ways[1].way.port;
  caddy = start_caddy();
  return 0;
}

static int close_servers(void **state)
{
  (void)state;
  server_stop(caddy);
  server_stop(echo);
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

/* --- Files. -------------------------------------------------------------- */

static void check_files(client_run *run, const way *there)
{
  enum {
    CALLS = 30
  };
  call_record *records = calloc(CALLS, sizeof(*records));
  assert_non_null(records);
  for (int i = 0; i < CALLS; i++) {
    char path[16];
    (void)snprintf(path, sizeof(path), "/%d", i % FILES);
    client_run_start(run, &records[i], "GET", way_url(there, path), NULL);
  }
  client_run_wait(run);
  for (int i = 0; i < CALLS; i++) {
    assert_int_equal(records[i].version, there->version);
    call_record_check_pattern(&records[i], 200, file_sizes[i % FILES]);
  }
  free(records);
  if (there->version == AHTTP_VERSION_2) {
    assert_int_equal(client_run_stats(run).conns_made, 1);
  }
}

static void files_arrive_whole(void **state)
{
  (void)state;
  each_way(check_files);
}

static void check_kinds(client_run *run, const way *there)
{
  call_record record = {0};
  client_run_start(run, &record, "HEAD", way_url(there, "/3"), NULL);
  client_run_wait(run);
  call_record_check_pattern(&record, 200, 0);
  client_run_get(run, &record, way_url(there, "/nothing"));
  call_record_check_pattern(&record, 404, 0);
  ahttp_send_opts opts = AHTTP_SEND_OPTS_INIT;
  opts.redirects_max = 1;
  client_run_start(run, &record, "GET", way_url(there, "/old"), &opts);
  client_run_wait(run);
  call_record_check_pattern(&record, 200, file_sizes[4]);
}

static void head_and_missing_file_and_redirect(void **state)
{
  (void)state;
  each_way(check_kinds);
}

static void check_uploads(client_run *run, const way *there)
{
  static const size_t sizes[] = {1, 16384, 1000000};
  for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
    way_check_echo(there, run, "/echo", sizes[i], true);
    way_check_echo(there, run, "/echo", sizes[i], false);
  }
}

static void uploads_pass_through_the_proxy(void **state)
{
  (void)state;
  each_way(check_uploads);
}

/* --- What is behind the proxy. ------------------------------------------- */

/* A GET of what a server behind the proxy answers by |script|. */
static void get_from_behind(client_run *run, const way *there,
                            const raw_step *script, call_record *record)
{
  char path[300];
  (void)snprintf(path, sizeof(path), "%s/backend", server_dir());
  raw_peer *peer = raw_peer_start_one(script);
  const cut_proxy_opts front = {.server_port = raw_peer_port(peer),
                                .unix_path = path};
  cut_proxy *proxy = cut_proxy_start(&front);
  client_run_get(run, record, way_url(there, "/backend"));
  assert_int_equal(record->dones, 1);
  cut_proxy_stop(proxy);
  raw_peer_stop(peer);
}

static void check_trailers(client_run *run, const way *there)
{
  static const raw_step script[] = {
      {RAW_EXPECT_HEAD, NULL, 0},
      RAW_SEND_TEXT("HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\n"
                    "Transfer-Encoding: chunked\r\n\r\n"
                    "5\r\nhello\r\n0\r\nX-Sum: 42\r\n\r\n"),
      {RAW_END, NULL, 0}};
  call_record record = {0};
  get_from_behind(run, there, script, &record);
  assert_string_equal(record.error.text, "");
  assert_string_equal(record.content, "hello");
  assert_int_equal(record.trailers, 1);
  assert_string_equal(record.trailer, "42");
  call_record_clear(&record);
}

static void trailers_pass_through_the_proxy(void **state)
{
  (void)state;
  each_way(check_trailers);
}

static void check_dying(client_run *run, const way *there)
{
  static const raw_step script[] = {
      {RAW_EXPECT_HEAD, NULL, 0},
      RAW_SEND_TEXT("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"),
      {RAW_FILL, NULL, 100000},
      {RAW_END, NULL, 0}};
  call_record record = {0};
  get_from_behind(run, there, script, &record);
  bool is_h2 = there->version == AHTTP_VERSION_2;
  if (is_h2) { /* a reset, or an end in good order too early */
    assert_true(record.code == AHTTP_ESTREAM ||
                record.code == AHTTP_ETRUNCATED || record.code == AHTTP_EPROTO);
  } else {
    assert_int_equal(record.code, AHTTP_ETRUNCATED);
  }
  assert_int_equal(record.heads, 1);
  call_record_clear(&record);
  /* Over HTTP/2 only the stream was lost. */
  client_run_get(run, &record, way_url(there, "/3"));
  assert_int_equal(record.info.conn_id, is_h2 ? 1 : 2);
  call_record_check_pattern(&record, 200, file_sizes[3]);
}

static void death_behind_the_proxy_is_told(void **state)
{
  (void)state;
  each_way(check_dying);
}

static void check_unreachable(client_run *run, const way *there)
{
  call_record record = {0};
  client_run_get(run, &record, way_url(there, "/backend"));
  call_record_check_pattern(&record, 502, 0);
}

static void nobody_behind_the_proxy_is_a_502(void **state)
{
  (void)state;
  each_way(check_unreachable);
}

/* --- A server that stops in good order. ---------------------------------- */

static bool has_no_free_connection(void *arg)
{
  ahttp_client_stats stats = client_run_stats(arg);
  return stats.conns_idle == 0;
}

/* The response under way is finished, while nobody else is let in. */
static void check_stopping(client_run *run, const way *there)
{
  call_record slow = {0};
  client_run_start(run, &slow, "GET", way_url(there, "/4"), NULL);
  ahttp_call_set_manual_credit(slow.call);
  client_run_until_content(run, &slow, 100000);
  assert_int_equal(kill(server_pid(caddy), SIGTERM), 0);
  client_run_turn_until(run, has_no_free_connection, run);
  ahttp_call_credit(slow.call, slow.content_len);
  while (slow.call != NULL) {
    size_t before = slow.content_len;
    (void)uv_run(&run->loop, UV_RUN_ONCE);
    if (slow.call != NULL) {
      ahttp_call_credit(slow.call, slow.content_len - before);
    }
  }
  call_record_check_pattern(&slow, 200, file_sizes[4]);
  client_run_until_conns(run, 0);
  server_stop(caddy);
  caddy = start_caddy();
  call_record record = {0};
  client_run_get(run, &record, way_url(there, "/1"));
  assert_int_equal(record.info.reused, 0);
  assert_int_equal(record.info.attempts, 1);
  call_record_check_pattern(&record, 200, file_sizes[1]);
}

static void stopping_server_finishes_what_it_began(void **state)
{
  (void)state;
  each_way(check_stopping);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(files_arrive_whole),
      cmocka_unit_test(head_and_missing_file_and_redirect),
      cmocka_unit_test(uploads_pass_through_the_proxy),
      cmocka_unit_test(trailers_pass_through_the_proxy),
      cmocka_unit_test(death_behind_the_proxy_is_told),
      cmocka_unit_test(nobody_behind_the_proxy_is_a_502),
      cmocka_unit_test(stopping_server_finishes_what_it_began),
  };
  return cmocka_run_group_tests(tests, open_servers, close_servers);
}
