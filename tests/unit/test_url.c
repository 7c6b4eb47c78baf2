/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ahttp/error.h>

#include "base/str.h"
#include "http/url.h"
#include "http/url_parser.h"
#include "support/assert_text.h"
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

/* Parses a copy in a block of its exact size, which is gone afterwards. */
static int parse_exact(ahttp_url *url, ahttp_str text, const ahttp_url *base,
                       const char **why)
{
  char *block = malloc(text.len > 0 ? text.len : 1);
  assert_non_null(block);
  if (text.len > 0) {
    memcpy(block, text.ptr, text.len);
  }
  int rv = ah_url_parse(url, &arena, ah_str(block, text.len), base, why);
  free(block);
  return rv;
}

static ahttp_url parse(const char *text)
{
  ahttp_url url;
  const char *why = "";
  if (parse_exact(&url, ah_str_from_c(text), NULL, &why) != AHTTP_OK) {
    fail_msg("%s: %s", text, why);
  }
  return url;
}

static void url_parts_are_views_into_href(void **state)
{
  (void)state;
  ahttp_url url =
      parse("HTTPS://us er:p@ss@Example.ORG:8443/a/./b/../c d?q='#f");
  assert_text(url.href,
              "https://us%20er:p%40ss@example.org:8443/a/c%20d?q=%27#f");
  assert_int_equal(url.href.ptr[url.href.len], '\0');
  assert_text(url.scheme, "https");
  assert_text(url.username, "us%20er");
  assert_text(url.password, "p%40ss");
  assert_text(url.host, "example.org");
  assert_text(url.path, "/a/c%20d");
  assert_text(url.query, "q=%27");
  assert_text(url.fragment, "f");
  assert_int_equal(url.port, 8443);
  assert_true(url.has_port && url.has_query && url.has_fragment);
  assert_true(url.is_special);
  assert_false(url.is_ip);
  const ahttp_str parts[] = {url.scheme, url.username, url.password, url.host,
                             url.path,   url.query,    url.fragment};
  for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
    assert_in_range((uintptr_t)parts[i].ptr, (uintptr_t)url.href.ptr,
                    (uintptr_t)url.href.ptr + url.href.len);
  }
}

static void url_bare_host_gets_a_path(void **state)
{
  (void)state;
  assert_text(parse("http://example.org").href, "http://example.org/");
  assert_text(parse("https://example.org:81").href, "https://example.org:81/");
  assert_text(parse("http://example.org?q").href, "http://example.org/?q");
  assert_text(parse("http://example.org#f").href, "http://example.org/#f");
}

static void url_default_port_is_not_written(void **state)
{
  (void)state;
  static const struct {
    const char *text;
    const char *href;
    uint16_t port;
    bool has_port;
  } rows[] = {
      {"http://h:80/", "http://h/", 80, false},
      {"https://h:443/", "https://h/", 443, false},
      {"http://h:443/", "http://h:443/", 443, true},
      {"http://h:/", "http://h/", 80, false},
      {"http://h:0080/", "http://h/", 80, false},
      {"http://h:0081/", "http://h:81/", 81, true},
      {"http://h:0/", "http://h:0/", 0, true},
      {"http://h:65535/", "http://h:65535/", 65535, true},
      {"ws://h:80/", "ws://h/", 80, false},
      {"ftp://h/", "ftp://h/", 21, false},
      {"x://h/", "x://h/", 0, false},
      {"x://h:9/", "x://h:9/", 9, true},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    ahttp_url url = parse(rows[i].text);
    assert_text(url.href, rows[i].href);
    assert_int_equal(url.port, rows[i].port);
    assert_int_equal(url.has_port, rows[i].has_port);
  }
}

