/* SPDX-License-Identifier: MIT */
/* Requests that are sent again, by a clock that the test moves. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ahttp/ahttp.h>

#include "support/assert_text.h"
#include "support/client_run.h"
#include "support/raw_peer.h"
#include "support/test_alloc.h"

#define URL "http://a.example/"
#define NS_PER_MS UINT64_C(1000000)

enum {
  BACKOFF_MS = 500 /* the default */
};

static ahttp_str str(const char *text)
{
  return (ahttp_str){text, strlen(text)};
}

/* --- The stage. ------------------------------------------------------------
 */

static const ahttp_mock_reply ok = {.size = sizeof(ok), .content = {"here", 4}};
static const ahttp_mock_reply busy = {
    .size = sizeof(busy), .status = 503, .content = {"busy", 4}};

typedef struct stage {
  client_run run;
  ahttp_clock *clock;
  ahttp_transport *transport;
  ahttp_retry_opts retry;
} stage;

static void stage_prepare(stage *it)
{
  *it = (stage){.retry = AHTTP_RETRY_OPTS_INIT};
}

/* A client that sends again as it->retry says, over a mock that has |count|
 * replies. */
static void stage_open_with(stage *it, const ahttp_mock_reply *replies,
                            size_t count, ahttp_client_opts *opts)
{
  ahttp_mock_opts mock_opts = AHTTP_MOCK_OPTS_INIT;
  mock_opts.replies = replies;
  mock_opts.reply_count = count;
  assert_int_equal(ahttp_mock_new(&it->transport, &mock_opts), AHTTP_OK);
  assert_int_equal(ahttp_clock_new(&it->clock), AHTTP_OK);
  opts->transport = it->transport;
  opts->clock = it->clock;
  opts->retry = &it->retry;
  client_run_open(&it->run, opts);
}

static void stage_open(stage *it, const ahttp_mock_reply *replies, size_t count)
{
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  stage_open_with(it, replies, count, &opts);
}

static void stage_close(stage *it)
{
  client_run_close(&it->run);
  ahttp_transport_free(it->transport);
  ahttp_clock_free(it->clock);
}

/* Turns the loop until nothing but the clock can bring anything. */
static void settle(stage *it)
{
  for (int i = 0; i < 10; i++) {
    (void)uv_run(&it->run.loop, UV_RUN_NOWAIT);
  }
}

static size_t sent(const stage *it)
{
  return ahttp_mock_count(it->transport);
}

/* Moves the clock by |ms| and sees what that brings. */
static void pass(stage *it, uint64_t ms)
{
  ahttp_clock_advance(it->clock, ms);
  settle(it);
}

/* Has all waits pass until the call is done. */
static void finish(stage *it, const call_record *record)
{
  while (record->dones == 0) {
    pass(it, 10 * 1000);
  }
}

static void start(stage *it, call_record *record, const char *method,
                  const ahttp_send_opts *opts)
{
  *record = (call_record){.content = NULL};
  client_run_start(&it->run, record, method, URL, opts);
  settle(it);
}

/* Sends, lets it end and says how: the status or the error. */
static int outcome(stage *it, const char *method, const ahttp_send_opts *opts)
{
  call_record record;
  start(it, &record, method, opts);
  finish(it, &record);
  int code = record.code == AHTTP_OK ? record.status : record.code;
  call_record_clear(&record);
  return code;
}

/* --- Statuses. -------------------------------------------------------------
 */

static void nothing_is_sent_again_unless_asked_for(void **state)
{
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  stage it;
  (void)state;
  stage_prepare(&it);
  it.retry.attempts_max = 1;
  stage_open_with(&it, &busy, 1, &opts);
  assert_int_equal(outcome(&it, "GET", NULL), 503);
  assert_int_equal(sent(&it), 1);
  stage_close(&it);
}

static void a_status_that_may_pass_is_tried_again(void **state)
{
  static const int statuses[] = {429, 502, 503, 504};
  (void)state;
  for (size_t i = 0; i < 4; i++) {
    ahttp_mock_reply replies[] = {busy, ok};
    call_record record;
    stage it;
    replies[0].status = statuses[i];
    replies[0].times = 2;
    stage_prepare(&it);
    stage_open(&it, replies, 2);
    start(&it, &record, "GET", NULL);
    finish(&it, &record);
    assert_int_equal(record.code, AHTTP_OK);
    assert_int_equal(record.status, 200);
    assert_int_equal(record.heads, 1);
    assert_string_equal(record.content, "here");
    assert_int_equal(record.info.retries, 2);
    assert_int_equal(sent(&it), 3);
    call_record_clear(&record);
    stage_close(&it);
  }
}

