/* SPDX-License-Identifier: MIT */
/* The whole library against an HTTP/2 server that breaks the rules, or keeps
 * them in a way that costs us more than it. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <ahttp/ahttp.h>

#include "support/client_run.h"
#include "support/client_turns.h"
#include "support/h2_script.h"

enum {
  ENHANCE_YOUR_CALM = 11
};

static void open_run(client_run *run)
{
  client_run_open_for(run, NULL, AHTTP_HTTP_2_PRIOR_KNOWLEDGE);
}

static const char *peer_url(const h2_script *peer)
{
  return test_url("http", h2_script_port(peer), "/");
}

static void get(client_run *run, const h2_script *peer, call_record *record)
{
  client_run_get(run, record, peer_url(peer));
  assert_int_equal(record->dones, 1);
}

static void check_hello(call_record *record)
{
  assert_string_equal(record->error.text, "");
  assert_int_equal(record->status, 200);
  assert_string_equal(record->content, "hello");
  call_record_clear(record);
}

static const h2_step serves[] = {H2_DO_SETTINGS, H2_DO(H2_SERVE)};

/* --- Broken rules. ------------------------------------------------------- */

/* What the server sends instead of an answer. */
typedef struct violation {
  const char *name;
  h2_step steps[3]; /* up to the first that is all zero, which is H2_END */
} violation;

/* Each ends the connection. */
static const violation connection_errors[] = {
    {"DATA on stream 0", {H2_DO_FRAME(H2_DATA, 0, 0, "x")}},
    {"HEADERS on stream 0", {H2_DO_FRAME(H2_HEADERS, 5, 0, "\x88")}},
    {"HEADERS on a stream of the server's",
     {H2_DO_FRAME(H2_HEADERS, 5, 2, "\x88")}},
    {"HEADERS on a stream never opened",
     {H2_DO_FRAME(H2_HEADERS, 5, 99, "\x88")}},
    {"DATA on a stream never opened", {H2_DO_FRAME(H2_DATA, 1, 99, "x")}},
    {"DATA before the head", {H2_DO_FRAME(H2_DATA, 1, H2_LAST, "hello")}},
    {"RST_STREAM on a stream never opened",
     {H2_DO_FRAME(H2_RST_STREAM, 0, 99, "\x00\x00\x00\x08")}},
    {"RST_STREAM of 3 bytes",
     {H2_DO_FRAME(H2_RST_STREAM, 0, H2_LAST, "\x00\x00\x08")}},
    {"SETTINGS of 5 bytes",
     {H2_DO_FRAME(H2_SETTINGS, 0, 0, "\x00\x03\x00\x00\x01")}},
    {"SETTINGS on a stream", {H2_DO_FRAME(H2_SETTINGS, 0, H2_LAST, "")}},
    {"SETTINGS ACK with content",
     {H2_DO_FRAME(H2_SETTINGS, H2_ACK, 0, "\x00\x03\x00\x00\x00\x01")}},
    {"SETTINGS_ENABLE_PUSH of a server",
     {H2_DO_FRAME(H2_SETTINGS, 0, 0, "\x00\x02\x00\x00\x00\x01")}},
    {"SETTINGS_INITIAL_WINDOW_SIZE of 2^31",
     {H2_DO_FRAME(H2_SETTINGS, 0, 0, "\x00\x04\x80\x00\x00\x00")}},
    {"SETTINGS_MAX_FRAME_SIZE of 100",
     {H2_DO_FRAME(H2_SETTINGS, 0, 0, "\x00\x05\x00\x00\x00\x64")}},
    {"PING of 7 bytes", {H2_DO_FRAME(H2_PING, 0, 0, "1234567")}},
    {"PING on a stream", {H2_DO_FRAME(H2_PING, 0, H2_LAST, "12345678")}},
    {"GOAWAY of 7 bytes", {H2_DO_FRAME(H2_GOAWAY, 0, 0, "1234567")}},
    {"WINDOW_UPDATE of 0",
     {H2_DO_FRAME(H2_WINDOW_UPDATE, 0, 0, "\x00\x00\x00\x00")}},
    {"WINDOW_UPDATE of 0 for a stream",
     {H2_DO_FRAME(H2_WINDOW_UPDATE, 0, H2_LAST, "\x00\x00\x00\x00")}},
    {"WINDOW_UPDATE beyond 2^31",
     {H2_DO_FRAME(H2_WINDOW_UPDATE, 0, 0, "\x7f\xff\xff\xff")}},
    {"PUSH_PROMISE",
     {H2_DO_FRAME(H2_PUSH_PROMISE, H2_END_HEADERS, H2_LAST,
                  "\x00\x00\x00\x02\x82\x84\x86")}},
    {"CONTINUATION out of nowhere",
     {H2_DO_FRAME(H2_CONTINUATION, H2_END_HEADERS, H2_LAST, "\x88")}},
    {"DATA within a field block",
     {H2_DO_FRAME(H2_HEADERS, 0, H2_LAST, "\x88"),
      H2_DO_FRAME(H2_DATA, 0, H2_LAST, "x")}},
    {"padding longer than its frame",
     {H2_DO_HEAD, H2_DO_FRAME(H2_DATA, H2_PADDED, H2_LAST, "\x09x")}},
    {"a frame of 16385 bytes",
     {{.kind = H2_BYTES,
       .data = "\x00\x40\x01\x00\x00\x00\x00\x00\x01xxx",
       .len = 12}}},
    {"HPACK index 0",
     {H2_DO_FRAME(H2_HEADERS, H2_END_HEADERS, H2_LAST, "\x88\x80")}},
    {"HPACK index beyond the table",
     {H2_DO_FRAME(H2_HEADERS, H2_END_HEADERS, H2_LAST, "\x88\xbe")}},
    {"HPACK integer without end",
     {H2_DO_FRAME(H2_HEADERS, H2_END_HEADERS, H2_LAST,
                  "\x88\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")}},
    {"HPACK table larger than allowed",
     {H2_DO_FRAME(H2_HEADERS, H2_END_HEADERS, H2_LAST,
                  "\x3f\xe1\xff\x03\x88")}},
    {"HPACK string longer than its block",
     {H2_DO_FRAME(H2_HEADERS, H2_END_HEADERS, H2_LAST,
                  "\x88\x40\x0a"
                  "ab")}},
};

