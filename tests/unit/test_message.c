/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <ahttp/error.h>
#include <ahttp/message.h>

#include "base/str.h"

#define ROWS(table) (sizeof(table) / sizeof(table[0]))

/* In a block of exactly its size, so that reading beyond it is found. */
static ahttp_str exact(const char *text)
{
  static char *block;
  free(block);
  size_t len = strlen(text);
  block = malloc(len == 0 ? 1 : len);
  assert_non_null(block);
  memcpy(block, text, len);
  return (ahttp_str){block, len};
}

static void check_str(ahttp_str got, const char *want)
{
  char text[300];
  (void)snprintf(text, sizeof(text), "%.*s", (int)got.len,
                 got.len == 0 ? "" : got.ptr);
  assert_string_equal(text, want);
}

/* --- Parameters and media types. --------------------------------------------
 */

static void media_types_are_taken_apart(void **state)
{
  (void)state;
  static const struct {
    const char *value;
    int rv;
    const char *type;
    const char *subtype;
    const char *charset; /* NULL: none */
  } rows[] = {
      {"text/html", AHTTP_OK, "text", "html", NULL},
      {" text/html ; charset=utf-8", AHTTP_OK, "text", "html", "utf-8"},
      {"text/html;charset=\"utf-8\"", AHTTP_OK, "text", "html", "utf-8"},
      {"text/html;Charset=x;charset=y", AHTTP_OK, "text", "html", "x"},
      {"text/html; ;; charset = \"a\\\"b\"", AHTTP_OK, "text", "html", "a\"b"},
      {"a/b+json; q=\";charset=no\"; charset=yes", AHTTP_OK, "a", "b+json",
       "yes"},
      {"text/html; charset=\"utf-8", AHTTP_OK, "text", "html", "utf-8"},
      {"text/html; charset=", AHTTP_OK, "text", "html", ""},
      {"text/html; charset", AHTTP_OK, "text", "html", ""},
      {"text/html; charset=\"", AHTTP_OK, "text", "html", ""},
      {"text/html; charset=\"\\", AHTTP_OK, "text", "html", "\\"},
      {"text/html;", AHTTP_OK, "text", "html", NULL},
      {"", AHTTP_EINVAL, "", "", NULL},
      {"text", AHTTP_EINVAL, "", "", NULL},
      {"text/", AHTTP_EINVAL, "", "", NULL},
      {"/html", AHTTP_EINVAL, "", "", NULL},
      {"text/html charset=x", AHTTP_EINVAL, "", "", NULL},
      {"text /html", AHTTP_EINVAL, "", "", NULL},
  };
  for (size_t i = 0; i < ROWS(rows); i++) {
    ahttp_media_type type;
    char charset[50];
    size_t len;
    assert_int_equal(ahttp_media_type_parse(&type, exact(rows[i].value)),
                     rows[i].rv);
    check_str(type.type, rows[i].type);
    check_str(type.subtype, rows[i].subtype);
    int rv = ahttp_field_params_get(type.params, "charset", charset,
                                    sizeof(charset), &len);
    assert_int_equal(rv, rows[i].charset == NULL ? AHTTP_EINVAL : AHTTP_OK);
    assert_string_equal(charset,
                        rows[i].charset == NULL ? "" : rows[i].charset);
    assert_int_equal(len, strlen(charset));
  }
}

static void a_value_without_room_is_not_cut(void **state)
{
  (void)state;
  char room[4];
  size_t len;
  assert_int_equal(ahttp_field_params_get(exact(";a=123"), "a", room, 4, &len),
                   AHTTP_OK);
  assert_string_equal(room, "123");
  assert_int_equal(ahttp_field_params_get(exact(";a=1234"), "a", room, 4, &len),
                   AHTTP_ELIMIT);
  assert_string_equal(room, "");
  assert_int_equal(ahttp_field_params_get(exact(";a="), "a", room, 0, NULL),
                   AHTTP_ELIMIT);
}

/* --- Dates. ------------------------------------------------------------------
 */

enum {
  NOW = 1700000000 /* November 2023 */
};

