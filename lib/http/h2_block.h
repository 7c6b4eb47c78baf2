/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_H2_BLOCK_H
#define AH_HTTP_H2_BLOCK_H

#include <ahttp/error.h>

#include "http/message.h"

/*
 * One field section on its way in: a response head, interim or final, or a
 * trailer section.  HPACK can name a field of kilobytes with a single byte, so
 * what counts is the decoded size, and it is counted while decoding: an entry
 * is its name, its value and 32 bytes (RFC 9113, section 6.5.2).
 */
typedef struct ah_h2_block {
  ah_response_head head; /* a trailer section uses only |head.fields| */
  bool is_trailers;
  bool is_refused;  /* over a limit: entries are counted and dropped */
  size_t bytes;     /* of this section */
  size_t bytes_max; /* of this section; what the stream has left */
  uint32_t fields_max;
} ah_h2_block;

enum {
  /* All heads of one response, interim ones included, together.  Sent as
   * SETTINGS_MAX_HEADER_LIST_SIZE; browsers take 256 KiB, Node 16 KiB. */
  AH_H2_HEAD_BYTES_MAX = 64 * 1024,
  AH_H2_HEAD_FIELDS_MAX = 256,
  AH_H2_TRAILER_BYTES_MAX = 16 * 1024,
  AH_H2_TRAILER_FIELDS_MAX = 64,
  /* A section of so many times what is allowed is no mistake but an attack,
   * and the connection goes (as in h2, the Rust implementation). */
  AH_H2_BLOCK_ABUSE_FACTOR = 4
};

/* A new head in |arena|, of whose byte budget |bytes_used| is spent. */
void ah_h2_block_begin_head(ah_h2_block *block, ah_arena *arena,
                            size_t bytes_used);
void ah_h2_block_begin_trailers(ah_h2_block *block, ah_arena *arena);

/*
 * Counts an entry and adds it, its text copied into the arena and the value
 * trimmed.  It is a valid HTTP/2 field, so |name| is in lower case.  AHTTP_OK;
 * AHTTP_ELIMIT once, when the section has become too large, and AHTTP_OK from
 * then on; AHTTP_EPROTO for a status that is none; or AHTTP_ENOMEM.
 */
int ah_h2_block_add(ah_h2_block *block, ahttp_str name, ahttp_str value);

/* |*err| for what ah_h2_block_add() returned. */
void ah_h2_block_set_error(ahttp_error *err, int code);

/* Goes on counting and keeps nothing: whoever wanted it is gone, and its arena
 * with it. */
void ah_h2_block_refuse(ah_h2_block *block);

/* True if it is so much too large that its sender cannot be meaning well. */
static inline bool ah_h2_block_is_abuse(const ah_h2_block *block)
{
  return block->bytes > (size_t)AH_H2_HEAD_BYTES_MAX * AH_H2_BLOCK_ABUSE_FACTOR;
}

#endif
