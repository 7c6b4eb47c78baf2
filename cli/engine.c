/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "cli/engine.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/memory.h"

/*
 * The engine.  It pulls inputs into at most |jobs| running jobs; every job that
 * ends pulls the next input.  Nothing grows with the list: an input that cannot
 * be started waits unread.
 *
 * A run passes through its states in order, skipping some:
 *
 *   RUNNING    inputs are pulled and started
 *   DRAINING   it is to end early: inputs that were read are reported as
 *              aborted, running jobs may finish until the grace period is over
 *   ABORTING   running jobs are ended
 *   FLUSHING   all inputs are reported; what was written is still on its way
 *   FINISHED   on_finished was called
 */

/* Inputs handled without a look at the loop: a list of nothing but mistakes
 * must not keep a signal waiting. */
#define PULL_MAX 256

/* Unread records beyond this stop the pulling until the reader catches up. */
#define RESULTS_PENDING_MAX ((size_t)256 * 1024)

/* Own times are checked this often. */
#define CHECK_PERIOD_MS 50

typedef enum engine_state {
  ENGINE_RUNNING,
  ENGINE_DRAINING,
  ENGINE_ABORTING,
  ENGINE_FLUSHING,
  ENGINE_FINISHED
} engine_state;

struct cli_engine {
  engine_state state;
  cli_shared *shared;
  cli_input *input;
  bool input_ended;
  uv_idle_t more;   /* runs while PULL_MAX was not enough */
  uv_timer_t grace; /* until ABORTING */
  uv_timer_t check; /* for times that the jobs check themselves */
  int handles;      /* of these, not closed yet */
  cli_job *jobs;    /* options->jobs; the first |jobs_made| are initialised */
  size_t jobs_made;
  size_t active;
  cli_job *free;    /* by |next| */
  cli_job *running; /* by |next| and |prev| */
  cli_engine_finished_cb on_finished;
  void *user_data;
};

/* A cycle: what is pulled starts jobs, whose ends pull. */
static void engine_pull(cli_engine *engine);

/* --- Jobs. -------------------------------------------------------------------
 */

static cli_job *engine_take_free(cli_engine *engine)
{
  cli_job *job = engine->free;

  if (job == NULL) {
    job = &engine->jobs[engine->jobs_made++];
    cli_job_init(job, engine->shared);
  } else {
    engine->free = job->next;
  }
  return job;
}

static void engine_give_free(cli_engine *engine, cli_job *job)
{
  job->next = engine->free;
  engine->free = job;
}

static void engine_add_running(cli_engine *engine, cli_job *job)
{
  job->prev = NULL;
  job->next = engine->running;
  if (job->next != NULL) {
    job->next->prev = job;
  }
  engine->running = job;
  engine->active++;
}

static void engine_remove_running(cli_engine *engine, cli_job *job)
{
  if (job->prev != NULL) {
    job->prev->next = job->next;
  } else {
    engine->running = job->next;
  }
  if (job->next != NULL) {
    job->next->prev = job->prev;
  }
  engine->active--;
}

static void engine_start(cli_engine *engine, const cli_item *item)
{
  cli_job *job = engine_take_free(engine);

  if (cli_job_start(job, item)) {
    engine_add_running(engine, job);
  } else {
    engine_give_free(engine, job);
  }
}

/* --- The end. ----------------------------------------------------------------
 */

static bool outlet_is_done(const cli_outlet *outlet)
{
  return outlet == NULL || cli_outlet_pending(outlet) == 0;
}

static void engine_finish(cli_engine *engine)
{
  engine->state = ENGINE_FINISHED;
  engine->on_finished(engine->user_data);
}

/* Goes on to the end when nothing is left to do before it. */
static void engine_advance(cli_engine *engine)
{
  cli_outlet *results = engine->shared->report.results;
  bool all_ended = engine->input_ended && engine->active == 0;

  if (engine->state == ENGINE_FINISHED || !all_ended) {
    return;
  }
  engine->state = ENGINE_FLUSHING;
  if (results != NULL) {
    cli_outlet_flush(results);
  }
  if (outlet_is_done(results) && outlet_is_done(engine->shared->stream)) {
    engine_finish(engine);
  }
}

static void engine_abort(cli_engine *engine)
{
  cli_job *next;

  if (engine->state < ENGINE_ABORTING) {
    engine->state = ENGINE_ABORTING;
  }
  for (cli_job *job = engine->running; job != NULL; job = next) {
    next = job->next;
    cli_job_abort(job);
  }
}

static void engine_on_grace_over(uv_timer_t *timer)
{
  engine_abort(timer->data);
}

