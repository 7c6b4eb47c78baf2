/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "http/h2_memory.h"

#include <stddef.h>
#include <string.h>

#include "base/alloc.h"

struct ah_h2_memory_block {
  ah_h2_memory_block *next; /* while it is kept */
  size_t cap;               /* of |data| */
  _Alignas(max_align_t) uint8_t data[];
};

static ah_h2_memory_block *block_of(void *ptr)
{
  return (void *)((uint8_t *)ptr - offsetof(ah_h2_memory_block, data));
}

/* Where blocks are kept that have room for |size| bytes, 0 < |size| <=
 * AH_H2_MEMORY_BLOCK_BYTES_MAX. */
static ah_h2_memory_block **memory_shelf(ah_h2_memory *memory, size_t size)
{
  return &memory->kept[(size - 1) / AH_H2_MEMORY_STEP_BYTES];
}

static void *block_new(size_t cap)
{
  ah_h2_memory_block *block = NULL;
  if (cap <= SIZE_MAX - sizeof(*block)) {
    block = ah_malloc(sizeof(*block) + cap);
  }
  if (block == NULL) {
    return NULL;
  }
  block->cap = cap;
  return block->data;
}

void ah_h2_memory_init(ah_h2_memory *memory)
{
  *memory = (ah_h2_memory){.kept_bytes = 0};
}

void ah_h2_memory_clear(ah_h2_memory *memory)
{
  size_t shelves = sizeof(memory->kept) / sizeof(memory->kept[0]);
  for (size_t i = 0; i < shelves; i++) {
    while (memory->kept[i] != NULL) {
      ah_h2_memory_block *block = memory->kept[i];
      memory->kept[i] = block->next;
      ah_free(block);
    }
  }
  memory->kept_bytes = 0;
}

void *ah_h2_memory_acquire(size_t size, void *user_data)
{
  ah_h2_memory *memory = user_data;
  if (size == 0) {
    size = 1;
  }
  if (size > AH_H2_MEMORY_BLOCK_BYTES_MAX) {
    return block_new(size);
  }
  ah_h2_memory_block **shelf = memory_shelf(memory, size);
  ah_h2_memory_block *block = *shelf;
  if (block == NULL) {
    size_t steps = (size - 1) / AH_H2_MEMORY_STEP_BYTES + 1;
    return block_new(steps * AH_H2_MEMORY_STEP_BYTES);
  }
  *shelf = block->next;
  memory->kept_bytes -= block->cap;
  return block->data;
}

void *ah_h2_memory_acquire_zeros(size_t count, size_t size, void *user_data)
{
  size_t total = 0;
  if (__builtin_mul_overflow(count, size, &total)) {
    return NULL;
  }
  void *ptr = ah_h2_memory_acquire(total, user_data);
  if (ptr != NULL) {
    memset(ptr, 0, total);
  }
  return ptr;
}

void *ah_h2_memory_resize(void *ptr, size_t size, void *user_data)
{
  size_t cap = ptr == NULL ? 0 : block_of(ptr)->cap;
  if (cap > 0 && size <= cap) {
    return ptr;
  }
  void *wider = ah_h2_memory_acquire(size, user_data);
  if (wider != NULL && cap > 0) {
    memcpy(wider, ptr, cap);
    ah_h2_memory_release(ptr, user_data);
  }
  return wider;
}

void ah_h2_memory_release(void *ptr, void *user_data)
{
  ah_h2_memory *memory = user_data;
  if (ptr == NULL) {
    return;
  }
  ah_h2_memory_block *block = block_of(ptr);
  if (block->cap > AH_H2_MEMORY_BLOCK_BYTES_MAX ||
      block->cap > AH_H2_MEMORY_KEPT_BYTES_MAX - memory->kept_bytes) {
    ah_free(block);
    return;
  }
  ah_h2_memory_block **shelf = memory_shelf(memory, block->cap);
  block->next = *shelf;
  *shelf = block;
  memory->kept_bytes += block->cap;
}
