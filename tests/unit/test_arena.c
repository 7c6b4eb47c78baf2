/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <uv.h>

#include <ahttp/error.h>

#include "base/arena.h"
#include "base/str.h"
#include "support/assert_text.h"
#include "support/test_alloc.h"

static void arena_alloc_is_aligned_and_apart(void **state)
{
  (void)state;
  ah_arena arena;
  ah_arena_init(&arena, NULL, 0);
  uint8_t *last = NULL;
  for (size_t size = 0; size < 200; size++) {
    assert_non_null(ah_arena_bytes(&arena, size % 7));
    uint8_t *ptr = ah_arena_alloc(&arena, size);
    assert_non_null(ptr);
    assert_int_equal((uintptr_t)ptr % _Alignof(max_align_t), 0);
    assert_ptr_not_equal(ptr, last);
    memset(ptr, 0xee, size);
    last = ptr;
  }
  ah_arena_clear(&arena);
}

static void arena_uses_the_block_first(void **state)
{
  (void)state;
  _Alignas(max_align_t) uint8_t block[256];
  ah_arena arena;
  test_alloc_install();
  ah_arena_init(&arena, block, sizeof(block));
  for (int round = 0; round < 2; round++) {
    assert_ptr_equal(ah_arena_alloc(&arena, 200), block);
    assert_ptr_equal(ah_arena_bytes(&arena, 56), block + 200);
    assert_int_equal(test_alloc_live(), 0);
    assert_non_null(ah_arena_bytes(&arena, 1));
    assert_int_equal(test_alloc_live(), 1);
    ah_arena_clear(&arena);
    assert_int_equal(test_alloc_live(), 0);
  }
  test_alloc_remove();
}

static void arena_takes_a_block_at_any_address(void **state)
{
  (void)state;
  uint8_t block[64];
  ah_arena arena;
  ah_arena_init(&arena, block + 1, sizeof(block) - 1);
  uint8_t *ptr = ah_arena_alloc(&arena, 8);
  assert_int_equal((uintptr_t)ptr % _Alignof(max_align_t), 0);
  assert_in_range((uintptr_t)ptr, (uintptr_t)block,
                  (uintptr_t)block + sizeof(block) - 8);
  ah_arena_clear(&arena);
}

static void arena_chunks_double_up_to_64_kib(void **state)
{
  (void)state;
  ah_arena arena;
  test_alloc_install();
  ah_arena_init(&arena, NULL, 0);
  for (size_t used = 0; used < 1024 * 1024; used += 512) {
    assert_non_null(ah_arena_bytes(&arena, 512));
  }
  /* 4 + 8 + 16 + 32 KiB, then 964 KiB in chunks of 64. */
  assert_int_equal(test_alloc_count(), 4 + 16);
  ah_arena_clear(&arena);
  test_alloc_remove();
}

static void arena_big_request_leaves_the_chunk_in_use(void **state)
{
  (void)state;
  ah_arena arena;
  test_alloc_install();
  ah_arena_init(&arena, NULL, 0);
  char *small = ah_arena_bytes(&arena, 8);
  char *big = ah_arena_bytes(&arena, 100000);
  assert_non_null(big);
  memset(big, 0, 100000);
  assert_ptr_equal(ah_arena_bytes(&arena, 8), small + 8);
  assert_int_equal(test_alloc_count(), 2);
  assert_null(ah_arena_bytes(&arena, SIZE_MAX));
  assert_null(ah_arena_alloc(&arena, SIZE_MAX - 8));
  ah_arena_clear(&arena);
  test_alloc_remove();
}

static void arena_copy_adds_a_nul(void **state)
{
  (void)state;
  ah_arena arena;
  ahttp_str copy;
  ah_arena_init(&arena, NULL, 0);
  assert_int_equal(ah_arena_copy(&arena, AH_STR("abc"), &copy), AHTTP_OK);
  assert_text(copy, "abc");
  assert_int_equal(copy.ptr[3], '\0');
  assert_int_equal(ah_arena_copy(&arena, ah_str(NULL, 0), &copy), AHTTP_OK);
  assert_int_equal(copy.len, 0);
  assert_int_equal(copy.ptr[0], '\0');
  assert_int_equal(ah_arena_copy(&arena, ah_str("", SIZE_MAX), &copy),
                   AHTTP_ENOMEM);
  assert_null(copy.ptr);
  ah_arena_clear(&arena);
}

