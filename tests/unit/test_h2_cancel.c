/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "support/h2_wire.h"
#include "transport/h2_ping.h"

static h2_wire *wire_new(uint32_t streams_max)
{
  return h2_wire_new(h2_peer_new(streams_max, 0, true), 100);
}

/* One that has greeted. */
static h2_wire *wire_greeted(uint32_t streams_max)
{
  h2_wire *wire = wire_new(streams_max);
  h2_wire_pump(wire);
  return wire;
}

static void assert_unused(const h2_wire *wire, uint32_t slots)
{
  const ah_connection *conn = wire->owner.conn;
  assert_non_null(conn);
  assert_int_equal(conn->active, 0);
  assert_int_equal(conn->slots, slots);
}

/* Deadlines without time: they take the place of net/deadline.c, and the test
 * says which are over. */
static ah_list deadlines;

void ah_deadline_start(ah_loop *loop, ah_deadline *deadline,
                       uint32_t duration_ms)
{
  (void)loop;
  if (deadlines.next == NULL) {
    ah_list_init(&deadlines);
  }
  ah_list_remove(&deadline->node);
  if (duration_ms != UINT32_MAX) {
    deadline->duration_ms = duration_ms;
    ah_list_push_back(&deadlines, &deadline->node);
  }
}

void ah_deadline_touch(ah_loop *loop, ah_deadline *deadline)
{
  (void)loop;
  (void)deadline;
}

void ah_deadline_stop(ah_deadline *deadline)
{
  ah_list_remove(&deadline->node);
}

/* Lets the one armed deadline of |duration_ms| expire. */
static void expire(uint32_t duration_ms)
{
  AH_LIST_FOREACH (node, &deadlines) {
    ah_deadline *deadline = AH_CONTAINER(node, ah_deadline, node);
    if (deadline->duration_ms == duration_ms) {
      ah_list_remove(node);
      deadline->expired(deadline);
      return;
    }
  }
  fail_msg("no deadline of %u ms", (unsigned)duration_ms);
}

static void cancel_forgets_what_is_cancelled_before_it_is_sent(void **state)
{
  (void)state;
  h2_wire *wire = wire_greeted(0);
  fake_exchange *fake = h2_wire_start(wire, "GET");
  fake_exchange_cancel(fake);
  assert_unused(wire, 100);
  h2_wire_pump(wire);
  assert_string_equal(fake->log.data, "done:ECANCELED");
  assert_int_equal(wire->peer->stream_count, 0);
  assert_int_equal(wire->peer->pings, 0);
  fake_exchange_free(fake);
  h2_wire_free(wire);
}

static void cancel_resets_what_is_cancelled(void **state)
{
  (void)state;
  h2_wire *wire = wire_greeted(0);
  fake_exchange *fake = h2_wire_start(wire, "GET");
  h2_wire_turn(wire);
  fake_exchange_cancel(fake);
  assert_int_equal(wire->owner.conn->active, 0);
  assert_int_equal(wire->owner.conn->slots, 99); /* until the PONG */
  unsigned flushes = wire->stream->flushes;
  h2_wire_turn(wire);
  assert_int_equal(wire->stream->flushes, flushes + 1); /* with its PING */
  assert_true(h2_peer_request(wire->peer, 0)->is_reset);
  assert_int_equal(h2_peer_request(wire->peer, 0)->reset_code, NGHTTP2_CANCEL);
  assert_int_equal(wire->peer->pings, 1);
  assert_int_equal(wire->owner.conn->slots, 99);
  h2_wire_pump(wire);
  assert_unused(wire, 100);
  assert_string_equal(fake->log.data, "done:ECANCELED");
  fake_exchange_free(fake);
  h2_wire_free(wire);
}

static void cancel_sends_one_ping_for_many_resets(void **state)
{
  (void)state;
  fake_exchange *fakes[10];
  h2_wire *wire = wire_greeted(0);
  for (size_t i = 0; i < 10; i++) {
    fakes[i] = h2_wire_start(wire, "GET");
  }
  h2_wire_turn(wire);
  for (size_t i = 0; i < 5; i++) {
    fake_exchange_cancel(fakes[i]);
  }
  h2_wire_turn(wire);
  assert_int_equal(wire->peer->pings, 1);
  for (size_t i = 5; i < 10; i++) {
    fake_exchange_cancel(fakes[i]);
  }
  h2_wire_turn(wire);
  assert_int_equal(wire->peer->pings, 1); /* one at a time */
  assert_int_equal(wire->owner.conn->slots, 90);
  h2_peer_say(wire->peer);
  fake_stream_feed(wire->stream, wire->peer->out.data, wire->peer->out.len);
  fake_bytes_drop(&wire->peer->out, wire->peer->out.len);
  assert_int_equal(wire->owner.conn->slots, 95);
  h2_wire_pump(wire);
  assert_int_equal(wire->peer->pings, 2);
  assert_unused(wire, 100);
  for (size_t i = 0; i < 10; i++) {
    fake_exchange_free(fakes[i]);
  }
  h2_wire_free(wire);
}

