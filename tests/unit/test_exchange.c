/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "transport/exchange.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "support/virtual_loop.h"
#include "transport/connection.h"

/*
 * An exchange between a sink and a connection that write down, in one line and
 * in their order, what they are told.
 */
typedef struct fixture {
  ah_loop loop;
  ah_exchange exchange;
  ah_connection conn;
  ah_transport transport;
  char log[256];
  bool retries;         /* the transport's answer */
  size_t credited;      /* what the connection was told */
  const char *in_event; /* the event in which |act| is called */
  void (*act)(struct fixture *f);
} fixture;

static fixture *current;

static void log_word(const char *word)
{
  size_t len = strlen(current->log);
  (void)snprintf(current->log + len, sizeof(current->log) - len, "%s%s",
                 len == 0 ? "" : " ", word);
}

static void log_event(const char *word)
{
  log_word(word);
  if (current->in_event != NULL && strcmp(current->in_event, word) == 0) {
    current->act(current);
  }
}

static void assert_log(const char *expected)
{
  assert_string_equal(current->log, expected);
  current->log[0] = '\0';
}

static void sink_on_informational(ah_exchange *exchange,
                                  const ah_response_head *head)
{
  assert_ptr_equal(exchange, &current->exchange);
  assert_int_equal(head->status, 103);
  log_event("informational");
}

static void sink_on_head(ah_exchange *exchange)
{
  assert_ptr_equal(exchange, &current->exchange);
  log_event("head");
}

static void sink_on_body(ah_exchange *exchange, const uint8_t *data, size_t len)
{
  (void)exchange;
  assert_non_null(data);
  assert_true(len > 0);
  log_event("body");
}

static void sink_on_trailers(ah_exchange *exchange)
{
  (void)exchange;
  log_event("trailers");
}

static void sink_on_upload(ah_exchange *exchange)
{
  (void)exchange;
  log_event("upload");
}

static void sink_on_done(ah_exchange *exchange)
{
  assert_true(exchange->ended);
  char word[32];
  (void)snprintf(word, sizeof(word), "done:%s",
                 exchange->error.code == AHTTP_OK
                     ? "OK"
                     : ahttp_error_name(exchange->error.code));
  log_event(word);
}

static const ah_exchange_sink sink = {
    .on_informational = sink_on_informational,
    .on_head = sink_on_head,
    .on_body = sink_on_body,
    .on_trailers = sink_on_trailers,
    .on_upload = sink_on_upload,
    .on_done = sink_on_done,
};

static void conn_start(ah_connection *conn, ah_exchange *exchange)
{
  exchange->conn = conn;
}

static void conn_cancel(ah_connection *conn, ah_exchange *exchange, int code)
{
  (void)conn;
  assert_true(exchange->ended);
  assert_int_equal(code, exchange->error.code);
  log_word("conn.cancel");
}

static void conn_pause(ah_connection *conn, ah_exchange *exchange)
{
  (void)conn;
  (void)exchange;
  log_word("conn.pause");
}

static void conn_resume(ah_connection *conn, ah_exchange *exchange)
{
  (void)conn;
  assert_false(ah_exchange_is_paused(exchange));
  log_word("conn.resume");
}

static void conn_credit(ah_connection *conn, ah_exchange *exchange, size_t len)
{
  (void)conn;
  (void)exchange;
  current->credited += len;
}

static void conn_body_ready(ah_connection *conn, ah_exchange *exchange)
{
  (void)conn;
  (void)exchange;
  log_word("conn.body_ready");
}

static void conn_close(ah_connection *conn, const ahttp_error *err)
{
  (void)conn;
  (void)err;
  log_word("conn.close");
}

static const ah_connection_ops conn_ops = {
    .name = "fake",
    .start = conn_start,
    .cancel = conn_cancel,
    .pause = conn_pause,
    .resume = conn_resume,
    .credit = conn_credit,
    .body_ready = conn_body_ready,
    .close = conn_close,
};

static void transport_start(ah_transport *transport, ah_exchange *exchange)
{
  (void)transport;
  (void)exchange;
  log_word("start");
}

