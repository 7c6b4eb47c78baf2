/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/h2_budget.h"

/* RFC 9113, section 6. */
enum {
  DATA = 0,
  HEADERS = 1,
  PRIORITY = 2,
  RST_STREAM = 3,
  SETTINGS = 4,
  PING = 6,
  WINDOW_UPDATE = 8,
  CONTINUATION = 9,
  UNKNOWN = 0xfe,
  END_STREAM = 1,
  PADDED = 8
};

static const uint64_t SECOND = 1000ULL * 1000 * 1000;

/* How many such frames in a row it takes to use the budget up; |max| if so many
 * do not. */
static unsigned count_until_spent(ah_h2_budget *budget, ah_h2_frame frame,
                                  uint64_t now_ns, unsigned max)
{
  for (unsigned i = 0; i < max; i++) {
    if (!ah_h2_budget_spend(budget, &frame, now_ns)) {
      return i;
    }
  }
  return max;
}

static void budget_grants_control_frames_one_burst(void **state)
{
  (void)state;
  static const uint8_t types[] = {PRIORITY, SETTINGS, PING, WINDOW_UPDATE,
                                  UNKNOWN};
  for (size_t i = 0; i < sizeof(types); i++) {
    ah_h2_budget budget;
    ah_h2_budget_init(&budget, 7);
    ah_h2_frame frame = {.type = types[i], .len = 8};
    assert_int_equal(count_until_spent(&budget, frame, 7, 20000),
                     AH_H2_CONTROL_BURST);
  }
}

static void budget_refills_with_time(void **state)
{
  (void)state;
  ah_h2_budget budget;
  const ah_h2_frame ping = {.type = PING, .len = 8};
  ah_h2_budget_init(&budget, 5);
  (void)count_until_spent(&budget, ping, 5, 20000);
  unsigned granted = count_until_spent(&budget, ping, 5 + SECOND, 20000);
  assert_in_range(granted, AH_H2_CONTROL_PER_SECOND - 1,
                  AH_H2_CONTROL_PER_SECOND + 1);
  assert_int_equal(count_until_spent(&budget, ping, 5 + SECOND, 10), 0);
}

static void budget_never_holds_more_than_a_burst(void **state)
{
  (void)state;
  ah_h2_budget budget;
  const ah_h2_frame ping = {.type = PING, .len = 8};
  ah_h2_budget_init(&budget, 0);
  (void)count_until_spent(&budget, ping, 0, 20000);
  assert_int_equal(count_until_spent(&budget, ping, 3600 * SECOND, 50000),
                   AH_H2_CONTROL_BURST);
}

static void budget_survives_a_clock_that_stands(void **state)
{
  (void)state;
  ah_h2_budget budget;
  const ah_h2_frame ping = {.type = PING, .len = 8};
  ah_h2_budget_init(&budget, 10 * SECOND);
  (void)count_until_spent(&budget, ping, 10 * SECOND, 20000);
  assert_int_equal(count_until_spent(&budget, ping, 9 * SECOND, 10), 0);
}

static void budget_stops_a_flood_of_empty_data(void **state)
{
  (void)state;
  ah_h2_budget budget;
  ah_h2_budget_init(&budget, 0);
  const ah_h2_frame empty = {.type = DATA};
  assert_int_equal(count_until_spent(&budget, empty, 0, 100000),
                   AH_H2_DATA_BURST);
}

static void budget_stops_a_flood_of_single_bytes(void **state)
{
  (void)state;
  ah_h2_budget budget;
  ah_h2_budget_init(&budget, 0);
  const ah_h2_frame byte = {.type = DATA, .len = 1};
  assert_int_equal(count_until_spent(&budget, byte, 0, 100000),
                   AH_H2_DATA_BURST);
}

