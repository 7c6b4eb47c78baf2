/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_URL_BUILDER_H
#define AH_HTTP_URL_BUILDER_H

#include "http/url.h"
#include "http/url_host.h"

/*
 * The serialization of a URL while the parser writes it, part after part:
 * scheme, then authority or none, then path, query and fragment.  The parts are
 * kept as offsets.  A URL relative to a base inherits parts of it at the same
 * places.
 */

/* Bytes [start, end) of the serialization. */
typedef struct ah_url_span {
  size_t start;
  size_t end;
} ah_url_span;

typedef struct ah_url_builder {
  char *href; /* |len| bytes, room for |cap|; the parser's memory, or |own| */
  char *own;  /* the builder's memory, or NULL */
  size_t len;
  size_t cap;
  ah_url_span scheme; /* without ":" */
  ah_url_span username;
  ah_url_span password;
  ah_url_span host;
  size_t path_start; /* the path goes up to the query, the fragment or |len| */
  ah_url_span query;
  ah_url_span fragment;
  uint16_t port;         /* if has_port */
  uint16_t default_port; /* the scheme's, or 0 */
  bool has_port;         /* a port other than the default one */
  bool has_authority;    /* the host is not null in the standard's words */
  bool has_query;
  bool has_fragment;
  bool is_special;
  bool is_file;
  bool is_ip;
} ah_url_builder;

/* How much memory the URL from |text_len| bytes of input can need. */
size_t ah_url_builder_room(size_t text_len, const ahttp_url *base);

void ah_url_builder_init(ah_url_builder *b, char *memory, size_t cap);

/* Frees what it allocated; |memory| stays the parser's. */
void ah_url_builder_clear(ah_url_builder *b);

/* Makes room for |len| more bytes than ah_url_builder_room() knew of: the ASCII
 * form of a domain may be longer than three times its UTF-8.  AHTTP_OK or
 * AHTTP_ENOMEM. */
int ah_url_builder_reserve(ah_url_builder *b, size_t len);

/* Writes |scheme| in lower case and ":". */
void ah_url_builder_put_scheme(ah_url_builder *b, ahttp_str scheme);

/* Begins an authority: "//". */
void ah_url_builder_put_authority(ah_url_builder *b);
/* What is before the "@", not yet encoded; nothing if it is empty or ":". */
void ah_url_builder_put_credentials(ah_url_builder *b, ahttp_str text);
/* The same with its parts; nothing if both are empty. */
void ah_url_builder_put_user(ah_url_builder *b, ahttp_str username,
                             ahttp_str password);
void ah_url_builder_put_host(ah_url_builder *b, const ah_url_host *host);
/* Nothing if it is the scheme's default. */
void ah_url_builder_put_port(ah_url_builder *b, uint16_t port);
/* The whole authority of |base|, whose scheme was written, if it has one. */
void ah_url_builder_inherit_authority(ah_url_builder *b, const ahttp_url *base);

/* Writes a path, or some of it, that needs no change. */
void ah_url_builder_put_path(ah_url_builder *b, ahttp_str path);
/* An opaque path with what may not be in it encoded. */
void ah_url_builder_put_opaque_path(ah_url_builder *b, ahttp_str path);
/* One segment of a path, which may be "." or "..".  |is_last|: no slash comes
 * after it, so that a dot segment leaves an empty one behind. */
void ah_url_builder_put_segment(ah_url_builder *b, ahttp_str segment,
                                bool is_last);
/* "Shorten a url's path": drops the last segment, but never a drive letter. */
void ah_url_builder_shorten_path(ah_url_builder *b);

void ah_url_builder_put_query(ah_url_builder *b, ahttp_str query);
/* The query of |base|, if it has one. */
void ah_url_builder_inherit_query(ah_url_builder *b, const ahttp_url *base);
void ah_url_builder_put_fragment(ah_url_builder *b, ahttp_str fragment);

/* Copies the URL into |arena| and sets |*out|.  AHTTP_OK or AHTTP_ENOMEM. */
int ah_url_builder_finish(ah_url_builder *b, ahttp_url *out, ah_arena *arena);

/* http, https, ws, wss, ftp or file, in any case. */
bool ah_url_scheme_is_special(ahttp_str scheme);

/* A Windows drive letter: "C:", or "C|" which is to become it. */
bool ah_url_is_drive(ahttp_str text);

/* Whether the first segment of |path| is a drive letter with a colon. */
bool ah_url_path_has_drive(ahttp_str path);

#endif
