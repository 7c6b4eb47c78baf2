/* SPDX-License-Identifier: MIT */
#ifndef CLI_NAMING_H
#define CLI_NAMING_H

#include <stdbool.h>

#include "cli/claims.h"
#include "cli/folders.h"
#include "cli/options.h"
#include "cli/template.h"

/* How the files of a run get their names; shared by its outputs. */
typedef struct cli_naming {
  cli_template *template;
  const char *folder; /* -P; NULL: the current one */
  cli_folders *folders;
  cli_claims *claims;
  bool overwrite; /* an existing file is replaced; else the name is numbered */
} cli_naming;

/* Returns 0, or sets |problem| and returns -1.  Clear in either case. */
int cli_naming_init(cli_naming *naming, const cli_options *options,
                    cli_text *problem);
void cli_naming_clear(cli_naming *naming);

/*
 * The descriptor of what -o names if that is no regular file but a device or
 * pipe, which is written to directly; -1 if it is one, or does not exist, or
 * there is no -o.  -2, and |problem| set, if it cannot be written.
 */
int cli_naming_open_device(const cli_options *options, cli_text *problem);

#endif
