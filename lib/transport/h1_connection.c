/* SPDX-License-Identifier: MIT */
/*
 * An HTTP/1.1 connection: one exchange at a time, the next one when both its
 * request and its response are complete.
 *
 * The two sides run independently.  The request side (h1_request) puts head and
 * content into the stream, at the end of the turn and whenever it has drained.
 * The response side (h1_response) gives out what the stream reads.  Here is
 * what connects them: the stream, the exchange, the owner, and the end.
 *
 * A response may end before the request does.  Some statuses mean that the
 * server does not want the rest (ah_status_stops_upload()): no more content is
 * sent, and the connection goes with the exchange.  With the others the server
 * may be answering as it reads, so content goes on; only if some is left at the
 * end of the response is the connection given up.
 *
 * Reading goes on always, for two reasons.  Changing what the loop waits for
 * costs more than anything else here; and an idle connection that is being read
 * notices when the server closes it, or sends what nobody asked for.  Bytes
 * that come while no response is expected, or after the end of one, are never
 * read as the beginning of the next: they are the end of the connection.
 *
 * After a response that switches protocols the stream is handed over.  The
 * connection stays in its owner's books, where it counts for the limits, until
 * whoever took the stream has closed it.
 *
 * The exchange's sink, its content source and the owner may do anything when
 * they are called, such as cancelling the exchange, which closes this
 * connection.  So each such call is the last thing its function does, or its
 * result says whether the exchange is still there.  The memory stays to the end
 * of the turn.
 */
#include "config.h"
#include "transport/connection.h"

#include <stddef.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "transport/h1_request.h"
#include "transport/h1_response.h"

/* What every request touches is in the middle, from the end of |base| to the
 * reader in |response|. */
typedef struct h1_connection {
  ah_connection base;
  bool closed;           /* nobody has it any more; |task| frees it */
  bool slots_due;        /* on_slots is to be told by |task| */
  ah_stream *stream;     /* NULL once closed */
  ah_exchange *exchange; /* NULL: unused */
  ah_flusher flusher;    /* something may be put into the stream */
  ah_h1_request request;
  ah_h1_response response;
  ah_task task;    /* see conn_run() */
  ah_taker *taker; /* has the stream; NULL: nobody does */
} h1_connection;

_Static_assert(offsetof(h1_connection, base) == 0,
               "the last reference frees the block by its base");

static h1_connection *conn_of(ah_connection *base)
{
  return AH_CONTAINER(base, h1_connection, base);
}

/* --- The end of exchanges and of the connection. ------------------------- */

/* Lets go of the exchange, which is then the caller's; NULL if there is none.
 * Nothing can be started yet. */
static ah_exchange *conn_detach(h1_connection *conn)
{
  ah_exchange *exchange = conn->exchange;
  conn->exchange = NULL;
  conn->base.active = 0;
  ah_loop_unmark_dirty(&conn->flusher);
  ah_h1_request_drop(&conn->request);
  ah_h1_response_drop(&conn->response);
  return exchange;
}

/* The stream is needed as long as somebody writes into its room. */
static void conn_close_stream(h1_connection *conn)
{
  if (conn->stream != NULL && !conn->request.reading) {
    conn->stream->ops->close(conn->stream);
    conn->stream = NULL;
  }
}

/*
 * The one way a connection dies; safe to call again.  Its exchange ends with
 * |err|, or well if that is NULL; one that |may_retry| is failed, so that the
 * transport may send it again.
 */
static void conn_die(h1_connection *conn, const ahttp_error *err,
                     bool may_retry)
{
  if (conn->closed) {
    return;
  }
  ah_exchange *exchange = conn_detach(conn);
  conn->closed = true;
  conn->base.slots = 0;
  conn_close_stream(conn);
  ah_loop_defer(conn->base.loop, &conn->task);
  if (exchange != NULL && may_retry) {
    ah_exchange_fail(exchange, err, false);
  } else if (exchange != NULL) {
    ah_exchange_end(exchange, err);
  }
  conn->base.owner_ops->on_closed(conn->base.owner, &conn->base);
}

