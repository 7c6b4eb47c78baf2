/* SPDX-License-Identifier: MIT */
#ifndef AH_CLIENT_CALL_H
#define AH_CLIENT_CALL_H

#include <stdatomic.h>

#include <ahttp/call.h>

#include "base/arena.h"
#include "base/buf.h"
#include "client/options.h"
#include "client/request.h"
#include "client/response.h"
#include "transport/exchange.h"

/* What one hop sends.  |head| points into the other two, or into the user's
 * request, or into the call's arena. */
typedef struct ah_hop {
  ah_request_head head;
  ahttp_url url;       /* of a later hop; the first uses the request's */
  ahttp_fields fields; /* complete but for framing */
} ah_hop;

/* First block of a call's arena: enough for the fields of an ordinary request
 * and response, so that a call is one allocation. */
enum {
  AH_CALL_BLOCK_BYTES = 3072
};

/* The public call: one send, over one or more hops, to one outcome. */
struct ahttp_call {
  atomic_uint refs;
  ahttp_client *client; /* NULL once done */
  ah_loop *loop;
  ah_list_node node; /* in client->calls */
  ahttp_request *request;
  ahttp_handlers handlers;
  void *user_data;
  ah_send_settings settings;

  ah_hop hop;           /* what |exchange| sends */
  ah_exchange exchange; /* the current hop */
  bool has_head;        /* the final response's head was told to the user */
  bool is_dropping;     /* this hop's response is not for the user */
  size_t dropped_bytes; /* of its content */
  ah_hop next;          /* what to send when it has been dropped */

  ahttp_response response;
  char *content; /* owned; what response.content views, or NULL */

  bool is_ended;     /* the call itself was ended; |error| says how */
  ahttp_error error; /* the outcome, if not the exchange's own */
  ah_deadline total;

  /* From other threads. */
  ah_letter cancel_letter;

  uint64_t started_ns;
  ah_arena arena;
  uint8_t block[AH_CALL_BLOCK_BYTES];
};

/* Ends |call| with AHTTP_ECLOSED. */
void ah_call_close(ahttp_call *call);

#endif
