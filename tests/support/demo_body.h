/* SPDX-License-Identifier: MIT */
#ifndef AH_TESTS_DEMO_BODY_H
#define AH_TESTS_DEMO_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Content that both ends can compute: |size| bytes of an xorshift generator
 * that starts from |seed|, of any size, without storing them.
 */
typedef struct demo_body {
  uint64_t left;  /* bytes not read yet */
  uint64_t state; /* of the generator, never 0 */
  uint64_t word;  /* its last output; the upper |word_bytes| bytes are unread */
  unsigned word_bytes;
} demo_body;

enum {
  DEMO_DIGEST_BYTES = 32 /* SHA-256 */
};

void demo_body_init(demo_body *body, uint64_t size, uint64_t seed);

/* The next bytes, as many as fit into |cap|; 0 at the end. */
size_t demo_body_read(demo_body *body, uint8_t *out, size_t cap);

/* SHA-256 of the whole; remembered for small ones. */
void demo_body_digest(uint64_t size, uint64_t seed,
                      uint8_t digest[DEMO_DIGEST_BYTES]);

/* Reads "/b/SIZE/SEED", a query may follow.  False if it is something else. */
bool demo_body_parse(const char *target, uint64_t *size, uint64_t *seed);

#endif
