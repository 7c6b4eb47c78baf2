/* SPDX-License-Identifier: MIT */
/*
 * An HTTP/2 connection: many exchanges over one stream of bytes.
 *
 * The session (h2_session.h) knows the protocol, a flow (h2_flow.h) is one
 * exchange on it, the ping (h2_ping.h) knows when to ask whether the server is
 * still there.  This file is the life of a connection; h2_events.c says what
 * follows from what the session tells, h2_output.c writes.
 *
 * Out.  Nothing is written when it comes up.  Whatever produces frames marks
 * the connection dirty, and at the end of the turn one flush submits the
 * exchanges that were started, drains the session into the stream and writes
 * once.  It stops when OUT_BYTES_MAX wait for the kernel and goes on when they
 * have gone, so the order of frames is decided late and backpressure reaches
 * the uploads.
 *
 * In.  A read is fed to the session whole, and its events go straight to the
 * exchanges.  Content for an exchange that is paused is kept, at most a
 * window's worth, and given out from a task after it resumes.
 *
 * Where an exchange is: in |starting| from start() until the flush submits it,
 * then in |running| with a flow, until exactly one of these lets go of it: its
 * response is complete, its stream failed, it is cancelled, or the connection
 * ends.  Letting go comes first, telling it second.
 *
 * Callbacks of users run inside feed, drain and the tasks, and may do anything
 * to this connection.  So everything that can be asked of it only changes state
 * and queues frames, the connection's end included: it closes the stream and
 * fails the exchanges, but the session and this memory go in a task of their
 * own.  After every call that can run a user's callback the state is looked at
 * again.
 */
#include "config.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "transport/h2_connection_internal.h"
#include "transport/hop_trace.h"

static ah_h2_conn *conn_of(ah_connection *base)
{
  return AH_CONTAINER(base, ah_h2_conn, base);
}

static ah_exchange *exchange_at(ah_list_node *node)
{
  return AH_CONTAINER(node, ah_exchange, node);
}

#define TO(state) (1U << (state))
static const unsigned conn_edges[] = {
    [AH_H2_CONN_OPEN] = TO(AH_H2_CONN_DRAINING) | TO(AH_H2_CONN_CLOSED),
    [AH_H2_CONN_DRAINING] = TO(AH_H2_CONN_CLOSED),
    [AH_H2_CONN_CLOSED] = 0,
};
#undef TO

static void conn_set_state(ah_h2_conn *conn, ah_h2_conn_state next)
{
  ah_assert((conn_edges[conn->state] & 1U << next) != 0);
  conn->state = next;
}

void ah_h2_conn_mark_dirty(ah_h2_conn *conn)
{
  if (conn->state != AH_H2_CONN_CLOSED) {
    ah_loop_mark_dirty(conn->base.loop, &conn->flusher);
  }
}

uint32_t ah_h2_conn_limit(const ah_h2_conn *conn)
{
  if (ah_h2_ping_is_in_doubt(&conn->ping)) {
    return 0;
  }
  uint32_t theirs = ah_h2_session_streams_max(conn->session);
  return theirs < conn->streams_max ? theirs : conn->streams_max;
}

void ah_h2_conn_count(ah_h2_conn *conn)
{
  uint32_t used = conn->base.active + ah_h2_ping_held(&conn->ping);
  uint32_t limit = conn->state == AH_H2_CONN_OPEN ? ah_h2_conn_limit(conn) : 0;
  conn->base.slots = limit > used ? limit - used : 0;
  conn->base.in_doubt = ah_h2_ping_is_in_doubt(&conn->ping);
  if (conn->state != AH_H2_CONN_CLOSED) {
    ah_loop_defer(conn->base.loop, &conn->owner_task);
  }
}

bool ah_h2_conn_let_go(ah_h2_conn *conn, ah_exchange *exchange, ah_h2_code code)
{
  bool is_told = false;
  ah_h2_flow *flow = exchange->stream;
  ah_list_remove(&exchange->node);
  exchange->stream = NULL;
  conn->base.active--;
  if (flow != NULL) {
    conn->submitted--;
    is_told = ah_h2_session_reset(conn->session, &flow->stream, code);
    if (is_told) {
      ah_trace_hop(exchange, AHTTP_TRACE_H2_STREAM_RESET,
                   &(ah_trace_note){.number = (uint64_t)code});
    }
    ah_h2_flow_close(flow);
    ah_h2_conn_mark_dirty(conn);
  }
  ah_h2_conn_count(conn);
  return is_told;
}

