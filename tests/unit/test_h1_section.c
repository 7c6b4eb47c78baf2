/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/h1_reading.h"
#include "support/test_alloc.h"

static void section_refuses_bad_field_lines(void **state)
{
  static const char *const control =
      "EPROTO: control character in a field value";
  static const char *const invalid = "EPROTO: invalid field line";
  const h1_row rows[] = {
      {NULL, H1_IN(H1_HEAD_OF("no colon\r\n")), invalid},
      {NULL, H1_IN(H1_HEAD_OF("nocolon\r\n")), invalid},
      {NULL, H1_IN(H1_HEAD_OF(": no name\r\n")), invalid},
      {NULL, H1_IN(H1_HEAD_OF("a : b\r\n")), invalid},
      {NULL, H1_IN(H1_HEAD_OF("a\t: b\r\n")), invalid},
      {NULL, H1_IN(H1_HEAD_OF("a\x00: b\r\n")), invalid},
      {NULL, H1_IN(H1_HEAD_OF("a\xc3\xa9: b\r\n")), invalid},
      {NULL, H1_IN(H1_HEAD_OF("(a): b\r\n")), invalid},
      {NULL, H1_IN(H1_HEAD_OF("Content-Length\x0b: 5\r\n")), invalid},
      {NULL, H1_IN(H1_HEAD_OF("a: b\rc\r\n")), control},
      {NULL, H1_IN(H1_HEAD_OF("a: b\r\r\n")), control},
      {NULL, H1_IN(H1_HEAD_OF("a: b\rContent-Length: 5\r\n")), control},
      {NULL,
       H1_IN(H1_HEAD_OF("a: b\x00"
                        "c\r\n")),
       control},
      {NULL, H1_IN(H1_HEAD_OF("a: 01234567\x01\r\n")), control},
      {NULL, H1_IN(H1_HEAD_OF("a: \x7f\r\n")), control},
      {NULL, H1_IN(H1_HEAD_OF("a: 0123456\x7f\r\n")), control},
      {NULL, H1_IN(H1_HEAD_OF("a: b\r\n c\x00\r\n")), control},
      {NULL, H1_IN("HTTP/1.1 200 OK\r\n a: b\r\n\r\n"),
       "EPROTO: blank before the first field"},
      {NULL, H1_IN("HTTP/1.1 200 OK\r\n \r\na: b\r\n\r\n"),
       "EPROTO: blank before the first field"},
  };
  (void)state;
  h1_rows_read(rows, H1_COUNT(rows));
}

static void section_limits_the_header_section(void **state)
{
  fake_bytes input = {.data = NULL};
  char line[1000];
  (void)state;
  memset(line, 'x', sizeof(line));
  memcpy(line, "a: ", 3);
  memcpy(line + sizeof(line) - 3, "\r\n", 3);
  size_t line_len = strlen(line);
  size_t fit =
      (AH_H1_HEADER_BYTES_MAX - strlen("HTTP/1.1 204 N\r\n\r\n")) / line_len;
  h1_make(&input, "HTTP/1.1 204 N\r\n", line, fit, "\r\n");
  h1_check_limit(&input, "END keep");
  h1_make(&input, "HTTP/1.1 204 N\r\n", line, fit + 1, "\r\n");
  h1_check_limit(&input, "ELIMIT: header section too long");
}

static void section_limits_are_exact(void **state)
{
  static const char begin[] = "HTTP/1.1 204 N\r\n";
  fake_bytes input = {.data = NULL};
  (void)state;
  for (size_t over = 0; over <= 1; over++) {
    size_t half = AH_H1_LINE_BYTES_MAX - 8;
    size_t rest = AH_H1_HEADER_BYTES_MAX - (sizeof(begin) - 1) - half -
                  2 * strlen("a:\r\n") - strlen("\r\n") + over;
    h1_make(&input, begin, "", 0, "a:");
    h1_make(&input, "", "x", half, "\r\n");
    h1_make(&input, "a:", "y", rest, "\r\n\r\n");
    h1_check_limit(&input,
                   over == 0 ? "END keep" : "ELIMIT: header section too long");
  }
}

