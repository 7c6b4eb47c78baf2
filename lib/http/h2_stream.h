/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_H2_STREAM_H
#define AH_HTTP_H2_STREAM_H

#include <ahttp/error.h>

#include "base/arena.h"
#include "http/message.h"

enum {
  /* Interim responses a request may get. */
  AH_H2_INTERIM_MAX = 16
};

/*
 * What an HTTP/2 session knows of one stream.  It is the memory of whoever
 * holds the request, embedded in whatever else is kept for it.
 */
typedef struct ah_h2_stream {
  int32_t id; /* > 0 while the session has it */

  /* Set by the holder before the submit. */
  ah_arena *arena;            /* where response fields go */
  ah_response_head *response; /* where the final head goes */
  ahttp_fields *trailers;     /* where the trailer section goes */

  /* Set by the holder when it gives out the last content: what follows it. */
  const ahttp_fields *request_trailers;

  /* To be looked at. */
  uint64_t head_wire_bytes; /* of HEADERS frames received, compressed */
  bool is_head_sent;        /* HEADERS were given out by drain */
  bool is_sent;             /* END_STREAM was given out by drain */
  bool is_head_received;    /* the final response's head */
  bool is_received;         /* the whole response */

  /* The session's own. */
  size_t head_bytes; /* spent of AH_H2_HEAD_BYTES_MAX */
  unsigned interim_count;
  uint64_t content_bytes;
  uint64_t content_end; /* what |content_bytes| comes to with the frame that has
                           END_STREAM, padding and all; UINT64_MAX before it */
  bool is_for_head;     /* the request's method is HEAD */
  bool is_reset;        /* the server's RST_STREAM arrived */
} ah_h2_stream;

/* Zeroes all but what the holder has set, and numbers it |id|, for a request
 * whose method has |traits|. */
void ah_h2_stream_start(ah_h2_stream *stream, int32_t id, unsigned traits);

/*
 * Takes |head|, which was |bytes| long: the final response's, which it copies
 * to stream->response, or that of an interim one.  AHTTP_ELIMIT for one
 * interim response more than AH_H2_INTERIM_MAX.
 */
int ah_h2_stream_take_head(ah_h2_stream *stream, const ah_response_head *head,
                           size_t bytes);

/*
 * |*err| for a stream that was closed with |code| before its response was
 * complete: reset by the server, left behind by its GOAWAY, whose code is
 * |goaway_code| (-1: there was none), or closed by us because the response is
 * shorter than its head has promised or breaks the rules of HTTP.
 */
void ah_h2_stream_explain(const ah_h2_stream *stream, uint32_t code,
                          int64_t goaway_code, ahttp_error *err);

#endif
