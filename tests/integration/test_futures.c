/* SPDX-License-Identifier: MIT */
/* Futures on every kind of loop. */
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
#include "support/test_alloc.h"

enum {
  MANY = 50,
  STORM_THREADS = 8,
#if defined(__SANITIZE_THREAD__)
  STORM_ROUNDS = 60,
#else
  STORM_ROUNDS = 200,
#endif
  STORM_MS_MAX = 4,
  LONG_MS = 20000 /* a test that waits so long has failed */
};

static nginx server;
static const uint8_t *file_bytes; /* of /f/3 */
static const raw_step silent[] = {{RAW_EXPECT_HEAD, NULL, 0},
                                  {RAW_HOLD, NULL, 0}};

static ahttp_request *request_for(uint16_t port, const char *path)
{
  char url[100];
  ahttp_request *request;
  (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", (unsigned)port,
                 path);
  assert_int_equal(ahttp_request_new(&request, "GET", url), AHTTP_OK);
  return request;
}

static ahttp_future *submit_to(const client_home *home, uint16_t port,
                               const char *path)
{
  ahttp_request *request = request_for(port, path);
  ahttp_future *future = ahttp_submit(home->client, request, NULL);
  assert_non_null(future);
  ahttp_request_free(request);
  return future;
}

static ahttp_future *submit(const client_home *home, const char *path)
{
  return submit_to(home, server.http, path);
}

static void check_file(const ahttp_response *response)
{
  assert_int_equal(ahttp_response_status(response), 200);
  assert_int_equal(ahttp_response_content(response).len, nginx_file_sizes[3]);
  assert_memory_equal(ahttp_response_content(response).ptr, file_bytes,
                      nginx_file_sizes[3]);
}

/* Takes the response of /f/3 and frees the future. */
static void take_file(ahttp_future *future)
{
  ahttp_response *response;
  ahttp_error err;
  int rv = ahttp_future_take(future, &response, &err);
  assert_string_equal(rv == AHTTP_OK ? "" : err.text, "");
  check_file(response);
  ahttp_response_free(response);
  ahttp_future_free(future);
}

static int outcome(ahttp_future *future)
{
  ahttp_response *response;
  ahttp_error err;
  int rv = ahttp_future_take(future, &response, &err);
  ahttp_response_free(response);
  assert_true(rv == AHTTP_OK || err.code == rv);
  return rv;
}

/* Runs |check| on each kind of loop; nothing may be left over. */
static void each_home(void (*check)(client_home *home))
{
  for (int kind = 0; kind < HOME_KINDS; kind++) {
    client_home home;
    client_home_open(&home, (client_home_kind)kind, NULL);
    check(&home);
    client_home_close_settled(&home);
  }
}

/* --- Waiting and taking.
 * ------------------------------------------------------ */

static void check_one(client_home *home)
{
  ahttp_response *response;
  ahttp_error err;
  ahttp_future *future = submit(home, "/f/3");
  if (home->kind == HOME_WAITERS) {
    assert_false(ahttp_future_is_done(future));
    assert_int_equal(ahttp_future_take(future, &response, &err), AHTTP_ESTATE);
    assert_int_equal(err.code, AHTTP_ESTATE);
  }
  assert_int_equal(ahttp_future_wait(future, LONG_MS), AHTTP_OK);
  assert_true(ahttp_future_is_done(future));
  assert_int_equal(ahttp_future_wait(future, 0), AHTTP_OK);
  assert_int_equal(ahttp_future_take(future, &response, &err), AHTTP_OK);
  assert_int_equal(err.code, AHTTP_OK);
  check_file(response);
  ahttp_response *again;
  assert_int_equal(ahttp_future_take(future, &again, NULL), AHTTP_ESTATE);
  assert_null(again);
  ahttp_future_free(future);
  check_file(response); /* it outlives the future */
  ahttp_response_free(response);
}

static void response_is_taken_once(void **state)
{
  (void)state;
  each_home(check_one);
}

static void check_timeout(client_home *home)
{
  raw_peer *peer = raw_peer_start_one(silent);
  ahttp_future *future = submit_to(home, raw_peer_port(peer), "/");
  assert_int_equal(ahttp_future_wait(future, 30), AHTTP_ETIMEOUT_WAIT);
  assert_false(ahttp_future_is_done(future));
  assert_int_equal(ahttp_future_wait(future, 0), AHTTP_ETIMEOUT_WAIT);
  ahttp_future_cancel(future);
  ahttp_future_cancel(future);
  assert_int_equal(ahttp_future_wait(future, LONG_MS), AHTTP_OK);
  assert_int_equal(outcome(future), AHTTP_ECANCELED);
  assert_int_equal(outcome(future), AHTTP_ECANCELED); /* can be had again */
  ahttp_future_free(future);
  client_home_settle(home);
  raw_peer_stop(peer);
}

