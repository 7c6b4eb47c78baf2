/* SPDX-License-Identifier: MIT */
/*
 * The loop's side of a raw stream, and what users do with it at once.
 *
 * What is asked of a stream, from whatever thread, only changes members under
 * the lock and pokes the task, which runs on the loop's thread and does all
 * that is due: give |raw| what was sent, give out what came early, read on or
 * not, tell of the end or an error, or close.  So nothing is told from within a
 * call of the user's, and a stream that has not got its connection yet behaves
 * like one whose peer is slow.
 *
 * Handlers are called without the lock, with a reference held; whether the user
 * has closed or paused the stream meanwhile is asked again afterwards.
 */
#include "config.h"

#include "client/raw_stream.h"

#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "client/call.h"
#include "client/client.h"

/* --- References. ------------------------------------------------------------
 */

static void stream_ref(ahttp_stream *stream)
{
  atomic_fetch_add_explicit(&stream->refs, 1, memory_order_relaxed);
}

static void stream_unref(ahttp_stream *stream)
{
  unsigned before =
      atomic_fetch_sub_explicit(&stream->refs, 1, memory_order_acq_rel);
  ah_assert(before > 0);
  if (before > 1) {
    return;
  }
  ah_assert(stream->raw == NULL);
  ah_buf_clear(&stream->early);
  ah_buf_clear(&stream->in);
  ah_buf_clear(&stream->out);
  uv_mutex_destroy(&stream->lock);
  ah_driver_unref(stream->driver);
  ah_free(stream);
}

static void stream_schedule(ahttp_stream *stream)
{
  if (!ah_list_is_linked(&stream->task.node)) {
    stream_ref(stream);
    ah_loop_defer(stream->loop, &stream->task);
  }
}

void ah_raw_stream_poke(ahttp_stream *stream)
{
  if (ah_driver_may_act(stream->driver)) {
    stream_schedule(stream);
    return;
  }
  stream_ref(stream);
  if (ah_driver_post(stream->driver, &stream->letter) != AHTTP_OK) {
    stream_unref(stream); /* it is on its way already, or there is no loop */
  }
}

/* --- Losing the connection. -------------------------------------------------
 */

/* The caller has a reference. */
static void stream_drop_raw(ahttp_stream *stream)
{
  if (stream->raw == NULL) {
    return;
  }
  ah_connection *conn = stream->conn;
  stream->raw->ops->close(stream->raw);
  stream->raw = NULL;
  stream->conn = NULL;
  ah_buf_clear(&stream->early);
  conn->ops->release(conn);
  ah_loop_drop(stream->loop);
  stream_unref(stream); /* |raw|'s */
}

/* The one way a stream breaks; the first error wins.  It is told by the task.
 * The caller has a reference. */
static void stream_break(ahttp_stream *stream, const ahttp_error *err)
{
  uv_mutex_lock(&stream->lock);
  if (stream->error.code == AHTTP_OK) {
    stream->error = *err;
  }
  uv_mutex_unlock(&stream->lock);
  ah_driver_set(stream->driver, &stream->news);
  ah_driver_set(stream->driver, &stream->drained);
  stream_schedule(stream);
  stream_drop_raw(stream);
}

/* --- The user's handlers, one wrapper each. ---------------------------------
 */

/* What may be told: nothing once the user has closed the stream, nor before it
 * was started. */
static bool stream_get_handlers(ahttp_stream *stream,
                                ahttp_stream_handlers *handlers)
{
  uv_mutex_lock(&stream->lock);
  bool may_tell = stream->is_started && !stream->is_closing;
  *handlers = stream->handlers;
  uv_mutex_unlock(&stream->lock);
  return may_tell;
}

static void stream_call_on_read(ahttp_stream *stream, const uint8_t *data,
                                size_t len)
{
  ahttp_stream_handlers handlers;
  if (stream_get_handlers(stream, &handlers) && handlers.on_read != NULL) {
    handlers.on_read(stream, data, len, stream->user_data);
  }
}