/* The exchange ends, the connection is ready for the next one. */
static void conn_become_idle(h1_connection *conn, const ahttp_error *err)
{
  ah_exchange *exchange = conn_detach(conn);
  conn->base.slots = 1;
  ah_h1_response_finish(&conn->response);
  ah_exchange_end(exchange, err);
  conn->base.owner_ops->on_slots(conn->base.owner, &conn->base);
}

/* Hands the stream over to the exchange's client, if that wants it. */
static void conn_switch(h1_connection *conn)
{
  ah_exchange *exchange = conn->exchange;
  ah_h1_response *response = &conn->response;
  ah_handover handover = {
      .stream = conn->stream,
      .early = response->held,
      .input_ended = response->input_ended,
      .end_is_clean = response->end_is_clean,
      .conn = &conn->base,
  };
  conn->stream->ops->pause(conn->stream);
  conn->taker = exchange->sink->on_switch(exchange, &handover);
  response->held = handover.early;
  if (conn->taker == NULL) {
    conn_die(conn, NULL, false);
    return;
  }
  conn->stream = NULL;
  (void)conn_detach(conn);
  conn->base.active = 1;
  conn->base.draining = true;
  ah_exchange_end(exchange, NULL);
  conn->base.owner_ops->on_draining(conn->base.owner, &conn->base);
}

/* --- The response. ------------------------------------------------------- */

/* RFC 9112, section 9.3: the connection persists if both messages are complete,
 * the server has not said otherwise, and nothing came after the response. */
static void conn_complete(h1_connection *conn)
{
  const ah_h1_response *response = &conn->response;
  const ah_h1_framing *framing = &response->reader.framing;
  ah_h1_request_state sent = conn->request.state;
  if (framing->switches &&
      (sent == AH_H1_REQUEST_SENT || sent == AH_H1_REQUEST_DRAINING)) {
    conn_switch(conn);
    return;
  }
  bool persists = framing->keep_alive && !response->has_leftover &&
                  !response->input_ended &&
                  conn->request.state == AH_H1_REQUEST_SENT;
  if (!persists) {
    conn_die(conn, NULL, false);
    return;
  }
  conn->base.keep_alive_ms = framing->keep_alive_ms;
  conn_become_idle(conn, NULL);
}

/* After the response side has given something out, with the result |rv|. */
static void conn_take_result(h1_connection *conn, int rv,
                             const ahttp_error *err)
{
  if (rv == AHTTP_OK) {
    conn_complete(conn);
  } else if (rv == AH_MORE) {
    ah_exchange *exchange = conn->exchange;
    if (exchange->times.head != 0 && ah_exchange_drops_content(exchange)) {
      ah_h1_request_stop(&conn->request);
    }
  } else if (rv != AHTTP_ECANCELED) {
    conn_die(conn, err, rv != AHTTP_ENOMEM);
  }
}

/* --- The stream's events. ------------------------------------------------ */

static void conn_on_open(void *owner)
{
  (void)owner; /* it was open when we got it */
}

/* RFC 9112, section 9.2: what comes without a request is no response to the
 * next one.  An exchange that has just been put here goes elsewhere. */
static void conn_refuse_input(h1_connection *conn)
{
  ahttp_error err;
  ah_error_say(&err, AHTTP_EPROTO, AHTTP_PHASE_NONE,
               "the server sent data before the request");
  conn_die(conn, &err, true);
}

static void conn_on_read(void *owner, const uint8_t *data, size_t len)
{
  h1_connection *conn = owner;
  ahttp_error err;
  if (conn->response.state == AH_H1_RESPONSE_NONE) {
    conn_refuse_input(conn);
    return;
  }
  conn_take_result(conn, ah_h1_response_read(&conn->response, data, len, &err),
                   &err);
}

/* The end of the connection in any case; of the response too, if it is framed
 * by that. */
