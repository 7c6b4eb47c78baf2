/* SPDX-License-Identifier: MIT */
#ifndef CLI_CREDENTIALS_H
#define CLI_CREDENTIALS_H

#include <ahttp/ahttp.h>

#include "cli/options.h"
#include "cli/text.h"

/*
 * Makes the authentication that |options| ask for, asking for a password on the
 * terminal if one is missing; NULL if they ask for none.  Returns 0, or sets
 * |problem| and returns -1.
 */
int cli_credentials_open(ahttp_auth **out, const cli_options *options,
                         cli_text *problem);

#endif
