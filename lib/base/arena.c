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

/* |size| bytes from a new chunk. */
static uint8_t *arena_grow(ah_arena *arena, size_t size)
{
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
  chunk->size = next;
  arena->pos = chunk->data + size;
  arena->end = chunk->data + next;
  return chunk->data;
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

void ah_arena_clear(ah_arena *arena)
{
  ah_arena_chunk *chunk = arena->chunks;
  while (chunk != NULL) {
    ah_arena_chunk *next = chunk->next;
    ah_free(chunk);
    chunk = next;
  }
  ah_arena_init(arena, arena->block, arena->block_len);
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
