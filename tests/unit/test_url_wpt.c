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
#include <jansson.h>

#include <ahttp/error.h>

#include "base/str.h"
#include "http/url.h"

/*
 * The URL cases of web-platform-tests.  AHTTP_CORPORA names the folder that
 * has them as wpt-url/urltestdata.json.
 */

/* The whole file as a C string for free(); fails the test without it. */
static char *corpus_read(const char *name)
{
  const char *folder = getenv("AHTTP_CORPORA");
  if (folder == NULL || folder[0] == '\0') {
    fail_msg("AHTTP_CORPORA must name the folder of the test corpora");
  }
  char path[4096];
  (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
  FILE *file = fopen(path, "rb");
  if (file == NULL) {
    fail_msg("cannot open %s", path);
    abort();
  }
  assert_int_equal(fseek(file, 0, SEEK_END), 0);
  long size = ftell(file);
  assert_true(size > 0);
  rewind(file);
  char *text = malloc((size_t)size + 1);
  assert_non_null(text);
  assert_int_equal(fread(text, 1, (size_t)size, file), (size_t)size);
  text[size] = '\0';
  (void)fclose(file);
  return text;
}

/* The code unit of the escape at |text|, or 0 if there is none. */
static unsigned escape_at(const char *text)
{
  unsigned value = 0;
  if (text[0] != '\\' || text[1] != 'u' ||
      sscanf(text + 2, "%4x", &value) != 1) {
    return 0;
  }
  return value;
}

/* Turns escaped lone surrogates into U+FFFD, as the conversion to a scalar
 * value string does; JSON parsers refuse them. */
static void replace_lone_surrogates(char *json)
{
  for (char *p = json; *p != '\0'; p++) {
    if (p[0] == '\\' && p[1] == '\\') {
      p++;
      continue;
    }
    unsigned unit = escape_at(p);
    if ((unit & 0xf800) != 0xd800) {
      continue;
    }
    bool is_pair = unit < 0xdc00 && (escape_at(p + 6) & 0xfc00) == 0xdc00;
    if (is_pair) {
      p += 11;
      continue;
    }
    memcpy(p + 2, "fffd", 4);
  }
}

static const char *member(const json_t *item, const char *name)
{
  const char *text = json_string_value(json_object_get(item, name));
  return text == NULL ? "" : text;
}

static bool check_part(const json_t *item, const char *name, const char *prefix,
                       ahttp_str part)
{
  char want[4096];
  (void)snprintf(want, sizeof(want), "%s%.*s", part.len == 0 ? "" : prefix,
                 (int)part.len, part.ptr == NULL ? "" : part.ptr);
  if (strcmp(want, member(item, name)) == 0) {
    return true;
  }
  print_error("<%s>: %s is \"%s\", not \"%s\"\n", member(item, "input"), name,
              want, member(item, name));
  return false;
}

static bool check_parts(const json_t *item, const ahttp_url *url)
{
  char protocol[64];
  (void)snprintf(protocol, sizeof(protocol), "%.*s:", (int)url->scheme.len,
                 url->scheme.ptr);
  char port[8] = "";
  if (url->has_port) {
    (void)snprintf(port, sizeof(port), "%u", url->port);
  }
  return check_part(item, "href", "", url->href) &&
         check_part(item, "protocol", "", ah_str_from_c(protocol)) &&
         check_part(item, "username", "", url->username) &&
         check_part(item, "password", "", url->password) &&
         check_part(item, "host", "", ah_url_authority(url)) &&
         check_part(item, "hostname", "", url->host) &&
         check_part(item, "port", "", ah_str_from_c(port)) &&
         check_part(item, "pathname", "", url->path) &&
         check_part(item, "search", "?", url->query) &&
         check_part(item, "hash", "#", url->fragment);
}

/* Parses a block of exactly |text|'s size, so that reading past it shows. */
static int parse_exact(ahttp_url *url, ah_arena *arena, const char *text,
                       size_t len, const ahttp_url *base)
{
  char *block = malloc(len > 0 ? len : 1);
  assert_non_null(block);
  memcpy(block, text, len);
  int rv = ah_url_parse(url, arena, ah_str(block, len), base, NULL);
  free(block);
  return rv;
}

static bool check_case(const json_t *item)
{
  const json_t *input = json_object_get(item, "input");
  const json_t *base_text = json_object_get(item, "base");
  bool must_fail = json_is_true(json_object_get(item, "failure"));
  ah_arena arena;
  ah_arena_init(&arena, NULL, 0);
  ahttp_url base;
  ahttp_url url;
  int rv = AHTTP_OK;
  if (json_is_string(base_text)) {
    rv = parse_exact(&base, &arena, json_string_value(base_text),
                     json_string_length(base_text), NULL);
  }
  if (rv == AHTTP_OK) {
    rv = parse_exact(&url, &arena, json_string_value(input),
                     json_string_length(input),
                     json_is_string(base_text) ? &base : NULL);
  }
  bool passed = must_fail ? rv == AHTTP_EURL : rv == AHTTP_OK;
  if (!passed) {
    print_error("<%s> against <%s>: %s\n", member(item, "input"),
                member(item, "base"), ahttp_error_name(rv));
  } else if (!must_fail) {
    passed = check_parts(item, &url);
  }
  ah_arena_clear(&arena);
  return passed;
}

static void url_agrees_with_web_platform_tests(void **state)
{
  (void)state;
  char *text = corpus_read("wpt-url/urltestdata.json");
  replace_lone_surrogates(text);
  json_error_t error;
  json_t *cases = json_loads(text, JSON_ALLOW_NUL, &error);
  free(text);
  if (cases == NULL) {
    fail_msg("urltestdata.json: line %d: %s", error.line, error.text);
  }
  int checked = 0;
  int wrong = 0;
  size_t index;
  const json_t *item;
  json_array_foreach(cases, index, item)
  {
    if (!json_is_object(item)) {
      continue; /* a comment */
    }
    checked++;
    wrong += !check_case(item);
  }
  json_decref(cases);
  print_message("urltestdata.json: %d cases checked, %d wrong\n", checked,
                wrong);
  assert_int_equal(wrong, 0);
  assert_true(checked > 800);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(url_agrees_with_web_platform_tests),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