static void url_invalid_ones_say_why(void **state)
{
  (void)state;
  static const struct {
    const char *text;
    const char *why;
  } rows[] = {
      {"", "the scheme is missing"},
      {"example.org/path", "the scheme is missing"},
      {"//example.org/", "the scheme is missing"},
      {"1http://example.org/", "the scheme is missing"},
      {"http:", "the host is missing"},
      {"http://", "the host is missing"},
      {"http://:80/", "the host is missing"},
      {"http://user@/", "the host is missing"},
      {"http://user@:80/", "the host is missing"},
      {"http://h:65536/", "the port is larger than 65535"},
      {"http://h:99999999999999999999/", "the port is larger than 65535"},
      {"http://h:8a/", "the port is not a number"},
      {"http://h:-1/", "the port is not a number"},
      {"http://a b/", "the host has a character that is not allowed"},
      {"http://1.2.3.256/", "the host is an invalid IPv4 address"},
      {"http://[::1/", "the host is an invalid IPv6 address"},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    ahttp_url url;
    const char *why = "accepted";
    int rv = parse_exact(&url, ah_str_from_c(rows[i].text), NULL, &why);
    if (rv != AHTTP_EURL || strcmp(why, rows[i].why) != 0) {
      fail_msg("%s: \"%s\", not \"%s\"", rows[i].text, why, rows[i].why);
    }
    assert_null(url.href.ptr);
    assert_int_equal(url.port, 0);
  }
}

static void url_drops_blanks_around_and_line_ends_within(void **state)
{
  (void)state;
  assert_text(parse(" \t\nhttp://h/a b \x1f").href, "http://h/a%20b");
  assert_text(parse("ht\ntp:/\t/h/a\r\nb").href, "http://h/ab");
  ahttp_url url;
  assert_int_equal(parse_exact(&url, ah_str("http://h/a\0b", 12), NULL, NULL),
                   AHTTP_OK);
  assert_text(url.href, "http://h/a%00b");
}

static void url_backslash_is_a_slash_where_it_is_special(void **state)
{
  (void)state;
  assert_text(parse("http:\\\\h\\a\\..\\b?c\\d").href, "http://h/b?c\\d");
  assert_text(parse("x://h/a\\b").href, "x://h/a\\b");
  assert_text(parse("https:h").href, "https://h/");
}

static void url_dot_segments_go(void **state)
{
  (void)state;
  assert_text(parse("http://h/a/./b/../../../c").path, "/c");
  assert_text(parse("http://h/a/..").path, "/");
  assert_text(parse("http://h/a/.").path, "/a/");
  assert_text(parse("http://h/a/%2E%2e/b").path, "/b");
  assert_text(parse("http://h/a/.%2E/%2e/b").path, "/b");
  assert_text(parse("http://h/a/.../..b").path, "/a/.../..b");
  assert_text(parse("http://h//a//").path, "//a//");
  assert_text(parse("x:/..//p").href, "x:/.//p");
}

static void url_of_other_schemes_is_kept(void **state)
{
  (void)state;
  assert_text(parse("mailto:a b@c").href, "mailto:a b@c");
  assert_text(parse("data:text/plain,x  #f").href, "data:text/plain,x %20#f");
  assert_text(parse("file:///C|/a/../..").href, "file:///C:/");
  assert_text(parse("file://localhost/x").href, "file:///x");
  assert_text(parse("x://u@HOST%20").href, "x://u@HOST%20");
  assert_null(parse("mailto:x").host.ptr);
  assert_non_null(parse("x:///p").host.ptr);
}

static void url_resolves_the_examples_of_rfc_3986(void **state)
{
  (void)state;
  static const struct {
    const char *text;
    const char *href;
  } rows[] = {
      /* Section 5.4; where the URL standard differs it is what counts. */
      {"g:h", "g:h"},
      {"g", "http://a/b/c/g"},
      {"./g", "http://a/b/c/g"},
      {"g/", "http://a/b/c/g/"},
      {"/g", "http://a/g"},
      {"//g", "http://g/"},
      {"?y", "http://a/b/c/d;p?y"},
      {"g?y", "http://a/b/c/g?y"},
      {"#s", "http://a/b/c/d;p?q#s"},
      {"g#s", "http://a/b/c/g#s"},
      {";x", "http://a/b/c/;x"},
      {"", "http://a/b/c/d;p?q"},
      {".", "http://a/b/c/"},
      {"..", "http://a/b/"},
      {"../..", "http://a/"},
      {"../../../../g", "http://a/g"},
      {"/../g", "http://a/g"},
      {"g.", "http://a/b/c/g."},
      {"g;x=1/../y", "http://a/b/c/y"},
      {"g?y/../x", "http://a/b/c/g?y/../x"},
      {"http:g", "http://a/b/c/g"},
      {"https:g", "https://g/"},
      {"\\g", "http://a/g"},
  };
  ahttp_url base = parse("http://a/b/c/d;p?q#gone");
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    ahttp_url url;
    assert_int_equal(
        parse_exact(&url, ah_str_from_c(rows[i].text), &base, NULL), AHTTP_OK);
    assert_text(url.href, rows[i].href);
  }
}

