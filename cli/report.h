/* SPDX-License-Identifier: MIT */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include "cli/options.h"
#include "cli/outlet.h"
#include "cli/record.h"
#include "cli/tally.h"
#include "cli/terminal.h"

/*
 * Where the end of every input is told, once: as a record in the results, in
 * the tally, and as a line on standard error if it failed.
 */
typedef struct cli_report {
  cli_outlet *results; /* NULL: not wanted */
  cli_terminal *terminal;
  cli_tally tally;
  bool show_failures;
  bool wants_info; /* records are to say how the calls went */
  bool show_secrets;
  cli_text line; /* being put together */
} cli_report;

void cli_report_clear(cli_report *report);

void cli_report_end(cli_report *report, const cli_record *record);

#endif
