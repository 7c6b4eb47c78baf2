/* SPDX-License-Identifier: MIT */
/* The durations of a call add up to its total, wherever it ends. */
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

enum {
  SHORT_MS = 30
};

static certificate ca;
static certificate leaf; /* of |ca|, for this host */
static char ca_file[300];

static int make_certificates(void **state)
{
  (void)state;
  certificate_init_ca(&ca, "libahttp test CA");
  const certificate_opts opts = {
      .name = "leaf", .names = CERTIFICATE_LOOPBACK_NAMES, .issuer = &ca};
  certificate_init(&leaf, &opts);
  (void)snprintf(ca_file, sizeof(ca_file), "%s/ca.pem", server_dir());
  certificate_write(&ca, ca_file);
  return 0;
}

static int forget_certificates(void **state)
{
  (void)state;
  certificate_clear(&leaf);
  certificate_clear(&ca);
  return 0;
}

/* What belongs to making a connection. */
static uint64_t dial_ns(const ahttp_call_info *info)
{
  return info->dns_ns + info->connect_ns + info->tls_ns;
}

static void check_sum(const ahttp_call_info *info)
{
  assert_int_equal(info->total_ns, info->queue_ns + dial_ns(info) +
                                       info->send_ns + info->wait_ns +
                                       info->receive_ns + info->earlier_ns);
}

/* A complete response; |is_new|: on a connection made for it. */
static void check_complete(const call_record *record, bool is_new)
{
  const ahttp_call_info *info = &record->info;
  assert_string_equal(record->error.text, "");
  assert_int_equal(info->phase, AHTTP_PHASE_RECEIVE);
  check_sum(info);
  assert_int_equal(info->reused, !is_new);
  if (is_new) {
    assert_true(info->connect_ns > 0);
  } else {
    assert_int_equal(dial_ns(info), 0);
  }
}

/* It ended with |code| in |phase|, the last one that took time. */
static void check_failed(const call_record *record, int code, ahttp_phase phase)
{
  const ahttp_call_info *info = &record->info;
  const uint64_t durations[] = {
      [AHTTP_PHASE_QUEUE] = info->queue_ns,
      [AHTTP_PHASE_DNS] = info->dns_ns,
      [AHTTP_PHASE_CONNECT] = info->connect_ns,
      [AHTTP_PHASE_TLS] = info->tls_ns,
      [AHTTP_PHASE_SEND] = info->send_ns,
      [AHTTP_PHASE_WAIT] = info->wait_ns,
      [AHTTP_PHASE_RECEIVE] = info->receive_ns,
  };
  assert_int_equal(record->code, code);
  assert_int_equal(info->phase, phase);
  check_sum(info);
  assert_true(durations[phase] > 0);
  for (int i = (int)phase + 1; i <= AHTTP_PHASE_RECEIVE; i++) {
    assert_int_equal(durations[i], 0);
  }
}

static void times_of_new_and_reused_connections(void **state)
{
  (void)state;
  static const raw_step script[] = {
      {RAW_EXPECT_HEAD, NULL, 0}, RAW_SEND_TEXT(OK_HELLO),
      {RAW_EXPECT_HEAD, NULL, 0}, RAW_SEND_TEXT(OK_HELLO),
      {RAW_EXPECT_EOF, NULL, 0},  {RAW_END, NULL, 0}};
  raw_peer *peer = raw_peer_start_one(script);
  client_run run;
  client_run_open(&run, NULL);
  for (int i = 0; i < 2; i++) {
    call_record record = {0};
    client_run_get(&run, &record, test_url("http", raw_peer_port(peer), "/"));
    check_complete(&record, i == 0);
    const ahttp_call_info *info = &record.info;
    assert_int_equal(info->wire_in, sizeof(OK_HELLO) - 1);
    assert_int_equal(info->wire_in, info->bytes_head + info->bytes_body);
    assert_int_equal(info->wire_out, info->bytes_out);
    assert_int_equal(info->bytes_decoded, 5);
    assert_int_not_equal(info->local_port, 0);
    assert_int_not_equal(info->local_port, info->remote_port);
    assert_string_equal(info->alpn, "");
    call_record_clear(&record);
  }
  client_run_close(&run);
  raw_peer_stop(peer);
}

/* The server goes away instead of answering the second request, which is sent
 * again on a new connection: what counts is what that one carried. */
