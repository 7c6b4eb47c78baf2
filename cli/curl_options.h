/* SPDX-License-Identifier: MIT */
#ifndef CLI_CURL_OPTIONS_H
#define CLI_CURL_OPTIONS_H

#include "cli/text.h"

/*
 * Says in |problem| that the option in the first |len| bytes of |word|, with
 * its hyphens, is unknown, and names the nearest one there is: by meaning if
 * curl has it, else by spelling.
 */
void cli_unknown_option_say(const char *word, size_t len, cli_text *problem);

#endif
