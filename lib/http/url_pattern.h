/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_URL_PATTERN_H
#define AH_HTTP_URL_PATTERN_H

#include "base/arena.h"
#include "http/url.h"

/* Which hosts a pattern means. */
typedef enum ah_pattern_hosts {
  AH_PATTERN_ANY,       /* every one */
  AH_PATTERN_EXACT,     /* that one */
  AH_PATTERN_BELOW,     /* "*.d": those below the domain */
  AH_PATTERN_AND_BELOW, /* "*d": the domain and those below */
} ah_pattern_hosts;

/*
 * A set of URLs, written as in HTTPX: SCHEME://[HOST][:PORT].  The scheme may
 * be "all"; the host may be missing or "*", or begin with "*." or "*".
 */
typedef struct ah_url_pattern {
  ahttp_str scheme; /* lower case; empty: all */
  ah_pattern_hosts hosts;
  ahttp_str host;  /* canonical, without the asterisk; empty: any */
  size_t host_len; /* as it was written, which is what is compared to sort */
  uint16_t port;   /* 0: any */
} ah_url_pattern;

/* Bytes go to |arena|.  AHTTP_OK, AHTTP_EINVAL if |text| is no pattern, or
 * AHTTP_ENOMEM. */
int ah_url_pattern_parse(ah_url_pattern *out, ah_arena *arena, ahttp_str text);

/* A port is compared with the URL's, given or the default of its scheme. */
bool ah_url_pattern_matches(const ah_url_pattern *pattern,
                            const ahttp_url *url);

/*
 * Negative if |a| is more specific than |b| and is to be tried first, positive
 * if less, 0 if neither: first those with a port, then longer hosts, then
 * longer schemes.
 */
int ah_url_pattern_compare(const ah_url_pattern *a, const ah_url_pattern *b);

#endif
