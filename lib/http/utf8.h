/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_UTF8_H
#define AH_HTTP_UTF8_H

#include <ahttp/types.h>

/*
 * Looks at the first code point of |len| > 0 bytes, by the Encoding Standard's
 * UTF-8 decoder.  True: it is well-formed and |*used| bytes long.  False: the
 * |*used| bytes, at least one, are to be replaced by one U+FFFD.
 */
bool ah_utf8_next(const uint8_t *data, size_t len, size_t *used);

/* The code point of |len| well-formed bytes, which are of one. */
uint32_t ah_utf8_point(const uint8_t *data, size_t len);

enum {
  AH_UTF8_BYTES_MAX = 4 /* of a code point */
};

/* Writes |point| to |dst|, room for AH_UTF8_BYTES_MAX, and returns how many
 * bytes that were; 0 for a surrogate or one past U+10FFFF. */
size_t ah_utf8_put(char *dst, uint32_t point);

/* True if all of it is well-formed. */
bool ah_utf8_is_valid(const void *data, size_t len);

#endif
