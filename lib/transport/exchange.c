/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "transport/exchange.h"

#include <stddef.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/str.h"
#include "transport/connection.h"
#include "transport/hop_trace.h"

/* What an exchange waits for when it waits for a 100: no error comes of it, so
 * any number will do that is no code. */
enum {
  WAITS_FOR_CONTINUE = 1,
  STATUS_CONTINUE = 100
};

/*
 * The sink is called from here and nowhere else: each event by its tell
 * function, the end by exchange_finish().  Since the end is always a task of
 * its own, an exchange stays valid within every other callback, whatever that
 * callback does; asking |ended| afterwards is all the care it takes.
 *
 * An exchange has one deadline.  |deadline_code| says what is being waited for,
 * 0 for nothing; whether the deadline is armed follows from it and from the
 * pauses, in exchange_arm().
 */

static void exchange_finish(ah_task *task)
{
  ah_exchange *exchange = AH_CONTAINER(task, ah_exchange, end_task);
  ah_assert(exchange->ended);
  exchange->sink->on_done(exchange);
}

/* Records the outcome; the first one wins.  From here on no event but done. */
static void exchange_record(ah_exchange *exchange, const ahttp_error *err)
{
  ah_assert(!exchange->ended);
  if (err != NULL) {
    exchange->error = *err;
    if (err->phase == AHTTP_PHASE_NONE) {
      exchange->error.phase = ah_exchange_phase(exchange);
    }
  }
  ah_trace_steps_ended(exchange, &exchange->error);
  exchange->wire.counts = ah_exchange_wire(exchange);
  exchange->wire.now = NULL;
  exchange->ended = true;
  exchange->times.ended = ah_loop_now_ns(exchange->loop);
  exchange->deadline_code = AHTTP_OK;
  ah_deadline_stop(&exchange->deadline);
  ah_loop_defer(exchange->loop, &exchange->end_task);
}

static void exchange_timeout_error(const ah_exchange *exchange,
                                   ahttp_error *err)
{
  int code = exchange->deadline_code;
  ahttp_phase phase = ah_exchange_phase(exchange);
  unsigned ms = exchange->deadline.duration_ms;
  if (code == AHTTP_ETIMEOUT_POOL) {
    ah_error_say(err, code, phase, "no connection became free within %u ms",
                 ms);
  } else if (code == AHTTP_ETIMEOUT_WRITE) {
    ah_error_say(err, code, phase, "no data could be sent for %u ms", ms);
  } else {
    ah_error_say(err, code, phase, "no data arrived for %u ms", ms);
  }
}

/* Content that was held back may be sent now. */
static void exchange_release_content(ah_exchange *exchange)
{
  if (exchange->expectation == AH_EXPECTS_CONTINUE) {
    exchange->expectation = AH_EXPECTS_NOTHING;
    exchange->conn->ops->body_ready(exchange->conn, exchange);
  }
}

static void exchange_on_expired(ah_deadline *deadline)
{
  ah_exchange *exchange = AH_CONTAINER(deadline, ah_exchange, deadline);
  ahttp_error err;
  if (exchange->deadline_code == WAITS_FOR_CONTINUE) {
    exchange->deadline_code = AHTTP_OK;
    exchange_release_content(exchange);
    return;
  }
  exchange_timeout_error(exchange, &err);
  ah_trace_hop(exchange, AHTTP_TRACE_TIMEOUT, &(ah_trace_note){.error = &err});
  ah_exchange_cancel(exchange, &err);
}

/* Arms the deadline for what is being waited for.  Somebody who does not take
 * what arrived cannot blame the peer: the read timeout rests meanwhile. */
static void exchange_arm(ah_exchange *exchange)
{
  uint32_t ms = UINT32_MAX;
  if (exchange->deadline_code == AHTTP_ETIMEOUT_POOL) {
    ms = exchange->timeouts.pool_ms;
  } else if (exchange->deadline_code == AHTTP_ETIMEOUT_WRITE) {
    ms = exchange->timeouts.write_ms;
  } else if (exchange->deadline_code == AHTTP_ETIMEOUT_READ &&
             !ah_exchange_is_paused(exchange)) {
    ms = exchange->timeouts.read_ms;
  } else if (exchange->deadline_code == WAITS_FOR_CONTINUE) {
    ms = AH_CONTINUE_MS;
  }
  ah_deadline_start(exchange->loop, &exchange->deadline, ms);
}

static void exchange_await(ah_exchange *exchange, int code)
{
  ah_assert(!exchange->ended);
  exchange->deadline_code = code;
  exchange_arm(exchange);
}

void ah_exchange_init(ah_exchange *exchange)
{
  size_t begin = offsetof(ah_exchange, manual_credit);
  ah_zero((char *)exchange + begin, offsetof(ah_exchange, error) - begin);
  exchange->stream_id = -1;
  exchange->deadline.expired = exchange_on_expired;
  exchange->end_task.run = exchange_finish;
  ah_error_clear(&exchange->error);
}

