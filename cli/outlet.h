/* SPDX-License-Identifier: MIT */
#ifndef CLI_OUTLET_H
#define CLI_OUTLET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

/*
 * A descriptor that bytes are written to without ever blocking the loop: a
 * reader that is slow, or a terminal that is stopped, must not make timeouts of
 * servers that are not.
 *
 * A pipe is opened anew through /proc to be non-blocking for us alone: the flag
 * would otherwise be shared with whoever else writes to it.
 */
typedef struct cli_outlet cli_outlet;

/* |is_empty|: nothing is waiting any more.  After an error it is called too;
 * the bytes are gone then.  Never from inside cli_outlet_append(). */
typedef void (*cli_outlet_drained_cb)(cli_outlet *outlet, void *user_data);

/*
 * Makes an outlet on |fd|.  |owned| says whether to close it with the outlet.
 * Bytes are held back for |hold_ms| at most to be written together; 0: not at
 * all.
 */
cli_outlet *cli_outlet_new(uv_loop_t *loop, int fd, bool owned,
                           uint64_t hold_ms, cli_outlet_drained_cb on_drained,
                           void *user_data);

/* Takes |len| bytes.  After an error they are dropped. */
void cli_outlet_append(cli_outlet *outlet, const char *bytes, size_t len);

/* Writes what it can of what is held back. */
void cli_outlet_flush(cli_outlet *outlet);

/* Bytes taken and not yet written. */
size_t cli_outlet_pending(const cli_outlet *outlet);

/* The errno of the write that failed; 0: none. */
int cli_outlet_error(const cli_outlet *outlet);

/* Frees it from the loop; what is pending is dropped.  NULL is allowed. */
void cli_outlet_close(cli_outlet *outlet);

#endif
