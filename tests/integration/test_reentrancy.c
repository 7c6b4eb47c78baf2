/* SPDX-License-Identifier: MIT */
/*
 * Any public function may be called from any callback: every pair of the two is
 * tried, over both protocols, with another call under way at the same time.
 * Whatever happens, each call ends exactly once and nothing is left over.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <ahttp/ahttp.h>

#include "support/client_run.h"
#include "support/client_turns.h"
#include "support/h2_script.h"
#include "support/listener.h"

typedef enum moment {
  AT_INFORMATIONAL,
  AT_HEAD,
  AT_BODY,
  AT_TRAILERS,
  AT_UPLOAD,
  AT_CONTENT, /* in the content source's read callback */
  AT_DONE,
  MOMENTS
} moment;

static const char *const moment_names[MOMENTS] = {
    "on_informational", "on_head", "on_body", "on_trailers",
    "on_upload",        "read",    "on_done"};

typedef struct scene scene;

/* One of the two calls of a scene, or one that was started on the way. */
typedef struct actor {
  scene *scene;
  ahttp_call *call; /* NULL once done */
  unsigned dones;
  int code;
} actor;

typedef struct act {
  const char *name;
  void (*run)(scene *on, actor *self);
  int code; /* how the subject ends if this is not done too late */
} act;

struct scene {
  uv_loop_t loop;
  ahttp_client *client; /* NULL once closed */
  const char *url;
  moment when;
  const act *what;
  bool is_acted;
  bool is_closed;
  unsigned pending;
  actor subject;
  actor other;
  actor newcomer;
};

static void scene_start(scene *on, actor *who);

/* --- What is done. ------------------------------------------------------- */

static void act_cancel_self(scene *on, actor *self)
{
  (void)on;
  ahttp_call_cancel(self->call);
  ahttp_call_cancel(self->call);
}

static void act_cancel_other(scene *on, actor *self)
{
  (void)self;
  if (on->other.call != NULL) {
    ahttp_call_cancel(on->other.call);
  }
}

static void act_cancel_both(scene *on, actor *self)
{
  act_cancel_other(on, self);
  act_cancel_self(on, self);
}

static void scene_on_closed(void *arg)
{
  scene *on = arg;
  assert_false(on->is_closed);
  assert_int_equal(on->pending, 0);
  on->is_closed = true;
}

static void act_close_client(scene *on, actor *self)
{
  (void)self;
  ahttp_client *client = on->client;
  on->client = NULL;
  ahttp_client_close(client, scene_on_closed, on);
}

static void act_cancel_and_close(scene *on, actor *self)
{
  act_cancel_self(on, self);
  act_close_client(on, self);
}

static void act_start(scene *on, actor *self)
{
  (void)self;
  scene_start(on, &on->newcomer);
}

static void act_start_and_cancel(scene *on, actor *self)
{
  act_start(on, self);
  ahttp_call_cancel(on->newcomer.call);
}

static void act_pause_and_resume(scene *on, actor *self)
{
  (void)on;
  ahttp_call_resume(self->call);
  ahttp_call_pause(self->call);
  ahttp_call_pause(self->call);
  ahttp_call_resume(self->call);
}

/* The scene resumes it. */
static void act_pause(scene *on, actor *self)
{
  (void)on;
  ahttp_call_pause(self->call);
}

static void act_take_credit(scene *on, actor *self)
{
  (void)on;
  ahttp_call_set_manual_credit(self->call);
}

static void act_wake_content(scene *on, actor *self)
{
  (void)on;
  ahttp_call_content_ready(self->call);
}

static void act_ask(scene *on, actor *self)
{
  ahttp_call_info info = {.size = sizeof(info)};
  ahttp_client_stats stats = {.size = sizeof(stats)};
  ahttp_call_get_info(self->call, &info);
  ahttp_client_get_stats(on->client, &stats);
  assert_in_range(stats.calls_active, 1, 2);
  assert_non_null(ahttp_call_request(self->call));
  ahttp_call_unref(ahttp_call_ref(self->call));
}