static void url_inherits_the_whole_authority(void **state)
{
  (void)state;
  ahttp_url base = parse("https://u:p@[::1]:8443/x?y");
  ahttp_url url;
  assert_int_equal(parse_exact(&url, AH_STR("/z"), &base, NULL), AHTTP_OK);
  assert_text(url.href, "https://u:p@[::1]:8443/z");
  assert_text(url.username, "u");
  assert_text(url.password, "p");
  assert_text(url.host, "[::1]");
  assert_int_equal(url.port, 8443);
  assert_true(url.has_port && url.is_ip);
  assert_false(url.has_query);
}

/* Both spans at the same place in equal texts. */
static void check_same_part(ahttp_str href_a, ahttp_str a, ahttp_str href_b,
                            ahttp_str b)
{
  assert_int_equal(a.len, b.len);
  if (a.len > 0) {
    assert_int_equal(a.ptr - href_a.ptr, b.ptr - href_b.ptr);
  }
}

static void check_both_parsers(const char *text)
{
  ahttp_url a;
  ahttp_url b = {.port = 0};
  const char *why = "";
  int rv = parse_exact(&a, ah_str_from_c(text), NULL, NULL);
  assert_int_equal(
      rv, ah_url_parser_run(&b, &arena, ah_str_from_c(text), NULL, &why));
  if (rv != AHTTP_OK) {
    return;
  }
  assert_text(a.href, b.href.ptr);
  check_same_part(a.href, a.scheme, b.href, b.scheme);
  check_same_part(a.href, a.username, b.href, b.username);
  check_same_part(a.href, a.password, b.href, b.password);
  check_same_part(a.href, a.host, b.href, b.host);
  check_same_part(a.href, a.path, b.href, b.path);
  check_same_part(a.href, a.query, b.href, b.query);
  check_same_part(a.href, a.fragment, b.href, b.fragment);
  assert_int_equal(a.port, b.port);
  assert_int_equal(a.has_port, b.has_port);
  assert_int_equal(a.has_query, b.has_query);
  assert_int_equal(a.has_fragment, b.has_fragment);
  assert_int_equal(a.is_special, b.is_special);
  assert_int_equal(a.is_ip, b.is_ip);
}

/* The way for URLs that are already canonical must not make a difference. */
static void url_short_cut_agrees_with_the_parser(void **state)
{
  (void)state;
  static const char *const heads[] = {
      "http://a",         "https://a.b-c.d9",
      "http://a.b.",      "http://a.9",
      "https://a.0xf",    "http://a--b",
      "http://a_b",       "http://9",
      "https://u@a",      "http://u:p@a",
      "http://[::1]",     "HTTP://a",
      "http:///a",        "https://A",
      "ws://a",           "http://-a-",
      "http://a.b.9.c",   "https://a..b",
      "http://127.0.0.1", "http://0.0.0.0",
      "http://1.2.3",     "http://255.255.255.255",
      "http://01.2.3.4",  "http://1.2.3.04",
      "http://1.2.3.256", "http://1.2.3.4.5",
      "http://1..3.4",    "http://1.2.3.4.",
      "http://a.2.3.4",   "http://1.2-3.4.5",
      "http://.1.2.3.4"};
  static const char *const ports[] = {"",     ":",     ":80",   ":443",
                                      ":081", ":8080", ":65535"};
  static const char *const tails[] = {
      "",       "/",         "/a",      "/a/b;c=d,e@f:g", "/.",       "/a/..",
      "/a/%2e", "/a/.b",     "/%41",    "/a b",           "/a\\b",    "?",
      "/?",     "/?a=b&c",   "/?a'b",   "/?a|b^c`d",      "#",        "/#",
      "/#f g",  "/a?b#c",    "/a?b#c#", "/a|b",           "/{a}",     "/\"a\"",
      "/~a",    "/\xc3\xa4", "/a?\xc3", "/a#\xc3",        "/a?b?c/.", "/[a]"};
  for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
    for (size_t j = 0; j < sizeof(ports) / sizeof(ports[0]); j++) {
      for (size_t k = 0; k < sizeof(tails) / sizeof(tails[0]); k++) {
        char text[64];
        strcpy(text, heads[i]);
        strcat(text, ports[j]);
        strcat(text, tails[k]);
        check_both_parsers(text);
      }
    }
  }
}

