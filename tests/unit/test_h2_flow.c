/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "support/h2_wire.h"

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

static void pause_at(fake_exchange *fake, fake_event event)
{
  const fake_event *wanted = fake->user_data;
  if (event == *wanted) {
    ah_exchange_pause(&fake->exchange);
    fake->on_event = NULL;
  }
}

static void flow_holds_a_window_for_who_pauses(void **state)
{
  (void)state;
  static fake_event events[] = {FAKE_HEAD, FAKE_BODY};
  for (size_t i = 0; i < 2; i++) {
    h2_wire *wire = wire_greeted(0);
    fake_exchange *slow = h2_wire_start(wire, "GET");
    fake_exchange *fast = h2_wire_start(wire, "GET");
    slow->on_event = pause_at;
    slow->user_data = &events[i];
    h2_wire_turn(wire);
    h2_peer_send_head(wire->peer, h2_peer_request(wire->peer, 0), 200, NULL,
                      false);
    h2_peer_send_body_and_trailers(h2_peer_request(wire->peer, 0), 2 * MIB);
    h2_peer_respond(wire->peer, h2_peer_request(wire->peer, 1), 20 * MIB);
    h2_wire_pump(wire);
    assert_string_equal(fast->log.data, "200 body done:OK");
    assert_body_is(fast, 20 * MIB);
    size_t given = slow->body.len;
    assert_true(i == 0 ? given == 0 : given > 0 && given <= 16384);
    /* The server has sent what the window allows, and no more. */
    assert_in_range(h2_peer_request(wire->peer, 0)->offset, MIB, MIB + 16384);
    assert_false(wire->stream->paused);

    ah_exchange_resume(&slow->exchange);
    assert_int_equal(slow->body.len, given); /* from the loop, not from here */
    h2_wire_pump(wire);
    assert_string_equal(slow->log.data, "200 body trailers done:OK");
    assert_body_is(slow, 2 * MIB);
    fake_exchange_free(slow);
    fake_exchange_free(fast);
    assert_unused(wire, 100);
    h2_wire_free(wire);
  }
}

static void pause_always(fake_exchange *fake, fake_event event)
{
  if (event == FAKE_HEAD || event == FAKE_BODY) {
    ah_exchange_pause(&fake->exchange);
  }
}

static void flow_delivers_piece_by_piece(void **state)
{
  (void)state;
  h2_wire *wire = wire_greeted(0);
  fake_exchange *fake = h2_wire_start(wire, "GET");
  fake->on_event = pause_always;
  h2_wire_turn(wire);
  h2_peer_send_head(wire->peer, h2_peer_request(wire->peer, 0), 200, NULL,
                    false);
  h2_peer_send_body_and_trailers(h2_peer_request(wire->peer, 0), 300 * KIB);
  h2_wire_pump(wire);
  for (size_t given = 0; given < 300 * KIB; given += 64 * KIB) {
    assert_int_equal(fake->body.len, given);
    assert_int_equal(fake->dones, 0);
    ah_exchange_resume(&fake->exchange);
    h2_wire_pump(wire);
  }
  /* What followed the last piece is no content, so it did not wait. */
  assert_string_equal(fake->log.data, "200 body trailers done:OK");
  assert_body_is(fake, 300 * KIB);
  fake_exchange_free(fake);
  h2_wire_free(wire);
}

static void pause_and_resume(fake_exchange *fake, fake_event event)
{
  if (event != FAKE_DONE) {
    ah_exchange_pause(&fake->exchange);
    ah_exchange_resume(&fake->exchange);
  }
}

static void flow_goes_on_when_resumed_within_the_callback(void **state)
{
  (void)state;
  h2_wire *wire = wire_greeted(0);
  fake_exchange *fake = h2_wire_start(wire, "GET");
  fake->on_event = pause_and_resume;
  h2_wire_turn(wire);
  h2_peer_respond(wire->peer, h2_peer_request(wire->peer, 0), 3 * MIB);
  h2_wire_pump(wire);
  assert_string_equal(fake->log.data, "200 body done:OK");
  assert_body_is(fake, 3 * MIB);
  fake_exchange_free(fake);
  h2_wire_free(wire);
}

