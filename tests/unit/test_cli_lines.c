/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/lines.h"
#include "cli/text.h"

/* Feeds |text| in pieces that |next_len| decides and returns the lines, each in
 * brackets; long ones as their length. */
static void split(cli_text *out, const char *text, size_t text_len,
                  size_t (*next_len)(size_t at, size_t arg), size_t arg)
{
  cli_lines lines;
  size_t at = 0;
  ahttp_str line;

  cli_lines_init(&lines);
  cli_text_reset(out);
  cli_text_add(out, "");
  for (;;) {
    switch (cli_lines_next(&lines, &line)) {
    case CLI_LINES_LINE:
      cli_text_append_byte(out, '[');
      cli_text_append_str(out, line);
      cli_text_append_byte(out, ']');
      break;
    case CLI_LINES_LONG:
      assert_int_equal(line.len, CLI_LINE_HEAD_MAX);
      cli_text_add(out, "[long]");
      break;
    case CLI_LINES_MORE: {
      size_t room;
      char *to = cli_lines_room(&lines, &room);
      size_t len = next_len(at, arg);
      assert_true(room > 0);
      len = len < room ? len : room;
      len = len < text_len - at ? len : text_len - at;
      if (len == 0) {
        cli_lines_end(&lines);
      } else {
        memcpy(to, text + at, len);
        cli_lines_fill(&lines, len);
        at += len;
      }
      break;
    }
    case CLI_LINES_END:
      assert_int_equal(cli_lines_next(&lines, &line), CLI_LINES_END);
      cli_lines_clear(&lines);
      return;
    }
  }
}

static size_t len_all(size_t at, size_t arg)
{
  (void)at;
  (void)arg;
  return SIZE_MAX;
}

static size_t len_fixed(size_t at, size_t arg)
{
  (void)at;
  return arg;
}

/* In two pieces, cut at |arg|. */
static size_t len_split(size_t at, size_t arg)
{
  return at < arg ? arg - at : SIZE_MAX;
}

/* Whole, at every split point and byte by byte. */
static void expect_lines(const char *text, size_t len, const char *want)
{
  cli_text got = {0};

  split(&got, text, len, len_all, 0);
  assert_string_equal(got.ptr, want);
  split(&got, text, len, len_fixed, 1);
  assert_string_equal(got.ptr, want);
  for (size_t at = 1; at < len; at++) {
    split(&got, text, len, len_split, at);
    assert_string_equal(got.ptr, want);
  }
  cli_text_clear(&got);
}

static void lines_come_in_order_however_they_arrive(void **state)
{
  static const struct {
    const char *text;
    const char *want;
  } rows[] = {
      {"", ""},
      {"a", "[a]"},
      {"a\n", "[a]"},
      {"a\nb\n", "[a][b]"},
      {"a\r\nb\r\n", "[a][b]"},
      {"a\n\n \t\n\r\nb", "[a][b]"},
      {"  a b  \n", "[a b]"},
      {"# a\nb\n  # c\n#", "[b]"},
      {"a#b\n", "[a#b]"},
      {"\xef\xbb\xbf"
       "a\n\xef\xbb\xbf"
       "b",
       "[a][\xef\xbb\xbf"
       "b]"},
      {"\xef\xbb", "[\xef\xbb]"},
      {"\xef\xbb\n", "[\xef\xbb]"},
      {"\xef\xbb\xbf", ""},
      {"\xef\xbb\xbf#c", ""},
  };

  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
    expect_lines(rows[i].text, strlen(rows[i].text), rows[i].want);
  }
}

static void lines_may_hold_nul_bytes(void **state)
{
  cli_text got = {0};

  (void)state;
  split(&got, "a\0b\nc", 5, len_fixed, 1);
  assert_int_equal(got.len, 8);
  assert_memory_equal(got.ptr, "[a\0b][c]", 8);
  cli_text_clear(&got);
}

/* |count| times |byte|. */
static void append_run(cli_text *text, char byte, size_t count)
{
  cli_text_reserve(text, count);
  memset(text->ptr + text->len, byte, count);
  text->len += count;
  text->ptr[text->len] = '\0';
}

static void expect_long(const cli_text *text, const char *want)
{
  static const size_t pieces[] = {1000, 4096, 65535, 65536, SIZE_MAX};
  cli_text got = {0};

  for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
    split(&got, text->ptr, text->len, len_fixed, pieces[i]);
    assert_string_equal(got.ptr, want);
  }
  cli_text_clear(&got);
}

static void lines_longer_than_a_block_are_told_once(void **state)
{
  cli_text text = {0};

  (void)state;
  cli_text_add(&text, "a\n");
  append_run(&text, 'x', (size_t)3 * CLI_LINES_CAP);
  cli_text_add(&text, "\nb\n");
  append_run(&text, 'y', CLI_LINES_CAP + 1);
  expect_long(&text, "[a][long][b][long]");
  cli_text_clear(&text);
}

static void lines_longest_line_fits(void **state)
{
  cli_text text = {0};
  cli_text want = {0};

  (void)state;
  append_run(&text, 'x', CLI_LINES_CAP - 1);
  cli_text_add(&text, "\nb");
  cli_text_add(&want, "[");
  append_run(&want, 'x', CLI_LINES_CAP - 1);
  cli_text_add(&want, "][b]");
  expect_long(&text, want.ptr);
  cli_text_clear(&text);
  cli_text_clear(&want);
}

static void lines_long_comment_is_no_line(void **state)
{
  cli_text text = {0};

  (void)state;
  cli_text_add(&text, "#");
  append_run(&text, 'x', (size_t)2 * CLI_LINES_CAP);
  cli_text_add(&text, "\nb\n");
  expect_long(&text, "[b]");
  cli_text_clear(&text);
}

static void lines_long_indentation_is_not_the_line(void **state)
{
  cli_text text = {0};

  (void)state;
  append_run(&text, ' ', (size_t)2 * CLI_LINES_CAP);
  cli_text_add(&text, "a\nb\n");
  expect_long(&text, "[a][b]");
  cli_text_clear(&text);
}

static void lines_reset_starts_a_new_list(void **state)
{
  cli_lines lines;
  ahttp_str line;
  size_t room;

  (void)state;
  cli_lines_init(&lines);
  memcpy(cli_lines_room(&lines, &room), "ab", 2);
  cli_lines_fill(&lines, 2);
  assert_int_equal(cli_lines_next(&lines, &line), CLI_LINES_MORE);
  cli_lines_reset(&lines);
  memcpy(cli_lines_room(&lines, &room), "c\n", 2);
  cli_lines_fill(&lines, 2);
  assert_int_equal(cli_lines_next(&lines, &line), CLI_LINES_LINE);
  assert_int_equal(line.len, 1);
  assert_int_equal(line.ptr[0], 'c');
  cli_lines_clear(&lines);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lines_come_in_order_however_they_arrive),
      cmocka_unit_test(lines_may_hold_nul_bytes),
      cmocka_unit_test(lines_longer_than_a_block_are_told_once),
      cmocka_unit_test(lines_longest_line_fits),
      cmocka_unit_test(lines_long_comment_is_no_line),
      cmocka_unit_test(lines_long_indentation_is_not_the_line),
      cmocka_unit_test(lines_reset_starts_a_new_list),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
