/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_PUNYCODE_H
#define AH_HTTP_PUNYCODE_H

#include <stdbool.h>

#include <ahttp/types.h>

/* Punycode (RFC 3492): code points as ASCII, without the "xn--" in front. */

/* What ah_punycode_encode() may write for |count| code points and the
 * delimiter: each is itself or a number of at most ten digits, since a digit
 * stands for a factor of ten at least (36 - T_MAX). */
static inline size_t ah_punycode_room(size_t count)
{
  return 10 * count + 1;
}

/* Writes |count| code points to |dst|, which has ah_punycode_room() bytes.
 * Sets |*len|; false if a number overflows. */
bool ah_punycode_encode(char *dst, size_t *len, const uint32_t *points,
                        size_t count);

/* Reads |text| into |points|, which has room for |text.len|.  Sets |*count|;
 * false if |text| is not Punycode. */
bool ah_punycode_decode(uint32_t *points, size_t *count, ahttp_str text);

#endif
