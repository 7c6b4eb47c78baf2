/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "support/call_cell.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/event_server.h"

enum {
  TICK_MS = 1,
  /* Nothing here takes a second; valgrind on busy cores took five. */
  TICKS_MAX = 30000,
  /* Ticks a call stays paused: long enough for more to arrive. */
  PAUSE_TICKS = 3,
  PIECE_BYTES = 1000
};

const char *const cell_place_names[CELL_PLACES] = {
    [CELL_INFORMATIONAL] = "informational",
    [CELL_HEAD] = "head",
    [CELL_BODY] = "body",
    [CELL_TRAILERS] = "trailers",
    [CELL_UPLOAD] = "upload",
    [CELL_DONE] = "done",
    [CELL_READ_NOTHING] = "read nothing",
    [CELL_READ] = "read",
    [CELL_THEN] = "then",
    [CELL_SOURCE_FREE] = "source free",
    [CELL_CLOSED] = "closed",
    [CELL_REQUEST_HOOK] = "request hook",
    [CELL_RESPONSE_HOOK] = "response hook",
    [CELL_READING_HOOK] = "reading hook",
    [CELL_AUTH_REQUEST] = "auth request",
    [CELL_AUTH_RESPONSE] = "auth response",
};

void call_cell_fail(const call_cell *cell, const char *what)
{
  fail_msg("%s, %s, %s: %s", cell->way->name, cell_place_names[cell->place],
           cell->name, what);
}

static void cell_check(const call_cell *cell, bool condition, const char *what)
{
  if (!condition) {
    call_cell_fail(cell, what);
  }
}

void cell_call_expect(cell_call *it, int code)
{
  if (it->is_started && !it->is_done && !it->is_stopped) {
    it->want = code;
    it->is_stopped = true;
  }
}

void call_cell_expect_all(call_cell *cell, int code)
{
  cell_call_expect(&cell->self, code);
  cell_call_expect(&cell->sibling, code);
  cell_call_expect(&cell->stranger, code);
  for (size_t i = 0; i < cell->late_count; i++) {
    cell_call_expect(&cell->late[i], code);
  }
}

/* --- Callbacks. ---------------------------------------------------------- */

/* Acts, if |it| is the first call and this is the place; what the callback
 * returns. */
static int cell_visit(cell_call *it, cell_place place)
{
  call_cell *cell = it->cell;
  if (it != &cell->self || cell->place != place || cell->has_acted) {
    return 0;
  }
  cell->has_acted = true;
  cell->act(cell);
  return cell->verdict;
}

/* What is true in every callback but on_done. */
static void check_goes_on(const cell_call *it)
{
  cell_check(it->cell, it->is_started, "a callback before the start returned");
  cell_check(it->cell, !it->is_done, "a callback after on_done");
  cell_check(it->cell, !it->is_stopped, "a callback after the call was ended");
}

static int on_informational(ahttp_call *call, const ahttp_response *response,
                            void *user_data)
{
  cell_call *it = user_data;
  (void)call;
  check_goes_on(it);
  cell_check(it->cell, ahttp_response_status(response) == 103, "status");
  return cell_visit(it, CELL_INFORMATIONAL);
}

static int on_head(ahttp_call *call, const ahttp_response *response,
                   void *user_data)
{
  cell_call *it = user_data;
  (void)call;
  check_goes_on(it);
  cell_check(it->cell, ahttp_response_status(response) == 200, "status");
  if (it->cell->way->is_held && it == &it->cell->self) {
    it->is_paused = true;
    ahttp_call_pause(it->cell->lent);
  }
  return cell_visit(it, CELL_HEAD);
}

static bool is_content(const uint8_t *data, size_t len)
{
  for (size_t i = 0; i < len; i++) {
    if (data[i] != EVENT_BYTE) {
      return false;
    }
  }
  return true;
}

static int on_body(ahttp_call *call, const uint8_t *data, size_t len,
                   void *user_data)
{
  cell_call *it = user_data;
  (void)call;
  check_goes_on(it);
  cell_check(it->cell, !it->is_paused, "content while paused");
  cell_check(it->cell, len > 0, "empty content");
  it->content_len += len;
  if (it->is_manual) {
    it->uncredited += len;
  }
  int rv = cell_visit(it, CELL_BODY);
  /* The bytes are good until here, whatever was done meanwhile. */
  cell_check(it->cell, is_content(data, len), "content");
  return rv;
}

