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

/* Content that a test gives out as it likes. */
typedef struct content {
  const char *data;
  char *own; /* |data|, if it is to be freed */
  size_t len;
  size_t step; /* bytes of one read at most */
  int answer;  /* AHTTP_OK, or what read returns instead of data */
  void (*on_read)(struct content *content);
  fake_exchange *exchange;
  unsigned reads;
} content;

static int content_read(void *user_data, uint64_t offset, uint8_t *dst,
                        size_t cap, size_t *len)
{
  content *c = user_data;
  c->reads++;
  if (c->on_read != NULL) {
    c->on_read(c);
  }
  if (c->answer != AHTTP_OK) {
    return c->answer;
  }
  size_t rest = c->len - (size_t)offset;
  size_t step = c->step < cap ? c->step : cap;
  *len = rest < step ? rest : step;
  memcpy(dst, c->data + offset, *len);
  return 0;
}

static fake_exchange *scene_post(h1_scene *s, content *c, bool known_length)
{
  ah_body *body;
  fake_exchange *e = fake_exchange_new(s->loop, "POST", H1_SCENE_URL);
  ahttp_content_source source = {
      .size = sizeof(source),
      .read = content_read,
      .length = known_length ? (int64_t)c->len : -1,
      .user_data = c,
  };
  assert_int_equal(ah_body_new_source(&body, &source), AHTTP_OK);
  fake_exchange_set_body(e, body);
  c->exchange = e;
  fake_exchange_start(e, &s->transport);
  return e;
}

static content make_content(size_t len, size_t step)
{
  char *data = malloc(len);
  assert_non_null(data);
  for (size_t i = 0; i < len; i++) {
    data[i] = (char)('a' + i % 23 + i / 1000 % 3);
  }
  return (content){.data = data, .own = data, .len = len, .step = step};
}

/* Takes the chunks of |sent| apart; returns what they held. */
static fake_bytes unchunk(const char *sent)
{
  fake_bytes out = {.data = NULL};
  fake_bytes_append(&out, "", 0);
  for (;;) {
    char *end;
    size_t len = strtoul(sent, &end, 16);
    assert_memory_equal(end, "\r\n", 2);
    if (len == 0) {
      assert_string_equal(end, "\r\n\r\n");
      return out;
    }
    fake_bytes_append(&out, end + 2, len);
    assert_memory_equal(end + 2 + len, "\r\n", 2);
    sent = end + 2 + len + 2;
  }
}

static void check_sent(const h1_scene *s, const content *c, bool known_length)
{
  const char *head_end = strstr(s->stream->sent.data, "\r\n\r\n");
  assert_non_null(head_end);
  const char *body = head_end + 4;
  if (known_length) {
    size_t head_len = (size_t)(body - s->stream->sent.data);
    assert_int_equal(s->stream->sent.len - head_len, c->len);
    assert_memory_equal(body, c->data, c->len);
    return;
  }
  fake_bytes joined = unchunk(body);
  assert_int_equal(joined.len, c->len);
  assert_memory_equal(joined.data, c->data, c->len);
  fake_bytes_clear(&joined);
}

static void conn_sends_content_in_any_room(void **state)
{
  static const size_t lens[] = {1, 15, 16, 300, 20000, 200000};
  static const size_t caps[] = {1, 100, 255, 256, 300, AH_CHUNK_BYTES};
  static const size_t steps[] = {1, 1000, SIZE_MAX};
  (void)state;
  for (size_t i = 0; i < COUNT(lens) * COUNT(caps) * COUNT(steps) * 2; i++) {
    bool known = i % 2 == 0;
    size_t len = lens[i / 2 % COUNT(lens)];
    size_t cap = caps[i / 2 / COUNT(lens) % COUNT(caps)];
    size_t step = steps[i / 2 / COUNT(lens) / COUNT(caps)];
    if (len > 1000 && (cap == 1 || step == 1)) {
      continue;
    }
    content c = make_content(len, step);
    h1_scene s;
    h1_scene_begin(&s);
    s.stream->cap_max = cap;
    fake_exchange *e = scene_post(&s, &c, known);
    h1_scene_turn(&s);
    check_sent(&s, &c, known);
    assert_int_equal(e->exchange.bytes.upload, len);
    assert_int_equal(e->exchange.bytes.out, s.stream->sent.len);
    assert_int_not_equal(e->exchange.times.sent, 0);
    assert_true(e->uploads > 0);
    h1_scene_feed(&s, OK_HELLO);
    h1_scene_turn(&s);
    h1_check_log(e, "200 body done:OK");
    h1_check_idle(&s);
    fake_exchange_free(e);
    h1_scene_end(&s);
    free(c.own);
  }
}

