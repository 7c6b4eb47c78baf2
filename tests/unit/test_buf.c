/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ahttp/error.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "support/test_alloc.h"

static void buf_appends_and_consumes_in_order(void **state)
{
  (void)state;
  ah_buf buf;
  uint8_t next_in = 0;
  uint8_t next_out = 0;
  ah_buf_init(&buf, 1 << 20);
  for (int round = 0; round < 3000; round++) {
    uint8_t chunk[37];
    for (size_t i = 0; i < sizeof(chunk); i++) {
      chunk[i] = next_in++;
    }
    assert_int_equal(ah_buf_append(&buf, chunk, sizeof(chunk)), AHTTP_OK);
    size_t used = (size_t)round % 71;
    if (used > ah_buf_len(&buf)) {
      used = ah_buf_len(&buf);
    }
    for (size_t i = 0; i < used; i++) {
      assert_int_equal(ah_buf_bytes(&buf)[i], next_out++);
    }
    ah_buf_consume(&buf, used);
    assert_true(buf.head <= buf.tail && buf.tail <= buf.cap);
  }
  while (ah_buf_len(&buf) > 0) {
    assert_int_equal(*ah_buf_bytes(&buf), next_out++);
    ah_buf_consume(&buf, 1);
  }
  assert_int_equal(next_out, next_in);
  ah_buf_clear(&buf);
}

static void buf_append_past_limit_changes_nothing(void **state)
{
  (void)state;
  ah_buf buf;
  ah_buf_init(&buf, 8);
  assert_int_equal(ah_buf_append(&buf, "abcdef", 6), AHTTP_OK);
  assert_int_equal(ah_buf_append(&buf, "ghi", 3), AHTTP_ELIMIT);
  assert_int_equal(ah_buf_append(&buf, "", SIZE_MAX), AHTTP_ELIMIT);
  assert_int_equal(ah_buf_len(&buf), 6);
  ah_buf_consume(&buf, 4);
  assert_int_equal(ah_buf_append(&buf, "ghijkl", 6), AHTTP_OK);
  assert_memory_equal(ah_buf_bytes(&buf), "efghijkl", 8);
  assert_int_equal(buf.cap, 8);
  ah_buf_clear(&buf);
}

static void buf_queue_of_constant_length_stays_small(void **state)
{
  (void)state;
  ah_buf buf;
  uint8_t chunk[1000] = {0};
  ah_buf_init(&buf, SIZE_MAX);
  for (int round = 0; round < 10000; round++) {
    assert_int_equal(ah_buf_append(&buf, chunk, sizeof(chunk)), AHTTP_OK);
    if (round >= 4) {
      ah_buf_consume(&buf, sizeof(chunk));
    }
  }
  assert_true(buf.cap <= 16 * 1024);
  ah_buf_clear(&buf);
}

static void buf_consume_of_more_than_held_empties(void **state)
{
  (void)state;
  ah_buf buf;
  ah_buf_init(&buf, 100);
  assert_int_equal(ah_buf_append(&buf, "abc", 3), AHTTP_OK);
  ah_buf_consume(&buf, 100);
  assert_int_equal(ah_buf_len(&buf), 0);
  assert_int_equal(buf.tail, 0);
  ah_buf_clear(&buf);
}

static void buf_append_of_nothing_is_allowed(void **state)
{
  (void)state;
  ah_buf buf;
  ah_buf_init(&buf, 0);
  assert_int_equal(ah_buf_append(&buf, NULL, 0), AHTTP_OK);
  assert_int_equal(ah_buf_len(&buf), 0);
  ah_buf_clear(&buf);
}

static void buf_reserve_makes_room_at_the_tail(void **state)
{
  (void)state;
  ah_buf buf;
  ah_buf_init(&buf, 100000);
  assert_int_equal(ah_buf_append(&buf, "abc", 3), AHTTP_OK);
  ah_buf_consume(&buf, 1);
  assert_int_equal(ah_buf_reserve(&buf, 50000), AHTTP_OK);
  assert_true(buf.cap - buf.tail >= 50000);
  memset(buf.data + buf.tail, 'x', 50000);
  buf.tail += 50000;
  assert_memory_equal(ah_buf_bytes(&buf), "bcxxx", 5);
  ah_buf_clear(&buf);
}

static void buf_reset_keeps_the_memory(void **state)
{
  (void)state;
  ah_buf buf;
  test_alloc_install();
  ah_buf_init(&buf, 1000);
  assert_int_equal(ah_buf_append(&buf, "abc", 3), AHTTP_OK);
  ah_buf_reset(&buf);
  assert_int_equal(ah_buf_len(&buf), 0);
  assert_int_equal(ah_buf_append(&buf, "def", 3), AHTTP_OK);
  assert_memory_equal(ah_buf_bytes(&buf), "def", 3);
  assert_int_equal(test_alloc_count(), 1);
  ah_buf_clear(&buf);
  test_alloc_remove();
}

