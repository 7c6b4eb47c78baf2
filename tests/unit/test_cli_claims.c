/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/claims.h"

/* |user_data| is the one path that exists, or NULL. */
static bool exists(const cli_text *path, void *user_data)
{
  return user_data != NULL && strcmp(path->ptr, user_data) == 0;
}

static void expect_claim(cli_claims *claims, const char *path, const char *want,
                         const char *existing)
{
  cli_text text = {0};
  char *there = existing == NULL ? NULL : strdup(existing);

  cli_text_add(&text, path);
  uint64_t number = cli_claims_take(claims, &text, exists, there);
  assert_string_equal(text.ptr, want);
  assert_int_equal(number == 0, strcmp(path, want) == 0);
  cli_text_clear(&text);
  free(there);
}

static void claims_number_what_was_taken(void **state)
{
  cli_claims *claims = cli_claims_new();

  (void)state;
  expect_claim(claims, "d/data", "d/data", NULL);
  expect_claim(claims, "d/data", "d/data.1", NULL);
  expect_claim(claims, "data", "data", NULL);
  expect_claim(claims, "d/data", "d/data.2", NULL);
  expect_claim(claims, "i.png", "i.png", NULL);
  expect_claim(claims, "i.png", "i.1.png", NULL);
  cli_claims_free(claims);
}

static void claims_step_over_names_that_were_asked_for(void **state)
{
  cli_claims *claims = cli_claims_new();

  (void)state;
  expect_claim(claims, "data.1", "data.1", NULL);
  expect_claim(claims, "data", "data", NULL);
  expect_claim(claims, "data", "data.2", NULL);
  expect_claim(claims, "data.2", "data.2.1", NULL);
  cli_claims_free(claims);
}

static void claims_step_over_what_exists(void **state)
{
  cli_claims *claims = cli_claims_new();

  (void)state;
  expect_claim(claims, "data", "data.1", "data");
  expect_claim(claims, "data", "data.2", NULL);
  expect_claim(claims, "x", "x", NULL);
  expect_claim(claims, "x", "x.2", "x.1");
  cli_claims_free(claims);
}

static void claims_cover_the_part(void **state)
{
  cli_claims *claims = cli_claims_new();

  (void)state;
  expect_claim(claims, "x", "x", NULL);
  expect_claim(claims, "x.part", "x.1.part", NULL);
  expect_claim(claims, "y.part", "y.part", NULL);
  expect_claim(claims, "y", "y.1", NULL);
  expect_claim(claims, ".part", ".part", NULL);
  cli_claims_free(claims);
}

static void claims_of_a_hundred_thousand_equal_names(void **state)
{
  cli_claims *claims = cli_claims_new();
  char want[32];

  (void)state;
  expect_claim(claims, "data", "data", NULL);
  for (int i = 1; i < 100000; i++) {
    (void)snprintf(want, sizeof(want), "data.%d", i);
    expect_claim(claims, "data", want, NULL);
  }
  cli_claims_free(claims);
}

static void claims_of_a_hundred_thousand_different_names(void **state)
{
  cli_claims *claims = cli_claims_new();
  char name[32];

  (void)state;
  for (int i = 0; i < 100000; i++) {
    (void)snprintf(name, sizeof(name), "%d", i);
    expect_claim(claims, name, name, NULL);
  }
  expect_claim(claims, "99999", "99999.1", NULL);
  expect_claim(claims, "0", "0.1", NULL);
  cli_claims_free(claims);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(claims_number_what_was_taken),
      cmocka_unit_test(claims_step_over_names_that_were_asked_for),
      cmocka_unit_test(claims_step_over_what_exists),
      cmocka_unit_test(claims_cover_the_part),
      cmocka_unit_test(claims_of_a_hundred_thousand_equal_names),
      cmocka_unit_test(claims_of_a_hundred_thousand_different_names),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
