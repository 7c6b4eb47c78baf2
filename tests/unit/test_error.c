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
  NETWORK = 8,
  LOCAL = 16,
  REMOTE = 32,
  PROTOCOL = 64,
  TRANSPORT = 128,
  REQUEST = 256,
  RETRYABLE = 512
};

static int kinds_of(int code)
{
  return (ahttp_error_is_timeout(code) ? TIMEOUT : 0) |
         (ahttp_error_is_connect(code) ? CONNECT : 0) |
         (ahttp_error_is_tls(code) ? TLS : 0) |
         (ahttp_error_is_network(code) ? NETWORK : 0) |
         (ahttp_error_is_local_protocol(code) ? LOCAL : 0) |
         (ahttp_error_is_remote_protocol(code) ? REMOTE : 0) |
         (ahttp_error_is_protocol(code) ? PROTOCOL : 0) |
         (ahttp_error_is_transport(code) ? TRANSPORT : 0) |
         (ahttp_error_is_request(code) ? REQUEST : 0) |
         (ahttp_error_is_retryable(code) ? RETRYABLE : 0);
}

/* Every code stands here, so that a new one is thought about. */
static const struct {
  int code;
  int kinds;
} kind_rows[] = {
#define ON_ITS_WAY (TRANSPORT | REQUEST)
#define NO_CONNECTION (CONNECT | NETWORK | ON_ITS_WAY)
    {AHTTP_EINVAL, 0},
    {AHTTP_ENOMEM, 0},
    {AHTTP_ESTATE, 0},
    {AHTTP_EURL, 0},
    {AHTTP_EFIELD, LOCAL | PROTOCOL | ON_ITS_WAY},
    {AHTTP_ESCHEME, ON_ITS_WAY},
    {AHTTP_ECALLBACK, 0},
    {AHTTP_ECANCELED, 0},
    {AHTTP_EBODY, LOCAL | PROTOCOL | ON_ITS_WAY},
    {AHTTP_ECLOSED, 0},
    {AHTTP_ERESOLVE, NO_CONNECTION | RETRYABLE},
    {AHTTP_ENOTFOUND, NO_CONNECTION},
    {AHTTP_ECONNECT, NO_CONNECTION | RETRYABLE},
    {AHTTP_EREFUSED, NO_CONNECTION | RETRYABLE},
    {AHTTP_EUNREACHABLE, NO_CONNECTION | RETRYABLE},
    {AHTTP_EREAD, NETWORK | ON_ITS_WAY | RETRYABLE},
    {AHTTP_EWRITE, NETWORK | ON_ITS_WAY | RETRYABLE},
    {AHTTP_ETLS, TLS | NO_CONNECTION},
    {AHTTP_ECERT, TLS | NO_CONNECTION},
    {AHTTP_EPIN, TLS | NO_CONNECTION},
    {AHTTP_EPROTO, REMOTE | PROTOCOL | ON_ITS_WAY},
    {AHTTP_ELIMIT, REMOTE | PROTOCOL | ON_ITS_WAY},
    {AHTTP_ETRUNCATED, REMOTE | PROTOCOL | ON_ITS_WAY | RETRYABLE},
    {AHTTP_EDISCONNECTED, REMOTE | PROTOCOL | ON_ITS_WAY | RETRYABLE},
    {AHTTP_ESTREAM, REMOTE | PROTOCOL | ON_ITS_WAY | RETRYABLE},
    {AHTTP_EGOAWAY, REMOTE | PROTOCOL | ON_ITS_WAY | RETRYABLE},
    {AHTTP_EDECODE, REQUEST},
    {AHTTP_ETIMEOUT_CONNECT, TIMEOUT | CONNECT | ON_ITS_WAY | RETRYABLE},
    {AHTTP_ETIMEOUT_READ, TIMEOUT | ON_ITS_WAY | RETRYABLE},
    {AHTTP_ETIMEOUT_WRITE, TIMEOUT | ON_ITS_WAY | RETRYABLE},
    {AHTTP_ETIMEOUT_POOL, TIMEOUT | ON_ITS_WAY | RETRYABLE},
    {AHTTP_ETIMEOUT_TOTAL, TIMEOUT | ON_ITS_WAY | RETRYABLE},
    {AHTTP_ETIMEOUT_WAIT, TIMEOUT | ON_ITS_WAY | RETRYABLE},
    {AHTTP_EREDIRECTS, REQUEST},
    {AHTTP_EREDIRECT, REQUEST},
    {AHTTP_EPROXY, ON_ITS_WAY},
    {AHTTP_ESTATUS, 0},
};

static void error_kinds_are_those_of_httpx(void **state)
{
  (void)state;
  assert_int_equal(kinds_of(AHTTP_OK), 0);
  assert_int_equal(kinds_of(-9999), 0);
  for (size_t i = 0; i < sizeof(kind_rows) / sizeof(kind_rows[0]); i++) {
    int code = kind_rows[i].code;
    if (kinds_of(code) != kind_rows[i].kinds) {
      fail_msg("%s: %d, not %d", ahttp_error_name(code), kinds_of(code),
               kind_rows[i].kinds);
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