/* Each costs no more than its stream. */
static const violation stream_errors[] = {
    {"no status",
     {H2_DO_FRAME(H2_HEADERS, 5, H2_LAST,
                  "\x5c\x01"
                  "1")}},
    {"two statuses", {H2_DO_FRAME(H2_HEADERS, 5, H2_LAST, "\x88\x88")}},
    {"a status after a field",
     {H2_DO_FRAME(H2_HEADERS, 5, H2_LAST,
                  "\x5c\x01"
                  "0"
                  "\x88")}},
    {"a request's pseudo field",
     {H2_DO_FRAME(H2_HEADERS, 5, H2_LAST, "\x88\x82")}},
    {"status 101",
     {H2_DO_FRAME(H2_HEADERS, 4, H2_LAST,
                  "\x08\x03"
                  "101")}},
    {"status of two digits",
     {H2_DO_FRAME(H2_HEADERS, 5, H2_LAST,
                  "\x08\x02"
                  "20")}},
    {"an upper-case field name",
     {H2_DO_FRAME(H2_HEADERS, 5, H2_LAST,
                  "\x88\x00\x01"
                  "A"
                  "\x01"
                  "b")}},
    {"an empty field name",
     {H2_DO_FRAME(H2_HEADERS, 5, H2_LAST,
                  "\x88\x00\x00\x01"
                  "b")}},
    {"a line break in a value",
     {H2_DO_FRAME(H2_HEADERS, 5, H2_LAST,
                  "\x88\x00\x01"
                  "a"
                  "\x04"
                  "b\r\nc")}},
    {"Connection",
     {H2_DO_FRAME(H2_HEADERS, 5, H2_LAST,
                  "\x88\x00\x0a"
                  "connection"
                  "\x05"
                  "close")}},
    {"an interim response that ends the stream",
     {H2_DO_FRAME(H2_HEADERS, 5, H2_LAST,
                  "\x08\x03"
                  "103")}},
    {"more content than announced",
     {H2_DO_FRAME(H2_HEADERS, 4, H2_LAST,
                  "\x88\x5c\x01"
                  "3"),
      H2_DO_FRAME(H2_DATA, 1, H2_LAST, "hello")}},
    {"a length that is no number",
     {H2_DO_FRAME(H2_HEADERS, 4, H2_LAST,
                  "\x88\x5c\x02"
                  "-1"),
      H2_DO_FRAME(H2_DATA, 1, H2_LAST, "hello")}},
    {"a trailer section that does not end the stream",
     {H2_DO_HEAD, H2_DO_FRAME(H2_DATA, 0, H2_LAST, "hello"),
      H2_DO_FRAME(H2_HEADERS, 4, H2_LAST,
                  "\x00\x01"
                  "a"
                  "\x01"
                  "b")}},
    {"a status in a trailer section",
     {H2_DO_HEAD, H2_DO_FRAME(H2_DATA, 0, H2_LAST, "hello"),
      H2_DO_FRAME(H2_HEADERS, 5, H2_LAST, "\x88")}},
};

