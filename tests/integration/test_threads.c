/* SPDX-License-Identifier: MIT */
/* One client shared by many threads that block. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <uv.h>

#include <ahttp/ahttp.h>

#include "support/client_home.h"
#include "support/nginx.h"
#include "support/raw_peer.h"

enum {
  THREADS = 32,
#if defined(__SANITIZE_THREAD__)
  ROUNDS = 200, /* it makes everything ten times slower */
#else
  ROUNDS = 1000,
#endif
  ROUNDS_ELSEWHERE = ROUNDS / 10,
  CONNS_PER_ORIGIN = 8,
  SMALL_FILES = 4 /* of nginx.h's, the first ones */
};

static nginx server;
static const uint8_t *files[SMALL_FILES];

/* --- The same requests from everywhere. -------------------------------------
 */

/* One thread's part. */
typedef struct worker {
  uv_thread_t thread;
  ahttp_client *client;
  const char *base; /* "https://127.0.0.1:PORT" */
  ahttp_version version;
  unsigned rounds;
  unsigned number;
  unsigned answered;
  char trouble[600]; /* the first, "" if there was none */
} worker;

static void worker_complain(worker *self, const char *what)
{
  if (self->trouble[0] == '\0') {
    (void)snprintf(self->trouble, sizeof(self->trouble), "%s", what);
  }
}

static void worker_check(worker *self, const ahttp_response *response,
                         size_t file)
{
  ahttp_str content = ahttp_response_content(response);
  size_t len = nginx_file_sizes[file];
  if (ahttp_response_status(response) != 200 ||
      ahttp_response_version(response) != self->version) {
    worker_complain(self, "another status or version");
  } else if (content.len != len ||
             (len > 0 && memcmp(content.ptr, files[file], len) != 0)) {
    worker_complain(self, "another content");
  } else {
    self->answered++;
  }
}

static void worker_run(void *arg)
{
  worker *self = arg;
  for (unsigned i = 0; i < self->rounds; i++) {
    char url[100];
    size_t file = (self->number + i) % SMALL_FILES;
    (void)snprintf(url, sizeof(url), "%s/f/%zu", self->base, file);
    ahttp_response *response;
    ahttp_error err;
    if (ahttp_get(self->client, url, &response, &err) == AHTTP_OK) {
      worker_check(self, response, file);
      ahttp_response_free(response);
    } else {
      worker_complain(self, err.text);
    }
  }
}

typedef struct destination {
  const char *scheme;
  uint16_t port;
  ahttp_version version;
  size_t conns_max;
} destination;

static void share_client(client_home *home, const destination *to,
                         unsigned rounds)
{
  static worker workers[THREADS];
  char base[60];
  (void)snprintf(base, sizeof(base), "%s://127.0.0.1:%u", to->scheme,
                 (unsigned)to->port);
  size_t conns_before = nginx_connections(&server);
  for (unsigned i = 0; i < THREADS; i++) {
    workers[i] = (worker){.client = home->client,
                          .base = base,
                          .version = to->version,
                          .rounds = rounds,
                          .number = i};
    assert_int_equal(
        uv_thread_create(&workers[i].thread, worker_run, &workers[i]), 0);
  }
  for (unsigned i = 0; i < THREADS; i++) {
    assert_int_equal(uv_thread_join(&workers[i].thread), 0);
  }
  for (unsigned i = 0; i < THREADS; i++) {
    assert_string_equal(workers[i].trouble, "");
    assert_int_equal(workers[i].answered, rounds);
  }
  ahttp_client_stats stats = client_home_stats(home);
  assert_int_equal(stats.calls_active, 0);
  assert_int_equal(stats.calls_waiting, 0);
  assert_true(stats.conns_made >= 1);
  assert_true(stats.conns_made <= to->conns_max);
  assert_true(nginx_connections(&server) - conns_before <= to->conns_max);
}

static void share(client_home_kind kind, unsigned rounds)
{
  const destination ways[] = {
      {"http", server.http, AHTTP_VERSION_1_1, CONNS_PER_ORIGIN},
      {"https", server.https, AHTTP_VERSION_1_1, CONNS_PER_ORIGIN},
      {"https", server.h2, AHTTP_VERSION_2, 1},
  };
  for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
    ahttp_tls_opts tls = {.size = sizeof(tls), .ca_file = server.ca_file};
    ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
    opts.tls = &tls;
    opts.conns_per_origin_max = CONNS_PER_ORIGIN;
    opts.pool_ms = opts.read_ms = opts.connect_ms = AHTTP_NO_LIMIT;
    client_home home;
    client_home_open(&home, kind, &opts);
    share_client(&home, &ways[i], rounds);
    client_home_close_settled(&home);
  }
}

static void threads_share_a_private_loop(void **state)
{
  (void)state;
  share(HOME_WAITERS, ROUNDS);
}

static void threads_share_a_background_loop(void **state)
{
  (void)state;
  share(HOME_BACKGROUND, ROUNDS_ELSEWHERE);
}

static void threads_share_a_loop_of_the_caller(void **state)
{
  (void)state;
  share(HOME_CALLER, ROUNDS_ELSEWHERE);
}

