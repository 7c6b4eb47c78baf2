/* SPDX-License-Identifier: MIT */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include <stdio.h>

/*
 * Writes the help about |topic| to |file|: NULL for the program, "get",
 * "templates" or "exit".  Returns 0, or -1 if there is no such topic.
 */
int cli_help_print(FILE *file, const char *topic);

/* Writes what this program is and what it is built on. */
void cli_version_print(FILE *file);

#endif