static void url_parsing_its_href_changes_nothing(void **state)
{
  (void)state;
  static const char *const texts[] = {
      "http://u:p@h:81/a?b#c", "x:/..//p", "mailto:a  ?b",
      "file:///C|/x",          "x://",     "x:///..//",
      "http://0x1/%zz?'#`",    "x:y%",     "http://h/%2e%2E/..a",
  };
  for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
    ahttp_url first = parse(texts[i]);
    assert_text(parse(first.href.ptr).href, first.href.ptr);
  }
}

static void url_hostname_has_no_brackets(void **state)
{
  (void)state;
  ahttp_url url = parse("http://[::1]/");
  assert_text(url.host, "[::1]");
  assert_text(ah_url_hostname(&url), "::1");
  assert_true(url.is_ip);
  url = parse("http://a/");
  assert_text(ah_url_hostname(&url), "a");
  assert_false(url.is_ip);
  url = parse("mailto:x");
  assert_int_equal(ah_url_hostname(&url).len, 0);
}

static void url_target_is_path_and_query(void **state)
{
  (void)state;
  static const struct {
    const char *text;
    const char *target;
    const char *authority;
  } rows[] = {
      {"http://h", "/", "h"},
      {"http://u:p@h:81/a?b=c#d", "/a?b=c", "h:81"},
      {"http://h/a?#d", "/a?", "h"},
      {"https://[::1]:443?x", "/?x", "[::1]"},
      {"https://[::1]:444/", "/", "[::1]:444"},
      {"x://h:9?q", "?q", "h:9"},
      {"x:/p", "/p", ""},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    ahttp_url url = parse(rows[i].text);
    assert_text(ah_url_target(&url), rows[i].target);
    assert_text(ah_url_authority(&url), rows[i].authority);
  }
}

static void url_origin_is_scheme_host_and_port(void **state)
{
  (void)state;
  ahttp_url url = parse("http://a.example/x");
  static const struct {
    const char *text;
    bool same;
  } rows[] = {
      {"http://u:p@A.EXAMPLE:80/y?z", true}, {"https://a.example/x", false},
      {"http://a.example:81/x", false},      {"https://a.example:80/x", false},
      {"http://b.a.example/x", false},       {"http://a.example./x", false},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    ahttp_url other = parse(rows[i].text);
    assert_int_equal(ah_url_same_origin(&url, &other), rows[i].same);
  }
}

static void url_display_hides_the_password(void **state)
{
  (void)state;
  char text[64];
  ahttp_url url = parse("http://user:hunter2@h:81/a?b#c");
  assert_string_equal(ah_url_display(&url, text, sizeof(text)),
                      "http://user:[secure]@h:81/a?b#c");
  for (size_t cap = 1; cap < 32; cap++) {
    ah_url_display(&url, text, cap);
    assert_int_equal(strlen(text), cap - 1);
    assert_memory_equal(text, "http://user:[secure]@h:81/a?b#c", cap - 1);
  }
  text[0] = 'x';
  ah_url_display(&url, text, 0);
  assert_int_equal(text[0], 'x');
  url = parse("http://user@h/#f");
  assert_string_equal(ah_url_display(&url, text, sizeof(text)),
                      "http://user@h/#f");
}

static void url_longer_than_the_limit_is_refused(void **state)
{
  (void)state;
  enum {
    LIMIT = 2 * 1024 * 1024
  };
  static char text[LIMIT + 1];
  ahttp_url url;
  memset(text, 'a', sizeof(text));
  memcpy(text, "http://h/", 9);
  assert_int_equal(ah_url_parse(&url, &arena, ah_str(text, LIMIT), NULL, NULL),
                   AHTTP_OK);
  assert_int_equal(
      ah_url_parse(&url, &arena, ah_str(text, LIMIT + 1), NULL, NULL),
      AHTTP_EURL);
  memset(text + 9, ' ', sizeof(text) - 9);
  text[LIMIT - 1] = 'x';
  assert_int_equal(ah_url_parse(&url, &arena, ah_str(text, LIMIT), NULL, NULL),
                   AHTTP_OK);
  assert_int_equal(url.path.len, 1 + 3 * (LIMIT - 10) + 1);
}

