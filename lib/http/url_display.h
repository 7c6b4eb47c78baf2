/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_URL_DISPLAY_H
#define AH_HTTP_URL_DISPLAY_H

#include "http/url.h"

/*
 * Texts made of a URL.  Each is written to |dst|, NUL-terminated and cut at
 * |cap| bytes, and its whole length returned; nothing is written if |cap| is 0.
 */

/* The URL with the password as "[secure]" and the host's A-labels as what they
 * stand for. */
size_t ah_url_display_unicode(const ahttp_url *url, char *dst, size_t cap);

/* The serialization of the origin (URL standard, section 4.7): scheme, host and
 * port, or "null". */
size_t ah_url_origin(const ahttp_url *url, char *dst, size_t cap);

/* Whether the origin is scheme, host and port rather than opaque. */
bool ah_url_has_tuple_origin(const ahttp_url *url);

#endif
