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

#include <ahttp/error.h>

#include "base/str.h"
#include "http/cookie_file.h"
#include "http/set_cookie.h"
#include "support/assert_text.h"

static ah_cookie_line parse(ahttp_cookie *out, const char *line)
{
  static char *block;
  const char *why;
  size_t len = strlen(line);
  free(block);
  block = malloc(len == 0 ? 1 : len);
  memcpy(block, line, len);
  ah_cookie_line kind = ah_cookie_line_parse(out, ah_str(block, len), &why);
  assert_true((kind == AH_COOKIE_LINE_BAD) == (why != NULL));
  return kind;
}

static void line_of_curl_is_read(void **state)
{
  (void)state;
  ahttp_cookie got;
  assert_int_equal(
      parse(&got, "#HttpOnly_.example.org\tTRUE\t/a\tTRUE\t1763600000\tn\tv=w"),
      AH_COOKIE_LINE_GOOD);
  assert_text(got.domain, "example.org");
  assert_text(got.path, "/a");
  assert_text(got.name, "n");
  assert_text(got.value, "v=w");
  assert_int_equal(got.expires, 1763600000);
  assert_true(got.http_only && got.secure && !got.host_only);
}

static void host_only_session_line_is_read(void **state)
{
  (void)state;
  ahttp_cookie got;
  assert_int_equal(parse(&got, "example.org\tfalse\t/\tfalse\t0\tn\tv\r"),
                   AH_COOKIE_LINE_GOOD);
  assert_text(got.value, "v");
  assert_int_equal(got.expires, AHTTP_COOKIE_SESSION);
  assert_true(!got.http_only && !got.secure && got.host_only);
}

static void what_others_write_is_read(void **state)
{
  (void)state;
  static const struct {
    const char *line;
    const char *name;
    const char *value;
    int64_t expires;
  } rows[] = {
      {"a.test\tTRUE\t/\tFALSE\t17.5\tn\tv", "n", "v", 17},
      {"a.test\tTRUE\t/\tFALSE\t17.\tn\tv", "n", "v", 17},
      {"a.test\tTRUE\t/\tFALSE\t\tn\tv", "n", "v", AHTTP_COOKIE_SESSION},
      {"a.test\tTRUE\t/\tFALSE\t-1\tn\tv", "n", "v", AH_COOKIE_EXPIRED},
      {"a.test\tTRUE\t/\tFALSE\t18446744073709551615\tn\tv", "n", "v",
       INT64_MAX},
      {"a.test\tTRUE\t/\tFALSE\t0\tn", "n", "", 0},
      {"a.test\tTRUE\t/\tFALSE\t0\tn\t", "n", "", 0},
      {"a.test\tTRUE\t/\tFALSE\t0\t\tv", "", "v", 0},
      {"a.test\tTRUE\t/\tFALSE\t0\tn\tv\tw", "n", "v\tw", 0},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    ahttp_cookie got;
    assert_int_equal(parse(&got, rows[i].line), AH_COOKIE_LINE_GOOD);
    assert_text(got.name, rows[i].name);
    assert_text(got.value, rows[i].value);
    assert_int_equal(got.expires, rows[i].expires);
  }
}

static void comments_and_blanks_are_no_mistakes(void **state)
{
  (void)state;
  static const char *const lines[] = {
      "", "\r", "  ", "\t", "# a\tb", "#example.org\tTRUE\t/\tTRUE\t0\ta\tb"};
  for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
    ahttp_cookie got;
    assert_int_equal(parse(&got, lines[i]), AH_COOKIE_LINE_EMPTY);
  }
}

