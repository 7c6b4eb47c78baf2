/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "client/proxy_environment.h"

#include <stdlib.h>

/* The value of |lower|, else that of |upper|; NULL for an empty one. */
static const char *variable_read(const char *lower, const char *upper)
{
  const char *value = getenv(lower);
  if (value == NULL && upper != NULL) {
    value = getenv(upper);
  }
  return value == NULL || value[0] == '\0' ? NULL : value;
}

void ah_proxy_environment_read(ah_proxy_environment *out)
{
  bool is_cgi = getenv("REQUEST_METHOD") != NULL;
  out->http = variable_read("http_proxy", is_cgi ? NULL : "HTTP_PROXY");
  out->https = variable_read("https_proxy", "HTTPS_PROXY");
  out->all = variable_read("all_proxy", "ALL_PROXY");
  out->no_proxy = variable_read("no_proxy", "NO_PROXY");
}
