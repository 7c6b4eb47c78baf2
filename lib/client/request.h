/* SPDX-License-Identifier: MIT */
#ifndef AH_CLIENT_REQUEST_H
#define AH_CLIENT_REQUEST_H

#include <stdatomic.h>

#include <ahttp/request.h>

#include "base/arena.h"
#include "http/body.h"
#include "http/fields.h"
#include "http/request_trailers.h"
#include "http/url.h"

/* First block of a request's arena: method and URL of most, so that a request
 * without fields of its own is one allocation, of a size that C libraries keep
 * ready (up to 1 KiB). */
enum {
  AH_REQUEST_BLOCK_BYTES = 640
};

/* The public request.  Frozen by its first send. */
struct ahttp_request {
  atomic_uint refs;
  atomic_bool is_sent; /* no changes from here on */
  ah_arena arena;      /* method, url, fields */
  ahttp_str method;
  unsigned traits; /* AH_METHOD_... */
  ahttp_url url;
  ahttp_fields fields;
  ahttp_fields implied; /* sent unless there are others of the same name */
  ah_body *body;        /* NULL: no content */
  ah_request_trailers *trailers; /* in |arena|; NULL: none */
  ahttp_str connect_to;          /* see ah_request_head */

  /* Of one that ahttp_response_next_request() has made. */
  ahttp_request *body_owner; /* held: |body| is its; NULL: it is our own */
  bool is_complete;          /* has the client's default fields already */
  bool has_left;             /* where the client's credentials are for */
  uint8_t block[AH_REQUEST_BLOCK_BYTES];
};

/* True for fields that belong to the library: those that frame a message. */
bool ah_request_is_framing_field(ah_field_id id);

/* Takes |body| for the content, in place of what was there, whose type is
 * forgotten. */
void ah_request_set_body(ahttp_request *request, ah_body *body);

/* An empty request with one reference; NULL if memory is out. */
ahttp_request *ah_request_alloc(void);

/* Returns |request| with one more reference.  Any thread. */
ahttp_request *ah_request_ref(ahttp_request *request);

#endif
