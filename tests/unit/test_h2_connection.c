/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "support/h2_client.h"
#include "support/h2_wire.h"
#include "support/test_alloc.h"

enum {
  KIB = 1024,
  MIB = 1024 * 1024
};

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

static void assert_body_is(const fake_exchange *fake, size_t len)
{
  assert_int_equal(fake->body.len, len);
  for (size_t i = 0; i < len; i++) {
    if ((uint8_t)fake->body.data[i] != h2_peer_byte(i)) {
      fail_msg("wrong byte at %zu", i);
    }
  }
}

static void conn_sends_the_first_turn_in_one_write(void **state)
{
  (void)state;
  fake_exchange *fakes[100];
  h2_wire *wire = wire_new(0);
  assert_int_equal(wire->owner.conn->slots, 100);
  for (size_t i = 0; i < 100; i++) {
    fakes[i] = h2_wire_start(wire, "GET");
  }
  assert_int_equal(wire->owner.conn->slots, 0);
  assert_int_equal(wire->owner.conn->active, 100);
  assert_int_equal(wire->stream->flushes, 0); /* nothing from within start() */
  h2_wire_turn(wire);
  assert_int_equal(wire->stream->flushes, 1);
  assert_int_equal(wire->peer->stream_count, 100);
  for (size_t i = 0; i < 100; i++) {
    h2_peer_respond(wire->peer, h2_peer_request(wire->peer, i), i * 97);
  }
  h2_wire_pump(wire);
  for (size_t i = 0; i < 100; i++) {
    assert_string_equal(fakes[i]->log.data,
                        i == 0 ? "200 done:OK" : "200 body done:OK");
    assert_body_is(fakes[i], i * 97);
    fake_exchange_free(fakes[i]);
  }
  assert_unused(wire, 100);
  assert_true(wire->owner.slots_told > 0);
  assert_int_equal(wire->owner.conn->served, 100);
  h2_wire_free(wire);
}

static void conn_tells_slots_once_for_a_whole_read(void **state)
{
  (void)state;
  fake_exchange *fakes[20];
  h2_wire *wire = wire_greeted(0);
  for (size_t i = 0; i < 20; i++) {
    fakes[i] = h2_wire_start(wire, "GET");
  }
  h2_wire_turn(wire);
  for (size_t i = 0; i < 20; i++) {
    h2_peer_respond(wire->peer, h2_peer_request(wire->peer, i), 10);
  }
  unsigned before = wire->owner.slots_told;
  h2_wire_pump(wire);
  assert_int_equal(wire->owner.slots_told, before + 1);
  for (size_t i = 0; i < 20; i++) {
    fake_exchange_free(fakes[i]);
  }
  h2_wire_free(wire);
}

static void conn_takes_the_smaller_limit(void **state)
{
  (void)state;
  h2_wire *wire = wire_new(7);
  assert_int_equal(wire->owner.conn->slots, 100);
  h2_wire_pump(wire);
  assert_int_equal(wire->owner.conn->slots, 7);
  assert_true(wire->owner.slots_told > 0);
  h2_peer_limit(wire->peer, 5000);
  h2_wire_pump(wire);
  assert_int_equal(wire->owner.conn->slots, 100);
  h2_peer_limit(wire->peer, 0);
  h2_wire_pump(wire);
  assert_int_equal(wire->owner.conn->slots, 0);
  h2_wire_free(wire);
}

static void conn_gives_back_what_a_lower_limit_forbids(void **state)
{
  (void)state;
  h2_wire *wire = wire_greeted(3);
  fake_exchange *fakes[3];
  wire->transport.takes_back = false;
  for (size_t i = 0; i < 3; i++) {
    fakes[i] = h2_wire_start(wire, "GET");
  }
  h2_peer_limit(wire->peer, 1);
  h2_peer_say(wire->peer);
  fake_stream_feed(wire->stream, wire->peer->out.data, wire->peer->out.len);
  fake_bytes_drop(&wire->peer->out, wire->peer->out.len);
  h2_wire_turn(wire);
  assert_int_equal(wire->peer->stream_count, 1);
  assert_int_equal(wire->transport.retries, 2);
  assert_true(wire->transport.retry_refused);
  assert_false(fakes[2]->exchange.facts.written);
  h2_peer_respond(wire->peer, h2_peer_request(wire->peer, 0), 0);
  h2_wire_pump(wire);
  assert_string_equal(fakes[0]->log.data, "200 done:OK");
  assert_string_equal(fakes[1]->log.data, "done:EGOAWAY");
  assert_unused(wire, 1);
  for (size_t i = 0; i < 3; i++) {
    fake_exchange_free(fakes[i]);
  }
  h2_wire_free(wire);
}

