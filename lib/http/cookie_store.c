/* SPDX-License-Identifier: MIT */
/*
 * The cookie store of RFC 6265bis (draft-ietf-httpbis-rfc6265bis), whose
 * section numbers are given.
 *
 * A site is what one organisation runs: a registrable domain (example.co.uk)
 * with everything below it, or a host that has no such domain (an address,
 * localhost, a public suffix itself).  A cookie never crosses its site, so the
 * store is a table of sites, and everything a request needs is a walk over one
 * of them.  This is a little stricter than the RFC: where a public suffix is
 * below a registrable domain (s3.amazonaws.com below amazonaws.com), what the
 * upper one sets does not reach the hosts of the lower one, as in Chrome.
 *
 * Storing (5.7) is: parse; find the domain, or refuse; the path; refuse what a
 * connection without TLS must not set or hide; replace the cookie of the same
 * name, domain and path, keeping its place in the order of creation; and if
 * there are too many, drop some in this order:
 *
 *   1. expired ones;
 *   2. if the site has too many: of those that are not Secure the one that has
 *      not been used for longest, else of all of the site's;
 *   3. if there are too many in all: the one not used for longest.
 *
 * The order of creation is the order of the lists, and "used" is a count of
 * uses: no clock is fine enough to tell cookies of one response apart.
 *
 * Sending (5.8.3) takes those that fit, the longest path first, and of equal
 * ones the oldest.
 */
#include "config.h"

#include "http/cookie_store.h"

#include <ahttp/error.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/str.h"

void ah_cookie_store_init(ah_cookie_store *store, ah_registrable_fn registrable)
{
  ah_hash_init(&store->sites);
  ah_list_init(&store->all);
  store->count = 0;
  store->tick = 0;
  store->registrable = registrable;
}

static ah_stored_cookie *stored_of(ah_list_node *in_all)
{
  return AH_CONTAINER(in_all, ah_stored_cookie, in_all);
}

static ah_stored_cookie *stored_of_site(ah_list_node *in_site)
{
  return AH_CONTAINER(in_site, ah_stored_cookie, in_site);
}

static bool is_expired(const ah_stored_cookie *stored, int64_t now)
{
  return stored->cookie.expires != AHTTP_COOKIE_SESSION &&
         stored->cookie.expires <= now;
}

/* --- Sites. ----------------------------------------------------------------
 */

/* What |host|'s cookies are filed under. */
static ahttp_str store_site_key(const ah_cookie_store *store, ahttp_str host)
{
  if (ah_cookie_host_is_ip(host)) {
    return host;
  }
  ahttp_str registrable = store->registrable(host);
  return registrable.len > 0 ? registrable : host;
}

static ah_cookie_site *store_find_site(const ah_cookie_store *store,
                                       ahttp_str host)
{
  ah_hash_entry *entry =
      ah_hash_find(&store->sites, store_site_key(store, host));
  return entry == NULL ? NULL : AH_CONTAINER(entry, ah_cookie_site, entry);
}

/* Finds or makes the site of |host|. */
static ah_cookie_site *store_make_site(ah_cookie_store *store, ahttp_str host)
{
  ah_cookie_site *site = store_find_site(store, host);
  if (site != NULL) {
    return site;
  }
  ahttp_str key = store_site_key(store, host);
  site = ah_malloc(sizeof(*site) + key.len);
  if (site == NULL) {
    return NULL;
  }
  char *bytes = (char *)(site + 1);
  memcpy(bytes, key.ptr, key.len);
  *site = (ah_cookie_site){.count = 0};
  ah_list_init(&site->cookies);
  if (ah_hash_insert(&store->sites, &site->entry, ah_str(bytes, key.len)) !=
      AHTTP_OK) {
    ah_free(site);
    return NULL;
  }
  return site;
}

static void store_drop_site_if_empty(ah_cookie_store *store,
                                     ah_cookie_site *site)
{
  if (site->count == 0) {
    ah_hash_remove(&store->sites, &site->entry);
    ah_free(site);
  }
}

/* --- Cookies. --------------------------------------------------------------
 */

static ahttp_str copy_part(char **at, ahttp_str part)
{
  ahttp_str copy = ah_str(*at, part.len);
  if (part.len > 0) {
    memcpy(*at, part.ptr, part.len);
  }
  (*at)[part.len] = '\0';
  *at += part.len + 1;
  return copy;
}

