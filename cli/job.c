/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "cli/job.h"

#include <errno.h>
#include <string.h>

#include "cli/url_text.h"

static ahttp_str str_of(const char *chars)
{
  return (ahttp_str){chars, strlen(chars)};
}

static cli_record job_record(const cli_job *job)
{
  const cli_shared *shared = job->shared;

  return (cli_record){
      .n = job->n,
      .url = cli_text_str(&job->typed),
      .method = cli_draft_method(shared->draft),
      .start = job->start,
      .show_secrets = shared->report.show_secrets,
  };
}

/* What the library says begins with the URL, which the record has already. */
static ahttp_str error_message(const ahttp_error *err)
{
  const char *rest = strstr(err->text, ": ");

  if (strncmp(err->text, "http", 4) == 0 && rest != NULL) {
    return str_of(rest + 2);
  }
  return str_of(err->text[0] != '\0' ? err->text : ahttp_strerror(err->code));
}

/* --- While it runs. ----------------------------------------------------------
 */

/* Ends the call for a reason of ours; the first one counts. */
static void job_stop(cli_job *job, cli_class class, const char *text)
{
  if (job->stopped != CLI_CLASS_NONE) {
    return;
  }
  job->stopped = class;
  job->stopped_text = text;
  ahttp_call_cancel(job->call);
}

static int64_t content_length(const ahttp_response *response)
{
  ahttp_str value;
  int64_t length = 0;

  if (!ahttp_fields_get(ahttp_response_fields(response), "content-length",
                        &value) ||
      value.len == 0 || value.len > 18) {
    return -1;
  }
  for (size_t i = 0; i < value.len; i++) {
    if (value.ptr[i] < '0' || value.ptr[i] > '9') {
      return -1;
    }
    length = length * 10 + (value.ptr[i] - '0');
  }
  return length;
}

/* Notes that the response moves. */
static void job_note_move(cli_job *job)
{
  if (job->shared->idle_ms > 0) {
    job->moved_ns = uv_hrtime();
  }
}

static cli_facts job_facts(const cli_job *job, const ahttp_request *request)
{
  return (cli_facts){.n = job->n, .url = ahttp_request_url(request)};
}

/* A file is for what was asked for, not for an error page. */
static bool job_wants_body(const cli_job *job, int status)
{
  switch (job->shared->sink) {
  case CLI_SINK_NULL:
    return false;
  case CLI_SINK_STREAM:
    return true;
  case CLI_SINK_FILES:
    break;
  }
  return status >= 200 && status < 300 &&
         strcmp(cli_draft_method(job->shared->draft), "HEAD") != 0;
}

/* Fills in what of the file's name comes from the response. */
static void job_finish_name(cli_job *job, ahttp_call *call,
                            const ahttp_response *response)
{
  cli_facts facts = job_facts(job, ahttp_call_request(call));

  facts.status = ahttp_response_status(response);
  (void)ahttp_fields_get(ahttp_response_fields(response), "content-type",
                         &facts.content_type);
  cli_output_finish_name(&job->output, &facts);
}

static int job_on_head(ahttp_call *call, const ahttp_response *response,
                       void *user_data)
{
  cli_job *job = user_data;
  int status = ahttp_response_status(response);

  job_note_move(job);
  job->keeps = job_wants_body(job, status);
  if (job->shared->options->verbose) {
    cli_transcript_response(&job->shared->transcript, job->n, response);
  }
  if (job->keeps && job->shared->sink == CLI_SINK_FILES) {
    cli_output_begin(&job->output, ahttp_response_is_decoded(response)
                                       ? -1
                                       : content_length(response));
    if (cli_output_awaits_head(&job->output)) {
      job_finish_name(job, call, response);
    }
  }
  return 0;
}

static void job_write_stream(cli_job *job, const uint8_t *data, size_t len)
{
  cli_shared *shared = job->shared;

  if (!job->begun && shared->refuse_binary && memchr(data, '\0', len) != NULL) {
    job_stop(job, CLI_CLASS_IO_WRITE,
             "the content is binary; write it to a file with -o FILE, or to "
             "the terminal with -o -");
    return;
  }
  cli_outlet_append(shared->stream, (const char *)data, len);
  if (cli_outlet_error(shared->stream) != 0) {
    int error = cli_outlet_error(shared->stream);
    if (error != EPIPE) { /* then the reader has seen enough: no failure */
      job_stop(job, CLI_CLASS_IO_WRITE, strerror(error));
    }
    shared->on_write_failed(error, shared->user_data);
  } else if (cli_outlet_pending(shared->stream) > 0) {
    job->paused = true;
    ahttp_call_pause(job->call);
  }
}