static void buf_take_moves_the_bytes_out(void **state)
{
  (void)state;
  ah_buf buf;
  char *bytes = NULL;
  size_t len = 0;
  ah_buf_init(&buf, 1000);
  assert_int_equal(ah_buf_append(&buf, "abcdef", 6), AHTTP_OK);
  ah_buf_consume(&buf, 2);
  assert_int_equal(ah_buf_take(&buf, &bytes, &len), AHTTP_OK);
  assert_int_equal(len, 4);
  assert_string_equal(bytes, "cdef");
  assert_int_equal(ah_buf_len(&buf), 0);
  ah_free(bytes);
  assert_int_equal(ah_buf_take(&buf, &bytes, &len), AHTTP_OK);
  assert_int_equal(len, 0);
  assert_string_equal(bytes, "");
  ah_free(bytes);
  assert_int_equal(ah_buf_append(&buf, "x", 1), AHTTP_OK);
  ah_buf_clear(&buf);
}

/* Every length up to a limit, which is the block's size then. */
static void buf_take_ends_every_length_with_a_nul(void **state)
{
  enum {
    MAX = 1500
  };
  static char text[MAX];
  (void)state;
  memset(text, 'a', sizeof(text));
  for (size_t want = 0; want <= MAX; want++) {
    ah_buf buf;
    char *bytes = NULL;
    size_t len = 0;
    ah_buf_init(&buf, MAX);
    assert_int_equal(ah_buf_append(&buf, text, want), AHTTP_OK);
    assert_int_equal(ah_buf_take(&buf, &bytes, &len), AHTTP_OK);
    assert_int_equal(len, want);
    assert_int_equal(strlen(bytes), want);
    ah_free(bytes);
  }
}

static void buf_take_does_not_copy_a_full_block(void **state)
{
  uint8_t big[1024] = {1};
  ah_buf buf;
  char *bytes = NULL;
  size_t len = 0;
  (void)state;
  test_alloc_install();
  ah_buf_init(&buf, 10000);
  assert_int_equal(ah_buf_append(&buf, big, sizeof(big)), AHTTP_OK);
  assert_int_equal(ah_buf_take(&buf, &bytes, &len), AHTTP_OK);
  assert_int_equal(test_alloc_count(), 1);
  assert_memory_equal(bytes, big, sizeof(big));
  ah_free(bytes);
  test_alloc_remove();
}

static void buf_failed_growth_changes_nothing(void **state)
{
  (void)state;
  ah_buf buf;
  uint8_t big[2000] = {0};
  char *bytes = NULL;
  size_t len = 0;
  test_alloc_install();
  ah_buf_init(&buf, 10000);
  assert_int_equal(ah_buf_append(&buf, "xabc", 4), AHTTP_OK);
  ah_buf_consume(&buf, 1);
  test_alloc_fail_nth(1);
  assert_int_equal(ah_buf_append(&buf, big, sizeof(big)), AHTTP_ENOMEM);
  assert_int_equal(ah_buf_len(&buf), 3);
  assert_memory_equal(ah_buf_bytes(&buf), "abc", 3);
  test_alloc_fail_nth(1);
  assert_int_equal(ah_buf_take(&buf, &bytes, &len), AHTTP_ENOMEM);
  assert_null(bytes);
  assert_int_equal(ah_buf_len(&buf), 3);
  assert_memory_equal(ah_buf_bytes(&buf), "abc", 3);
  assert_int_equal(ah_buf_append(&buf, big, sizeof(big)), AHTTP_OK);
  ah_buf_clear(&buf);
  test_alloc_remove();
}

static int append_many(void *arg)
{
  (void)arg;
  ah_buf buf;
  ah_buf_init(&buf, 1 << 20);
  int rv = AHTTP_OK;
  for (int i = 0; i < 10000 && rv == AHTTP_OK; i++) {
    rv = ah_buf_append(&buf, "0123456789", 10);
    ah_buf_consume(&buf, 3);
  }
  char *bytes = NULL;
  size_t len = 0;
  if (rv == AHTTP_OK) {
    rv = ah_buf_take(&buf, &bytes, &len);
  }
  ah_free(bytes);
  ah_buf_clear(&buf);
  return rv;
}

static void buf_survives_every_failed_allocation(void **state)
{
  (void)state;
  test_alloc_fail_each(append_many, NULL);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(buf_appends_and_consumes_in_order),
      cmocka_unit_test(buf_append_past_limit_changes_nothing),
      cmocka_unit_test(buf_queue_of_constant_length_stays_small),
      cmocka_unit_test(buf_consume_of_more_than_held_empties),
      cmocka_unit_test(buf_append_of_nothing_is_allowed),
      cmocka_unit_test(buf_reserve_makes_room_at_the_tail),
      cmocka_unit_test(buf_reset_keeps_the_memory),
      cmocka_unit_test(buf_take_moves_the_bytes_out),
      cmocka_unit_test(buf_take_ends_every_length_with_a_nul),
      cmocka_unit_test(buf_take_does_not_copy_a_full_block),
      cmocka_unit_test(buf_failed_growth_changes_nothing),
      cmocka_unit_test(buf_survives_every_failed_allocation),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
