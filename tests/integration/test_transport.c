/* SPDX-License-Identifier: MIT */
/* Transports of the program's own, and the library's mock, under every way to
 * send. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ahttp/ahttp.h>

#include "support/client_run.h"
#include "support/test_alloc.h"

static ahttp_str str(const char *text)
{
  return (ahttp_str){text, strlen(text)};
}

static ahttp_transport *mock_new(const ahttp_mock_reply *replies, size_t count,
                                 ahttp_mock_cb handler)
{
  ahttp_mock_opts opts = AHTTP_MOCK_OPTS_INIT;
  ahttp_transport *transport;
  opts.replies = replies;
  opts.reply_count = count;
  opts.handler = handler;
  assert_int_equal(ahttp_mock_new(&transport, &opts), AHTTP_OK);
  return transport;
}

static ahttp_client *client_new(ahttp_transport *transport)
{
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  ahttp_client *client;
  opts.transport = transport;
  opts.redirects_max = 5;
  assert_int_equal(ahttp_client_new(&client, &opts), AHTTP_OK);
  return client;
}

static void check_content(const ahttp_response *response, const char *want)
{
  ahttp_str content = ahttp_response_content(response);
  assert_int_equal(content.len, strlen(want));
  assert_memory_equal(content.ptr, want, content.len);
}

/* GETs |url| and checks what comes. */
static void check_get(ahttp_client *client, const char *url, int status,
                      const char *content)
{
  ahttp_response *response;
  ahttp_error err;
  if (ahttp_get(client, url, &response, &err) != AHTTP_OK) {
    fail_msg("%s", err.text);
  }
  assert_int_equal(ahttp_response_status(response), status);
  check_content(response, content);
  ahttp_response_free(response);
}

static int get_fails(ahttp_client *client, const char *url)
{
  ahttp_response *response;
  ahttp_error err;
  int rv = ahttp_get(client, url, &response, &err);
  assert_null(response);
  assert_int_equal(err.code, rv);
  return rv;
}

/* --- The script. -----------------------------------------------------------
 */

static void the_first_reply_that_fits_answers(void **state)
{
  const ahttp_field field = {{"x-a", 3}, {"1", 1}};
  const ahttp_mock_reply replies[] = {
      {.size = sizeof(replies[0]),
       .url = "http://a.example",
       .times = 1,
       .content = {"once", 4}},
      {.size = sizeof(replies[0]),
       .method = "PUT",
       .url = "http://a.example/*",
       .status = 201},
      {.size = sizeof(replies[0]),
       .url = "http://a.example/*",
       .status = 404,
       .fields = &field,
       .field_count = 1,
       .content = {"any", 3}},
  };
  (void)state;
  ahttp_transport *transport = mock_new(replies, 3, NULL);
  ahttp_client *client = client_new(transport);
  check_get(client, "http://a.example/", 200, "once");
  check_get(client, "http://a.example/", 404, "any");
  ahttp_response *response;
  assert_int_equal(ahttp_put(client, "http://a.example/x", "text/plain",
                             str("what is sent"), &response, NULL),
                   AHTTP_OK);
  assert_int_equal(ahttp_response_status(response), 201);
  ahttp_response_free(response);
  assert_int_equal(get_fails(client, "http://b.example/"), AHTTP_EREFUSED);

  assert_int_equal(ahttp_mock_count(transport), 4);
  const ahttp_mock_request *put = ahttp_mock_at(transport, 2);
  ahttp_str content = ahttp_mock_request_content(put);
  ahttp_str type;
  assert_int_equal(content.len, 12);
  assert_memory_equal(content.ptr, "what is sent", 12);
  assert_memory_equal(ahttp_mock_request_method(put).ptr, "PUT", 3);
  assert_string_equal(ahttp_mock_request_url(put).ptr, "http://a.example/x");
  assert_true(
      ahttp_fields_get(ahttp_mock_request_fields(put), "content-type", &type));
  assert_memory_equal(type.ptr, "text/plain", type.len);
  assert_null(ahttp_mock_at(transport, 4));
  ahttp_client_free(client);
  ahttp_transport_free(transport);
}

static void redirects_are_followed(void **state)
{
  const ahttp_field location = {{"location", 8}, {"https://b.example/two", 21}};
  const ahttp_mock_reply replies[] = {
      {.size = sizeof(replies[0]),
       .url = "http://a.example/one",
       .status = 302,
       .fields = &location,
       .field_count = 1,
       .content = {"moved", 5}},
      {.size = sizeof(replies[0]),
       .url = "https://b.example/two",
       .content = {"here", 4}},
  };
  (void)state;
  ahttp_transport *transport = mock_new(replies, 2, NULL);
  ahttp_client *client = client_new(transport);
  check_get(client, "http://a.example/one", 200, "here");
  assert_int_equal(ahttp_mock_count(transport), 2);
  ahttp_client_free(client);
  ahttp_transport_free(transport);
}

