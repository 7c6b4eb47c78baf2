/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/str.h"
#include "support/h1_scene.h"
#include "support/test_alloc.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define OK_HEAD "HTTP/1.1 200 OK\r\n"
#define OK_HELLO OK_HEAD "Content-Length: 5\r\n\r\nhello"

/* --- The way of a request. ----------------------------------------------- */

static void conn_writes_the_request_at_the_end_of_the_turn(void **state)
{
  h1_scene s;
  (void)state;
  h1_scene_begin(&s);
  assert_int_equal(s.owner.conn->slots, 1);
  fake_exchange *e = h1_scene_start(&s, "GET");
  assert_int_equal(s.stream->operations, 0);
  assert_int_equal(s.owner.slots_told, 0);
  assert_int_equal(s.owner.conn->slots, 0);
  assert_int_equal(s.owner.conn->active, 1);
  h1_scene_turn(&s);
  assert_string_equal(s.stream->sent.data, H1_SCENE_GET);
  assert_int_equal(s.stream->flushes, 1);
  assert_int_equal(e->exchange.bytes.out, strlen(H1_SCENE_GET));
  assert_true(e->exchange.facts.written);
  assert_int_not_equal(e->exchange.times.sent, 0);
  assert_int_equal(e->exchange.deadline_code, AHTTP_ETIMEOUT_READ);

  h1_scene_feed(&s, OK_HELLO);
  assert_int_equal(s.owner.slots_told, 1);
  h1_check_log(e, "200 body");
  h1_scene_turn(&s);
  h1_check_log(e, "200 body done:OK");
  assert_string_equal(e->body.data, "hello");
  assert_int_equal(e->exchange.bytes.head, strlen(OK_HELLO) - 5);
  assert_int_equal(e->exchange.bytes.body, 5);
  assert_int_equal(s.stream->pauses, 0);
  h1_check_idle(&s);
  fake_exchange_free(e);
  h1_scene_end(&s);
}

/* Whoever was on it is told of it when it has long gone. */
static void conn_leaves_what_is_known_of_it_to_its_exchanges(void **state)
{
  h1_scene s;
  (void)state;
  h1_scene_begin(&s);
  fake_exchange *e = h1_scene_get(&s);
  assert_int_equal(ah_exchange_conn_id(&e->exchange), 1);
  h1_scene_feed(&s, OK_HELLO);
  h1_scene_turn(&s);
  h1_scene_end(&s);
  assert_int_equal(ah_exchange_conn_id(&e->exchange), 1);
  assert_string_equal(ah_exchange_peer(&e->exchange)->remote_address, "");
  fake_exchange_free(e);
}

static void conn_serves_one_request_after_the_other(void **state)
{
  h1_scene s;
  (void)state;
  h1_scene_begin(&s);
  for (unsigned i = 0; i < 3; i++) {
    fake_exchange *e = h1_scene_get(&s);
    assert_int_equal(e->exchange.facts.conn_reused, i > 0);
    h1_scene_feed(&s, OK_HELLO);
    h1_scene_turn(&s);
    h1_check_log(e, "200 body done:OK");
    assert_int_equal(s.owner.slots_told, i + 1);
    fake_exchange_free(e);
  }
  assert_string_equal(s.stream->sent.data,
                      H1_SCENE_GET H1_SCENE_GET H1_SCENE_GET);
  assert_int_equal(s.owner.conn->served, 3);
  h1_check_idle(&s);
  h1_scene_end(&s);
}

static void start_other(fake_owner *owner)
{
  h1_scene *s = AH_CONTAINER(owner, h1_scene, owner);
  owner->on_slots = NULL;
  fake_exchange_start(owner->user_data, &s->transport);
}

static void conn_takes_the_next_request_within_the_same_turn(void **state)
{
  h1_scene s;
  (void)state;
  h1_scene_begin(&s);
  fake_exchange *first = h1_scene_get(&s);
  fake_exchange *second = fake_exchange_new(s.loop, "GET", H1_SCENE_URL);
  s.owner.on_slots = start_other;
  s.owner.user_data = second;
  h1_scene_feed(&s, OK_HELLO);
  assert_int_equal(s.owner.conn->active, 1);
  h1_scene_turn(&s);
  h1_check_log(first, "200 body done:OK");
  assert_string_equal(s.stream->sent.data, H1_SCENE_GET H1_SCENE_GET);
  h1_scene_feed(&s, OK_HELLO);
  h1_scene_turn(&s);
  h1_check_log(second, "200 body done:OK");
  fake_exchange_free(first);
  fake_exchange_free(second);
  h1_scene_end(&s);
}