static void flow_grants_what_is_credited(void **state)
{
  (void)state;
  h2_wire *wire = wire_greeted(0);
  fake_exchange *fake = h2_wire_start(wire, "GET");
  fake->exchange.manual_credit = true;
  h2_wire_turn(wire);
  h2_peer_respond(wire->peer, h2_peer_request(wire->peer, 0), 5 * MIB / 2);
  h2_wire_pump(wire);
  assert_int_equal(fake->body.len, MIB);
  ah_exchange_credit(&fake->exchange, MIB / 4);
  h2_wire_pump(wire);
  assert_int_equal(fake->body.len, MIB); /* half a window at least */
  ah_exchange_credit(&fake->exchange, MIB / 4);
  h2_wire_pump(wire);
  assert_int_equal(fake->body.len, 3 * MIB / 2);
  ah_exchange_credit(&fake->exchange, MIB);
  h2_wire_pump(wire);
  assert_string_equal(fake->log.data, "200 body done:OK");
  assert_body_is(fake, 5 * MIB / 2);
  fake_exchange_free(fake);
  h2_wire_free(wire);
}

/* A body of |len| bytes, as h2_peer_byte() has them. */
static ah_body *body_new(size_t len)
{
  uint8_t *bytes = malloc(len);
  ah_body *body;
  assert_non_null(bytes);
  for (size_t i = 0; i < len; i++) {
    bytes[i] = h2_peer_byte(i);
  }
  assert_int_equal(ah_body_new_bytes(&body, bytes, len), AHTTP_OK);
  free(bytes);
  return body;
}

static fake_exchange *upload_start(h2_wire *wire, ah_body *body)
{
  fake_exchange *fake =
      fake_exchange_new(wire->loop, "PUT", "http://example.org/");
  fake_exchange_set_body(fake, body);
  fake_exchange_start(fake, &wire->transport);
  return fake;
}

static void assert_content_is(const h2_peer_stream *stream, size_t len)
{
  assert_int_equal(stream->content.len, len);
  for (size_t i = 0; i < len; i++) {
    if ((uint8_t)stream->content.data[i] != h2_peer_byte(i)) {
      fail_msg("wrong byte at %zu", i);
    }
  }
}

static void flow_uploads(void **state)
{
  (void)state;
  static const size_t lens[] = {0, 1, 16384, 16385, 100000, 5 * MIB};
  for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
    h2_wire *wire = wire_greeted(0);
    fake_exchange *fake = upload_start(wire, body_new(lens[i]));
    h2_wire_pump(wire);
    h2_peer_stream *stream = h2_peer_request(wire->peer, 0);
    assert_content_is(stream, lens[i]);
    assert_true(stream->is_received);
    assert_int_equal(fake->exchange.bytes.upload, lens[i]);
    assert_true(fake->exchange.bytes.out > lens[i]);
    assert_int_equal(fake->uploads > 0, lens[i] > 0);
    assert_int_not_equal(fake->exchange.times.sent, 0);
    h2_peer_respond(wire->peer, stream, 1);
    h2_wire_pump(wire);
    assert_string_equal(fake->log.data, "200 body done:OK");
    fake_exchange_free(fake);
    assert_unused(wire, 100);
    h2_wire_free(wire);
  }
}

static void flow_waits_for_the_servers_window(void **state)
{
  (void)state;
  h2_wire *wire = h2_wire_new(h2_peer_new(0, 0, false), 100);
  h2_wire_pump(wire);
  fake_exchange *fake = upload_start(wire, body_new(200 * KIB));
  h2_wire_pump(wire);
  h2_peer_stream *stream = h2_peer_request(wire->peer, 0);
  assert_int_equal(stream->content.len, 65535);
  assert_int_equal(fake->exchange.bytes.upload, 65535);
  assert_int_equal(fake->exchange.times.sent, 0);
  assert_int_equal(fake->exchange.deadline_code, AHTTP_ETIMEOUT_WRITE);
  while (stream->content.len < 200 * KIB) {
    size_t before = stream->content.len;
    h2_peer_consume(wire->peer, stream, 60000);
    h2_wire_pump(wire);
    assert_true(stream->content.len > before);
  }
  assert_content_is(stream, 200 * KIB);
  assert_int_equal(fake->exchange.deadline_code, AHTTP_ETIMEOUT_READ);
  h2_peer_respond(wire->peer, stream, 0);
  h2_wire_pump(wire);
  assert_string_equal(fake->log.data, "200 done:OK");
  fake_exchange_free(fake);
  h2_wire_free(wire);
}

