/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_H2_REQUEST_H
#define AH_HTTP_H2_REQUEST_H

#include "base/arena.h"
#include "http/message.h"

/* nghttp2's flags of a line (NGHTTP2_NV_FLAG_...). */
enum {
  AH_H2_LINE_NEVER_INDEX = 1, /* a secret: kept out of HPACK's tables */
  AH_H2_LINE_NO_COPY = 2 | 4  /* the text lasts until the frame is sent */
};

/* One field line of a request as HTTP/2 sends it, in the form that nghttp2
 * takes (nghttp2_nv), which is not const; nobody writes to the text. */
typedef struct ah_h2_line {
  uint8_t *name; /* lower case; pseudo-header fields begin with ":" */
  uint8_t *value;
  size_t name_len;
  size_t value_len;
  uint8_t flags;
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

void ah_h2_lines_init(ah_h2_lines *lines);
void ah_h2_lines_clear(ah_h2_lines *lines);

/*
 * Fills |lines| with the head of |request| (RFC 9113, section 8.3.1), replacing
 * what was there.  Names and values are views into the request, static text, or
 * |arena|, and are not to be copied.  AHTTP_OK, AHTTP_ELIMIT or AHTTP_ENOMEM.
 */
int ah_h2_lines_set_request(ah_h2_lines *lines, const ah_request_head *request,
                            ah_arena *arena);

/* The same with a trailer section, to be copied: its stream may be gone when
 * its turn comes.  |arena| takes names that have capitals. */
int ah_h2_lines_set_trailers(ah_h2_lines *lines, const ahttp_fields *fields,
                             ah_arena *arena);

#endif
