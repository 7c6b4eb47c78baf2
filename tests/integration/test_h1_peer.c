/* SPDX-License-Identifier: MIT */
/* The whole library over HTTP/1.1 against a scripted server on loopback. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ahttp/ahttp.h>

#include "support/client_run.h"
#include "support/raw_peer.h"

#define OK_HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

static void get_one(raw_peer *peer, call_record *record)
{
  client_run run;
  client_run_open(&run, NULL);
  client_run_get(&run, record, test_url("http", raw_peer_port(peer), "/"));
  client_run_close(&run);
}

/* --- Keeping and reusing connections. ------------------------------------- */

static void second_request_reuses_the_connection(void **state)
{
  (void)state;
  const raw_step script[] = {
      {RAW_EXPECT_HEAD, NULL, 0}, RAW_SEND_TEXT(OK_HELLO),
      {RAW_EXPECT_HEAD, NULL, 0}, RAW_SEND_TEXT(OK_HELLO),
      {RAW_EXPECT_EOF, NULL, 0},  {RAW_END, NULL, 0}};
  raw_peer *peer = raw_peer_start_one(script);
  client_run run;
  client_run_open(&run, NULL);
  for (int i = 0; i < 2; i++) {
    call_record record = {0};
    client_run_get(&run, &record, test_url("http", raw_peer_port(peer), "/"));
    assert_int_equal(record.code, AHTTP_OK);
    assert_int_equal(record.status, 200);
    assert_string_equal(record.content, "hello");
    assert_int_equal(record.info.reused, i == 1);
    call_record_clear(&record);
  }
  assert_int_equal(raw_peer_accepted(peer), 1);
  client_run_close(&run);
  raw_peer_stop(peer);
}

static void request_has_host_agent_and_accept(void **state)
{
  (void)state;
  const raw_step script[] = {
      {RAW_EXPECT_HEAD, NULL, 0}, RAW_SEND_TEXT(OK_HELLO), {RAW_END, NULL, 0}};
  raw_peer *peer = raw_peer_start_one(script);
  call_record record = {0};
  client_run run;
  client_run_open(&run, NULL);
  client_run_get(&run, &record,
                 test_url("http", raw_peer_port(peer), "/a%20b?q=1#frag"));
  client_run_close(&run);
  assert_int_equal(record.code, AHTTP_OK);
  char want[256];
  (void)snprintf(want, sizeof(want),
                 "GET /a%%20b?q=1 HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n",
                 (unsigned)raw_peer_port(peer));
  const char *got = raw_peer_received(peer, NULL);
  assert_int_equal(strncmp(got, want, strlen(want)), 0);
  assert_non_null(
      strstr(got, "\r\nuser-agent: libahttp/" AHTTP_VERSION_STRING "\r\n"));
  assert_non_null(strstr(got, "\r\naccept: */*\r\n"));
  assert_null(strstr(got, "frag"));
  call_record_clear(&record);
  raw_peer_stop(peer);
}

static void bytes_after_a_response_end_the_connection(void **state)
{
  (void)state;
  const raw_step script[] = {
      {RAW_EXPECT_HEAD, NULL, 0},
      RAW_SEND_TEXT(OK_HELLO
                    "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"),
      {RAW_EXPECT_EOF, NULL, 0},
      {RAW_END, NULL, 0}};
  raw_peer *peer = raw_peer_start_one(script);
  client_run run;
  client_run_open(&run, NULL);
  for (int i = 0; i < 2; i++) {
    call_record record = {0};
    client_run_get(&run, &record, test_url("http", raw_peer_port(peer), "/"));
    assert_int_equal(record.code, AHTTP_OK);
    assert_string_equal(record.content, "hello");
    call_record_clear(&record);
  }
  assert_int_equal(raw_peer_accepted(peer), 2);
  client_run_close(&run);
  raw_peer_stop(peer);
}

/* --- Retries. ---------------------------------------------------------------
 */

/* The first connection answers once and dies on the second request. */
static const raw_step dies_when_reused[] = {{RAW_EXPECT_HEAD, NULL, 0},
                                            RAW_SEND_TEXT(OK_HELLO),
                                            {RAW_EXPECT_HEAD, NULL, 0},
                                            {RAW_END, NULL, 0}};
