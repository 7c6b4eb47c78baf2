/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <ahttp/error.h>

#include "http/h2_memory.h"
#include "support/test_alloc.h"

static int setup(void **state)
{
  static ah_h2_memory memory;
  test_alloc_install();
  ah_h2_memory_init(&memory);
  *state = &memory;
  return 0;
}

static int teardown(void **state)
{
  ah_h2_memory_clear(*state);
  test_alloc_remove();
  return 0;
}

/* Fills a block, so that tools see it if it is shorter than asked for. */
static void *acquire(ah_h2_memory *memory, size_t size)
{
  void *ptr = ah_h2_memory_acquire(size, memory);
  assert_non_null(ptr);
  assert_int_equal((uintptr_t)ptr % _Alignof(max_align_t), 0);
  memset(ptr, 0x5a, size);
  return ptr;
}

static void memory_gives_a_freed_block_out_again(void **state)
{
  ah_h2_memory *memory = *state;
  for (size_t size = 0; size <= AH_H2_MEMORY_BLOCK_BYTES_MAX; size++) {
    void *first = acquire(memory, size);
    ah_h2_memory_release(first, memory);
    assert_ptr_equal(acquire(memory, size), first);
    ah_h2_memory_release(first, memory);
  }
  assert_int_equal(test_alloc_count(),
                   AH_H2_MEMORY_BLOCK_BYTES_MAX / AH_H2_MEMORY_STEP_BYTES);
}

static void memory_never_gives_out_a_block_twice(void **state)
{
  enum {
    COUNT = 50
  };
  ah_h2_memory *memory = *state;
  uint8_t *blocks[COUNT];
  for (int round = 0; round < 3; round++) {
    for (size_t i = 0; i < COUNT; i++) {
      blocks[i] = acquire(memory, 40);
      memset(blocks[i], (int)i, 40);
    }
    for (size_t i = 0; i < COUNT; i++) {
      assert_int_equal(blocks[i][0], i);
      assert_int_equal(blocks[i][39], i);
      ah_h2_memory_release(blocks[i], memory);
    }
  }
  assert_int_equal(test_alloc_count(), COUNT);
}

static void memory_keeps_no_large_blocks(void **state)
{
  ah_h2_memory *memory = *state;
  ah_h2_memory_release(acquire(memory, AH_H2_MEMORY_BLOCK_BYTES_MAX + 1),
                       memory);
  assert_int_equal(test_alloc_live(), 0);
}

static void memory_keeps_no_more_than_its_limit(void **state)
{
  enum {
    COUNT = 2 * AH_H2_MEMORY_KEPT_BYTES_MAX / AH_H2_MEMORY_BLOCK_BYTES_MAX
  };
  ah_h2_memory *memory = *state;
  void *blocks[COUNT];
  for (size_t i = 0; i < COUNT; i++) {
    blocks[i] = acquire(memory, AH_H2_MEMORY_BLOCK_BYTES_MAX);
  }
  for (size_t i = 0; i < COUNT; i++) {
    ah_h2_memory_release(blocks[i], memory);
  }
  assert_int_equal(test_alloc_live(), COUNT / 2);
  ah_h2_memory_clear(memory);
  assert_int_equal(test_alloc_live(), 0);
}

static void memory_of_zeros_is_zero_also_when_it_was_used(void **state)
{
  ah_h2_memory *memory = *state;
  static const uint8_t zeros[120];
  ah_h2_memory_release(acquire(memory, 120), memory);
  void *ptr = ah_h2_memory_acquire_zeros(3, 40, memory);
  assert_memory_equal(ptr, zeros, 120);
  assert_int_equal(test_alloc_count(), 1);
  ah_h2_memory_release(ptr, memory);
  assert_null(ah_h2_memory_acquire_zeros(SIZE_MAX / 2, 3, memory));
}

static void memory_that_is_resized_keeps_its_bytes(void **state)
{
  static const size_t sizes[] = {1, 64, 65, 1000, 1024, 1025, 5000, 3};
  ah_h2_memory *memory = *state;
  uint8_t *ptr = NULL;
  for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
    ptr = ah_h2_memory_resize(ptr, sizes[i], memory);
    assert_non_null(ptr);
    if (i == 0) {
      ptr[0] = 'a';
    }
    assert_int_equal(ptr[0], 'a');
    memset(ptr + 1, 'b', sizes[i] - 1);
  }
  ah_h2_memory_release(ptr, memory);
}

static void memory_that_cannot_be_resized_is_as_it_was(void **state)
{
  ah_h2_memory *memory = *state;
  uint8_t *ptr = acquire(memory, 64);
  test_alloc_fail_nth(1);
  assert_null(ah_h2_memory_resize(ptr, 2000, memory));
  assert_null(ah_h2_memory_resize(ptr, SIZE_MAX, memory));
  assert_int_equal(ptr[63], 0x5a);
  ah_h2_memory_release(ptr, memory);
  ah_h2_memory_release(NULL, memory);
}

static int use_some(void *arg)
{
  (void)arg;
  ah_h2_memory memory;
  ah_h2_memory_init(&memory);
  void *zeros = ah_h2_memory_acquire_zeros(2, 100, &memory);
  void *large = ah_h2_memory_acquire(5000, &memory);
  void *moved = ah_h2_memory_resize(NULL, 10, &memory);
  int rv =
      zeros != NULL && large != NULL && moved != NULL ? AHTTP_OK : AHTTP_ENOMEM;
  ah_h2_memory_release(moved, &memory);
  ah_h2_memory_release(large, &memory);
  ah_h2_memory_release(zeros, &memory);
  ah_h2_memory_clear(&memory);
  return rv;
}

static void memory_survives_every_failed_allocation(void **state)
{
  (void)state;
  test_alloc_fail_each(use_some, NULL);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(memory_gives_a_freed_block_out_again,
                                      setup, teardown),
      cmocka_unit_test_setup_teardown(memory_never_gives_out_a_block_twice,
                                      setup, teardown),
      cmocka_unit_test_setup_teardown(memory_keeps_no_large_blocks, setup,
                                      teardown),
      cmocka_unit_test_setup_teardown(memory_keeps_no_more_than_its_limit,
                                      setup, teardown),
      cmocka_unit_test_setup_teardown(
          memory_of_zeros_is_zero_also_when_it_was_used, setup, teardown),
      cmocka_unit_test_setup_teardown(memory_that_is_resized_keeps_its_bytes,
                                      setup, teardown),
      cmocka_unit_test_setup_teardown(
          memory_that_cannot_be_resized_is_as_it_was, setup, teardown),
      cmocka_unit_test(memory_survives_every_failed_allocation),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