static void conn_fills_in_what_is_asked_about_an_exchange(void **state)
{
  (void)state;
  h2_wire *wire = wire_greeted(0);
  fake_exchange *first = h2_wire_start(wire, "GET");
  fake_exchange *second = h2_wire_start(wire, "GET");
  h2_wire_turn(wire);
  assert_int_equal(first->exchange.stream_id, 1);
  assert_int_equal(second->exchange.stream_id, 3);
  assert_true(first->exchange.facts.written);
  assert_false(first->exchange.facts.conn_reused);
  assert_false(second->exchange.facts.conn_reused); /* the first is not over */
  assert_int_not_equal(first->exchange.times.sent, 0);
  assert_true(first->exchange.bytes.out > 9);
  assert_false(first->exchange.facts.response_started);
  h2_peer_respond(wire->peer, h2_peer_request(wire->peer, 0), 500);
  h2_peer_respond(wire->peer, h2_peer_request(wire->peer, 1), 500);
  h2_wire_pump(wire);
  assert_true(first->exchange.facts.response_started);
  assert_int_equal(first->exchange.bytes.body, 500);
  assert_true(first->exchange.bytes.head > 9);
  assert_int_not_equal(first->exchange.times.head, 0);
  fake_exchange *third = h2_wire_start(wire, "GET");
  assert_true(third->exchange.facts.conn_reused);
  h2_wire_turn(wire);
  h2_peer_respond(wire->peer, h2_peer_request(wire->peer, 2), 0);
  h2_wire_pump(wire);
  fake_exchange_free(first);
  fake_exchange_free(second);
  fake_exchange_free(third);
  h2_wire_free(wire);
}

static void conn_tells_interim_responses_and_trailers(void **state)
{
  (void)state;
  h2_wire *wire = wire_greeted(0);
  fake_exchange *fake = h2_wire_start(wire, "GET");
  h2_wire_turn(wire);
  h2_peer_stream *stream = h2_peer_request(wire->peer, 0);
  h2_peer_send_head(wire->peer, stream, 103, NULL, false);
  h2_peer_send_head(wire->peer, stream, 200, NULL, false);
  h2_peer_send_body_and_trailers(stream, 10);
  h2_wire_pump(wire);
  assert_string_equal(fake->log.data, "103 200 body trailers done:OK");
  fake_exchange_free(fake);
  h2_wire_free(wire);
}

static void conn_takes_101_for_an_error(void **state)
{
  (void)state;
  h2_wire *wire = wire_greeted(0);
  fake_exchange *fake = h2_wire_start(wire, "GET");
  h2_wire_turn(wire);
  fake_bytes bytes = {.data = NULL};
  h2_peer_frame(&bytes, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1,
                "\x08\x03"
                "101",
                5);
  fake_stream_feed(wire->stream, bytes.data, bytes.len);
  h2_wire_turn(wire);
  assert_string_equal(fake->log.data, "done:EPROTO");
  assert_unused(wire, 100);
  fake_bytes_clear(&bytes);
  fake_exchange_free(fake);
  h2_wire_free(wire);
}

static void conn_knows_that_head_has_no_content(void **state)
{
  (void)state;
  h2_wire *wire = wire_greeted(0);
  fake_exchange *fake = h2_wire_start(wire, "HEAD");
  h2_wire_turn(wire);
  h2_peer_send_head(wire->peer, h2_peer_request(wire->peer, 0), 200,
                    "content-length: 100\n", true);
  h2_wire_pump(wire);
  assert_string_equal(fake->log.data, "200 done:OK");
  fake_exchange_free(fake);
  h2_wire_free(wire);
}

