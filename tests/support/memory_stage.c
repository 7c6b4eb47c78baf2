/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "support/memory_stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "support/test_alloc.h"

enum {
  CONTENT_BYTES = 40000, /* more than a chunk of outgoing bytes */
  TICK_MS = 10,
  TICKS_MAX = 3000, /* then it hangs */
  NTH_MAX = 2000    /* no request needs so many */
};

static void stage_fail(const memory_stage *it, const char *what)
{
  static const char *const lacks[MEMORY_SHORTAGES] = {
      "for one", "till done", "till the end", "warm, for one",
      "warm, till done"};
  fail_msg("%s, allocation %d, %s: %s", it->at->name, it->nth, lacks[it->lack],
           what);
}

void memory_stage_check(const memory_stage *it, bool condition,
                        const char *what)
{
  if (!condition) {
    stage_fail(it, what);
  }
}

/* --- One request by callbacks. ------------------------------------------- */

static int on_body(ahttp_call *call, const uint8_t *data, size_t len,
                   void *user_data)
{
  memory_stage_call *one = user_data;
  memory_stage_check(
      one->of, data[0] == EVENT_BYTE && data[len - 1] == EVENT_BYTE, "content");
  one->len += len;
  if (one->of->at->is_slow) {
    one->uncredited += len;
    one->is_paused = true;
    ahttp_call_pause(call);
  }
  return 0;
}

static void on_done(ahttp_call *call, const ahttp_response *response,
                    const ahttp_error *err, void *user_data)
{
  memory_stage_call *one = user_data;
  memory_stage *it = one->of;
  (void)call;
  one->dones++;
  one->call = NULL;
  one->code = err == NULL ? AHTTP_OK : err->code;
  it->pending--;
  memory_stage_check(it, one->dones == 1, "on_done twice");
  memory_stage_check(it, err == NULL || err->text[0] != '\0',
                     "an error without text");
  if (err == NULL) {
    memory_stage_check(it, ahttp_response_status(response) == 200, "status");
    memory_stage_check(it, one->len == it->at->len, "length of the content");
  }
}

static int source_read(void *user_data, uint64_t offset, uint8_t *dst,
                       size_t cap, size_t *len)
{
  (void)user_data;
  uint64_t left = CONTENT_BYTES - offset;
  *len = left < cap ? (size_t)left : cap;
  memset(dst, 'u', *len);
  return 0;
}

static int stage_set_content(ahttp_request *request, memory_content kind)
{
  static char bytes[CONTENT_BYTES];
  const ahttp_content_source source = {.size = sizeof(source),
                                       .read = source_read,
                                       .length = -1,
                                       .can_rewind = true};
  switch (kind) {
  case MEMORY_BYTES:
    return ahttp_request_set_content(request, bytes, sizeof(bytes));
  case MEMORY_SOURCE:
    return ahttp_request_set_content_source(request, &source);
  case MEMORY_NO_CONTENT:
    break;
  }
  return AHTTP_OK;
}

static void stage_url(const memory_stage *it, char *url, size_t cap)
{
  const memory_scene *at = it->at;
  const event_server *server =
      at->is_tls ? it->servers->secure : it->servers->clear;
  (void)snprintf(url, cap, "%s://%s:%u%s", at->is_tls ? "https" : "http",
                 at->host == NULL ? "127.0.0.1" : at->host,
                 (unsigned)event_server_port(server), at->path);
}

static int stage_make_request(const memory_stage *it, ahttp_request **out)
{
  const memory_scene *at = it->at;
  char url[200];
  stage_url(it, url, sizeof(url));
  int rv = ahttp_request_new(out, at->method == NULL ? "GET" : at->method, url);
  if (rv == AHTTP_OK) {
    rv = ahttp_request_add_field(*out, "x-test", "1");
  }
  if (rv == AHTTP_OK) {
    rv = stage_set_content(*out, at->content);
  }
  if (rv != AHTTP_OK) {
    ahttp_request_free(*out);
    *out = NULL;
  }
  return rv;
}

/* Gives a paused call what it waits for. */
static void call_help(memory_stage_call *one)
{
  if (one->call != NULL && one->is_paused) {
    size_t len = one->uncredited;
    one->is_paused = false;
    one->uncredited = 0;
    ahttp_call_resume(one->call);
    ahttp_call_credit(one->call, len);
  }
}

static void stage_start(memory_stage *it, memory_stage_call *one,
                        ahttp_request *request)
{
  const ahttp_handlers handlers = {
      .size = sizeof(handlers), .on_body = on_body, .on_done = on_done};
  *one = (memory_stage_call){.of = it, .code = AHTTP_ENOMEM};
  one->call = ahttp_start(it->client, request, NULL, &handlers, one);
  if (one->call == NULL) {
    return;
  }
  it->pending++;
  if (it->at->is_slow) {
    ahttp_call_set_manual_credit(one->call);
  }
}

/* Sends |request| as often as the scene says; the worst outcome. */
static int stage_send_by_callbacks(memory_stage *it, ahttp_request *request)
{
  size_t count = it->at->crowd == 0 ? 1 : it->at->crowd;
  for (size_t i = 0; i < count; i++) {
    stage_start(it, &it->calls[i], request);
  }
  while (it->pending > 0) {
    (void)uv_run(&it->loop, UV_RUN_ONCE);
    memory_stage_check(it, it->ticks < TICKS_MAX, "it hangs");
    for (size_t i = 0; i < count; i++) {
      call_help(&it->calls[i]);
    }
  }
  int worst = AHTTP_OK;
  for (size_t i = 0; i < count; i++) {
    int code = it->calls[i].code;
    if (code != AHTTP_OK && (worst == AHTTP_OK || worst == AHTTP_ENOMEM)) {
      worst = code;
    }
  }
  return worst;
}