/* A kernel that takes little at a time: what is queued stays bounded. */
static void flow_stops_when_the_kernel_does(void **state)
{
  (void)state;
  h2_wire *wire = wire_greeted(0);
  wire->stream->room = 0;
  fake_exchange *fake = upload_start(wire, body_new(MIB));
  fake_exchange *small = h2_wire_start(wire, "GET");
  h2_wire_turn(wire);
  assert_in_range(wire->stream->queued.len, 60000, 96 * KIB);
  assert_false(fake->exchange.facts.written);
  assert_int_equal(fake->exchange.times.sent, 0);
  assert_int_equal(small->exchange.times.sent, 0);
  assert_int_equal(small->exchange.deadline_code, AHTTP_ETIMEOUT_WRITE);
  assert_int_equal(fake->uploads, 0);
  while (fake->exchange.times.sent == 0) {
    assert_true(fake_stream_drain(wire->stream, 20000) > 0);
    assert_in_range(wire->stream->queued.len, 0, 96 * KIB);
    h2_wire_pump(wire);
  }
  assert_true(fake->exchange.facts.written);
  assert_in_range(fake->uploads, 5, 20);
  assert_int_not_equal(small->exchange.times.sent, 0);
  assert_true(small->exchange.times.sent <= fake->exchange.times.sent);
  assert_content_is(h2_peer_request(wire->peer, 0), MIB);
  wire->stream->room = SIZE_MAX;
  h2_peer_respond(wire->peer, h2_peer_request(wire->peer, 0), 0);
  h2_peer_respond(wire->peer, h2_peer_request(wire->peer, 1), 0);
  h2_wire_pump(wire);
  assert_string_equal(fake->log.data, "200 done:OK");
  assert_string_equal(small->log.data, "200 done:OK");
  fake_exchange_free(fake);
  fake_exchange_free(small);
  h2_wire_free(wire);
}

/* A kernel and a server that take everything at once: the turn ends, and the
 * loop gets to read, before all is written. */
static void flow_shares_the_turn(void **state)
{
  (void)state;
  h2_wire *wire = h2_wire_new(h2_peer_new(0, 16 * MIB, true), 100);
  assert_int_equal(nghttp2_session_set_local_window_size(wire->peer->session, 0,
                                                         0, 16 * MIB),
                   0);
  h2_wire_pump(wire);
  fake_exchange *fake = upload_start(wire, body_new(5 * MIB));
  h2_wire_turn(wire);
  h2_peer_stream *stream = h2_peer_request(wire->peer, 0);
  assert_in_range(stream->content.len, MIB, 2 * MIB);
  while (!stream->is_received) { /* it goes on a millisecond later */
    h2_wire_turn(wire);
  }
  assert_content_is(stream, 5 * MIB);
  h2_peer_respond(wire->peer, stream, 0);
  h2_wire_pump(wire);
  assert_string_equal(fake->log.data, "200 done:OK");
  fake_exchange_free(fake);
  h2_wire_free(wire);
}

/* Content that comes as the test lets it. */
typedef struct drip {
  uint64_t ready;
  uint64_t end;
  int failure;
  void (*on_read)(void *arg);
  void *arg;
  bool calls_ready; /* says it is ready from within read */
  fake_exchange *fake;
} drip;

static int drip_read(void *user_data, uint64_t offset, uint8_t *dst, size_t cap,
                     size_t *len)
{
  drip *self = user_data;
  if (self->on_read != NULL) {
    self->on_read(self->arg);
  }
  if (self->failure != 0) {
    return self->failure;
  }
  if (offset == self->ready && offset < self->end) {
    if (self->calls_ready) {
      self->calls_ready = false;
      self->ready = self->end;
      ah_exchange_body_ready(&self->fake->exchange);
    }
    return AHTTP_BODY_WAIT;
  }
  uint64_t left = self->ready - offset;
  *len = left < cap ? (size_t)left : cap;
  for (size_t i = 0; i < *len; i++) {
    dst[i] = h2_peer_byte(offset + i);
  }
  return 0;
}