/* Two GETs: the first meets the violation, the second goes well. */
static void check_violation(const violation *found, bool is_connection)
{
  const h2_step script[] = {
      H2_DO_SETTINGS,  H2_DO_EXPECT(H2_HEADERS),
      found->steps[0], found->steps[1],
      found->steps[2], {.kind = is_connection ? H2_HOLD : H2_SERVE}};
  h2_step packed[sizeof(script) / sizeof(script[0])];
  size_t count = 0;
  for (size_t i = 0; i < sizeof(script) / sizeof(script[0]); i++) {
    if (script[i].kind != H2_END) {
      packed[count++] = script[i];
    }
  }
  const h2_step *const scripts[] = {packed, serves};
  h2_script *peer = h2_script_start(scripts, 2);
  client_run run;
  open_run(&run);
  call_record record = {0};
  get(&run, peer, &record);
  if (record.code != AHTTP_EPROTO) {
    fail_msg("%s: %d %s", found->name, record.code, record.error.text);
  }
  assert_int_equal(record.info.attempts, 1);
  call_record_clear(&record);
  get(&run, peer, &record);
  if (record.info.conn_id != (is_connection ? 2 : 1)) {
    fail_msg("%s: connection %d", found->name, (int)record.info.conn_id);
  }
  check_hello(&record);
  client_run_close(&run);
  h2_script_stop(peer);
}

static void broken_rules_of_the_connection_end_it(void **state)
{
  (void)state;
  size_t count = sizeof(connection_errors) / sizeof(connection_errors[0]);
  for (size_t i = 0; i < count; i++) {
    check_violation(&connection_errors[i], true);
  }
}

static void broken_rules_of_a_stream_end_that(void **state)
{
  (void)state;
  size_t count = sizeof(stream_errors) / sizeof(stream_errors[0]);
  for (size_t i = 0; i < count; i++) {
    check_violation(&stream_errors[i], false);
  }
}

/* The stream ends in good order, its content does not. */
static void content_shorter_than_announced_is_an_error(void **state)
{
  (void)state;
  static const h2_step script[] = {H2_DO_SETTINGS, H2_DO_EXPECT(H2_HEADERS),
                                   H2_DO_FRAME(H2_HEADERS, 4, H2_LAST,
                                               "\x88\x5c\x01"
                                               "9"),
                                   H2_DO_HELLO, H2_DO(H2_SERVE)};
  h2_script *peer = h2_script_start_one(script);
  client_run run;
  open_run(&run);
  call_record record = {0};
  get(&run, peer, &record);
  assert_true(record.code == AHTTP_ETRUNCATED || record.code == AHTTP_EPROTO);
  assert_int_equal(record.content_len, 5);
  call_record_clear(&record);
  get(&run, peer, &record);
  assert_int_equal(record.info.conn_id, 1);
  check_hello(&record);
  client_run_close(&run);
  h2_script_stop(peer);
}

