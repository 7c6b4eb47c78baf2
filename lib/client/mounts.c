/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "client/mounts.h"

#include <stdlib.h>

#include "base/str.h"
#include "http/url_pattern.h"
#include "transport/custom_transport.h"

/* |transport| NULL: the default one. */
typedef struct mount {
  ah_url_pattern pattern;
  ahttp_transport *transport; /* held */
  size_t index;               /* in the order given, which decides ties */
} mount;

struct ah_mounts {
  mount *items; /* |count|, the most specific first */
  size_t count;
  ahttp_transport *fallback; /* held; NULL: the client's connections */
};

static int mount_compare(const void *a, const void *b)
{
  const mount *left = a;
  const mount *right = b;
  int order = ah_url_pattern_compare(&left->pattern, &right->pattern);
  return order != 0 ? order : left->index < right->index ? -1 : 1;
}

static ahttp_transport *ref_or_null(ahttp_transport *transport)
{
  return transport == NULL ? NULL : ah_transport_ref(transport);
}

static int mounts_fill(ah_mounts *mounts, ah_arena *arena,
                       const ahttp_client_opts *opts)
{
  for (size_t i = 0; i < opts->mount_count; i++) {
    mount *it = &mounts->items[i];
    int rv = ah_url_pattern_parse(&it->pattern, arena,
                                  ah_str_from_c(opts->mounts[i].pattern));
    if (rv != AHTTP_OK) {
      return rv;
    }
    it->transport = ref_or_null(opts->mounts[i].transport);
    it->index = i;
    mounts->count++;
  }
  if (mounts->count > 1) {
    qsort(mounts->items, mounts->count, sizeof(mount), mount_compare);
  }
  return AHTTP_OK;
}

int ah_mounts_new(ah_mounts **out, ah_arena *arena,
                  const ahttp_client_opts *opts)
{
  *out = NULL;
  if (opts->mount_count == 0 && opts->transport == NULL) {
    return AHTTP_OK;
  }
  if (opts->mount_count > 0 && opts->mounts == NULL) {
    return AHTTP_EINVAL;
  }
  ah_mounts *mounts = ah_arena_alloc(arena, sizeof(*mounts));
  if (mounts == NULL) {
    return AHTTP_ENOMEM;
  }
  *mounts = (ah_mounts){.count = 0};
  mounts->items = ah_arena_alloc(arena, opts->mount_count * sizeof(mount));
  if (mounts->items == NULL) {
    return AHTTP_ENOMEM;
  }
  int rv = mounts_fill(mounts, arena, opts);
  if (rv != AHTTP_OK) {
    ah_mounts_free(mounts);
    return rv;
  }
  mounts->fallback = ref_or_null(opts->transport);
  *out = mounts;
  return AHTTP_OK;
}

void ah_mounts_free(ah_mounts *mounts)
{
  if (mounts == NULL) {
    return;
  }
  for (size_t i = 0; i < mounts->count; i++) {
    ahttp_transport_free(mounts->items[i].transport);
  }
  ahttp_transport_free(mounts->fallback);
}

ah_transport *ah_mounts_find(const ah_mounts *mounts, const ahttp_url *url)
{
  ahttp_transport *found = mounts->fallback;
  for (size_t i = 0; i < mounts->count; i++) {
    if (ah_url_pattern_matches(&mounts->items[i].pattern, url)) {
      /* HTTPX: None means the default transport, which may be custom. */
      found = mounts->items[i].transport != NULL ? mounts->items[i].transport
                                                 : mounts->fallback;
      break;
    }
  }
  return found == NULL ? NULL : ah_transport_base(found);
}
