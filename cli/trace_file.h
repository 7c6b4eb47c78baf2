/* SPDX-License-Identifier: MIT */
#ifndef CLI_TRACE_FILE_H
#define CLI_TRACE_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include <ahttp/ahttp.h>

#include "cli/text.h"

/*
 * What --trace writes: one line of JSON for every event of the library.  It is
 * written as it happens, so that the last line of a program that hangs or dies
 * says where; a slow reader slows the program down.
 */
typedef struct cli_trace_file cli_trace_file;

/* Opens |name|, "-" for standard output.  NULL if that cannot be done; errno
 * says why. */
cli_trace_file *cli_trace_file_open(const char *name, bool show_secrets);

/* A line about |event|; |n| is the number of the input, 0 if it is of none. */
void cli_trace_file_write(cli_trace_file *file, const ahttp_trace_event *event,
                          uint64_t n);

/* Closes it; NULL is allowed.  Returns 0, or the errno of what could not be
 * written. */
int cli_trace_file_close(cli_trace_file *file);

#endif