static int on_trailers(ahttp_call *call, const ahttp_fields *trailers,
                       void *user_data)
{
  cell_call *it = user_data;
  (void)call;
  check_goes_on(it);
  int rv = cell_visit(it, CELL_TRAILERS);
  cell_check(it->cell, ahttp_fields_get(trailers, "x-end", NULL), "trailers");
  return rv;
}

static void on_upload(ahttp_call *call, uint64_t sent, void *user_data)
{
  cell_call *it = user_data;
  (void)call;
  check_goes_on(it);
  cell_check(it->cell, sent <= CELL_CONTENT_BYTES, "too much sent");
  (void)cell_visit(it, CELL_UPLOAD);
}

static void on_done(ahttp_call *call, const ahttp_response *response,
                    const ahttp_error *err, void *user_data)
{
  cell_call *it = user_data;
  call_cell *cell = it->cell;
  (void)call;
  cell_check(cell, it->is_started, "on_done before the start returned");
  cell_check(cell, it->dones == 0, "on_done twice");
  it->is_done = true;
  it->dones++;
  it->got = err == NULL ? AHTTP_OK : err->code;
  cell_check(cell, err != NULL || response != NULL, "a response is missing");
  cell->pending--;
  (void)cell_visit(it, CELL_DONE);
}

static const ahttp_handlers handlers = {
    .size = sizeof(handlers),
    .on_informational = on_informational,
    .on_head = on_head,
    .on_body = on_body,
    .on_trailers = on_trailers,
    .on_upload = on_upload,
    .on_done = on_done,
};

/* Has nothing at first, then gives a piece each time. */
static int source_read(void *user_data, uint64_t offset, uint8_t *dst,
                       size_t cap, size_t *len)
{
  cell_call *it = user_data;
  check_goes_on(it);
  *len = 0;
  if (!it->has_waited) {
    it->has_waited = true;
    it->is_waiting = true;
    int rv = cell_visit(it, CELL_READ_NOTHING);
    return rv == 0 ? AHTTP_BODY_WAIT : rv;
  }
  int rv = cell_visit(it, CELL_READ);
  if (rv != 0) {
    return rv;
  }
  uint64_t left = CELL_CONTENT_BYTES - offset;
  size_t part = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
  *len = part < cap ? part : cap;
  memset(dst, 'u', *len); /* there is room whatever was done */
  return 0;
}

static void source_free(void *user_data)
{
  (void)cell_visit(user_data, CELL_SOURCE_FREE);
}

void call_cell_on_closed(void *user_data)
{
  call_cell *cell = user_data;
  cell->closeds++;
  (void)cell_visit(&cell->self, CELL_CLOSED);
}

/* --- Hooks and authentication. ------------------------------------------- */

/* Those of other calls do nothing; one of them may be where the first was. */
static int cell_visit_client(call_cell *cell, const ahttp_call *call,
                             cell_place place)
{
  if (call != cell->lent || cell->self.is_done) {
    return 0;
  }
  check_goes_on(&cell->self);
  return cell_visit(&cell->self, place);
}

static int hook_on_request(ahttp_call *call, ahttp_outgoing *outgoing,
                           void *user_data)
{
  const ahttp_str name = {"x-hook", 6};
  int rv = cell_visit_client(user_data, call, CELL_REQUEST_HOOK);
  /* It is good until here, whatever was done meanwhile. */
  assert_int_equal(ahttp_outgoing_set_field(outgoing, name, name), AHTTP_OK);
  return rv;
}

static int hook_on_response(ahttp_call *call, const ahttp_response *response,
                            void *user_data)
{
  call_cell *cell = user_data;
  int rv = cell_visit_client(cell, call, cell->place);
  assert_true(ahttp_response_status(response) >= 200);
  return rv;
}

