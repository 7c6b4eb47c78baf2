/* SPDX-License-Identifier: MIT */
/* Hooks on a client whose transport is a mock. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ahttp/ahttp.h>

#include "support/client_run.h"
#include "support/test_alloc.h"

enum {
  HOOKS = 2,
  BIG_BYTES = 3 * 1024 * 1024
};

/* What the hooks of a test have seen, and what they do. */
typedef struct log {
  char text[400];
  int request_verdict;  /* of the first hook */
  int response_verdict; /* the same */
  unsigned laters;      /* how often it is AHTTP_LATER instead */
  ahttp_call *waiting;
  const char *set_url;
  bool cancels;
  size_t content_len;
} log;

/* One hook. */
typedef struct tagged {
  log *log;
  const char *tag;
} tagged;

static ahttp_str str(const char *text)
{
  return (ahttp_str){text, strlen(text)};
}

static void log_add(log *self, const char *tag, const char *what)
{
  size_t len = strlen(self->text);
  (void)snprintf(self->text + len, sizeof(self->text) - len, "%s%s ", tag,
                 what);
}

static int verdict(log *self, ahttp_call *call, int normally)
{
  if (self->laters > 0) {
    self->laters--;
    self->waiting = call;
    return AHTTP_LATER;
  }
  if (self->cancels) {
    ahttp_call_cancel(call);
  }
  return normally;
}

static int on_request(ahttp_call *call, ahttp_outgoing *outgoing,
                      void *user_data)
{
  tagged *self = user_data;
  log_add(self->log, self->tag, "<");
  assert_int_equal(
      ahttp_outgoing_set_field(outgoing, str("x-hook"), str(self->tag)),
      AHTTP_OK);
  assert_int_equal(
      ahttp_outgoing_add_field(outgoing, str("x-all"), str(self->tag)),
      AHTTP_OK);
  assert_int_equal(ahttp_outgoing_remove_field(outgoing, str("accept")),
                   AHTTP_OK);
  assert_int_equal(
      ahttp_outgoing_set_field(outgoing, str("content-length"), str("1")),
      AHTTP_EFIELD);
  assert_int_equal(ahttp_outgoing_set_field(outgoing, str("a b"), str("1")),
                   AHTTP_EFIELD);
  assert_int_equal(ahttp_outgoing_set_url(outgoing, str("ftp://a.example/")),
                   AHTTP_ESCHEME);
  if (self->tag[0] != 'a') {
    return AHTTP_OK;
  }
  if (self->log->set_url != NULL) {
    assert_int_equal(ahttp_outgoing_set_url(outgoing, str(self->log->set_url)),
                     AHTTP_OK);
    self->log->set_url = NULL;
  }
  return verdict(self->log, call, self->log->request_verdict);
}

static int on_response(ahttp_call *call, const ahttp_response *response,
                       void *user_data)
{
  tagged *self = user_data;
  char text[20];
  (void)snprintf(text, sizeof(text), ">%d", ahttp_response_status(response));
  log_add(self->log, self->tag, text);
  self->log->content_len = ahttp_response_content(response).len;
  return self->tag[0] == 'a'
             ? verdict(self->log, call, self->log->response_verdict)
             : AHTTP_OK;
}

/* A client with two hooks and a mock that redirects /one to /two. */
typedef struct stage {
  log log;
  tagged tags[HOOKS];
  ahttp_hook hooks[HOOKS];
  ahttp_transport *transport;
  client_run run;
} stage;

static char big[BIG_BYTES];