static void bytes_of_a_request_that_is_sent_again(void **state)
{
  (void)state;
  static const raw_step leaves[] = {{RAW_EXPECT_HEAD, NULL, 0},
                                    RAW_SEND_TEXT(OK_HELLO),
                                    {RAW_EXPECT_HEAD, NULL, 0},
                                    {RAW_END, NULL, 0}};
  static const raw_step stays[] = {{RAW_EXPECT_HEAD, NULL, 0},
                                   RAW_SEND_TEXT(OK_HELLO),
                                   {RAW_EXPECT_EOF, NULL, 0},
                                   {RAW_END, NULL, 0}};
  const raw_step *const scripts[] = {leaves, stays};
  raw_peer *peer = raw_peer_start(scripts, 2);
  client_run run;
  client_run_open(&run, NULL);
  uint64_t request_bytes = 0;
  for (int i = 0; i < 2; i++) {
    call_record record = {0};
    client_run_get(&run, &record, test_url("http", raw_peer_port(peer), "/"));
    const ahttp_call_info *info = &record.info;
    assert_string_equal(record.error.text, "");
    assert_int_equal(info->attempts, i + 1);
    assert_int_equal(info->wire_in, sizeof(OK_HELLO) - 1);
    request_bytes = i == 0 ? info->wire_out : request_bytes;
    assert_int_equal(info->wire_out, request_bytes);
    call_record_clear(&record);
  }
  client_run_close(&run);
  raw_peer_stop(peer);
}

static void times_over_tls(void **state)
{
  (void)state;
  const tls_host_opts opts = {.cert = &leaf, .response = OK_HELLO};
  tls_host *host = tls_host_start(&opts);
  client_run run;
  client_run_open_for(&run, ca_file, AHTTP_HTTP_AUTO);
  for (int i = 0; i < 2; i++) {
    call_record record = {0};
    client_run_get(&run, &record, test_url("https", tls_host_port(host), "/"));
    check_complete(&record, i == 0);
    assert_int_equal(record.info.tls_ns > 0, i == 0);
    /* A record adds at least 22 bytes, a handshake some hundred. */
    uint64_t plain = record.info.bytes_head + record.info.bytes_body;
    uint64_t added = i == 0 ? 400 : 22;
    assert_true(record.info.wire_in >= plain + added);
    assert_true(record.info.wire_out >= record.info.bytes_out + added);
    assert_true(i == 0 || record.info.wire_in < plain + 400);
    call_record_clear(&record);
  }
  client_run_close(&run);
  tls_host_stop(host);
}

static void times_over_http2(void **state)
{
  (void)state;
  static const h2_step serves[] = {H2_DO_SETTINGS, H2_DO(H2_SERVE)};
  h2_script *peer = h2_script_start_one(serves);
  client_run run;
  client_run_open_for(&run, NULL, AHTTP_HTTP_2_PRIOR_KNOWLEDGE);
  call_record first = {0};
  client_run_get(&run, &first, test_url("http", h2_script_port(peer), "/"));
  check_complete(&first, true);
  call_record_clear(&first);
  call_record *records = client_run_start_many(
      &run, test_url("http", h2_script_port(peer), "/"), 5);
  client_run_wait(&run);
  for (int i = 0; i < 5; i++) {
    check_complete(&records[i], false);
    call_record_clear(&records[i]);
  }
  free(records);
  client_run_close(&run);
  h2_script_stop(peer);
}

static void times_over_a_unix_socket(void **state)
{
  (void)state;
  static const raw_step script[] = {{RAW_EXPECT_HEAD, NULL, 0},
                                    RAW_SEND_TEXT(OK_HELLO),
                                    {RAW_EXPECT_EOF, NULL, 0},
                                    {RAW_END, NULL, 0}};
  char path[300];
  (void)snprintf(path, sizeof(path), "%s/socket", server_dir());
  raw_peer *peer = raw_peer_start_one(script);
  const cut_proxy_opts front = {.server_port = raw_peer_port(peer),
                                .unix_path = path};
  cut_proxy *proxy = cut_proxy_start(&front);
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.unix_socket = path;
  client_run run;
  client_run_open(&run, &opts);
  call_record record = {0};
  client_run_get(&run, &record, "http://a.invalid/");
  check_complete(&record, true);
  assert_int_equal(record.info.dns_ns, 0);
  call_record_clear(&record);
  client_run_close(&run);
  cut_proxy_stop(proxy);
  raw_peer_stop(peer);
}

