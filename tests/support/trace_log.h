/* SPDX-License-Identifier: MIT */
#ifndef AH_TESTS_TRACE_LOG_H
#define AH_TESTS_TRACE_LOG_H

#include <ahttp/ahttp.h>

/* A trace that writes down what it is told, and checks what holds for every
 * event: times do not go back, names and origins are there. */
typedef struct trace_log {
  char *names; /* of all events, each followed by a blank; never NULL */
  char *text;  /* every word of theirs: origins, texts, errors */
  unsigned count;
  uint64_t last_ns;
  ahttp_trace_event last; /* without its pointers */
  const char *stop_at;    /* runs |stop| at the event with this name */
  void (*stop)(struct trace_log *log, const ahttp_trace_event *event);
  void *arg; /* |stop|'s */
} trace_log;

void trace_log_init(trace_log *log);
void trace_log_clear(trace_log *log);

/* To be put into options; tells |log|. */
ahttp_trace trace_log_trace(trace_log *log);

/* Checks that the events since the last look were |names|, separated by blanks,
 * and forgets them. */
void trace_log_expect(trace_log *log, const char *names);

#endif