static void check_preface(const h2_step *script)
{
  h2_script *peer = h2_script_start_one(script);
  client_run run;
  open_run(&run);
  call_record record = {0};
  get(&run, peer, &record);
  assert_int_equal(record.code, AHTTP_EPROTO);
  assert_int_equal(h2_script_accepted(peer), 1);
  client_run_close(&run);
  h2_script_stop(peer);
}

static void wrong_preface_is_an_error(void **state)
{
  (void)state;
  static const char text[] = "HTTP/1.1 400 Bad Request\r\n"
                             "Content-Length: 0\r\nConnection: close\r\n\r\n";
  static const h2_step speaks_h1[] = {
      {.kind = H2_BYTES, .data = text, .len = sizeof(text) - 1},
      H2_DO(H2_HOLD)};
  static const h2_step begins_with_ping[] = {
      H2_DO_FRAME(H2_PING, 0, 0, "12345678"), H2_DO(H2_HOLD)};
  static const h2_step begins_with_ack[] = {
      H2_DO_FRAME(H2_SETTINGS, H2_ACK, 0, ""), H2_DO(H2_HOLD)};
  check_preface(speaks_h1);
  check_preface(begins_with_ping);
  check_preface(begins_with_ack);
}

/* --- Floods. ------------------------------------------------------------- */

static bool has_said_goodbye(void *arg)
{
  return h2_script_frames(arg, H2_GOAWAY) == 1;
}

/* Returns the code the only request fails with. */
static int flood(const h2_step *script)
{
  h2_script *peer = h2_script_start_one(script);
  client_run run;
  open_run(&run);
  call_record record = {0};
  get(&run, peer, &record);
  int code = record.code;
  assert_int_equal(h2_script_accepted(peer), 1);
  call_record_clear(&record);
  client_run_close(&run);
  h2_script_stop(peer);
  return code;
}

static void flood_of_settings_is_stopped(void **state)
{
  (void)state;
  static const h2_step script[] = {H2_DO_SETTINGS, H2_DO_EXPECT(H2_HEADERS),
                                   H2_DO_FLOOD(30000, H2_SETTINGS, 0, 0, ""),
                                   H2_DO(H2_HOLD)};
  assert_int_equal(flood(script), AHTTP_ELIMIT);
}

static void flood_of_pings_is_stopped(void **state)
{
  (void)state;
  static const h2_step script[] = {
      H2_DO_SETTINGS, H2_DO_EXPECT(H2_HEADERS),
      H2_DO_FLOOD(30000, H2_PING, 0, 0, "12345678"), H2_DO(H2_HOLD)};
  assert_int_equal(flood(script), AHTTP_ELIMIT);
}

static void flood_of_window_updates_is_stopped(void **state)
{
  (void)state;
  static const h2_step script[] = {
      H2_DO_SETTINGS, H2_DO_EXPECT(H2_HEADERS),
      H2_DO_FLOOD(30000, H2_WINDOW_UPDATE, 0, 0, "\x00\x00\x00\x01"),
      H2_DO(H2_HOLD)};
  assert_int_equal(flood(script), AHTTP_ELIMIT);
}

static void flood_of_unknown_frames_is_stopped(void **state)
{
  (void)state;
  static const h2_step script[] = {H2_DO_SETTINGS, H2_DO_EXPECT(H2_HEADERS),
                                   H2_DO_FLOOD(30000, 0xfe, 0, 0, ""),
                                   H2_DO(H2_HOLD)};
  assert_int_equal(flood(script), AHTTP_ELIMIT);
}

