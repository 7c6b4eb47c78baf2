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
#include <ahttp/url.h>

#include "base/str.h"
#include "support/assert_text.h"
#include "support/test_alloc.h"

typedef int (*setter_fn)(ahttp_url *url, ahttp_str value);

static const setter_fn setters[] = {
    ahttp_url_set_href,     ahttp_url_set_scheme, ahttp_url_set_username,
    ahttp_url_set_password, ahttp_url_set_host,   ahttp_url_set_host_port,
    ahttp_url_set_port,     ahttp_url_set_path,   ahttp_url_set_query,
    ahttp_url_set_fragment,
};

enum {
  SETTER_COUNT = sizeof(setters) / sizeof(setters[0])
};

static ahttp_url *parse(const char *text)
{
  ahttp_url *url;
  int rv = ahttp_url_parse(&url, ah_str_from_c(text), NULL);
  if (rv != AHTTP_OK) {
    fail_msg("%s: %s", text, ahttp_error_name(rv));
  }
  return url;
}

static int set_exact(setter_fn set, ahttp_url *url, ahttp_str value)
{
  char *block = malloc(value.len > 0 ? value.len : 1);
  assert_non_null(block);
  if (value.len > 0) {
    memcpy(block, value.ptr, value.len);
  }
  int rv = set(url, ah_str(block, value.len));
  free(block);
  return rv;
}

typedef struct set_row {
  const char *href;
  setter_fn set;
  const char *value;
  const char *want; /* NULL: refused */
} set_row;

static void check_rows(const set_row *rows, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    ahttp_url *url = parse(rows[i].href);
    int rv = set_exact(rows[i].set, url, ah_str_from_c(rows[i].value));
    assert_int_equal(rv, rows[i].want == NULL ? AHTTP_EURL : AHTTP_OK);
    assert_text(ahttp_url_href(url),
                rows[i].want == NULL ? rows[i].href : rows[i].want);
    assert_int_equal(ahttp_url_href(url).ptr[ahttp_url_href(url).len], '\0');
    ahttp_url_free(url);
  }
}

#define CHECK_ROWS(rows) check_rows(rows, sizeof(rows) / sizeof((rows)[0]))

static void setters_refuse_what_the_url_cannot_have(void **state)
{
  (void)state;
  static const set_row rows[] = {
      {"https://h/", ahttp_url_set_href, "h", NULL},
      {"https://h/", ahttp_url_set_scheme, "x", NULL},
      {"https://h/", ahttp_url_set_scheme, "", NULL},
      {"https://h/", ahttp_url_set_scheme, "1http", NULL},
      {"https://u@h/", ahttp_url_set_scheme, "file", NULL},
      {"https://h/", ahttp_url_set_host, "", NULL},
      {"https://h/", ahttp_url_set_host, "a:80", NULL},
      {"https://h/", ahttp_url_set_host, "a b", NULL},
      {"https://h/", ahttp_url_set_host_port, ":80", NULL},
      {"https://h/", ahttp_url_set_port, "x", NULL},
      {"https://h/", ahttp_url_set_port, "65536", NULL},
      {"mailto:a@b", ahttp_url_set_host, "h", NULL},
      {"mailto:a@b", ahttp_url_set_path, "/", NULL},
      {"mailto:a@b", ahttp_url_set_username, "u", NULL},
      {"file:///x", ahttp_url_set_password, "p", NULL},
      {"file:///x", ahttp_url_set_port, "1", NULL},
      {"file:///x", ahttp_url_set_port, "", NULL},
  };
  CHECK_ROWS(rows);
}

