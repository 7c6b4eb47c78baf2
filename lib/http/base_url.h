/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_BASE_URL_H
#define AH_HTTP_BASE_URL_H

#include "http/url.h"

/*
 * Where requests go whose URL is only a path, and what their queries get.
 * Everything is in the arena that the first function was given; zeroed, it
 * changes nothing.
 */
typedef struct ah_base_url {
  ahttp_url url;      /* without query and fragment, its path ends in "/";
                         href.len 0: none */
  ahttp_str params;   /* parameters of every URL that does not have them */
  ahttp_str relative; /* the same of URLs that were joined to |url| */
} ah_base_url;

/*
 * Takes |text|, which may be empty for none, and the parameters |params| (may
 * be NULL).  The query of |text| becomes parameters of what is joined to it.
 * AHTTP_OK; AHTTP_EURL if |text| is no http or https URL; or AHTTP_ENOMEM.
 */
int ah_base_url_init(ah_base_url *base, ah_arena *arena, ahttp_str text,
                     const ahttp_params *params);

/*
 * Parses |text| into |arena|.  With a scheme it is a URL of its own; else it is
 * a path below the base, whatever it begins with, with query and fragment: it
 * never leads to another host.  AHTTP_OK, AHTTP_EURL or AHTTP_ENOMEM.
 */
int ah_base_url_join(ahttp_url *out, ah_arena *arena, const ah_base_url *base,
                     ahttp_str text);

/* Whether |url| is one that requests can be made for: AHTTP_OK, AHTTP_ESCHEME
 * if it is neither http nor https, AHTTP_EURL if it has no host. */
int ah_url_check_http(const ahttp_url *url);

#endif
