/* SPDX-License-Identifier: MIT */
#ifndef AH_CLIENT_PROXY_ENVIRONMENT_H
#define AH_CLIENT_PROXY_ENVIRONMENT_H

#include <stdbool.h>

/* What the environment says of proxies; NULL: nothing.  Strings are the
 * environment's. */
typedef struct ah_proxy_environment {
  const char *http;     /* for http:// URLs */
  const char *https;    /* for https:// URLs */
  const char *all;      /* for those and others */
  const char *no_proxy; /* whom to reach directly */
} ah_proxy_environment;

/*
 * Reads HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY, each in lower case or
 * upper case; lower case comes first, and says "none" if it is empty.  A web
 * server passes a request's field Proxy to CGI programs as HTTP_PROXY: there,
 * where REQUEST_METHOD is set, only http_proxy counts (CVE-2016-5385 and its
 * like).
 */
void ah_proxy_environment_read(ah_proxy_environment *out);

#endif