static void conn_fails_refused_streams_as_refused(void **state)
{
  (void)state;
  h2_wire *wire = wire_greeted(0);
  fake_exchange *fake = h2_wire_start(wire, "POST");
  h2_wire_turn(wire);
  h2_peer_reset(wire->peer, h2_peer_request(wire->peer, 0),
                NGHTTP2_REFUSED_STREAM);
  h2_wire_pump(wire);
  assert_int_equal(wire->transport.retries, 1);
  assert_true(wire->transport.retry_refused);
  assert_int_equal(wire->transport.retry_code, AHTTP_ESTREAM);
  assert_string_equal(fake->log.data, "done:ESTREAM");
  assert_unused(wire, 100);
  fake_exchange_free(fake);
  h2_wire_free(wire);
}

static void conn_names_the_code_of_a_reset(void **state)
{
  (void)state;
  h2_wire *wire = wire_greeted(0);
  fake_exchange *fake = h2_wire_start(wire, "GET");
  h2_wire_turn(wire);
  h2_peer_stream *stream = h2_peer_request(wire->peer, 0);
  h2_peer_send_head(wire->peer, stream, 200, NULL, false);
  h2_peer_send_body(stream, 10, false);
  h2_wire_pump(wire);
  h2_peer_reset(wire->peer, stream, NGHTTP2_ENHANCE_YOUR_CALM);
  h2_wire_pump(wire);
  assert_string_equal(fake->log.data, "200 body done:ESTREAM");
  assert_non_null(strstr(fake->exchange.error.text, "ENHANCE_YOUR_CALM"));
  assert_int_equal(fake->exchange.error.phase, AHTTP_PHASE_RECEIVE);
  assert_false(wire->transport.retry_refused);
  fake_exchange_free(fake);
  h2_wire_free(wire);
}

static void conn_drains_after_goaway(void **state)
{
  (void)state;
  h2_wire *wire = wire_greeted(0);
  fake_exchange *first = h2_wire_start(wire, "GET");
  fake_exchange *second = h2_wire_start(wire, "GET");
  h2_wire_turn(wire);
  fake_exchange *third = h2_wire_start(wire, "GET"); /* not sent yet */
  h2_peer_goaway(wire->peer, 1, NGHTTP2_NO_ERROR);
  h2_peer_say(wire->peer);
  fake_stream_feed(wire->stream, wire->peer->out.data, wire->peer->out.len);
  fake_bytes_drop(&wire->peer->out, wire->peer->out.len);
  assert_int_equal(wire->owner.draining_told, 1);
  assert_int_equal(wire->owner.conn->slots, 0);
  assert_true(wire->owner.conn->draining);
  assert_int_equal(wire->owner.conn->active, 1);
  assert_int_equal(wire->transport.retries, 2);
  assert_true(wire->transport.retry_refused);
  h2_wire_turn(wire);
  assert_string_equal(second->log.data, "done:EGOAWAY");
  assert_string_equal(third->log.data, "done:EGOAWAY");
  assert_int_equal(wire->peer->stream_count, 2);
  h2_peer_respond(wire->peer, h2_peer_request(wire->peer, 0), 10);
  h2_wire_pump(wire);
  assert_string_equal(first->log.data, "200 body done:OK");
  assert_int_equal(wire->owner.closed_told, 1);
  assert_true(wire->stream->closed);
  fake_exchange_free(first);
  fake_exchange_free(second);
  fake_exchange_free(third);
  h2_wire_free(wire);
}

static void conn_only_takes_no_more_after_a_notice(void **state)
{
  (void)state;
  h2_wire *wire = wire_greeted(0);
  fake_exchange *fake = h2_wire_start(wire, "GET");
  h2_wire_turn(wire);
  assert_int_equal(nghttp2_submit_shutdown_notice(wire->peer->session), 0);
  h2_wire_pump(wire);
  assert_int_equal(wire->owner.draining_told, 1);
  assert_int_equal(fake->dones, 0);
  h2_peer_respond(wire->peer, h2_peer_request(wire->peer, 0), 10);
  h2_wire_pump(wire);
  assert_string_equal(fake->log.data, "200 body done:OK");
  assert_int_equal(wire->owner.closed_told, 1);
  fake_exchange_free(fake);
  h2_wire_free(wire);
}

static void conn_closes_when_idle_and_told_to_go(void **state)
{
  (void)state;
  h2_wire *wire = wire_greeted(0);
  h2_peer_goaway(wire->peer, 0, NGHTTP2_NO_ERROR);
  h2_wire_pump(wire);
  assert_int_equal(wire->owner.draining_told, 1);
  assert_int_equal(wire->owner.closed_told, 1);
  h2_wire_free(wire);
}