static void other_statuses_are_the_users(void **state)
{
  static const int statuses[] = {200, 400, 404, 408, 500, 501, 505};
  (void)state;
  for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
    ahttp_mock_reply reply = busy;
    stage it;
    reply.status = statuses[i];
    stage_prepare(&it);
    stage_open(&it, &reply, 1);
    assert_int_equal(outcome(&it, "GET", NULL), statuses[i]);
    assert_int_equal(sent(&it), 1);
    stage_close(&it);
  }
}

static void the_last_response_is_told(void **state)
{
  call_record record;
  stage it;
  (void)state;
  stage_prepare(&it);
  stage_open(&it, &busy, 1);
  start(&it, &record, "GET", NULL);
  finish(&it, &record);
  assert_int_equal(record.status, 503);
  assert_string_equal(record.content, "busy");
  assert_int_equal(record.info.retries, 2);
  assert_int_equal(sent(&it), 3);
  call_record_clear(&record);
  stage_close(&it);
}

static void statuses_can_be_chosen_or_left_out(void **state)
{
  static const int teapot = 418;
  const ahttp_mock_reply replies[] = {
      {.size = sizeof(ok), .method = "GET", .status = 418}, busy};
  stage it;
  (void)state;
  stage_prepare(&it);
  it.retry.statuses = &teapot;
  it.retry.status_count = 1;
  stage_open(&it, replies, 2);
  assert_int_equal(outcome(&it, "GET", NULL), 418);
  assert_int_equal(sent(&it), 3);
  assert_int_equal(outcome(&it, "PUT", NULL), 503);
  assert_int_equal(sent(&it), 4);
  ahttp_send_opts send = AHTTP_SEND_OPTS_INIT;
  ahttp_retry_opts own = AHTTP_RETRY_OPTS_INIT;
  own.no_statuses = true;
  send.retry = &own;
  assert_int_equal(outcome(&it, "GET", &send), 418);
  assert_int_equal(sent(&it), 5);
  stage_close(&it);
}

/* --- Which requests. -------------------------------------------------------
 */

static void only_idempotent_requests_are_sent_again(void **state)
{
  static const struct {
    const char *method;
    size_t sent;
  } rows[] = {{"GET", 3},     {"HEAD", 3}, {"PUT", 3},   {"DELETE", 3},
              {"OPTIONS", 3}, {"POST", 1}, {"PATCH", 1}, {"X-OWN", 1}};
  stage it;
  (void)state;
  stage_prepare(&it);
  stage_open(&it, &busy, 1);
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    size_t before = sent(&it);
    assert_int_equal(outcome(&it, rows[i].method, NULL), 503);
    if (sent(&it) - before != rows[i].sent) {
      fail_msg("%s: %zu times", rows[i].method, sent(&it) - before);
    }
  }
  stage_close(&it);
}

static int send_request(stage *it, ahttp_request *request)
{
  call_record record = {.content = NULL};
  client_run_start_request(&it->run, &record, request, NULL);
  settle(it);
  finish(it, &record);
  int code = record.code == AHTTP_OK ? record.status : record.code;
  call_record_clear(&record);
  return code;
}

static void an_idempotency_key_makes_a_post_idempotent(void **state)
{
  ahttp_request *request;
  stage it;
  (void)state;
  stage_prepare(&it);
  stage_open(&it, &busy, 1);
  assert_int_equal(ahttp_request_new(&request, "POST", URL), AHTTP_OK);
  assert_int_equal(ahttp_request_add_field(request, "Idempotency-Key", "1"),
                   AHTTP_OK);
  assert_int_equal(ahttp_request_set_content(request, "again", 5), AHTTP_OK);
  assert_int_equal(send_request(&it, request), 503);
  assert_int_equal(sent(&it), 3);
  for (size_t i = 0; i < 3; i++) {
    assert_text(ahttp_mock_request_content(ahttp_mock_at(it.transport, i)),
                "again");
  }
  ahttp_request_free(request);
  stage_close(&it);
}

