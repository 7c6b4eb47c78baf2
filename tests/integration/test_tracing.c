/* SPDX-License-Identifier: MIT */
/* What a trace is told, by the whole library. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

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
#include "support/trace_log.h"

#define OK_HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
#define DIALED "connect_tcp.started connect_tcp.complete "
#define SENT "send_request_headers.started send_request_headers.complete "
#define SENT_BODY "send_request_body.started send_request_body.complete "
#define RECEIVED                                                        \
  "receive_response_headers.started receive_response_headers.complete " \
  "receive_response_body.started receive_response_body.complete "       \
  "response_closed"

static certificate ca;
static certificate leaf;
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

static const raw_step answers_twice[] = {
    {RAW_EXPECT_HEAD, NULL, 0}, RAW_SEND_TEXT(OK_HELLO),
    {RAW_EXPECT_HEAD, NULL, 0}, RAW_SEND_TEXT(OK_HELLO),
    {RAW_EXPECT_EOF, NULL, 0},  {RAW_END, NULL, 0}};

/* A client that tells |log|. */
static void open_traced(client_run *run, trace_log *log,
                        ahttp_client_opts *opts)
{
  ahttp_client_opts own = AHTTP_CLIENT_OPTS_INIT;
  ahttp_trace trace = trace_log_trace(log);
  opts = opts == NULL ? &own : opts;
  trace_log_init(log);
  opts->trace = &trace;
  client_run_open(run, opts);
}

static void get(client_run *run, const char *url, int code)
{
  call_record record = {0};
  client_run_get(run, &record, url);
  assert_int_equal(record.code, code);
  call_record_clear(&record);
}

static void trace_tells_every_step_of_http1(void **state)
{
  (void)state;
  raw_peer *peer = raw_peer_start_one(answers_twice);
  client_run run;
  trace_log log;
  open_traced(&run, &log, NULL);
  const char *url = test_url("http", raw_peer_port(peer), "/");
  get(&run, url, AHTTP_OK);
  trace_log_expect(&log, "call.started " DIALED "connection.made " SENT RECEIVED
                         " call.complete");
  get(&run, url, AHTTP_OK);
  trace_log_expect(&log, "call.started connection.reused " SENT RECEIVED
                         " call.complete");
  assert_int_equal(log.last.conn_id, 1);
  assert_int_equal(log.last.number, 200);
  client_run_close(&run);
  trace_log_expect(&log, "connection.closed");
  assert_int_equal(log.last.number, 2);
  assert_int_equal(log.last.dial_id, 1);
  trace_log_clear(&log);
  raw_peer_stop(peer);
}

static void trace_tells_of_content_redirects_and_retries(void **state)
{
  (void)state;
  static const raw_step first[] = {
      {RAW_EXPECT_HEAD, NULL, 0},
      RAW_SEND_TEXT("HTTP/1.1 103 Early Hints\r\n\r\n"
                    "HTTP/1.1 307 Later\r\nLocation: /b\r\n"
                    "Content-Length: 0\r\n\r\n"),
      {RAW_EXPECT_HEAD, NULL, 0},
      {RAW_END, NULL, 0}};
  static const raw_step second[] = {{RAW_EXPECT_HEAD, NULL, 0},
                                    RAW_SEND_TEXT(OK_HELLO),
                                    {RAW_EXPECT_EOF, NULL, 0},
                                    {RAW_END, NULL, 0}};
  const raw_step *const scripts[] = {first, second};
  raw_peer *peer = raw_peer_start(scripts, 2);
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.redirects_max = 2;
  client_run run;
  trace_log log;
  open_traced(&run, &log, &opts);
  ahttp_request *request;
  assert_int_equal(
      ahttp_request_new(&request, "PUT",
                        test_url("http", raw_peer_port(peer), "/")),
      AHTTP_OK);
  assert_int_equal(ahttp_request_set_content(request, "x", 1), AHTTP_OK);
  call_record record = {0};
  client_run_start_request(&run, &record, request, NULL);
  client_run_wait(&run);
  assert_int_equal(record.code, AHTTP_OK);
  trace_log_expect(
      &log,
      "call.started " DIALED "connection.made " SENT SENT_BODY
      "receive_response_headers.started receive_informational "
      "receive_response_headers.complete receive_response_body.started "
      "redirect receive_response_body.complete response_closed "
      "connection.reused " SENT SENT_BODY "receive_response_headers.started "
      "receive_response_headers.failed response_closed retry "
      "connection.closed " DIALED "connection.made " SENT SENT_BODY RECEIVED
      " call.complete");
  call_record_clear(&record);
  ahttp_request_free(request);
  client_run_close(&run);
  trace_log_clear(&log);
  raw_peer_stop(peer);
}

