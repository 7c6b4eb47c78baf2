/* SPDX-License-Identifier: MIT */
#ifndef FAKE_EXCHANGE_H
#define FAKE_EXCHANGE_H

#include "base/arena.h"
#include "http/body.h"
#include "http/fields.h"
#include "http/url.h"
#include "support/fake_stream.h"
#include "transport/connection.h"
#include "transport/exchange.h"

/*
 * What a test of a connection puts around it: an exchange whose sink records
 * every event, the transport it comes from, and the owner of the connection.
 */

/* --- The owner of a connection. ------------------------------------------ */

typedef struct fake_owner {
  ah_connection *conn; /* NULL once it said it is closed */
  unsigned slots_told;
  unsigned draining_told;
  unsigned closed_told;
  /* Called from on_slots after counting; may be NULL. */
  void (*on_slots)(struct fake_owner *owner);
  void *user_data;
} fake_owner;

/* Makes |owner| the owner of |conn|. */
void fake_owner_adopt(fake_owner *owner, ah_connection *conn);

/* --- The transport. ------------------------------------------------------ */

/* Puts every exchange it is given on |conn|, at once. */
typedef struct fake_transport {
  ah_transport transport;
  ah_connection *conn;
  bool takes_back; /* the answer to retry(): it keeps the failed exchange */
  unsigned starts;
  unsigned forgets;
  unsigned retries; /* times it was asked to retry */
  int retry_code;   /* what the last one failed with */
  bool retry_refused;
} fake_transport;

void fake_transport_init(fake_transport *transport, ah_connection *conn);

/* --- The exchange. ------------------------------------------------------- */

typedef enum fake_event {
  FAKE_INFORMATIONAL,
  FAKE_HEAD,
  FAKE_BODY,
  FAKE_TRAILERS,
  FAKE_UPLOAD,
  FAKE_DONE
} fake_event;

typedef struct fake_exchange fake_exchange;
struct fake_exchange {
  ah_exchange exchange;
  ah_arena arena;
  ahttp_url url;
  ahttp_fields fields; /* of the request */

  /* The events so far, one word each: "100 200 body trailers done:OK".  Runs
   * of body slices are one word, uploads none. */
  fake_bytes log;
  fake_bytes body;      /* the response content */
  unsigned body_slices; /* how many it came in */
  unsigned uploads;
  unsigned dones;   /* 0 or 1 */
  size_t body_last; /* length of the last slice */

  /* Runs inside the sink's callback, after the event is recorded; may be NULL.
   * May pause, cancel and so on. */
  void (*on_event)(fake_exchange *fake, fake_event event);
  void *user_data;

  bool takes_stream;    /* of a response that switches protocols */
  ah_handover handover; /* what it took; the test closes and releases it */
  ah_taker taker;
};

/*
 * |method| for |url| (a valid http URL) on |loop|, without content and
 * timeouts.  Aborts the test if memory is out.  Free with
 * fake_exchange_free().
 */
fake_exchange *fake_exchange_new(ah_loop *loop, const char *method,
                                 const char *url);

/* Fails the test if the exchange was started and is not done.  The body is
 * freed as well. */
void fake_exchange_free(fake_exchange *fake);

void fake_exchange_add_field(fake_exchange *fake, const char *name,
                             const char *value);

/* Its content; taken over. */
void fake_exchange_set_body(fake_exchange *fake, ah_body *body);

/* ah_exchange_start() on |transport|. */
void fake_exchange_start(fake_exchange *fake, fake_transport *transport);

/* Ends it with AHTTP_ECANCELED. */
void fake_exchange_cancel(fake_exchange *fake);

/* --- The loop. ------------------------------------------------------------ */

/* A loop of its own that is kept running. */
ah_loop *fake_loop_new(void);
/* One turn, without waiting. */
void fake_loop_turn(ah_loop *loop);
/* Turns it until nothing is left to close. */
void fake_loop_free(ah_loop *loop);

#endif