static int auth_on_request(ahttp_auth_flow *flow, ahttp_outgoing *outgoing,
                           void *user_data)
{
  const ahttp_str name = {"authorization", 13};
  ahttp_call *call = ahttp_auth_flow_call(flow);
  int rv = cell_visit_client(user_data, call, CELL_AUTH_REQUEST);
  assert_int_equal(ahttp_outgoing_set_field(outgoing, name, name), AHTTP_OK);
  return rv;
}

static int auth_on_response(ahttp_auth_flow *flow,
                            const ahttp_response *response, void *user_data)
{
  ahttp_call *call = ahttp_auth_flow_call(flow);
  int rv = cell_visit_client(user_data, call, CELL_AUTH_RESPONSE);
  assert_true(ahttp_response_status(response) >= 200);
  return rv;
}

/* Gives the client what the cell's place needs. */
static void cell_set_callbacks(call_cell *cell, ahttp_client_opts *opts,
                               ahttp_hook *hook)
{
  ahttp_auth_opts auth_opts = AHTTP_AUTH_OPTS_INIT;
  *hook = (ahttp_hook){.user_data = cell};
  if (cell->place == CELL_REQUEST_HOOK) {
    hook->on_request = hook_on_request;
  } else if (cell->place == CELL_RESPONSE_HOOK ||
             cell->place == CELL_READING_HOOK) {
    hook->on_response = hook_on_response;
    hook->reads_content = cell->place == CELL_READING_HOOK;
  } else if (cell->place == CELL_AUTH_REQUEST ||
             cell->place == CELL_AUTH_RESPONSE) {
    auth_opts.on_request = auth_on_request;
    auth_opts.on_response = auth_on_response;
    auth_opts.user_data = cell;
    assert_int_equal(ahttp_auth_new(&opts->auth, &auth_opts), AHTTP_OK);
    return;
  } else {
    return;
  }
  opts->hooks = hook;
  opts->hook_count = 1;
}

/* --- Calls. -------------------------------------------------------------- */

char *call_cell_url(const call_cell *cell, bool is_same, const char *path)
{
  char *url;
  const cell_way *way = cell->way;
  int len = asprintf(&url, "%s://127.0.0.1:%u%s", way->scheme,
                     (unsigned)(is_same ? way->port : way->other_port), path);
  assert_true(len > 0);
  return url;
}

static void cell_call_prepare(cell_call *it, call_cell *cell,
                              const char *method, bool is_same,
                              const char *path)
{
  char *url = call_cell_url(cell, is_same, path);
  *it = (cell_call){.cell = cell, .want = AHTTP_OK};
  assert_int_equal(ahttp_request_new(&it->request, method, url), AHTTP_OK);
  free(url);
}

static void cell_call_start(cell_call *it, ahttp_request *request)
{
  call_cell *cell = it->cell;
  it->call = ahttp_start(cell->client, request, NULL, &handlers, it);
  cell_check(cell, it->call != NULL, "not started");
  (void)ahttp_call_ref(it->call);
  it->is_started = true;
  cell->pending++;
}

static cell_call *cell_next_late(call_cell *cell)
{
  assert_true(cell->late_count < CELL_LATE_MAX);
  return &cell->late[cell->late_count++];
}

cell_call *call_cell_start(call_cell *cell, bool is_same, const char *path)
{
  cell_call *it = cell_next_late(cell);
  cell_call_prepare(it, cell, "GET", is_same, path);
  cell_call_start(it, it->request);
  return it;
}

cell_call *call_cell_start_again(call_cell *cell, ahttp_request *request)
{
  cell_call *it = cell_next_late(cell);
  *it = (cell_call){.cell = cell, .want = AHTTP_OK};
  cell_call_start(it, request);
  return it;
}

static void on_then(ahttp_future *future, void *user_data)
{
  call_cell *cell = user_data;
  ahttp_response *response;
  ahttp_error err;
  int rv = ahttp_future_take(future, &response, &err);
  cell_check(cell, rv == err.code, "two different errors");
  cell_check(cell, (rv == AHTTP_OK) == (response != NULL), "the response");
  cell->pending--;
  (void)cell_visit(&cell->self, CELL_THEN);
  ahttp_response_free(response);
  ahttp_future_free(future);
}

