/* SPDX-License-Identifier: MIT */
/* Authentication on a client whose transport is a mock. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <uv.h>

#include <ahttp/ahttp.h>

#include "support/test_alloc.h"

enum {
  THREADS = 8,
  GETS_PER_THREAD = 100
};

static ahttp_str str(const char *text)
{
  return (ahttp_str){text, strlen(text)};
}

/* --- Servers. --------------------------------------------------------------
 */

/* "/to?URL" redirects there; all else asks for a token "round-2", challenging
 * with a count that the client has to answer, and takes any Basic. */
static int serve(ahttp_mock_request *request, ahttp_mock_reply *reply,
                 void *user_data)
{
  static const ahttp_field challenge = {{"www-authenticate", 16}, {"Count", 5}};
  const char *url = ahttp_mock_request_url(request).ptr;
  const char *to = strstr(url, "/to?");
  ahttp_str value = {"", 0};
  (void)user_data;
  if (to != NULL) {
    ahttp_field *location = ahttp_mock_alloc(request, sizeof(*location));
    if (location == NULL) {
      return AHTTP_ENOMEM;
    }
    *location = (ahttp_field){str("location"), str(to + 4)};
    reply->status = 307;
    reply->fields = location;
    reply->field_count = 1;
    return AHTTP_OK;
  }
  bool has_value = ahttp_fields_get(ahttp_mock_request_fields(request),
                                    "authorization", &value);
  reply->content = value;
  if (!has_value || strcmp(value.ptr, "Count 2") < 0) {
    reply->status = 401;
    reply->fields = &challenge;
    reply->field_count = 1;
  }
  return AHTTP_OK;
}

/* A client with the mock and |auth|. */
static ahttp_client *client_new(ahttp_transport **transport, ahttp_auth *auth)
{
  ahttp_mock_opts mock_opts = AHTTP_MOCK_OPTS_INIT;
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  ahttp_client *client;
  mock_opts.handler = serve;
  assert_int_equal(ahttp_mock_new(transport, &mock_opts), AHTTP_OK);
  opts.transport = *transport;
  opts.auth = auth;
  opts.redirects_max = 5;
  assert_int_equal(ahttp_client_new(&client, &opts), AHTTP_OK);
  ahttp_auth_free(auth); /* the client has its own reference */
  return client;
}

static void client_close(ahttp_client *client, ahttp_transport *transport)
{
  ahttp_client_free(client);
  ahttp_transport_free(transport);
}

/* Checks what Authorization the request at |index| had; NULL: none. */
static void check_sent(const ahttp_transport *transport, size_t index,
                       const char *want)
{
  ahttp_str value;
  const ahttp_mock_request *request = ahttp_mock_at(transport, index);
  assert_non_null(request);
  bool has = ahttp_fields_get(ahttp_mock_request_fields(request),
                              "authorization", &value);
  if (has != (want != NULL) || (has && strcmp(value.ptr, want) != 0)) {
    fail_msg("%s: %s, not %s", ahttp_mock_request_url(request).ptr,
             has ? value.ptr : "none", want == NULL ? "none" : want);
  }
}

static int send_with(ahttp_client *client, const char *method, const char *url,
                     ahttp_auth *auth)
{
  ahttp_send_opts opts = AHTTP_SEND_OPTS_INIT;
  ahttp_request *request;
  ahttp_response *response;
  opts.auth = auth;
  assert_int_equal(ahttp_request_new(&request, method, url), AHTTP_OK);
  if (strcmp(method, "POST") == 0) {
    assert_int_equal(ahttp_request_set_content(request, "content", 7),
                     AHTTP_OK);
  }
  int rv = ahttp_send(client, request, &opts, &response, NULL);
  int status = rv == AHTTP_OK ? ahttp_response_status(response) : rv;
  ahttp_response_free(response);
  ahttp_request_free(request);
  return status;
}

static ahttp_auth *basic(const char *username, const char *password)
{
  ahttp_auth *auth;
  assert_int_equal(ahttp_auth_new_basic(&auth, str(username), str(password)),
                   AHTTP_OK);
  return auth;
}

/* --- Values. ----------------------------------------------------------------
 */

