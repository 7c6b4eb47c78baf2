/* SPDX-License-Identifier: MIT */
#ifndef AH_TRANSPORT_H2_FLOW_H
#define AH_TRANSPORT_H2_FLOW_H

#include "base/buf.h"
#include "http/h2_session.h"
#include "transport/exchange.h"

/*
 * An exchange on an HTTP/2 connection: its stream, the content that came while
 * it was paused, and how far its own content has been sent.  It is in the
 * exchange's arena, so letting go of it frees nothing that somebody up the
 * stack may still look at.
 */
typedef struct ah_h2_flow {
  ah_h2_stream stream;
  ah_exchange *exchange;
  ah_list_node sent_node; /* linked while frames of it may be on the way */
  ah_list_node due_node;  /* linked while it is to be gone on with */
  ah_buf held;            /* content not given out yet, at most a window */
  ahttp_fields trailers;  /* of the request, at its end */
  bool has_trailers;      /* to be told once |held| is empty */
  bool is_fresh;          /* frames were sent since the last settling */
  bool is_marked;         /* the kernel may not have everything up to |mark| */
  struct {
    uint32_t bytes; /* what the server may send ahead */
    uint32_t taken; /* of what it sent, since that was changed last */
    bool is_fixed;  /* the reader has paused: it gets no more than that */
  } window;
  struct {
    uint64_t out;    /* where it is among all bytes of the connection */
    uint64_t upload; /* content bytes before it */
    bool is_last;    /* the request ends before it */
  } mark;
  struct {
    uint64_t offset; /* bytes read from the request's body */
    uint64_t told;   /* of these, what on_upload was told */
    bool is_waiting; /* the body had nothing; it will say when */
    bool is_ready;   /* it has said so */
    bool is_stopped; /* no more of it is wanted */
  } upload;
} ah_h2_flow;

/* One for |exchange|; becomes exchange->stream.  AHTTP_OK or AHTTP_ENOMEM. */
int ah_h2_flow_new(ah_h2_flow **out, ah_exchange *exchange);

/* Takes it off all lists and drops what it holds. */
void ah_h2_flow_close(ah_h2_flow *flow);

/* True if the request has content to be read. */
bool ah_h2_flow_has_content(const ah_h2_flow *flow);

/* Passes content on, or keeps it while the exchange is paused.  AHTTP_OK, also
 * if the exchange has ended over it, or AHTTP_ENOMEM. */
int ah_h2_flow_give(ah_h2_flow *flow, const uint8_t *data, size_t len);

/*
 * The reader has taken |len| bytes.  True if it is so fast that its window has
 * become wider: who takes a whole one without a pause may be waiting for the
 * server's bytes to come the way, and twice as many may be on it from then on.
 */
bool ah_h2_flow_take(ah_h2_flow *flow, size_t len);

/* Passes on what it keeps.  True if nothing is left; false if the exchange is
 * paused again, or has ended. */
bool ah_h2_flow_deliver(ah_h2_flow *flow);

/* Reads content for the session; see ah_h2_session_ops.on_content. */
int ah_h2_flow_read(ah_h2_flow *flow, uint8_t *dst, size_t cap, size_t *len,
                    bool *end);

/*
 * After a flush: the connection has given |out| bytes to its stream in all, of
 * which the kernel has |taken|.  Notes how far the request has come and arms
 * the timeout for what is awaited now.  Returns true if there is progress to be
 * told.  While the flow is marked it is to be asked again.
 */
bool ah_h2_flow_settle(ah_h2_flow *flow, uint64_t out, uint64_t taken);

/* Tells of the progress. */
void ah_h2_flow_tell_upload(ah_h2_flow *flow);

#endif
