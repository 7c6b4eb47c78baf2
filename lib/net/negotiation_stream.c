/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "net/negotiation_stream.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "net/loop.h"

/*
 * Until the tunnel is there the filter reads and writes for its negotiator;
 * then it only passes on.  What arrived together with the last of the proxy's
 * answer is the tunnel's first bytes: they are kept in |rest|, and the stream
 * below stays paused until the sink has taken them.
 */
typedef enum negotiation_state {
  NEGOTIATION_TALKING, /* |negotiator| is set; on_open has not run */
  NEGOTIATION_OPEN,    /* on_open has run, or is running */
  NEGOTIATION_FAILED,  /* on_error has run */
  NEGOTIATION_CLOSED   /* only the task is left, which frees it */
} negotiation_state;

typedef struct negotiation {
  ah_stream stream;
  ah_stream *below;          /* owned; NULL when closed */
  ah_negotiator *negotiator; /* owned; NULL when it is over */
  ah_negotiation_opts opts;
  ah_task task; /* gives |rest| out, or frees */
  negotiation_state state;
  bool paused;
  ah_buf rest; /* out of the tunnel, not given out yet */
} negotiation;

#define TO(state) (1u << NEGOTIATION_##state)
static const unsigned negotiation_edges[] = {
    [NEGOTIATION_TALKING] = TO(OPEN) | TO(FAILED) | TO(CLOSED),
    [NEGOTIATION_OPEN] = TO(FAILED) | TO(CLOSED),
    [NEGOTIATION_FAILED] = TO(CLOSED),
    [NEGOTIATION_CLOSED] = 0,
};
#undef TO

static void negotiation_set_state(negotiation *self, negotiation_state next)
{
  ah_assert((negotiation_edges[self->state] & (1u << next)) != 0);
  self->state = next;
}

static negotiation *negotiation_from(ah_stream *stream)
{
  return AH_CONTAINER(stream, negotiation, stream);
}

static const negotiation *negotiation_from_const(const ah_stream *stream)
{
  return (const negotiation *)(const void *)stream;
}

static void negotiation_free_negotiator(negotiation *self)
{
  if (self->negotiator != NULL) {
    self->negotiator->ops->free(self->negotiator);
    self->negotiator = NULL;
  }
}

/* The one way it fails; from the loop only. */
static void negotiation_fail(negotiation *self, const ahttp_error *err)
{
  negotiation_set_state(self, NEGOTIATION_FAILED);
  self->stream.sink->on_error(self->stream.owner, err);
}

/* Sends what the negotiator has said.  AHTTP_OK or AHTTP_ENOMEM. */
static int negotiation_send(negotiation *self, const ah_buf *said)
{
  if (ah_buf_len(said) == 0) {
    return AHTTP_OK;
  }
  int rv = ah_stream_write(self->below, ah_buf_bytes(said), ah_buf_len(said));
  if (rv == AHTTP_OK) {
    self->below->ops->flush(self->below);
  }
  return rv;
}

/* Gives out what came with the proxy's answer.  The stream may be closed
 * afterwards. */
static void negotiation_give_rest(negotiation *self)
{
  if (self->state != NEGOTIATION_OPEN || self->paused) {
    return;
  }
  if (ah_buf_len(&self->rest) > 0) {
    ah_buf rest = self->rest;
    ah_buf_init(&self->rest, rest.max);
    self->stream.sink->on_read(self->stream.owner, ah_buf_bytes(&rest),
                               ah_buf_len(&rest));
    ah_buf_clear(&rest);
  }
  if (self->state == NEGOTIATION_OPEN && !self->paused) {
    self->below->ops->resume(self->below);
  }
}

