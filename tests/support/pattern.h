/* SPDX-License-Identifier: MIT */
#ifndef AH_TESTS_PATTERN_H
#define AH_TESTS_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ahttp/request.h>

/*
 * Content that tells where it was taken from: every byte depends on its
 * offset.
 */

/* Fills |dst| with the bytes from |offset| on. */
void pattern_fill(void *dst, uint64_t offset, size_t len);

/* True if |data| is the first |len| bytes of the pattern. */
bool pattern_matches(const void *data, size_t len);

/* Writes the first |len| bytes to the file |path|.  Ends the test program if
 * that cannot be done. */
void pattern_write_file(const char *path, size_t len);

/* Request content of |len| bytes from a callback, which can rewind.  Its length
 * is told only if |is_known|.  |*source| must stay until the request dies. */
typedef struct pattern_source {
  uint64_t len;
} pattern_source;
ahttp_content_source pattern_content(pattern_source *source, uint64_t len,
                                     bool is_known);

#endif
