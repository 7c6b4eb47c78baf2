/* SPDX-License-Identifier: MIT */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <uv.h>

#include "cli/tally.h"
#include "cli/terminal.h"

/* The progress line: what the tally says, ten times a second at most. */
typedef struct cli_progress cli_progress;

cli_progress *cli_progress_new(uv_loop_t *loop, cli_terminal *terminal,
                               const cli_tally *tally);

/* Takes the line away and frees it from the loop; NULL is allowed. */
void cli_progress_close(cli_progress *progress);

#endif