/* A copy of |cookie| that is in no list. */
static ah_stored_cookie *stored_new(const ahttp_cookie *cookie)
{
  size_t bytes = cookie->name.len + cookie->value.len + cookie->domain.len +
                 cookie->path.len + 4;
  ah_stored_cookie *stored = ah_malloc(sizeof(*stored) + bytes);
  if (stored == NULL) {
    return NULL;
  }
  *stored = (ah_stored_cookie){.cookie = *cookie};
  char *at = (char *)(stored + 1);
  stored->cookie.size = sizeof(stored->cookie);
  stored->cookie.name = copy_part(&at, cookie->name);
  stored->cookie.value = copy_part(&at, cookie->value);
  stored->cookie.domain = copy_part(&at, cookie->domain);
  stored->cookie.path = copy_part(&at, cookie->path);
  return stored;
}

/* Takes |stored| out of the lists and frees it; its site stays. */
static void store_take_out(ah_cookie_store *store, ah_stored_cookie *stored)
{
  ah_list_remove(&stored->in_site);
  ah_list_remove(&stored->in_all);
  stored->site->count--;
  store->count--;
  ah_free(stored);
}

void ah_cookie_store_remove(ah_cookie_store *store, ah_stored_cookie *stored)
{
  ah_cookie_site *site = stored->site;
  store_take_out(store, stored);
  store_drop_site_if_empty(store, site);
}

void ah_cookie_store_expire(ah_cookie_store *store, int64_t now)
{
  ah_list_node *next;
  for (ah_list_node *node = store->all.next; node != &store->all; node = next) {
    next = node->next;
    if (is_expired(stored_of(node), now)) {
      ah_cookie_store_remove(store, stored_of(node));
    }
  }
}

void ah_cookie_store_clear(ah_cookie_store *store)
{
  ah_list_node *node = ah_list_first(&store->all);
  while (node != NULL) {
    ah_cookie_store_remove(store, stored_of(node));
    node = ah_list_first(&store->all);
  }
  ah_hash_clear(&store->sites);
}

/* --- Too many. -------------------------------------------------------------
 */

/* Of the site's cookies the one not used for longest; NULL if none fits. */
static ah_stored_cookie *site_find_unused(ah_cookie_site *site,
                                          bool spares_secure)
{
  ah_stored_cookie *found = NULL;
  AH_LIST_FOREACH (node, &site->cookies) {
    ah_stored_cookie *stored = stored_of_site(node);
    if ((!spares_secure || !stored->cookie.secure) &&
        (found == NULL || stored->used < found->used)) {
      found = stored;
    }
  }
  return found;
}

static ah_stored_cookie *store_find_unused(ah_cookie_store *store)
{
  ah_stored_cookie *found = NULL;
  AH_LIST_FOREACH (node, &store->all) {
    ah_stored_cookie *stored = stored_of(node);
    if (found == NULL || stored->used < found->used) {
      found = stored;
    }
  }
  return found;
}

/* Section 5.7, the order of removal at its end.  |site| has just got one. */
static void store_evict(ah_cookie_store *store, ah_cookie_site *site,
                        int64_t now)
{
  if (site->count <= AH_COOKIES_PER_SITE_MAX &&
      store->count <= AH_COOKIES_MAX) {
    return;
  }
  ah_cookie_store_expire(store, now); /* not the one it has just got */
  if (site->count > AH_COOKIES_PER_SITE_MAX) {
    ah_stored_cookie *victim = site_find_unused(site, true);
    if (victim == NULL) {
      victim = site_find_unused(site, false);
    }
    store_take_out(store, victim);
  }
  if (store->count > AH_COOKIES_MAX) {
    ah_cookie_store_remove(store, store_find_unused(store));
  }
}

/* --- Storing. --------------------------------------------------------------
 */

/* Step 23: what a new cookie replaces. */
static ah_stored_cookie *site_find_same(ah_cookie_site *site,
                                        const ahttp_cookie *cookie)
{
  AH_LIST_FOREACH (node, &site->cookies) {
    ah_stored_cookie *stored = stored_of_site(node);
    const ahttp_cookie *old = &stored->cookie;
    if (old->host_only == cookie->host_only &&
        ah_str_eq(old->name, cookie->name) &&
        ah_str_eq(old->path, cookie->path) &&
        ah_str_eq(old->domain, cookie->domain)) {
      return stored;
    }
  }
  return NULL;
}

/* Puts |stored| where |old| was, or at the end. */
static void store_link(ah_cookie_store *store, ah_cookie_site *site,
                       ah_stored_cookie *stored, ah_stored_cookie *old)
{
  stored->site = site;
  stored->used = ++store->tick;
  site->count++;
  store->count++;
  if (old != NULL) {
    ah_list_insert_before(&old->in_site, &stored->in_site);
    ah_list_insert_before(&old->in_all, &stored->in_all);
    store_take_out(store, old);
  } else {
    ah_list_push_back(&site->cookies, &stored->in_site);
    ah_list_push_back(&store->all, &stored->in_all);
  }
}

