/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_H2_MEMORY_H
#define AH_HTTP_H2_MEMORY_H

#include <ahttp/types.h>

enum {
  /* Blocks differ in steps of a cache line, so little is wasted ... */
  AH_H2_MEMORY_STEP_BYTES = 64,
  /* ... up to what a request of 25 lines takes as an array of nghttp2's; what
   * is larger is made once a connection, or seldom. */
  AH_H2_MEMORY_BLOCK_BYTES_MAX = 1024,
  /* What a hundred requests at once need, 100 streams being what a server is
   * asked to allow at least (RFC 9113, section 6.5.2). */
  AH_H2_MEMORY_KEPT_BYTES_MAX = 128 * 1024
};

typedef struct ah_h2_memory_block ah_h2_memory_block;

/*
 * The memory of one session's nghttp2, which allocates a handful of small
 * blocks for each request and frees them with it.  Those are kept for the next
 * request, so that malloc is asked only when more of them are under way than
 * ever before.
 *
 * The functions take their arguments in the order of nghttp2's hooks, whose
 * |user_data| is the ah_h2_memory.
 */
typedef struct ah_h2_memory {
  /* Free blocks by size, the smallest first. */
  ah_h2_memory_block
      *kept[AH_H2_MEMORY_BLOCK_BYTES_MAX / AH_H2_MEMORY_STEP_BYTES];
  size_t kept_bytes; /* of these; <= AH_H2_MEMORY_KEPT_BYTES_MAX */
} ah_h2_memory;

void ah_h2_memory_init(ah_h2_memory *memory);

/* Frees what is kept.  Blocks that are still acquired stay valid. */
void ah_h2_memory_clear(ah_h2_memory *memory);

/* |size| bytes, also if that is 0, aligned for anything.  NULL: no memory. */
void *ah_h2_memory_acquire(size_t size, void *user_data);

/* |count| times |size| bytes of zeros.  NULL: no memory, or too much of it. */
void *ah_h2_memory_acquire_zeros(size_t count, size_t size, void *user_data);

/* |ptr|, which may be NULL, with room for |size| bytes; it may move.  NULL: no
 * memory, and |ptr| is as it was. */
void *ah_h2_memory_resize(void *ptr, size_t size, void *user_data);

/* Gives |ptr| back, which may be NULL. */
void ah_h2_memory_release(void *ptr, void *user_data);

#endif