static void conn_on_end(void *owner, bool clean)
{
  h1_connection *conn = owner;
  ahttp_error err;
  if (conn->response.state == AH_H1_RESPONSE_NONE) {
    ah_error_plain(&err, AHTTP_EDISCONNECTED, AHTTP_PHASE_NONE);
    conn_die(conn, &err, true);
    return;
  }
  conn_take_result(conn, ah_h1_response_end(&conn->response, clean, &err),
                   &err);
}

/* What came before the trouble may be a whole response, and wait. */
static void conn_on_error(void *owner, const ahttp_error *err)
{
  h1_connection *conn = owner;
  if (!ah_h1_response_break(&conn->response)) {
    conn_die(conn, err, true);
    return;
  }
  ah_loop_unmark_dirty(&conn->flusher);
  ah_h1_request_stop(&conn->request);
}

/* --- The request. -------------------------------------------------------- */

static void conn_fail_request(h1_connection *conn, int code)
{
  ahttp_error err;
  if (code == AHTTP_ECANCELED) {
    conn_close_stream(conn); /* what conn_die() had to leave */
    return;
  }
  if (conn->request.why == NULL) {
    ah_body_explain(conn->exchange->request.body, &err);
  } else {
    ah_error_say(&err, code, AHTTP_PHASE_NONE, "%s", conn->request.why);
  }
  if (conn->request.state == AH_H1_REQUEST_QUEUED && code != AHTTP_ENOMEM) {
    conn_become_idle(conn, &err); /* the stream has nothing of it */
  } else {
    conn_die(conn, &err, false);
  }
}

/* What the exchange waits for now; then it is told how far the upload is. */
static void conn_settle(h1_connection *conn, bool has_advanced)
{
  if (ah_h1_request_settle(&conn->request)) {
    ah_loop_mark_dirty(conn->base.loop, &conn->flusher);
  }
  if (has_advanced) {
    (void)ah_exchange_tell_upload(conn->exchange);
  }
}

/* Puts into the stream what there is, and has it sent. */
static void conn_send(h1_connection *conn)
{
  ah_exchange *exchange = conn->exchange;
  uint64_t before = exchange->bytes.upload;
  bool is_new = conn->request.state == AH_H1_REQUEST_QUEUED;
  int rv = ah_h1_request_fill(&conn->request);
  if (rv != AHTTP_OK) {
    conn_fail_request(conn, rv);
    return;
  }
  if (is_new) {
    ah_h1_response_start(&conn->response, exchange);
  }
  exchange->facts.written = true;
  conn->stream->ops->flush(conn->stream);
  conn_settle(conn, exchange->bytes.upload > before);
}

static void conn_on_flush(ah_flusher *flusher)
{
  h1_connection *conn = AH_CONTAINER(flusher, h1_connection, flusher);
  ah_assert(conn->exchange != NULL);
  conn_send(conn);
}

static void conn_on_drain(void *owner)
{
  h1_connection *conn = owner;
  if (conn->request.state == AH_H1_REQUEST_CONTENT) {
    conn_send(conn);
  } else if (conn->exchange != NULL) {
    conn_settle(conn, false);
  }
}

/* --- Later in the turn. -------------------------------------------------- */

static void conn_free(h1_connection *conn)
{
  ah_assert(conn->stream == NULL);
  ah_h1_response_clear(&conn->response);
  ah_connection_unref(&conn->base);
}

/* The connection's task: frees it, or tells of a free slot, or goes on with a
 * resumed exchange; whatever is due by now. */
static void conn_run(ah_task *task)
{
  h1_connection *conn = AH_CONTAINER(task, h1_connection, task);
  if (conn->closed) {
    conn_free(conn);
    return;
  }
  if (conn->slots_due) {
    conn->slots_due = false;
    conn->base.owner_ops->on_slots(conn->base.owner, &conn->base);
  }
  if (conn->response.state == AH_H1_RESPONSE_HELD) {
    ahttp_error err;
    conn_take_result(conn, ah_h1_response_replay(&conn->response, &err), &err);
  }
}

