/* SPDX-License-Identifier: MIT */
#ifndef AH_CLIENT_CALL_H
#define AH_CLIENT_CALL_H

#include <stdatomic.h>

#include <ahttp/call.h>

#include "base/arena.h"
#include "base/buf.h"
#include "client/driver.h"
#include "client/options.h"
#include "client/request.h"
#include "client/response.h"
#include "transport/exchange.h"

/* Fields of an ordinary request, for which the call has room itself: its arena
 * begins with the response, whose memory is better than what has grown cold
 * while the call waited for it. */
enum {
  AH_CALL_FIELDS = 16
};

typedef struct ah_reader ah_reader;
typedef struct ah_chain ah_chain;
typedef struct ahttp_stream ahttp_stream;

/* The public call: one send, over one or more hops, to one outcome.  Made on
 * any thread; from the launch to the end it is the loop's. */
struct ahttp_call {
  /* What each of start, head, content and end looks at, or two of them. */
  atomic_uint refs;  /* everybody's, the engine's included */
  atomic_uint users; /* of those, the users' */
  ahttp_handlers handlers;
  void *user_data;
  ahttp_client *client;             /* NULL once done */
  ah_list_node node;                /* in client->calls, from launch to end */
  ah_driver *driver;                /* held */
  ah_loop *loop;                    /* good while |client| is */
  const ah_send_settings *settings; /* |own_settings|, or the client's */
  unsigned active;                  /* bits of the interceptors it uses */
  bool is_launched;                 /* |exchange| is in use */
  bool has_head;       /* the final response's head was told to the user */
  bool is_dropping;    /* this hop's response is not for the user */
  bool is_ended;       /* the call itself was ended */
  atomic_bool is_over; /* nothing can be done with it any more; any thread */
  bool is_paused;
  bool manual_credit; /* of every hop; so the next */
  bool answers_proxy; /* this hop's credentials for a proxy are the client's */
  ah_chain *chain;    /* what interceptors need; NULL: nothing so far */
  ahttp_response response;
  ahttp_request *request;
  const ahttp_fields *hop_fields; /* what the hop sends, but for framing and for
                                     what interceptors change in it alone */

  /* What the end looks at, and the start clears. */
  ah_deadline total;
  ahttp_auth *auth;     /* held; NULL: none */
  char *content;        /* owned; what response.content views, or NULL */
  char *text;           /* owned; the same as UTF-8, or NULL */
  ah_reader *reader;    /* owned; of a response that is read as it comes */
  ahttp_stream *stream; /* of a response that switches protocols; held until
                           the end */
  _Atomic(ahttp_stream *) untaken; /* the same, with the user's reference, until
                                      he takes it */
  ah_arena arena;

  /* What few calls look at again. */
  uint64_t started_ns;            /* 0: not yet, and not posted */
  const ah_trace *trace;          /* in |arena|; NULL: nobody listens */
  ahttp_str local;                /* an ah_local_address in |arena|; or empty */
  ahttp_certificate *certificate; /* of this hop, if somebody asked for it */
  size_t dropped_bytes;   /* of this hop's content, while |is_dropping| */
  size_t history_bytes;   /* of the responses before it: history.c */
  unsigned hop_redirects; /* response.redirects when this hop began */
  unsigned hop_retries;

  /* From other threads: what |letter| is to do when it is read. */
  ah_letter letter;
  atomic_uint commands;
  atomic_int go_on_code;
  atomic_size_t credit;

  /* What is not cleared with the rest, because it is large: it is initialized
   * by itself, or written before it is read. */
  ah_exchange exchange; /* the current hop; |request| says what it sends */
  ah_send_settings own_settings;
  ahttp_url url;       /* of a later hop; the first uses the request's */
  ahttp_fields fields; /* of a first hop that adds something to the defaults,
                          and of later ones */
  ah_field items[AH_CALL_FIELDS]; /* the first of the first hop's */
  struct {
    ah_request_head head; /* what to send when |is_dropping| is over */
    ahttp_url url;
    ahttp_fields fields;
  } next;
};

/* --- Lifecycle. ------------------------------------------------------------
 */

/*
 * Makes a call that has not been launched, with the engine's reference.  Any
 * thread.  A bad |opts| is told by on_done.  NULL if memory is out or
 * |handlers| is from a newer header.
 */
ahttp_call *ah_call_new(ahttp_client *client, ahttp_request *request,
                        const ahttp_send_opts *opts,
                        const ahttp_handlers *handlers, void *user_data);

/* References that are not the user's. */
ahttp_call *ah_call_ref(ahttp_call *call);
void ah_call_unref(ahttp_call *call);

/* Starts it, on the loop's thread; ends it at once, from within, if the client
 * is closing. */
void ah_call_launch(ahttp_call *call);

/*
 * Launches it from any thread, by letter from those that are not on the loop.
 * False, and nothing was done, if the client was closed.  Unless this is the
 * loop's thread the call may be over when this returns.
 */
bool ah_call_dispatch(ahttp_call *call);

/* Ends a call that was not launched with AHTTP_ECLOSED: runs on_done. */
void ah_call_refuse(ahttp_call *call);

/* Records the call's own outcome, the first one wins, and stops the hop. */
void ah_call_end(ahttp_call *call, const ahttp_error *err);
void ah_call_end_plain(ahttp_call *call, int code);

/* The one place where a call is over. */
void ah_call_finish(ahttp_call *call);

/* Goes on with call->next when the hop before it is done. */
void ah_call_start_next_hop(ahttp_call *call);

/* Has call->settings and call->hop_fields outlive the client, whose they are or
 * view.  AHTTP_OK or AHTTP_ENOMEM. */
int ah_call_outlive_client(ahttp_call *call);

/* Hands the hop to the transport: call_route.c. */
void ah_call_send_hop(ahttp_call *call);

/* call_fields.c: sets call->hop_fields, for the first hop.  AHTTP_OK or
 * AHTTP_ENOMEM. */
int ah_call_merge_fields(ahttp_call *call);

/* call_options.c: copies what call->settings borrow of the caller's.  AHTTP_OK,
 * also if something is wrong with it: then the call is ended; or AHTTP_ENOMEM.
 */
int ah_call_keep_options(ahttp_call *call);

/* --- Events: call_sink.c. ---------------------------------------------------
 */

extern const ah_exchange_sink ah_call_sink;

/* Tell the user what has passed the interceptors. */
void ah_call_tell_head(ahttp_call *call);
void ah_call_tell_body(ahttp_call *call, const uint8_t *data, size_t len);
void ah_call_tell_trailers(ahttp_call *call);

/* Tells the user how it went. */
void ah_call_call_on_done(ahttp_call *call, const ahttp_error *err);

/* --- From other threads: call_control.c. ------------------------------------
 */

/* What call->letter runs. */
void ah_call_on_letter(ah_letter *letter);

/* Has it launched on the loop's thread.  False, and nothing was done, if there
 * is no loop any more. */
bool ah_call_post_launch(ahttp_call *call);

#endif
