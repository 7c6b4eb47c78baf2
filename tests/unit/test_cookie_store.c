/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ahttp/error.h>

#include "base/str.h"
#include "http/cookie_store.h"
#include "support/test_alloc.h"

#define NOW ((int64_t)1763600000)

/* --- A store, and what is sent. --------------------------------------------
 */

/* Public suffixes here: every top-level domain, and s3.cloud.test. */
static ahttp_str registrable(ahttp_str host)
{
  const char *suffix = "s3.cloud.test";
  size_t labels = 2;
  size_t len = strlen(suffix);
  if (host.len >= len && memcmp(host.ptr + host.len - len, suffix, len) == 0) {
    labels = 4;
  }
  bool has_dot = host.len > 0 && host.ptr[host.len - 1] == '.';
  size_t at = host.len - (has_dot ? 1 : 0);
  while (at > 0) {
    if (host.ptr[at - 1] == '.' && --labels == 0) {
      break;
    }
    at--;
  }
  return labels > 1 ? ah_str(NULL, 0) : ah_str(host.ptr + at, host.len - at);
}

static ah_cookie_store store;
static ah_arena arena;

static int set_up(void **state)
{
  (void)state;
  ah_cookie_store_init(&store, registrable);
  ah_arena_init(&arena, NULL, 0);
  return 0;
}

static int tear_down(void **state)
{
  (void)state;
  ah_cookie_store_clear(&store);
  ah_arena_clear(&arena);
  return 0;
}

static ah_cookie_target target_of(const char *text)
{
  ahttp_url url;
  ah_cookie_target target;
  assert_int_equal(ah_url_parse(&url, &arena, ah_str_from_c(text), NULL, NULL),
                   AHTTP_OK);
  assert_true(ah_cookie_target_of(&url, &target));
  return target;
}

static int receive_at(const char *url, const char *text, int64_t now)
{
  const char *why = NULL;
  ah_cookie_target target = target_of(url);
  int rv =
      ah_cookie_store_receive(&store, &target, ah_str_from_c(text), now, &why);
  assert_true((rv == AHTTP_EFIELD) == (why != NULL));
  return rv;
}

static void receive(const char *url, const char *text)
{
  assert_int_equal(receive_at(url, text, NOW), AHTTP_OK);
}

static void refuse(const char *url, const char *text)
{
  if (receive_at(url, text, NOW) != AHTTP_EFIELD) {
    fail_msg("%s may set \"%s\"", url, text);
  }
}

static void check_sent_at(const char *url, ahttp_site site, int64_t now,
                          const char *want)
{
  char got[1024] = "";
  size_t len = 0;
  ah_cookie_target target = target_of(url);
  for (ah_stored_cookie *at =
           ah_cookie_store_match(&store, &target, site, now, true);
       at != NULL; at = at->next_match) {
    len += (size_t)snprintf(got + len, sizeof(got) - len, "%s%s=%s",
                            len > 0 ? "; " : "", at->cookie.name.ptr,
                            at->cookie.value.ptr);
    assert_true(len < sizeof(got));
  }
  assert_string_equal(got, want);
}

static void check_sent(const char *url, const char *want)
{
  check_sent_at(url, AHTTP_SITE_SAME, NOW, want);
}

/* --- Hosts. ----------------------------------------------------------------
 */

/* HTTPX's trap: example.com's a=1 went to sub.example.com. */
static void host_only_cookie_does_not_go_to_subdomains(void **state)
{
  (void)state;
  receive("http://example.com/", "a=1");
  check_sent("http://example.com/", "a=1");
  check_sent("http://sub.example.com/", "");
  check_sent("http://com/", "");
  check_sent("http://other.test/", "");
}

static void domain_cookie_goes_to_subdomains_and_not_up(void **state)
{
  (void)state;
  receive("http://a.example.com/", "a=1; Domain=.Example.com");
  receive("http://a.example.com/", "b=2; Domain=a.example.com");
  check_sent("http://example.com/", "a=1");
  check_sent("http://a.example.com/", "a=1; b=2");
  check_sent("http://x.a.example.com/", "a=1; b=2");
  check_sent("http://b.example.com/", "a=1");
  check_sent("http://example.com.evil.test/", "");
}

static void foreign_domains_are_refused(void **state)
{
  (void)state;
  refuse("http://example.com/", "a=1; Domain=other.test");
  refuse("http://example.com/", "a=1; Domain=sub.example.com");
  refuse("http://anexample.com/", "a=1; Domain=example.com");
  refuse("http://example.com/", "a=1; Domain=ex\xc3\xa4mple.com");
  assert_int_equal(store.count, 0);
  assert_int_equal(store.sites.count, 0);
}