/* --- The stage. ---------------------------------------------------------- */

static void stage_on_tick(uv_timer_t *timer)
{
  memory_stage *it = timer->data;
  it->ticks++;
}

static void stage_open(memory_stage *it)
{
  static const dns_answer here = {.addresses = "127.0.0.1", .ttl = 60};
  static const dns_answer none = {.ttl = 60};
  assert_int_equal(uv_loop_init(&it->loop), 0);
  assert_int_equal(uv_timer_init(&it->loop, &it->tick), 0);
  it->tick.data = it;
  assert_int_equal(uv_timer_start(&it->tick, stage_on_tick, TICK_MS, TICK_MS),
                   0);
  it->names = dns_peer_start(&it->loop);
  dns_peer_set(it->names, "quick.test", AF_INET, &here);
  dns_peer_set(it->names, "quick.test", AF_INET6, &none);
}

static int stage_make_client(memory_stage *it)
{
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  const ahttp_tls_opts tls = {.size = sizeof(tls),
                              .ca_file = it->servers->ca_file};
  opts.loop = it->at->block != NULL ? NULL : &it->loop;
  opts.tls = &tls;
  opts.http = it->at->http;
  opts.redirects_max = 5;
  opts.dns_servers = it->at->block != NULL ? NULL : dns_peer_server(it->names);
  return ahttp_client_new(&it->client, &opts);
}

static void stage_on_closed(void *user_data)
{
  memory_stage *it = user_data;
  it->is_closed = true;
}

static void stage_close(memory_stage *it)
{
  dns_peer_stop(it->names);
  uv_close((uv_handle_t *)&it->tick, NULL);
  it->is_closed = it->client == NULL;
  if (it->client != NULL) {
    ahttp_client_close(it->client, stage_on_closed, it);
  }
  (void)uv_run(&it->loop, UV_RUN_DEFAULT);
  memory_stage_check(it, it->is_closed, "the client stays");
  memory_stage_check(it, uv_loop_close(&it->loop) == 0, "the loop stays busy");
}

/* A private loop sees to what was dropped when somebody waits again. */
static void stage_check_idle(const memory_stage *it)
{
  ahttp_client_stats stats = {.size = sizeof(stats)};
  if (it->at->block != NULL) {
    char url[200];
    ahttp_response *response;
    stage_url(it, url, sizeof(url));
    memory_stage_check(it,
                       ahttp_get(it->client, url, &response, NULL) == AHTTP_OK,
                       "no request goes through");
    ahttp_response_free(response);
  }
  ahttp_client_get_stats(it->client, &stats);
  memory_stage_check(it, stats.calls_active == 0, "calls are active");
  memory_stage_check(it, stats.calls_waiting == 0, "calls are waiting");
}

static int stage_send(memory_stage *it)
{
  if (it->at->block != NULL) {
    char url[200];
    stage_url(it, url, sizeof(url));
    return it->at->block(it, url);
  }
  ahttp_request *request;
  int rv = stage_make_request(it, &request);
  if (rv == AHTTP_OK) {
    rv = stage_send_by_callbacks(it, request);
  }
  ahttp_request_free(request);
  return rv;
}

static void stage_run_short(const memory_stage *it)
{
  if (it->lack == MEMORY_FOR_ONE || it->lack == MEMORY_WARM_FOR_ONE) {
    test_alloc_fail_nth(it->nth);
  } else {
    test_alloc_fail_from(it->nth);
  }
}

/* A client and a request, with memory running short at |it->nth|. */
static int stage_run(memory_stage *it)
{
  if (it->lack == MEMORY_WARM_FOR_ONE || it->lack == MEMORY_WARM_TILL_DONE) {
    memory_stage_check(it, stage_make_client(it) == AHTTP_OK, "no client");
    memory_stage_check(it, stage_send(it) == AHTTP_OK,
                       "the first request failed");
    stage_run_short(it);
    return stage_send(it);
  }
  stage_run_short(it);
  int rv = stage_make_client(it);
  return rv == AHTTP_OK ? stage_send(it) : rv;
}

/* There is memory again: the request goes through. */
static void stage_recover(memory_stage *it)
{
  test_alloc_fail_nth(0);
  if (it->client == NULL) {
    memory_stage_check(it, stage_make_client(it) == AHTTP_OK, "no new client");
  }
  stage_check_idle(it);
  memory_stage_check(it, stage_send(it) == AHTTP_OK, "it stays broken");
  stage_check_idle(it);
}

/* False if nothing failed any more. */
static bool stage_run_nth(memory_stage *it)
{
  test_alloc_fail_nth(0);
  stage_open(it);
  int rv = stage_run(it);
  bool has_failed = test_alloc_count() >= it->nth;
  if (rv != AHTTP_OK && rv != AHTTP_ENOMEM) {
    stage_fail(it, ahttp_error_name(rv));
  }
  memory_stage_check(it, rv == AHTTP_OK || has_failed,
                     "failed without a cause");
  if (it->lack != MEMORY_TILL_THE_END) {
    stage_recover(it);
  }
  stage_close(it);
  test_alloc_fail_nth(0);
  memory_stage_check(it, test_alloc_live() == 0, "memory is lost");
  return has_failed;
}

int memory_stage_run(const memory_scene *at, memory_shortage lack,
                     const memory_servers *servers)
{
  memory_stage *it = calloc(1, sizeof(*it));
  assert_non_null(it);
  test_alloc_install();
  int nth = 0;
  do {
    nth++;
    assert_in_range(nth, 1, NTH_MAX);
    *it =
        (memory_stage){.servers = servers, .at = at, .nth = nth, .lack = lack};
  } while (stage_run_nth(it));
  test_alloc_remove();
  free(it);
  return nth - 1;
}
