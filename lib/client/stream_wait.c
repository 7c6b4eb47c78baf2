/* SPDX-License-Identifier: MIT */
/* Threads that read and write a raw stream. */
#include "config.h"

#include <string.h>

#include <ahttp/client.h>

#include "base/clock.h"
#include "base/error.h"
#include "client/raw_stream.h"

enum {
  /* What is handed over at a time: less than a stream holds. */
  WRITE_BYTES_MAX = AH_RAW_OUT_BYTES_MAX / 4
};

static int say(ahttp_error *err, int code, ahttp_phase phase, const char *text)
{
  if (err != NULL) {
    ah_error_say(err, code, phase, "%s", text);
  }
  return code;
}

/* Has the stream read for threads.  AHTTP_OK, or AHTTP_ESTATE if it tells
 * callbacks. */
static int stream_begin_waiting(ahttp_stream *stream, ahttp_error *err)
{
  uv_mutex_lock(&stream->lock);
  bool is_started = stream->is_started;
  bool is_new = !stream->is_waited && !is_started;
  if (is_new) {
    stream->is_waited = true;
  }
  uv_mutex_unlock(&stream->lock);
  if (is_started) {
    return say(err, AHTTP_ESTATE, AHTTP_PHASE_NONE,
               "the stream tells callbacks");
  }
  if (is_new) {
    ah_raw_stream_poke(stream);
  }
  return AHTTP_OK;
}

/* What is left of the time until |due_ns|, UINT64_MAX being never. */
static uint32_t ms_until(uint64_t due_ns)
{
  if (due_ns == UINT64_MAX) {
    return AHTTP_NO_LIMIT;
  }
  uint64_t now_ns = ah_clock_ns();
  return now_ns >= due_ns
             ? 0
             : (uint32_t)((due_ns - now_ns + AH_NS_PER_MS - 1) / AH_NS_PER_MS);
}

static uint64_t due_after(uint32_t timeout_ms)
{
  return timeout_ms == AHTTP_NO_LIMIT
             ? UINT64_MAX
             : ah_clock_ns() + (uint64_t)timeout_ms * AH_NS_PER_MS;
}

/* One thing to wait for: |is_there| says how it stands, AH_BLOCKED if it is to
 * be waited for. */
typedef struct stream_want {
  int (*is_there)(ahttp_stream *stream, struct stream_want *want,
                  ahttp_error *err);
  ah_latch *latch;
  uint64_t due_ns;
  int late; /* AHTTP_ETIMEOUT_... */
  uint8_t *dst;
  size_t cap;
  size_t len;
} stream_want;

static int stream_wait(ahttp_stream *stream, const stream_want *want)
{
  ah_driver *driver = stream->driver;
  ah_waiter waiter;
  ah_link link;
  int rv = ah_driver_lead(driver);
  if (rv == AHTTP_ESTATE) {
    return rv;
  }
  ah_waiter_init(&waiter, 1, ms_until(want->due_ns));
  ah_driver_watch(driver, &waiter, &link, want->latch);
  return ah_driver_wait(driver, &waiter, &link, 1, rv == AHTTP_OK);
}

static int stream_get(ahttp_stream *stream, stream_want *want, ahttp_error *err)
{
  int rv = want->is_there(stream, want, err);
  while (rv == AH_BLOCKED) {
    /* What happens between the reset and the look is seen by the look, what
     * happens after it sets the latch. */
    ah_driver_reset(stream->driver, want->latch);
    rv = want->is_there(stream, want, err);
    if (rv != AH_BLOCKED) {
      break;
    }
    int waited = stream_wait(stream, want);
    rv = want->is_there(stream, want, err);
    if (rv == AH_BLOCKED && waited == AHTTP_ETIMEOUT_WAIT) {
      return say(err, want->late, AHTTP_PHASE_NONE, ahttp_strerror(want->late));
    }
    if (rv == AH_BLOCKED && waited == AHTTP_ESTATE) {
      return say(err, waited, AHTTP_PHASE_NONE,
                 "a callback of the client cannot wait for it");
    }
  }
  return rv;
}

static int stream_fail_locked(const ahttp_stream *stream, ahttp_error *err)
{
  if (err != NULL) {
    *err = stream->error;
  }
  return stream->error.code;
}

static int want_input(ahttp_stream *stream, stream_want *want, ahttp_error *err)
{
  int rv = AHTTP_OK;
  uv_mutex_lock(&stream->lock);
  size_t held = ah_buf_len(&stream->in);
  want->len = held < want->cap ? held : want->cap;
  if (held > 0) {
    memcpy(want->dst, ah_buf_bytes(&stream->in), want->len);
    ah_buf_consume(&stream->in, want->len);
  } else if (!stream->is_ended) {
    rv = stream->error.code == AHTTP_OK ? AH_BLOCKED
                                        : stream_fail_locked(stream, err);
  }
  uv_mutex_unlock(&stream->lock);
  /* It had stopped, and has room again. */
  if (held >= AH_RAW_IN_BYTES_MAX && held - want->len < AH_RAW_IN_BYTES_MAX) {
    ah_raw_stream_poke(stream);
  }
  return rv;
}

static int want_drained(ahttp_stream *stream, stream_want *want,
                        ahttp_error *err)
{
  (void)want;
  uv_mutex_lock(&stream->lock);
  int rv = stream_fail_locked(stream, err);
  if (rv == AHTTP_OK && stream->is_unsent) {
    rv = AH_BLOCKED;
  }
  uv_mutex_unlock(&stream->lock);
  return rv;
}

int ahttp_stream_read(ahttp_stream *stream, void *dst, size_t cap, size_t *len,
                      uint32_t timeout_ms, ahttp_error *err)
{
  stream_want want = {
      .is_there = want_input,
      .latch = &stream->news,
      .due_ns = due_after(timeout_ms),
      .late = AHTTP_ETIMEOUT_READ,
      .dst = dst,
      .cap = cap,
  };
  *len = 0;
  int rv = stream_begin_waiting(stream, err);
  if (rv != AHTTP_OK || cap == 0) {
    return rv;
  }
  rv = stream_get(stream, &want, err);
  *len = want.len;
  return rv;
}

int ahttp_stream_write(ahttp_stream *stream, const void *data, size_t len,
                       uint32_t timeout_ms, ahttp_error *err)
{
  stream_want want = {
      .is_there = want_drained,
      .latch = &stream->drained,
      .due_ns = due_after(timeout_ms),
      .late = AHTTP_ETIMEOUT_WRITE,
  };
  const uint8_t *rest = data;
  int rv = stream_begin_waiting(stream, err);
  while (rv == AHTTP_OK && len > 0) {
    size_t part = len < WRITE_BYTES_MAX ? len : WRITE_BYTES_MAX;
    rv = want_drained(stream, &want, err);
    if (rv == AH_BLOCKED) { /* the rest of a write that was late */
      rv = stream_get(stream, &want, err);
    }
    if (rv == AHTTP_OK) {
      rv = ahttp_stream_send(stream, rest, part);
      if (rv != AHTTP_OK && err != NULL) {
        ah_error_plain(err, rv, AHTTP_PHASE_SEND);
      }
    }
    if (rv == AHTTP_OK) {
      rv = stream_get(stream, &want, err);
    }
    rest += part;
    len -= part;
  }
  return rv;
}