static void errors_come_before_the_head_or_within_the_content(void **state)
{
  const ahttp_mock_reply replies[] = {
      {.size = sizeof(replies[0]),
       .url = "http://a.example/",
       .error = AHTTP_ECONNECT},
      {.size = sizeof(replies[0]),
       .url = "http://b.example/",
       .status = 200,
       .content = {"half", 4},
       .error = AHTTP_ETRUNCATED},
  };
  (void)state;
  ahttp_transport *transport = mock_new(replies, 2, NULL);
  client_run run;
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.transport = transport;
  client_run_open(&run, &opts);
  call_record early = {0};
  call_record late = {0};
  client_run_get(&run, &early, "http://a.example/");
  client_run_get(&run, &late, "http://b.example/");
  assert_int_equal(early.code, AHTTP_ECONNECT);
  assert_int_equal(early.heads, 0);
  assert_int_equal(late.code, AHTTP_ETRUNCATED);
  assert_int_equal(late.heads, 1);
  assert_string_equal(late.content, "half");
  call_record_clear(&early);
  call_record_clear(&late);
  client_run_close(&run);
  ahttp_transport_free(transport);
}

static void delays_are_waited_for_and_time_out(void **state)
{
  const ahttp_mock_reply replies[] = {
      {.size = sizeof(replies[0]),
       .url = "http://a.example/",
       .delay_ms = 2,
       .chunk_bytes = 3,
       .content = {"in parts", 8}},
      {.size = sizeof(replies[0]),
       .url = "http://b.example/",
       .delay_ms = 60000},
  };
  (void)state;
  ahttp_transport *transport = mock_new(replies, 2, NULL);
  ahttp_client *client = client_new(transport);
  check_get(client, "http://a.example/", 200, "in parts");
  ahttp_request *request;
  ahttp_response *response;
  ahttp_send_opts opts = AHTTP_SEND_OPTS_INIT;
  opts.read_ms = 10;
  assert_int_equal(ahttp_request_new(&request, "GET", "http://b.example/"),
                   AHTTP_OK);
  assert_int_equal(ahttp_send(client, request, &opts, &response, NULL),
                   AHTTP_ETIMEOUT_READ);
  ahttp_request_free(request);
  ahttp_client_free(client);
  ahttp_transport_free(transport);
}

/* --- Handlers. --------------------------------------------------------------
 */

/* Sends the content back. */
static int echo(ahttp_mock_request *request, ahttp_mock_reply *reply,
                void *user_data)
{
  (void)user_data;
  reply->content = ahttp_mock_request_content(request);
  return AHTTP_OK;
}

enum {
  BIG_BYTES = 3 * 1024 * 1024,
  FUTURES = 20
};

static void handlers_serve_futures(void **state)
{
  (void)state;
  ahttp_transport *transport = mock_new(NULL, 0, echo);
  ahttp_client *client = client_new(transport);
  char *big = malloc(BIG_BYTES);
  assert_non_null(big);
  memset(big, 'x', BIG_BYTES);
  ahttp_future *futures[FUTURES];
  for (size_t i = 0; i < FUTURES; i++) {
    ahttp_request *request;
    assert_int_equal(ahttp_request_new(&request, "POST", "http://a.example/"),
                     AHTTP_OK);
    assert_int_equal(
        ahttp_request_set_content(request, big, i == 0 ? BIG_BYTES : i),
        AHTTP_OK);
    futures[i] = ahttp_submit(client, request, NULL);
    ahttp_request_free(request);
  }
  assert_int_equal(ahttp_future_wait_all(futures, FUTURES, AHTTP_NO_LIMIT),
                   AHTTP_OK);
  for (size_t i = 0; i < FUTURES; i++) {
    ahttp_response *response;
    assert_int_equal(ahttp_future_take(futures[i], &response, NULL), AHTTP_OK);
    assert_int_equal(ahttp_response_content(response).len,
                     i == 0 ? BIG_BYTES : i);
    ahttp_response_free(response);
    ahttp_future_free(futures[i]);
  }
  free(big);
  ahttp_client_free(client);
  ahttp_transport_free(transport);
}

