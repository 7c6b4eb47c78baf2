/* SPDX-License-Identifier: MIT */
/*
 * HTTPX's own URL tests, by their names, and the traps in its URLs.  Where the
 * URL standard decides otherwise than HTTPX the standard's answer is here.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ahttp/error.h>
#include <ahttp/url.h>

#include "base/str.h"
#include "support/assert_text.h"

typedef struct url_row {
  const char *text;
  const char *href; /* NULL: no URL */
} url_row;

static void check_joined(const char *text, const ahttp_url *base,
                         const char *want)
{
  ahttp_url *url;
  int rv = ahttp_url_parse(&url, ah_str_from_c(text), base);
  if (rv != (want == NULL ? AHTTP_EURL : AHTTP_OK)) {
    fail_msg("%s: %s", text, ahttp_error_name(rv));
  }
  if (want != NULL) {
    assert_text(ahttp_url_href(url), want);
  }
  ahttp_url_free(url);
}

static void check_rows(const url_row *rows, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    check_joined(rows[i].text, NULL, rows[i].href);
  }
}

#define CHECK_ROWS(rows) check_rows(rows, sizeof(rows) / sizeof((rows)[0]))

static void url_with_empty_query_keeps_its_question_mark(void **state)
{
  (void)state;
  static const url_row rows[] = {{"https://h/path?", "https://h/path?"},
                                 {"https://h/path", "https://h/path"}};
  CHECK_ROWS(rows);
}

static void url_no_scheme_and_no_authority(void **state)
{
  (void)state;
  static const url_row rows[] = {{"://example.com", NULL},
                                 {"http://", NULL},
                                 {"https://:443/", NULL},
                                 {"", NULL},
                                 {"/path", NULL},
                                 {"//h/", NULL},
                                 {"h", NULL},
                                 {"http://#f", NULL},
                                 {"http://?q", NULL},
                                 {"http:///h/", "http://h/"}};
  CHECK_ROWS(rows);
}

static void url_path_query_fragment(void **state)
{
  (void)state;
  static const url_row rows[] = {
      {"https://h/!$&'()*+,;= abc ABC 123 :/[]@",
       "https://h/!$&'()*+,;=%20abc%20ABC%20123%20:/[]@"},
      {"https://h/?!$&'()*+,;= abc :/[]@?",
       "https://h/?!$&%27()*+,;=%20abc%20:/[]@?"},
      {"https://h/#!$&'()*+,;= abc :/[]@?#",
       "https://h/#!$&'()*+,;=%20abc%20:/[]@?#"},
      {"https://h/%21%24%26%27%2F", "https://h/%21%24%26%27%2F"},
      {"https://h/?%21%24 %26%27%2F", "https://h/?%21%24%20%26%27%2F"},
      {"https://h/\xc3\xa9{}|^`\"<> x'",
       "https://h/%C3%A9%7B%7D|%5E%60%22%3C%3E%20x'"},
      {"https://h/?a=~*+/\xc3\xa9'|", "https://h/?a=~*+/%C3%A9%27|"},
      {"https://h/?q=100%&r=%2", "https://h/?q=100%&r=%2"},
  };
  CHECK_ROWS(rows);
}

static void url_username_and_password(void **state)
{
  (void)state;
  static const url_row rows[] = {
      {"https://user:pass@h", "https://user:pass@h/"},
      {"https://user%20:p%40@h", "https://user%20:p%40@h/"},
      {"https://us@er:p@ss@h", "https://us%40er:p%40ss@h/"},
      {"https://user:a:b@h", "https://user:a%3Ab@h/"},
      {"https://user@h", "https://user@h/"},
      {"https://:@h", "https://h/"},
  };
  CHECK_ROWS(rows);
}

static void url_host_forms(void **state)
{
  (void)state;
  static const url_row rows[] = {
      {"https://exam%20ple.com/", NULL},
      {"https://exam%le.com/", NULL},
      {"https://exam%6Cle.com/", "https://examlle.com/"},
      {"https://023b76x43144/", "https://023b76x43144/"},
      {"https://999.999.999.999/", NULL},
      {"https://1.2.3/", "https://1.2.0.3/"},
      {"https://[::ffff:192.168.0.1]:5678/", "https://[::ffff:c0a8:1]:5678/"},
      {"https://[2001]/", NULL},
      {"https://::1/", NULL},
      {"https://[::1%25eth0]/", NULL},
      {"https://[invalid!]//evilHost/path?t=w#tw", NULL},
  };
  CHECK_ROWS(rows);
}

