/* SPDX-License-Identifier: MIT */
#ifndef CLI_NET_OPTION_H
#define CLI_NET_OPTION_H

#include "cli/options.h"

/* How the options about sockets take their values; see option_setters.h. */

/* The address family that |min| holds. */
int cli_set_family(cli_options *options, const cli_option *option,
                   const char *value, cli_text *problem);
/* A network interface or, as with curl, a local address; "if!" and "host!" in
 * front say which. */
int cli_set_interface(cli_options *options, const cli_option *option,
                      const char *value, cli_text *problem);
/* A local address, or one of each family. */
int cli_set_local_address(cli_options *options, const cli_option *option,
                          const char *value, cli_text *problem);

/* Fills in what the options say about sockets. */
void cli_net_opts_fill(ahttp_net_opts *net, const cli_options *options);

#endif
