/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/h1_scene.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define OK_HEAD "HTTP/1.1 200 OK\r\n"
#define OK_HELLO OK_HEAD "Content-Length: 5\r\n\r\nhello"

static void conn_stops_the_stream_only_for_bytes_nobody_takes(void **state)
{
  h1_hook hook = {.at = FAKE_HEAD};
  h1_scene s;
  (void)state;
  h1_scene_begin(&s);
  fake_exchange *e = h1_scene_get(&s);
  e->on_event = h1_pause_at;
  e->user_data = &hook;
  h1_scene_feed(&s, OK_HEAD "Content-Length: 5\r\n\r\n");
  assert_false(s.stream->paused); /* nothing has come yet */
  h1_scene_feed(&s, "he");
  assert_true(s.stream->paused);
  h1_scene_turn(&s);
  h1_check_log(e, "200");

  e->on_event = NULL;
  ah_exchange_resume(&e->exchange);
  h1_check_log(e, "200"); /* from the loop, not from within */
  h1_scene_turn(&s);
  h1_check_log(e, "200 body");
  assert_string_equal(e->body.data, "he");
  assert_false(s.stream->paused);
  h1_scene_feed(&s, "llo");
  h1_scene_turn(&s);
  h1_check_log(e, "200 body done:OK");
  assert_int_equal(s.stream->pauses, 1);
  h1_check_idle(&s);
  fake_exchange_free(e);
  h1_scene_end(&s);
}

static void conn_pays_nothing_for_a_pause_that_is_over_in_time(void **state)
{
  h1_hook hook = {.at = FAKE_BODY};
  h1_scene s;
  (void)state;
  h1_scene_begin(&s);
  fake_exchange *e = h1_scene_get(&s);
  e->on_event = h1_pause_at;
  e->user_data = &hook;
  h1_scene_feed(&s, OK_HEAD "Content-Length: 5\r\n\r\nhe");
  ah_exchange_resume(&e->exchange);
  h1_scene_feed(&s, "l");
  ah_exchange_resume(&e->exchange);
  e->on_event = NULL;
  h1_scene_feed(&s, "lo");
  h1_scene_turn(&s);
  h1_check_log(e, "200 body done:OK");
  assert_string_equal(e->body.data, "hello");
  assert_int_equal(s.stream->pauses, 0);
  fake_exchange_free(e);
  h1_scene_end(&s);
}

/* Pauses at every single event, resumes in the next turn; whatever the cut and
 * whether the end of the connection is behind it. */
static void conn_loses_nothing_by_pausing_everywhere(void **state)
{
  static const struct {
    const char *input;
    bool ends;
    const char *log;
    const char *body;
  } rows[] = {
      {"HTTP/1.1 103 E\r\n\r\n" OK_HEAD "Transfer-Encoding: chunked\r\n\r\n"
       "5\r\nhello\r\n6\r\n world\r\n0\r\nA: b\r\n\r\n",
       false, "103 200 body trailers done:OK", "hello world"},
      {OK_HELLO, true, "200 body done:OK", "hello"},
      {OK_HEAD "\r\nhello", true, "200 body done:OK", "hello"},
      {OK_HEAD "Content-Length: 6\r\n\r\nhello", true,
       "200 body done:ETRUNCATED", "hello"},
      {OK_HEAD "Connection: close\r\nContent-Length: 5\r\n\r\nhello", true,
       "200 body done:OK", "hello"},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(rows); i++) {
    size_t len = strlen(rows[i].input);
    for (size_t cut = 0; cut <= len; cut++) {
      h1_hook hook = {.at = FAKE_DONE};
      h1_scene s;
      h1_scene_begin(&s);
      fake_exchange *e = h1_scene_get(&s);
      e->on_event = h1_pause_at;
      e->user_data = &hook;
      fake_stream_feed(s.stream, rows[i].input, cut);
      fake_stream_feed(s.stream, rows[i].input + cut, len - cut);
      if (rows[i].ends) {
        fake_stream_feed_end(s.stream, true);
      }
      for (int turns = 0; turns < 12 && e->dones == 0; turns++) {
        ah_exchange_resume(&e->exchange);
        h1_scene_turn(&s);
      }
      h1_check_log(e, rows[i].log);
      assert_string_equal(e->body.data, rows[i].body);
      assert_true(hook.was_run);
      fake_exchange_free(e);
      if (rows[i].ends) {
        h1_check_closed(&s);
      } else {
        h1_check_idle(&s);
      }
      h1_scene_end(&s);
    }
  }
}

static void conn_gives_what_came_before_the_stream_broke(void **state)
{
  (void)state;
  for (int is_whole = 0; is_whole <= 1; is_whole++) {
    h1_hook hook = {.at = FAKE_HEAD};
    h1_scene s;
    h1_scene_begin(&s);
    fake_exchange *e = h1_scene_get(&s);
    e->on_event = h1_pause_at;
    e->user_data = &hook;
    h1_scene_feed(&s, is_whole ? OK_HELLO
                               : OK_HEAD "Content-Length: 9\r\n\r\nhello");
    fake_stream_break(s.stream, AHTTP_EREAD);
    h1_scene_turn(&s);
    h1_check_log(e, "200");
    e->on_event = NULL;
    ah_exchange_resume(&e->exchange);
    h1_scene_turn(&s);
    h1_scene_turn(&s);
    h1_check_log(e, is_whole ? "200 body done:OK" : "200 body done:ETRUNCATED");
    h1_check_closed(&s);
    fake_exchange_free(e);
    h1_scene_end(&s);
  }
}

