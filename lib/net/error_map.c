/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "net/error_map.h"

#include <errno.h>

#include <ares.h>
#include <uv.h>

#include "base/error.h"
#include "base/str.h"

enum {
  ERROR_PHRASE_BYTES = 128 /* the longest of libuv and c-ares has 67 */
};

static int code_for_connect(int os_errno)
{
  switch (os_errno) {
  case ECONNREFUSED:
    return AHTTP_EREFUSED;
  case EHOSTUNREACH:
  case ENETUNREACH:
  case EHOSTDOWN:
  case ENETDOWN:
  case EADDRNOTAVAIL: /* no address of ours that could reach it */
  case EAFNOSUPPORT:  /* the kernel has no IPv6 */
    return AHTTP_EUNREACHABLE;
  default:
    return AHTTP_ECONNECT;
  }
}

static int code_for_errno(int os_errno, ahttp_phase phase)
{
  if (os_errno == ENOMEM) {
    return AHTTP_ENOMEM;
  }
  switch (phase) {
  case AHTTP_PHASE_DNS:
    return AHTTP_ERESOLVE;
  case AHTTP_PHASE_SEND:
    return AHTTP_EWRITE;
  case AHTTP_PHASE_TLS:
  case AHTTP_PHASE_WAIT:
  case AHTTP_PHASE_RECEIVE:
    return AHTTP_EREAD;
  case AHTTP_PHASE_NONE:
  case AHTTP_PHASE_QUEUE:
  case AHTTP_PHASE_CONNECT:
    break;
  }
  return code_for_connect(os_errno);
}

static void error_fill(ahttp_error *err, int code, ahttp_phase phase,
                       ahttp_domain domain, long native)
{
  err->code = code;
  err->phase = phase;
  err->domain = domain;
  err->native = native;
}

static void error_describe(ahttp_error *err, const char *what,
                           const char *phrase)
{
  if (what == NULL) {
    ah_error_set(err, err->code, err->phase, err->domain, err->native, "%s",
                 phrase);
    return;
  }
  ah_error_set(err, err->code, err->phase, err->domain, err->native, "%s: %s",
               what, phrase);
}

int ah_error_from_errno(ahttp_error *err, int os_errno, ahttp_phase phase,
                        const char *what)
{
  char phrase[ERROR_PHRASE_BYTES];
  error_fill(err, code_for_errno(os_errno, phase), phase, AHTTP_DOMAIN_OS,
             os_errno);
  /* On Unix libuv's codes are negated errnos, and its texts, unlike
   * strerror()'s, are in no locale and safe with threads. */
  error_describe(err, what, uv_strerror_r(-os_errno, phrase, sizeof(phrase)));
  return err->code;
}

static int code_for_ares(int status)
{
  switch (status) {
  case ARES_ENOTFOUND:
  case ARES_ENODATA:
    return AHTTP_ENOTFOUND;
  case ARES_ENOMEM:
    return AHTTP_ENOMEM;
  default:
    return AHTTP_ERESOLVE;
  }
}

int ah_error_from_ares(ahttp_error *err, int status, const char *what)
{
  error_fill(err, code_for_ares(status), AHTTP_PHASE_DNS, AHTTP_DOMAIN_DNS,
             status);
  /* c-ares begins its sentences with a capital; ours go on after a colon.
   * Abbreviations ("DNS server ...") keep theirs. */
  char phrase[ERROR_PHRASE_BYTES];
  const char *text = ares_strerror(status);
  size_t len = strnlen(text, sizeof(phrase) - 1);
  memcpy(phrase, text, len);
  phrase[len] = '\0';
  if (len > 1 && ah_char_lower((uint8_t)phrase[1]) == (uint8_t)phrase[1]) {
    phrase[0] = (char)ah_char_lower((uint8_t)phrase[0]);
  }
  error_describe(err, what, phrase);
  return err->code;
}

int ah_error_no_address(ahttp_error *err, const char *host)
{
  return ah_error_from_ares(err, ARES_ENODATA, host);
}
