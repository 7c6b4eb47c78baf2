/* SPDX-License-Identifier: MIT */
/*
 * TLS as a filter on another stream.
 *
 * In.  Bytes from below are read where they are: the BIO's slice points at them
 * while they are decrypted, record by record, into the loop's plain buffer, and
 * the sink is given that.  OpenSSL takes parts of records as they come, so the
 * slice is empty at the end.  It is not if the sink paused half-way: then the
 * rest goes to the spill, the stream below is paused, and nothing arrives from
 * there until the spill has been replayed, which a task does after resume().
 * Invariant: while bytes are in the spill, the stream below is paused.
 *
 * Out.  Plaintext gathers in one chunk, so that what is written in small pieces
 * shares a record; a full chunk becomes records of the greatest size.  flush()
 * turns the rest into records and flushes below once.  What OpenSSL itself has
 * to say is flushed as soon as it is said, but for the end of the handshake and
 * answers to key updates: these wait for the end of the turn, to leave with
 * what the holder has to send by then.
 *
 * Ends.  An error is told as soon as the loop is reached, an end of the peer's
 * data only to a sink that is not paused, after all of the data.  Neither is
 * told from within a call of the holder's.  The memory goes in the task that
 * close() queues, so that no function here finds it gone after a call of the
 * sink.
 */
#include "config.h"
#include "net/tls_profile.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/buf.h"
#include "base/error.h"
#include "net/tls_client.h"

enum {
  /* What a peer may make us say after the handshake, bytes in the life of a
   * connection: answers to key updates and refused renegotiations, 30 bytes
   * each, which it could ask for without end and never read.  Honest peers
   * update keys once in hundreds of gigabytes. */
  TLS_ANSWER_BYTES_MAX = 64 * 1024
};

typedef enum tls_state {
  TLS_HANDSHAKING, /* on_open has not run */
  TLS_OPEN,        /* on_open has run, or is running */
  TLS_FAILED,      /* |error| is set; on_error has run or the task will do it */
  TLS_CLOSED       /* only the task is left, which frees it */
} tls_state;

typedef struct tls_stream {
  ah_stream stream;
  ah_stream *below; /* owned; NULL when closed */
  ah_tls_profile *profile;
  ah_tls_client client;
  ah_task task; /* replays, tells an error, or frees */

  tls_state state;
  ahttp_error error; /* valid in TLS_FAILED */
  bool error_told;

  struct {
    bool paused;
    bool below_ended; /* nothing follows what has come from below */
    bool ended;       /* no plaintext follows what was decrypted */
    bool clean;       /* ... and the peer said so */
    bool end_told;    /* on_end has run */
    ah_buf spill;     /* ciphertext kept while paused */
    size_t answers;   /* bytes the peer made us say; TLS_ANSWER_BYTES_MAX */
  } in;

  struct {
    ah_chunk *staged; /* plaintext to be encrypted, or NULL */
    uint64_t flushed; /* of client.bio.out_bytes, what was flushed below */
    ah_task rest;     /* flushes what nothing else has */
  } out;
} tls_stream;

static tls_stream *tls_from(ah_stream *stream)
{
  return AH_CONTAINER(stream, tls_stream, stream);
}

static const tls_stream *tls_from_const(const ah_stream *stream)
{
  return (const tls_stream *)(const void *)stream;
}

#define TO(state) (1u << (state))
static const unsigned tls_edges[] = {
    [TLS_HANDSHAKING] = TO(TLS_OPEN) | TO(TLS_FAILED) | TO(TLS_CLOSED),
    [TLS_OPEN] = TO(TLS_FAILED) | TO(TLS_CLOSED),
    [TLS_FAILED] = TO(TLS_CLOSED),
    [TLS_CLOSED] = 0,
};

static void tls_set_state(tls_stream *tls, tls_state next)
{
  ah_assert((tls_edges[tls->state] & TO(next)) != 0);
  tls->state = next;
}

static bool tls_is_alive(const tls_stream *tls)
{
  return tls->state == TLS_HANDSHAKING || tls->state == TLS_OPEN;
}

/* The one way a stream fails: |tls->error| has been filled in.  on_error
 * follows from the loop. */
