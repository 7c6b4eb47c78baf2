/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_H1_TEXT_H
#define AH_HTTP_H1_TEXT_H

#include "base/str.h"

/*
 * The bytes an HTTP/1.1 message is made of, checked on every message in both
 * directions and therefore quickly.
 */

/* How many bytes of |text|, from its beginning, are tchar (RFC 9110, section
 * 5.6.2). */
static inline size_t ah_h1_token_len(ahttp_str text)
{
  size_t len = 0;
  while (len < text.len && ah_char_is((uint8_t)text.ptr[len], AH_CHAR_TOKEN)) {
    len++;
  }
  return len;
}

/*
 * True if |text|, which may be empty, has only bytes that a field value or a
 * reason phrase may have (RFC 9110, section 5.5): no control characters but
 * HTAB; so no CR, LF or NUL.
 */
bool ah_h1_text_is_clean(ahttp_str text);

/* True if |text| is not empty and has only bytes that a request target may
 * have: AH_CHAR_TARGET. */
bool ah_h1_text_is_target(ahttp_str text);

#endif
