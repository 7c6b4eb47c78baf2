/* SPDX-License-Identifier: MIT */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <stdint.h>

#include "cli/text.h"

/*
 * Writing JSON (RFC 8259) into a text.  Hand-written because a record per URL
 * is on the program's hot path: no tree, no allocation.
 */

/* Appends |str| as a string.  Bytes that are not UTF-8 become U+FFFD. */
void cli_json_string(cli_text *out, ahttp_str str);

/* Appends |ns| as seconds with nine digits at most, such as 0.081. */
void cli_json_seconds(cli_text *out, uint64_t ns);

#endif