/* Every input that was read gets its record. */
static void engine_skip_rest(cli_engine *engine)
{
  cli_item item;

  cli_input_stop(engine->input);
  while (!engine->input_ended) {
    cli_input_event event = cli_input_next(engine->input, &item);
    if (event == CLI_INPUT_ITEM) {
      cli_job_skip(engine->shared, &item);
    }
    engine->input_ended = event == CLI_INPUT_END;
  }
}

/* Ends the run early; the first reason is the one that counts.  |grace_ms| is
 * what running jobs still get. */
static void engine_stop(cli_engine *engine, cli_stop reason, uint64_t grace_ms)
{
  cli_tally *tally = &engine->shared->report.tally;

  if (tally->stop != CLI_STOP_NONE || engine->state != ENGINE_RUNNING) {
    return;
  }
  tally->stop = reason;
  bool is_signal = reason == CLI_STOP_SIGINT || reason == CLI_STOP_SIGTERM;
  engine->shared->abort_class =
      is_signal ? CLI_CLASS_SIGNAL : CLI_CLASS_IO_WRITE;
  engine->state = ENGINE_DRAINING;
  engine_skip_rest(engine);
  if (grace_ms == 0) {
    engine_abort(engine);
  } else {
    (void)uv_timer_start(&engine->grace, engine_on_grace_over, grace_ms, 0);
  }
}

/* Says why the program does not end at once. */
static void engine_say_draining(const cli_engine *engine, uint64_t grace_ms)
{
  cli_terminal *terminal = engine->shared->report.terminal;

  if (engine->active > 0 && grace_ms > 0 &&
      engine->shared->options->quiet < 2) {
    cli_terminal_printf(terminal,
                        "ahttp: interrupted; waiting %.3g s at most for %zu "
                        "running; interrupt again to end them",
                        (double)grace_ms / 1000, engine->active);
  }
}

/* --- Pulling. ----------------------------------------------------------------
 */

static bool engine_wants_more(const cli_engine *engine)
{
  const cli_outlet *results = engine->shared->report.results;

  return engine->state == ENGINE_RUNNING && !engine->input_ended &&
         engine->active < engine->shared->options->jobs &&
         (results == NULL || cli_outlet_pending(results) < RESULTS_PENDING_MAX);
}

/* Pulls one input; false if there is none by now. */
static bool engine_pull_one(cli_engine *engine)
{
  cli_item item;

  switch (cli_input_next(engine->input, &item)) {
  case CLI_INPUT_ITEM:
    engine_start(engine, &item);
    return true;
  case CLI_INPUT_FAILED:
    engine->shared->report.tally.is_input_broken = true;
    cli_terminal_printf(engine->shared->report.terminal, "ahttp: %s",
                        item.text.ptr);
    return true;
  case CLI_INPUT_WAIT:
    return false;
  case CLI_INPUT_END:
    break;
  }
  engine->input_ended = true;
  return false;
}

/* A reader that has seen enough need not be told so. */
static void engine_say_unwritable(const cli_engine *engine, const char *what,
                                  int error)
{
  if (error != EPIPE) {
    cli_terminal_printf(engine->shared->report.terminal,
                        "ahttp: cannot write %s: %s", what, strerror(error));
  }
}

/* Results that cannot be written end the run. */
static void engine_check_results(cli_engine *engine)
{
  const cli_outlet *results = engine->shared->report.results;
  int error = results == NULL ? 0 : cli_outlet_error(results);

  if (error == 0 || engine->shared->report.tally.stop != CLI_STOP_NONE) {
    return;
  }
  if (error == EPIPE) {
    engine_stop(engine, CLI_STOP_STDOUT, engine->shared->options->grace_ms);
  } else {
    engine_say_unwritable(engine, "results", error);
    engine_stop(engine, CLI_STOP_WRITE, 0);
  }
}

static void engine_on_more(uv_idle_t *idle)
{
  (void)uv_idle_stop(idle);
  engine_pull(idle->data);
}

static void engine_pull(cli_engine *engine)
{
  unsigned pulled = 0;

  while (engine_wants_more(engine) && pulled < PULL_MAX &&
         engine_pull_one(engine)) {
    pulled++;
  }
  if (pulled == PULL_MAX) {
    (void)uv_idle_start(&engine->more, engine_on_more);
  }
  engine_check_results(engine);
  engine->shared->report.tally.running = engine->active;
  engine->shared->report.tally.inputs_are_known = engine->input_ended;
  engine_advance(engine);
}

/* --- Events. -----------------------------------------------------------------
 */

static void engine_on_input_ready(void *user_data)
{
  engine_pull(user_data);
}

static void engine_on_job_done(cli_job *job, void *user_data)
{
  cli_engine *engine = user_data;

  engine_remove_running(engine, job);
  engine_give_free(engine, job);
  engine_pull(engine);
}

