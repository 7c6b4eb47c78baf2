/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_COOKIE_STORE_H
#define AH_HTTP_COOKIE_STORE_H

#include <ahttp/cookies.h>

#include "base/hash.h"
#include "base/list.h"
#include "http/cookie_scope.h"
#include "http/set_cookie.h"

enum {
  /* Cookies of one registrable domain.  RFC 6265bis, section 6.1, asks for 50
   * a domain at least; Chrome has 180, too. */
  AH_COOKIES_PER_SITE_MAX = 180,
  /* Cookies in all; section 6.1 asks for 3000 at least. */
  AH_COOKIES_MAX = 3000,
  /* Bytes of a Cookie field.  Servers take 8 to 16 KiB for all of a request's
   * fields, nghttp2 sends 64; what has no room in this would only have the
   * request refused. */
  AH_COOKIE_HEADER_BYTES_MAX = 32 * 1024
};

/*
 * The registrable domain of the canonical name |host| (no IP address): its
 * public suffix and one label more, a view of its end.  Empty if |host| is a
 * public suffix itself.
 */
typedef ahttp_str (*ah_registrable_fn)(ahttp_str host);

/* A cookie in a store.  Its bytes are behind it. */
typedef struct ah_stored_cookie ah_stored_cookie;
struct ah_stored_cookie {
  ahttp_cookie cookie;
  ah_list_node in_site; /* in its site's list, the oldest first */
  ah_list_node in_all;  /* in the store's, the oldest first */
  struct ah_cookie_site *site;
  uint64_t used; /* store->tick when it was stored or sent last */
  ah_stored_cookie *next_match; /* of the last ah_cookie_store_match() */
};

/* All cookies of one registrable domain, or of one host that has none. */
typedef struct ah_cookie_site {
  ah_hash_entry entry;
  ah_list cookies;
  size_t count; /* > 0, but while one is added */
} ah_cookie_site;

/* A cookie store (RFC 6265bis, section 5.7).  No clock: |now| is in seconds
 * since 1970. */
typedef struct ah_cookie_store {
  ah_hash sites;
  ah_list all;
  size_t count;  /* in |all| */
  uint64_t tick; /* goes on with every use */
  ah_registrable_fn registrable;
} ah_cookie_store;

void ah_cookie_store_init(ah_cookie_store *store,
                          ah_registrable_fn registrable);
void ah_cookie_store_clear(ah_cookie_store *store);

/*
 * Stores what |text|, a Set-Cookie field's value in the answer to a request for
 * |target|, says.  AHTTP_OK; AHTTP_EFIELD and |*why| if it is to be ignored; or
 * AHTTP_ENOMEM.
 */
int ah_cookie_store_receive(ah_cookie_store *store,
                            const ah_cookie_target *target, ahttp_str text,
                            int64_t now, const char **why);

/*
 * Puts |cookie| in, whose domain is canonical.  One that has expired only
 * removes what it would replace.  AHTTP_OK; AHTTP_EFIELD and |*why| if it is
 * not valid; or AHTTP_ENOMEM.
 */
int ah_cookie_store_put(ah_cookie_store *store, const ahttp_cookie *cookie,
                        int64_t now, const char **why);

/*
 * The cookies for a request to |target|, linked by next_match in the order they
 * are to be sent in (section 5.8.3); NULL if there are none.  Takes time by how
 * many there are of the target's site.  |is_sending| counts it as a use.
 */
ah_stored_cookie *ah_cookie_store_match(ah_cookie_store *store,
                                        const ah_cookie_target *target,
                                        ahttp_site site, int64_t now,
                                        bool is_sending);

void ah_cookie_store_remove(ah_cookie_store *store, ah_stored_cookie *stored);

/* Removes what has expired by |now|. */
void ah_cookie_store_expire(ah_cookie_store *store, int64_t now);

#endif