/* The tunnel is there, and |len| bytes have come out of it. */
static void negotiation_open(negotiation *self, const uint8_t *data, size_t len)
{
  ahttp_error err;
  if (len > 0 && self->opts.client_speaks_first) {
    ah_error_say(&err, AHTTP_EPROTO, AHTTP_PHASE_CONNECT,
                 "bytes came out of the proxy's tunnel before any went in");
    negotiation_fail(self, &err);
    return;
  }
  int rv = len == 0 ? AHTTP_OK : ah_buf_append(&self->rest, data, len);
  if (rv != AHTTP_OK) {
    ah_error_plain(&err, rv, AHTTP_PHASE_CONNECT);
    negotiation_fail(self, &err);
    return;
  }
  negotiation_free_negotiator(self);
  negotiation_set_state(self, NEGOTIATION_OPEN);
  self->below->ops->pause(self->below);
  self->stream.sink->on_open(self->stream.owner);
  negotiation_give_rest(self);
}

static void negotiation_talk(negotiation *self, const uint8_t *data, size_t len)
{
  ah_buf said;
  ah_buf_init(&said, AH_NEGOTIATION_OUT_BYTES_MAX);
  ahttp_error err;
  size_t consumed = 0;
  int rv = self->negotiator->ops->read(self->negotiator, data, len, &consumed,
                                       &said, &err);
  ah_assert(consumed <= len);
  if (rv >= 0) {
    int sent = negotiation_send(self, &said);
    if (sent != AHTTP_OK) {
      ah_error_plain(&err, sent, AHTTP_PHASE_CONNECT);
      rv = sent;
    }
  }
  ah_buf_clear(&said);
  if (rv < 0) {
    negotiation_fail(self, &err);
  } else if (rv == AHTTP_OK) {
    negotiation_open(self, data + consumed, len - consumed);
  }
}

static void negotiation_on_below_open(void *owner)
{
  (void)owner; /* it was open when it was handed over */
}

static void negotiation_on_below_read(void *owner, const uint8_t *data,
                                      size_t len)
{
  negotiation *self = owner;
  if (self->state == NEGOTIATION_TALKING) {
    negotiation_talk(self, data, len);
    return;
  }
  if (self->state != NEGOTIATION_OPEN) {
    return;
  }
  ah_assert(ah_buf_len(&self->rest) == 0);
  self->stream.sink->on_read(self->stream.owner, data, len);
}

static void negotiation_on_below_end(void *owner, bool clean)
{
  negotiation *self = owner;
  if (self->state == NEGOTIATION_TALKING) {
    ahttp_error err;
    self->negotiator->ops->end(self->negotiator, &err);
    negotiation_fail(self, &err);
  } else if (self->state == NEGOTIATION_OPEN) {
    self->stream.sink->on_end(self->stream.owner, clean);
  }
}

static void negotiation_on_below_error(void *owner, const ahttp_error *err)
{
  negotiation *self = owner;
  if (self->state < NEGOTIATION_FAILED) {
    negotiation_fail(self, err);
  }
}

static void negotiation_on_below_drain(void *owner)
{
  negotiation *self = owner;
  if (self->state == NEGOTIATION_OPEN) {
    self->stream.sink->on_drain(self->stream.owner);
  }
}

static const ah_stream_sink negotiation_below_sink = {
    .on_open = negotiation_on_below_open,
    .on_read = negotiation_on_below_read,
    .on_end = negotiation_on_below_end,
    .on_error = negotiation_on_below_error,
    .on_drain = negotiation_on_below_drain,
};

static int negotiation_reserve(ah_stream *stream, uint8_t **ptr, size_t *cap)
{
  negotiation *self = negotiation_from(stream);
  ah_assert(self->state == NEGOTIATION_OPEN ||
            self->state == NEGOTIATION_FAILED);
  return self->below->ops->reserve(self->below, ptr, cap);
}

static void negotiation_commit(ah_stream *stream, size_t len)
{
  negotiation *self = negotiation_from(stream);
  self->below->ops->commit(self->below, len);
}

static void negotiation_flush(ah_stream *stream)
{
  negotiation *self = negotiation_from(stream);
  self->below->ops->flush(self->below);
}

static size_t negotiation_queued(const ah_stream *stream)
{
  const negotiation *self = negotiation_from_const(stream);
  return self->below->ops->queued(self->below);
}