static void tls_fail(tls_stream *tls)
{
  tls_set_state(tls, TLS_FAILED);
  ah_loop_defer(tls->stream.loop, &tls->task);
}

static void tls_fail_plain(tls_stream *tls, int code, ahttp_phase phase)
{
  ah_error_plain(&tls->error, code, phase);
  tls_fail(tls);
}

/* After SSL_read or SSL_write gave up for good. */
static void tls_fail_transfer(tls_stream *tls, ahttp_phase phase)
{
  if (tls->client.bio.out_failed) {
    ERR_clear_error();
    tls_fail_plain(tls, AHTTP_ENOMEM, phase);
    return;
  }
  (void)ah_tls_error_take(&tls->error, phase, "TLS failed");
  tls_fail(tls);
}

/* Sends what OpenSSL has to say by itself. */
static void tls_flush_below(tls_stream *tls)
{
  if (tls->below != NULL && tls->client.bio.out_bytes != tls->out.flushed) {
    tls->out.flushed = tls->client.bio.out_bytes;
    tls->below->ops->flush(tls->below);
  }
}

static void tls_flush_rest(ah_task *task)
{
  tls_flush_below(AH_CONTAINER(task, tls_stream, out.rest));
}

/* The same when the turn ends. */
static void tls_flush_last(tls_stream *tls)
{
  if (tls->client.bio.out_bytes != tls->out.flushed) {
    ah_loop_defer_last(tls->stream.loop, &tls->out.rest);
  }
}

/* Tells the sink what it is owed.  Runs from the loop only; the stream may be
 * closed afterwards. */
static void tls_tell(tls_stream *tls)
{
  if (tls->state == TLS_FAILED && !tls->error_told) {
    tls->error_told = true;
    tls->stream.sink->on_error(tls->stream.owner, &tls->error);
    return;
  }
  if (tls->state == TLS_OPEN && tls->in.ended && !tls->in.end_told &&
      !tls->in.paused) {
    tls->in.end_told = true;
    tls->stream.sink->on_end(tls->stream.owner, tls->in.clean);
  }
}

/* As far as the slice goes; the sink is told when it is complete. */
static void tls_handshake(tls_stream *tls)
{
  int rv = ah_tls_client_handshake(&tls->client, &tls->error);
  if (rv != AHTTP_OK) {
    tls_flush_below(tls);
  }
  if (rv == AH_MORE && tls->in.below_ended) {
    ah_error_say(&tls->error, AHTTP_ETLS, AHTTP_PHASE_TLS,
                 "the server closed the connection during the TLS handshake");
    rv = AHTTP_ETLS;
  }
  if (rv < 0) {
    tls_fail(tls);
  } else if (rv == AHTTP_OK) {
    tls_set_state(tls, TLS_OPEN);
    tls->stream.sink->on_open(tls->stream.owner);
  }
}

/* SSL_read gave nothing: for now, at the end, or for good. */
static void tls_stop_reading(tls_stream *tls)
{
  switch (SSL_get_error(tls->client.ssl, 0)) {
  case SSL_ERROR_WANT_READ:
    /* RFC 8446, section 6.1: data that ends without close_notify may have been
     * cut off by anyone.  What that means is for the protocol above to say. */
    tls->in.ended = tls->in.below_ended;
    return;
  case SSL_ERROR_ZERO_RETURN:
    tls->in.ended = true;
    tls->in.clean = true;
    return;
  default:
    tls_fail_transfer(tls, AHTTP_PHASE_RECEIVE);
    return;
  }
}

/* True if another SSL_read would give nothing; to hear that from OpenSSL costs
 * as much as to read a record. */
static bool tls_is_dry(const tls_stream *tls)
{
  return tls->client.bio.in_len == 0 && !tls->in.below_ended &&
         SSL_has_pending(tls->client.ssl) == 0;
}

/* Decrypts into |plain| until it is full or the slice is used up.  True if it
 * is full and there may be more. */
