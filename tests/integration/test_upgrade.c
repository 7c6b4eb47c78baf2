/* SPDX-License-Identifier: MIT */
/* Raw streams after an upgrade or a CONNECT, by the whole library. */
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
#include "support/raw_peer.h"
#include "support/server_process.h"
#include "support/test_alloc.h"
#include "support/tls_host.h"

#define SWITCH                                                  \
  "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n" \
  "Upgrade: echo\r\n\r\n"
#define ESTABLISHED "HTTP/1.1 200 Connection established\r\n\r\n"

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

/* --- A call whose stream is recorded. --------------------------------------
 */

typedef enum take_at {
  TAKE_AT_HEAD,
  TAKE_AT_DONE,
  TAKE_NEVER,
  TAKE_AND_CANCEL, /* at the head */
  TAKE_AND_CLOSE,  /* at the head */
} take_at;

typedef struct tunnel_record {
  take_at when;
  ahttp_stream *stream;
  bool is_done; /* the call */
  int code;     /* its error */
  int status;
  char read[64]; /* all that came; NUL-terminated */
  bool has_ended;
  unsigned drains;
  bool has_failed;
  int error;
  bool closes_at_read;
} tunnel_record;

static void tunnel_on_read(ahttp_stream *stream, const uint8_t *data,
                           size_t len, void *arg)
{
  tunnel_record *self = arg;
  assert_ptr_equal(stream, self->stream);
  assert_false(self->has_ended);
  assert_true(len > 0 && strlen(self->read) + len < sizeof(self->read));
  strncat(self->read, (const char *)data, len);
  if (self->closes_at_read) {
    ahttp_stream_close(stream);
    self->stream = NULL;
  }
}

static void tunnel_on_end(ahttp_stream *stream, void *arg)
{
  tunnel_record *self = arg;
  assert_ptr_equal(stream, self->stream);
  assert_false(self->has_ended);
  self->has_ended = true;
}

static void tunnel_on_drain(ahttp_stream *stream, void *arg)
{
  tunnel_record *self = arg;
  assert_ptr_equal(stream, self->stream);
  self->drains++;
}

static void tunnel_on_error(ahttp_stream *stream, const ahttp_error *err,
                            void *arg)
{
  tunnel_record *self = arg;
  assert_ptr_equal(stream, self->stream);
  assert_false(self->has_failed);
  self->has_failed = true;
  self->error = err->code;
}

static void tunnel_take(tunnel_record *self, ahttp_call *call)
{
  ahttp_stream_handlers handlers = AHTTP_STREAM_HANDLERS_INIT;
  handlers.on_read = tunnel_on_read;
  handlers.on_end = tunnel_on_end;
  handlers.on_drain = tunnel_on_drain;
  handlers.on_error = tunnel_on_error;
  self->stream = ahttp_call_take_stream(call);
  assert_null(ahttp_call_take_stream(call)); /* once */
  if (self->stream != NULL) {
    assert_int_equal(ahttp_stream_start(self->stream, &handlers, self),
                     AHTTP_OK);
    assert_int_equal(ahttp_stream_start(self->stream, &handlers, self),
                     AHTTP_ESTATE);
  }
}

static int tunnel_on_head(ahttp_call *call, const ahttp_response *response,
                          void *arg)
{
  tunnel_record *self = arg;
  self->status = ahttp_response_status(response);
  if (self->when == TAKE_AT_HEAD || self->when >= TAKE_AND_CANCEL) {
    tunnel_take(self, call);
  }
  if (self->when == TAKE_AND_CANCEL) {
    ahttp_call_cancel(call);
  } else if (self->when == TAKE_AND_CLOSE) {
    ahttp_stream_close(self->stream);
    self->stream = NULL;
  }
  return 0;
}

