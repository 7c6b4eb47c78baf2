/* SPDX-License-Identifier: MIT */
/* The whole library over a unix socket. */
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
#include "support/cut_proxy.h"
#include "support/h2_script.h"
#include "support/raw_peer.h"
#include "support/server_process.h"
#include "support/tls_host.h"

#define OK_HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

static const raw_step answers_twice[] = {
    {RAW_EXPECT_HEAD, NULL, 0}, RAW_SEND_TEXT(OK_HELLO),
    {RAW_EXPECT_HEAD, NULL, 0}, RAW_SEND_TEXT(OK_HELLO),
    {RAW_EXPECT_EOF, NULL, 0},  {RAW_END, NULL, 0}};

static char socket_path[300];

static int choose_path(void **state)
{
  (void)state;
  (void)snprintf(socket_path, sizeof(socket_path), "%s/socket", server_dir());
  return 0;
}

static void open_run(client_run *run, const char *path, ahttp_http_policy http,
                     const ahttp_tls_opts *tls)
{
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.unix_socket = path;
  opts.http = http;
  opts.tls = tls;
  client_run_open(run, &opts);
}

static void check_hello(call_record *record)
{
  assert_string_equal(record->error.text, "");
  assert_int_equal(record->status, 200);
  assert_string_equal(record->content, "hello");
  assert_int_equal(record->info.remote_port, 0);
  call_record_clear(record);
}

/* The URL's host is not looked up, but sent. */
static void requests_go_to_the_socket(void **state)
{
  (void)state;
  raw_peer *peer = raw_peer_start_one(answers_twice);
  const cut_proxy_opts front = {.server_port = raw_peer_port(peer),
                                .unix_path = socket_path};
  cut_proxy *proxy = cut_proxy_start(&front);
  client_run run;
  open_run(&run, socket_path, AHTTP_HTTP_AUTO, NULL);
  for (int i = 0; i < 2; i++) {
    call_record record = {0};
    client_run_get(&run, &record, "http://nowhere.invalid:81/v1/containers");
    assert_int_equal(record.info.reused, i == 1);
    check_hello(&record);
  }
  assert_int_equal(cut_proxy_accepted(proxy), 1);
  assert_non_null(strstr(raw_peer_received(peer, NULL),
                         "GET /v1/containers HTTP/1.1\r\n"
                         "Host: nowhere.invalid:81\r\n"));
  client_run_close(&run);
  cut_proxy_stop(proxy);
  raw_peer_stop(peer);
}

/* Behind one socket there may be many hosts: they share nothing. */
static void hosts_have_connections_of_their_own(void **state)
{
  (void)state;
  static const raw_step holds[] = {
      {RAW_EXPECT_HEAD, NULL, 0}, RAW_SEND_TEXT(OK_HELLO), {RAW_HOLD, NULL, 0}};
  raw_peer *peer = raw_peer_start_one(holds);
  const cut_proxy_opts front = {.server_port = raw_peer_port(peer),
                                .unix_path = socket_path};
  cut_proxy *proxy = cut_proxy_start(&front);
  client_run run;
  open_run(&run, socket_path, AHTTP_HTTP_AUTO, NULL);
  call_record record = {0};
  client_run_get(&run, &record, "http://a.invalid/");
  check_hello(&record);
  client_run_get(&run, &record, "http://b.invalid/");
  assert_int_equal(record.info.reused, 0);
  check_hello(&record);
  assert_int_equal(client_run_stats(&run).conns_idle, 2);
  client_run_close(&run);
  cut_proxy_stop(proxy);
  raw_peer_stop(peer);
}