static void job_write_file(cli_job *job, const uint8_t *data, size_t len)
{
  int rv = cli_output_write(&job->output, data, len);

  if (rv != 0) {
    job_stop(job, CLI_CLASS_IO_WRITE, strerror(rv));
    job->shared->on_write_failed(rv, job->shared->user_data);
  }
}

static int job_on_body(ahttp_call *call, const uint8_t *data, size_t len,
                       void *user_data)
{
  cli_job *job = user_data;

  (void)call;
  job_note_move(job);
  if (!job->keeps) {
    return 0;
  }
  if (job->shared->sink == CLI_SINK_STREAM) {
    job_write_stream(job, data, len);
  } else {
    job_write_file(job, data, len);
  }
  job->begun = true;
  return 0;
}

/* --- Its end. ----------------------------------------------------------------
 */

/* The outcome of a response that arrived whole. */
static void record_set_response(cli_record *record)
{
  int status = ahttp_response_status(record->response);

  if (status == 304) {
    record->outcome = CLI_OUTCOME_NOT_MODIFIED;
  } else if (status >= 300) {
    record->outcome = CLI_OUTCOME_HTTP_ERROR;
    record->message = ahttp_response_reason(record->response);
  } else {
    record->outcome = CLI_OUTCOME_OK;
  }
}

static void record_set_error(cli_record *record, const cli_job *job,
                             const ahttp_error *err)
{
  record->outcome = job->aborted ? CLI_OUTCOME_ABORTED : CLI_OUTCOME_ERROR;
  if (job->stopped != CLI_CLASS_NONE) {
    record->class = job->stopped;
    record->message = str_of(job->stopped_text);
  } else {
    record->class = cli_class_of_error(err, record->info->stream_id >= 0);
    record->message = error_message(err);
  }
}

/* Gives the file its name, or takes it away. */
static void job_end_file(cli_job *job, cli_record *record)
{
  if (job->shared->sink != CLI_SINK_FILES) {
    return;
  }
  if (!job->keeps || record->outcome != CLI_OUTCOME_OK) {
    cli_output_discard(&job->output);
    return;
  }
  int rv = cli_output_commit(&job->output);
  if (rv == 0) {
    record->file = cli_text_chars(&job->output.path);
    return;
  }
  record->outcome = CLI_OUTCOME_ERROR;
  record->class = CLI_CLASS_IO_WRITE;
  record->message = str_of(strerror(rv));
  job->shared->on_write_failed(rv, job->shared->user_data);
}

static void job_on_done(ahttp_call *call, const ahttp_response *response,
                        const ahttp_error *err, void *user_data)
{
  cli_job *job = user_data;
  cli_shared *shared = job->shared;
  ahttp_call_info info; /* record.info, if that is wanted */
  cli_record record = job_record(job);
  bool arrived =
      err == NULL && response != NULL && job->stopped == CLI_CLASS_NONE;

  if (!arrived || shared->report.wants_info) {
    info.size = sizeof(info);
    ahttp_call_get_info(call, &info);
    record.info = &info;
  }
  job->call = NULL;
  record.response = response;
  if (arrived) {
    record_set_response(&record);
  } else {
    record_set_error(&record, job, err);
  }
  job_end_file(job, &record);
  if (shared->options->verbose) {
    cli_transcript_end(&shared->transcript, job->n, record.info);
  }
  cli_report_end(&shared->report, &record);
  shared->on_job_done(job, shared->user_data);
}

static const ahttp_handlers job_handlers = {
    .size = sizeof(ahttp_handlers),
    .on_head = job_on_head,
    .on_body = job_on_body,
    .on_done = job_on_done,
};

/* --- Its beginning. ----------------------------------------------------------
 */

static void job_fail(cli_job *job, cli_class class, const char *message)
{
  cli_record record = job_record(job);

  record.outcome = CLI_OUTCOME_ERROR;
  record.class = class;
  record.message = str_of(message);
  cli_report_end(&job->shared->report, &record);
}

static void job_fail_with(cli_job *job, int code)
{
  const ahttp_error err = {.code = code};

  job_fail(job, cli_class_of_error(&err, false), ahttp_strerror(code));
}

void cli_job_init(cli_job *job, cli_shared *shared)
{
  *job = (cli_job){.shared = shared};
  cli_output_init(&job->output, &shared->naming);
}

void cli_job_clear(cli_job *job)
{
  cli_output_clear(&job->output);
  cli_text_clear(&job->typed);
  cli_text_clear(&job->url);
}

