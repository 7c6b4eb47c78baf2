/* SPDX-License-Identifier: MIT */
#ifndef AH_BASE_ALLOC_H
#define AH_BASE_ALLOC_H

#include <stddef.h>

#include <ahttp/alloc.h>

/*
 * All memory of the library comes through these.  They call the allocator of
 * ahttp_set_allocator(), so a test can fail the nth allocation.  NULL means
 * out of memory.  Sizes of 0 give a unique pointer.
 */
void *ah_malloc(size_t size);
void *ah_calloc(size_t count, size_t size); /* NULL if count*size overflows */
void *ah_realloc(void *ptr, size_t size);
void *ah_realloc_array(void *ptr, size_t count, size_t size);
void ah_free(void *ptr); /* NULL is allowed */

/* Sets |len| bytes to 0 by a call.  Where the compiler knows a length of some
 * hundred bytes it puts x86's "rep stos" in place of memset(), which takes
 * longer to begin than memset() takes for all. */
void ah_zero(void *ptr, size_t len);

/* A copy of |len| bytes followed by a NUL. */
char *ah_memdup0(const void *data, size_t len);

/* The allocator in force. */
const ahttp_allocator *ah_allocator(void);

#endif
