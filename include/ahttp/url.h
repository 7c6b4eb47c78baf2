/* SPDX-License-Identifier: MIT */
#ifndef AHTTP_URL_H
#define AHTTP_URL_H

#include <ahttp/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A URL, parsed once by the WHATWG URL standard (https://url.spec.whatwg.org)
 * and used as parsed for connecting, for Host and in messages.  Immutable.
 */

/*
 * Parses |text|, against |base| if that is not NULL.  Free with
 * ahttp_url_free().
 *
 * Returns AHTTP_OK and sets |*out|, or sets it to NULL and returns:
 *   AHTTP_EURL     not a URL
 *   AHTTP_ENOMEM
 */
AHTTP_EXTERN int ahttp_url_parse(ahttp_url **out, ahttp_str text,
                                 const ahttp_url *base);

/* Frees |url|; NULL is allowed. */
AHTTP_EXTERN void ahttp_url_free(ahttp_url *url);

/* The serialised URL, NUL-terminated; lives as long as |url|. */
AHTTP_EXTERN ahttp_str ahttp_url_href(const ahttp_url *url);

/* The parts.  Views into href, alive as long as |url|, empty when absent. */
AHTTP_EXTERN ahttp_str ahttp_url_scheme(const ahttp_url *url); /* no ":" */
AHTTP_EXTERN ahttp_str ahttp_url_username(const ahttp_url *url);
AHTTP_EXTERN ahttp_str ahttp_url_password(const ahttp_url *url);
AHTTP_EXTERN ahttp_str ahttp_url_host(const ahttp_url *url); /* with "[]" */
AHTTP_EXTERN ahttp_str ahttp_url_path(const ahttp_url *url);
AHTTP_EXTERN ahttp_str ahttp_url_query(const ahttp_url *url);    /* no "?" */
AHTTP_EXTERN ahttp_str ahttp_url_fragment(const ahttp_url *url); /* no "#" */

/* The port, or the scheme's default one; 0 if the scheme has none. */
AHTTP_EXTERN uint16_t ahttp_url_port(const ahttp_url *url);

#ifdef __cplusplus
}
#endif

#endif