static void conn_gives_every_event_in_order(void **state)
{
  static const char input[] =
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n"
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5\r\nhello\r\n6\r\n world\r\n0\r\nA: b\r\n\r\n";
  (void)state;
  for (size_t cut = 1; cut < sizeof(input); cut++) {
    h1_scene s;
    h1_scene_begin(&s);
    fake_exchange *e = h1_scene_get(&s);
    fake_stream_feed(s.stream, input, cut);
    fake_stream_feed_slices(s.stream, input + cut, sizeof(input) - 1 - cut,
                            cut == 1 ? 1 : sizeof(input));
    h1_scene_turn(&s);
    h1_check_log(e, "100 103 200 body trailers done:OK");
    assert_string_equal(e->body.data, "hello world");
    assert_int_equal(e->exchange.trailers.count, 1);
    h1_check_idle(&s);
    fake_exchange_free(e);
    h1_scene_end(&s);
  }
}

static void conn_gives_content_out_as_it_comes(void **state)
{
  h1_scene s;
  (void)state;
  h1_scene_begin(&s);
  fake_exchange *e = h1_scene_get(&s);
  h1_scene_feed(&s, OK_HEAD "Content-Length: 6\r\n\r\nabc");
  h1_scene_feed(&s, "def");
  h1_scene_turn(&s);
  assert_int_equal(e->body_slices, 2);
  assert_string_equal(e->body.data, "abcdef");
  fake_exchange_free(e);
  h1_scene_end(&s);
}

/* --- When the connection may not go on. ---------------------------------- */

/* Wherever the bytes are cut: what came after the head is not lost. */
static void conn_hands_over_after_a_switch(void **state)
{
  (void)state;
  static const char input[] = "HTTP/1.1 101 S\r\nUpgrade: x\r\n\r\nearly";
  size_t len = sizeof(input) - 1;
  for (size_t split = 0; split <= len; split++) {
    h1_scene s;
    h1_scene_begin(&s);
    fake_exchange *e = h1_scene_start(&s, "GET");
    fake_exchange_add_field(e, "Upgrade", "x");
    e->takes_stream = true;
    h1_scene_turn(&s);
    fake_stream_feed(s.stream, input, split);
    fake_stream_feed(s.stream, input + split, len - split);
    h1_scene_turn(&s);
    h1_check_log(e, "101 switch done:OK");
    ah_buf *early = &e->handover.early;
    size_t early_len = ah_buf_len(early);
    assert_int_equal(early_len + s.stream->waiting.len, 5);
    assert_true(early_len == 0 ||
                memcmp(ah_buf_bytes(early), "early", early_len) == 0);
    assert_memory_equal(s.stream->waiting.data, &"early"[early_len],
                        5 - early_len);
    assert_non_null(s.owner.conn); /* it counts until it is released */
    ah_buf_clear(early);
    ah_connection *conn = e->handover.conn;
    e->handover.stream->ops->close(e->handover.stream);
    conn->ops->release(conn);
    h1_check_closed(&s);
    fake_exchange_free(e);
    h1_scene_end(&s);
  }
}

static void conn_closes_after_a_response_that_ends_it(void **state)
{
  static const struct {
    const char *method;
    const char *input;
    const char *log;
  } rows[] = {
      {"GET", OK_HEAD "Connection: close\r\nContent-Length: 2\r\n\r\nok",
       "200 body done:OK"},
      {"GET", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
       "200 body done:OK"},
      {"GET",
       OK_HEAD "Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n"
               "2\r\nok\r\n0\r\n\r\n",
       "200 body done:OK"},
      /* More than the response: it belongs to nobody. */
      {"GET", OK_HELLO "H", "200 body done:OK"},
      {"GET", OK_HELLO OK_HELLO, "200 body done:OK"},
      {"GET", "HTTP/1.1 204 N\r\n\r\n\r\n", "204 done:OK"},
      {"HEAD", OK_HELLO, "200 done:OK"},
      {"CONNECT", OK_HEAD "\r\n", "200 done:OK"},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(rows); i++) {
    h1_scene s;
    h1_scene_begin(&s);
    fake_exchange *e = h1_scene_start(&s, rows[i].method);
    h1_scene_turn(&s);
    h1_scene_feed(&s, rows[i].input);
    h1_check_closed(&s);
    assert_int_equal(s.owner.slots_told, 0);
    h1_scene_turn(&s);
    h1_check_log(e, rows[i].log);
    fake_exchange_free(e);
    h1_scene_end(&s);
  }
}

