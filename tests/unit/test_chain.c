/* SPDX-License-Identifier: MIT */
/* Messages pass a chain of interceptors that the test makes up, over the mock
 * transport. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ahttp/ahttp.h>

#include "base/error.h"
#include "base/str.h"
#include "client/chain.h"
#include "client/client.h"
#include "support/client_run.h"

enum {
  GROWTH = 1000, /* bytes that the expander makes of one */
  CONTENT_BYTES = 5000,
  TRIES = 3
};

/* What happened, and what the interceptors do. */
static struct {
  bool adds_tail;        /* the expander says something at the end */
  bool misses_tail;      /* it says that something is missing */
  bool refuses_trailers; /* the cookies do */
  unsigned emits;
  unsigned starts;
  unsigned heads;
  unsigned failures;
  unsigned dones;
  int last_status;
} seen;

/* --- Interceptors. ---------------------------------------------------------
 */

/* Makes many bytes of each. */
static int expander_on_head(ahttp_call *call, ahttp_error *err)
{
  int rv = ah_call_filter(call, AH_AT_DECODE);
  if (rv != AHTTP_OK) {
    ah_error_plain(err, rv, AHTTP_PHASE_NONE);
  }
  return rv;
}

static int expander_on_body(ahttp_call *call, const uint8_t *data, size_t len,
                            size_t *used, ahttp_error *err)
{
  static uint8_t block[GROWTH];
  int rv = AHTTP_OK;
  (void)err;
  while (rv == AHTTP_OK && *used < len) {
    memset(block, data[*used], sizeof(block));
    (*used)++;
    seen.emits++;
    rv = ah_call_emit(call, AH_AT_DECODE, block, sizeof(block));
  }
  return AHTTP_OK;
}

static int expander_on_end(ahttp_call *call, ahttp_error *err)
{
  if (seen.misses_tail) {
    ah_error_say(err, AHTTP_EDECODE, AHTTP_PHASE_RECEIVE,
                 "the tail is missing");
    return AHTTP_EDECODE;
  }
  if (seen.adds_tail) {
    (void)ah_call_emit(call, AH_AT_DECODE, (const uint8_t *)"tail", 4);
  }
  return AHTTP_OK;
}

static void expander_on_done(ahttp_call *call)
{
  (void)call;
  seen.dones++;
}

static const ah_interceptor expander = {
    .name = "expander",
    .on_head = expander_on_head,
    .on_body = expander_on_body,
    .on_end = expander_on_end,
    .on_done = expander_on_done,
};

/* Counts hops and heads. */
static int jar_on_start(ahttp_call *call, ahttp_error *err)
{
  ahttp_fields *fields = ah_call_outgoing(call);
  (void)err;
  seen.starts++;
  assert_non_null(fields);
  assert_null(ah_fields_find(fields, AH_FIELD_COOKIE));
  return ah_fields_add(fields, AH_STR("cookie"), AH_STR("a=b"));
}

static int jar_on_head(ahttp_call *call, ahttp_error *err)
{
  (void)err;
  seen.heads++;
  seen.last_status = call->exchange.response.status;
  return AHTTP_OK;
}

static int jar_on_trailers(ahttp_call *call, ahttp_error *err)
{
  (void)call;
  if (!seen.refuses_trailers) {
    return AHTTP_OK;
  }
  ah_error_plain(err, AHTTP_EPROTO, AHTTP_PHASE_RECEIVE);
  return AHTTP_EPROTO;
}

static const ah_interceptor jar = {
    .name = "jar",
    .on_start = jar_on_start,
    .on_head = jar_on_head,
    .on_trailers = jar_on_trailers,
};

/* Tries again after a failure or a 503, a little later. */
typedef struct retrier_state {
  ah_deadline delay;
  ahttp_call *call;
  unsigned tries;
} retrier_state;

static void retrier_on_delay(ah_deadline *deadline)
{
  retrier_state *state = AH_CONTAINER(deadline, retrier_state, delay);
  ah_call_go_on(state->call, AH_AT_RETRY, AHTTP_OK, NULL);
}

