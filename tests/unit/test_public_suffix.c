/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <ahttp/version.h>

#include "base/str.h"
#include "client/public_suffix.h"
#include "support/assert_text.h"

static void check(const char *host, const char *want)
{
  assert_text(ah_registrable_domain(ah_str_from_c(host)), want);
}

static bool has_list(void)
{
  return strcmp(ah_public_suffix_version(), "no-libpsl") != 0;
}

static void registrable_domain_is_one_label_below_the_suffix(void **state)
{
  (void)state;
  check("example.com", "example.com");
  check("a.b.example.com", "example.com");
  check("a.example.test", "example.test");
  check("a.example.co.uk", has_list() ? "example.co.uk" : "co.uk");
}

static void public_suffixes_have_none(void **state)
{
  (void)state;
  check("", "");
  check("com", "");
  check("localhost", "");
  check(".", "");
  check(".com", "");
  if (has_list()) {
    check("co.uk", "");
    check("github.io", "");
  }
}

/* curl let "Domain=com." pass (CVE-2022-27779). */
static void dot_at_the_end_changes_nothing(void **state)
{
  (void)state;
  check("com.", "");
  check("example.com.", "example.com.");
  check("a.example.com.", "example.com.");
}

static void overlong_name_has_none(void **state)
{
  (void)state;
  char name[300];
  memset(name, 'a', sizeof(name));
  memcpy(name + sizeof(name) - 5, ".com", 5);
  check(name, "");
  check(name + sizeof(name) - 1 - 254, name + sizeof(name) - 1 - 254);
}

static void version_names_the_list(void **state)
{
  (void)state;
  assert_non_null(strstr(ahttp_version_details(), ah_public_suffix_version()));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(registrable_domain_is_one_label_below_the_suffix),
      cmocka_unit_test(public_suffixes_have_none),
      cmocka_unit_test(dot_at_the_end_changes_nothing),
      cmocka_unit_test(overlong_name_has_none),
      cmocka_unit_test(version_names_the_list),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