static const act acts[] = {
    {"cancel itself", act_cancel_self, AHTTP_ECANCELED},
    {"cancel the other", act_cancel_other, AHTTP_OK},
    {"cancel both", act_cancel_both, AHTTP_ECANCELED},
    {"close the client", act_close_client, AHTTP_ECLOSED},
    {"cancel and close", act_cancel_and_close, AHTTP_ECANCELED},
    {"start a call", act_start, AHTTP_OK},
    {"start and cancel a call", act_start_and_cancel, AHTTP_OK},
    {"pause and resume", act_pause_and_resume, AHTTP_OK},
    {"pause", act_pause, AHTTP_OK},
    {"take credit", act_take_credit, AHTTP_OK},
    {"wake the content", act_wake_content, AHTTP_OK},
    {"ask", act_ask, AHTTP_OK},
};

/* --- When. --------------------------------------------------------------- */

/* Every callback of the subject comes here, the first one at its moment
 * acts. */
static void actor_act(actor *self, moment now)
{
  scene *on = self->scene;
  assert_int_equal(self->dones, 0);
  if (self == &on->subject && now == on->when && !on->is_acted) {
    on->is_acted = true;
    on->what->run(on, self);
    assert_int_equal(self->dones, 0); /* never from within */
  }
}

static int actor_on_informational(ahttp_call *call,
                                  const ahttp_response *response, void *arg)
{
  (void)call;
  (void)response;
  actor_act(arg, AT_INFORMATIONAL);
  return 0;
}

static int actor_on_head(ahttp_call *call, const ahttp_response *response,
                         void *arg)
{
  (void)call;
  (void)response;
  actor_act(arg, AT_HEAD);
  return 0;
}

static int actor_on_body(ahttp_call *call, const uint8_t *data, size_t len,
                         void *arg)
{
  (void)call;
  (void)data;
  assert_true(len > 0);
  actor_act(arg, AT_BODY);
  return 0;
}

static int actor_on_trailers(ahttp_call *call, const ahttp_fields *trailers,
                             void *arg)
{
  (void)call;
  assert_int_equal(ahttp_fields_count(trailers), 1);
  actor_act(arg, AT_TRAILERS);
  return 0;
}

static void actor_on_upload(ahttp_call *call, uint64_t sent, void *arg)
{
  (void)call;
  (void)sent;
  actor_act(arg, AT_UPLOAD);
}

static void actor_on_done(ahttp_call *call, const ahttp_response *response,
                          const ahttp_error *err, void *arg)
{
  actor *self = arg;
  (void)call;
  (void)response;
  actor_act(self, AT_DONE);
  self->code = err == NULL ? AHTTP_OK : err->code;
  self->dones++;
  self->call = NULL;
  self->scene->pending--;
}

static int actor_read_content(void *user_data, uint64_t offset, uint8_t *dst,
                              size_t cap, size_t *len)
{
  assert_true(cap >= 5);
  *len = offset < 15 ? 5 : 0;
  memcpy(dst, "abcde", *len);
  actor_act(user_data, AT_CONTENT);
  return 0;
}

/* --- Scenes. ------------------------------------------------------------- */

static void scene_start(scene *on, actor *who)
{
  ahttp_request *request;
  assert_int_equal(ahttp_request_new(&request, "POST", on->url), AHTTP_OK);
  const ahttp_content_source source = {.size = sizeof(source),
                                       .read = actor_read_content,
                                       .length = -1,
                                       .user_data = who};
  assert_int_equal(ahttp_request_set_content_source(request, &source),
                   AHTTP_OK);
  ahttp_handlers handlers = AHTTP_HANDLERS_INIT;
  handlers.on_informational = actor_on_informational;
  handlers.on_head = actor_on_head;
  handlers.on_body = actor_on_body;
  handlers.on_trailers = actor_on_trailers;
  handlers.on_upload = actor_on_upload;
  handlers.on_done = actor_on_done;
  who->scene = on;
  on->pending++;
  who->call = ahttp_start(on->client, request, NULL, &handlers, who);
  assert_non_null(who->call);
  ahttp_request_free(request);
}

