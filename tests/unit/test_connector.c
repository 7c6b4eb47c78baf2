/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "transport/connector.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "net/dialer.h"
#include "support/test_alloc.h"
#include "support/virtual_loop.h"
#include "transport/proxy_passage.h"

/*
 * The dialer, TLS, the passage and the connections here take the place of the
 * real ones at link time: each writes down what it is asked and does nothing by
 * itself.
 */
struct ah_dial {
  ah_dial_done_fn done;
  void *owner;
  uint64_t resolved_ns;
};

struct ah_passage {
  ah_passage_opts opts;
};

static struct {
  ah_loop loop;
  ah_origin origin;
  ah_connector *connector;
  ah_dial *dial; /* under way */
  ah_dial_opts dial_opts;
  ah_stream socket;
  ah_stream tls;
  ah_proxy proxy;
  ah_passage *passage; /* under way */
  bool passage_is_in_tls;
  ah_tls_stream_opts tls_opts;
  int tls_code; /* what ah_tls_stream_new() returns */
  const char *alpn;
  ah_connection conn;
  int conn_code; /* what making the connection returns */
  char log[256];
  uint32_t retries;

  /* What came of it. */
  ah_connection *made;
  ah_origin_protocol protocol;
  ah_connect_times times;
  ahttp_error err;
} net;

static void log_word(const char *word)
{
  size_t len = strlen(net.log);
  (void)snprintf(net.log + len, sizeof(net.log) - len, "%s%s",
                 len == 0 ? "" : " ", word);
}

static void assert_log(const char *expected)
{
  assert_string_equal(net.log, expected);
  net.log[0] = '\0';
}

int ah_dial_start(ah_dial **out, ah_loop *loop, ah_resolver *resolver,
                  const ah_dial_opts *opts, ah_dial_done_fn done, void *owner)
{
  assert_ptr_equal(loop, &net.loop);
  assert_null(resolver);
  *out = ah_calloc(1, sizeof(**out));
  if (*out == NULL) {
    return AHTTP_ENOMEM;
  }
  (*out)->done = done;
  (*out)->owner = owner;
  net.dial = *out;
  net.dial_opts = *opts;
  log_word("dial");
  return AHTTP_OK;
}

uint64_t ah_dial_resolved_ns(const ah_dial *dial)
{
  return dial->resolved_ns;
}

void ah_dial_cancel(ah_dial *dial, ahttp_error *err)
{
  assert_ptr_equal(dial, net.dial);
  if (err != NULL) {
    ah_error_say(err, err->code, AHTTP_PHASE_DNS, "resolving example.test");
  }
  ah_free(dial);
  net.dial = NULL;
  log_word("dial.cancel");
}

static void stream_pause(ah_stream *stream)
{
  assert_ptr_equal(stream, &net.tls);
  log_word("tls.pause");
}

static void stream_resume(ah_stream *stream)
{
  assert_ptr_equal(stream, &net.tls);
  assert_non_null(stream->sink);
  log_word("tls.resume");
}

static void stream_info(const ah_stream *stream, ah_stream_info *info)
{
  (void)stream;
  (void)snprintf(info->remote_address, sizeof(info->remote_address),
                 "192.0.2.1");
  info->alpn = ah_str_from_c(net.alpn);
}

static void stream_close(ah_stream *stream)
{
  log_word(stream == &net.tls ? "tls.close" : "socket.close");
}

static const ah_stream_ops stream_ops = {
    .name = "fake",
    .pause = stream_pause,
    .resume = stream_resume,
    .info = stream_info,
    .close = stream_close,
};

int ah_tls_stream_new(ah_stream **out, ah_stream *below,
                      ah_tls_profile *profile, const ah_tls_stream_opts *opts,
                      ahttp_error *err)
{
  assert_ptr_equal(below, &net.socket);
  assert_ptr_equal(profile, net.origin.tls);
  *out = NULL;
  log_word("tls");
  net.tls_opts = *opts;
  if (net.tls_code != AHTTP_OK) {
    ah_error_plain(err, net.tls_code, AHTTP_PHASE_TLS);
    return net.tls_code;
  }
  *out = &net.tls;
  return AHTTP_OK;
}