static bool tls_decrypt(tls_stream *tls, uint8_t *plain, size_t cap,
                        size_t *len)
{
  uint64_t said = tls->client.bio.out_bytes;
  *len = 0;
  ah_tls_error_clear();
  do {
    size_t got = 0;
    if (SSL_read_ex(tls->client.ssl, plain + *len, cap - *len, &got) != 1) {
      tls_stop_reading(tls);
      break;
    }
    *len += got;
  } while (*len < cap && !tls_is_dry(tls));
  tls->in.answers += (size_t)(tls->client.bio.out_bytes - said);
  if (tls->in.answers > TLS_ANSWER_BYTES_MAX && tls->state == TLS_OPEN) {
    ah_error_say(&tls->error, AHTTP_ELIMIT, AHTTP_PHASE_RECEIVE,
                 "the server sent too many TLS key updates");
    tls_fail(tls);
  }
  return *len == cap;
}

/* Does everything the slice allows: the one place that reads it. */
static void tls_advance(tls_stream *tls)
{
  if (tls->state == TLS_HANDSHAKING) {
    tls_handshake(tls);
  }
  bool more = true;
  while (more && tls->state == TLS_OPEN && !tls->in.paused && !tls->in.ended) {
    uint8_t *plain = ah_loop_plain_buffer(tls->stream.loop);
    size_t len = 0;
    more = tls_decrypt(tls, plain, AH_LOOP_READ_BYTES, &len);
    if (len > 0) {
      tls->stream.sink->on_read(tls->stream.owner, plain, len);
    }
  }
  if (tls->state == TLS_OPEN) {
    tls_flush_last(tls);
  } else {
    tls_flush_below(tls);
  }
  tls_tell(tls);
}

/* Keeps |len| bytes for later. */
static void tls_spill(tls_stream *tls, const uint8_t *data, size_t len)
{
  if (!tls_is_alive(tls) || tls->in.ended || len == 0) {
    return;
  }
  int rv = ah_buf_append(&tls->in.spill, data, len);
  if (rv != AHTTP_OK) {
    tls_fail_plain(tls, rv, AHTTP_PHASE_RECEIVE);
  }
}

/* Goes on with the spill, and with what OpenSSL holds if that is empty. */
static void tls_replay(tls_stream *tls)
{
  size_t held = ah_buf_len(&tls->in.spill);
  tls->client.bio.in = held == 0 ? NULL : ah_buf_bytes(&tls->in.spill);
  tls->client.bio.in_len = held;
  tls_advance(tls);
  ah_buf_consume(&tls->in.spill, held - tls->client.bio.in_len);
  tls->client.bio.in_len = 0;
  /* What follows the peer's goodbye is for nobody. */
  if (tls->in.ended || ah_buf_len(&tls->in.spill) == 0) {
    ah_buf_clear(&tls->in.spill);
  }
}

/* True if the stream below may bring more: data, or after its end the news that
 * what is being written has failed. */
static bool tls_wants_input(const tls_stream *tls)
{
  return tls_is_alive(tls) && !tls->in.paused && !tls->in.below_ended;
}

/* True if there is something to do without more from below. */
static bool tls_has_backlog(const tls_stream *tls)
{
  if (tls->in.ended) {
    return !tls->in.end_told;
  }
  return ah_buf_len(&tls->in.spill) > 0 || tls->in.below_ended ||
         SSL_has_pending(tls->client.ssl) == 1;
}

static void tls_on_below_open(void *owner)
{
  (void)owner; /* it was open when it was handed over */
}

static void tls_on_below_read(void *owner, const uint8_t *data, size_t len)
{
  tls_stream *tls = owner;
  ah_assert(ah_buf_len(&tls->in.spill) == 0);
  uintptr_t offset =
      (uintptr_t)data - (uintptr_t)ah_loop_plain_buffer(tls->stream.loop);
  if (offset < AH_LOOP_READ_BYTES) {
    /* TLS in TLS: what is below has decrypted it to where this one is about to
     * decrypt. */
    tls_spill(tls, data, len);
    tls_replay(tls);
    return;
  }
  tls->client.bio.in = data;
  tls->client.bio.in_len = len;
  tls_advance(tls);
  tls_spill(tls, tls->client.bio.in, tls->client.bio.in_len);
  tls->client.bio.in = NULL;
  tls->client.bio.in_len = 0;
}

