/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ahttp/ahttp.h>

#include "base/str.h"
#include "http/base_url.h"
#include "support/assert_text.h"
#include "support/test_alloc.h"

/* |text| joined to |base_text|, or "ERROR".  Static. */
static const char *join(const char *base_text, const char *text)
{
  static char result[200];
  ah_arena arena;
  ah_base_url base;
  ahttp_url url;
  ah_arena_init(&arena, NULL, 0);
  assert_int_equal(
      ah_base_url_init(&base, &arena, ah_str_from_c(base_text), NULL),
      AHTTP_OK);
  char *block = malloc(strlen(text) + 1);
  assert_non_null(block);
  memcpy(block, text, strlen(text));
  int rv = ah_base_url_join(&url, &arena, &base, ah_str(block, strlen(text)));
  free(block);
  strcpy(result, "ERROR");
  if (rv == AHTTP_OK) {
    assert_true(url.href.len < sizeof(result));
    memcpy(result, url.href.ptr, url.href.len + 1);
  } else {
    assert_int_equal(rv, AHTTP_EURL);
  }
  ah_arena_clear(&arena);
  return result;
}

typedef struct join_row {
  const char *base;
  const char *text;
  const char *want;
} join_row;

static void check_rows(const join_row *rows, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    assert_string_equal(join(rows[i].base, rows[i].text), rows[i].want);
  }
}

#define CHECK_ROWS(rows) check_rows(rows, sizeof(rows) / sizeof((rows)[0]))

/* HTTPX's test_merge_absolute_url and test_merge_relative_url with path,
 * dotted path, path including colon, encoded slashes. */
static void base_url_joins_as_httpx_does(void **state)
{
  (void)state;
  static const join_row rows[] = {
      {"https://www.example.com/", "http://www.example.com/",
       "http://www.example.com/"},
      {"https://www.example.com/", "/testing/123",
       "https://www.example.com/testing/123"},
      {"https://www.example.com/some/path", "/testing/123",
       "https://www.example.com/some/path/testing/123"},
      {"https://www.example.com/some/path", "../testing/123",
       "https://www.example.com/some/testing/123"},
      {"https://www.example.com/some/path", "/testing:123",
       "https://www.example.com/some/path/testing:123"},
      {"https://www.example.com/", "/testing%2F123",
       "https://www.example.com/testing%2F123"},
      {"https://www.example.com/base%2Fpath", "/testing",
       "https://www.example.com/base%2Fpath/testing"},
      {"https://h/api/v1/", "/users", "https://h/api/v1/users"},
      {"https://h/api/v1", "users", "https://h/api/v1/users"},
      {"https://h/api/v1", "", "https://h/api/v1/"},
      {"https://h/api/v1", "?a=b", "https://h/api/v1/?a=b"},
      {"https://h/api/v1", "#f", "https://h/api/v1/#f"},
      {"https://u:p@h:81", "x/", "https://u:p@h:81/x/"},
      {"", "https://h", "https://h/"},
      {"", "/users", "ERROR"},
      {"https://h/", "http://", "ERROR"},
  };
  CHECK_ROWS(rows);
}

/* HTTPX drops the host of "//host/path" silently; others go there. */
static void base_url_is_not_left_without_a_scheme(void **state)
{
  (void)state;
  static const join_row rows[] = {
      {"https://h/a", "//evil/x", "https://h/a/evil/x"},
      {"https://h/a", "\\\\evil/x", "https://h/a/evil/x"},
      {"https://h/a", "/\\evil", "https://h/a/evil"},
      {"https://h/a", " //evil", "https://h/a/evil"},
      {"https://h/a", "/\t/evil", "https://h/a/evil"},
      {"https://h/a", "\n//evil", "https://h/a/evil"},
      {"https://h/a", "\\ /evil", "https://h/a/evil"},
      {"https://h/a", "./..//evil", "https://h//evil"},
      {"https://h/a", "../../../..", "https://h/"},
      {"https://h/a", "ht\ntp://evil/", "https://h/a/http://evil/"},
      {"https://h/a", "1http://evil/", "https://h/a/1http://evil/"},
      {"https://h/a", "@evil", "https://h/a/@evil"},
      {"https://h", ":80/", "https://h/:80/"},
      {"https://h/a", " https://other/", "https://other/"},
      {"https://h/a", "https:x", "https://x/"},
  };
  CHECK_ROWS(rows);
}

