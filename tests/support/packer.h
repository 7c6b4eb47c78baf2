/* SPDX-License-Identifier: MIT */
#ifndef AH_TESTS_PACKER_H
#define AH_TESTS_PACKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Applies content codings, for servers of tests: whole or as a stream. */
typedef struct packer packer;

/* Takes what was made; false stops the packer. */
typedef bool (*packer_sink)(void *arg, const uint8_t *data, size_t len);

/* |coding| is "gzip", "deflate" (zlib's format), "raw" (deflate without it),
 * "br" or "zstd".  NULL if it is not built in. */
packer *packer_new(const char *coding, packer_sink sink, void *arg);

/* What a packer does after the bytes it is given. */
typedef enum packer_then {
  PACKER_GO_ON,
  PACKER_FLUSH, /* gives out all it can */
  PACKER_END
} packer_then;

/* Gives it |len| bytes.  False if the sink said so. */
bool packer_put(packer *self, const uint8_t *data, size_t len,
                packer_then then);

void packer_free(packer *self);

/* A block of bytes on the heap. */
typedef struct packed {
  uint8_t *data;
  size_t len;
} packed;

/* All of |data| packed; for free(). */
packed pack(const char *coding, const void *data, size_t len);

#endif
