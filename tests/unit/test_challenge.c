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
#include "http/challenge.h"
#include "support/test_alloc.h"

/* Writes what is read as scheme(name=value,...) or scheme<token68>, separated
 * by blanks. */
static void describe(ahttp_str value, char *out, size_t cap)
{
  size_t len = 0;
  ah_challenge challenge;
  ah_arena arena;
  ah_arena_init(&arena, NULL, 0);
  out[0] = '\0';
  while (ah_challenge_next(&value, &challenge)) {
    len += (size_t)snprintf(out + len, cap - len, "%s%.*s", len > 0 ? " " : "",
                            (int)challenge.scheme.len, challenge.scheme.ptr);
    if (challenge.token68.len > 0) {
      len +=
          (size_t)snprintf(out + len, cap - len, "<%.*s>",
                           (int)challenge.token68.len, challenge.token68.ptr);
    }
    for (size_t i = 0; i < challenge.param_count; i++) {
      ahttp_str text;
      ahttp_str name = challenge.params[i].name;
      assert_int_equal(ah_challenge_find(&challenge, name, &arena, &text),
                       AHTTP_OK);
      len += (size_t)snprintf(out + len, cap - len, "%c%.*s=%.*s",
                              i == 0 ? '(' : ',', (int)name.len, name.ptr,
                              (int)text.len, text.ptr);
    }
    if (challenge.param_count > 0) {
      len += (size_t)snprintf(out + len, cap - len, ")");
    }
    assert_true(len < cap);
  }
  ah_arena_clear(&arena);
}

static void lists_are_cut_into_challenges(void **state)
{
  static const struct {
    const char *value;
    const char *want;
  } rows[] = {
      {"", ""},
      {" , ,", ""},
      {"Basic", "Basic"},
      {"Basic realm=\"a\"", "Basic(realm=a)"},
      {"Basic realm=a", "Basic(realm=a)"},
      {"Basic \t realm \t=\t \"a\"", "Basic(realm=a)"},
      {"Digest realm=\"a, b\", nonce=\"c=d\"", "Digest(realm=a, b,nonce=c=d)"},
      {"Digest a=\"q\\\"\\\\x\"", "Digest(a=q\"\\x)"},
      {"Digest a=\"not ended", "Digest(a=not ended)"},
      {"Digest a=1, opaque=, b=2", "Digest(a=1,opaque=,b=2)"},
      {"Negotiate", "Negotiate"},
      {"Negotiate abc==", "Negotiate<abc==>"},
      {"Negotiate a-._~+/9", "Negotiate<a-._~+/9>"},
      {"Basic realm=\"a\", Digest realm=\"b\", nonce=c, Negotiate",
       "Basic(realm=a) Digest(realm=b,nonce=c) Negotiate"},
      {"Negotiate, Basic realm=\"a\"", "Negotiate Basic(realm=a)"},
      {"NTLM abc=, Basic realm=\"a\"", "NTLM<abc=> Basic(realm=a)"},
      {"Newauth realm=\"apps\", type=1, title=\"Login to \\\"apps\\\"\", "
       "Basic realm=\"simple\"",
       "Newauth(realm=apps,type=1,title=Login to \"apps\") "
       "Basic(realm=simple)"},
      /* What is none is passed over. */
      {"realm=\"lost\", Basic realm=a", "Basic(realm=a)"},
      {"\"x\", Basic", "Basic"},
      {"Basic@x, Digest a=1", "Digest(a=1)"},
      {"Odd a b c, Basic", "Basic"},
  };

  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    char got[400];
    size_t len = strlen(rows[i].value);
    char *exact = malloc(len + (len == 0));
    assert_non_null(exact);
    memcpy(exact, rows[i].value, len);
    describe(ah_str(exact, len), got, sizeof(got));
    assert_string_equal(got, rows[i].want);
    free(exact);
  }
}

static void names_are_found_in_any_case_and_once(void **state)
{
  (void)state;
  ah_arena arena;
  ah_arena_init(&arena, NULL, 0);
  ahttp_str value = AH_STR("Digest Realm=\"a\", REALM=b");
  ah_challenge challenge;
  assert_true(ah_challenge_next(&value, &challenge));
  ahttp_str text;
  assert_int_equal(
      ah_challenge_find(&challenge, AH_STR("realm"), &arena, &text), AHTTP_OK);
  assert_true(ah_str_eq(text, AH_STR("a")));
  assert_int_equal(
      ah_challenge_find(&challenge, AH_STR("nonce"), &arena, &text), AHTTP_OK);
  assert_null(text.ptr);
  ah_arena_clear(&arena);
}

static void more_parameters_than_the_limit_are_dropped(void **state)
{
  (void)state;
  char text[1000] = "Many a0=0";
  for (unsigned i = 1; i < 2 * AH_CHALLENGE_PARAMS_MAX; i++) {
    char more[20];
    (void)snprintf(more, sizeof(more), ", a%u=%u", i, i);
    strcat(text, more);
  }
  strcat(text, ", Basic");
  ahttp_str value = ah_str_from_c(text);
  ah_challenge challenge;
  assert_true(ah_challenge_next(&value, &challenge));
  assert_int_equal(challenge.param_count, AH_CHALLENGE_PARAMS_MAX);
  assert_true(ah_challenge_next(&value, &challenge));
  assert_true(ah_str_eq(challenge.scheme, AH_STR("Basic")));
  assert_false(ah_challenge_next(&value, &challenge));
}

static void every_prefix_is_read_without_harm(void **state)
{
  static const char text[] =
      "Basic realm=\"a\\\"b\", Digest nonce=c , opaque=\"\", Negotiate a==";
  (void)state;
  for (size_t len = 0; len < sizeof(text); len++) {
    char got[400];
    char *exact = malloc(len + (len == 0));
    assert_non_null(exact);
    memcpy(exact, text, len);
    describe(ah_str(exact, len), got, sizeof(got));
    free(exact);
  }
}

static void parameters_are_read_without_a_scheme(void **state)
{
  (void)state;
  ah_challenge info;
  ah_challenge_read_params(&info, AH_STR("nextnonce=\"a,b\" , qop=auth,Basic"));
  assert_int_equal(info.param_count, 2);
  assert_memory_equal(info.params[0].value.ptr, "\"a,b\"", 5);
  ah_challenge_read_params(&info, AH_STR(""));
  assert_int_equal(info.param_count, 0);
}

static int find_realm(void *arg)
{
  (void)arg;
  ahttp_str value = AH_STR("Basic realm=\"a\"");
  ah_challenge challenge;
  assert_true(ah_challenge_next(&value, &challenge));
  ah_arena arena;
  ah_arena_init(&arena, NULL, 0);
  ahttp_str text;
  int rv = ah_challenge_find(&challenge, AH_STR("realm"), &arena, &text);
  ah_arena_clear(&arena);
  return rv;
}

static void unquoting_needs_memory(void **state)
{
  (void)state;
  test_alloc_fail_each(find_realm, NULL);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lists_are_cut_into_challenges),
      cmocka_unit_test(names_are_found_in_any_case_and_once),
      cmocka_unit_test(more_parameters_than_the_limit_are_dropped),
      cmocka_unit_test(every_prefix_is_read_without_harm),
      cmocka_unit_test(parameters_are_read_without_a_scheme),
      cmocka_unit_test(unquoting_needs_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