static void conn_ends_a_response_with_the_connection(void **state)
{
  (void)state;
  for (int clean = 0; clean <= 1; clean++) {
    h1_scene s;
    h1_scene_begin(&s);
    fake_exchange *e = h1_scene_get(&s);
    h1_scene_feed(&s, OK_HEAD "\r\nhel");
    h1_scene_feed(&s, "lo");
    fake_stream_feed_end(s.stream, clean);
    h1_check_closed(&s);
    h1_scene_turn(&s);
    h1_check_log(e, clean ? "200 body done:OK" : "200 body done:ETRUNCATED");
    assert_string_equal(e->body.data, "hello");
    fake_exchange_free(e);
    h1_scene_end(&s);
  }
}

static void conn_dies_of_anything_that_happens_while_it_is_idle(void **state)
{
  (void)state;
  for (int served = 0; served <= 1; served++) {
    for (int what = 0; what < 3; what++) {
      h1_scene s;
      h1_scene_begin(&s);
      if (served) {
        fake_exchange *e = h1_scene_get(&s);
        h1_scene_feed(&s, OK_HELLO);
        h1_scene_turn(&s);
        fake_exchange_free(e);
      }
      if (what == 0) {
        h1_scene_feed(&s, OK_HELLO);
      } else if (what == 1) {
        fake_stream_feed_end(s.stream, true);
      } else {
        fake_stream_break(s.stream, AHTTP_EREAD);
      }
      h1_check_closed(&s);
      h1_scene_end(&s);
    }
  }
}

static void conn_never_takes_early_bytes_for_the_response(void **state)
{
  h1_scene s;
  (void)state;
  h1_scene_begin(&s);
  fake_exchange *e = h1_scene_start(&s, "POST");
  h1_scene_feed(&s, OK_HELLO); /* it is attached, not written */
  h1_check_closed(&s);
  assert_int_equal(s.transport.retries, 1);
  assert_int_equal(s.transport.retry_code, AHTTP_EPROTO);
  assert_false(e->exchange.facts.written);
  assert_false(e->exchange.facts.response_started);
  h1_scene_turn(&s);
  h1_check_log(e, "done:EPROTO");
  assert_int_equal(s.stream->sent.len, 0);
  fake_exchange_free(e);
  h1_scene_end(&s);
}

/* --- Failures. ------------------------------------------------------------ */

static void conn_offers_a_lost_request_for_retry(void **state)
{
  static const struct {
    bool sent;
    int broken; /* 0: the peer closes */
    int code;
  } rows[] = {
      {false, 0, AHTTP_EDISCONNECTED},    {true, 0, AHTTP_EDISCONNECTED},
      {false, AHTTP_EREAD, AHTTP_EREAD},  {true, AHTTP_EREAD, AHTTP_EREAD},
      {true, AHTTP_EWRITE, AHTTP_EWRITE},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(rows); i++) {
    h1_scene s;
    h1_scene_begin(&s);
    s.transport.takes_back = true;
    fake_exchange *e = h1_scene_start(&s, "GET");
    if (rows[i].sent) {
      h1_scene_turn(&s);
    }
    if (rows[i].broken == 0) {
      fake_stream_feed_end(s.stream, true);
    } else {
      fake_stream_break(s.stream, rows[i].broken);
    }
    h1_check_closed(&s);
    assert_int_equal(s.transport.retries, 1);
    assert_int_equal(s.transport.retry_code, rows[i].code);
    assert_false(s.transport.retry_refused);
    assert_int_equal(e->exchange.facts.written, rows[i].sent);
    h1_scene_turn(&s);
    h1_check_log(e, "");
    assert_false(e->exchange.ended);
    fake_exchange_cancel(e);
    h1_scene_turn(&s);
    assert_int_equal(s.transport.forgets, 1);
    h1_check_log(e, "done:ECANCELED");
    fake_exchange_free(e);
    h1_scene_end(&s);
  }
}

