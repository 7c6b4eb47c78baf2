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

uint32_t ah_utf8_point(const uint8_t *data, size_t len)
{
  /* The lead has as many ones as there are bytes, then a zero. */
  uint32_t point = len == 1 ? data[0] : data[0] & 0x7fu >> len;
  for (size_t i = 1; i < len; i++) {
    point = point << 6 | (data[i] & 0x3f);
  }
  return point;
}

size_t ah_utf8_put(char *dst, uint32_t point)
{
  if (point < 0x80) {
    dst[0] = (char)point;
    return 1;
  }
  if ((point >= 0xd800 && point <= 0xdfff) || point > 0x10ffff) {
    return 0;
  }
  size_t len = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  for (size_t i = len - 1; i > 0; i--) {
    dst[i] = (char)(0x80 | (point & 0x3f));
    point >>= 6;
  }
  dst[0] = (char)(0xf00u >> len | point);
  return len;
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
