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
#include <time.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/str.h"
#include "client/public_suffix.h"
#include "http/cookie_date.h"
#include "http/cookie_store.h"

/*
 * The http-state cases and cookie dates of tough-cookie and the vectors of the
 * public suffix list.  AHTTP_CORPORA names the folder that has them.
 */

/* 2025-11-20: the cases' dates are long before or after it. */
#define NOW ((int64_t)1763600000)

static void corpus_path(const char *name, char *path, size_t cap)
{
  const char *folder = getenv("AHTTP_CORPORA");
  if (folder == NULL || folder[0] == '\0') {
    fail_msg("AHTTP_CORPORA must name the folder of the test corpora");
  }
  (void)snprintf(path, cap, "%s/%s", folder, name);
}

static json_t *corpus_load(const char *name)
{
  char path[4096];
  json_error_t error;
  corpus_path(name, path, sizeof(path));
  json_t *json = json_load_file(path, JSON_ALLOW_NUL, &error);
  if (json == NULL) {
    fail_msg("%s:%d: %s", path, error.line, error.text);
  }
  return json;
}

static ahttp_str string_of(const json_t *json)
{
  return ah_str(json_string_value(json), json_string_length(json));
}

/* --- http-state. -----------------------------------------------------------
 */

/* Cases that expect something else than RFC 6265bis says: what is sent instead,
 * and the section that has it so. */
typedef struct deviation {
  const char *test;
  const char *sent;
  const char *section;
} deviation;

/* The sections of RFC 6265bis that cause them. */
#define CONTROL "5.6, step 1: a control character has the field ignored"
#define NAMELESS "5.6, step 3: without \"=\" there is a value and no name"
#define EMPTY_NAME "5.6, step 3: a name may be empty"
#define UNDECODED "5.1.4: paths are compared as they are, nothing is decoded"
#define EMPTY_DOMAIN \
  "5.7, step 7: the last Domain counts; empty, it is the host"

static const deviation deviations[] = {
    {"0004", "foo", NAMELESS},
    {"0021", "a=b; x; c=d", EMPTY_NAME},
    {"0023", "foo", NAMELESS},
    {"0024", "foo", NAMELESS},
    {"0025", "foo", NAMELESS},
    {"0026", "foo", NAMELESS},
    {"0027", "bar", NAMELESS},
    {"0028", "foo", NAMELESS},
    {"CHROMIUM0009", "BLAHHH", NAMELESS},
    {"CHROMIUM0010", "\"BLA\\\"HHH\"", NAMELESS},
    {"CHROMIUM0012", "ABC", EMPTY_NAME},
    {"DISABLED_CHROMIUM0022", "", CONTROL},
    {"DISABLED_CHROMIUM0023", "", CONTROL},
    {"DISABLED_PATH0029", "", UNDECODED},
    {"MOZILLA0012", "test=\"fubar! = foo; five", NAMELESS},
    {"MOZILLA0014", "six", NAMELESS},
    {"MOZILLA0015", "seven", NAMELESS},
    {"MOZILLA0016", "eight", NAMELESS},
    {"MOZILLA0017", "eight; test=six", NAMELESS},
    {"NAME0017", "a=bar", EMPTY_NAME},
    {"NAME0023", "foo", NAMELESS},
    {"NAME0025", "==a=bar", EMPTY_NAME},
    {"NAME0028", "a", EMPTY_NAME},
    {"NAME0031", "\"foo", NAMELESS},
    {"NAME0032", "\"foo\\\"bar", NAMELESS},
    {"NAME0033", "aaa", NAMELESS},
    {"OPTIONAL_DOMAIN0042", "foo=bar", EMPTY_DOMAIN},
};

static const deviation *find_deviation(const char *test)
{
  for (size_t i = 0; i < sizeof(deviations) / sizeof(deviations[0]); i++) {
    if (strcmp(deviations[i].test, test) == 0) {
      return &deviations[i];
    }
  }
  return NULL;
}

