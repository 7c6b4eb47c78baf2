/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "support/fake_stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

/* What the library holds.  It dies after close(), the fake lives on. */
typedef struct fake_inner {
  ah_stream stream;
  ah_task task; /* gives out waiting input and trouble; frees after close */
  fake_stream *fake;
  uint8_t *reserved; /* the room of the last reserve(); NULL: none */
  size_t reserved_cap;
} fake_inner;

static void *grow(void *ptr, size_t size)
{
  void *grown = realloc(ptr, size);
  assert_non_null(grown);
  return grown;
}

void fake_bytes_append(fake_bytes *bytes, const void *data, size_t len)
{
  size_t needed = bytes->len + len + 1;
  if (needed > bytes->cap) {
    bytes->cap = needed > 2 * bytes->cap ? needed : 2 * bytes->cap;
    bytes->data = grow(bytes->data, bytes->cap);
  }
  if (len > 0) {
    memcpy(bytes->data + bytes->len, data, len);
  }
  bytes->len += len;
  bytes->data[bytes->len] = '\0';
}

void fake_bytes_drop(fake_bytes *bytes, size_t len)
{
  assert_true(len <= bytes->len);
  bytes->len -= len;
  memmove(bytes->data, bytes->data + len, bytes->len + 1);
}

void fake_bytes_clear(fake_bytes *bytes)
{
  free(bytes->data);
  *bytes = (fake_bytes){.data = NULL};
}

/* The fake of an open stream, which is the first member of its inner part. */
static fake_stream *fake_of(const ah_stream *stream)
{
  fake_stream *fake = ((const fake_inner *)(const void *)stream)->fake;
  assert_false(fake->closed);
  return fake;
}

static fake_inner *inner_of(ah_stream *stream)
{
  (void)fake_of(stream);
  return AH_CONTAINER(stream, fake_inner, stream);
}

static void inner_drop_room(fake_inner *inner)
{
  free(inner->reserved);
  inner->reserved = NULL;
  inner->reserved_cap = 0;
}

/* True if this fallible operation is the one that is to fail. */
static bool fake_fails(fake_stream *fake)
{
  fake->operations++;
  return fake->operations == fake->fail_nth;
}

static void fake_give(fake_stream *fake, const void *data, size_t len)
{
  uint8_t *block = grow(NULL, len);
  memcpy(block, data, len);
  fake->stream->sink->on_read(fake->stream->owner, block, len);
  free(block);
}

static void fake_tell_end(fake_stream *fake)
{
  if (fake->end_pending && !fake->end_told && !fake->closed && !fake->paused &&
      fake->waiting.len == 0) {
    fake->end_told = true;
    fake->stream->sink->on_end(fake->stream->owner, fake->end_clean);
  }
}

static void fake_tell_error(fake_stream *fake, int code)
{
  ahttp_error err;
  if (fake->closed || fake->broken) {
    return;
  }
  fake->broken = true;
  ah_error_plain(&err, code, AHTTP_PHASE_NONE);
  fake->stream->sink->on_error(fake->stream->owner, &err);
}

static void inner_run(ah_task *task)
{
  fake_inner *inner = AH_CONTAINER(task, fake_inner, task);
  fake_stream *fake = inner->fake;
  if (fake->closed) {
    fake->stream = NULL;
    inner_drop_room(inner);
    free(inner);
    return;
  }
  if (fake->paused) {
    return;
  }
  if (fake->waiting.len > 0) {
    fake_bytes given = fake->waiting;
    fake->waiting = (fake_bytes){.data = NULL};
    fake_bytes_append(&fake->waiting, "", 0);
    fake_give(fake, given.data, given.len);
    fake_bytes_clear(&given);
  }
  fake_tell_end(fake);
  if (fake->error_pending != AHTTP_OK && !fake->paused) {
    fake_tell_error(fake, fake->error_pending);
  }
}

static int inner_reserve(ah_stream *stream, uint8_t **ptr, size_t *cap)
{
  fake_inner *inner = inner_of(stream);
  inner_drop_room(inner);
  *ptr = NULL;
  *cap = 0;
  assert_false(inner->fake->broken);
  if (fake_fails(inner->fake)) {
    return AHTTP_ENOMEM;
  }
  inner->reserved = grow(NULL, inner->fake->cap_max);
  inner->reserved_cap = inner->fake->cap_max;
  *ptr = inner->reserved;
  *cap = inner->reserved_cap;
  return AHTTP_OK;
}

static void inner_commit(ah_stream *stream, size_t len)
{
  fake_inner *inner = inner_of(stream);
  assert_true(len <= inner->reserved_cap);
  fake_bytes_append(&inner->fake->queued, inner->reserved, len);
  inner_drop_room(inner);
}

/* The kernel takes what it has room for. */
static size_t fake_take(fake_stream *fake, size_t len)
{
  if (len > fake->queued.len) {
    len = fake->queued.len;
  }
  fake_bytes_append(&fake->sent, fake->queued.data, len);
  fake_bytes_drop(&fake->queued, len);
  return len;
}