static void transport_forget(ah_transport *transport, ah_exchange *exchange)
{
  (void)transport;
  assert_true(exchange->ended);
  log_word("forget");
}

static bool transport_retry(ah_transport *transport, ah_exchange *exchange,
                            const ahttp_error *err, bool refused)
{
  (void)transport;
  assert_null(exchange->conn);
  assert_int_equal(err->code, AHTTP_EREAD);
  log_word(refused ? "retry:refused" : "retry");
  return current->retries;
}

static const ah_transport_ops transport_ops = {
    .name = "fake",
    .start = transport_start,
    .forget = transport_forget,
    .retry = transport_retry,
};

static int setup(void **state)
{
  static fixture f;
  f = (fixture){.conn.ops = &conn_ops, .transport.ops = &transport_ops};
  current = &f;
  virtual_loop_init(&f.loop);
  ah_exchange_init(&f.exchange);
  f.exchange.sink = &sink;
  f.exchange.loop = &f.loop;
  f.exchange.timeouts.connect_ms = 1000;
  f.exchange.timeouts.pool_ms = 2000;
  f.exchange.timeouts.write_ms = 3000;
  f.exchange.timeouts.read_ms = 5000;
  *state = &f;
  return 0;
}

static int teardown(void **state)
{
  const fixture *f = *state;
  assert_true(ah_list_is_empty(&f->loop.tasks));
  assert_true(ah_list_is_empty(&f->loop.deadlines));
  return 0;
}

/* Starts it and puts it on the connection. */
static void attach(fixture *f)
{
  ah_exchange_start(&f->exchange, &f->transport);
  assert_log("start");
  conn_start(&f->conn, &f->exchange);
  f->exchange.times.attached = ah_loop_now_ns(&f->loop);
}

static const ahttp_error canceled = {.code = AHTTP_ECANCELED,
                                     .text = "canceled"};
static const ahttp_error unreadable = {.code = AHTTP_EREAD,
                                       .phase = AHTTP_PHASE_WAIT};

static void end_well(fixture *f)
{
  ah_exchange_end(&f->exchange, NULL);
  virtual_loop_turn(&f->loop);
  assert_log("done:OK");
}

static void exchange_tells_every_event_then_done(void **state)
{
  fixture *f = *state;
  attach(f);
  const ah_response_head early = {.status = 103};
  assert_true(ah_exchange_tell_upload(&f->exchange));
  assert_true(ah_exchange_tell_informational(&f->exchange, &early));
  assert_true(ah_exchange_tell_head(&f->exchange));
  assert_true(ah_exchange_tell_body(&f->exchange, (const uint8_t *)"abc", 3));
  assert_true(ah_exchange_tell_trailers(&f->exchange));
  ah_exchange_end(&f->exchange, NULL);
  assert_log("upload informational head body trailers");
  virtual_loop_turn(&f->loop);
  assert_log("done:OK");
  assert_int_equal(f->exchange.bytes.body, 3);
  assert_null(f->exchange.conn);
}

static void exchange_end_is_told_from_the_loop_and_once(void **state)
{
  fixture *f = *state;
  attach(f);
  ah_exchange_end(&f->exchange, &unreadable);
  ah_exchange_end(&f->exchange, NULL);
  ah_exchange_fail(&f->exchange, &unreadable, true);
  ah_exchange_cancel(&f->exchange, &canceled);
  assert_log("");
  virtual_loop_turn(&f->loop);
  virtual_loop_turn(&f->loop);
  assert_log("done:EREAD"); /* the first outcome */
}

static void exchange_end_fills_in_the_phase(void **state)
{
  fixture *f = *state;
  attach(f);
  f->exchange.times.sent = ah_loop_now_ns(&f->loop);
  ah_exchange_cancel(&f->exchange, &canceled);
  assert_int_equal(f->exchange.error.phase, AHTTP_PHASE_WAIT);
  virtual_loop_turn(&f->loop);
  assert_log("conn.cancel done:ECANCELED");
}

