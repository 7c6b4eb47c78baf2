/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_MULTIPART_H
#define AH_HTTP_MULTIPART_H

#include <stdatomic.h>

#include <ahttp/multipart.h>

#include "base/arena.h"
#include "http/body.h"
#include "http/boundary.h"

/* One part. */
typedef struct ah_part {
  ah_body *body;  /* owned */
  ahttp_str head; /* its fields, up to and with the empty line */
  ahttp_str name; /* as in there, for messages */
} ah_part;

/* Parts in their order.  Once a body is made of it nothing changes any more, so
 * that threads may share it. */
struct ahttp_multipart {
  atomic_uint refs;
  bool is_closed;
  ah_arena arena; /* heads */
  ah_part *parts; /* |count| of them, room for |cap| */
  size_t count;
  size_t cap;
  ah_boundary boundary; /* empty: not chosen yet */
};

/*
 * Takes no more parts from here on.  If |boundary| is not empty it becomes the
 * one, else a random one if none was set.  AHTTP_OK; AHTTP_EFIELD if it has
 * another one; or AHTTP_ESTATE if there is no randomness.
 */
int ah_multipart_close(ahttp_multipart *multipart, const ah_boundary *boundary);

/* Drops a reference. */
void ah_multipart_unref(ahttp_multipart *multipart);

/*
 * Content that reads |multipart|, which is closed and of which it holds a
 * reference: multipart_body.c.  AHTTP_OK, AHTTP_EINVAL if it is too long, or
 * AHTTP_ENOMEM.
 */
int ah_body_new_multipart(ah_body **out, ahttp_multipart *multipart);

#endif
