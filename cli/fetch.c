/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "cli/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <uv.h>

#include "cli/cookies.h"
#include "cli/credentials.h"
#include "cli/engine.h"
#include "cli/exit_code.h"
#include "cli/job.h"
#include "cli/memory.h"
#include "cli/progress.h"
#include "cli/settings.h"
#include "cli/signals.h"
#include "cli/summary.h"

/* How long records may wait to be written together: for a file, and for a
 * reader that wants to see them come. */
#define RESULTS_HOLD_FILE_MS 500
#define RESULTS_HOLD_PIPE_MS 50

typedef struct cli_run {
  uv_loop_t loop;
  const cli_options *options;
  cli_terminal *terminal;
  cli_shared shared;
  ahttp_auth *auth;      /* of all URLs; NULL: none */
  ahttp_cookie_jar *jar; /* all URLs share it; NULL: no cookies */
  cli_draft *draft;
  cli_input *input;
  cli_engine *engine;
  cli_progress *progress;
  cli_signals *signals;
} cli_run;

/* Closes what is open; the loop ends when all of it is gone. */
static void run_close(cli_run *run)
{
  cli_shared *shared = &run->shared;
  ahttp_client_stats stats = {.size = sizeof(stats)};

  if (shared->client != NULL) {
    ahttp_client_get_stats(shared->client, &stats);
    shared->report.tally.conns = stats.conns_made;
    ahttp_client_close(shared->client, NULL, NULL);
  }
  cli_engine_close(run->engine);
  cli_input_close(run->input);
  cli_progress_close(run->progress);
  cli_signals_close(run->signals);
  cli_outlet_close(shared->report.results);
  cli_outlet_close(shared->stream);
}

static void run_on_finished(void *user_data)
{
  run_close(user_data);
}

static void run_on_signal(int number, void *user_data)
{
  cli_run *run = user_data;

  cli_engine_signal(run->engine, number);
}

static void run_on_drained(cli_outlet *outlet, void *user_data)
{
  cli_run *run = user_data;

  cli_engine_drained(run->engine, outlet);
}

/* Events of connections; those of calls go through their jobs. */
static void run_on_trace(const ahttp_trace_event *event, void *user_data)
{
  cli_trace_file_write(user_data, event, 0);
}

/* Says |problem| and returns |code|. */
static int run_refuse(const cli_run *run, cli_text *problem, int code)
{
  cli_terminal_printf(run->terminal, "ahttp: %s", cli_text_chars(problem));
  cli_text_clear(problem);
  return code;
}

static int run_open_trace(cli_run *run, cli_text *problem)
{
  const char *name = run->options->trace;

  if (name == NULL) {
    return 0;
  }
  run->shared.trace = cli_trace_file_open(name, run->options->show_secrets);
  if (run->shared.trace == NULL) {
    cli_text_printf(problem, "cannot write the trace to %s: %s", name,
                    strerror(errno));
    return -1;
  }
  return 0;
}

/* Returns the exit code: |code|, or another one if the trace is not whole. */
static int run_close_trace(cli_run *run, int code)
{
  int error = cli_trace_file_close(run->shared.trace);

  run->shared.trace = NULL;
  if (error == 0) {
    return code;
  }
  cli_terminal_printf(run->terminal, "ahttp: cannot write the trace: %s",
                      strerror(error));
  return code == 0 ? CLI_EXIT_IO : code;
}

static int run_open_client(cli_run *run, cli_text *problem)
{
  cli_shared *shared = &run->shared;
  ahttp_trace trace = AHTTP_TRACE_INIT;

  trace.callback = run_on_trace;
  trace.user_data = shared->trace;
  return cli_client_new(&shared->client, &run->loop, run->options,
                        shared->trace == NULL ? NULL : &trace, run->jar,
                        problem);
}

static int run_open_results(cli_run *run, cli_text *problem)
{
  const char *name = run->options->results;
  struct stat info;

  if (name == NULL) {
    return 0;
  }
  bool is_stdout = strcmp(name, "-") == 0;
  int fd = is_stdout
               ? STDOUT_FILENO
               : open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0 || fstat(fd, &info) != 0) {
    cli_text_printf(problem, "cannot write results to %s: %s", name,
                    strerror(errno));
    return -1;
  }
  uint64_t hold_ms =
      S_ISREG(info.st_mode) ? RESULTS_HOLD_FILE_MS : RESULTS_HOLD_PIPE_MS;
  run->shared.report.results =
      cli_outlet_new(&run->loop, fd, !is_stdout, hold_ms, run_on_drained, run);
  return 0;
}

/* Decides where bodies go. */
static int run_open_sink(cli_run *run, cli_text *problem)
{
  const cli_options *options = run->options;
  cli_shared *shared = &run->shared;
  int fd = STDOUT_FILENO;

  if (options->discard) {
    shared->sink = CLI_SINK_NULL;
    return 0;
  }
  if (!cli_options_is_piped(options)) {
    fd = cli_naming_open_device(options, problem);
    if (fd == -1) {
      shared->sink = CLI_SINK_FILES;
      return cli_naming_init(&shared->naming, options, problem);
    }
    if (fd < 0) {
      return -1;
    }
  } else {
    shared->refuse_binary = options->output == NULL && isatty(fd) == 1;
  }
  shared->sink = CLI_SINK_STREAM;
  shared->stream = cli_outlet_new(&run->loop, fd, fd != STDOUT_FILENO, 0,
                                  run_on_drained, run);
  return 0;
}