/* HTTPX takes any int(): 99999, -1 and +80. */
static void url_port_out_of_range_is_refused(void **state)
{
  (void)state;
  static const url_row rows[] = {{"https://h:443/", "https://h/"},
                                 {"https://h:80/", "https://h:80/"},
                                 {"https://h:abc/", NULL},
                                 {"https://h:99999/", NULL},
                                 {"https://h:-1/", NULL},
                                 {"https://h:+80/", NULL},
                                 {"https://h:65535/", "https://h:65535/"}};
  CHECK_ROWS(rows);
}

/* HTTPX refuses all control characters. */
static void url_non_printing_characters(void **state)
{
  (void)state;
  static const url_row rows[] = {{"https://h/a\x01", "https://h/a"},
                                 {"https://h/a\x01"
                                  "b",
                                  "https://h/a%01b"},
                                 {"https://h/a\r\nb", "https://h/ab"},
                                 {"https://h\x7f/", NULL},
                                 {"https://\x01h/", NULL},
                                 {"\x01 https://h/ \x02", "https://h/"}};
  CHECK_ROWS(rows);
}

static void url_leading_dot_segments(void **state)
{
  (void)state;
  static const url_row rows[] = {{"https://h/../abc", "https://h/abc"},
                                 {"https://h/./abc", "https://h/abc"},
                                 {"https://h/a/%2e%2E/b", "https://h/b"},
                                 {"https://h/..", "https://h/"}};
  CHECK_ROWS(rows);
}

/* RFC 3986, sections 5.4.1 and 5.4.2. */
static void url_join_rfc3986(void **state)
{
  (void)state;
  static const url_row rows[] = {
      {"g", "http://a/b/c/g"},
      {"./g", "http://a/b/c/g"},
      {"g/", "http://a/b/c/g/"},
      {"/g", "http://a/g"},
      {"//g", "http://g/"},
      {"?y", "http://a/b/c/d;p?y"},
      {"g?y", "http://a/b/c/g?y"},
      {"#s", "http://a/b/c/d;p?q#s"},
      {"g#s", "http://a/b/c/g#s"},
      {"g?y#s", "http://a/b/c/g?y#s"},
      {";x", "http://a/b/c/;x"},
      {"g;x?y#s", "http://a/b/c/g;x?y#s"},
      {"", "http://a/b/c/d;p?q"},
      {".", "http://a/b/c/"},
      {"./", "http://a/b/c/"},
      {"..", "http://a/b/"},
      {"../g", "http://a/b/g"},
      {"../..", "http://a/"},
      {"../../g", "http://a/g"},
      {"../../../g", "http://a/g"},
      {"../../../../g", "http://a/g"},
      {"/./g", "http://a/g"},
      {"/../g", "http://a/g"},
      {"g.", "http://a/b/c/g."},
      {"..g", "http://a/b/c/..g"},
      {"./../g", "http://a/b/g"},
      {"./g/.", "http://a/b/c/g/"},
      {"g/./h", "http://a/b/c/g/h"},
      {"g/../h", "http://a/b/c/h"},
      {"g;x=1/./y", "http://a/b/c/g;x=1/y"},
      {"g;x=1/../y", "http://a/b/c/y"},
      {"g?y/../x", "http://a/b/c/g?y/../x"},
      {"g#s/../x", "http://a/b/c/g#s/../x"},
      {"?[]", "http://a/b/c/d;p?[]"}, /* test_resolution_error_1833 */
  };
  ahttp_url *base;
  assert_int_equal(ahttp_url_parse(&base, AH_STR("http://a/b/c/d;p?q"), NULL),
                   AHTTP_OK);
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    check_joined(rows[i].text, base, rows[i].href);
  }
  ahttp_url_free(base);
}

/* HTTPX makes "c" of it, its join knows only some schemes. */
static void url_join_of_any_scheme(void **state)
{
  (void)state;
  ahttp_url *base;
  assert_int_equal(ahttp_url_parse(&base, AH_STR("foo://a/b"), NULL), AHTTP_OK);
  check_joined("c", base, "foo://a/c");
  ahttp_url_free(base);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(url_with_empty_query_keeps_its_question_mark),
      cmocka_unit_test(url_no_scheme_and_no_authority),
      cmocka_unit_test(url_path_query_fragment),
      cmocka_unit_test(url_username_and_password),
      cmocka_unit_test(url_host_forms),
      cmocka_unit_test(url_port_out_of_range_is_refused),
      cmocka_unit_test(url_non_printing_characters),
      cmocka_unit_test(url_leading_dot_segments),
      cmocka_unit_test(url_join_rfc3986),
      cmocka_unit_test(url_join_of_any_scheme),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