static void wait_has_an_end_of_its_own(void **state)
{
  (void)state;
  each_home(check_timeout);
}

static void check_all(client_home *home)
{
  ahttp_future *futures[MANY + 2] = {NULL}; /* two entries stay NULL */
  for (int i = 0; i < MANY; i++) {
    futures[i + (i > 7)] = submit(home, "/f/3");
  }
  assert_int_equal(ahttp_future_wait_all(futures, MANY + 2, LONG_MS), AHTTP_OK);
  for (int i = 0; i < MANY + 2; i++) {
    if (futures[i] != NULL) {
      assert_true(ahttp_future_is_done(futures[i]));
      take_file(futures[i]);
    }
  }
  assert_int_equal(ahttp_future_wait_all(futures, 0, 0), AHTTP_OK);
}

static void all_are_waited_for(void **state)
{
  (void)state;
  each_home(check_all);
}

static void check_as_completed(client_home *home)
{
  ahttp_future *futures[MANY];
  size_t index;
  int taken = 0;
  for (int i = 0; i < MANY; i++) {
    futures[i] = submit(home, "/f/3");
  }
  while (ahttp_future_wait_any(futures, MANY, LONG_MS, &index) == AHTTP_OK) {
    assert_true(index < MANY);
    take_file(futures[index]);
    futures[index] = NULL;
    taken++;
  }
  assert_int_equal(taken, MANY);
  assert_int_equal(ahttp_future_wait_any(futures, MANY, 0, &index),
                   AHTTP_EINVAL);
  assert_int_equal(index, MANY);
}

static void any_gives_them_as_they_are_completed(void **state)
{
  (void)state;
  each_home(check_as_completed);
}

static void check_any_is_not_all(client_home *home)
{
  raw_peer *peer = raw_peer_start_one(silent);
  size_t index;
  ahttp_future *futures[] = {submit_to(home, raw_peer_port(peer), "/"), NULL,
                             submit(home, "/f/3")};
  assert_int_equal(ahttp_future_wait_any(futures, 3, LONG_MS, &index),
                   AHTTP_OK);
  assert_int_equal(index, 2);
  assert_int_equal(ahttp_future_wait_all(futures, 3, 20), AHTTP_ETIMEOUT_WAIT);
  take_file(futures[2]);
  futures[2] = NULL;
  assert_int_equal(ahttp_future_wait_any(futures, 3, 20, &index),
                   AHTTP_ETIMEOUT_WAIT);
  assert_int_equal(index, 3);
  ahttp_future_free(futures[0]); /* under way */
  client_home_settle(home);
  raw_peer_stop(peer);
}

static void any_does_not_wait_for_the_others(void **state)
{
  (void)state;
  each_home(check_any_is_not_all);
}

static void futures_of_two_clients_cannot_be_waited_for(void **state)
{
  (void)state;
  client_home homes[2];
  client_home_open(&homes[0], HOME_WAITERS, NULL);
  client_home_open(&homes[1], HOME_BACKGROUND, NULL);
  ahttp_future *futures[] = {submit(&homes[0], "/f/3"),
                             submit(&homes[1], "/f/3")};
  assert_int_equal(ahttp_future_wait_all(futures, 2, LONG_MS), AHTTP_EINVAL);
  for (int i = 0; i < 2; i++) {
    assert_int_equal(ahttp_future_wait(futures[i], LONG_MS), AHTTP_OK);
    take_file(futures[i]);
    client_home_close_settled(&homes[i]);
  }
}

/* --- Then.
 * --------------------------------------------------------------------- */

typedef struct witness {
  client_home *home;
  uv_thread_t asker;
  atomic_bool may_run; /* ahttp_future_then() has returned */
  atomic_int runs;
  atomic_int too_early;
  int wait_code; /* of a wait for another on the loop's thread */
  int done_code; /* of a wait for itself */
  int take_code;
  ahttp_future *next; /* submitted in the callback */
  uv_sem_t ran;
} witness;

static void witness_init(witness *self, client_home *home)
{
  memset(self, 0, sizeof(*self));
  self->home = home;
  self->asker = uv_thread_self();
  assert_int_equal(uv_sem_init(&self->ran, 0), 0);
}