static void trace_tells_of_tls(void **state)
{
  (void)state;
  const tls_host_opts host_opts = {.cert = &leaf, .response = OK_HELLO};
  tls_host *host = tls_host_start(&host_opts);
  ahttp_tls_opts tls = AHTTP_SIZED(ahttp_tls_opts);
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  client_run run;
  trace_log log;
  tls.ca_file = ca_file;
  opts.tls = &tls;
  open_traced(&run, &log, &opts);
  const char *url = test_url("https", tls_host_port(host), "/");
  get(&run, url, AHTTP_OK);
  trace_log_expect(&log, "call.started " DIALED
                         "start_tls.started start_tls.complete "
                         "connection.made " SENT RECEIVED " call.complete");
  assert_non_null(strstr(log.text, "TLSv1.3 TLS_"));
  client_run_close(&run);
  trace_log_clear(&log);

  opts.tls = NULL; /* does not know the authority */
  open_traced(&run, &log, &opts);
  get(&run, url, AHTTP_ECERT);
  trace_log_expect(&log, "call.started " DIALED
                         "start_tls.started start_tls.failed call.failed");
  client_run_close(&run);
  trace_log_clear(&log);
  tls_host_stop(host);
}

static bool log_has_closed(void *arg)
{
  const trace_log *log = arg;
  return strstr(log->names, "connection.closed") != NULL;
}

static void trace_tells_of_http2(void **state)
{
  (void)state;
  static const h2_step script[] = {
      H2_DO_SETTINGS,
      H2_DO_EXPECT(H2_HEADERS),
      H2_DO_HEAD,
      H2_DO_HELLO,
      H2_DO_EXPECT(H2_HEADERS),
      H2_DO_HEAD,
      H2_DO_EXPECT(H2_RST_STREAM),
      H2_DO_FRAME(H2_GOAWAY, 0, 0, "\0\0\0\3\0\0\0\0"),
      H2_DO(H2_HOLD)};
  h2_script *peer = h2_script_start_one(script);
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.http = AHTTP_HTTP_2_PRIOR_KNOWLEDGE;
  client_run run;
  trace_log log;
  open_traced(&run, &log, &opts);
  const char *url = test_url("http", h2_script_port(peer), "/");
  get(&run, url, AHTTP_OK);
  assert_non_null(strstr(log.names, DIALED "connection.made "
                                           "send_connection_init "));
  assert_non_null(strstr(log.names, "receive_remote_settings "));
  assert_non_null(strstr(log.names, " response_closed call.complete "));
  assert_int_equal(log.last.stream_id, 1);
  call_record record = {.action = RECORD_CANCEL_AT_HEAD};
  client_run_get(&run, &record, url);
  assert_int_equal(record.code, AHTTP_ECANCELED);
  call_record_clear(&record);
  assert_non_null(strstr(log.names, "receive_response_body.failed"));
  assert_non_null(strstr(log.names, " stream_reset "));
  client_run_turn_until(&run, log_has_closed, &log);
  assert_non_null(strstr(log.names, "receive_goaway "));
  client_run_close(&run);
  trace_log_clear(&log);
  h2_script_stop(peer);
}

static void trace_tells_of_names(void **state)
{
  (void)state;
  raw_peer *peer = raw_peer_start_one(answers_twice);
  const ahttp_resolve_entry entries[] = {{"a.test", 0, "127.0.0.1"}};
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.resolve = entries;
  opts.resolve_count = 1;
  client_run run;
  trace_log log;
  char url[64];
  (void)snprintf(url, sizeof(url), "http://a.test:%u/", raw_peer_port(peer));
  open_traced(&run, &log, &opts);
  get(&run, url, AHTTP_OK);
  trace_log_expect(&log, "call.started dns.started dns.complete " DIALED
                         "connection.made " SENT RECEIVED " call.complete");
  client_run_close(&run);
  trace_log_clear(&log);

  raw_peer_stop(peer);
}

