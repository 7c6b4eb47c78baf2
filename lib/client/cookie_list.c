/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <ahttp/cookies.h>

#include "base/alloc.h"
#include "base/str.h"
#include "client/cookie_jar.h"
#include "client/options.h"

/* A copy of some of a jar's cookies, in one block: the items, then their
 * bytes. */
struct ahttp_cookie_list {
  size_t count;
  ahttp_cookie items[];
};

/* --- Choosing. -------------------------------------------------------------
 */

/* |in|, which may be NULL, in full.  AHTTP_OK or AHTTP_EINVAL. */
static int filter_copy(ahttp_cookie_filter *out, const ahttp_cookie_filter *in)
{
  int rv = ah_opts_copy(out, sizeof(*out), in);
  if (rv == AHTTP_OK && out->domain != NULL && out->domain[0] == '.') {
    out->domain++;
  }
  return rv;
}

static bool filter_fits(const ahttp_cookie_filter *filter,
                        const ahttp_cookie *cookie)
{
  if (filter->session_only && cookie->expires != AHTTP_COOKIE_SESSION) {
    return false;
  }
  if (filter->name != NULL &&
      !ah_str_eq(cookie->name, ah_str_from_c(filter->name))) {
    return false;
  }
  if (filter->domain != NULL &&
      !ah_str_ieq(cookie->domain, ah_str_from_c(filter->domain))) {
    return false;
  }
  return filter->path == NULL ||
         ah_str_eq(cookie->path, ah_str_from_c(filter->path));
}

/* Links what |filter| means, the oldest first. */
static ah_stored_cookie *store_filter(ah_cookie_store *store,
                                      const ahttp_cookie_filter *filter)
{
  ah_stored_cookie *first = NULL;
  ah_stored_cookie **end = &first;
  ah_cookie_store_expire(store, ah_cookie_now());
  AH_LIST_FOREACH (node, &store->all) {
    ah_stored_cookie *stored = AH_CONTAINER(node, ah_stored_cookie, in_all);
    if (filter_fits(filter, &stored->cookie)) {
      *end = stored;
      end = &stored->next_match;
    }
  }
  *end = NULL;
  return first;
}

int ahttp_cookie_jar_remove(ahttp_cookie_jar *jar,
                            const ahttp_cookie_filter *filter, size_t *count)
{
  ahttp_cookie_filter copy;
  size_t removed = 0;
  int rv = filter_copy(&copy, filter);
  if (rv == AHTTP_OK) {
    uv_mutex_lock(&jar->lock);
    ah_stored_cookie *stored = store_filter(&jar->store, &copy);
    while (stored != NULL) {
      ah_stored_cookie *next = stored->next_match;
      ah_cookie_store_remove(&jar->store, stored);
      stored = next;
      removed++;
    }
    uv_mutex_unlock(&jar->lock);
  }
  if (count != NULL) {
    *count = removed;
  }
  return rv;
}

/* --- Copying. --------------------------------------------------------------
 */

static ahttp_str copy_part(char **at, ahttp_str part)
{
  ahttp_str copy = ah_str(*at, part.len);
  memcpy(*at, part.ptr, part.len + 1); /* stored parts end with a NUL */
  *at += part.len + 1;
  return copy;
}

/* The matches from |first| on. */
static int list_new(ahttp_cookie_list **out, const ah_stored_cookie *first)
{
  size_t count = 0;
  size_t bytes = 0;
  for (const ah_stored_cookie *at = first; at != NULL; at = at->next_match) {
    count++;
    bytes += at->cookie.name.len + at->cookie.value.len +
             at->cookie.domain.len + at->cookie.path.len + 4;
  }
  ahttp_cookie_list *list =
      ah_malloc(sizeof(*list) + count * sizeof(list->items[0]) + bytes);
  if (list == NULL) {
    return AHTTP_ENOMEM;
  }
  char *text = (char *)(list->items + count);
  ahttp_cookie *item = list->items;
  for (const ah_stored_cookie *at = first; at != NULL; at = at->next_match) {
    *item = at->cookie;
    item->name = copy_part(&text, at->cookie.name);
    item->value = copy_part(&text, at->cookie.value);
    item->domain = copy_part(&text, at->cookie.domain);
    item->path = copy_part(&text, at->cookie.path);
    item++;
  }
  list->count = count;
  *out = list;
  return AHTTP_OK;
}

int ahttp_cookie_jar_find(ahttp_cookie_jar *jar,
                          const ahttp_cookie_filter *filter,
                          ahttp_cookie_list **out)
{
  ahttp_cookie_filter copy;
  *out = NULL;
  int rv = filter_copy(&copy, filter);
  if (rv != AHTTP_OK) {
    return rv;
  }
  uv_mutex_lock(&jar->lock);
  rv = list_new(out, store_filter(&jar->store, &copy));
  uv_mutex_unlock(&jar->lock);
  return rv;
}

int ahttp_cookie_jar_find_for(ahttp_cookie_jar *jar, const ahttp_url *url,
                              ahttp_site site, ahttp_cookie_list **out)
{
  ah_cookie_target target;
  *out = NULL;
  if (!ah_cookie_target_of(url, &target)) {
    return AHTTP_EURL;
  }
  uv_mutex_lock(&jar->lock);
  int rv = list_new(out, ah_cookie_store_match(&jar->store, &target, site,
                                               ah_cookie_now(), false));
  uv_mutex_unlock(&jar->lock);
  return rv;
}

size_t ahttp_cookie_list_count(const ahttp_cookie_list *list)
{
  return list == NULL ? 0 : list->count;
}

const ahttp_cookie *ahttp_cookie_list_at(const ahttp_cookie_list *list,
                                         size_t index)
{
  return index < ahttp_cookie_list_count(list) ? &list->items[index] : NULL;
}

void ahttp_cookie_list_free(ahttp_cookie_list *list)
{
  ah_free(list);
}