int ah_passage_start(ah_passage **out, ah_stream *below,
                     const ah_passage_opts *opts, ahttp_error *err)
{
  assert_ptr_equal(below, &net.socket);
  assert_ptr_equal(opts->origin, &net.origin);
  *out = ah_calloc(1, sizeof(**out));
  if (*out == NULL) {
    ah_error_plain(err, AHTTP_ENOMEM, AHTTP_PHASE_CONNECT);
    return AHTTP_ENOMEM;
  }
  (*out)->opts = *opts;
  net.passage = *out;
  log_word("passage");
  return AHTTP_OK;
}

void ah_passage_cancel(ah_passage *passage, ahttp_error *err)
{
  assert_ptr_equal(passage, net.passage);
  if (err != NULL) {
    ah_error_say(err, err->code, AHTTP_PHASE_CONNECT, "waiting for the proxy");
  }
  ah_free(passage);
  net.passage = NULL;
  log_word("passage.cancel");
}

bool ah_passage_is_in_tls(const ah_passage *passage)
{
  assert_ptr_equal(passage, net.passage);
  return net.passage_is_in_tls;
}

void ah_passage_name_proxy(const ah_proxy *proxy, ahttp_error *err)
{
  assert_ptr_equal(proxy, &net.proxy);
  char text[32];
  (void)snprintf(text, sizeof(text), "%.20s", err->text);
  ah_error_say(err, err->code, err->phase, "the proxy: %s", text);
}

unsigned ah_socket_policy_families(const ah_socket_policy *policy,
                                   const ah_local_address *local)
{
  assert_null(policy);
  assert_null(local);
  return AH_USE_V4;
}

static int make_conn(ah_connection **out, ah_stream *stream, const char *word)
{
  *out = NULL;
  log_word(word);
  if (net.conn_code != AHTTP_OK) {
    stream->ops->close(stream);
    return net.conn_code;
  }
  *out = &net.conn;
  return AHTTP_OK;
}

int ah_h1_connection_new(ah_connection **out, ah_stream *stream)
{
  return make_conn(out, stream, stream == &net.tls ? "h1:tls" : "h1");
}

int ah_h2_connection_new(ah_connection **out, ah_stream *stream,
                         uint32_t streams_max)
{
  assert_int_equal(streams_max, 77);
  return make_conn(out, stream, stream == &net.tls ? "h2:tls" : "h2");
}

static void on_done(void *owner, ah_connector *connector, ah_connection *conn,
                    ah_origin_protocol protocol, const ah_connect_times *times,
                    const ahttp_error *err)
{
  assert_ptr_equal(owner, &net);
  assert_ptr_equal(connector, net.connector);
  assert_true((conn == NULL) != (err == NULL));
  net.connector = NULL;
  net.made = conn;
  net.protocol = protocol;
  net.times = *times;
  if (err != NULL) {
    net.err = *err;
  }
  log_word(err == NULL ? "done" : ahttp_error_name(err->code));
}

static int start(void)
{
  const ah_connector_opts opts = {.connect_ms = 5000,
                                  .h2_streams_max = 77,
                                  .retries = net.retries,
                                  .done = on_done,
                                  .owner = &net};
  return ah_connector_start(&net.connector, &net.loop, NULL, &net.origin,
                            &opts);
}

/* Starts one for |is_tls|, |policy|; dialing. */
static void begin(bool is_tls, ahttp_http_policy policy)
{
  net.origin.is_tls = is_tls;
  net.origin.http = policy;
  assert_int_equal(start(), AHTTP_OK);
  assert_log("dial");
}

static void advance_ns(uint64_t ns)
{
  net.loop.now_ns += ns;
}

/* The dial has a socket: resolved after 10 ns, connected after 200 more. */
static void dialed(void)
{
  ah_dial *dial = net.dial;
  uint64_t resolved_ns = net.loop.now_ns + 10;
  net.dial = NULL;
  advance_ns(210);
  dial->done(dial->owner, &net.socket, resolved_ns, NULL);
  ah_free(dial);
}