static void tunnel_on_done(ahttp_call *call, const ahttp_response *response,
                           const ahttp_error *err, void *arg)
{
  tunnel_record *self = arg;
  (void)response;
  assert_false(self->is_done);
  self->is_done = true;
  self->code = err == NULL ? AHTTP_OK : err->code;
  if (self->when == TAKE_AT_DONE) {
    tunnel_take(self, call);
  }
}

static ahttp_request *new_upgrade(const char *url)
{
  ahttp_request *request;
  assert_int_equal(ahttp_request_new(&request, "GET", url), AHTTP_OK);
  assert_int_equal(ahttp_request_add_field(request, "Upgrade", "echo"),
                   AHTTP_OK);
  return request;
}

static ahttp_request *new_connect(const char *url)
{
  ahttp_request *request;
  assert_int_equal(ahttp_request_new_connect(&request, url, "far.test:443"),
                   AHTTP_OK);
  return request;
}

/* Starts it; drops |request|. */
static void tunnel_start(tunnel_record *self, client_run *run,
                         ahttp_request *request)
{
  static const ahttp_handlers handlers = {.size = sizeof(handlers),
                                          .on_head = tunnel_on_head,
                                          .on_done = tunnel_on_done};
  assert_non_null(ahttp_start(run->client, request, NULL, &handlers, self));
  ahttp_request_free(request);
}

static bool tunnel_is_done(void *arg)
{
  const tunnel_record *self = arg;
  return self->is_done;
}

static bool tunnel_has_ended(void *arg)
{
  const tunnel_record *self = arg;
  return self->has_ended || self->has_failed;
}

static bool tunnel_has_read(void *arg)
{
  const tunnel_record *self = arg;
  return self->read[0] != '\0';
}

/* What came is |read|, then the peer finished. */
static void tunnel_expect(tunnel_record *self, client_run *run,
                          const char *read)
{
  client_run_turn_until(run, tunnel_has_ended, self);
  assert_string_equal(self->read, read);
  assert_true(self->has_ended);
  assert_int_equal(client_run_stats(run).conns_open, 1);
  ahttp_stream_close(self->stream);
  client_run_until_conns(run, 0);
}

/* --- Callbacks. -------------------------------------------------------------
 */

/* Early bytes in one segment with the head, or each byte in its own. */
static const raw_step switches[] = {
    {RAW_EXPECT_HEAD, NULL, 0}, RAW_SEND_TEXT(SWITCH "early "),
    {RAW_EXPECT, NULL, 4},      RAW_SEND_TEXT("pong"),
    {RAW_SHUTDOWN, NULL, 0},    {RAW_EXPECT_EOF, NULL, 0},
    {RAW_END, NULL, 0}};
static const raw_step switches_slowly[] = {
    {RAW_EXPECT_HEAD, NULL, 0}, RAW_SEND_EACH_TEXT(SWITCH "early "),
    {RAW_EXPECT, NULL, 4},      RAW_SEND_TEXT("pong"),
    {RAW_SHUTDOWN, NULL, 0},    {RAW_EXPECT_EOF, NULL, 0},
    {RAW_END, NULL, 0}};

static void upgrade_hands_over_the_connection(void **state)
{
  (void)state;
  static const struct {
    const raw_step *script;
    take_at when;
  } rows[] = {{switches, TAKE_AT_HEAD},
              {switches, TAKE_AT_DONE},
              {switches_slowly, TAKE_AT_HEAD},
              {switches_slowly, TAKE_AT_DONE}};
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    raw_peer *peer = raw_peer_start_one(rows[i].script);
    client_run run;
    client_run_open(&run, NULL);
    tunnel_record tunnel = {.when = rows[i].when};
    tunnel_start(&tunnel, &run,
                 new_upgrade(test_url("http", raw_peer_port(peer), "/")));
    client_run_turn_until(&run, tunnel_is_done, &tunnel);
    assert_int_equal(tunnel.code, AHTTP_OK);
    assert_int_equal(tunnel.status, 101);
    assert_int_equal(ahttp_stream_send(tunnel.stream, "ping", 4), AHTTP_OK);
    tunnel_expect(&tunnel, &run, "early pong");
    assert_int_equal(tunnel.drains, 1);
    const char *head = raw_peer_received(peer, NULL);
    assert_non_null(strstr(head, "\r\nUpgrade: echo\r\n"));
    assert_non_null(strstr(head, "\r\nConnection: Upgrade\r\n"));
    client_run_close(&run);
    raw_peer_stop(peer);
  }
}