static void public_suffix_is_refused_but_for_itself(void **state)
{
  (void)state;
  refuse("http://example.com/", "a=1; Domain=com");
  refuse("http://example.com./", "a=1; Domain=com.");
  receive("http://com/", "a=1; Domain=com");
  check_sent("http://com/", "a=1");
  check_sent("http://example.com/", "");
}

/* Stricter than section 5.7, as Chrome is. */
static void cookie_does_not_cross_a_public_suffix_below_its_domain(void **state)
{
  (void)state;
  refuse("http://me.s3.cloud.test/", "a=1; Domain=cloud.test");
  receive("http://www.cloud.test/", "b=2; Domain=cloud.test");
  check_sent("http://me.s3.cloud.test/", "");
  check_sent("http://www.cloud.test/", "b=2");
}

static void addresses_and_localhost_are_hosts_alone(void **state)
{
  (void)state;
  receive("http://127.0.0.1/", "a=1");
  receive("http://127.0.0.1/", "b=2; Domain=127.0.0.1");
  refuse("http://127.0.0.1/", "c=3; Domain=0.0.1");
  refuse("http://127.0.0.1/", "c=3; Domain=1");
  receive("http://[::1]:8080/", "d=4; Domain=[::1]");
  receive("http://localhost/", "e=5; Domain=localhost");
  refuse("http://a.localhost/", "f=6; Domain=localhost");
  check_sent("http://127.0.0.1:8080/", "a=1; b=2");
  check_sent("http://[::1]/", "d=4");
  check_sent("http://localhost/", "e=5");
  check_sent("http://a.localhost/", "");
}

static void ports_do_not_separate(void **state)
{
  (void)state;
  receive("http://example.com:1/", "a=1");
  check_sent("http://example.com:2/", "a=1");
}

/* --- Paths and order. ------------------------------------------------------
 */

static void longest_path_is_sent_first_then_the_oldest(void **state)
{
  (void)state;
  receive("http://example.com/x/y/z", "d=4; Path=/");
  receive("http://example.com/x/y/z", "c=3; Path=/x");
  receive("http://example.com/x/y/z", "a=1");
  receive("http://example.com/x/y/z", "b=2");
  check_sent("http://example.com/x/y/z", "a=1; b=2; c=3; d=4");
  check_sent("http://example.com/x/yy", "c=3; d=4");
}

static void replaced_cookie_keeps_its_place(void **state)
{
  (void)state;
  receive("http://example.com/", "a=1");
  receive("http://example.com/", "b=2");
  receive("http://example.com/", "a=3");
  check_sent("http://example.com/", "a=3; b=2");
  assert_int_equal(store.count, 2);
  receive("http://example.com/", "a=4; Domain=example.com");
  check_sent("http://example.com/", "a=3; b=2; a=4");
}

/* --- Time. -----------------------------------------------------------------
 */

static void expired_cookie_is_neither_sent_nor_kept(void **state)
{
  (void)state;
  receive("http://example.com/", "a=1; Max-Age=10");
  receive("http://example.com/", "b=2");
  check_sent_at("http://example.com/", AHTTP_SITE_SAME, NOW + 9, "a=1; b=2");
  check_sent_at("http://example.com/", AHTTP_SITE_SAME, NOW + 10, "b=2");
  ah_cookie_store_expire(&store, NOW + 10);
  assert_int_equal(store.count, 1);
  ah_cookie_store_expire(&store, INT64_MAX);
  assert_int_equal(store.count, 1);
}

static void expiry_in_the_past_removes(void **state)
{
  (void)state;
  receive("http://example.com/", "a=1");
  receive("http://example.com/", "a=; Max-Age=0");
  assert_int_equal(store.count, 0);
  assert_int_equal(store.sites.count, 0);
  receive("http://example.com/", "a=; Max-Age=0");
  assert_int_equal(store.count, 0);
}

/* --- Security. -------------------------------------------------------------
 */

static void secure_cookie_needs_tls_both_ways(void **state)
{
  (void)state;
  refuse("http://example.com/", "a=1; Secure");
  receive("https://example.com/", "a=1; Secure");
  check_sent("http://example.com/", "");
  check_sent("https://example.com/", "a=1");
  receive("http://localhost/", "b=2; Secure");
  check_sent("http://localhost/", "b=2");
}

