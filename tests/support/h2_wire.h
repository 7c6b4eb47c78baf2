/* SPDX-License-Identifier: MIT */
#ifndef H2_WIRE_H
#define H2_WIRE_H

#include "support/fake_exchange.h"
#include "support/h2_peer.h"

/*
 * An HTTP/2 connection between a fake transport and owner above and a fake
 * stream with an h2_peer behind it below, on a loop that the test turns.
 */
typedef struct h2_wire {
  ah_loop *loop;
  fake_stream *stream;
  h2_peer *peer;
  fake_owner owner; /* owner.conn is the connection, NULL once closed */
  fake_transport transport;
} h2_wire;

/* With what h2_peer_new() takes; |ours| is our own limit of streams.  Nothing
 * was said yet. */
h2_wire *h2_wire_new(h2_peer *peer, uint32_t ours);

/* Closes the connection if it is open.  All exchanges must have been freed. */
void h2_wire_free(h2_wire *wire);

/* One turn of the loop, after which the peer has what was sent. */
void h2_wire_turn(h2_wire *wire);
/* Turns until neither side has anything to say. */
void h2_wire_pump(h2_wire *wire);

/* An exchange that is started: |method| for "http://example.org/". */
fake_exchange *h2_wire_start(h2_wire *wire, const char *method);

/* Closes the connection with AHTTP_ECLOSED. */
void h2_wire_close(h2_wire *wire);

#endif