static void connect_hands_over_the_connection(void **state)
{
  (void)state;
  static const raw_step script[] = {
      {RAW_EXPECT_HEAD, NULL, 0}, RAW_SEND_TEXT(ESTABLISHED),
      {RAW_EXPECT, NULL, 4},      RAW_SEND_TEXT("pong"),
      {RAW_SHUTDOWN, NULL, 0},    {RAW_EXPECT_EOF, NULL, 0},
      {RAW_END, NULL, 0}};
  raw_peer *peer = raw_peer_start_one(script);
  client_run run;
  client_run_open(&run, NULL);
  tunnel_record tunnel = {.when = TAKE_AT_HEAD};
  tunnel_start(&tunnel, &run,
               new_connect(test_url("http", raw_peer_port(peer), "/p")));
  client_run_turn_until(&run, tunnel_is_done, &tunnel);
  assert_int_equal(tunnel.status, 200);
  assert_int_equal(ahttp_stream_send(tunnel.stream, "ping", 4), AHTTP_OK);
  tunnel_expect(&tunnel, &run, "pong");
  assert_non_null(strstr(raw_peer_received(peer, NULL),
                         "CONNECT far.test:443 HTTP/1.1\r\n"
                         "Host: far.test:443\r\n"));
  client_run_close(&run);
  raw_peer_stop(peer);
}