static int give_once(void *user_data, uint64_t offset, uint8_t *dst, size_t cap,
                     size_t *len)
{
  (void)user_data;
  (void)cap;
  *len = offset == 0 ? 1 : 0;
  dst[0] = 'x';
  return 0;
}

static void content_must_rewind(void **state)
{
  const ahttp_content_source source = {
      .size = sizeof(source), .read = give_once, .length = -1};
  ahttp_request *request;
  stage it;
  (void)state;
  stage_prepare(&it);
  stage_open(&it, &busy, 1);
  assert_int_equal(ahttp_request_new(&request, "PUT", URL), AHTTP_OK);
  assert_int_equal(ahttp_request_set_content_source(request, &source),
                   AHTTP_OK);
  assert_int_equal(send_request(&it, request), 503);
  assert_int_equal(sent(&it), 1);
  ahttp_request_free(request);
  stage_close(&it);
}

/* --- Errors. ---------------------------------------------------------------
 */

static void errors_that_may_pass_are_tried_again(void **state)
{
  static const struct {
    int code;
    size_t gets;
    size_t posts;
  } rows[] = {
      {AHTTP_ECONNECT, 3, 3},      {AHTTP_EREFUSED, 3, 3},
      {AHTTP_ERESOLVE, 3, 3},      {AHTTP_ETIMEOUT_CONNECT, 3, 3},
      {AHTTP_EREAD, 3, 1},         {AHTTP_EWRITE, 3, 1},
      {AHTTP_EDISCONNECTED, 3, 1}, {AHTTP_ESTREAM, 3, 1},
      {AHTTP_ETIMEOUT_READ, 3, 1}, {AHTTP_ENOTFOUND, 1, 1},
      {AHTTP_ECERT, 1, 1},         {AHTTP_EPROTO, 1, 1},
      {AHTTP_ETIMEOUT_POOL, 1, 1}, {AHTTP_EBODY, 1, 1},
  };
  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    const ahttp_mock_reply reply = {.size = sizeof(reply),
                                    .error = rows[i].code};
    stage it;
    stage_prepare(&it);
    stage_open(&it, &reply, 1);
    assert_int_equal(outcome(&it, "GET", NULL), rows[i].code);
    size_t gets = sent(&it);
    assert_int_equal(outcome(&it, "POST", NULL), rows[i].code);
    if (gets != rows[i].gets || sent(&it) - gets != rows[i].posts) {
      fail_msg("%s: %zu, %zu", ahttp_error_name(rows[i].code), gets,
               sent(&it) - gets);
    }
    stage_close(&it);
  }
}

static void errors_can_be_left_out(void **state)
{
  const ahttp_mock_reply reply = {.size = sizeof(reply),
                                  .error = AHTTP_ECONNECT};
  stage it;
  (void)state;
  stage_prepare(&it);
  it.retry.no_errors = true;
  stage_open(&it, &reply, 1);
  assert_int_equal(outcome(&it, "GET", NULL), AHTTP_ECONNECT);
  assert_int_equal(sent(&it), 1);
  stage_close(&it);
}

/* --- Waiting. --------------------------------------------------------------
 */

/* Between 0 and twice as much each time, and not always the same. */
static void the_wait_is_random_below_a_bound_that_doubles(void **state)
{
  enum {
    CALLS = 40
  };
  stage it;
  unsigned early[2] = {0, 0};
  (void)state;
  stage_prepare(&it);
  stage_open(&it, &busy, 1);
  for (size_t i = 0; i < CALLS; i++) {
    call_record record;
    size_t before = sent(&it);
    start(&it, &record, "GET", NULL);
    for (unsigned k = 0; k < 2; k++) {
      uint64_t bound_ms = (uint64_t)BACKOFF_MS << k;
      pass(&it, bound_ms / 2);
      early[k] += sent(&it) - before > k + 1;
      pass(&it, bound_ms / 2);
      assert_true(sent(&it) - before > k + 1);
    }
    finish(&it, &record);
    assert_int_equal(sent(&it) - before, 3);
    call_record_clear(&record);
  }
  for (unsigned k = 0; k < 2; k++) {
    assert_in_range(early[k], CALLS / 8, CALLS - CALLS / 8);
  }
  stage_close(&it);
}

