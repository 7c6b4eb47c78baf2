/* SPDX-License-Identifier: MIT */
#ifndef CLI_PROXY_OPTION_H
#define CLI_PROXY_OPTION_H

#include "cli/options.h"

/* How the options about proxies take their values; see option_setters.h. */

/* The kind of authentication that |min| holds. */
int cli_set_proxy_auth(cli_options *options, const cli_option *option,
                       const char *value, cli_text *problem);

/* What the options about proxies come to, and the memory for it. */
typedef struct cli_proxy {
  ahttp_proxy opts;
  ahttp_tls_opts tls;
  char *username; /* owned; of --proxy-user */
} cli_proxy;

/*
 * Fills |*out|, to be cleared, and with it the client's options in |client|.
 * Returns 0; or sets |problem| and returns -1 if the options need a --proxy
 * that is not there.
 */
int cli_proxy_fill(cli_proxy *out, ahttp_client_opts *client,
                   const cli_options *options, cli_text *problem);
void cli_proxy_clear(cli_proxy *proxy);

#endif
