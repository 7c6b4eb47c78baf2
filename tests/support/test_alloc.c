/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "support/test_alloc.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <ahttp/alloc.h>
#include <ahttp/error.h>

static atomic_int requests;
static atomic_int live;
static atomic_int fail_at;   /* the request that fails; 0: none */
static atomic_int fail_last; /* the last one that does */

static bool must_fail(void)
{
  int nth = atomic_fetch_add(&requests, 1) + 1;
  int first = atomic_load(&fail_at);
  return first != 0 && nth >= first && nth <= atomic_load(&fail_last);
}

static void *counting_malloc(size_t size, void *user_data)
{
  (void)user_data;
  void *ptr = must_fail() ? NULL : malloc(size);
  if (ptr != NULL) {
    atomic_fetch_add(&live, 1);
  }
  return ptr;
}

static void *counting_realloc(void *ptr, size_t size, void *user_data)
{
  (void)user_data;
  void *moved = must_fail() ? NULL : realloc(ptr, size);
  if (moved != NULL && ptr == NULL) {
    atomic_fetch_add(&live, 1);
  }
  return moved;
}

static void counting_free(void *ptr, void *user_data)
{
  (void)user_data;
  if (ptr != NULL) {
    atomic_fetch_sub(&live, 1);
  }
  free(ptr);
}

void test_alloc_install(void)
{
  const ahttp_allocator counting = {
      .malloc = counting_malloc,
      .realloc = counting_realloc,
      .free = counting_free,
  };
  atomic_store(&live, 0);
  test_alloc_fail_nth(0);
  assert_int_equal(ahttp_set_allocator(&counting), AHTTP_OK);
}

void test_alloc_remove(void)
{
  assert_int_equal(test_alloc_live(), 0);
  assert_int_equal(ahttp_set_allocator(NULL), AHTTP_OK);
}

static void fail_between(int first, int last)
{
  atomic_store(&fail_at, 0);
  atomic_store(&requests, 0);
  atomic_store(&fail_last, last);
  atomic_store(&fail_at, first);
}

void test_alloc_fail_nth(int nth)
{
  fail_between(nth, nth);
}

void test_alloc_fail_from(int nth)
{
  fail_between(nth, INT_MAX);
}

int test_alloc_count(void)
{
  return atomic_load(&requests);
}

int test_alloc_live(void)
{
  return atomic_load(&live);
}

void test_alloc_fail_each(int (*run)(void *arg), void *arg)
{
  test_alloc_install();
  assert_int_equal(run(arg), AHTTP_OK);
  int total = test_alloc_count();
  assert_true(total > 0);
  assert_int_equal(test_alloc_live(), 0);
  for (int nth = 1; nth <= total; nth++) {
    test_alloc_fail_nth(nth);
    assert_int_equal(run(arg), AHTTP_ENOMEM);
    assert_int_equal(test_alloc_live(), 0);
  }
  test_alloc_remove();
}
