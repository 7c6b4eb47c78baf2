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
#include <ahttp/params.h>
#include <ahttp/url.h>

#include "base/str.h"
#include "support/assert_text.h"
#include "support/test_alloc.h"

/* Parses a block of the exact size, which is gone afterwards. */
static ahttp_params *parse_str(ahttp_str text)
{
  char *block = malloc(text.len > 0 ? text.len : 1);
  assert_non_null(block);
  memcpy(block, text.ptr, text.len);
  ahttp_params *params;
  assert_int_equal(ahttp_params_parse(&params, ah_str(block, text.len)),
                   AHTTP_OK);
  free(block);
  return params;
}

static ahttp_params *parse(const char *text)
{
  return parse_str(ah_str_from_c(text));
}

static void check_encoded(ahttp_params *params, const char *want)
{
  ahttp_str text;
  assert_int_equal(ahttp_params_encode(params, &text), AHTTP_OK);
  assert_text(text, want);
  assert_int_equal(text.ptr[text.len], '\0');
}

static void params_parse_pairs_in_their_order(void **state)
{
  (void)state;
  static const struct {
    const char *text;
    const char *again;
  } rows[] = {
      {"", ""},
      {"?", ""},
      {"a", "a="}, /* HTTPX's test_empty_query_params */
      {"a=", "a="},
      {"=a", "=a"},
      {"=", "="},
      {"&&a=1&&b=2&", "a=1&b=2"},
      {"?a=1", "a=1"},
      {"??a=1", "%3Fa=1"},
      {"a=1&a=2&b=3", "a=1&a=2&b=3"},
      {"a=b=c", "a=b%3Dc"},
      {"a+b=c%20d", "a+b=c+d"},
      {"a%2Bb=%26", "a%2Bb=%26"},
      {"%=%4&%zz=%4g", "%25=%254&%25zz=%254g"},
      {"*-._~=", "*-._%7E="},
      {"\xc3\xbc=\xff", "%C3%BC=%FF"},
      {"a[]=1", "a%5B%5D=1"},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    ahttp_params *params = parse(rows[i].text);
    check_encoded(params, rows[i].again);
    ahttp_params *again = parse(rows[i].again);
    check_encoded(again, rows[i].again);
    ahttp_params_free(again);
    ahttp_params_free(params);
  }
}

/* Cut anywhere, in a block of that size: nothing past the end is read. */
static void params_parse_every_prefix(void **state)
{
  (void)state;
  static const char text[] = "?a=%20+b&&c%3D=%F&d&=e&%";
  for (size_t len = 0; len < sizeof(text); len++) {
    ahttp_params *params = parse_str(ah_str(text, len));
    assert_true(ahttp_params_count(params) <= 5);
    ahttp_params_free(params);
  }
}

static void params_are_a_multi_map(void **state)
{
  (void)state;
  ahttp_params *params = parse("a=1&b=2&a=3&c=4");
  ahttp_str values[2] = {{NULL, 0}};
  assert_int_equal(ahttp_params_count(params), 4);
  assert_true(ahttp_params_get(params, "a", values));
  assert_text(values[0], "1");
  assert_true(ahttp_params_get(params, "c", NULL));
  assert_false(ahttp_params_get(params, "A", values));
  assert_int_equal(values[0].len, 0);
  assert_int_equal(ahttp_params_get_all(params, "a", values, 2), 2);
  assert_text(values[1], "3");
  assert_int_equal(ahttp_params_get_all(params, "a", values, 1), 2);
  assert_int_equal(ahttp_params_get_all(params, "x", NULL, 0), 0);
  assert_text(ahttp_params_at(params, 2).name, "a");
  assert_int_equal(ahttp_params_at(params, 4).name.len, 0);

  assert_int_equal(ahttp_params_set(params, "a", "5"), AHTTP_OK);
  check_encoded(params, "a=5&b=2&c=4");
  assert_int_equal(ahttp_params_set(params, "d", NULL), AHTTP_OK);
  assert_int_equal(ahttp_params_add(params, "b", "6 7"), AHTTP_OK);
  check_encoded(params, "a=5&b=2&c=4&d=&b=6+7");
  assert_int_equal(ahttp_params_remove(params, "b"), 2);
  assert_int_equal(ahttp_params_remove(params, "b"), 0);
  check_encoded(params, "a=5&c=4&d=");
  ahttp_params_free(params);
}

static void params_set_from_their_own_text(void **state)
{
  (void)state;
  ahttp_params *params = parse("a=1&b=2&a=3");
  ahttp_param second = ahttp_params_at(params, 2);
  assert_int_equal(ahttp_params_set_str(params, second.name, second.value),
                   AHTTP_OK);
  check_encoded(params, "a=3&b=2");
  assert_int_equal(ahttp_params_add_str(params, AH_STR("n\0l"), AH_STR("\0")),
                   AHTTP_OK);
  check_encoded(params, "a=3&b=2&n%00l=%00");
  ahttp_params_free(params);
}