/* The replies' Retry-After. */
static void check_retry_after(const char *value, const char *date,
                              uint64_t want_ms)
{
  const ahttp_field fields[] = {
      {{"Retry-After", 11}, str(value)},
      {{"Date", 4}, str(date)},
  };
  ahttp_mock_reply replies[] = {busy, ok};
  call_record record;
  stage it;
  replies[0].times = 1;
  replies[0].fields = fields;
  replies[0].field_count = 2;
  stage_prepare(&it);
  it.retry.backoff_ms = 1;
  stage_open(&it, replies, 2);
  start(&it, &record, "GET", NULL);
  pass(&it, want_ms - 1);
  assert_int_equal(sent(&it), 1);
  pass(&it, 1);
  assert_int_equal(sent(&it), 2);
  finish(&it, &record);
  assert_int_equal(record.status, 200);
  call_record_clear(&record);
  stage_close(&it);
}

static void retry_after_is_waited_for(void **state)
{
  (void)state;
  check_retry_after("7", "", 7000);
  check_retry_after("100000", "", 120 * 1000); /* at most */
  check_retry_after("Sun, 06 Nov 1994 08:49:37 GMT",
                    "Sun, 06 Nov 1994 08:48:37 GMT", 60 * 1000);
  check_retry_after("Fri, 31 Dec 9999 23:59:59 GMT", "no date", 120 * 1000);
}

static void a_wait_that_does_not_fit_is_not_begun(void **state)
{
  static const ahttp_field after = {{"Retry-After", 11}, {"10", 2}};
  ahttp_mock_reply reply = busy;
  ahttp_send_opts send = AHTTP_SEND_OPTS_INIT;
  call_record record;
  stage it;
  (void)state;
  reply.fields = &after;
  reply.field_count = 1;
  stage_prepare(&it);
  stage_open(&it, &reply, 1);
  send.total_ms = 10 * 1000;
  start(&it, &record, "GET", &send);
  assert_int_equal(record.dones, 1);
  assert_int_equal(record.status, 503);
  assert_int_equal(record.info.total_ns, 0);
  call_record_clear(&record);
  send.total_ms = 10 * 1000 + 1;
  start(&it, &record, "GET", &send);
  assert_int_equal(record.dones, 0);
  pass(&it, 10 * 1000);
  assert_int_equal(record.dones, 1);
  assert_int_equal(record.status, 503);
  assert_int_equal(record.info.retries, 1);
  assert_int_equal(record.info.earlier_ns, 10000 * NS_PER_MS);
  call_record_clear(&record);
  stage_close(&it);
}

static const ahttp_field in_a_minute = {{"Retry-After", 11}, {"60", 2}};
static const ahttp_mock_reply busy_for_a_minute = {
    .size = sizeof(busy_for_a_minute),
    .status = 503,
    .fields = &in_a_minute,
    .field_count = 1};

static void a_waiting_call_can_be_cancelled(void **state)
{
  call_record record;
  stage it;
  (void)state;
  stage_prepare(&it);
  stage_open(&it, &busy_for_a_minute, 1);
  start(&it, &record, "GET", NULL);
  assert_int_equal(sent(&it), 1);
  ahttp_call_cancel(record.call);
  client_run_wait(&it.run);
  assert_int_equal(record.code, AHTTP_ECANCELED);
  pass(&it, 60 * 1000);
  assert_int_equal(sent(&it), 1);
  call_record_clear(&record);
  stage_close(&it);
}

static void a_waiting_call_ends_with_its_client(void **state)
{
  call_record record;
  stage it;
  (void)state;
  stage_prepare(&it);
  stage_open(&it, &busy_for_a_minute, 1);
  start(&it, &record, "GET", NULL);
  ahttp_client_free(it.run.client);
  (void)uv_run(&it.run.loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&it.run.loop), 0);
  ahttp_transport_free(it.transport);
  ahttp_clock_free(it.clock);
  assert_int_equal(record.code, AHTTP_ECLOSED);
  call_record_clear(&record);
}