static void cancel_gives_slots_back_when_the_pong_is_late(void **state)
{
  (void)state;
  h2_wire *wire = wire_greeted(0);
  fake_exchange *fake = h2_wire_start(wire, "GET");
  h2_wire_turn(wire);
  wire->peer->is_mute = true;
  fake_exchange_cancel(fake);
  h2_wire_pump(wire);
  assert_int_equal(wire->owner.conn->slots, 99);
  unsigned told = wire->owner.slots_told;
  expire(AH_H2_PING_MS);
  h2_wire_turn(wire);
  assert_int_equal(wire->owner.slots_told, told + 1);
  assert_unused(wire, 100); /* nobody said that the server is dead */
  fake_exchange_free(fake);
  h2_wire_free(wire);
}

static fake_exchange *start_with_read_timeout(h2_wire *wire, uint32_t read_ms)
{
  fake_exchange *fake =
      fake_exchange_new(wire->loop, "GET", "http://example.org/");
  fake->exchange.timeouts.read_ms = read_ms;
  fake_exchange_start(fake, &wire->transport);
  return fake;
}

static void cancel_dies_when_a_probe_gets_no_answer(void **state)
{
  (void)state;
  h2_wire *wire = wire_greeted(0);
  fake_exchange *fake = start_with_read_timeout(wire, 1000);
  fake_exchange *other = h2_wire_start(wire, "GET");
  h2_wire_turn(wire);
  wire->peer->is_mute = true;
  expire(1000);
  h2_wire_pump(wire);
  assert_string_equal(fake->log.data, "done:ETIMEOUT_READ");
  assert_int_equal(other->dones, 0);
  expire(AH_H2_PING_MS);
  assert_int_equal(wire->owner.closed_told, 1);
  h2_wire_turn(wire);
  assert_string_equal(other->log.data, "done:EREAD");
  assert_non_null(strstr(other->exchange.error.text, "PING"));
  fake_exchange_free(fake);
  fake_exchange_free(other);
  h2_wire_free(wire);
}

static void cancel_lives_when_a_probe_is_answered(void **state)
{
  (void)state;
  h2_wire *wire = wire_greeted(0);
  fake_exchange *fake = start_with_read_timeout(wire, 1000);
  fake_exchange *other = h2_wire_start(wire, "GET");
  h2_wire_turn(wire);
  expire(1000);
  h2_wire_turn(wire);
  assert_int_equal(wire->owner.conn->slots, 0);
  assert_true(wire->owner.conn->in_doubt);
  unsigned told = wire->owner.slots_told;
  h2_wire_pump(wire);
  assert_int_equal(wire->peer->pings, 1);
  assert_int_equal(wire->owner.conn->slots, 99);
  assert_false(wire->owner.conn->in_doubt);
  assert_true(wire->owner.slots_told > told);
  h2_peer_respond(wire->peer, h2_peer_request(wire->peer, 1), 10);
  h2_wire_pump(wire);
  assert_string_equal(other->log.data, "200 body done:OK");
  fake_exchange_free(fake);
  fake_exchange_free(other);
  h2_wire_free(wire);
}

static void cancel_lives_when_other_bytes_come_instead(void **state)
{
  (void)state;
  h2_wire *wire = wire_greeted(0);
  fake_exchange *fake = start_with_read_timeout(wire, 1000);
  h2_wire_turn(wire);
  wire->peer->is_mute = true;
  expire(1000);
  h2_wire_pump(wire);
  fake_bytes bytes = {.data = NULL};
  h2_peer_frame(&bytes, NGHTTP2_WINDOW_UPDATE, 0, 0, "\0\0\0\1", 4);
  assert_int_equal(wire->owner.conn->slots, 0);
  unsigned told = wire->owner.slots_told;
  fake_stream_feed(wire->stream, bytes.data, bytes.len);
  fake_bytes_clear(&bytes);
  assert_int_equal(wire->owner.conn->slots, 99); /* the reset may be unread */
  h2_wire_turn(wire);
  assert_true(wire->owner.slots_told > told);
  expire(AH_H2_PING_MS);
  h2_wire_turn(wire);
  assert_unused(wire, 100);
  fake_exchange_free(fake);
  h2_wire_free(wire);
}

/* What was started just before the doubt began is not sent after it. */
static void cancel_gives_back_what_was_started_when_doubt_begins(void **state)
{
  (void)state;
  h2_wire *wire = wire_greeted(0);
  fake_exchange *fake = start_with_read_timeout(wire, 1000);
  h2_wire_turn(wire);
  fake_exchange *late = h2_wire_start(wire, "POST");
  expire(1000);
  h2_wire_turn(wire);
  assert_int_equal(wire->peer->stream_count, 1);
  assert_int_equal(wire->transport.retries, 1);
  assert_true(wire->transport.retry_refused);
  assert_int_equal(wire->transport.retry_code, AHTTP_EGOAWAY);
  h2_wire_pump(wire);
  assert_string_equal(late->log.data, "done:EGOAWAY");
  assert_unused(wire, 100);
  fake_exchange_free(fake);
  fake_exchange_free(late);
  h2_wire_free(wire);
}