static void setters_change_one_part(void **state)
{
  (void)state;
  static const char full[] = "https://u:p@h:8443/a/b?q=1#f";
  static const set_row rows[] = {
      {full, ahttp_url_set_href, "ftp://x", "ftp://x/"},
      {full, ahttp_url_set_scheme, "WSS", "wss://u:p@h:8443/a/b?q=1#f"},
      {full, ahttp_url_set_username, "", "https://:p@h:8443/a/b?q=1#f"},
      {full, ahttp_url_set_password, "", "https://u@h:8443/a/b?q=1#f"},
      {full, ahttp_url_set_host, "EX.org", "https://u:p@ex.org:8443/a/b?q=1#f"},
      {full, ahttp_url_set_host, "::1", NULL},
      {full, ahttp_url_set_host, "[0::1]", "https://u:p@[::1]:8443/a/b?q=1#f"},
      {full, ahttp_url_set_host_port, "x:443", "https://u:p@x/a/b?q=1#f"},
      {full, ahttp_url_set_port, "", "https://u:p@h/a/b?q=1#f"},
      {full, ahttp_url_set_port, "80x", "https://u:p@h:80/a/b?q=1#f"},
      {full, ahttp_url_set_path, "", "https://u:p@h:8443/?q=1#f"},
      {full, ahttp_url_set_path, "../c/./d/..", "https://u:p@h:8443/c/?q=1#f"},
      {full, ahttp_url_set_query, "", "https://u:p@h:8443/a/b#f"},
      {full, ahttp_url_set_query, "?", "https://u:p@h:8443/a/b?#f"},
      {full, ahttp_url_set_fragment, "", "https://u:p@h:8443/a/b?q=1"},
      {"https://h:80/", ahttp_url_set_scheme, "http", "http://h/"},
      {"x:/.//p", ahttp_url_set_host, "h", "x://h//p"},
      {"x://h", ahttp_url_set_path, "", "x://h"},
      {"x:/p", ahttp_url_set_path, "//q", "x:/.//q"},
  };
  CHECK_ROWS(rows);
}

/* CVE-2021-41945, HTTPX's test_url_copywith_security: a part must not reach
 * into the next one. */
static void setter_value_does_not_reach_into_another_part(void **state)
{
  (void)state;
  static const set_row rows[] = {
      {"https://h/", ahttp_url_set_username, "a:b@evil/", /* stays a name */
       "https://a%3Ab%40evil%2F@h/"},
      {"https://h/", ahttp_url_set_password, "@evil/?#",
       "https://:%40evil%2F%3F%23@h/"},
      {"https://u:p@h/", ahttp_url_set_host, "[invalid!]//evilHost/path?t=w#tw",
       NULL},
      {"https://h/", ahttp_url_set_host, "u@evil", NULL},
      {"https://h/", ahttp_url_set_path, "//evil/?q#f",
       "https://h//evil/%3Fq%23f"},
      {"https://h/", ahttp_url_set_path, "\\\\evil\\", "https://h//evil/"},
      {"https://h/", ahttp_url_set_query, "a#b", "https://h/?a%23b"},
      {"https://h/", ahttp_url_set_query, "a\r\nb: c", "https://h/?ab:%20c"},
      {"https://h/", ahttp_url_set_fragment, "a#b", "https://h/#a#b"},
      {"http://h/", ahttp_url_set_scheme, "http://evil/", NULL},
  };
  /* The last one takes the scheme, which is the same. */
  check_rows(rows, sizeof(rows) / sizeof(rows[0]) - 1);
  ahttp_url *url = parse("http://h/");
  assert_int_equal(ahttp_url_set_scheme(url, AH_STR("https://evil/")),
                   AHTTP_OK);
  assert_text(ahttp_url_href(url), "https://h/");
  ahttp_url_free(url);
}

/* HTTPX leaves a bare "%" of a password alone and so does the standard; what
 * counts is that nothing is encoded twice. */
static void setter_does_not_encode_twice(void **state)
{
  (void)state;
  ahttp_url *url = parse("https://h/");
  assert_int_equal(ahttp_url_set_password(url, AH_STR("a%20 b%")), AHTTP_OK);
  assert_text(ahttp_url_password(url), "a%20%20b%");
  assert_int_equal(ahttp_url_set_query(url, AH_STR("x=%C3%A9 \xc3\xa9")),
                   AHTTP_OK);
  assert_int_equal(ahttp_url_set_path(url, AH_STR("/%2F \"")), AHTTP_OK);
  assert_int_equal(ahttp_url_set_username(url, AH_STR("u")), AHTTP_OK);
  assert_text(ahttp_url_href(url),
              "https://u:a%20%20b%@h/%2F%20%22?x=%C3%A9%20%C3%A9");
  ahttp_url_free(url);
}

/* HTTPX's test_url_excessively_long_component. */
static void setter_refuses_what_is_too_long(void **state)
{
  (void)state;
  const size_t len = 2 * 1024 * 1024 + 1;
  char *text = malloc(len);
  assert_non_null(text);
  memset(text, 'a', len);
  ahttp_url *url = parse("https://h/");
  for (size_t i = 0; i < SETTER_COUNT; i++) {
    assert_int_equal(setters[i](url, ah_str(text, len)), AHTTP_EURL);
  }
  assert_text(ahttp_url_href(url), "https://h/");
  assert_int_equal(ahttp_url_set_path(url, ah_str(text, len - 1)), AHTTP_OK);
  assert_int_equal(ahttp_url_path(url).len, len);
  ahttp_url_free(url);
  free(text);
}