static void conn_survives_the_servers_death_at_every_byte(void **state)
{
  static const char *const inputs[] = {
      OK_HELLO,
      "HTTP/1.1 100 Continue\r\n\r\n" OK_HEAD
      "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nA: b\r\n\r\n",
  };
  (void)state;
  for (size_t i = 0; i < COUNT(inputs); i++) {
    for (size_t len = 0; len < strlen(inputs[i]); len++) {
      for (int broken = 0; broken <= 1; broken++) {
        h1_scene s;
        h1_scene_begin(&s);
        fake_exchange *e = h1_scene_get(&s);
        fake_stream_feed(s.stream, inputs[i], len);
        if (broken) {
          fake_stream_break(s.stream, AHTTP_EREAD);
        } else {
          fake_stream_feed_end(s.stream, true);
        }
        h1_check_closed(&s);
        h1_scene_turn(&s);
        assert_int_equal(e->dones, 1);
        int want = len == 0 ? AHTTP_EDISCONNECTED : AHTTP_ETRUNCATED;
        assert_int_equal(e->exchange.error.code, broken ? AHTTP_EREAD : want);
        assert_int_equal(e->exchange.facts.response_started, len > 0);
        fake_exchange_free(e);
        h1_scene_end(&s);
      }
    }
  }
}

static void conn_fails_on_a_bad_response(void **state)
{
  static const struct {
    const char *input;
    const char *log;
  } rows[] = {
      {"SSH-2.0\r\n", "done:EPROTO"},
      {OK_HEAD "a b\r\n\r\n", "done:EPROTO"},
      {"HTTP/1.1 101 S\r\n\r\n", "done:EPROTO"},
      {OK_HEAD "Transfer-Encoding: chunked\r\n\r\n1\r\nxy",
       "200 body done:EPROTO"},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(rows); i++) {
    h1_scene s;
    h1_scene_begin(&s);
    fake_exchange *e = h1_scene_get(&s);
    h1_scene_feed(&s, rows[i].input);
    h1_check_closed(&s);
    h1_scene_turn(&s);
    h1_check_log(e, rows[i].log);
    assert_true(strlen(e->exchange.error.text) > 0);
    fake_exchange_free(e);
    h1_scene_end(&s);
  }
}

static void conn_goes_on_after_a_request_it_cannot_write(void **state)
{
  h1_scene s;
  (void)state;
  h1_scene_begin(&s);
  fake_exchange *e = fake_exchange_new(s.loop, "GET", H1_SCENE_URL);
  assert_int_equal(ah_fields_add_view(&e->fields, AH_STR("A"),
                                      AH_STR("b\r\nC: d"), AH_FIELD_UNKNOWN),
                   AHTTP_OK);
  fake_exchange_start(e, &s.transport);
  h1_scene_turn(&s);
  h1_check_log(e, "done:EFIELD");
  assert_int_equal(s.transport.retries, 0);
  assert_int_equal(s.owner.slots_told, 1);
  assert_int_equal(s.stream->sent.len, 0);
  h1_check_idle(&s);
  fake_exchange_free(e);
  e = h1_scene_get(&s);
  h1_scene_feed(&s, OK_HELLO);
  h1_scene_turn(&s);
  h1_check_log(e, "200 body done:OK");
  fake_exchange_free(e);
  h1_scene_end(&s);
}

static void conn_fails_its_exchange_when_its_owner_closes_it(void **state)
{
  (void)state;
  for (int sent = 0; sent <= 1; sent++) {
    h1_scene s;
    ahttp_error err;
    h1_scene_begin(&s);
    fake_exchange *e = h1_scene_start(&s, "GET");
    if (sent) {
      h1_scene_turn(&s);
    }
    ah_error_plain(&err, AHTTP_ECLOSED, AHTTP_PHASE_NONE);
    s.owner.conn->ops->close(s.owner.conn, &err);
    h1_check_closed(&s);
    h1_scene_turn(&s);
    h1_check_log(e, "done:ECLOSED");
    fake_exchange_free(e);
    h1_scene_end(&s);
  }
}

