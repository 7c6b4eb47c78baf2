/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "cli/trace_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <uv.h>

#include "cli/json.h"
#include "cli/memory.h"
#include "cli/redact.h"

struct cli_trace_file {
  FILE *out;
  bool show_secrets;
  int error;
  uint64_t begun_ns;
  cli_text line; /* being put together */
};

cli_trace_file *cli_trace_file_open(const char *name, bool show_secrets)
{
  bool is_stdout = name[0] == '-' && name[1] == '\0';
  FILE *out = is_stdout ? stdout : fopen(name, "we");
  if (out == NULL) {
    return NULL;
  }
  cli_trace_file *file = cli_calloc(1, sizeof(*file));
  file->out = out;
  file->show_secrets = show_secrets;
  file->begun_ns = uv_hrtime();
  return file;
}

static void write_key(cli_text *line, const char *key)
{
  cli_text_add(line, ",\"");
  cli_text_add(line, key);
  cli_text_add(line, "\":");
}

static void write_number(cli_text *line, const char *key, uint64_t value)
{
  if (value > 0) {
    write_key(line, key);
    cli_text_append_u64(line, value);
  }
}

static void write_text(const cli_trace_file *file, cli_text *line,
                       const char *key, ahttp_str value)
{
  cli_text hidden = {0};

  if (value.len == 0) {
    return;
  }
  if (!file->show_secrets) {
    cli_redact_urls(&hidden, value);
    value = cli_text_str(&hidden);
  }
  write_key(line, key);
  cli_json_string(line, value);
  cli_text_clear(&hidden);
}

static void write_error(const cli_trace_file *file, cli_text *line,
                        const ahttp_error *err)
{
  const char *name = ahttp_error_name(err->code);

  write_key(line, "error");
  cli_json_string(line, (ahttp_str){name, strlen(name)});
  write_text(file, line, "msg", (ahttp_str){err->text, strlen(err->text)});
}

void cli_trace_file_write(cli_trace_file *file, const ahttp_trace_event *event,
                          uint64_t n)
{
  cli_text *line = &file->line;

  cli_text_reset(line);
  cli_text_add(line, "{\"t\":");
  cli_json_seconds(line, event->time_ns - file->begun_ns);
  write_key(line, "event");
  const char *name = ahttp_trace_event_name(event->kind);
  cli_json_string(line, (ahttp_str){name, strlen(name)});
  write_number(line, "n", n);
  write_number(line, "dial", event->dial_id);
  write_number(line, "conn", event->conn_id);
  if (event->stream_id >= 0) {
    write_number(line, "stream", (uint64_t)event->stream_id);
  }
  write_text(file, line, "origin", event->origin);
  write_text(file, line, "text", event->text);
  write_number(line, "number", event->number);
  if (event->error != NULL) {
    write_error(file, line, event->error);
  }
  cli_text_add(line, "}\n");
  if (file->error != 0) {
    return;
  }
  if (fwrite(line->ptr, 1, line->len, file->out) != line->len ||
      fflush(file->out) != 0) {
    file->error = errno;
  }
}

int cli_trace_file_close(cli_trace_file *file)
{
  if (file == NULL) {
    return 0;
  }
  int error = file->error;
  if (file->out != stdout && fclose(file->out) != 0 && error == 0) {
    error = errno;
  }
  cli_text_clear(&file->line);
  free(file);
  return error;
}
