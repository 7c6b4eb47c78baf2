/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/virtual_loop.h"
#include "transport/h2_ping.h"

static unsigned expirations;
static bool was_silent;

static void note_expired(ah_h2_ping *ping, bool is_silent)
{
  assert_false(ping->is_sent);
  expirations++;
  was_silent = is_silent;
}

static ah_loop loop;
static ah_h2_ping ping;

static int set_up(void **state)
{
  (void)state;
  virtual_loop_init(&loop);
  ah_h2_ping_init(&ping, &loop, note_expired);
  expirations = 0;
  was_silent = false;
  return 0;
}

static void ping_is_due_after_a_reset_only(void **state)
{
  (void)state;
  assert_false(ah_h2_ping_is_due(&ping));
  ah_h2_ping_add_reset(&ping, false);
  assert_true(ah_h2_ping_is_due(&ping));
  assert_int_equal(ah_h2_ping_held(&ping), 1);
  assert_int_equal(ah_h2_ping_start(&ping), 1);
  assert_false(ah_h2_ping_is_due(&ping));
  assert_int_equal(ah_h2_ping_held(&ping), 1);
}

static void ping_holds_until_it_is_answered(void **state)
{
  (void)state;
  ah_h2_ping_add_reset(&ping, false);
  ah_h2_ping_add_reset(&ping, false);
  uint64_t id = ah_h2_ping_start(&ping);
  ah_h2_ping_answer(&ping, id + 1); /* somebody else's */
  assert_int_equal(ah_h2_ping_held(&ping), 2);
  ah_h2_ping_answer(&ping, id);
  assert_int_equal(ah_h2_ping_held(&ping), 0);
  virtual_loop_advance(&loop, 2 * AH_H2_PING_MS);
  assert_int_equal(expirations, 0);
}

static void ping_covers_only_what_was_reset_before_it(void **state)
{
  (void)state;
  ah_h2_ping_add_reset(&ping, false);
  uint64_t id = ah_h2_ping_start(&ping);
  ah_h2_ping_add_reset(&ping, false);
  assert_false(ah_h2_ping_is_due(&ping)); /* one at a time */
  ah_h2_ping_answer(&ping, id);
  assert_int_equal(ah_h2_ping_held(&ping), 1);
  assert_true(ah_h2_ping_is_due(&ping));
  assert_int_equal(ah_h2_ping_start(&ping), id + 1);
  ah_h2_ping_answer(&ping, id); /* the old one again */
  assert_int_equal(ah_h2_ping_held(&ping), 1);
}

static void ping_gives_up_in_time(void **state)
{
  (void)state;
  ah_h2_ping_add_reset(&ping, false);
  (void)ah_h2_ping_start(&ping);
  virtual_loop_advance(&loop, AH_H2_PING_MS - 1);
  assert_int_equal(expirations, 0);
  virtual_loop_advance(&loop, 1);
  assert_int_equal(expirations, 1);
  assert_false(was_silent); /* it was no probe */
  assert_int_equal(ah_h2_ping_held(&ping), 0);
}

static void ping_tells_a_silent_server(void **state)
{
  (void)state;
  ah_h2_ping_add_reset(&ping, true);
  (void)ah_h2_ping_start(&ping);
  virtual_loop_advance(&loop, AH_H2_PING_MS);
  assert_int_equal(expirations, 1);
  assert_true(was_silent);
}

static void ping_takes_any_byte_for_life(void **state)
{
  (void)state;
  (void)ah_h2_ping_hear(&ping); /* before it does not count */
  ah_h2_ping_add_reset(&ping, true);
  (void)ah_h2_ping_start(&ping);
  (void)ah_h2_ping_hear(&ping);
  virtual_loop_advance(&loop, AH_H2_PING_MS);
  assert_int_equal(expirations, 1);
  assert_false(was_silent);
}

static void ping_probes_again_for_a_later_request(void **state)
{
  (void)state;
  ah_h2_ping_add_reset(&ping, false);
  (void)ah_h2_ping_start(&ping);
  (void)ah_h2_ping_hear(&ping);
  ah_h2_ping_add_reset(&ping, true);
  virtual_loop_advance(&loop, AH_H2_PING_MS);
  assert_false(was_silent);
  assert_true(ah_h2_ping_is_due(&ping));
  (void)ah_h2_ping_start(&ping);
  virtual_loop_advance(&loop, AH_H2_PING_MS);
  assert_true(was_silent);
}

static void ping_doubts_until_the_server_is_heard(void **state)
{
  (void)state;
  ah_h2_ping_add_reset(&ping, false);
  assert_false(ah_h2_ping_is_in_doubt(&ping));
  ah_h2_ping_add_reset(&ping, true);
  assert_true(ah_h2_ping_is_in_doubt(&ping));
  assert_false(ah_h2_ping_hear(&ping)); /* before it was asked */
  (void)ah_h2_ping_start(&ping);
  assert_true(ah_h2_ping_is_in_doubt(&ping));
  assert_true(ah_h2_ping_hear(&ping));
  assert_false(ah_h2_ping_is_in_doubt(&ping));
  assert_false(ah_h2_ping_hear(&ping)); /* nobody waited for more */
}

static void ping_doubts_no_longer_than_it_waits(void **state)
{
  (void)state;
  ah_h2_ping_add_reset(&ping, true);
  (void)ah_h2_ping_start(&ping);
  virtual_loop_advance(&loop, AH_H2_PING_MS);
  assert_false(ah_h2_ping_is_in_doubt(&ping));
}

static void ping_may_be_stopped(void **state)
{
  (void)state;
  ah_h2_ping_add_reset(&ping, true);
  (void)ah_h2_ping_start(&ping);
  ah_h2_ping_add_reset(&ping, true);
  ah_h2_ping_stop(&ping);
  virtual_loop_advance(&loop, 2 * AH_H2_PING_MS);
  assert_int_equal(expirations, 0);
  assert_int_equal(ah_h2_ping_held(&ping), 0);
  assert_false(ah_h2_ping_is_in_doubt(&ping));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(ping_is_due_after_a_reset_only, set_up),
      cmocka_unit_test_setup(ping_holds_until_it_is_answered, set_up),
      cmocka_unit_test_setup(ping_covers_only_what_was_reset_before_it, set_up),
      cmocka_unit_test_setup(ping_gives_up_in_time, set_up),
      cmocka_unit_test_setup(ping_tells_a_silent_server, set_up),
      cmocka_unit_test_setup(ping_takes_any_byte_for_life, set_up),
      cmocka_unit_test_setup(ping_probes_again_for_a_later_request, set_up),
      cmocka_unit_test_setup(ping_doubts_until_the_server_is_heard, set_up),
      cmocka_unit_test_setup(ping_doubts_no_longer_than_it_waits, set_up),
      cmocka_unit_test_setup(ping_may_be_stopped, set_up),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