static void section_limits_a_line(void **state)
{
  fake_bytes input = {.data = NULL};
  (void)state;
  h1_make(&input, "HTTP/1.1 204 N\r\na:", "x", AH_H1_LINE_BYTES_MAX - 4,
          "\r\n\r\n");
  h1_check_limit(&input, "END keep");
  h1_make(&input, "HTTP/1.1 204 N\r\na:", "x", AH_H1_LINE_BYTES_MAX - 3,
          "\r\n\r\n");
  h1_check_limit(&input, "ELIMIT: header line too long");
  h1_make(&input, "HTTP/1.1 204 ", "x", AH_H1_LINE_BYTES_MAX, "\r\n\r\n");
  h1_check_limit(&input, "ELIMIT: header line too long");
  /* In continuations it counts as a whole. */
  h1_make(&input, "HTTP/1.1 204 N\r\na: b\r\n", " 0123456789abcde\r\n", 2047,
          "\r\n");
  h1_check_limit(&input, "END keep");
  h1_make(&input, "HTTP/1.1 204 N\r\na: b\r\n", " 0123456789abcde\r\n", 2048,
          "\r\n");
  h1_check_limit(&input, "ELIMIT: header line too long");
}

static void section_limits_the_number_of_fields(void **state)
{
  fake_bytes input = {.data = NULL};
  (void)state;
  h1_make(&input, "HTTP/1.1 204 N\r\n", "a: b\r\n", AH_H1_HEADER_FIELDS_MAX,
          "\r\n");
  h1_check_limit(&input, "END keep");
  h1_make(&input, "HTTP/1.1 204 N\r\n", "a: b\r\n", AH_H1_HEADER_FIELDS_MAX + 1,
          "\r\n");
  h1_check_limit(&input, "ELIMIT: too many fields");
}

static void section_limits_trailers(void **state)
{
  static const char begin[] = H1_CHUNKED("0\r\n");
  fake_bytes input = {.data = NULL};
  (void)state;
  h1_make(&input, begin, "a: b\r\n", AH_H1_TRAILER_FIELDS_MAX, "\r\n");
  h1_check_limit(&input, "END keep");
  h1_make(&input, begin, "a: b\r\n", AH_H1_TRAILER_FIELDS_MAX + 1, "\r\n");
  h1_check_limit(&input, "ELIMIT: too many fields");
  /* CVE-2026-22815: of any number of pieces. */
  h1_make(&input, begin, "", 0, "a:");
  h1_make(&input, "", "x", AH_H1_TRAILER_BYTES_MAX - 6, "\r\n\r\n");
  h1_check_limit(&input, "END keep");
  h1_make(&input, begin, "", 0, "a:");
  h1_make(&input, "", "x", AH_H1_TRAILER_BYTES_MAX - 5, "\r\n\r\n");
  h1_check_limit(&input, "ELIMIT: trailer section too long");
}

/* Folding must not copy what is there for each line anew. */
static void section_folds_in_linear_memory(void **state)
{
  fake_bytes input = {.data = NULL};
  (void)state;
  h1_make(&input, "HTTP/1.1 204 N\r\na: b\r\n", " c\r\n", 15000, "\r\n");
  test_alloc_install();
  h1_reading r;
  h1_reading_begin(&r, "GET", false);
  h1_reading_feed(&r, input.data, input.len);
  assert_true(r.over);
  assert_int_equal(r.head.fields.items[0].value.len, 1 + 2 * 15000);
  assert_true(test_alloc_count() < 20);
  h1_reading_end(&r);
  test_alloc_remove();
  fake_bytes_clear(&input);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(section_refuses_bad_field_lines),
      cmocka_unit_test(section_limits_the_header_section),
      cmocka_unit_test(section_limits_are_exact),
      cmocka_unit_test(section_limits_a_line),
      cmocka_unit_test(section_limits_the_number_of_fields),
      cmocka_unit_test(section_limits_trailers),
      cmocka_unit_test(section_folds_in_linear_memory),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