static void stream_call_on_end(ahttp_stream *stream)
{
  ahttp_stream_handlers handlers;
  if (stream_get_handlers(stream, &handlers) && handlers.on_end != NULL) {
    handlers.on_end(stream, stream->user_data);
  }
}

static void stream_call_on_drain(ahttp_stream *stream)
{
  ahttp_stream_handlers handlers;
  if (stream_get_handlers(stream, &handlers) && handlers.on_drain != NULL) {
    handlers.on_drain(stream, stream->user_data);
  }
}

static void stream_call_on_error(ahttp_stream *stream)
{
  ahttp_stream_handlers handlers;
  if (stream->error_told || stream->error.code == AHTTP_OK ||
      !stream_get_handlers(stream, &handlers)) {
    return;
  }
  stream->error_told = true;
  if (handlers.on_error != NULL) {
    handlers.on_error(stream, &stream->error, stream->user_data);
  }
}

/* --- Reading. ----------------------------------------------------------------
 */

static bool stream_wants_input(ahttp_stream *stream)
{
  uv_mutex_lock(&stream->lock);
  bool wants =
      stream->is_started
          ? !stream->is_paused
          : stream->is_waited && ah_buf_len(&stream->in) < AH_RAW_IN_BYTES_MAX;
  wants = wants && !stream->is_closing;
  uv_mutex_unlock(&stream->lock);
  return wants;
}

/* Gives bytes to the handler, or keeps them for a thread. */
static void stream_give(ahttp_stream *stream, const uint8_t *data, size_t len)
{
  int rv = AHTTP_OK;
  uv_mutex_lock(&stream->lock);
  bool is_waited = stream->is_waited && !stream->is_closing;
  if (is_waited) {
    rv = ah_buf_append(&stream->in, data, len);
  }
  uv_mutex_unlock(&stream->lock);
  if (rv != AHTTP_OK) {
    ahttp_error err;
    ah_error_plain(&err, rv, AHTTP_PHASE_RECEIVE);
    stream_break(stream, &err);
  } else if (is_waited) {
    ah_driver_set(stream->driver, &stream->news);
  } else {
    stream_call_on_read(stream, data, len);
  }
}

/* RFC 8446, section 6.1: an end without TLS's closing alert may be anyone's. */
static void stream_tell_end(ahttp_stream *stream)
{
  ahttp_error err;
  stream->end_told = true;
  if (!stream->end_is_clean) {
    ah_error_say(&err, AHTTP_ETRUNCATED, AHTTP_PHASE_RECEIVE,
                 "the server closed the connection without a TLS closing "
                 "alert");
    stream_break(stream, &err);
    return;
  }
  uv_mutex_lock(&stream->lock);
  stream->is_ended = true;
  uv_mutex_unlock(&stream->lock);
  ah_driver_set(stream->driver, &stream->news);
  stream_call_on_end(stream);
}

/* Gives out what waits, then reads on if somebody wants to read. */
static void stream_read_on(ahttp_stream *stream)
{
  if (stream->raw != NULL && ah_buf_len(&stream->early) > 0 &&
      stream_wants_input(stream)) {
    ah_buf early = stream->early;
    ah_buf_init(&stream->early, SIZE_MAX);
    stream_give(stream, ah_buf_bytes(&early), ah_buf_len(&early));
    ah_buf_clear(&early);
  }
  if (stream->raw == NULL) {
    return;
  }
  bool wants = ah_buf_len(&stream->early) == 0 && stream_wants_input(stream);
  if (stream->input_ended) {
    if (wants && !stream->end_told) {
      stream_tell_end(stream);
    }
    return;
  }
  if (wants != stream->is_reading) {
    stream->is_reading = wants;
    if (wants) {
      stream->raw->ops->resume(stream->raw);
    } else {
      stream->raw->ops->pause(stream->raw);
    }
  }
}

/* --- Writing. ----------------------------------------------------------------
 */

static void stream_tell_drained(ahttp_stream *stream)
{
  stream->is_sending = false;
  uv_mutex_lock(&stream->lock);
  bool is_all = ah_buf_len(&stream->out) == 0;
  stream->is_unsent = !is_all;
  uv_mutex_unlock(&stream->lock);
  if (is_all) {
    ah_driver_set(stream->driver, &stream->drained);
    stream_call_on_drain(stream);
  }
}

