/* SPDX-License-Identifier: MIT */
#ifndef AHTTP_URL_H
#define AHTTP_URL_H

#include <ahttp/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A URL, parsed once by the WHATWG URL standard (https://url.spec.whatwg.org)
 * and used as parsed for connecting, for Host and in messages.  Host names
 * beyond ASCII become their ASCII form (UTS 46, not transitional).
 *
 * A URL that the library gives out, such as ahttp_request_url(), never changes.
 * One that was parsed or copied belongs to the caller and can be changed, by
 * one thread at a time.
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

/* Makes a copy of |url|, for ahttp_url_free().  Returns AHTTP_OK and sets
 * |*out|, or sets it to NULL and returns AHTTP_ENOMEM. */
AHTTP_EXTERN int ahttp_url_copy(ahttp_url **out, const ahttp_url *url);

/* Frees |url|; NULL is allowed. */
AHTTP_EXTERN void ahttp_url_free(ahttp_url *url);

/* The serialised URL, NUL-terminated; lives as long as |url|. */
AHTTP_EXTERN ahttp_str ahttp_url_href(const ahttp_url *url);

/*
 * Writes |url| for people to |dst|, NUL-terminated and cut at |cap| bytes: the
 * password as "[secure]", the host in its own script.  Returns the length of
 * the whole text, so it was cut if that is not below |cap|; |cap| 0 writes
 * nothing.
 */
AHTTP_EXTERN size_t ahttp_url_display(const ahttp_url *url, char *dst,
                                      size_t cap);

/* Writes the origin, such as "https://example.org:8443", or "null" if it has
 * none but itself, in the same way. */
AHTTP_EXTERN size_t ahttp_url_origin(const ahttp_url *url, char *dst,
                                     size_t cap);

/* True if both have the same scheme, host and port.  URLs whose origin is
 * "null", and blob URLs, never have. */
AHTTP_EXTERN bool ahttp_url_same_origin(const ahttp_url *a, const ahttp_url *b);

/* The parts.  Views into href, alive until |url| is changed or freed, empty
 * when absent. */
AHTTP_EXTERN ahttp_str ahttp_url_scheme(const ahttp_url *url); /* no ":" */
AHTTP_EXTERN ahttp_str ahttp_url_username(const ahttp_url *url);
AHTTP_EXTERN ahttp_str ahttp_url_password(const ahttp_url *url);
AHTTP_EXTERN ahttp_str ahttp_url_host(const ahttp_url *url); /* with "[]" */
AHTTP_EXTERN ahttp_str ahttp_url_path(const ahttp_url *url);
AHTTP_EXTERN ahttp_str ahttp_url_query(const ahttp_url *url);    /* no "?" */
AHTTP_EXTERN ahttp_str ahttp_url_fragment(const ahttp_url *url); /* no "#" */

/* The host and, unless it is the scheme's default one, ":" and the port. */
AHTTP_EXTERN ahttp_str ahttp_url_host_port(const ahttp_url *url);

/* The path and, if there is one, "?" and the query: what a request asks for. */
AHTTP_EXTERN ahttp_str ahttp_url_target(const ahttp_url *url);

/* The port, or the scheme's default one; 0 if the scheme has none. */
AHTTP_EXTERN uint16_t ahttp_url_port(const ahttp_url *url);

/*
 * Sets a part to |value|, which is parsed and encoded as it would be in a whole
 * URL: what could end the part is encoded, so that no value reaches into
 * another part.  An escape that |value| has stays one.  Views of parts and href
 * are not good any more.
 *
 * These are the setters of the URL standard (section 6.1), except that they say
 * so where those do nothing.  Returns AHTTP_OK, or leaves |url| as it is and
 * returns:
 *   AHTTP_EURL     |value| is no such part, or |url| cannot have one
 *   AHTTP_ENOMEM
 */
AHTTP_EXTERN int ahttp_url_set_href(ahttp_url *url, ahttp_str value);
/* To one of the same kind only: http, https, ws, wss, ftp and file, or others.
 * A port that is the new scheme's default disappears. */
AHTTP_EXTERN int ahttp_url_set_scheme(ahttp_url *url, ahttp_str value);
AHTTP_EXTERN int ahttp_url_set_username(ahttp_url *url, ahttp_str value);
AHTTP_EXTERN int ahttp_url_set_password(ahttp_url *url, ahttp_str value);
/* The host, without a port; what comes after "/", "?" or "#" is ignored. */
AHTTP_EXTERN int ahttp_url_set_host(ahttp_url *url, ahttp_str value);
/* The host, and the port if |value| has one. */
AHTTP_EXTERN int ahttp_url_set_host_port(ahttp_url *url, ahttp_str value);
/* The digits that |value| begins with; "" is the default port. */
AHTTP_EXTERN int ahttp_url_set_port(ahttp_url *url, ahttp_str value);
/* Dot segments are resolved. */
AHTTP_EXTERN int ahttp_url_set_path(ahttp_url *url, ahttp_str value);
/* A leading "?" is dropped; "" removes the query.  See ahttp_url_set_params().
 */
AHTTP_EXTERN int ahttp_url_set_query(ahttp_url *url, ahttp_str value);
/* A leading "#" is dropped; "" removes the fragment. */
AHTTP_EXTERN int ahttp_url_set_fragment(ahttp_url *url, ahttp_str value);

#ifdef __cplusplus
}
#endif

#endif
