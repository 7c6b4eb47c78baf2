/* SPDX-License-Identifier: MIT */
#ifndef AH_CLIENT_CHAIN_H
#define AH_CLIENT_CHAIN_H

#include "base/buf.h"
#include "client/interceptor.h"

/* What a call is waiting for between two steps. */
typedef enum ah_chain_wait {
  AH_CHAIN_GOES,
  AH_CHAIN_AT_START, /* |at| has delayed the hop; AH_PLACES: all of it waits */
  AH_CHAIN_AT_HEAD   /* |at| holds the response's head */
} ah_chain_wait;

/* What a call's interceptors need; made when the first of them needs some of
 * it, in the call's arena. */
struct ah_chain {
  ahttp_call *call;
  ah_task task; /* goes on: after an answer, or when there is room */
  void *states[AH_PLACES];
  ahttp_url url;             /* of this hop, if it was changed */
  const ahttp_url *url_base; /* before that */
  ahttp_fields outgoing;     /* of this hop, if they were changed */

  ah_chain_wait wait;
  ah_place at;
  bool is_answered; /* |answer| is there, |task| is queued */
  int answer;
  bool awaits_user;  /* who will give it by ahttp_call_go_on() */
  ah_deadline delay; /* of this hop's start */
  uint32_t delay_ms; /* of the next one's; 0: none */

  /* This hop's content; see content_chain.c. */
  unsigned filters;          /* bits of the places it passes */
  unsigned ended;            /* of those, that have given all */
  bool is_hop_done;          /* the exchange is over, well */
  bool has_trailers;         /* they have arrived and were not told */
  size_t uncredited;         /* with manual credit: told, not consumed */
  ah_buf pending[AH_PLACES]; /* what a place has not used yet */
};

/* Asks who is active and starts the first hop, at once if nobody has anything
 * to do before that. */
void ah_chain_launch(ahttp_call *call);

/* Starts the hop, from the loop. */
void ah_chain_start_hop(ahttp_call *call);

/* Passes the response's head upwards. */
void ah_chain_on_head(ahttp_call *call);

/* Passes the trailers upwards. */
void ah_chain_on_trailers(ahttp_call *call);

/* The hop has failed before its head.  True if another one is sent. */
bool ah_chain_on_failure(ahttp_call *call);

/* The call was ended: if no exchange is there to say so, the chain will. */
void ah_chain_on_call_end(ahttp_call *call);

/* Drops what the interceptors hold; the call is over. */
void ah_chain_finish(ahttp_call *call);

/* The call's chain, made if need be; NULL if memory is out. */
ah_chain *ah_chain_of(ahttp_call *call);

/* Goes on with a head from below |place|. */
void ah_chain_pass_head(ahttp_call *call, int place);

/* --- content_chain.c -------------------------------------------------------
 */

/* True if this hop's content passes filters or waits for a held head. */
static inline bool ah_chain_has_content(const ahttp_call *call)
{
  return call->chain != NULL && call->chain->filters != 0;
}

/* A new hop has nothing of the one before. */
void ah_chain_reset_content(ah_chain *chain);

/* |place| holds the head: content waits there, or passes it. */
void ah_chain_hold_content(ahttp_call *call, ah_place place);

/* Passes content through the filters. */
void ah_chain_on_body(ahttp_call *call, const uint8_t *data, size_t len);

/* The exchange is over, well.  True if the call goes on nevertheless, and is
 * finished by the chain. */
bool ah_chain_on_hop_done(ahttp_call *call);

/* Goes on wherever there is room; finishes the call after the last byte. */
void ah_chain_pump(ahttp_call *call);

/* The user has resumed the call, or given it credit for |len| bytes. */
void ah_chain_resume(ahttp_call *call);
void ah_chain_credit(ahttp_call *call, size_t len);

#endif