static void insecure_response_cannot_replace_or_hide_a_secure_cookie(void **st)
{
  (void)st;
  receive("https://www.example.com/",
          "a=1; Secure; Domain=example.com; Path=/p");
  refuse("http://www.example.com/", "a=2; Domain=example.com; Path=/p");
  refuse("http://www.example.com/p/", "a=2; Path=/p/q");
  refuse("http://example.com/p/", "a=2; Max-Age=0; Path=/p");
  receive("http://example.com/", "a=2; Path=/");
  receive("http://example.com/", "b=2; Path=/p");
  receive("https://www.example.com/p", "a=3; Path=/p");
  check_sent("https://www.example.com/p", "a=1; a=3");
}

static void prefixes_hold(void **state)
{
  (void)state;
  receive("https://example.com/", "__Secure-a=1; Secure; Domain=example.com");
  refuse("https://example.com/", "__Secure-a=1");
  receive("https://example.com/", "__Host-a=1; Secure; Path=/");
  refuse("https://example.com/", "__Host-a=1; Secure");
  refuse("https://example.com/", "__Host-a=1; Path=/");
  refuse("https://example.com/", "__Host-a=1; Secure; Path=/x");
  refuse("https://example.com/",
         "__Host-a=1; Secure; Path=/; Domain=example.com");
  refuse("https://example.com/", "=__Host-a=1; Secure; Path=/");
}

static void same_site_none_has_to_be_secure(void **state)
{
  (void)state;
  refuse("https://example.com/", "a=1; SameSite=None");
  receive("https://example.com/", "a=1; SameSite=None; Secure");
}

static void same_site_is_kept_and_asked_for(void **state)
{
  (void)state;
  receive("https://example.com/", "n=1; SameSite=None; Secure");
  receive("https://example.com/", "l=2; SameSite=Lax");
  receive("https://example.com/", "s=3; SameSite=Strict");
  receive("https://example.com/", "d=4");
  check_sent("https://example.com/", "n=1; l=2; s=3; d=4");
  check_sent_at("https://example.com/", AHTTP_SITE_CROSS_TOP, NOW,
                "n=1; l=2; d=4");
  check_sent_at("https://example.com/", AHTTP_SITE_CROSS, NOW, "n=1");
}

/* --- Limits. ---------------------------------------------------------------
 */

static void receive_numbered(const char *host, unsigned number,
                             const char *attributes)
{
  char url[96];
  char text[64];
  (void)snprintf(url, sizeof(url), "https://%s/", host);
  (void)snprintf(text, sizeof(text), "c%u=v%s", number, attributes);
  receive(url, text);
  ah_arena_clear(&arena);
}

static bool has_cookie(const char *name)
{
  AH_LIST_FOREACH (node, &store.all) {
    ah_stored_cookie *at = AH_CONTAINER(node, ah_stored_cookie, in_all);
    if (ah_str_eq(at->cookie.name, ah_str_from_c(name))) {
      return true;
    }
  }
  return false;
}

static void full_site_gives_up_expired_then_insecure_then_unused(void **state)
{
  (void)state;
  receive_numbered("a.example.com", 0, "; Secure");
  receive_numbered("a.example.com", 1, "");
  receive_numbered("a.example.com", 2, "; Max-Age=1");
  for (unsigned i = 3; i < AH_COOKIES_PER_SITE_MAX; i++) {
    receive_numbered("b.example.com", i, "; Secure");
  }
  assert_int_equal(store.count, AH_COOKIES_PER_SITE_MAX);
  /* The expired one goes first. */
  assert_int_equal(receive_at("https://example.com/", "x=1; Secure", NOW + 2),
                   AHTTP_OK);
  assert_int_equal(store.count, AH_COOKIES_PER_SITE_MAX);
  assert_false(has_cookie("c2"));
  /* Then one that is not Secure, though others were used before it. */
  receive("https://example.com/", "y=1; Secure");
  assert_true(has_cookie("c0"));
  assert_false(has_cookie("c1"));
  /* Then the one not used for longest: c0 is used here. */
  check_sent("https://a.example.com/", "c0=v");
  receive("https://example.com/", "z=1; Secure");
  assert_int_equal(store.count, AH_COOKIES_PER_SITE_MAX);
  assert_true(has_cookie("c0"));
  assert_false(has_cookie("c3"));
  assert_true(has_cookie("z"));
}

static void other_sites_do_not_suffer_from_a_full_one(void **state)
{
  (void)state;
  receive("http://other.test/", "mine=1");
  for (unsigned i = 0; i < 2 * AH_COOKIES_PER_SITE_MAX; i++) {
    receive_numbered("example.com", i, "");
  }
  assert_int_equal(store.count, AH_COOKIES_PER_SITE_MAX + 1);
  check_sent("http://other.test/", "mine=1");
}