static int stage_make(stage *it, ahttp_client_opts *opts)
{
  const ahttp_field location = {{"location", 8}, {"/two", 4}};
  const ahttp_mock_reply replies[] = {
      {.size = sizeof(replies[0]),
       .url = "http://a.example/one",
       .status = 302,
       .fields = &location,
       .field_count = 1,
       .content = {"moved", 5}},
      {.size = sizeof(replies[0]),
       .url = "http://a.example/big",
       .content = {big, BIG_BYTES},
       .chunk_bytes = 50000},
      {.size = sizeof(replies[0]), .status = 404, .content = {"here", 4}},
  };
  ahttp_mock_opts mock_opts = AHTTP_MOCK_OPTS_INIT;
  mock_opts.replies = replies;
  mock_opts.reply_count = 3;
  for (int i = 0; i < HOOKS; i++) {
    it->tags[i] = (tagged){&it->log, i == 0 ? "a" : "b"};
    it->hooks[i].on_request = on_request;
    it->hooks[i].on_response = on_response;
    it->hooks[i].user_data = &it->tags[i];
  }
  *opts = (ahttp_client_opts)AHTTP_CLIENT_OPTS_INIT;
  opts->decode = AHTTP_DECODE_OFF; /* no Accept-Encoding among the fields */
  opts->hooks = it->hooks;
  opts->hook_count = HOOKS;
  opts->redirects_max = 5;
  int rv = ahttp_mock_new(&it->transport, &mock_opts);
  opts->transport = it->transport;
  return rv;
}

static void stage_open(stage *it)
{
  ahttp_client_opts opts;
  assert_int_equal(stage_make(it, &opts), AHTTP_OK);
  client_run_open(&it->run, &opts);
}

static void stage_close(stage *it)
{
  client_run_close(&it->run);
  ahttp_transport_free(it->transport);
}

static void stage_get(stage *it, call_record *record, const char *path)
{
  char url[100];
  (void)snprintf(url, sizeof(url), "http://a.example%s", path);
  client_run_get(&it->run, record, url);
}

static void hooks_see_every_hop_in_order(void **state)
{
  stage it = {.log.text = ""};
  call_record record = {0};
  (void)state;
  stage_open(&it);
  stage_get(&it, &record, "/one");
  assert_int_equal(record.code, AHTTP_OK);
  assert_int_equal(record.status, 404);
  assert_string_equal(record.content, "here");
  assert_string_equal(it.log.text, "a< b< a>302 b>302 a< b< a>404 b>404 ");
  for (size_t i = 0; i < 2; i++) {
    const ahttp_fields *sent =
        ahttp_mock_request_fields(ahttp_mock_at(it.transport, i));
    ahttp_str value;
    assert_true(ahttp_fields_get(sent, "x-hook", &value));
    assert_string_equal(value.ptr, "b");
    assert_false(ahttp_fields_get(sent, "accept", NULL));
    assert_true(ahttp_fields_get(sent, "user-agent", NULL));
    assert_int_equal(ahttp_fields_count(sent), 4); /* x-all twice */
  }
  call_record_clear(&record);
  stage_close(&it);
}

static void a_hook_can_send_elsewhere(void **state)
{
  stage it = {.log.set_url = "/else?where"};
  call_record record = {0};
  (void)state;
  stage_open(&it);
  stage_get(&it, &record, "/one");
  assert_int_equal(record.status, 404);
  assert_int_equal(ahttp_mock_count(it.transport), 1);
  assert_string_equal(
      ahttp_mock_request_url(ahttp_mock_at(it.transport, 0)).ptr,
      "http://a.example/else?where");
  call_record_clear(&record);
  stage_close(&it);
}

static void hooks_can_fail_the_call(void **state)
{
  static const struct {
    int request;
    int response;
    int want;
    const char *log;
  } rows[] = {
      {AHTTP_ESTATE, 0, AHTTP_ESTATE, "a< "},
      {77, 0, AHTTP_ECALLBACK, "a< "},
      {0, AHTTP_ESTATUS, AHTTP_ESTATUS, "a< b< a>404 "},
      {0, 77, AHTTP_ECALLBACK, "a< b< a>404 "},
  };
  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    stage it = {.log = {.request_verdict = rows[i].request,
                        .response_verdict = rows[i].response}};
    call_record record = {0};
    stage_open(&it);
    stage_get(&it, &record, "/two");
    assert_int_equal(record.code, rows[i].want);
    assert_int_equal(record.heads, 0);
    assert_int_equal(record.dones, 1);
    assert_string_equal(it.log.text, rows[i].log);
    call_record_clear(&record);
    stage_close(&it);
  }
}

