/* SPDX-License-Identifier: MIT */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/naming.h"
#include "cli/text.h"

/*
 * A body on its way into a file.  What has the final name is complete: bytes go
 * to NAME.part, which is renamed at the end and removed if there is none, or to
 * a file that has no name before.
 *
 * A small body is written with one call; what comes in larger pieces is written
 * as it comes.
 */
typedef struct cli_output cli_output;

struct cli_output {
  const cli_naming *naming;
  cli_text path;      /* the final name; "" before it is claimed */
  size_t name_at;     /* where its last part begins */
  cli_text part;      /* last part of the path of what is written */
  bool unnamed;       /* what is written has no name; |part| is void */
  cli_text pending;   /* bytes not yet written */
  cli_folder *target; /* while open */
  int fd;             /* -1: not open */
  uint64_t number;    /* what the claim added to the name */
  uint64_t received;  /* bytes it was given */
  int64_t length;     /* bytes to come, by the response; -1: unknown */
};

void cli_output_init(cli_output *output, const cli_naming *naming);

/* Frees inside; what is open is discarded. */
void cli_output_clear(cli_output *output);

/* Decides the name; in the order of the input. */
void cli_output_claim(cli_output *output, const cli_facts *facts);

/* The response's head is there: |length| bytes follow, or -1. */
void cli_output_begin(cli_output *output, int64_t length);

/* True if the name has parts that only the response's head can tell. */
bool cli_output_awaits_head(const cli_output *output);

/* Fills those in. */
void cli_output_finish_name(cli_output *output, const cli_facts *facts);

/* Takes |len| bytes.  Returns 0 or an errno. */
int cli_output_write(cli_output *output, const void *data, size_t len);

/* The body is complete: gives the file its name.  Returns 0, or an errno and
 * nothing of it is left. */
int cli_output_commit(cli_output *output);

/* Removes what was written; the claim stays.  Ready for the next claim. */
void cli_output_discard(cli_output *output);

#endif
