/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_COOKIE_SCOPE_H
#define AH_HTTP_COOKIE_SCOPE_H

#include <stdbool.h>

#include <ahttp/types.h>

#include "base/arena.h"
#include "http/url.h"

/*
 * Which requests a cookie belongs to: pure functions on canonical hosts (lower
 * case, punycode, IPv6 in brackets), as ahttp_url has them.
 */

/* A request, as cookies see it.  Views into its URL. */
typedef struct ah_cookie_target {
  ahttp_str host;
  ahttp_str path;
  bool is_secure;
} ah_cookie_target;

/*
 * What cookies see of |url|.  "Secure" is https, and, as for browsers and curl,
 * this machine itself: localhost, 127.0.0.0/8 and [::1] (RFC 6265bis, section
 * 5.7, step 13 leaves that to the user agent).  False if it has no host.
 */
bool ah_cookie_target_of(const ahttp_url *url, ah_cookie_target *out);

/* True if |host| is an IP address: it has no domains. */
bool ah_cookie_host_is_ip(ahttp_str host);

/* RFC 6265bis, section 5.1.3: |host| is |domain| or a name below it. */
bool ah_cookie_domain_matches(ahttp_str host, ahttp_str domain);

/* Section 5.1.4: the path of a cookie that names none, a view of |path|. */
ahttp_str ah_cookie_default_path(ahttp_str path);

/* Section 5.1.4: |path| is |cookie_path| or below it. */
bool ah_cookie_path_matches(ahttp_str path, ahttp_str cookie_path);

/*
 * Brings |text|, a host as people write it, with or without a leading dot, into
 * canonical form, in |arena|.  AHTTP_OK, AHTTP_EURL or AHTTP_ENOMEM.
 */
int ah_cookie_host_canonical(ahttp_str text, ah_arena *arena, ahttp_str *out);

#endif