/* --- Closing while threads wait. ---------------------------------------------
 */

static const raw_step silent[] = {{RAW_EXPECT_HEAD, NULL, 0},
                                  {RAW_HOLD, NULL, 0}};

typedef struct blocked {
  uv_thread_t thread;
  ahttp_client *client;
  char url[100];
  bool is_streaming;
  int code;
  uv_sem_t *is_starting;
} blocked;

static void blocked_run(void *arg)
{
  blocked *self = arg;
  ahttp_request *request = NULL;
  ahttp_response *response = NULL;
  self->code = ahttp_request_new(&request, "GET", self->url);
  uv_sem_post(self->is_starting);
  if (self->code == AHTTP_OK && self->is_streaming) {
    self->code = ahttp_open(self->client, request, NULL, &response, NULL);
  } else if (self->code == AHTTP_OK) {
    self->code = ahttp_send(self->client, request, NULL, &response, NULL);
  }
  ahttp_response_free(response);
  ahttp_request_free(request);
}

static void await_active(const client_home *home, uint64_t count)
{
  while (client_home_stats(home).calls_active < count) {
  }
}

static void closing_answers_every_thread_that_waits(void **state)
{
  (void)state;
  for (int kind = 0; kind < HOME_KINDS; kind++) {
    raw_peer *peer = raw_peer_start_one(silent);
    client_home home;
    client_home_open(&home, (client_home_kind)kind, NULL);
    uv_sem_t is_starting;
    assert_int_equal(uv_sem_init(&is_starting, 0), 0);
    blocked threads[8];
    for (int i = 0; i < 8; i++) {
      threads[i] = (blocked){.client = home.client,
                             .is_streaming = i % 2 == 0,
                             .is_starting = &is_starting};
      (void)snprintf(threads[i].url, sizeof(threads[i].url),
                     "http://127.0.0.1:%u/", (unsigned)raw_peer_port(peer));
      assert_int_equal(
          uv_thread_create(&threads[i].thread, blocked_run, &threads[i]), 0);
    }
    for (int i = 0; i < 8; i++) {
      uv_sem_wait(&is_starting);
    }
    await_active(&home, 8);
    client_home_close(&home);
    for (int i = 0; i < 8; i++) {
      assert_int_equal(uv_thread_join(&threads[i].thread), 0);
      assert_int_equal(threads[i].code, AHTTP_ECLOSED);
    }
    uv_sem_destroy(&is_starting);
    raw_peer_stop(peer);
  }
}

/* --- In callbacks. -----------------------------------------------------------
 */

/* What a callback does, and what comes of it. */
typedef struct deed {
  ahttp_client *client;
  char url[100];
  int send_code;
  int open_code;
  int wait_code;
  int other_code; /* of a send by another client */
  bool is_closed;
  uv_sem_t is_done;
} deed;

static void deed_block(ahttp_future *future, void *user_data)
{
  deed *self = user_data;
  ahttp_request *request = NULL;
  ahttp_response *response = NULL;
  ahttp_error err;
  self->send_code = ahttp_get(self->client, self->url, &response, &err);
  (void)ahttp_request_new(&request, "GET", self->url);
  self->open_code = ahttp_open(self->client, request, NULL, &response, NULL);
  ahttp_future *another = ahttp_submit(self->client, request, NULL);
  self->wait_code = ahttp_future_wait(another, 1000);
  self->other_code = ahttp_get(NULL, self->url, &response, NULL);
  ahttp_response_free(response);
  ahttp_future_free(another);
  ahttp_request_free(request);
  ahttp_future_free(future);
  uv_sem_post(&self->is_done);
}

static void deed_note_closed(void *arg)
{
  *(bool *)arg = true;
}

static void deed_close(ahttp_future *future, void *user_data)
{
  deed *self = user_data;
  ahttp_client_close(self->client, deed_note_closed, &self->is_closed);
  self->wait_code = ahttp_future_wait(future, 0); /* it is done */
  self->send_code =
      ahttp_get(self->client, self->url, &(ahttp_response *){0}, NULL);
  ahttp_future_free(future);
  uv_sem_post(&self->is_done);
}

static void deed_do(deed *self, client_home *home, ahttp_future_cb what)
{
  *self = (deed){.client = home->client};
  (void)snprintf(self->url, sizeof(self->url), "http://127.0.0.1:%u/f/1",
                 (unsigned)server.http);
  assert_int_equal(uv_sem_init(&self->is_done, 0), 0);
  ahttp_request *request;
  assert_int_equal(ahttp_request_new(&request, "GET", self->url), AHTTP_OK);
  ahttp_future *future = ahttp_submit(home->client, request, NULL);
  assert_non_null(future);
  assert_int_equal(ahttp_future_then(future, what, self), AHTTP_OK);
  if (home->kind == HOME_WAITERS) { /* a thread that waits runs the callback */
    while (uv_sem_trywait(&self->is_done) != 0) {
      ahttp_response *response;
      (void)ahttp_send(home->client, request, NULL, &response, NULL);
      ahttp_response_free(response);
    }
  } else {
    uv_sem_wait(&self->is_done);
  }
  uv_sem_destroy(&self->is_done);
  ahttp_request_free(request);
}

