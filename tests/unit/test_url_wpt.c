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
#include "http/url_display.h"
#include "http/url_setter.h"

/*
 * The URL cases of web-platform-tests.  AHTTP_CORPORA names the folder that has
 * them in wpt-url/.
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

static bool check_origin(const json_t *item, const ahttp_url *url)
{
  char origin[4096];
  (void)ah_url_origin(url, origin, sizeof(origin));
  return json_object_get(item, "origin") == NULL ||
         check_part(item, "origin", "", ah_str_from_c(origin));
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
         check_part(item, "hash", "#", url->fragment) &&
         check_origin(item, url);
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

/* The cases of a file of the corpus; for json_decref(). */
static json_t *cases_load(const char *name)
{
  char *text = corpus_read(name);
  replace_lone_surrogates(text);
  json_error_t error;
  json_t *cases = json_loads(text, JSON_ALLOW_NUL, &error);
  free(text);
  if (cases == NULL) {
    fail_msg("%s: line %d: %s", name, error.line, error.text);
  }
  return cases;
}

static void url_agrees_with_web_platform_tests(void **state)
{
  (void)state;
  json_t *cases = cases_load("wpt-url/urltestdata.json");
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

/* Sets |part| to a value in a block of its exact size.  What is refused leaves
 * the URL alone, as in browsers. */
static void set_exact(ahttp_url *url, ah_arena *arena, ah_url_part part,
                      const json_t *value)
{
  size_t len = json_string_length(value);
  char *block = malloc(len > 0 ? len : 1);
  assert_non_null(block);
  memcpy(block, json_string_value(value), len);
  ahttp_url changed;
  const char *why = NULL;
  int rv = ah_url_set(&changed, arena, url, part, ah_str(block, len), &why);
  free(block);
  if (rv == AHTTP_OK) {
    *url = changed;
  } else {
    assert_int_equal(rv, AHTTP_EURL);
    assert_non_null(why);
  }
}

/* A serialization parses to itself, in the same parts. */
static bool check_fixed_point(const ahttp_url *url, ah_arena *arena)
{
  ahttp_url again;
  return ah_url_parse(&again, arena, url->href, NULL, NULL) == AHTTP_OK &&
         ah_str_eq(again.href, url->href) && ah_str_eq(again.host, url->host) &&
         ah_str_eq(again.path, url->path);
}

static bool check_expectation(const json_t *expected, const ahttp_url *url)
{
  bool passed = true;
  char text[64];
  const char *name;
  const json_t *value;
  json_object_foreach((json_t *)(uintptr_t)expected, name, value)
  {
    ahttp_str part = {NULL, 0};
    const char *prefix = "";
    if (strcmp(name, "href") == 0) {
      part = url->href;
    } else if (strcmp(name, "protocol") == 0) {
      (void)snprintf(text, sizeof(text), "%.*s:", (int)url->scheme.len,
                     url->scheme.ptr);
      part = ah_str_from_c(text);
    } else if (strcmp(name, "username") == 0) {
      part = url->username;
    } else if (strcmp(name, "password") == 0) {
      part = url->password;
    } else if (strcmp(name, "host") == 0) {
      part = ah_url_authority(url);
    } else if (strcmp(name, "hostname") == 0) {
      part = url->host;
    } else if (strcmp(name, "port") == 0) {
      (void)snprintf(text, sizeof(text), "%u", url->port);
      part = ah_str_from_c(url->has_port ? text : "");
    } else if (strcmp(name, "pathname") == 0) {
      part = url->path;
    } else if (strcmp(name, "search") == 0) {
      part = url->query;
      prefix = "?";
    } else if (strcmp(name, "hash") == 0) {
      part = url->fragment;
      prefix = "#";
    } else {
      fail_msg("there is no part called %s", name);
    }
    passed = check_part(expected, name, prefix, part) && passed;
  }
  return passed;
}

static bool check_setter(const json_t *item, ah_url_part part)
{
  const json_t *href = json_object_get(item, "href");
  ah_arena arena;
  ah_arena_init(&arena, NULL, 0);
  ahttp_url url;
  assert_int_equal(parse_exact(&url, &arena, json_string_value(href),
                               json_string_length(href), NULL),
                   AHTTP_OK);
  set_exact(&url, &arena, part, json_object_get(item, "new_value"));
  bool passed = check_expectation(json_object_get(item, "expected"), &url) &&
                check_fixed_point(&url, &arena);
  if (!passed) {
    print_error("<%s> set to \"%s\"\n", member(item, "href"),
                member(item, "new_value"));
  }
  ah_arena_clear(&arena);
  return passed;
}

static void setters_agree_with_web_platform_tests(void **state)
{
  (void)state;
  static const struct {
    const char *name;
    ah_url_part part;
  } setters[] = {
      {"protocol", AH_URL_SCHEME},   {"username", AH_URL_USERNAME},
      {"password", AH_URL_PASSWORD}, {"host", AH_URL_HOST_PORT},
      {"hostname", AH_URL_HOST},     {"port", AH_URL_PORT},
      {"pathname", AH_URL_PATH},     {"search", AH_URL_QUERY},
      {"hash", AH_URL_FRAGMENT},
  };
  json_t *cases = cases_load("wpt-url/setters_tests.json");
  int checked = 0;
  int wrong = 0;
  for (size_t i = 0; i < sizeof(setters) / sizeof(setters[0]); i++) {
    size_t index;
    const json_t *item;
    json_array_foreach(json_object_get(cases, setters[i].name), index, item)
    {
      checked++;
      wrong += !check_setter(item, setters[i].part);
    }
  }
  /* The one case of href is that a URL that is none is refused. */
  size_t index;
  const json_t *item;
  json_array_foreach(json_object_get(cases, "href"), index, item)
  {
    ahttp_url *url;
    ahttp_str value = ah_str_from_c(member(item, "new_value"));
    assert_int_equal(
        ahttp_url_parse(&url, ah_str_from_c(member(item, "href")), NULL),
        AHTTP_OK);
    (void)ahttp_url_set_href(url, value);
    checked++;
    wrong += !check_expectation(json_object_get(item, "expected"), url);
    ahttp_url_free(url);
  }
  json_decref(cases);
  print_message("setters_tests.json: %d cases checked, %d wrong\n", checked,
                wrong);
  assert_int_equal(wrong, 0);
  assert_true(checked > 270);
}

/* The library's URLs are UTF-8, so the other encodings are browsers' affair. */
static void percent_encoding_agrees_with_web_platform_tests(void **state)
{
  (void)state;
  json_t *cases = cases_load("wpt-url/percent-encoding.json");
  int checked = 0;
  int wrong = 0;
  size_t index;
  const json_t *item;
  json_array_foreach(cases, index, item)
  {
    if (!json_is_object(item)) {
      continue;
    }
    const char *output = member(json_object_get(item, "output"), "utf-8");
    char text[256];
    char want[256];
    (void)snprintf(text, sizeof(text), "https://h/?%s#%s",
                   member(item, "input"), member(item, "input"));
    (void)snprintf(want, sizeof(want), "https://h/?%s#%s", output, output);
    ah_arena arena;
    ah_arena_init(&arena, NULL, 0);
    ahttp_url url;
    checked++;
    if (parse_exact(&url, &arena, text, strlen(text), NULL) != AHTTP_OK ||
        !ah_str_eq(url.href, ah_str_from_c(want))) {
      print_error("<%s>: \"%.*s\"\n", text, (int)url.href.len, url.href.ptr);
      wrong++;
    }
    ah_arena_clear(&arena);
  }
  json_decref(cases);
  print_message("percent-encoding.json: %d cases checked, %d wrong\n", checked,
                wrong);
  assert_int_equal(wrong, 0);
  assert_int_equal(checked, 7);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(url_agrees_with_web_platform_tests),
      cmocka_unit_test(setters_agree_with_web_platform_tests),
      cmocka_unit_test(percent_encoding_agrees_with_web_platform_tests),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