static void conn_keeps_little_of_an_upload_that_is_not_taken(void **state)
{
  enum {
    LEN = 2000000
  };
  (void)state;
  for (int known = 0; known <= 1; known++) {
    content c = make_content(LEN, SIZE_MAX);
    h1_scene s;
    h1_scene_begin(&s);
    s.stream->room = 100000;
    fake_exchange *e = scene_post(&s, &c, known);
    h1_scene_turn(&s);
    while (s.stream->queued.len > 0) {
      assert_true(s.stream->queued.len <= 64 * 1024 + AH_CHUNK_BYTES);
      assert_int_equal(e->exchange.times.sent, 0);
      assert_int_equal(e->exchange.deadline_code, AHTTP_ETIMEOUT_WRITE);
      h1_scene_turn(&s); /* nothing happens before it drains */
      s.stream->room = 10000;
      assert_true(fake_stream_drain(s.stream, SIZE_MAX) > 0);
    }
    assert_int_equal(e->exchange.deadline_code, AHTTP_ETIMEOUT_READ);
    check_sent(&s, &c, known);
    h1_scene_feed(&s, OK_HELLO);
    h1_scene_turn(&s);
    h1_check_log(e, "200 body done:OK");
    h1_check_idle(&s);
    fake_exchange_free(e);
    h1_scene_end(&s);
    free(c.own);
  }
}

static void conn_waits_for_content_that_is_not_there_yet(void **state)
{
  (void)state;
  for (int known = 0; known <= 1; known++) {
    content c = {.data = "hello", .len = 5, .step = 2};
    h1_scene s;
    h1_scene_begin(&s);
    c.answer = AHTTP_BODY_WAIT;
    fake_exchange *e = scene_post(&s, &c, known);
    h1_scene_turn(&s);
    assert_int_equal(c.reads, 1);
    assert_non_null(strstr(s.stream->sent.data, "\r\n\r\n"));
    assert_int_equal(e->exchange.deadline_code, AHTTP_OK); /* it is the user */
    h1_scene_turn(&s);
    assert_int_equal(c.reads, 1);
    c.answer = AHTTP_OK;
    ah_exchange_body_ready(&e->exchange);
    assert_int_equal(c.reads, 1);
    h1_scene_turn(&s);
    check_sent(&s, &c, known);
    h1_scene_feed(&s, OK_HELLO);
    h1_scene_turn(&s);
    h1_check_log(e, "200 body done:OK");
    fake_exchange_free(e);
    h1_scene_end(&s);
  }
}

/* The source calls "ready" from within the read that finds nothing. */
static void content_say_ready(content *c)
{
  if (c->reads == 1) {
    c->answer = AHTTP_BODY_WAIT;
    ah_exchange_body_ready(&c->exchange->exchange);
  } else {
    c->answer = AHTTP_OK;
  }
}

