/* SPDX-License-Identifier: MIT */
#ifndef AH_TRANSPORT_EXCHANGE_H
#define AH_TRANSPORT_EXCHANGE_H

#include <ahttp/call.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/trace.h"
#include "http/message.h"
#include "net/deadline.h"
#include "net/loop.h"
#include "net/stream.h"

/*
 * One request and its response over one hop.  The client fills in what is to be
 * sent and gets events; the transport puts it on a connection and, when the
 * rules allow, on another one.
 *
 * Events come from the loop, in the order informational*, head, body*,
 * trailers?, then done, exactly once and last.  After ah_exchange_cancel() only
 * done follows.  The memory is the client's and must stay until done.
 */
typedef struct ah_exchange ah_exchange;
typedef struct ah_connection ah_connection;
typedef struct ah_transport ah_transport;
typedef struct ah_origin ah_origin;

/* What is left of a connection when another protocol begins on it (RFC 9110,
 * sections 7.8 and 9.3.6). */
typedef struct ah_handover {
  ah_stream *stream; /* open and paused; its sink is to be replaced */
  ah_buf early;      /* what came after the response */
  bool input_ended;  /* nothing follows that; with |end_is_clean| */
  bool end_is_clean;
  ah_connection *conn; /* wants release() when the stream was closed */
} ah_handover;

/* Who takes it over.  lost() has him close the stream, and release the
 * connection, now: the client goes. */
typedef struct ah_taker ah_taker;
struct ah_taker {
  void (*lost)(ah_taker *taker, const ahttp_error *err);
};

/* The client's side.  No member may be NULL.  Any of them may pause, cancel or
 * start anything. */
typedef struct ah_exchange_sink {
  void (*on_informational)(ah_exchange *exchange, const ah_response_head *head);
  /* exchange->response is complete. */
  void (*on_head)(ah_exchange *exchange);
  void (*on_body)(ah_exchange *exchange, const uint8_t *data, size_t len);
  /* exchange->trailers is complete. */
  void (*on_trailers)(ah_exchange *exchange);
  void (*on_upload)(ah_exchange *exchange);
  /* The response is complete and another protocol follows.  Moves |*handover|
   * out, all but |conn|, and returns who has it; or NULL, and leaves it.  Runs
   * nothing of the user's. */
  ah_taker *(*on_switch)(ah_exchange *exchange, ah_handover *handover);
  /* exchange->error says how it went; its code is AHTTP_OK if well. */
  void (*on_done)(ah_exchange *exchange);
} ah_exchange_sink;

/* How many unconsumed bytes an exchange may hold out: the HTTP/2 stream window
 * and its like for HTTP/1.1. */
enum {
  AH_EXCHANGE_WINDOW_BYTES = 1024 * 1024
};

/* How long content is held back for a server that was asked whether it wants
 * it and does not say (RFC 9110, section 10.1.1: a client should not wait for
 * an indefinite period).  curl waits as long. */
enum {
  AH_CONTINUE_MS = 1000
};

/* What has become of "Expect: 100-continue" on the connection it is on. */
typedef enum ah_expectation {
  AH_EXPECTS_NOTHING,  /* there is none, or content may be sent */
  AH_EXPECTS_CONTINUE, /* content is held back */
  AH_EXPECTS_NO_MORE   /* a final response came first: none of it is sent */
} ah_expectation;

/* The lines exchanges wait in for a connection, the first served first. */
typedef enum ah_wait_line {
  AH_WAIT_FRESH,  /* to be sent again, on a new connection only */
  AH_WAIT_THIRD,  /* two attempts or more have failed */
  AH_WAIT_SECOND, /* one has */
  AH_WAIT_FIRST,  /* no connection yet */
  AH_WAIT_LINES   /* how many there are */
} ah_wait_line;

/*
 * Members are in the order of their use: with many connections a request costs
 * what it touches, in lines of 64 bytes that others have pushed out of the
 * cache.  Ordinary ones touch everything down to |error.code|, hardly anything
 * behind that.
 */
struct ah_exchange {
  /* Set by the client after init, which leaves it alone, and before the start;
   * unchanged until done. */
  const ah_exchange_sink *sink;
  ah_loop *loop;
  ah_arena *arena; /* response fields go here */
  ah_request_head request;
  struct {
    uint32_t connect_ms; /* UINT32_MAX: none; so all of these */
    uint32_t read_ms;
    uint32_t write_ms;
    uint32_t pool_ms;
  } timeouts;
  uint32_t connect_retries; /* of a dial made for it */