/* Steps 23 and 24 for a cookie that has passed all before. */
static int store_insert(ah_cookie_store *store, const ahttp_cookie *cookie,
                        int64_t now)
{
  ah_cookie_site *site = store_find_site(store, cookie->domain);
  ah_stored_cookie *old = site == NULL ? NULL : site_find_same(site, cookie);
  if (cookie->expires != AHTTP_COOKIE_SESSION && cookie->expires <= now) {
    if (old != NULL) {
      ah_cookie_store_remove(store, old);
    }
    return AHTTP_OK;
  }
  ah_stored_cookie *stored = stored_new(cookie);
  if (stored == NULL) {
    return AHTTP_ENOMEM;
  }
  site = store_make_site(store, cookie->domain);
  if (site == NULL) {
    ah_free(stored);
    return AHTTP_ENOMEM;
  }
  store_link(store, site, stored, old);
  store_evict(store, site, now);
  return AHTTP_OK;
}

/* Lower case, in |buffer|; false if |domain| is not ASCII or has no room. */
static bool lower_ascii(ahttp_str domain, char *buffer, size_t cap)
{
  if (domain.len > cap) {
    return false;
  }
  for (size_t i = 0; i < domain.len; i++) {
    uint8_t c = (uint8_t)domain.ptr[i];
    if (c >= 0x80) {
      return false;
    }
    buffer[i] = (char)ah_char_lower(c);
  }
  return true;
}

/* Steps 8 to 10: the cookie's domain; why not, or NULL. */
static const char *store_choose_domain(const ah_cookie_store *store,
                                       ahttp_cookie *cookie, ahttp_str host,
                                       ahttp_str domain)
{
  cookie->domain = host;
  cookie->host_only = true;
  if (domain.len == 0) {
    return NULL;
  }
  if (ah_cookie_host_is_ip(host)) {
    return ah_str_eq(host, domain) ? NULL
                                   : "its Domain is not the host's address";
  }
  if (store->registrable(domain).len == 0) {
    return ah_str_eq(host, domain) ? NULL : "its Domain is a public suffix";
  }
  if (!ah_cookie_domain_matches(host, domain)) {
    return "its Domain is neither the host nor above it";
  }
  if (!ah_str_eq(store_site_key(store, host), store_site_key(store, domain))) {
    return "its Domain is beyond a public suffix";
  }
  cookie->domain = domain;
  cookie->host_only = false;
  return NULL;
}

/* Step 16: true if a Secure cookie would be hidden by this one. */
static bool store_hides_secure(const ah_cookie_store *store,
                               const ahttp_cookie *cookie, int64_t now)
{
  ah_cookie_site *site = store_find_site(store, cookie->domain);
  if (site == NULL) {
    return false;
  }
  AH_LIST_FOREACH (node, &site->cookies) {
    const ah_stored_cookie *stored = stored_of_site(node);
    const ahttp_cookie *old = &stored->cookie;
    bool overlaps = ah_cookie_domain_matches(old->domain, cookie->domain) ||
                    ah_cookie_domain_matches(cookie->domain, old->domain);
    if (old->secure && !is_expired(stored, now) &&
        ah_str_eq(old->name, cookie->name) && overlaps &&
        ah_cookie_path_matches(cookie->path, old->path)) {
      return true;
    }
  }
  return false;
}

/* Steps 13 to 22; why not, or NULL. */
static const char *store_refusal(const ah_cookie_store *store,
                                 const ah_cookie_target *target,
                                 const ahttp_cookie *cookie, bool has_path,
                                 int64_t now)
{
  if (cookie->secure && !target->is_secure) {
    return "it is Secure and came without TLS";
  }
  if (!cookie->secure && !target->is_secure &&
      store_hides_secure(store, cookie, now)) {
    return "it came without TLS and would hide a Secure one";
  }
  if (cookie->same_site == AHTTP_SAME_SITE_NONE && !cookie->secure) {
    return "it is SameSite=None without being Secure";
  }
  bool is_whole_host =
      cookie->host_only && has_path && ah_str_eq(cookie->path, AH_STR("/"));
  return ah_cookie_prefix_refusal(cookie->name, cookie->value, cookie->secure,
                                  is_whole_host);
}