static void exchange_cancel_in_the_queue_is_forgotten(void **state)
{
  fixture *f = *state;
  ah_exchange_start(&f->exchange, &f->transport);
  ah_exchange_await_pool(&f->exchange);
  ah_exchange_cancel(&f->exchange, &canceled);
  assert_log("start forget");
  assert_true(ah_list_is_empty(&f->loop.deadlines));
  virtual_loop_turn(&f->loop);
  assert_log("done:ECANCELED");
  assert_int_equal(f->exchange.error.phase, AHTTP_PHASE_QUEUE);
  assert_string_equal(f->exchange.error.text, "canceled");
}

static void exchange_cancel_before_the_start_only_ends(void **state)
{
  fixture *f = *state;
  ah_exchange_cancel(&f->exchange, &canceled);
  virtual_loop_turn(&f->loop);
  assert_log("done:ECANCELED");
}

static void act_cancel(fixture *f)
{
  ah_exchange_cancel(&f->exchange, &canceled);
}

/* Cancels in |event|, which |tell| brings about. */
static void check_cancel_in(fixture *f, const char *event)
{
  char expected[64];
  const ah_response_head early = {.status = 103};
  bool goes_on = true;
  attach(f);
  f->in_event = event;
  f->act = act_cancel;
  if (strcmp(event, "informational") == 0) {
    goes_on = ah_exchange_tell_informational(&f->exchange, &early);
  } else if (strcmp(event, "head") == 0) {
    goes_on = ah_exchange_tell_head(&f->exchange);
  } else if (strcmp(event, "body") == 0) {
    goes_on = ah_exchange_tell_body(&f->exchange, (const uint8_t *)"abc", 3);
  } else if (strcmp(event, "trailers") == 0) {
    goes_on = ah_exchange_tell_trailers(&f->exchange);
  } else {
    goes_on = ah_exchange_tell_upload(&f->exchange);
  }
  assert_false(goes_on);
  assert_int_equal(f->credited, 0);
  virtual_loop_turn(&f->loop);
  (void)snprintf(expected, sizeof(expected), "%s conn.cancel done:ECANCELED",
                 event);
  assert_log(expected);
}

static void exchange_cancel_in_any_event_stops_the_connection(void **state)
{
  static const char *const events[] = {"informational", "head", "body",
                                       "trailers", "upload"};
  for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
    (void)setup(state);
    check_cancel_in(*state, events[i]);
  }
}

static void exchange_fail_is_taken_back_by_the_transport(void **state)
{
  fixture *f = *state;
  attach(f);
  f->retries = true;
  ah_exchange_await_read(&f->exchange);
  ah_exchange_fail(&f->exchange, &unreadable, true);
  assert_log("retry:refused");
  assert_false(f->exchange.ended);
  assert_true(ah_list_is_empty(&f->loop.deadlines));
  conn_start(&f->conn, &f->exchange);
  end_well(f);
}

static void exchange_fail_ends_it_when_the_transport_declines(void **state)
{
  fixture *f = *state;
  attach(f);
  ah_exchange_fail(&f->exchange, &unreadable, false);
  virtual_loop_turn(&f->loop);
  assert_log("retry done:EREAD");
}

static void exchange_reports_each_timeout_in_words(void **state)
{
  static const struct {
    void (*await)(ah_exchange *exchange);
    uint32_t ms;
    int code;
    const char *text;
  } rows[] = {
      {ah_exchange_await_pool, 2000, AHTTP_ETIMEOUT_POOL,
       "no connection became free within 2000 ms"},
      {ah_exchange_await_write, 3000, AHTTP_ETIMEOUT_WRITE,
       "no data could be sent for 3000 ms"},
      {ah_exchange_await_read, 5000, AHTTP_ETIMEOUT_READ,
       "no data arrived for 5000 ms"},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    (void)setup(state);
    fixture *f = *state;
    attach(f);
    rows[i].await(&f->exchange);
    virtual_loop_advance(&f->loop, rows[i].ms - 1);
    assert_log("");
    virtual_loop_advance(&f->loop, 1);
    assert_int_equal(f->exchange.error.code, rows[i].code);
    assert_string_equal(f->exchange.error.text, rows[i].text);
    assert_true(strncmp(f->log, "conn.cancel done:", 17) == 0);
  }
}

