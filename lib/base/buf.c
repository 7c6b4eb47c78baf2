/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "base/buf.h"

#include <string.h>

#include <ahttp/error.h>

#include "base/alloc.h"

/* The first block: a small head or a control frame fits without growing. */
enum {
  BUF_BYTES_MIN = 512,
  /* Contents taken out keep their block if at most this part of it is unused:
   * giving that back would cost a copy. */
  TAKE_SHARE = 4
};

/* Moves what it holds to the front of the block. */
static void buf_slide(ah_buf *buf)
{
  if (buf->head == 0) {
    return;
  }
  size_t len = ah_buf_len(buf);
  memmove(buf->data, buf->data + buf->head, len);
  buf->head = 0;
  buf->tail = len;
}

/* Doubles the block, to at least |need| bytes and not past what it may hold. */
static int buf_grow(ah_buf *buf, size_t need)
{
  size_t cap = buf->cap > SIZE_MAX / 2 ? SIZE_MAX : buf->cap * 2;
  if (cap < BUF_BYTES_MIN) {
    cap = BUF_BYTES_MIN;
  }
  if (cap > buf->max) {
    cap = buf->max;
  }
  if (cap <= need) { /* with a byte for the NUL of ah_buf_take() */
    cap = need < buf->max ? need + 1 : need;
  }
  uint8_t *data = ah_realloc(buf->data, cap);
  if (data == NULL) {
    return AHTTP_ENOMEM;
  }
  buf->data = data;
  buf->cap = cap;
  return AHTTP_OK;
}

void ah_buf_init(ah_buf *buf, size_t max)
{
  *buf = (ah_buf){.max = max};
}

void ah_buf_clear(ah_buf *buf)
{
  ah_free(buf->data);
  ah_buf_init(buf, buf->max);
}

void ah_buf_reset(ah_buf *buf)
{
  buf->head = 0;
  buf->tail = 0;
}

int ah_buf_append(ah_buf *buf, const void *data, size_t len)
{
  int rv = ah_buf_reserve(buf, len);
  if (rv != AHTTP_OK || len == 0) {
    return rv;
  }
  memcpy(buf->data + buf->tail, data, len);
  buf->tail += len;
  return AHTTP_OK;
}

int ah_buf_reserve(ah_buf *buf, size_t len)
{
  size_t held = ah_buf_len(buf);
  if (len > buf->max - held) {
    return AHTTP_ELIMIT;
  }
  if (len <= buf->cap - buf->tail) {
    return AHTTP_OK;
  }
  /* Sliding pays only when it frees more than it moves; otherwise a queue that
   * is nearly full would move all its bytes for every few appended. */
  bool fits = len <= buf->cap - held;
  if (!fits || (buf->head < held && buf->cap < buf->max)) {
    int rv = buf_grow(buf, held + len);
    if (rv != AHTTP_OK) {
      return rv;
    }
  }
  buf_slide(buf);
  return AHTTP_OK;
}

void ah_buf_consume(ah_buf *buf, size_t len)
{
  size_t held = ah_buf_len(buf);
  if (len >= held) {
    ah_buf_reset(buf);
    return;
  }
  buf->head += len;
}

int ah_buf_take(ah_buf *buf, char **out, size_t *len)
{
  *out = NULL;
  *len = 0;
  buf_slide(buf);
  char *bytes = (char *)buf->data;
  if (buf->cap <= buf->tail || buf->cap - buf->tail > buf->cap / TAKE_SHARE) {
    bytes = ah_realloc(bytes, buf->tail + 1);
    if (bytes == NULL) {
      return AHTTP_ENOMEM;
    }
  }
  bytes[buf->tail] = '\0';
  *out = bytes;
  *len = buf->tail;
  ah_buf_init(buf, buf->max);
  return AHTTP_OK;
}
