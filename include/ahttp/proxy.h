/* SPDX-License-Identifier: MIT */
#ifndef AHTTP_PROXY_H
#define AHTTP_PROXY_H

#include <ahttp/tls.h>
#include <ahttp/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Proxies.  http:// URLs are forwarded by HTTP and HTTPS proxies; https:// URLs
 * go through a tunnel that the proxy makes (CONNECT), and through SOCKS proxies
 * everything does.
 *
 * What a proxy is told (its credentials and extra fields) reaches no server,
 * and what a server is told in a tunnel no proxy.
 */

/* How an HTTP proxy is told the username and password. */
typedef enum ahttp_proxy_auth {
  AHTTP_PROXY_AUTH_ANY = 0,   /* Basic at once; Digest if it asks for that */
  AHTTP_PROXY_AUTH_BASIC = 1, /* Basic at once, and nothing else */
  AHTTP_PROXY_AUTH_DIGEST = 2 /* Digest, once it asks; the password itself is
                                 never sent */
} ahttp_proxy_auth;

/* A field sent to a proxy. */
typedef struct ahttp_proxy_field {
  const char *name;
  const char *value;
} ahttp_proxy_field;

/* One proxy.  Begin with AHTTP_PROXY_INIT; everything is copied. */
typedef struct ahttp_proxy {
  size_t size; /* set by AHTTP_PROXY_INIT */

  /* "http://", "https://" (TLS to the proxy), "socks5://" (names are resolved
   * here) or "socks5h://" (by the proxy), then [USERNAME:PASSWORD@]HOST[:PORT];
   * percent-encoded where necessary.  Without a scheme: http.  Ports are 80,
   * 443 and 1080 by default. */
  const char *url;
  /* Instead of those in |url|, not percent-encoded; NULL: those. */
  const char *username;
  const char *password; /* NULL with |username|: an empty one */
  ahttp_proxy_auth auth;

  /* For https:// proxies alone: whom to trust and the like.  NULL: the
   * defaults.  The client's own options are for servers, not for proxies. */
  const ahttp_tls_opts *tls;

  /* |field_count| fields for HTTP proxies, in CONNECT and in requests that are
   * forwarded; a request's own field of the same name replaces it in those. */
  const ahttp_proxy_field *fields;
  size_t field_count;
} ahttp_proxy;

#define AHTTP_PROXY_INIT AHTTP_SIZED(ahttp_proxy)

/* A proxy for some URLs. */
typedef struct ahttp_proxy_rule {
  const char *pattern;      /* which, as in ahttp_mount */
  const ahttp_proxy *proxy; /* NULL: none, a direct connection */
} ahttp_proxy_rule;

#ifdef __cplusplus
}
#endif

#endif