static void conn_answers_pings_while_idle(void **state)
{
  (void)state;
  h2_wire *wire = wire_greeted(0);
  assert_int_equal(nghttp2_submit_ping(wire->peer->session, 0, NULL), 0);
  h2_wire_pump(wire);
  assert_int_equal(wire->peer->pongs, 1);
  assert_unused(wire, 100);
  h2_wire_free(wire);
}

static void conn_retires_when_numbers_run_out(void **state)
{
  (void)state;
  h2_wire *wire = wire_greeted(0);
  h2_client_skip_to(0x7fffffff);
  fake_exchange *last = h2_wire_start(wire, "GET");
  fake_exchange *over = h2_wire_start(wire, "GET");
  h2_wire_turn(wire);
  assert_int_equal(last->exchange.stream_id, 0x7fffffff);
  assert_int_equal(wire->owner.draining_told, 1);
  assert_int_equal(wire->transport.retries, 1);
  assert_true(wire->transport.retry_refused);
  h2_peer_respond(wire->peer, h2_peer_request(wire->peer, 0), 10);
  h2_wire_pump(wire);
  assert_string_equal(last->log.data, "200 body done:OK");
  assert_string_equal(over->log.data, "done:EGOAWAY");
  assert_int_equal(wire->owner.closed_told, 1);
  fake_exchange_free(last);
  fake_exchange_free(over);
  h2_wire_free(wire);
}

static void conn_says_goodbye(void **state)
{
  (void)state;
  h2_wire *wire = wire_greeted(0);
  fake_exchange *sent = h2_wire_start(wire, "GET");
  h2_wire_turn(wire);
  fake_exchange *unsent = h2_wire_start(wire, "GET");
  h2_wire_close(wire);
  assert_int_equal(wire->owner.closed_told, 1);
  h2_wire_turn(wire);
  assert_int_equal(wire->peer->goaways, 1);
  assert_int_equal(wire->peer->goaway_code, NGHTTP2_NO_ERROR);
  assert_string_equal(sent->log.data, "done:ECLOSED");
  assert_string_equal(unsent->log.data, "done:ECLOSED");
  assert_true(sent->exchange.facts.written);
  assert_false(unsent->exchange.facts.written);
  fake_exchange_free(sent);
  fake_exchange_free(unsent);
  h2_wire_free(wire);
}

static void close_at(fake_exchange *fake, fake_event event)
{
  h2_wire *wire = fake->user_data;
  (void)event;
  h2_wire_close(wire);
}

static void conn_may_be_closed_within_an_event(void **state)
{
  (void)state;
  h2_wire *wire = wire_greeted(0);
  fake_exchange *fake = h2_wire_start(wire, "GET");
  fake_exchange *other = h2_wire_start(wire, "GET");
  fake->on_event = close_at;
  fake->user_data = wire;
  h2_wire_turn(wire);
  h2_peer_respond(wire->peer, h2_peer_request(wire->peer, 0), 100);
  h2_peer_respond(wire->peer, h2_peer_request(wire->peer, 1), 100);
  h2_wire_pump(wire);
  assert_string_equal(fake->log.data, "200 done:ECLOSED");
  assert_string_equal(other->log.data, "done:ECLOSED");
  fake_exchange_free(fake);
  fake_exchange_free(other);
  h2_wire_free(wire);
}

static void conn_tells_truncation_from_no_answer(void **state)
{
  (void)state;
  h2_wire *wire = wire_greeted(0);
  fake_exchange *late = h2_wire_start(wire, "GET");
  fake_exchange *early = h2_wire_start(wire, "GET");
  h2_wire_turn(wire);
  h2_peer_send_head(wire->peer, h2_peer_request(wire->peer, 0), 200,
                    "content-length: 100\n", false);
  h2_peer_send_body(h2_peer_request(wire->peer, 0), 50, false);
  h2_wire_pump(wire);
  fake_stream_feed_end(wire->stream, true);
  assert_int_equal(wire->owner.closed_told, 1);
  h2_wire_turn(wire);
  assert_string_equal(late->log.data, "200 body done:ETRUNCATED");
  assert_string_equal(early->log.data, "done:EDISCONNECTED");
  assert_int_equal(early->exchange.error.phase, AHTTP_PHASE_WAIT);
  fake_exchange_free(late);
  fake_exchange_free(early);
  h2_wire_free(wire);
}

