/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "cli/summary.h"

#include <stdio.h>

/* Kinds of failure told; the results file has them all. */
#define KINDS_MAX 8

typedef struct failure_kind {
  char name[24];
  uint64_t count;
} failure_kind;

void cli_append_bytes(cli_text *out, double bytes)
{
  static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
  size_t unit = 0;

  while (bytes >= 999.5 && unit + 1 < sizeof(units) / sizeof(*units)) {
    bytes /= 1000;
    unit++;
  }
  cli_text_printf(out, unit == 0 || bytes >= 99.95 ? "%.0f %s" : "%.1f %s",
                  bytes, units[unit]);
}

void cli_append_duration(cli_text *out, uint64_t ns)
{
  double ms = (double)ns / 1e6;

  if (ms < 9.95) {
    cli_text_printf(out, "%.1f ms", ms);
  } else if (ms < 999.5) {
    cli_text_printf(out, "%.0f ms", ms);
  } else if (ms < 59.95e3) {
    cli_text_printf(out, "%.1f s", ms / 1e3);
  } else {
    unsigned long long seconds = (unsigned long long)(ms / 1e3);
    cli_text_printf(out, "%02llu:%02llu:%02llu", seconds / 3600,
                    seconds / 60 % 60, seconds % 60);
  }
}

static void append_counts(cli_text *line, const cli_tally *tally,
                          uint64_t elapsed_ns)
{
  double seconds = (double)elapsed_ns / 1e9;
  uint64_t aborted = tally->outcomes[CLI_OUTCOME_ABORTED];
  uint64_t failed = cli_tally_failed(tally) - aborted;

  cli_text_printf(line, "%llu %s  %llu ok  %llu failed",
                  (unsigned long long)tally->inputs,
                  tally->inputs == 1 ? "URL" : "URLs",
                  (unsigned long long)(tally->inputs - failed - aborted),
                  (unsigned long long)failed);
  if (aborted > 0) {
    cli_text_printf(line, "  %llu aborted", (unsigned long long)aborted);
  }
  cli_text_add(line, "  in ");
  cli_append_duration(line, elapsed_ns);
  cli_text_add(line, "  ");
  if (seconds > 0) {
    cli_text_printf(line, "%.0f req/s  ", (double)tally->inputs / seconds);
  }
  cli_append_bytes(line, (double)tally->body_bytes);
  if (seconds > 0) {
    cli_text_add(line, "  ");
    cli_append_bytes(line, (double)tally->body_bytes / seconds);
    cli_text_add(line, "/s");
  }
  cli_text_printf(line, "  %llu %s", (unsigned long long)tally->conns,
                  tally->conns == 1 ? "connection" : "connections");
  if (tally->h2_responses > 0) {
    cli_text_printf(line, "  h2 %.0f %%",
                    100 * (double)tally->h2_responses /
                        (double)tally->responses);
  }
}

static void append_percentiles(cli_text *line, const char *name,
                               const cli_histogram *histogram)
{
  static const double percents[] = {50, 90, 99};

  cli_text_add(line, name);
  for (size_t i = 0; i < sizeof(percents) / sizeof(*percents); i++) {
    cli_text_printf(line, " p%.0f ", percents[i]);
    cli_append_duration(line,
                        cli_histogram_percentile_ns(histogram, percents[i]));
    cli_text_append_byte(line, ' ');
  }
  cli_text_add(line, " max ");
  cli_append_duration(line, histogram->max_ns);
}

/* Keeps |kinds| sorted by count, the largest first. */
static void kinds_add(failure_kind *kinds, size_t *count,
                      const failure_kind *added)
{
  size_t at = *count;

  while (at > 0 && kinds[at - 1].count < added->count) {
    at--;
  }
  if (at >= KINDS_MAX) {
    return;
  }
  if (*count < KINDS_MAX) {
    (*count)++;
  }
  for (size_t i = *count - 1; i > at; i--) {
    kinds[i] = kinds[i - 1];
  }
  kinds[at] = *added;
}

static void append_kinds(cli_text *line, const cli_tally *tally)
{
  failure_kind kinds[KINDS_MAX];
  size_t count = 0;

  for (int i = 0; i < CLI_STATUS_MAX && tally->statuses != NULL; i++) {
    failure_kind added = {.count = tally->statuses[i]};
    (void)snprintf(added.name, sizeof(added.name), "http.%d", i);
    if (added.count > 0) {
      kinds_add(kinds, &count, &added);
    }
  }
  for (size_t i = 0; i < CLI_CLASS_COUNT; i++) {
    failure_kind added = {.count = tally->classes[i]};
    (void)snprintf(added.name, sizeof(added.name), "%s",
                   cli_class_name((cli_class)i));
    if (added.count > 0) {
      kinds_add(kinds, &count, &added);
    }
  }
  cli_text_add(line, "failed:");
  for (size_t i = 0; i < count; i++) {
    cli_text_printf(line, "%s %s %llu", i > 0 ? " " : "", kinds[i].name,
                    (unsigned long long)kinds[i].count);
  }
}

void cli_summary_say(cli_terminal *terminal, const cli_tally *tally,
                     uint64_t elapsed_ns)
{
  cli_text line = {0};

  append_counts(&line, tally, elapsed_ns);
  cli_terminal_say(terminal, CLI_STYLE_PLAIN, 0, cli_text_str(&line));
  if (tally->responses > 0) {
    cli_text_reset(&line);
    append_percentiles(&line, "wait", &tally->times->wait);
    append_percentiles(&line, "   total", &tally->times->total);
    cli_terminal_say(terminal, CLI_STYLE_PLAIN, 0, cli_text_str(&line));
  }
  if (cli_tally_failed(tally) > 0) {
    cli_text_reset(&line);
    append_kinds(&line, tally);
    cli_terminal_say(terminal, CLI_STYLE_FAILURE, sizeof("failed:") - 1,
                     cli_text_str(&line));
  }
  cli_text_clear(&line);
}
