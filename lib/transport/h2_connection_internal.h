/* SPDX-License-Identifier: MIT */
#ifndef AH_TRANSPORT_H2_CONNECTION_INTERNAL_H
#define AH_TRANSPORT_H2_CONNECTION_INTERNAL_H

#include <stddef.h>

#include "http/h2_session.h"
#include "transport/connection.h"
#include "transport/h2_flow.h"
#include "transport/h2_ping.h"

/* What h2_connection.c, h2_events.c and h2_output.c share. */

typedef enum ah_h2_conn_state {
  AH_H2_CONN_OPEN,     /* takes exchanges while there are slots */
  AH_H2_CONN_DRAINING, /* finishes those it has, then closes */
  AH_H2_CONN_CLOSED    /* the stream is closed; only the memory is left */
} ah_h2_conn_state;

typedef struct ah_h2_conn {
  ah_connection base; /* first: the ops get this address */
  ah_stream *stream;
  ah_h2_session *session;
  ah_h2_conn_state state;
  bool is_broken;       /* the stream takes no more bytes */
  unsigned busy;        /* inside feed or drain: the session is not entered */
  uint32_t streams_max; /* our own limit */
  uint32_t submitted;   /* exchanges in |running| */
  ah_list starting;     /* exchanges that wait for the flush */
  ah_list running;      /* exchanges with a flow */
  ah_list sent;         /* flows with frames the kernel may not have yet */
  uint64_t out;         /* bytes ever given to the stream */
  ah_list due;          /* flows to go on with */
  ah_flusher flusher;
  ah_task due_task;   /* goes on with the flows that are due */
  ah_task owner_task; /* tells the owner of slots, once a turn */
  ah_task free_task;
  ah_task turn_task; /* goes on writing when one turn has had its share */
  ah_h2_ping ping;
} ah_h2_conn;

_Static_assert(offsetof(ah_h2_conn, base) == 0,
               "the last reference frees the block by its base");

/* There is, or may be, something to write. */
void ah_h2_conn_mark_dirty(ah_h2_conn *conn);

/* Streams that may be open at once: none while the server is in doubt. */
uint32_t ah_h2_conn_limit(const ah_h2_conn *conn);

/* Counts the slots again; the owner hears of it at the end of the turn, once
 * for all that happened in it. */
void ah_h2_conn_count(ah_h2_conn *conn);

/* Takes |exchange| off the connection, before it is told that it ended.  If its
 * stream is open it is reset with |code|.  Returns true if the server is told
 * of a reset. */
bool ah_h2_conn_let_go(ah_h2_conn *conn, ah_exchange *exchange,
                       ah_h2_code code);

/* The response is complete and given out. */
void ah_h2_conn_finish(ah_h2_conn *conn, ah_h2_flow *flow);

/* Ends an exchange that failed for a reason on our side. */
void ah_h2_conn_end_exchange(ah_h2_conn *conn, ah_exchange *exchange, int code);

/* Gives the exchanges that were not submitted back: another connection may take
 * them at once. */
void ah_h2_conn_give_back_all(ah_h2_conn *conn, const char *why);

/* No more exchanges; those that were not submitted are given back. */
void ah_h2_conn_drain(ah_h2_conn *conn, const char *why);

/*
 * The one way a connection ends.  Safe to call twice; the first error wins.
 * Exchanges that have a response head fail with |late|, the others with
 * |early|; both may be NULL if there are none.
 */
void ah_h2_conn_end(ah_h2_conn *conn, const ahttp_error *early,
                    const ahttp_error *late);
/* The same with one error for all. */
void ah_h2_conn_end_with(ah_h2_conn *conn, const ahttp_error *err);

/* h2_events.c: what the session tells; the owner is an ah_h2_conn. */
extern const ah_h2_session_ops ah_h2_conn_events;

/* h2_output.c: submits what was started and writes what there is. */
void ah_h2_conn_flush(ah_flusher *flusher);

/* h2_output.c: after a flush, and when the kernel has taken the rest of one.
 * |is_written| if it has taken any byte. */
void ah_h2_conn_settle(ah_h2_conn *conn, bool is_written);

#endif
