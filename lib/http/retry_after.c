/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "http/retry_after.h"

#include "base/str.h"
#include "http/cookie_date.h"

static uint32_t capped_ms(uint64_t seconds, uint32_t ms_max)
{
  return seconds > ms_max / 1000 ? ms_max : (uint32_t)(seconds * 1000);
}

/* RFC 9110, section 10.2.3: delay-seconds = 1*DIGIT, of any length. */
static uint32_t delay_ms(ahttp_str digits, uint32_t ms_max)
{
  uint64_t seconds = 0;
  for (size_t i = 0; i < digits.len && seconds <= ms_max / 1000; i++) {
    seconds = seconds * 10 + (uint64_t)(digits.ptr[i] - '0');
  }
  return capped_ms(seconds, ms_max);
}

bool ah_retry_after_parse(ahttp_str value, int64_t now_s, uint32_t ms_max,
                          uint32_t *out)
{
  int64_t at_s;
  *out = 0;
  if (value.len > 0 && ah_str_all(value, AH_CHAR_DIGIT)) {
    *out = delay_ms(value, ms_max);
    return true;
  }
  /* The reader of cookies' dates takes all three forms of an HTTP-date
   * (section 5.6.7), and those that servers make of them. */
  if (!ah_cookie_date_parse(value, &at_s)) {
    return false;
  }
  if (at_s > now_s) {
    *out = capped_ms((uint64_t)at_s - (uint64_t)now_s, ms_max);
  }
  return true;
}