static ah_body *drip_body(drip *self)
{
  ah_body *body;
  const ahttp_content_source source = {
      .size = sizeof(source),
      .read = drip_read,
      .length = -1,
      .user_data = self,
  };
  assert_int_equal(ah_body_new_source(&body, &source), AHTTP_OK);
  return body;
}

static void flow_waits_for_content(void **state)
{
  (void)state;
  h2_wire *wire = wire_greeted(0);
  drip source = {.ready = 10, .end = 30};
  fake_exchange *fake = upload_start(wire, drip_body(&source));
  h2_wire_pump(wire);
  h2_peer_stream *stream = h2_peer_request(wire->peer, 0);
  assert_content_is(stream, 10);
  assert_int_equal(fake->exchange.deadline_code, AHTTP_OK);
  source.ready = 20;
  ah_exchange_body_ready(&fake->exchange);
  h2_wire_pump(wire);
  assert_content_is(stream, 20);
  source.ready = 30;
  ah_exchange_body_ready(&fake->exchange);
  h2_wire_pump(wire);
  assert_content_is(stream, 30);
  assert_true(stream->is_received);
  assert_int_equal(fake->exchange.deadline_code, AHTTP_ETIMEOUT_READ);
  h2_peer_respond(wire->peer, stream, 0);
  h2_wire_pump(wire);
  assert_string_equal(fake->log.data, "200 done:OK");
  fake_exchange_free(fake);
  h2_wire_free(wire);
}

static void flow_hears_that_content_is_ready_within_the_read(void **state)
{
  (void)state;
  h2_wire *wire = wire_greeted(0);
  drip source = {.end = 30, .calls_ready = true};
  fake_exchange *fake =
      fake_exchange_new(wire->loop, "PUT", "http://example.org/");
  source.fake = fake;
  fake_exchange_set_body(fake, drip_body(&source));
  fake_exchange_start(fake, &wire->transport);
  h2_wire_pump(wire);
  assert_content_is(h2_peer_request(wire->peer, 0), 30);
  fake_exchange_cancel(fake);
  h2_wire_pump(wire);
  fake_exchange_free(fake);
  h2_wire_free(wire);
}

static void flow_fails_an_upload_that_cannot_be_read(void **state)
{
  (void)state;
  h2_wire *wire = wire_greeted(0);
  drip source = {.failure = 5};
  fake_exchange *fake = upload_start(wire, drip_body(&source));
  h2_wire_pump(wire);
  assert_string_equal(fake->log.data, "done:EBODY");
  assert_true(h2_peer_request(wire->peer, 0)->is_reset);
  assert_unused(wire, 100);
  fake_exchange_free(fake);
  h2_wire_free(wire);
}

static void cancel_exchange(void *arg)
{
  fake_exchange_cancel(arg);
}

static void close_wire(void *arg)
{
  h2_wire_close(arg);
}

static void flow_may_be_cancelled_within_a_read_of_content(void **state)
{
  (void)state;
  h2_wire *wire = wire_greeted(0);
  drip source = {.ready = 10, .end = 30, .on_read = cancel_exchange};
  fake_exchange *fake =
      fake_exchange_new(wire->loop, "PUT", "http://example.org/");
  source.arg = fake;
  fake_exchange_set_body(fake, drip_body(&source));
  fake_exchange_start(fake, &wire->transport);
  h2_wire_pump(wire);
  assert_string_equal(fake->log.data, "done:ECANCELED");
  assert_true(h2_peer_request(wire->peer, 0)->is_reset);
  assert_unused(wire, 100);
  fake_exchange_free(fake);
  h2_wire_free(wire);
}

static void flow_may_be_closed_within_a_read_of_content(void **state)
{
  (void)state;
  h2_wire *wire = wire_greeted(0);
  drip source = {.ready = 10, .end = 30, .on_read = close_wire, .arg = wire};
  fake_exchange *fake = upload_start(wire, drip_body(&source));
  h2_wire_pump(wire);
  assert_string_equal(fake->log.data, "done:ECLOSED");
  fake_exchange_free(fake);
  h2_wire_free(wire);
}

