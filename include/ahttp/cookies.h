/* SPDX-License-Identifier: MIT */
#ifndef AHTTP_COOKIES_H
#define AHTTP_COOKIES_H

#include <ahttp/error.h>
#include <ahttp/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Cookies, by RFC 6265bis (draft-ietf-httpbis-rfc6265bis). */

/* The SameSite attribute (RFC 6265bis, section 5.6.7). */
typedef enum ahttp_same_site {
  AHTTP_SAME_SITE_DEFAULT = 0, /* not given: treated as Lax */
  AHTTP_SAME_SITE_NONE = 1,
  AHTTP_SAME_SITE_LAX = 2,
  AHTTP_SAME_SITE_STRICT = 3
} ahttp_same_site;

/* ahttp_cookie.expires of a cookie that ends with the session. */
#define AHTTP_COOKIE_SESSION 0

/* One cookie.  Views that the library gives out are followed by a NUL byte. */
typedef struct ahttp_cookie {
  size_t size;      /* set by AHTTP_COOKIE_INIT */
  ahttp_str name;   /* may be empty, if |value| is not */
  ahttp_str value;  /* as it is sent, quotes included */
  ahttp_str domain; /* a host without port; a leading dot does not count */
  ahttp_str path;   /* begins with "/"; empty: "/" */
  int64_t expires;  /* seconds since 1970-01-01 UTC, or AHTTP_COOKIE_SESSION */
  ahttp_same_site same_site;
  bool host_only; /* for |domain| itself, not for the hosts below it */
  bool secure;    /* for https only, and for this machine itself */
  bool http_only; /* not for scripts in documents; kept, of no effect here */
} ahttp_cookie;

#define AHTTP_COOKIE_INIT AHTTP_SIZED(ahttp_cookie)

/* From where a request comes (RFC 6265bis, section 5.2).  A program that is no
 * browser has nothing to tell: all its requests are of the same site. */
typedef enum ahttp_site {
  AHTTP_SITE_SAME = 0,      /* all cookies */
  AHTTP_SITE_CROSS_TOP = 1, /* a link followed from another site: not those of
                               AHTTP_SAME_SITE_STRICT */
  AHTTP_SITE_CROSS = 2      /* embedded in, or posted from, another site: only
                               those of AHTTP_SAME_SITE_NONE */
} ahttp_site;

#ifdef __cplusplus
}
#endif

#endif
