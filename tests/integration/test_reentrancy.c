/* SPDX-License-Identifier: MIT */
/*
 * Any function of the library may be called from any of its callbacks: every
 * pair is tried, on each way a call can travel, with two other calls under way.
 *
 *   test_reentrancy [TEXT]   only cells with TEXT in "way, place, action"
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <uv.h>

#include <ahttp/ahttp.h>

#include "support/call_cell.h"
#include "support/cell_actions.h"
#include "support/certificates.h"
#include "support/event_server.h"
#include "support/raw_peer.h"
#include "support/server_process.h"

static const char *wanted; /* the TEXT; NULL: all */

/* --- The matrix. --------------------------------------------------------- */

static bool is_wanted(const cell_way *way, cell_place place, const char *name)
{
  char text[200];
  (void)snprintf(text, sizeof(text), "%s, %s, %s", way->name,
                 cell_place_names[place], name);
  if (wanted != NULL && strstr(text, wanted) != NULL) {
    print_message("%s\n", text);
  }
  return wanted == NULL || strstr(text, wanted) != NULL;
}

static void run_matrix(const cell_way *way)
{
  unsigned cells = 0;
  for (int i = 0; i < CELL_PLACES; i++) {
    cell_place place = (cell_place)i;
    for (size_t k = 0; k < cell_action_count; k++) {
      const cell_action *action = &cell_actions[k];
      if (!cell_action_fits(action, place) ||
          !is_wanted(way, place, action->name)) {
        continue;
      }
      if (!call_cell_run(way, place, action->name, action->act)) {
        fail_msg("%s, %s, %s: not reached", way->name, cell_place_names[place],
                 action->name);
      }
      cells++;
    }
  }
  print_message("%s: %u cells\n", way->name, cells);
}

/* --- The ways. ----------------------------------------------------------- */

static event_server *clear[2];
static event_server *secure[2];
static const char *ca_file;

static cell_way make_way(const char *name, event_server *const servers[2],
                         ahttp_http_policy http)
{
  return (cell_way){
      .name = name,
      .scheme = servers == clear ? "http" : "https",
      .port = event_server_port(servers[0]),
      .other_port = event_server_port(servers[1]),
      .ca_file = servers == clear ? NULL : ca_file,
      .http = http,
      .path = "/events",
  };
}

/* The second call waits for the connection of the first. */
static void http1_in_line(void **state)
{
  (void)state;
  cell_way way = make_way("h1 in line", clear, AHTTP_HTTP_1_1);
  way.conns_per_origin_max = 1;
  way.is_length_known = true;
  run_matrix(&way);
}

static void http1_in_parallel(void **state)
{
  (void)state;
  cell_way way = make_way("h1 in parallel", clear, AHTTP_HTTP_1_1);
  run_matrix(&way);
}

static void http1_redirected(void **state)
{
  (void)state;
  cell_way way = make_way("h1 redirected", clear, AHTTP_HTTP_1_1);
  way.path = "/redirect";
  run_matrix(&way);
}

static void http1_held(void **state)
{
  (void)state;
  cell_way way = make_way("h1 held", clear, AHTTP_HTTP_1_1);
  way.conns_per_origin_max = 1;
  way.is_held = true;
  run_matrix(&way);
}

static void http1_private(void **state)
{
  (void)state;
  cell_way way = make_way("h1 private", clear, AHTTP_HTTP_1_1);
  way.is_private = true;
  run_matrix(&way);
}

static void http2_private(void **state)
{
  (void)state;
  cell_way way = make_way("h2 private", clear, AHTTP_HTTP_2_PRIOR_KNOWLEDGE);
  way.is_private = true;
  run_matrix(&way);
}

static void http1_over_tls(void **state)
{
  (void)state;
  cell_way way = make_way("h1 over TLS", secure, AHTTP_HTTP_1_1);
  way.conns_per_origin_max = 1;
  run_matrix(&way);
}

static void http2(void **state)
{
  (void)state;
  cell_way way = make_way("h2", clear, AHTTP_HTTP_2_PRIOR_KNOWLEDGE);
  way.is_length_known = true;
  run_matrix(&way);
}

static void http2_held(void **state)
{
  (void)state;
  cell_way way = make_way("h2 held", clear, AHTTP_HTTP_2_PRIOR_KNOWLEDGE);
  way.is_held = true;
  run_matrix(&way);
}

static void http2_over_tls(void **state)
{
  (void)state;
  cell_way way = make_way("h2 over TLS", secure, AHTTP_HTTP_AUTO);
  run_matrix(&way);
}

static int open_servers(void **state)
{
  (void)state;
  const test_certificate_files *files = test_certificates(server_dir());
  ca_file = files->ca_file;
  for (int i = 0; i < 2; i++) {
    clear[i] = event_server_start();
    secure[i] = event_server_start_tls(files);
  }
  return 0;
}

static int close_servers(void **state)
{
  (void)state;
  for (int i = 0; i < 2; i++) {
    event_server_stop(clear[i]);
    event_server_stop(secure[i]);
  }
  return 0;
}

/* --- What on_done was given. --------------------------------------------- */

typedef struct telling {
  ahttp_client *client;
  bool closes; /* else it cancels */
  ahttp_error before;
  ahttp_error after;
} telling;

static void end_while_told(ahttp_call *call, const ahttp_response *response,
                           const ahttp_error *err, void *user_data)
{
  telling *self = user_data;
  (void)response;
  assert_non_null(err);
  self->before = *err;
  if (self->closes) {
    ahttp_client_free(self->client);
    self->client = NULL;
  } else {
    ahttp_call_cancel(call);
  }
  self->after = *err;
}

/* A call that has failed by itself is over: nothing that on_done does with it
 * or with its client gives it another outcome. */
static void error_stays_while_it_is_told(void **state)
{
  (void)state;
  static const raw_step script[] = {{RAW_END, NULL, 0}};
  static const ahttp_handlers handlers = {.size = sizeof(handlers),
                                          .on_done = end_while_told};
  raw_peer *peer = raw_peer_start_one(script);
  char url[64];
  (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/",
                 (unsigned)raw_peer_port(peer));
  raw_peer_stop(peer);
  for (int i = 0; i < 2; i++) {
    telling self = {.closes = i == 1};
    uv_loop_t loop;
    ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
    ahttp_request *request;
    assert_int_equal(uv_loop_init(&loop), 0);
    opts.loop = &loop;
    assert_int_equal(ahttp_client_new(&self.client, &opts), AHTTP_OK);
    assert_int_equal(ahttp_request_new(&request, "GET", url), AHTTP_OK);
    assert_non_null(ahttp_start(self.client, request, NULL, &handlers, &self));
    ahttp_request_free(request);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(self.before.code, AHTTP_EREFUSED);
    assert_int_equal(self.after.code, self.before.code);
    assert_string_equal(self.after.text, self.before.text);
    ahttp_client_free(self.client);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
  }
}

int main(int argc, char **argv)
{
  wanted = argc > 1 ? argv[1] : NULL;
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(http1_in_line),
      cmocka_unit_test(http1_in_parallel),
      cmocka_unit_test(http1_redirected),
      cmocka_unit_test(http1_over_tls),
      cmocka_unit_test(http1_held),
      cmocka_unit_test(http1_private),
      cmocka_unit_test(http2_private),
      cmocka_unit_test(http2),
      cmocka_unit_test(http2_held),
      cmocka_unit_test(http2_over_tls),
      cmocka_unit_test(error_stays_while_it_is_told),
  };
  return cmocka_run_group_tests(tests, open_servers, close_servers);
}