static void the_total_timeout_is_for_all_attempts(void **state)
{
  ahttp_mock_reply slow = busy;
  ahttp_send_opts send = AHTTP_SEND_OPTS_INIT;
  call_record record;
  stage it;
  (void)state;
  slow.delay_ms = 400;
  stage_prepare(&it);
  it.retry.backoff_ms = AHTTP_NONE;
  stage_open(&it, &slow, 1);
  send.total_ms = 1000;
  start(&it, &record, "GET", &send);
  for (int i = 0; i < 100; i++) {
    pass(&it, 10);
  }
  assert_int_equal(record.code, AHTTP_ETIMEOUT_TOTAL);
  call_record_clear(&record);
  stage_close(&it);
}

/* --- The budget. -----------------------------------------------------------
 */

static void a_dead_server_uses_the_budget_up(void **state)
{
  stage it;
  (void)state;
  stage_prepare(&it);
  it.retry.budget = 5;
  stage_open(&it, &busy, 1);
  for (int i = 0; i < 20; i++) {
    assert_int_equal(outcome(&it, "GET", NULL), 503);
  }
  assert_int_equal(sent(&it), 20 + 5);
  stage_close(&it);
}

static void good_responses_bring_the_budget_back(void **state)
{
  const ahttp_mock_reply replies[] = {
      {.size = sizeof(ok), .method = "DELETE", .status = 503}, ok};
  stage it;
  (void)state;
  stage_prepare(&it);
  it.retry.budget = 2;
  stage_open(&it, replies, 2);
  assert_int_equal(outcome(&it, "DELETE", NULL), 503);
  assert_int_equal(sent(&it), 3);
  assert_int_equal(outcome(&it, "DELETE", NULL), 503);
  assert_int_equal(sent(&it), 4);
  for (int i = 0; i < 5; i++) {
    assert_int_equal(outcome(&it, "GET", NULL), 200);
  }
  assert_int_equal(outcome(&it, "DELETE", NULL), 503);
  assert_int_equal(sent(&it), 4 + 5 + 2);
  stage_close(&it);
}

static void the_budget_can_be_unlimited(void **state)
{
  stage it;
  (void)state;
  stage_prepare(&it);
  it.retry.budget = AHTTP_NO_LIMIT;
  it.retry.attempts_max = 300;
  it.retry.backoff_ms = AHTTP_NONE;
  stage_open(&it, &busy, 1);
  assert_int_equal(outcome(&it, "GET", NULL), 503);
  assert_int_equal(sent(&it), 300);
  stage_close(&it);
}

/* --- Seen from elsewhere. --------------------------------------------------
 */

static void a_send_has_rules_of_its_own(void **state)
{
  ahttp_send_opts send = AHTTP_SEND_OPTS_INIT;
  ahttp_retry_opts own = AHTTP_RETRY_OPTS_INIT;
  stage it;
  (void)state;
  stage_prepare(&it);
  stage_open(&it, &busy, 1);
  send.retry = &own;
  own.attempts_max = 5;
  assert_int_equal(outcome(&it, "GET", &send), 503);
  assert_int_equal(sent(&it), 5);
  own.attempts_max = 1;
  assert_int_equal(outcome(&it, "GET", &send), 503);
  assert_int_equal(sent(&it), 6);
  own.size = sizeof(own) + 1;
  assert_int_equal(outcome(&it, "GET", &send), AHTTP_EINVAL);
  assert_int_equal(sent(&it), 6);
  stage_close(&it);
}

/* HTTPX's users keep the cookies of every response, so do retries. */
static void cookies_of_a_repeated_response_are_kept(void **state)
{
  static const ahttp_field set = {{"Set-Cookie", 10}, {"a=b", 3}};
  ahttp_mock_reply replies[] = {busy, ok};
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  ahttp_str value;
  stage it;
  (void)state;
  replies[0].times = 1;
  replies[0].fields = &set;
  replies[0].field_count = 1;
  opts.keep_cookies = true;
  stage_prepare(&it);
  stage_open_with(&it, replies, 2, &opts);
  assert_int_equal(outcome(&it, "GET", NULL), 200);
  assert_true(ahttp_fields_get(
      ahttp_mock_request_fields(ahttp_mock_at(it.transport, 1)), "cookie",
      &value));
  assert_text(value, "a=b");
  stage_close(&it);
}