static void refusal_is_a_response_like_others(void **state)
{
  (void)state;
  static const raw_step script[] = {
      {RAW_EXPECT_HEAD, NULL, 0},
      RAW_SEND_TEXT("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno"),
      {RAW_EXPECT_HEAD, NULL, 0},
      RAW_SEND_TEXT("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
      {RAW_EXPECT_EOF, NULL, 0},
      {RAW_END, NULL, 0}};
  raw_peer *peer = raw_peer_start_one(script);
  const char *url = test_url("http", raw_peer_port(peer), "/");
  client_run run;
  client_run_open(&run, NULL);
  ahttp_request *requests[] = {new_connect(url), new_upgrade(url)};
  for (int i = 0; i < 2; i++) {
    tunnel_record tunnel = {.when = TAKE_AT_DONE};
    tunnel_start(&tunnel, &run, requests[i]);
    client_run_turn_until(&run, tunnel_is_done, &tunnel);
    assert_int_equal(tunnel.code, AHTTP_OK);
    assert_int_equal(tunnel.status, i == 0 ? 403 : 200);
    assert_null(tunnel.stream);
  }
  assert_int_equal(raw_peer_accepted(peer), 1); /* it was kept */
  client_run_close(&run);
  raw_peer_stop(peer);
}

static void stream_that_is_not_taken_is_closed(void **state)
{
  (void)state;
  raw_peer *peer = raw_peer_start_one(switches);
  client_run run;
  client_run_open(&run, NULL);
  tunnel_record tunnel = {.when = TAKE_NEVER};
  tunnel_start(&tunnel, &run,
               new_upgrade(test_url("http", raw_peer_port(peer), "/")));
  client_run_turn_until(&run, tunnel_is_done, &tunnel);
  assert_int_equal(tunnel.code, AHTTP_OK);
  client_run_until_conns(&run, 0);
  client_run_close(&run);
  raw_peer_stop(peer);
}

static void switch_nobody_asked_for_is_an_error(void **state)
{
  (void)state;
  raw_peer *peer = raw_peer_start_one(switches);
  client_run run;
  client_run_open(&run, NULL);
  call_record record = {0};
  client_run_get(&run, &record, test_url("http", raw_peer_port(peer), "/"));
  assert_int_equal(record.code, AHTTP_EPROTO);
  call_record_clear(&record);
  client_run_close(&run);
  raw_peer_stop(peer);
}

static void stream_may_be_closed_at_any_time(void **state)
{
  (void)state;
  raw_peer *peer = raw_peer_start_one(switches);
  const char *url = test_url("http", raw_peer_port(peer), "/");
  client_run run;
  client_run_open(&run, NULL);
  for (int when = TAKE_AND_CANCEL; when <= TAKE_AND_CLOSE; when++) {
    tunnel_record tunnel = {.when = (take_at)when};
    tunnel_start(&tunnel, &run, new_upgrade(url));
    client_run_turn_until(&run, tunnel_is_done, &tunnel);
    if (when == TAKE_AND_CANCEL) {
      assert_int_equal(tunnel.code, AHTTP_ECANCELED);
      client_run_turn_until(&run, tunnel_has_ended, &tunnel);
      assert_int_equal(tunnel.error, AHTTP_ECANCELED);
      assert_int_equal(ahttp_stream_send(tunnel.stream, "x", 1),
                       AHTTP_ECANCELED);
      ahttp_stream_close(tunnel.stream);
    }
    client_run_until_conns(&run, 0);
  }
  tunnel_record tunnel = {.when = TAKE_AT_HEAD, .closes_at_read = true};
  tunnel_start(&tunnel, &run, new_upgrade(url));
  client_run_turn_until(&run, tunnel_has_read, &tunnel);
  assert_null(tunnel.stream);
  client_run_until_conns(&run, 0);
  client_run_close(&run);
  raw_peer_stop(peer);
}

static void paused_stream_holds_back(void **state)
{
  (void)state;
  raw_peer *peer = raw_peer_start_one(switches);
  client_run run;
  client_run_open(&run, NULL);
  tunnel_record tunnel = {.when = TAKE_AT_HEAD};
  tunnel_start(&tunnel, &run,
               new_upgrade(test_url("http", raw_peer_port(peer), "/")));
  client_run_turn_until(&run, tunnel_has_read, &tunnel);
  ahttp_stream_pause(tunnel.stream);
  assert_int_equal(ahttp_stream_send(tunnel.stream, "ping", 4), AHTTP_OK);
  client_run_turn(&run, 200);
  assert_string_equal(tunnel.read, "early ");
  ahttp_stream_resume(tunnel.stream);
  tunnel_expect(&tunnel, &run, "early pong");
  client_run_close(&run);
  raw_peer_stop(peer);
}

static void stream_tells_of_a_reset(void **state)
{
  (void)state;
  static const raw_step script[] = {{RAW_EXPECT_HEAD, NULL, 0},
                                    RAW_SEND_TEXT(SWITCH),
                                    {RAW_EXPECT, NULL, 4},
                                    {RAW_RESET, NULL, 0}};
  raw_peer *peer = raw_peer_start_one(script);
  client_run run;
  client_run_open(&run, NULL);
  tunnel_record tunnel = {.when = TAKE_AT_DONE};
  tunnel_start(&tunnel, &run,
               new_upgrade(test_url("http", raw_peer_port(peer), "/")));
  client_run_turn_until(&run, tunnel_is_done, &tunnel);
  assert_int_equal(ahttp_stream_send(tunnel.stream, "ping", 4), AHTTP_OK);
  client_run_turn_until(&run, tunnel_has_ended, &tunnel);
  assert_int_equal(tunnel.error, AHTTP_EREAD);
  assert_int_equal(client_run_stats(&run).conns_open, 0);
  ahttp_stream_close(tunnel.stream);
  client_run_close(&run);
  raw_peer_stop(peer);
}

/* Open ones, and one whose call is under way. */
static void client_that_is_closed_ends_streams(void **state)
{
  (void)state;
  raw_peer *peer = raw_peer_start_one(switches);
  client_run run;
  client_run_open(&run, NULL);
  tunnel_record tunnel = {.when = TAKE_AT_DONE};
  tunnel_start(&tunnel, &run,
               new_upgrade(test_url("http", raw_peer_port(peer), "/")));
  client_run_turn_until(&run, tunnel_is_done, &tunnel);
  ahttp_client_close(run.client, NULL, NULL);
  assert_int_equal(uv_run(&run.loop, UV_RUN_DEFAULT), 0);
  assert_int_equal(tunnel.error, AHTTP_ECLOSED);
  assert_int_equal(ahttp_stream_send(tunnel.stream, "x", 1), AHTTP_ECLOSED);
  ahttp_stream_close(tunnel.stream);
  assert_int_equal(uv_loop_close(&run.loop), 0);
  raw_peer_stop(peer);
}

static void upgrade_works_over_tls(void **state)
{
  (void)state;
  static const struct {
    tls_host_end end;
    int error;
  } rows[] = {{TLS_HOST_NOTIFY, AHTTP_OK}, {TLS_HOST_FIN, AHTTP_ETRUNCATED}};
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    const tls_host_opts opts = {
        .cert = &leaf, .response = SWITCH "early", .end = rows[i].end};
    tls_host *host = tls_host_start(&opts);
    client_run run;
    client_run_open_for(&run, ca_file, AHTTP_HTTP_AUTO);
    tunnel_record tunnel = {.when = TAKE_AT_DONE};
    tunnel_start(&tunnel, &run,
                 new_upgrade(test_url("https", tls_host_port(host), "/")));
    client_run_turn_until(&run, tunnel_is_done, &tunnel);
    assert_int_equal(tunnel.code, AHTTP_OK);
    client_run_turn_until(&run, tunnel_has_ended, &tunnel);
    assert_string_equal(tunnel.read, "early");
    assert_int_equal(tunnel.error, rows[i].error);
    ahttp_stream_close(tunnel.stream);
    client_run_until_conns(&run, 0);
    client_run_close(&run);
    tls_host_stop(host);
  }
}