static void dial_failed(int code)
{
  ah_dial *dial = net.dial;
  ahttp_error err;
  net.dial = NULL;
  ah_error_say(&err, code, AHTTP_PHASE_CONNECT, "192.0.2.1: refused");
  dial->done(dial->owner, NULL, 0, &err);
  ah_free(dial);
}

/* The passage has taken 500 ns: it leads through, or |err| is why not. */
static void passed(const ahttp_error *err, bool again)
{
  ah_passage *passage = net.passage;
  advance_ns(500);
  passage->opts.done(passage->opts.owner, err == NULL ? &net.socket : NULL, err,
                     again);
  net.passage = NULL;
  ah_free(passage);
}

/* Starts one through a proxy; dialing. */
static void begin_with_proxy(ah_proxy_kind kind, bool is_tls)
{
  net.proxy.kind = kind;
  net.proxy.host = AH_STR("proxy.test");
  net.proxy.port = 3128;
  net.origin.proxy = &net.proxy;
  begin(is_tls, AHTTP_HTTP_AUTO);
}

/* The handshake is complete after 3000 ns and agreed on |alpn|. */
static void opened(const char *alpn)
{
  net.alpn = alpn;
  advance_ns(3000);
  net.tls.sink->on_open(net.tls.owner);
}

static int setup(void **state)
{
  (void)state;
  memset(&net, 0, sizeof(net));
  virtual_loop_init(&net.loop);
  net.socket.ops = &stream_ops;
  net.tls.ops = &stream_ops;
  net.origin.host = AH_STR("example.test");
  net.origin.port = 8443;
  return 0;
}

static int teardown(void **state)
{
  (void)state;
  assert_null(net.connector);
  assert_null(net.dial);
  assert_true(ah_list_is_empty(&net.loop.deadlines));
  assert_log("");
  return 0;
}

static void connector_makes_http1_without_tls(void **state)
{
  (void)state;
  net.origin.unix_path = AH_STR("/run/a.sock");
  begin(false, AHTTP_HTTP_AUTO);
  assert_true(ah_str_eq(net.dial_opts.host, AH_STR("example.test")));
  assert_true(ah_str_eq(net.dial_opts.unix_path, AH_STR("/run/a.sock")));
  assert_int_equal(net.dial_opts.port, 8443);
  dialed();
  assert_log("h1 done");
  assert_ptr_equal(net.made, &net.conn);
  assert_int_equal(net.protocol, AH_PROTOCOL_H1);
  assert_int_equal(net.times.dns, 10);
  assert_int_equal(net.times.connect, 200);
  assert_int_equal(net.times.tls, 0);
}

static void connector_makes_http2_by_prior_knowledge(void **state)
{
  (void)state;
  begin(false, AHTTP_HTTP_2_PRIOR_KNOWLEDGE);
  dialed();
  assert_log("h2 done");
  assert_int_equal(net.protocol, AH_PROTOCOL_H2);
}

static void connector_makes_what_alpn_says(void **state)
{
  static const struct {
    const char *alpn;
    const char *log;
    ah_origin_protocol protocol;
  } rows[] = {
      {"h2", "tls.pause h2:tls done", AH_PROTOCOL_H2},
      {"http/1.1", "tls.pause h1:tls done", AH_PROTOCOL_H1},
      {"", "tls.pause h1:tls done", AH_PROTOCOL_H1},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    (void)setup(state);
    begin(true, AHTTP_HTTP_AUTO);
    dialed();
    assert_log("tls tls.resume");
    opened(rows[i].alpn);
    assert_log(rows[i].log);
    assert_int_equal(net.protocol, rows[i].protocol);
    assert_int_equal(net.times.dns, 10);
    assert_int_equal(net.times.connect, 200);
    assert_int_equal(net.times.tls, 3000);
  }
}