static void conn_is_free_again_when_nothing_was_written(void **state)
{
  h1_scene s;
  (void)state;
  h1_scene_begin(&s);
  fake_exchange *e = h1_scene_start(&s, "GET");
  fake_exchange_cancel(e);
  assert_int_equal(s.owner.slots_told, 0); /* from the loop */
  h1_scene_turn(&s);
  h1_check_log(e, "done:ECANCELED");
  assert_int_equal(s.owner.slots_told, 1);
  assert_int_equal(s.stream->operations, 0);
  h1_check_idle(&s);
  fake_exchange_free(e);
  e = h1_scene_get(&s);
  h1_scene_feed(&s, OK_HELLO);
  h1_scene_turn(&s);
  h1_check_log(e, "200 body done:OK");
  fake_exchange_free(e);
  h1_scene_end(&s);
}

/* --- Memory. ------------------------------------------------------------- */

/* Everything that allocates: a large head, a line in pieces, a pause. */
static int talk(h1_scene *s, fake_exchange *e)
{
  ah_connection *conn;
  if (ah_h1_connection_new(&conn, s->stream->stream) != AHTTP_OK) {
    assert_true(s->stream->closed);
    s->owner.closed_told = 1;
    return AHTTP_ENOMEM;
  }
  fake_owner_adopt(&s->owner, conn);
  fake_transport_init(&s->transport, conn);
  s->stream->cap_max = 10;
  fake_exchange_start(e, &s->transport);
  h1_scene_turn(s);
  h1_scene_feed(s, "HTTP/1.1 ");
  h1_scene_feed(s, "200 OK\r\nA: b\r\n c\r\nContent-Length: 5\r\n\r\nhe");
  ah_exchange_pause(&e->exchange);
  h1_scene_feed(s, "ll");
  ah_exchange_resume(&e->exchange);
  h1_scene_turn(s);
  h1_scene_turn(s);
  h1_scene_feed(s, "o");
  h1_scene_turn(s);
  assert_int_equal(e->dones, 1);
  return e->exchange.error.code;
}

static void conn_survives_every_failed_allocation(void **state)
{
  int rv = AHTTP_ENOMEM;
  (void)state;
  for (int nth = 1; rv != AHTTP_OK; nth++) {
    h1_scene s = {.loop = NULL};
    test_alloc_install();
    s.loop = fake_loop_new();
    s.stream = fake_stream_new(s.loop);
    fake_exchange *e = fake_exchange_new(s.loop, "GET", H1_SCENE_URL);
    test_alloc_fail_nth(nth);
    rv = talk(&s, e);
    assert_true(rv == AHTTP_ENOMEM ||
                (rv == AHTTP_OK && test_alloc_count() < nth));
    test_alloc_fail_nth(0);
    assert_int_equal(s.transport.retries, 0);
    fake_exchange_free(e);
    h1_scene_end(&s);
    test_alloc_remove();
    assert_true(nth < 100);
  }
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(conn_writes_the_request_at_the_end_of_the_turn),
      cmocka_unit_test(conn_leaves_what_is_known_of_it_to_its_exchanges),
      cmocka_unit_test(conn_serves_one_request_after_the_other),
      cmocka_unit_test(conn_takes_the_next_request_within_the_same_turn),
      cmocka_unit_test(conn_gives_every_event_in_order),
      cmocka_unit_test(conn_gives_content_out_as_it_comes),
      cmocka_unit_test(conn_hands_over_after_a_switch),
      cmocka_unit_test(conn_closes_after_a_response_that_ends_it),
      cmocka_unit_test(conn_ends_a_response_with_the_connection),
      cmocka_unit_test(conn_dies_of_anything_that_happens_while_it_is_idle),
      cmocka_unit_test(conn_never_takes_early_bytes_for_the_response),
      cmocka_unit_test(conn_offers_a_lost_request_for_retry),
      cmocka_unit_test(conn_survives_the_servers_death_at_every_byte),
      cmocka_unit_test(conn_fails_on_a_bad_response),
      cmocka_unit_test(conn_goes_on_after_a_request_it_cannot_write),
      cmocka_unit_test(conn_fails_its_exchange_when_its_owner_closes_it),
      cmocka_unit_test(conn_is_free_again_when_nothing_was_written),
      cmocka_unit_test(conn_survives_every_failed_allocation),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