static void http2_alone_is_refused(void **state)
{
  (void)state;
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.http = AHTTP_HTTP_2_PRIOR_KNOWLEDGE;
  client_run run;
  client_run_open(&run, &opts);
  ahttp_request *requests[] = {new_connect("http://127.0.0.1:1/"),
                               new_upgrade("http://127.0.0.1:1/")};
  for (int i = 0; i < 2; i++) {
    tunnel_record tunnel = {.when = TAKE_AT_DONE};
    tunnel_start(&tunnel, &run, requests[i]);
    client_run_turn_until(&run, tunnel_is_done, &tunnel);
    assert_int_equal(tunnel.code, AHTTP_ESTATE);
  }
  client_run_close(&run);
}

static void connect_wants_host_and_port(void **state)
{
  (void)state;
  static const char *const bad[] = {
      "",      "a",     "a:",   ":1",    "a:0",   "a:65536", "a:b",
      "a b:1", "u@a:1", "a/:1", "::1:1", "[::1]", "a:1/",    "a:+1"};
  static const char *const good[] = {"a:1", "127.0.0.1:65535", "[::1]:443"};
  ahttp_request *request;
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    assert_int_equal(
        ahttp_request_new_connect(&request, "http://p.test/", bad[i]),
        AHTTP_EURL);
    assert_null(request);
  }
  for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
    assert_int_equal(
        ahttp_request_new_connect(&request, "http://p.test/", good[i]),
        AHTTP_OK);
    ahttp_request_free(request);
  }
}

/* --- Waiting. ----------------------------------------------------------------
 */

