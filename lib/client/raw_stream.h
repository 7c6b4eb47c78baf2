/* SPDX-License-Identifier: MIT */
#ifndef AH_CLIENT_RAW_STREAM_H
#define AH_CLIENT_RAW_STREAM_H

#include <stdatomic.h>

#include <ahttp/stream.h>

#include "base/buf.h"
#include "client/driver.h"
#include "net/stream.h"
#include "transport/connection.h"

/*
 * The public raw stream.  It is made with the head of the response, gets the
 * connection's stream when the exchange hands that over, and loses it when it
 * breaks, is closed, or the client goes.
 */

enum {
  /* Bytes that wait to be read by a thread; then the peer waits.  What one read
   * of the loop may bring at once comes on top. */
  AH_RAW_IN_BYTES_MAX = 256 * 1024,
  /* Bytes sent that the loop has not come to; see ahttp_stream_send(). */
  AH_RAW_OUT_BYTES_MAX = 16 * 1024 * 1024
};

struct ahttp_stream {
  atomic_uint refs;  /* the user's; the call's until its end; one while |raw| is
                        there; those of |task| and |letter| under way */
  ah_driver *driver; /* held */
  ah_letter letter;  /* from other threads: runs |task| */

  /* The loop's thread's. */
  ah_loop *loop;
  ah_taker taker;
  ah_task task;        /* does what is due */
  ah_stream *raw;      /* NULL: not here yet, or gone */
  ah_connection *conn; /* to be released with |raw| */
  ah_buf early;        /* to be given before what |raw| reads */
  bool was_attached;
  bool is_reading;  /* |raw| is not paused */
  bool is_sending;  /* something was written and not told as drained */
  bool input_ended; /* nothing comes after |early|; |end_is_clean| */
  bool end_is_clean;
  bool end_told;
  bool error_told;

  uv_mutex_t lock;
  /* Guarded by |lock|. */
  bool is_closing; /* by the user: nothing is told any more */
  bool is_started; /* it tells |handlers| */
  bool is_paused;
  bool is_waited; /* threads read and write it */
  bool is_ended;  /* nothing comes after |in| */
  bool is_unsent; /* the kernel does not have all that was sent */
  ahttp_stream_handlers handlers;
  void *user_data;
  ah_buf in;         /* read and not taken by a thread */
  ah_buf out;        /* sent and not given to |raw| */
  ahttp_error error; /* what broke it; AHTTP_OK: nothing */
  ah_latch news;     /* set when |in|, |is_ended| or |error| have changed */
  ah_latch drained;  /* set when |is_unsent| or |error| have */
};

/* One for |call|, which has a reference; the user has another one. AHTTP_OK or
 * AHTTP_ENOMEM. */
int ah_raw_stream_new(ahttp_stream **out, ahttp_call *call);

/* Takes over what the exchange has left; see ah_exchange_sink. */
ah_taker *ah_raw_stream_attach(ahttp_stream *stream, ah_handover *handover);

/* The call has ended; drops its reference.  Without a stream by now there will
 * be none: because of |err|, or NULL. */
void ah_raw_stream_end_call(ahttp_stream *stream, const ahttp_error *err);

/* Has the task run on the loop's thread.  Any thread. */
void ah_raw_stream_poke(ahttp_stream *stream);

#endif
