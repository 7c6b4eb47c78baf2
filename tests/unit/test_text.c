/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ahttp/error.h>

#include "base/str.h"
#include "http/text.h"
#include "http/utf8.h"
#include "support/test_alloc.h"

#define FFFD "\xef\xbf\xbd"
#define TEXT(literal) {(literal), sizeof(literal) - 1}

static const struct {
  const char *charset;
  ahttp_str in;
  const char *out;
} rows[] = {
    {"utf-8", TEXT(""), ""},
    {"UTF8", TEXT("abc"), "abc"},
    {"utf-8", TEXT("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"),
     "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"},
    /* one U+FFFD for each maximal part (Unicode, section 3.9, table 3-8) */
    {"utf-8",
     TEXT("a\xf1\x80\x80\xe1\x80\xc2"
          "b\x80"
          "c\x80\xbf"
          "d"),
     "a" FFFD FFFD FFFD "b" FFFD "c" FFFD FFFD "d"},
    {"utf-8", TEXT("\xed\xa0\x80"), FFFD FFFD FFFD}, /* a surrogate */
    {"utf-8", TEXT("\xc0\xaf\xe0\x80\xaf"), FFFD FFFD FFFD FFFD FFFD},
    {"utf-8", TEXT("\xf4\x90\x80\x80\xff"), FFFD FFFD FFFD FFFD FFFD},
    {"utf-8", TEXT("\xe2\x82"), FFFD}, /* cut short */
    {"iso-8859-1", TEXT("\xe4\x80"), "\xc3\xa4\xc2\x80"},
    {"latin1", TEXT("\xe4"), "\xc3\xa4"},
    {"windows-1252", TEXT("\x80"), "\xe2\x82\xac"},
    {"us-ascii", TEXT("a\xe4z"), "a" FFFD "z"},
    /* HTTPX: test_text_decoder_known_encoding */
    {"shift-jis",
     TEXT("\x83g\x83\x89\x83"
          "b"),
     "\xe3\x83\x88\xe3\x83\xa9\xe3\x83\x83"},
    {"shift-jis", TEXT("\x83"), FFFD},
    {"utf-16le", TEXT("a\0\xe4\0"), "a\xc3\xa4"},
    {"utf-16be", TEXT("\0a\0\xe4"), "a\xc3\xa4"},
    {"utf-16le",
     TEXT("\0\xdc"
          "a\0"),
     FFFD "a"}, /* half a pair */
    {"utf-16le", TEXT("a\0b"), "a" FFFD},
    {"koi8-r", TEXT("\xc1"), "\xd0\xb0"},
};

static void check(ahttp_str charset, ahttp_str in, const char *want)
{
  ah_buf out;
  uint8_t *block = malloc(in.len == 0 ? 1 : in.len);
  assert_non_null(block);
  memcpy(block, in.ptr, in.len);
  ah_buf_init(&out, SIZE_MAX);
  assert_int_equal(
      ah_text_decode(&out, charset, ah_str((const char *)block, in.len)),
      AHTTP_OK);
  assert_int_equal(ah_buf_len(&out), strlen(want));
  if (strlen(want) > 0) {
    assert_memory_equal(ah_buf_bytes(&out), want, strlen(want));
  }
  ah_buf_clear(&out);
  free(block);
}

static void text_becomes_utf8(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    check(ah_str_from_c(rows[i].charset), rows[i].in, rows[i].out);
  }
}

/* More than one round of the converter, with characters across its ends. */
static void long_text_is_converted_whole(void **state)
{
  (void)state;
  enum {
    COUNT = 50001
  };
  char *in = malloc(COUNT);
  char *want = malloc(COUNT * 2 + 1);
  assert_true(in != NULL && want != NULL);
  for (size_t i = 0; i < COUNT; i++) {
    in[i] = '\xe4';
    memcpy(want + i * 2, "\xc3\xa4", 2);
  }
  want[COUNT * 2] = '\0';
  check(AH_STR("iso-8859-1"), ah_str(in, COUNT), want);
  check(AH_STR("utf-8"), ah_str(want, COUNT * 2), want);
  free(in);
  free(want);
}

static void unknown_charsets_are_refused(void **state)
{
  (void)state;
  static const ahttp_str names[] = {
      TEXT("x-nonsense"),
      TEXT(""),
      TEXT("utf-8//TRANSLIT"),
      TEXT("utf-8,ccs=latin1"),
      TEXT("a b"),
      TEXT("../../etc/passwd"),
      TEXT("0123456789012345678901234567890123456789012345678901234567890123"),
  };
  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
    ah_buf out;
    ah_buf_init(&out, SIZE_MAX);
    assert_false(ah_text_knows(names[i]));
    assert_int_equal(ah_text_decode(&out, names[i], AH_STR("x")), AHTTP_EINVAL);
    ah_buf_clear(&out);
  }
  assert_true(ah_text_knows(AH_STR("UTF-8")));
  assert_true(ah_text_knows(AH_STR("ISO-8859-15")));
}

static void byte_order_marks_are_seen(void **state)
{
  (void)state;
  size_t len;
  assert_true(ah_str_eq(ah_text_bom(AH_STR("\xef\xbb\xbf"
                                           "a"),
                                    &len),
                        AH_STR("utf-8")));
  assert_int_equal(len, 3);
  assert_true(
      ah_str_eq(ah_text_bom(AH_STR("\xfe\xff"), &len), AH_STR("utf-16be")));
  assert_true(
      ah_str_eq(ah_text_bom(AH_STR("\xff\xfe"), &len), AH_STR("utf-16le")));
  assert_int_equal(len, 2);
  assert_int_equal(ah_text_bom(AH_STR("\xef\xbb"), &len).len, 0);
  assert_int_equal(len, 0);
  assert_int_equal(ah_text_bom(AH_STR(""), &len).len, 0);
}

static int decode_all(void *arg)
{
  ah_buf out;
  (void)arg;
  ah_buf_init(&out, SIZE_MAX);
  int rv = ah_text_decode(&out, AH_STR("utf-8"),
                          AH_STR("a\xff"
                                 "b"));
  if (rv == AHTTP_OK) {
    rv = ah_text_decode(&out, AH_STR("iso-8859-1"),
                        AH_STR("a\xff"
                               "b"));
  }
  ah_buf_clear(&out);
  return rv;
}

static void text_survives_every_failed_allocation(void **state)
{
  (void)state;
  test_alloc_fail_each(decode_all, NULL);
}

/* Every code point there is, and what is none. */
static void code_points_are_written_as_they_are_read(void **state)
{
  (void)state;
  for (uint32_t point = 0; point < 0x110002; point++) {
    char text[AH_UTF8_BYTES_MAX];
    size_t len = ah_utf8_put(text, point);
    if ((point >= 0xd800 && point < 0xe000) || point > 0x10ffff) {
      assert_int_equal(len, 0);
      continue;
    }
    size_t used;
    if (!ah_utf8_next((const uint8_t *)text, len, &used) || used != len ||
        ah_utf8_point((const uint8_t *)text, len) != point) {
      fail_msg("U+%04X", (unsigned)point);
    }
  }
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(code_points_are_written_as_they_are_read),
      cmocka_unit_test(text_becomes_utf8),
      cmocka_unit_test(long_text_is_converted_whole),
      cmocka_unit_test(unknown_charsets_are_refused),
      cmocka_unit_test(byte_order_marks_are_seen),
      cmocka_unit_test(text_survives_every_failed_allocation),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
