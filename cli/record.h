/* SPDX-License-Identifier: MIT */
#ifndef CLI_RECORD_H
#define CLI_RECORD_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include <ahttp/ahttp.h>

#include "cli/classes.h"
#include "cli/text.h"

/*
 * What is written about one input: the terminal record, schema version 1.  A
 * member that is absent is unknown; one that is null did not happen.
 */
typedef struct cli_record {
  uint64_t n;
  ahttp_str url; /* as it was written */
  const char *method;
  cli_outcome outcome;
  cli_class class;                /* CLI_CLASS_NONE unless error or aborted */
  ahttp_str message;              /* a sentence about it */
  const ahttp_response *response; /* NULL: no head arrived */
  const ahttp_call_info *info;    /* NULL: nothing was sent, or
                                     nobody wants to know */
  struct timespec start;          /* when |info| began; wall clock */
  const char *file;               /* where the body is; NULL: nowhere */
  bool show_secrets;
} cli_record;

/* Appends |record| as one line of JSON, with its newline. */
void cli_record_write(cli_text *out, const cli_record *record);

#endif
