/* SPDX-License-Identifier: MIT */
#ifndef AH_NET_CHUNK_QUEUE_H
#define AH_NET_CHUNK_QUEUE_H

#include <sys/uio.h>

#include "net/loop.h"

/* Outgoing bytes in chunks of the loop's pool: written at the tail, sent from
 * the head. */
typedef struct ah_chunk_queue {
  ah_chunk *first; /* only the first may be sent in part */
  ah_chunk *last;  /* only the last may have room */
  size_t len;      /* bytes in all of them */
} ah_chunk_queue;

/* Empties it; the chunks go back to the pool of |loop|. */
void ah_chunk_queue_clear(ah_chunk_queue *queue, ah_loop *loop);

/* Room for at least 1 byte at the tail, good until the next call.  AHTTP_OK or
 * AHTTP_ENOMEM. */
int ah_chunk_queue_reserve(ah_chunk_queue *queue, ah_loop *loop, uint8_t **ptr,
                           size_t *cap);

/* Appends the first |len| bytes of the room. */
void ah_chunk_queue_commit(ah_chunk_queue *queue, size_t len);

/* Describes what is at the head in at most |max| pieces; returns their number
 * and sets |*len| to the bytes in them. */
size_t ah_chunk_queue_pieces(const ah_chunk_queue *queue, struct iovec *pieces,
                             size_t max, size_t *len);

/* Drops |len| bytes, at most what it holds, at the head. */
void ah_chunk_queue_consume(ah_chunk_queue *queue, ah_loop *loop, size_t len);

#endif
