/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "http/method.h"

static void method_traits_are_those_of_the_registry(void **state)
{
  (void)state;
  const unsigned reading = AH_METHOD_SAFE | AH_METHOD_IDEMPOTENT;
  const struct {
    const char *name;
    unsigned traits;
  } rows[] = {
      {"GET", reading},
      {"HEAD", reading | AH_METHOD_HEAD},
      {"OPTIONS", reading},
      {"TRACE", reading},
      {"POST", AH_METHOD_HAS_CONTENT},
      {"PUT", AH_METHOD_IDEMPOTENT | AH_METHOD_HAS_CONTENT},
      {"PATCH", AH_METHOD_HAS_CONTENT},
      {"DELETE", AH_METHOD_IDEMPOTENT},
      {"CONNECT", AH_METHOD_CONNECT},
      {"PROPFIND", reading},
      {"get", 0},
      {"GETS", 0},
      {"GE", 0},
      {"BREW", 0},
      {"", 0},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    assert_int_equal(ah_method_traits(ah_str_from_c(rows[i].name)),
                     rows[i].traits);
  }
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(method_traits_are_those_of_the_registry),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
