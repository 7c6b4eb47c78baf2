/* SPDX-License-Identifier: MIT */
#ifndef AH_BASE_BUF_H
#define AH_BASE_BUF_H

#include <ahttp/types.h>

/* A growable run of bytes: appended at the tail, consumed at the head. */
typedef struct ah_buf {
  uint8_t *data; /* |cap| bytes, or NULL */
  size_t head;   /* head <= tail <= cap; [head, tail) are the bytes it holds */
  size_t tail;
  size_t cap;
  size_t max; /* bytes it may hold; appending past that is AHTTP_ELIMIT */
} ah_buf;

void ah_buf_init(ah_buf *buf, size_t max);
void ah_buf_clear(ah_buf *buf);
/* Empties it and keeps the memory. */
void ah_buf_reset(ah_buf *buf);

static inline size_t ah_buf_len(const ah_buf *buf)
{
  return buf->tail - buf->head;
}

static inline uint8_t *ah_buf_bytes(const ah_buf *buf)
{
  return buf->data + buf->head;
}

/* AHTTP_OK, AHTTP_ELIMIT or AHTTP_ENOMEM; on failure nothing changes. */
int ah_buf_append(ah_buf *buf, const void *data, size_t len);

/* Makes room for |len| more bytes at data + tail. */
int ah_buf_reserve(ah_buf *buf, size_t len);

/* Drops |len| bytes at the head, at most what it holds. */
void ah_buf_consume(ah_buf *buf, size_t len);

/* Moves the bytes out as a NUL-terminated block for ah_free(); |buf| is empty
 * afterwards.  AHTTP_OK or AHTTP_ENOMEM (then |buf| is as before). */
int ah_buf_take(ah_buf *buf, char **out, size_t *len);

#endif