static void witness_note(ahttp_future *future, void *user_data)
{
  witness *self = user_data;
  uv_thread_t here = uv_thread_self();
  bool is_other_thread = !uv_thread_equal(&here, &self->asker);
  if (!is_other_thread && !atomic_load(&self->may_run)) {
    atomic_fetch_add(&self->too_early, 1);
  }
  atomic_fetch_add(&self->runs, 1);
  self->done_code = ahttp_future_wait(future, 0);
  uv_sem_post(&self->ran);
}

static void witness_await(witness *self)
{
  if (self->home->kind == HOME_WAITERS) {
    while (uv_sem_trywait(&self->ran) != 0) {
      ahttp_future *other = submit(self->home, "/f/1");
      assert_int_equal(ahttp_future_wait(other, LONG_MS), AHTTP_OK);
      ahttp_future_free(other);
    }
  } else {
    uv_sem_wait(&self->ran);
  }
}

static void check_then(client_home *home)
{
  for (int after = 0; after < 2; after++) {
    witness it;
    witness_init(&it, home);
    ahttp_future *future = submit(home, "/f/3");
    if (after) {
      assert_int_equal(ahttp_future_wait(future, LONG_MS), AHTTP_OK);
    }
    assert_int_equal(ahttp_future_then(future, witness_note, &it), AHTTP_OK);
    atomic_store(&it.may_run, true);
    assert_int_equal(ahttp_future_then(future, witness_note, &it),
                     AHTTP_ESTATE);
    assert_int_equal(ahttp_future_then(future, NULL, &it), AHTTP_EINVAL);
    witness_await(&it);
    assert_int_equal(atomic_load(&it.runs), 1);
    assert_int_equal(atomic_load(&it.too_early), 0);
    assert_int_equal(it.done_code, AHTTP_OK);
    take_file(future);
    uv_sem_destroy(&it.ran);
  }
}

static void then_runs_once_and_later(void **state)
{
  (void)state;
  each_home(check_then);
}

static void witness_go_on(ahttp_future *future, void *user_data)
{
  witness *self = user_data;
  ahttp_response *response;
  self->take_code = ahttp_future_take(future, &response, NULL);
  ahttp_response_free(response);
  ahttp_future_free(future);
  ahttp_request *request;
  char url[100];
  (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/f/3",
                 (unsigned)server.http);
  if (ahttp_request_new(&request, "GET", url) == AHTTP_OK) {
    self->next = ahttp_submit(self->home->client, request, NULL);
    self->wait_code = ahttp_future_wait(self->next, LONG_MS);
    ahttp_request_free(request);
  }
  uv_sem_post(&self->ran);
}

static void check_go_on(client_home *home)
{
  witness it;
  witness_init(&it, home);
  ahttp_future *future = submit(home, "/f/3");
  assert_int_equal(ahttp_future_then(future, witness_go_on, &it), AHTTP_OK);
  witness_await(&it);
  assert_int_equal(it.take_code, AHTTP_OK);
  assert_int_equal(it.wait_code, AHTTP_ESTATE);
  assert_non_null(it.next);
  assert_int_equal(ahttp_future_wait(it.next, LONG_MS), AHTTP_OK);
  take_file(it.next);
  uv_sem_destroy(&it.ran);
}

static void then_may_take_free_and_submit(void **state)
{
  (void)state;
  each_home(check_go_on);
}

static void check_free_silences(client_home *home)
{
  raw_peer *peer = raw_peer_start_one(silent);
  witness it;
  witness_init(&it, home);
  ahttp_future *future = submit_to(home, raw_peer_port(peer), "/");
  assert_int_equal(ahttp_future_then(future, witness_note, &it), AHTTP_OK);
  ahttp_future_free(future);
  client_home_settle(home);
  assert_int_equal(atomic_load(&it.runs), 0);
  uv_sem_destroy(&it.ran);
  raw_peer_stop(peer);
}

static void freed_future_tells_nothing(void **state)
{
  (void)state;
  each_home(check_free_silences);
}

/* --- Closing.
 * ------------------------------------------------------------------- */

