/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "http/no_proxy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <ahttp/error.h>

#include "base/str.h"

typedef struct row {
  const char *list;
  const char *url;
  bool matches;
} row;

/* In blocks of their exact sizes, so that a sanitizer sees reads past them. */
static bool matches(const char *list, const char *url)
{
  size_t len = strlen(list);
  char *block = malloc(len == 0 ? 1 : len);
  assert_non_null(block);
  memcpy(block, list, len);
  ah_arena arena;
  ah_arena_init(&arena, NULL, 0);
  ahttp_url parsed;
  assert_int_equal(
      ah_url_parse(&parsed, &arena, ah_str_from_c(url), NULL, NULL), AHTTP_OK);
  bool rv = ah_no_proxy_matches(ah_str(block, len), &parsed);
  ah_arena_clear(&arena);
  free(block);
  return rv;
}

static void check_rows(const row *rows, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    if (matches(rows[i].list, rows[i].url) != rows[i].matches) {
      fail_msg("\"%s\" and %s", rows[i].list, rows[i].url);
    }
  }
}

#define CHECK_ROWS(rows) check_rows(rows, sizeof(rows) / sizeof((rows)[0]))

static void name_covers_itself_and_those_below(void **state)
{
  static const row rows[] = {
      {"h.com", "http://h.com/", true},
      {"h.com", "https://h.com:8443/", true},
      {"h.com", "http://a.b.h.com/", true},
      {"h.com", "http://eh.com/", false},
      {"h.com", "http://h.com.org/", false},
      {"H.COM", "http://h.com/", true},
      {"h.com.", "http://h.com/", true},
      {"h.com", "http://h.com./", true},
      {"localhost", "http://localhost/", true},
      {"localhost", "http://a.localhost/", true},
      {"com", "http://h.com/", true},
  };
  (void)state;
  CHECK_ROWS(rows);
}

static void leading_dot_covers_only_those_below(void **state)
{
  static const row rows[] = {
      {".h.com", "http://a.h.com/", true},
      {".h.com", "http://h.com/", false},
      {".", "http://h.com/", false},
      {"..h.com", "http://a.h.com/", false},
  };
  (void)state;
  CHECK_ROWS(rows);
}

static void httpx_trap_asterisk_and_dot_matches_nothing(void **state)
{
  static const row rows[] = {
      {"*.h.com", "http://a.h.com/", true},
      {"*.h.com", "http://a.b.h.com/", true},
      {"*.h.com", "http://h.com/", false},
      {"*.h.com", "http://eh.com/", false},
  };
  (void)state;
  CHECK_ROWS(rows);
}

static void asterisk_covers_everything(void **state)
{
  static const row rows[] = {
      {"*", "http://h.com/", true},
      {"a.org, *", "https://[::1]/", true},
      {"*:8080", "http://h.com:8080/", true},
      {"*:8080", "http://h.com/", false},
      {"**", "http://h.com/", false},
  };
  (void)state;
  CHECK_ROWS(rows);
}

static void httpx_trap_default_port_never_matches(void **state)
{
  static const row rows[] = {
      {"h.com:80", "http://h.com/", true},
      {"h.com:443", "https://h.com/", true},
      {"h.com:80", "http://h.com:80/", true},
      {"h.com:80", "https://h.com/", false},
      {"h.com:8080", "http://h.com:8080/", true},
      {"h.com:8080", "http://h.com/", false},
      {".h.com:80", "http://a.h.com/", true},
      {"10.0.0.1:80", "http://10.0.0.1/", true},
      {"10.0.0.1:80", "http://10.0.0.1:81/", false},
      {"[::1]:80", "http://[::1]/", true},
      {"[::1]:80", "http://[::1]:81/", false},
  };
  (void)state;
  CHECK_ROWS(rows);
}