void ah_h2_conn_end_exchange(ah_h2_conn *conn, ah_exchange *exchange, int code)
{
  ahttp_error err;
  if (code == AHTTP_EBODY) {
    ah_body_explain(exchange->request.body, &err);
  } else {
    ah_error_plain(&err, code, AHTTP_PHASE_NONE);
  }
  (void)ah_h2_conn_let_go(conn, exchange, AH_H2_CANCEL);
  ah_exchange_end(exchange, &err);
}

/* RFC 9113, section 8.1: what is left of the request, if anything, has no use
 * any more. */
void ah_h2_conn_finish(ah_h2_conn *conn, ah_h2_flow *flow)
{
  ah_exchange *exchange = flow->exchange;
  (void)ah_h2_conn_let_go(conn, exchange, AH_H2_NO_ERROR);
  ah_exchange_end(exchange, NULL);
}

static void conn_run_free(ah_task *task)
{
  ah_h2_conn *conn = AH_CONTAINER(task, ah_h2_conn, free_task);
  ah_assert(conn->busy == 0);
  ah_h2_session_free(conn->session);
  ah_connection_unref(&conn->base);
}

/* Writes GOAWAY and what else is left, as far as it goes (RFC 9113, section
 * 6.8).  Not from within the session; then the end of the stream must do. */
static void conn_say_goodbye(ah_h2_conn *conn)
{
  uint8_t *room;
  size_t cap;
  size_t len;
  ah_h2_session_shutdown(conn->session, AH_H2_NO_ERROR);
  if (conn->busy > 0 || conn->is_broken) {
    return;
  }
  ah_stream *stream = conn->stream;
  do {
    if (stream->ops->reserve(stream, &room, &cap) != AHTTP_OK) {
      return;
    }
    int rv = ah_h2_session_drain(conn->session, room, cap, &len);
    stream->ops->commit(stream, len);
    if (rv != AHTTP_OK) {
      return;
    }
  } while (len == cap);
  stream->ops->flush(stream);
}

void ah_h2_conn_end(ah_h2_conn *conn, const ahttp_error *early,
                    const ahttp_error *late)
{
  if (conn->state == AH_H2_CONN_CLOSED) {
    return;
  }
  conn_set_state(conn, AH_H2_CONN_CLOSED);
  conn->base.slots = 0;
  conn->base.active = 0;
  conn->submitted = 0;
  ah_loop_undefer(&conn->due_task);
  ah_loop_undefer(&conn->owner_task);
  ah_loop_unmark_dirty(&conn->flusher);
  ah_loop_undefer(&conn->turn_task);
  ah_h2_ping_stop(&conn->ping);
  conn_say_goodbye(conn);
  conn->stream->ops->close(conn->stream);
  ah_loop_defer(conn->base.loop, &conn->free_task);

  ah_list_splice(&conn->starting, &conn->running);
  ah_list_node *node;
  while ((node = ah_list_pop_front(&conn->starting)) != NULL) {
    ah_exchange *exchange = exchange_at(node);
    ah_h2_flow *flow = exchange->stream;
    bool has_head = flow != NULL && flow->stream.is_head_received;
    if (flow != NULL) {
      exchange->stream = NULL;
      ah_h2_flow_close(flow);
    }
    ah_exchange_fail(exchange, has_head ? late : early, false);
  }
  conn->base.owner_ops->on_closed(conn->base.owner, &conn->base);
}

void ah_h2_conn_end_with(ah_h2_conn *conn, const ahttp_error *err)
{
  ah_h2_conn_end(conn, err, err);
}

/* Gives an exchange back that was never submitted: another connection may take
 * it at once. */
static void conn_give_back(ah_h2_conn *conn, ah_exchange *exchange,
                           const char *why)
{
  ahttp_error err;
  ah_error_say(&err, AHTTP_EGOAWAY, AHTTP_PHASE_NONE, "%s", why);
  (void)ah_h2_conn_let_go(conn, exchange, AH_H2_REFUSED_STREAM);
  ah_exchange_fail(exchange, &err, true);
}

void ah_h2_conn_give_back_all(ah_h2_conn *conn, const char *why)
{
  ah_list given;
  ah_list_init(&given);
  ah_list_splice(&given, &conn->starting);
  ah_list_node *node;
  while ((node = ah_list_first(&given)) != NULL) {
    conn_give_back(conn, exchange_at(node), why);
  }
}

void ah_h2_conn_drain(ah_h2_conn *conn, const char *why)
{
  if (conn->state != AH_H2_CONN_OPEN) {
    return;
  }
  conn_set_state(conn, AH_H2_CONN_DRAINING);
  conn->base.draining = true;
  ah_h2_conn_count(conn);
  conn->base.owner_ops->on_draining(conn->base.owner, &conn->base);
  ah_h2_conn_give_back_all(conn, why);
}

