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
#include "http/idna.h"
#include "http/idna_library.h"
#include "support/assert_text.h"
#include "support/test_alloc.h"

static int to_ascii(ah_arena *arena, ahttp_str domain, ahttp_str *out)
{
  char *block = malloc(domain.len + 1);
  assert_non_null(block);
  memcpy(block, domain.ptr, domain.len);
  const char *why = NULL;
  *out = ah_str(NULL, 0);
  int rv = ah_idna_to_ascii(out, arena, ah_str(block, domain.len), &why);
  if (rv == AHTTP_EURL) {
    assert_non_null(why);
  }
  free(block);
  return rv;
}

#ifdef HAVE_LIBIDN2

typedef struct idna_row {
  const char *domain;
  const char *ascii; /* NULL: it has none */
} idna_row;

static void check_rows(const idna_row *rows, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    ah_arena arena;
    ah_arena_init(&arena, NULL, 0);
    ahttp_str out;
    int rv = to_ascii(&arena, ah_str_from_c(rows[i].domain), &out);
    if (rv != (rows[i].ascii == NULL ? AHTTP_EURL : AHTTP_OK)) {
      fail_msg("%s: %s", rows[i].domain, ahttp_error_name(rv));
    }
    if (rv == AHTTP_OK) {
      assert_text(out, rows[i].ascii);
    }
    ah_arena_clear(&arena);
  }
}

#  define CHECK_ROWS(rows) check_rows(rows, sizeof(rows) / sizeof((rows)[0]))

/* HTTPX's test_idna_url, and its test_url_invalid_idna_host, which is none
 * here: the URL standard takes symbols. */
static void idna_encodes_the_hosts_of_httpx(void **state)
{
  (void)state;
  static const idna_row rows[] = {
      {"\u4e2d\u56fd.icom.museum", "xn--fiqs8s.icom.museum"},
      {"K\u00f6nigsg\u00e4\u00dfchen.de", "xn--knigsgchen-b4a3dun.de"},
      {"fa\u00df.de", "xn--fa-hia.de"},
      {"\u03b2\u03cc\u03bb\u03bf\u03c2.com", "xn--nxasmm1c.com"},
      {"\u0dc1\u0dca\u200d\u0dbb\u0dd3.com", "xn--10cl1a0b660p.com"},
      {"\u0646\u0627\u0645\u0647\u200c\u0627\u06cc.com",
       "xn--mgba3gch31f060k.com"},
      {"\u2603", "xn--n3h"},
      {"\U0001f44d.test", "xn--yp8h.test"},
  };
  CHECK_ROWS(rows);
}

static void idna_maps_and_normalizes(void **state)
{
  (void)state;
  static const idna_row rows[] = {
      {"\uff27\uff4f.COM", "go.com"},
      {"a\u3002b\uff0ec\uff61d", "a.b.c.d"},
      {"e\u0301", "xn--9ca"},
      {"\u00c9", "xn--9ca"},
      {"\u1100\u1161\u11a8", "xn--p39a"},
      {"=\u0338", "xn--1ch"},
      {"a\u00adb", "ab"},
      {"\u33a1.x", "m2.x"},
  };
  CHECK_ROWS(rows);
}

static void idna_refuses_what_is_disallowed(void **state)
{
  (void)state;
  static const idna_row rows[] = {
      {"\ufffd", NULL},  {"\ufdd0zyx", NULL},     {"a\xff", NULL},
      {"a\xc3", NULL},   {"a\xed\xa0\x80", NULL}, {"a\xc0\xaf", NULL},
      {"\u00ad", NULL},  {"\U0010ffff", NULL},    {"\u202e", NULL},
      {"\u0301a", NULL}, {"x.\u0301a", NULL},
  };
  CHECK_ROWS(rows);
}

/* CheckHyphens and VerifyDnsLength are false. */
static void idna_does_not_mind_hyphens_and_length(void **state)
{
  (void)state;
  static const idna_row rows[] = {
      {"-\u00e9", "xn----bga"},       {"\u00e9-.-a", "xn----9fa.-a"},
      {"ab--\u00e9", "xn--ab---epa"}, {"a\uff0d\uff0db", "a--b"},
      {"..\u00e9..", "..xn--9ca.."},
  };
  CHECK_ROWS(rows);
  char text[1000];
  memset(text, 'a', sizeof(text));
  memcpy(text + 500, "\u00e9", 2);
  ah_arena arena;
  ah_arena_init(&arena, NULL, 0);
  ahttp_str out;
  assert_int_equal(to_ascii(&arena, ah_str(text, sizeof(text)), &out),
                   AHTTP_OK);
  assert_true(out.len > 1000);
  ah_arena_clear(&arena);
}

static void idna_checks_joiners(void **state)
{
  (void)state;
  static const idna_row rows[] = {
      {"a\u200cb", NULL},
      {"a\u200db", NULL},
      {"\u200d", NULL},
      {"\u0915\u094d\u200d\u0937", "xn--11b2ezcw70k"},
      {"\u0915\u094d\u200c\u0937", "xn--11b2ezcs70k"},
      {"\u0628\u200c\u0628", "xn--ngba799q"},
      {"\u0628\u064b\u200c\u064b\u0628", "xn--ngba8ha8704a"},
      {"\u0627\u200c\u0628", NULL}, /* an alef does not join on */
      {"\u0628\u200d\u0628", NULL},
  };
  CHECK_ROWS(rows);
}

