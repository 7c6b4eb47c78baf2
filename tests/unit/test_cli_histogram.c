/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/histogram.h"

#define US UINT64_C(1000)

/* True if |got| is at most 1 % (and half a microsecond) off |want|. */
static bool is_near(uint64_t got, uint64_t want)
{
  uint64_t difference = got > want ? got - want : want - got;

  return difference <= want / 100 + US / 2;
}

static void histogram_without_samples_tells_zero(void **state)
{
  cli_histogram *histogram = test_calloc(1, sizeof(*histogram));

  (void)state;
  assert_int_equal(cli_histogram_percentile_ns(histogram, 50), 0);
  test_free(histogram);
}

static void histogram_one_sample_is_every_percentile(void **state)
{
  (void)state;
  for (uint64_t us = 1; us < UINT64_C(60000000000); us = us * 3 / 2 + 1) {
    cli_histogram *histogram = test_calloc(1, sizeof(*histogram));
    cli_histogram_add(histogram, us * US);
    assert_true(is_near(cli_histogram_percentile_ns(histogram, 1), us * US));
    assert_true(is_near(cli_histogram_percentile_ns(histogram, 99), us * US));
    assert_true(histogram->max_ns == us * US);
    test_free(histogram);
  }
}

static int compare(const void *a, const void *b)
{
  uint64_t x = *(const uint64_t *)a;
  uint64_t y = *(const uint64_t *)b;

  return (x > y) - (x < y);
}

static void histogram_agrees_with_the_sorted_samples(void **state)
{
  enum {
    COUNT = 100000
  };
  cli_histogram *histogram = test_calloc(1, sizeof(*histogram));
  uint64_t *samples = test_calloc(COUNT, sizeof(*samples));
  uint64_t random = 1;

  (void)state;
  for (size_t i = 0; i < COUNT; i++) {
    random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
    samples[i] = (random >> 33) * (random >> 54) + 1;
    cli_histogram_add(histogram, samples[i]);
  }
  qsort(samples, COUNT, sizeof(*samples), compare);
  for (size_t percent = 1; percent <= 100; percent++) {
    uint64_t want = samples[percent * COUNT / 100 - 1];
    uint64_t got = cli_histogram_percentile_ns(histogram, (double)percent);
    assert_true(is_near(got, want));
  }
  test_free(samples);
  test_free(histogram);
}

static void histogram_percentile_is_never_above_the_maximum(void **state)
{
  cli_histogram *histogram = test_calloc(1, sizeof(*histogram));

  (void)state;
  cli_histogram_add(histogram, 1000001);
  assert_true(cli_histogram_percentile_ns(histogram, 100) <= 1000001);
  test_free(histogram);
}

static void histogram_takes_the_longest_times(void **state)
{
  cli_histogram *histogram = test_calloc(1, sizeof(*histogram));

  (void)state;
  cli_histogram_add(histogram, UINT64_MAX);
  cli_histogram_add(histogram, 0);
  assert_int_equal(histogram->total, 2);
  assert_true(cli_histogram_percentile_ns(histogram, 100) >
              UINT64_C(60000000000000));
  test_free(histogram);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(histogram_without_samples_tells_zero),
      cmocka_unit_test(histogram_one_sample_is_every_percentile),
      cmocka_unit_test(histogram_agrees_with_the_sorted_samples),
      cmocka_unit_test(histogram_percentile_is_never_above_the_maximum),
      cmocka_unit_test(histogram_takes_the_longest_times),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