/* Nothing is given out while it is paused, and all of it afterwards. */
static void a_paused_call_gets_nothing(void **state)
{
  static char big[BIG_BYTES];
  const ahttp_mock_reply reply = {.size = sizeof(reply),
                                  .chunk_bytes = 100000,
                                  .content = {big, BIG_BYTES}};
  (void)state;
  ahttp_transport *transport = mock_new(&reply, 1, NULL);
  client_run run;
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.transport = transport;
  client_run_open(&run, &opts);
  call_record record = {.action = RECORD_PAUSE_AT_BODY};
  client_run_start(&run, &record, "GET", "http://a.example/", NULL);
  for (int i = 0; i < 10; i++) {
    (void)uv_run(&run.loop, UV_RUN_NOWAIT);
  }
  assert_int_equal(record.dones, 0);
  assert_true(record.content_len > 0 && record.content_len <= 100000);
  record.action = RECORD_NOTHING;
  ahttp_call_resume(record.call);
  client_run_wait(&run);
  assert_int_equal(record.code, AHTTP_OK);
  assert_int_equal(record.content_len, BIG_BYTES);
  call_record_clear(&record);
  client_run_close(&run);
  ahttp_transport_free(transport);
}

/* The reader has manual credit. */
static void a_slow_reader_gets_all(void **state)
{
  static char big[BIG_BYTES];
  const ahttp_mock_reply reply = {.size = sizeof(reply),
                                  .content = {big, BIG_BYTES}};
  (void)state;
  ahttp_transport *transport = mock_new(&reply, 1, NULL);
  ahttp_client *client = client_new(transport);
  ahttp_request *request;
  ahttp_response *response;
  ahttp_str all;
  assert_int_equal(ahttp_request_new(&request, "GET", "http://a.example/"),
                   AHTTP_OK);
  assert_int_equal(ahttp_open(client, request, NULL, &response, NULL),
                   AHTTP_OK);
  assert_int_equal(ahttp_response_read_all(response, 0, &all, NULL), AHTTP_OK);
  assert_int_equal(all.len, BIG_BYTES);
  ahttp_response_free(response);
  ahttp_request_free(request);
  ahttp_client_free(client);
  ahttp_transport_free(transport);
}

static void a_cancelled_call_frees_its_exchange(void **state)
{
  const ahttp_mock_reply reply = {.size = sizeof(reply), .delay_ms = 60000};
  (void)state;
  ahttp_transport *transport = mock_new(&reply, 1, NULL);
  client_run run;
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.transport = transport;
  client_run_open(&run, &opts);
  call_record early = {0};
  call_record late = {0};
  client_run_start(&run, &early, "GET", "http://a.example/", NULL);
  ahttp_call_cancel(early.call);
  client_run_start(&run, &late, "GET", "http://a.example/", NULL);
  (void)uv_run(&run.loop, UV_RUN_NOWAIT);
  ahttp_call_cancel(late.call);
  client_run_wait(&run);
  assert_int_equal(early.code, AHTTP_ECANCELED);
  assert_int_equal(late.code, AHTTP_ECANCELED);
  assert_int_equal(ahttp_mock_count(transport), 1);
  call_record_clear(&early);
  call_record_clear(&late);
  client_run_close(&run);
  ahttp_transport_free(transport);
}

/* --- Mounts. ----------------------------------------------------------------
 */

static void the_most_specific_mount_carries(void **state)
{
  const ahttp_mock_reply a = {.size = sizeof(a), .content = {"a", 1}};
  const ahttp_mock_reply b = {.size = sizeof(b), .content = {"b", 1}};
  const ahttp_mock_reply c = {.size = sizeof(c), .content = {"c", 1}};
  (void)state;
  ahttp_transport *all = mock_new(&a, 1, NULL);
  ahttp_transport *host = mock_new(&b, 1, NULL);
  ahttp_transport *usual = mock_new(&c, 1, NULL);
  const ahttp_mount mounts[] = {{"http://", all},
                                {"all://*.b.example", host},
                                {"http://not.b.example", NULL}};
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  ahttp_client *client;
  opts.transport = usual;
  opts.mounts = mounts;
  opts.mount_count = 3;
  assert_int_equal(ahttp_client_new(&client, &opts), AHTTP_OK);
  ahttp_transport_free(all);
  ahttp_transport_free(host);
  ahttp_transport_free(usual); /* the client has its own references */
  check_get(client, "http://a.example/", 200, "a");
  check_get(client, "http://b.example/", 200, "a");
  check_get(client, "http://www.b.example/", 200, "b");
  check_get(client, "https://www.b.example/", 200, "b");
  check_get(client, "http://not.b.example/", 200, "c");
  check_get(client, "https://a.example/", 200, "c");
  ahttp_client_free(client);
}