static void check_talk(ahttp_stream *stream)
{
  char bytes[16] = "";
  size_t len;
  size_t got = 0;
  ahttp_error err;
  assert_non_null(stream);
  while (got < 6) {
    assert_int_equal(ahttp_stream_read(stream, bytes + got, sizeof(bytes) - got,
                                       &len, AHTTP_NO_LIMIT, &err),
                     AHTTP_OK);
    assert_true(len > 0);
    got += len;
  }
  assert_string_equal(bytes, "early ");
  assert_int_equal(ahttp_stream_read(stream, bytes, 1, &len, 20, &err),
                   AHTTP_ETIMEOUT_READ);
  assert_int_equal(len, 0);
  assert_int_equal(ahttp_stream_write(stream, "ping", 4, AHTTP_NO_LIMIT, &err),
                   AHTTP_OK);
  got = 0;
  do {
    assert_int_equal(
        ahttp_stream_read(stream, bytes + got, 1, &len, AHTTP_NO_LIMIT, &err),
        AHTTP_OK);
    got += len;
  } while (len > 0);
  assert_int_equal(got, 4);
  assert_memory_equal(bytes, "pong", 4);
  ahttp_stream_close(stream);
}

static void threads_may_wait_for_a_stream(void **state)
{
  (void)state;
  for (int background = 0; background < 2; background++) {
    raw_peer *peer = raw_peer_start_one(switches);
    ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
    opts.background = background == 1;
    ahttp_client *client;
    assert_int_equal(ahttp_client_new(&client, &opts), AHTTP_OK);
    for (int i = 0; i < 2; i++) {
      ahttp_request *request =
          new_upgrade(test_url("http", raw_peer_port(peer), "/"));
      ahttp_response *response;
      ahttp_error err;
      int rv = i == 0 ? ahttp_send(client, request, NULL, &response, &err)
                      : ahttp_open(client, request, NULL, &response, &err);
      assert_int_equal(rv, AHTTP_OK);
      assert_int_equal(ahttp_response_status(response), 101);
      ahttp_stream *stream = ahttp_response_take_stream(response);
      assert_null(ahttp_response_take_stream(response));
      ahttp_response_free(response);
      ahttp_request_free(request);
      check_talk(stream);
    }
    ahttp_client_free(client);
    raw_peer_stop(peer);
  }
}

/* More than the kernel's buffers, there and back. */
static void echo(void *arg)
{
  ahttp_stream *stream = arg;
  enum {
    ALL = 8 * 1024 * 1024
  };
  uint8_t *bytes = malloc(64 * 1024);
  size_t total = 0;
  size_t len = 1;
  while (len > 0) {
    ahttp_error err;
    assert_int_equal(
        ahttp_stream_read(stream, bytes, 64 * 1024, &len, AHTTP_NO_LIMIT, &err),
        AHTTP_OK);
    total += len;
  }
  assert_int_equal(total, ALL);
  free(bytes);
}

static void two_threads_may_share_a_stream(void **state)
{
  (void)state;
  enum {
    ALL = 8 * 1024 * 1024
  };
  static const raw_step script[] = {
      {RAW_EXPECT_HEAD, NULL, 0}, RAW_SEND_TEXT(SWITCH),
      {RAW_EXPECT, NULL, ALL},    {RAW_FILL, NULL, ALL},
      {RAW_SHUTDOWN, NULL, 0},    {RAW_EXPECT_EOF, NULL, 0},
      {RAW_END, NULL, 0}};
  raw_peer *peer = raw_peer_start_one(script);
  ahttp_client *client;
  assert_int_equal(ahttp_client_new(&client, NULL), AHTTP_OK);
  ahttp_request *request =
      new_upgrade(test_url("http", raw_peer_port(peer), "/"));
  ahttp_response *response;
  ahttp_error err;
  assert_int_equal(ahttp_send(client, request, NULL, &response, &err),
                   AHTTP_OK);
  ahttp_stream *stream = ahttp_response_take_stream(response);
  ahttp_response_free(response);
  ahttp_request_free(request);
  uv_thread_t reader;
  assert_int_equal(uv_thread_create(&reader, echo, stream), 0);
  char *bytes = calloc(1, ALL);
  assert_int_equal(ahttp_stream_write(stream, bytes, ALL, AHTTP_NO_LIMIT, &err),
                   AHTTP_OK);
  assert_int_equal(uv_thread_join(&reader), 0);
  free(bytes);
  ahttp_stream_close(stream);
  ahttp_client_free(client);
  raw_peer_stop(peer);
}