static int check_history(ahttp_call *call, const ahttp_response *response,
                         void *user_data)
{
  unsigned *heads = user_data;
  (void)call;
  assert_int_equal(ahttp_response_status(response), 200);
  assert_int_equal(ahttp_response_redirects(response), 1);
  assert_int_equal(ahttp_response_retries(response), 2);
  assert_int_equal(ahttp_response_history_count(response), 3);
  static const int statuses[] = {503, 302, 429};
  static const unsigned retries[] = {0, 1, 1};
  for (size_t i = 0; i < 3; i++) {
    const ahttp_response *earlier = ahttp_response_history(response, i);
    assert_int_equal(ahttp_response_status(earlier), statuses[i]);
    assert_int_equal(ahttp_response_retries(earlier), retries[i]);
    assert_int_equal(ahttp_response_redirects(earlier), i == 2);
  }
  (*heads)++;
  return 0;
}

static void attempts_are_in_the_history(void **state)
{
  static const ahttp_field location = {{"Location", 8}, {"/two", 4}};
  const ahttp_mock_reply replies[] = {
      {.size = sizeof(ok), .times = 1, .status = 503},
      {.size = sizeof(ok),
       .url = URL,
       .status = 302,
       .fields = &location,
       .field_count = 1},
      {.size = sizeof(ok), .times = 1, .status = 429},
      {.size = sizeof(ok)},
  };
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  ahttp_handlers handlers = AHTTP_HANDLERS_INIT;
  ahttp_request *request;
  unsigned heads = 0;
  stage it;
  (void)state;
  opts.redirects_max = 5;
  stage_prepare(&it);
  stage_open_with(&it, replies, 4, &opts);
  handlers.on_head = check_history;
  assert_int_equal(ahttp_request_new(&request, "GET", URL), AHTTP_OK);
  assert_non_null(ahttp_start(it.run.client, request, NULL, &handlers, &heads));
  ahttp_request_free(request);
  while (heads == 0) {
    pass(&it, 1000);
  }
  settle(&it);
  stage_close(&it);
}

typedef struct retry_events {
  unsigned count;
  unsigned errors;
  uint64_t last;
} retry_events;

static void note_retry(const ahttp_trace_event *event, void *user_data)
{
  retry_events *events = user_data;
  if (event->kind == AHTTP_TRACE_RETRY) {
    events->count++;
    events->errors += event->error != NULL;
    events->last = event->number;
  }
}

static void a_trace_is_told_of_every_repetition(void **state)
{
  const ahttp_mock_reply replies[] = {
      {.size = sizeof(ok), .times = 1, .error = AHTTP_EREAD},
      {.size = sizeof(ok), .times = 1, .status = 503},
      ok};
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  ahttp_trace trace = AHTTP_TRACE_INIT;
  retry_events events = {0};
  stage it;
  (void)state;
  trace.callback = note_retry;
  trace.user_data = &events;
  opts.trace = &trace;
  stage_prepare(&it);
  stage_open_with(&it, replies, 3, &opts);
  assert_int_equal(outcome(&it, "GET", NULL), 200);
  assert_int_equal(events.count, 2);
  assert_int_equal(events.errors, 1);
  assert_int_equal(events.last, 2);
  stage_close(&it);
}

/* --- On the wire. ----------------------------------------------------------
 */

/* A connection that is closed without an answer, one that is busy, one that
 * does it. */
static void a_server_that_comes_back_is_reached(void **state)
{
  static const raw_step dies[] = {{RAW_EXPECT_HEAD, NULL, 0},
                                  {RAW_END, NULL, 0}};
  static const raw_step is_busy[] = {
      {RAW_EXPECT_HEAD, NULL, 0},
      RAW_SEND_TEXT("HTTP/1.1 503 Busy\r\nRetry-After: 0\r\n"
                    "Content-Length: 4\r\nConnection: close\r\n\r\nbusy"),
      {RAW_END, NULL, 0}};
  static const raw_step is_back[] = {
      {RAW_EXPECT_HEAD, NULL, 0},
      RAW_SEND_TEXT("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhere"),
      {RAW_EXPECT_EOF, NULL, 0},
      {RAW_END, NULL, 0}};
  const raw_step *const scripts[] = {dies, is_busy, is_back};
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  ahttp_retry_opts retry = AHTTP_RETRY_OPTS_INIT;
  ahttp_client *client;
  ahttp_response *response;
  (void)state;
  raw_peer *peer = raw_peer_start(scripts, 3);
  retry.backoff_ms = 1;
  opts.retry = &retry;
  assert_int_equal(ahttp_client_new(&client, &opts), AHTTP_OK);
  assert_int_equal(ahttp_get(client, test_url("http", raw_peer_port(peer), "/"),
                             &response, NULL),
                   AHTTP_OK);
  assert_text(ahttp_response_content(response), "here");
  assert_int_equal(ahttp_response_retries(response), 2);
  assert_int_equal(ahttp_response_history_count(response), 1);
  assert_int_equal(raw_peer_accepted(peer), 3);
  ahttp_response_free(response);
  ahttp_client_free(client);
  raw_peer_stop(peer);
}