static void times_of_a_redirect_and_of_a_retry(void **state)
{
  (void)state;
  static const raw_step first[] = {
      {RAW_EXPECT_HEAD, NULL, 0},
      RAW_SEND_TEXT("HTTP/1.1 302 Found\r\nLocation: /b\r\n"
                    "Content-Length: 0\r\n\r\n"),
      {RAW_EXPECT_HEAD, NULL, 0},
      {RAW_END, NULL, 0}}; /* the connection is lost: it is sent again */
  static const raw_step second[] = {{RAW_EXPECT_HEAD, NULL, 0},
                                    RAW_SEND_TEXT(OK_HELLO),
                                    {RAW_EXPECT_EOF, NULL, 0},
                                    {RAW_END, NULL, 0}};
  const raw_step *const scripts[] = {first, second};
  raw_peer *peer = raw_peer_start(scripts, 2);
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.redirects_max = 5;
  client_run run;
  client_run_open(&run, &opts);
  call_record record = {0};
  client_run_get(&run, &record, test_url("http", raw_peer_port(peer), "/a"));
  check_complete(&record, true);
  assert_int_equal(record.info.attempts, 2);
  assert_true(record.info.earlier_ns > 0);
  call_record_clear(&record);
  client_run_close(&run);
  raw_peer_stop(peer);
}

/* The head says that the rest of the upload is not wanted. */
static void times_of_an_answer_before_the_end_of_the_request(void **state)
{
  (void)state;
  static const raw_step script[] = {
      {RAW_EXPECT_HEAD, NULL, 0},
      RAW_SEND_TEXT("HTTP/1.1 413 No\r\nContent-Length: 1000\r\n\r\n"),
      {RAW_FILL, NULL, 1000},
      {RAW_EXPECT_EOF, NULL, 0},
      {RAW_END, NULL, 0}};
  enum {
    LARGE_BYTES = 32 * 1024 * 1024
  };
  raw_peer *peer = raw_peer_start_one(script);
  client_run run;
  client_run_open(&run, NULL);
  ahttp_request *request;
  char *large = calloc(1, LARGE_BYTES);
  assert_int_equal(
      ahttp_request_new(&request, "POST",
                        test_url("http", raw_peer_port(peer), "/")),
      AHTTP_OK);
  assert_int_equal(ahttp_request_set_content(request, large, LARGE_BYTES),
                   AHTTP_OK);
  call_record record = {0};
  client_run_start_request(&run, &record, request, NULL);
  client_run_wait(&run);
  check_complete(&record, true);
  assert_true(record.info.send_ns > 0);
  assert_int_equal(record.info.wait_ns, 0);
  call_record_clear(&record);
  ahttp_request_free(request);
  free(large);
  client_run_close(&run);
  raw_peer_stop(peer);
}

/* A GET of |url| with |opts| that ends with |code| in |phase|. */
static void check_get(const char *url, const ahttp_client_opts *opts, int code,
                      ahttp_phase phase)
{
  client_run run;
  ahttp_client_opts own = *opts;
  client_run_open(&run, &own);
  call_record record = {0};
  client_run_get(&run, &record, url);
  check_failed(&record, code, phase);
  call_record_clear(&record);
  client_run_close(&run);
}

static void times_of_a_name_that_cannot_be_resolved(void **state)
{
  (void)state;
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.total_ms = SHORT_MS;
  opts.dns_servers = "127.0.0.1:9"; /* nobody answers, in time at least */
  client_run run;
  client_run_open(&run, &opts);
  call_record record = {0};
  client_run_get(&run, &record, "http://name.test/");
  check_sum(&record.info);
  assert_true(record.info.dns_ns > 0);
  assert_int_equal(record.info.phase, AHTTP_PHASE_DNS);
  call_record_clear(&record);
  client_run_close(&run);
}

static void times_of_a_refusal(void **state)
{
  (void)state;
  static const raw_step script[] = {{RAW_END, NULL, 0}};
  raw_peer *peer = raw_peer_start_one(script);
  const char *url = test_url("http", raw_peer_port(peer), "/");
  raw_peer_stop(peer);
  const ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  check_get(url, &opts, AHTTP_EREFUSED, AHTTP_PHASE_CONNECT);
}