static void url_public_functions_show_the_parts(void **state)
{
  (void)state;
  ahttp_url *url = NULL;
  ahttp_url *other = NULL;
  const ahttp_str text = AH_STR("http://u:p@Host:81/a?b#c");
  assert_int_equal(ahttp_url_parse(&url, text, NULL), AHTTP_OK);
  assert_text(ahttp_url_href(url), "http://u:p@host:81/a?b#c");
  assert_text(ahttp_url_scheme(url), "http");
  assert_text(ahttp_url_username(url), "u");
  assert_text(ahttp_url_password(url), "p");
  assert_text(ahttp_url_host(url), "host");
  assert_text(ahttp_url_path(url), "/a");
  assert_text(ahttp_url_query(url), "b");
  assert_text(ahttp_url_fragment(url), "c");
  assert_int_equal(ahttp_url_port(url), 81);
  assert_int_equal(ahttp_url_parse(&other, AH_STR("../x"), url), AHTTP_OK);
  ahttp_url_free(url);
  assert_text(ahttp_url_href(other), "http://u:p@host:81/x");
  ahttp_url_free(other);
  ahttp_url_free(NULL);
  assert_int_equal(ahttp_url_parse(&url, AH_STR("nonsense"), NULL), AHTTP_EURL);
  assert_null(url);
  assert_int_equal(ahttp_url_parse(&url, ah_str("", SIZE_MAX), NULL),
                   AHTTP_EURL);
}

static int parse_several(void *arg)
{
  (void)arg;
  static const char *const texts[] = {
      "http://plain.example/path?query",
      "http://u:p@127.1:81/a b?c#d",
      "https://[::1]/%2e",
      "x://opaque/",
      "mailto:x",
  };
  ahttp_url *base = NULL;
  ahttp_url *url = NULL;
  int rv = ahttp_url_parse(&base, AH_STR("http://base.example/"), NULL);
  for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]) && rv == AHTTP_OK;
       i++) {
    rv = ahttp_url_parse(&url, ah_str_from_c(texts[i]), base);
    ahttp_url_free(url);
    url = NULL;
  }
  char long_text[9000];
  memset(long_text, ' ', sizeof(long_text));
  memcpy(long_text, "path", 4);
  long_text[sizeof(long_text) - 1] = 'x';
  if (rv == AHTTP_OK) {
    rv = ahttp_url_parse(&url, ah_str(long_text, sizeof(long_text)), base);
  }
  ahttp_url_free(url);
  ahttp_url_free(base);
  return rv;
}

static void url_survives_every_failed_allocation(void **state)
{
  (void)state;
  test_alloc_fail_each(parse_several, NULL);
}

#define URL_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      URL_TEST(url_parts_are_views_into_href),
      URL_TEST(url_bare_host_gets_a_path),
      URL_TEST(url_default_port_is_not_written),
      URL_TEST(url_invalid_ones_say_why),
      URL_TEST(url_drops_blanks_around_and_line_ends_within),
      URL_TEST(url_backslash_is_a_slash_where_it_is_special),
      URL_TEST(url_dot_segments_go),
      URL_TEST(url_of_other_schemes_is_kept),
      URL_TEST(url_resolves_the_examples_of_rfc_3986),
      URL_TEST(url_inherits_the_whole_authority),
      URL_TEST(url_short_cut_agrees_with_the_parser),
      URL_TEST(url_parsing_its_href_changes_nothing),
      URL_TEST(url_hostname_has_no_brackets),
      URL_TEST(url_target_is_path_and_query),
      URL_TEST(url_origin_is_scheme_host_and_port),
      URL_TEST(url_display_hides_the_password),
      URL_TEST(url_longer_than_the_limit_is_refused),
      cmocka_unit_test(url_public_functions_show_the_parts),
      cmocka_unit_test(url_survives_every_failed_allocation),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