static int retrier_on_start(ahttp_call *call, ahttp_error *err)
{
  retrier_state *state = ah_call_state(call, AH_AT_RETRY, sizeof(*state));
  (void)err;
  assert_non_null(state);
  state->call = call;
  if (state->tries++ == 0) {
    return AHTTP_OK;
  }
  state->delay.expired = retrier_on_delay;
  ah_deadline_start(call->loop, &state->delay, 2);
  return AH_LATER;
}

static int retrier_again(ahttp_call *call)
{
  const retrier_state *state = ah_call_find_state(call, AH_AT_RETRY);
  return state->tries < TRIES && ah_call_repeat(call) ? AH_AGAIN : AHTTP_OK;
}

static int retrier_on_head(ahttp_call *call, ahttp_error *err)
{
  (void)err;
  return call->exchange.response.status == 503 ? retrier_again(call) : AHTTP_OK;
}

static int retrier_on_failure(ahttp_call *call, const ahttp_error *why,
                              ahttp_error *err)
{
  (void)err;
  seen.failures++;
  return why->code == AHTTP_ECONNECT ? retrier_again(call) : AHTTP_OK;
}

static void retrier_on_done(ahttp_call *call)
{
  retrier_state *state = ah_call_find_state(call, AH_AT_RETRY);
  seen.dones++;
  if (state != NULL) {
    ah_deadline_stop(&state->delay);
  }
}

static const ah_interceptor retrier = {
    .name = "retrier",
    .on_start = retrier_on_start,
    .on_head = retrier_on_head,
    .on_failure = retrier_on_failure,
    .on_done = retrier_on_done,
};

static const ah_interceptor *const table[AH_PLACES] = {
    [AH_AT_REDIRECT] = &ah_redirect_follower,
    [AH_AT_COOKIES] = &jar,
    [AH_AT_RETRY] = &retrier,
    [AH_AT_DECODE] = &expander,
};

/* --- The stage. ------------------------------------------------------------
 */

typedef struct stage {
  client_run run;
  ahttp_transport *transport;
} stage;

static void stage_open(stage *it, const ahttp_mock_reply *replies, size_t count,
                       unsigned places)
{
  ahttp_mock_opts mock_opts = AHTTP_MOCK_OPTS_INIT;
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  memset(&seen, 0, sizeof(seen));
  mock_opts.replies = replies;
  mock_opts.reply_count = count;
  assert_int_equal(ahttp_mock_new(&it->transport, &mock_opts), AHTTP_OK);
  opts.transport = it->transport;
  opts.redirects_max = 5;
  client_run_open(&it->run, &opts);
  it->run.client->interceptors = table;
  it->run.client->settings.interceptors = places;
}

static void stage_close(stage *it)
{
  client_run_close(&it->run);
  ahttp_transport_free(it->transport);
}

static void turn(stage *it, int times)
{
  for (int i = 0; i < times; i++) {
    (void)uv_run(&it->run.loop, UV_RUN_NOWAIT);
  }
}

static char content[CONTENT_BYTES];
static const ahttp_mock_reply reply = {.size = sizeof(reply),
                                       .content = {content, CONTENT_BYTES}};
static const char url[] = "http://a.example/";

/* --- Content. --------------------------------------------------------------
 */

static void content_passes_the_filter(void **state)
{
  stage it;
  call_record record = {0};
  (void)state;
  stage_open(&it, &reply, 1, AH_PLACE_BIT(AH_AT_DECODE));
  seen.adds_tail = true;
  client_run_get(&it.run, &record, url);
  assert_int_equal(record.code, AHTTP_OK);
  assert_int_equal(record.content_len, CONTENT_BYTES * GROWTH + 4);
  assert_memory_equal(record.content + record.content_len - 4, "tail", 4);
  assert_int_equal(seen.dones, 1);
  call_record_clear(&record);
  stage_close(&it);
}

/* Nobody makes more than the user takes. */
static void a_pause_stops_the_filter(void **state)
{
  stage it;
  call_record record = {.action = RECORD_PAUSE_AT_BODY};
  (void)state;
  stage_open(&it, &reply, 1, AH_PLACE_BIT(AH_AT_DECODE));
  seen.adds_tail = true;
  client_run_start(&it.run, &record, "GET", url, NULL);
  turn(&it, 10);
  assert_int_equal(seen.emits, 1);
  assert_int_equal(record.content_len, GROWTH);
  for (unsigned i = 2; i < 10; i++) {
    ahttp_call_resume(record.call);
    turn(&it, 5);
    assert_int_equal(seen.emits, i);
  }
  record.action = RECORD_NOTHING;
  ahttp_call_resume(record.call);
  client_run_wait(&it.run);
  assert_int_equal(record.code, AHTTP_OK);
  assert_int_equal(record.content_len, CONTENT_BYTES * GROWTH + 4);
  call_record_clear(&record);
  stage_close(&it);
}