static void inner_flush(ah_stream *stream)
{
  fake_inner *inner = inner_of(stream);
  fake_stream *fake = inner->fake;
  assert_false(fake->broken);
  fake->flushes++;
  if (fake->error_pending != AHTTP_OK) {
    fake_bytes_drop(&fake->queued, fake->queued.len);
    return;
  }
  if (fake_fails(fake)) {
    fake->error_pending = AHTTP_EWRITE;
    fake->flushed = false;
    fake_bytes_drop(&fake->queued, fake->queued.len);
    ah_loop_defer(stream->loop, &inner->task);
    return;
  }
  size_t taken = fake_take(fake, fake->room);
  if (fake->room != SIZE_MAX) {
    fake->room -= taken;
  }
  fake->flushed = fake->queued.len > 0;
}

static size_t inner_queued(const ah_stream *stream)
{
  return fake_of(stream)->queued.len;
}

static void inner_pause(ah_stream *stream)
{
  fake_stream *fake = fake_of(stream);
  if (!fake->paused) {
    fake->pauses++;
  }
  fake->paused = true;
}

static void inner_resume(ah_stream *stream)
{
  fake_inner *inner = inner_of(stream);
  fake_stream *fake = inner->fake;
  if (fake->paused) {
    fake->resumes++;
  }
  fake->paused = false;
  if (fake->waiting.len > 0 || fake->end_pending ||
      fake->error_pending != AHTTP_OK) {
    ah_loop_defer(stream->loop, &inner->task);
  }
}

static void inner_info(const ah_stream *stream, ah_stream_info *info)
{
  *info = fake_of(stream)->info;
}

static void inner_close(ah_stream *stream)
{
  fake_inner *inner = inner_of(stream);
  inner->fake->closed = true;
  inner_drop_room(inner); /* nobody may be writing into it */
  ah_loop_defer(stream->loop, &inner->task);
}

static const ah_stream_ops fake_ops = {
    .name = "fake",
    .reserve = inner_reserve,
    .commit = inner_commit,
    .flush = inner_flush,
    .queued = inner_queued,
    .pause = inner_pause,
    .resume = inner_resume,
    .info = inner_info,
    .close = inner_close,
};

fake_stream *fake_stream_new(ah_loop *loop)
{
  fake_stream *fake = grow(NULL, sizeof(*fake));
  fake_inner *inner = grow(NULL, sizeof(*inner));
  *fake = (fake_stream){
      .paused = true,
      .room = SIZE_MAX,
      .cap_max = AH_CHUNK_BYTES,
      .stream = &inner->stream,
  };
  fake_bytes_append(&fake->sent, "", 0);
  fake_bytes_append(&fake->queued, "", 0);
  fake_bytes_append(&fake->waiting, "", 0);
  *inner = (fake_inner){
      .stream = {.ops = &fake_ops, .loop = loop},
      .task = {.run = inner_run},
      .fake = fake,
  };
  return fake;
}

void fake_stream_free(fake_stream *fake)
{
  assert_true(fake->closed);
  assert_null(fake->stream);
  fake_bytes_clear(&fake->sent);
  fake_bytes_clear(&fake->queued);
  fake_bytes_clear(&fake->waiting);
  free(fake);
}

void fake_stream_feed(fake_stream *fake, const void *data, size_t len)
{
  if (fake->closed || fake->broken || len == 0) {
    return;
  }
  assert_false(fake->end_pending);
  if (fake->paused || fake->waiting.len > 0) {
    fake_bytes_append(&fake->waiting, data, len);
    return;
  }
  fake_give(fake, data, len);
}

void fake_stream_feed_text(fake_stream *fake, const char *text)
{
  fake_stream_feed(fake, text, strlen(text));
}

void fake_stream_feed_slices(fake_stream *fake, const void *data, size_t len,
                             size_t size)
{
  const char *bytes = data;
  assert_true(size > 0);
  for (size_t at = 0; at < len; at += size) {
    fake_stream_feed(fake, bytes + at, len - at < size ? len - at : size);
  }
}

void fake_stream_feed_end(fake_stream *fake, bool clean)
{
  if (fake->closed || fake->broken) {
    return;
  }
  fake->end_pending = true;
  fake->end_clean = clean;
  fake_tell_end(fake);
}

void fake_stream_break(fake_stream *fake, int code)
{
  fake_tell_error(fake, code);
}

size_t fake_stream_drain(fake_stream *fake, size_t len)
{
  if (fake->closed || fake->broken || !fake->flushed) {
    return 0;
  }
  size_t taken = fake_take(fake, len);
  if (fake->queued.len == 0) {
    fake->flushed = false;
    fake->stream->sink->on_drain(fake->stream->owner);
  }
  return taken;
}

void fake_stream_forget_sent(fake_stream *fake)
{
  fake_bytes_drop(&fake->sent, fake->sent.len);
}
