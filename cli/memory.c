/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "cli/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *memory_check(void *ptr)
{
  if (ptr == NULL) {
    fputs("ahttp: out of memory\n", stderr);
    exit(1);
  }
  return ptr;
}

void *cli_malloc(size_t size)
{
  return memory_check(malloc(size == 0 ? 1 : size));
}

void *cli_calloc(size_t count, size_t size)
{
  return memory_check(calloc(count == 0 ? 1 : count, size == 0 ? 1 : size));
}

void *cli_realloc(void *ptr, size_t size)
{
  return memory_check(realloc(ptr, size == 0 ? 1 : size));
}

char *cli_strdup(const char *text)
{
  size_t size = strlen(text) + 1;

  return memcpy(cli_malloc(size), text, size);
}
