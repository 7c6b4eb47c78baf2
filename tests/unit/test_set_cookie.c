/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "http/cookie_date.h"
#include "http/set_cookie.h"
#include "support/assert_text.h"

#define NOW ((int64_t)1763600000)
#define DAY ((int64_t)86400)

/* Parses a copy of |text| in a block of its size; the views are of |text|'s
 * copy, which the caller frees. */
static int parse(ah_set_cookie *out, const char *text, size_t len, char **block)
{
  const char *why = NULL;
  *block = malloc(len == 0 ? 1 : len);
  assert_non_null(*block);
  memcpy(*block, text, len);
  int rv = ah_set_cookie_parse(out, ah_str(*block, len), NOW, &why);
  assert_true((rv == AHTTP_OK) == (why == NULL));
  return rv;
}

static void check_pair(const char *text, const char *name, const char *value)
{
  ah_set_cookie got;
  char *block;
  assert_int_equal(parse(&got, text, strlen(text), &block), AHTTP_OK);
  assert_text(got.name, name);
  assert_text(got.value, value);
  free(block);
}

static void pair_is_cut_at_the_first_equals_sign_and_trimmed(void **state)
{
  (void)state;
  check_pair("a=b", "a", "b");
  check_pair(" a \t=\t b c ; x", "a", "b c");
  check_pair("a=b=c;d=e", "a", "b=c");
  check_pair("a=", "a", "");
  check_pair("a=\"b; c\"", "a", "\"b");
  check_pair("a=b, c=d", "a", "b, c=d");
}

static void pair_may_lack_a_name(void **state)
{
  (void)state;
  check_pair("b", "", "b");
  check_pair("=b", "", "b");
  check_pair("==b", "", "=b");
}

static void check_refused(const char *text, size_t len)
{
  ah_set_cookie got;
  char *block;
  assert_int_equal(parse(&got, text, len, &block), AHTTP_EFIELD);
  free(block);
}

static void empty_pair_is_refused(void **state)
{
  (void)state;
  check_refused("", 0);
  check_refused("=", 1);
  check_refused(" ; a=b", 6);
}

static void control_characters_are_refused_but_tab(void **state)
{
  (void)state;
  for (int c = 0; c < 256; c++) {
    char text[] = "a=b?c; Path=/x?y";
    bool is_control = (c < 0x20 && c != '\t') || c == 0x7f;
    for (size_t at = 3; at < sizeof(text); at += 11) {
      char copy[sizeof(text)];
      memcpy(copy, text, sizeof(text));
      copy[at] = (char)c;
      ah_set_cookie got;
      char *block;
      int rv = parse(&got, copy, sizeof(copy) - 1, &block);
      assert_int_equal(rv, is_control ? AHTTP_EFIELD : AHTTP_OK);
      free(block);
    }
  }
}

static void pair_of_4096_bytes_is_the_longest(void **state)
{
  (void)state;
  static char text[4200];
  memset(text, 'v', sizeof(text));
  memcpy(text, "name=", 5);
  ah_set_cookie got;
  char *block;
  assert_int_equal(parse(&got, text, 4097, &block), AHTTP_OK);
  assert_int_equal(got.value.len, 4092);
  free(block);
  check_refused(text, 4098);
}

static ah_set_cookie attributes(const char *text)
{
  static char *block;
  free(block);
  ah_set_cookie got;
  assert_int_equal(parse(&got, text, strlen(text), &block), AHTTP_OK);
  return got;
}

static void attributes_are_read_in_any_case(void **state)
{
  (void)state;
  ah_set_cookie got = attributes("a=b; DOMAIN=.Example.org; path=/x; SECURE; "
                                 "HttpOnly=no; samesite=STRICT");
  assert_text(got.domain, "Example.org");
  assert_text(got.path, "/x");
  assert_true(got.has_path && got.secure && got.http_only);
  assert_int_equal(got.same_site, AHTTP_SAME_SITE_STRICT);
  assert_int_equal(got.expires, AHTTP_COOKIE_SESSION);
}