static void bad_options_are_refused(void **state)
{
  const ahttp_mount bad = {"nonsense", NULL};
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  ahttp_transport_opts nothing = AHTTP_TRANSPORT_OPTS_INIT;
  ahttp_mock_opts mute = AHTTP_MOCK_OPTS_INIT;
  const ahttp_mock_reply low = {.size = sizeof(low), .status = 99};
  const ahttp_field colon = {{"a:", 2}, {"", 0}};
  const ahttp_mock_reply field = {
      .size = sizeof(field), .fields = &colon, .field_count = 1};
  ahttp_client *client;
  ahttp_transport *transport;
  (void)state;
  opts.mounts = &bad;
  opts.mount_count = 1;
  assert_int_equal(ahttp_client_new(&client, &opts), AHTTP_EINVAL);
  assert_int_equal(ahttp_transport_new(&transport, &nothing), AHTTP_EINVAL);
  assert_int_equal(ahttp_transport_new(&transport, NULL), AHTTP_EINVAL);
  assert_int_equal(ahttp_mock_new(&transport, &mute), AHTTP_EINVAL);
  mute.replies = &low;
  mute.reply_count = 1;
  assert_int_equal(ahttp_mock_new(&transport, &mute), AHTTP_EINVAL);
  mute.replies = &field;
  assert_int_equal(ahttp_mock_new(&transport, &mute), AHTTP_EFIELD);
}

/* --- A transport of the test's own. -----------------------------------------
 */

/* What it was asked, and when it goes on. */
typedef struct own {
  uv_timer_t timer;
  ahttp_exchange *exchange;
  unsigned steps;
  int told; /* what saying the head gave */
  unsigned cancels;
  bool is_freed;
} own;

/* Says one thing a tick. */
static void own_on_tick(uv_timer_t *timer)
{
  own *self = timer->data;
  const ahttp_field field = {{"x-late", 6}, {"yes", 3}};
  if (self->exchange == NULL) {
    return;
  }
  switch (self->steps++) {
  case 0:
    assert_int_equal(ahttp_exchange_done(self->exchange), AHTTP_ESTATE);
    assert_int_equal(ahttp_exchange_informational(self->exchange, 200, NULL, 0),
                     AHTTP_EINVAL);
    assert_int_equal(
        ahttp_exchange_informational(self->exchange, 103, &field, 1), AHTTP_OK);
    break;
  case 1:
    self->told = ahttp_exchange_head(self->exchange, 200, &field, 1);
    if (self->exchange != NULL) {
      assert_int_equal(ahttp_exchange_head(self->exchange, 200, &field, 1),
                       AHTTP_ESTATE);
    }
    break;
  case 2:
    assert_int_equal(ahttp_exchange_body(self->exchange, "content", 7),
                     AHTTP_OK);
    break;
  case 3:
    assert_int_equal(ahttp_exchange_trailers(self->exchange, &field, 1),
                     AHTTP_OK);
    assert_int_equal(ahttp_exchange_body(self->exchange, "x", 1), AHTTP_ESTATE);
    break;
  default:
    assert_int_equal(ahttp_exchange_done(self->exchange), AHTTP_OK);
    assert_int_equal(ahttp_exchange_done(self->exchange), AHTTP_ECANCELED);
    self->exchange = NULL;
    break;
  }
}

static int own_start(ahttp_exchange *exchange, void *user_data)
{
  own *self = user_data;
  uint8_t part[3];
  size_t len;
  size_t total = 0;
  int64_t length;
  assert_true(ahttp_exchange_has_content(exchange, &length));
  assert_int_equal(length, 5);
  do {
    assert_int_equal(ahttp_exchange_read(exchange, part, sizeof(part), &len),
                     AHTTP_OK);
    total += len;
  } while (len > 0);
  assert_int_equal(total, 5);
  self->exchange = exchange;
  return AHTTP_OK;
}

static void own_cancel(ahttp_exchange *exchange, void *user_data)
{
  own *self = user_data;
  assert_ptr_equal(exchange, self->exchange);
  assert_int_equal(ahttp_exchange_body(exchange, "x", 1), AHTTP_ECANCELED);
  self->exchange = NULL;
  self->cancels++;
}

static void own_free(void *user_data)
{
  own *self = user_data;
  self->is_freed = true;
}

