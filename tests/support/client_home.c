/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "support/client_home.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Valgrind on two busy cores needs a part of it. */
#define SETTLE_NS_MAX 10000000000U

static void home_on_keeper(uv_async_t *keeper)
{
  (void)keeper; /* that it is active is all that is wanted */
}

static void home_on_closed(void *arg)
{
  client_home *home = arg;
  home->is_closed = true;
  if (home->kind == HOME_CALLER) {
    uv_close((uv_handle_t *)&home->keeper, NULL);
  }
}

/* Checks of cmocka may be made on the main thread only. */
static void check(bool is_true)
{
  if (!is_true) {
    abort();
  }
}

static void home_run(void *arg)
{
  client_home *home = arg;
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  if (home->opts != NULL) {
    opts = *home->opts;
  }
  opts.loop = &home->loop;
  check(uv_loop_init(&home->loop) == 0);
  check(uv_async_init(&home->loop, &home->keeper, home_on_keeper) == 0);
  check(ahttp_client_new(&home->client, &opts) == AHTTP_OK);
  uv_sem_post(&home->is_open);
  (void)uv_run(&home->loop, UV_RUN_DEFAULT);
  check(uv_loop_close(&home->loop) == 0);
}

void client_home_open(client_home *home, client_home_kind kind,
                      const ahttp_client_opts *opts)
{
  memset(home, 0, sizeof(*home));
  home->kind = kind;
  if (kind != HOME_CALLER) {
    ahttp_client_opts own = AHTTP_CLIENT_OPTS_INIT;
    if (opts != NULL) {
      own = *opts;
    }
    own.background = kind == HOME_BACKGROUND;
    assert_int_equal(ahttp_client_new(&home->client, &own), AHTTP_OK);
    return;
  }
  home->opts = opts;
  assert_int_equal(uv_sem_init(&home->is_open, 0), 0);
  assert_int_equal(uv_thread_create(&home->thread, home_run, home), 0);
  uv_sem_wait(&home->is_open);
  uv_sem_destroy(&home->is_open);
}

ahttp_client_stats client_home_stats(const client_home *home)
{
  ahttp_client_stats stats = {.size = sizeof(stats)};
  ahttp_client_get_stats(home->client, &stats);
  return stats;
}

/* Turns the private loop: somebody has to. */
static void home_turn(const client_home *home)
{
  ahttp_request *request;
  assert_int_equal(ahttp_request_new(&request, "GET", "http://127.0.0.1:1/"),
                   AHTTP_OK);
  ahttp_future *future = ahttp_submit(home->client, request, NULL);
  assert_non_null(future);
  (void)ahttp_future_wait(future, 1);
  ahttp_future_free(future);
  ahttp_request_free(request);
}

void client_home_settle(const client_home *home)
{
  uint64_t end_ns = uv_hrtime() + SETTLE_NS_MAX;
  while (client_home_stats(home).calls_active > 0 && uv_hrtime() < end_ns) {
    if (home->kind == HOME_WAITERS) {
      home_turn(home);
    }
  }
  assert_int_equal(client_home_stats(home).calls_active, 0);
}

void client_home_close(client_home *home)
{
  ahttp_client_close(home->client, home_on_closed, home);
  if (home->kind == HOME_CALLER) {
    assert_int_equal(uv_thread_join(&home->thread), 0);
  }
  assert_true(home->is_closed);
}

void client_home_close_settled(client_home *home)
{
  client_home_settle(home);
  ahttp_client_stats stats = client_home_stats(home);
  assert_int_equal(stats.calls_waiting, 0);
  assert_int_equal(stats.conns_dialing, 0);
  assert_int_equal(stats.conns_open, stats.conns_idle);
  client_home_close(home);
}
