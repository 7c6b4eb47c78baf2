/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ahttp/error.h>

#include "base/str.h"
#include "http/netrc.h"
#include "support/test_alloc.h"

/* Reads |text| and finds |host|; writes "login:password", "-" for what is
 * missing, "none", or the line and the reason of an error. */
static void find(const char *text, const char *host, const char *login,
                 bool with_default, char *out, size_t cap)
{
  ah_arena arena;
  ah_netrc netrc;
  size_t line = 0;
  const char *why = "";
  size_t len = strlen(text);
  char *exact = malloc(len + (len == 0)); /* so that ASan sees over-reads */
  assert_non_null(exact);
  memcpy(exact, text, len);
  ah_arena_init(&arena, NULL, 0);
  int rv = ah_netrc_parse(&netrc, &arena, ah_str(exact, len), &line, &why);
  const ah_netrc_entry *entry = ah_netrc_find(
      &netrc, ah_str_from_c(host), ah_str_from_c(login), with_default);
  if (rv != AHTTP_OK) {
    (void)snprintf(out, cap, "line %zu: %s", line, why);
    assert_null(entry);
  } else if (entry == NULL) {
    (void)snprintf(out, cap, "none");
  } else {
    ahttp_str l = entry->login.ptr == NULL ? AH_STR("-") : entry->login;
    ahttp_str p = entry->password.ptr == NULL ? AH_STR("-") : entry->password;
    (void)snprintf(out, cap, "%.*s:%.*s", (int)l.len, l.ptr, (int)p.len, p.ptr);
  }
  ah_arena_clear(&arena);
  free(exact);
}