/* RFC 7617, section 2 and 2.1 (UTF-8), and what RFC 4648 pads. */
static void basic_is_sent_without_being_asked(void **state)
{
  static const struct {
    const char *username;
    const char *password;
    const char *want;
  } rows[] = {
      {"Aladdin", "open sesame", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="},
      {"test", "123\xc2\xa3", "Basic dGVzdDoxMjPCow=="},
      {"", "", "Basic Og=="},
      {"a", "", "Basic YTo="},
      {"", "a:b", "Basic OmE6Yg=="},
  };
  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    ahttp_transport *transport;
    ahttp_client *client =
        client_new(&transport, basic(rows[i].username, rows[i].password));
    (void)send_with(client, "GET", "http://a.example/", NULL);
    check_sent(transport, 0, rows[i].want);
    assert_int_equal(ahttp_mock_count(transport), 1);
    client_close(client, transport);
  }
}

static void bearer_is_sent_without_being_asked(void **state)
{
  ahttp_transport *transport;
  ahttp_auth *auth;
  (void)state;
  assert_int_equal(ahttp_auth_new_bearer(&auth, str("mF_9.B5f-4.1JqM=")),
                   AHTTP_OK);
  ahttp_client *client = client_new(&transport, auth);
  (void)send_with(client, "GET", "http://a.example/", NULL);
  check_sent(transport, 0, "Bearer mF_9.B5f-4.1JqM=");
  client_close(client, transport);
}

static void impossible_credentials_are_refused(void **state)
{
  ahttp_auth *auth;
  ahttp_auth_opts nothing = AHTTP_AUTH_OPTS_INIT;
  (void)state;
  assert_int_equal(ahttp_auth_new_basic(&auth, str("a:b"), str("c")),
                   AHTTP_EINVAL);
  assert_int_equal(ahttp_auth_new_basic(&auth, str("a\n"), str("c")),
                   AHTTP_EINVAL);
  assert_int_equal(ahttp_auth_new_basic(&auth, str("a"), str("c\x7f")),
                   AHTTP_EINVAL);
  assert_int_equal(ahttp_auth_new_bearer(&auth, str("")), AHTTP_EINVAL);
  assert_int_equal(ahttp_auth_new_bearer(&auth, str("=")), AHTTP_EINVAL);
  assert_int_equal(ahttp_auth_new_bearer(&auth, str("a b")), AHTTP_EINVAL);
  assert_int_equal(ahttp_auth_new_bearer(&auth, str("a\r\nb: c")),
                   AHTTP_EINVAL);
  assert_int_equal(ahttp_auth_new(&auth, &nothing), AHTTP_EINVAL);
  assert_null(auth);
}

/* HTTPX: the send's, else the client's, else the URL's. */
static void the_nearest_credentials_are_used(void **state)
{
  ahttp_transport *transport;
  ahttp_client *client = client_new(&transport, basic("c", ""));
  ahttp_auth *own = basic("s", "");
  (void)state;
  (void)send_with(client, "GET", "http://u:p@a.example/", own);
  (void)send_with(client, "GET", "http://u:p@a.example/", NULL);
  (void)send_with(client, "GET", "http://%75:p%40@a.example/",
                  ahttp_auth_none());
  (void)send_with(client, "GET", "http://a.example/", ahttp_auth_none());
  ahttp_auth_free(own);
  check_sent(transport, 0, "Basic czo=");
  check_sent(transport, 1, "Basic Yzo=");
  check_sent(transport, 2, "Basic dTpwQA==");
  check_sent(transport, 3, NULL);
  assert_int_equal(
      send_with(client, "GET", "http://a%3Ab@a.example/", ahttp_auth_none()),
      AHTTP_EURL);
  client_close(client, transport);
}

/* --- Redirects. -------------------------------------------------------------
 */

static void credentials_stay_with_their_origin(void **state)
{
  static const struct {
    const char *url;
    bool keeps[3]; /* on the first request, the second, the third */
    size_t count;
  } rows[] = {
      {"http://a.example/to?/x", {true, true}, 2},
      {"http://a.example/to?http://b.example/x", {true, false}, 2},
      {"http://a.example/to?http://a.example:81/x", {true, false}, 2},
      {"https://a.example/to?http://a.example/x", {true, false}, 2},
      {"http://a.example/to?https://a.example/x", {true, true}, 2},
      {"http://a.example:81/to?https://a.example/x", {true, false}, 2},
      {"http://a.example/to?http://b.example/to?http://a.example/x",
       {true, false, false},
       3},
      {"http://a.example/to?https://a.example/to?http://a.example/x",
       {true, true, false},
       3},
  };
  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    ahttp_transport *transport;
    ahttp_client *client = client_new(&transport, basic("a", ""));
    (void)send_with(client, "GET", rows[i].url, NULL);
    assert_int_equal(ahttp_mock_count(transport), rows[i].count);
    for (size_t k = 0; k < rows[i].count; k++) {
      check_sent(transport, k, rows[i].keeps[k] ? "Basic YTo=" : NULL);
    }
    client_close(client, transport);
  }
}