static void negotiation_pause(ah_stream *stream)
{
  negotiation *self = negotiation_from(stream);
  if (!self->paused) {
    self->paused = true;
    self->below->ops->pause(self->below);
  }
}

static void negotiation_resume(ah_stream *stream)
{
  negotiation *self = negotiation_from(stream);
  if (!self->paused) {
    return;
  }
  self->paused = false;
  if (ah_buf_len(&self->rest) > 0) {
    ah_loop_defer(stream->loop, &self->task);
  } else {
    self->below->ops->resume(self->below);
  }
}

static void negotiation_info(const ah_stream *stream, ah_stream_info *info)
{
  const negotiation *self = negotiation_from_const(stream);
  self->below->ops->info(self->below, info);
  /* What was agreed on with the proxy says nothing of the other end. */
  info->alpn = (ahttp_str){NULL, 0};
  info->tls_version = NULL;
  info->tls_cipher = NULL;
  info->tls_resumed = false;
  info->tls = NULL;
}

static void negotiation_free(negotiation *self)
{
  negotiation_free_negotiator(self);
  ah_loop_undefer(&self->task);
  ah_buf_clear(&self->rest);
  ah_free(self);
}

static void negotiation_close(ah_stream *stream)
{
  negotiation *self = negotiation_from(stream);
  negotiation_set_state(self, NEGOTIATION_CLOSED);
  self->below->ops->close(self->below);
  self->below = NULL;
  ah_loop_defer(stream->loop, &self->task);
}

/* Runs at the end of a turn, no caller on the stack. */
static void negotiation_run(ah_task *task)
{
  negotiation *self = AH_CONTAINER(task, negotiation, task);
  if (self->state == NEGOTIATION_CLOSED) {
    negotiation_free(self);
    return;
  }
  negotiation_give_rest(self);
}

static const ah_stream_ops negotiation_ops = {
    .name = "negotiation",
    .reserve = negotiation_reserve,
    .commit = negotiation_commit,
    .flush = negotiation_flush,
    .queued = negotiation_queued,
    .pause = negotiation_pause,
    .resume = negotiation_resume,
    .info = negotiation_info,
    .close = negotiation_close,
};

/* Has the negotiator say its first words. */
static int negotiation_begin(negotiation *self, ahttp_error *err)
{
  ah_buf said;
  ah_buf_init(&said, AH_NEGOTIATION_OUT_BYTES_MAX);
  int rv = self->negotiator->ops->begin(self->negotiator, &said, err);
  if (rv == AHTTP_OK) {
    rv = negotiation_send(self, &said);
    if (rv != AHTTP_OK) {
      ah_error_plain(err, rv, AHTTP_PHASE_CONNECT);
    }
  }
  ah_buf_clear(&said);
  return rv;
}

int ah_negotiation_stream_new(ah_stream **out, ah_stream *below,
                              ah_negotiator *negotiator,
                              const ah_negotiation_opts *opts, ahttp_error *err)
{
  *out = NULL;
  negotiation *self = ah_calloc(1, sizeof(*self));
  if (self == NULL) {
    below->ops->close(below);
    negotiator->ops->free(negotiator);
    ah_error_plain(err, AHTTP_ENOMEM, AHTTP_PHASE_CONNECT);
    return AHTTP_ENOMEM;
  }
  self->stream = (ah_stream){
      .ops = &negotiation_ops, .loop = below->loop, .counts = below->counts};
  self->below = below;
  self->negotiator = negotiator;
  self->opts = *opts;
  self->task.run = negotiation_run;
  self->paused = true;
  ah_buf_init(&self->rest, AH_LOOP_BULK_BYTES);
  ah_stream_set_sink(below, &negotiation_below_sink, self);
  below->ops->pause(below);
  int rv = negotiation_begin(self, err);
  if (rv != AHTTP_OK) {
    below->ops->close(below);
    negotiation_free(self);
    return rv;
  }
  *out = &self->stream;
  return AHTTP_OK;
}
