/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "http/punycode.h"

#include <string.h>

#include "base/str.h"

/* RFC 3492, section 5. */
enum {
  BASE = 36,
  T_MIN = 1,
  T_MAX = 26,
  SKEW = 38,
  DAMP = 700,
  INITIAL_BIAS = 72,
  INITIAL_N = 0x80
};

/* Section 6.1: bias adaptation. */
static uint32_t adapt(uint32_t delta, size_t count, bool is_first)
{
  uint32_t k = 0;
  delta = is_first ? delta / DAMP : delta / 2;
  delta += delta / (uint32_t)count;
  while (delta > (BASE - T_MIN) * T_MAX / 2) {
    delta /= BASE - T_MIN;
    k += BASE;
  }
  return k + (BASE - T_MIN + 1) * delta / (delta + SKEW);
}

static uint32_t threshold(uint32_t k, uint32_t bias)
{
  if (k <= bias + T_MIN) {
    return T_MIN;
  }
  return k >= bias + T_MAX ? T_MAX : k - bias;
}

static char *number_write(char *dst, uint32_t value, uint32_t bias)
{
  static const char digits[] = "abcdefghijklmnopqrstuvwxyz0123456789";
  for (uint32_t k = BASE;; k += BASE) {
    uint32_t t = threshold(k, bias);
    if (value < t) {
      *dst++ = digits[value];
      return dst;
    }
    *dst++ = digits[t + (value - t) % (BASE - t)];
    value = (value - t) / (BASE - t);
  }
}

/* The smallest code point that is not below |n|. */
static uint32_t next_point(const uint32_t *points, size_t count, uint32_t n)
{
  uint32_t next = UINT32_MAX;
  for (size_t i = 0; i < count; i++) {
    if (points[i] >= n && points[i] < next) {
      next = points[i];
    }
  }
  return next;
}

bool ah_punycode_encode(char *dst, size_t *len, const uint32_t *points,
                        size_t count)
{
  char *end = dst;
  for (size_t i = 0; i < count; i++) {
    if (points[i] < INITIAL_N) {
      *end++ = (char)points[i];
    }
  }
  size_t basic = (size_t)(end - dst);
  if (basic > 0) {
    *end++ = '-';
  }
  uint32_t n = INITIAL_N;
  uint64_t delta = 0;
  uint32_t bias = INITIAL_BIAS;
  size_t done = basic;
  while (done < count) {
    uint32_t next = next_point(points, count, n);
    delta += (uint64_t)(next - n) * (done + 1);
    n = next;
    for (size_t i = 0; i < count; i++) {
      delta += points[i] < n;
      if (delta > UINT32_MAX) {
        return false;
      }
      if (points[i] == n) {
        end = number_write(end, (uint32_t)delta, bias);
        bias = adapt((uint32_t)delta, done + 1, done == basic);
        delta = 0;
        done++;
      }
    }
    delta++;
    n++;
  }
  *len = (size_t)(end - dst);
  return true;
}

static int digit_value(char c)
{
  uint8_t lower = ah_char_lower((uint8_t)c);
  if ((uint8_t)(lower - 'a') < 26) {
    return lower - 'a';
  }
  return ah_char_is(lower, AH_CHAR_DIGIT) ? lower - '0' + 26 : -1;
}

/* Cuts a number off the front of |*rest| and adds it to |*i|. */
static bool number_read(ahttp_str *rest, uint32_t bias, uint64_t *i)
{
  uint64_t weight = 1;
  for (uint32_t k = BASE;; k += BASE) {
    int digit = rest->len == 0 ? -1 : digit_value(rest->ptr[0]);
    if (digit < 0) {
      return false;
    }
    rest->ptr++;
    rest->len--;
    *i += (uint64_t)digit * weight;
    uint32_t t = threshold(k, bias);
    if (*i > UINT32_MAX) {
      return false;
    }
    if ((uint32_t)digit < t) {
      return true;
    }
    weight *= BASE - t;
    if (weight > UINT32_MAX) {
      return false;
    }
  }
}

static bool is_scalar_value(uint64_t point)
{
  return point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
}

bool ah_punycode_decode(uint32_t *points, size_t *count, ahttp_str text)
{
  const char *delimiter =
      text.len == 0 ? NULL : memrchr(text.ptr, '-', text.len);
  size_t basic = delimiter == NULL ? 0 : (size_t)(delimiter - text.ptr);
  for (size_t i = 0; i < text.len; i++) {
    if ((uint8_t)text.ptr[i] >= INITIAL_N) {
      return false;
    }
    if (i < basic) {
      points[i] = (uint8_t)text.ptr[i];
    }
  }
  size_t used = basic > 0 ? basic + 1 : 0;
  ahttp_str rest = ah_str(text.ptr + used, text.len - used);
  size_t done = basic;
  uint64_t n = INITIAL_N;
  uint64_t i = 0;
  uint32_t bias = INITIAL_BIAS;
  while (rest.len > 0) {
    uint64_t old = i;
    if (!number_read(&rest, bias, &i)) {
      return false;
    }
    bias = adapt((uint32_t)(i - old), done + 1, old == 0);
    n += i / (done + 1);
    i %= done + 1;
    if (!is_scalar_value(n)) {
      return false;
    }
    memmove(points + i + 1, points + i, (done - i) * sizeof(points[0]));
    points[i++] = (uint32_t)n;
    done++;
  }
  *count = done;
  return true;
}
