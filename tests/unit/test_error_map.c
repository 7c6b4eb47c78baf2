/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>
#include <ares.h>

#include <ahttp/error.h>

#include "net/error_map.h"

static void errno_is_translated_by_phase(void **state)
{
  (void)state;
  static const struct {
    int os_errno;
    ahttp_phase phase;
    int code;
  } rows[] = {
      {ECONNREFUSED, AHTTP_PHASE_CONNECT, AHTTP_EREFUSED},
      {ENETUNREACH, AHTTP_PHASE_CONNECT, AHTTP_EUNREACHABLE},
      {EHOSTUNREACH, AHTTP_PHASE_CONNECT, AHTTP_EUNREACHABLE},
      {EAFNOSUPPORT, AHTTP_PHASE_CONNECT, AHTTP_EUNREACHABLE},
      {ETIMEDOUT, AHTTP_PHASE_CONNECT, AHTTP_ECONNECT},
      {ENOENT, AHTTP_PHASE_CONNECT, AHTTP_ECONNECT},
      {EMFILE, AHTTP_PHASE_CONNECT, AHTTP_ECONNECT},
      {ENOMEM, AHTTP_PHASE_CONNECT, AHTTP_ENOMEM},
      {ENOMEM, AHTTP_PHASE_SEND, AHTTP_ENOMEM},
      {EPIPE, AHTTP_PHASE_SEND, AHTTP_EWRITE},
      {ECONNRESET, AHTTP_PHASE_SEND, AHTTP_EWRITE},
      {ECONNRESET, AHTTP_PHASE_RECEIVE, AHTTP_EREAD},
      {ECONNRESET, AHTTP_PHASE_WAIT, AHTTP_EREAD},
      {ECONNRESET, AHTTP_PHASE_TLS, AHTTP_EREAD},
      {EACCES, AHTTP_PHASE_DNS, AHTTP_ERESOLVE},
      {987654, AHTTP_PHASE_CONNECT, AHTTP_ECONNECT},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    ahttp_error err;
    assert_int_equal(
        ah_error_from_errno(&err, rows[i].os_errno, rows[i].phase, NULL),
        rows[i].code);
    assert_int_equal(err.code, rows[i].code);
    assert_int_equal(err.phase, rows[i].phase);
    assert_int_equal(err.domain, AHTTP_DOMAIN_OS);
    assert_int_equal(err.native, rows[i].os_errno);
    assert_true(strlen(err.text) > 0);
  }
}

static void ares_status_is_translated(void **state)
{
  (void)state;
  for (int status = 1; status < 30; status++) {
    ahttp_error err;
    int code = AHTTP_ERESOLVE;
    if (status == ARES_ENOTFOUND || status == ARES_ENODATA) {
      code = AHTTP_ENOTFOUND;
    } else if (status == ARES_ENOMEM) {
      code = AHTTP_ENOMEM;
    }
    assert_int_equal(ah_error_from_ares(&err, status, "a.test"), code);
    assert_int_equal(err.code, code);
    assert_int_equal(err.phase, AHTTP_PHASE_DNS);
    assert_int_equal(err.domain, AHTTP_DOMAIN_DNS);
    assert_int_equal(err.native, status);
    assert_int_equal(strncmp(err.text, "a.test: ", 8), 0);
  }
}

static void texts_read_as_sentences(void **state)
{
  (void)state;
  ahttp_error err;
  (void)ah_error_from_errno(&err, ECONNREFUSED, AHTTP_PHASE_CONNECT, "there");
  assert_string_equal(err.text, "there: connection refused");
  (void)ah_error_from_errno(&err, ECONNREFUSED, AHTTP_PHASE_CONNECT, NULL);
  assert_string_equal(err.text, "connection refused");
  (void)ah_error_from_ares(&err, ARES_ETIMEOUT, "a.test");
  assert_string_equal(err.text, "a.test: timeout while contacting DNS servers");
  (void)ah_error_from_ares(&err, ARES_ESERVFAIL, NULL);
  assert_string_equal(err.text, "DNS server returned general failure");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(errno_is_translated_by_phase),
      cmocka_unit_test(ares_status_is_translated),
      cmocka_unit_test(texts_read_as_sentences),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
