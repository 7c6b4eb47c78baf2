/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "support/client_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What a test did not set must not depend on how busy the machine is: the
 * defaults of 5 s are short under valgrind. */
static void be_patient(uint32_t *timeout_ms)
{
  enum {
    PATIENCE_MS = 60000
  };
  if (*timeout_ms == 0) {
    *timeout_ms = PATIENCE_MS;
  }
}

void client_run_open(client_run *run, ahttp_client_opts *opts)
{
  ahttp_client_opts own = AHTTP_CLIENT_OPTS_INIT;
  if (opts == NULL) {
    opts = &own;
  }
  memset(run, 0, sizeof(*run));
  assert_int_equal(uv_loop_init(&run->loop), 0);
  opts->loop = &run->loop;
  be_patient(&opts->connect_ms);
  be_patient(&opts->read_ms);
  be_patient(&opts->write_ms);
  assert_int_equal(ahttp_client_new(&run->client, opts), AHTTP_OK);
}

static int record_on_informational(ahttp_call *call,
                                   const ahttp_response *response, void *arg)
{
  call_record *record = arg;
  (void)call;
  assert_int_equal(record->dones, 0);
  assert_in_range(ahttp_response_status(response), 100, 199);
  record->informationals++;
  return 0;
}

static int record_on_head(ahttp_call *call, const ahttp_response *response,
                          void *arg)
{
  call_record *record = arg;
  assert_int_equal(record->heads, 0);
  assert_int_equal(record->dones, 0);
  record->heads++;
  record->status = ahttp_response_status(response);
  record->version = ahttp_response_version(response);
  if (record->action == RECORD_CANCEL_AT_HEAD) {
    ahttp_call_cancel(call);
  }
  return 0;
}

/* Doubles: bodies of megabytes come in small pieces. */
static void record_append(call_record *record, const uint8_t *data, size_t len)
{
  size_t need = record->content_len + len + 1;
  if (need > record->content_cap) {
    record->content_cap = need * 2;
    record->content = realloc(record->content, record->content_cap);
    assert_non_null(record->content);
  }
  memcpy(record->content + record->content_len, data, len);
  record->content_len += len;
  record->content[record->content_len] = '\0';
}

static int record_on_body(ahttp_call *call, const uint8_t *data, size_t len,
                          void *arg)
{
  call_record *record = arg;
  assert_int_equal(record->heads, 1);
  assert_int_equal(record->dones, 0);
  assert_int_not_equal(len, 0);
  record_append(record, data, len);
  if (record->action == RECORD_CANCEL_AT_BODY) {
    ahttp_call_cancel(call);
  } else if (record->action == RECORD_PAUSE_AT_BODY) {
    ahttp_call_pause(call);
  }
  return record->action == RECORD_FAIL_AT_BODY ? 1 : 0;
}

static int record_on_trailers(ahttp_call *call, const ahttp_fields *trailers,
                              void *arg)
{
  call_record *record = arg;
  (void)call;
  record->trailers++;
  ahttp_field field = ahttp_fields_at(trailers, 0);
  (void)snprintf(record->trailer, sizeof(record->trailer), "%.*s",
                 (int)field.value.len, field.value.ptr);
  return 0;
}

static void record_on_upload(ahttp_call *call, uint64_t sent, void *arg)
{
  call_record *record = arg;
  (void)call;
  assert_true(sent >= record->uploaded);
  record->uploaded = sent;
}

static void record_on_done(ahttp_call *call, const ahttp_response *response,
                           const ahttp_error *err, void *arg)
{
  call_record *record = arg;
  assert_int_equal(record->dones, 0);
  record->dones++;
  if (err != NULL) {
    record->error = *err;
    record->code = err->code;
    assert_int_not_equal(err->code, AHTTP_OK);
    assert_int_not_equal(err->text[0], '\0');
  } else {
    assert_non_null(response);
  }
  record->info.size = sizeof(record->info);
  ahttp_call_get_info(call, &record->info);
  record->info.remote_address = NULL; /* dies with the call */
  record->call = NULL;
  record->run->calls_pending--;
}

void client_run_start_request(client_run *run, call_record *record,
                              ahttp_request *request,
                              const ahttp_send_opts *opts)
{
  ahttp_handlers handlers = AHTTP_HANDLERS_INIT;
  handlers.on_informational = record_on_informational;
  handlers.on_head = record_on_head;
  handlers.on_body = record_on_body;
  handlers.on_trailers = record_on_trailers;
  handlers.on_upload = record_on_upload;
  handlers.on_done = record_on_done;
  record->run = run;
  run->calls_pending++;
  record->call = ahttp_start(run->client, request, opts, &handlers, record);
  assert_non_null(record->call);
}

void client_run_start(client_run *run, call_record *record, const char *method,
                      const char *url, const ahttp_send_opts *opts)
{
  ahttp_request *request;
  assert_int_equal(ahttp_request_new(&request, method, url), AHTTP_OK);
  client_run_start_request(run, record, request, opts);
  ahttp_request_free(request);
}

void client_run_wait(client_run *run)
{
  while (run->calls_pending > 0) {
    (void)uv_run(&run->loop, UV_RUN_ONCE);
  }
}

void client_run_until(client_run *run, const bool *flag)
{
  while (!*flag) {
    (void)uv_run(&run->loop, UV_RUN_ONCE);
  }
}

void client_run_get(client_run *run, call_record *record, const char *url)
{
  client_run_start(run, record, "GET", url, NULL);
  client_run_wait(run);
}

void call_record_clear(call_record *record)
{
  free(record->content);
  memset(record, 0, sizeof(*record));
}

static void run_on_closed(void *arg)
{
  *(bool *)arg = true;
}

void client_run_close(client_run *run)
{
  bool closed = false;
  ahttp_client_stats stats = {.size = sizeof(stats)};
  ahttp_client_get_stats(run->client, &stats);
  assert_int_equal(stats.calls_active, 0);
  assert_int_equal(stats.calls_waiting, 0);
  ahttp_client_close(run->client, run_on_closed, &closed);
  (void)uv_run(&run->loop, UV_RUN_DEFAULT);
  assert_true(closed);
  assert_int_equal(uv_loop_close(&run->loop), 0);
}

const char *test_url(const char *scheme, uint16_t port, const char *path)
{
  static char urls[4][256];
  static unsigned next;
  char *url = urls[next++ % 4];
  (void)snprintf(url, sizeof(urls[0]), "%s://127.0.0.1:%u%s", scheme,
                 (unsigned)port, path);
  return url;
}