  /* The client's too, but cleared by init. */
  bool manual_credit;    /* body bytes count as consumed when credited */
  bool user_paused;      /* by ah_exchange_pause() */
  const ah_trace *trace; /* NULL: nobody listens */
  ah_origin *origin;     /* interned; held by the client */

  /* Who has it: a transport's queue, or a connection, or (ended) nobody. */
  bool ended; /* the outcome is known; only done is left */
  ah_transport *transport;
  ah_connection *conn;
  /* The connection it was put on last, held for what it says of itself, which
   * is asked for at any time; NULL: none yet. */
  ah_connection *last_conn;

  /* What the retry rules ask.  |written| and |response_started| are set by the
   * connection, the others by the pool. */
  struct {
    bool conn_reused;      /* others had used the connection before */
    bool written;          /* a byte of it was given to the kernel */
    bool response_started; /* a byte of the response arrived */
    bool resent;           /* sent again though it may have arrived */
    unsigned attempts;     /* connections it was put on */
    unsigned connects;     /* connects tried for it by the last dial */
  } facts;

  /* exchange.c's own. */
  ah_expectation expectation;
  ah_task end_task;
  unsigned steps;    /* hop_trace.c's: those under way, if there is a trace */
  int deadline_code; /* AHTTP_ETIMEOUT_..., what its expiry means */
  ah_deadline deadline; /* pool, write or read, whichever is due next */

  /* Readings of the loop's clock, ns; 0: did not happen. */
  struct {
    uint64_t started;  /* put into the transport's queue, again for a retry */
    uint64_t attached; /* given to a connection */
    uint64_t sent;     /* all of it written */
    uint64_t head;
    uint64_t ended;
    uint64_t dns; /* durations: the part it waited for of the dial that made
                     its connection; with the next two no longer than from
                     |started| to |attached| */
    uint64_t connect;
    uint64_t tls;
  } times;
  struct {
    uint64_t out;    /* request bytes, before TLS */
    uint64_t head;   /* response head bytes */
    uint64_t body;   /* response content bytes; counted by tell_body */
    uint64_t upload; /* request content bytes given to the stream */
  } bytes;
  struct {
    const ah_stream_counts *now; /* while it is on a connection */
    ah_stream_counts counts;     /* until it leaves the connection what was not
                                    carried for it, then what was */
  } wire;

  int64_t stream_id; /* -1: none */
  size_t uncredited; /* with manual credit: given out, not consumed */

  ah_response_head response; /* filled by the connection */

  /* The outcome.  It is large and rarely more than its code: clearing all of it
   * twice a request is a tenth of what a request costs. */
  ahttp_error error;

  /* Not cleared at all, since it is written before it is read: what belongs to
   * whoever has it in a list, and to the connection (HTTP/2 stream), ... */
  ah_list_node node; /* in the queue, then in the connection's list */
  void *stream;
  /* ... the pool's own, while it waits, ... */
  struct {
    ah_wait_line line;
    bool is_covered;      /* a dial under way may serve it */
    uint64_t conn_id_min; /* no connection older than this one */
  } wait;
  /* ... what the connection fills in before it tells of trailers, ... */
  ahttp_fields trailers;
  /* ... and call_info.c's, what it has shown of the peer while the exchange
   * could still be put on another connection. */
  struct {
    char remote_address[AH_STREAM_ADDRESS_BYTES];
    char local_address[AH_STREAM_ADDRESS_BYTES];
  } shown;
};

/* Makes |exchange|, new memory or cleared, empty; then the client fills in all
 * of its part. */
void ah_exchange_init(ah_exchange *exchange);

/* Lets go of what |exchange|, which is done or was never started, still holds.
 * Any thread. */
void ah_exchange_clear(ah_exchange *exchange);

/* --- Downward: what the client does. ------------------------------------ */

/* Hands it to |transport|.  Never fails and never calls back from within:
 * trouble is told by on_done. */
void ah_exchange_start(ah_exchange *exchange, ah_transport *transport);

/* Ends it with |err| wherever it is; nothing if it has ended. */
void ah_exchange_cancel(ah_exchange *exchange, const ahttp_error *err);

void ah_exchange_pause(ah_exchange *exchange);
void ah_exchange_resume(ah_exchange *exchange);
/* With manual credit: |len| body bytes were consumed. */
void ah_exchange_credit(ah_exchange *exchange, size_t len);
/* The request body, which had nothing, has something again. */
void ah_exchange_body_ready(ah_exchange *exchange);

