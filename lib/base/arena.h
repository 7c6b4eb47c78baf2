/* SPDX-License-Identifier: MIT */
#ifndef AH_BASE_ARENA_H
#define AH_BASE_ARENA_H

#include <stdatomic.h>
#include <stddef.h>

#include <ahttp/types.h>

typedef struct ah_arena_chunk ah_arena_chunk;

/*
 * Chunks that arenas have given back, for others to begin with: the last one
 * first, which is in the processor's cache.  Any thread may use it.  Nobody
 * waits for it: whoever finds another thread in it does without.
 */
typedef struct ah_arena_stock {
  atomic_flag is_busy;
  ah_arena_chunk *chunks;
  unsigned count;
  unsigned count_max;
} ah_arena_stock;

/*
 * Memory that is given back all at once.  Begins in a block of the owner's or
 * with a chunk of a stock, if it has one, and continues in chunks from
 * ah_malloc().
 */
typedef struct ah_arena {
  uint8_t *pos;           /* next free byte, or NULL before the first chunk */
  uint8_t *end;           /* end of the block |pos| is in */
  ah_arena_chunk *chunks; /* newest first */
  uint8_t *block;         /* the owner's first block, may be NULL */
  size_t block_len;
  ah_arena_stock *stock; /* or NULL */
} ah_arena;

/* An empty stock that keeps |count_max| chunks of a page. */
void ah_arena_stock_init(ah_arena_stock *stock, unsigned count_max);
void ah_arena_stock_clear(ah_arena_stock *stock);

/* |block| of |len| bytes is used first and stays the owner's; NULL, 0: none. */
void ah_arena_init(ah_arena *arena, void *block, size_t len);

/* The same without a block; |stock| stays until the arena was cleared. */
void ah_arena_init_from(ah_arena *arena, ah_arena_stock *stock);

/* Gives every chunk back; the arena is as after init. */
void ah_arena_clear(ah_arena *arena);

/* |size| bytes aligned for any type, or NULL.  Not zeroed. */
void *ah_arena_alloc(ah_arena *arena, size_t size);

/* |size| unaligned bytes, or NULL. */
char *ah_arena_bytes(ah_arena *arena, size_t size);

/* Copies |text| and appends a NUL.  AHTTP_OK or AHTTP_ENOMEM. */
int ah_arena_copy(ah_arena *arena, ahttp_str text, ahttp_str *out);

#endif