static void url_copy_is_its_own(void **state)
{
  (void)state;
  static const char *const texts[] = {"https://u:p@h:81/p?q#f", "mailto:a@b",
                                      "file:///", "x://h"};
  for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
    ahttp_url *url = parse(texts[i]);
    ahttp_url *copy;
    assert_int_equal(ahttp_url_copy(&copy, url), AHTTP_OK);
    ahttp_url_free(url);
    url = parse(texts[i]);
    assert_text(ahttp_url_href(copy), texts[i]);
    assert_true(ah_str_eq(ahttp_url_scheme(copy), ahttp_url_scheme(url)));
    assert_true(ah_str_eq(ahttp_url_username(copy), ahttp_url_username(url)));
    assert_true(ah_str_eq(ahttp_url_password(copy), ahttp_url_password(url)));
    assert_true(ah_str_eq(ahttp_url_host(copy), ahttp_url_host(url)));
    assert_true(ah_str_eq(ahttp_url_host_port(copy), ahttp_url_host_port(url)));
    assert_true(ah_str_eq(ahttp_url_target(copy), ahttp_url_target(url)));
    assert_true(ah_str_eq(ahttp_url_query(copy), ahttp_url_query(url)));
    assert_true(ah_str_eq(ahttp_url_fragment(copy), ahttp_url_fragment(url)));
    assert_int_equal(ahttp_url_port(copy), ahttp_url_port(url));
    assert_int_equal(ahttp_url_set_fragment(copy, AH_STR("new")), AHTTP_OK);
    assert_text(ahttp_url_href(url), texts[i]);
    ahttp_url_free(copy);
    ahttp_url_free(url);
  }
}

static void url_display_hides_the_password_and_shows_the_script(void **state)
{
  (void)state;
  static const struct {
    const char *href;
    const char *text;
  } rows[] = {
      {"https://u:secret@h/p?q#f", "https://u:[secret]@h/p?q#f"},
      {"https://u@h/", "https://u@h/"},
      {"mailto:a@b", "mailto:a@b"},
      {"file:///x", "file:///x"},
      {"x://xn--bcher-kva/", "x://xn--bcher-kva/"},
      {"https://xn--/xn--bcher-kva", "https://xn--/xn--bcher-kva"},
#ifdef HAVE_LIBIDN2
      {"https://u:p@WWW.b\u00fccher.example.:81/?b%C3%BC",
       "https://u:[secret]@www.b\u00fccher.example.:81/?b%C3%BC"},
#endif
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    ahttp_url *url = parse(rows[i].href);
    char text[100];
    char want[100];
    strcpy(want, rows[i].text);
    char *hidden = strstr(want, "[secret]");
    if (hidden != NULL) {
      memcpy(hidden, "[secure]", 8);
    }
    size_t len = ahttp_url_display(url, text, sizeof(text));
    assert_string_equal(text, want);
    assert_int_equal(len, strlen(want));
    for (size_t cap = 0; cap <= len; cap++) {
      memset(text, 'X', sizeof(text));
      assert_int_equal(ahttp_url_display(url, text, cap), len);
      assert_int_equal(text[cap], 'X');
      assert_true(cap == 0 ||
                  (text[cap - 1] == '\0' && memcmp(text, want, cap - 1) == 0));
    }
    ahttp_url_free(url);
  }
}

static void url_origins_compare(void **state)
{
  (void)state;
  static const struct {
    const char *a;
    const char *b;
    bool is_same;
  } rows[] = {
      {"http://h/a", "http://u@H:80/b", true},
      {"http://h/", "https://h/", false},
      {"http://h/", "http://h:81/", false},
      {"ws://h:80", "ws://h/", true},
      {"file:///a", "file:///a", false},
      {"x://h", "x://h", false},
      {"blob:http://h/", "http://h/", false},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    ahttp_url *a = parse(rows[i].a);
    ahttp_url *b = parse(rows[i].b);
    assert_int_equal(ahttp_url_same_origin(a, b), rows[i].is_same);
    assert_int_equal(ahttp_url_same_origin(b, a), rows[i].is_same);
    ahttp_url_free(a);
    ahttp_url_free(b);
  }
  ahttp_url *url = parse("https://u@h:1/p");
  char text[32];
  assert_int_equal(ahttp_url_origin(url, text, sizeof(text)), 11);
  assert_string_equal(text, "https://h:1");
  ahttp_url_free(url);
}

static uint32_t seed = 1;

