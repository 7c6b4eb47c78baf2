/* SPDX-License-Identifier: MIT */
#ifndef AH_TRANSPORT_H1_RESPONSE_H
#define AH_TRANSPORT_H1_RESPONSE_H

#include "base/buf.h"
#include "http/h1_reader.h"
#include "net/stream.h"
#include "transport/exchange.h"

/*
 * The response side of an HTTP/1.1 connection: turns what the stream reads into
 * the events of one exchange after the other, and stops where the exchange is
 * paused.
 *
 * The stream is stopped only for bytes that nobody may see yet.  These are held
 * until the exchange is resumed; then they are given out, and only then does
 * the stream go on.  The end of the response and the end of input wait in the
 * same way.
 */

typedef enum ah_h1_response_state {
  AH_H1_RESPONSE_NONE,    /* none is expected: its request was not sent */
  AH_H1_RESPONSE_READING, /* what comes is given out */
  AH_H1_RESPONSE_HELD,    /* the exchange is paused and something waits: bytes
                             in |held|, the end of the response or of input */
  AH_H1_RESPONSE_STATES
} ah_h1_response_state;

typedef struct ah_h1_response {
  ah_h1_response_state state;
  bool stream_paused; /* by us, as long as something is held */
  bool input_ended;   /* nothing comes after |held|; with |end_is_clean| */
  bool end_is_clean;
  bool has_leftover;     /* bytes came after the end of the response */
  ah_exchange *exchange; /* NULL in AH_H1_RESPONSE_NONE */
  ah_h1_reader reader;   /* |reader.framing| is of the last final response */

  /* For pauses, and protocols that follow. */
  ah_stream *stream;
  ah_buf held;
} ah_h1_response;

void ah_h1_response_init(ah_h1_response *response, ah_stream *stream);
void ah_h1_response_clear(ah_h1_response *response);

/* The next bytes are the response to |exchange|, whose request is under way. */
void ah_h1_response_start(ah_h1_response *response, ah_exchange *exchange);

/* Lets go of the exchange, at any time; there will be no other one. */
void ah_h1_response_drop(ah_h1_response *response);

/* Lets go of the exchange, whose response is complete; the stream is read on.
 */
void ah_h1_response_finish(ah_h1_response *response);

/*
 * Each of these gives out events as far as there are some.  The exchange's sink
 * may do anything meanwhile, letting go of the exchange included.
 *
 *   AH_MORE           the response goes on
 *   AHTTP_OK          it is complete
 *   AHTTP_ECANCELED   somebody has let go of the exchange
 *   AHTTP_E...        it failed; |*err| says how
 */

/* |len| bytes have come. */
int ah_h1_response_read(ah_h1_response *response, const uint8_t *data,
                        size_t len, ahttp_error *err);
/* Nothing more comes. */
int ah_h1_response_end(ah_h1_response *response, bool clean, ahttp_error *err);
/* The exchange was resumed: what waits, if anything. */
int ah_h1_response_replay(ah_h1_response *response, ahttp_error *err);

/* The stream broke.  True if something waits that came before: then that was
 * all, and replaying it tells how the response ended. */
bool ah_h1_response_break(ah_h1_response *response);

#endif