/* --- A scheme of the test's own. --------------------------------------------
 */

/* Counts up with each challenge. */
typedef struct counting {
  unsigned cleared;
  bool is_freed;
  bool waits;
  size_t content_len; /* of the last response, if it reads them */
  int never;          /* what on_response says instead of AHTTP_OK */
  ahttp_call *waiting;
  uv_mutex_t lock;
  unsigned total; /* guarded by |lock| */
} counting;

static int counting_on_request(ahttp_auth_flow *flow, ahttp_outgoing *outgoing,
                               void *user_data)
{
  counting *self = user_data;
  unsigned *count = ahttp_auth_flow_state(flow);
  uint8_t content[20];
  size_t len;
  char value[20];
  if (self->waits && self->waiting == NULL) {
    self->waiting = ahttp_auth_flow_call(flow);
    return AHTTP_LATER;
  }
  int rv = ahttp_auth_flow_read(flow, 0, content, sizeof(content), &len);
  if (rv != AHTTP_OK) {
    return rv;
  }
  (void)snprintf(value, sizeof(value), "Count %u", *count);
  return ahttp_outgoing_set_field(outgoing, str("authorization"), str(value));
}

static int counting_on_response(ahttp_auth_flow *flow,
                                const ahttp_response *response, void *user_data)
{
  counting *self = user_data;
  unsigned *count = ahttp_auth_flow_state(flow);
  self->content_len = ahttp_response_content(response).len;
  if (ahttp_response_status(response) == 401) {
    (*count)++;
    return AHTTP_AGAIN;
  }
  uv_mutex_lock(&self->lock);
  self->total += *count;
  uv_mutex_unlock(&self->lock);
  return self->never;
}

static void counting_clear(void *state, void *user_data)
{
  counting *self = user_data;
  (void)state;
  self->cleared++;
}

static void counting_free(void *user_data)
{
  counting *self = user_data;
  self->is_freed = true;
  uv_mutex_destroy(&self->lock);
}

static int counting_make(ahttp_auth **out, counting *self, bool reads_content)
{
  ahttp_auth_opts opts = AHTTP_AUTH_OPTS_INIT;
  opts.on_request = counting_on_request;
  opts.on_response = counting_on_response;
  opts.reads_content = reads_content;
  opts.flow_bytes = sizeof(unsigned);
  opts.flow_clear = counting_clear;
  opts.free = counting_free;
  opts.user_data = self;
  return ahttp_auth_new(out, &opts);
}

static ahttp_auth *counting_new(counting *self, bool reads_content)
{
  ahttp_auth *auth;
  assert_int_equal(uv_mutex_init(&self->lock), 0);
  assert_int_equal(counting_make(&auth, self, reads_content), AHTTP_OK);
  return auth;
}

static void a_flow_takes_as_many_rounds_as_it_needs(void **state)
{
  (void)state;
  for (int reads = 0; reads < 2; reads++) {
    counting self = {.cleared = 0};
    ahttp_transport *transport;
    ahttp_client *client =
        client_new(&transport, counting_new(&self, reads == 1));
    assert_int_equal(send_with(client, "POST", "http://a.example/", NULL), 200);
    assert_int_equal(ahttp_mock_count(transport), 3);
    check_sent(transport, 0, "Count 0");
    check_sent(transport, 1, "Count 1");
    check_sent(transport, 2, "Count 2");
    for (size_t i = 0; i < 3; i++) {
      assert_int_equal(
          ahttp_mock_request_content(ahttp_mock_at(transport, i)).len, 7);
    }
    assert_int_equal(self.content_len, reads == 1 ? 7 : 0);
    assert_int_equal(self.cleared, 1);
    client_close(client, transport);
    assert_true(self.is_freed);
  }
}

/* What was read is given to the user, too. */
static void the_content_that_was_read_is_passed_on(void **state)
{
  counting self = {.cleared = 0};
  ahttp_transport *transport;
  ahttp_response *response;
  ahttp_client *client = client_new(&transport, counting_new(&self, true));
  (void)state;
  assert_int_equal(ahttp_get(client, "http://a.example/", &response, NULL),
                   AHTTP_OK);
  assert_string_equal(ahttp_response_content(response).ptr, "Count 2");
  ahttp_response_free(response);
  client_close(client, transport);
}