void call_cell_submit(call_cell *cell, const cell_call *from)
{
  ahttp_future *future = ahttp_submit(cell->client, from->request, NULL);
  cell_check(cell, future != NULL, "not submitted");
  cell_check(cell, ahttp_future_then(future, on_then, cell) == AHTTP_OK,
             "no callback");
  cell->pending++;
}

static void cell_start_self(call_cell *cell)
{
  cell_call *it = &cell->self;
  cell_call_prepare(it, cell, "POST", true, cell->way->path);
  const ahttp_content_source source = {
      .size = sizeof(source),
      .read = source_read,
      .length = cell->way->is_length_known ? CELL_CONTENT_BYTES : -1,
      .free = source_free,
      .user_data = it,
  };
  assert_int_equal(ahttp_request_set_content_source(it->request, &source),
                   AHTTP_OK);
  cell_call_start(it, it->request);
  cell->lent = it->call;
  if (cell->place == CELL_SOURCE_FREE) {
    /* The library has the last references then. */
    ahttp_call_unref(it->call);
    it->call = NULL;
    ahttp_request_free(it->request);
    it->request = NULL;
  }
}

static void cell_start_all(call_cell *cell)
{
  cell_start_self(cell);
  cell_call_prepare(&cell->sibling, cell, "GET", true, "/events");
  cell_call_start(&cell->sibling, cell->sibling.request);
  cell_call_prepare(&cell->stranger, cell, "GET", false, "/events");
  cell_call_start(&cell->stranger, cell->stranger.request);
  if (cell->place == CELL_THEN) {
    call_cell_submit(cell, &cell->stranger);
  }
}

/* Gives |it| what it waits for.  |call| is good until it is done. */
static void cell_call_help(cell_call *it, ahttp_call *call)
{
  if (!it->is_started || it->is_done || call == NULL) {
    return;
  }
  if (it->is_paused && ++it->paused_ticks > PAUSE_TICKS) {
    it->is_paused = false;
    it->paused_ticks = 0;
    ahttp_call_resume(call);
  }
  if (it->uncredited > 0) {
    size_t len = it->uncredited;
    it->uncredited = 0;
    ahttp_call_credit(call, len);
  }
}

static void cell_help(call_cell *cell)
{
  cell->ticks++;
  cell_call_help(&cell->self, cell->lent);
  cell_call_help(&cell->sibling, cell->sibling.call);
  cell_call_help(&cell->stranger, cell->stranger.call);
  for (size_t i = 0; i < cell->late_count; i++) {
    cell_call_help(&cell->late[i], cell->late[i].call);
  }
}

static void cell_wake_source(call_cell *cell)
{
  if (cell->self.is_waiting && !cell->self.is_done) {
    cell->self.is_waiting = false;
    ahttp_call_content_ready(cell->lent);
  }
}

static void cell_on_tick(uv_timer_t *timer)
{
  cell_help(timer->data);
}

/* --- Running. ------------------------------------------------------------ */

static void cell_open_client(call_cell *cell)
{
  const cell_way *way = cell->way;
  ahttp_tls_opts tls = {.size = sizeof(tls), .ca_file = way->ca_file};
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.loop = way->is_private ? NULL : &cell->loop;
  opts.tls = &tls;
  opts.http = way->http;
  opts.conns_per_origin_max = way->conns_per_origin_max;
  opts.redirects_max = 5;
  ahttp_hook hook;
  cell_set_callbacks(cell, &opts, &hook);
  assert_int_equal(ahttp_client_new(&cell->client, &opts), AHTTP_OK);
  ahttp_auth_free(opts.auth);
}

/* Submits what is never answered: waiting for it runs a private loop. */
static void cell_open_keeper(call_cell *cell)
{
  ahttp_request *request;
  char *url = call_cell_url(cell, false, "/silent");
  assert_int_equal(ahttp_request_new(&request, "GET", url), AHTTP_OK);
  cell->keeper = ahttp_submit(cell->client, request, NULL);
  assert_non_null(cell->keeper);
  ahttp_request_free(request);
  free(url);
}

