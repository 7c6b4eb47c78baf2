/* SPDX-License-Identifier: MIT */
#ifndef AH_TRANSPORT_H1_REQUEST_H
#define AH_TRANSPORT_H1_REQUEST_H

#include "net/stream.h"
#include "transport/exchange.h"

/*
 * The request side of an HTTP/1.1 connection: puts the head and the content of
 * one request after the other into a stream, as fast as it takes them.  What
 * the response does meanwhile is not its business.
 */

typedef enum ah_h1_request_state {
  AH_H1_REQUEST_NONE,     /* there is none */
  AH_H1_REQUEST_QUEUED,   /* nothing of it is in the stream yet */
  AH_H1_REQUEST_CONTENT,  /* its head is in the stream, content follows */
  AH_H1_REQUEST_STARVED,  /* the same, but its source has nothing for now */
  AH_H1_REQUEST_DRAINING, /* all of it is in the stream; the kernel has not
                             taken everything */
  AH_H1_REQUEST_SENT,     /* the kernel has taken everything */
  AH_H1_REQUEST_STOPPED,  /* the rest of the content is not sent */
  AH_H1_REQUEST_STATES
} ah_h1_request_state;

typedef struct ah_h1_request {
  ah_h1_request_state state;
  bool ready;   /* the source said so while it was being read */
  bool reading; /* the source is being read, into the stream's room */
  ah_stream *stream;
  ah_exchange *exchange; /* NULL in AH_H1_REQUEST_NONE */
  const char *why;       /* of a failure; static; NULL: ask the body */
} ah_h1_request;

void ah_h1_request_init(ah_h1_request *request, ah_stream *stream);

/* Takes |exchange| on; it is queued. */
void ah_h1_request_start(ah_h1_request *request, ah_exchange *exchange);

/* Lets go of the exchange, at any time. */
void ah_h1_request_drop(ah_h1_request *request);

/*
 * Puts into the stream what can be put there now: the head, and content up to
 * what the stream may hold.  The content's source may be the user's, and may
 * let go of the exchange.
 *
 *   AHTTP_OK
 *   AHTTP_ECANCELED   somebody has let go of the exchange
 *   AHTTP_EINVAL, AHTTP_EFIELD   it cannot be sent; nothing of it was put into
 *                     the stream; |request->why| says it
 *   AHTTP_EBODY, AHTTP_ENOMEM   it cannot be finished
 */
int ah_h1_request_fill(ah_h1_request *request);

/* After the stream was flushed or has drained: whether everything was taken,
 * and what the exchange waits for.  True if there is more to be filled in right
 * away. */
bool ah_h1_request_settle(ah_h1_request *request);

/* The source has something again.  True if it is to be read. */
bool ah_h1_request_wake(ah_h1_request *request);

/* Sends no more content. */
void ah_h1_request_stop(ah_h1_request *request);

#endif