static void connector_offers_what_the_policy_allows(void **state)
{
  static const struct {
    ahttp_http_policy policy;
    bool h2;
    bool http1_1;
  } rows[] = {
      {AHTTP_HTTP_AUTO, true, true},
      {AHTTP_HTTP_1_1, false, true},
      {AHTTP_HTTP_2, true, false},
      {AHTTP_HTTP_2_PRIOR_KNOWLEDGE, true, false},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    (void)setup(state);
    begin(true, rows[i].policy);
    dialed();
    assert_int_equal(net.tls_opts.offer_h2, rows[i].h2);
    assert_int_equal(net.tls_opts.offer_http1_1, rows[i].http1_1);
    assert_log("tls tls.resume");
    ah_connector_cancel(net.connector);
    net.connector = NULL;
    assert_log("tls.close");
  }
}

static void connector_names_the_host_without_its_dot(void **state)
{
  (void)state;
  net.origin.host = AH_STR("example.test.");
  begin(true, AHTTP_HTTP_AUTO);
  assert_true(ah_str_eq(net.dial_opts.host, AH_STR("example.test.")));
  dialed();
  assert_true(ah_str_eq(net.tls_opts.host, AH_STR("example.test")));
  assert_int_equal(net.tls_opts.port, 8443);
  opened("h2");
  assert_log("tls tls.resume tls.pause h2:tls done");
}

static void connector_fails_when_http2_is_required_and_not_offered(void **state)
{
  (void)state;
  begin(true, AHTTP_HTTP_2);
  dialed();
  opened("");
  assert_log("tls tls.resume tls.pause tls.close EPROTO");
  assert_int_equal(net.err.phase, AHTTP_PHASE_TLS);
  assert_string_equal(net.err.text,
                      "HTTP/2 is required, but 192.0.2.1 does not offer it");
}

static void connector_passes_the_dialers_error_on(void **state)
{
  (void)state;
  begin(true, AHTTP_HTTP_AUTO);
  dial_failed(AHTTP_EREFUSED);
  assert_log("EREFUSED");
  assert_string_equal(net.err.text, "192.0.2.1: refused");
}

static void connector_passes_the_handshakes_error_on(void **state)
{
  (void)state;
  begin(true, AHTTP_HTTP_AUTO);
  dialed();
  const ahttp_error err = {.code = AHTTP_ECERT, .text = "expired"};
  net.tls.sink->on_drain(net.tls.owner);
  net.tls.sink->on_error(net.tls.owner, &err);
  assert_log("tls tls.resume tls.close ECERT");
  assert_string_equal(net.err.text, "expired");
  assert_int_equal(net.err.phase, AHTTP_PHASE_TLS);
}

static void connector_fails_when_the_server_hangs_up_in_tls(void **state)
{
  (void)state;
  begin(true, AHTTP_HTTP_AUTO);
  dialed();
  net.tls.sink->on_end(net.tls.owner, false);
  assert_log("tls tls.resume tls.close ETLS");
}

static void connector_fails_when_tls_cannot_begin(void **state)
{
  (void)state;
  net.tls_code = AHTTP_ETLS;
  begin(true, AHTTP_HTTP_AUTO);
  dialed();
  assert_log("tls ETLS"); /* the socket went with it */
}

static void connector_fails_when_the_connection_cannot_be_made(void **state)
{
  (void)state;
  net.conn_code = AHTTP_ENOMEM;
  begin(true, AHTTP_HTTP_AUTO);
  dialed();
  opened("h2");
  assert_log("tls tls.resume tls.pause h2:tls tls.close ENOMEM");
}

static void connector_times_out_while_dialing(void **state)
{
  (void)state;
  begin(true, AHTTP_HTTP_AUTO);
  virtual_loop_advance(&net.loop, 4999);
  assert_log("");
  virtual_loop_advance(&net.loop, 1);
  assert_log("dial.cancel ETIMEOUT_CONNECT");
  assert_int_equal(net.err.phase, AHTTP_PHASE_DNS);
  assert_string_equal(net.err.text,
                      "no connection within 5000 ms: resolving example.test");
  assert_int_equal(net.times.dns, 5000000000);
  assert_int_equal(net.times.connect, 0);
}

