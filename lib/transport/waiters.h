/* SPDX-License-Identifier: MIT */
#ifndef AH_TRANSPORT_WAITERS_H
#define AH_TRANSPORT_WAITERS_H

#include "transport/exchange.h"

/*
 * The exchanges of one origin that wait for a connection, in lines, each first
 * come first served.
 *
 * As many as the dials under way may serve are covered, from the front on; the
 * others are blocked by a limit, and their pool timeout runs.  Every operation
 * is O(1); covering is O(1) for each waiter whose state changes.
 */
typedef struct ah_waiters_line {
  ah_list covered;
  ah_list blocked; /* behind all covered ones */
} ah_waiters_line;

typedef struct ah_waiters {
  ah_waiters_line lines[AH_WAIT_LINES]; /* a blocked one in one line: no covered
                                           one in the lines behind */
  uint32_t count;
  uint32_t fresh_count;   /* of those in the fresh line */
  uint32_t covered_count; /* of those covered */
} ah_waiters;

void ah_waiters_init(ah_waiters *waiters);

/* Adds |exchange| at the end of |line|.  In the fresh line it goes only on
 * connections from |conn_id_min| on, which never falls from one call to the
 * next; in the others that is 0. */
void ah_waiters_push(ah_waiters *waiters, ah_exchange *exchange,
                     ah_wait_line line, uint64_t conn_id_min);

/* Takes |exchange|, which is in it, out; no timeout runs any more. */
void ah_waiters_remove(ah_waiters *waiters, ah_exchange *exchange);

/* Who is next, or NULL. */
ah_exchange *ah_waiters_first(const ah_waiters *waiters);

/* Takes out the first that may use the connection with |conn_id|, or returns
 * NULL. */
ah_exchange *ah_waiters_pop(ah_waiters *waiters, uint64_t conn_id);

/* Has the first |count| waiters covered and the others blocked. */
void ah_waiters_cover(ah_waiters *waiters, uint64_t count);

#endif
