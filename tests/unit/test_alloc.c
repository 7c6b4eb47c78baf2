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
#include "support/test_alloc.h"

static void alloc_of_nothing_gives_distinct_pointers(void **state)
{
  (void)state;
  void *a = ah_malloc(0);
  void *b = ah_calloc(0, 8);
  void *c = ah_realloc(NULL, 0);
  assert_non_null(a);
  assert_non_null(b);
  assert_non_null(c);
  assert_ptr_not_equal(a, b);
  assert_ptr_not_equal(b, c);
  ah_free(a);
  ah_free(b);
  ah_free(c);
}

static void alloc_free_takes_null(void **state)
{
  (void)state;
  ah_free(NULL);
}

static void alloc_calloc_zeroes(void **state)
{
  (void)state;
  uint8_t *bytes = ah_malloc(64);
  assert_non_null(bytes);
  memset(bytes, 0xff, 64);
  ah_free(bytes);
  bytes = ah_calloc(8, 8);
  assert_non_null(bytes);
  for (size_t i = 0; i < 64; i++) {
    assert_int_equal(bytes[i], 0);
  }
  ah_free(bytes);
}

static void alloc_refuses_counts_that_overflow(void **state)
{
  (void)state;
  test_alloc_install();
  assert_null(ah_calloc(SIZE_MAX / 2, 3));
  assert_null(ah_realloc_array(NULL, SIZE_MAX / 2, 3));
  assert_null(ah_memdup0("", SIZE_MAX));
  assert_int_equal(test_alloc_count(), 0);
  test_alloc_remove();
}

static void alloc_memdup0_adds_a_nul(void **state)
{
  (void)state;
  char *copy = ah_memdup0("ab\0c", 4);
  assert_non_null(copy);
  assert_memory_equal(copy, "ab\0c", 5);
  ah_free(copy);
  copy = ah_memdup0(NULL, 0);
  assert_non_null(copy);
  assert_string_equal(copy, "");
  ah_free(copy);
}

static void alloc_goes_through_the_allocator_set(void **state)
{
  (void)state;
  test_alloc_install();
  void *a = ah_malloc(8);
  void *b = ah_realloc_array(NULL, 4, 4);
  assert_int_equal(test_alloc_count(), 2);
  assert_int_equal(test_alloc_live(), 2);
  b = ah_realloc(b, 1000);
  assert_int_equal(test_alloc_live(), 2);
  ah_free(a);
  ah_free(b);
  test_alloc_remove();
}

static void alloc_failure_is_null(void **state)
{
  (void)state;
  test_alloc_install();
  test_alloc_fail_nth(2);
  void *a = ah_malloc(8);
  assert_non_null(a);
  assert_null(ah_malloc(8));
  a = ah_realloc(a, 16);
  assert_non_null(a);
  test_alloc_fail_nth(1);
  assert_null(ah_realloc(a, 32));
  test_alloc_fail_nth(1);
  assert_null(ah_calloc(1, 1));
  test_alloc_fail_nth(1);
  assert_null(ah_memdup0("x", 1));
  ah_free(a);
  test_alloc_remove();
}

static void *no_realloc(void *ptr, size_t size, void *user_data)
{
  (void)ptr;
  (void)size;
  (void)user_data;
  return NULL;
}

static void alloc_set_refuses_missing_functions(void **state)
{
  (void)state;
  const ahttp_allocator before = *ah_allocator();
  const ahttp_allocator partial = {.realloc = no_realloc};
  assert_int_equal(ahttp_set_allocator(&partial), AHTTP_EINVAL);
  assert_ptr_equal(ah_allocator()->realloc, before.realloc);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(alloc_of_nothing_gives_distinct_pointers),
      cmocka_unit_test(alloc_free_takes_null),
      cmocka_unit_test(alloc_calloc_zeroes),
      cmocka_unit_test(alloc_refuses_counts_that_overflow),
      cmocka_unit_test(alloc_memdup0_adds_a_nul),
      cmocka_unit_test(alloc_goes_through_the_allocator_set),
      cmocka_unit_test(alloc_failure_is_null),
      cmocka_unit_test(alloc_set_refuses_missing_functions),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