static void conn_run_owner(ah_task *task)
{
  ah_h2_conn *conn = AH_CONTAINER(task, ah_h2_conn, owner_task);
  if (conn->state == AH_H2_CONN_DRAINING && conn->base.active == 0) {
    ah_h2_conn_end(conn, NULL, NULL);
    return;
  }
  conn->base.owner_ops->on_slots(conn->base.owner, &conn->base);
}

static void conn_run_turn(ah_task *task)
{
  ah_h2_conn_mark_dirty(AH_CONTAINER(task, ah_h2_conn, turn_task));
}

/* Goes on with the flows whose exchange was resumed or whose body is ready. */
static void conn_run_due(ah_task *task)
{
  ah_h2_conn *conn = AH_CONTAINER(task, ah_h2_conn, due_task);
  ah_list due;
  ah_list_init(&due);
  ah_list_splice(&due, &conn->due);
  ah_list_node *node;
  while ((node = ah_list_pop_front(&due)) != NULL) {
    ah_h2_flow *flow = AH_CONTAINER(node, ah_h2_flow, due_node);
    if (flow->upload.is_ready) {
      ah_h2_session_resume(conn->session, &flow->stream);
      ah_h2_conn_mark_dirty(conn);
    }
    if (ah_buf_len(&flow->held) == 0 || !ah_h2_flow_deliver(flow)) {
      continue;
    }
    if (flow->has_trailers && !ah_exchange_tell_trailers(flow->exchange)) {
      continue;
    }
    if (flow->stream.is_received) {
      ah_h2_conn_finish(conn, flow);
    }
  }
}

static void conn_on_open(void *owner)
{
  (void)owner; /* it was open when it was taken over */
}

static void conn_on_read(void *owner, const uint8_t *data, size_t len)
{
  ah_h2_conn *conn = owner;
  if (ah_h2_ping_hear(&conn->ping)) {
    ah_h2_conn_count(conn);
  }
  conn->busy++;
  int rv = ah_h2_session_feed(conn->session, data, len,
                              ah_loop_now_ns(conn->base.loop));
  conn->busy--;
  if (conn->state == AH_H2_CONN_CLOSED) {
    return;
  }
  if (rv != AHTTP_OK) {
    ah_h2_conn_end_with(conn, ah_h2_session_error(conn->session));
  } else if (ah_h2_session_wants_drain(conn->session)) {
    ah_h2_conn_mark_dirty(conn);
  }
}

/* RFC 9113, section 8.1.1: a response is complete when its stream says so; the
 * end of the connection ends none. */
static void conn_on_end(void *owner, bool clean)
{
  ahttp_error early;
  ahttp_error late;
  const char *how = clean ? "" : " without a TLS closing alert";
  ah_error_say(&early, AHTTP_EDISCONNECTED, AHTTP_PHASE_NONE,
               "the server closed the connection%s before it answered", how);
  ah_error_say(&late, AHTTP_ETRUNCATED, AHTTP_PHASE_NONE,
               "the server closed the connection%s within the response", how);
  ah_h2_conn_end(owner, &early, &late);
}

static void conn_on_error(void *owner, const ahttp_error *err)
{
  ah_h2_conn *conn = owner;
  conn->is_broken = true;
  ah_h2_conn_end_with(conn, err);
}

static void conn_on_drain(void *owner)
{
  ah_h2_conn *conn = owner;
  ah_h2_conn_settle(conn, true);
  ah_h2_conn_mark_dirty(conn);
}

static void conn_on_ping_expired(ah_h2_ping *ping, bool is_silent)
{
  ah_h2_conn *conn = AH_CONTAINER(ping, ah_h2_conn, ping);
  ahttp_error err;
  ah_trace_conn(&conn->base, AHTTP_TRACE_H2_PING_FAILED, ping->id);
  if (!is_silent) {
    ah_h2_conn_count(conn);
    ah_h2_conn_mark_dirty(conn); /* for resets made since */
    return;
  }
  ah_error_say(&err, AHTTP_EREAD, AHTTP_PHASE_NONE,
               "the server did not answer a PING within %d ms", AH_H2_PING_MS);
  ah_h2_conn_end_with(conn, &err);
}

