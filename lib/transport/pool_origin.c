/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/str.h"
#include "transport/pool_internal.h"

/* The table of origins and that of TLS profiles. */

enum {
  /* Origins kept though nothing uses them, for what is known of their protocol.
   * At about 600 bytes each; a browser keeps a few hundred alternatives. */
  UNUSED_ORIGINS_MAX = 1024,

  /* Room for the key of any DNS name without an allocation: 253 bytes of host,
   * 108 of a unix socket's path, 12 of the rest. */
  KEY_BYTES = 512
};

static ah_origin *origin_at(ah_hash_entry *entry)
{
  return entry == NULL ? NULL : AH_CONTAINER(entry, ah_origin, entry);
}

static ah_origin *origin_find(const ah_pool *pool, ahttp_str key)
{
  ah_origin *last = pool->origins.last;
  if (last != NULL && ah_str_eq(last->entry.key, key)) {
    return last; /* comparing costs a tenth of hashing */
  }
  return origin_at(ah_hash_find(&pool->origins.table, key));
}

static void origin_drop(ah_pool *pool, ah_origin *origin)
{
  ah_assert(ah_list_is_empty(&origin->busy));
  ah_hash_remove(&pool->origins.table, &origin->entry);
  ah_list_remove(&origin->unused_node);
  pool->origins.unused_count--;
  ah_list_remove(&origin->ready_node);
  if (pool->origins.last == origin) {
    pool->origins.last = NULL;
  }
  if (pool->origins.last_usual == origin) {
    pool->origins.last_usual = NULL;
  }
  ah_origin_free(origin);
}

static void origins_drop_surplus(ah_pool *pool)
{
  while (pool->origins.unused_count > UNUSED_ORIGINS_MAX) {
    ah_list_node *node = ah_list_first(&pool->origins.unused);
    origin_drop(pool, AH_CONTAINER(node, ah_origin, unused_node));
  }
}

static void origin_add_unused(ah_origin *origin)
{
  ah_pool *pool = origin->pool;
  ah_list_push_back(&pool->origins.unused, &origin->unused_node);
  pool->origins.unused_count++;
}

void ah_pool_ref_origin(ah_origin *origin)
{
  if (origin->refs == 0) {
    ah_list_remove(&origin->unused_node);
    origin->pool->origins.unused_count--;
    origin->pool->origins.used_count++;
  }
  origin->refs++;
}

void ah_pool_unref_origin(ah_origin *origin)
{
  ah_pool *pool = origin->pool;
  ah_assert(origin->refs > 0);
  origin->refs--;
  if (origin->refs > 0) {
    return;
  }
  pool->origins.used_count--;
  origin_add_unused(origin);
  if (pool->close.begun) {
    ah_pool_check_closed(pool); /* the table is being walked */
  } else {
    origins_drop_surplus(pool);
  }
}

void ah_pool_check_closed(ah_pool *pool)
{
  if (pool->close.begun && pool->origins.used_count == 0) {
    ah_assert(pool->conn_count == 0 && pool->dial_count == 0);
    ah_loop_defer(pool->loop, &pool->close.task);
  }
}

void ah_pool_free_origins(ah_pool *pool)
{
  ah_list_node *node;
  while ((node = ah_list_first(&pool->origins.unused)) != NULL) {
    origin_drop(pool, AH_CONTAINER(node, ah_origin, unused_node));
  }
  ah_assert(pool->origins.table.count == 0);
  ah_hash_clear(&pool->origins.table);
  for (unsigned i = 0; i < pool->profiles.count; i++) {
    ah_tls_profile_unref(pool->profiles.items[i]);
  }
  ah_free(pool->profiles.items);
}

static int origin_add(ah_pool *pool, const ahttp_url *url,
                      const ah_route *route, ahttp_str key, ah_origin **out)
{
  ah_origin *origin;
  int rv = ah_origin_new(&origin, url, route, key);
  if (rv != AHTTP_OK) {
    return rv;
  }
  rv = ah_hash_insert(&pool->origins.table, &origin->entry, origin->entry.key);
  if (rv != AHTTP_OK) {
    ah_origin_free(origin);
    return rv;
  }
  origin->pool = pool;
  origin_add_unused(origin);
  *out = origin;
  return AHTTP_OK;
}

/* By its key; made if it is not there. */
static int origin_get(ah_pool *pool, const ahttp_url *url,
                      const ah_route *route, ah_origin **out)
{
  uint8_t block[KEY_BYTES];
  ah_arena arena;
  ah_arena_init(&arena, block, sizeof(block));
  ahttp_str key;
  int rv = ah_origin_key(&arena, url, route, &key);
  if (rv == AHTTP_OK) {
    *out = origin_find(pool, key);
    if (*out == NULL) {
      rv = origin_add(pool, url, route, key, out);
    }
  }
  ah_arena_clear(&arena);
  return rv;
}

int ah_pool_origin(ah_pool *pool, const ahttp_url *url, const ah_route *route,
                   ah_origin **out)
{
  bool is_usual = route == pool->opts.route;
  ah_origin *origin = is_usual ? pool->origins.last_usual : NULL;
  *out = NULL;
  if (origin == NULL || !ah_origin_is_of(origin, url)) {
    int rv = origin_get(pool, url, route, &origin);
    if (rv != AHTTP_OK) {
      return rv;
    }
    pool->origins.last = origin;
    if (is_usual) {
      pool->origins.last_usual = origin;
    }
  }
  ah_pool_ref_origin(origin);
  *out = origin;
  return AHTTP_OK;
}

void ah_pool_release_origin(ah_pool *pool, ah_origin *origin)
{
  ah_assert(origin->pool == pool);
  ah_pool_unref_origin(origin);
}

int ah_pool_tls_id(ah_pool *pool, ah_tls_profile *tls, unsigned *out)
{
  *out = 0;
  for (unsigned i = 0; i < pool->profiles.count; i++) {
    if (ah_tls_profile_equal(pool->profiles.items[i], tls)) {
      *out = i + 1;
      return AHTTP_OK;
    }
  }
  ah_tls_profile **items = ah_realloc_array(
      pool->profiles.items, pool->profiles.count + 1, sizeof(*items));
  if (items == NULL) {
    return AHTTP_ENOMEM;
  }
  pool->profiles.items = items;
  items[pool->profiles.count++] = ah_tls_profile_ref(tls);
  *out = pool->profiles.count;
  return AHTTP_OK;
}