/* The line would run through a body that goes to the same terminal. */
static bool run_shows_progress(const cli_run *run)
{
  const cli_options *options = run->options;
  bool shares_terminal =
      cli_options_is_piped(options) && isatty(STDOUT_FILENO) == 1;
  bool wanted = options->progress == CLI_PROGRESS_BAR ||
                (options->progress == CLI_PROGRESS_AUTO &&
                 options->quiet == 0 && !options->verbose);

  return wanted && !shares_terminal && cli_terminal_is_live(run->terminal);
}

static bool run_has_summary(const cli_run *run)
{
  const cli_options *options = run->options;

  return !options->summary_off && options->quiet == 0 &&
         !cli_options_is_piped(options);
}

static void run_init(cli_run *run, const cli_options *options,
                     cli_terminal *terminal)
{
  cli_shared *shared = &run->shared;

  run->options = options;
  run->terminal = terminal;
  shared->options = options;
  shared->report.terminal = terminal;
  shared->report.show_failures = options->quiet < 2;
  shared->report.show_secrets = options->show_secrets;
  if (run_has_summary(run)) {
    shared->report.tally.times =
        cli_calloc(1, sizeof(*shared->report.tally.times));
  }
  shared->report.wants_info = run_has_summary(run) || options->verbose ||
                              options->results != NULL ||
                              run_shows_progress(run);
  shared->transcript = (cli_transcript){terminal, options->show_secrets};
  cli_shared_set_times(shared);
}

/* Opens everything the run needs.  Returns 0, or the exit code. */
static int run_open(cli_run *run)
{
  const cli_options *options = run->options;
  cli_shared *shared = &run->shared;
  cli_text problem = {0};

  if (cli_credentials_open(&run->auth, options, &problem) != 0 ||
      cli_draft_new(&run->draft, options, &problem) != 0 ||
      cli_input_new(&run->input, &run->loop, options->sources,
                    options->source_count, &problem) != 0 ||
      run_open_sink(run, &problem) != 0 ||
      cli_cookies_open(&run->jar, options, run->terminal, &problem) != 0) {
    return run_refuse(run, &problem, CLI_EXIT_USAGE);
  }
  if (run_open_trace(run, &problem) != 0) {
    return run_refuse(run, &problem, CLI_EXIT_IO);
  }
  if (run_open_client(run, &problem) != 0) {
    return run_refuse(run, &problem, CLI_EXIT_USAGE);
  }
  shared->draft = run->draft;
  shared->auth = run->auth;
  if (run_open_results(run, &problem) != 0) {
    return run_refuse(run, &problem, CLI_EXIT_IO);
  }
  run->engine =
      cli_engine_new(&run->loop, shared, run->input, run_on_finished, run);
  return 0;
}

static void run_fetch(cli_run *run)
{
  cli_shared *shared = &run->shared;
  cli_tally *tally = &shared->report.tally;

  tally->started_ns = uv_hrtime();
  run->signals = cli_signals_new(&run->loop, run_on_signal, run);
  if (run_shows_progress(run)) {
    run->progress = cli_progress_new(&run->loop, run->terminal, tally);
  }
  cli_engine_start(run->engine);
  (void)uv_run(&run->loop, UV_RUN_DEFAULT);
  if (run_has_summary(run)) {
    cli_summary_say(run->terminal, tally, uv_hrtime() - tally->started_ns);
  }
}

/* Returns |code|, or that of cookies which could not be saved. */
static int run_save_cookies(cli_run *run, int code)
{
  cli_text problem = {0};

  if (cli_cookies_save(run->jar, run->options, &problem) == 0) {
    return code;
  }
  return run_refuse(run, &problem, code == 0 ? CLI_EXIT_IO : code);
}

static void run_clear(cli_run *run)
{
  ahttp_auth_free(run->auth);
  ahttp_cookie_jar_free(run->jar);
  cli_report_clear(&run->shared.report);
  cli_naming_clear(&run->shared.naming);
  cli_draft_free(run->draft);
  (void)uv_loop_close(&run->loop); /* every handle is closed by now */
}

int cli_fetch(const cli_options *options, cli_terminal *terminal)
{
  cli_run *run = cli_calloc(1, sizeof(*run));
  int rv = uv_loop_init(&run->loop);

  if (rv != 0) {
    cli_terminal_printf(terminal, "ahttp: cannot start: %s", uv_strerror(rv));
    free(run);
    return 1;
  }
  run_init(run, options, terminal);
  int code = run_open(run);
  if (code == 0) {
    run_fetch(run);
    code = cli_exit_code(&run->shared.report.tally,
                         cli_options_is_single(options));
    code = run_save_cookies(run, code);
  } else {
    run_close(run);
    (void)uv_run(&run->loop, UV_RUN_DEFAULT);
  }
  code = run_close_trace(run, code);
  run_clear(run);
  free(run);
  return code;
}
