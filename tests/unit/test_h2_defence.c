/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/str.h"
#include "http/h2_block.h"
#include "http/h2_budget.h"
#include "support/h2_client.h"

/*
 * What a server may do that is hostile or nonsense: each case ends with an
 * error in the right place, or with nothing worse.  Frames are written by hand.
 */

enum {
  FLAG_END_STREAM = 0x1,
  FLAG_END_HEADERS = 0x4
};

static void fixture_frame(h2_fixture *fix, uint8_t type, uint8_t flags,
                          int32_t id, const void *payload, size_t len)
{
  h2_peer_frame(&fix->in, type, flags, id, payload, len);
}

/* A head of 200 without the end of the stream. */
static void fixture_head(h2_fixture *fix)
{
  fixture_frame(fix, NGHTTP2_HEADERS, FLAG_END_HEADERS, 1, "\x88", 1);
}

/* Feeds such frames one by one, until the session fails or |max| have passed.
 * Returns how many passed.  Answers are drained as a connection would. */
static unsigned fixture_flood(h2_fixture *fix, const fake_bytes *frame,
                              unsigned max)
{
  for (unsigned i = 0; i < max; i++) {
    if (h2_client_feed(fix->client, frame->data, frame->len) != AHTTP_OK) {
      return i;
    }
    h2_fixture_drain(fix);
  }
  return max;
}

static void assert_flood_is_stopped(uint8_t type, int32_t id,
                                    const void *payload, size_t len,
                                    unsigned burst)
{
  h2_fixture fix = h2_fixture_new();
  fixture_head(&fix);
  assert_int_equal(h2_fixture_feed(&fix), AHTTP_OK);
  fake_bytes frame = {.data = NULL};
  h2_peer_frame(&frame, type, 0, id, payload, len);
  unsigned passed = fixture_flood(&fix, &frame, burst * 2);
  assert_in_range(passed, burst - 10, burst + 10);
  assert_int_equal(h2_client_error(fix.client), AHTTP_ELIMIT);
  const ahttp_error *err = ah_h2_session_error(fix.client->session);
  assert_int_equal(err->native, AH_H2_ENHANCE_YOUR_CALM);
  assert_non_null(strstr(err->text, "ENHANCE_YOUR_CALM"));
  /* It is dead for good. */
  assert_int_equal(h2_client_feed(fix.client, frame.data, frame.len),
                   AHTTP_ELIMIT);
  fake_bytes_clear(&frame);
  h2_fixture_free(&fix);
}

static void defence_stops_a_flood_of_pings(void **state)
{
  (void)state;
  assert_flood_is_stopped(NGHTTP2_PING, 0, "12345678", 8, AH_H2_CONTROL_BURST);
}

static void defence_stops_a_flood_of_settings(void **state)
{
  (void)state;
  assert_flood_is_stopped(NGHTTP2_SETTINGS, 0, "", 0, AH_H2_CONTROL_BURST);
}

static void defence_stops_a_flood_of_window_updates(void **state)
{
  (void)state;
  assert_flood_is_stopped(NGHTTP2_WINDOW_UPDATE, 0, "\0\0\0\1", 4,
                          AH_H2_CONTROL_BURST);
}

static void defence_stops_a_flood_of_priorities(void **state)
{
  (void)state;
  assert_flood_is_stopped(NGHTTP2_PRIORITY, 1, "\0\0\0\0\1", 5,
                          AH_H2_CONTROL_BURST);
}

static void defence_stops_a_flood_of_unknown_frames(void **state)
{
  (void)state;
  assert_flood_is_stopped(0xbb, 0, "x", 1, AH_H2_CONTROL_BURST);
}

static void defence_stops_a_flood_of_resets_of_nothing(void **state)
{
  (void)state;
  h2_fixture fix = h2_fixture_new();
  fixture_frame(&fix, NGHTTP2_RST_STREAM, 0, 1, "\0\0\0\x8", 4);
  assert_int_equal(h2_fixture_feed(&fix), AHTTP_OK);
  fake_bytes frame = {.data = NULL};
  h2_peer_frame(&frame, NGHTTP2_RST_STREAM, 0, 1, "\0\0\0\x8", 4);
  assert_in_range(fixture_flood(&fix, &frame, 20000), AH_H2_CONTROL_BURST - 10,
                  AH_H2_CONTROL_BURST);
  fake_bytes_clear(&frame);
  h2_fixture_free(&fix);
}