static void tls_on_below_end(void *owner, bool clean)
{
  (void)clean; /* this layer has an end of its own */
  tls_stream *tls = owner;
  tls->in.below_ended = true;
  if (!tls->in.paused) {
    tls_replay(tls);
  }
}

static void tls_on_below_error(void *owner, const ahttp_error *err)
{
  tls_stream *tls = owner;
  tls->out.flushed = tls->client.bio.out_bytes; /* nothing goes out any more */
  if (!tls_is_alive(tls)) {
    return;
  }
  tls->error = *err;
  if (tls->state == TLS_HANDSHAKING) {
    ah_error_set(&tls->error, AHTTP_ETLS, AHTTP_PHASE_TLS, err->domain,
                 err->native, "the TLS handshake failed: %s", err->text);
  }
  tls_fail(tls);
  tls_tell(tls);
}

static void tls_on_below_drain(void *owner)
{
  tls_stream *tls = owner;
  if (tls->state == TLS_OPEN) {
    tls->stream.sink->on_drain(tls->stream.owner);
  }
}

static const ah_stream_sink tls_below_sink = {
    .on_open = tls_on_below_open,
    .on_read = tls_on_below_read,
    .on_end = tls_on_below_end,
    .on_error = tls_on_below_error,
    .on_drain = tls_on_below_drain,
};

/* Turns the staged plaintext into records below.  Of a stream that failed it is
 * dropped: the sink is about to be told. */
static void tls_encrypt(tls_stream *tls)
{
  ah_chunk *chunk = tls->out.staged;
  ah_tls_error_clear();
  while (tls->state == TLS_OPEN && chunk->head < chunk->tail) {
    size_t sent = 0;
    if (SSL_write_ex(tls->client.ssl, chunk->data + chunk->head,
                     chunk->tail - chunk->head, &sent) != 1) {
      tls_fail_transfer(tls, AHTTP_PHASE_SEND);
      break;
    }
    chunk->head += (uint32_t)sent;
  }
  chunk->head = 0;
  chunk->tail = 0;
}

static int tls_reserve(ah_stream *stream, uint8_t **ptr, size_t *cap)
{
  tls_stream *tls = tls_from(stream);
  ah_assert(tls->state == TLS_OPEN || tls->state == TLS_FAILED);
  if (tls->out.staged == NULL) {
    tls->out.staged = ah_loop_acquire_chunk(stream->loop);
  }
  ah_chunk *chunk = tls->out.staged;
  if (chunk == NULL) {
    return AHTTP_ENOMEM;
  }
  if (chunk->tail == AH_CHUNK_BYTES) {
    tls_encrypt(tls);
  }
  *ptr = chunk->data + chunk->tail;
  *cap = AH_CHUNK_BYTES - chunk->tail;
  return AHTTP_OK;
}

static void tls_commit(ah_stream *stream, size_t len)
{
  ah_chunk *chunk = tls_from(stream)->out.staged;
  ah_assert(chunk != NULL && len <= AH_CHUNK_BYTES - chunk->tail);
  chunk->tail += (uint32_t)len;
}

static void tls_release_staged(tls_stream *tls)
{
  if (tls->out.staged != NULL) {
    ah_loop_release_chunk(tls->stream.loop, tls->out.staged);
    tls->out.staged = NULL;
  }
}

static void tls_flush(ah_stream *stream)
{
  tls_stream *tls = tls_from(stream);
  ah_assert(tls->state != TLS_CLOSED);
  if (tls->out.staged != NULL) {
    tls_encrypt(tls);
    tls_release_staged(tls);
  }
  tls_flush_below(tls);
}

static size_t tls_queued(const ah_stream *stream)
{
  const tls_stream *tls = tls_from_const(stream);
  const ah_chunk *chunk = tls->out.staged;
  size_t staged = chunk == NULL ? 0 : chunk->tail - chunk->head;
  return staged + tls->below->ops->queued(tls->below);
}

static void tls_pause(ah_stream *stream)
{
  tls_stream *tls = tls_from(stream);
  if (!tls->in.paused) {
    tls->in.paused = true;
    tls->below->ops->pause(tls->below);
  }
}