static void hooks_can_wait(void **state)
{
  stage it = {.log.laters = 1};
  call_record record = {0};
  (void)state;
  stage_open(&it);
  client_run_start(&it.run, &record, "GET", "http://a.example/two", NULL);
  assert_string_equal(it.log.text, ""); /* not within ahttp_start() */
  (void)uv_run(&it.run.loop, UV_RUN_NOWAIT);
  assert_string_equal(it.log.text, "a< ");
  for (int i = 0; i < 3; i++) {
    (void)uv_run(&it.run.loop, UV_RUN_NOWAIT);
  }
  assert_int_equal(ahttp_mock_count(it.transport), 0);
  ahttp_call_go_on(it.log.waiting, AHTTP_OK);
  assert_string_equal(it.log.text, "a< ");
  (void)uv_run(&it.run.loop, UV_RUN_NOWAIT);
  assert_string_equal(it.log.text, "a< a< b< a>404 b>404 ");
  client_run_wait(&it.run);
  assert_int_equal(record.code, AHTTP_OK);
  assert_string_equal(record.content, "here");
  call_record_clear(&record);
  stage_close(&it);
}

/* The head is held while its hook waits, the content behind it. */
static void response_hooks_can_wait(void **state)
{
  stage it = {.log.text = ""};
  call_record record = {0};
  (void)state;
  stage_open(&it);
  client_run_start(&it.run, &record, "GET", "http://a.example/big", NULL);
  (void)uv_run(&it.run.loop, UV_RUN_NOWAIT);
  call_record slow = {0};
  it.log.text[0] = '\0';
  client_run_wait(&it.run);
  assert_int_equal(record.content_len, BIG_BYTES);
  it.hooks[0].on_request = NULL;
  it.log.laters = 0;
  client_run_start(&it.run, &slow, "GET", "http://a.example/big", NULL);
  it.log.laters = 2; /* once for the request, once for the response */
  for (int i = 0; i < 5; i++) {
    (void)uv_run(&it.run.loop, UV_RUN_NOWAIT);
  }
  ahttp_call_go_on(it.log.waiting, AHTTP_OK);
  for (int i = 0; i < 5; i++) {
    (void)uv_run(&it.run.loop, UV_RUN_NOWAIT);
  }
  assert_int_equal(slow.heads, 0);
  assert_int_equal(slow.content_len, 0);
  assert_int_equal(slow.dones, 0);
  ahttp_call_go_on(it.log.waiting, AHTTP_OK);
  client_run_wait(&it.run);
  assert_int_equal(slow.code, AHTTP_OK);
  assert_int_equal(slow.content_len, BIG_BYTES);
  call_record_clear(&record);
  call_record_clear(&slow);
  stage_close(&it);
}

static void waiting_calls_can_be_ended(void **state)
{
  (void)state;
  for (unsigned laters = 1; laters <= 2; laters++) {
    for (int way = 0; way < 3; way++) {
      stage it = {.log.laters = laters};
      call_record record = {0};
      ahttp_send_opts opts = AHTTP_SEND_OPTS_INIT;
      stage_open(&it);
      opts.total_ms = way == 2 ? 10 : 0;
      client_run_start(&it.run, &record, "GET", "http://a.example/two", &opts);
      (void)uv_run(&it.run.loop, UV_RUN_NOWAIT);
      if (laters == 2) {
        ahttp_call_go_on(it.log.waiting, AHTTP_OK);
        (void)uv_run(&it.run.loop, UV_RUN_NOWAIT);
      }
      if (way == 0) {
        ahttp_call_cancel(record.call);
      } else if (way == 1) {
        ahttp_call_go_on(record.call, AHTTP_ESTATUS);
      }
      client_run_wait(&it.run);
      assert_int_equal(record.code, way == 0   ? AHTTP_ECANCELED
                                    : way == 1 ? AHTTP_ESTATUS
                                               : AHTTP_ETIMEOUT_TOTAL);
      call_record_clear(&record);
      stage_close(&it);
    }
  }
}