static void exchange_touch_restarts_the_timeout(void **state)
{
  fixture *f = *state;
  attach(f);
  ah_exchange_touch(&f->exchange); /* nothing is armed */
  ah_exchange_await_read(&f->exchange);
  for (int i = 0; i < 4; i++) {
    virtual_loop_advance(&f->loop, 4999);
    ah_exchange_touch(&f->exchange);
  }
  assert_log("");
  ah_exchange_await_nothing(&f->exchange);
  virtual_loop_advance(&f->loop, 10000);
  end_well(f);
}

static void exchange_without_timeouts_waits_for_ever(void **state)
{
  fixture *f = *state;
  f->exchange.timeouts.read_ms = UINT32_MAX;
  attach(f);
  ah_exchange_await_read(&f->exchange);
  virtual_loop_advance(&f->loop, UINT32_MAX);
  end_well(f);
}

static void exchange_pause_rests_the_read_timeout(void **state)
{
  fixture *f = *state;
  attach(f);
  ah_exchange_await_read(&f->exchange);
  ah_exchange_pause(&f->exchange);
  ah_exchange_pause(&f->exchange);
  assert_log("conn.pause");
  assert_true(ah_exchange_is_paused(&f->exchange));
  virtual_loop_advance(&f->loop, 60000);
  ah_exchange_await_read(&f->exchange); /* still resting */
  virtual_loop_advance(&f->loop, 60000);
  assert_log("");
  ah_exchange_resume(&f->exchange);
  ah_exchange_resume(&f->exchange);
  assert_log("conn.resume");
  virtual_loop_advance(&f->loop, 4999);
  assert_log("");
  virtual_loop_advance(&f->loop, 1);
  assert_log("conn.cancel done:ETIMEOUT_READ");
}

static void exchange_pause_leaves_other_timeouts_alone(void **state)
{
  fixture *f = *state;
  ah_exchange_start(&f->exchange, &f->transport);
  ah_exchange_await_pool(&f->exchange);
  virtual_loop_advance(&f->loop, 1999);
  ah_exchange_pause(&f->exchange);
  assert_log("start");
  virtual_loop_advance(&f->loop, 1);
  assert_log("forget done:ETIMEOUT_POOL");
}

static void exchange_credits_what_the_sink_took(void **state)
{
  fixture *f = *state;
  attach(f);
  assert_true(ah_exchange_tell_body(&f->exchange, (const uint8_t *)"abc", 3));
  assert_int_equal(f->credited, 3);
  ah_exchange_credit(&f->exchange, 3); /* nothing is owed */
  assert_int_equal(f->credited, 3);
  assert_log("body");
  end_well(f);
}

static void act_set_manual_credit(fixture *f)
{
  f->exchange.manual_credit = true;
}

static void exchange_manual_credit_holds_from_the_next_bytes_on(void **state)
{
  fixture *f = *state;
  attach(f);
  f->in_event = "body";
  f->act = act_set_manual_credit;
  assert_true(ah_exchange_tell_body(&f->exchange, (const uint8_t *)"abc", 3));
  assert_int_equal(f->credited, 3);
  assert_true(ah_exchange_tell_body(&f->exchange, (const uint8_t *)"de", 2));
  assert_int_equal(f->credited, 3);
  ah_exchange_credit(&f->exchange, 100); /* more than was given out */
  assert_int_equal(f->credited, 5);
  assert_log("body body");
  end_well(f);
}

/* A window's worth in chunks, after which nothing more may come. */
static void use_up_credit(fixture *f)
{
  static const uint8_t chunk[AH_EXCHANGE_WINDOW_BYTES / 4];
  for (int i = 0; i < 4; i++) {
    assert_false(ah_exchange_is_paused(&f->exchange));
    assert_true(ah_exchange_tell_body(&f->exchange, chunk, sizeof(chunk)));
  }
  assert_true(ah_exchange_is_paused(&f->exchange));
  assert_log("body body body body");
}

