/* SPDX-License-Identifier: MIT */
#ifndef AH_CLIENT_CONTENT_HOLD_H
#define AH_CLIENT_CONTENT_HOLD_H

#include "base/buf.h"
#include "client/interceptor.h"

/*
 * What an interceptor keeps while it holds a head: the content, if it wants to
 * read it first, or nothing; then that waits below.  Part of the interceptor's
 * state; zero but for |place| is empty.
 */
typedef enum ah_hold_state {
  AH_HOLD_NONE,
  AH_HOLD_COLLECTING,
  AH_HOLD_COMPLETE, /* all of the content is there: ask about the head */
  AH_HOLD_RELEASED  /* the head has gone on; the content follows */
} ah_hold_state;

typedef struct ah_hold {
  ah_hold_state state;
  ah_place place; /* the interceptor's, set by it */
  ah_buf content;
  size_t max; /* bytes it may have */
} ah_hold;

/* Forgets what the hop before has left. */
void ah_hold_clear(ah_hold *hold);

/*
 * For on_head: begins to collect the content, of which there may be |max|
 * bytes.  AH_LATER: on_head is asked again with AH_HOLD_COMPLETE; or
 * AHTTP_ENOMEM.
 */
int ah_hold_collect(ah_hold *hold, ahttp_call *call, size_t max);

/* The collected content, NUL-terminated; empty if there is none. */
ahttp_str ah_hold_content(const ah_hold *hold);

/* For on_body and on_end. */
int ah_hold_on_body(ah_hold *hold, ahttp_call *call, const uint8_t *data,
                    size_t len, size_t *used, ahttp_error *err);
int ah_hold_on_end(ah_hold *hold, ahttp_call *call, ahttp_error *err);

#endif