static void entries_are_found_by_host(void **state)
{
  static const struct {
    const char *text;
    const char *host;
    const char *want;
  } rows[] = {
      {"", "a", "none"},
      {"machine a login l password p", "a", "l:p"},
      {"machine a login l password p", "A", "l:p"},
      {"machine a login l password p", "b", "none"},
      {"machine a login l password p", "x.a", "none"},
      {"machine a\n\tlogin l\r\n password p\n", "a", "l:p"},
      {"machine a password p login l", "a", "l:p"},
      {"MACHINE a LOGIN l PASSWORD p", "a", "l:p"},
      {"machine b login x password y machine a login l password p", "a", "l:p"},
      {"machine a login l password p machine a login m password q", "a", "l:p"},
      {"machine a login l", "a", "l:-"},
      {"machine a password p", "a", "-:p"},
      {"machine a", "a", "-:-"},
      {"machine a account x login l password p", "a", "l:p"},
      {"machine ::1 login l password p", "::1", "l:p"},
      {"default login l password p", "a", "l:p"},
      {"default login l password p machine a login m password q", "a", "m:q"},
      {"machine b login l password p\ndefault", "a", "-:-"},
      {"login l password p", "a", "none"},
      /* Quotes and escapes. */
      {"machine a login \"l m\" password \"\\\"p\\\\\\n\\t\\x\"", "a",
       "l m:\"p\\\n\tx"},
      {"machine \"a\" login \"\" password \"\"", "a", ":"},
      {"machine a login l\"m password p\\n", "a", "l\"m:p\\n"},
      /* Comments. */
      {"# machine a login x password y\nmachine a login l password p", "a",
       "l:p"},
      {"machine a # his\nlogin l #too\npassword p", "a", "l:p"},
      {"machine a login #l password #p", "a", "#l:#p"},
      {"machine a login l password p #", "a", "l:p"},
      /* Macros. */
      {"macdef x\nmachine a login x password y\n\nmachine a login l password p",
       "a", "l:p"},
      {"machine a login l password p macdef init\nlogin x\n \nmachine b", "a",
       "l:p"},
      {"macdef x\r\nmachine a\r\n\r\nmachine a login l", "a", "l:-"},
      {"macdef x\nmachine a login l password p", "a", "none"},
      {"macdef x", "a", "none"},
      {"macdef", "a", "none"},
      /* What is not known. */
      {"port 21 machine a port 21 login l password p", "a", "l:p"},
      /* Mistakes. */
      {"machine a\nlogin", "a", "line 2: the last word wants a value"},
      {"machine", "a", "line 1: the last word wants a value"},
      {"machine a\n login \"l", "a", "line 2: a quotation mark is missing"},
      {"machine a login \"l\n\" password p", "a",
       "line 1: a quotation mark is missing"},
      {"machine a login \"l\\", "a", "line 1: a quotation mark is missing"},
      {"machine a login \"", "a", "line 1: a quotation mark is missing"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    char got[200];
    find(rows[i].text, rows[i].host, "", true, got, sizeof(got));
    assert_string_equal(got, rows[i].want);
  }
}

static void a_login_may_be_asked_for(void **state)
{
  static const char text[] = "machine a login l password p\n"
                             "machine a login m password q\n"
                             "default login l password r\n";
  static const struct {
    const char *host;
    const char *login;
    bool with_default;
    const char *want;
  } rows[] = {
      {"a", "l", true, "l:p"},  {"a", "m", true, "m:q"},
      {"a", "n", true, "none"}, {"b", "l", true, "l:r"},
      {"b", "m", true, "none"}, {"b", "l", false, "none"},
      {"a", "m", false, "m:q"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    char got[200];
    find(text, rows[i].host, rows[i].login, rows[i].with_default, got,
         sizeof(got));
    assert_string_equal(got, rows[i].want);
  }
}

static const char sample[] =
    "# hosts\nmachine a login l password \"p \\\"q\" account x\n"
    "macdef m\n cd /\n\n\nmachine b password #p login \"\"\r\ndefault login d";

/* Every beginning of a file is read, or refused, without harm. */
static void every_prefix_is_read_without_harm(void **state)
{
  char text[sizeof(sample)];
  char got[200];
  (void)state;
  for (size_t len = 0; len < sizeof(sample); len++) {
    memcpy(text, sample, len);
    text[len] = '\0';
    find(text, "b", "", true, got, sizeof(got));
  }
  assert_string_equal(got, ":#p");
}

static void many_machines_are_kept(void **state)
{
  char text[4000];
  char got[200];
  size_t len = 0;
  (void)state;
  for (int i = 0; i < 100; i++) {
    len += (size_t)snprintf(text + len, sizeof(text) - len,
                            "machine h%d login l%d password p\n", i, i);
  }
  find(text, "h0", "", false, got, sizeof(got));
  assert_string_equal(got, "l0:p");
  find(text, "h99", "", false, got, sizeof(got));
  assert_string_equal(got, "l99:p");
}

static void secrets_are_noticed(void **state)
{
  static const struct {
    const char *text;
    bool want;
  } rows[] = {
      {"", false},
      {"machine a login l", false},
      {"machine a login l password \"\"", false},
      {"machine a login anonymous password me@b", false},
      {"machine a login l password p", true},
      {"machine a password p", true},
      {"default login anonymous password x machine a login l password p", true},
  };
  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    ah_arena arena;
    ah_netrc netrc;
    size_t line;
    const char *why;
    ah_arena_init(&arena, NULL, 0);
    assert_int_equal(ah_netrc_parse(&netrc, &arena, ah_str_from_c(rows[i].text),
                                    &line, &why),
                     AHTTP_OK);
    assert_int_equal(ah_netrc_has_secret(&netrc), rows[i].want);
    ah_arena_clear(&arena);
  }
}

static int parse_sample(void *arg)
{
  ah_arena arena;
  ah_netrc netrc;
  size_t line;
  const char *why;
  (void)arg;
  ah_arena_init(&arena, NULL, 0);
  int rv = ah_netrc_parse(&netrc, &arena, AH_STR(sample), &line, &why);
  ah_arena_clear(&arena);
  return rv;
}

static void every_allocation_may_fail(void **state)
{
  (void)state;
  test_alloc_fail_each(parse_sample, NULL);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(entries_are_found_by_host),
      cmocka_unit_test(a_login_may_be_asked_for),
      cmocka_unit_test(every_prefix_is_read_without_harm),
      cmocka_unit_test(many_machines_are_kept),
      cmocka_unit_test(secrets_are_noticed),
      cmocka_unit_test(every_allocation_may_fail),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
