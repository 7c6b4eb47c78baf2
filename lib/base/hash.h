/* SPDX-License-Identifier: MIT */
#ifndef AH_BASE_HASH_H
#define AH_BASE_HASH_H

#include <ahttp/types.h>

/*
 * A hash table of intrusive entries keyed by bytes.  The hash is seeded once
 * per process from the system's random source, so peers cannot aim at one
 * bucket.  It grows by doubling and never shrinks.
 */
typedef struct ah_hash_entry ah_hash_entry;
struct ah_hash_entry {
  ah_hash_entry *next; /* in the bucket */
  uint64_t hash;
  ahttp_str key; /* the owner's bytes; unchanged while it is in a table */
};

typedef struct ah_hash {
  ah_hash_entry **buckets; /* |bucket_count|, a power of 2, or NULL */
  size_t bucket_count;
  size_t count;
} ah_hash;

/* The seeded 64-bit hash (SipHash-1-3) of |key|. */
uint64_t ah_hash_bytes(ahttp_str key);

/* SipHash-1-3 of |key| under |secret|. */
uint64_t ah_hash_siphash(ahttp_str key, const uint64_t secret[2]);

void ah_hash_init(ah_hash *hash);
/* Forgets the entries, which stay the owner's. */
void ah_hash_clear(ah_hash *hash);

ah_hash_entry *ah_hash_find(const ah_hash *hash, ahttp_str key);

/* Adds |entry| under |key|, which is not in the table yet.  AHTTP_OK or
 * AHTTP_ENOMEM. */
int ah_hash_insert(ah_hash *hash, ah_hash_entry *entry, ahttp_str key);

/* Takes |entry|, which is in the table, out. */
void ah_hash_remove(ah_hash *hash, ah_hash_entry *entry);

/* Walks all entries: pass NULL first, the last one after; NULL at the end.
 * The table must not change meanwhile. */
ah_hash_entry *ah_hash_next(const ah_hash *hash, const ah_hash_entry *after);

#endif
