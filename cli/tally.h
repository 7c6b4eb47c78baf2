/* SPDX-License-Identifier: MIT */
#ifndef CLI_TALLY_H
#define CLI_TALLY_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/classes.h"
#include "cli/histogram.h"

#define CLI_STATUS_MAX 1000

/* Why a run ended before its input did. */
typedef enum cli_stop {
  CLI_STOP_NONE = 0,
  CLI_STOP_SIGINT = 1,
  CLI_STOP_SIGTERM = 2,
  CLI_STOP_STDOUT = 3, /* nobody reads standard output any more */
  CLI_STOP_WRITE = 4   /* results or files cannot be written */
} cli_stop;

/* One input's share. */
typedef struct cli_ending {
  cli_outcome outcome;
  cli_class class; /* of an error or abort */
  int status;      /* 0: no response */
  bool is_h2;
  bool is_reused;
  uint64_t body_bytes;
  uint64_t wait_ns;
  uint64_t total_ns;
} cli_ending;

/* How long responses took. */
typedef struct cli_times {
  cli_histogram wait;
  cli_histogram total;
} cli_times;

/* What happened so far, in numbers: the progress line, the summary and the exit
 * code are functions of this alone, so none depends on who finished first. */
typedef struct cli_tally {
  uint64_t inputs; /* ended */
  uint64_t outcomes[CLI_OUTCOME_COUNT];
  uint64_t classes[CLI_CLASS_COUNT]; /* of errors and aborts */
  uint64_t *statuses; /* CLI_STATUS_MAX, of http_error; NULL: there was none */
  uint64_t responses;
  uint64_t h2_responses;
  uint64_t reused;
  uint64_t body_bytes;
  uint64_t conns;        /* connections made */
  cli_times *times;      /* of responses; NULL: nobody wants to know */
  uint64_t running;      /* inputs started and not ended */
  bool inputs_are_known; /* the input has ended: there are |inputs| + |running|
                          */
  uint64_t started_ns;   /* loop time */
  bool is_input_broken;  /* a list could not be read to its end */
  cli_stop stop;         /* the first reason */
} cli_tally;

/* Frees inside. */
void cli_tally_clear(cli_tally *tally);

void cli_tally_add(cli_tally *tally, const cli_ending *ending);

/* Inputs that did not succeed. */
uint64_t cli_tally_failed(const cli_tally *tally);

#endif
