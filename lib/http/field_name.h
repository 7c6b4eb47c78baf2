/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_FIELD_NAME_H
#define AH_HTTP_FIELD_NAME_H

#include <ahttp/types.h>

/*
 * The field names the library itself asks for, so that it need not compare
 * strings.  At most 63, for the bit set in ahttp_fields.  Keep in the order of
 * the alphabet.
 */
#define AH_FIELD_MAP(X)                         \
  X(ACCEPT, "accept")                           \
  X(ACCEPT_ENCODING, "accept-encoding")         \
  X(AUTHORIZATION, "authorization")             \
  X(CACHE_CONTROL, "cache-control")             \
  X(CONNECTION, "connection")                   \
  X(CONTENT_DISPOSITION, "content-disposition") \
  X(CONTENT_ENCODING, "content-encoding")       \
  X(CONTENT_LANGUAGE, "content-language")       \
  X(CONTENT_LENGTH, "content-length")           \
  X(CONTENT_LOCATION, "content-location")       \
  X(CONTENT_RANGE, "content-range")             \
  X(CONTENT_TYPE, "content-type")               \
  X(COOKIE, "cookie")                           \
  X(DATE, "date")                               \
  X(ETAG, "etag")                               \
  X(EXPECT, "expect")                           \
  X(HOST, "host")                               \
  X(HTTP2_SETTINGS, "http2-settings")           \
  X(IDEMPOTENCY_KEY, "idempotency-key")         \
  X(KEEP_ALIVE, "keep-alive")                   \
  X(LAST_MODIFIED, "last-modified")             \
  X(LINK, "link")                               \
  X(LOCATION, "location")                       \
  X(PROXY_AUTHENTICATE, "proxy-authenticate")   \
  X(PROXY_AUTHORIZATION, "proxy-authorization") \
  X(PROXY_CONNECTION, "proxy-connection")       \
  X(RANGE, "range")                             \
  X(REFERER, "referer")                         \
  X(RETRY_AFTER, "retry-after")                 \
  X(SERVER, "server")                           \
  X(SET_COOKIE, "set-cookie")                   \
  X(TE, "te")                                   \
  X(TRAILER, "trailer")                         \
  X(TRANSFER_ENCODING, "transfer-encoding")     \
  X(UPGRADE, "upgrade")                         \
  X(USER_AGENT, "user-agent")                   \
  X(VARY, "vary")                               \
  X(WWW_AUTHENTICATE, "www-authenticate")

typedef enum ah_field_id {
#define X(id, name) AH_FIELD_##id,
  AH_FIELD_MAP(X)
#undef X
  AH_FIELD_OTHER,  /* a name that is not in the map */
  AH_FIELD_UNKNOWN /* not looked up yet; never stored */
} ah_field_id;

/* The id of |name| in any case, or AH_FIELD_OTHER; by length and one compare
 * or two. */
ah_field_id ah_field_id_of(ahttp_str name);

/* The lower-case name of a known |id|. */
ahttp_str ah_field_id_name(ah_field_id id);

#endif
