/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "base/error.h"
#include "transport/h2_connection_internal.h"
#include "transport/hop_trace.h"

static ah_h2_flow *flow_of(ah_h2_stream *stream)
{
  return AH_CONTAINER(stream, ah_h2_flow, stream);
}

static void session_on_informational(void *owner, ah_h2_stream *stream,
                                     const ah_response_head *head)
{
  (void)owner;
  ah_exchange *exchange = flow_of(stream)->exchange;
  exchange->facts.response_started = true;
  exchange->bytes.head = stream->head_wire_bytes;
  ah_exchange_touch(exchange);
  (void)ah_exchange_tell_informational(exchange, head);
}

/* RFC 9113, section 8.1: a server may answer before it has the whole request.
 * When it does not want the rest, the rest of the answer still is worth
 * reading. */
static void session_on_head(void *owner, ah_h2_stream *stream)
{
  (void)owner;
  ah_h2_flow *flow = flow_of(stream);
  ah_exchange *exchange = flow->exchange;
  exchange->facts.response_started = true;
  exchange->bytes.head = stream->head_wire_bytes;
  if (stream->is_sent && exchange->times.sent == 0) {
    /* The kernel may have taken it since we last asked. */
    ah_exchange_note_sent(exchange);
  }
  if (!stream->is_sent && ah_exchange_drops_content(exchange)) {
    flow->upload.is_stopped = true;
    ah_exchange_await_read(exchange);
  } else {
    ah_exchange_touch(exchange);
  }
  (void)ah_exchange_tell_head(exchange);
}

static void session_on_body(void *owner, ah_h2_stream *stream,
                            const uint8_t *data, size_t len)
{
  ah_h2_flow *flow = flow_of(stream);
  ah_exchange_touch(flow->exchange);
  int rv = ah_h2_flow_give(flow, data, len);
  if (rv != AHTTP_OK) {
    ah_h2_conn_end_exchange(owner, flow->exchange, rv);
  }
}

static void session_on_trailers(void *owner, ah_h2_stream *stream)
{
  (void)owner;
  ah_h2_flow *flow = flow_of(stream);
  if (ah_buf_len(&flow->held) > 0) {
    flow->has_trailers = true;
  } else {
    (void)ah_exchange_tell_trailers(flow->exchange);
  }
}

static void session_on_end(void *owner, ah_h2_stream *stream)
{
  ah_h2_flow *flow = flow_of(stream);
  if (ah_buf_len(&flow->held) == 0) {
    ah_h2_conn_finish(owner, flow);
  }
}

static void session_on_failed(void *owner, ah_h2_stream *stream,
                              const ahttp_error *err, bool refused)
{
  ah_exchange *exchange = flow_of(stream)->exchange;
  (void)ah_h2_conn_let_go(owner, exchange, AH_H2_CANCEL);
  ah_exchange_fail(exchange, err, refused);
}

/* Has the flow looked at after the next flush. */
static void conn_note_sent(ah_h2_conn *conn, ah_h2_flow *flow)
{
  flow->is_fresh = true;
  if (!ah_list_is_linked(&flow->sent_node)) {
    ah_list_push_back(&conn->sent, &flow->sent_node);
  }
}

static int session_on_content(void *owner, ah_h2_stream *stream, uint8_t *dst,
                              size_t cap, size_t *len, bool *end)
{
  ah_h2_flow *flow = flow_of(stream);
  int rv = ah_h2_flow_read(flow, dst, cap, len, end);
  if (rv != AHTTP_OK && rv != AH_BLOCKED) {
    ah_h2_conn_end_exchange(owner, flow->exchange, rv);
  } else if (rv == AH_BLOCKED && stream->id != 0) {
    conn_note_sent(owner, flow); /* what is awaited has changed */
  }
  return rv;
}

static void session_on_sent(void *owner, ah_h2_stream *stream, size_t len)
{
  ah_h2_flow *flow = flow_of(stream);
  ah_exchange *exchange = flow->exchange;
  if (exchange->bytes.out == 0) {
    ah_trace_step_complete(exchange, AH_STEP_SEND_HEADERS, len);
    if (ah_h2_flow_has_content(flow)) {
      ah_trace_step(exchange, AH_STEP_SEND_BODY);
    }
  }
  exchange->bytes.out += len;
  conn_note_sent(owner, flow);
}

static void session_on_settings(void *owner)
{
  const ah_h2_conn *conn = owner;
  ah_trace_conn(&conn->base, AHTTP_TRACE_H2_SETTINGS,
                ah_h2_session_streams_max(conn->session));
  ah_h2_conn_count(owner);
}

static void session_on_goaway(void *owner, uint32_t code)
{
  const ah_h2_conn *conn = owner;
  ah_trace_conn(&conn->base, AHTTP_TRACE_H2_GOAWAY, code);
  ah_h2_conn_drain(owner, "the server is closing the connection");
}

static void session_on_pong(void *owner, uint64_t id)
{
  ah_h2_conn *conn = owner;
  ah_h2_ping_answer(&conn->ping, id);
  ah_trace_conn(&conn->base, AHTTP_TRACE_H2_PING_COMPLETE, id);
  ah_h2_conn_count(conn);
  ah_h2_conn_mark_dirty(conn); /* the next one may be due */
}

const ah_h2_session_ops ah_h2_conn_events = {
    .on_informational = session_on_informational,
    .on_head = session_on_head,
    .on_body = session_on_body,
    .on_trailers = session_on_trailers,
    .on_end = session_on_end,
    .on_failed = session_on_failed,
    .on_content = session_on_content,
    .on_sent = session_on_sent,
    .on_settings = session_on_settings,
    .on_goaway = session_on_goaway,
    .on_pong = session_on_pong,
};
