/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "transport/h2_flow.h"

#include <assert.h>

#include "base/error.h"
#include "http/request_trailers.h"

static_assert((int)AH_H2_STREAM_WINDOW_BYTES == (int)AH_EXCHANGE_WINDOW_BYTES,
              "what may be held out is what the server may send");
static_assert(AH_H2_STREAM_WINDOW_BYTES_MAX % AH_H2_STREAM_WINDOW_BYTES == 0,
              "windows double until they are at the greatest");

enum {
  /* Kept content is given out in pieces, so that a pause within one takes
   * effect soon; the size of a read from the network. */
  DELIVER_BYTES = AH_LOOP_READ_BYTES
};

int ah_h2_flow_new(ah_h2_flow **out, ah_exchange *exchange)
{
  ah_h2_flow *flow = ah_arena_alloc(exchange->arena, sizeof(*flow));
  *out = flow;
  if (flow == NULL) {
    return AHTTP_ENOMEM;
  }
  *flow = (ah_h2_flow){
      .stream =
          {
              .arena = exchange->arena,
              .response = &exchange->response,
              .trailers = &exchange->trailers,
          },
      .exchange = exchange,
      .window = {.bytes = AH_H2_STREAM_WINDOW_BYTES},
  };
  ah_buf_init(&flow->held, AH_H2_STREAM_WINDOW_BYTES_MAX);
  ah_exchange_expect(exchange);
  return AHTTP_OK;
}

void ah_h2_flow_close(ah_h2_flow *flow)
{
  ah_list_remove(&flow->sent_node);
  ah_list_remove(&flow->due_node);
  ah_buf_clear(&flow->held);
}

bool ah_h2_flow_has_content(const ah_h2_flow *flow)
{
  const ah_body *body = flow->exchange->request.body;
  return body != NULL &&
         (body->length != 0 || flow->exchange->request.trailers != NULL);
}

int ah_h2_flow_give(ah_h2_flow *flow, const uint8_t *data, size_t len)
{
  ah_exchange *exchange = flow->exchange;
  if (ah_buf_len(&flow->held) > 0 || ah_exchange_is_paused(exchange)) {
    return ah_buf_append(&flow->held, data, len);
  }
  (void)ah_exchange_tell_body(exchange, data, len); /* nothing is left to do */
  return AHTTP_OK;
}

bool ah_h2_flow_take(ah_h2_flow *flow, size_t len)
{
  if (flow->window.is_fixed || flow->exchange->manual_credit ||
      flow->window.bytes == AH_H2_STREAM_WINDOW_BYTES_MAX) {
    return false;
  }
  flow->window.taken += (uint32_t)len;
  if (flow->window.taken < flow->window.bytes) {
    return false;
  }
  flow->window.taken = 0;
  flow->window.bytes *= 2;
  return true;
}

bool ah_h2_flow_deliver(ah_h2_flow *flow)
{
  ah_exchange *exchange = flow->exchange;
  /* Moved out: who is told may cancel, and still reads what it was given. */
  ah_buf held = flow->held;
  ah_buf_init(&flow->held, AH_H2_STREAM_WINDOW_BYTES_MAX);
  bool goes_on = true;
  while (goes_on && ah_buf_len(&held) > 0 && !ah_exchange_is_paused(exchange)) {
    size_t len = ah_buf_len(&held);
    if (len > DELIVER_BYTES) {
      len = DELIVER_BYTES;
    }
    goes_on = ah_exchange_tell_body(exchange, ah_buf_bytes(&held), len);
    ah_buf_consume(&held, len);
  }
  if (!goes_on || ah_buf_len(&held) == 0) {
    ah_buf_clear(&held);
    return goes_on;
  }
  flow->held = held;
  return false;
}

/* The content has been read: what follows it. */
static int flow_end_content(ah_h2_flow *flow)
{
  ah_exchange *exchange = flow->exchange;
  if (exchange->request.trailers == NULL) {
    return AHTTP_OK;
  }
  int rv = ah_request_trailers_resolve(exchange->request.trailers,
                                       exchange->arena, &flow->trailers);
  if (exchange->ended) {
    return AH_BLOCKED; /* whoever was asked for a value has cancelled */
  }
  flow->stream.request_trailers = &flow->trailers;
  return rv;
}

int ah_h2_flow_read(ah_h2_flow *flow, uint8_t *dst, size_t cap, size_t *len,
                    bool *end)
{
  ah_exchange *exchange = flow->exchange;
  ah_body *body = exchange->request.body;
  if (flow->upload.is_stopped || ah_exchange_holds_content(exchange)) {
    return AH_BLOCKED;
  }
  flow->upload.is_ready = false;
  int rv = ah_body_read(body, flow->upload.offset, dst, cap, len);
  if (exchange->ended) {
    return AH_BLOCKED; /* the body's owner has cancelled from within */
  }
  flow->upload.is_waiting = rv == AH_BLOCKED;
  if (rv != AHTTP_OK) {
    return rv;
  }
  flow->upload.offset += *len;
  *end = *len == 0 ||
         (body->length >= 0 && flow->upload.offset == (uint64_t)body->length);
  return *end ? flow_end_content(flow) : AHTTP_OK;
}

static void flow_await(ah_h2_flow *flow)
{
  ah_exchange *exchange = flow->exchange;
  if (flow->is_marked) {
    ah_exchange_await_write(exchange);
  } else if (flow->stream.is_sent || flow->upload.is_stopped) {
    ah_exchange_await_read(exchange);
  } else if (ah_exchange_holds_content(exchange)) {
    ah_exchange_await_continue(exchange);
  } else if (flow->upload.is_waiting) {
    ah_exchange_await_nothing(exchange); /* our side is late, not theirs */
  } else {
    ah_exchange_await_write(exchange); /* the server's window is closed */
  }
}

static void flow_set_mark(ah_h2_flow *flow, uint64_t out)
{
  flow->is_marked = true;
  flow->mark.out = out;
  flow->mark.upload = flow->upload.offset;
  flow->mark.is_last = flow->stream.is_sent;
}

/* The kernel has everything before the mark. */
static void flow_pass_mark(ah_h2_flow *flow)
{
  ah_exchange *exchange = flow->exchange;
  flow->is_marked = false;
  exchange->bytes.upload = flow->mark.upload;
  if (flow->mark.is_last && exchange->times.sent == 0) {
    ah_exchange_note_sent(exchange);
  }
}

bool ah_h2_flow_settle(ah_h2_flow *flow, uint64_t out, uint64_t taken)
{
  bool has_moved = false;
  if (!flow->is_marked) {
    flow_set_mark(flow, out);
  }
  /* A mark stays where it is while more is sent, so that an upload in which the
   * queue never runs empty still makes progress. */
  while (flow->is_marked && flow->mark.out <= taken) {
    flow_pass_mark(flow);
    has_moved = true;
    if (flow->mark.upload != flow->upload.offset ||
        flow->mark.is_last != flow->stream.is_sent) {
      flow_set_mark(flow, out);
    }
  }
  if (has_moved || flow->is_fresh) {
    flow_await(flow);
  }
  flow->is_fresh = false;
  return has_moved && flow->exchange->bytes.upload > flow->upload.told;
}

void ah_h2_flow_tell_upload(ah_h2_flow *flow)
{
  flow->upload.told = flow->exchange->bytes.upload;
  (void)ah_exchange_tell_upload(flow->exchange); /* nothing is left to do */
}
