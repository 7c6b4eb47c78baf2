/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/h1_text.h"

/* Past two blocks of sixteen bytes, so that every way of covering a text by
 * blocks is met. */
enum {
  LEN_MAX = 40
};

typedef bool (*text_check)(ahttp_str text);

/* Compares |check| with the table for every byte at every place of texts of
 * every length, each in a block of its exact size. */
static void check_against_table(text_check check, unsigned classes,
                                bool empty_is_fine)
{
  assert_int_equal(check(ah_str("", 0)), empty_is_fine);
  for (size_t len = 1; len <= LEN_MAX; len++) {
    char *text = malloc(len);
    assert_non_null(text);
    memset(text, 'a', len);
    assert_true(check(ah_str(text, len)));
    for (size_t at = 0; at < len; at++) {
      for (unsigned byte = 0; byte < 256; byte++) {
        text[at] = (char)byte;
        assert_int_equal(check(ah_str(text, len)),
                         ah_char_is((uint8_t)byte, classes));
      }
      text[at] = 'a';
    }
    free(text);
  }
}

static void clean_text_has_no_control_characters(void **state)
{
  (void)state;
  check_against_table(ah_h1_text_is_clean, AH_CHAR_FIELD, true);
}

static void target_is_visible_ascii_and_not_empty(void **state)
{
  (void)state;
  check_against_table(ah_h1_text_is_target, AH_CHAR_TARGET, false);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(clean_text_has_no_control_characters),
      cmocka_unit_test(target_is_visible_ascii_and_not_empty),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
