/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "net/chunk_queue.h"

#include <ahttp/error.h>

#include "base/assert.h"

static void queue_drop_first(ah_chunk_queue *queue, ah_loop *loop)
{
  ah_chunk *chunk = queue->first;
  queue->first = chunk->next;
  if (queue->first == NULL) {
    queue->last = NULL;
  }
  ah_loop_release_chunk(loop, chunk);
}

void ah_chunk_queue_clear(ah_chunk_queue *queue, ah_loop *loop)
{
  while (queue->first != NULL) {
    queue_drop_first(queue, loop);
  }
  queue->len = 0;
}

int ah_chunk_queue_reserve(ah_chunk_queue *queue, ah_loop *loop, uint8_t **ptr,
                           size_t *cap)
{
  ah_chunk *chunk = queue->last;
  if (chunk == NULL || chunk->tail == AH_CHUNK_BYTES) {
    chunk = ah_loop_acquire_chunk(loop);
    if (chunk == NULL) {
      *ptr = NULL;
      *cap = 0;
      return AHTTP_ENOMEM;
    }
    if (queue->last == NULL) {
      queue->first = chunk;
    } else {
      queue->last->next = chunk;
    }
    queue->last = chunk;
  }
  *ptr = chunk->data + chunk->tail;
  *cap = AH_CHUNK_BYTES - chunk->tail;
  return AHTTP_OK;
}

void ah_chunk_queue_commit(ah_chunk_queue *queue, size_t len)
{
  if (len == 0) {
    return;
  }
  ah_chunk *chunk = queue->last;
  ah_assert(chunk != NULL);
  ah_assert(len <= AH_CHUNK_BYTES - chunk->tail);
  chunk->tail += (uint32_t)len;
  queue->len += len;
}

size_t ah_chunk_queue_pieces(const ah_chunk_queue *queue, struct iovec *pieces,
                             size_t max, size_t *len)
{
  size_t count = 0;
  *len = 0;
  for (ah_chunk *chunk = queue->first; chunk != NULL && count < max;
       chunk = chunk->next) {
    pieces[count].iov_base = chunk->data + chunk->head;
    pieces[count].iov_len = chunk->tail - chunk->head;
    *len += pieces[count].iov_len;
    count++;
  }
  return count;
}

void ah_chunk_queue_consume(ah_chunk_queue *queue, ah_loop *loop, size_t len)
{
  ah_assert(len <= queue->len);
  queue->len -= len;
  while (queue->first != NULL) {
    ah_chunk *chunk = queue->first;
    size_t part = chunk->tail - chunk->head;
    if (len < part) {
      chunk->head += (uint32_t)len;
      return;
    }
    len -= part;
    queue_drop_first(queue, loop); /* an idle connection holds no chunk */
  }
}