static void http2_works_over_it(void **state)
{
  (void)state;
  static const h2_step serves[] = {H2_DO_SETTINGS, H2_DO(H2_SERVE)};
  h2_script *peer = h2_script_start_one(serves);
  const cut_proxy_opts front = {.server_port = h2_script_port(peer),
                                .unix_path = socket_path};
  cut_proxy *proxy = cut_proxy_start(&front);
  client_run run;
  open_run(&run, socket_path, AHTTP_HTTP_2_PRIOR_KNOWLEDGE, NULL);
  call_record *records = client_run_start_many(&run, "http://a.invalid/", 10);
  client_run_wait(&run);
  for (int i = 0; i < 10; i++) {
    check_hello(&records[i]);
  }
  free(records);
  assert_int_equal(cut_proxy_accepted(proxy), 1);
  client_run_close(&run);
  cut_proxy_stop(proxy);
  h2_script_stop(peer);
}

/* The certificate is the URL's host's. */
static void tls_works_over_it(void **state)
{
  (void)state;
  certificate ca;
  certificate cert;
  char ca_file[400];
  certificate_init_ca(&ca, "libahttp test CA");
  const certificate_opts cert_opts = {
      .name = "leaf", .names = "DNS:a.invalid", .issuer = &ca};
  certificate_init(&cert, &cert_opts);
  (void)snprintf(ca_file, sizeof(ca_file), "%s/ca.pem", server_dir());
  certificate_write(&ca, ca_file);
  const tls_host_opts host_opts = {
      .cert = &cert, .response = OK_HELLO, .end = TLS_HOST_KEEP};
  tls_host *host = tls_host_start(&host_opts);
  const cut_proxy_opts front = {.server_port = tls_host_port(host),
                                .unix_path = socket_path};
  cut_proxy *proxy = cut_proxy_start(&front);
  ahttp_tls_opts tls = {.size = sizeof(tls), .ca_file = ca_file};
  client_run run;
  open_run(&run, socket_path, AHTTP_HTTP_AUTO, &tls);
  call_record record = {0};
  client_run_get(&run, &record, "https://a.invalid/");
  check_hello(&record);
  client_run_get(&run, &record, "https://b.invalid/");
  assert_int_equal(record.code, AHTTP_ECERT);
  client_run_close(&run);
  cut_proxy_stop(proxy);
  tls_host_stop(host);
  certificate_clear(&cert);
  certificate_clear(&ca);
}

static void check_error(const char *path, int code)
{
  client_run run;
  open_run(&run, path, AHTTP_HTTP_AUTO, NULL);
  call_record record = {0};
  client_run_get(&run, &record, "http://a.invalid/");
  assert_int_equal(record.code, code);
  assert_int_equal(record.error.phase, AHTTP_PHASE_CONNECT);
  assert_non_null(strstr(record.error.text, path));
  client_run_close(&run);
}

static void missing_socket_is_named(void **state)
{
  (void)state;
  check_error(socket_path, AHTTP_ECONNECT);
}

/* A socket whose server has gone without removing it. */
static void forsaken_socket_refuses(void **state)
{
  (void)state;
  char other[400];
  const cut_proxy_opts front = {.unix_path = socket_path};
  cut_proxy *proxy = cut_proxy_start(&front);
  (void)snprintf(other, sizeof(other), "%s.left", socket_path);
  assert_int_equal(rename(socket_path, other), 0);
  cut_proxy_stop(proxy);
  check_error(other, AHTTP_EREFUSED);
}

/* sun_path has room for 108 bytes. */
static void path_that_is_too_long_is_an_error(void **state)
{
  (void)state;
  char path[200];
  memset(path, 'p', sizeof(path) - 1);
  path[0] = '/';
  path[sizeof(path) - 1] = '\0';
  check_error(path, AHTTP_ECONNECT);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(requests_go_to_the_socket),
      cmocka_unit_test(hosts_have_connections_of_their_own),
      cmocka_unit_test(http2_works_over_it),
      cmocka_unit_test(tls_works_over_it),
      cmocka_unit_test(missing_socket_is_named),
      cmocka_unit_test(forsaken_socket_refuses),
      cmocka_unit_test(path_that_is_too_long_is_an_error),
  };
  return cmocka_run_group_tests(tests, choose_path, NULL);
}