static void response_that_is_freed_closes_its_stream(void **state)
{
  (void)state;
  raw_peer *peer = raw_peer_start_one(switches);
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.background = true;
  ahttp_client *client;
  assert_int_equal(ahttp_client_new(&client, &opts), AHTTP_OK);
  ahttp_request *request =
      new_upgrade(test_url("http", raw_peer_port(peer), "/"));
  ahttp_response *response;
  ahttp_error err;
  assert_int_equal(ahttp_send(client, request, NULL, &response, &err),
                   AHTTP_OK);
  ahttp_client_stats stats = {.size = sizeof(stats)};
  ahttp_client_get_stats(client, &stats);
  assert_int_equal(stats.conns_open, 1);
  ahttp_response_free(response);
  do {
    ahttp_client_get_stats(client, &stats);
  } while (stats.conns_open > 0);
  ahttp_request_free(request);
  ahttp_client_free(client);
  raw_peer_stop(peer);
}

/* One conversation with |peer|; a code. */
static int talk_once(raw_peer *peer)
{
  ahttp_client *client = NULL;
  ahttp_request *request = NULL;
  ahttp_response *response = NULL;
  ahttp_stream *stream = NULL;
  char bytes[16];
  size_t len;
  int rv = ahttp_client_new(&client, NULL);
  if (rv == AHTTP_OK) {
    rv = ahttp_request_new(&request, "GET",
                           test_url("http", raw_peer_port(peer), "/"));
  }
  if (rv == AHTTP_OK) {
    rv = ahttp_request_add_field(request, "Upgrade", "echo");
  }
  if (rv == AHTTP_OK) {
    rv = ahttp_send(client, request, NULL, &response, NULL);
  }
  if (rv == AHTTP_OK) {
    stream = ahttp_response_take_stream(response);
    assert_non_null(stream);
    rv = ahttp_stream_write(stream, "ping", 4, AHTTP_NO_LIMIT, NULL);
  }
  do {
    if (rv == AHTTP_OK) {
      rv = ahttp_stream_read(stream, bytes, sizeof(bytes), &len, AHTTP_NO_LIMIT,
                             NULL);
    }
  } while (rv == AHTTP_OK && len > 0);
  ahttp_response_free(response);
  ahttp_stream_close(stream);
  ahttp_request_free(request);
  ahttp_client_free(client);
  return rv;
}

/* Each allocation fails once.  That may only cost the call or the stream, or,
 * where the memory was not needed, nothing. */
static void stream_survives_every_failed_allocation(void **state)
{
  (void)state;
  raw_peer *peer = raw_peer_start_one(switches);
  test_alloc_install();
  assert_int_equal(talk_once(peer), AHTTP_OK);
  int count = test_alloc_count();
  assert_true(count > 10);
  int failures = 0;
  for (int nth = 1; nth <= count; nth++) {
    test_alloc_fail_nth(nth);
    int rv = talk_once(peer);
    assert_true(rv == AHTTP_OK || rv == AHTTP_ENOMEM);
    failures += rv != AHTTP_OK;
    assert_int_equal(test_alloc_live(), 0);
  }
  assert_true(failures > 10);
  test_alloc_remove();
  raw_peer_stop(peer);
}