static const raw_step answers_once[] = {
    {RAW_EXPECT_HEAD, NULL, 0}, RAW_SEND_TEXT(OK_HELLO), {RAW_END, NULL, 0}};

static void send_on_dying_connection(const char *method, call_record *second,
                                     unsigned *accepted)
{
  const raw_step *const scripts[] = {dies_when_reused, answers_once};
  raw_peer *peer = raw_peer_start(scripts, 2);
  client_run run;
  client_run_open(&run, NULL);
  call_record first = {0};
  const char *url = test_url("http", raw_peer_port(peer), "/");
  client_run_get(&run, &first, url);
  assert_int_equal(first.code, AHTTP_OK);
  client_run_start(&run, second, method, url, NULL);
  client_run_wait(&run);
  call_record_clear(&first);
  client_run_close(&run);
  *accepted = raw_peer_accepted(peer);
  raw_peer_stop(peer);
}

static void get_on_a_dead_reused_connection_is_sent_again(void **state)
{
  (void)state;
  call_record record = {0};
  unsigned accepted;
  send_on_dying_connection("GET", &record, &accepted);
  assert_int_equal(record.code, AHTTP_OK);
  assert_string_equal(record.content, "hello");
  assert_int_equal(record.info.attempts, 2);
  assert_int_equal(accepted, 2);
  call_record_clear(&record);
}

static void post_on_a_dead_reused_connection_fails(void **state)
{
  (void)state;
  call_record record = {0};
  unsigned accepted;
  send_on_dying_connection("POST", &record, &accepted);
  assert_int_equal(record.code, AHTTP_EDISCONNECTED);
  assert_int_equal(accepted, 1);
  call_record_clear(&record);
}

static void get_on_a_fresh_connection_that_dies_fails(void **state)
{
  (void)state;
  const raw_step script[] = {{RAW_EXPECT_HEAD, NULL, 0}, {RAW_END, NULL, 0}};
  raw_peer *peer = raw_peer_start_one(script);
  call_record record = {0};
  get_one(peer, &record);
  assert_int_equal(record.code, AHTTP_EDISCONNECTED);
  assert_int_equal(raw_peer_accepted(peer), 1);
  assert_non_null(strstr(record.error.text, "http://127.0.0.1:"));
  raw_peer_stop(peer);
}

/* --- Death at every byte. ----------------------------------------------------
 */

static const char *const mortal_responses[] = {
    "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nX-Sum: 1\r\n\r\n",
    "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world",
};

static void die_at(const char *response, size_t len, raw_kind death)
{
  const raw_step script[] = {
      {RAW_EXPECT_HEAD, NULL, 0}, {RAW_SEND, response, len}, {death, NULL, 0}};
  raw_peer *peer = raw_peer_start_one(script);
  call_record record = {0};
  get_one(peer, &record);
  assert_int_equal(record.dones, 1);
  if (len == strlen(response)) {
    assert_int_equal(record.code, AHTTP_OK);
    assert_string_equal(record.content, "hello world");
  } else if (record.heads == 1) {
    /* A reset may overtake bytes; an orderly end may not. */
    assert_true(record.code == AHTTP_ETRUNCATED ||
                (death == RAW_RESET && record.code == AHTTP_EREAD));
  } else {
    assert_true(record.code == AHTTP_EDISCONNECTED ||
                record.code == AHTTP_ETRUNCATED ||
                (death == RAW_RESET && record.code == AHTTP_EREAD));
  }
  call_record_clear(&record);
  raw_peer_stop(peer);
}

static void server_death_at_every_byte_is_told(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof(mortal_responses) / sizeof(char *); i++) {
    for (size_t n = 0; n <= strlen(mortal_responses[i]); n++) {
      die_at(mortal_responses[i], n, RAW_END);
    }
  }
}

static void server_reset_at_every_byte_is_told(void **state)
{
  (void)state;
  for (size_t n = 0; n < strlen(mortal_responses[1]); n++) {
    die_at(mortal_responses[1], n, RAW_RESET);
  }
}