static void tls_resume(ah_stream *stream)
{
  tls_stream *tls = tls_from(stream);
  if (!tls->in.paused) {
    return;
  }
  tls->in.paused = false;
  if (tls_has_backlog(tls)) {
    ah_loop_defer(stream->loop, &tls->task);
  } else if (tls_wants_input(tls)) {
    tls->below->ops->resume(tls->below);
  }
}

static void tls_info(const ah_stream *stream, ah_stream_info *info)
{
  const tls_stream *tls = tls_from_const(stream);
  tls->below->ops->info(tls->below, info);
  if (tls->state != TLS_OPEN) {
    return;
  }
  info->alpn = ah_tls_client_alpn(&tls->client);
  info->tls_version = SSL_get_version(tls->client.ssl);
  info->tls_cipher =
      SSL_CIPHER_get_name(SSL_get_current_cipher(tls->client.ssl));
  info->tls_resumed = SSL_session_reused(tls->client.ssl) == 1;
  info->tls = tls->client.ssl;
}

static void tls_free(tls_stream *tls)
{
  ah_tls_client_clear(&tls->client);
  ah_loop_undefer(&tls->task);
  tls_release_staged(tls);
  ah_buf_clear(&tls->in.spill);
  ah_tls_profile_unref(tls->profile);
  ah_free(tls);
}

static void tls_close(ah_stream *stream)
{
  tls_stream *tls = tls_from(stream);
  bool orderly = tls->state == TLS_OPEN;
  tls_set_state(tls, TLS_CLOSED);
  if (orderly) {
    /* close_notify (RFC 8446, section 6.1), without waiting for the peer's. */
    ERR_clear_error();
    (void)SSL_shutdown(tls->client.ssl);
    ERR_clear_error();
  }
  ah_loop_undefer(&tls->out.rest);
  tls_flush_below(tls);
  tls->below->ops->close(tls->below);
  tls->below = NULL;
  tls->client.bio.below = NULL;
  ah_loop_defer(stream->loop, &tls->task);
}

/* Runs at the end of a turn, no caller on the stack. */
static void tls_run(ah_task *task)
{
  tls_stream *tls = AH_CONTAINER(task, tls_stream, task);
  if (tls->state == TLS_CLOSED) {
    tls_free(tls);
    return;
  }
  if (tls->in.paused) {
    tls_tell(tls);
    return;
  }
  tls_replay(tls);
  if (tls_wants_input(tls)) {
    tls->below->ops->resume(tls->below);
  }
}

static const ah_stream_ops tls_ops = {
    .name = "tls",
    .reserve = tls_reserve,
    .commit = tls_commit,
    .flush = tls_flush,
    .queued = tls_queued,
    .pause = tls_pause,
    .resume = tls_resume,
    .info = tls_info,
    .close = tls_close,
};

int ah_tls_stream_new(ah_stream **out, ah_stream *below,
                      ah_tls_profile *profile, const ah_tls_stream_opts *opts,
                      ahttp_error *err)
{
  *out = NULL;
  tls_stream *tls = ah_calloc(1, sizeof(*tls));
  if (tls == NULL) {
    below->ops->close(below);
    ah_error_plain(err, AHTTP_ENOMEM, AHTTP_PHASE_TLS);
    return AHTTP_ENOMEM;
  }
  tls->stream = (ah_stream){
      .ops = &tls_ops, .loop = below->loop, .counts = below->counts};
  tls->below = below;
  tls->profile = ah_tls_profile_ref(profile);
  tls->task.run = tls_run;
  tls->out.rest.run = tls_flush_rest;
  tls->in.paused = true;
  ah_buf_init(&tls->in.spill, AH_LOOP_BULK_BYTES);
  ah_stream_set_sink(below, &tls_below_sink, tls);
  below->ops->pause(below);

  int rv = ah_tls_client_open(&tls->client, profile, opts, below, err);
  if (rv == AHTTP_OK) {
    rv = ah_tls_client_handshake(&tls->client, err);
  }
  if (rv < 0) {
    below->ops->close(below);
    tls_free(tls);
    return rv;
  }
  tls_flush_below(tls);
  *out = &tls->stream;
  return AHTTP_OK;
}