static void connector_times_steps_under_way(void **state)
{
  (void)state;
  begin(true, AHTTP_HTTP_AUTO);
  advance_ns(7);
  assert_int_equal(ah_connector_times(net.connector)->dns, 7);
  advance_ns(3);
  net.dial->resolved_ns = net.loop.now_ns;
  advance_ns(50);
  const ah_connect_times *times = ah_connector_times(net.connector);
  assert_int_equal(times->dns, 10);
  assert_int_equal(times->connect, 50);
  dialed();
  assert_log("tls tls.resume");
  opened("h2");
  assert_log("tls.pause h2:tls done");
  assert_int_equal(net.times.dns + net.times.connect, 60 + 210);
  assert_int_equal(net.times.tls, 3000);
}

static void connector_times_out_in_tls(void **state)
{
  (void)state;
  begin(true, AHTTP_HTTP_AUTO);
  virtual_loop_advance(&net.loop, 4000);
  dialed();
  assert_log("tls tls.resume");
  virtual_loop_advance(&net.loop, 1000); /* one limit for both */
  assert_log("tls.close ETIMEOUT_CONNECT");
  assert_int_equal(net.err.phase, AHTTP_PHASE_TLS);
  assert_string_equal(
      net.err.text,
      "no connection within 5000 ms: TLS handshake with 192.0.2.1");
  assert_int_equal(net.times.dns, 4000000010);
  assert_int_equal(net.times.connect, 200);
  assert_int_equal(net.times.tls, 1000000000 - 210);
}

static void connector_cancel_is_silent(void **state)
{
  (void)state;
  begin(true, AHTTP_HTTP_AUTO);
  ah_connector_cancel(net.connector);
  assert_log("dial.cancel");
  begin(true, AHTTP_HTTP_AUTO);
  dialed();
  ah_connector_cancel(net.connector);
  assert_log("tls tls.resume tls.close");
  net.connector = NULL;
}

static int run_start(void *arg)
{
  (void)arg;
  int rv = start();
  if (rv == AHTTP_OK) {
    ah_connector_cancel(net.connector);
  } else {
    assert_null(net.connector);
  }
  net.connector = NULL;
  net.log[0] = '\0';
  return rv;
}

static void connector_survives_every_failed_allocation(void **state)
{
  (void)state;
  test_alloc_fail_each(run_start, NULL);
}

#define connector_test(name) \
  cmocka_unit_test_setup_teardown(name, setup, teardown)

/* --- Retries. --------------------------------------------------------------
 */

/* Somebody waits for the connection, so it is worth trying again. */
static void begin_with_retries(uint32_t retries)
{
  net.retries = retries;
  net.origin.waiters.count = 1;
  begin(false, AHTTP_HTTP_AUTO);
}

static void retries_wait_as_httpx_does(void **state)
{
  (void)state;
  static const uint32_t delays_ms[] = {0,    500,   1000,  2000,  4000,
                                       8000, 16000, 32000, 64000, 64000};
  begin_with_retries(10);
  for (size_t i = 0; i < sizeof(delays_ms) / sizeof(delays_ms[0]); i++) {
    dial_failed(AHTTP_EREFUSED);
    if (delays_ms[i] > 0) {
      virtual_loop_advance(&net.loop, delays_ms[i] - 1);
      assert_log("");
      virtual_loop_advance(&net.loop, 1);
    } else {
      virtual_loop_advance(&net.loop, 0);
    }
    assert_log("dial");
  }
  dialed();
  assert_log("h1 done");
  assert_int_equal(net.times.attempts, 11);
  assert_int_equal(net.times.dns, 10); /* of the last attempt alone */
  assert_int_equal(net.times.connect, 200);
}