static void run_own(record_action action, call_record *record, own *self)
{
  client_run run;
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  ahttp_transport_opts own_opts = AHTTP_TRANSPORT_OPTS_INIT;
  own_opts.start = own_start;
  own_opts.cancel = own_cancel;
  own_opts.free = own_free;
  own_opts.user_data = self;
  assert_int_equal(ahttp_transport_new(&opts.transport, &own_opts), AHTTP_OK);
  client_run_open(&run, &opts);
  ahttp_transport_free(opts.transport);
  assert_int_equal(uv_timer_init(&run.loop, &self->timer), 0);
  self->timer.data = self;
  assert_int_equal(uv_timer_start(&self->timer, own_on_tick, 1, 1), 0);

  ahttp_request *request;
  assert_int_equal(ahttp_request_new(&request, "POST", "http://a.example/"),
                   AHTTP_OK);
  assert_int_equal(ahttp_request_set_content(request, "hello", 5), AHTTP_OK);
  record->action = action;
  client_run_start_request(&run, record, request, NULL);
  client_run_wait(&run);
  ahttp_request_free(request);
  uv_close((uv_handle_t *)&self->timer, NULL);
  client_run_close(&run);
  assert_true(self->is_freed);
}

static void an_own_transport_answers_later(void **state)
{
  call_record record = {0};
  own self = {0};
  (void)state;
  run_own(RECORD_NOTHING, &record, &self);
  assert_int_equal(record.code, AHTTP_OK);
  assert_int_equal(record.informationals, 1);
  assert_int_equal(record.heads, 1);
  assert_string_equal(record.content, "content");
  assert_string_equal(record.trailer, "yes");
  assert_int_equal(record.uploaded, 5);
  assert_int_equal(self.told, AHTTP_OK);
  assert_int_equal(self.cancels, 0);
  call_record_clear(&record);
}

static void an_own_transport_hears_of_a_cancel(void **state)
{
  call_record record = {0};
  own self = {0};
  (void)state;
  run_own(RECORD_CANCEL_AT_HEAD, &record, &self);
  assert_int_equal(record.code, AHTTP_ECANCELED);
  assert_int_equal(self.told, AHTTP_ECANCELED);
  assert_int_equal(self.cancels, 1);
  call_record_clear(&record);
}

/* --- Memory. ----------------------------------------------------------------
 */

static int answer_once(void *arg)
{
  const ahttp_field field = {{"x-a", 3}, {"1", 1}};
  const ahttp_mock_reply reply = {.size = sizeof(reply),
                                  .method = "POST",
                                  .url = "http://a.example/",
                                  .fields = &field,
                                  .field_count = 1,
                                  .chunk_bytes = 2,
                                  .content = {"content", 7}};
  ahttp_mock_opts mock_opts = AHTTP_MOCK_OPTS_INIT;
  ahttp_transport *transport;
  ahttp_client *client = NULL;
  ahttp_response *response = NULL;
  (void)arg;
  mock_opts.replies = &reply;
  mock_opts.reply_count = 1;
  int rv = ahttp_mock_new(&transport, &mock_opts);
  if (rv != AHTTP_OK) {
    return rv;
  }
  const ahttp_mount mount = {"all://a.example", transport};
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.mounts = &mount;
  opts.mount_count = 1;
  rv = ahttp_client_new(&client, &opts);
  if (rv == AHTTP_OK) {
    rv = ahttp_post(client, "http://a.example/", "text/plain", str("hello"),
                    &response, NULL);
  }
  ahttp_response_free(response);
  ahttp_client_free(client);
  ahttp_transport_free(transport);
  return rv;
}

static void running_out_of_memory_is_told(void **state)
{
  (void)state;
  test_alloc_fail_each(answer_once, NULL);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_first_reply_that_fits_answers),
      cmocka_unit_test(redirects_are_followed),
      cmocka_unit_test(errors_come_before_the_head_or_within_the_content),
      cmocka_unit_test(delays_are_waited_for_and_time_out),
      cmocka_unit_test(handlers_serve_futures),
      cmocka_unit_test(a_paused_call_gets_nothing),
      cmocka_unit_test(a_slow_reader_gets_all),
      cmocka_unit_test(a_cancelled_call_frees_its_exchange),
      cmocka_unit_test(the_most_specific_mount_carries),
      cmocka_unit_test(bad_options_are_refused),
      cmocka_unit_test(an_own_transport_answers_later),
      cmocka_unit_test(an_own_transport_hears_of_a_cancel),
      cmocka_unit_test(running_out_of_memory_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
