/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "support/trace_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void append(char **to, const char *text, size_t len)
{
  size_t old = strlen(*to);
  *to = realloc(*to, old + len + 2);
  assert_non_null(*to);
  memcpy(*to + old, text, len);
  memcpy(*to + old + len, " ", 2);
}

void trace_log_init(trace_log *log)
{
  memset(log, 0, sizeof(*log));
  log->names = calloc(1, 1);
  log->text = calloc(1, 1);
  assert_non_null(log->names);
  assert_non_null(log->text);
}

void trace_log_clear(trace_log *log)
{
  free(log->names);
  free(log->text);
}

static void log_on_event(const ahttp_trace_event *event, void *user_data)
{
  trace_log *log = user_data;
  const char *name = ahttp_trace_event_name(event->kind);
  assert_string_not_equal(name, "?");
  assert_true(event->time_ns >= log->last_ns);
  assert_true(event->origin.len > strlen("http://"));
  size_t len = strlen(name);
  bool has_failed = len > 7 && strcmp(name + len - 7, ".failed") == 0;
  if (has_failed && event->kind != AHTTP_TRACE_H2_PING_FAILED) {
    assert_non_null(event->error);
    assert_int_not_equal(event->error->code, AHTTP_OK);
  }
  append(&log->names, name, len);
  append(&log->text, event->origin.ptr, event->origin.len);
  append(&log->text, event->text.len == 0 ? "" : event->text.ptr,
         event->text.len);
  if (event->error != NULL) {
    append(&log->text, event->error->text, strlen(event->error->text));
  }
  log->count++;
  log->last_ns = event->time_ns;
  log->last = *event;
  if (log->stop_at != NULL && strcmp(log->stop_at, name) == 0) {
    log->stop(log, event);
  }
}

ahttp_trace trace_log_trace(trace_log *log)
{
  ahttp_trace trace = AHTTP_TRACE_INIT;
  trace.callback = log_on_event;
  trace.user_data = log;
  return trace;
}

void trace_log_expect(trace_log *log, const char *names)
{
  size_t len = strlen(log->names);
  if (len > 0) {
    log->names[len - 1] = '\0';
  }
  assert_string_equal(log->names, names);
  log->names[0] = '\0';
}
