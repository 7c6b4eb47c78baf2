/* SPDX-License-Identifier: MIT */
#ifndef CLI_JOB_H
#define CLI_JOB_H

#include <stdbool.h>
#include <time.h>

#include <ahttp/ahttp.h>

#include "cli/draft.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/report.h"
#include "cli/trace_file.h"
#include "cli/transcript.h"

/* Where bodies go. */
typedef enum cli_sink {
  CLI_SINK_NULL,  /* counted and dropped */
  CLI_SINK_FILES, /* a file each */
  CLI_SINK_STREAM /* the one there is: to standard output or a device */
} cli_sink;

typedef struct cli_job cli_job;

/* What the jobs of a run share. */
typedef struct cli_shared {
  const cli_options *options;
  ahttp_client *client;
  const cli_draft *draft;
  cli_report report;
  cli_transcript transcript;
  cli_sink sink;
  cli_naming naming;     /* of CLI_SINK_FILES */
  cli_outlet *stream;    /* of CLI_SINK_STREAM */
  bool refuse_binary;    /* the stream is a terminal nobody asked for */
  ahttp_auth *auth;      /* of all URLs; NULL: none */
  cli_trace_file *trace; /* NULL: not wanted */
  cli_class abort_class; /* why the run ends early */
  uint32_t ttfb_ms;      /* enforced by cli_job_check_time(); 0: the */
  uint32_t idle_ms;      /* library does, or there is no limit */
  uint32_t max_ms;

  /* A job is over and may be started again. */
  void (*on_job_done)(cli_job *job, void *user_data);
  /* A file could not be written: the errno. */
  void (*on_write_failed)(int error, void *user_data);
  void *user_data;
} cli_shared;

/* One input, from its line to its record.  Used again and again. */
struct cli_job {
  cli_shared *shared;
  cli_job *next; /* the engine's: among the free, or the running ones */
  cli_job *prev;

  uint64_t n;
  cli_text typed; /* the line */
  cli_text url;   /* with its scheme, if that was missing */
  cli_output output;
  ahttp_call *call;      /* NULL: not running */
  struct timespec start; /* wall clock, if records are to have it */
  bool keeps;            /* the body goes to the sink */
  bool begun;            /* some of the body was seen */
  bool paused;           /* the sink is full */
  uint64_t moved_ns;     /* when the response last moved */
  bool aborted;          /* |stopped| because the run ends */
  cli_class stopped;     /* why we ended it ourselves; NONE: we did not */
  const char *stopped_text;
};

void cli_job_init(cli_job *job, cli_shared *shared);
void cli_job_clear(cli_job *job);

/* Starts |item|.  Returns true if it is running: on_job_done follows; or false
 * if it has ended and was reported already. */
bool cli_job_start(cli_job *job, const cli_item *item);

/* Reports |item| as aborted without starting it. */
void cli_job_skip(cli_shared *shared, const cli_item *item);

/* Ends a running job as aborted. */
void cli_job_abort(cli_job *job);

/* Ends a running job that has used up its time. */
void cli_job_check_time(cli_job *job, uint64_t now_ns);

/* The sink has room again. */
void cli_job_resume(cli_job *job);

#endif