static void defence_stops_a_flood_of_empty_data(void **state)
{
  (void)state;
  assert_flood_is_stopped(NGHTTP2_DATA, 1, "", 0, AH_H2_DATA_BURST);
}

static void defence_stops_a_flood_of_single_bytes(void **state)
{
  (void)state;
  assert_flood_is_stopped(NGHTTP2_DATA, 1, "x", 1, AH_H2_DATA_BURST);
}

static void defence_forgives_with_time(void **state)
{
  (void)state;
  h2_fixture fix = h2_fixture_new();
  fake_bytes frame = {.data = NULL};
  h2_peer_frame(&frame, NGHTTP2_PING, 0, 0, "12345678", 8);
  assert_int_equal(fixture_flood(&fix, &frame, 9000), 9000);
  for (unsigned second = 0; second < 100; second++) {
    fix.client->now_ns += 1000ULL * 1000 * 1000;
    assert_int_equal(fixture_flood(&fix, &frame, 300), 300);
  }
  fake_bytes_clear(&frame);
  h2_fixture_free(&fix);
}

/* In one read, before any answer could be sent. */
static void defence_limits_answers_that_wait(void **state)
{
  (void)state;
  static const uint8_t types[] = {NGHTTP2_PING, NGHTTP2_SETTINGS};
  for (size_t i = 0; i < 2; i++) {
    h2_fixture fix = h2_fixture_new();
    for (unsigned n = 0; n < 200; n++) {
      fixture_frame(&fix, types[i], 0, 0, "12345678", i == 0 ? 8 : 0);
    }
    assert_int_equal(h2_fixture_feed(&fix), AHTTP_ELIMIT);
    h2_fixture_free(&fix);
  }
}

/* One entry of |len| bytes put into the dynamic table, then |count| bytes that
 * each name it. */
static fake_bytes bomb(size_t len, size_t count)
{
  fake_bytes block = {.data = NULL};
  char *value = malloc(len);
  assert_non_null(value);
  memset(value, 'b', len);
  assert_in_range(len, 127 + 128, 127 + 16383);
  const uint8_t head[] = {0x88,
                          0x40,
                          1,
                          'x',
                          0x7f,
                          (uint8_t)((len - 127) % 128 | 0x80),
                          (uint8_t)((len - 127) / 128)};
  fake_bytes_append(&block, head, sizeof(head));
  fake_bytes_append(&block, value, len);
  for (size_t i = 0; i < count; i++) {
    fake_bytes_append(&block, "\xbe", 1); /* entry 62: the newest one */
  }
  free(value);
  return block;
}

static void defence_fails_a_stream_with_too_many_field_bytes(void **state)
{
  (void)state;
  h2_fixture fix = h2_fixture_new();
  fake_bytes block = bomb(4000, 20); /* 21 times 4033 */
  fixture_frame(&fix, NGHTTP2_HEADERS, FLAG_END_HEADERS, 1, block.data,
                block.len);
  assert_int_equal(h2_fixture_feed(&fix), AHTTP_OK);
  h2_fixture_drain(&fix);
  assert_string_equal(fix.request->log.data, "failed:ELIMIT");
  assert_int_equal(h2_client_error(fix.client), AHTTP_OK);
  fake_bytes_clear(&block);

  /* The HPACK state is in step: the next stream can use the table. */
  h2_request *next = h2_request_start(fix.client);
  h2_fixture_drain(&fix);
  fixture_frame(&fix, NGHTTP2_HEADERS, FLAG_END_HEADERS | FLAG_END_STREAM, 3,
                "\x88\xbe", 2);
  assert_int_equal(h2_fixture_feed(&fix), AHTTP_OK);
  assert_string_equal(next->log.data, "200 end");
  assert_int_equal(
      ah_fields_find_name(&next->response.fields, AH_STR("x"))->value.len,
      4000);
  h2_request_free(next);
  h2_fixture_free(&fix);
}

