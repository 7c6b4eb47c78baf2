/* SPDX-License-Identifier: MIT */
#ifndef CLI_REDACT_H
#define CLI_REDACT_H

#include <stdbool.h>

#include "cli/text.h"

/*
 * Keeps secrets out of records, messages and -v output.
 */

/*
 * Appends |str| with the secrets of every URL in it replaced by "***": what
 * stands before "@" in the authority, and the values of query parameters whose
 * name says secret ("token", "password", "api_key", ...).  |str| may be a URL,
 * a line that only wants to be one, or a sentence with URLs in it.
 */
void cli_redact_urls(cli_text *out, ahttp_str str);

/* True if the value of a field called |name| must not be shown. */
bool cli_field_is_secret(ahttp_str name);

#endif
