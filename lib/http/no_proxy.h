/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_NO_PROXY_H
#define AH_HTTP_NO_PROXY_H

#include <stdbool.h>

#include "http/url.h"

/*
 * True if |list|, as in NO_PROXY, says that |url| is to be reached directly.
 * Items are separated by commas or white space:
 *
 *   *                 everything
 *   example.org       that host and those below
 *   .example.org      those below; the same with "*." in front
 *   10.0.0.1          an address; IPv6 in brackets or without
 *   10.0.0.0/8        a network
 *   item:8080         only at that port, given in the URL or its default
 *   http://item       only for that scheme; "all" is every one
 *
 * Letters' case and a dot at the end of a name do not matter; what is none of
 * these matches nothing.
 */
bool ah_no_proxy_matches(ahttp_str list, const ahttp_url *url);

#endif
