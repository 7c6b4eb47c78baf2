/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <ahttp/error.h>

#include "base/str.h"
#include "http/url_pattern.h"
#include "support/test_alloc.h"

static ah_arena arena;

static int setup(void **state)
{
  (void)state;
  ah_arena_init(&arena, NULL, 0);
  return 0;
}

static int teardown(void **state)
{
  (void)state;
  ah_arena_clear(&arena);
  return 0;
}

static ah_url_pattern parse(const char *text)
{
  ah_url_pattern pattern;
  if (ah_url_pattern_parse(&pattern, &arena, ah_str_from_c(text)) != AHTTP_OK) {
    fail_msg("%s is refused", text);
  }
  return pattern;
}

/* HTTPX's test_url_matches and test_transport_for_request, and ports. */
static void matches_as_httpx_does(void **state)
{
  static const struct {
    const char *pattern;
    const char *url;
    bool is_match;
  } rows[] = {
      {"http://example.com", "http://example.com", true},
      {"http://example.com", "https://example.com", false},
      {"http://example.com", "http://other.com", false},
      {"http://example.com:123", "http://example.com:123", true},
      {"http://example.com:123", "http://example.com:456", false},
      {"http://example.com:123", "http://example.com", false},
      {"all://example.com", "http://example.com", true},
      {"all://example.com", "https://example.com", true},
      {"all://", "http://example.com", true},
      {"all://", "https://example.com:99", true},
      {"all://*", "https://example.com", true},
      {"http://", "https://example.com", false},
      {"http://", "http://example.com", true},
      {"https://*", "https://example.com", true},
      {"https://*", "http://example.com", false},
      {"all://*.example.com", "http://www.example.com", true},
      {"all://*.example.com", "http://a.b.example.com", true},
      {"all://*.example.com", "http://example.com", false},
      {"all://*.example.com", "http://wwwexample.com", false},
      {"all://*example.com", "http://www.example.com", true},
      {"all://*example.com", "http://example.com", true},
      {"all://*example.com", "http://wwwexample.com", false},
      {"all://*example.com", "http://example.com.evil.org", false},
      {"all://example.com", "http://www.example.com", false},
      {"ALL://EXAMPLE.com", "http://example.COM", true},
      {"HTTP://*.EXAMPLE.com", "http://www.example.com", true},
      {"all://[::1]", "http://[::1]:80/", true},
      {"all://[::1]:8080", "http://[::1]:8080/", true},
      {"all://[::1]:8080", "http://[::1]/", false},
      {"all://127.0.0.1", "https://127.0.0.1:1/", true},
      {"all://xn--bcher-kva.example", "http://XN--bcher-kva.example/", true},
      {"http://example.com:80", "http://example.com", true},
      {"all://example.com:443", "https://example.com", true},
      {"all://*:8080", "http://example.com:8080/", true},
      {"all://:8080", "http://example.com/", false},
      {"https://example.com/", "https://example.com/path?query", true},
  };
  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    ah_url_pattern pattern = parse(rows[i].pattern);
    ahttp_url url;
    assert_int_equal(
        ah_url_parse(&url, &arena, ah_str_from_c(rows[i].url), NULL, NULL),
        AHTTP_OK);
    if (ah_url_pattern_matches(&pattern, &url) != rows[i].is_match) {
      fail_msg("%s and %s", rows[i].pattern, rows[i].url);
    }
  }
}

static void refuses_what_is_no_pattern(void **state)
{
  static const char *const rows[] = {
      "",
      "http",
      "http:",
      "example.com",
      "://example.com",
      "ht tp://",
      "http://example.com:0",
      "http://example.com:65536",
      "http://exa mple.com",
      "http://[::1",
      "http://*.",
      "http://example.com/path",
      "http://user@example.com",
  };
  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    ah_url_pattern pattern;
    if (ah_url_pattern_parse(&pattern, &arena, ah_str_from_c(rows[i])) !=
        AHTTP_EINVAL) {
      fail_msg("\"%s\" is taken", rows[i]);
    }
  }
}

/* HTTPX's test_pattern_priority: each goes before the next. */
static void more_specific_patterns_go_first(void **state)
{
  static const char *const rows[] = {
      "https://www.example.com:123",
      "http://example.com:123",
      "all://*:8080",
      "https://a.example.com",
      "https://example.com",
      "http://example.com",
      "all://example.com",
      "https://",
      "http://",
      "all://",
  };
  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    ah_url_pattern a = parse(rows[i]);
    assert_int_equal(ah_url_pattern_compare(&a, &a), 0);
    for (size_t k = i + 1; k < sizeof(rows) / sizeof(rows[0]); k++) {
      ah_url_pattern b = parse(rows[k]);
      if (ah_url_pattern_compare(&a, &b) >= 0 ||
          ah_url_pattern_compare(&b, &a) <= 0) {
        fail_msg("%s and %s", rows[i], rows[k]);
      }
    }
  }
}

static int parse_once(void *arg)
{
  ah_url_pattern pattern;
  ah_arena own;
  ah_arena_init(&own, NULL, 0);
  int rv = ah_url_pattern_parse(&pattern, &own, ah_str_from_c(arg));
  ah_arena_clear(&own);
  return rv;
}

static void running_out_of_memory_is_told(void **state)
{
  char text[] = "https://*.example.org:8443";
  (void)state;
  test_alloc_fail_each(parse_once, text);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(matches_as_httpx_does),
      cmocka_unit_test(refuses_what_is_no_pattern),
      cmocka_unit_test(more_specific_patterns_go_first),
      cmocka_unit_test(running_out_of_memory_is_told),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