static void params_merge_replaces_by_name(void **state)
{
  (void)state;
  ahttp_params *params = parse("a=1&b=2&a=3&c=4");
  ahttp_params *from = parse("a=5&d=6&a=7");
  assert_int_equal(ahttp_params_merge(params, from), AHTTP_OK);
  check_encoded(params, "b=2&c=4&a=5&d=6&a=7");
  assert_int_equal(ahttp_params_merge(params, params), AHTTP_OK);
  assert_int_equal(ahttp_params_merge(params, NULL), AHTTP_OK);
  check_encoded(params, "b=2&c=4&a=5&d=6&a=7");
  ahttp_params *copy;
  assert_int_equal(ahttp_params_copy(&copy, params), AHTTP_OK);
  ahttp_params_free(params);
  check_encoded(copy, "b=2&c=4&a=5&d=6&a=7");
  ahttp_params_free(copy);
  ahttp_params_free(from);
}

static void params_none_is_an_empty_list(void **state)
{
  (void)state;
  assert_int_equal(ahttp_params_count(NULL), 0);
  assert_int_equal(ahttp_params_at(NULL, 0).name.len, 0);
  assert_false(ahttp_params_get(NULL, "a", NULL));
  assert_int_equal(ahttp_params_get_all(NULL, "a", NULL, 0), 0);
  ahttp_params_free(NULL);
  ahttp_params *copy;
  assert_int_equal(ahttp_params_copy(&copy, NULL), AHTTP_OK);
  check_encoded(copy, "");
  ahttp_params_free(copy);
}

typedef struct url_row {
  const char *url;
  const char *params;
  const char *merged;
  const char *set;
} url_row;

/* HTTPX's parameters replace the query the URL has; merged here they do not,
 * and what it has stays as it was written (encode/httpx 2670, 2721). */
static void params_do_not_replace_the_query_of_the_url(void **state)
{
  (void)state;
  static const url_row rows[] = {
      {"https://h/?orig=1", "k=v", "https://h/?orig=1&k=v", "https://h/?k=v"},
      {"https://h/", "k=v w", "https://h/?k=v+w", "https://h/?k=v+w"},
      {"https://h/?", "k=v", "https://h/?k=v", "https://h/?k=v"},
      {"https://h/?a", "", "https://h/?a", "https://h/"},
      {"https://h/?", "", "https://h/?", "https://h/"},
      {"https://h/#f", "k=v", "https://h/?k=v#f", "https://h/?k=v#f"},
      {"https://h/?a=%20&b=d/e&&c", "b=1", "https://h/?a=%20&c&b=1",
       "https://h/?b=1"},
      {"https://h/??a=1", "b=2", "https://h/??a=1&b=2", "https://h/?b=2"},
      {"https://h/?%61=1&a=2&A=3", "a=4", "https://h/?A=3&a=4",
       "https://h/?a=4"},
      {"https://h/?a+b=1&a%20b=2", "a b=3", "https://h/?a+b=3",
       "https://h/?a+b=3"},
      {"mailto:a@b", "subject=x y", "mailto:a@b?subject=x+y",
       "mailto:a@b?subject=x+y"},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    ahttp_params *params = parse(rows[i].params);
    ahttp_url *url;
    assert_int_equal(ahttp_url_parse(&url, ah_str_from_c(rows[i].url), NULL),
                     AHTTP_OK);
    assert_int_equal(ahttp_url_merge_params(url, params), AHTTP_OK);
    assert_text(ahttp_url_href(url), rows[i].merged);
    assert_int_equal(ahttp_url_set_params(url, params), AHTTP_OK);
    assert_text(ahttp_url_href(url), rows[i].set);
    assert_int_equal(ahttp_url_set_params(url, NULL), AHTTP_OK);
    assert_int_equal(ahttp_url_query(url).len, 0);
    ahttp_url_free(url);
    ahttp_params_free(params);
  }
}

/* HTTPX's test_url_query_encoding, test_param_requires_encoding and their
 * neighbours: a URL's own query keeps what is allowed there, parameters are
 * encoded wholly, escapes in them too. */
