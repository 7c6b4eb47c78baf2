/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "base/alloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <ahttp/error.h>

static void *libc_malloc(size_t size, void *user_data)
{
  (void)user_data;
  return malloc(size);
}

static void *libc_realloc(void *ptr, size_t size, void *user_data)
{
  (void)user_data;
  return realloc(ptr, size);
}

static void libc_free(void *ptr, void *user_data)
{
  (void)user_data;
  free(ptr);
}

static const ahttp_allocator libc_allocator = {
    .malloc = libc_malloc,
    .realloc = libc_realloc,
    .free = libc_free,
};

static ahttp_allocator allocator = {
    .malloc = libc_malloc,
    .realloc = libc_realloc,
    .free = libc_free,
};

/* What to ask the allocator for: never 0 bytes, for which malloc may answer
 * NULL. */
static size_t size_of_request(size_t size)
{
  return size == 0 ? 1 : size;
}

int ahttp_set_allocator(const ahttp_allocator *chosen)
{
  if (chosen == NULL) {
    allocator = libc_allocator;
    return AHTTP_OK;
  }
  if (chosen->malloc == NULL || chosen->realloc == NULL ||
      chosen->free == NULL) {
    return AHTTP_EINVAL;
  }
  allocator = *chosen;
  return AHTTP_OK;
}

void *ah_malloc(size_t size)
{
  return allocator.malloc(size_of_request(size), allocator.user_data);
}

void ah_zero(void *ptr, size_t len)
{
  memset(ptr, 0, len);
}

void *ah_calloc(size_t count, size_t size)
{
  size_t total = 0;
  if (__builtin_mul_overflow(count, size, &total)) {
    return NULL;
  }
  void *ptr = ah_malloc(total);
  if (ptr != NULL) {
    memset(ptr, 0, total);
  }
  return ptr;
}

void *ah_realloc(void *ptr, size_t size)
{
  return allocator.realloc(ptr, size_of_request(size), allocator.user_data);
}

void *ah_realloc_array(void *ptr, size_t count, size_t size)
{
  size_t total = 0;
  if (__builtin_mul_overflow(count, size, &total)) {
    return NULL;
  }
  return ah_realloc(ptr, total);
}

void ah_free(void *ptr)
{
  if (ptr != NULL) {
    allocator.free(ptr, allocator.user_data);
  }
}

char *ah_memdup0(const void *data, size_t len)
{
  if (len == SIZE_MAX) {
    return NULL;
  }
  char *copy = ah_malloc(len + 1);
  if (copy == NULL) {
    return NULL;
  }
  if (len > 0) {
    memcpy(copy, data, len);
  }
  copy[len] = '\0';
  return copy;
}

const ahttp_allocator *ah_allocator(void)
{
  return &allocator;
}