static void target_parse(ah_cookie_target *out, ah_arena *arena,
                         const char *text)
{
  static ahttp_url base;
  static ahttp_url url;
  assert_int_equal(
      ah_url_parse(&base, arena,
                   AH_STR("http://home.example.org:8888/cookie-parser"), NULL,
                   NULL),
      AHTTP_OK);
  assert_int_equal(ah_url_parse(&url, arena, ah_str_from_c(text), &base, NULL),
                   AHTTP_OK);
  assert_true(ah_cookie_target_of(&url, out));
}

/* What is sent to |target|, as a Cookie field. */
static void sent_write(ah_cookie_store *store, const ah_cookie_target *target,
                       char *out, size_t cap)
{
  size_t len = 0;
  out[0] = '\0';
  for (const ah_stored_cookie *at =
           ah_cookie_store_match(store, target, AHTTP_SITE_SAME, NOW, true);
       at != NULL; at = at->next_match) {
    len += (size_t)snprintf(out + len, cap - len, "%s%s%s%s",
                            len > 0 ? "; " : "", at->cookie.name.ptr,
                            at->cookie.name.len > 0 ? "=" : "",
                            at->cookie.value.ptr);
    assert_true(len < cap);
  }
}

static void expected_write(const json_t *sent, char *out, size_t cap)
{
  size_t len = 0;
  size_t i;
  json_t *item;
  out[0] = '\0';
  json_array_foreach(sent, i, item)
  {
    len +=
        (size_t)snprintf(out + len, cap - len, "%s%s=%s", len > 0 ? "; " : "",
                         json_string_value(json_object_get(item, "name")),
                         json_string_value(json_object_get(item, "value")));
    assert_true(len < cap);
  }
}

/* Runs one case; true if it went as wanted. */
static bool case_passes(const json_t *test, const char *name, size_t *deviating)
{
  static char got[16384];
  static char want[16384];
  ah_arena arena;
  ah_cookie_store store;
  ah_cookie_target target;
  const char *why;
  size_t i;
  json_t *item;
  ah_arena_init(&arena, NULL, 0);
  ah_cookie_store_init(&store, ah_registrable_domain);
  char url[256];
  (void)snprintf(url, sizeof(url), "/cookie-parser?%s", name);
  target_parse(&target, &arena, url);
  json_array_foreach(json_object_get(test, "received"), i, item)
  {
    (void)ah_cookie_store_receive(&store, &target, string_of(item), NOW, &why);
  }
  const char *to = json_string_value(json_object_get(test, "sent-to"));
  (void)snprintf(url, sizeof(url), "/cookie-parser-result?%s", name);
  target_parse(&target, &arena, to == NULL ? url : to);
  sent_write(&store, &target, got, sizeof(got));
  expected_write(json_object_get(test, "sent"), want, sizeof(want));
  ah_cookie_store_clear(&store);
  ah_arena_clear(&arena);

  const deviation *known = find_deviation(name);
  bool is_expected = strcmp(got, want) == 0;
  if (known == NULL ? is_expected
                    : !is_expected && strcmp(got, known->sent) == 0) {
    if (known != NULL) {
      print_message("%s deviates: RFC 6265bis, %s\n", name, known->section);
      (*deviating)++;
    }
    return true;
  }
  print_error("%s: sent \"%.100s\", the case wants \"%.100s\"%s\n", name, got,
              want, known == NULL ? "" : ", and it is listed as deviating");
  return false;
}

static void http_state_cases_pass_but_listed_deviations(void **state)
{
  (void)state;
  json_t *cases = corpus_load("tough-cookie/parser.json");
  size_t failed = 0;
  size_t deviating = 0;
  size_t i;
  json_t *test;
  json_array_foreach(cases, i, test)
  {
    const char *name = json_string_value(json_object_get(test, "test"));
    failed += case_passes(test, name, &deviating) ? 0 : 1;
  }
  size_t count = json_array_size(cases);
  print_message("http-state: %zu cases, %zu as they want it, %zu deviate as "
                "listed, %zu fail\n",
                count, count - failed - deviating, deviating, failed);
  json_decref(cases);
  assert_int_equal(failed, 0);
  assert_int_equal(deviating, sizeof(deviations) / sizeof(deviations[0]));
}

/* --- Dates. ----------------------------------------------------------------
 */

