/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_REQUEST_TRAILERS_H
#define AH_HTTP_REQUEST_TRAILERS_H

#include <ahttp/request.h>

#include "base/buf.h"
#include "http/fields.h"

enum {
  /* Of names and values: as much as servers take, hyper and others. */
  AH_REQUEST_TRAILER_BYTES_MAX = 16 * 1024
};

/* What follows a request's content (RFC 9110, section 6.5). */
struct ah_request_trailers {
  ahttp_fields fields; /* a value without |ptr| is asked for at the end */
  ahttp_trailer_cb value;
  void *user_data;
};
typedef struct ah_request_trailers ah_request_trailers;

/*
 * Fills |*out|, in |arena|, with all values; those that are missing are asked
 * for, so the user's code runs.  AHTTP_OK; AHTTP_EBODY if it has no value, or
 * one that cannot be sent; AHTTP_ELIMIT if they are too much; or AHTTP_ENOMEM.
 */
int ah_request_trailers_resolve(const ah_request_trailers *trailers,
                                ah_arena *arena, ahttp_fields *out);

/* Appends |fields| as HTTP/1.1 has them, a line each and an empty one. AHTTP_OK
 * or AHTTP_ENOMEM. */
int ah_request_trailers_write(const ahttp_fields *fields, ah_buf *buf);

/* What the Trailer field says, in |arena|: the names.  AHTTP_OK or
 * AHTTP_ENOMEM. */
int ah_request_trailers_name(const ah_request_trailers *trailers,
                             ah_arena *arena, ahttp_str *out);

#endif
