/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_SET_COOKIE_H
#define AH_HTTP_SET_COOKIE_H

#include <ahttp/cookies.h>

enum {
  /* RFC 6265bis, section 5.6: longer cookies are ignored; what all browsers
   * have. */
  AH_COOKIE_PAIR_BYTES_MAX = 4096,
  /* The same: longer attribute values are ignored. */
  AH_COOKIE_ATTRIBUTE_BYTES_MAX = 1024
};

/* Section 5.5: no cookie lives longer than 400 days without being renewed. */
#define AH_COOKIE_AGE_S_MAX ((int64_t)400 * 24 * 60 * 60)

/* What an expiry that is long over, or not after 1970, becomes: the earliest
 * time there is, since 0 is the session. */
#define AH_COOKIE_EXPIRED ((int64_t)1)

/* A Set-Cookie field's value, taken apart.  Views into it. */
typedef struct ah_set_cookie {
  ahttp_str name;
  ahttp_str value;
  ahttp_str domain; /* of the last Domain, without a leading dot, in whatever
                       case; empty: the cookie is for the host alone */
  ahttp_str path;   /* of the last Path; empty: the default path */
  int64_t expires;  /* Max-Age's or Expires' moment, or AHTTP_COOKIE_SESSION */
  ahttp_same_site same_site;
  bool has_path; /* there was a Path attribute, whatever it said */
  bool secure;
  bool http_only;
} ah_set_cookie;

/*
 * Parses |text|, a Set-Cookie field's value, at |now| (seconds since 1970), as
 * RFC 6265bis, section 5.6 has it.  AHTTP_OK; or AHTTP_EFIELD, with the reason
 * in |*why| (static text): it is to be ignored.
 */
int ah_set_cookie_parse(ah_set_cookie *out, ahttp_str text, int64_t now,
                        const char **why);

/* True if |text| has a control character other than HTAB (sections 5.6 and
 * 5.7). */
bool ah_cookie_has_control(ahttp_str text);

/* Why a cookie of this |name| and |value| may not have these attributes (its
 * name's prefix, section 5.4, promises others), or NULL.  |is_whole_host| is
 * true if it is for one host and its path, given and not defaulted, is "/". */
const char *ah_cookie_prefix_refusal(ahttp_str name, ahttp_str value,
                                     bool secure, bool is_whole_host);

#endif