static void params_encode_more_than_queries_do(void **state)
{
  (void)state;
  ahttp_url *url;
  assert_int_equal(
      ahttp_url_parse(&url, AH_STR("https://h/?a=b c&d=e/f&g=%2F&h=[]"), NULL),
      AHTTP_OK);
  assert_text(ahttp_url_query(url), "a=b%20c&d=e/f&g=%2F&h=[]");
  ahttp_params *params;
  assert_int_equal(ahttp_params_new(&params), AHTTP_OK);
  assert_int_equal(ahttp_params_add(params, "a", "b c"), AHTTP_OK);
  assert_int_equal(ahttp_params_add(params, "d", "e/f"), AHTTP_OK);
  assert_int_equal(ahttp_params_add(params, "g", "%2F"), AHTTP_OK);
  assert_int_equal(ahttp_url_set_params(url, params), AHTTP_OK);
  assert_text(ahttp_url_query(url), "a=b+c&d=e%2Ff&g=%252F");
  ahttp_params_free(params);
  ahttp_url_free(url);
}

static void params_too_long_for_a_url_are_refused(void **state)
{
  (void)state;
  const size_t len = 1024 * 1024;
  char *text = malloc(len);
  assert_non_null(text);
  memset(text, ' ' + 1, len);
  ahttp_params *params;
  ahttp_url *url;
  assert_int_equal(ahttp_params_new(&params), AHTTP_OK);
  assert_int_equal(ahttp_params_add_str(params, AH_STR("a"), ah_str(text, len)),
                   AHTTP_OK);
  assert_int_equal(ahttp_url_parse(&url, AH_STR("https://h/?x"), NULL),
                   AHTTP_OK);
  assert_int_equal(ahttp_url_set_params(url, params), AHTTP_EURL);
  assert_int_equal(ahttp_url_merge_params(url, params), AHTTP_EURL);
  assert_text(ahttp_url_href(url), "https://h/?x");
  ahttp_url_free(url);
  ahttp_params_free(params);
  free(text);
}

/* Whatever is parsed encodes to something that parses to the same. */
static void params_survive_random_queries(void **state)
{
  (void)state;
  uint32_t seed = 1;
  for (int round = 0; round < 20000; round++) {
    char text[24];
    for (size_t i = 0; i < sizeof(text); i++) {
      seed = seed * 1103515245 + 12345;
      text[i] = "&&==%%+ab2fF\xff\0?#;\xc3"[(seed >> 16) % 18];
    }
    ahttp_params *first = parse_str(ah_str(text, (seed >> 8) % 24));
    ahttp_str encoded;
    assert_int_equal(ahttp_params_encode(first, &encoded), AHTTP_OK);
    ahttp_params *second = parse_str(encoded);
    assert_int_equal(ahttp_params_count(first), ahttp_params_count(second));
    for (size_t i = 0; i < ahttp_params_count(first); i++) {
      ahttp_param a = ahttp_params_at(first, i);
      ahttp_param b = ahttp_params_at(second, i);
      assert_true(ah_str_eq(a.name, b.name) && ah_str_eq(a.value, b.value));
    }
    ahttp_params_free(first);
    ahttp_params_free(second);
  }
}

static int use_params(void *arg)
{
  (void)arg;
  ahttp_params *params = NULL;
  ahttp_params *copy = NULL;
  ahttp_url *url = NULL;
  ahttp_str text;
  int rv = ahttp_params_parse(&params,
                              AH_STR("a=1&b=2&c=3&d=4&e=5&f=6&g=7&h=8&i=9"));
  rv = rv != AHTTP_OK ? rv : ahttp_params_copy(&copy, params);
  rv = rv != AHTTP_OK ? rv : ahttp_params_set(copy, "a", "2");
  rv = rv != AHTTP_OK ? rv : ahttp_params_merge(params, copy);
  rv = rv != AHTTP_OK ? rv : ahttp_params_encode(params, &text);
  rv =
      rv != AHTTP_OK ? rv : ahttp_url_parse(&url, AH_STR("https://h/?z"), NULL);
  rv = rv != AHTTP_OK ? rv : ahttp_url_merge_params(url, params);
  rv = rv != AHTTP_OK ? rv : ahttp_url_set_params(url, params);
  ahttp_url_free(url);
  ahttp_params_free(copy);
  ahttp_params_free(params);
  return rv;
}

static void params_survive_every_failed_allocation(void **state)
{
  (void)state;
  test_alloc_fail_each(use_params, NULL);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(params_parse_pairs_in_their_order),
      cmocka_unit_test(params_parse_every_prefix),
      cmocka_unit_test(params_are_a_multi_map),
      cmocka_unit_test(params_set_from_their_own_text),
      cmocka_unit_test(params_merge_replaces_by_name),
      cmocka_unit_test(params_none_is_an_empty_list),
      cmocka_unit_test(params_do_not_replace_the_query_of_the_url),
      cmocka_unit_test(params_encode_more_than_queries_do),
      cmocka_unit_test(params_too_long_for_a_url_are_refused),
      cmocka_unit_test(params_survive_random_queries),
      cmocka_unit_test(params_survive_every_failed_allocation),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
