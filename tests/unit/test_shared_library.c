/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include <ahttp/error.h>

#include "base/shared_library.h"

/* A library that is certainly there. */
#define ZLIB_SONAME "libz.so.1"
#define ZLIB_SYMBOLS(X) X(zlibVersion) X(crc32)

enum {
  THREADS = 8
};

typedef struct zlib_symbols {
  ZLIB_SYMBOLS(AH_LIBRARY_MEMBER)
} zlib_symbols;

static const char *const zlib_names[] = {ZLIB_SYMBOLS(AH_LIBRARY_NAME)};

static void library_is_loaded_when_asked_for(void **state)
{
  (void)state;
  zlib_symbols zlib = {NULL, NULL};
  ah_shared_library library =
      AH_SHARED_LIBRARY(ZLIB_SONAME, "zlib1g", zlib_names, &zlib);
  assert_int_equal(ah_shared_library_load(&library), AHTTP_OK);
  assert_string_equal(zlib.zlibVersion(), zlibVersion());
  assert_int_equal(zlib.crc32(0, (const uint8_t *)"123456789", 9), 0xcbf43926);
  /* Not looked for again. */
  library.soname = "libahttp-no-such.so.1";
  assert_int_equal(ah_shared_library_load(&library), AHTTP_OK);
}

static void missing_library_is_told_and_remembered(void **state)
{
  (void)state;
  zlib_symbols zlib = {NULL, NULL};
  ah_shared_library library =
      AH_SHARED_LIBRARY("libahttp-no-such.so.1", "libno1", zlib_names, &zlib);
  assert_int_equal(ah_shared_library_load(&library), AHTTP_EFILE);
  assert_non_null(strstr(library.why, "libahttp-no-such.so.1"));
  assert_non_null(strstr(library.why, "; install Debian's libno1"));
  assert_null(zlib.zlibVersion);
  library.soname = ZLIB_SONAME;
  assert_int_equal(ah_shared_library_load(&library), AHTTP_EFILE);
}

static void missing_symbol_is_told(void **state)
{
  (void)state;
  static const char *const names[] = {"zlibVersion", "ahttp_no_such_symbol"};
  zlib_symbols zlib = {NULL, NULL};
  ah_shared_library library =
      AH_SHARED_LIBRARY(ZLIB_SONAME, "zlib1g", names, &zlib);
  assert_int_equal(ah_shared_library_load(&library), AHTTP_EFILE);
  assert_non_null(strstr(library.why, ZLIB_SONAME));
  assert_non_null(strstr(library.why, "ahttp_no_such_symbol"));
  assert_int_equal(ah_shared_library_load(&library), AHTTP_EFILE);
}

typedef struct race {
  zlib_symbols zlib;
  ah_shared_library library;
  pthread_barrier_t start;
} race;

static void *race_run(void *arg)
{
  race *self = arg;
  (void)pthread_barrier_wait(&self->start);
  if (ah_shared_library_load(&self->library) != AHTTP_OK) {
    return NULL;
  }
  return (void *)(uintptr_t)(self->zlib.zlibVersion()[0] == '1');
}

static void threads_may_ask_at_once(void **state)
{
  (void)state;
  static race self;
  self.library = (ah_shared_library)AH_SHARED_LIBRARY(ZLIB_SONAME, "zlib1g",
                                                      zlib_names, &self.zlib);
  assert_int_equal(pthread_barrier_init(&self.start, NULL, THREADS), 0);
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) {
    assert_int_equal(pthread_create(&threads[i], NULL, race_run, &self), 0);
  }
  for (int i = 0; i < THREADS; i++) {
    void *result;
    assert_int_equal(pthread_join(threads[i], &result), 0);
    assert_non_null(result);
  }
  (void)pthread_barrier_destroy(&self.start);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(library_is_loaded_when_asked_for),
      cmocka_unit_test(missing_library_is_told_and_remembered),
      cmocka_unit_test(missing_symbol_is_told),
      cmocka_unit_test(threads_may_ask_at_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
