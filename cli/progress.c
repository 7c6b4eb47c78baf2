/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "cli/progress.h"

#include <stdlib.h>

#include "cli/memory.h"
#include "cli/summary.h"

#define PERIOD_MS 100

struct cli_progress {
  uv_timer_t timer;
  cli_terminal *terminal;
  const cli_tally *tally;
  cli_text line;
};

static void append_rest_time(cli_text *line, const cli_tally *tally,
                             double seconds)
{
  if (!tally->inputs_are_known || tally->inputs == 0) {
    return;
  }
  double rest = seconds * (double)tally->running / (double)tally->inputs;
  cli_text_add(line, "  ETA ");
  cli_append_duration(line, (uint64_t)(rest * 1e9));
}

static void progress_on_time(uv_timer_t *timer)
{
  cli_progress *progress = timer->data;
  const cli_tally *tally = progress->tally;
  double seconds = (double)(uv_hrtime() - tally->started_ns) / 1e9;
  cli_text *line = &progress->line;

  cli_text_reset(line);
  cli_text_printf(line, "%llu/", (unsigned long long)tally->inputs);
  if (tally->inputs_are_known) {
    cli_text_append_u64(line, tally->inputs + tally->running);
  } else {
    cli_text_append_byte(line, '?');
  }
  cli_text_printf(line, "  ok %llu  fail %llu",
                  (unsigned long long)(tally->inputs - cli_tally_failed(tally)),
                  (unsigned long long)cli_tally_failed(tally));
  if (seconds > 0) {
    cli_text_printf(line, "  %.0f/s  ", (double)tally->inputs / seconds);
    cli_append_bytes(line, (double)tally->body_bytes / seconds);
    cli_text_add(line, "/s");
  }
  cli_text_printf(line, "  jobs %llu", (unsigned long long)tally->running);
  append_rest_time(line, tally, seconds);
  cli_terminal_set_progress(progress->terminal, line->ptr);
}

cli_progress *cli_progress_new(uv_loop_t *loop, cli_terminal *terminal,
                               const cli_tally *tally)
{
  cli_progress *progress = cli_calloc(1, sizeof(*progress));

  progress->terminal = terminal;
  progress->tally = tally;
  (void)uv_timer_init(loop, &progress->timer); /* cannot fail */
  progress->timer.data = progress;
  (void)uv_timer_start(&progress->timer, progress_on_time, PERIOD_MS,
                       PERIOD_MS);
  return progress;
}

static void progress_on_closed(uv_handle_t *handle)
{
  cli_progress *progress = handle->data;

  cli_text_clear(&progress->line);
  free(progress);
}

void cli_progress_close(cli_progress *progress)
{
  if (progress == NULL) {
    return;
  }
  cli_terminal_set_progress(progress->terminal, "");
  uv_close((uv_handle_t *)&progress->timer, progress_on_closed);
}
