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
#include "http/field_name.h"
#include "support/assert_text.h"

static const ahttp_str names[] = {
#define FIELD_NAME(id, name) {(name), sizeof(name) - 1},
    AH_FIELD_MAP(FIELD_NAME)
#undef FIELD_NAME
};
enum {
  NAMES_COUNT = sizeof(names) / sizeof(names[0])
};

/* Looks up a copy in a block of its exact size. */
static ah_field_id lookup(const char *text, size_t len)
{
  char *block = malloc(len > 0 ? len : 1);
  assert_non_null(block);
  memcpy(block, text, len);
  ah_field_id id = ah_field_id_of(ah_str(block, len));
  free(block);
  return id;
}

static void field_name_every_known_one_is_found_in_any_case(void **state)
{
  (void)state;
  assert_int_equal(NAMES_COUNT, AH_FIELD_OTHER);
  for (size_t i = 0; i < NAMES_COUNT; i++) {
    char text[32];
    size_t len = names[i].len;
    memcpy(text, names[i].ptr, len);
    assert_int_equal(lookup(text, len), i);
    text[0] = (char)(text[0] - 32);
    assert_int_equal(lookup(text, len), i);
    for (size_t j = 0; j < len; j++) {
      if (text[j] >= 'a' && text[j] <= 'z') {
        text[j] = (char)(text[j] - 32);
      }
    }
    assert_int_equal(lookup(text, len), i);
    assert_text(ah_field_id_name((ah_field_id)i), names[i].ptr);
  }
}

static void field_name_one_byte_off_is_another(void **state)
{
  (void)state;
  for (size_t i = 0; i < NAMES_COUNT; i++) {
    char text[32];
    size_t len = names[i].len;
    for (size_t j = 0; j < len; j++) {
      memcpy(text, names[i].ptr, len);
      text[j] = (char)(text[j] ^ 0x40);
      assert_int_equal(lookup(text, len), AH_FIELD_OTHER);
      text[j] = '_';
      assert_int_equal(lookup(text, len), AH_FIELD_OTHER);
    }
    assert_int_equal(lookup(names[i].ptr, len - 1), AH_FIELD_OTHER);
    memcpy(text, names[i].ptr, len);
    text[len] = 's';
    assert_int_equal(lookup(text, len + 1), AH_FIELD_OTHER);
  }
}

static void field_name_of_any_length_is_allowed(void **state)
{
  (void)state;
  char text[300];
  memset(text, 't', sizeof(text));
  for (size_t len = 0; len <= sizeof(text); len++) {
    assert_int_equal(lookup(text, len), AH_FIELD_OTHER);
  }
}

static void field_names_are_in_alphabetical_order(void **state)
{
  (void)state;
  for (size_t i = 1; i < NAMES_COUNT; i++) {
    assert_true(strcmp(names[i - 1].ptr, names[i].ptr) < 0);
  }
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(field_name_every_known_one_is_found_in_any_case),
      cmocka_unit_test(field_name_one_byte_off_is_another),
      cmocka_unit_test(field_name_of_any_length_is_allowed),
      cmocka_unit_test(field_names_are_in_alphabetical_order),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
