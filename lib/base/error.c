/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

void ah_error_set(ahttp_error *err, int code, ahttp_phase phase,
                  ahttp_domain domain, long native, const char *format, ...)
{
  va_list args;
  err->code = code;
  err->phase = phase;
  err->domain = domain;
  err->native = native;
  va_start(args, format);
  if (vsnprintf(err->text, sizeof(err->text), format, args) < 0) {
    err->text[0] = '\0';
  }
  va_end(args);
}

void ah_error_plain(ahttp_error *err, int code, ahttp_phase phase)
{
  ah_error_say(err, code, phase, "%s", ahttp_strerror(code));
}

const char *ahttp_error_name(int code)
{
  switch (code) {
  case AHTTP_OK:
    return "OK";
#define ERROR_NAME(name, value, text) \
  case AHTTP_##name:                  \
    return #name;
    AHTTP_ERROR_MAP(ERROR_NAME)
#undef ERROR_NAME
  default:
    return "E?";
  }
}

const char *ahttp_strerror(int code)
{
  switch (code) {
  case AHTTP_OK:
    return "success";
#define ERROR_TEXT(name, value, text) \
  case AHTTP_##name:                  \
    return text;
    AHTTP_ERROR_MAP(ERROR_TEXT)
#undef ERROR_TEXT
  default:
    return "unknown error";
  }
}

bool ahttp_error_is_timeout(int code)
{
  switch (code) {
  case AHTTP_ETIMEOUT_CONNECT:
  case AHTTP_ETIMEOUT_READ:
  case AHTTP_ETIMEOUT_WRITE:
  case AHTTP_ETIMEOUT_POOL:
  case AHTTP_ETIMEOUT_TOTAL:
  case AHTTP_ETIMEOUT_WAIT:
    return true;
  default:
    return false;
  }
}

bool ahttp_error_is_connect(int code)
{
  switch (code) {
  case AHTTP_ERESOLVE:
  case AHTTP_ENOTFOUND:
  case AHTTP_ECONNECT:
  case AHTTP_EREFUSED:
  case AHTTP_EUNREACHABLE:
  case AHTTP_ETIMEOUT_CONNECT:
    return true;
  default:
    return ahttp_error_is_tls(code);
  }
}

bool ahttp_error_is_tls(int code)
{
  return code == AHTTP_ETLS || code == AHTTP_ECERT || code == AHTTP_EPIN;
}

bool ahttp_error_is_network(int code)
{
  return code == AHTTP_EREAD || code == AHTTP_EWRITE ||
         (ahttp_error_is_connect(code) && !ahttp_error_is_timeout(code));
}

bool ahttp_error_is_local_protocol(int code)
{
  return code == AHTTP_EFIELD || code == AHTTP_EBODY;
}

bool ahttp_error_is_remote_protocol(int code)
{
  switch (code) {
  case AHTTP_EPROTO:
  case AHTTP_ELIMIT:
  case AHTTP_ETRUNCATED:
  case AHTTP_EDISCONNECTED:
  case AHTTP_ESTREAM:
  case AHTTP_EGOAWAY:
    return true;
  default:
    return false;
  }
}

bool ahttp_error_is_protocol(int code)
{
  return ahttp_error_is_local_protocol(code) ||
         ahttp_error_is_remote_protocol(code);
}

bool ahttp_error_is_transport(int code)
{
  return ahttp_error_is_timeout(code) || ahttp_error_is_network(code) ||
         ahttp_error_is_protocol(code) || code == AHTTP_EPROXY ||
         code == AHTTP_ESCHEME;
}

bool ahttp_error_is_request(int code)
{
  return ahttp_error_is_transport(code) || code == AHTTP_EDECODE ||
         code == AHTTP_EREDIRECTS || code == AHTTP_EREDIRECT;
}

bool ahttp_error_is_retryable(int code)
{
  switch (code) {
  case AHTTP_ERESOLVE:
  case AHTTP_ECONNECT:
  case AHTTP_EREFUSED:
  case AHTTP_EUNREACHABLE:
  case AHTTP_EREAD:
  case AHTTP_EWRITE:
  case AHTTP_ETRUNCATED:
  case AHTTP_EDISCONNECTED:
  case AHTTP_ESTREAM:
  case AHTTP_EGOAWAY:
    return true;
  default:
    return ahttp_error_is_timeout(code);
  }
}