static void conn_passes_on_why_the_stream_broke(void **state)
{
  (void)state;
  h2_wire *wire = wire_greeted(0);
  fake_exchange *fake = h2_wire_start(wire, "GET");
  h2_wire_turn(wire);
  fake_stream_break(wire->stream, AHTTP_EREAD);
  h2_wire_turn(wire);
  assert_string_equal(fake->log.data, "done:EREAD");
  assert_int_equal(wire->transport.retry_code, AHTTP_EREAD);
  fake_exchange_free(fake);
  h2_wire_free(wire);
}

static void conn_fails_all_over_a_violation(void **state)
{
  (void)state;
  h2_wire *wire = wire_greeted(0);
  fake_exchange *first = h2_wire_start(wire, "GET");
  fake_exchange *second = h2_wire_start(wire, "GET");
  h2_wire_turn(wire);
  fake_bytes bytes = {.data = NULL};
  h2_peer_frame(&bytes, NGHTTP2_DATA, 0, 0, "x", 1);
  fake_stream_feed(wire->stream, bytes.data, bytes.len);
  h2_wire_turn(wire);
  assert_string_equal(first->log.data, "done:EPROTO");
  assert_string_equal(second->log.data, "done:EPROTO");
  assert_non_null(strstr(first->exchange.error.text, "PROTOCOL_ERROR"));
  assert_int_equal(wire->owner.closed_told, 1);
  assert_int_equal(wire->peer->goaways, 1);
  assert_int_equal(wire->peer->goaway_code, NGHTTP2_PROTOCOL_ERROR);
  fake_bytes_clear(&bytes);
  fake_exchange_free(first);
  fake_exchange_free(second);
  h2_wire_free(wire);
}

static void start_next_at_done(fake_exchange *fake, fake_event event)
{
  if (event == FAKE_DONE) {
    h2_wire *wire = fake->user_data;
    fake_exchange *next =
        fake_exchange_new(wire->loop, "GET", "http://example.org/");
    next->user_data = NULL;
    fake->user_data = next;
    fake_exchange_start(next, &wire->transport);
  }
}

static void conn_takes_the_next_one_from_done(void **state)
{
  (void)state;
  h2_wire *wire = wire_greeted(1);
  fake_exchange *fake = h2_wire_start(wire, "GET");
  fake->on_event = start_next_at_done;
  fake->user_data = wire;
  h2_wire_turn(wire);
  h2_peer_respond(wire->peer, h2_peer_request(wire->peer, 0), 10);
  h2_wire_pump(wire);
  fake_exchange *next = fake->user_data;
  assert_int_equal(wire->peer->stream_count, 2);
  h2_peer_respond(wire->peer, h2_peer_request(wire->peer, 1), 10);
  h2_wire_pump(wire);
  assert_string_equal(next->log.data, "200 body done:OK");
  fake_exchange_free(fake);
  fake_exchange_free(next);
  h2_wire_free(wire);
}

/* A conversation of three exchanges: one with everything, an upload, and one
 * that pauses.  How it goes on is up to what breaks it. */
typedef struct scene {
  h2_wire *wire;
  fake_exchange *fakes[3];
} scene;

static fake_event scene_pause = FAKE_HEAD;

static void pause_once(fake_exchange *fake, fake_event event)
{
  const fake_event *wanted = fake->user_data;
  if (event == *wanted) {
    ah_exchange_pause(&fake->exchange);
    fake->on_event = NULL;
  }
}

static scene scene_new(void)
{
  static char content[20000];
  scene self = {.wire = wire_new(50)};
  h2_wire *wire = self.wire;
  ah_body *body;
  for (size_t i = 0; i < 3; i++) {
    self.fakes[i] = fake_exchange_new(wire->loop, i == 1 ? "PUT" : "GET",
                                      "http://example.org/");
  }
  assert_int_equal(ah_body_new_bytes(&body, content, sizeof(content)),
                   AHTTP_OK);
  fake_exchange_set_body(self.fakes[1], body);
  self.fakes[2]->on_event = pause_once;
  self.fakes[2]->user_data = &scene_pause;
  return self;
}

