/* SPDX-License-Identifier: MIT */
/*
 * Ten thousand calls to each kind of server, every one of them cancelled at a
 * random moment: while it waits, is resolved, connected, sent, answered, paused
 * or told of, from callbacks or from outside.  Then the client must be as good
 * as new: nothing is left over, and a thousand requests go through.
 *
 *   AHTTP_SEED=N      other random numbers
 *   AHTTP_CANCELS=N   more or fewer calls, for valgrind
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>

#include <uv.h>

#include <cmocka.h>

#include "support/cancel_storm.h"
#include "support/event_server.h"
#include "support/nginx.h"

static nginx server;
static event_server *events;

/* --- The servers. -------------------------------------------------------- */

static const char *const nginx_paths[] = {
    "/f/0", "/f/2", "/f/6", "/f/7", "/slow/7", "/empty", "/missing", NULL};
static const char *const event_paths[] = {
    "/events", "/bytes/0", "/bytes/100000", "/bytes/2000000", "/stuck",
    "/silent", NULL};

static void http1_survives(void **state)
{
  (void)state;
  const storm_target at = {.scheme = "http",
                           .port = server.http,
                           .http = AHTTP_HTTP_1_1,
                           .paths = nginx_paths,
                           .afterwards = "/f/2",
                           .afterwards_len = nginx_file_sizes[2]};
  cancel_storm_run(&at);
}

/* Fewer: most of them cost a handshake. */
static void http1_over_tls_survives(void **state)
{
  (void)state;
  const storm_target at = {.scheme = "https",
                           .port = server.https,
                           .http = AHTTP_HTTP_1_1,
                           .paths = nginx_paths,
                           .afterwards = "/f/2",
                           .afterwards_len = nginx_file_sizes[2],
                           .divisor = 5};
  cancel_storm_run(&at);
}

static void http2_survives(void **state)
{
  (void)state;
  const storm_target at = {.scheme = "http",
                           .port = event_server_port(events),
                           .http = AHTTP_HTTP_2_PRIOR_KNOWLEDGE,
                           .paths = event_paths,
                           .afterwards = "/bytes/100",
                           .afterwards_len = 100,
                           .counter = events};
  cancel_storm_run(&at);
}

static void http2_over_tls_survives(void **state)
{
  (void)state;
  const storm_target at = {.scheme = "https",
                           .port = server.h2,
                           .http = AHTTP_HTTP_AUTO,
                           .paths = nginx_paths,
                           .afterwards = "/f/2",
                           .afterwards_len = nginx_file_sizes[2]};
  cancel_storm_run(&at);
}

static int open_servers(void **state)
{
  (void)state;
  /* libuv opens some descriptors once and for all. */
  uv_loop_t first;
  assert_int_equal(uv_loop_init(&first), 0);
  assert_int_equal(uv_loop_close(&first), 0);
  nginx_open(&server);
  events = event_server_start();
  return 0;
}

static int close_servers(void **state)
{
  (void)state;
  event_server_stop(events);
  nginx_close(&server);
  return 0;
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(http1_survives),
      cmocka_unit_test(http1_over_tls_survives),
      cmocka_unit_test(http2_over_tls_survives),
      cmocka_unit_test(http2_survives),
  };
  return cmocka_run_group_tests(tests, open_servers, close_servers);
}
