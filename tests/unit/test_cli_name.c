/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/name.h"
#include "cli/unicode.h"

static ahttp_str str_of(const char *chars)
{
  return (ahttp_str){chars, strlen(chars)};
}

static void name_decodes_only_what_is_harmless(void **state)
{
  static const struct {
    const char *segment;
    const char *want;
  } rows[] = {
      {"plain.txt", "plain.txt"},
      {"a%20b", "a b"},
      {"%41%6a", "Aj"},
      {"%c3%A4", "\xc3\xa4"},
      {"%", "%"},
      {"%4", "%4"},
      {"%zz", "%zz"},
      {"100%", "100%"},
      {"a%2fb", "a%2fb"},
      {"a%00b", "a%00b"},
      {"a%0ab%20", "a%0ab%20"},
      {"%7f", "%7f"},
      {"%c2%9b2J", "%c2%9b2J"},
      {"%c3", "%c3"},
      {"%ed%a0%80", "%ed%a0%80"},
      {"%c0%af", "%c0%af"},
      {"%e2%80%ae", "%e2%80%ae"},
      {"%252e", "%2e"},
  };

  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
    cli_text out = {0};
    cli_text_add(&out, "x/");
    cli_name_append_segment(&out, str_of(rows[i].segment));
    assert_string_equal(out.ptr + 2, rows[i].want);
    cli_text_clear(&out);
  }
}

static void name_number_goes_before_the_extension(void **state)
{
  static const struct {
    const char *path;
    const char *want;
  } rows[] = {
      {"data", "data.7"},
      {"a/data", "a/data.7"},
      {"a.b/data", "a.b/data.7"},
      {"i.jpg", "i.7.jpg"},
      {"a.tar.gz", "a.tar.7.gz"},
      {".bashrc", ".bashrc.7"},
      {".x.rc", ".x.7.rc"},
      {"v1.2", "v1.2.7"},
      {"x.", "x..7"},
      {"x.averylongextension", "x.averylongextension.7"},
  };

  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
    cli_text path = {0};
    cli_text_add(&path, rows[i].path);
    cli_name_add_number(&path, 7);
    assert_string_equal(path.ptr, rows[i].want);
    assert_int_equal(path.len, strlen(rows[i].want));
    cli_text_clear(&path);
  }
}

static void name_fit_keeps_extension_and_whole_characters(void **state)
{
  cli_text path = {0};

  (void)state;
  cli_text_add(&path, "dir/abcdefghij.txt");
  cli_name_fit(&path, 4, 9);
  assert_string_equal(path.ptr, "dir/abcde.txt");
  cli_text_reset(&path);
  cli_text_add(&path, "a\xc3\xa4\xc3\xa4\xc3\xa4");
  cli_name_fit(&path, 0, 4);
  assert_string_equal(path.ptr, "a\xc3\xa4");
  cli_name_fit(&path, 0, 4);
  assert_string_equal(path.ptr, "a\xc3\xa4");
  cli_text_clear(&path);
}

static void name_with_a_number_never_grows_past_the_limit(void **state)
{
  (void)state;
  for (size_t len = CLI_NAME_MAX - 30; len <= CLI_NAME_MAX; len++) {
    cli_text path = {0};
    cli_text_add(&path, "d/");
    for (size_t i = 0; i < len - 4; i++) {
      cli_text_append_byte(&path, 'n');
    }
    cli_text_add(&path, ".txt");
    cli_name_add_number(&path, UINT64_MAX);
    assert_true(path.len - 2 <= CLI_NAME_MAX);
    assert_string_equal(path.ptr + path.len - 25, ".18446744073709551615.txt");
    cli_text_clear(&path);
  }
}

static void utf8_takes_exactly_what_is_well_formed(void **state)
{
  static const struct {
    const char *bytes;
    size_t len;
    uint32_t point;
  } rows[] = {
      {"a", 1, 'a'},
      {"\x7f", 1, 0x7f},
      {"\x80", 0, 0},
      {"\xc1\xbf", 0, 0},
      {"\xc2\x80", 2, 0x80},
      {"\xdf\xbf", 2, 0x7ff},
      {"\xe0\x9f\xbf", 0, 0},
      {"\xe0\xa0\x80", 3, 0x800},
      {"\xed\x9f\xbf", 3, 0xd7ff},
      {"\xed\xa0\x80", 0, 0},
      {"\xee\x80\x80", 3, 0xe000},
      {"\xf0\x8f\xbf\xbf", 0, 0},
      {"\xf0\x90\x80\x80", 4, 0x10000},
      {"\xf4\x8f\xbf\xbf", 4, 0x10ffff},
      {"\xf4\x90\x80\x80", 0, 0},
      {"\xf5\x80\x80\x80", 0, 0},
      {"\xc3", 0, 0},
      {"\xe2\x82", 0, 0},
      {"\xe2\x28\xa1", 0, 0},
  };

  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
    uint32_t point;
    size_t len = cli_utf8_decode(&point, rows[i].bytes, strlen(rows[i].bytes));
    assert_int_equal(len, rows[i].len);
    assert_int_equal(point, rows[i].point);
  }
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(name_decodes_only_what_is_harmless),
      cmocka_unit_test(name_number_goes_before_the_extension),
      cmocka_unit_test(name_fit_keeps_extension_and_whole_characters),
      cmocka_unit_test(name_with_a_number_never_grows_past_the_limit),
      cmocka_unit_test(utf8_takes_exactly_what_is_well_formed),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
