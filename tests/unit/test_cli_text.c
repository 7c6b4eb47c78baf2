/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/json.h"
#include "cli/redact.h"
#include "cli/text.h"
#include "cli/url_text.h"
#include "support/assert_text.h"

static ahttp_str str_of(const char *chars)
{
  return (ahttp_str){chars, strlen(chars)};
}

typedef struct row {
  const char *given;
  const char *want;
} row;

static void json_strings_are_escaped(void **state)
{
  static const row rows[] = {
      {"", "\"\""},
      {"plain", "\"plain\""},
      {"a\"b\\c/d", "\"a\\\"b\\\\c/d\""},
      {"\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\""},
      {"\x01\x1f\x7f", "\"\\u0001\\u001f\\u007f\""},
      {"\xc2\x9b", "\"\\u009b\""},
      {"\xc3\xa4\xf0\x9f\x98\x80", "\"\xc3\xa4\xf0\x9f\x98\x80\""},
      {"a\xff"
       "b\xc3",
       "\"a\xef\xbf\xbd"
       "b\xef\xbf\xbd\""},
  };

  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
    cli_text out = {0};
    cli_json_string(&out, str_of(rows[i].given));
    assert_string_equal(out.ptr, rows[i].want);
    cli_text_clear(&out);
  }
}

static void numbers_are_padded_with_zeros(void **state)
{
  static const struct {
    uint64_t value;
    size_t width;
    const char *want;
  } rows[] = {
      {0, 0, "0"},
      {0, 1, "0"},
      {0, 3, "000"},
      {7, 6, "000007"},
      {123456, 6, "123456"},
      {1234567, 6, "1234567"},
      {UINT64_MAX, 20, "18446744073709551615"},
  };

  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
    cli_text out = {0};
    cli_text_append_padded(&out, rows[i].value, rows[i].width);
    assert_string_equal(out.ptr, rows[i].want);
    cli_text_clear(&out);
  }
}

static void json_seconds_have_no_needless_digits(void **state)
{
  static const struct {
    uint64_t ns;
    const char *want;
  } rows[] = {
      {0, "0"},
      {1, "0.000000001"},
      {81000000, "0.081"},
      {1000000000, "1"},
      {1500000000, "1.5"},
      {UINT64_C(86400000000010), "86400.00000001"},
      {UINT64_MAX, "18446744073.709551615"},
  };

  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
    cli_text out = {0};
    cli_json_seconds(&out, rows[i].ns);
    assert_string_equal(out.ptr, rows[i].want);
    cli_text_clear(&out);
  }
}

static void redacted_urls_keep_everything_else(void **state)
{
  static const row rows[] = {
      {"", ""},
      {"http://h/p?q=1#f", "http://h/p?q=1#f"},
      {"http://u:p@h/p", "http://***@h/p"},
      {"http://token@h/p", "http://***@h/p"},
      {"http://a@b:c@h/", "http://***@h/"},
      {"http://h/a@b", "http://h/a@b"},
      {"http://h/?a@b", "http://h/?a@b"},
      {"u:p@h/x", "***@h/x"},
      {"https:u:p@h/x", "***@h/x"},
      {"https:\\\\u:p@h/x", "https:\\\\***@h/x"},
      {"https:/u:p@h/x", "https:/***@h/x"},
      {"http://h/?token=1&x=2", "http://h/?token=***&x=2"},
      {"http://h/?x=2&Access_Token=1", "http://h/?x=2&Access_Token=***"},
      {"http://h/?api-key=1#f", "http://h/?api-key=***#f"},
      {"http://h/?tokens=1&monkey=2", "http://h/?tokens=1&monkey=2"},
      {"http://h/?password=", "http://h/?password=***"},
      {"/x?sig=1", "/x?sig=***"},
      {"at http://u:p@h/?key=1 and \"http://v@i\"",
       "at http://***@h/?key=*** and \"http://***@i\""},
  };

  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
    cli_text out = {0};
    cli_text_add(&out, "");
    cli_redact_urls(&out, str_of(rows[i].given));
    assert_string_equal(out.ptr, rows[i].want);
    cli_text_clear(&out);
  }
}

static void secret_fields_are_known_in_any_case(void **state)
{
  (void)state;
  assert_true(cli_field_is_secret(str_of("Authorization")));
  assert_true(cli_field_is_secret(str_of("SET-COOKIE")));
  assert_true(cli_field_is_secret(str_of("proxy-authorization")));
  assert_false(cli_field_is_secret(str_of("Author")));
  assert_false(cli_field_is_secret(str_of("")));
}

static void urls_get_the_scheme_people_leave_out(void **state)
{
  static const row rows[] = {
      {"http://a/", "http://a/"},
      {"HTTPS://a/", "HTTPS://a/"},
      {"ftp://a/", "ftp://a/"},
      {"http:a", "http:a"},
      {"example.org", "https://example.org"},
      {"example.org:8443/x", "https://example.org:8443/x"},
      {"//example.org/x", "https://example.org/x"},
      {"user@example.org", "https://user@example.org"},
      {"localhost", "http://localhost"},
      {"LocalHost:80/x", "http://LocalHost:80/x"},
      {"x.localhost/y", "http://x.localhost/y"},
      {"localhost.example", "https://localhost.example"},
      {"127.0.0.1:80", "http://127.0.0.1:80"},
      {"127.1", "http://127.1"},
      {"127.example", "https://127.example"},
      {"128.0.0.1", "https://128.0.0.1"},
      {"[::1]:80/x", "http://[::1]:80/x"},
      {"[::2]/", "https://[::2]/"},
      {"u:p@127.0.0.1/", "http://u:p@127.0.0.1/"},
      {":8080/x", "http://localhost:8080/x"},
      {":/x", "http://localhost/x"},
      {":", "https://:"},
      {"/x", "/x"},
      {"?x", "?x"},
      {"", ""},
      {"a/b://c", "https://a/b://c"},
      {"ht!tp://x", "ht!tp://x"},
  };

  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
    cli_text room = {0};
    cli_text_add(&room, "old");
    assert_text(cli_url_complete(&room, str_of(rows[i].given)), rows[i].want);
    cli_text_clear(&room);
  }
}

static void url_text_with_controls_is_a_problem(void **state)
{
  (void)state;
  assert_null(cli_url_text_problem(str_of("http://a/ b\xc3\xa4")));
  assert_non_null(cli_url_text_problem(str_of("http://a/\tb")));
  assert_non_null(cli_url_text_problem(str_of("http://a/\x7f")));
  assert_non_null(cli_url_text_problem((ahttp_str){"a\0b", 3}));
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(json_strings_are_escaped),
      cmocka_unit_test(numbers_are_padded_with_zeros),
      cmocka_unit_test(json_seconds_have_no_needless_digits),
      cmocka_unit_test(redacted_urls_keep_everything_else),
      cmocka_unit_test(secret_fields_are_known_in_any_case),
      cmocka_unit_test(urls_get_the_scheme_people_leave_out),
      cmocka_unit_test(url_text_with_controls_is_a_problem),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
