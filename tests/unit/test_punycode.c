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
#include "http/punycode.h"
#include "support/assert_text.h"

enum {
  POINTS_MAX = 64
};

/* RFC 3492, section 7.1, and the edges. */
static const struct {
  const char *text;
  uint32_t points[POINTS_MAX]; /* up to a 0 */
} rows[] = {
    {"egbpdaj6bu4bxfgehfvwxn",
     {0x644, 0x64a, 0x647, 0x645, 0x627, 0x628, 0x62a, 0x643, 0x644, 0x645,
      0x648, 0x634, 0x639, 0x631, 0x628, 0x64a, 0x61f}},
    {"ihqwcrb4cv8a8dqg056pqjye",
     {0x4ed6, 0x4eec, 0x4e3a, 0x4ec0, 0x4e48, 0x4e0d, 0x8bf4, 0x4e2d, 0x6587}},
    {"MajiKoi5-783gue6qz075azm5e",
     {'M', 'a', 'j', 'i', 0x3067, 'K', 'o', 'i', 0x3059, 0x308b, '5', 0x79d2,
      0x524d}},
    {"-> $1.00 <--", {'-', '>', ' ', '$', '1', '.', '0', '0', ' ', '<', '-'}},
    {"bcher-kva", {'b', 0xfc, 'c', 'h', 'e', 'r'}},
    {"n3h", {0x2603}},
    {"ls8h", {0x1f4a9}},
    {"dn32g", {0x10ffff}},
    {"", {0}},
};

static size_t points_count(const uint32_t *points)
{
  size_t count = 0;
  while (points[count] != 0) {
    count++;
  }
  return count;
}

static void punycode_agrees_with_the_samples_both_ways(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    size_t count = points_count(rows[i].points);
    char text[10 * POINTS_MAX + 1];
    size_t len = 0;
    assert_true(ah_punycode_encode(text, &len, rows[i].points, count));
    assert_text(ah_str(text, len), rows[i].text);
    uint32_t points[POINTS_MAX];
    size_t got = 0;
    assert_true(ah_punycode_decode(points, &got, ah_str_from_c(rows[i].text)));
    assert_int_equal(got, count);
    assert_memory_equal(points, rows[i].points, count * sizeof(points[0]));
  }
}

static void punycode_of_others_is_refused(void **state)
{
  (void)state;
  static const char *const texts[] = {
      "a\xc3\xbc", "\xff-a",    "9999999999", "a-9999999", "a_b",
      "n3h_",      "99999999b", "7",          "0-7",       "7ca"};
  for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
    uint32_t points[POINTS_MAX];
    size_t count = 0;
    if (ah_punycode_decode(points, &count, ah_str_from_c(texts[i]))) {
      for (size_t k = 0; k < count; k++) {
        assert_true(points[k] <= 0x10ffff &&
                    (points[k] < 0xd800 || points[k] > 0xdfff));
      }
      assert_true(i >= 7); /* the last three are odd, but Punycode */
    } else {
      assert_true(i < 9);
    }
  }
}

/* Whatever decodes encodes to itself, but for the case of digits. */
static void punycode_survives_random_text(void **state)
{
  (void)state;
  uint32_t seed = 1;
  for (int round = 0; round < 100000; round++) {
    char text[12];
    seed = seed * 1103515245 + 12345;
    size_t len = 1 + (seed >> 16) % sizeof(text);
    for (size_t i = 0; i < len; i++) {
      seed = seed * 1103515245 + 12345;
      text[i] = "abcdefghijklmnopqrstuvwxyz0123456789--"[(seed >> 16) % 38];
    }
    char *block = malloc(len);
    uint32_t *points = malloc(len * sizeof(*points));
    assert_non_null(block);
    assert_non_null(points);
    memcpy(block, text, len);
    size_t count = 0;
    if (ah_punycode_decode(points, &count, ah_str(block, len))) {
      char again[10 * sizeof(text) + 1];
      size_t again_len = 0;
      assert_true(ah_punycode_encode(again, &again_len, points, count));
      uint32_t twice[sizeof(again)];
      size_t twice_count = 0;
      assert_true(
          ah_punycode_decode(twice, &twice_count, ah_str(again, again_len)));
      assert_int_equal(twice_count, count);
      assert_memory_equal(twice, points, count * sizeof(*points));
    }
    free(block);
    free(points);
  }
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(punycode_agrees_with_the_samples_both_ways),
      cmocka_unit_test(punycode_of_others_is_refused),
      cmocka_unit_test(punycode_survives_random_text),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
