/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "net/tls_options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "support/test_alloc.h"

#define PIN "sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

/* The strings stand between the size and the versions. */
enum {
  TEXT_COUNT =
      (offsetof(ahttp_tls_opts, version_min) - sizeof(size_t)) / sizeof(char *)
};

/* Sets the string at |index|. */
static void set_text(ahttp_tls_opts *opts, size_t index, const char *text)
{
  char *member = (char *)opts + sizeof(size_t) + index * sizeof(char *);
  memcpy(member, &text, sizeof(text));
}

/* One more than there are strings, versions and flags: the last is plain. */
enum {
  VARIANT_COUNT = TEXT_COUNT + 2 + 3 + 1
};

/* Options that differ from the defaults in the member number |index|. */
static ahttp_tls_opts variant(size_t index)
{
  ahttp_tls_opts opts = AHTTP_TLS_OPTS_INIT;
  if (index < TEXT_COUNT) {
    set_text(&opts, index, "x");
  }
  opts.version_min = index == TEXT_COUNT ? AHTTP_TLS_1_2 : AHTTP_TLS_DEFAULT;
  opts.version_max =
      index == TEXT_COUNT + 1 ? AHTTP_TLS_1_2 : AHTTP_TLS_DEFAULT;
  opts.verify_off = index == TEXT_COUNT + 2;
  opts.verify_host_off = index == TEXT_COUNT + 3;
  opts.resume_off = index == TEXT_COUNT + 4;
  return opts;
}

static void every_option_counts_in_the_comparison(void **state)
{
  (void)state;
  for (size_t i = 0; i < VARIANT_COUNT; i++) {
    for (size_t j = 0; j < VARIANT_COUNT; j++) {
      ahttp_tls_opts a = variant(i);
      ahttp_tls_opts b = variant(j);
      assert_int_equal(ah_tls_options_equal(&a, &b), i == j);
    }
  }
}

static void strings_count_by_their_text(void **state)
{
  (void)state;
  for (size_t i = 0; i < TEXT_COUNT; i++) {
    char text[] = "x";
    ahttp_tls_opts a = variant(i);
    ahttp_tls_opts b = variant(i);
    set_text(&b, i, text);
    assert_true(ah_tls_options_equal(&a, &b));
    text[0] = 'y';
    assert_false(ah_tls_options_equal(&a, &b));
    text[0] = '\0';
    assert_false(ah_tls_options_equal(&a, &b));
  }
}

static void copy_is_equal_and_its_own(void **state)
{
  (void)state;
  for (size_t i = 0; i < VARIANT_COUNT; i++) {
    char text[] = "x";
    ahttp_tls_opts in = variant(i);
    if (i < TEXT_COUNT) {
      set_text(&in, i, text);
    }
    ahttp_tls_opts copy;
    assert_int_equal(ah_tls_options_copy(&copy, &in), AHTTP_OK);
    assert_true(ah_tls_options_equal(&copy, &in));
    text[0] = 'y';
    assert_int_equal(ah_tls_options_equal(&copy, &in), i >= TEXT_COUNT);
    ah_tls_options_clear(&copy);
  }
}

static int copy_all(void *arg)
{
  (void)arg;
  ahttp_tls_opts in = AHTTP_TLS_OPTS_INIT;
  for (size_t i = 0; i < TEXT_COUNT; i++) {
    set_text(&in, i, "text");
  }
  ahttp_tls_opts copy;
  int rv = ah_tls_options_copy(&copy, &in);
  ah_tls_options_clear(&copy);
  return rv;
}

static void every_allocation_of_a_copy_may_fail(void **state)
{
  (void)state;
  test_alloc_fail_each(copy_all, NULL);
}

static void older_headers_leave_defaults(void **state)
{
  (void)state;
  ahttp_tls_opts in = AHTTP_TLS_OPTS_INIT;
  in.ca_file = "a";
  in.ca_dir = "b";
  in.size = offsetof(ahttp_tls_opts, ca_dir);
  ahttp_tls_opts copy;
  assert_int_equal(ah_tls_options_copy(&copy, &in), AHTTP_OK);
  assert_string_equal(copy.ca_file, "a");
  assert_null(copy.ca_dir);
  assert_int_equal(copy.size, sizeof(copy));
  ah_tls_options_clear(&copy);
  in.size = sizeof(in) + 1;
  assert_int_equal(ah_tls_options_copy(&copy, &in), AHTTP_EINVAL);
  ah_tls_options_clear(&copy);
}

static void flags_alone_cannot_be_wrong(void **state)
{
  (void)state;
  for (size_t i = 0; i < VARIANT_COUNT; i++) {
    ahttp_tls_opts opts = variant(i);
    assert_int_equal(ah_tls_options_are_fallible(&opts), i < TEXT_COUNT + 2);
  }
}

static void contradictions_are_told(void **state)
{
  (void)state;
#define SIZED .size = sizeof(ahttp_tls_opts)
  static const struct {
    ahttp_tls_opts opts;
    const char *text; /* NULL: nothing is wrong */
  } rows[] = {
      {{SIZED}, NULL},
      {{SIZED, .version_min = AHTTP_TLS_1_2, .version_max = AHTTP_TLS_1_3},
       NULL},
      {{SIZED, .version_min = AHTTP_TLS_1_3, .version_max = AHTTP_TLS_1_2},
       "above the highest"},
      {{SIZED, .version_min = (ahttp_tls_version)11}, "unknown"},
      {{SIZED, .version_max = (ahttp_tls_version)14}, "unknown"},
      {{SIZED, .cert_file = "a", .key_pem = "b"}, NULL},
      {{SIZED, .cert_file = "a", .cert_pem = "b"}, "two client certificates"},
      {{SIZED, .cert_file = "a", .key_file = "b", .key_pem = "c"},
       "two client keys"},
      {{SIZED, .key_file = "a"}, "no client certificate"},
      {{SIZED, .key_pem = "a"}, "no client certificate"},
      {{SIZED, .pinned_keys = PIN}, NULL},
      {{SIZED, .pinned_keys = PIN ";" PIN}, NULL},
      {{SIZED, .pinned_keys = ""}, "pinned"},
      {{SIZED, .pinned_keys = PIN ";"}, "pinned"},
      {{SIZED, .pinned_keys = PIN PIN}, "pinned"},
      {{SIZED, .pinned_keys = "SHA256//AAAA"}, "pinned"},
      {{SIZED, .pinned_keys = "sha256//AAAA"}, "pinned"},
      {{SIZED,
        .pinned_keys = "sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV="},
       "pinned"},
      {{SIZED,
        .pinned_keys = "sha256//47DEQpj8HBSa+-TImW+5JCeuQeRkm5NMpJWZG3hSuFU="},
       "pinned"},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    ahttp_error err;
    int rv = ah_tls_options_check(&rows[i].opts, &err);
    assert_int_equal(rv, rows[i].text == NULL ? AHTTP_OK : AHTTP_EINVAL);
    if (rows[i].text != NULL) {
      assert_non_null(strstr(err.text, rows[i].text));
    }
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_option_counts_in_the_comparison),
      cmocka_unit_test(strings_count_by_their_text),
      cmocka_unit_test(copy_is_equal_and_its_own),
      cmocka_unit_test(every_allocation_of_a_copy_may_fail),
      cmocka_unit_test(older_headers_leave_defaults),
      cmocka_unit_test(flags_alone_cannot_be_wrong),
      cmocka_unit_test(contradictions_are_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