static void conn_hears_content_that_is_ready_while_it_is_read(void **state)
{
  content c = {.data = "hello", .len = 5, .step = 5};
  h1_scene s;
  (void)state;
  h1_scene_begin(&s);
  c.on_read = content_say_ready;
  fake_exchange *e = scene_post(&s, &c, true);
  h1_scene_turn(&s);
  check_sent(&s, &c, true);
  h1_scene_feed(&s, OK_HELLO);
  h1_scene_turn(&s);
  h1_check_log(e, "200 body done:OK");
  fake_exchange_free(e);
  h1_scene_end(&s);
}

static void content_cancel(content *c)
{
  fake_exchange_cancel(c->exchange);
}

static void conn_may_be_cancelled_while_content_is_read(void **state)
{
  (void)state;
  for (int known = 0; known <= 1; known++) {
    content c = {.data = "hello", .len = 5, .step = 5};
    h1_scene s;
    h1_scene_begin(&s);
    c.on_read = content_cancel;
    fake_exchange *e = scene_post(&s, &c, known);
    h1_scene_turn(&s);
    h1_check_log(e, "done:ECANCELED");
    h1_check_closed(&s);
    fake_exchange_free(e);
    h1_scene_end(&s);
  }
}

static void cancel_on_upload(fake_exchange *e, fake_event event)
{
  if (event == FAKE_UPLOAD) {
    fake_exchange_cancel(e);
  }
}

static void conn_may_be_cancelled_while_it_tells_of_the_upload(void **state)
{
  content c = {.data = "hello", .len = 5, .step = 5};
  h1_scene s;
  (void)state;
  h1_scene_begin(&s);
  fake_exchange *e = scene_post(&s, &c, true);
  e->on_event = cancel_on_upload;
  h1_scene_turn(&s);
  h1_check_log(e, "done:ECANCELED");
  h1_check_closed(&s);
  fake_exchange_free(e);
  h1_scene_end(&s);
}

static void conn_closes_when_content_cannot_be_read(void **state)
{
  (void)state;
  for (int known = 0; known <= 1; known++) {
    content c = {.data = "hello", .len = 5, .step = 5, .answer = -1};
    h1_scene s;
    h1_scene_begin(&s);
    fake_exchange *e = scene_post(&s, &c, known);
    h1_scene_turn(&s);
    h1_check_log(e, "done:EBODY");
    assert_int_equal(s.transport.retries, 0);
    h1_check_closed(&s);
    fake_exchange_free(e);
    h1_scene_end(&s);
  }
}

static void check_stops_sending(const char *head, const char *log)
{
  enum {
    LEN = 1000000
  };
  content c = make_content(LEN, SIZE_MAX);
  h1_scene s;
  h1_scene_begin(&s);
  s.stream->room = 50000;
  fake_exchange *e = scene_post(&s, &c, true);
  h1_scene_turn(&s);
  h1_scene_feed(&s, head);
  h1_scene_feed(&s, "Content-Length: 5\r\n\r\nhe");
  unsigned reads = c.reads;
  assert_int_equal(e->exchange.deadline_code, AHTTP_ETIMEOUT_READ);
  s.stream->room = SIZE_MAX;
  (void)fake_stream_drain(s.stream, SIZE_MAX);
  h1_scene_turn(&s);
  assert_int_equal(c.reads, reads);
  h1_scene_feed(&s, "llo");
  h1_check_closed(&s);
  h1_scene_turn(&s);
  h1_check_log(e, log);
  assert_string_equal(e->body.data, "hello");
  fake_exchange_free(e);
  h1_scene_end(&s);
  free(c.own);
}

static void conn_stops_sending_what_the_server_does_not_want(void **state)
{
  (void)state;
  check_stops_sending("HTTP/1.1 303 See Other\r\n", "303 body done:OK");
  check_stops_sending("HTTP/1.1 413 Too Large\r\n", "413 body done:OK");
}

