/* SPDX-License-Identifier: MIT */
#ifndef NEGOTIATOR_TALK_H
#define NEGOTIATOR_TALK_H

#include <ahttp/error.h>

#include "net/negotiation_stream.h"

/* A talk of a negotiator with a proxy that the test plays. */
typedef struct negotiator_talk {
  int rv;          /* what came of it: AHTTP_OK, AH_MORE or an error */
  ahttp_error err; /* set with an error */
  ah_buf said;     /* all that the negotiator said */
  size_t used;     /* of the input */
} negotiator_talk;

/*
 * Begins, then feeds |len| bytes at |input| in pieces: of |step| bytes each,
 * the first one of |first| if that is not 0.  Every piece is in a block of its
 * exact size.  Stops when the negotiator has enough.  |negotiator| is freed.
 */
void negotiator_talk_run(negotiator_talk *talk, ah_negotiator *negotiator,
                         const void *input, size_t len, size_t first,
                         size_t step);
void negotiator_talk_clear(negotiator_talk *talk);

/*
 * Has |make| make a negotiator and runs it on |input| whole, split in two at
 * every place, and byte by byte; |check| looks at what came of each.  Every
 * strict prefix of |enough| bytes must ask for more.
 */
void negotiator_talk_each(ah_negotiator *(*make)(void *arg), void *arg,
                          const void *input, size_t len, size_t enough,
                          void (*check)(const negotiator_talk *talk,
                                        void *arg));

#endif