static void dates_of_three_forms_are_read(void **state)
{
  (void)state;
  static const struct {
    const char *text;
    int64_t seconds; /* -1: not a date */
  } rows[] = {
      {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
      {"Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
      {"Sun Nov  6 08:49:37 1994", 784111777},
      {"Sun Nov 16 08:49:37 1994", 784975777},
      {" Sun, 06 Nov 1994 08:49:37 GMT\t", 784111777},
      {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
      {"Thu, 29 Feb 2024 12:00:00 GMT", 1709208000},
      {"Tue, 29 Feb 2000 00:00:00 GMT", 951782400},
      {"Sat, 31 Dec 2016 23:59:60 GMT", 1483228800},
      {"Fri, 31 Dec 9999 23:59:59 GMT", INT64_C(253402300799)},
      {"Tuesday, 01-Jan-69 00:00:00 GMT", INT64_C(3124224000)}, /* 2069 */
      {"Tuesday, 01-Jan-74 00:00:00 GMT", 126230400},           /* 1974 */
      {"Thu, 29 Feb 2023 12:00:00 GMT", -1},
      {"Wed, 29 Feb 1900 12:00:00 GMT", -1},
      {"Sun, 00 Nov 1994 08:49:37 GMT", -1},
      {"Sun, 31 Nov 1994 08:49:37 GMT", -1},
      {"Sun, 06 Nov 1994 24:00:00 GMT", -1},
      {"Sun, 06 Nov 1994 08:60:37 GMT", -1},
      {"Sun, 06 Nov 1994 08:49:61 GMT", -1},
      {"Sun, 6 Nov 1994 08:49:37 GMT", -1},
      {"Sun, 06 Nov 1994 08:49:37 UTC", -1},
      {"Sun, 06 Nov 1994 08:49:37", -1},
      {"Sun, 06 nov 1994 08:49:37 GMT", -1},
      {"Son, 06 Nov 1994 08:49:37 GMT", -1},
      {"Sun, 06 Nov 1994 08:49:37 GMT x", -1},
      {"Sun, 06 Nov 94 08:49:37 GMT", -1},
      {"Sunday, 06-Nov-1994 08:49:37 GMT", -1},
      {"Sun Nov 06 08:49:37 1994 GMT", -1},
      {"1994-11-06T08:49:37Z", -1},
      {"0", -1},
      {"-1", -1},
      {"", -1},
  };
  for (size_t i = 0; i < ROWS(rows); i++) {
    int64_t got;
    int rv = ahttp_date_parse(exact(rows[i].text), NOW, &got);
    if (rv != (rows[i].seconds < 0 ? AHTTP_EINVAL : AHTTP_OK)) {
      fail_msg("%s", rows[i].text);
    }
    assert_int_equal(got, rows[i].seconds < 0 ? 0 : rows[i].seconds);
    /* no prefix is one */
    for (size_t len = 0; len < strlen(rows[i].text) - 1 && i < 4; len++) {
      ahttp_str part = exact(rows[i].text);
      part.len = len;
      assert_int_equal(ahttp_date_parse(part, NOW, &got), AHTTP_EINVAL);
    }
  }
}

/* Every day of four centuries, and back; by gmtime() besides. */
static void dates_are_written_and_read_back(void **state)
{
  (void)state;
  char text[AHTTP_DATE_BYTES];
  for (int64_t at = -INT64_C(6000000000); at < INT64_C(8000000000);
       at += 86399) {
    int64_t back;
    char want[AHTTP_DATE_BYTES];
    time_t clock = (time_t)at;
    struct tm parts;
    assert_int_equal(ahttp_date_format(text, at), AHTTP_OK);
    assert_int_equal(ahttp_date_parse(ah_str_from_c(text), NOW, &back),
                     AHTTP_OK);
    assert_int_equal(back, at);
    assert_non_null(gmtime_r(&clock, &parts));
    assert_int_equal(
        strftime(want, sizeof(want), "%a, %d %b %Y %H:%M:%S GMT", &parts),
        AHTTP_DATE_BYTES - 1);
    assert_string_equal(text, want);
  }
  assert_int_equal(ahttp_date_format(text, INT64_MIN), AHTTP_EINVAL);
  assert_int_equal(ahttp_date_format(text, INT64_MAX), AHTTP_EINVAL);
  assert_int_equal(ahttp_date_format(text, INT64_C(253402300799)), AHTTP_OK);
  assert_string_equal(text, "Fri, 31 Dec 9999 23:59:59 GMT");
  assert_int_equal(ahttp_date_format(text, INT64_C(253402300800)),
                   AHTTP_EINVAL);
  assert_int_equal(ahttp_date_format(text, INT64_C(-62167219200)), AHTTP_OK);
  assert_string_equal(text, "Sat, 01 Jan 0000 00:00:00 GMT");
  assert_int_equal(ahttp_date_format(text, INT64_C(-62167219201)),
                   AHTTP_EINVAL);
}

static void a_clock_out_of_its_mind_does_no_harm(void **state)
{
  (void)state;
  int64_t got;
  ahttp_str text = AH_STR("Sunday, 06-Nov-94 08:49:37 GMT");
  assert_int_equal(ahttp_date_parse(text, INT64_MAX, &got), AHTTP_OK);
  assert_int_equal(ahttp_date_parse(text, INT64_MIN, &got), AHTTP_OK);
}

static void retry_after_is_seconds_or_a_date(void **state)
{
  (void)state;
  static const struct {
    const char *text;
    int rv;
    uint32_t ms;
  } rows[] = {
      {"0", AHTTP_OK, 0},
      {"120", AHTTP_OK, 120000},
      {" 7 ", AHTTP_OK, 7000},
      {"300", AHTTP_OK, 300000},
      {"301", AHTTP_OK, 300500},
      {"99999999999999999999999999", AHTTP_OK, 300500},
      {"Tue, 14 Nov 2023 22:13:25 GMT", AHTTP_OK, 5000},
      {"Tue, 14 Nov 2023 22:13:20 GMT", AHTTP_OK, 0},
      {"Tue, 14 Nov 2000 22:13:20 GMT", AHTTP_OK, 0},
      {"Tue, 14 Nov 2300 22:13:20 GMT", AHTTP_OK, 300500},
      {"", AHTTP_EINVAL, 0},
      {"-1", AHTTP_EINVAL, 0},
      {"1.5", AHTTP_EINVAL, 0},
      {"1, 2", AHTTP_EINVAL, 0},
      {"soon", AHTTP_EINVAL, 0},
  };
  for (size_t i = 0; i < ROWS(rows); i++) {
    uint32_t ms;
    assert_int_equal(
        ahttp_retry_after_parse(exact(rows[i].text), NOW, 300500, &ms),
        rows[i].rv);
    assert_int_equal(ms, rows[i].ms);
  }
}

/* --- Links. ------------------------------------------------------------------
 */

/* All links of |value| as "target|rel|rel ..." lines. */
static void check_links(const char *value, const char *want)
{
  char got[500] = "";
  ahttp_str rest = exact(value);
  ahttp_link link;
  while (ahttp_links_next(&rest, &link)) {
    char rel[100];
    (void)ahttp_field_params_get(link.params, "rel", rel, sizeof(rel), NULL);
    size_t len = strlen(got);
    (void)snprintf(got + len, sizeof(got) - len, "[%.*s %s]",
                   (int)link.target.len, link.target.ptr, rel);
  }
  assert_string_equal(got, want);
}

/* HTTPX: test_parse_header_links, whose parser splits at every comma. */
static void links_are_taken_apart(void **state)
{
  (void)state;
  check_links("<https://a.test/?page=2>; rel=\"next\", <b>; rel=last",
              "[https://a.test/?page=2 next][b last]");
  check_links("<a,b;c>; title=\"x, <y>; z\"; rel=next,<c>", "[a,b;c next][c ]");
  check_links("<a>;rel=next;rel=prev", "[a next]");
  check_links(" , ,<a>", "[a ]");
  check_links("<a> ; rel = next ,", "[a next]");
  check_links("<>; rel=self", "[ self]");
  check_links("bad, <a>; rel=x", "[a x]");
  check_links("<a; rel=x", "");
  check_links("<a> junk, <b>", "[a ][b ]");
  check_links("<a>; title=\"open, <b>", "[a ]");
  check_links("<a>; x=\"\\\",\", <b>", "[a ][b ]");
  check_links("", "");
  check_links("<", "");
}

static void relations_are_words_in_a_list(void **state)
{
  (void)state;
  ahttp_str rest = AH_STR("<a>; rel=\"next  Last http://x/y\"");
  ahttp_link link;
  assert_true(ahttp_links_next(&rest, &link));
  assert_true(ahttp_link_has_rel(&link, "next"));
  assert_true(ahttp_link_has_rel(&link, "NEXT"));
  assert_true(ahttp_link_has_rel(&link, "last"));
  assert_true(ahttp_link_has_rel(&link, "http://x/y"));
  assert_false(ahttp_link_has_rel(&link, "nex"));
  assert_false(ahttp_link_has_rel(&link, ""));
}

/* --- File names.
 * -------------------------------------------------------------- */

static void file_names_are_read(void **state)
{
  (void)state;
  static const struct {
    const char *value;
    const char *name; /* NULL: none */
  } rows[] = {
      {"attachment; filename=a.txt", "a.txt"},
      {"attachment; filename=\"a b.txt\"", "a b.txt"},
      {"attachment; filename=\"a\\\"b\\\\c\"", "a\"b\\c"},
      {"attachment; filename=a b.txt", "a b.txt"},
      {"inline; FileName=a", "a"},
      {"filename=a.txt", "a.txt"},
      {"attachment; filename*=UTF-8''na%C3%AFve.txt", "na\xc3\xafve.txt"},
      {"attachment; filename*=utf-8'en'%e2%82%ac%20rates",
       "\xe2\x82\xac rates"},
      {"attachment; filename=\"EURO.txt\"; filename*=UTF-8''%e2%82%ac.txt",
       "\xe2\x82\xac.txt"},
      {"attachment; filename*=UTF-8''%e2%82%ac.txt; filename=\"EURO.txt\"",
       "\xe2\x82\xac.txt"},
      {"attachment; filename*=iso-8859-1''%A3", "\xc2\xa3"},
      /* what cannot be read gives way */
      {"attachment; filename*=UTF-8''%c3; filename=a", "a"},
      {"attachment; filename*=UTF-8''%zz; filename=a", "a"},
      {"attachment; filename*=UTF-8''%4; filename=a", "a"},
      {"attachment; filename*=UTF-8''a%00b; filename=a", "a"},
      {"attachment; filename*=koi8-r''x; filename=a", "a"},
      {"attachment; filename*=UTF-8'x; filename=a", "a"},
      {"attachment; filename*=x; filename=a", "a"},
      {"attachment; filename*=UTF-8''; filename=a", "a"},
      {"attachment; filename*=UTF-8''%c3", NULL},
      {"attachment; filename=\"\xc3\xa4.txt\"", "\xc3\xa4.txt"},
      {"attachment; filename=\"\xe4.txt\"", "\xc3\xa4.txt"},
      {"attachment; filename=../../etc/passwd", "../../etc/passwd"},
      {"attachment; filename=", NULL},
      {"attachment", NULL},
      {"", NULL},
  };
  for (size_t i = 0; i < ROWS(rows); i++) {
    char name[100];
    size_t len;
    int rv = ahttp_disposition_filename(exact(rows[i].value), name,
                                        sizeof(name), &len);
    assert_int_equal(rv, rows[i].name == NULL ? AHTTP_EINVAL : AHTTP_OK);
    assert_string_equal(name, rows[i].name == NULL ? "" : rows[i].name);
    assert_int_equal(len, strlen(name));
  }
  char name[5];
  assert_int_equal(ahttp_disposition_filename(AH_STR("a; filename=12345"), name,
                                              sizeof(name), NULL),
                   AHTTP_ELIMIT);
}

static void file_names_are_made_harmless(void **state)
{
  (void)state;
  static const struct {
    const char *name;
    const char *clean;
  } rows[] = {
      {"a.txt", "a.txt"},
      {"../../etc/passwd", "passwd"},
      {"C:\\x\\y.txt", "y.txt"},
      {"..", "_."},
      {".", "_"},
      {".bashrc", "_bashrc"},
      {"a/", ""},
      {"", ""},
      {"a\nb\x7f\x1b[", "a_b__["},
      {"a/..", "_."},
      {"\xc3\xa4", "\xc3\xa4"},
  };
  for (size_t i = 0; i < ROWS(rows); i++) {
    char name[50];
    (void)snprintf(name, sizeof(name), "%s", rows[i].name);
    assert_int_equal(ahttp_filename_clean(name), strlen(rows[i].clean));
    assert_string_equal(name, rows[i].clean);
  }
}

/* --- Lines.
 * -------------------------------------------------------------------- */

static void lines_end_with_lf_or_crlf(void **state)
{
  (void)state;
  static const struct {
    const char *text;
    const char *lines;
  } rows[] = {
      {"", ""},
      {"a", "[a]"},
      {"a\n", "[a]"},
      {"a\nb", "[a][b]"},
      {"a\r\nb", "[a][b]"},
      {"\n\n", "[][]"},
      {"\r\n", "[]"},
      {"a\rb\n", "[a\rb]"},
      {"a\r\r\n", "[a\r]"},
      {"a\r", "[a\r]"},
      {"a\x0b\x0c\x1c", "[a\x0b\x0c\x1c]"},
  };
  for (size_t i = 0; i < ROWS(rows); i++) {
    char got[100] = "";
    ahttp_str rest = exact(rows[i].text);
    ahttp_str line;
    while (ahttp_lines_next(&rest, &line)) {
      size_t len = strlen(got);
      (void)snprintf(got + len, sizeof(got) - len, "[%.*s]", (int)line.len,
                     line.ptr);
    }
    assert_null(line.ptr);
    assert_string_equal(got, rows[i].lines);
  }
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(media_types_are_taken_apart),
      cmocka_unit_test(a_value_without_room_is_not_cut),
      cmocka_unit_test(dates_of_three_forms_are_read),
      cmocka_unit_test(dates_are_written_and_read_back),
      cmocka_unit_test(a_clock_out_of_its_mind_does_no_harm),
      cmocka_unit_test(retry_after_is_seconds_or_a_date),
      cmocka_unit_test(links_are_taken_apart),
      cmocka_unit_test(relations_are_words_in_a_list),
      cmocka_unit_test(file_names_are_read),
      cmocka_unit_test(file_names_are_made_harmless),
      cmocka_unit_test(lines_end_with_lf_or_crlf),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