static void last_attribute_of_a_name_counts(void **state)
{
  (void)state;
  ah_set_cookie got = attributes("a=b; path=/x; path=y; domain=d; domain=; "
                                 "samesite=lax; samesite=what");
  assert_text(got.path, "");
  assert_true(got.has_path);
  assert_text(got.domain, "");
  assert_int_equal(got.same_site, AHTTP_SAME_SITE_DEFAULT);
}

static void attribute_of_1024_bytes_is_the_longest(void **state)
{
  (void)state;
  static char text[1200];
  memset(text, 'p', sizeof(text));
  memcpy(text, "a=b; path=/", 11);
  text[10 + 1024] = '\0';
  assert_int_equal(attributes(text).path.len, 1024);
  text[10 + 1024] = 'p';
  text[10 + 1025] = '\0';
  assert_int_equal(attributes(text).path.len, 0);
  assert_false(attributes(text).has_path);
}

static void max_age_is_counted_from_now_and_beats_expires(void **state)
{
  (void)state;
  static const struct {
    const char *text;
    int64_t expires;
  } rows[] = {
      {"a=b; Max-Age=60", NOW + 60},
      {"a=b; Max-Age=060", NOW + 60},
      {"a=b; Max-Age=0", AH_COOKIE_EXPIRED},
      {"a=b; Max-Age=-1", AH_COOKIE_EXPIRED},
      {"a=b; Max-Age=-999999999999999999999999", AH_COOKIE_EXPIRED},
      {"a=b; Max-Age=", AHTTP_COOKIE_SESSION},
      {"a=b; Max-Age=-", AHTTP_COOKIE_SESSION},
      {"a=b; Max-Age=1.5", AHTTP_COOKIE_SESSION},
      {"a=b; Max-Age=+5", AHTTP_COOKIE_SESSION},
      {"a=b; Max-Age=9; Max-Age=5", NOW + 5},
      {"a=b; Max-Age=5; Max-Age=x", NOW + 5},
      {"a=b; Expires=Thu, 20 Nov 2025 00:53:21 GMT", NOW + 1},
      {"a=b; Max-Age=5; Expires=Thu, 20 Nov 2025 00:53:21 GMT", NOW + 5},
      {"a=b; Expires=Thu, 20 Nov 2025 00:53:21 GMT; Max-Age=0",
       AH_COOKIE_EXPIRED},
      {"a=b; Expires=never", AHTTP_COOKIE_SESSION},
      {"a=b; Expires=Thu, 01 Jan 1970 00:00:00 GMT", AH_COOKIE_EXPIRED},
      {"a=b; Expires=Mon, 01 Jan 1601 00:00:00 GMT", AH_COOKIE_EXPIRED},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    assert_int_equal(attributes(rows[i].text).expires, rows[i].expires);
  }
}

static void no_cookie_lives_longer_than_400_days(void **state)
{
  (void)state;
  assert_int_equal(attributes("a=b; Max-Age=34560000").expires,
                   NOW + 400 * DAY);
  assert_int_equal(attributes("a=b; Max-Age=34560001").expires,
                   NOW + 400 * DAY);
  assert_int_equal(
      attributes("a=b; Max-Age=99999999999999999999999999").expires,
      NOW + 400 * DAY);
  assert_int_equal(
      attributes("a=b; Expires=Fri, 31 Dec 9999 23:59:59 GMT").expires,
      NOW + 400 * DAY);
}

/* Every prefix, and every prefix with any one byte changed, in a block of its
 * size: nothing is read beyond it, and views stay inside. */
static void no_input_is_read_past_its_end(void **state)
{
  (void)state;
  static const char text[] =
      "name=value; Domain=.example.org; Path=/a/b; Max-Age=-12; "
      "Expires=Wed, 09 Dec 2009 16:27:23 GMT; Secure; HttpOnly; SameSite=Lax";
  static const char bytes[] = ";=-. ,:/\t0\x01";
  for (size_t len = 0; len < sizeof(text); len++) {
    for (size_t at = 0; at <= len; at++) {
      char copy[sizeof(text)];
      ah_set_cookie got;
      char *block;
      memcpy(copy, text, sizeof(text));
      copy[at] = bytes[(len + at) % (sizeof(bytes) - 1)];
      (void)parse(&got, copy, len, &block);
      assert_true(got.name.len + got.value.len <= len);
      free(block);
    }
  }
}