static void last_retry_gives_up_with_its_own_error(void **state)
{
  (void)state;
  begin_with_retries(1);
  dial_failed(AHTTP_EUNREACHABLE);
  virtual_loop_advance(&net.loop, 0);
  assert_log("dial");
  dial_failed(AHTTP_EREFUSED);
  assert_log("EREFUSED");
  assert_string_equal(net.err.text, "192.0.2.1: refused (attempt 2 of 2)");
  assert_int_equal(net.times.attempts, 2);
}

static void every_attempt_has_a_connect_timeout_of_its_own(void **state)
{
  (void)state;
  begin_with_retries(1);
  virtual_loop_advance(&net.loop, 5000);
  assert_log("dial.cancel dial"); /* the first repetition comes at once */
  virtual_loop_advance(&net.loop, 4999);
  assert_log("");
  virtual_loop_advance(&net.loop, 1);
  assert_log("dial.cancel ETIMEOUT_CONNECT");
}

static void tls_failure_is_tried_again_but_no_bad_certificate(void **state)
{
  static const struct {
    int code;
    const char *log;
  } rows[] = {{AHTTP_ETLS, "tls.close dial"}, {AHTTP_ECERT, "tls.close ECERT"}};
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    (void)setup(state);
    net.retries = 5;
    net.origin.waiters.count = 1;
    begin(true, AHTTP_HTTP_AUTO);
    dialed();
    assert_log("tls tls.resume");
    ahttp_error err;
    ah_error_plain(&err, rows[i].code, AHTTP_PHASE_TLS);
    net.tls.sink->on_error(net.tls.owner, &err);
    virtual_loop_advance(&net.loop, 0);
    assert_log(rows[i].log);
    if (net.connector != NULL) {
      ah_connector_cancel(net.connector);
      net.connector = NULL;
      assert_log("dial.cancel");
    }
  }
}

static void what_will_not_pass_is_not_tried_again(void **state)
{
  static const int codes[] = {AHTTP_ECALLBACK, AHTTP_ENOMEM};
  for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
    (void)setup(state);
    begin_with_retries(5);
    dial_failed(codes[i]);
    assert_log(ahttp_error_name(codes[i]));
    assert_string_equal(net.err.text, "192.0.2.1: refused");
  }
}

static void nobody_is_retried_for(void **state)
{
  (void)state;
  begin_with_retries(5);
  dial_failed(AHTTP_EREFUSED);
  net.origin.waiters.count = 0;
  virtual_loop_advance(&net.loop, 0);
  assert_log("EREFUSED");
}

static void connector_can_be_cancelled_during_the_backoff(void **state)
{
  (void)state;
  begin_with_retries(5);
  dial_failed(AHTTP_EREFUSED);
  ah_connector_cancel(net.connector);
  net.connector = NULL;
  assert_log("");
}

/* --- Proxies. --------------------------------------------------------------
 */

static void connector_goes_through_a_proxy_to_tls(void **state)
{
  (void)state;
  begin_with_proxy(AH_PROXY_HTTP, true);
  assert_true(ah_str_eq(net.dial_opts.host, AH_STR("proxy.test")));
  assert_int_equal(net.dial_opts.port, 3128);
  dialed();
  assert_log("passage");
  assert_int_equal(net.passage->opts.rounds, 0);
  assert_int_equal(net.passage->opts.families, AH_USE_V4);
  passed(NULL, false);
  assert_log("tls tls.resume");
  assert_true(ah_str_eq(net.tls_opts.host, AH_STR("example.test")));
  opened("h2");
  assert_log("tls.pause h2:tls done");
  assert_int_equal(net.times.connect, 700);
  assert_int_equal(net.times.tls, 3000);
}

static void connector_sends_what_is_forwarded_right_away(void **state)
{
  (void)state;
  net.origin.is_forward = true;
  begin_with_proxy(AH_PROXY_HTTP, false);
  dialed();
  assert_log("h1 done");
}

static void connector_names_the_proxy_that_it_cannot_reach(void **state)
{
  (void)state;
  begin_with_proxy(AH_PROXY_SOCKS5H, true);
  dial_failed(AHTTP_EREFUSED);
  assert_log("EREFUSED");
  assert_string_equal(net.err.text, "the proxy: 192.0.2.1: refused");
}

