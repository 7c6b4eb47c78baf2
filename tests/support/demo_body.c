/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "support/demo_body.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

enum {
  WORD_BYTES = sizeof(uint64_t),
  /* Digests remembered, one for every value of a short hash, and the largest
   * content they are remembered for. */
  CACHE_ENTRIES = 4096,
  CACHE_BODY_BYTES_MAX = 1024 * 1024
};

typedef struct cached_digest {
  bool used;
  uint64_t size;
  uint64_t seed;
  uint8_t digest[DEMO_DIGEST_BYTES];
} cached_digest;

static cached_digest cache[CACHE_ENTRIES];

void demo_body_init(demo_body *body, uint64_t size, uint64_t seed)
{
  /* Neighbouring seeds begin far apart, and none begins at 0, where the
   * generator would stay. */
  uint64_t state = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
  *body = (demo_body){.left = size, .state = state == 0 ? 1 : state};
}

/* xorshift64*, in little-endian order on every machine. */
static uint64_t body_next_word(demo_body *body)
{
  uint64_t x = body->state;
  x ^= x >> 12;
  x ^= x << 25;
  x ^= x >> 27;
  body->state = x;
  return htole64(x * UINT64_C(0x2545f4914f6cdd1d));
}

static size_t body_read_part(demo_body *body, uint8_t *out, size_t len)
{
  if (body->word_bytes == 0) {
    body->word = body_next_word(body);
    body->word_bytes = WORD_BYTES;
  }
  size_t part = len < body->word_bytes ? len : body->word_bytes;
  const uint8_t *bytes = (const uint8_t *)&body->word;
  memcpy(out, bytes + WORD_BYTES - body->word_bytes, part);
  body->word_bytes -= (unsigned)part;
  return part;
}

size_t demo_body_read(demo_body *body, uint8_t *out, size_t cap)
{
  size_t len = body->left < cap ? (size_t)body->left : cap;
  size_t done = 0;
  while (done < len) {
    if (body->word_bytes > 0 || len - done < WORD_BYTES) {
      done += body_read_part(body, out + done, len - done);
      continue;
    }
    uint64_t word = body_next_word(body);
    memcpy(out + done, &word, WORD_BYTES);
    done += WORD_BYTES;
  }
  body->left -= len;
  return len;
}

static void digest_compute(uint64_t size, uint64_t seed,
                           uint8_t digest[DEMO_DIGEST_BYTES])
{
  static uint8_t block[64 * 1024];
  demo_body body;
  demo_body_init(&body, size, seed);
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  if (context == NULL || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1) {
    abort();
  }
  size_t len = demo_body_read(&body, block, sizeof(block));
  while (len > 0) {
    if (EVP_DigestUpdate(context, block, len) != 1) {
      abort();
    }
    len = demo_body_read(&body, block, sizeof(block));
  }
  if (EVP_DigestFinal_ex(context, digest, NULL) != 1) {
    abort();
  }
  EVP_MD_CTX_free(context);
}

void demo_body_digest(uint64_t size, uint64_t seed,
                      uint8_t digest[DEMO_DIGEST_BYTES])
{
  if (size > CACHE_BODY_BYTES_MAX) {
    digest_compute(size, seed, digest);
    return;
  }
  uint64_t mix = (size * 31 + seed) * UINT64_C(0x9e3779b97f4a7c15);
  cached_digest *entry = &cache[mix >> 52]; /* its upper 12 bits */
  if (!entry->used || entry->size != size || entry->seed != seed) {
    digest_compute(size, seed, entry->digest);
    entry->used = true;
    entry->size = size;
    entry->seed = seed;
  }
  memcpy(digest, entry->digest, DEMO_DIGEST_BYTES);
}

/* A decimal number at |*at|, which moves behind it. */
static bool parse_number(const char **at, uint64_t *out)
{
  if (**at < '0' || **at > '9') {
    return false;
  }
  char *end;
  errno = 0;
  *out = strtoull(*at, &end, 10);
  *at = end;
  return errno == 0;
}

bool demo_body_parse(const char *target, uint64_t *size, uint64_t *seed)
{
  if (strncmp(target, "/b/", 3) != 0) {
    return false;
  }
  const char *at = target + 3;
  if (!parse_number(&at, size) || *at != '/') {
    return false;
  }
  at++;
  return parse_number(&at, seed) && (*at == '\0' || *at == '?');
}
