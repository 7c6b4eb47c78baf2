/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_URL_SETTER_H
#define AH_HTTP_URL_SETTER_H

#include "http/url.h"

/* The parts of a URL that have a setter, by the setters' names in the URL
 * standard where those differ. */
typedef enum ah_url_part {
  AH_URL_SCHEME, /* protocol */
  AH_URL_USERNAME,
  AH_URL_PASSWORD,
  AH_URL_HOST_PORT, /* host */
  AH_URL_HOST,      /* hostname */
  AH_URL_PORT,
  AH_URL_PATH,    /* pathname */
  AH_URL_QUERY,   /* search */
  AH_URL_FRAGMENT /* hash */
} ah_url_part;

/*
 * Parses |value| as the setters of the URL standard do (section 6.1) and sets
 * |*out| to |url| with that |part|, its bytes in |arena|.  |url| stays as it
 * is.  AHTTP_OK; AHTTP_EURL and the reason in |*why|, which may be NULL, where
 * the standard would leave the URL alone; or AHTTP_ENOMEM.
 */
int ah_url_set(ahttp_url *out, ah_arena *arena, const ahttp_url *url,
               ah_url_part part, ahttp_str value, const char **why);

#endif