static void closed_client_leaves_no_future_unfinished(void **state)
{
  (void)state;
  for (int kind = 0; kind < HOME_KINDS; kind++) {
    raw_peer *peer = raw_peer_start_one(silent);
    client_home home;
    client_home_open(&home, (client_home_kind)kind, NULL);
    ahttp_future *futures[MANY];
    witness it;
    witness_init(&it, &home);
    for (int i = 0; i < MANY; i++) {
      futures[i] = submit_to(&home, raw_peer_port(peer), "/");
      if (i == MANY / 2) { /* some have begun, the others are in the inbox */
        (void)ahttp_future_wait(futures[0], 5);
      }
    }
    assert_int_equal(ahttp_future_then(futures[1], witness_note, &it),
                     AHTTP_OK);
    assert_int_equal(ahttp_future_then(futures[MANY - 1], witness_note, &it),
                     AHTTP_OK);
    client_home_close(&home);
    assert_int_equal(atomic_load(&it.runs), 2);
    assert_int_equal(ahttp_future_then(futures[2], witness_note, &it),
                     AHTTP_ECLOSED);
    for (int i = 0; i < MANY; i++) {
      assert_int_equal(ahttp_future_wait(futures[i], LONG_MS), AHTTP_OK);
      assert_int_equal(outcome(futures[i]), AHTTP_ECLOSED);
      ahttp_future_cancel(futures[i]);
      ahttp_future_free(futures[i]);
    }
    uv_sem_destroy(&it.ran);
    raw_peer_stop(peer);
  }
}

static void response_outlives_the_client(void **state)
{
  (void)state;
  client_home home;
  client_home_open(&home, HOME_WAITERS, NULL);
  ahttp_future *future = submit(&home, "/f/3");
  assert_int_equal(ahttp_future_wait(future, LONG_MS), AHTTP_OK);
  client_home_close(&home);
  take_file(future);
}

/* --- Gathering.
 * ------------------------------------------------------------------ */

static void check_gather(client_home *home)
{
  ahttp_request *requests[MANY];
  ahttp_response *responses[MANY];
  ahttp_error *errors = calloc(MANY, sizeof(*errors));
  assert_non_null(errors);
  for (int i = 0; i < MANY; i++) {
    requests[i] = request_for(i == 20 || i == 30 ? 1 : server.http, "/f/3");
  }
  assert_int_equal(
      ahttp_gather(home->client, requests, MANY, NULL, responses, errors),
      AHTTP_EREFUSED);
  for (int i = 0; i < MANY; i++) {
    if (i == 20 || i == 30) {
      assert_null(responses[i]);
      assert_int_equal(errors[i].code, AHTTP_EREFUSED);
    } else {
      assert_int_equal(errors[i].code, AHTTP_OK);
      check_file(responses[i]);
    }
    ahttp_response_free(responses[i]);
  }
  assert_int_equal(
      ahttp_gather(home->client, requests, 20, NULL, responses, NULL),
      AHTTP_OK);
  for (int i = 0; i < 20; i++) {
    check_file(responses[i]);
    ahttp_response_free(responses[i]);
  }
  assert_int_equal(ahttp_gather(home->client, requests, 0, NULL, NULL, NULL),
                   AHTTP_OK);
  for (int i = 0; i < MANY; i++) {
    ahttp_request_free(requests[i]);
  }
  free(errors);
}

static void gather_gives_every_outcome(void **state)
{
  (void)state;
  each_home(check_gather);
  ahttp_request *request = request_for(1, "/");
  ahttp_response *response;
  ahttp_error err;
  assert_int_equal(ahttp_gather(NULL, &request, 1, NULL, &response, &err),
                   AHTTP_EINVAL);
  assert_null(response);
  assert_int_equal(err.code, AHTTP_EINVAL);
  assert_null(ahttp_submit(NULL, request, NULL));
  ahttp_request_free(request);
}

/* --- Memory.
 * ----------------------------------------------------------------------- */

/* One future without a server's help: refused by the options. */
static int submit_in_vain(void *arg)
{
  ahttp_client *client;
  ahttp_request *request = NULL;
  ahttp_response *response;
  ahttp_send_opts bad = {.size = sizeof(bad) + 1};
  (void)arg;
  int rv = ahttp_client_new(&client, NULL);
  if (rv != AHTTP_OK) {
    return rv;
  }
  rv = ahttp_request_new(&request, "GET", "http://127.0.0.1:1/");
  ahttp_future *future =
      rv == AHTTP_OK ? ahttp_submit(client, request, &bad) : NULL;
  if (future == NULL) {
    rv = AHTTP_ENOMEM;
  } else {
    rv = ahttp_future_wait(future, LONG_MS);
  }
  if (rv == AHTTP_OK) {
    rv = ahttp_future_take(future, &response, NULL);
    rv = rv == AHTTP_EINVAL ? AHTTP_OK : rv;
  }
  ahttp_future_free(future);
  ahttp_request_free(request);
  ahttp_client_free(client);
  return rv;
}

static void no_allocation_is_taken_for_granted(void **state)
{
  (void)state;
  test_alloc_fail_each(submit_in_vain, NULL);
}

/* --- From everywhere at once.
 * -------------------------------------------------------- */

