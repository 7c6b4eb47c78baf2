/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <ahttp/error.h>

#include "base/str.h"
#include "http/cookie_scope.h"
#include "support/assert_text.h"
#include "support/test_alloc.h"

static bool domain_matches(const char *host, const char *domain)
{
  return ah_cookie_domain_matches(ah_str_from_c(host), ah_str_from_c(domain));
}

static void domain_matches_itself_and_what_is_below(void **state)
{
  (void)state;
  assert_true(domain_matches("example.org", "example.org"));
  assert_true(domain_matches("a.b.example.org", "example.org"));
  assert_false(domain_matches("anexample.org", "example.org"));
  assert_false(domain_matches("example.org", "a.example.org"));
  assert_false(domain_matches("example.org.evil.test", "example.org"));
  assert_false(domain_matches("example.org", ""));
  assert_false(domain_matches("example.org.", "example.org"));
}

static void addresses_match_themselves_only(void **state)
{
  (void)state;
  assert_true(domain_matches("127.0.0.1", "127.0.0.1"));
  assert_false(domain_matches("127.0.0.1", "0.0.1"));
  assert_false(domain_matches("127.0.0.1", "1"));
  assert_true(domain_matches("[::1]", "[::1]"));
  assert_true(ah_cookie_host_is_ip(AH_STR("[2001:db8::1]")));
  assert_true(ah_cookie_host_is_ip(AH_STR("10.1.2.3")));
  assert_false(ah_cookie_host_is_ip(AH_STR("h1")));
  assert_false(ah_cookie_host_is_ip(AH_STR("10.example")));
  assert_false(ah_cookie_host_is_ip(AH_STR("")));
}

static void default_path_is_what_is_before_the_last_slash(void **state)
{
  (void)state;
  static const char *const rows[][2] = {
      {"/", "/"},       {"/a", "/"},        {"/a/", "/a"}, {"/a/b", "/a"},
      {"/a//b", "/a/"}, {"/a/b/c", "/a/b"}, {"", "/"},     {"a/b", "/"},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    assert_text(ah_cookie_default_path(ah_str_from_c(rows[i][0])), rows[i][1]);
  }
}

static bool path_matches(const char *path, const char *cookie_path)
{
  return ah_cookie_path_matches(ah_str_from_c(path),
                                ah_str_from_c(cookie_path));
}

static void path_matches_itself_and_what_is_below(void **state)
{
  (void)state;
  assert_true(path_matches("/", "/"));
  assert_true(path_matches("/a", "/"));
  assert_true(path_matches("/a/b", "/a"));
  assert_true(path_matches("/a/b", "/a/"));
  assert_true(path_matches("/a/b", "/a/b"));
  assert_false(path_matches("/ab", "/a"));
  assert_false(path_matches("/a", "/a/"));
  assert_false(path_matches("/A", "/a"));
  assert_false(path_matches("/", "/a"));
}

static bool is_secure(const char *text)
{
  ah_arena arena;
  ahttp_url url;
  ah_cookie_target target;
  ah_arena_init(&arena, NULL, 0);
  assert_int_equal(ah_url_parse(&url, &arena, ah_str_from_c(text), NULL, NULL),
                   AHTTP_OK);
  assert_true(ah_cookie_target_of(&url, &target));
  ah_arena_clear(&arena);
  return target.is_secure;
}

/* HTTPX's trap: over http localhost does not get its Secure cookies. */
static void tls_and_this_machine_are_secure(void **state)
{
  (void)state;
  assert_true(is_secure("https://example.org/"));
  assert_true(is_secure("http://localhost:8080/"));
  assert_true(is_secure("http://a.localhost/"));
  assert_true(is_secure("http://127.0.0.1/"));
  assert_true(is_secure("http://127.9.8.7/"));
  assert_true(is_secure("http://[::1]/"));
  assert_false(is_secure("http://example.org/"));
  assert_false(is_secure("http://127.example.org/"));
  assert_false(is_secure("http://notlocalhost/"));
  assert_false(is_secure("http://128.0.0.1/"));
  assert_false(is_secure("http://[::2]/"));
}

static int canonical(void *arg)
{
  ah_arena arena;
  ahttp_str out;
  ah_arena_init(&arena, NULL, 0);
  int rv = ah_cookie_host_canonical(ah_str_from_c(arg), &arena, &out);
  ah_arena_clear(&arena);
  return rv;
}

static void check_canonical(const char *text, const char *want)
{
  ah_arena arena;
  ahttp_str out;
  ah_arena_init(&arena, NULL, 0);
  assert_int_equal(ah_cookie_host_canonical(ah_str_from_c(text), &arena, &out),
                   AHTTP_OK);
  assert_text(out, want);
  ah_arena_clear(&arena);
}

static void hosts_are_read_as_in_urls(void **state)
{
  (void)state;
  check_canonical("Example.ORG", "example.org");
  check_canonical(".example.org", "example.org");
  check_canonical("localhost", "localhost");
  check_canonical("127.1", "127.0.0.1");
  check_canonical("::1", "[::1]");
  check_canonical("[::1]", "[::1]");
  static const char *const bad[] = {"",       ".",    "a/b", "a@b", "a:80",
                                    "a:9999", "a?b",  "a#b", "a b", "/",
                                    "a/",     "[::1", "a\\"};
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    ah_arena arena;
    ahttp_str out;
    ah_arena_init(&arena, NULL, 0);
    int rv = ah_cookie_host_canonical(ah_str_from_c(bad[i]), &arena, &out);
    if (rv != AHTTP_EURL) {
      fail_msg("\"%s\" is accepted", bad[i]);
    }
    ah_arena_clear(&arena);
  }
}

static void canonical_host_survives_failed_allocations(void **state)
{
  (void)state;
  char text[] = "Example.org";
  test_alloc_fail_each(canonical, text);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(domain_matches_itself_and_what_is_below),
      cmocka_unit_test(addresses_match_themselves_only),
      cmocka_unit_test(default_path_is_what_is_before_the_last_slash),
      cmocka_unit_test(path_matches_itself_and_what_is_below),
      cmocka_unit_test(tls_and_this_machine_are_secure),
      cmocka_unit_test(hosts_are_read_as_in_urls),
      cmocka_unit_test(canonical_host_survives_failed_allocations),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
