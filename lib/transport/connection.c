/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "transport/connection.h"

#include "base/alloc.h"
#include "base/assert.h"

void ah_connection_init(ah_connection *conn, const ah_connection_ops *ops,
                        ah_stream *stream)
{
  atomic_init(&conn->refs, 1);
  conn->ops = ops;
  conn->loop = stream->loop;
  conn->keep_alive_ms = UINT32_MAX;
  conn->counts = stream->counts;
  stream->ops->info(stream, &conn->info);
}

ah_connection *ah_connection_ref(ah_connection *conn)
{
  atomic_fetch_add_explicit(&conn->refs, 1, memory_order_relaxed);
  return conn;
}

void ah_connection_unref(ah_connection *conn)
{
  if (conn == NULL) {
    return;
  }
  unsigned before =
      atomic_fetch_sub_explicit(&conn->refs, 1, memory_order_acq_rel);
  ah_assert(before > 0);
  if (before == 1) {
    ah_free(conn);
  }
}