static void scene_start(scene *self)
{
  for (size_t i = 0; i < 3; i++) {
    fake_exchange_start(self->fakes[i], &self->wire->transport);
  }
  h2_wire_turn(self->wire);
}

static void scene_answer(scene *self)
{
  h2_peer *peer = self->wire->peer;
  if (peer->stream_count < 3) {
    return;
  }
  h2_peer_stream *stream = h2_peer_request(peer, 0);
  h2_peer_send_head(peer, stream, 103, "link: </a>\n", false);
  h2_peer_send_head(peer, stream, 200, "x-one: 1\n", false);
  h2_peer_send_body_and_trailers(stream, 300);
  h2_peer_respond(peer, h2_peer_request(peer, 1), 20);
  h2_peer_respond(peer, h2_peer_request(peer, 2), 200);
}

/* Ends what is not over yet, checks what must hold, and frees. */
static void scene_free(scene *self)
{
  for (size_t i = 0; i < 3; i++) {
    if (self->fakes[i]->exchange.transport != NULL) {
      ah_exchange_resume(&self->fakes[i]->exchange);
    }
  }
  h2_wire_turn(self->wire);
  h2_wire_close(self->wire);
  h2_wire_turn(self->wire);
  for (size_t i = 0; i < 3; i++) {
    fake_exchange_free(self->fakes[i]); /* done exactly once */
  }
  h2_wire_free(self->wire);
}

/* What the server says in a scene in which nothing breaks. */
static fake_bytes scene_record(void)
{
  scene self = scene_new();
  h2_wire_turn(self.wire);
  scene_start(&self);
  scene_answer(&self);
  h2_peer_say(self.wire->peer);
  fake_bytes said = self.wire->peer->out;
  self.wire->peer->out = (fake_bytes){.data = NULL};
  fake_stream_feed(self.wire->stream, said.data, said.len);
  h2_wire_turn(self.wire);
  ah_exchange_resume(&self.fakes[2]->exchange);
  h2_wire_turn(self.wire);
  assert_string_equal(self.fakes[0]->log.data, "103 200 body trailers done:OK");
  assert_string_equal(self.fakes[1]->log.data, "200 body done:OK");
  assert_string_equal(self.fakes[2]->log.data, "200 body done:OK");
  scene_free(&self);
  return said;
}

static void conn_survives_a_server_that_dies_at_any_byte(void **state)
{
  (void)state;
  fake_bytes said = scene_record();
  for (size_t at = 0; at < said.len; at++) {
    for (int way = 0; way < 2; way++) {
      scene self = scene_new();
      h2_wire_turn(self.wire);
      scene_start(&self);
      fake_stream_feed(self.wire->stream, said.data, at);
      if (way == 0) {
        fake_stream_feed_end(self.wire->stream, true);
      } else {
        fake_stream_break(self.wire->stream, AHTTP_EREAD);
      }
      assert_int_equal(self.wire->owner.closed_told, 1);
      scene_free(&self);
    }
  }
  fake_bytes_clear(&said);
}

static void conn_reads_the_same_however_it_is_split(void **state)
{
  (void)state;
  fake_bytes said = scene_record();
  for (size_t size = 1; size < said.len; size += size < 40 ? 1 : 97) {
    scene self = scene_new();
    h2_wire_turn(self.wire);
    scene_start(&self);
    fake_stream_feed_slices(self.wire->stream, said.data, said.len, size);
    h2_wire_turn(self.wire);
    assert_string_equal(self.fakes[0]->log.data,
                        "103 200 body trailers done:OK");
    assert_string_equal(self.fakes[1]->log.data, "200 body done:OK");
    assert_string_equal(self.fakes[2]->log.data, "200");
    scene_free(&self);
  }
  fake_bytes_clear(&said);
}

/* The last operation that was made to fail was past the end of the scene. */
static bool scene_run_failing(unsigned nth)
{
  scene self = scene_new();
  self.wire->stream->fail_nth = nth;
  self.wire->stream->cap_max = 300; /* many operations */
  h2_wire_turn(self.wire);
  if (self.wire->owner.conn != NULL && self.wire->owner.conn->slots >= 3) {
    scene_start(&self);
    scene_answer(&self);
    h2_wire_pump(self.wire);
  }
  bool is_over = self.wire->stream->operations < nth;
  scene_free(&self);
  return is_over;
}