static void connector_passes_a_refusal_on_and_tries_no_more(void **state)
{
  (void)state;
  ahttp_error err;
  net.retries = 3;
  ah_error_say(&err, AHTTP_EPROXY, AHTTP_PHASE_CONNECT, "no");
  begin_with_proxy(AH_PROXY_HTTP, true);
  dialed();
  passed(&err, false);
  assert_log("passage EPROXY");
  assert_string_equal(net.err.text, "no");
}

static void connector_dials_again_for_a_proxy_that_asks(void **state)
{
  (void)state;
  ahttp_error err;
  ah_error_say(&err, AHTTP_EPROXY, AHTTP_PHASE_CONNECT, "407");
  begin_with_proxy(AH_PROXY_HTTP, true);
  dialed();
  passed(&err, true);
  assert_log("passage dial");
  dialed();
  assert_log("passage");
  assert_int_equal(net.passage->opts.rounds, 1);
  passed(&err, false);
  assert_log("EPROXY");
  assert_int_equal(net.times.attempts, 1);
}

static void connect_timeout_spans_dial_and_passage(void **state)
{
  (void)state;
  ahttp_error err;
  ah_error_say(&err, AHTTP_EPROXY, AHTTP_PHASE_CONNECT, "407");
  begin_with_proxy(AH_PROXY_HTTP, true);
  virtual_loop_advance(&net.loop, 3000);
  dialed();
  passed(&err, true);
  virtual_loop_advance(&net.loop, 1999);
  dialed();
  assert_log("passage dial passage");
  virtual_loop_advance(&net.loop, 1);
  assert_log("passage.cancel ETIMEOUT_CONNECT");
  assert_string_equal(net.err.text,
                      "no connection within 5000 ms: waiting for the proxy");
}

static void connector_can_be_cancelled_in_a_passage(void **state)
{
  (void)state;
  begin_with_proxy(AH_PROXY_HTTP, true);
  dialed();
  ah_connector_cancel(net.connector);
  net.connector = NULL;
  assert_log("passage passage.cancel");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      connector_test(connector_makes_http1_without_tls),
      connector_test(connector_makes_http2_by_prior_knowledge),
      connector_test(connector_makes_what_alpn_says),
      connector_test(connector_offers_what_the_policy_allows),
      connector_test(connector_names_the_host_without_its_dot),
      connector_test(connector_fails_when_http2_is_required_and_not_offered),
      connector_test(connector_passes_the_dialers_error_on),
      connector_test(connector_passes_the_handshakes_error_on),
      connector_test(connector_fails_when_the_server_hangs_up_in_tls),
      connector_test(connector_fails_when_tls_cannot_begin),
      connector_test(connector_fails_when_the_connection_cannot_be_made),
      connector_test(connector_times_out_while_dialing),
      connector_test(connector_times_steps_under_way),
      connector_test(connector_times_out_in_tls),
      connector_test(connector_cancel_is_silent),
      connector_test(connector_survives_every_failed_allocation),
      connector_test(retries_wait_as_httpx_does),
      connector_test(last_retry_gives_up_with_its_own_error),
      connector_test(every_attempt_has_a_connect_timeout_of_its_own),
      connector_test(tls_failure_is_tried_again_but_no_bad_certificate),
      connector_test(what_will_not_pass_is_not_tried_again),
      connector_test(nobody_is_retried_for),
      connector_test(connector_can_be_cancelled_during_the_backoff),
      connector_test(connector_goes_through_a_proxy_to_tls),
      connector_test(connector_sends_what_is_forwarded_right_away),
      connector_test(connector_names_the_proxy_that_it_cannot_reach),
      connector_test(connector_passes_a_refusal_on_and_tries_no_more),
      connector_test(connector_dials_again_for_a_proxy_that_asks),
      connector_test(connect_timeout_spans_dial_and_passage),
      connector_test(connector_can_be_cancelled_in_a_passage),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