/* Manual credit is for what comes out of the filter: a window of it. */
static void credit_bounds_what_the_filter_makes(void **state)
{
  stage it;
  call_record record = {0};
  size_t credited = 0;
  (void)state;
  stage_open(&it, &reply, 1, AH_PLACE_BIT(AH_AT_DECODE));
  client_run_start(&it.run, &record, "GET", url, NULL);
  ahttp_call_set_manual_credit(record.call);
  while (record.dones == 0) {
    turn(&it, 5);
    assert_true(record.content_len - credited <
                AH_EXCHANGE_WINDOW_BYTES + GROWTH);
    if (record.dones == 0) {
      ahttp_call_credit(record.call, record.content_len - credited);
      credited = record.content_len;
    }
  }
  assert_int_equal(record.code, AHTTP_OK);
  assert_int_equal(record.content_len, CONTENT_BYTES * GROWTH);
  call_record_clear(&record);
  stage_close(&it);
}

static void a_filter_can_miss_the_end(void **state)
{
  stage it;
  call_record record = {0};
  (void)state;
  stage_open(&it, &reply, 1, AH_PLACE_BIT(AH_AT_DECODE));
  seen.misses_tail = true;
  client_run_get(&it.run, &record, url);
  assert_int_equal(record.code, AHTTP_EDECODE);
  assert_non_null(strstr(record.error.text, "the tail is missing"));
  call_record_clear(&record);
  stage_close(&it);
}

static void a_call_can_be_cancelled_with_content_inside(void **state)
{
  stage it;
  call_record record = {.action = RECORD_PAUSE_AT_BODY};
  (void)state;
  stage_open(&it, &reply, 1, AH_PLACE_BIT(AH_AT_DECODE));
  client_run_start(&it.run, &record, "GET", url, NULL);
  turn(&it, 10); /* the transport has said all by now */
  assert_int_equal(record.dones, 0);
  ahttp_call_cancel(record.call);
  client_run_wait(&it.run);
  assert_int_equal(record.code, AHTTP_ECANCELED);
  assert_int_equal(record.content_len, GROWTH);
  call_record_clear(&record);
  stage_close(&it);
}

/* --- Hops. -----------------------------------------------------------------
 */

static void every_hop_and_head_is_seen(void **state)
{
  const ahttp_field location = {{"location", 8}, {"/two", 4}};
  const ahttp_mock_reply replies[] = {
      {.size = sizeof(reply),
       .url = url,
       .status = 302,
       .fields = &location,
       .field_count = 1},
      {.size = sizeof(reply), .status = 404},
  };
  stage it;
  call_record record = {0};
  (void)state;
  stage_open(&it, replies, 2, AH_PLACE_BIT(AH_AT_COOKIES));
  client_run_get(&it.run, &record, url);
  assert_int_equal(record.status, 404);
  assert_int_equal(seen.starts, 2);
  assert_int_equal(seen.heads, 2);
  assert_int_equal(seen.last_status, 404);
  for (size_t i = 0; i < 2; i++) {
    assert_true(ahttp_fields_get(
        ahttp_mock_request_fields(ahttp_mock_at(it.transport, i)), "cookie",
        NULL));
  }
  call_record_clear(&record);
  stage_close(&it);
}

static void failures_and_statuses_are_tried_again(void **state)
{
  const ahttp_mock_reply replies[] = {
      {.size = sizeof(reply), .times = 1, .error = AHTTP_ECONNECT},
      {.size = sizeof(reply), .times = 1, .status = 503, .content = {"x", 1}},
      {.size = sizeof(reply), .content = {"here", 4}},
  };
  stage it;
  call_record record = {0};
  (void)state;
  stage_open(&it, replies, 3,
             AH_PLACE_BIT(AH_AT_RETRY) | AH_PLACE_BIT(AH_AT_COOKIES));
  client_run_get(&it.run, &record, url);
  assert_int_equal(record.code, AHTTP_OK);
  assert_string_equal(record.content, "here");
  assert_int_equal(ahttp_mock_count(it.transport), 3);
  assert_int_equal(seen.starts, 3);
  assert_int_equal(seen.heads, 2); /* the 503 too: it may set cookies */
  assert_int_equal(seen.failures, 1);
  call_record_clear(&record);
  stage_close(&it);
}

