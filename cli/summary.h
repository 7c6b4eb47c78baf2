/* SPDX-License-Identifier: MIT */
#ifndef CLI_SUMMARY_H
#define CLI_SUMMARY_H

#include "cli/tally.h"
#include "cli/terminal.h"
#include "cli/text.h"

/* Writes the block at the end of a batch; |elapsed_ns| is how long it took. */
void cli_summary_say(cli_terminal *terminal, const cli_tally *tally,
                     uint64_t elapsed_ns);

/* Units for people: "41.2 GB", "38 ms". */
void cli_append_bytes(cli_text *out, double bytes);
void cli_append_duration(cli_text *out, uint64_t ns);

#endif
