/* SPDX-License-Identifier: MIT */
#ifndef AH_NET_DIALER_H
#define AH_NET_DIALER_H

#include <ahttp/error.h>

#include "base/trace.h"
#include "net/resolver.h"
#include "net/socket_policy.h"
#include "net/stream.h"

/*
 * From a host and port, or a unix socket's path, to a connected stream, by
 * Happy Eyeballs version 2 (RFC 8305): 50 ms for the AAAA answer, attempts
 * interleaved by family, 250 ms apart and the next at once after a failure, at
 * most 4 open, first to connect wins.  It sets no overall limit: the holder
 * cancels.
 */
typedef struct ah_dial ah_dial;

typedef struct ah_dial_opts {
  ahttp_str host; /* name or literal without brackets; copied */
  uint16_t port;
  ahttp_str unix_path; /* not empty: connect there, host is not looked up */
  ah_teller *teller;   /* outlives the dial; NULL: nobody listens */
  const ah_socket_policy *policy; /* or NULL; outlives the dial */
  const ah_local_address *local;  /* instead of the policy's, or NULL; outlives
                                     the dial */
} ah_dial_opts;

/* What came of it.  Exactly one of |stream| (paused, no sink yet; now the
 * receiver's) and |err| is not NULL.  |resolved_ns| is when the first address
 * was known, on the loop's clock; 0: none was.  The dial is over and freed by
 * itself.  The text of |err| names every address tried and why it failed. */
typedef void (*ah_dial_done_fn)(void *owner, ah_stream *stream,
                                uint64_t resolved_ns, const ahttp_error *err);

/* Starts; |done| runs once from the loop, never from within.  AHTTP_OK or
 * AHTTP_ENOMEM.  on_socket of the policy runs from the loop too; the dial may
 * be cancelled from within it. */
int ah_dial_start(ah_dial **out, ah_loop *loop, ah_resolver *resolver,
                  const ah_dial_opts *opts, ah_dial_done_fn done, void *owner);

/* When the first address was known; 0: none is yet. */
uint64_t ah_dial_resolved_ns(const ah_dial *dial);

/*
 * Stops it; |done| does not run.  |err|, if not NULL, gets a text that says
 * what was under way ("resolving host" or the addresses being tried) and the
 * phase, for the holder's timeout error; its code is left as it is.
 */
void ah_dial_cancel(ah_dial *dial, ahttp_error *err);

#endif