/* RFC 9113, section 8.1. */
static void check_stops_an_upload(int status, const char *log)
{
  h2_wire *wire = h2_wire_new(h2_peer_new(0, 0, false), 100);
  h2_wire_pump(wire);
  fake_exchange *fake = upload_start(wire, body_new(MIB));
  h2_wire_pump(wire);
  h2_peer_stream *stream = h2_peer_request(wire->peer, 0);
  assert_int_equal(stream->content.len, 65535);
  h2_peer_send_head(wire->peer, stream, status, NULL, false);
  h2_peer_send_body(stream, 100, false);
  h2_wire_pump(wire);
  assert_int_equal(fake->exchange.deadline_code, AHTTP_ETIMEOUT_READ);
  h2_peer_consume(wire->peer, stream, 65535);
  h2_wire_pump(wire);
  assert_int_equal(stream->content.len, 65535); /* nothing more comes */
  h2_peer_send_body(stream, 100, true);
  h2_wire_pump(wire);
  assert_string_equal(fake->log.data, log);
  assert_true(stream->is_reset);
  assert_int_equal(stream->reset_code, NGHTTP2_NO_ERROR);
  assert_unused(wire, 100);
  fake_exchange_free(fake);
  h2_wire_free(wire);
}

static void flow_stops_an_upload_that_is_not_wanted(void **state)
{
  (void)state;
  check_stops_an_upload(303, "303 body done:OK");
  check_stops_an_upload(413, "413 body done:OK");
}

static void flow_uploads_while_a_success_arrives(void **state)
{
  (void)state;
  h2_wire *wire = h2_wire_new(h2_peer_new(0, 0, false), 100);
  h2_wire_pump(wire);
  fake_exchange *fake = upload_start(wire, body_new(100000));
  h2_wire_pump(wire);
  h2_peer_stream *stream = h2_peer_request(wire->peer, 0);
  h2_peer_send_head(wire->peer, stream, 200, NULL, false);
  h2_peer_send_body(stream, 100, false);
  h2_wire_pump(wire);
  h2_peer_consume(wire->peer, stream, 65535);
  h2_wire_pump(wire);
  assert_content_is(stream, 100000);
  h2_peer_send_body(stream, 100, true);
  h2_wire_pump(wire);
  assert_string_equal(fake->log.data, "200 body done:OK");
  assert_false(stream->is_reset);
  fake_exchange_free(fake);
  h2_wire_free(wire);
}

static void flow_resets_what_is_left_of_an_upload(void **state)
{
  (void)state;
  h2_wire *wire = h2_wire_new(h2_peer_new(0, 0, false), 100);
  h2_wire_pump(wire);
  fake_exchange *fake = upload_start(wire, body_new(MIB));
  h2_wire_pump(wire);
  h2_peer_stream *stream = h2_peer_request(wire->peer, 0);
  h2_peer_respond(wire->peer, stream, 100);
  h2_wire_pump(wire);
  assert_string_equal(fake->log.data, "200 body done:OK");
  assert_true(stream->is_reset);
  assert_int_equal(stream->reset_code, NGHTTP2_NO_ERROR);
  assert_unused(wire, 100);
  fake_exchange_free(fake);
  h2_wire_free(wire);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(flow_holds_a_window_for_who_pauses),
      cmocka_unit_test(flow_delivers_piece_by_piece),
      cmocka_unit_test(flow_goes_on_when_resumed_within_the_callback),
      cmocka_unit_test(flow_grants_what_is_credited),
      cmocka_unit_test(flow_uploads),
      cmocka_unit_test(flow_waits_for_the_servers_window),
      cmocka_unit_test(flow_stops_when_the_kernel_does),
      cmocka_unit_test(flow_shares_the_turn),
      cmocka_unit_test(flow_waits_for_content),
      cmocka_unit_test(flow_hears_that_content_is_ready_within_the_read),
      cmocka_unit_test(flow_fails_an_upload_that_cannot_be_read),
      cmocka_unit_test(flow_may_be_cancelled_within_a_read_of_content),
      cmocka_unit_test(flow_may_be_closed_within_a_read_of_content),
      cmocka_unit_test(flow_stops_an_upload_that_is_not_wanted),
      cmocka_unit_test(flow_uploads_while_a_success_arrives),
      cmocka_unit_test(flow_resets_what_is_left_of_an_upload),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