/* Gives |raw| what was sent. */
static void stream_send_out(ahttp_stream *stream)
{
  ah_stream *raw = stream->raw;
  uv_mutex_lock(&stream->lock);
  ah_buf out = stream->out;
  ah_buf_init(&stream->out, AH_RAW_OUT_BYTES_MAX);
  uv_mutex_unlock(&stream->lock);
  if (ah_buf_len(&out) > 0) {
    stream->is_sending = true;
    int rv = ah_stream_write(raw, ah_buf_bytes(&out), ah_buf_len(&out));
    ah_buf_clear(&out);
    if (rv != AHTTP_OK) {
      ahttp_error err;
      ah_error_plain(&err, rv, AHTTP_PHASE_SEND);
      stream_break(stream, &err);
      return;
    }
    raw->ops->flush(raw);
  }
  if (stream->is_sending && raw->ops->queued(raw) == 0) {
    stream_tell_drained(stream);
  }
}

/* --- What is due. ------------------------------------------------------------
 */

static bool stream_is_closing(ahttp_stream *stream)
{
  uv_mutex_lock(&stream->lock);
  bool is_closing = stream->is_closing;
  uv_mutex_unlock(&stream->lock);
  return is_closing;
}

static void stream_run(ah_task *task)
{
  ahttp_stream *stream = AH_CONTAINER(task, ahttp_stream, task);
  if (stream->raw != NULL) {
    stream_send_out(stream);
  }
  if (stream_is_closing(stream)) {
    stream_drop_raw(stream);
  } else {
    stream_read_on(stream);
    stream_call_on_error(stream);
  }
  stream_unref(stream); /* the task's */
}

/* At once: when the loop is being closed there is no later. */
static void stream_on_letter(ah_letter *letter)
{
  ahttp_stream *stream = AH_CONTAINER(letter, ahttp_stream, letter);
  stream_run(&stream->task); /* with the letter's reference */
}

/* --- The events of |raw|. ----------------------------------------------------
 */

static void raw_on_open(void *owner)
{
  (void)owner; /* it was open when it was handed over */
}

static void raw_on_read(void *owner, const uint8_t *data, size_t len)
{
  ahttp_stream *stream = owner;
  stream_ref(stream);
  stream_give(stream, data, len);
  stream_read_on(stream);
  stream_unref(stream);
}

static void raw_on_end(void *owner, bool clean)
{
  ahttp_stream *stream = owner;
  stream_ref(stream);
  stream->input_ended = true;
  stream->end_is_clean = clean;
  stream_read_on(stream);
  stream_unref(stream);
}

static void raw_on_error(void *owner, const ahttp_error *err)
{
  ahttp_stream *stream = owner;
  stream_ref(stream);
  stream_break(stream, err);
  stream_unref(stream);
}

static void raw_on_drain(void *owner)
{
  ahttp_stream *stream = owner;
  stream_ref(stream);
  if (stream->is_sending) {
    stream_tell_drained(stream);
  }
  stream_unref(stream);
}

static const ah_stream_sink raw_sink = {
    .on_open = raw_on_open,
    .on_read = raw_on_read,
    .on_end = raw_on_end,
    .on_error = raw_on_error,
    .on_drain = raw_on_drain,
};

static void stream_on_lost(ah_taker *taker, const ahttp_error *err)
{
  raw_on_error(AH_CONTAINER(taker, ahttp_stream, taker), err);
}

/* --- For the call.
 * ------------------------------------------------------------
 */