static void hooks_can_cancel(void **state)
{
  stage it = {.log.cancels = true};
  call_record record = {0};
  (void)state;
  stage_open(&it);
  stage_get(&it, &record, "/two");
  assert_int_equal(record.code, AHTTP_ECANCELED);
  assert_string_equal(it.log.text, "a< ");
  call_record_clear(&record);
  stage_close(&it);
}

/* One hook reads the content: all get it, and so does the call, after a pause
 * as well. */
static void hooks_can_read_the_content(void **state)
{
  (void)state;
  for (int pauses = 0; pauses < 2; pauses++) {
    stage it = {.log.text = ""};
    call_record record = {.action =
                              pauses ? RECORD_PAUSE_AT_BODY : RECORD_NOTHING};
    it.hooks[1].reads_content = true;
    stage_open(&it);
    client_run_start(&it.run, &record, "GET", "http://a.example/big", NULL);
    if (pauses) {
      while (record.content_len == 0) {
        (void)uv_run(&it.run.loop, UV_RUN_ONCE);
      }
      for (int i = 0; i < 5; i++) {
        (void)uv_run(&it.run.loop, UV_RUN_NOWAIT);
      }
      assert_true(record.content_len < 100000);
      assert_int_equal(record.dones, 0);
      record.action = RECORD_NOTHING;
      ahttp_call_resume(record.call);
    }
    client_run_wait(&it.run);
    assert_int_equal(record.code, AHTTP_OK);
    assert_int_equal(record.content_len, BIG_BYTES);
    assert_int_equal(it.log.content_len, BIG_BYTES);
    call_record_clear(&record);
    stage_close(&it);
  }
}

static void too_much_content_to_read_is_an_error(void **state)
{
  stage it = {.log.text = ""};
  ahttp_client_opts opts;
  ahttp_client *client;
  ahttp_response *response;
  (void)state;
  it.hooks[0].reads_content = true;
  assert_int_equal(stage_make(&it, &opts), AHTTP_OK);
  opts.content_max = BIG_BYTES - 1;
  assert_int_equal(ahttp_client_new(&client, &opts), AHTTP_OK);
  assert_int_equal(ahttp_get(client, "http://a.example/big", &response, NULL),
                   AHTTP_ELIMIT);
  assert_string_equal(it.log.text, "a< b< ");
  ahttp_client_free(client);
  ahttp_transport_free(it.transport);
}

/* A reader has manual credit: what it has not read is held back. */
static void a_reader_gets_what_a_hook_has_read(void **state)
{
  stage it = {.log.text = ""};
  ahttp_client_opts opts;
  ahttp_client *client;
  ahttp_request *request;
  ahttp_response *response;
  ahttp_str all;
  (void)state;
  it.hooks[0].reads_content = true;
  assert_int_equal(stage_make(&it, &opts), AHTTP_OK);
  assert_int_equal(ahttp_client_new(&client, &opts), AHTTP_OK);
  assert_int_equal(ahttp_request_new(&request, "GET", "http://a.example/big"),
                   AHTTP_OK);
  assert_int_equal(ahttp_open(client, request, NULL, &response, NULL),
                   AHTTP_OK);
  assert_int_equal(ahttp_response_read_all(response, 0, &all, NULL), AHTTP_OK);
  assert_int_equal(all.len, BIG_BYTES);
  ahttp_response_free(response);
  ahttp_request_free(request);
  ahttp_client_free(client);
  ahttp_transport_free(it.transport);
}