void ah_exchange_clear(ah_exchange *exchange)
{
  ah_connection_unref(exchange->last_conn);
  exchange->last_conn = NULL;
}

void ah_exchange_start(ah_exchange *exchange, ah_transport *transport)
{
  ah_assert(exchange->transport == NULL && !exchange->ended);
  exchange->transport = transport;
  exchange->times.started = ah_loop_now_ns(exchange->loop);
  transport->ops->start(transport, exchange);
}

void ah_exchange_cancel(ah_exchange *exchange, const ahttp_error *err)
{
  if (exchange->ended) {
    return;
  }
  exchange_record(exchange, err);
  ah_connection *conn = exchange->conn;
  if (conn != NULL) {
    conn->ops->cancel(conn, exchange, exchange->error.code);
    exchange->conn = NULL;
  } else if (exchange->transport != NULL) {
    exchange->transport->ops->forget(exchange->transport, exchange);
  }
}

bool ah_exchange_is_paused(const ah_exchange *exchange)
{
  return exchange->user_paused ||
         (exchange->manual_credit &&
          exchange->uncredited >= AH_EXCHANGE_WINDOW_BYTES);
}

/* Stops or restarts the read timeout after a pause has begun or ended; the
 * others run on. */
static void exchange_arm_read(ah_exchange *exchange)
{
  if (exchange->deadline_code == AHTTP_ETIMEOUT_READ) {
    exchange_arm(exchange);
  }
}

/* After a change that may have ended a pause. */
static void exchange_go_on(ah_exchange *exchange)
{
  if (ah_exchange_is_paused(exchange)) {
    return;
  }
  exchange_arm_read(exchange);
  if (exchange->conn != NULL) {
    exchange->conn->ops->resume(exchange->conn, exchange);
  }
}

void ah_exchange_pause(ah_exchange *exchange)
{
  if (exchange->ended || exchange->user_paused) {
    return;
  }
  bool was_paused = ah_exchange_is_paused(exchange);
  exchange->user_paused = true;
  if (was_paused) {
    return;
  }
  exchange_arm_read(exchange);
  if (exchange->conn != NULL) {
    exchange->conn->ops->pause(exchange->conn, exchange);
  }
}

void ah_exchange_resume(ah_exchange *exchange)
{
  if (exchange->ended || !exchange->user_paused) {
    return;
  }
  exchange->user_paused = false;
  exchange_go_on(exchange);
}

void ah_exchange_credit(ah_exchange *exchange, size_t len)
{
  if (len > exchange->uncredited) {
    len = exchange->uncredited; /* nobody consumes what was not given out */
  }
  if (exchange->ended || len == 0) {
    return;
  }
  bool was_paused = ah_exchange_is_paused(exchange);
  exchange->uncredited -= len;
  if (exchange->conn != NULL) {
    exchange->conn->ops->credit(exchange->conn, exchange, len);
  }
  if (was_paused) {
    exchange_go_on(exchange);
  }
}

void ah_exchange_body_ready(ah_exchange *exchange)
{
  if (!exchange->ended && exchange->conn != NULL) {
    exchange->conn->ops->body_ready(exchange->conn, exchange);
  }
}

bool ah_exchange_tell_informational(ah_exchange *exchange,
                                    const ah_response_head *head)
{
  ah_assert(!exchange->ended);
  ah_trace_hop(
      exchange, AHTTP_TRACE_RECEIVE_INFORMATIONAL,
      &(ah_trace_note){.text = head->reason, .number = (uint64_t)head->status});
  exchange->sink->on_informational(exchange, head);
  if (!exchange->ended && head->status == STATUS_CONTINUE) {
    exchange_release_content(exchange);
  }
  return !exchange->ended;
}

void ah_exchange_expect(ah_exchange *exchange)
{
  const ah_request_head *request = &exchange->request;
  bool has_content = request->body != NULL && request->body->length != 0;
  exchange->expectation =
      has_content && ah_fields_has_token(request->fields, AH_FIELD_EXPECT,
                                         AH_STR("100-continue"))
          ? AH_EXPECTS_CONTINUE
          : AH_EXPECTS_NOTHING;
}

bool ah_exchange_drops_content(ah_exchange *exchange)
{
  if (exchange->expectation == AH_EXPECTS_CONTINUE) {
    exchange->expectation = AH_EXPECTS_NO_MORE;
  }
  return exchange->expectation == AH_EXPECTS_NO_MORE ||
         ah_status_stops_upload(exchange->response.status);
}

bool ah_exchange_tell_head(ah_exchange *exchange)
{
  ah_assert(!exchange->ended);
  ah_assert(exchange->times.head == 0);
  exchange->times.head = ah_loop_now_ns(exchange->loop);
  ah_trace_step_complete(exchange, AH_STEP_RECEIVE_HEADERS,
                         (uint64_t)exchange->response.status);
  ah_trace_step(exchange, AH_STEP_RECEIVE_BODY);
  exchange->sink->on_head(exchange);
  return !exchange->ended;
}

