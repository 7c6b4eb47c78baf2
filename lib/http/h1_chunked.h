/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_H1_CHUNKED_H
#define AH_HTTP_H1_CHUNKED_H

#include <ahttp/types.h>

/*
 * Undoes the chunked transfer coding (RFC 9112, section 7.1) up to the last
 * chunk; the trailer section is the reader's.  Strict: a line ends with CRLF
 * and nothing else, sizes are 1 to 16 hexadecimal digits.
 */

enum {
  /* Extensions have no use today; a signature (the one known case) takes some
   * 90 bytes.  Peers that send more are making us work for nothing. */
  AH_H1_EXT_LINE_BYTES_MAX = 256,
  AH_H1_EXT_TOTAL_BYTES_MAX = 8 * 1024
};

typedef enum ah_h1_chunked_state {
  AH_H1_CHUNKED_SIZE,    /* at or within the digits of a chunk size */
  AH_H1_CHUNKED_BLANK,   /* after them, within blanks */
  AH_H1_CHUNKED_EXT,     /* within chunk extensions, which are skipped */
  AH_H1_CHUNKED_SIZE_LF, /* the size line's CR was read, its LF was not */
  AH_H1_CHUNKED_DATA,    /* |left| > 0 bytes of this chunk are to come */
  AH_H1_CHUNKED_DATA_CR, /* all of them were given out; CRLF must follow */
  AH_H1_CHUNKED_DATA_LF, /* its CR was read */
  AH_H1_CHUNKED_LAST,    /* the chunk of size 0 was read: the end */
  AH_H1_CHUNKED_STATES
} ah_h1_chunked_state;

typedef struct ah_h1_chunked {
  ah_h1_chunked_state state;
  uint8_t digits;    /* of the size being read; at most 16 */
  uint16_t ext_line; /* bytes after the digits in this line */
  uint32_t ext_total;
  uint64_t left;   /* the size as far as read, then what is left of the chunk */
  const char *why; /* after a failure: the reason, static */
} ah_h1_chunked;

void ah_h1_chunked_init(ah_h1_chunked *chunked);

/*
 * Reads on in |len| bytes at |data|; |*consumed| of them were used.
 *
 *   AHTTP_OK      |*body| is content, a view into |data|; or it is empty: the
 *                 last chunk was read, the trailer section follows
 *   AH_MORE       all was consumed and more is needed
 *   AHTTP_EPROTO, AHTTP_ELIMIT   and |chunked->why|
 */
int ah_h1_chunked_next(ah_h1_chunked *chunked, const uint8_t *data, size_t len,
                       size_t *consumed, ahttp_str *body);

#endif