static void trace_tells_of_a_name_server_that_is_silent(void **state)
{
  (void)state;
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof(address);
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
  assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
  char server[32];
  (void)snprintf(server, sizeof(server), "127.0.0.1:%u",
                 ntohs(address.sin_port));
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.dns_servers = server;
  opts.connect_ms = 30;
  client_run run;
  trace_log log;
  open_traced(&run, &log, &opts);
  get(&run, "http://b.test/", AHTTP_ETIMEOUT_CONNECT);
  trace_log_expect(&log, "call.started dns.started dns.failed timeout "
                         "call.failed");
  client_run_close(&run);
  trace_log_clear(&log);
  (void)close(fd);
}

static void trace_tells_of_unix_sockets_and_refusals(void **state)
{
  (void)state;
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  client_run run;
  trace_log log;
  opts.unix_socket = "/nowhere/socket";
  open_traced(&run, &log, &opts);
  get(&run, "http://a.test/", AHTTP_ECONNECT);
  trace_log_expect(&log, "call.started connect_unix_socket.started "
                         "connect_unix_socket.failed call.failed");
  assert_non_null(strstr(log.text, "/nowhere/socket"));
  client_run_close(&run);
  trace_log_clear(&log);

  static const raw_step ends[] = {{RAW_END, NULL, 0}};
  raw_peer *peer = raw_peer_start_one(ends);
  const char *url = test_url("http", raw_peer_port(peer), "/");
  raw_peer_stop(peer);
  open_traced(&run, &log, NULL);
  get(&run, url, AHTTP_EREFUSED);
  trace_log_expect(&log, "call.started connect_tcp.started connect_tcp.failed "
                         "call.failed");
  client_run_close(&run);
  trace_log_clear(&log);
}

/* A call with a trace of its own tells that, and nobody else. */
static void trace_of_a_call_overrides_the_clients(void **state)
{
  (void)state;
  raw_peer *peer = raw_peer_start_one(answers_twice);
  const char *url = test_url("http", raw_peer_port(peer), "/");
  client_run run;
  trace_log log;
  trace_log own;
  open_traced(&run, &log, NULL);
  trace_log_init(&own);
  ahttp_trace trace = trace_log_trace(&own);
  trace.mask = AHTTP_TRACE_CALLS | AHTTP_TRACE_CONNECTIONS;
  ahttp_send_opts opts = AHTTP_SEND_OPTS_INIT;
  opts.trace = &trace;
  call_record record = {0};
  client_run_start(&run, &record, "GET", url, &opts);
  client_run_wait(&run);
  assert_int_equal(record.code, AHTTP_OK);
  call_record_clear(&record);
  trace_log_expect(&own, "call.started connection.made call.complete");
  trace_log_expect(&log, "");

  trace.callback = NULL; /* nobody is to be told */
  client_run_start(&run, &record, "GET", url, &opts);
  client_run_wait(&run);
  call_record_clear(&record);
  trace_log_expect(&log, "");
  client_run_close(&run);
  trace_log_expect(&log, "connection.closed");
  trace_log_expect(&own, "");
  trace_log_clear(&own);
  trace_log_clear(&log);
  raw_peer_stop(peer);
}

static void trace_from_a_newer_header_is_refused(void **state)
{
  (void)state;
  ahttp_trace trace = AHTTP_TRACE_INIT;
  trace.size++;
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.trace = &trace;
  ahttp_client *client;
  assert_int_equal(ahttp_client_new(&client, &opts), AHTTP_EINVAL);
  client_run run;
  client_run_open(&run, NULL);
  ahttp_send_opts send = AHTTP_SEND_OPTS_INIT;
  send.trace = &trace;
  call_record record = {0};
  client_run_start(&run, &record, "GET", "http://a.test/", &send);
  client_run_wait(&run);
  assert_int_equal(record.code, AHTTP_EINVAL);
  call_record_clear(&record);
  client_run_close(&run);
}