/* --- Dates. ----------------------------------------------------------------
 */

static void check_date(const char *text, bool is_valid, int64_t seconds)
{
  size_t len = strlen(text);
  char *block = malloc(len == 0 ? 1 : len);
  int64_t got = -77;
  memcpy(block, text, len);
  assert_int_equal(ah_cookie_date_parse(ah_str(block, len), &got), is_valid);
  assert_int_equal(got, is_valid ? seconds : -77);
  free(block);
}

static void dates_are_read_in_any_order(void **state)
{
  (void)state;
  check_date("Sun, 06 Nov 1994 08:49:37 GMT", true, 784111777);
  check_date("1994 08:49:37 Nov 06", true, 784111777);
  check_date("6-nov-94 8:49:37", true, 784111777);
  check_date("08:49:37foo 6th november 1994", true, 784111777);
  check_date("1 Jan 70 0:0:0", true, 0);
  check_date("31 Dec 69 23:59:59", true, 3155759999); /* 2069 */
  check_date("29 Feb 2000 00:00:00", true, 951782400);
  check_date("1 Jan 1601 00:00:00", true, -11644473600);
}

static void dates_that_do_not_exist_are_refused(void **state)
{
  (void)state;
  static const char *const texts[] = {
      "",
      "Sun, 06 Nov 1994",
      "06 Nov 08:49:37",
      "Nov 1994 08:49:37",
      "06 1994 08:49:37",
      "32 Jan 2020 00:00:00",
      "0 Jan 2020 00:00:00",
      "30 Feb 2020 00:00:00",
      "29 Feb 1900 00:00:00",
      "31 Apr 2021 00:00:00",
      "1 Jan 1600 00:00:00",
      "1 Jan 2020 24:00:00",
      "1 Jan 2020 00:60:00",
      "1 Jan 2020 00:00:60",
      "1 Jan 2020 00:00",
      "1 Jan 2020 000:00:00",
      "1 Jan 20200 00:00:00",
  };
  for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
    check_date(texts[i], false, 0);
  }
}

/* --- Prefixes. -------------------------------------------------------------
 */

static const char *prefix_refusal(const char *name, const char *value,
                                  bool secure, bool is_whole_host)
{
  return ah_cookie_prefix_refusal(ah_str_from_c(name), ah_str_from_c(value),
                                  secure, is_whole_host);
}

static void prefixes_are_promises(void **state)
{
  (void)state;
  assert_null(prefix_refusal("a", "b", false, false));
  assert_null(prefix_refusal("__Secure-a", "b", true, false));
  assert_non_null(prefix_refusal("__Secure-a", "b", false, true));
  assert_non_null(prefix_refusal("__sEcUrE-a", "b", false, true));
  assert_null(prefix_refusal("__Host-a", "b", true, true));
  assert_non_null(prefix_refusal("__Host-a", "b", false, true));
  assert_non_null(prefix_refusal("__hOST-a", "b", true, false));
  assert_non_null(prefix_refusal("", "__Host-a=b", true, true));
  assert_non_null(prefix_refusal("", "__Secure-a=b", true, true));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pair_is_cut_at_the_first_equals_sign_and_trimmed),
      cmocka_unit_test(pair_may_lack_a_name),
      cmocka_unit_test(empty_pair_is_refused),
      cmocka_unit_test(control_characters_are_refused_but_tab),
      cmocka_unit_test(pair_of_4096_bytes_is_the_longest),
      cmocka_unit_test(attributes_are_read_in_any_case),
      cmocka_unit_test(last_attribute_of_a_name_counts),
      cmocka_unit_test(attribute_of_1024_bytes_is_the_longest),
      cmocka_unit_test(max_age_is_counted_from_now_and_beats_expires),
      cmocka_unit_test(no_cookie_lives_longer_than_400_days),
      cmocka_unit_test(no_input_is_read_past_its_end),
      cmocka_unit_test(dates_are_read_in_any_order),
      cmocka_unit_test(dates_that_do_not_exist_are_refused),
      cmocka_unit_test(prefixes_are_promises),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