/* However the handshake ends: by itself, by its own time, by the call's. */
static void times_of_a_failing_tls_handshake(void **state)
{
  (void)state;
  static const raw_step talks[] = {RAW_SEND_TEXT("hello\r\n"),
                                   {RAW_EXPECT_EOF, NULL, 0},
                                   {RAW_END, NULL, 0}};
  static const raw_step holds[] = {{RAW_HOLD, NULL, 0}};
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  raw_peer *peer = raw_peer_start_one(talks);
  check_get(test_url("https", raw_peer_port(peer), "/"), &opts, AHTTP_ETLS,
            AHTTP_PHASE_TLS);
  raw_peer_stop(peer);

  peer = raw_peer_start_one(holds);
  const char *url = test_url("https", raw_peer_port(peer), "/");
  opts.connect_ms = SHORT_MS;
  check_get(url, &opts, AHTTP_ETIMEOUT_CONNECT, AHTTP_PHASE_TLS);
  opts.connect_ms = 0;
  opts.total_ms = SHORT_MS;
  check_get(url, &opts, AHTTP_ETIMEOUT_TOTAL, AHTTP_PHASE_TLS);
  raw_peer_stop(peer);
}

static void times_of_a_response_that_does_not_come(void **state)
{
  (void)state;
  static const raw_step silent[] = {{RAW_EXPECT_HEAD, NULL, 0},
                                    {RAW_HOLD, NULL, 0}};
  static const raw_step closes[] = {{RAW_EXPECT_HEAD, NULL, 0},
                                    {RAW_END, NULL, 0}};
  static const raw_step cuts[] = {
      {RAW_EXPECT_HEAD, NULL, 0},
      RAW_SEND_TEXT("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel"),
      {RAW_HOLD, NULL, 0}};
  static const struct {
    const raw_step *script;
    int code;
    ahttp_phase phase;
  } rows[] = {
      {silent, AHTTP_ETIMEOUT_READ, AHTTP_PHASE_WAIT},
      {closes, AHTTP_EDISCONNECTED, AHTTP_PHASE_WAIT},
      {cuts, AHTTP_ETIMEOUT_READ, AHTTP_PHASE_RECEIVE},
  };
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.read_ms = SHORT_MS;
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    raw_peer *peer = raw_peer_start_one(rows[i].script);
    check_get(test_url("http", raw_peer_port(peer), "/"), &opts, rows[i].code,
              rows[i].phase);
    raw_peer_stop(peer);
  }
}

static void times_of_waiting_for_the_pool(void **state)
{
  (void)state;
  static const raw_step holds[] = {{RAW_HOLD, NULL, 0}};
  raw_peer *peer = raw_peer_start_one(holds);
  const char *url = test_url("http", raw_peer_port(peer), "/");
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.conns_max = 1;
  opts.pool_ms = SHORT_MS;
  client_run run;
  client_run_open(&run, &opts);
  call_record first = {0};
  call_record second = {0};
  client_run_start(&run, &first, "GET", url, NULL);
  client_run_until_conns(&run, 1);
  client_run_start(&run, &second, "GET", url, NULL);
  client_run_until_done(&run, &second);
  check_failed(&second, AHTTP_ETIMEOUT_POOL, AHTTP_PHASE_QUEUE);
  ahttp_call_cancel(first.call);
  client_run_until_done(&run, &first);
  check_sum(&first.info);
  call_record_clear(&first);
  call_record_clear(&second);
  client_run_close(&run);
  raw_peer_stop(peer);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(times_of_new_and_reused_connections),
      cmocka_unit_test(bytes_of_a_request_that_is_sent_again),
      cmocka_unit_test(times_over_tls),
      cmocka_unit_test(times_over_http2),
      cmocka_unit_test(times_over_a_unix_socket),
      cmocka_unit_test(times_of_a_redirect_and_of_a_retry),
      cmocka_unit_test(times_of_an_answer_before_the_end_of_the_request),
      cmocka_unit_test(times_of_a_name_that_cannot_be_resolved),
      cmocka_unit_test(times_of_a_refusal),
      cmocka_unit_test(times_of_a_failing_tls_handshake),
      cmocka_unit_test(times_of_a_response_that_does_not_come),
      cmocka_unit_test(times_of_waiting_for_the_pool),
  };
  return cmocka_run_group_tests(tests, make_certificates, forget_certificates);
}
