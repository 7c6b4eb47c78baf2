/* SPDX-License-Identifier: MIT */
#ifndef AHTTP_ALLOC_H
#define AHTTP_ALLOC_H

#include <ahttp/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Where the library's memory comes from.  The semantics are those of the C
 * functions of the same names; all three are called from any thread. */
typedef struct ahttp_allocator {
  void *(*malloc)(size_t size, void *user_data);
  void *(*realloc)(void *ptr, size_t size, void *user_data);
  void (*free)(void *ptr, void *user_data);
  void *user_data;
} ahttp_allocator;

/*
 * Sets the process's allocator, copied; NULL restores the C library's.  Only
 * before the first other call into the library, or when everything it gave out
 * has been freed.  nghttp2, zlib, brotli and, where it offers that, zstd use it
 * too; OpenSSL, libuv, c-ares and the C library's iconv keep theirs.
 * Returns AHTTP_OK, or AHTTP_EINVAL if a function is missing.
 */
AHTTP_EXTERN int ahttp_set_allocator(const ahttp_allocator *allocator);

#ifdef __cplusplus
}
#endif

#endif
