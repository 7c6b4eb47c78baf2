/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "support/h1_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

void h1_scene_begin(h1_scene *s)
{
  ah_connection *conn;
  s->loop = fake_loop_new();
  s->stream = fake_stream_new(s->loop);
  assert_int_equal(ah_h1_connection_new(&conn, s->stream->stream), AHTTP_OK);
  fake_owner_adopt(&s->owner, conn);
  fake_transport_init(&s->transport, conn);
}

void h1_scene_turn(h1_scene *s)
{
  fake_loop_turn(s->loop);
}

void h1_scene_end(h1_scene *s)
{
  if (s->owner.conn != NULL) {
    assert_int_equal(s->owner.conn->active, 0);
    s->owner.conn->ops->close(s->owner.conn, NULL);
  }
  assert_int_equal(s->owner.closed_told, 1);
  h1_scene_turn(s);
  fake_stream_free(s->stream);
  fake_loop_free(s->loop);
}

fake_exchange *h1_scene_start(h1_scene *s, const char *method)
{
  fake_exchange *e = fake_exchange_new(s->loop, method, H1_SCENE_URL);
  fake_exchange_start(e, &s->transport);
  return e;
}

/* Starts a GET request and has it written. */
fake_exchange *h1_scene_get(h1_scene *s)
{
  fake_exchange *e = h1_scene_start(s, "GET");
  h1_scene_turn(s);
  return e;
}

void h1_scene_feed(h1_scene *s, const char *text)
{
  fake_stream_feed_text(s->stream, text);
}

void h1_check_log(const fake_exchange *e, const char *want)
{
  assert_string_equal(e->log.data, want);
}

void h1_check_idle(const h1_scene *s)
{
  assert_non_null(s->owner.conn);
  assert_int_equal(s->owner.conn->slots, 1);
  assert_int_equal(s->owner.conn->active, 0);
  assert_false(s->stream->closed);
  assert_false(s->stream->paused);
}

void h1_check_closed(const h1_scene *s)
{
  assert_null(s->owner.conn);
  assert_int_equal(s->owner.closed_told, 1);
  assert_true(s->stream->closed);
}

static bool hook_is_due(const fake_exchange *e, fake_event event)
{
  h1_hook *hook = e->user_data;
  if (event == FAKE_DONE || (hook->at != FAKE_DONE && event != hook->at)) {
    return false;
  }
  hook->was_run = true;
  return true;
}

void h1_pause_at(fake_exchange *e, fake_event event)
{
  if (hook_is_due(e, event)) {
    ah_exchange_pause(&e->exchange);
  }
}

void h1_cancel_at(fake_exchange *e, fake_event event)
{
  if (hook_is_due(e, event)) {
    fake_exchange_cancel(e);
  }
}