static void blocking_in_a_callback_is_refused(void **state)
{
  (void)state;
  for (int kind = 0; kind < HOME_KINDS; kind++) {
    client_home home;
    deed it;
    client_home_open(&home, (client_home_kind)kind, NULL);
    deed_do(&it, &home, deed_block);
    assert_int_equal(it.send_code, AHTTP_ESTATE);
    assert_int_equal(it.open_code, AHTTP_ESTATE);
    assert_int_equal(it.wait_code, AHTTP_ESTATE);
    assert_int_equal(it.other_code, AHTTP_OK);
    client_home_close_settled(&home);
  }
}

static void private_client_can_be_closed_in_a_callback(void **state)
{
  (void)state;
  client_home home;
  deed it;
  client_home_open(&home, HOME_WAITERS, NULL);
  deed_do(&it, &home, deed_close);
  assert_int_equal(it.wait_code, AHTTP_OK);
  assert_int_equal(it.send_code, AHTTP_ESTATE);
  assert_true(it.is_closed); /* by the thread that waited */
}

static void background_on_closed(void *arg)
{
  uv_sem_post(arg);
}

static void background_close(ahttp_future *future, void *user_data)
{
  deed *self = user_data;
  ahttp_future_free(future);
  ahttp_client_close(self->client, background_on_closed, &self->is_done);
}

static void background_client_can_be_closed_in_a_callback(void **state)
{
  (void)state;
  client_home home;
  deed it;
  client_home_open(&home, HOME_BACKGROUND, NULL);
  deed_do(&it, &home, background_close); /* until it is closed */
}

/* --- Odds. ------------------------------------------------------------------
 */

static void caller_s_own_thread_cannot_block(void **state)
{
  (void)state;
  uv_loop_t loop;
  assert_int_equal(uv_loop_init(&loop), 0);
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.loop = &loop;
  ahttp_client *client;
  assert_int_equal(ahttp_client_new(&client, &opts), AHTTP_OK);
  ahttp_response *response;
  ahttp_error err;
  assert_int_equal(ahttp_get(client, "http://127.0.0.1/", &response, &err),
                   AHTTP_ESTATE);
  assert_null(response);
  assert_int_equal(err.code, AHTTP_ESTATE);
  ahttp_client_free(client);
  (void)uv_run(&loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&loop), 0);

  opts.background = true;
  assert_int_equal(ahttp_client_new(&client, &opts), AHTTP_EINVAL);
  assert_null(client);
}

static void idle_background_client_closes(void **state)
{
  (void)state;
  for (int i = 0; i < 50; i++) {
    client_home home;
    client_home_open(&home, HOME_BACKGROUND, NULL);
    client_home_close(&home);
  }
}

static void connection_that_died_meanwhile_is_not_used(void **state)
{
  (void)state;
  static const raw_step once[] = {
      {RAW_EXPECT_HEAD, NULL, 0},
      {RAW_EXPECT, NULL, 1},
      RAW_SEND_TEXT("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
      {RAW_END, NULL, 0}};
  raw_peer *peer = raw_peer_start_one(once);
  client_home home;
  client_home_open(&home, HOME_WAITERS, NULL);
  char url[100];
  (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/",
                 (unsigned)raw_peer_port(peer));
  for (unsigned i = 1; i <= 3; i++) {
    ahttp_response *response;
    ahttp_error err;
    /* A POST is not sent again: it must not meet the dead connection. */
    int rv = ahttp_post(home.client, url, NULL, (ahttp_str){"x", 1}, &response,
                        &err);
    assert_string_equal(rv == AHTTP_OK ? "" : err.text, "");
    ahttp_response_free(response);
    raw_peer_await_served(peer, i); /* nobody runs the loop meanwhile */
  }
  assert_int_equal(raw_peer_accepted(peer), 3);
  client_home_close_settled(&home);
  raw_peer_stop(peer);
}

static int open_server(void **state)
{
  (void)state;
  nginx_open(&server);
  for (size_t i = 0; i < SMALL_FILES; i++) {
    files[i] = nginx_file(i);
  }
  return 0;
}

static int close_server(void **state)
{
  (void)state;
  nginx_close(&server);
  return 0;
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(threads_share_a_private_loop),
      cmocka_unit_test(threads_share_a_background_loop),
      cmocka_unit_test(threads_share_a_loop_of_the_caller),
      cmocka_unit_test(closing_answers_every_thread_that_waits),
      cmocka_unit_test(blocking_in_a_callback_is_refused),
      cmocka_unit_test(private_client_can_be_closed_in_a_callback),
      cmocka_unit_test(background_client_can_be_closed_in_a_callback),
      cmocka_unit_test(caller_s_own_thread_cannot_block),
      cmocka_unit_test(idle_background_client_closes),
      cmocka_unit_test(connection_that_died_meanwhile_is_not_used),
  };
  return cmocka_run_group_tests(tests, open_server, close_server);
}