static void budget_stops_a_flood_of_padding(void **state)
{
  (void)state;
  ah_h2_budget budget;
  ah_h2_budget_init(&budget, 0);
  const ah_h2_frame padded = {.type = DATA, .flags = PADDED, .len = 256};
  assert_int_equal(count_until_spent(&budget, padded, 0, 100000),
                   AH_H2_DATA_BURST);
}

static void budget_lets_honest_data_pass_for_ever(void **state)
{
  (void)state;
  static const size_t lens[] = {16, 100, 255, 256, 16384};
  for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
    ah_h2_budget budget;
    ah_h2_budget_init(&budget, 0);
    const ah_h2_frame frame = {.type = DATA, .len = lens[i]};
    assert_int_equal(count_until_spent(&budget, frame, 0, 200000), 200000);
  }
}

static void budget_lets_every_end_of_stream_pass(void **state)
{
  (void)state;
  ah_h2_budget budget;
  ah_h2_budget_init(&budget, 0);
  const ah_h2_frame end = {.type = DATA, .flags = END_STREAM};
  assert_int_equal(count_until_spent(&budget, end, 0, 200000), 200000);
}

static void budget_pays_for_window_updates_with_uploads(void **state)
{
  (void)state;
  ah_h2_budget budget;
  ah_h2_budget_init(&budget, 0);
  const ah_h2_frame update = {.type = WINDOW_UPDATE, .len = 4};
  for (unsigned i = 0; i < 100000; i++) {
    ah_h2_budget_earn_upload(&budget);
    assert_true(ah_h2_budget_spend(&budget, &update, 0));
    assert_true(ah_h2_budget_spend(&budget, &update, 0));
  }
}

static void budget_counts_resets_that_end_nothing(void **state)
{
  (void)state;
  ah_h2_budget budget;
  ah_h2_budget_init(&budget, 0);
  ah_h2_frame frame = {.type = RST_STREAM, .is_wanted = true};
  assert_int_equal(count_until_spent(&budget, frame, 0, 50000), 50000);
  frame.is_wanted = false;
  assert_int_equal(count_until_spent(&budget, frame, 0, 50000),
                   AH_H2_CONTROL_BURST);
}

static void budget_does_not_count_field_sections(void **state)
{
  (void)state;
  static const uint8_t types[] = {HEADERS, CONTINUATION};
  for (size_t i = 0; i < sizeof(types); i++) {
    ah_h2_budget budget;
    ah_h2_budget_init(&budget, 0);
    const ah_h2_frame frame = {.type = types[i], .len = 100};
    assert_int_equal(count_until_spent(&budget, frame, 0, 50000), 50000);
  }
}

static void budget_keeps_data_and_control_apart(void **state)
{
  (void)state;
  ah_h2_budget budget;
  ah_h2_budget_init(&budget, 0);
  const ah_h2_frame empty = {.type = DATA};
  const ah_h2_frame ping = {.type = PING};
  (void)count_until_spent(&budget, empty, 0, 100000);
  assert_int_equal(count_until_spent(&budget, ping, 0, 100000),
                   AH_H2_CONTROL_BURST);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(budget_grants_control_frames_one_burst),
      cmocka_unit_test(budget_refills_with_time),
      cmocka_unit_test(budget_never_holds_more_than_a_burst),
      cmocka_unit_test(budget_survives_a_clock_that_stands),
      cmocka_unit_test(budget_stops_a_flood_of_empty_data),
      cmocka_unit_test(budget_stops_a_flood_of_single_bytes),
      cmocka_unit_test(budget_stops_a_flood_of_padding),
      cmocka_unit_test(budget_lets_honest_data_pass_for_ever),
      cmocka_unit_test(budget_lets_every_end_of_stream_pass),
      cmocka_unit_test(budget_pays_for_window_updates_with_uploads),
      cmocka_unit_test(budget_counts_resets_that_end_nothing),
      cmocka_unit_test(budget_does_not_count_field_sections),
      cmocka_unit_test(budget_keeps_data_and_control_apart),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
