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
#include "support/assert_text.h"

static void check_class(unsigned class, const char *members)
{
  for (int c = 1; c < 256; c++) {
    bool want = strchr(members, c) != NULL;
    if (ah_char_is((uint8_t)c, class) != want) {
      fail_msg("class %u, byte 0x%02x", class, (unsigned)c);
    }
  }
  assert_false(ah_char_is(0, class));
}

#define DIGITS "0123456789"
#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

static void char_classes_are_those_of_the_rfcs(void **state)
{
  (void)state;
  check_class(AH_CHAR_TOKEN, "!#$%&'*+-.^_`|~" DIGITS LOWER UPPER);
  check_class(AH_CHAR_DIGIT, DIGITS);
  check_class(AH_CHAR_HEX, DIGITS "abcdefABCDEF");
  check_class(AH_CHAR_ALPHA, LOWER UPPER);
  for (int c = 0; c < 256; c++) {
    bool is_visible = c > 0x20 && c < 0x7f;
    bool is_field = is_visible || c == '\t' || c == ' ' || c >= 0x80;
    assert_int_equal(ah_char_is((uint8_t)c, AH_CHAR_TARGET), is_visible);
    assert_int_equal(ah_char_is((uint8_t)c, AH_CHAR_FIELD), is_field);
  }
}

static void char_lower_changes_letters_only(void **state)
{
  (void)state;
  for (int c = 0; c < 256; c++) {
    int want = c >= 'A' && c <= 'Z' ? c + 32 : c;
    assert_int_equal(ah_char_lower((uint8_t)c), want);
  }
}

static void char_hex_gives_the_digit(void **state)
{
  (void)state;
  const char *digits = DIGITS "abcdefABCDEF";
  for (int c = 0; c < 256; c++) {
    const char *at = c == 0 ? NULL : strchr(digits, c);
    int want = -1;
    if (at != NULL) {
      want = (int)(at - digits);
      want = want > 15 ? want - 6 : want;
    }
    assert_int_equal(ah_char_hex((uint8_t)c), want);
  }
}

static void str_from_c_takes_null(void **state)
{
  (void)state;
  assert_int_equal(ah_str_from_c(NULL).len, 0);
  assert_text(ah_str_from_c("abc"), "abc");
}

static void str_eq_compares_bytes(void **state)
{
  (void)state;
  assert_true(ah_str_eq(AH_STR("abc"), AH_STR("abc")));
  assert_true(ah_str_eq(ah_str(NULL, 0), AH_STR("")));
  assert_false(ah_str_eq(AH_STR("abc"), AH_STR("abC")));
  assert_false(ah_str_eq(AH_STR("abc"), AH_STR("ab")));
}

/* Compares copies in blocks of their exact size. */
static bool ieq_exact(const uint8_t *a, const uint8_t *b, size_t len)
{
  char *block_a = malloc(len > 0 ? len : 1);
  char *block_b = malloc(len > 0 ? len : 1);
  assert_non_null(block_a);
  assert_non_null(block_b);
  memcpy(block_a, a, len);
  memcpy(block_b, b, len);
  bool equal = ah_str_ieq(ah_str(block_a, len), ah_str(block_b, len));
  free(block_a);
  free(block_b);
  return equal;
}

static void str_ieq_ignores_case_at_every_place_and_length(void **state)
{
  (void)state;
  uint8_t a[20];
  uint8_t b[20];
  for (size_t len = 0; len <= sizeof(a); len++) {
    memset(a, 'x', sizeof(a));
    memset(b, 'X', sizeof(b));
    assert_true(ieq_exact(a, b, len));
    for (size_t at = 0; at < len; at++) {
      b[at] = 'Y';
      assert_false(ieq_exact(a, b, len));
      b[at] = 'x';
    }
  }
  assert_false(ah_str_ieq(AH_STR("abc"), AH_STR("abcd")));
}

static void str_ieq_folds_no_other_pair(void **state)
{
  (void)state;
  uint8_t a[9] = {0};
  uint8_t b[9] = {0};
  for (int x = 0; x < 256; x++) {
    for (int y = 0; y < 256; y++) {
      a[0] = a[8] = (uint8_t)x; /* once in a word, once alone */
      b[0] = b[8] = (uint8_t)y;
      bool want = ah_char_lower((uint8_t)x) == ah_char_lower((uint8_t)y);
      ahttp_str whole_a = ah_str((const char *)a, sizeof(a));
      ahttp_str whole_b = ah_str((const char *)b, sizeof(b));
      if (ah_str_ieq(whole_a, whole_b) != want) {
        fail_msg("bytes 0x%02x and 0x%02x", (unsigned)x, (unsigned)y);
      }
    }
  }
}