static void cell_open(call_cell *cell)
{
  assert_int_equal(uv_loop_init(&cell->loop), 0);
  assert_int_equal(uv_timer_init(&cell->loop, &cell->tick), 0);
  cell->tick.data = cell;
  cell_open_client(cell);
  if (cell->way->is_private) {
    cell_open_keeper(cell);
  } else {
    assert_int_equal(
        uv_timer_start(&cell->tick, cell_on_tick, TICK_MS, TICK_MS), 0);
  }
}

/* One turn of whoever's loop it is. */
static void cell_turn(call_cell *cell)
{
  if (cell->way->is_private) {
    int rv = ahttp_future_wait(cell->keeper, TICK_MS);
    cell_check(cell,
               rv == AHTTP_ETIMEOUT_WAIT ||
                   (rv == AHTTP_OK && cell->client == NULL),
               "waiting");
    cell_help(cell);
  } else {
    (void)uv_run(&cell->loop, UV_RUN_ONCE);
  }
}

static void cell_drive(call_cell *cell)
{
  while (cell->pending > 0) {
    cell_turn(cell);
    cell_wake_source(cell);
    cell_check(cell, cell->ticks < TICKS_MAX, "it hangs");
  }
}

/* A client with a private loop is good for one more request, which also has the
 * loop see to what was asked for last. */
static void cell_close_keeper(call_cell *cell)
{
  ahttp_future_free(cell->keeper);
  if (cell->client == NULL) {
    return;
  }
  ahttp_response *response;
  char *url = call_cell_url(cell, true, "/events");
  cell_check(cell, ahttp_get(cell->client, url, &response, NULL) == AHTTP_OK,
             "no request goes through");
  ahttp_response_free(response);
  free(url);
}

static void cell_check_idle(const call_cell *cell)
{
  ahttp_client_stats stats = {.size = sizeof(stats)};
  ahttp_client_get_stats(cell->client, &stats);
  cell_check(cell, stats.calls_active == 0, "calls are active");
  cell_check(cell, stats.calls_waiting == 0, "calls are waiting");
  cell_check(cell, stats.conns_dialing == 0, "a dial is left");
  cell_check(cell, stats.conns_idle == stats.conns_open,
             "a connection is busy");
}

static void cell_close(call_cell *cell)
{
  if (cell->way->is_private) {
    cell_close_keeper(cell);
  }
  if (cell->client != NULL) {
    (void)uv_run(&cell->loop, UV_RUN_NOWAIT);
    cell_check_idle(cell);
    cell->closings++;
    ahttp_client_close(cell->client, call_cell_on_closed, cell);
    cell->client = NULL;
  }
  uv_close((uv_handle_t *)&cell->tick, NULL);
  (void)uv_run(&cell->loop, UV_RUN_DEFAULT);
  cell_check(cell, cell->closeds == cell->closings, "on_closed did not come");
}

static void cell_call_clear(cell_call *it)
{
  const call_cell *cell = it->cell;
  cell_check(cell, it->dones == 1, "not done once");
  if (it->got != it->want) {
    char text[100];
    (void)snprintf(text, sizeof(text), "ended with %s, not %s",
                   ahttp_error_name(it->got), ahttp_error_name(it->want));
    call_cell_fail(cell, text);
  }
  cell_check(cell,
             it->got != AHTTP_OK || it->content_len == EVENT_CONTENT_BYTES,
             "content is missing");
  ahttp_call_unref(it->call);
  ahttp_request_free(it->request);
}

bool call_cell_run(const cell_way *way, cell_place place, const char *name,
                   void (*act)(call_cell *cell))
{
  call_cell *cell = calloc(1, sizeof(*cell));
  assert_non_null(cell);
  cell->way = way;
  cell->place = place;
  cell->name = name;
  cell->act = act;
  cell_open(cell);
  cell_start_all(cell);
  cell_drive(cell);
  cell_close(cell);
  cell_call_clear(&cell->self);
  cell_call_clear(&cell->sibling);
  cell_call_clear(&cell->stranger);
  for (size_t i = 0; i < cell->late_count; i++) {
    cell_call_clear(&cell->late[i]);
  }
  cell_check(cell, uv_loop_close(&cell->loop) == 0, "the loop stays busy");
  bool has_acted = cell->has_acted;
  free(cell);
  return has_acted;
}
