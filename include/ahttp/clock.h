/* SPDX-License-Identifier: MIT */
#ifndef AHTTP_CLOCK_H
#define AHTTP_CLOCK_H

#include <ahttp/error.h>
#include <ahttp/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A clock that stands still until the program moves it, for tests: what a
 * client times by it (ahttp_client_opts.clock) expires when the clock is moved,
 * and not before, however long the test takes.
 *
 * By it go the timeouts and durations of calls, the pool's expiry, the backoff
 * of retries, the delays between two addresses, the pings of HTTP/2 and the
 * cache of addresses.  Real time goes on for the sockets and for the threads
 * that wait: the time limit of a waiting function is one of the real clock. DNS
 * queries that are lost are not repeated with such a clock; tests have
 * addresses from ahttp_client_opts.resolve or .resolver.
 */
typedef struct ahttp_clock ahttp_clock;

/* Makes one, to be freed with ahttp_clock_free().  AHTTP_OK or AHTTP_ENOMEM. */
AHTTP_EXTERN int ahttp_clock_new(ahttp_clock **out);

/* Frees |clock|; no client may have it any more.  NULL is allowed. */
AHTTP_EXTERN void ahttp_clock_free(ahttp_clock *clock);

/*
 * Moves |clock| on by |ms|.  What has become due expires from the clients'
 * loops, in the order of time, with their next turns; never from within.  What
 * begins to be timed by then begins at the new time: a test that wants to see
 * several times pass one after the other, such as those of a backoff, turns the
 * loop and moves the clock once for each.  Any thread.
 */
AHTTP_EXTERN void ahttp_clock_advance(ahttp_clock *clock, uint64_t ms);

/* What |clock| shows, in nanoseconds, not 0; NULL: what the system's monotonic
 * clock shows, by which clients go otherwise.  Any thread. */
AHTTP_EXTERN uint64_t ahttp_clock_now_ns(const ahttp_clock *clock);

#ifdef __cplusplus
}
#endif

#endif