int ah_cookie_store_receive(ah_cookie_store *store,
                            const ah_cookie_target *target, ahttp_str text,
                            int64_t now, const char **why)
{
  ah_set_cookie parsed;
  int rv = ah_set_cookie_parse(&parsed, text, now, why);
  if (rv != AHTTP_OK) {
    return rv;
  }
  char lower[AH_COOKIE_ATTRIBUTE_BYTES_MAX];
  if (!lower_ascii(parsed.domain, lower, sizeof(lower))) {
    *why = "its Domain is not ASCII";
    return AHTTP_EFIELD;
  }
  ahttp_cookie cookie = {
      .name = parsed.name,
      .value = parsed.value,
      .path = parsed.path.len > 0 ? parsed.path
                                  : ah_cookie_default_path(target->path),
      .expires = parsed.expires,
      .same_site = parsed.same_site,
      .secure = parsed.secure,
      .http_only = parsed.http_only,
  };
  *why = store_choose_domain(store, &cookie, target->host,
                             ah_str(lower, parsed.domain.len));
  if (*why == NULL) {
    *why = store_refusal(store, target, &cookie, parsed.has_path, now);
  }
  return *why == NULL ? store_insert(store, &cookie, now) : AHTTP_EFIELD;
}

/* --- From elsewhere. -------------------------------------------------------
 */

static bool has_byte(ahttp_str text, char byte)
{
  return text.len > 0 && memchr(text.ptr, byte, text.len) != NULL;
}

/* What Set-Cookie cannot say, or would not mean; why not, or NULL. */
static const char *cookie_refusal(const ahttp_cookie *cookie)
{
  size_t pair_len = cookie->name.len + cookie->value.len;
  if (pair_len == 0) {
    return "it has neither name nor value";
  }
  if (pair_len > AH_COOKIE_PAIR_BYTES_MAX) {
    return "its name and value have more than 4096 bytes";
  }
  if (ah_cookie_has_control(cookie->name) ||
      ah_cookie_has_control(cookie->value) ||
      ah_cookie_has_control(cookie->path)) {
    return "it has a control character";
  }
  if (has_byte(cookie->name, '=') || has_byte(cookie->name, ';') ||
      has_byte(cookie->value, ';') || has_byte(cookie->path, ';')) {
    return "its name, value or path has a character that ends it";
  }
  if (cookie->path.len == 0 || cookie->path.ptr[0] != '/') {
    return "its path does not begin with /";
  }
  return NULL;
}

int ah_cookie_store_put(ah_cookie_store *store, const ahttp_cookie *cookie,
                        int64_t now, const char **why)
{
  ahttp_cookie copy = *cookie;
  *why = cookie_refusal(&copy);
  if (*why != NULL) {
    return AHTTP_EFIELD;
  }
  bool has_domain = !ah_cookie_host_is_ip(copy.domain) &&
                    store->registrable(copy.domain).len > 0;
  if (!has_domain) {
    copy.host_only = true;
  }
  bool is_whole_host = copy.host_only && ah_str_eq(copy.path, AH_STR("/"));
  *why = ah_cookie_prefix_refusal(copy.name, copy.value, copy.secure,
                                  is_whole_host);
  return *why == NULL ? store_insert(store, &copy, now) : AHTTP_EFIELD;
}

/* --- Sending. --------------------------------------------------------------
 */

/* Section 5.8.3, step 1; section 5.6.7.1 for Lax by default. */
static bool cookie_fits(const ahttp_cookie *cookie,
                        const ah_cookie_target *target, ahttp_site site)
{
  bool is_host = cookie->host_only
                     ? ah_str_eq(target->host, cookie->domain)
                     : ah_cookie_domain_matches(target->host, cookie->domain);
  if (!is_host || (cookie->secure && !target->is_secure) ||
      !ah_cookie_path_matches(target->path, cookie->path)) {
    return false;
  }
  switch (site) {
  case AHTTP_SITE_SAME:
    return true;
  case AHTTP_SITE_CROSS_TOP:
    return cookie->same_site != AHTTP_SAME_SITE_STRICT;
  case AHTTP_SITE_CROSS:
    return cookie->same_site == AHTTP_SAME_SITE_NONE;
  }
  return false;
}

/* Links |stored| into the matches behind all whose path is not shorter: they
 * come in the order of their creation. */
static void match_add(ah_stored_cookie **first, ah_stored_cookie *stored)
{
  ah_stored_cookie **at = first;
  while (*at != NULL && (*at)->cookie.path.len >= stored->cookie.path.len) {
    at = &(*at)->next_match;
  }
  stored->next_match = *at;
  *at = stored;
}

ah_stored_cookie *ah_cookie_store_match(ah_cookie_store *store,
                                        const ah_cookie_target *target,
                                        ahttp_site site, int64_t now,
                                        bool is_sending)
{
  ah_cookie_site *home = store_find_site(store, target->host);
  ah_stored_cookie *first = NULL;
  if (home == NULL) {
    return NULL;
  }
  AH_LIST_FOREACH (node, &home->cookies) {
    ah_stored_cookie *stored = stored_of_site(node);
    if (is_expired(stored, now) ||
        !cookie_fits(&stored->cookie, target, site)) {
      continue;
    }
    match_add(&first, stored);
    if (is_sending) {
      stored->used = ++store->tick; /* step 3 */
    }
  }
  return first;
}