static void a_flow_without_an_end_is_ended(void **state)
{
  counting self = {.never = AHTTP_AGAIN};
  ahttp_transport *transport;
  ahttp_client *client = client_new(&transport, counting_new(&self, false));
  (void)state;
  assert_int_equal(send_with(client, "GET", "http://a.example/", NULL),
                   AHTTP_ELIMIT);
  assert_int_equal(ahttp_mock_count(transport), 21);
  client_close(client, transport);
}

static void a_flow_can_fail_the_call(void **state)
{
  counting self = {.never = AHTTP_ESTATUS};
  ahttp_transport *transport;
  ahttp_client *client = client_new(&transport, counting_new(&self, false));
  (void)state;
  assert_int_equal(send_with(client, "GET", "http://a.example/", NULL),
                   AHTTP_ESTATUS);
  client_close(client, transport);
}

static int give_once(void *user_data, uint64_t offset, uint8_t *dst, size_t cap,
                     size_t *len)
{
  (void)user_data;
  (void)cap;
  *len = offset == 0 ? 1 : 0;
  dst[0] = 'x';
  return 0;
}

/* An on_response only, so that the content is not asked for by on_request. */
static void content_that_cannot_be_sent_again_is_an_error(void **state)
{
  counting self = {.cleared = 0};
  ahttp_auth_opts opts = AHTTP_AUTH_OPTS_INIT;
  ahttp_content_source source = {
      .size = sizeof(source), .read = give_once, .length = -1};
  ahttp_transport *transport;
  ahttp_request *request;
  ahttp_response *response;
  ahttp_auth *auth;
  (void)state;
  assert_int_equal(uv_mutex_init(&self.lock), 0);
  opts.on_response = counting_on_response;
  opts.flow_bytes = sizeof(unsigned);
  opts.free = counting_free;
  opts.user_data = &self;
  assert_int_equal(ahttp_auth_new(&auth, &opts), AHTTP_OK);
  ahttp_client *client = client_new(&transport, auth);
  assert_int_equal(ahttp_request_new(&request, "POST", "http://a.example/"),
                   AHTTP_OK);
  assert_int_equal(ahttp_request_set_content_source(request, &source),
                   AHTTP_OK);
  assert_int_equal(ahttp_send(client, request, NULL, &response, NULL),
                   AHTTP_EBODY);
  ahttp_request_free(request);
  client_close(client, transport);
}

static void a_flow_can_wait(void **state)
{
  counting self = {.waits = true};
  ahttp_transport *transport;
  ahttp_request *request;
  ahttp_response *response;
  ahttp_client *client = client_new(&transport, counting_new(&self, false));
  (void)state;
  assert_int_equal(ahttp_request_new(&request, "GET", "http://a.example/"),
                   AHTTP_OK);
  ahttp_future *future = ahttp_submit(client, request, NULL);
  assert_int_equal(ahttp_future_wait(future, 5), AHTTP_ETIMEOUT_WAIT);
  assert_non_null(self.waiting);
  assert_int_equal(ahttp_mock_count(transport), 0);
  ahttp_call_go_on(self.waiting, AHTTP_OK);
  assert_int_equal(ahttp_future_wait(future, AHTTP_NO_LIMIT), AHTTP_OK);
  assert_int_equal(ahttp_future_take(future, &response, NULL), AHTTP_OK);
  assert_int_equal(ahttp_response_status(response), 200);
  ahttp_response_free(response);
  ahttp_future_free(future);
  ahttp_request_free(request);
  client_close(client, transport);
}

/* --- Threads. ---------------------------------------------------------------
 */

typedef struct crowd {
  ahttp_client *client;
  atomic_uint failures;
} crowd;

static void crowd_on_thread(void *arg)
{
  crowd *self = arg;
  for (int i = 0; i < GETS_PER_THREAD; i++) {
    ahttp_response *response;
    int rv = ahttp_get(self->client, "http://a.example/", &response, NULL);
    if (rv != AHTTP_OK || ahttp_response_status(response) != 200) {
      atomic_fetch_add(&self->failures, 1);
    }
    ahttp_response_free(response);
  }
}

static int count_request(ahttp_call *call, ahttp_outgoing *outgoing,
                         void *user_data)
{
  unsigned *count = user_data; /* of the loop's thread, whichever that is */
  (void)call;
  (void)outgoing;
  (*count)++;
  return AHTTP_OK;
}