static void response_byte_by_byte_is_whole(void **state)
{
  (void)state;
  const raw_step script[] = {
      {RAW_EXPECT_HEAD, NULL, 0},
      RAW_SEND_EACH_TEXT("HTTP/1.1 100 Continue\r\n\r\n"
                         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                         "5\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 42\r\n\r\n"),
      {RAW_EXPECT_EOF, NULL, 0},
      {RAW_END, NULL, 0}};
  raw_peer *peer = raw_peer_start_one(script);
  call_record record = {0};
  get_one(peer, &record);
  assert_int_equal(record.code, AHTTP_OK);
  assert_int_equal(record.informationals, 1);
  assert_int_equal(record.trailers, 1);
  assert_string_equal(record.trailer, "42");
  assert_string_equal(record.content, "hello world");
  call_record_clear(&record);
  raw_peer_stop(peer);
}

/* --- Cancelling at every phase.
 * ----------------------------------------------- */

static const raw_step big_then_hold[] = {
    {RAW_EXPECT_HEAD, NULL, 0},
    RAW_SEND_TEXT("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"),
    {RAW_FILL, NULL, 1000},
    {RAW_HOLD, NULL, 0}};

static void cancel_when(record_action action, int turns)
{
  raw_peer *peer = raw_peer_start_one(big_then_hold);
  client_run run;
  client_run_open(&run, NULL);
  call_record record = {.action = action};
  client_run_start(&run, &record, "GET",
                   test_url("http", raw_peer_port(peer), "/"), NULL);
  if (action == RECORD_NOTHING) {
    for (int i = 0; i < turns && record.call != NULL; i++) {
      (void)uv_run(&run.loop, UV_RUN_NOWAIT);
    }
    ahttp_call_cancel(record.call);
    assert_int_equal(record.dones, 0); /* never from within */
  }
  client_run_wait(&run);
  assert_int_equal(record.dones, 1);
  assert_int_equal(record.code, action == RECORD_FAIL_AT_BODY
                                    ? AHTTP_ECALLBACK
                                    : AHTTP_ECANCELED);
  client_run_close(&run);
  call_record_clear(&record);
  raw_peer_stop(peer);
}

static void cancel_before_the_first_turn(void **state)
{
  (void)state;
  cancel_when(RECORD_NOTHING, 0);
}

static void cancel_after_each_turn(void **state)
{
  (void)state;
  for (int turns = 1; turns < 12; turns++) {
    cancel_when(RECORD_NOTHING, turns);
  }
}

static void cancel_in_on_head(void **state)
{
  (void)state;
  cancel_when(RECORD_CANCEL_AT_HEAD, 0);
}

static void cancel_in_on_body(void **state)
{
  (void)state;
  cancel_when(RECORD_CANCEL_AT_BODY, 0);
}

static void handler_that_fails_ends_the_call(void **state)
{
  (void)state;
  cancel_when(RECORD_FAIL_AT_BODY, 0);
}

static void closing_the_client_ends_its_calls(void **state)
{
  (void)state;
  raw_peer *peer = raw_peer_start_one(big_then_hold);
  client_run run;
  client_run_open(&run, NULL);
  call_record records[3] = {{0}, {0}, {0}};
  for (int i = 0; i < 3; i++) {
    client_run_start(&run, &records[i], "GET",
                     test_url("http", raw_peer_port(peer), "/"), NULL);
  }
  for (int i = 0; i < 5; i++) {
    (void)uv_run(&run.loop, UV_RUN_NOWAIT);
  }
  ahttp_client_free(run.client);
  (void)uv_run(&run.loop, UV_RUN_DEFAULT);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(records[i].dones, 1);
    assert_int_equal(records[i].code, AHTTP_ECLOSED);
    call_record_clear(&records[i]);
  }
  assert_int_equal(uv_loop_close(&run.loop), 0);
  raw_peer_stop(peer);
}

/* --- Timeouts.
 * ---------------------------------------------------------------- */

static void time_out(const ahttp_send_opts *opts, int code)
{
  raw_peer *peer = raw_peer_start_one(big_then_hold);
  client_run run;
  client_run_open(&run, NULL);
  call_record record = {0};
  client_run_start(&run, &record, "GET",
                   test_url("http", raw_peer_port(peer), "/"), opts);
  client_run_wait(&run);
  assert_int_equal(record.code, code);
  assert_int_equal(record.content_len, 1000);
  client_run_close(&run);
  call_record_clear(&record);
  raw_peer_stop(peer);
}

static void silence_in_the_body_is_a_read_timeout(void **state)
{
  (void)state;
  ahttp_send_opts opts = AHTTP_SEND_OPTS_INIT;
  opts.read_ms = 100;
  time_out(&opts, AHTTP_ETIMEOUT_READ);
}