/* --- Threads. ---------------------------------------------------------------
 */

static void answer_from_thread(void *arg)
{
  ahttp_call_go_on(arg, AHTTP_OK);
}

static int later_by_thread(ahttp_call *call, ahttp_outgoing *outgoing,
                           void *user_data)
{
  uv_thread_t *thread = user_data;
  (void)outgoing;
  if (*thread != 0) {
    return AHTTP_OK;
  }
  assert_int_equal(uv_thread_create(thread, answer_from_thread, call), 0);
  return AHTTP_LATER;
}

static void another_thread_can_answer(void **state)
{
  stage it = {.log.text = ""};
  ahttp_client_opts opts;
  ahttp_client *client;
  ahttp_response *response;
  uv_thread_t thread = 0;
  (void)state;
  assert_int_equal(stage_make(&it, &opts), AHTTP_OK);
  const ahttp_hook hook = {.on_request = later_by_thread, .user_data = &thread};
  opts.hooks = &hook;
  opts.hook_count = 1;
  assert_int_equal(ahttp_client_new(&client, &opts), AHTTP_OK);
  assert_int_equal(ahttp_get(client, "http://a.example/two", &response, NULL),
                   AHTTP_OK);
  assert_int_equal(uv_thread_join(&thread), 0);
  ahttp_response_free(response);
  ahttp_client_free(client);
  ahttp_transport_free(it.transport);
}

/* --- Memory. ----------------------------------------------------------------
 */

static int quiet_on_request(ahttp_call *call, ahttp_outgoing *outgoing,
                            void *user_data)
{
  (void)call;
  (void)user_data;
  int rv = ahttp_outgoing_set_url(outgoing, str("/two"));
  return rv == AHTTP_OK
             ? ahttp_outgoing_set_field(outgoing, str("x-hook"), str("value"))
             : rv;
}

static int get_once(void *arg)
{
  const ahttp_mock_reply reply = {.size = sizeof(reply),
                                  .content = {"here", 4}};
  ahttp_mock_opts mock_opts = AHTTP_MOCK_OPTS_INIT;
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  tagged tag = {arg, "b"};
  const ahttp_hook hook = {.on_request = quiet_on_request,
                           .on_response = on_response,
                           .reads_content = true,
                           .user_data = &tag};
  ahttp_client *client = NULL;
  ahttp_response *response = NULL;
  mock_opts.replies = &reply;
  mock_opts.reply_count = 1;
  tag.log->text[0] = '\0';
  int rv = ahttp_mock_new(&opts.transport, &mock_opts);
  opts.hooks = &hook;
  opts.hook_count = 1;
  if (rv == AHTTP_OK) {
    rv = ahttp_client_new(&client, &opts);
  }
  if (rv == AHTTP_OK) {
    rv = ahttp_get(client, "http://a.example/one", &response, NULL);
  }
  ahttp_response_free(response);
  ahttp_client_free(client);
  ahttp_transport_free(opts.transport);
  return rv;
}

static void running_out_of_memory_is_told(void **state)
{
  log self = {.text = ""};
  (void)state;
  test_alloc_fail_each(get_once, &self);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(hooks_see_every_hop_in_order),
      cmocka_unit_test(a_hook_can_send_elsewhere),
      cmocka_unit_test(hooks_can_fail_the_call),
      cmocka_unit_test(hooks_can_wait),
      cmocka_unit_test(response_hooks_can_wait),
      cmocka_unit_test(waiting_calls_can_be_ended),
      cmocka_unit_test(hooks_can_cancel),
      cmocka_unit_test(hooks_can_read_the_content),
      cmocka_unit_test(too_much_content_to_read_is_an_error),
      cmocka_unit_test(a_reader_gets_what_a_hook_has_read),
      cmocka_unit_test(another_thread_can_answer),
      cmocka_unit_test(running_out_of_memory_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
