/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ahttp/error.h>
#include <ahttp/message.h>

#include "base/str.h"
#include "client/retrier.h"
#include "support/test_alloc.h"

/* Sun, 06 Nov 1994 08:49:37 GMT */
#define THEN INT64_C(784111777)

static void retry_after_is_seconds_or_a_date(void **state)
{
  (void)state;
  static const struct {
    const char *value;
    uint32_t ms;
    bool is_one;
  } rows[] = {
      {"0", 0, true},
      {"7", 7000, true},
      {"120", 120000, true},
      {"121", 120000, true},
      {"99999999999999999999999999", 120000, true},
      {"Sun, 06 Nov 1994 08:49:37 GMT", 0, true},
      {"Sun, 06 Nov 1994 08:49:38 GMT", 1000, true},
      {"Sun, 06 Nov 1994 08:49:36 GMT", 0, true},
      {"Sunday, 06-Nov-94 08:49:40 GMT", 3000, true},
      {"Sun Nov  6 08:49:40 1994", 3000, true},
      {"Sun, 06 Nov 2094 08:49:37 GMT", 120000, true},
      {"", 0, false},
      {"-1", 0, false},
      {"1.5", 0, false},
      {"soon", 0, false},
      {"1 2", 0, false},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    uint32_t ms = 1;
    bool is_one = ahttp_retry_after_parse(ah_str_from_c(rows[i].value), THEN,
                                          120 * 1000, &ms) == AHTTP_OK;
    if (is_one != rows[i].is_one || ms != rows[i].ms) {
      fail_msg("%s: %u ms", rows[i].value, (unsigned)ms);
    }
  }
}

static void retry_after_ends_at_any_cap(void **state)
{
  uint32_t ms;
  (void)state;
  assert_int_equal(ahttp_retry_after_parse(AH_STR("5"), THEN, 0, &ms),
                   AHTTP_OK);
  assert_int_equal(ms, 0);
  assert_int_equal(ahttp_retry_after_parse(AH_STR("5"), THEN, 1500, &ms),
                   AHTTP_OK);
  assert_int_equal(ms, 1500);
  assert_int_equal(
      ahttp_retry_after_parse(AH_STR("4294968"), THEN, UINT32_MAX, &ms),
      AHTTP_OK);
  assert_int_equal(ms, UINT32_MAX);
  assert_int_equal(
      ahttp_retry_after_parse(AH_STR("4294967"), THEN, UINT32_MAX, &ms),
      AHTTP_OK);
  assert_int_equal(ms, 4294967000U);
}

static void backoff_doubles_up_to_its_cap(void **state)
{
  static const uint32_t want[] = {100, 200, 400, 800, 1000, 1000};
  const ah_retry_settings settings = {.backoff_ms = 100,
                                      .backoff_ms_max = 1000};
  (void)state;
  for (unsigned i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
    assert_int_equal(ah_retry_backoff_ms(&settings, i), want[i]);
  }
  assert_int_equal(ah_retry_backoff_ms(&settings, UINT32_MAX), 1000);
  const ah_retry_settings large = {.backoff_ms = UINT32_MAX,
                                   .backoff_ms_max = UINT32_MAX};
  assert_int_equal(ah_retry_backoff_ms(&large, 60), UINT32_MAX);
  const ah_retry_settings none = {.backoff_ms = 0, .backoff_ms_max = 1};
  assert_int_equal(ah_retry_backoff_ms(&none, 3), 0);
}

static int copy_settings(void *arg)
{
  static const int statuses[] = {500};
  const ah_retry_settings *settings;
  ahttp_retry_opts opts = AHTTP_RETRY_OPTS_INIT;
  ah_arena arena;
  (void)arg;
  opts.statuses = statuses;
  opts.status_count = 1;
  ah_arena_init(&arena, NULL, 0);
  int rv = ah_retry_settings_copy(&settings, &arena, &opts);
  if (rv == AHTTP_OK) {
    assert_int_equal(settings->statuses[0], 500);
    assert_int_equal(settings->attempts_max, 3);
    assert_true(settings->on_errors);
  } else {
    assert_null(settings);
  }
  ah_arena_clear(&arena);
  return rv;
}

static void settings_survive_every_failed_allocation(void **state)
{
  (void)state;
  test_alloc_fail_each(copy_settings, NULL);
}

static void settings_have_defaults_and_contradictions(void **state)
{
  const ah_retry_settings *settings;
  ahttp_retry_opts opts = AHTTP_RETRY_OPTS_INIT;
  ah_arena arena;
  (void)state;
  ah_arena_init(&arena, NULL, 0);
  assert_int_equal(ah_retry_settings_copy(&settings, &arena, NULL), AHTTP_OK);
  assert_null(settings);
  assert_int_equal(ah_retry_settings_copy(&settings, &arena, &opts), AHTTP_OK);
  assert_int_equal(settings->status_count, 4);
  opts.attempts_max = 1;
  assert_int_equal(ah_retry_settings_copy(&settings, &arena, &opts), AHTTP_OK);
  assert_null(settings);
  opts.attempts_max = 2;
  opts.status_count = 1;
  assert_int_equal(ah_retry_settings_copy(&settings, &arena, &opts),
                   AHTTP_EINVAL);
  assert_null(settings);
  opts.no_statuses = true;
  assert_int_equal(ah_retry_settings_copy(&settings, &arena, &opts), AHTTP_OK);
  assert_int_equal(settings->status_count, 0);
  opts.size = sizeof(opts) + 1;
  assert_int_equal(ah_retry_settings_copy(&settings, &arena, &opts),
                   AHTTP_EINVAL);
  ah_arena_clear(&arena);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(retry_after_is_seconds_or_a_date),
      cmocka_unit_test(retry_after_ends_at_any_cap),
      cmocka_unit_test(backoff_doubles_up_to_its_cap),
      cmocka_unit_test(settings_have_defaults_and_contradictions),
      cmocka_unit_test(settings_survive_every_failed_allocation),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
