/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "http/h2_error.h"

#include <string.h>

#include "base/error.h"
#include "base/str.h"

const char *ah_h2_code_name(uint32_t code)
{
  static const char *const names[] = {
      [AH_H2_NO_ERROR] = "NO_ERROR",
      [AH_H2_PROTOCOL_ERROR] = "PROTOCOL_ERROR",
      [AH_H2_INTERNAL_ERROR] = "INTERNAL_ERROR",
      [AH_H2_FLOW_CONTROL_ERROR] = "FLOW_CONTROL_ERROR",
      [AH_H2_SETTINGS_TIMEOUT] = "SETTINGS_TIMEOUT",
      [AH_H2_STREAM_CLOSED] = "STREAM_CLOSED",
      [AH_H2_FRAME_SIZE_ERROR] = "FRAME_SIZE_ERROR",
      [AH_H2_REFUSED_STREAM] = "REFUSED_STREAM",
      [AH_H2_CANCEL] = "CANCEL",
      [AH_H2_COMPRESSION_ERROR] = "COMPRESSION_ERROR",
      [AH_H2_CONNECT_ERROR] = "CONNECT_ERROR",
      [AH_H2_ENHANCE_YOUR_CALM] = "ENHANCE_YOUR_CALM",
      [AH_H2_INADEQUATE_SECURITY] = "INADEQUATE_SECURITY",
      [AH_H2_HTTP_1_1_REQUIRED] = "HTTP_1_1_REQUIRED",
  };
  /* RFC 9113, section 7: unknown codes may be treated as INTERNAL_ERROR; they
   * get no special meaning here, only a name. */
  return code < sizeof(names) / sizeof(names[0]) ? names[code]
                                                 : "an unknown error code";
}

void ah_h2_error_set_reset(ahttp_error *err, uint32_t code)
{
  ah_error_set(err, AHTTP_ESTREAM, AHTTP_PHASE_NONE, AHTTP_DOMAIN_H2,
               (long)code, "the server reset the stream: %s",
               ah_h2_code_name(code));
}

void ah_h2_error_set_goaway(ahttp_error *err, uint32_t code)
{
  ah_error_set(err, AHTTP_EGOAWAY, AHTTP_PHASE_NONE, AHTTP_DOMAIN_H2,
               (long)code, "the server is closing the connection: %s",
               ah_h2_code_name(code));
}

void ah_h2_error_set_violation(ahttp_error *err, uint32_t code,
                               ahttp_str reason)
{
  int kind = code == AH_H2_ENHANCE_YOUR_CALM ? AHTTP_ELIMIT : AHTTP_EPROTO;
  int len = reason.len < sizeof(err->text) ? (int)reason.len : 0;
  ah_error_set(err, kind, AHTTP_PHASE_NONE, AHTTP_DOMAIN_H2, (long)code,
               "HTTP/2 %s%s%.*s", ah_h2_code_name(code), len > 0 ? ": " : "",
               len, len > 0 ? reason.ptr : "");
}

/* RFC 9113, section 3.3: with prior knowledge of a server that has none, the
 * answer is HTTP/1.1 text; say so instead of naming a bad frame. */
bool ah_h2_error_set_http1(ahttp_error *err, const uint8_t *data, size_t len)
{
  const ahttp_str start = AH_STR("HTTP/1.");
  if (len < start.len || memcmp(data, start.ptr, start.len) != 0) {
    return false;
  }
  ah_h2_error_set_violation(err, AH_H2_PROTOCOL_ERROR,
                            AH_STR("the server answered in HTTP/1"));
  return true;
}
