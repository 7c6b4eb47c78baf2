/* SPDX-License-Identifier: MIT */
#ifndef CLI_FETCH_H
#define CLI_FETCH_H

#include "cli/options.h"
#include "cli/terminal.h"

/*
 * Fetches what |options| name and returns the program's exit code.  What a
 * human should know goes to |terminal|.
 */
int cli_fetch(const cli_options *options, cli_terminal *terminal);

#endif