static void full_store_gives_up_the_unused(void **state)
{
  (void)state;
  char host[64];
  for (unsigned i = 0; i < AH_COOKIES_MAX; i++) {
    (void)snprintf(host, sizeof(host), "h%u.test", i);
    receive_numbered(host, i, "");
  }
  assert_int_equal(store.count, AH_COOKIES_MAX);
  check_sent("https://h0.test/", "c0=v");
  receive("http://new.test/", "new=1");
  assert_int_equal(store.count, AH_COOKIES_MAX);
  assert_true(has_cookie("c0"));
  assert_false(has_cookie("c1"));
  assert_int_equal(store.sites.count, AH_COOKIES_MAX);
}

/* --- From elsewhere. -------------------------------------------------------
 */

static int put(const char *domain, const char *path, const char *name,
               const char *value)
{
  const char *why = NULL;
  ahttp_cookie cookie = AHTTP_COOKIE_INIT;
  cookie.domain = ah_str_from_c(domain);
  cookie.path = ah_str_from_c(path);
  cookie.name = ah_str_from_c(name);
  cookie.value = ah_str_from_c(value);
  return ah_cookie_store_put(&store, &cookie, NOW, &why);
}

static void what_is_put_in_has_to_be_sendable(void **state)
{
  (void)state;
  assert_int_equal(put("example.com", "/", "a", "1"), AHTTP_OK);
  assert_int_equal(put("example.com", "/", "", ""), AHTTP_EFIELD);
  assert_int_equal(put("example.com", "/", "a;b", "1"), AHTTP_EFIELD);
  assert_int_equal(put("example.com", "/", "a=b", "1"), AHTTP_EFIELD);
  assert_int_equal(put("example.com", "/", "a", "1;2"), AHTTP_EFIELD);
  assert_int_equal(put("example.com", "/", "a", "1\r\nX: y"), AHTTP_EFIELD);
  assert_int_equal(put("example.com", "x", "a", "1"), AHTTP_EFIELD);
  assert_int_equal(put("example.com", "", "a", "1"), AHTTP_EFIELD);
  assert_int_equal(put("example.com", "/", "__Host-a", "1"), AHTTP_EFIELD);
  check_sent("http://sub.example.com/", "a=1");
}

static void put_for_a_public_suffix_is_for_that_host(void **state)
{
  (void)state;
  assert_int_equal(put("com", "/", "a", "1"), AHTTP_OK);
  assert_int_equal(put("127.0.0.1", "/", "a", "1"), AHTTP_OK);
  check_sent("http://com/", "a=1");
  check_sent("http://example.com/", "");
  check_sent("http://127.0.0.1/", "a=1");
}

/* --- What is stored for a URL is sent to it. -------------------------------
 */

static uint32_t random_next(uint32_t *seed)
{
  *seed = *seed * 1664525u + 1013904223u;
  return *seed >> 16;
}

static const char *choose(uint32_t *seed, const char *const *words,
                          size_t count)
{
  return words[random_next(seed) % count];
}

#define CHOOSE(seed, words) \
  choose(seed, words, sizeof(words) / sizeof((words)[0]))

static void random_url(uint32_t *seed, char *out, size_t cap)
{
  static const char *const schemes[] = {"http", "https"};
  static const char *const hosts[] = {
      "example.com", "a.example.com", "b.a.example.com",
      "127.0.0.1",   "[::1]",         "localhost",
      "com"};
  static const char *const paths[] = {"/",      "/a",  "/a/",  "/a/b",
                                      "/a/b/c", "/ab", "/%61", "//"};
  (void)snprintf(out, cap, "%s://%s%s", CHOOSE(seed, schemes),
                 CHOOSE(seed, hosts), CHOOSE(seed, paths));
}

static void random_cookie(uint32_t *seed, unsigned number, char *out,
                          size_t cap)
{
  static const char *const domains[] = {"", "; Domain=example.com",
                                        "; Domain=.a.example.com",
                                        "; Domain=com", "; Domain="};
  static const char *const paths[] = {"", "; Path=/", "; Path=/a",
                                      "; Path=/a/b", "; Path=x"};
  static const char *const others[] = {"", "; Secure", "; Max-Age=5",
                                       "; SameSite=None", "; HttpOnly"};
  (void)snprintf(out, cap, "n%u=v%s%s%s", number % 7, CHOOSE(seed, domains),
                 CHOOSE(seed, paths), CHOOSE(seed, others));
}

/* The matches of |url| have to be exactly the cookies of the store that fit
 * it, by a walk over all of them with the rules of section 5.8.3. */
