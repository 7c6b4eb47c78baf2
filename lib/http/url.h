/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_URL_H
#define AH_HTTP_URL_H

#include <ahttp/url.h>

#include "base/arena.h"

/*
 * A URL parsed by the WHATWG URL standard.  |href| is the serialisation, the
 * parts are views into it.  Immutable; its bytes are in the arena it was parsed
 * into.
 */
struct ahttp_url {
  ahttp_str href;
  ahttp_str scheme;   /* without ":" */
  ahttp_str username; /* percent-encoded */
  ahttp_str password; /* percent-encoded */
  ahttp_str host;     /* canonical: lower case, IPv6 in brackets; |ptr| is NULL
                         only if there is no authority, not even an empty one */
  ahttp_str path;     /* begins with "/" for special schemes */
  ahttp_str query;    /* without "?"; see has_query */
  ahttp_str fragment; /* without "#"; see has_fragment */
  uint16_t port;      /* given or the scheme's default; 0: neither */
  bool has_port;      /* given and not the default: it is in href */
  bool has_query;     /* "?" was there, maybe with nothing after it */
  bool has_fragment;
  bool is_special; /* http, https, ws, wss, ftp, file */
  bool is_ip;      /* the host is an IP address literal */
};

enum {
  /* What Chromium takes.  Longer input is a mistake or an attack, and the
   * serialization, up to three times as long, has to be allocated at once. */
  AH_URL_BYTES_MAX = 2 * 1024 * 1024,
  /* What setters may make of a URL: the longest that a parser can. */
  AH_URL_HREF_MAX = 3 * AH_URL_BYTES_MAX
};

/*
 * Parses |text|, relative to |base| unless that is NULL, into |arena|.
 * AHTTP_OK; AHTTP_EURL and the reason in |*why| (static text, |why| may be
 * NULL); or AHTTP_ENOMEM.  |*out| is zero on failure.
 */
int ah_url_parse(ahttp_url *out, ah_arena *arena, ahttp_str text,
                 const ahttp_url *base, const char **why);

/* The host as a socket or a certificate has it: without brackets. */
ahttp_str ah_url_hostname(const ahttp_url *url);

/* Path and query, contiguous, as an origin-form request target (RFC 9112,
 * section 3.2.1). */
ahttp_str ah_url_target(const ahttp_url *url);

/* Host and port if it is not the default, as in Host and :authority. */
ahttp_str ah_url_authority(const ahttp_url *url);

/* True if scheme, host and port are the same (RFC 6454). */
bool ah_url_same_origin(const ahttp_url *a, const ahttp_url *b);

/* Whether the path is one text rather than segments: "mailto:a@b". */
static inline bool ah_url_has_opaque_path(const ahttp_url *url)
{
  return url->host.ptr == NULL &&
         (url->path.len == 0 || url->path.ptr[0] != '/');
}

/*
 * Writes the URL for people to |dst|, NUL-terminated, cut at |cap|: the
 * password replaced by "[secure]", the fragment kept.  Returns |dst|.
 */
char *ah_url_display(const ahttp_url *url, char *dst, size_t cap);

#endif