/* True if body bytes must not be given out now: paused by the user or short of
 * credit. */
bool ah_exchange_is_paused(const ah_exchange *exchange);

/* --- Upward: what a connection says. ------------------------------------ */

/*
 * Each passes an event on.  They return true if the exchange goes on, false if
 * it has ended meanwhile: then the connection has let go of it and must touch
 * it no more.  A connection that gets true asks ah_exchange_is_paused() before
 * the next body bytes.  Unless the exchange has manual credit, tell_body calls
 * the connection's credit() for the bytes, which are consumed by then.
 */
bool ah_exchange_tell_informational(ah_exchange *exchange,
                                    const ah_response_head *head);
bool ah_exchange_tell_head(ah_exchange *exchange);
bool ah_exchange_tell_body(ah_exchange *exchange, const uint8_t *data,
                           size_t len);
bool ah_exchange_tell_trailers(ah_exchange *exchange);
bool ah_exchange_tell_upload(ah_exchange *exchange);

/*
 * Before content is sent on a connection: holds it back if the request has
 * content and expects a 100 (RFC 9110, section 10.1.1).  While it
 * ah_exchange_holds_content(), the body is not to be read; the connection's
 * body_ready() says that it may be, after the 100 or after AH_CONTINUE_MS of
 * ah_exchange_await_continue().
 */
void ah_exchange_expect(ah_exchange *exchange);

static inline bool ah_exchange_holds_content(const ah_exchange *exchange)
{
  return exchange->expectation != AH_EXPECTS_NOTHING;
}

/* The final response's head has come before all content was sent.  True if the
 * rest is not to be sent. */
bool ah_exchange_drops_content(ah_exchange *exchange);

/* The exchange is over, well (NULL) or not.  The connection has taken it off
 * its lists already.  Records the outcome; done follows from the loop. */
void ah_exchange_end(ah_exchange *exchange, const ahttp_error *err);

/* The connection failed it: ended with |err|, unless the transport's retry
 * rules put it on another connection.  |refused| is true if the server said it
 * did not process it (RFC 9113, section 8.7).  Taken off all lists before. */
void ah_exchange_fail(ah_exchange *exchange, const ahttp_error *err,
                      bool refused);

/* Arms the pool timeout (the limits forbid a connection for it), the write
 * timeout (bytes wait to be taken by the kernel), the read timeout (all
 * written), AH_CONTINUE_MS (content is held back), or none.  Touch restarts
 * whichever is armed.  The read timeout rests while the exchange is paused. */
void ah_exchange_await_pool(ah_exchange *exchange);
void ah_exchange_await_write(ah_exchange *exchange);
void ah_exchange_await_read(ah_exchange *exchange);
void ah_exchange_await_continue(ah_exchange *exchange);
void ah_exchange_await_nothing(ah_exchange *exchange);
void ah_exchange_touch(ah_exchange *exchange);

/* All of the request has been written. */
void ah_exchange_note_sent(ah_exchange *exchange);

/* What its connection has carried since it was put on it. */
ah_stream_counts ah_exchange_wire(const ah_exchange *exchange);

/* What is known about the peer, and the connection's id, as of the connection
 * it was put on last; empty and 0 if there is none.  Good until it is put on
 * another one or cleared. */
const ah_stream_info *ah_exchange_peer(const ah_exchange *exchange);
uint64_t ah_exchange_conn_id(const ah_exchange *exchange);

/* The phase it is in, by its times. */
ahttp_phase ah_exchange_phase(const ah_exchange *exchange);

/* --- Transports. --------------------------------------------------------- */

/* What a transport does before the connection's start(). */
void ah_exchange_put_on(ah_exchange *exchange, ah_connection *conn);

/* One hop: exchange in, sink events out.  The pool is one, a mock another. */
typedef struct ah_transport_ops {
  const char *name;
  void (*start)(ah_transport *transport, ah_exchange *exchange);
  /* Lets go of an exchange that waits in the transport itself. */
  void (*forget)(ah_transport *transport, ah_exchange *exchange);
  /* True if the transport has taken a failed exchange back to try again. */
  bool (*retry)(ah_transport *transport, ah_exchange *exchange,
                const ahttp_error *err, bool refused);
} ah_transport_ops;

struct ah_transport {
  const ah_transport_ops *ops;
};

#endif
