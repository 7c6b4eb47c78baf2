/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "base/arena.h"

#include <string.h>

#include <ahttp/error.h>

#include "base/alloc.h"

enum {
  /* Shared chunks double from a page, enough for one response head, ... */
  CHUNK_BYTES_MIN = 4096,
  /* ... up to what a call with a very large head fills in a few steps. */
  CHUNK_BYTES_MAX = 65536,
  /* A request for more than this part of the next chunk gets a chunk of its
   * own, so that at most a quarter of a chunk is left unused. */
  CHUNK_SHARE = 4,
  ARENA_ALIGN = _Alignof(max_align_t)
};

struct ah_arena_chunk {
  ah_arena_chunk *next; /* older */
  size_t size;          /* bytes of |data|; 0 if it serves a single request */
  _Alignas(max_align_t) uint8_t data[];
};

/* --- The stock. ------------------------------------------------------------
 */

static bool stock_enter(ah_arena_stock *stock)
{
  return !atomic_flag_test_and_set_explicit(&stock->is_busy,
                                            memory_order_acquire);
}

static void stock_exit(ah_arena_stock *stock)
{
  atomic_flag_clear_explicit(&stock->is_busy, memory_order_release);
}

/* A chunk of CHUNK_BYTES_MIN, or NULL. */
static ah_arena_chunk *stock_take(ah_arena_stock *stock)
{
  if (!stock_enter(stock)) {
    return NULL;
  }
  ah_arena_chunk *chunk = stock->chunks;
  if (chunk != NULL) {
    stock->chunks = chunk->next;
    stock->count--;
  }
  stock_exit(stock);
  return chunk;
}

/* False if it does not keep |chunk|. */
static bool stock_keep(ah_arena_stock *stock, ah_arena_chunk *chunk)
{
  if (chunk->size != CHUNK_BYTES_MIN || !stock_enter(stock)) {
    return false;
  }
  bool has_room = stock->count < stock->count_max;
  if (has_room) {
    chunk->next = stock->chunks;
    stock->chunks = chunk;
    stock->count++;
  }
  stock_exit(stock);
  return has_room;
}

void ah_arena_stock_init(ah_arena_stock *stock, unsigned count_max)
{
  atomic_flag_clear(&stock->is_busy);
  stock->chunks = NULL;
  stock->count = 0;
  stock->count_max = count_max;
}

void ah_arena_stock_clear(ah_arena_stock *stock)
{
  ah_arena_chunk *chunk;
  while ((chunk = stock_take(stock)) != NULL) {
    ah_free(chunk);
  }
}

/* --- The arena. ------------------------------------------------------------
 */

/* The size of the next shared chunk: twice the last one. */
static size_t chunk_size_next(const ah_arena *arena)
{
  for (const ah_arena_chunk *c = arena->chunks; c != NULL; c = c->next) {
    if (c->size != 0) {
      return c->size < CHUNK_BYTES_MAX ? c->size * 2 : CHUNK_BYTES_MAX;
    }
  }
  return CHUNK_BYTES_MIN;
}

static ah_arena_chunk *chunk_new(ah_arena *arena, size_t len)
{
  if (len > SIZE_MAX - sizeof(ah_arena_chunk)) {
    return NULL;
  }
  ah_arena_chunk *chunk = ah_malloc(sizeof(*chunk) + len);
  if (chunk == NULL) {
    return NULL;
  }
  chunk->next = arena->chunks;
  arena->chunks = chunk;
  return chunk;
}

/* Goes on in |chunk| of |chunk_size| bytes with the first |size| of them. */
static uint8_t *arena_enter_chunk(ah_arena *arena, ah_arena_chunk *chunk,
                                  size_t chunk_size, size_t size)
{
  chunk->size = chunk_size;
  arena->pos = chunk->data + size;
  arena->end = chunk->data + chunk_size;
  return chunk->data;
}

/* |size| bytes from the first chunk of an arena with a stock. */
static uint8_t *arena_begin(ah_arena *arena, size_t size)
{
  ah_arena_chunk *chunk = stock_take(arena->stock);
  if (chunk != NULL) {
    chunk->next = NULL;
    arena->chunks = chunk;
  } else {
    chunk = chunk_new(arena, CHUNK_BYTES_MIN);
  }
  return chunk == NULL ? NULL
                       : arena_enter_chunk(arena, chunk, CHUNK_BYTES_MIN, size);
}

/* |size| bytes from a new chunk. */
static uint8_t *arena_grow(ah_arena *arena, size_t size)
{
  if (arena->chunks == NULL && arena->stock != NULL &&
      size <= CHUNK_BYTES_MIN) {
    return arena_begin(arena, size);
  }
  size_t next = chunk_size_next(arena);
  if (size > next / CHUNK_SHARE) {
    ah_arena_chunk *own = chunk_new(arena, size);
    if (own == NULL) {
      return NULL;
    }
    own->size = 0;
    return own->data;
  }
  ah_arena_chunk *chunk = chunk_new(arena, next);
  if (chunk == NULL) {
    return NULL;
  }
  return arena_enter_chunk(arena, chunk, next, size);
}

void ah_arena_init(ah_arena *arena, void *block, size_t len)
{
  *arena = (ah_arena){
      .pos = block,
      .end = len == 0 ? block : (uint8_t *)block + len,
      .block = block,
      .block_len = len,
  };
}

void ah_arena_init_from(ah_arena *arena, ah_arena_stock *stock)
{
  *arena = (ah_arena){.stock = stock};
}

void ah_arena_clear(ah_arena *arena)
{
  ah_arena_stock *stock = arena->stock;
  ah_arena_chunk *chunk = arena->chunks;
  while (chunk != NULL) {
    ah_arena_chunk *next = chunk->next;
    if (stock == NULL || !stock_keep(stock, chunk)) {
      ah_free(chunk);
    }
    chunk = next;
  }
  ah_arena_init(arena, arena->block, arena->block_len);
  arena->stock = stock;
}

void *ah_arena_alloc(ah_arena *arena, size_t size)
{
  size_t pad = (size_t)(-(uintptr_t)arena->pos) & (ARENA_ALIGN - 1);
  size_t left = (size_t)(arena->end - arena->pos);
  if (size == 0) {
    size = 1; /* two results are never the same */
  }
  if (pad > left || size > left - pad) {
    return arena_grow(arena, size);
  }
  uint8_t *ptr = arena->pos + pad;
  arena->pos = ptr + size;
  return ptr;
}

char *ah_arena_bytes(ah_arena *arena, size_t size)
{
  if (size == 0) {
    size = 1;
  }
  if (size > (size_t)(arena->end - arena->pos)) {
    return (char *)arena_grow(arena, size);
  }
  uint8_t *ptr = arena->pos;
  arena->pos += size;
  return (char *)ptr;
}

int ah_arena_copy(ah_arena *arena, ahttp_str text, ahttp_str *out)
{
  *out = (ahttp_str){NULL, 0};
  if (text.len == SIZE_MAX) {
    return AHTTP_ENOMEM;
  }
  char *copy = ah_arena_bytes(arena, text.len + 1);
  if (copy == NULL) {
    return AHTTP_ENOMEM;
  }
  if (text.len > 0) {
    memcpy(copy, text.ptr, text.len);
  }
  copy[text.len] = '\0';
  *out = (ahttp_str){copy, text.len};
  return AHTTP_OK;
}
