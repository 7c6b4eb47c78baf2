/* SPDX-License-Identifier: MIT */
#ifndef AH_BASE_TRACE_H
#define AH_BASE_TRACE_H

#include <ahttp/trace.h>

/*
 * Telling a user's trace what happens.  Whoever has something to tell holds a
 * pointer, to an ah_trace or a teller, that is NULL when nobody listens; that
 * is all a trace costs then.
 */

/* Somebody who listens. */
typedef struct ah_trace {
  ahttp_trace_cb callback;
  void *user_data;
  unsigned mask;    /* not 0 */
  ahttp_call *call; /* NULL: it is not of one call */
  bool *is_telling; /* true while the callback runs: the library is in the
                       middle of something */
} ah_trace;

/* Copies a user's trace, which may be NULL, all but |call|.  AHTTP_OK or
 * AHTTP_EINVAL; |out->callback| is NULL if nobody listens. */
int ah_trace_copy(ah_trace *out, const ahttp_trace *in, bool *is_telling);

/* The one place that calls a trace: adds the time and the call to |event| and
 * tells it, if its group is wanted.  |event->call| stays if it is set. */
void ah_trace_tell(const ah_trace *trace, ahttp_trace_event *event);

/* For those who do not know whom they work for: who does adds what he knows and
 * passes the event on. */
typedef struct ah_teller ah_teller;
struct ah_teller {
  void (*tell)(ah_teller *teller, ahttp_trace_event *event);
};

/* Room for ah_trace_origin(): a scheme, 253 bytes of host, brackets, a port. */
enum {
  AH_TRACE_ORIGIN_BYTES = 288
};

/* "SCHEME://HOST:PORT" in |dst|; |host| is cut if it is longer than hosts are.
 */
ahttp_str ah_trace_origin(char dst[AH_TRACE_ORIGIN_BYTES], bool is_tls,
                          ahttp_str host, uint16_t port);

#endif
