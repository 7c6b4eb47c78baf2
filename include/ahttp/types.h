/* SPDX-License-Identifier: MIT */
#ifndef AHTTP_TYPES_H
#define AHTTP_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Marks what libahttp exports; everything else in the library is hidden. */
#if defined(__GNUC__)
#  define AHTTP_EXTERN __attribute__((visibility("default")))
#else
#  define AHTTP_EXTERN
#endif

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A borrowed run of bytes.  |ptr| may be NULL only when |len| is 0.  Nothing in
 * the library depends on a terminating NUL, but views that the library hands
 * out are followed by one where the function says so.
 */
typedef struct ahttp_str {
  const char *ptr;
  size_t len;
} ahttp_str;

/* A client: connection pool, resolver, TLS settings; see client.h. */
typedef struct ahttp_client ahttp_client;
/* What to send: method, URL, fields, content; see request.h. */
typedef struct ahttp_request ahttp_request;
/* What came back; see response.h. */
typedef struct ahttp_response ahttp_response;
/* An ordered list of field lines (RFC 9110, section 5); see fields.h. */
typedef struct ahttp_fields ahttp_fields;
/* A parsed URL; see url.h. */
typedef struct ahttp_url ahttp_url;
/* Query parameters; see params.h. */
typedef struct ahttp_params ahttp_params;
/* One request on its way; see call.h. */
typedef struct ahttp_call ahttp_call;
/* How requests prove who sends them; see auth.h. */
typedef struct ahttp_auth ahttp_auth;
/* What carries requests, instead of connections; see transport.h. */
typedef struct ahttp_transport ahttp_transport;

/* The protocol version a message was exchanged with. */
typedef enum ahttp_version {
  AHTTP_VERSION_UNKNOWN = 0,
  AHTTP_VERSION_1_0 = 10, /* HTTP/1.0 */
  AHTTP_VERSION_1_1 = 11, /* HTTP/1.1 */
  AHTTP_VERSION_2 = 20    /* HTTP/2 */
} ahttp_version;

#ifdef __cplusplus
}
#endif

/* What the ..._INIT macros of options structs expand to: |size| set, the rest
 * zero. */
#ifdef __cplusplus
template <class T> static inline T ahttp_sized()
{
  T opts = T();
  opts.size = sizeof(T);
  return opts;
}
#  define AHTTP_SIZED(type) ahttp_sized<type>()
#else
#  define AHTTP_SIZED(type) {.size = sizeof(type)}
#endif

#endif
