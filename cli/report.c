/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "cli/report.h"

#include "cli/redact.h"

void cli_report_clear(cli_report *report)
{
  cli_text_clear(&report->line);
  cli_tally_clear(&report->tally);
}

static void report_count(cli_report *report, const cli_record *record)
{
  const ahttp_response *response = record->response;
  const ahttp_call_info *info = record->info;
  cli_ending ending = {.outcome = record->outcome, .class = record->class};

  if (response != NULL) {
    ending.status = ahttp_response_status(response);
    ending.is_h2 = ahttp_response_version(response) == AHTTP_VERSION_2;
  }
  if (info != NULL) {
    ending.is_reused = info->reused;
    ending.body_bytes = info->bytes_body;
    ending.wait_ns = info->wait_ns;
    ending.total_ns = info->total_ns;
  }
  cli_tally_add(&report->tally, &ending);
}

/* "http.404 https://example.org/x" or "truncated https://...: a sentence". */
static void report_say(cli_report *report, const cli_record *record)
{
  cli_text *line = &report->line;

  cli_text_reset(line);
  if (record->outcome == CLI_OUTCOME_HTTP_ERROR) {
    cli_text_printf(line, "http.%d", ahttp_response_status(record->response));
  } else {
    cli_text_add(line, cli_class_name(record->class));
  }
  size_t head = line->len;
  cli_text_append_byte(line, ' ');
  if (report->show_secrets) {
    cli_text_append_str(line, record->url);
  } else {
    cli_redact_urls(line, record->url);
  }
  if (record->message.len > 0) {
    cli_text_add(line, ": ");
    cli_redact_urls(line, record->message);
  }
  cli_terminal_say(report->terminal, CLI_STYLE_FAILURE, head,
                   cli_text_str(line));
}

void cli_report_end(cli_report *report, const cli_record *record)
{
  bool failed = record->outcome == CLI_OUTCOME_ERROR ||
                record->outcome == CLI_OUTCOME_HTTP_ERROR;

  report_count(report, record);
  if (failed && report->show_failures) {
    report_say(report, record);
  }
  if (report->results != NULL) {
    cli_text_reset(&report->line);
    cli_record_write(&report->line, record);
    cli_outlet_append(report->results, report->line.ptr, report->line.len);
  }
}
