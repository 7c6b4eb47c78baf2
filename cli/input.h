/* SPDX-License-Identifier: MIT */
#ifndef CLI_INPUT_H
#define CLI_INPUT_H

#include <stdint.h>
#include <uv.h>

#include "cli/options.h"
#include "cli/text.h"

/*
 * The URLs of the command line and of its lists, one after the other, pulled:
 * of a list no more than a block of 64 KiB is held.  A regular file is read
 * when its next line is wanted; a pipe or terminal when the loop finds it
 * readable, so a line is acted upon before the next one exists.
 */
typedef struct cli_input cli_input;

typedef enum cli_input_event {
  CLI_INPUT_ITEM,   /* one input */
  CLI_INPUT_WAIT,   /* nothing yet; on_ready follows */
  CLI_INPUT_FAILED, /* a list cannot be read on; |text| says why */
  CLI_INPUT_END     /* that was all */
} cli_input_event;

/* One input; good until the next call. */
typedef struct cli_item {
  uint64_t n;          /* from 1, counting over all sources */
  ahttp_str text;      /* as it was written, surrounding blanks dropped */
  const char *problem; /* what is wrong with the line itself, or NULL */
} cli_item;

typedef void (*cli_input_ready_cb)(void *user_data);

/*
 * Opens the lists among |sources|, which must outlive the input.  Returns 0 and
 * sets |*out|, or sets |problem| and returns -1.  Close with cli_input_close().
 */
int cli_input_new(cli_input **out, uv_loop_t *loop, const cli_source *sources,
                  size_t count, cli_text *problem);

void cli_input_set_on_ready(cli_input *input, cli_input_ready_cb on_ready,
                            void *user_data);

cli_input_event cli_input_next(cli_input *input, cli_item *item);

/* Reads no more: what follows are the whole lines that have been read, and the
 * URLs of the command line. */
void cli_input_stop(cli_input *input);

/* Frees it from the loop; NULL is allowed. */
void cli_input_close(cli_input *input);

#endif