static uint32_t next_random(void)
{
  seed = seed * 1103515245 + 12345;
  return seed >> 8;
}

static ahttp_str random_value(char *text, size_t cap)
{
  static const char *const pieces[] = {
      "/",
      "..",
      ".",
      "?",
      "#",
      "@",
      ":",
      "a",
      "[",
      "]",
      "%",
      "%2e",
      "\\",
      "::1",
      "1",
      "65536",
      " ",
      "\t",
      "x:",
      "http:",
      "https",
      "file",
      "C|",
      "80",
      "&",
      "=",
      "+",
      "|",
      "\xc3\xbc",
      "\xff",
      "//",
      "localhost",
      "xn--",
      "^",
      "'",
      "\"",
      "\xe3\x80\x82",
      "0x7f",
      ".1",
      "u:p@h:9/",
  };
  size_t len = 0;
  size_t count = next_random() % 6;
  for (size_t i = 0; i < count; i++) {
    const char *piece =
        pieces[next_random() % (sizeof(pieces) / sizeof(pieces[0]))];
    if (len + strlen(piece) < cap) {
      memcpy(text + len, piece, strlen(piece));
      len += strlen(piece);
    }
  }
  return ah_str(text, len);
}

/* Whatever is set, what comes out is a URL that parses to itself, and what was
 * refused changed nothing. */
static void setters_keep_random_urls_valid(void **state)
{
  (void)state;
  static const char *const starts[] = {"https://u:p@example.org:81/a/b?c=d#e",
                                       "file:///C:/x",
                                       "x:/.//y",
                                       "mailto:a@b",
                                       "y://h:1/",
                                       "ws://1.2.3.4/"};
  for (int round = 0; round < 4000; round++) {
    ahttp_url *url = parse(starts[next_random() % 6]);
    for (int step = 0; step < 8; step++) {
      ahttp_url *before;
      assert_int_equal(ahttp_url_copy(&before, url), AHTTP_OK);
      char text[100];
      ahttp_str value = random_value(text, sizeof(text));
      int rv = set_exact(setters[next_random() % SETTER_COUNT], url, value);
      if (rv != AHTTP_OK) {
        assert_int_equal(rv, AHTTP_EURL);
        assert_true(ah_str_eq(ahttp_url_href(url), ahttp_url_href(before)));
      }
      ahttp_url *again = parse(ahttp_url_href(url).ptr);
      assert_text(ahttp_url_href(again), ahttp_url_href(url).ptr);
      assert_true(ah_str_eq(ahttp_url_host(again), ahttp_url_host(url)));
      assert_true(ah_str_eq(ahttp_url_path(again), ahttp_url_path(url)));
      assert_true(ah_str_eq(ahttp_url_query(again), ahttp_url_query(url)));
      assert_int_equal(ahttp_url_port(again), ahttp_url_port(url));
      ahttp_url_free(again);
      ahttp_url_free(before);
    }
    ahttp_url_free(url);
  }
}

static int set_everything(void *arg)
{
  (void)arg;
  static const char *const values[] = {
      "https://h/", "http", "u", "p", "h\u00fc", "h:1", "2", "/p", "q", "f"};
  ahttp_url *url;
  ahttp_url *copy = NULL;
  int rv = ahttp_url_parse(&url, AH_STR("https://example.org/"), NULL);
  for (size_t i = 0; i < SETTER_COUNT && rv == AHTTP_OK; i++) {
#ifndef HAVE_LIBIDN2
    if (i == 4) {
      continue;
    }
#endif
    rv = setters[i](url, ah_str_from_c(values[i]));
  }
  if (rv == AHTTP_OK) {
    rv = ahttp_url_copy(&copy, url);
  }
  ahttp_url_free(copy);
  ahttp_url_free(url);
  return rv;
}

static void setters_survive_every_failed_allocation(void **state)
{
  (void)state;
  test_alloc_fail_each(set_everything, NULL);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(setters_refuse_what_the_url_cannot_have),
      cmocka_unit_test(setters_change_one_part),
      cmocka_unit_test(setter_value_does_not_reach_into_another_part),
      cmocka_unit_test(setter_does_not_encode_twice),
      cmocka_unit_test(setter_refuses_what_is_too_long),
      cmocka_unit_test(url_copy_is_its_own),
      cmocka_unit_test(url_display_hides_the_password_and_shows_the_script),
      cmocka_unit_test(url_origins_compare),
      cmocka_unit_test(setters_keep_random_urls_valid),
      cmocka_unit_test(setters_survive_every_failed_allocation),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
