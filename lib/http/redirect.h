/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_REDIRECT_H
#define AH_HTTP_REDIRECT_H

#include "http/message.h"

/* What the server answered, and what the user allows. */
typedef struct ah_redirect_answer {
  int status;             /* one of ah_redirect_is_status() */
  ahttp_str location;     /* the value of Location */
  bool is_ambiguous;      /* there is another Location with another value */
  bool refuses_downgrade; /* do not go from https to http */
} ah_redirect_answer;

/* What to send next.  The bytes are in the arena, or the old request's. */
typedef struct ah_redirect {
  ahttp_str method;
  ahttp_url url;
  ahttp_fields fields;
  bool keeps_body; /* the request's content goes along, from its beginning */
  bool changes_origin; /* the credentials of the old one were left behind */
} ah_redirect;

/* True for 301, 302, 303, 307 and 308: with a Location they ask for another
 * request. */
bool ah_redirect_is_status(int status);

/* True if |response| asks for another request: then |*out| says which, but for
 * what the user allows. */
bool ah_redirect_find(ah_redirect_answer *out,
                      const ah_response_head *response);

/* True if |from| is http on port 80 and |to| https on port 443 of the same
 * host: credentials for the one may go to the other. */
bool ah_redirect_is_upgrade(const ahttp_url *from, const ahttp_url *to);

/*
 * Computes the request that follows |request| after |answer|.  A pure function
 * but for the memory from |arena|; |request| must live as long as that.
 *
 * AHTTP_OK; AHTTP_EREDIRECT and the reason in |*why| (static text, |why| may be
 * NULL); or AHTTP_ENOMEM.  |*out| is zero on failure.
 */
int ah_redirect_next(ah_redirect *out, ah_arena *arena,
                     const ah_request_head *request,
                     const ah_redirect_answer *answer, const char **why);

#endif