static int fill(void *arg)
{
  (void)arg;
  ah_arena arena;
  ahttp_str copy;
  ah_arena_init(&arena, NULL, 0);
  int rv = AHTTP_OK;
  for (int i = 0; i < 100 && rv == AHTTP_OK; i++) {
    rv = ah_arena_copy(&arena, AH_STR("field: value"), &copy);
    if (rv == AHTTP_OK && ah_arena_alloc(&arena, 700) == NULL) {
      rv = AHTTP_ENOMEM;
    }
    if (rv == AHTTP_OK && ah_arena_bytes(&arena, 2000) == NULL) {
      rv = AHTTP_ENOMEM;
    }
  }
  ah_arena_clear(&arena);
  return rv;
}

static void arena_survives_every_failed_allocation(void **state)
{
  (void)state;
  test_alloc_fail_each(fill, NULL);
}

/* A chunk that was given back is the next arena's first. */
static void arena_begins_with_a_chunk_of_the_stock(void **state)
{
  (void)state;
  ah_arena_stock stock;
  ah_arena arena;
  test_alloc_install();
  ah_arena_stock_init(&stock, 1);
  ah_arena_init_from(&arena, &stock);
  assert_int_equal(test_alloc_live(), 0);
  uint8_t *first =
      ah_arena_alloc(&arena, 4096); /* all of it, as none is lost */
  assert_non_null(first);
  assert_non_null(ah_arena_alloc(&arena, 1));
  ah_arena_clear(&arena);
  assert_int_equal(test_alloc_live(), 1); /* the larger one is not kept */
  assert_ptr_equal(ah_arena_alloc(&arena, 1), first);
  assert_int_equal(test_alloc_live(), 1);
  ah_arena_clear(&arena);
  ah_arena_stock_clear(&stock);
  assert_int_equal(test_alloc_live(), 0);
  test_alloc_remove();
}

static void stock_keeps_so_many_chunks(void **state)
{
  (void)state;
  ah_arena_stock stock;
  ah_arena arenas[3];
  test_alloc_install();
  ah_arena_stock_init(&stock, 2);
  for (int i = 0; i < 3; i++) {
    ah_arena_init_from(&arenas[i], &stock);
    assert_non_null(ah_arena_bytes(&arenas[i], 1));
  }
  for (int i = 0; i < 3; i++) {
    ah_arena_clear(&arenas[i]);
  }
  assert_int_equal(test_alloc_live(), 2);
  ah_arena_stock_clear(&stock);
  assert_int_equal(test_alloc_live(), 0);
  test_alloc_remove();
}

enum {
  STOCK_THREADS = 4,
  STOCK_ROUNDS = 20000,
  STOCK_BYTES = 256
};

typedef struct stock_user {
  uv_thread_t thread;
  ah_arena_stock *stock;
  uint8_t mark;
  unsigned spoiled; /* bytes that were not its own */
} stock_user;

/* Writes all over chunks, which nobody else may have meanwhile. */
static void stock_use(void *arg)
{
  stock_user *self = arg;
  ah_arena arena;
  ah_arena_init_from(&arena, self->stock);
  for (int i = 0; i < STOCK_ROUNDS; i++) {
    volatile uint8_t *bytes = ah_arena_alloc(&arena, STOCK_BYTES);
    for (int k = 0; bytes != NULL && k < STOCK_BYTES; k++) {
      bytes[k] = self->mark;
    }
    for (int k = 0; bytes != NULL && k < STOCK_BYTES; k++) {
      self->spoiled += bytes[k] != self->mark;
    }
    ah_arena_clear(&arena);
  }
}

static void stock_serves_several_threads(void **state)
{
  (void)state;
  ah_arena_stock stock;
  stock_user users[STOCK_THREADS];
  ah_arena_stock_init(&stock, STOCK_THREADS);
  for (int i = 0; i < STOCK_THREADS; i++) {
    users[i] = (stock_user){.stock = &stock, .mark = (uint8_t)i};
    assert_int_equal(uv_thread_create(&users[i].thread, stock_use, &users[i]),
                     0);
  }
  for (int i = 0; i < STOCK_THREADS; i++) {
    assert_int_equal(uv_thread_join(&users[i].thread), 0);
    assert_int_equal(users[i].spoiled, 0);
  }
  assert_true(stock.count <= STOCK_THREADS);
  ah_arena_stock_clear(&stock);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(arena_alloc_is_aligned_and_apart),
      cmocka_unit_test(arena_uses_the_block_first),
      cmocka_unit_test(arena_takes_a_block_at_any_address),
      cmocka_unit_test(arena_chunks_double_up_to_64_kib),
      cmocka_unit_test(arena_big_request_leaves_the_chunk_in_use),
      cmocka_unit_test(arena_copy_adds_a_nul),
      cmocka_unit_test(arena_survives_every_failed_allocation),
      cmocka_unit_test(arena_begins_with_a_chunk_of_the_stock),
      cmocka_unit_test(stock_keeps_so_many_chunks),
      cmocka_unit_test(stock_serves_several_threads),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
