/* SPDX-License-Identifier: MIT */
/*
 * Sends a request again that failed, or was answered with a status that may
 * pass (503), after a while: retry.h has the rules.
 *
 * It keeps nothing of its own.  How often a call was sent again is in its
 * response; the wait is the chain's (ah_call_delay_next()), before anybody has
 * done anything for the next hop, so that credentials with a time in them are
 * made after it.  What a call could not repeat it leaves alone, and then the
 * user gets that response or error: there is no error "too many retries".
 *
 * The budget keeps many calls from multiplying what a server that is down has
 * to answer.  It is the client's and counts what happens, not time: while
 * nothing succeeds it only shrinks (compare gRPC's retry throttling).
 */
#include "config.h"

#include "client/retrier.h"

#include <string.h>
#include <time.h>

#include <ahttp/message.h>

#include "base/error.h"
#include "base/hash.h"
#include "client/client.h"
#include "client/interceptor.h"
#include "client/options.h"
#include "http/method.h"
#include "transport/hop_trace.h"

enum {
  DEFAULT_ATTEMPTS_MAX = 3,
  /* AWS's and gRPC's documents have 0.1 to 1 s and up to 20 to 120 s. */
  DEFAULT_BACKOFF_MS = 500,
  DEFAULT_BACKOFF_MS_MAX = 30 * 1000,
  /* Long enough for the usual minute of a rate limit; longer is for whoever
   * can wait that long to say. */
  DEFAULT_RETRY_AFTER_MS_MAX = 120 * 1000,
  DEFAULT_BUDGET = 100 /* as AWS's SDKs: 500 tokens, five each */
};

/* The server is asked too much, or something behind it does not answer: RFC
 * 6585, section 4; RFC 9110, sections 15.6.3 to 15.6.5.  500 is as a rule a
 * fault that stays. */
static const int default_statuses[] = {429, 502, 503, 504};

/* --- Settings. -------------------------------------------------------------
 */

static uint32_t value_or(uint32_t value, uint32_t otherwise)
{
  if (value == AHTTP_NONE) {
    return 0;
  }
  return value == 0 ? otherwise : value;
}

static int settings_copy_statuses(ah_retry_settings *out, ah_arena *arena,
                                  const ahttp_retry_opts *opts)
{
  if (opts->no_statuses) {
    out->status_count = 0;
    return AHTTP_OK;
  }
  if (opts->statuses == NULL) {
    out->statuses = default_statuses;
    out->status_count = sizeof(default_statuses) / sizeof(default_statuses[0]);
    return opts->status_count == 0 ? AHTTP_OK : AHTTP_EINVAL;
  }
  if (opts->status_count > 1000) { /* there are not as many */
    return AHTTP_EINVAL;
  }
  size_t size = opts->status_count * sizeof(int);
  int *statuses = ah_arena_alloc(arena, size + 1);
  if (statuses == NULL) {
    return AHTTP_ENOMEM;
  }
  memcpy(statuses, opts->statuses, size);
  out->statuses = statuses;
  out->status_count = opts->status_count;
  return AHTTP_OK;
}

int ah_retry_settings_copy(const ah_retry_settings **out, ah_arena *arena,
                           const ahttp_retry_opts *opts)
{
  ahttp_retry_opts copy;
  *out = NULL;
  int rv = ah_opts_copy(&copy, sizeof(copy), opts);
  if (opts == NULL || rv != AHTTP_OK) {
    return rv;
  }
  uint32_t attempts_max = value_or(copy.attempts_max, DEFAULT_ATTEMPTS_MAX);
  if (attempts_max < 2) {
    return AHTTP_OK;
  }
  ah_retry_settings *settings = ah_arena_alloc(arena, sizeof(*settings));
  if (settings == NULL) {
    return AHTTP_ENOMEM;
  }
  *settings = (ah_retry_settings){
      .attempts_max = attempts_max,
      .on_errors = !copy.no_errors,
      .backoff_ms = value_or(copy.backoff_ms, DEFAULT_BACKOFF_MS),
      .backoff_ms_max = value_or(copy.backoff_ms_max, DEFAULT_BACKOFF_MS_MAX),
      .retry_after_ms_max =
          value_or(copy.retry_after_ms_max, DEFAULT_RETRY_AFTER_MS_MAX),
  };
  rv = settings_copy_statuses(settings, arena, &copy);
  if (rv == AHTTP_OK) {
    *out = settings;
  }
  return rv;
}

uint32_t ah_retry_backoff_ms(const ah_retry_settings *settings,
                             unsigned retries)
{
  uint64_t ms = settings->backoff_ms;
  for (; retries > 0 && ms < settings->backoff_ms_max; retries--) {
    ms *= 2;
  }
  return ms < settings->backoff_ms_max ? (uint32_t)ms
                                       : settings->backoff_ms_max;
}

/* --- The budget. -----------------------------------------------------------
 */

void ah_retry_budget_init(ah_retry_budget *budget, const ahttp_retry_opts *opts)
{
  ahttp_retry_opts copy;
  (void)ah_opts_copy(&copy, sizeof(copy), opts); /* was checked by the client */
  uint32_t count = value_or(copy.budget, DEFAULT_BUDGET);
  *budget = (ah_retry_budget){
      .parts = (uint64_t)count * AH_RETRY_PARTS,
      .parts_max = (uint64_t)count * AH_RETRY_PARTS,
      .is_unlimited = count == AHTTP_NO_LIMIT,
  };
}

