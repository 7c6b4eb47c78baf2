/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "support/fake_exchange.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/str.h"
#include "http/method.h"

static void owner_on_slots(void *owner_arg, ah_connection *conn)
{
  fake_owner *owner = owner_arg;
  assert_ptr_equal(owner->conn, conn);
  owner->slots_told++;
  if (owner->on_slots != NULL) {
    owner->on_slots(owner);
  }
}

static void owner_on_draining(void *owner_arg, ah_connection *conn)
{
  fake_owner *owner = owner_arg;
  assert_ptr_equal(owner->conn, conn);
  assert_int_equal(conn->slots, 0);
  owner->draining_told++;
}

static void owner_on_closed(void *owner_arg, ah_connection *conn)
{
  fake_owner *owner = owner_arg;
  assert_ptr_equal(owner->conn, conn);
  assert_int_equal(conn->slots, 0);
  assert_int_equal(conn->active, 0);
  owner->closed_told++;
  owner->conn = NULL;
}

static const ah_connection_owner owner_ops = {
    .on_slots = owner_on_slots,
    .on_draining = owner_on_draining,
    .on_closed = owner_on_closed,
};

void fake_owner_adopt(fake_owner *owner, ah_connection *conn)
{
  *owner = (fake_owner){.conn = conn};
  conn->owner_ops = &owner_ops;
  conn->owner = owner;
  conn->id = 1;
}

static fake_transport *transport_of(ah_transport *transport)
{
  return AH_CONTAINER(transport, fake_transport, transport);
}

static void transport_start(ah_transport *transport, ah_exchange *exchange)
{
  fake_transport *fake = transport_of(transport);
  fake->starts++;
  assert_non_null(fake->conn);
  assert_true(fake->conn->slots > 0);
  ah_exchange_put_on(exchange, fake->conn);
  exchange->facts.conn_reused = fake->conn->served > 0;
  exchange->facts.attempts++;
  exchange->times.attached = ah_loop_now_ns(exchange->loop);
  fake->conn->ops->start(fake->conn, exchange);
}

static void transport_forget(ah_transport *transport, ah_exchange *exchange)
{
  (void)exchange;
  transport_of(transport)->forgets++;
}

static bool transport_retry(ah_transport *transport, ah_exchange *exchange,
                            const ahttp_error *err, bool refused)
{
  fake_transport *fake = transport_of(transport);
  assert_null(exchange->conn);
  fake->retries++;
  fake->retry_code = err->code;
  fake->retry_refused = refused;
  return fake->takes_back;
}

static const ah_transport_ops transport_ops = {
    .name = "fake",
    .start = transport_start,
    .forget = transport_forget,
    .retry = transport_retry,
};

void fake_transport_init(fake_transport *transport, ah_connection *conn)
{
  *transport = (fake_transport){
      .transport = {.ops = &transport_ops},
      .conn = conn,
  };
}

static fake_exchange *fake_of(ah_exchange *exchange)
{
  fake_exchange *fake = AH_CONTAINER(exchange, fake_exchange, exchange);
  assert_int_equal(fake->dones, 0);
  return fake;
}

static void fake_log(fake_exchange *fake, const char *word)
{
  if (fake->log.len > 0) {
    fake_bytes_append(&fake->log, " ", 1);
  }
  fake_bytes_append(&fake->log, word, strlen(word));
}

static void fake_log_status(fake_exchange *fake, const ah_response_head *head)
{
  char word[16];
  (void)snprintf(word, sizeof(word), "%d", head->status);
  fake_log(fake, word);
}

static void fake_run_hook(fake_exchange *fake, fake_event event)
{
  if (fake->on_event != NULL) {
    fake->on_event(fake, event);
  }
}

static void sink_on_informational(ah_exchange *exchange,
                                  const ah_response_head *head)
{
  fake_exchange *fake = fake_of(exchange);
  fake_log_status(fake, head);
  fake_run_hook(fake, FAKE_INFORMATIONAL);
}

static void sink_on_head(ah_exchange *exchange)
{
  fake_exchange *fake = fake_of(exchange);
  fake_log_status(fake, &exchange->response);
  fake_run_hook(fake, FAKE_HEAD);
}

static void sink_on_body(ah_exchange *exchange, const uint8_t *data, size_t len)
{
  fake_exchange *fake = fake_of(exchange);
  assert_true(len > 0);
  if (fake->body_slices == 0) {
    fake_log(fake, "body");
  }
  fake_bytes_append(&fake->body, data, len);
  fake->body_slices++;
  fake->body_last = len;
  fake_run_hook(fake, FAKE_BODY);
}

static void sink_on_trailers(ah_exchange *exchange)
{
  fake_exchange *fake = fake_of(exchange);
  fake_log(fake, "trailers");
  fake_run_hook(fake, FAKE_TRAILERS);
}