/* Whatever carries a secret, on the way there and back. */
static void trace_tells_no_secrets(void **state)
{
  (void)state;
  static const raw_step script[] = {
      {RAW_EXPECT_HEAD, NULL, 0},
      RAW_SEND_TEXT("HTTP/1.1 302 Found\r\nSet-Cookie: a=s3cret\r\n"
                    "Location: http://u:s3cret@127.0.0.1:1/\r\n"
                    "Content-Length: 0\r\n\r\n"),
      {RAW_EXPECT_EOF, NULL, 0},
      {RAW_END, NULL, 0}};
  raw_peer *peer = raw_peer_start_one(script);
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.redirects_max = 2;
  client_run run;
  trace_log log;
  open_traced(&run, &log, &opts);
  char url[100];
  (void)snprintf(url, sizeof(url), "http://me:s3cret@127.0.0.1:%u/",
                 raw_peer_port(peer));
  ahttp_request *request;
  assert_int_equal(ahttp_request_new(&request, "GET", url), AHTTP_OK);
  static const char *const names[] = {"Authorization", "Cookie",
                                      "Proxy-Authorization", "X-Api-Key"};
  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
    assert_int_equal(ahttp_request_add_field(request, names[i], "s3cret"),
                     AHTTP_OK);
  }
  call_record record = {0};
  client_run_start_request(&run, &record, request, NULL);
  client_run_wait(&run);
  assert_int_equal(record.code, AHTTP_EREFUSED);
  assert_non_null(strstr(log.names, "redirect"));
  assert_non_null(strstr(log.text, "[secure]")); /* a URL was told of */
  assert_null(strstr(log.text, "s3cret"));
  call_record_clear(&record);
  ahttp_request_free(request);
  client_run_close(&run);
  trace_log_clear(&log);
  raw_peer_stop(peer);
}

static void stop_to_ask(trace_log *log, const ahttp_trace_event *event)
{
  ahttp_call_info *info = log->arg;
  ahttp_call_get_info(event->call, info);
  log->stop_at = NULL;
}

/* The address of the first of two connections, the memory of which is gone when
 * the second one has answered. */
static void addresses_live_with_the_call(void **state)
{
  (void)state;
  static const raw_step last[] = {
      {RAW_EXPECT_HEAD, NULL, 0},
      RAW_SEND_TEXT("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
      {RAW_EXPECT_EOF, NULL, 0},
      {RAW_END, NULL, 0}};
  raw_peer *other = raw_peer_start_one(last);
  char answer[160];
  (void)snprintf(answer, sizeof(answer),
                 "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%u/\r\n"
                 "Connection: close\r\nContent-Length: 0\r\n\r\n",
                 (unsigned)raw_peer_port(other));
  const raw_step first[] = {{RAW_EXPECT_HEAD, NULL, 0},
                            {RAW_SEND, answer, strlen(answer)},
                            {RAW_EXPECT_EOF, NULL, 0},
                            {RAW_END, NULL, 0}};
  raw_peer *peer = raw_peer_start_one(first);
  client_run run;
  trace_log log;
  open_traced(&run, &log, NULL);
  ahttp_call_info early = {.size = sizeof(early)};
  ahttp_call_info late = {.size = sizeof(late)};
  log.stop_at = "receive_response_headers.complete";
  log.stop = stop_to_ask;
  log.arg = &early;
  ahttp_send_opts opts = AHTTP_SEND_OPTS_INIT;
  opts.redirects_max = 1;
  call_record record = {0};
  client_run_start(&run, &record, "GET",
                   test_url("http", raw_peer_port(peer), "/"), &opts);
  ahttp_call *call = ahttp_call_ref(record.call);
  client_run_wait(&run);
  assert_int_equal(record.status, 200);
  ahttp_call_get_info(call, &late);
  assert_int_equal(early.remote_port, raw_peer_port(peer));
  assert_string_equal(early.remote_address, "127.0.0.1");
  assert_int_equal(late.remote_port, raw_peer_port(other));
  client_run_close(&run); /* its connections with it */
  assert_string_equal(early.remote_address, "127.0.0.1");
  assert_string_equal(late.remote_address, "127.0.0.1");
  assert_int_equal(late.conn_id, 2);
  ahttp_call_unref(call);
  call_record_clear(&record);
  trace_log_clear(&log);
  raw_peer_stop(peer);
  raw_peer_stop(other);
}

static void stop_by_cancel(trace_log *log, const ahttp_trace_event *event)
{
  if (event->call != NULL) {
    ahttp_call_info info = {.size = sizeof(info)};
    ahttp_call_get_info(event->call, &info);
    ahttp_call_cancel(event->call);
  }
  log->stop_at = NULL;
}

static void stop_by_close(trace_log *log, const ahttp_trace_event *event)
{
  (void)event;
  client_run *run = log->arg;
  ahttp_client_close(run->client, NULL, NULL);
  log->stop_at = NULL;
}

static const char *const stops[] = {
    "call.started",
    "connect_tcp.started",
    "connect_tcp.complete",
    "connection.made",
    "send_request_headers.started",
    "send_request_headers.complete",
    "receive_response_headers.started",
    "receive_response_headers.complete",
    "receive_response_body.started",
    "receive_response_body.complete",
    "response_closed",
    "call.complete",
};

/* A callback in which the call is cancelled, at every event. */
static void trace_may_cancel_the_call(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof(stops) / sizeof(stops[0]); i++) {
    raw_peer *peer = raw_peer_start_one(answers_twice);
    client_run run;
    trace_log log;
    open_traced(&run, &log, NULL);
    log.stop_at = stops[i];
    log.stop = stop_by_cancel;
    call_record record = {0};
    client_run_get(&run, &record, test_url("http", raw_peer_port(peer), "/"));
    assert_null(log.stop_at);
    assert_int_equal(record.dones, 1);
    assert_true(record.code == AHTTP_ECANCELED || record.code == AHTTP_OK);
    call_record_clear(&record);
    client_run_close(&run);
    trace_log_clear(&log);
    raw_peer_stop(peer);
  }
}