static void budget_credit(ah_retry_budget *budget)
{
  if (budget->parts < budget->parts_max) {
    budget->parts++;
  }
}

static bool budget_draw(ah_retry_budget *budget)
{
  if (budget->is_unlimited) {
    return true;
  }
  if (budget->parts < AH_RETRY_PARTS) {
    return false;
  }
  budget->parts -= AH_RETRY_PARTS;
  return true;
}

/* --- Whether. --------------------------------------------------------------
 */

static bool has_status(const ah_retry_settings *settings, int status)
{
  for (size_t i = 0; i < settings->status_count; i++) {
    if (settings->statuses[i] == status) {
      return true;
    }
  }
  return false;
}

/* RFC 9110, section 9.2.2, and the field that says the same of a POST. */
static bool is_idempotent(const ahttp_call *call)
{
  const ah_request_head *head = &call->exchange.request;
  return (head->traits & AH_METHOD_IDEMPOTENT) != 0 ||
         ah_fields_find(head->fields, AH_FIELD_IDEMPOTENCY_KEY) != NULL;
}

/* Whether |code| may not come again, though nothing changes.  What our own
 * limits have caused is not the server's to mend. */
static bool is_passing(int code)
{
  return ahttp_error_is_retryable(code) && code != AHTTP_ETIMEOUT_POOL &&
         code != AHTTP_ETIMEOUT_TOTAL;
}

/* --- When. -----------------------------------------------------------------
 */

/* Evenly from 0 to |ms|: "full jitter".  The hash's secret makes it hard to
 * guess; more is not needed. */
static uint32_t any_up_to(ahttp_call *call, uint32_t ms)
{
  struct {
    const ahttp_call *call;
    uint64_t now_ns;
    uint64_t retries;
  } seed = {call, ah_loop_now_ns(call->loop), call->response.retries};
  uint64_t any = ah_hash_bytes((ahttp_str){(const char *)&seed, sizeof(seed)});
  return (uint32_t)(any % ((uint64_t)ms + 1));
}

/* What the response asks for; a date is read by the server's own clock, if it
 * tells what that shows. */
static uint32_t asked_ms(const ahttp_call *call, const ah_response_head *head)
{
  const ah_field *after = ah_fields_find(&head->fields, AH_FIELD_RETRY_AFTER);
  const ah_field *date = ah_fields_find(&head->fields, AH_FIELD_DATE);
  int64_t now_s = (int64_t)time(NULL);
  int64_t date_s;
  uint32_t ms;
  if (after == NULL) {
    return 0;
  }
  if (date != NULL &&
      ahttp_date_parse(date->value, now_s, &date_s) == AHTTP_OK) {
    now_s = date_s;
  }
  (void)ahttp_retry_after_parse(after->value, now_s,
                                call->settings->retry->retry_after_ms_max, &ms);
  return ms; /* 0 if it cannot be read */
}

static bool fits_into_total(const ahttp_call *call, uint32_t wait_ms)
{
  return call->settings->total_ms == AHTTP_NO_LIMIT ||
         ah_loop_now_ms(call->loop) + wait_ms < call->total.due_ms;
}

/* --- The interceptor. ------------------------------------------------------
 */

/* Has it sent again, if that may be; |head| or |why| is what came of it. */
static int retrier_repeat(ahttp_call *call, const ah_response_head *head,
                          const ahttp_error *why, ahttp_error *err)
{
  const ah_retry_settings *settings = call->settings->retry;
  unsigned retries = call->response.retries;
  if (retries + 1 >= settings->attempts_max) {
    return AHTTP_OK;
  }
  uint32_t wait_ms = any_up_to(call, ah_retry_backoff_ms(settings, retries));
  uint32_t least_ms = head == NULL ? 0 : asked_ms(call, head);
  if (wait_ms < least_ms) {
    wait_ms = least_ms;
  }
  if (!fits_into_total(call, wait_ms) || !ah_call_repeat(call) ||
      !budget_draw(&call->client->retry_budget)) {
    return AHTTP_OK;
  }
  if (ah_call_delay_next(call, wait_ms) != AHTTP_OK) {
    ah_error_plain(err, AHTTP_ENOMEM, AHTTP_PHASE_NONE);
    return AHTTP_ENOMEM;
  }
  call->response.retries++;
  ah_trace_hop(
      &call->exchange, AHTTP_TRACE_RETRY,
      &(ah_trace_note){.number = call->response.retries, .error = why});
  return AH_AGAIN;
}

static int retrier_on_head(ahttp_call *call, ahttp_error *err)
{
  const ah_response_head *head = &call->exchange.response;
  if (!has_status(call->settings->retry, head->status)) {
    budget_credit(&call->client->retry_budget);
    return AHTTP_OK;
  }
  return is_idempotent(call) ? retrier_repeat(call, head, NULL, err) : AHTTP_OK;
}

static int retrier_on_failure(ahttp_call *call, const ahttp_error *why,
                              ahttp_error *err)
{
  if (!call->settings->retry->on_errors || !is_passing(why->code) ||
      (!ahttp_error_is_connect(why->code) && !is_idempotent(call))) {
    return AHTTP_OK;
  }
  return retrier_repeat(call, NULL, why, err);
}

const ah_interceptor ah_retrier = {
    .name = "retry",
    .on_head = retrier_on_head,
    .on_failure = retrier_on_failure,
};