/* Failures that the next file would meet as well. */
static bool write_error_is_lasting(int error)
{
  return error == ENOSPC || error == EDQUOT || error == EROFS || error == EIO;
}

static void engine_on_write_failed(int error, void *user_data)
{
  cli_engine *engine = user_data;

  if (error == EPIPE) {
    engine_stop(engine, CLI_STOP_STDOUT, 0);
  } else if (write_error_is_lasting(error) ||
             engine->shared->sink == CLI_SINK_STREAM) {
    engine_stop(engine, CLI_STOP_WRITE, 0);
  }
}

static void engine_on_check(uv_timer_t *timer)
{
  cli_engine *engine = timer->data;
  uint64_t now_ns = uv_hrtime();
  cli_job *next;

  for (cli_job *job = engine->running; job != NULL; job = next) {
    next = job->next;
    cli_job_check_time(job, now_ns);
  }
}

/* --- Its life. ---------------------------------------------------------------
 */

cli_engine *cli_engine_new(uv_loop_t *loop, cli_shared *shared,
                           cli_input *input, cli_engine_finished_cb on_finished,
                           void *user_data)
{
  cli_engine *engine = cli_calloc(1, sizeof(*engine));

  engine->shared = shared;
  engine->input = input;
  engine->on_finished = on_finished;
  engine->user_data = user_data;
  /* Memory of jobs that are never needed is never touched; the product is
   * small, for the option has a limit. */
  engine->jobs = cli_malloc(shared->options->jobs * sizeof(*engine->jobs));
  engine->more.data = engine;
  engine->grace.data = engine;
  engine->check.data = engine;
  /* These three cannot fail. */
  (void)uv_idle_init(loop, &engine->more);
  (void)uv_timer_init(loop, &engine->grace);
  (void)uv_timer_init(loop, &engine->check);
  engine->handles = 3;
  shared->abort_class = CLI_CLASS_SIGNAL;
  shared->on_job_done = engine_on_job_done;
  shared->on_write_failed = engine_on_write_failed;
  shared->user_data = engine;
  cli_input_set_on_ready(input, engine_on_input_ready, engine);
  return engine;
}

void cli_engine_start(cli_engine *engine)
{
  const cli_shared *shared = engine->shared;

  if (shared->ttfb_ms > 0 || shared->idle_ms > 0 || shared->max_ms > 0) {
    (void)uv_timer_start(&engine->check, engine_on_check, CHECK_PERIOD_MS,
                         CHECK_PERIOD_MS);
  }
  engine_pull(engine);
}

void cli_engine_signal(cli_engine *engine, int number)
{
  cli_stop reason = number == SIGINT ? CLI_STOP_SIGINT : CLI_STOP_SIGTERM;
  /* A lone download is worth nothing half done. */
  bool is_single = cli_options_is_single(engine->shared->options);
  uint64_t grace_ms = is_single ? 0 : engine->shared->options->grace_ms;

  switch (engine->state) {
  case ENGINE_RUNNING:
    engine_stop(engine, reason, grace_ms);
    engine_say_draining(engine, grace_ms);
    break;
  case ENGINE_DRAINING:
    engine_abort(engine);
    break;
  case ENGINE_FLUSHING:
    if (engine->shared->report.tally.stop == CLI_STOP_NONE) {
      engine->shared->report.tally.stop = reason;
    }
    engine_finish(engine);
    break;
  case ENGINE_ABORTING:
  case ENGINE_FINISHED:
    _exit(128 + number);
  }
  engine_advance(engine);
}

void cli_engine_drained(cli_engine *engine, const cli_outlet *outlet)
{
  int error = cli_outlet_error(outlet);

  if (outlet == engine->shared->stream) {
    for (cli_job *job = engine->running; job != NULL; job = job->next) {
      cli_job_resume(job);
    }
    if (error != 0) {
      engine_say_unwritable(engine, "output", error);
      engine_on_write_failed(error, engine);
      engine_abort(engine);
    }
  }
  engine_pull(engine);
}

static void engine_on_closed(uv_handle_t *handle)
{
  cli_engine *engine = handle->data;

  if (--engine->handles > 0) {
    return;
  }
  for (size_t i = 0; i < engine->jobs_made; i++) {
    cli_job_clear(&engine->jobs[i]);
  }
  free(engine->jobs);
  free(engine);
}

void cli_engine_close(cli_engine *engine)
{
  if (engine == NULL) {
    return;
  }
  uv_close((uv_handle_t *)&engine->more, engine_on_closed);
  uv_close((uv_handle_t *)&engine->grace, engine_on_closed);
  uv_close((uv_handle_t *)&engine->check, engine_on_closed);
}