static void cancel_at(fake_exchange *fake, fake_event event)
{
  const fake_event *wanted = fake->user_data;
  if (event == *wanted) {
    fake_exchange_cancel(fake);
  }
}

static void cancel_may_be_cancelled_within_every_event(void **state)
{
  (void)state;
  static const struct {
    fake_event event;
    const char *log;
  } rows[] = {
      {FAKE_INFORMATIONAL, "103 done:ECANCELED"},
      {FAKE_HEAD, "103 200 done:ECANCELED"},
      {FAKE_BODY, "103 200 body done:ECANCELED"},
      {FAKE_TRAILERS, "103 200 body trailers done:ECANCELED"},
      {FAKE_DONE, "103 200 body trailers done:OK"},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    h2_wire *wire = wire_greeted(0);
    fake_event event = rows[i].event;
    fake_exchange *fake = h2_wire_start(wire, "GET");
    fake_exchange *other = h2_wire_start(wire, "GET");
    fake->on_event = cancel_at;
    fake->user_data = &event;
    h2_wire_turn(wire);
    h2_peer_stream *stream = h2_peer_request(wire->peer, 0);
    h2_peer_send_head(wire->peer, stream, 103, NULL, false);
    h2_peer_send_head(wire->peer, stream, 200, NULL, false);
    h2_peer_send_body_and_trailers(stream, 100);
    h2_peer_respond(wire->peer, h2_peer_request(wire->peer, 1), 100);
    h2_wire_pump(wire);
    assert_string_equal(fake->log.data, rows[i].log);
    assert_string_equal(other->log.data, "200 body done:OK");
    assert_unused(wire, 100);
    fake_exchange_free(fake);
    fake_exchange_free(other);
    h2_wire_free(wire);
  }
}

static void cancel_may_be_cancelled_while_it_holds_content(void **state)
{
  (void)state;
  for (int resumed = 0; resumed < 2; resumed++) {
    h2_wire *wire = wire_greeted(0);
    fake_exchange *fake = h2_wire_start(wire, "GET");
    ah_exchange_pause(&fake->exchange);
    h2_wire_turn(wire);
    h2_peer_respond(wire->peer, h2_peer_request(wire->peer, 0), 100000);
    h2_wire_pump(wire);
    assert_string_equal(fake->log.data, "200");
    if (resumed) {
      ah_exchange_resume(&fake->exchange);
    }
    fake_exchange_cancel(fake);
    h2_wire_pump(wire);
    assert_string_equal(fake->log.data, "200 done:ECANCELED");
    assert_unused(wire, 100);
    fake_exchange_free(fake);
    h2_wire_free(wire);
  }
}

static void
cancel_may_be_cancelled_while_frames_wait_for_the_kernel(void **state)
{
  (void)state;
  h2_wire *wire = wire_greeted(0);
  wire->stream->room = 0;
  fake_exchange *fake = h2_wire_start(wire, "GET");
  fake_exchange *other = h2_wire_start(wire, "GET");
  h2_wire_turn(wire);
  fake_exchange_cancel(fake);
  h2_wire_turn(wire);
  wire->stream->room = SIZE_MAX;
  (void)fake_stream_drain(wire->stream, SIZE_MAX);
  h2_wire_pump(wire);
  assert_string_equal(fake->log.data, "done:ECANCELED");
  assert_int_equal(other->dones, 0);
  assert_true(h2_peer_request(wire->peer, 0)->is_reset);
  h2_peer_respond(wire->peer, h2_peer_request(wire->peer, 1), 10);
  h2_wire_pump(wire);
  assert_string_equal(other->log.data, "200 body done:OK");
  fake_exchange_free(fake);
  fake_exchange_free(other);
  h2_wire_free(wire);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(cancel_forgets_what_is_cancelled_before_it_is_sent),
      cmocka_unit_test(cancel_resets_what_is_cancelled),
      cmocka_unit_test(cancel_sends_one_ping_for_many_resets),
      cmocka_unit_test(cancel_gives_slots_back_when_the_pong_is_late),
      cmocka_unit_test(cancel_dies_when_a_probe_gets_no_answer),
      cmocka_unit_test(cancel_lives_when_a_probe_is_answered),
      cmocka_unit_test(cancel_lives_when_other_bytes_come_instead),
      cmocka_unit_test(cancel_gives_back_what_was_started_when_doubt_begins),
      cmocka_unit_test(cancel_may_be_cancelled_within_every_event),
      cmocka_unit_test(cancel_may_be_cancelled_while_it_holds_content),
      cmocka_unit_test(
          cancel_may_be_cancelled_while_frames_wait_for_the_kernel),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