static void conn_start(ah_connection *base, ah_exchange *exchange)
{
  ah_h2_conn *conn = conn_of(base);
  ah_assert(base->slots > 0);
  exchange->conn = base;
  exchange->stream = NULL;
  /* Those before it may all be under way still: only one that is over shows
   * that the connection works. */
  exchange->facts.conn_reused = base->served > base->active;
  base->served++;
  base->active++;
  base->slots--;
  ah_list_push_back(&conn->starting, &exchange->node);
  ah_h2_conn_mark_dirty(conn);
}

static void conn_cancel(ah_connection *base, ah_exchange *exchange, int code)
{
  ah_h2_conn *conn = conn_of(base);
  if (ah_h2_conn_let_go(conn, exchange, AH_H2_CANCEL)) {
    ah_h2_ping_add_reset(&conn->ping, code == AHTTP_ETIMEOUT_READ);
    ah_h2_conn_count(conn);
  }
}

/* Content is kept from the next frame on: the session's events ask. */
static void conn_pause(ah_connection *base, ah_exchange *exchange)
{
  (void)base;
  ah_h2_flow *flow = exchange->stream;
  if (flow != NULL) {
    flow->window.is_fixed = true;
  }
}

static void conn_make_due(ah_h2_conn *conn, ah_h2_flow *flow)
{
  if (!ah_list_is_linked(&flow->due_node)) {
    ah_list_push_back(&conn->due, &flow->due_node);
  }
  ah_loop_defer(conn->base.loop, &conn->due_task);
}

static void conn_resume(ah_connection *base, ah_exchange *exchange)
{
  ah_h2_flow *flow = exchange->stream;
  if (flow != NULL && ah_buf_len(&flow->held) > 0) {
    conn_make_due(conn_of(base), flow);
  }
}

static void conn_credit(ah_connection *base, ah_exchange *exchange, size_t len)
{
  ah_h2_conn *conn = conn_of(base);
  ah_h2_flow *flow = exchange->stream;
  if (flow != NULL) {
    ah_h2_session_consume(conn->session, &flow->stream, len);
    if (ah_h2_flow_take(flow, len)) {
      ah_h2_session_widen(conn->session, &flow->stream, flow->window.bytes);
    }
    if (conn->busy == 0 && ah_h2_session_wants_drain(conn->session)) {
      ah_h2_conn_mark_dirty(conn); /* else who is busy looks afterwards */
    }
  }
}

static void conn_body_ready(ah_connection *base, ah_exchange *exchange)
{
  ah_h2_flow *flow = exchange->stream;
  if (flow != NULL) {
    flow->upload.is_ready = true;
    conn_make_due(conn_of(base), flow);
  }
}

static void conn_close(ah_connection *base, const ahttp_error *err)
{
  ah_h2_conn_end_with(conn_of(base), err);
}

static const ah_connection_ops conn_ops = {
    .name = "h2",
    .start = conn_start,
    .cancel = conn_cancel,
    .pause = conn_pause,
    .resume = conn_resume,
    .credit = conn_credit,
    .body_ready = conn_body_ready,
    .close = conn_close,
};

static const ah_stream_sink conn_sink = {
    .on_open = conn_on_open,
    .on_read = conn_on_read,
    .on_end = conn_on_end,
    .on_error = conn_on_error,
    .on_drain = conn_on_drain,
};

int ah_h2_connection_new(ah_connection **out, ah_stream *stream,
                         uint32_t streams_max)
{
  *out = NULL;
  ah_h2_conn *conn = ah_calloc(1, sizeof(*conn));
  if (conn == NULL ||
      ah_h2_session_new(&conn->session, &ah_h2_conn_events, conn) != AHTTP_OK) {
    ah_free(conn);
    stream->ops->close(stream);
    return AHTTP_ENOMEM;
  }
  ah_connection_init(&conn->base, &conn_ops, stream);
  conn->stream = stream;
  conn->streams_max = streams_max;
  ah_list_init(&conn->starting);
  ah_list_init(&conn->running);
  ah_list_init(&conn->sent);
  ah_list_init(&conn->due);
  conn->flusher.flush = ah_h2_conn_flush;
  conn->due_task.run = conn_run_due;
  conn->owner_task.run = conn_run_owner;
  conn->free_task.run = conn_run_free;
  conn->turn_task.run = conn_run_turn;
  ah_h2_ping_init(&conn->ping, stream->loop, conn_on_ping_expired);
  conn->base.slots = ah_h2_conn_limit(conn);
  ah_stream_set_sink(stream, &conn_sink, conn);
  stream->ops->resume(stream);
  ah_h2_conn_mark_dirty(conn); /* the preface leaves with the first request */
  *out = &conn->base;
  return AHTTP_OK;
}
