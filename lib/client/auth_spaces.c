/* SPDX-License-Identifier: MIT */
/*
 * Protection spaces (RFC 9110, section 11.5; RFC 7616, section 3.3).
 *
 * A site is an origin that has sent challenges; a space is one realm of it.
 * Everything is kept under the site, and a lookup begins with the origin of the
 * request, so nothing that one server said can reach another, whatever it put
 * into realm or domain.
 *
 * Which space a request belongs to is only known when its challenge comes.
 * Before that it is guessed: |domain| says which paths a space has; without it,
 * all paths of the origin are in it, and of several such spaces the one whose
 * last challenge came from nearby is taken.  A wrong guess costs one round, as
 * no guess does.
 *
 * The numbers of sites and spaces are limited because servers choose them; the
 * one that was not used for the longest time goes.
 */
#include "config.h"

#include "client/auth_spaces.h"

#include <uv.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/str.h"

enum {
  /* A program that has credentials for more servers than this at a time pays a
   * round more for some. */
  SITES_MAX = 256,
  /* Realms of one origin: more than a few are somebody's mistake or attack. */
  SPACES_MAX = 8,
  /* Paths in a domain parameter beyond these are asked for their challenge. */
  PREFIXES_MAX = 16
};

typedef struct auth_space {
  ah_list_node node; /* in site->spaces, the last used first */
  ah_arena arena;    /* all that follows */
  bool is_basic;
  ah_digest_challenge challenge; /* of Basic: zero */
  char cnonce[AH_DIGEST_CNONCE_LEN];
  uint32_t count;    /* of requests with this nonce */
  ahttp_str folder;  /* of the URL that was challenged */
  ahttp_str *domain; /* |domain_count| prefixes of targets */
  size_t domain_count;
  bool has_domain;
} auth_space;

typedef struct auth_site {
  ah_hash_entry entry; /* by origin */
  ah_list_node node;   /* in spaces->used, the last used first */
  ah_list spaces;
  size_t space_count;
  char origin[];
} auth_site;

struct ah_auth_spaces {
  uv_mutex_t lock; /* guards all that follows */
  ah_hash sites;
  ah_list used;
};

/* --- One space. ------------------------------------------------------------
 */

static auth_space *space_new(void)
{
  auth_space *space = ah_calloc(1, sizeof(*space));
  if (space != NULL) {
    ah_arena_init(&space->arena, NULL, 0);
  }
  return space;
}

static void space_free(auth_space *space)
{
  if (space != NULL) {
    ah_arena_clear(&space->arena);
    ah_free(space);
  }
}

/* A copy that has no ptr if |text| has none. */
static int copy_text(ah_arena *arena, ahttp_str text, ahttp_str *out)
{
  *out = text;
  return text.ptr == NULL ? AHTTP_OK : ah_arena_copy(arena, text, out);
}

static int copy_challenge(ah_arena *arena, const ah_digest_challenge *from,
                          ah_digest_challenge *out)
{
  ah_digest_challenge copy = *from;
  if (copy_text(arena, from->realm, &copy.realm) != AHTTP_OK ||
      copy_text(arena, from->nonce, &copy.nonce) != AHTTP_OK ||
      copy_text(arena, from->opaque, &copy.opaque) != AHTTP_OK ||
      copy_text(arena, from->domain, &copy.domain) != AHTTP_OK ||
      copy_text(arena, from->algorithm_name, &copy.algorithm_name) !=
          AHTTP_OK) {
    return AHTTP_ENOMEM;
  }
  *out = copy;
  return AHTTP_OK;
}

/* The path of |url| up to its last slash. */
static ahttp_str folder_of(const ahttp_url *url)
{
  size_t len = url->path.len;
  while (len > 0 && url->path.ptr[len - 1] != '/') {
    len--;
  }
  return ah_str(url->path.ptr, len);
}

/* Cuts the next word off |*rest|; empty at the end. */
static ahttp_str next_word(ahttp_str *rest)
{
  *rest = ah_str_trim(*rest);
  size_t len = 0;
  while (len < rest->len && rest->ptr[len] != ' ' && rest->ptr[len] != '\t') {
    len++;
  }
  ahttp_str word = ah_str(rest->ptr, len);
  *rest = ah_str(rest->ptr + len, rest->len - len);
  return word;
}

/* RFC 7616, section 3.3: URIs, relative to the one that was challenged.  Those
 * of other origins are none of our business, credentials stay where they are.
 */