static void flood_of_empty_data_is_stopped(void **state)
{
  (void)state;
  static const h2_step script[] = {
      H2_DO_SETTINGS, H2_DO_EXPECT(H2_HEADERS), H2_DO_HEAD,
      H2_DO_FLOOD(60000, H2_DATA, 0, H2_LAST, ""), H2_DO(H2_HOLD)};
  assert_int_equal(flood(script), AHTTP_ELIMIT);
}

static void flood_of_continuations_is_stopped(void **state)
{
  (void)state;
  static const h2_step script[] = {
      H2_DO_SETTINGS, H2_DO_EXPECT(H2_HEADERS),
      H2_DO_FRAME(H2_HEADERS, 0, H2_LAST, "\x88"),
      H2_DO_FLOOD(30000, H2_CONTINUATION, 0, H2_LAST, ""), H2_DO(H2_HOLD)};
  int code = flood(script);
  /* nghttp2 has a limit of its own, which it calls a broken rule. */
  assert_true(code == AHTTP_ELIMIT || code == AHTTP_EPROTO);
}

static void flood_of_interim_responses_is_stopped(void **state)
{
  (void)state;
  static const h2_step script[] = {H2_DO_SETTINGS, H2_DO_EXPECT(H2_HEADERS),
                                   H2_DO_FLOOD(200, H2_HEADERS, H2_END_HEADERS,
                                               H2_LAST,
                                               "\x08\x03"
                                               "103"),
                                   H2_DO(H2_HOLD)};
  assert_int_equal(flood(script), AHTTP_ELIMIT);
}

/* A field of 3000 bytes goes into the table, one byte each repeats it. */
static void header_bomb_is_not_unpacked(void **state)
{
  (void)state;
  static char block[16000];
  static const char start[] = "\x88\x40\x01"
                              "a"
                              "\x7f\xb9\x16";
  memset(block, 'x', sizeof(block));
  memcpy(block, start, sizeof(start) - 1);
  memset(block + sizeof(start) - 1 + 3000, 0xbe,
         sizeof(block) - (sizeof(start) - 1 + 3000));
  const h2_step bomb[] = {H2_DO_SETTINGS,
                          H2_DO_EXPECT(H2_HEADERS),
                          {.kind = H2_FRAME,
                           .type = H2_HEADERS,
                           .flags = H2_END_HEADERS,
                           .id = H2_LAST,
                           .data = block,
                           .len = sizeof(block)},
                          H2_DO(H2_HOLD)};
  assert_int_equal(flood(bomb), AHTTP_ELIMIT);
}

static void flood_is_answered_by_enhance_your_calm(void **state)
{
  (void)state;
  static const h2_step script[] = {H2_DO_SETTINGS, H2_DO_EXPECT(H2_HEADERS),
                                   H2_DO_FLOOD(12000, 0xfe, 0, 0, ""),
                                   H2_DO(H2_HOLD)};
  h2_script *peer = h2_script_start_one(script);
  client_run run;
  open_run(&run);
  call_record record = {0};
  get(&run, peer, &record);
  assert_int_equal(record.code, AHTTP_ELIMIT);
  client_run_turn_until(&run, has_said_goodbye, peer);
  assert_int_equal(h2_script_error(peer), ENHANCE_YOUR_CALM);
  client_run_close(&run);
  h2_script_stop(peer);
}

/* --- What is allowed. ---------------------------------------------------- */

static bool has_ponged(void *arg)
{
  return h2_script_acks(arg, H2_PING) == 60;
}