/* A CONNECT through squid to a server, which is asked by hand. */
static void connect_goes_through_squid(void **state)
{
  (void)state;
  static const raw_step script[] = {
      {RAW_EXPECT_HEAD, NULL, 0},
      RAW_SEND_TEXT("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
      {RAW_EXPECT_EOF, NULL, 0},
      {RAW_END, NULL, 0}};
  raw_peer *far = raw_peer_start_one(script);
  uint16_t port = server_free_port();
  char text[700];
  (void)snprintf(text, sizeof(text),
                 "http_port 127.0.0.1:%u\nhttp_access allow all\n"
                 "cache deny all\npid_filename none\n"
                 "cache_effective_user proxy\nshutdown_lifetime 0\n"
                 "access_log none\ncache_log /dev/null\n"
                 "netdb_filename none\nworkers 1\n",
                 port);
  char *config = server_write_file("squid.conf", text);
  const char *const argv[] = {"squid", "-N", "-f", config, NULL};
  server_process *squid = server_start(argv, port);
  ahttp_client *client;
  ahttp_request *request;
  ahttp_response *response;
  ahttp_error err;
  char authority[40];
  (void)snprintf(authority, sizeof(authority), "127.0.0.1:%u",
                 raw_peer_port(far));
  assert_int_equal(ahttp_client_new(&client, NULL), AHTTP_OK);
  assert_int_equal(ahttp_request_new_connect(
                       &request, test_url("http", port, "/"), authority),
                   AHTTP_OK);
  assert_int_equal(ahttp_send(client, request, NULL, &response, &err),
                   AHTTP_OK);
  assert_int_equal(ahttp_response_status(response), 200);
  ahttp_stream *stream = ahttp_response_take_stream(response);
  assert_non_null(stream);
  static const char get[] = "GET / HTTP/1.1\r\nHost: far\r\n\r\n";
  assert_int_equal(
      ahttp_stream_write(stream, get, sizeof(get) - 1, AHTTP_NO_LIMIT, &err),
      AHTTP_OK);
  char answer[200] = "";
  while (strstr(answer, "hello") == NULL) {
    size_t len;
    size_t have = strlen(answer);
    assert_int_equal(ahttp_stream_read(stream, answer + have,
                                       sizeof(answer) - have - 1, &len,
                                       AHTTP_NO_LIMIT, &err),
                     AHTTP_OK);
    assert_true(len > 0);
  }
  assert_non_null(strstr(answer, "HTTP/1.1 200 OK"));
  ahttp_stream_close(stream);
  ahttp_response_free(response);
  ahttp_request_free(request);
  ahttp_client_free(client);
  server_stop(squid);
  free(config);
  raw_peer_stop(far);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(upgrade_hands_over_the_connection),
      cmocka_unit_test(connect_hands_over_the_connection),
      cmocka_unit_test(refusal_is_a_response_like_others),
      cmocka_unit_test(stream_that_is_not_taken_is_closed),
      cmocka_unit_test(switch_nobody_asked_for_is_an_error),
      cmocka_unit_test(stream_may_be_closed_at_any_time),
      cmocka_unit_test(paused_stream_holds_back),
      cmocka_unit_test(stream_tells_of_a_reset),
      cmocka_unit_test(client_that_is_closed_ends_streams),
      cmocka_unit_test(upgrade_works_over_tls),
      cmocka_unit_test(http2_alone_is_refused),
      cmocka_unit_test(connect_wants_host_and_port),
      cmocka_unit_test(threads_may_wait_for_a_stream),
      cmocka_unit_test(two_threads_may_share_a_stream),
      cmocka_unit_test(response_that_is_freed_closes_its_stream),
      cmocka_unit_test(stream_survives_every_failed_allocation),
      cmocka_unit_test(connect_goes_through_squid),
  };
  return cmocka_run_group_tests(tests, make_certificates, forget_certificates);
}