static void sink_on_upload(ah_exchange *exchange)
{
  fake_exchange *fake = fake_of(exchange);
  fake->uploads++;
  fake_run_hook(fake, FAKE_UPLOAD);
}

static void sink_on_done(ah_exchange *exchange)
{
  fake_exchange *fake = fake_of(exchange);
  char word[32];
  const char *name = exchange->error.code == AHTTP_OK
                         ? "OK"
                         : ahttp_error_name(exchange->error.code);
  (void)snprintf(word, sizeof(word), "done:%s", name);
  fake_log(fake, word);
  fake->dones++;
  fake_run_hook(fake, FAKE_DONE);
}

static ah_taker *sink_on_switch(ah_exchange *exchange, ah_handover *handover)
{
  fake_exchange *fake = AH_CONTAINER(exchange, fake_exchange, exchange);
  if (!fake->takes_stream) {
    return NULL;
  }
  fake->handover = *handover;
  ah_buf_init(&handover->early, 0);
  fake_log(fake, "switch");
  return &fake->taker;
}

static const ah_exchange_sink fake_sink = {
    .on_informational = sink_on_informational,
    .on_head = sink_on_head,
    .on_body = sink_on_body,
    .on_trailers = sink_on_trailers,
    .on_upload = sink_on_upload,
    .on_switch = sink_on_switch,
    .on_done = sink_on_done,
};

fake_exchange *fake_exchange_new(ah_loop *loop, const char *method,
                                 const char *url)
{
  fake_exchange *fake = calloc(1, sizeof(*fake));
  assert_non_null(fake);
  fake_bytes_append(&fake->log, "", 0);
  fake_bytes_append(&fake->body, "", 0);
  ah_arena_init(&fake->arena, NULL, 0);
  assert_int_equal(
      ah_url_parse(&fake->url, &fake->arena, ah_str_from_c(url), NULL, NULL),
      AHTTP_OK);
  ah_fields_init(&fake->fields, &fake->arena);

  ah_exchange *exchange = &fake->exchange;
  ah_exchange_init(exchange);
  exchange->sink = &fake_sink;
  exchange->loop = loop;
  exchange->arena = &fake->arena;
  exchange->request = (ah_request_head){
      .method = ah_str_from_c(method),
      .traits = ah_method_traits(ah_str_from_c(method)),
      .url = &fake->url,
      .fields = &fake->fields,
  };
  exchange->timeouts.connect_ms = UINT32_MAX;
  exchange->timeouts.read_ms = UINT32_MAX;
  exchange->timeouts.write_ms = UINT32_MAX;
  exchange->timeouts.pool_ms = UINT32_MAX;
  return fake;
}

void fake_exchange_free(fake_exchange *fake)
{
  if (fake->exchange.transport != NULL) {
    assert_int_equal(fake->dones, 1);
  }
  ah_body_free(fake->exchange.request.body);
  ah_exchange_clear(&fake->exchange);
  ah_arena_clear(&fake->arena);
  fake_bytes_clear(&fake->log);
  fake_bytes_clear(&fake->body);
  free(fake);
}

void fake_exchange_add_field(fake_exchange *fake, const char *name,
                             const char *value)
{
  assert_int_equal(
      ah_fields_add(&fake->fields, ah_str_from_c(name), ah_str_from_c(value)),
      AHTTP_OK);
}

void fake_exchange_set_body(fake_exchange *fake, ah_body *body)
{
  ah_body_free(fake->exchange.request.body);
  fake->exchange.request.body = body;
}

void fake_exchange_start(fake_exchange *fake, fake_transport *transport)
{
  ah_exchange_start(&fake->exchange, &transport->transport);
}

void fake_exchange_cancel(fake_exchange *fake)
{
  ahttp_error err;
  ah_error_plain(&err, AHTTP_ECANCELED, AHTTP_PHASE_NONE);
  ah_exchange_cancel(&fake->exchange, &err);
}

ah_loop *fake_loop_new(void)
{
  ah_loop *loop = NULL;
  assert_int_equal(ah_loop_new(&loop, NULL), AHTTP_OK);
  ah_loop_hold(loop);
  return loop;
}

void fake_loop_turn(ah_loop *loop)
{
  (void)uv_run(ah_loop_uv(loop), UV_RUN_NOWAIT);
}

static void loop_on_closed(void *arg)
{
  *(bool *)arg = true;
}

void fake_loop_free(ah_loop *loop)
{
  bool closed = false;
  uv_loop_t *uv = ah_loop_uv(loop);
  fake_loop_turn(loop);
  ah_loop_drop(loop);
  ah_loop_close(loop, loop_on_closed, &closed);
  while (!closed) {
    (void)uv_run(uv, UV_RUN_ONCE);
  }
  ah_loop_free_uv(uv);
}