static void check_matches(const char *url)
{
  ah_cookie_target target = target_of(url);
  size_t fitting = 0;
  AH_LIST_FOREACH (node, &store.all) {
    const ahttp_cookie *cookie =
        &AH_CONTAINER(node, ah_stored_cookie, in_all)->cookie;
    bool fits = (cookie->host_only
                     ? ah_str_eq(cookie->domain, target.host)
                     : ah_cookie_domain_matches(target.host, cookie->domain)) &&
                ah_cookie_path_matches(target.path, cookie->path) &&
                (!cookie->secure || target.is_secure);
    fitting += fits ? 1 : 0;
  }
  size_t matches = 0;
  size_t path_len = SIZE_MAX;
  for (ah_stored_cookie *at =
           ah_cookie_store_match(&store, &target, AHTTP_SITE_SAME, NOW, false);
       at != NULL; at = at->next_match) {
    assert_true(at->cookie.path.len <= path_len);
    path_len = at->cookie.path.len;
    matches++;
  }
  assert_int_equal(matches, fitting);
}

static void what_is_stored_for_a_url_is_sent_to_it(void **state)
{
  (void)state;
  uint32_t seed = 20251120;
  unsigned stored = 0;
  for (unsigned i = 0; i < 3000; i++) {
    char url[128];
    char other[128];
    char text[128];
    random_url(&seed, url, sizeof(url));
    random_cookie(&seed, i, text, sizeof(text));
    bool is_stored = receive_at(url, text, NOW) == AHTTP_OK;
    stored += is_stored ? 1 : 0;
    if (is_stored && strstr(text, "Path=/") == NULL) {
      ah_cookie_target target = target_of(url);
      char name[8];
      (void)snprintf(name, sizeof(name), "n%u", i % 7);
      bool is_sent = false;
      for (ah_stored_cookie *at = ah_cookie_store_match(
               &store, &target, AHTTP_SITE_SAME, NOW, true);
           at != NULL; at = at->next_match) {
        is_sent = is_sent || ah_str_eq(at->cookie.name, ah_str_from_c(name));
      }
      assert_true(is_sent);
    }
    random_url(&seed, other, sizeof(other));
    check_matches(other);
    ah_arena_clear(&arena);
  }
  assert_true(stored > 1000);
}

/* --- Memory. ---------------------------------------------------------------
 */

static int fill(void *arg)
{
  ah_cookie_store own;
  const ah_cookie_target target = {
      .host = AH_STR("example.com"), .path = AH_STR("/"), .is_secure = true};
  const char *why;
  (void)arg;
  ah_cookie_store_init(&own, registrable);
  int rv = ah_cookie_store_receive(&own, &target, AH_STR("a=1"), NOW, &why);
  if (rv == AHTTP_OK) {
    rv = ah_cookie_store_receive(&own, &target, AH_STR("a=2"), NOW, &why);
    if (rv == AHTTP_ENOMEM) {
      assert_int_equal(own.count, 1); /* the old one is still there */
    }
  }
  ah_cookie_store_clear(&own);
  return rv;
}

static void failed_allocations_change_nothing(void **state)
{
  (void)state;
  test_alloc_fail_each(fill, NULL);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
  const struct CMUnitTest tests[] = {
      CASE(host_only_cookie_does_not_go_to_subdomains),
      CASE(domain_cookie_goes_to_subdomains_and_not_up),
      CASE(foreign_domains_are_refused),
      CASE(public_suffix_is_refused_but_for_itself),
      CASE(cookie_does_not_cross_a_public_suffix_below_its_domain),
      CASE(addresses_and_localhost_are_hosts_alone),
      CASE(ports_do_not_separate),
      CASE(longest_path_is_sent_first_then_the_oldest),
      CASE(replaced_cookie_keeps_its_place),
      CASE(expired_cookie_is_neither_sent_nor_kept),
      CASE(expiry_in_the_past_removes),
      CASE(secure_cookie_needs_tls_both_ways),
      CASE(insecure_response_cannot_replace_or_hide_a_secure_cookie),
      CASE(prefixes_hold),
      CASE(same_site_none_has_to_be_secure),
      CASE(same_site_is_kept_and_asked_for),
      CASE(full_site_gives_up_expired_then_insecure_then_unused),
      CASE(other_sites_do_not_suffer_from_a_full_one),
      CASE(full_store_gives_up_the_unused),
      CASE(what_is_put_in_has_to_be_sendable),
      CASE(put_for_a_public_suffix_is_for_that_host),
      CASE(what_is_stored_for_a_url_is_sent_to_it),
      cmocka_unit_test(failed_allocations_change_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
