/* SPDX-License-Identifier: MIT */
#ifndef AH_TRANSPORT_H2_PING_H
#define AH_TRANSPORT_H2_PING_H

#include "net/deadline.h"

/*
 * The PINGs of one HTTP/2 connection.  A server that is slow to notice our
 * RST_STREAM still works for the stream; cancelling and asking again would
 * pile requests up on it without limit.  So a reset is followed by a PING, and
 * the stream counts as open until the answer shows that the server has read
 * the reset, or until it has had ample time.
 *
 * A PING also tells whether the server is there at all when a request got no
 * answer in time: a connection that swallows everything must not be given one
 * request after the other.  Until the server is heard again, or has had its
 * time, it is in doubt.
 *
 * One PING at a time: resets made meanwhile are covered by the next one.
 */
typedef struct ah_h2_ping ah_h2_ping;
struct ah_h2_ping {
  ah_loop *loop;
  ah_deadline deadline; /* armed while |is_sent| */
  /* The time for the answer is over; |is_silent| if the PING was to tell
   * whether the server is there and no byte came since.  Runs from the loop,
   * with the PING given up. */
  void (*expired)(ah_h2_ping *ping, bool is_silent);

  uint64_t id;          /* of the last PING; from 1 */
  bool is_sent;         /* PING |id| was sent and not answered */
  bool is_probe;        /* it was sent because a request got no answer */
  bool is_heard;        /* bytes came since it was sent */
  uint32_t resets_sent; /* streams reset before it */

  uint32_t resets_new; /* streams reset since */
  bool is_probe_new;   /* one of them got no answer */
};

enum {
  /* How long a PING may take.  A round trip is rarely above 1 s even across
   * satellites, and TCP sends again after 1 s at first (RFC 6298): 3 s have
   * room for a lost packet.  Go's and hyper's 15 and 20 s are for connections
   * with nothing wrong otherwise; here a request has waited in vain already. */
  AH_H2_PING_MS = 3000
};

void ah_h2_ping_init(ah_h2_ping *ping, ah_loop *loop,
                     void (*expired)(ah_h2_ping *ping, bool is_silent));

/* A stream was reset, |is_probe| because its request got no answer in time. */
void ah_h2_ping_add_reset(ah_h2_ping *ping, bool is_probe);

/* True if a PING should be sent now. */
bool ah_h2_ping_is_due(const ah_h2_ping *ping);

/* The PING to be sent now; the time for its answer begins. */
uint64_t ah_h2_ping_start(ah_h2_ping *ping);

/* Bytes came from the server.  True if that is what was waited for: it is no
 * longer in doubt. */
bool ah_h2_ping_hear(ah_h2_ping *ping);

/* True while a request got no answer in time and the server was not heard
 * since it was asked whether it is there. */
bool ah_h2_ping_is_in_doubt(const ah_h2_ping *ping);

/* The answer to |id| came; others are ignored. */
void ah_h2_ping_answer(ah_h2_ping *ping, uint64_t id);

/* Streams that count as open though they were reset. */
uint32_t ah_h2_ping_held(const ah_h2_ping *ping);

/* Stops waiting. */
void ah_h2_ping_stop(ah_h2_ping *ping);

#endif
