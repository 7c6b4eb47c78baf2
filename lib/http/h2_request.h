/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_H2_REQUEST_H
#define AH_HTTP_H2_REQUEST_H

#include "base/arena.h"
#include "http/message.h"

/* One field line of a request as HTTP/2 sends it. */
typedef struct ah_h2_line {
  ahttp_str name; /* lower case; pseudo-header fields begin with ":" */
  ahttp_str value;
  bool never_index; /* a secret: kept out of HPACK's tables */
} ah_h2_line;

/* A list of them that is used for one request after the other. */
typedef struct ah_h2_lines {
  ah_h2_line *items; /* |count| of them, room for |cap| */
  size_t count;
  size_t cap;
} ah_h2_lines;

/* What a request head may amount to, each line counted as in SETTINGS_MAX_
 * HEADER_LIST_SIZE (RFC 9113, section 6.5.2): name, value and 32.  Servers
 * commonly stop at 8 to 64 KiB. */
enum {
  AH_H2_REQUEST_HEAD_BYTES_MAX = 64 * 1024,
  AH_H2_LINE_OVERHEAD = 32
};

/* |text| for nghttp2, whose type is not const but who does not write. */
static inline uint8_t *ah_h2_octets(ahttp_str text)
{
  union {
    const char *from;
    uint8_t *to;
  } cast = {.from = text.ptr};
  return cast.to;
}

void ah_h2_lines_init(ah_h2_lines *lines);
void ah_h2_lines_clear(ah_h2_lines *lines);

/*
 * Fills |lines| with the head of |request| (RFC 9113, section 8.3.1), replacing
 * what was there.  Names and values are views into the request, static text, or
 * |arena|.  AHTTP_OK, AHTTP_ELIMIT or AHTTP_ENOMEM.
 */
int ah_h2_lines_set_request(ah_h2_lines *lines, const ah_request_head *request,
                            ah_arena *arena);

/* The same with a trailer section; |arena| takes names that have capitals. */
int ah_h2_lines_set_trailers(ah_h2_lines *lines, const ahttp_fields *fields,
                             ah_arena *arena);

#endif