/* The seconds of a well-formed HTTP-date, by the C library. */
static int64_t http_date_seconds(const char *text)
{
  char month[4];
  int day;
  int year;
  int hour;
  int minute;
  int second;
  static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  assert_int_equal(sscanf(text, "%*3s, %d %3s %d %d:%d:%d GMT", &day, month,
                          &year, &hour, &minute, &second),
                   6);
  const char *at = strstr(names, month);
  assert_non_null(at);
  struct tm tm = {.tm_mday = day,
                  .tm_mon = (int)(at - names) / 3,
                  .tm_year = year - 1900,
                  .tm_hour = hour,
                  .tm_min = minute,
                  .tm_sec = second};
  return (int64_t)timegm(&tm);
}

static bool date_passes(const json_t *test)
{
  const json_t *expected = json_object_get(test, "expected");
  ahttp_str text = string_of(json_object_get(test, "test"));
  int64_t got = 0;
  bool parsed = ah_cookie_date_parse(text, &got);
  bool passes =
      json_is_string(expected)
          ? parsed && got == http_date_seconds(json_string_value(expected))
          : !parsed;
  if (!passes) {
    print_error("\"%.*s\": %s %lld\n", (int)text.len, text.ptr,
                parsed ? "read as" : "refused", (long long)got);
  }
  return passes;
}

static void dates_pass(const char *name)
{
  json_t *cases = corpus_load(name);
  size_t failed = 0;
  size_t i;
  json_t *test;
  json_array_foreach(cases, i, test)
  {
    failed += date_passes(test) ? 0 : 1;
  }
  print_message("%s: %zu dates, %zu fail\n", name, json_array_size(cases),
                failed);
  json_decref(cases);
  assert_int_equal(failed, 0);
}

static void cookie_dates_pass(void **state)
{
  (void)state;
  dates_pass("tough-cookie/dates-examples.json");
  dates_pass("tough-cookie/dates-bsd-examples.json");
}

/* --- Public suffixes. ------------------------------------------------------
 */

/* |*at| is at "'text'" or "null"; false for the latter. */
static bool vector_take(const char **at, char *out, size_t cap)
{
  const char *start = *at + strspn(*at, " ");
  if (strncmp(start, "null", 4) == 0) {
    *at = start + 4;
    return false;
  }
  const char *end = strchr(start + 1, '\'');
  assert_true(*start == '\'' && end != NULL && (size_t)(end - start) < cap);
  /* Hosts come in lower case: the URL parser has seen them. */
  size_t len = 0;
  for (const char *p = start + 1; p < end; p++) {
    out[len++] = (char)ah_char_lower((uint8_t)*p);
  }
  out[len] = '\0';
  *at = end + 1;
  return true;
}

static bool vector_passes(const char *line)
{
  char host[256] = "";
  char want[256] = "";
  const char *at = line + strlen("checkPublicSuffix(");
  (void)vector_take(&at, host, sizeof(host));
  at += strspn(at, ", ");
  (void)vector_take(&at, want, sizeof(want));
  ahttp_str got = ah_registrable_domain(ah_str_from_c(host));
  if (ah_str_eq(got, ah_str_from_c(want))) {
    return true;
  }
  print_error("%s: \"%.*s\", not \"%s\"\n", host, (int)got.len, got.ptr, want);
  return false;
}

static void public_suffix_vectors_pass(void **state)
{
  (void)state;
  if (strcmp(ah_public_suffix_version(), "no-libpsl") == 0) {
    skip();
  }
  char path[4096];
  char line[1024];
  size_t count = 0;
  size_t failed = 0;
  corpus_path("psl/test_psl.txt", path, sizeof(path));
  FILE *file = fopen(path, "re");
  assert_non_null(file);
  while (fgets(line, sizeof(line), file) != NULL) {
    if (strncmp(line, "checkPublicSuffix(", 18) == 0) {
      count++;
      failed += vector_passes(line) ? 0 : 1;
    }
  }
  (void)fclose(file);
  print_message("public suffixes: %zu vectors, %zu fail\n", count, failed);
  assert_int_equal(count, 78);
  assert_int_equal(failed, 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(http_state_cases_pass_but_listed_deviations),
      cmocka_unit_test(cookie_dates_pass),
      cmocka_unit_test(public_suffix_vectors_pass),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
