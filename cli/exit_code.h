/* SPDX-License-Identifier: MIT */
#ifndef CLI_EXIT_CODE_H
#define CLI_EXIT_CODE_H

#include <stdbool.h>

#include "cli/tally.h"

/* Usage errors, as sysexits.h has them: nothing was fetched. */
#define CLI_EXIT_USAGE 64

/* Output or results could not be written, or a list not read to its end. */
#define CLI_EXIT_IO 11

/* What the program returns after a run; |is_single|: there was one URL, whose
 * own failure is told. */
int cli_exit_code(const cli_tally *tally, bool is_single);

#endif