static void other_lines_are_mistakes(void **state)
{
  (void)state;
  static const char *const lines[] = {
      "x",
      "a.test TRUE / FALSE 0 n v",
      "a.test\tTRUE\t/\tFALSE\t0",
      "\tTRUE\t/\tFALSE\t0\tn\tv",
      "a.test\tyes\t/\tFALSE\t0\tn\tv",
      "a.test\tTRUE\t/\tno\t0\tn\tv",
      "a.test\tTRUE\t/\tFALSE\tsoon\tn\tv",
      "a.test\tTRUE\t/\tFALSE\t1.x\tn\tv",
      "a.test\tTRUE\t/\tFALSE\t-\tn\tv",
      "a.test\tTRUE\t/\tFALSE\t99999999999999999999\tn\tv",
      "#HttpOnly_",
      "#HttpOnly_\tTRUE\t/\tFALSE\t0\tn\tv",
      "<html>",
  };
  for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
    ahttp_cookie got;
    if (parse(&got, lines[i]) != AH_COOKIE_LINE_BAD) {
      fail_msg("\"%s\" is accepted", lines[i]);
    }
  }
}

static void no_line_is_read_past_its_end(void **state)
{
  (void)state;
  static const char line[] =
      "#HttpOnly_.example.org\tTRUE\t/a\tTRUE\t1763600000.5\tn\tv=w\r";
  for (size_t len = 0; len < sizeof(line); len++) {
    char copy[sizeof(line)];
    ahttp_cookie got;
    memcpy(copy, line, len);
    copy[len] = '\0';
    (void)parse(&got, copy);
  }
}

static void written_line_is_read_back(void **state)
{
  (void)state;
  for (unsigned bits = 0; bits < 8; bits++) {
    ahttp_cookie cookie = {
        .name = AH_STR("n"),
        .value = AH_STR("v\tw"),
        .domain = AH_STR("example.org"),
        .path = AH_STR("/p q"),
        .expires = (bits & 1) != 0 ? 1763600000 : AHTTP_COOKIE_SESSION,
        .secure = (bits & 1) != 0,
        .http_only = (bits & 2) != 0,
        .host_only = (bits & 4) != 0,
    };
    ah_buf buf;
    ah_buf_init(&buf, 4096);
    assert_int_equal(ah_cookie_file_append(&buf, &cookie), AHTTP_OK);
    size_t len = ah_buf_len(&buf);
    assert_int_equal(ah_buf_bytes(&buf)[len - 1], '\n');
    ahttp_cookie got;
    const char *why;
    assert_int_equal(
        ah_cookie_line_parse(
            &got, ah_str((const char *)ah_buf_bytes(&buf), len - 1), &why),
        AH_COOKIE_LINE_GOOD);
    assert_text(got.name, "n");
    assert_text(got.value, "v\tw");
    assert_text(got.domain, "example.org");
    assert_text(got.path, "/p q");
    assert_int_equal(got.expires, cookie.expires);
    assert_int_equal(got.secure, cookie.secure);
    assert_int_equal(got.http_only, cookie.http_only);
    assert_int_equal(got.host_only, cookie.host_only);
    ah_buf_clear(&buf);
  }
}

static void cookie_the_format_cannot_tell_is_left_out(void **state)
{
  (void)state;
  ahttp_cookie cookie = {.name = AH_STR("a\tb"),
                         .domain = AH_STR("example.org"),
                         .path = AH_STR("/")};
  ah_buf buf;
  ah_buf_init(&buf, 4096);
  assert_int_equal(ah_cookie_file_append(&buf, &cookie), AHTTP_OK);
  assert_int_equal(ah_buf_len(&buf), 0);
  assert_int_equal(ah_cookie_file_begin(&buf), AHTTP_OK);
  assert_memory_equal(ah_buf_bytes(&buf), "# Netscape HTTP Cookie File\n", 28);
  ah_buf_clear(&buf);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(line_of_curl_is_read),
      cmocka_unit_test(host_only_session_line_is_read),
      cmocka_unit_test(what_others_write_is_read),
      cmocka_unit_test(comments_and_blanks_are_no_mistakes),
      cmocka_unit_test(other_lines_are_mistakes),
      cmocka_unit_test(no_line_is_read_past_its_end),
      cmocka_unit_test(written_line_is_read_back),
      cmocka_unit_test(cookie_the_format_cannot_tell_is_left_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