static void defence_ends_the_connection_over_a_bomb(void **state)
{
  (void)state;
  h2_fixture fix = h2_fixture_new();
  fake_bytes block = bomb(4000, 10000); /* 40 MB */
  fixture_frame(&fix, NGHTTP2_HEADERS, FLAG_END_HEADERS, 1, block.data,
                block.len);
  assert_int_equal(h2_fixture_feed(&fix), AHTTP_ELIMIT);
  assert_string_equal(fix.request->log.data, "failed:ELIMIT");
  fake_bytes_clear(&block);
  h2_fixture_free(&fix);
}

static void defence_counts_bombs_for_streams_that_are_gone(void **state)
{
  (void)state;
  h2_fixture fix = h2_fixture_new();
  (void)ah_h2_session_reset(fix.client->session, &fix.request->stream,
                            AH_H2_CANCEL);
  fake_bytes block = bomb(4000, 10000);
  fixture_frame(&fix, NGHTTP2_HEADERS, FLAG_END_HEADERS, 1, block.data,
                block.len);
  (void)h2_fixture_feed(&fix); /* nghttp2 may skip it: then nothing is kept */
  h2_fixture_drain(&fix);
  assert_string_equal(fix.request->log.data, "");
  fake_bytes_clear(&block);
  h2_fixture_free(&fix);
}

static void defence_limits_the_number_of_fields(void **state)
{
  (void)state;
  static const struct {
    unsigned count;
    const char *log;
  } rows[] = {
      {AH_H2_HEAD_FIELDS_MAX, "200 end"},
      {AH_H2_HEAD_FIELDS_MAX + 1, "failed:ELIMIT"},
  };
  for (size_t i = 0; i < 2; i++) {
    h2_fixture fix = h2_fixture_new();
    fake_bytes block = {.data = NULL};
    fake_bytes_append(&block, "\x88", 1);
    for (unsigned n = 0; n < rows[i].count; n++) {
      fake_bytes_append(&block,
                        "\x00\x01"
                        "a"
                        "\x01"
                        "b",
                        5);
    }
    fixture_frame(&fix, NGHTTP2_HEADERS, FLAG_END_HEADERS | FLAG_END_STREAM, 1,
                  block.data, block.len);
    assert_int_equal(h2_fixture_feed(&fix), AHTTP_OK);
    assert_string_equal(fix.request->log.data, rows[i].log);
    fake_bytes_clear(&block);
    h2_fixture_free(&fix);
  }
}

static void defence_limits_the_number_of_trailers(void **state)
{
  (void)state;
  static const struct {
    unsigned count;
    const char *log;
  } rows[] = {
      {AH_H2_TRAILER_FIELDS_MAX, "200 trailers end"},
      {AH_H2_TRAILER_FIELDS_MAX + 1, "200 failed:ELIMIT"},
  };
  for (size_t i = 0; i < 2; i++) {
    h2_fixture fix = h2_fixture_new();
    fake_bytes block = {.data = NULL};
    fixture_head(&fix);
    for (unsigned n = 0; n < rows[i].count; n++) {
      fake_bytes_append(&block,
                        "\x00\x01"
                        "a"
                        "\x01"
                        "b",
                        5);
    }
    fixture_frame(&fix, NGHTTP2_HEADERS, FLAG_END_HEADERS | FLAG_END_STREAM, 1,
                  block.data, block.len);
    assert_int_equal(h2_fixture_feed(&fix), AHTTP_OK);
    assert_string_equal(fix.request->log.data, rows[i].log);
    fake_bytes_clear(&block);
    h2_fixture_free(&fix);
  }
}

static void defence_drops_forbidden_trailers(void **state)
{
  (void)state;
  h2_fixture fix = h2_fixture_new();
  fixture_head(&fix);
  /* Set-Cookie: a=b; x: y */
  const char block[] = "\x0f\x28\x03"
                       "a=b"
                       "\x00\x01"
                       "x"
                       "\x01"
                       "y";
  fixture_frame(&fix, NGHTTP2_HEADERS, FLAG_END_HEADERS | FLAG_END_STREAM, 1,
                block, sizeof(block) - 1);
  assert_int_equal(h2_fixture_feed(&fix), AHTTP_OK);
  assert_string_equal(fix.request->log.data, "200 trailers end");
  assert_int_equal(ahttp_fields_count(&fix.request->trailers), 1);
  h2_fixture_free(&fix);
}