/* The same with closing the client; on every kind of loop. */
static void trace_may_close_the_client(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof(stops) / sizeof(stops[0]); i++) {
    for (int kind = 0; kind < 2; kind++) {
      raw_peer *peer = raw_peer_start_one(answers_twice);
      trace_log log;
      trace_log_init(&log);
      ahttp_trace trace = trace_log_trace(&log);
      ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
      opts.trace = &trace;
      client_run run = {.client = NULL};
      if (kind == 0) {
        assert_int_equal(uv_loop_init(&run.loop), 0);
        opts.loop = &run.loop;
      }
      assert_int_equal(ahttp_client_new(&run.client, &opts), AHTTP_OK);
      log.stop_at = stops[i];
      log.stop = stop_by_close;
      log.arg = &run;
      const char *url = test_url("http", raw_peer_port(peer), "/");
      if (kind == 0) {
        call_record record = {.run = &run};
        client_run_start(&run, &record, "GET", url, NULL);
        assert_int_equal(uv_run(&run.loop, UV_RUN_DEFAULT), 0);
        assert_int_equal(record.dones, 1);
        call_record_clear(&record);
        assert_int_equal(uv_loop_close(&run.loop), 0);
      } else {
        ahttp_response *response;
        ahttp_error err;
        int rv = ahttp_get(run.client, url, &response, &err);
        assert_true(rv == AHTTP_OK || rv == AHTTP_ECLOSED);
        ahttp_response_free(response);
      }
      assert_null(log.stop_at);
      trace_log_clear(&log);
      raw_peer_stop(peer);
    }
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(trace_tells_every_step_of_http1),
      cmocka_unit_test(trace_tells_of_content_redirects_and_retries),
      cmocka_unit_test(trace_tells_of_tls),
      cmocka_unit_test(trace_tells_of_http2),
      cmocka_unit_test(trace_tells_of_names),
      cmocka_unit_test(trace_tells_of_a_name_server_that_is_silent),
      cmocka_unit_test(trace_tells_of_unix_sockets_and_refusals),
      cmocka_unit_test(trace_of_a_call_overrides_the_clients),
      cmocka_unit_test(trace_from_a_newer_header_is_refused),
      cmocka_unit_test(trace_tells_no_secrets),
      cmocka_unit_test(addresses_live_with_the_call),
      cmocka_unit_test(trace_may_cancel_the_call),
      cmocka_unit_test(trace_may_close_the_client),
  };
  return cmocka_run_group_tests(tests, make_certificates, forget_certificates);
}