static void job_set_item(cli_job *job, const cli_item *item)
{
  job->n = item->n;
  cli_text_reset(&job->typed);
  cli_text_append_str(&job->typed, item->text);
  job->keeps = false;
  job->begun = false;
  job->paused = false;
  job->aborted = false;
  job->stopped = CLI_CLASS_NONE;
  job->moved_ns = 0;
}

static void job_on_trace(const ahttp_trace_event *event, void *user_data)
{
  const cli_job *job = user_data;

  cli_trace_file_write(job->shared->trace, event, job->n);
}

/* Returns NULL if memory is out. */
static ahttp_call *job_send(cli_job *job, ahttp_request *request)
{
  const cli_shared *shared = job->shared;

  if (shared->auth == NULL && shared->trace == NULL) {
    return ahttp_start(shared->client, request, NULL, &job_handlers, job);
  }
  ahttp_send_opts send = AHTTP_SEND_OPTS_INIT;
  ahttp_trace trace = AHTTP_TRACE_INIT;
  trace.callback = job_on_trace;
  trace.user_data = job;
  send.auth = shared->auth;
  send.trace = shared->trace == NULL ? NULL : &trace;
  return ahttp_start(shared->client, request, &send, &job_handlers, job);
}

bool cli_job_start(cli_job *job, const cli_item *item)
{
  cli_shared *shared = job->shared;
  const char *problem = item->problem;
  ahttp_request *request;

  job_set_item(job, item);
  if (problem == NULL) {
    problem = cli_url_text_problem(item->text);
  }
  if (problem != NULL) {
    job_fail(job, CLI_CLASS_BAD_INPUT, problem);
    return false;
  }
  ahttp_str url = cli_url_complete(&job->url, item->text);
  int rv = cli_draft_make(shared->draft, url, &request);
  if (rv != AHTTP_OK) {
    job_fail_with(job, rv);
    return false;
  }
  if (shared->sink == CLI_SINK_FILES) {
    cli_facts facts = job_facts(job, request);
    cli_output_claim(&job->output, &facts);
  }
  if (shared->options->verbose) {
    cli_transcript_request(&shared->transcript, job->n, request);
  }
  if (shared->report.wants_info) {
    (void)clock_gettime(CLOCK_REALTIME, &job->start); /* cannot fail */
  }
  job->call = job_send(job, request);
  ahttp_request_free(request);
  if (job->call == NULL) {
    job_fail_with(job, AHTTP_ENOMEM);
    return false;
  }
  return true;
}

void cli_job_skip(cli_shared *shared, const cli_item *item)
{
  cli_record record = {
      .n = item->n,
      .url = item->text,
      .method = cli_draft_method(shared->draft),
      .outcome = CLI_OUTCOME_ABORTED,
      .class = shared->abort_class,
      .message = str_of("the run was ended before this was started"),
      .show_secrets = shared->report.show_secrets,
  };

  cli_report_end(&shared->report, &record);
}

void cli_job_abort(cli_job *job)
{
  if (job->call == NULL || job->stopped != CLI_CLASS_NONE) {
    return;
  }
  job->aborted = true;
  job_stop(job, job->shared->abort_class, "the run was ended");
}

void cli_job_check_time(cli_job *job, uint64_t now_ns)
{
  const cli_shared *shared = job->shared;
  ahttp_call_info info = {.size = sizeof(info)};

  if (job->paused) {
    return;
  }
  ahttp_call_get_info(job->call, &info);
  /* Waiting for a connection is our own politeness, not the server's time. */
  uint64_t spent_ns =
      info.phase == AHTTP_PHASE_QUEUE ? 0 : info.total_ns - info.queue_ns;
  if (shared->max_ms > 0 && spent_ns / 1000000 > shared->max_ms) {
    job_stop(job, CLI_CLASS_TIMEOUT_TOTAL, "the transfer took too long");
  } else if (shared->ttfb_ms > 0 && info.phase == AHTTP_PHASE_WAIT &&
             info.wait_ns / 1000000 > shared->ttfb_ms) {
    job_stop(job, CLI_CLASS_TIMEOUT_TTFB, "the response did not begin in time");
  } else if (shared->idle_ms > 0 && job->moved_ns > 0 &&
             now_ns > job->moved_ns &&
             (now_ns - job->moved_ns) / 1000000 > shared->idle_ms) {
    job_stop(job, CLI_CLASS_TIMEOUT_IDLE, "no data arrived in time");
  }
}

void cli_job_resume(cli_job *job)
{
  if (job->paused) {
    job->paused = false;
    job_note_move(job);
    ahttp_call_resume(job->call);
  }
}