/* --- Memory. ---------------------------------------------------------------
 */

static int get_with_retries(void *arg)
{
  static const ahttp_field set = {{"Set-Cookie", 10}, {"a=b", 3}};
  const ahttp_mock_reply replies[] = {
      {.size = sizeof(ok), .times = 1, .error = AHTTP_EREAD},
      {.size = sizeof(ok),
       .times = 1,
       .status = 503,
       .fields = &set,
       .field_count = 1},
      ok};
  static const int statuses[] = {503};
  ahttp_mock_opts mock_opts = AHTTP_MOCK_OPTS_INIT;
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  ahttp_retry_opts retry = AHTTP_RETRY_OPTS_INIT;
  ahttp_send_opts send = AHTTP_SEND_OPTS_INIT;
  ahttp_fetch_opts fetch = AHTTP_FETCH_OPTS_INIT;
  ahttp_transport *transport;
  ahttp_client *client = NULL;
  ahttp_response *response = NULL;
  (void)arg;
  mock_opts.replies = replies;
  mock_opts.reply_count = 3;
  int rv = ahttp_mock_new(&transport, &mock_opts);
  retry.backoff_ms = AHTTP_NONE;
  retry.statuses = statuses;
  retry.status_count = 1;
  opts.transport = transport;
  opts.retry = &retry;
  opts.keep_cookies = true;
  send.retry = &retry;
  fetch.send = &send;
  if (rv == AHTTP_OK) {
    rv = ahttp_client_new(&client, &opts);
  }
  if (rv == AHTTP_OK) {
    rv = ahttp_fetch(client, URL, &fetch, &response, NULL);
  }
  if (rv == AHTTP_OK) {
    assert_int_equal(ahttp_response_retries(response), 2);
  }
  ahttp_response_free(response);
  ahttp_client_free(client);
  ahttp_transport_free(transport);
  return rv;
}

static void retries_survive_every_failed_allocation(void **state)
{
  (void)state;
  test_alloc_fail_each(get_with_retries, NULL);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nothing_is_sent_again_unless_asked_for),
      cmocka_unit_test(a_status_that_may_pass_is_tried_again),
      cmocka_unit_test(other_statuses_are_the_users),
      cmocka_unit_test(the_last_response_is_told),
      cmocka_unit_test(statuses_can_be_chosen_or_left_out),
      cmocka_unit_test(only_idempotent_requests_are_sent_again),
      cmocka_unit_test(an_idempotency_key_makes_a_post_idempotent),
      cmocka_unit_test(content_must_rewind),
      cmocka_unit_test(errors_that_may_pass_are_tried_again),
      cmocka_unit_test(errors_can_be_left_out),
      cmocka_unit_test(the_wait_is_random_below_a_bound_that_doubles),
      cmocka_unit_test(retry_after_is_waited_for),
      cmocka_unit_test(a_wait_that_does_not_fit_is_not_begun),
      cmocka_unit_test(a_waiting_call_can_be_cancelled),
      cmocka_unit_test(a_waiting_call_ends_with_its_client),
      cmocka_unit_test(the_total_timeout_is_for_all_attempts),
      cmocka_unit_test(a_dead_server_uses_the_budget_up),
      cmocka_unit_test(good_responses_bring_the_budget_back),
      cmocka_unit_test(the_budget_can_be_unlimited),
      cmocka_unit_test(a_send_has_rules_of_its_own),
      cmocka_unit_test(cookies_of_a_repeated_response_are_kept),
      cmocka_unit_test(attempts_are_in_the_history),
      cmocka_unit_test(a_trace_is_told_of_every_repetition),
      cmocka_unit_test(a_server_that_comes_back_is_reached),
      cmocka_unit_test(retries_survive_every_failed_allocation),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