static void exchange_without_credit_rests_until_credited(void **state)
{
  fixture *f = *state;
  attach(f);
  f->exchange.manual_credit = true;
  ah_exchange_await_read(&f->exchange);
  use_up_credit(f);
  virtual_loop_advance(&f->loop, 60000);
  assert_log("");
  ah_exchange_credit(&f->exchange, 1);
  assert_int_equal(f->credited, 1);
  assert_log("conn.resume");
  virtual_loop_advance(&f->loop, 5000);
  assert_log("conn.cancel done:ETIMEOUT_READ");
}

static void exchange_two_reasons_to_pause_need_two_to_go_on(void **state)
{
  fixture *f = *state;
  attach(f);
  f->exchange.manual_credit = true;
  use_up_credit(f);
  ah_exchange_pause(&f->exchange);
  ah_exchange_resume(&f->exchange);
  ah_exchange_pause(&f->exchange);
  ah_exchange_credit(&f->exchange, AH_EXCHANGE_WINDOW_BYTES);
  assert_log("");
  ah_exchange_resume(&f->exchange);
  assert_log("conn.resume");
  end_well(f);
}

static void exchange_ignores_everything_after_its_end(void **state)
{
  fixture *f = *state;
  attach(f);
  f->exchange.manual_credit = true;
  assert_true(ah_exchange_tell_body(&f->exchange, (const uint8_t *)"abc", 3));
  ah_exchange_end(&f->exchange, NULL);
  ah_exchange_pause(&f->exchange);
  ah_exchange_resume(&f->exchange);
  ah_exchange_credit(&f->exchange, 3);
  ah_exchange_body_ready(&f->exchange);
  ah_exchange_touch(&f->exchange);
  virtual_loop_turn(&f->loop);
  assert_log("body done:OK");
}

static void exchange_body_ready_reaches_the_connection(void **state)
{
  fixture *f = *state;
  ah_exchange_body_ready(&f->exchange); /* nobody to tell yet */
  attach(f);
  ah_exchange_body_ready(&f->exchange);
  assert_log("conn.body_ready");
  end_well(f);
}

static void exchange_phase_follows_the_times(void **state)
{
  fixture *f = *state;
  assert_int_equal(ah_exchange_phase(&f->exchange), AHTTP_PHASE_NONE);
  ah_exchange_start(&f->exchange, &f->transport);
  assert_int_equal(ah_exchange_phase(&f->exchange), AHTTP_PHASE_QUEUE);
  f->exchange.times.attached = 1;
  assert_int_equal(ah_exchange_phase(&f->exchange), AHTTP_PHASE_SEND);
  f->exchange.times.sent = 1;
  assert_int_equal(ah_exchange_phase(&f->exchange), AHTTP_PHASE_WAIT);
  assert_true(ah_exchange_tell_head(&f->exchange));
  assert_int_equal(ah_exchange_phase(&f->exchange), AHTTP_PHASE_RECEIVE);
  assert_log("start head");
  end_well(f);
}

#define exchange_test(name) \
  cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      exchange_test(exchange_tells_every_event_then_done),
      exchange_test(exchange_end_is_told_from_the_loop_and_once),
      exchange_test(exchange_end_fills_in_the_phase),
      exchange_test(exchange_cancel_in_the_queue_is_forgotten),
      exchange_test(exchange_cancel_before_the_start_only_ends),
      exchange_test(exchange_cancel_in_any_event_stops_the_connection),
      exchange_test(exchange_fail_is_taken_back_by_the_transport),
      exchange_test(exchange_fail_ends_it_when_the_transport_declines),
      exchange_test(exchange_reports_each_timeout_in_words),
      exchange_test(exchange_touch_restarts_the_timeout),
      exchange_test(exchange_without_timeouts_waits_for_ever),
      exchange_test(exchange_pause_rests_the_read_timeout),
      exchange_test(exchange_pause_leaves_other_timeouts_alone),
      exchange_test(exchange_credits_what_the_sink_took),
      exchange_test(exchange_manual_credit_holds_from_the_next_bytes_on),
      exchange_test(exchange_without_credit_rests_until_credited),
      exchange_test(exchange_two_reasons_to_pause_need_two_to_go_on),
      exchange_test(exchange_ignores_everything_after_its_end),
      exchange_test(exchange_body_ready_reaches_the_connection),
      exchange_test(exchange_phase_follows_the_times),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