static void conn_survives_every_failed_operation(void **state)
{
  (void)state;
  unsigned nth = 1;
  while (!scene_run_failing(nth)) {
    nth++;
  }
  assert_true(nth > 20);
}

/* Memory fails from the moment the connection is there. */
static int scene_run_starved(int nth)
{
  scene self = scene_new();
  h2_wire_turn(self.wire);
  test_alloc_fail_nth(nth);
  scene_start(&self);
  scene_answer(&self);
  h2_wire_pump(self.wire);
  int made = test_alloc_count();
  test_alloc_fail_nth(0);
  for (size_t i = 0; i < 3; i++) {
    int code = self.fakes[i]->exchange.error.code;
    assert_true(code == AHTTP_OK || code == AHTTP_ENOMEM);
  }
  scene_free(&self);
  return made;
}

static void conn_survives_every_failed_allocation(void **state)
{
  (void)state;
  test_alloc_install();
  int total = scene_run_starved(0);
  assert_true(total > 10);
  for (int nth = 1; nth <= total; nth++) {
    (void)scene_run_starved(nth);
    assert_int_equal(test_alloc_live(), 0);
  }
  test_alloc_remove();
}

static void conn_is_not_made_without_memory(void **state)
{
  (void)state;
  ah_loop *loop = fake_loop_new();
  test_alloc_install();
  int rv = AHTTP_ENOMEM;
  for (int nth = 1; rv == AHTTP_ENOMEM; nth++) {
    ah_connection *conn;
    fake_stream *stream = fake_stream_new(loop);
    test_alloc_fail_nth(nth);
    rv = ah_h2_connection_new(&conn, stream->stream, 100);
    test_alloc_fail_nth(0);
    if (rv == AHTTP_OK) {
      ahttp_error err;
      fake_owner owner;
      fake_owner_adopt(&owner, conn);
      ah_error_plain(&err, AHTTP_ECLOSED, AHTTP_PHASE_NONE);
      conn->ops->close(conn, &err);
    } else {
      assert_null(conn);
    }
    assert_true(stream->closed);
    fake_loop_turn(loop);
    fake_stream_free(stream);
  }
  assert_int_equal(rv, AHTTP_OK);
  test_alloc_remove();
  fake_loop_free(loop);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(conn_sends_the_first_turn_in_one_write),
      cmocka_unit_test(conn_tells_slots_once_for_a_whole_read),
      cmocka_unit_test(conn_takes_the_smaller_limit),
      cmocka_unit_test(conn_gives_back_what_a_lower_limit_forbids),
      cmocka_unit_test(conn_fills_in_what_is_asked_about_an_exchange),
      cmocka_unit_test(conn_tells_interim_responses_and_trailers),
      cmocka_unit_test(conn_takes_101_for_an_error),
      cmocka_unit_test(conn_knows_that_head_has_no_content),
      cmocka_unit_test(conn_fails_refused_streams_as_refused),
      cmocka_unit_test(conn_names_the_code_of_a_reset),
      cmocka_unit_test(conn_drains_after_goaway),
      cmocka_unit_test(conn_only_takes_no_more_after_a_notice),
      cmocka_unit_test(conn_closes_when_idle_and_told_to_go),
      cmocka_unit_test(conn_answers_pings_while_idle),
      cmocka_unit_test(conn_retires_when_numbers_run_out),
      cmocka_unit_test(conn_says_goodbye),
      cmocka_unit_test(conn_may_be_closed_within_an_event),
      cmocka_unit_test(conn_tells_truncation_from_no_answer),
      cmocka_unit_test(conn_passes_on_why_the_stream_broke),
      cmocka_unit_test(conn_fails_all_over_a_violation),
      cmocka_unit_test(conn_takes_the_next_one_from_done),
      cmocka_unit_test(conn_survives_a_server_that_dies_at_any_byte),
      cmocka_unit_test(conn_reads_the_same_however_it_is_split),
      cmocka_unit_test(conn_survives_every_failed_operation),
      cmocka_unit_test(conn_survives_every_failed_allocation),
      cmocka_unit_test(conn_is_not_made_without_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