static void threads_share_a_client_with_auth_and_hooks(void **state)
{
  counting auth_state = {.cleared = 0};
  unsigned requests = 0;
  const ahttp_hook hook = {.on_request = count_request, .user_data = &requests};
  ahttp_mock_opts mock_opts = AHTTP_MOCK_OPTS_INIT;
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  uv_thread_t threads[THREADS];
  crowd self;
  (void)state;
  mock_opts.handler = serve;
  assert_int_equal(ahttp_mock_new(&opts.transport, &mock_opts), AHTTP_OK);
  opts.auth = counting_new(&auth_state, true);
  opts.hooks = &hook;
  opts.hook_count = 1;
  assert_int_equal(ahttp_client_new(&self.client, &opts), AHTTP_OK);
  atomic_init(&self.failures, 0);
  for (int i = 0; i < THREADS; i++) {
    assert_int_equal(uv_thread_create(&threads[i], crowd_on_thread, &self), 0);
  }
  for (int i = 0; i < THREADS; i++) {
    assert_int_equal(uv_thread_join(&threads[i]), 0);
  }
  assert_int_equal(atomic_load(&self.failures), 0);
  assert_int_equal(requests, THREADS * GETS_PER_THREAD * 3);
  assert_int_equal(auth_state.total, THREADS * GETS_PER_THREAD * 2);
  ahttp_client_free(self.client);
  ahttp_auth_free(opts.auth);
  ahttp_transport_free(opts.transport);
  assert_true(auth_state.is_freed);
}

/* --- Memory. ----------------------------------------------------------------
 */

static int send_each(ahttp_transport *transport, ahttp_auth *client_auth,
                     ahttp_auth *auth)
{
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  ahttp_send_opts send_opts = AHTTP_SEND_OPTS_INIT;
  ahttp_client *client;
  ahttp_request *request = NULL;
  ahttp_response *response = NULL;
  opts.transport = transport;
  opts.auth = client_auth;
  send_opts.auth = auth;
  int rv = ahttp_client_new(&client, &opts);
  if (rv != AHTTP_OK) {
    return rv;
  }
  rv = ahttp_request_new(&request, "GET", "http://user:word@a.example/");
  if (rv == AHTTP_OK) {
    rv = ahttp_send(client, request, &send_opts, &response, NULL);
  }
  ahttp_response_free(response);
  ahttp_request_free(request);
  ahttp_client_free(client);
  return rv;
}

/* 0: rounds that read the content; 1: Basic; 2: Bearer; 3: the URL's. */
static int send_by(void *arg)
{
  const int *kind = arg;
  counting self = {.cleared = 0};
  ahttp_mock_opts mock_opts = AHTTP_MOCK_OPTS_INIT;
  ahttp_transport *transport = NULL;
  ahttp_auth *auth = NULL;
  int rv = AHTTP_OK;
  if (*kind == 0) {
    assert_int_equal(uv_mutex_init(&self.lock), 0);
    rv = counting_make(&auth, &self, true);
  } else if (*kind == 1) {
    rv = ahttp_auth_new_basic(&auth, str("name"), str("word"));
  } else if (*kind == 2) {
    rv = ahttp_auth_new_bearer(&auth, str("token"));
  }
  mock_opts.handler = serve;
  if (rv == AHTTP_OK) {
    rv = ahttp_mock_new(&transport, &mock_opts);
  }
  if (rv == AHTTP_OK) {
    rv = send_each(transport, auth, auth);
  }
  ahttp_auth_free(auth);
  ahttp_transport_free(transport);
  return rv;
}

static void running_out_of_memory_is_told(void **state)
{
  (void)state;
  for (int kind = 0; kind < 4; kind++) {
    test_alloc_fail_each(send_by, &kind);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(basic_is_sent_without_being_asked),
      cmocka_unit_test(bearer_is_sent_without_being_asked),
      cmocka_unit_test(impossible_credentials_are_refused),
      cmocka_unit_test(the_nearest_credentials_are_used),
      cmocka_unit_test(credentials_stay_with_their_origin),
      cmocka_unit_test(a_flow_takes_as_many_rounds_as_it_needs),
      cmocka_unit_test(the_content_that_was_read_is_passed_on),
      cmocka_unit_test(a_flow_without_an_end_is_ended),
      cmocka_unit_test(a_flow_can_fail_the_call),
      cmocka_unit_test(content_that_cannot_be_sent_again_is_an_error),
      cmocka_unit_test(a_flow_can_wait),
      cmocka_unit_test(threads_share_a_client_with_auth_and_hooks),
      cmocka_unit_test(running_out_of_memory_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