static void total_deadline_ends_the_call(void **state)
{
  (void)state;
  ahttp_send_opts opts = AHTTP_SEND_OPTS_INIT;
  opts.total_ms = 100;
  time_out(&opts, AHTTP_ETIMEOUT_TOTAL);
}

static void waiting_for_a_connection_is_a_pool_timeout(void **state)
{
  (void)state;
  raw_peer *peer = raw_peer_start_one(big_then_hold);
  client_run run;
  ahttp_client_opts client_opts = AHTTP_CLIENT_OPTS_INIT;
  client_opts.conns_max = 1;
  client_run_open(&run, &client_opts);
  ahttp_send_opts opts = AHTTP_SEND_OPTS_INIT;
  opts.pool_ms = 50;
  opts.read_ms = 400;
  call_record first = {0};
  call_record second = {0};
  const char *url = test_url("http", raw_peer_port(peer), "/");
  client_run_start(&run, &first, "GET", url, &opts);
  client_run_start(&run, &second, "GET", url, &opts);
  client_run_wait(&run);
  assert_int_equal(first.code, AHTTP_ETIMEOUT_READ);
  assert_int_equal(second.code, AHTTP_ETIMEOUT_POOL);
  client_run_close(&run);
  call_record_clear(&first);
  raw_peer_stop(peer);
}

/* --- Backpressure.
 * ------------------------------------------------------------- */

static void paused_call_gets_no_body_until_resumed(void **state)
{
  (void)state;
  enum {
    BODY = 3000000
  };
  const raw_step script[] = {
      {RAW_EXPECT_HEAD, NULL, 0},
      RAW_SEND_TEXT("HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n"),
      {RAW_FILL, NULL, BODY},
      {RAW_EXPECT_EOF, NULL, 0},
      {RAW_END, NULL, 0}};
  raw_peer *peer = raw_peer_start_one(script);
  client_run run;
  client_run_open(&run, NULL);
  call_record record = {.action = RECORD_PAUSE_AT_BODY};
  client_run_start(&run, &record, "GET",
                   test_url("http", raw_peer_port(peer), "/"), NULL);
  while (record.call != NULL) {
    size_t before = record.content_len;
    ahttp_call_resume(record.call);
    assert_int_equal(record.content_len, before); /* never from within */
    while (record.call != NULL && record.content_len == before) {
      (void)uv_run(&run.loop, UV_RUN_ONCE);
    }
    size_t after = record.content_len;
    for (int i = 0; i < 3; i++) {
      (void)uv_run(&run.loop, UV_RUN_NOWAIT);
    }
    assert_int_equal(record.content_len, after); /* paused in on_body */
  }
  assert_int_equal(record.code, AHTTP_OK);
  assert_int_equal(record.content_len, BODY);
  client_run_close(&run);
  call_record_clear(&record);
  raw_peer_stop(peer);
}

/* --- Uploads.
 * --------------------------------------------------------------------
 */

static void upload_of_known_length_is_sent_whole(void **state)
{
  (void)state;
  enum {
    BODY = 2000000
  };
  const raw_step script[] = {{RAW_EXPECT_HEAD, NULL, 0},
                             {RAW_EXPECT, NULL, BODY},
                             RAW_SEND_TEXT(OK_HELLO),
                             {RAW_EXPECT_EOF, NULL, 0},
                             {RAW_END, NULL, 0}};
  raw_peer *peer = raw_peer_start_one(script);
  client_run run;
  client_run_open(&run, NULL);
  char *body = malloc(BODY);
  assert_non_null(body);
  memset(body, 'u', BODY);
  ahttp_request *request;
  assert_int_equal(
      ahttp_request_new(&request, "PUT",
                        test_url("http", raw_peer_port(peer), "/up")),
      AHTTP_OK);
  assert_int_equal(ahttp_request_set_content(request, body, BODY), AHTTP_OK);
  free(body);
  call_record record = {0};
  client_run_start_request(&run, &record, request, NULL);
  ahttp_request_free(request);
  client_run_wait(&run);
  assert_int_equal(record.code, AHTTP_OK);
  assert_int_equal(record.uploaded, BODY);
  assert_non_null(
      strstr(raw_peer_received(peer, NULL), "\r\nContent-Length: 2000000\r\n"));
  client_run_close(&run);
  call_record_clear(&record);
  raw_peer_stop(peer);
}