static void scene_check(const scene *on)
{
  bool is_late = on->when == AT_DONE;
  const actor *subject = &on->subject;
  if (subject->dones != 1 || !on->is_acted ||
      subject->code != (is_late ? AHTTP_OK : on->what->code)) {
    fail_msg("%s in %s of %s: done %u, code %d", on->what->name,
             moment_names[on->when], on->url, subject->dones, subject->code);
  }
  assert_int_equal(on->other.dones, 1);
  assert_true(on->newcomer.scene == NULL || on->newcomer.dones == 1);
}

static void scene_close(scene *on)
{
  if (on->client != NULL) {
    ahttp_client_stats stats = {.size = sizeof(stats)};
    ahttp_client_get_stats(on->client, &stats);
    assert_int_equal(stats.calls_active, 0);
    act_close_client(on, NULL);
  }
  (void)uv_run(&on->loop, UV_RUN_DEFAULT);
  assert_true(on->is_closed);
  assert_int_equal(uv_loop_close(&on->loop), 0);
}

static void scene_play(const char *url, ahttp_http_policy http, moment when,
                       const act *what)
{
  scene on = {.url = url, .when = when, .what = what};
  assert_int_equal(uv_loop_init(&on.loop), 0);
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.loop = &on.loop;
  opts.http = http;
  assert_int_equal(ahttp_client_new(&on.client, &opts), AHTTP_OK);
  scene_start(&on, &on.subject);
  scene_start(&on, &on.other);
  while (on.pending > 0) {
    (void)uv_run(&on.loop, UV_RUN_ONCE);
    if (on.subject.call != NULL && on.is_acted) {
      ahttp_call_resume(on.subject.call);
    }
  }
  scene_check(&on);
  scene_close(&on);
}

#define HINTS "HTTP/1.1 103 Early Hints\r\n\r\n"
#define ANSWER                                            \
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" \
  "5\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 1\r\n\r\n"

/* Answers each request when its content has ended, on every connection at the
 * same time. */
static void h1_serve(listener *from, int fd, unsigned index, void *user_data)
{
  static const char end[] = "\r\n0\r\n\r\n";
  static const char answer[] = HINTS ANSWER;
  size_t matched = 0;
  char c;
  (void)index;
  (void)user_data;
  while (listener_read(from, fd, &c, 1) == 1) {
    matched = c == end[matched] ? matched + 1 : (c == '\r' ? 1 : 0);
    if (matched == sizeof(end) - 1) {
      matched = 0;
      (void)listener_send(from, fd, answer, sizeof(answer) - 1);
    }
  }
}

static void every_function_in_every_callback_over_http1(void **state)
{
  (void)state;
  const listener_opts opts = {.serve = h1_serve};
  for (int when = 0; when < MOMENTS; when++) {
    for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
      listener *server = listener_start(&opts);
      scene_play(test_url("http", listener_port(server), "/h1"), AHTTP_HTTP_1_1,
                 (moment)when, &acts[i]);
      listener_stop(server);
    }
  }
}

static const h2_step h2_answer[] = {
    H2_DO_FRAME(H2_HEADERS, H2_END_HEADERS, H2_LAST,
                "\x08\x03"
                "103"),
    H2_DO_HEAD, H2_DO_FRAME(H2_DATA, 0, H2_LAST, "hello"),
    H2_DO_FRAME(H2_DATA, 0, H2_LAST, " world"),
    H2_DO_FRAME(H2_HEADERS, H2_END_HEADERS | H2_END_STREAM, H2_LAST,
                "\x00\x05"
                "x-sum"
                "\x01"
                "1")};
static const h2_step h2_answers[] = {
    H2_DO_SETTINGS,
    {.kind = H2_SERVE,
     .data = h2_answer,
     .len = sizeof(h2_answer) / sizeof(h2_answer[0])}};

static void every_function_in_every_callback_over_http2(void **state)
{
  (void)state;
  for (int when = 0; when < MOMENTS; when++) {
    for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
      h2_script *peer = h2_script_start_one(h2_answers);
      scene_play(test_url("http", h2_script_port(peer), "/h2"),
                 AHTTP_HTTP_2_PRIOR_KNOWLEDGE, (moment)when, &acts[i]);
      h2_script_stop(peer);
    }
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_function_in_every_callback_over_http1),
      cmocka_unit_test(every_function_in_every_callback_over_http2),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