static void conn_waits_for_credit(void **state)
{
  enum {
    PIECE = 64 * 1024,
    PIECES = 2 * AH_EXCHANGE_WINDOW_BYTES / PIECE
  };
  char *piece = calloc(1, PIECE);
  h1_scene s;
  (void)state;
  assert_non_null(piece);
  h1_scene_begin(&s);
  fake_exchange *e = fake_exchange_new(s.loop, "GET", H1_SCENE_URL);
  e->exchange.manual_credit = true;
  fake_exchange_start(e, &s.transport);
  h1_scene_turn(&s);
  h1_scene_feed(&s, OK_HEAD "Content-Length: 2097152\r\n\r\n");
  for (int i = 0; i < PIECES; i++) {
    fake_stream_feed(s.stream, piece, PIECE);
  }
  h1_scene_turn(&s);
  assert_true(s.stream->paused);
  assert_int_equal(e->body.len, AH_EXCHANGE_WINDOW_BYTES);
  ah_exchange_credit(&e->exchange, PIECE);
  h1_scene_turn(&s);
  h1_scene_turn(&s);
  assert_true(e->body.len > AH_EXCHANGE_WINDOW_BYTES);
  for (int i = 0; i < 3 * PIECES && e->dones == 0; i++) {
    ah_exchange_credit(&e->exchange, PIECE);
    h1_scene_turn(&s);
  }
  h1_check_log(e, "200 body done:OK");
  assert_int_equal(e->body.len, PIECES * PIECE);
  h1_check_idle(&s);
  fake_exchange_free(e);
  h1_scene_end(&s);
  free(piece);
}

/* --- Cancelling. --------------------------------------------------------- */

static void conn_closes_at_once_when_cancelled_later(void **state)
{
  static const char *const inputs[] = {
      "",
      "HTTP/1.1 20",
      "HTTP/1.1 103 E\r\n\r\n",
      OK_HEAD "Content-Length: 5\r\n\r\n",
      OK_HEAD "Content-Length: 5\r\n\r\nhell",
      OK_HEAD "Transfer-Encoding: chunked\r\n\r\n0\r\nA: b",
  };
  (void)state;
  for (size_t i = 0; i < COUNT(inputs); i++) {
    for (int paused = 0; paused <= 1; paused++) {
      h1_scene s;
      h1_scene_begin(&s);
      fake_exchange *e = h1_scene_get(&s);
      if (paused) {
        ah_exchange_pause(&e->exchange);
      }
      h1_scene_feed(&s, inputs[i]);
      fake_exchange_cancel(e);
      h1_check_closed(&s);
      assert_int_equal(e->dones, 0);
      h1_scene_turn(&s);
      assert_int_equal(e->exchange.error.code, AHTTP_ECANCELED);
      assert_int_equal(e->dones, 1);
      assert_int_equal(s.transport.retries, 0);
      assert_int_equal(s.owner.slots_told, 0);
      fake_exchange_free(e);
      h1_scene_end(&s);
    }
  }
}

static void conn_may_be_cancelled_within_every_event(void **state)
{
  static const struct {
    fake_event at;
    const char *log;
  } rows[] = {
      {FAKE_INFORMATIONAL, "103 done:ECANCELED"},
      {FAKE_HEAD, "103 200 done:ECANCELED"},
      {FAKE_BODY, "103 200 body done:ECANCELED"},
      {FAKE_TRAILERS, "103 200 body trailers done:ECANCELED"},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(rows); i++) {
    h1_hook hook = {.at = rows[i].at};
    h1_scene s;
    h1_scene_begin(&s);
    fake_exchange *e = h1_scene_get(&s);
    e->on_event = h1_cancel_at;
    e->user_data = &hook;
    h1_scene_feed(
        &s, "HTTP/1.1 103 E\r\n\r\n" OK_HEAD
            "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nA: b\r\n\r\n");
    h1_check_closed(&s);
    h1_scene_turn(&s);
    h1_check_log(e, rows[i].log);
    fake_exchange_free(e);
    h1_scene_end(&s);
  }
}

static void conn_may_be_cancelled_while_it_gives_out_what_it_held(void **state)
{
  h1_hook hook = {.at = FAKE_BODY};
  h1_scene s;
  (void)state;
  h1_scene_begin(&s);
  fake_exchange *e = h1_scene_get(&s);
  ah_exchange_pause(&e->exchange);
  h1_scene_feed(&s, OK_HELLO);
  e->on_event = h1_cancel_at;
  e->user_data = &hook;
  ah_exchange_resume(&e->exchange);
  h1_scene_turn(&s);
  h1_check_log(e, "200 body done:ECANCELED");
  h1_check_closed(&s);
  fake_exchange_free(e);
  h1_scene_end(&s);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(conn_stops_the_stream_only_for_bytes_nobody_takes),
      cmocka_unit_test(conn_pays_nothing_for_a_pause_that_is_over_in_time),
      cmocka_unit_test(conn_loses_nothing_by_pausing_everywhere),
      cmocka_unit_test(conn_gives_what_came_before_the_stream_broke),
      cmocka_unit_test(conn_waits_for_credit),
      cmocka_unit_test(conn_closes_at_once_when_cancelled_later),
      cmocka_unit_test(conn_may_be_cancelled_within_every_event),
      cmocka_unit_test(conn_may_be_cancelled_while_it_gives_out_what_it_held),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