static int space_read_domain(auth_space *space, const ahttp_url *url)
{
  ahttp_str rest = space->challenge.domain;
  ahttp_str word = next_word(&rest);
  space->has_domain = word.len > 0;
  if (!space->has_domain) {
    return AHTTP_OK;
  }
  space->domain =
      ah_arena_alloc(&space->arena, PREFIXES_MAX * sizeof(*space->domain));
  if (space->domain == NULL) {
    return AHTTP_ENOMEM;
  }
  for (; word.len > 0 && space->domain_count < PREFIXES_MAX;
       word = next_word(&rest)) {
    ahttp_url parsed;
    int rv = ah_url_parse(&parsed, &space->arena, word, url, NULL);
    if (rv == AHTTP_ENOMEM) {
      return rv;
    }
    if (rv == AHTTP_OK && ah_url_same_origin(&parsed, url)) {
      space->domain[space->domain_count++] = ah_url_target(&parsed);
    }
  }
  return AHTTP_OK;
}

static int space_fill(auth_space *space, const ahttp_url *url,
                      const ah_digest_challenge *challenge)
{
  int rv = ah_arena_copy(&space->arena, folder_of(url), &space->folder);
  if (challenge == NULL) {
    space->is_basic = true;
    return rv;
  }
  if (rv == AHTTP_OK) {
    rv = copy_challenge(&space->arena, challenge, &space->challenge);
  }
  if (rv == AHTTP_OK) {
    rv = space_read_domain(space, url);
  }
  if (rv == AHTTP_OK && !ah_digest_cnonce(space->cnonce)) {
    rv = AHTTP_ESTATE;
  }
  return rv;
}

static size_t common_len(ahttp_str a, ahttp_str b)
{
  size_t len = 0;
  while (len < a.len && len < b.len && a.ptr[len] == b.ptr[len]) {
    len++;
  }
  return len;
}

/* How likely |url| is to be in |space|; 0: it is not. */
static size_t space_score(const auth_space *space, const ahttp_url *url)
{
  ahttp_str target = ah_url_target(url);
  size_t best = 0;
  if (space->is_basic) { /* RFC 7617, section 2.2: at or below the folder */
    size_t len = common_len(space->folder, target);
    return len == space->folder.len ? 1 + len : 0;
  }
  if (!space->has_domain) {
    return 1 + common_len(space->folder, target);
  }
  for (size_t i = 0; i < space->domain_count; i++) {
    size_t len = space->domain[i].len;
    if (common_len(space->domain[i], target) == len && 1 + len > best) {
      best = 1 + len;
    }
  }
  return best;
}

/* Counts a request. */
static int space_take_ticket(auth_space *space, ah_arena *arena,
                             ah_auth_ticket *out)
{
  *out = (ah_auth_ticket){.is_basic = space->is_basic};
  if (space->is_basic) {
    return AHTTP_OK;
  }
  int rv = copy_challenge(arena, &space->challenge, &out->challenge);
  if (rv != AHTTP_OK) {
    return rv;
  }
  out->count = ++space->count;
  memcpy(out->cnonce, space->cnonce, sizeof(out->cnonce));
  return AHTTP_OK;
}

/* --- One site. -------------------------------------------------------------
 */

static size_t origin_len(const ahttp_url *url)
{
  return url->scheme.len + 1 + url->host.len + 1 + sizeof(url->port);
}

/* Scheme, host and port: none of the first two can have the bytes between. */
static void origin_write(char *dst, const ahttp_url *url)
{
  memcpy(dst, url->scheme.ptr, url->scheme.len);
  dst += url->scheme.len;
  *dst++ = '\0';
  memcpy(dst, url->host.ptr, url->host.len);
  dst += url->host.len;
  *dst++ = '\0';
  memcpy(dst, &url->port, sizeof(url->port));
}

static auth_site *site_new(const ahttp_url *url)
{
  auth_site *site = ah_calloc(1, sizeof(*site) + origin_len(url));
  if (site != NULL) {
    ah_list_init(&site->spaces);
    origin_write(site->origin, url);
  }
  return site;
}

static void site_drop(auth_site *site, auth_space *space)
{
  ah_list_remove(&space->node);
  site->space_count--;
  space_free(space);
}

static void site_free(auth_site *site)
{
  while (!ah_list_is_empty(&site->spaces)) {
    site_drop(site, AH_CONTAINER(site->spaces.next, auth_space, node));
  }
  ah_free(site);
}

/* The space of |realm|; of Basic if |is_basic|. */
static auth_space *site_find_realm(const auth_site *site, ahttp_str realm,
                                   bool is_basic)
{
  AH_LIST_FOREACH (node, &site->spaces) {
    auth_space *space = AH_CONTAINER(node, auth_space, node);
    if (space->is_basic == is_basic &&
        ah_str_eq(space->challenge.realm, realm)) {
      return space;
    }
  }
  return NULL;
}

static auth_space *site_guess(const auth_site *site, const ahttp_url *url)
{
  auth_space *best = NULL;
  size_t best_score = 0;
  AH_LIST_FOREACH (node, &site->spaces) {
    auth_space *space = AH_CONTAINER(node, auth_space, node);
    size_t score = space_score(space, url);
    if (score > best_score) {
      best = space;
      best_score = score;
    }
  }
  return best;
}