static void the_last_failure_is_told(void **state)
{
  const ahttp_mock_reply bad = {.size = sizeof(bad), .error = AHTTP_ECONNECT};
  stage it;
  call_record record = {0};
  (void)state;
  stage_open(&it, &bad, 1, AH_PLACE_BIT(AH_AT_RETRY));
  client_run_get(&it.run, &record, url);
  assert_int_equal(record.code, AHTTP_ECONNECT);
  assert_int_equal(ahttp_mock_count(it.transport), TRIES);
  assert_int_equal(seen.dones, 1);
  call_record_clear(&record);
  stage_close(&it);
}

static void a_delayed_hop_can_be_cancelled(void **state)
{
  const ahttp_mock_reply bad = {.size = sizeof(bad), .error = AHTTP_ECONNECT};
  stage it;
  call_record record = {0};
  (void)state;
  stage_open(&it, &bad, 1, AH_PLACE_BIT(AH_AT_RETRY));
  client_run_start(&it.run, &record, "GET", url, NULL);
  while (seen.failures == 0) {
    (void)uv_run(&it.run.loop, UV_RUN_ONCE);
  }
  assert_int_equal(record.dones, 0);
  ahttp_call_cancel(record.call);
  client_run_wait(&it.run);
  assert_int_equal(record.code, AHTTP_ECANCELED);
  assert_int_equal(ahttp_mock_count(it.transport), 1);
  assert_int_equal(seen.dones, 1);
  call_record_clear(&record);
  stage_close(&it);
}

/* --- Trailers. -------------------------------------------------------------
 */

static int start_with_trailers(ahttp_exchange *exchange, void *user_data)
{
  const ahttp_field field = {{"x-end", 5}, {"1", 1}};
  (void)user_data;
  (void)ahttp_exchange_head(exchange, 200, NULL, 0);
  (void)ahttp_exchange_body(exchange, "ab", 2);
  (void)ahttp_exchange_trailers(exchange, &field, 1);
  (void)ahttp_exchange_done(exchange);
  return AHTTP_OK;
}

static void trailers_pass_after_the_content(void **state)
{
  (void)state;
  for (int refuses = 0; refuses < 2; refuses++) {
    ahttp_transport_opts transport_opts = AHTTP_TRANSPORT_OPTS_INIT;
    ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
    client_run run;
    call_record record = {0};
    transport_opts.start = start_with_trailers;
    assert_int_equal(ahttp_transport_new(&opts.transport, &transport_opts),
                     AHTTP_OK);
    memset(&seen, 0, sizeof(seen));
    seen.refuses_trailers = refuses == 1;
    client_run_open(&run, &opts);
    ahttp_transport_free(opts.transport);
    run.client->interceptors = table;
    run.client->settings.interceptors =
        AH_PLACE_BIT(AH_AT_COOKIES) | AH_PLACE_BIT(AH_AT_DECODE);
    client_run_get(&run, &record, url);
    assert_int_equal(record.code, refuses == 1 ? AHTTP_EPROTO : AHTTP_OK);
    assert_int_equal(record.trailers, refuses == 1 ? 0 : 1);
    assert_int_equal(record.content_len, 2 * GROWTH);
    call_record_clear(&record);
    client_run_close(&run);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(content_passes_the_filter),
      cmocka_unit_test(a_pause_stops_the_filter),
      cmocka_unit_test(credit_bounds_what_the_filter_makes),
      cmocka_unit_test(a_filter_can_miss_the_end),
      cmocka_unit_test(a_call_can_be_cancelled_with_content_inside),
      cmocka_unit_test(every_hop_and_head_is_seen),
      cmocka_unit_test(failures_and_statuses_are_tried_again),
      cmocka_unit_test(the_last_failure_is_told),
      cmocka_unit_test(a_delayed_hop_can_be_cancelled),
      cmocka_unit_test(trailers_pass_after_the_content),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
