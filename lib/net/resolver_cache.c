/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "net/resolver_cache.h"

#include <string.h>

#include <ahttp/error.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/str.h"

typedef struct cache_entry {
  ah_hash_entry entry;
  ah_list_node node; /* in by_use */
  uint64_t expires_ms;
  ah_answer answer; /* its addresses are referenced */
  char key[];
} cache_entry;

/* A family's mark and the host. */
typedef struct cache_key {
  char bytes[1 + AH_HOST_BYTES_MAX];
  size_t len;
} cache_key;

static ahttp_str key_make(cache_key *key, ahttp_str host, int family)
{
  ah_assert(host.len <= AH_HOST_BYTES_MAX);
  key->bytes[0] = family == AF_INET ? '4' : '6';
  memcpy(key->bytes + 1, host.ptr, host.len);
  key->len = host.len + 1;
  return ah_str(key->bytes, key->len);
}

static void cache_remove(ah_resolver_cache *cache, cache_entry *entry)
{
  ah_hash_remove(&cache->entries, &entry->entry);
  ah_list_remove(&entry->node);
  ah_address_list_unref(entry->answer.addresses);
  ah_free(entry);
}

static cache_entry *cache_find(ah_resolver_cache *cache, ahttp_str key)
{
  ah_hash_entry *found = ah_hash_find(&cache->entries, key);
  return found == NULL ? NULL : AH_CONTAINER(found, cache_entry, entry);
}

static cache_entry *cache_add(ah_resolver_cache *cache, ahttp_str key)
{
  cache_entry *entry = ah_calloc(1, sizeof(*entry) + key.len);
  if (entry == NULL) {
    return NULL;
  }
  memcpy(entry->key, key.ptr, key.len);
  int rv = ah_hash_insert(&cache->entries, &entry->entry,
                          ah_str(entry->key, key.len));
  if (rv != AHTTP_OK) {
    ah_free(entry);
    return NULL;
  }
  ah_list_push_front(&cache->by_use, &entry->node);
  return entry;
}

static void cache_make_room(ah_resolver_cache *cache)
{
  ah_list_node *oldest = ah_list_last(&cache->by_use);
  if (oldest != NULL && cache->entries.count >= AH_RESOLVER_CACHE_MAX) {
    cache_remove(cache, AH_CONTAINER(oldest, cache_entry, node));
  }
}

static uint32_t ttl_bound(const ah_answer *answer, uint32_t ttl)
{
  if (answer->addresses == NULL) {
    return AH_RESOLVER_TTL_NEGATIVE;
  }
  if (ttl < AH_RESOLVER_TTL_MIN) {
    return AH_RESOLVER_TTL_MIN;
  }
  return ttl > AH_RESOLVER_TTL_MAX ? AH_RESOLVER_TTL_MAX : ttl;
}

void ah_resolver_cache_init(ah_resolver_cache *cache)
{
  ah_hash_init(&cache->entries);
  ah_list_init(&cache->by_use);
}

void ah_resolver_cache_clear(ah_resolver_cache *cache)
{
  ah_list_node *node;
  while ((node = ah_list_first(&cache->by_use)) != NULL) {
    cache_remove(cache, AH_CONTAINER(node, cache_entry, node));
  }
  ah_hash_clear(&cache->entries);
}

bool ah_resolver_cache_find(ah_resolver_cache *cache, ahttp_str host,
                            int family, uint64_t now_ms, ah_answer *out)
{
  cache_key key;
  cache_entry *entry = cache_find(cache, key_make(&key, host, family));
  if (entry == NULL) {
    return false;
  }
  if (entry->expires_ms <= now_ms) {
    cache_remove(cache, entry);
    return false;
  }
  ah_list_remove(&entry->node);
  ah_list_push_front(&cache->by_use, &entry->node);
  *out = entry->answer;
  return true;
}

void ah_resolver_cache_put(ah_resolver_cache *cache, ahttp_str host, int family,
                           const ah_answer *answer, uint32_t ttl,
                           uint64_t now_ms)
{
  cache_key key;
  ahttp_str text = key_make(&key, host, family);
  cache_entry *entry = cache_find(cache, text);
  if (entry == NULL) {
    cache_make_room(cache);
    entry = cache_add(cache, text);
    if (entry == NULL) {
      return;
    }
  }
  ah_address_list *addresses = ah_address_list_ref(answer->addresses);
  ah_address_list_unref(entry->answer.addresses);
  entry->answer.status = answer->status;
  entry->answer.addresses = addresses;
  entry->expires_ms = now_ms + ttl_bound(answer, ttl) * (uint64_t)1000;
}