static void site_add(auth_site *site, auth_space *space)
{
  auth_space *old =
      site_find_realm(site, space->challenge.realm, space->is_basic);
  if (old != NULL) {
    site_drop(site, old);
  } else if (site->space_count == SPACES_MAX) {
    site_drop(site, AH_CONTAINER(site->spaces.prev, auth_space, node));
  }
  ah_list_push_front(&site->spaces, &space->node);
  site->space_count++;
}

/* --- All of them. ----------------------------------------------------------
 */

ah_auth_spaces *ah_auth_spaces_new(void)
{
  ah_auth_spaces *spaces = ah_calloc(1, sizeof(*spaces));
  if (spaces == NULL || uv_mutex_init(&spaces->lock) != 0) {
    ah_free(spaces);
    return NULL;
  }
  ah_hash_init(&spaces->sites);
  ah_list_init(&spaces->used);
  return spaces;
}

static void spaces_drop(ah_auth_spaces *spaces, auth_site *site)
{
  ah_hash_remove(&spaces->sites, &site->entry);
  ah_list_remove(&site->node);
  site_free(site);
}

void ah_auth_spaces_free(ah_auth_spaces *spaces)
{
  if (spaces == NULL) {
    return;
  }
  while (!ah_list_is_empty(&spaces->used)) {
    spaces_drop(spaces, AH_CONTAINER(spaces->used.next, auth_site, node));
  }
  ah_hash_clear(&spaces->sites);
  uv_mutex_destroy(&spaces->lock);
  ah_free(spaces);
}

/* The site of |origin|, moved to the front; NULL if there is none. */
static auth_site *spaces_find(ah_auth_spaces *spaces, ahttp_str origin)
{
  ah_hash_entry *entry = ah_hash_find(&spaces->sites, origin);
  if (entry == NULL) {
    return NULL;
  }
  auth_site *site = AH_CONTAINER(entry, auth_site, entry);
  ah_list_remove(&site->node);
  ah_list_push_front(&spaces->used, &site->node);
  return site;
}

/* Puts |space| where it belongs; |fresh| is used if its site is new.  Returns
 * AHTTP_OK and has taken what is used of both, or AHTTP_ENOMEM. */
static int spaces_add(ah_auth_spaces *spaces, auth_space *space,
                      auth_site **fresh, ahttp_str origin)
{
  auth_site *site = spaces_find(spaces, origin);
  if (site == NULL) {
    site = *fresh;
    int rv = ah_hash_insert(&spaces->sites, &site->entry, origin);
    if (rv != AHTTP_OK) {
      return rv;
    }
    *fresh = NULL;
    ah_list_push_front(&spaces->used, &site->node);
  }
  site_add(site, space);
  if (spaces->sites.count > SITES_MAX) {
    spaces_drop(spaces, AH_CONTAINER(spaces->used.prev, auth_site, node));
  }
  return AHTTP_OK;
}

int ah_auth_spaces_put(ah_auth_spaces *spaces, const ahttp_url *url,
                       const ah_digest_challenge *challenge)
{
  auth_space *space = space_new();
  auth_site *site = site_new(url);
  int rv = AHTTP_ENOMEM;
  if (space != NULL && site != NULL) {
    rv = space_fill(space, url, challenge);
  }
  if (rv == AHTTP_OK) {
    uv_mutex_lock(&spaces->lock);
    rv =
        spaces_add(spaces, space, &site, ah_str(site->origin, origin_len(url)));
    uv_mutex_unlock(&spaces->lock);
  }
  if (rv != AHTTP_OK) {
    space_free(space);
  }
  if (site != NULL) {
    site_free(site);
  }
  return rv;
}

/* An empty |realm| with no ptr: any. */
static auth_space *spaces_find_space(ah_auth_spaces *spaces,
                                     const ahttp_url *url, ahttp_str realm,
                                     ahttp_str origin)
{
  auth_site *site = spaces_find(spaces, origin);
  if (site == NULL) {
    return NULL;
  }
  auth_space *space = realm.ptr == NULL ? site_guess(site, url)
                                        : site_find_realm(site, realm, false);
  if (space != NULL) {
    ah_list_remove(&space->node);
    ah_list_push_front(&site->spaces, &space->node);
  }
  return space;
}

int ah_auth_spaces_find(ah_auth_spaces *spaces, const ahttp_url *url,
                        ahttp_str realm, ah_arena *arena, ah_auth_ticket *out)
{
  *out = (ah_auth_ticket){.count = 0};
  size_t len = origin_len(url);
  char *origin = ah_arena_bytes(arena, len);
  if (origin == NULL) {
    return AHTTP_ENOMEM;
  }
  origin_write(origin, url);
  uv_mutex_lock(&spaces->lock);
  auth_space *space =
      spaces_find_space(spaces, url, realm, ah_str(origin, len));
  int rv =
      space == NULL ? AHTTP_ENOTFOUND : space_take_ticket(space, arena, out);
  uv_mutex_unlock(&spaces->lock);
  return rv;
}