static void conn_goes_on_sending_to_a_server_that_answers_early(void **state)
{
  enum {
    LEN = 1000000
  };
  (void)state;
  for (int in_time = 0; in_time <= 1; in_time++) {
    content c = make_content(LEN, SIZE_MAX);
    h1_scene s;
    h1_scene_begin(&s);
    s.stream->room = 50000;
    fake_exchange *e = scene_post(&s, &c, true);
    h1_scene_turn(&s);
    h1_scene_feed(&s, OK_HEAD "Content-Length: 5\r\n\r\nhe");
    if (in_time) {
      s.stream->room = SIZE_MAX;
      (void)fake_stream_drain(s.stream, SIZE_MAX);
      h1_scene_turn(&s);
      check_sent(&s, &c, true);
    }
    h1_scene_feed(&s, "llo");
    if (in_time) {
      h1_check_idle(&s);
    } else {
      h1_check_closed(&s);
    }
    h1_scene_turn(&s);
    h1_check_log(e, "200 body done:OK");
    fake_exchange_free(e);
    h1_scene_end(&s);
    free(c.own);
  }
}

/* A stream tells trouble with writing after what it has still read. */
static void conn_reads_the_response_after_writing_has_failed(void **state)
{
  enum {
    LEN = 500000
  };
  static const struct {
    const char *input;
    const char *log;
  } rows[] = {
      {"HTTP/1.1 413 T\r\nContent-Length: 5\r\n\r\nhello", "413 body done:OK"},
      {"HTTP/1.1 413 T\r\nContent-Length: 5\r\n\r\nhe", "413 body done:EWRITE"},
      {"", "done:EWRITE"},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(rows); i++) {
    content c = make_content(LEN, SIZE_MAX);
    h1_scene s;
    h1_scene_begin(&s);
    s.stream->room = 50000;
    fake_exchange *e = scene_post(&s, &c, true);
    h1_scene_turn(&s);
    h1_scene_feed(&s, rows[i].input);
    fake_stream_break(s.stream, AHTTP_EWRITE);
    h1_check_closed(&s);
    h1_scene_turn(&s);
    h1_check_log(e, rows[i].log);
    fake_exchange_free(e);
    h1_scene_end(&s);
    free(c.own);
  }
}

static void conn_survives_every_failed_operation(void **state)
{
  bool has_failed = true;
  (void)state;
  for (unsigned nth = 1; has_failed; nth++) {
    content c = make_content(300000, 50000);
    h1_scene s;
    h1_scene_begin(&s);
    s.stream->fail_nth = nth;
    fake_exchange *e = scene_post(&s, &c, nth % 2 == 0);
    h1_scene_turn(&s);
    h1_scene_turn(&s);
    has_failed = s.stream->operations >= nth;
    if (has_failed) {
      h1_check_closed(&s);
      assert_int_equal(e->dones, 1);
      int code = e->exchange.error.code;
      assert_true(code == AHTTP_ENOMEM || code == AHTTP_EWRITE);
      assert_int_equal(s.transport.retries, code == AHTTP_EWRITE);
    } else {
      h1_scene_feed(&s, OK_HELLO);
      h1_scene_turn(&s);
      h1_check_log(e, "200 body done:OK");
    }
    fake_exchange_free(e);
    h1_scene_end(&s);
    free(c.own);
  }
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(conn_sends_content_in_any_room),
      cmocka_unit_test(conn_keeps_little_of_an_upload_that_is_not_taken),
      cmocka_unit_test(conn_waits_for_content_that_is_not_there_yet),
      cmocka_unit_test(conn_hears_content_that_is_ready_while_it_is_read),
      cmocka_unit_test(conn_may_be_cancelled_while_content_is_read),
      cmocka_unit_test(conn_may_be_cancelled_while_it_tells_of_the_upload),
      cmocka_unit_test(conn_closes_when_content_cannot_be_read),
      cmocka_unit_test(conn_stops_sending_what_the_server_does_not_want),
      cmocka_unit_test(conn_goes_on_sending_to_a_server_that_answers_early),
      cmocka_unit_test(conn_reads_the_response_after_writing_has_failed),
      cmocka_unit_test(conn_survives_every_failed_operation),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
