/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "http/utf8.h"

/* How many bytes follow |lead|, and in which range the first of them must be;
 * 0 if |lead| begins nothing. */
static size_t utf8_follow(uint8_t lead, uint8_t *lower, uint8_t *upper)
{
  *lower = 0x80;
  *upper = 0xbf;
  if (lead >= 0xc2 && lead <= 0xdf) {
    return 1;
  }
  if (lead >= 0xe0 && lead <= 0xef) {
    *lower = lead == 0xe0 ? 0xa0 : 0x80; /* no overlong forms */
    *upper = lead == 0xed ? 0x9f : 0xbf; /* no surrogates */
    return 2;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    *lower = lead == 0xf0 ? 0x90 : 0x80;
    *upper = lead == 0xf4 ? 0x8f : 0xbf; /* not past U+10FFFF */
    return 3;
  }
  return 0;
}

bool ah_utf8_next(const uint8_t *data, size_t len, size_t *used)
{
  uint8_t lower;
  uint8_t upper;
  *used = 1;
  if (data[0] < 0x80) {
    return true;
  }
  size_t follow = utf8_follow(data[0], &lower, &upper);
  if (follow == 0) {
    return false;
  }
  for (size_t i = 1; i <= follow; i++) {
    if (i >= len || data[i] < lower || data[i] > upper) {
      return false; /* the byte that does not fit begins anew */
    }
    *used = i + 1;
    lower = 0x80;
    upper = 0xbf;
  }
  return true;
}

bool ah_utf8_is_valid(const void *data, size_t len)
{
  const uint8_t *at = data;
  while (len > 0) {
    size_t used;
    if (!ah_utf8_next(at, len, &used)) {
      return false;
    }
    at += used;
    len -= used;
  }
  return true;
}