static void str_all_wants_at_least_one(void **state)
{
  (void)state;
  assert_true(ah_str_all(AH_STR("12a"), AH_CHAR_DIGIT | AH_CHAR_ALPHA));
  assert_false(ah_str_all(AH_STR("12a"), AH_CHAR_DIGIT));
  assert_false(ah_str_all(AH_STR(""), AH_CHAR_DIGIT));
}

static void str_trim_drops_blanks_at_both_ends(void **state)
{
  (void)state;
  assert_text(ah_str_trim(AH_STR(" \t a b \t")), "a b");
  assert_text(ah_str_trim(AH_STR("ab")), "ab");
  assert_text(ah_str_trim(AH_STR(" \t ")), "");
  assert_text(ah_str_trim(ah_str(NULL, 0)), "");
  assert_text(ah_str_trim(AH_STR("\ra\n")), "\ra\n");
}

static void str_to_u64_takes_digits_that_fit(void **state)
{
  (void)state;
  static const struct {
    const char *text;
    bool ok;
    uint64_t value;
  } rows[] = {
      {"0", true, 0},
      {"007", true, 7},
      {"18446744073709551615", true, UINT64_MAX},
      {"18446744073709551616", false, 0},
      {"99999999999999999999", false, 0},
      {"", false, 0},
      {"+1", false, 0},
      {"-1", false, 0},
      {" 1", false, 0},
      {"1 ", false, 0},
      {"0x1", false, 0},
      {"1.0", false, 0},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    uint64_t value = 42;
    bool ok = ah_str_to_u64(ah_str_from_c(rows[i].text), &value);
    assert_int_equal(ok, rows[i].ok);
    assert_true(value == (rows[i].ok ? rows[i].value : 42));
  }
}

/* The elements of |list|, with "|" after each. */
static void check_elements(const char *list, const char *want)
{
  char got[256] = "";
  ahttp_str rest = ah_str_from_c(list);
  ahttp_str element;
  while (ah_str_next_element(&rest, &element)) {
    strncat(got, element.ptr, element.len);
    strcat(got, "|");
  }
  assert_int_equal(element.len, 0);
  assert_string_equal(got, want);
}

static void str_next_element_walks_a_list(void **state)
{
  (void)state;
  check_elements("", "");
  check_elements(" , ,\t,", "");
  check_elements("a", "a|");
  check_elements(" a ,b,, c d ,", "a|b|c d|");
  check_elements("a=\"x, y\", b", "a=\"x, y\"|b|");
  check_elements("\"a\\\",b\",c", "\"a\\\",b\"|c|");
  check_elements("\"open, b", "\"open, b|");
  check_elements("\"open\\", "\"open\\|");
}

static void str_list_has_finds_tokens_in_any_case(void **state)
{
  (void)state;
  const ahttp_str list = AH_STR("Keep-Alive, close;x , \"upgrade\"");
  assert_true(ah_str_list_has(list, AH_STR("keep-alive")));
  assert_false(ah_str_list_has(list, AH_STR("close")));
  assert_false(ah_str_list_has(list, AH_STR("upgrade")));
  assert_false(ah_str_list_has(AH_STR(""), AH_STR("close")));
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(char_classes_are_those_of_the_rfcs),
      cmocka_unit_test(char_lower_changes_letters_only),
      cmocka_unit_test(char_hex_gives_the_digit),
      cmocka_unit_test(str_from_c_takes_null),
      cmocka_unit_test(str_eq_compares_bytes),
      cmocka_unit_test(str_ieq_ignores_case_at_every_place_and_length),
      cmocka_unit_test(str_ieq_folds_no_other_pair),
      cmocka_unit_test(str_all_wants_at_least_one),
      cmocka_unit_test(str_trim_drops_blanks_at_both_ends),
      cmocka_unit_test(str_to_u64_takes_digits_that_fit),
      cmocka_unit_test(str_next_element_walks_a_list),
      cmocka_unit_test(str_list_has_finds_tokens_in_any_case),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
