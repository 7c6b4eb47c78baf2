/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "cli/tally.h"

#include <stdlib.h>

#include "cli/memory.h"

static void tally_add_status(cli_tally *tally, int status)
{
  if (tally->statuses == NULL) {
    tally->statuses = cli_calloc(CLI_STATUS_MAX, sizeof(*tally->statuses));
  }
  tally->statuses[status]++;
}

void cli_tally_clear(cli_tally *tally)
{
  free(tally->statuses);
  free(tally->times);
  *tally = (cli_tally){0};
}

void cli_tally_add(cli_tally *tally, const cli_ending *ending)
{
  tally->inputs++;
  tally->outcomes[ending->outcome]++;
  tally->body_bytes += ending->body_bytes;
  if (ending->outcome == CLI_OUTCOME_HTTP_ERROR &&
      ending->status < CLI_STATUS_MAX) {
    tally_add_status(tally, ending->status);
  }
  if (ending->class != CLI_CLASS_NONE) {
    tally->classes[ending->class]++;
  }
  if (ending->status == 0) {
    return;
  }
  tally->responses++;
  tally->h2_responses += ending->is_h2 ? 1 : 0;
  tally->reused += ending->is_reused ? 1 : 0;
  if (tally->times != NULL) {
    cli_histogram_add(&tally->times->wait, ending->wait_ns);
    cli_histogram_add(&tally->times->total, ending->total_ns);
  }
}

uint64_t cli_tally_failed(const cli_tally *tally)
{
  return tally->inputs - tally->outcomes[CLI_OUTCOME_OK] -
         tally->outcomes[CLI_OUTCOME_NOT_MODIFIED];
}