static void defence_stops_a_flood_of_continuations(void **state)
{
  (void)state;
  h2_fixture fix = h2_fixture_new();
  fixture_frame(&fix, NGHTTP2_HEADERS, 0, 1, "\x88", 1);
  for (unsigned i = 0; i < 1000; i++) {
    fixture_frame(&fix, NGHTTP2_CONTINUATION, 0, 1, "", 0);
  }
  assert_int_equal(h2_fixture_feed(&fix), AHTTP_ELIMIT);
  const ahttp_error *err = ah_h2_session_error(fix.client->session);
  assert_int_equal(err->native, AH_H2_ENHANCE_YOUR_CALM);
  fake_bytes out = {.data = NULL};
  assert_int_equal(h2_client_drain(fix.client, &out), AHTTP_OK);
  assert_int_equal(out.len, 17); /* RFC 9113, section 6.8 */
  assert_int_equal(out.data[3], NGHTTP2_GOAWAY);
  assert_int_equal(out.data[16], AH_H2_ENHANCE_YOUR_CALM);
  fake_bytes_clear(&out);
  h2_fixture_free(&fix);
}

static void defence_takes_a_push_for_an_error(void **state)
{
  (void)state;
  h2_fixture fix = h2_fixture_new();
  fixture_frame(&fix, NGHTTP2_PUSH_PROMISE, FLAG_END_HEADERS, 1,
                "\0\0\0\2\x82\x86\x84\x41\x01"
                "a",
                10);
  (void)h2_fixture_feed(&fix);
  assert_int_equal(h2_client_error(fix.client), AHTTP_EPROTO);
  assert_string_equal(fix.request->log.data, "");
  h2_fixture_free(&fix);
}

static void defence_takes_too_much_data_for_an_error(void **state)
{
  (void)state;
  h2_fixture fix = h2_fixture_new();
  static const uint8_t zeros[16384];
  fixture_head(&fix);
  fix.request->keeps = true;
  for (unsigned i = 0; i < 65; i++) { /* a window and a frame */
    fixture_frame(&fix, NGHTTP2_DATA, 0, 1, zeros, sizeof(zeros));
  }
  (void)h2_fixture_feed(&fix);
  h2_fixture_drain(&fix);
  assert_true(h2_client_error(fix.client) == AHTTP_EPROTO ||
              fix.request->error.code == AHTTP_EPROTO);
  assert_true(fix.request->body.len <= 1024 * 1024);
  h2_fixture_free(&fix);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(defence_stops_a_flood_of_pings),
      cmocka_unit_test(defence_stops_a_flood_of_settings),
      cmocka_unit_test(defence_stops_a_flood_of_window_updates),
      cmocka_unit_test(defence_stops_a_flood_of_priorities),
      cmocka_unit_test(defence_stops_a_flood_of_unknown_frames),
      cmocka_unit_test(defence_stops_a_flood_of_resets_of_nothing),
      cmocka_unit_test(defence_stops_a_flood_of_empty_data),
      cmocka_unit_test(defence_stops_a_flood_of_single_bytes),
      cmocka_unit_test(defence_forgives_with_time),
      cmocka_unit_test(defence_limits_answers_that_wait),
      cmocka_unit_test(defence_fails_a_stream_with_too_many_field_bytes),
      cmocka_unit_test(defence_ends_the_connection_over_a_bomb),
      cmocka_unit_test(defence_counts_bombs_for_streams_that_are_gone),
      cmocka_unit_test(defence_limits_the_number_of_fields),
      cmocka_unit_test(defence_limits_the_number_of_trailers),
      cmocka_unit_test(defence_drops_forbidden_trailers),
      cmocka_unit_test(defence_stops_a_flood_of_continuations),
      cmocka_unit_test(defence_takes_a_push_for_an_error),
      cmocka_unit_test(defence_takes_too_much_data_for_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