static int read_three_chunks(void *user_data, uint64_t offset, uint8_t *dst,
                             size_t cap, size_t *len)
{
  (void)user_data;
  assert_true(cap >= 5);
  *len = offset < 15 ? 5 : 0;
  memcpy(dst, "abcde", *len);
  return 0;
}

static void upload_of_unknown_length_is_chunked(void **state)
{
  (void)state;
  const raw_step script[] = {{RAW_EXPECT_HEAD, NULL, 0},
                             {RAW_EXPECT_HEAD, NULL, 0}, /* the last chunk */
                             RAW_SEND_TEXT(OK_HELLO),
                             {RAW_END, NULL, 0}};
  raw_peer *peer = raw_peer_start_one(script);
  client_run run;
  client_run_open(&run, NULL);
  ahttp_request *request;
  assert_int_equal(
      ahttp_request_new(&request, "POST",
                        test_url("http", raw_peer_port(peer), "/up")),
      AHTTP_OK);
  const ahttp_content_source source = {
      .size = sizeof(source), .read = read_three_chunks, .length = -1};
  assert_int_equal(ahttp_request_set_content_source(request, &source),
                   AHTTP_OK);
  call_record record = {0};
  client_run_start_request(&run, &record, request, NULL);
  ahttp_request_free(request);
  client_run_wait(&run);
  assert_int_equal(record.code, AHTTP_OK);
  const char *got = raw_peer_received(peer, NULL);
  assert_non_null(strstr(got, "\r\nTransfer-Encoding: chunked\r\n"));
  assert_null(strstr(got, "Content-Length"));
  assert_string_equal(got + strlen(got) - 7, "\r\n0\r\n\r\n");
  client_run_close(&run);
  call_record_clear(&record);
  raw_peer_stop(peer);
}

/* --- Redirects.
 * -------------------------------------------------------------------
 */

static void redirects_are_followed_up_to_the_limit(void **state)
{
  (void)state;
  const raw_step script[] = {
      {RAW_EXPECT_HEAD, NULL, 0},
      RAW_SEND_TEXT("HTTP/1.1 302 Found\r\nLocation: /next\r\n"
                    "Content-Length: 4\r\n\r\ngone"),
      {RAW_EXPECT_HEAD, NULL, 0},
      RAW_SEND_TEXT(OK_HELLO),
      {RAW_EXPECT_HEAD, NULL, 0},
      RAW_SEND_TEXT("HTTP/1.1 302 Found\r\nLocation: /next\r\n"
                    "Content-Length: 4\r\n\r\ngone"),
      {RAW_EXPECT_HEAD, NULL, 0},
      RAW_SEND_TEXT("HTTP/1.1 302 Found\r\nLocation: /next\r\n"
                    "Content-Length: 4\r\n\r\ngone"),
      {RAW_EXPECT_EOF, NULL, 0},
      {RAW_END, NULL, 0}};
  raw_peer *peer = raw_peer_start_one(script);
  client_run run;
  client_run_open(&run, NULL);
  ahttp_send_opts opts = AHTTP_SEND_OPTS_INIT;
  opts.redirects_max = 1;
  const char *url = test_url("http", raw_peer_port(peer), "/");
  call_record record = {0};
  client_run_start(&run, &record, "GET", url, &opts);
  client_run_wait(&run);
  assert_int_equal(record.code, AHTTP_OK);
  assert_string_equal(record.content, "hello");
  assert_non_null(strstr(raw_peer_received(peer, NULL), "GET /next HTTP/1.1"));
  call_record_clear(&record);

  client_run_start(&run, &record, "GET", url, &opts);
  client_run_wait(&run);
  assert_int_equal(record.code, AHTTP_EREDIRECTS);
  assert_int_equal(record.heads, 0);
  client_run_close(&run);
  raw_peer_stop(peer);
}

/* --- Connecting.
 * ------------------------------------------------------------------
 */

