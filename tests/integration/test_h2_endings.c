/* SPDX-License-Identifier: MIT */
/* The whole library against an HTTP/2 server that does not want to go on: it
 * refuses and resets streams, says GOAWAY, takes no more streams, or dies. */
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

#define REFUSED_STREAM "\x00\x00\x00\x07"
#define CANCEL "\x00\x00\x00\x08"
#define INTERNAL_ERROR "\x00\x00\x00\x02"
#define NO_ERROR "\x00\x00\x00\x00"
#define CALM "\x00\x00\x00\x0b"
#define STREAM_0 "\x00\x00\x00\x00"
#define STREAM_1 "\x00\x00\x00\x01"
#define STREAMS_MAX "\x00\x03"

static void open_run(client_run *run)
{
  client_run_open_for(run, NULL, AHTTP_HTTP_2_PRIOR_KNOWLEDGE);
}

static const char *peer_url(const h2_script *peer)
{
  return test_url("http", h2_script_port(peer), "/");
}

static void send_one(client_run *run, const h2_script *peer, const char *method,
                     call_record *record)
{
  client_run_start(run, record, method, peer_url(peer), NULL);
  client_run_wait(run);
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

/* --- GOAWAY. ------------------------------------------------------------- */

/* RFC 9113, section 8.7: what was not processed may be sent again, whatever its
 * method. */
static void goaway_moves_what_was_not_processed(void **state)
{
  (void)state;
  static const h2_step leaves[] = {
      H2_DO_SETTINGS, H2_DO_EXPECT(H2_HEADERS),
      H2_DO_FRAME(H2_GOAWAY, 0, 0, STREAM_0 NO_ERROR), H2_DO(H2_END)};
  const h2_step *const scripts[] = {leaves, serves};
  static const char *const methods[] = {"GET", "POST"};
  for (size_t i = 0; i < 2; i++) {
    h2_script *peer = h2_script_start(scripts, 2);
    client_run run;
    open_run(&run);
    call_record record = {0};
    send_one(&run, peer, methods[i], &record);
    assert_int_equal(record.info.attempts, 2);
    check_hello(&record);
    assert_int_equal(h2_script_accepted(peer), 2);
    client_run_close(&run);
    h2_script_stop(peer);
  }
}

static void goaway_lets_what_was_processed_finish(void **state)
{
  (void)state;
  static const h2_step leaves[] = {
      H2_DO_SETTINGS, H2_DO_EXPECT(H2_HEADERS),
      H2_DO_HEAD,     H2_DO_FRAME(H2_GOAWAY, 0, 0, STREAM_1 NO_ERROR),
      H2_DO(H2_GATE), H2_DO_HELLO,
      H2_DO(H2_END)};
  const h2_step *const scripts[] = {leaves, serves};
  h2_script *peer = h2_script_start(scripts, 2);
  client_run run;
  open_run(&run);
  call_record first = {0};
  client_run_start(&run, &first, "GET", peer_url(peer), NULL);
  while (first.heads == 0) {
    (void)uv_run(&run.loop, UV_RUN_ONCE);
  }
  /* GOAWAY came with the head or comes soon: the next one finds out. */
  call_record second = {0};
  client_run_start(&run, &second, "GET", peer_url(peer), NULL);
  client_run_until_done(&run, &second);
  assert_int_equal(second.info.conn_id, 2);
  check_hello(&second);
  assert_int_equal(first.dones, 0);
  h2_script_open_gate(peer);
  client_run_wait(&run);
  assert_int_equal(first.info.conn_id, 1);
  check_hello(&first);
  client_run_until_conns(&run, 1);
  client_run_close(&run);
  h2_script_stop(peer);
}

static void end_without_the_promised_answer_is_an_error(void **state)
{
  (void)state;
  static const h2_step breaks_word[] = {
      H2_DO_SETTINGS, H2_DO_EXPECT(H2_HEADERS),
      H2_DO_FRAME(H2_GOAWAY, 0, 0, STREAM_1 NO_ERROR), H2_DO(H2_END)};
  h2_script *peer = h2_script_start_one(breaks_word);
  client_run run;
  open_run(&run);
  call_record record = {0};
  send_one(&run, peer, "GET", &record);
  assert_int_equal(record.code, AHTTP_EDISCONNECTED);
  assert_int_equal(h2_script_accepted(peer), 1);
  client_run_close(&run);
  h2_script_stop(peer);
}

static void server_that_always_leaves_is_given_up(void **state)
{
  (void)state;
  static const h2_step leaves[] = {H2_DO_SETTINGS, H2_DO_EXPECT(H2_HEADERS),
                                   H2_DO_FRAME(H2_GOAWAY, 0, 0, STREAM_0 CALM),
                                   H2_DO(H2_END)};
  h2_script *peer = h2_script_start_one(leaves);
  client_run run;
  open_run(&run);
  call_record record = {0};
  send_one(&run, peer, "GET", &record);
  assert_int_equal(record.code, AHTTP_EGOAWAY);
  assert_int_equal(record.error.domain, AHTTP_DOMAIN_H2);
  assert_int_equal(record.error.native, 11);
  assert_int_equal(record.info.attempts, h2_script_accepted(peer));
  assert_in_range(record.info.attempts, 2, 10);
  client_run_close(&run);
  h2_script_stop(peer);
}

/* --- RST_STREAM. --------------------------------------------------------- */

static void refused_stream_is_sent_again_at_once(void **state)
{
  (void)state;
  static const h2_step refuses[] = {
      H2_DO_SETTINGS, H2_DO_EXPECT(H2_HEADERS),
      H2_DO_FRAME(H2_RST_STREAM, 0, H2_LAST, REFUSED_STREAM), H2_DO(H2_SERVE)};
  static const char *const methods[] = {"GET", "POST"};
  for (size_t i = 0; i < 2; i++) {
    h2_script *peer = h2_script_start_one(refuses);
    client_run run;
    open_run(&run);
    call_record record = {0};
    send_one(&run, peer, methods[i], &record);
    assert_int_equal(record.info.attempts, 2);
    check_hello(&record);
    assert_int_equal(h2_script_accepted(peer), 1);
    client_run_close(&run);
    h2_script_stop(peer);
  }
}

static void stream_refused_three_times_is_given_up(void **state)
{
  (void)state;
  static const h2_step refuses[] = {
      H2_DO_SETTINGS,
      H2_DO_EXPECT(H2_HEADERS),
      H2_DO_FRAME(H2_RST_STREAM, 0, H2_LAST, REFUSED_STREAM),
      H2_DO_EXPECT(H2_HEADERS),
      H2_DO_FRAME(H2_RST_STREAM, 0, H2_LAST, REFUSED_STREAM),
      H2_DO_EXPECT(H2_HEADERS),
      H2_DO_FRAME(H2_RST_STREAM, 0, H2_LAST, REFUSED_STREAM),
      H2_DO(H2_SERVE)};
  h2_script *peer = h2_script_start_one(refuses);
  client_run run;
  open_run(&run);
  call_record record = {0};
  send_one(&run, peer, "GET", &record);
  assert_int_equal(record.code, AHTTP_ESTREAM);
  assert_int_equal(record.error.domain, AHTTP_DOMAIN_H2);
  assert_int_equal(record.error.native, 7);
  assert_int_equal(record.info.attempts, 3);
  call_record_clear(&record);
  send_one(&run, peer, "GET", &record);
  assert_int_equal(record.info.conn_id, 1);
  check_hello(&record);
  client_run_close(&run);
  h2_script_stop(peer);
}

/* The script resets the first request's stream, then serves. */
static void check_reset(const h2_step *script, unsigned heads, size_t len)
{
  h2_script *peer = h2_script_start_one(script);
  client_run run;
  open_run(&run);
  call_record record = {0};
  send_one(&run, peer, "GET", &record);
  assert_int_equal(record.code, AHTTP_ESTREAM);
  assert_int_equal(record.error.domain, AHTTP_DOMAIN_H2);
  assert_int_equal(record.heads, heads);
  assert_int_equal(record.content_len, len);
  assert_int_equal(record.info.attempts, 1);
  call_record_clear(&record);
  send_one(&run, peer, "GET", &record);
  assert_int_equal(record.info.conn_id, 1);
  check_hello(&record);
  client_run_close(&run);
  h2_script_stop(peer);
}

static void reset_in_each_state_leaves_the_connection(void **state)
{
  (void)state;
  static const h2_step before_head[] = {
      H2_DO_SETTINGS, H2_DO_EXPECT(H2_HEADERS),
      H2_DO_FRAME(H2_RST_STREAM, 0, H2_LAST, CANCEL), H2_DO(H2_SERVE)};
  static const h2_step after_head[] = {
      H2_DO_SETTINGS, H2_DO_EXPECT(H2_HEADERS), H2_DO_HEAD,
      H2_DO_FRAME(H2_RST_STREAM, 0, H2_LAST, INTERNAL_ERROR), H2_DO(H2_SERVE)};
  static const h2_step within_body[] = {
      H2_DO_SETTINGS,
      H2_DO_EXPECT(H2_HEADERS),
      H2_DO_HEAD,
      H2_DO_FRAME(H2_DATA, 0, H2_LAST, "hel"),
      H2_DO_FRAME(H2_RST_STREAM, 0, H2_LAST, NO_ERROR),
      H2_DO(H2_SERVE)};
  check_reset(before_head, 0, 0);
  check_reset(after_head, 1, 0);
  check_reset(within_body, 1, 3);
}

/* RFC 9113, section 5.1: a frame may cross the end of the stream. */
static void reset_after_the_end_is_ignored(void **state)
{
  (void)state;
  static const h2_step resets_late[] = {
      H2_DO_SETTINGS,
      H2_DO_EXPECT(H2_HEADERS),
      H2_DO_HEAD,
      H2_DO_HELLO,
      H2_DO_FRAME(H2_RST_STREAM, 0, H2_LAST, CANCEL),
      H2_DO_FRAME(H2_WINDOW_UPDATE, 0, H2_LAST, "\x00\x00\x00\x01"),
      H2_DO(H2_SERVE)};
  h2_script *peer = h2_script_start_one(resets_late);
  client_run run;
  open_run(&run);
  for (int i = 0; i < 3; i++) {
    call_record record = {0};
    send_one(&run, peer, "GET", &record);
    assert_int_equal(record.info.conn_id, 1);
    check_hello(&record);
  }
  client_run_close(&run);
  h2_script_stop(peer);
}

static int wait_for_ever(void *user_data, uint64_t offset, uint8_t *dst,
                         size_t cap, size_t *len)
{
  (void)user_data;
  (void)offset;
  (void)dst;
  (void)cap;
  (void)len;
  return AHTTP_BODY_WAIT;
}

/* RFC 9113, section 8.1: the server may answer without reading the request, and
 * then reset the stream to stop it. */
static void answer_before_the_upload_counts(void **state)
{
  (void)state;
  static const h2_step answers_early[] = {
      H2_DO_SETTINGS,
      H2_DO_EXPECT(H2_HEADERS),
      H2_DO_HEAD,
      H2_DO_HELLO,
      H2_DO_FRAME(H2_RST_STREAM, 0, H2_LAST, NO_ERROR),
      H2_DO(H2_SERVE)};
  h2_script *peer = h2_script_start_one(answers_early);
  client_run run;
  open_run(&run);
  ahttp_request *request;
  assert_int_equal(ahttp_request_new(&request, "POST", peer_url(peer)),
                   AHTTP_OK);
  const ahttp_content_source source = {
      .size = sizeof(source), .read = wait_for_ever, .length = -1};
  assert_int_equal(ahttp_request_set_content_source(request, &source),
                   AHTTP_OK);
  call_record record = {0};
  client_run_start_request(&run, &record, request, NULL);
  ahttp_request_free(request);
  client_run_wait(&run);
  check_hello(&record);
  send_one(&run, peer, "GET", &record);
  assert_int_equal(record.info.conn_id, 1);
  check_hello(&record);
  client_run_close(&run);
  h2_script_stop(peer);
}

/* --- Silence. ------------------------------------------------------------ */

/* A connection outlives a read timeout, unless no PING is answered either: then
 * what is on it by now goes to another one. */
static void silent_connection_is_given_up(void **state)
{
  (void)state;
  static const h2_step falls_silent[] = {
      H2_DO_SETTINGS, H2_DO_EXPECT(H2_HEADERS), H2_DO_HEAD,
      H2_DO_HELLO,    H2_DO_EXPECT(H2_HEADERS), H2_DO(H2_HOLD)};
  const h2_step *const scripts[] = {falls_silent, serves};
  h2_script *peer = h2_script_start(scripts, 2);
  client_run run;
  open_run(&run);
  call_record record = {0};
  send_one(&run, peer, "GET", &record);
  check_hello(&record);
  ahttp_send_opts opts = AHTTP_SEND_OPTS_INIT;
  opts.read_ms = 50;
  client_run_start(&run, &record, "GET", peer_url(peer), &opts);
  client_run_wait(&run);
  assert_int_equal(record.code, AHTTP_ETIMEOUT_READ);
  call_record_clear(&record);
  opts.read_ms = AHTTP_NO_LIMIT;
  client_run_start(&run, &record, "GET", peer_url(peer), &opts);
  client_run_wait(&run);
  assert_int_equal(record.info.conn_id, 2);
  check_hello(&record);
  client_run_close(&run);
  h2_script_stop(peer);
}

/* --- SETTINGS_MAX_CONCURRENT_STREAMS. ------------------------------------ */

static const h2_step takes_none_then_one[] = {
    H2_DO_SETTINGS,
    H2_DO_EXPECT(H2_HEADERS),
    H2_DO_HEAD,
    H2_DO_HELLO,
    H2_DO_FRAME(H2_SETTINGS, 0, 0, STREAMS_MAX "\x00\x00\x00\x00"),
    H2_DO_EXPECT_ACK(H2_SETTINGS),
    H2_DO_EXPECT_ACK(H2_SETTINGS),
    H2_DO(H2_GATE),
    H2_DO_FRAME(H2_SETTINGS, 0, 0, STREAMS_MAX "\x00\x00\x00\x01"),
    H2_DO(H2_SERVE)};

static bool has_acked_twice(void *arg)
{
  return h2_script_acks(arg, H2_SETTINGS) == 2;
}

/* A connection to a server that has said it takes no streams. */
static h2_script *open_to_full_server(client_run *run)
{
  h2_script *peer = h2_script_start_one(takes_none_then_one);
  open_run(run);
  call_record record = {0};
  send_one(run, peer, "GET", &record);
  check_hello(&record);
  client_run_turn_until(run, has_acked_twice, peer);
  return peer;
}

static void calls_wait_while_the_server_takes_no_streams(void **state)
{
  (void)state;
  enum {
    CALLS = 5
  };
  client_run run;
  h2_script *peer = open_to_full_server(&run);
  call_record records[CALLS] = {{.action = RECORD_NOTHING}};
  for (int i = 0; i < CALLS; i++) {
    client_run_start(&run, &records[i], "GET", peer_url(peer), NULL);
  }
  client_run_turn(&run, 3);
  assert_int_equal(client_run_stats(&run).calls_waiting, CALLS);
  h2_script_open_gate(peer);
  client_run_wait(&run);
  for (int i = 0; i < CALLS; i++) {
    assert_int_equal(records[i].info.conn_id, 1);
    assert_int_equal(records[i].info.attempts, 1);
    assert_int_equal(records[i].info.stream_id, 3 + 2 * i);
    check_hello(&records[i]);
  }
  client_run_close(&run);
  h2_script_stop(peer);
}

static void waiting_for_a_stream_is_a_pool_timeout(void **state)
{
  (void)state;
  client_run run;
  h2_script *peer = open_to_full_server(&run);
  ahttp_send_opts opts = AHTTP_SEND_OPTS_INIT;
  opts.pool_ms = 50;
  call_record record = {0};
  client_run_start(&run, &record, "GET", peer_url(peer), &opts);
  client_run_wait(&run);
  assert_int_equal(record.code, AHTTP_ETIMEOUT_POOL);
  assert_int_equal(record.info.attempts, 0);
  client_run_close(&run);
  h2_script_stop(peer);
}

/* --- Death at every byte. ------------------------------------------------ */

/* SETTINGS and its ACK, head, a PING within the content, and its end. */
static const char conversation[] =
    "\x00\x00\x06\x04\x00" STREAM_0 STREAMS_MAX "\x00\x00\x00\x10"
    "\x00\x00\x00\x04\x01" STREAM_0 "\x00\x00\x01\x01\x04" STREAM_1 "\x88"
    "\x00\x00\x03\x00\x00" STREAM_1 "hel"
    "\x00\x00\x08\x06\x00" STREAM_0 "12345678"
    "\x00\x00\x02\x00\x01" STREAM_1 "lo";
enum {
  CONVERSATION_BYTES = sizeof(conversation) - 1
};

static void die_at(size_t len, h2_step_kind death)
{
  const h2_step script[] = {
      H2_DO_EXPECT(H2_HEADERS),
      {.kind = H2_BYTES, .data = conversation, .len = len},
      H2_DO(death)};
  h2_script *peer = h2_script_start_one(script);
  client_run run;
  open_run(&run);
  call_record record = {0};
  send_one(&run, peer, "GET", &record);
  bool is_reset = death == H2_RESET;
  if (len == CONVERSATION_BYTES && !(is_reset && record.code == AHTTP_EREAD)) {
    check_hello(&record);
  } else if (record.heads > 0) {
    assert_true(record.code == AHTTP_ETRUNCATED ||
                (is_reset && record.code == AHTTP_EREAD));
  } else {
    assert_true(record.code == AHTTP_EDISCONNECTED ||
                (is_reset && record.code == AHTTP_EREAD));
  }
  call_record_clear(&record);
  client_run_until_conns(&run, 0);
  client_run_close(&run);
  h2_script_stop(peer);
}

static void death_at_every_byte_is_told(void **state)
{
  (void)state;
  for (size_t len = 0; len <= CONVERSATION_BYTES; len++) {
    die_at(len, H2_END);
  }
}

static void reset_at_every_byte_is_told(void **state)
{
  (void)state;
  for (size_t len = 0; len <= CONVERSATION_BYTES; len++) {
    die_at(len, H2_RESET);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(goaway_moves_what_was_not_processed),
      cmocka_unit_test(goaway_lets_what_was_processed_finish),
      cmocka_unit_test(end_without_the_promised_answer_is_an_error),
      cmocka_unit_test(server_that_always_leaves_is_given_up),
      cmocka_unit_test(refused_stream_is_sent_again_at_once),
      cmocka_unit_test(stream_refused_three_times_is_given_up),
      cmocka_unit_test(reset_in_each_state_leaves_the_connection),
      cmocka_unit_test(reset_after_the_end_is_ignored),
      cmocka_unit_test(answer_before_the_upload_counts),
      cmocka_unit_test(silent_connection_is_given_up),
      cmocka_unit_test(calls_wait_while_the_server_takes_no_streams),
      cmocka_unit_test(waiting_for_a_stream_is_a_pool_timeout),
      cmocka_unit_test(death_at_every_byte_is_told),
      cmocka_unit_test(reset_at_every_byte_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
