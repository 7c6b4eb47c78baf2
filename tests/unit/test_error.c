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

#include "base/error.h"

static void error_names_have_no_prefix(void **state)
{
  (void)state;
  assert_string_equal(ahttp_error_name(AHTTP_OK), "OK");
  assert_string_equal(ahttp_error_name(AHTTP_EPROTO), "EPROTO");
  assert_string_equal(ahttp_error_name(AHTTP_ETIMEOUT_READ), "ETIMEOUT_READ");
  assert_string_equal(ahttp_error_name(7), "E?");
  assert_string_equal(ahttp_error_name(-9999), "E?");
}

static void error_numbers_are_frozen(void **state)
{
  (void)state;
  assert_int_equal(AHTTP_EINVAL, -1);
  assert_int_equal(AHTTP_ERESOLVE, -100);
  assert_int_equal(AHTTP_ECONNECT, -200);
  assert_int_equal(AHTTP_ETLS, -300);
  assert_int_equal(AHTTP_EPROTO, -400);
  assert_int_equal(AHTTP_ETIMEOUT_CONNECT, -500);
  assert_int_equal(AHTTP_EREDIRECTS, -600);
}

static void error_every_code_has_a_phrase_of_its_own(void **state)
{
  (void)state;
  static const int codes[] = {
#define ERROR_CODE(name, value, text) AHTTP_##name,
      AHTTP_ERROR_MAP(ERROR_CODE)
#undef ERROR_CODE
  };
  size_t count = sizeof(codes) / sizeof(codes[0]);
  for (size_t i = 0; i < count; i++) {
    assert_true(codes[i] < 0);
    assert_string_not_equal(ahttp_strerror(codes[i]), "unknown error");
    for (size_t j = 0; j < i; j++) {
      assert_int_not_equal(codes[i], codes[j]);
      assert_string_not_equal(ahttp_strerror(codes[i]),
                              ahttp_strerror(codes[j]));
    }
  }
  assert_string_equal(ahttp_strerror(AHTTP_OK), "success");
  assert_string_equal(ahttp_strerror(1), "unknown error");
}

/* The kinds a code may be of. */
enum {
  TIMEOUT = 1,
  CONNECT = 2,
  TLS = 4,
  PROTOCOL = 8
};

static void error_kinds_are_those_of_httpx(void **state)
{
  (void)state;
  static const struct {
    int code;
    int kinds;
  } rows[] = {
      {AHTTP_OK, 0},
      {AHTTP_EINVAL, 0},
      {AHTTP_ENOMEM, 0},
      {AHTTP_ERESOLVE, CONNECT},
      {AHTTP_EPIN, CONNECT | TLS},
      {AHTTP_ENOTFOUND, CONNECT},
      {AHTTP_ECONNECT, CONNECT},
      {AHTTP_EREFUSED, CONNECT},
      {AHTTP_EUNREACHABLE, CONNECT},
      {AHTTP_EREAD, 0},
      {AHTTP_EWRITE, 0},
      {AHTTP_ETLS, CONNECT | TLS},
      {AHTTP_ECERT, CONNECT | TLS},
      {AHTTP_EPROTO, PROTOCOL},
      {AHTTP_ELIMIT, PROTOCOL},
      {AHTTP_ETRUNCATED, PROTOCOL},
      {AHTTP_EDISCONNECTED, PROTOCOL},
      {AHTTP_ESTREAM, PROTOCOL},
      {AHTTP_EGOAWAY, PROTOCOL},
      {AHTTP_EDECODE, 0},
      {AHTTP_ETIMEOUT_CONNECT, TIMEOUT | CONNECT},
      {AHTTP_ETIMEOUT_READ, TIMEOUT},
      {AHTTP_ETIMEOUT_WRITE, TIMEOUT},
      {AHTTP_ETIMEOUT_POOL, TIMEOUT},
      {AHTTP_ETIMEOUT_TOTAL, TIMEOUT},
      {AHTTP_EREDIRECTS, 0},
      {AHTTP_EPROXY, 0},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    int code = rows[i].code;
    int kinds = (ahttp_error_is_timeout(code) ? TIMEOUT : 0) |
                (ahttp_error_is_connect(code) ? CONNECT : 0) |
                (ahttp_error_is_tls(code) ? TLS : 0) |
                (ahttp_error_is_protocol(code) ? PROTOCOL : 0);
    if (kinds != rows[i].kinds) {
      fail_msg("%s: %d, not %d", ahttp_error_name(code), kinds, rows[i].kinds);
    }
  }
}

static void error_set_fills_everything(void **state)
{
  (void)state;
  ahttp_error err;
  memset(&err, 0xff, sizeof(err));
  ah_error_set(&err, AHTTP_EREFUSED, AHTTP_PHASE_CONNECT, AHTTP_DOMAIN_OS, 111,
               "%s port %d", "127.0.0.1", 80);
  assert_int_equal(err.code, AHTTP_EREFUSED);
  assert_int_equal(err.phase, AHTTP_PHASE_CONNECT);
  assert_int_equal(err.domain, AHTTP_DOMAIN_OS);
  assert_int_equal(err.native, 111);
  assert_string_equal(err.text, "127.0.0.1 port 80");
  ah_error_say(&err, AHTTP_EPROTO, AHTTP_PHASE_WAIT, "x%c", 'y');
  assert_int_equal(err.domain, AHTTP_DOMAIN_NONE);
  assert_int_equal(err.native, 0);
  assert_string_equal(err.text, "xy");
  ah_error_plain(&err, AHTTP_ECANCELED, AHTTP_PHASE_NONE);
  assert_int_equal(err.code, AHTTP_ECANCELED);
  assert_string_equal(err.text, "canceled");
}

static void error_text_is_cut_at_its_room(void **state)
{
  (void)state;
  ahttp_error err;
  ah_error_say(&err, AHTTP_EPROTO, AHTTP_PHASE_NONE, "%*s", 1000, "end");
  assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(error_names_have_no_prefix),
      cmocka_unit_test(error_numbers_are_frozen),
      cmocka_unit_test(error_every_code_has_a_phrase_of_its_own),
      cmocka_unit_test(error_kinds_are_those_of_httpx),
      cmocka_unit_test(error_set_fills_everything),
      cmocka_unit_test(error_text_is_cut_at_its_room),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