/* The rule holds for every label as soon as one of them is right-to-left. */
static void idna_checks_directions_of_the_whole_domain(void **state)
{
  (void)state;
  static const idna_row rows[] = {
      {"\u05d0\u05d1.com", "xn--4dbc.com"},
      {"\u05d0a", NULL},
      {"a\u05d0", NULL},
      {"\u05d01", "xn--1-zhc"},
      {"1\u05d0", NULL},
      {"1.\u05d0", NULL},
      {"a1.\u05d0", "a1.xn--4db"},
      {"a-.\u05d0", NULL},
      {"\u0627\u06601", NULL},
      {"\u0627\u0660", "xn--mgb8i"},
      {"1.\u00e9", "1.xn--9ca"},
  };
  CHECK_ROWS(rows);
}

/* A-labels next to others are decoded and validated. */
static void idna_validates_a_labels_beyond_ascii_domains(void **state)
{
  (void)state;
  static const idna_row rows[] = {
      {"xn--bcher-kva.\u00e9", "xn--bcher-kva.xn--9ca"},
      {"XN--BCHER-KVA.\u00e9", "xn--bcher-kva.xn--9ca"},
      {"xn--.\u00e9", NULL},          /* nothing */
      {"xn--a-.\u00e9", NULL},        /* ASCII */
      {"xn--a.\u00e9", NULL},         /* U+0080 */
      {"xn--pokxncvks.\u00e9", NULL}, /* an overflow */
      {"xn--8i7caa.\u00e9", NULL},    /* full-width, to be mapped */
      {"xn--e-xbb.\u00e9", NULL},     /* e and an accent, not in NFC */
      {"xn--\u00e9", NULL},
      {"\uff58n--bcher-kva", "xn--bcher-kva"},
      {"xn--1ug.\u00e9", NULL}, /* a joiner alone */
  };
  CHECK_ROWS(rows);
}

static void idna_limits_its_work(void **state)
{
  (void)state;
  static char text[5000];
  memset(text, 'a', sizeof(text));
  memcpy(text, "\u00e9", 2);
  ah_arena arena;
  ah_arena_init(&arena, NULL, 0);
  ahttp_str out;
  const char *why = NULL;
  assert_int_equal(
      ah_idna_to_ascii(&out, &arena, ah_str(text, sizeof(text)), &why),
      AHTTP_EURL);
  assert_string_equal(why, "the host is too long");
  ah_arena_clear(&arena);
}

static void idna_decodes_labels_for_people(void **state)
{
  (void)state;
  char text[64];
  size_t len =
      ah_idna_label_to_unicode(text, sizeof(text), AH_STR("XN--bcher-kva"));
  assert_text(ah_str(text, len), "b\u00fccher");
  static const char *const others[] = {"bcher", "xn--", "xn--a", "xn--8i7caa",
                                       "xn--1ug"};
  for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
    assert_int_equal(
        ah_idna_label_to_unicode(text, sizeof(text), ah_str_from_c(others[i])),
        0);
  }
  for (size_t cap = 0; cap < 7; cap++) {
    assert_int_equal(
        ah_idna_label_to_unicode(text, cap, AH_STR("xn--bcher-kva")), 0);
  }
}

static int run_once(void *arg)
{
  (void)arg;
  ah_arena arena;
  ah_arena_init(&arena, NULL, 0);
  ahttp_str out;
  int rv = to_ascii(&arena, AH_STR("xn--bcher-kva.e\u0301.\u2603"), &out);
  ah_arena_clear(&arena);
  return rv;
}

static void idna_survives_every_failed_allocation(void **state)
{
  (void)state;
  test_alloc_fail_each(run_once, NULL);
}

#else

static void idna_says_that_it_was_left_out(void **state)
{
  (void)state;
  ah_arena arena;
  ah_arena_init(&arena, NULL, 0);
  ahttp_str out;
  assert_int_equal(to_ascii(&arena, AH_STR("\u00e9"), &out), AHTTP_EURL);
  assert_string_equal(ah_idna_library_version(), "no-IDNA");
  ah_arena_clear(&arena);
}

#endif

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
#ifdef HAVE_LIBIDN2
      cmocka_unit_test(idna_encodes_the_hosts_of_httpx),
      cmocka_unit_test(idna_maps_and_normalizes),
      cmocka_unit_test(idna_refuses_what_is_disallowed),
      cmocka_unit_test(idna_does_not_mind_hyphens_and_length),
      cmocka_unit_test(idna_checks_joiners),
      cmocka_unit_test(idna_checks_directions_of_the_whole_domain),
      cmocka_unit_test(idna_validates_a_labels_beyond_ascii_domains),
      cmocka_unit_test(idna_limits_its_work),
      cmocka_unit_test(idna_decodes_labels_for_people),
      cmocka_unit_test(idna_survives_every_failed_allocation),
#else
      cmocka_unit_test(idna_says_that_it_was_left_out),
#endif
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
