/* SPDX-License-Identifier: MIT */
#ifndef CLI_PASSWORD_H
#define CLI_PASSWORD_H

#include "cli/text.h"

/*
 * Asks for the password of |user| on the controlling terminal, which does not
 * show it, and appends it to |out|.  Returns 0, or sets |problem| and returns
 * -1: there is no terminal.  An interrupt ends the program as usual.
 */
int cli_password_ask(cli_text *out, const char *user, cli_text *problem);

#endif
