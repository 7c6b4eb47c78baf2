/* SPDX-License-Identifier: MIT */
#ifndef AH_NET_NEGOTIATION_STREAM_H
#define AH_NET_NEGOTIATION_STREAM_H

#include <ahttp/error.h>

#include "base/buf.h"
#include "net/stream.h"

/*
 * A talk with a proxy at the beginning of a stream, after which the stream is a
 * tunnel to somewhere else.  What is said is a negotiator's, which does no I/O;
 * the filter carries it, and from then on passes everything through.
 */

/* One talk; embedded in what implements it. */
typedef struct ah_negotiator ah_negotiator;
typedef struct ah_negotiator_ops {
  const char *name;
  /* Appends to |out| what we say first.  AHTTP_OK, or fills |*err| and returns
   * its code. */
  int (*begin)(ah_negotiator *negotiator, ah_buf *out, ahttp_error *err);
  /*
   * Reads on in |len| > 0 bytes, of which |*consumed| were used, and appends to
   * |out| what we say to that.
   *
   *   AHTTP_OK   the tunnel is there; what was not used comes out of it
   *   AH_MORE    everything was used
   *   an error   which fills |*err|
   */
  int (*read)(ah_negotiator *negotiator, const uint8_t *data, size_t len,
              size_t *consumed, ah_buf *out, ahttp_error *err);
  /* Fills |*err|: the peer has finished sending before there was a tunnel. */
  void (*end)(ah_negotiator *negotiator, ahttp_error *err);
  void (*free)(ah_negotiator *negotiator);
} ah_negotiator_ops;

struct ah_negotiator {
  const ah_negotiator_ops *ops;
};

enum {
  /* What a negotiator says at once: a CONNECT head with its credentials, or
   * SOCKS's 515 bytes.  As much as we read of a response's head. */
  AH_NEGOTIATION_OUT_BYTES_MAX = 256 * 1024
};

typedef struct ah_negotiation_opts {
  /* Whatever comes out of the tunnel before anything went in belongs to nobody:
   * the protocol above is one where the client speaks first. */
  bool client_speaks_first;
} ah_negotiation_opts;

/*
 * Puts |negotiator| on |below|, which is open; both are the stream's from now
 * on, also when it fails.  The talk begins at once and goes on while the stream
 * is resumed; on_open when the tunnel is there, on_error if there is none.
 * Nothing may be written before on_open.  Returns AHTTP_OK, or fills |*err| and
 * returns its code.
 */
int ah_negotiation_stream_new(ah_stream **out, ah_stream *below,
                              ah_negotiator *negotiator,
                              const ah_negotiation_opts *opts,
                              ahttp_error *err);

#endif