/* --- The connection's operations. ---------------------------------------- */

static void conn_start(ah_connection *base, ah_exchange *exchange)
{
  h1_connection *conn = conn_of(base);
  ah_assert(base->slots == 1 && conn->exchange == NULL && !conn->closed);
  base->slots = 0;
  base->active = 1;
  base->served++;
  conn->exchange = exchange;
  exchange->facts.response_started = false;
  ah_h1_request_start(&conn->request, exchange);
  ah_loop_mark_dirty(base->loop, &conn->flusher);
}

static void conn_cancel(ah_connection *base, ah_exchange *exchange, int code)
{
  h1_connection *conn = conn_of(base);
  (void)code; /* there is no way to tell the server but closing */
  ah_assert(exchange == conn->exchange);
  bool is_unsent = conn->request.state == AH_H1_REQUEST_QUEUED;
  (void)conn_detach(conn);
  if (!is_unsent) {
    conn_die(conn, NULL, false);
    return;
  }
  base->slots = 1;
  conn->slots_due = true;
  ah_loop_defer(base->loop, &conn->task);
}

static void conn_pause(ah_connection *base, ah_exchange *exchange)
{
  (void)base; /* the exchange is asked before each event */
  (void)exchange;
}

static void conn_resume(ah_connection *base, ah_exchange *exchange)
{
  h1_connection *conn = conn_of(base);
  (void)exchange;
  if (conn->response.state == AH_H1_RESPONSE_HELD) {
    ah_loop_defer(base->loop, &conn->task);
  }
}

static void conn_credit(ah_connection *base, ah_exchange *exchange, size_t len)
{
  (void)base; /* TCP has windows of its own */
  (void)exchange;
  (void)len;
}

static void conn_body_ready(ah_connection *base, ah_exchange *exchange)
{
  h1_connection *conn = conn_of(base);
  (void)exchange;
  if (ah_h1_request_wake(&conn->request)) {
    ah_loop_mark_dirty(base->loop, &conn->flusher);
  }
}

static void conn_close(ah_connection *base, const ahttp_error *err)
{
  h1_connection *conn = conn_of(base);
  if (conn->taker != NULL) {
    conn->taker->lost(conn->taker, err);
  } else {
    conn_die(conn, err, true);
  }
}

static void conn_release(ah_connection *base)
{
  h1_connection *conn = conn_of(base);
  ah_assert(conn->taker != NULL);
  conn->taker = NULL;
  conn_die(conn, NULL, false);
}

static const ah_connection_ops h1_ops = {
    .name = "h1",
    .start = conn_start,
    .cancel = conn_cancel,
    .pause = conn_pause,
    .resume = conn_resume,
    .credit = conn_credit,
    .body_ready = conn_body_ready,
    .close = conn_close,
    .release = conn_release,
};

static const ah_stream_sink h1_sink = {
    .on_open = conn_on_open,
    .on_read = conn_on_read,
    .on_end = conn_on_end,
    .on_error = conn_on_error,
    .on_drain = conn_on_drain,
};

int ah_h1_connection_new(ah_connection **out, ah_stream *stream)
{
  *out = NULL;
  h1_connection *conn = ah_calloc(1, sizeof(*conn));
  if (conn == NULL) {
    stream->ops->close(stream);
    return AHTTP_ENOMEM;
  }
  ah_connection_init(&conn->base, &h1_ops, stream);
  conn->base.slots = 1;
  conn->stream = stream;
  conn->flusher.flush = conn_on_flush;
  conn->task.run = conn_run;
  ah_h1_request_init(&conn->request, stream);
  ah_h1_response_init(&conn->response, stream);
  ah_stream_set_sink(stream, &h1_sink, conn);
  stream->ops->resume(stream);
  *out = &conn->base;
  return AHTTP_OK;
}