/* HTTPX makes "https://h/api?x=1/" of it. */
static void base_url_with_a_query_is_not_mangled(void **state)
{
  (void)state;
  static const join_row rows[] = {
      {"https://h/api?x=1#f", "users", "https://h/api/users?x=1"},
      {"https://h/api?x=%20&y", "u?a=1#g", "https://h/api/u?x=%20&y&a=1#g"},
      {"https://h/api?x=1&y=2", "u?y=3&x", "https://h/api/u?y=3&x"},
      {"https://h/api?x=1", "https://other/", "https://other/"},
  };
  CHECK_ROWS(rows);
}

static void base_url_of_another_kind_is_refused(void **state)
{
  (void)state;
  static const char *const texts[] = {"h",          "ftp://h/", "//h",
                                      "mailto:a@b", "http://",  "https://a b/"};
  for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
    ah_arena arena;
    ah_base_url base;
    ah_arena_init(&arena, NULL, 0);
    assert_int_equal(
        ah_base_url_init(&base, &arena, ah_str_from_c(texts[i]), NULL),
        AHTTP_EURL);
    ah_arena_clear(&arena);
    ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
    ahttp_client *client;
    opts.base_url = texts[i];
    assert_int_equal(ahttp_client_new(&client, &opts), AHTTP_EURL);
    assert_null(client);
  }
}

static void check_request(const ahttp_client *client, const char *url,
                          const ahttp_params *params, const char *want)
{
  ahttp_request *request;
  assert_int_equal(ahttp_client_request(client, &request, "GET", url),
                   AHTTP_OK);
  assert_int_equal(ahttp_request_merge_params(request, params), AHTTP_OK);
  assert_text(ahttp_url_href(ahttp_request_url(request)), want);
  ahttp_request_free(request);
}

/* A request's parameters win over its URL's, those over the client's, those
 * over the base URL's.  HTTPX's drop the URL's altogether. */
static void parameters_of_client_url_and_request_are_merged(void **state)
{
  (void)state;
  ahttp_params *defaults;
  ahttp_params *own;
  assert_int_equal(ahttp_params_parse(&defaults, AH_STR("key=1&lang=en")),
                   AHTTP_OK);
  assert_int_equal(ahttp_params_parse(&own, AH_STR("q=a b&q=c")), AHTTP_OK);
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.base_url = "https://h/api?key=0&v=2";
  opts.params = defaults;
  ahttp_client *client;
  assert_int_equal(ahttp_client_new(&client, &opts), AHTTP_OK);
  ahttp_params_free(defaults);

  check_request(client, "x", NULL, "https://h/api/x?v=2&key=1&lang=en");
  check_request(client, "x?lang=de&orig=1", NULL,
                "https://h/api/x?v=2&key=1&lang=de&orig=1");
  check_request(client, "x?q=0&orig=1", own,
                "https://h/api/x?v=2&key=1&lang=en&orig=1&q=a+b&q=c");
  check_request(client, "https://other/?lang=de", NULL,
                "https://other/?key=1&lang=de");
  check_request(NULL, "https://other/?a", own, "https://other/?a&q=a+b&q=c");

  ahttp_request *request;
  assert_int_equal(ahttp_client_request(client, &request, "a b", "x"),
                   AHTTP_EINVAL);
  assert_int_equal(ahttp_client_request(client, &request, "GET", "ftp://h/"),
                   AHTTP_ESCHEME);
  assert_int_equal(ahttp_client_request(NULL, &request, "GET", "/x"),
                   AHTTP_EURL);
  assert_null(request);
  ahttp_params_free(own);
  ahttp_client_free(client);
}