/* Frames that mean nothing to us, in ordinary numbers. */
static void lively_server_is_fine(void **state)
{
  (void)state;
  static const h2_step lively[] = {
      H2_DO_SETTINGS,
      H2_DO_EXPECT(H2_HEADERS),
      H2_DO_FLOOD(60, H2_PING, 0, 0, "12345678"),
      H2_DO_FLOOD(20, H2_SETTINGS, 0, 0, "\x00\x04\x00\x01\x00\x00"),
      H2_DO_FLOOD(100, 0xfe, 0xff, H2_LAST, "what?"),
      H2_DO_FLOOD(100, H2_PRIORITY, 0, 77, "\x00\x00\x00\x00\x10"),
      H2_DO_FLOOD(100, H2_WINDOW_UPDATE, 0, 0, "\x00\x00\x01\x00"),
      H2_DO_FLOOD(3, H2_HEADERS, H2_END_HEADERS, H2_LAST,
                  "\x08\x03"
                  "103"),
      H2_DO_HEAD,
      H2_DO_FLOOD(100, H2_DATA, 0, H2_LAST, ""),
      H2_DO_FRAME(H2_DATA, H2_PADDED | H2_END_STREAM, H2_LAST, "\x03hello..."),
      H2_DO(H2_SERVE)};
  h2_script *peer = h2_script_start_one(lively);
  client_run run;
  open_run(&run);
  for (int i = 0; i < 2; i++) {
    call_record record = {0};
    get(&run, peer, &record);
    assert_int_equal(record.info.conn_id, 1);
    assert_int_equal(record.informationals, i == 0 ? 3 : 0);
    check_hello(&record);
  }
  client_run_turn_until(&run, has_ponged, peer);
  client_run_close(&run);
  h2_script_stop(peer);
}

/* --- Flow control. ------------------------------------------------------- */

enum {
  WINDOW = 1024 * 1024,
  DATA_BYTES = 16384
};

/* The reader takes nothing; |frames| full DATA frames are sent, then the peer
 * does what |end| says. */
static void overrun(unsigned frames, h2_step end, call_record *record)
{
  static char block[DATA_BYTES];
  const h2_step script[] = {H2_DO_SETTINGS,
                            H2_DO_EXPECT(H2_HEADERS),
                            H2_DO_FRAME(H2_SETTINGS, H2_ACK, 0, ""),
                            H2_DO_HEAD,
                            {.kind = H2_FRAME,
                             .type = H2_DATA,
                             .id = H2_LAST,
                             .data = block,
                             .len = sizeof(block),
                             .count = frames},
                            end,
                            H2_DO(H2_END)};
  h2_script *peer = h2_script_start_one(script);
  client_run run;
  open_run(&run);
  client_run_start(&run, record, "GET", peer_url(peer), NULL);
  ahttp_call_set_manual_credit(record->call);
  client_run_wait(&run);
  client_run_close(&run);
  h2_script_stop(peer);
}

static void full_window_is_no_error(void **state)
{
  (void)state;
  call_record record = {0};
  overrun(WINDOW / DATA_BYTES, (h2_step)H2_DO(H2_END), &record);
  assert_int_equal(record.code, AHTTP_ETRUNCATED);
  assert_int_equal(record.content_len, WINDOW);
  call_record_clear(&record);
}

static void data_beyond_the_window_is_an_error(void **state)
{
  (void)state;
  call_record record = {0};
  overrun(WINDOW / DATA_BYTES + 1, (h2_step)H2_DO_EXPECT(H2_RST_STREAM),
          &record);
  assert_int_equal(record.code, AHTTP_EPROTO);
  call_record_clear(&record);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(broken_rules_of_the_connection_end_it),
      cmocka_unit_test(broken_rules_of_a_stream_end_that),
      cmocka_unit_test(content_shorter_than_announced_is_an_error),
      cmocka_unit_test(wrong_preface_is_an_error),
      cmocka_unit_test(flood_of_settings_is_stopped),
      cmocka_unit_test(flood_of_pings_is_stopped),
      cmocka_unit_test(flood_of_window_updates_is_stopped),
      cmocka_unit_test(flood_of_unknown_frames_is_stopped),
      cmocka_unit_test(flood_of_empty_data_is_stopped),
      cmocka_unit_test(flood_of_continuations_is_stopped),
      cmocka_unit_test(flood_of_interim_responses_is_stopped),
      cmocka_unit_test(header_bomb_is_not_unpacked),
      cmocka_unit_test(flood_is_answered_by_enhance_your_calm),
      cmocka_unit_test(lively_server_is_fine),
      cmocka_unit_test(full_window_is_no_error),
      cmocka_unit_test(data_beyond_the_window_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