static void refused_connection_names_the_address(void **state)
{
  (void)state;
  const raw_step script[] = {{RAW_END, NULL, 0}};
  raw_peer *peer = raw_peer_start_one(script);
  uint16_t port = raw_peer_port(peer);
  raw_peer_stop(peer);
  client_run run;
  client_run_open(&run, NULL);
  call_record record = {0};
  client_run_get(&run, &record, test_url("http", port, "/"));
  assert_int_equal(record.code, AHTTP_EREFUSED);
  assert_int_equal(record.error.phase, AHTTP_PHASE_CONNECT);
  assert_int_equal(record.error.domain, AHTTP_DOMAIN_OS);
  char address[32];
  (void)snprintf(address, sizeof(address), "127.0.0.1:%u", (unsigned)port);
  assert_non_null(strstr(record.error.text, address));
  client_run_close(&run);
}

/* --- The blocking face.
 * -------------------------------------------------------------
 */

static void blocking_get_returns_the_whole_response(void **state)
{
  (void)state;
  raw_peer *peer = raw_peer_start_one(answers_once);
  ahttp_client *client;
  assert_int_equal(ahttp_client_new(&client, NULL), AHTTP_OK);
  for (int i = 0; i < 3; i++) {
    ahttp_response *response;
    ahttp_error err;
    assert_int_equal(ahttp_get(client,
                               test_url("http", raw_peer_port(peer), "/"),
                               &response, &err),
                     AHTTP_OK);
    assert_int_equal(ahttp_response_status(response), 200);
    assert_string_equal(ahttp_response_content(response).ptr, "hello");
    assert_int_equal(ahttp_response_content(response).len, 5);
    if (i == 2) { /* a response outlives its client */
      ahttp_client_free(client);
    }
    assert_int_equal(ahttp_response_version(response), AHTTP_VERSION_1_1);
    ahttp_response_free(response);
  }
  raw_peer_stop(peer);
}

static void blocking_get_over_its_content_limit_fails(void **state)
{
  (void)state;
  const raw_step script[] = {
      {RAW_EXPECT_HEAD, NULL, 0},
      RAW_SEND_TEXT("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"),
      {RAW_FILL, NULL, 100000},
      {RAW_END, NULL, 0}};
  raw_peer *peer = raw_peer_start_one(script);
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.content_max = 1000;
  ahttp_client *client;
  assert_int_equal(ahttp_client_new(&client, &opts), AHTTP_OK);
  ahttp_response *response;
  ahttp_error err;
  assert_int_equal(ahttp_get(client, test_url("http", raw_peer_port(peer), "/"),
                             &response, &err),
                   AHTTP_ELIMIT);
  assert_null(response);
  assert_int_equal(err.code, AHTTP_ELIMIT);
  ahttp_client_free(client);
  raw_peer_stop(peer);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(second_request_reuses_the_connection),
      cmocka_unit_test(request_has_host_agent_and_accept),
      cmocka_unit_test(bytes_after_a_response_end_the_connection),
      cmocka_unit_test(get_on_a_dead_reused_connection_is_sent_again),
      cmocka_unit_test(post_on_a_dead_reused_connection_fails),
      cmocka_unit_test(get_on_a_fresh_connection_that_dies_fails),
      cmocka_unit_test(server_death_at_every_byte_is_told),
      cmocka_unit_test(server_reset_at_every_byte_is_told),
      cmocka_unit_test(response_byte_by_byte_is_whole),
      cmocka_unit_test(cancel_before_the_first_turn),
      cmocka_unit_test(cancel_after_each_turn),
      cmocka_unit_test(cancel_in_on_head),
      cmocka_unit_test(cancel_in_on_body),
      cmocka_unit_test(handler_that_fails_ends_the_call),
      cmocka_unit_test(closing_the_client_ends_its_calls),
      cmocka_unit_test(silence_in_the_body_is_a_read_timeout),
      cmocka_unit_test(total_deadline_ends_the_call),
      cmocka_unit_test(waiting_for_a_connection_is_a_pool_timeout),
      cmocka_unit_test(paused_call_gets_no_body_until_resumed),
      cmocka_unit_test(upload_of_known_length_is_sent_whole),
      cmocka_unit_test(upload_of_unknown_length_is_chunked),
      cmocka_unit_test(redirects_are_followed_up_to_the_limit),
      cmocka_unit_test(refused_connection_names_the_address),
      cmocka_unit_test(blocking_get_returns_the_whole_response),
      cmocka_unit_test(blocking_get_over_its_content_limit_fails),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