typedef struct storm {
  uv_thread_t thread;
  ahttp_client *client;
  ahttp_request *request;
  unsigned seed;
  atomic_uint *thens;
  unsigned good;
  unsigned cancelled;
  unsigned strange;
} storm;

static unsigned storm_random(storm *self, unsigned below)
{
  self->seed = self->seed * 1103515245U + 12345U;
  return (self->seed >> 16) % below;
}

static void storm_on_then(ahttp_future *future, void *user_data)
{
  atomic_uint *thens = user_data;
  atomic_fetch_add(thens, ahttp_future_is_done(future) ? 1 : 1000000);
}

static void storm_note(storm *self, ahttp_future *future)
{
  ahttp_response *response;
  int rv = ahttp_future_take(future, &response, NULL);
  if (rv == AHTTP_OK) {
    self->good += ahttp_response_content(response).len == nginx_file_sizes[3];
  } else {
    self->cancelled += rv == AHTTP_ECANCELED;
    self->strange += rv != AHTTP_ECANCELED;
  }
  ahttp_response_free(response);
}

static void storm_round(storm *self)
{
  ahttp_future *futures[4];
  size_t count = 1 + storm_random(self, 4);
  for (size_t i = 0; i < count; i++) {
    futures[i] = ahttp_submit(self->client, self->request, NULL);
    if (storm_random(self, 2) == 0) {
      (void)ahttp_future_then(futures[i], storm_on_then, self->thens);
    }
  }
  (void)ahttp_future_wait_all(futures, count, storm_random(self, STORM_MS_MAX));
  size_t index;
  (void)ahttp_future_wait_any(futures, count, storm_random(self, STORM_MS_MAX),
                              &index);
  for (size_t i = 0; i < count; i++) {
    unsigned choice = storm_random(self, 4);
    if (choice == 0) {
      ahttp_future_cancel(futures[i]);
    }
    if (choice != 1) { /* else it is freed wherever it is */
      if (ahttp_future_wait(futures[i], LONG_MS) != AHTTP_OK) {
        self->strange++;
      }
      storm_note(self, futures[i]);
    }
    ahttp_future_free(futures[i]);
  }
}

static void storm_run(void *arg)
{
  storm *self = arg;
  for (int i = 0; i < STORM_ROUNDS; i++) {
    storm_round(self);
  }
}

static void check_storm(client_home *home)
{
  storm storms[STORM_THREADS] = {{.client = NULL}};
  atomic_uint thens = 0;
  ahttp_request *request = request_for(server.http, "/f/3");
  for (unsigned i = 0; i < STORM_THREADS; i++) {
    storms[i] = (storm){.client = home->client,
                        .request = request,
                        .seed = (i + 1) * 104729U,
                        .thens = &thens};
    assert_int_equal(uv_thread_create(&storms[i].thread, storm_run, &storms[i]),
                     0);
  }
  unsigned good = 0;
  for (unsigned i = 0; i < STORM_THREADS; i++) {
    assert_int_equal(uv_thread_join(&storms[i].thread), 0);
    assert_int_equal(storms[i].strange, 0);
    good += storms[i].good;
  }
  client_home_settle(home);
  assert_true(good > 0);
  assert_true(atomic_load(&thens) > 0);
  assert_true(atomic_load(&thens) < 1000000);
  ahttp_request_free(request);
}

static void many_threads_submit_wait_cancel_and_free(void **state)
{
  (void)state;
  each_home(check_storm);
}

static int open_server(void **state)
{
  (void)state;
  nginx_open(&server);
  file_bytes = nginx_file(3);
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
      cmocka_unit_test(response_is_taken_once),
      cmocka_unit_test(wait_has_an_end_of_its_own),
      cmocka_unit_test(all_are_waited_for),
      cmocka_unit_test(any_gives_them_as_they_are_completed),
      cmocka_unit_test(any_does_not_wait_for_the_others),
      cmocka_unit_test(futures_of_two_clients_cannot_be_waited_for),
      cmocka_unit_test(then_runs_once_and_later),
      cmocka_unit_test(then_may_take_free_and_submit),
      cmocka_unit_test(freed_future_tells_nothing),
      cmocka_unit_test(closed_client_leaves_no_future_unfinished),
      cmocka_unit_test(response_outlives_the_client),
      cmocka_unit_test(gather_gives_every_outcome),
      cmocka_unit_test(no_allocation_is_taken_for_granted),
      cmocka_unit_test(many_threads_submit_wait_cancel_and_free),
  };
  return cmocka_run_group_tests(tests, open_server, close_server);
}