static void client_checks_its_default_fields(void **state)
{
  (void)state;
  static const ahttp_field bad[] = {
      {{"a b", 3}, {"v", 1}},
      {{"x", 1}, {"a\nb", 3}},
      {{"Content-Length", 14}, {"1", 1}},
      {{"Connection", 10}, {"close", 5}},
  };
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  ahttp_client *client;
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    opts.fields = &bad[i];
    opts.field_count = 1;
    assert_int_equal(ahttp_client_new(&client, &opts), AHTTP_EFIELD);
    assert_null(client);
  }
  opts.fields = NULL;
  assert_int_equal(ahttp_client_new(&client, &opts), AHTTP_EINVAL);
}

static uint32_t seed = 1;

static uint32_t next_random(void)
{
  seed = seed * 1103515245 + 12345;
  return seed >> 8;
}

/* Whatever is joined without a scheme stays on the host of the base. */
static void base_url_keeps_random_paths(void **state)
{
  (void)state;
  ah_arena arena;
  ah_base_url base;
  ah_arena_init(&arena, NULL, 0);
  assert_int_equal(
      ah_base_url_init(&base, &arena, AH_STR("https://u@h:81/a/b?c"), NULL),
      AHTTP_OK);
  for (int round = 0; round < 50000; round++) {
    char text[12];
    size_t len = next_random() % sizeof(text);
    for (size_t i = 0; i < len; i++) {
      text[i] = "//\\\\..::@?#%2e \t\nx[]|&=\xff"[next_random() % 25];
    }
    if (len > 0 && memchr(text, 'x', len) != NULL) {
      continue; /* may be a scheme */
    }
    ah_arena own;
    ahttp_url url;
    ah_arena_init(&own, NULL, 0);
    int rv = ah_base_url_join(&url, &own, &base, ah_str(text, len));
    if (rv == AHTTP_OK && !(len > 0 && memchr(text, 'e', len) != NULL)) {
      assert_true(ah_url_same_origin(&url, &base.url));
      assert_text(url.username, "u");
    }
    ah_arena_clear(&own);
  }
  ah_arena_clear(&arena);
}

static int make_request(void *arg)
{
  const ahttp_params *params = arg;
  ah_arena arena;
  ah_base_url base;
  ahttp_url url;
  ah_arena_init(&arena, NULL, 0);
  int rv = ah_base_url_init(&base, &arena, AH_STR("https://h/a?b=c"), params);
  if (rv == AHTTP_OK) {
    rv = ah_base_url_join(&url, &arena, &base, AH_STR("x?d"));
  }
  ah_arena_clear(&arena);
  ahttp_request *request = NULL;
  rv = rv != AHTTP_OK
           ? rv
           : ahttp_client_request(NULL, &request, "GET", "https://h/?x");
  rv = rv != AHTTP_OK ? rv : ahttp_request_merge_params(request, params);
  ahttp_request_free(request);
  return rv;
}

static void base_url_survives_every_failed_allocation(void **state)
{
  (void)state;
  ahttp_params *params;
  assert_int_equal(ahttp_params_parse(&params, AH_STR("p=1")), AHTTP_OK);
  test_alloc_fail_each(make_request, params);
  ahttp_params_free(params);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(base_url_joins_as_httpx_does),
      cmocka_unit_test(base_url_is_not_left_without_a_scheme),
      cmocka_unit_test(base_url_with_a_query_is_not_mangled),
      cmocka_unit_test(base_url_of_another_kind_is_refused),
      cmocka_unit_test(parameters_of_client_url_and_request_are_merged),
      cmocka_unit_test(client_checks_its_default_fields),
      cmocka_unit_test(base_url_keeps_random_paths),
      cmocka_unit_test(base_url_survives_every_failed_allocation),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
