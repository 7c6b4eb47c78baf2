/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "base/error.h"
#include "transport/h2_connection_internal.h"
#include "transport/hop_trace.h"

enum {
  /* Bytes that may wait for the kernel before no more frames are made: enough
   * for one large write, little enough for a cancel to take effect soon.  More
   * than 64 KiB, so that the default window with its frame heads does not leave
   * in two. */
  OUT_BYTES_MAX = 80 * 1024,
  /* Writes of one turn, when the kernel takes everything at once: 1 to 2 MB,
   * then others have their turn. */
  OUT_ROUNDS_MAX = 16
};

/* Puts the frames for |exchange| into the session. */
static int conn_submit(ah_h2_conn *conn, ah_exchange *exchange)
{
  ah_h2_flow *flow;
  int rv = ah_h2_flow_new(&flow, exchange);
  if (rv != AHTTP_OK) {
    return rv;
  }
  ah_trace_step(exchange, AH_STEP_SEND_HEADERS);
  rv = ah_h2_session_submit(conn->session, &flow->stream, &exchange->request,
                            ah_h2_flow_has_content(flow));
  if (rv != AHTTP_OK) {
    return rv;
  }
  ah_list_remove(&exchange->node);
  ah_list_push_back(&conn->running, &exchange->node);
  exchange->stream = flow;
  exchange->stream_id = flow->stream.id;
  conn->submitted++;
  return AHTTP_OK;
}

/* Submits what was started.  The limit is asked again: it may have become less
 * since, and nghttp2 would keep what is over the server's to itself. */
static void conn_submit_all(ah_h2_conn *conn)
{
  ah_list_node *node;
  while (conn->state == AH_H2_CONN_OPEN &&
         (node = ah_list_first(&conn->starting)) != NULL) {
    ah_exchange *exchange = AH_CONTAINER(node, ah_exchange, node);
    if (conn->submitted + ah_h2_ping_held(&conn->ping) >=
        ah_h2_conn_limit(conn)) {
      ah_h2_conn_give_back_all(
          conn, "the connection takes fewer streams than before");
      return;
    }
    int rv = conn_submit(conn, exchange);
    if (rv == AHTTP_ESTATE) {
      ah_h2_conn_drain(conn, "the connection takes no more requests");
    } else if (rv != AHTTP_OK) {
      ah_h2_conn_end_exchange(conn, exchange, rv);
    }
  }
}

/* Moves frames into the stream until there are none or enough wait.  False if
 * the connection has ended over it. */
static bool conn_fill(ah_h2_conn *conn)
{
  ah_stream *stream = conn->stream;
  while (stream->ops->queued(stream) < OUT_BYTES_MAX) {
    uint8_t *room;
    size_t cap;
    size_t len;
    int rv = stream->ops->reserve(stream, &room, &cap);
    if (rv == AHTTP_OK) {
      conn->busy++;
      rv = ah_h2_session_drain(conn->session, room, cap, &len);
      conn->busy--;
      if (conn->state == AH_H2_CONN_CLOSED) {
        return false;
      }
      stream->ops->commit(stream, len);
      conn->out += len;
    }
    if (rv != AHTTP_OK) {
      ahttp_error err;
      ah_error_plain(&err, rv, AHTTP_PHASE_NONE);
      ah_h2_conn_end_with(conn, &err);
      return false;
    }
    if (len == cap) {
      continue;
    }
    if (!ah_h2_ping_is_due(&conn->ping)) {
      break;
    }
    /* After the resets it is to vouch for. */
    ah_h2_session_ping(conn->session, ah_h2_ping_start(&conn->ping));
    ah_trace_conn(&conn->base, AHTTP_TRACE_H2_PING_STARTED, conn->ping.id);
  }
  return true;
}

void ah_h2_conn_settle(ah_h2_conn *conn, bool is_written)
{
  /* Over TLS more bytes may be queued than were given: then the kernel has at
   * least what this says. */
  size_t queued = conn->stream->ops->queued(conn->stream);
  uint64_t taken = queued < conn->out ? conn->out - queued : 0;
  ah_list sent;
  ah_list_init(&sent);
  ah_list_splice(&sent, &conn->sent);
  ah_list_node *node;
  while ((node = ah_list_pop_front(&sent)) != NULL) {
    ah_h2_flow *flow = AH_CONTAINER(node, ah_h2_flow, sent_node);
    if (is_written) {
      flow->exchange->facts.written = true;
    }
    bool has_progress = ah_h2_flow_settle(flow, conn->out, taken);
    if (flow->is_marked) {
      ah_list_push_back(&conn->sent, node);
    }
    if (has_progress) {
      ah_h2_flow_tell_upload(flow);
    }
  }
}

/* One write of what the session has.  True if the kernel took it all and there
 * may be more. */
static bool conn_write(ah_h2_conn *conn)
{
  ah_stream *stream = conn->stream;
  if (!conn_fill(conn)) {
    return false;
  }
  size_t before = stream->ops->queued(stream);
  if (before > 0) {
    stream->ops->flush(stream);
  }
  size_t after = stream->ops->queued(stream);
  ah_h2_conn_settle(conn, after < before);
  return conn->state != AH_H2_CONN_CLOSED && before > 0 && after == 0 &&
         ah_h2_session_wants_drain(conn->session);
}

void ah_h2_conn_flush(ah_flusher *flusher)
{
  ah_h2_conn *conn = AH_CONTAINER(flusher, ah_h2_conn, flusher);
  if (conn->out == 0) {
    ah_trace_conn(&conn->base, AHTTP_TRACE_H2_SEND_INIT, 0);
  }
  conn_submit_all(conn);
  bool has_more = true;
  for (int i = 0; has_more && i < OUT_ROUNDS_MAX; i++) {
    has_more = conn_write(conn);
  }
  if (conn->state == AH_H2_CONN_CLOSED) {
    return;
  }
  const ahttp_error *err = ah_h2_session_error(conn->session);
  if (err != NULL) {
    ah_h2_conn_end_with(conn, err);
  } else if (has_more) {
    ah_loop_defer_turn(conn->base.loop, &conn->turn_task);
  }
}
