/* SPDX-License-Identifier: MIT */
#ifndef CLI_COOKIES_H
#define CLI_COOKIES_H

#include <ahttp/ahttp.h>

#include "cli/options.h"
#include "cli/terminal.h"
#include "cli/text.h"

/* True if the |word| of a --cookie is cookies to send, not a file of them. */
bool cli_cookie_is_data(const char *word);

/*
 * Makes the jar that all URLs of a run share, with the cookies of the files
 * that |options| name; NULL if they ask for none.  Lines that make no cookie
 * are told on |terminal|.  Returns 0, or sets |problem| and returns -1.
 */
int cli_cookies_open(ahttp_cookie_jar **out, const cli_options *options,
                     cli_terminal *terminal, cli_text *problem);

/* Writes |jar| (may be NULL) to the files that |options| name.  Returns 0, or
 * sets |problem| and returns -1. */
int cli_cookies_save(ahttp_cookie_jar *jar, const cli_options *options,
                     cli_text *problem);

#endif