int ah_raw_stream_new(ahttp_stream **out, ahttp_call *call)
{
  *out = NULL;
  ahttp_stream *stream = ah_calloc(1, sizeof(*stream));
  if (stream == NULL) {
    return AHTTP_ENOMEM;
  }
  if (uv_mutex_init(&stream->lock) != 0) {
    ah_free(stream);
    return AHTTP_ENOMEM;
  }
  atomic_init(&stream->refs, 2);
  stream->driver = ah_driver_ref(call->driver);
  stream->loop = call->loop;
  stream->letter.run = stream_on_letter;
  stream->task.run = stream_run;
  stream->taker.lost = stream_on_lost;
  ah_buf_init(&stream->early, SIZE_MAX);
  ah_buf_init(&stream->in, SIZE_MAX);
  ah_buf_init(&stream->out, AH_RAW_OUT_BYTES_MAX);
  ah_latch_init(&stream->news);
  ah_latch_init(&stream->drained);
  *out = stream;
  return AHTTP_OK;
}

ah_taker *ah_raw_stream_attach(ahttp_stream *stream, ah_handover *handover)
{
  ah_assert(!stream->was_attached);
  stream->was_attached = true;
  stream->raw = handover->stream;
  stream->conn = handover->conn;
  stream->early = handover->early;
  ah_buf_init(&handover->early, 0);
  stream->input_ended = handover->input_ended;
  stream->end_is_clean = handover->end_is_clean;
  ah_stream_set_sink(stream->raw, &raw_sink, stream);
  stream_ref(stream); /* |raw|'s */
  ah_loop_hold(stream->loop);
  stream_schedule(stream);
  return &stream->taker;
}

void ah_raw_stream_end_call(ahttp_stream *stream, const ahttp_error *err)
{
  if (!stream->was_attached) {
    ahttp_error closed;
    ah_error_plain(&closed, AHTTP_ECLOSED, AHTTP_PHASE_RECEIVE);
    stream_break(stream, err == NULL ? &closed : err);
  }
  stream_unref(stream);
}

/* --- For the user.
 * ------------------------------------------------------------
 */

ahttp_stream *ahttp_call_take_stream(ahttp_call *call)
{
  return atomic_exchange(&call->untaken, NULL);
}

ahttp_stream *ahttp_response_take_stream(ahttp_response *response)
{
  return ahttp_call_take_stream(response->call);
}

void ahttp_stream_close(ahttp_stream *stream)
{
  if (stream == NULL) {
    return;
  }
  uv_mutex_lock(&stream->lock);
  stream->is_closing = true;
  uv_mutex_unlock(&stream->lock);
  ah_raw_stream_poke(stream);
  stream_unref(stream);
}

int ahttp_stream_start(ahttp_stream *stream,
                       const ahttp_stream_handlers *handlers, void *user_data)
{
  ahttp_stream_handlers own;
  int rv = ah_opts_copy(&own, sizeof(own), handlers);
  if (rv != AHTTP_OK) {
    return rv;
  }
  uv_mutex_lock(&stream->lock);
  if (stream->is_started || stream->is_waited) {
    rv = AHTTP_ESTATE;
  } else {
    stream->is_started = true;
    stream->handlers = own;
    stream->user_data = user_data;
  }
  uv_mutex_unlock(&stream->lock);
  if (rv == AHTTP_OK) {
    ah_raw_stream_poke(stream);
  }
  return rv;
}

static void stream_set_paused(ahttp_stream *stream, bool is_paused)
{
  uv_mutex_lock(&stream->lock);
  stream->is_paused = is_paused;
  uv_mutex_unlock(&stream->lock);
  ah_raw_stream_poke(stream);
}

void ahttp_stream_pause(ahttp_stream *stream)
{
  stream_set_paused(stream, true);
}

void ahttp_stream_resume(ahttp_stream *stream)
{
  stream_set_paused(stream, false);
}

int ahttp_stream_send(ahttp_stream *stream, const void *data, size_t len)
{
  uv_mutex_lock(&stream->lock);
  int rv = stream->error.code;
  if (rv == AHTTP_OK && len > 0) {
    rv = ah_buf_append(&stream->out, data, len);
    stream->is_unsent = stream->is_unsent || rv == AHTTP_OK;
  }
  uv_mutex_unlock(&stream->lock);
  if (rv == AHTTP_OK && len > 0) {
    ah_raw_stream_poke(stream);
  }
  return rv;
}