bool ah_exchange_tell_body(ah_exchange *exchange, const uint8_t *data,
                           size_t len)
{
  ah_assert(!exchange->ended && len > 0);
  /* Asked before: a sink that turns manual credit on means what follows. */
  bool manual_credit = exchange->manual_credit;
  exchange->bytes.body += len;
  if (manual_credit) {
    exchange->uncredited += len;
  }
  exchange->sink->on_body(exchange, data, len);
  if (exchange->ended) {
    return false;
  }
  if (!manual_credit) {
    exchange->conn->ops->credit(exchange->conn, exchange, len);
  } else if (ah_exchange_is_paused(exchange)) {
    exchange_arm_read(exchange); /* the credit is used up */
  }
  return true;
}

bool ah_exchange_tell_trailers(ah_exchange *exchange)
{
  ah_assert(!exchange->ended);
  exchange->sink->on_trailers(exchange);
  return !exchange->ended;
}

bool ah_exchange_tell_upload(ah_exchange *exchange)
{
  ah_assert(!exchange->ended);
  exchange->sink->on_upload(exchange);
  return !exchange->ended;
}

void ah_exchange_end(ah_exchange *exchange, const ahttp_error *err)
{
  if (exchange->ended) {
    return;
  }
  exchange->conn = NULL;
  exchange_record(exchange, err);
}

void ah_exchange_fail(ah_exchange *exchange, const ahttp_error *err,
                      bool refused)
{
  if (exchange->ended) {
    return;
  }
  exchange->conn = NULL;
  ah_exchange_await_nothing(exchange);
  ah_transport *transport = exchange->transport;
  if (transport != NULL &&
      transport->ops->retry(transport, exchange, err, refused)) {
    return;
  }
  exchange_record(exchange, err);
}

void ah_exchange_await_pool(ah_exchange *exchange)
{
  exchange_await(exchange, AHTTP_ETIMEOUT_POOL);
}

void ah_exchange_await_write(ah_exchange *exchange)
{
  exchange_await(exchange, AHTTP_ETIMEOUT_WRITE);
}

void ah_exchange_await_read(ah_exchange *exchange)
{
  exchange_await(exchange, AHTTP_ETIMEOUT_READ);
}

void ah_exchange_await_continue(ah_exchange *exchange)
{
  if (exchange->deadline_code != WAITS_FOR_CONTINUE) {
    exchange_await(exchange, WAITS_FOR_CONTINUE);
  }
}

void ah_exchange_await_nothing(ah_exchange *exchange)
{
  if (exchange->deadline_code != AHTTP_OK) {
    exchange_await(exchange, AHTTP_OK);
  }
}

void ah_exchange_touch(ah_exchange *exchange)
{
  ah_deadline_touch(exchange->loop, &exchange->deadline);
}

void ah_exchange_note_sent(ah_exchange *exchange)
{
  exchange->times.sent = ah_loop_now_ns(exchange->loop);
  if (exchange->trace == NULL) {
    return;
  }
  if ((exchange->steps & 1U << AH_STEP_SEND_BODY) != 0) {
    ah_trace_step_complete(exchange, AH_STEP_SEND_BODY, exchange->bytes.upload);
  }
  if (exchange->times.head == 0) {
    ah_trace_step(exchange, AH_STEP_RECEIVE_HEADERS);
  }
}

ah_stream_counts ah_exchange_wire(const ah_exchange *exchange)
{
  const ah_stream_counts *now = exchange->wire.now;
  if (now == NULL) {
    return exchange->wire.counts;
  }
  return (ah_stream_counts){.in = now->in - exchange->wire.counts.in,
                            .out = now->out - exchange->wire.counts.out};
}

const ah_stream_info *ah_exchange_peer(const ah_exchange *exchange)
{
  static const ah_stream_info nobody = {.tls = NULL};
  return exchange->last_conn == NULL ? &nobody : &exchange->last_conn->info;
}

uint64_t ah_exchange_conn_id(const ah_exchange *exchange)
{
  return exchange->last_conn == NULL ? 0 : exchange->last_conn->id;
}

ahttp_phase ah_exchange_phase(const ah_exchange *exchange)
{
  if (exchange->times.head != 0) {
    return AHTTP_PHASE_RECEIVE;
  }
  if (exchange->times.sent != 0) {
    return AHTTP_PHASE_WAIT;
  }
  if (exchange->times.attached != 0) {
    return AHTTP_PHASE_SEND;
  }
  if (exchange->times.started != 0) {
    return AHTTP_PHASE_QUEUE;
  }
  return AHTTP_PHASE_NONE;
}

void ah_exchange_put_on(ah_exchange *exchange, ah_connection *conn)
{
  ah_connection *before = exchange->last_conn;
  exchange->conn = conn;
  exchange->last_conn = ah_connection_ref(conn);
  ah_connection_unref(before);
}
