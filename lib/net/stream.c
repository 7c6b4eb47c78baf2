/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "net/stream.h"

#include <string.h>

int ah_stream_write(ah_stream *stream, const void *data, size_t len)
{
  const uint8_t *from = data;
  while (len > 0) {
    uint8_t *room;
    size_t cap;
    int rv = stream->ops->reserve(stream, &room, &cap);
    if (rv != AHTTP_OK) {
      return rv;
    }
    size_t part = len < cap ? len : cap;
    memcpy(room, from, part);
    stream->ops->commit(stream, part);
    from += part;
    len -= part;
  }
  return AHTTP_OK;
}