static void httpx_trap_network_matches_its_own_address_only(void **state)
{
  static const row rows[] = {
      {"192.168.0.0/16", "http://192.168.0.0/", true},
      {"192.168.0.0/16", "http://192.168.77.1/", true},
      {"192.168.0.0/16", "http://192.169.0.1/", false},
      {"127.0.0.0/8", "http://127.1.2.3/", true},
      {"10.0.0.0/9", "http://10.127.255.255/", true},
      {"10.0.0.0/9", "http://10.128.0.0/", false},
      {"0.0.0.0/0", "http://203.0.113.9/", true},
      {"203.0.113.9/32", "http://203.0.113.9/", true},
      {"203.0.113.9/32", "http://203.0.113.8/", false},
      {"203.0.113.9/33", "http://203.0.113.9/", false},
      {"203.0.113.9/", "http://203.0.113.9/", false},
      {"203.0.113.9/x", "http://203.0.113.9/", false},
      {"2001:db8::/32", "http://[2001:db8:1::1]/", true},
      {"[2001:db8::]/32", "http://[2001:db8:1::1]/", true},
      {"2001:db8::/32", "http://[2001:db9::1]/", false},
      {"2001:db8::/129", "http://[2001:db8::]/", false},
      {"10.0.0.0/8", "http://[::ffff:10.1.2.3]/", true},
      {"::/0", "http://10.0.0.1/", false},
      {"h.com/8", "http://h.com/", false},
      {"10.0.0.0/8", "http://host10/", false},
  };
  (void)state;
  CHECK_ROWS(rows);
}

static void httpx_trap_ipv6_in_brackets_is_an_error(void **state)
{
  static const row rows[] = {
      {"[::1]", "http://[::1]/", true},
      {"::1", "http://[::1]/", true},
      {"0:0:0:0:0:0:0:1", "https://[::1]:8443/", true},
      {"::2", "http://[::1]/", false},
      {"[::1", "http://[::1]/", false},
      {"[]", "http://[::1]/", false},
      {"[::1]:", "http://[::1]/", false},
  };
  (void)state;
  CHECK_ROWS(rows);
}

static void address_is_no_name_to_be_below(void **state)
{
  static const row rows[] = {
      {"127.0.0.1", "http://127.0.0.1/", true},
      {"127.0.0.1", "http://127.0.0.2/", false},
      {"1", "http://127.0.0.1/", false},
      {".0.0.1", "http://127.0.0.1/", false},
  };
  (void)state;
  CHECK_ROWS(rows);
}

static void scheme_limits_an_item(void **state)
{
  static const row rows[] = {
      {"http://h.com", "http://h.com/", true},
      {"http://h.com", "https://h.com/", false},
      {"HTTPS://h.com:443", "https://h.com/", true},
      {"all://h.com", "https://h.com/", true},
      {"http://*", "http://h.com/", true},
      {"http://", "http://h.com/", false},
      {"http://10.0.0.0/8", "http://10.9.9.9/", true},
  };
  (void)state;
  CHECK_ROWS(rows);
}

static void items_are_separated_by_commas_and_spaces(void **state)
{
  static const row rows[] = {
      {"", "http://h.com/", false},
      {",,, ,", "http://h.com/", false},
      {"a.org,h.com", "http://h.com/", true},
      {"a.org , h.com ", "http://h.com/", true},
      {"a.org\th.com", "http://h.com/", true},
      {"a.org,b.org", "http://h.com/", false},
      {"h.com:x,h.com:0,h.com:99999", "http://h.com/", false},
  };
  (void)state;
  CHECK_ROWS(rows);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(name_covers_itself_and_those_below),
      cmocka_unit_test(leading_dot_covers_only_those_below),
      cmocka_unit_test(httpx_trap_asterisk_and_dot_matches_nothing),
      cmocka_unit_test(asterisk_covers_everything),
      cmocka_unit_test(httpx_trap_default_port_never_matches),
      cmocka_unit_test(httpx_trap_network_matches_its_own_address_only),
      cmocka_unit_test(httpx_trap_ipv6_in_brackets_is_an_error),
      cmocka_unit_test(address_is_no_name_to_be_below),
      cmocka_unit_test(scheme_limits_an_item),
      cmocka_unit_test(items_are_separated_by_commas_and_spaces),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
