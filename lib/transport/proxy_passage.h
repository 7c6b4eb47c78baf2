/* SPDX-License-Identifier: MIT */
#ifndef AH_TRANSPORT_PROXY_PASSAGE_H
#define AH_TRANSPORT_PROXY_PASSAGE_H

#include "net/resolver.h"
#include "transport/origin.h"

/*
 * The way through a proxy: from a stream that is connected to it to one that
 * leads to the origin, or, if it is to forward requests, to one that they may
 * be sent on.
 */
typedef struct ah_passage ah_passage;

/* What came of it.  Exactly one of |stream| (open, paused, now the receiver's)
 * and |err| is not NULL.  The passage is freed by itself.  |again| is true if
 * the proxy has asked for credentials in a way that can be answered by another
 * attempt. */
typedef void (*ah_passage_done_fn)(void *owner, ah_stream *stream,
                                   const ahttp_error *err, bool again);

typedef struct ah_passage_opts {
  const ah_origin *origin; /* with a proxy; outlives it */
  ah_resolver *resolver;
  unsigned families; /* AH_USE_...: which the socket policy allows */
  unsigned rounds;   /* of the proxy's challenges answered before */
  ah_passage_done_fn done;
  void *owner;
} ah_passage_opts;

/* Starts on |below|, open and paused, which it owns from now on, also when it
 * fails.  |opts->done| runs once, from the loop, never from within.  AHTTP_OK,
 * or fills |*err| and returns its code. */
int ah_passage_start(ah_passage **out, ah_stream *below,
                     const ah_passage_opts *opts, ahttp_error *err);

/* Stops it; |done| does not run.  |err|, if not NULL, gets a text that says
 * what was under way, and the phase; its code is left as it is. */
void ah_passage_cancel(ah_passage *passage, ahttp_error *err);

/* True during TLS with the proxy. */
bool ah_passage_is_in_tls(const ah_passage *passage);

/* Puts "the proxy HOST:PORT: " in front of the text of |*err|. */
void ah_passage_name_proxy(const ah_proxy *proxy, ahttp_error *err);

#endif
