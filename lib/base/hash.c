/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "base/hash.h"

#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <sys/random.h>

#include <ahttp/error.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/clock.h"
#include "base/str.h"

/* Enough for the origins and connections of most clients without growing. */
enum {
  BUCKETS_MIN = 16
};

/* The state of SipHash, by the names of its paper. */
typedef struct sip_state {
  uint64_t v0;
  uint64_t v1;
  uint64_t v2;
  uint64_t v3;
} sip_state;

static uint64_t seed[2];
static pthread_once_t seed_once = PTHREAD_ONCE_INIT;

/*
 * Fills the seed once.  A kernel that cannot give random bytes (before 3.17, or
 * too early in its boot) leaves the clock and our load address, which a peer
 * does not know either.
 */
static void seed_init(void)
{
  ssize_t got;
  do {
    got = getrandom(seed, sizeof(seed), GRND_NONBLOCK);
  } while (got < 0 && errno == EINTR);
  if (got != (ssize_t)sizeof(seed)) {
    seed[0] = ah_clock_ns();
    seed[1] = (uint64_t)(uintptr_t)&seed_once ^ (seed[0] << 32);
  }
}

static uint64_t rotate_left(uint64_t x, unsigned bits)
{
  return (x << bits) | (x >> (64 - bits));
}

static void sip_round(sip_state *s)
{
  s->v0 += s->v1;
  s->v1 = rotate_left(s->v1, 13) ^ s->v0;
  s->v0 = rotate_left(s->v0, 32);
  s->v2 += s->v3;
  s->v3 = rotate_left(s->v3, 16) ^ s->v2;
  s->v0 += s->v3;
  s->v3 = rotate_left(s->v3, 21) ^ s->v0;
  s->v2 += s->v1;
  s->v1 = rotate_left(s->v1, 17) ^ s->v2;
  s->v2 = rotate_left(s->v2, 32);
}

static void sip_word(sip_state *s, uint64_t word)
{
  s->v3 ^= word;
  sip_round(s);
  s->v0 ^= word;
}

/* |len| <= 8 bytes as a little-endian number. */
static uint64_t load_word(const char *p, size_t len)
{
  uint64_t word = 0;
  memcpy(&word, p, len);
  return le64toh(word);
}

static size_t bucket_of(const ah_hash *hash, uint64_t value)
{
  return (size_t)value & (hash->bucket_count - 1);
}

static int hash_grow(ah_hash *hash)
{
  size_t count = hash->bucket_count == 0 ? BUCKETS_MIN : hash->bucket_count * 2;
  ah_hash_entry **buckets = ah_calloc(count, sizeof(*buckets));
  if (buckets == NULL) {
    return AHTTP_ENOMEM;
  }
  for (size_t i = 0; i < hash->bucket_count; i++) {
    ah_hash_entry *entry = hash->buckets[i];
    while (entry != NULL) {
      ah_hash_entry *next = entry->next;
      ah_hash_entry **bucket = &buckets[(size_t)entry->hash & (count - 1)];
      entry->next = *bucket;
      *bucket = entry;
      entry = next;
    }
  }
  ah_free(hash->buckets);
  hash->buckets = buckets;
  hash->bucket_count = count;
  return AHTTP_OK;
}

uint64_t ah_hash_siphash(ahttp_str key, const uint64_t secret[2])
{
  sip_state s = {
      .v0 = secret[0] ^ 0x736f6d6570736575,
      .v1 = secret[1] ^ 0x646f72616e646f6d,
      .v2 = secret[0] ^ 0x6c7967656e657261,
      .v3 = secret[1] ^ 0x7465646279746573,
  };
  size_t i = 0;
  for (; i + 8 <= key.len; i += 8) {
    sip_word(&s, load_word(key.ptr + i, 8));
  }
  uint64_t last = i < key.len ? load_word(key.ptr + i, key.len - i) : 0;
  sip_word(&s, last | (uint64_t)key.len << 56);
  s.v2 ^= 0xff;
  sip_round(&s);
  sip_round(&s);
  sip_round(&s);
  return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

uint64_t ah_hash_bytes(ahttp_str key)
{
  (void)pthread_once(&seed_once, seed_init); /* cannot fail on valid objects */
  return ah_hash_siphash(key, seed);
}

void ah_hash_init(ah_hash *hash)
{
  *hash = (ah_hash){.buckets = NULL};
}

void ah_hash_clear(ah_hash *hash)
{
  ah_free(hash->buckets);
  ah_hash_init(hash);
}

ah_hash_entry *ah_hash_find(const ah_hash *hash, ahttp_str key)
{
  if (hash->count == 0) {
    return NULL;
  }
  uint64_t value = ah_hash_bytes(key);
  ah_hash_entry *entry = hash->buckets[bucket_of(hash, value)];
  while (entry != NULL) {
    if (entry->hash == value && ah_str_eq(entry->key, key)) {
      return entry;
    }
    entry = entry->next;
  }
  return NULL;
}

int ah_hash_insert(ah_hash *hash, ah_hash_entry *entry, ahttp_str key)
{
  if (hash->count >= hash->bucket_count) {
    int rv = hash_grow(hash);
    if (rv != AHTTP_OK) {
      return rv;
    }
  }
  entry->key = key;
  entry->hash = ah_hash_bytes(key);
  ah_hash_entry **bucket = &hash->buckets[bucket_of(hash, entry->hash)];
  entry->next = *bucket;
  *bucket = entry;
  hash->count++;
  return AHTTP_OK;
}

void ah_hash_remove(ah_hash *hash, ah_hash_entry *entry)
{
  ah_assert(hash->count > 0);
  ah_hash_entry **link = &hash->buckets[bucket_of(hash, entry->hash)];
  while (*link != entry) {
    ah_assert(*link != NULL);
    link = &(*link)->next;
  }
  *link = entry->next;
  entry->next = NULL;
  hash->count--;
}

ah_hash_entry *ah_hash_next(const ah_hash *hash, const ah_hash_entry *after)
{
  size_t i = 0;
  if (after != NULL) {
    if (after->next != NULL) {
      return after->next;
    }
    i = bucket_of(hash, after->hash) + 1;
  }
  for (; i < hash->bucket_count; i++) {
    if (hash->buckets[i] != NULL) {
      return hash->buckets[i];
    }
  }
  return NULL;
}
