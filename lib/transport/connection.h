/* SPDX-License-Identifier: MIT */
#ifndef AH_TRANSPORT_CONNECTION_H
#define AH_TRANSPORT_CONNECTION_H

#include <stdatomic.h>

#include "net/deadline.h"
#include "net/stream.h"
#include "transport/exchange.h"

/*
 * One connection to one origin.  It carries exchanges, tells its owner (the
 * pool) how many more it can start, and survives or dies.  It goes on reading
 * while unused, so it notices a FIN, answers an HTTP/2 PING, and treats bytes
 * on an idle HTTP/1.1 connection as the end of it.
 */

/* What the owner is told. */
typedef struct ah_connection_owner {
  /* |conn->slots| or |conn->active| has changed: attach waiters, or keep it as
   * idle.  Never from within start(). */
  void (*on_slots)(void *owner, ah_connection *conn);
  /* It starts no more exchanges; slots is 0 from now on.  Those it has go on.
   * May come with or before on_closed. */
  void (*on_draining)(void *owner, ah_connection *conn);
  /* It is going away, all its exchanges ended or failed.  The owner forgets
   * it; its memory goes at the end of the turn. */
  void (*on_closed)(void *owner, ah_connection *conn);
} ah_connection_owner;

typedef struct ah_connection_ops {
  const char *name;
  /* Takes |exchange|; slots > 0.  It is written at the end of the turn.  Never
   * calls back from within. */
  void (*start)(ah_connection *conn, ah_exchange *exchange);
  /* Lets go of |exchange|, which is being cancelled: HTTP/2 resets the stream,
   * HTTP/1.1 closes the connection (unless nothing of it was written).  Does
   * not end the exchange.  |code| says why. */
  void (*cancel)(ah_connection *conn, ah_exchange *exchange, int code);
  /* Pausing: stop giving out body bytes.  Resuming: go on, from the loop. */
  void (*pause)(ah_connection *conn, ah_exchange *exchange);
  void (*resume)(ah_connection *conn, ah_exchange *exchange);
  /* |len| body bytes were consumed (HTTP/2: the stream's window). */
  void (*credit)(ah_connection *conn, ah_exchange *exchange, size_t len);
  void (*body_ready)(ah_connection *conn, ah_exchange *exchange);
  /* Closes it; exchanges it has are failed with |err|.  on_closed follows,
   * from within. */
  void (*close)(ah_connection *conn, const ahttp_error *err);
  /* The stream that was handed over is closed: so is the connection.  Only
   * where there is an on_switch. */
  void (*release)(ah_connection *conn);
} ah_connection_ops;

/* Members are in the order of their use.  What every request touches comes
 * last, next to what the protocol's own struct has of that kind. */
struct ah_connection {
  uint64_t id;           /* the owner's: from 1, never used twice */
  uint64_t dial_id;      /* of the dial that made it */
  const ah_trace *trace; /* the owner's: told of the connection; or NULL */
  ah_stream_info info;
  bool draining; /* told on_draining */

  bool in_doubt;    /* the server may be gone: slots is 0 until it has been
                       heard again.  Told by on_slots. */
  atomic_uint refs; /* its own, and of exchanges that were put on it */
  const ah_connection_ops *ops;
  ah_loop *loop;
  const ah_connection_owner *owner_ops;
  void *owner;
  ah_origin *origin;              /* the owner's */
  const ah_stream_counts *counts; /* of its stream; or NULL */
  ah_list_node node;              /* the owner's: idle or HTTP/2 list */
  ah_list_node lru_node;          /* the owner's: all idle ones, oldest first */
  ah_deadline idle;               /* the owner's: expiry while unused */
  uint64_t served;                /* exchanges ever started on it */
  uint32_t slots;                 /* exchanges it could start now */
  uint32_t active;                /* exchanges it has */
  uint32_t keep_alive_ms; /* what the server promised (Keep-Alive: timeout);
                             UINT32_MAX: nothing */
};

/*
 * What every kind of connection begins with, at the start of a block of
 * ah_calloc(): its reference, and what |stream| says of itself.
 */
void ah_connection_init(ah_connection *conn, const ah_connection_ops *ops,
                        ah_stream *stream);

/*
 * A reference keeps the block, and in it |id| and |info|, which stay as they
 * were when the first exchange came; everything else is the loop's.  Calls are
 * freed on any thread, so these may be called on any.  The connection itself
 * drops its own reference, last, when all else it had is freed.
 */
ah_connection *ah_connection_ref(ah_connection *conn);
void ah_connection_unref(ah_connection *conn);

/*
 * Each takes over |stream|, open and paused, resumes it, and makes a connection
 * on it.  The owner fills in its members before the loop goes on.  On failure
 * the stream is closed: AHTTP_ENOMEM.
 */
int ah_h1_connection_new(ah_connection **out, ah_stream *stream);

/* |streams_max| is our own limit of concurrent streams. */
int ah_h2_connection_new(ah_connection **out, ah_stream *stream,
                         uint32_t streams_max);

#endif
