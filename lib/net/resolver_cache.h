/* SPDX-License-Identifier: MIT */
#ifndef AH_NET_RESOLVER_CACHE_H
#define AH_NET_RESOLVER_CACHE_H

#include "base/hash.h"
#include "base/list.h"
#include "net/address_list.h"

enum {
  /* Entries, least recently used ones give way.  c. 1 MiB when full. */
  AH_RESOLVER_CACHE_MAX = 4096,
  /* Bounds of the time to live, s.  Less than 1 would ask again for every
   * connection of one page, whatever the zone says; more than 300 would keep
   * programs that run for long on a host that has moved. */
  AH_RESOLVER_TTL_MIN = 1,
  AH_RESOLVER_TTL_MAX = 300,
  /* How long "no such host" is believed, s (RFC 2308 leaves it to the zone's
   * SOA, which c-ares does not show). */
  AH_RESOLVER_TTL_NEGATIVE = 5,
  /* The longest host name: 253 (RFC 1035, section 2.3.4) and a final dot. */
  AH_HOST_BYTES_MAX = 254
};

/* Answers by host and family, until they expire.  It knows no clock. */
typedef struct ah_resolver_cache {
  ah_hash entries;
  ah_list by_use; /* most recently used first */
} ah_resolver_cache;

void ah_resolver_cache_init(ah_resolver_cache *cache);
void ah_resolver_cache_clear(ah_resolver_cache *cache);

/* The answer for |host| (lower case) and |family|; its addresses are the
 * cache's until the next call.  False if there is none that is still good. */
bool ah_resolver_cache_find(ah_resolver_cache *cache, ahttp_str host,
                            int family, uint64_t now_ms, ah_answer *out);

/*
 * Keeps |answer| for |ttl| seconds, brought into bounds, or the negative time
 * if it has no addresses.  Replaces what it had.  Without memory it does
 * nothing.
 */
void ah_resolver_cache_put(ah_resolver_cache *cache, ahttp_str host, int family,
                           const ah_answer *answer, uint32_t ttl,
                           uint64_t now_ms);

#endif
