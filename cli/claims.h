/* SPDX-License-Identifier: MIT */
#ifndef CLI_CLAIMS_H
#define CLI_CLAIMS_H

#include <stdbool.h>

#include "cli/text.h"

/*
 * The file names this run has given out.  A name is decided when its line is
 * read, so it depends on the input's order and never on who finishes first.
 *
 * This is the one thing that grows with the list when files are written: twelve
 * bytes a name at full load.  The set keeps 64-bit hashes, not names; two names
 * that share a hash merely cost one of them an unneeded number.
 */
typedef struct cli_claims cli_claims;

cli_claims *cli_claims_new(void);
void cli_claims_free(cli_claims *claims);

/* Tells whether something this run did not put there stands at |path|. */
typedef bool (*cli_claims_exists_fn)(const cli_text *path, void *user_data);

/*
 * Makes |path| one that nobody else in this run has, and that does not exist
 * by |exists|: as it is, or with ".1", ".2" ... before its extension.  Returns
 * that number, 0 for none.  Its NAME.part is claimed with it.
 */
uint64_t cli_claims_take(cli_claims *claims, cli_text *path,
                         cli_claims_exists_fn exists, void *user_data);

#endif
