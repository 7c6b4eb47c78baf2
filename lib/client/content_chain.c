/* SPDX-License-Identifier: MIT */
/*
 * How content passes the interceptors that asked for it (filters).
 *
 * Bytes go from the exchange to the filter next to it, from there (emitted) to
 * the next one, and in the end to the user.  The user's pause and missing
 * credit stop it everywhere: an emit then answers AH_BLOCKED, the filter stops,
 * and what it has not used of its input is copied to its |pending|.  So each
 * place holds at most what one event brought; nobody's output is ever kept.
 * While something is pending the exchange is paused.
 *
 * ah_chain_pump() goes on when there is room: first with what is pending,
 * nearest to the user first; then, if the exchange is over, each filter from
 * below says that it has given all (on_end); then come the trailers and the end
 * of the call.
 *
 * With manual credit what counts is what the user was given, after the filters;
 * the exchange's own bytes are consumed when they came in.
 *
 * A held head is a filter that must not emit.  If it does not take content
 * either, that is pending at its place.
 */
#include "config.h"

#include "client/chain.h"

#include "base/assert.h"
#include "base/error.h"
#include "client/client.h"

/* The user's side. */
enum {
  USER = -1
};

static bool is_filter(const ah_chain *chain, int place)
{
  return (chain->filters & AH_PLACE_BIT(place)) != 0;
}

static const ah_interceptor *interceptor_at(const ahttp_call *call, int place)
{
  return call->client->interceptors[place];
}

int ah_call_filter(ahttp_call *call, ah_place place)
{
  ah_chain *chain = ah_chain_of(call);
  if (chain == NULL) {
    return AHTTP_ENOMEM;
  }
  chain->filters |= AH_PLACE_BIT(place);
  call->exchange.manual_credit = false;
  return AHTTP_OK;
}

void ah_chain_reset_content(ah_chain *chain)
{
  chain->filters = 0;
  chain->ended = 0;
  chain->is_hop_done = false;
  chain->has_trailers = false;
  for (int i = 0; i < AH_PLACES; i++) {
    ah_buf_reset(&chain->pending[i]);
  }
}

/* --- Room. -----------------------------------------------------------------
 */

static bool is_user_full(const ahttp_call *call)
{
  return call->is_paused ||
         (call->manual_credit &&
          call->chain->uncredited >= AH_EXCHANGE_WINDOW_BYTES);
}

/* True if the head is held by somebody who takes no content meanwhile. */
static bool is_shut(const ahttp_call *call)
{
  const ah_chain *chain = call->chain;
  return chain->wait == AH_CHAIN_AT_HEAD &&
         interceptor_at(call, (int)chain->at)->on_body == NULL;
}

/* True if |place| cannot get rid of anything. */
static bool is_blocked(const ahttp_call *call, int place)
{
  const ah_chain *chain = call->chain;
  if (chain->wait == AH_CHAIN_AT_HEAD && place >= (int)chain->at) {
    return is_shut(call); /* nothing gets as far as the user */
  }
  return is_user_full(call);
}

static bool has_pending(const ah_chain *chain)
{
  for (int i = 0; i < AH_PLACES; i++) {
    if (ah_buf_len(&chain->pending[i]) > 0) {
      return true;
    }
  }
  return false;
}

/* Has the exchange rest while there is no place for more. */
static void set_resting(ahttp_call *call)
{
  if (is_user_full(call) || is_shut(call) || has_pending(call->chain)) {
    ah_exchange_pause(&call->exchange);
  } else {
    ah_exchange_resume(&call->exchange);
  }
}

void ah_chain_hold_content(ahttp_call *call, ah_place place)
{
  (void)ah_call_filter(call, place); /* there is a chain */
  set_resting(call);
}

/* --- Passing on. -----------------------------------------------------------
 */

static int give_user(ahttp_call *call, const uint8_t *data, size_t len)
{
  if (call->manual_credit) {
    call->chain->uncredited += len;
  }
  ah_call_tell_body(call, data, len);
  if (call->is_ended) {
    return AHTTP_ECANCELED;
  }
  return is_user_full(call) ? AH_BLOCKED : AHTTP_OK;
}

/* Lets the filter at |place| use what it can of |len| bytes. */
static int filter_use(ahttp_call *call, int place, const uint8_t *data,
                      size_t len, size_t *used)
{
  *used = 0;
  if (interceptor_at(call, place)->on_body == NULL) {
    *used = len; /* its head has been passed on: it has no more to do with it */
    return ah_call_emit(call, (ah_place)place, data, len);
  }
  ahttp_error err;
  int rv = interceptor_at(call, place)->on_body(call, data, len, used, &err);
  if (rv != AHTTP_OK) {
    ah_call_end(call, &err);
  }
  if (call->is_ended) {
    return AHTTP_ECANCELED;
  }
  ah_assert(*used <= len);
  return *used < len || is_blocked(call, place) ? AH_BLOCKED : AHTTP_OK;
}

/* The filter at |place| uses the bytes, or keeps them. */
static int filter_take(ahttp_call *call, int place, const uint8_t *data,
                       size_t len)
{
  ah_buf *pending = &call->chain->pending[place];
  size_t used = 0;
  if (ah_buf_len(pending) == 0 && !is_blocked(call, place)) {
    int rv = filter_use(call, place, data, len, &used);
    if (rv < 0 || used == len) {
      return rv;
    }
  }
  int rv = ah_buf_append(pending, data + used, len - used);
  if (rv != AHTTP_OK) {
    ah_call_end_plain(call, rv);
    return rv;
  }
  return AH_BLOCKED;
}

static int pass_body(ahttp_call *call, int from, const uint8_t *data,
                     size_t len)
{
  for (int i = from - 1; i > USER; i--) {
    if (is_filter(call->chain, i)) {
      return filter_take(call, i, data, len);
    }
  }
  return give_user(call, data, len);
}

int ah_call_emit(ahttp_call *call, ah_place place, const uint8_t *data,
                 size_t len)
{
  const ah_chain *chain = call->chain;
  ah_assert(chain->wait != AH_CHAIN_AT_HEAD || place != chain->at);
  if (call->is_ended) {
    return AHTTP_ECANCELED;
  }
  return len == 0 ? AHTTP_OK : pass_body(call, (int)place, data, len);
}

void ah_chain_on_body(ahttp_call *call, const uint8_t *data, size_t len)
{
  if (pass_body(call, AH_PLACES, data, len) >= 0) {
    set_resting(call);
  }
}

/* --- Going on. -------------------------------------------------------------
 */

/* Works off what is pending at |place|.  False if it cannot be done with, or
 * the call has ended. */
static bool filter_catch_up(ahttp_call *call, int place)
{
  ah_buf *pending = &call->chain->pending[place];
  while (ah_buf_len(pending) > 0) {
    if (is_blocked(call, place)) {
      return false;
    }
    size_t used;
    int rv = filter_use(call, place, ah_buf_bytes(pending), ah_buf_len(pending),
                        &used);
    if (rv < 0) {
      return false;
    }
    ah_buf_consume(pending, used);
    if (rv == AH_BLOCKED && ah_buf_len(pending) > 0) {
      return false;
    }
  }
  return true;
}

static bool catch_up(ahttp_call *call)
{
  for (int i = 0; i < AH_PLACES; i++) {
    if (is_filter(call->chain, i) && !filter_catch_up(call, i)) {
      return false;
    }
  }
  return true;
}

/* Has the filters give out their last.  False if one of them has not. */
static bool end_filters(ahttp_call *call)
{
  ah_chain *chain = call->chain;
  for (int i = AH_PLACES - 1; i >= 0; i--) {
    unsigned bit = AH_PLACE_BIT(i);
    if ((chain->filters & bit & ~chain->ended) == 0) {
      continue;
    }
    if (is_blocked(call, i) || !catch_up(call)) {
      return false;
    }
    ahttp_error err;
    int rv = AHTTP_OK;
    if (interceptor_at(call, i)->on_end != NULL) {
      rv = interceptor_at(call, i)->on_end(call, &err);
    }
    if (rv < 0) {
      ah_call_end(call, &err);
    }
    if (rv != AHTTP_OK || call->is_ended) {
      return false;
    }
    chain->ended |= bit;
  }
  return catch_up(call) && chain->wait == AH_CHAIN_GOES;
}

void ah_chain_pump(ahttp_call *call)
{
  ah_chain *chain = call->chain;
  bool is_dry = catch_up(call);
  if (!chain->is_hop_done) {
    if (chain->filters != 0) {
      set_resting(call);
    }
    return;
  }
  if (!is_dry || call->is_ended || !end_filters(call)) {
    return;
  }
  if (chain->has_trailers) {
    chain->has_trailers = false;
    ah_chain_on_trailers(call);
  }
  if (!call->is_ended) {
    ah_call_finish(call);
  }
}

bool ah_chain_on_hop_done(ahttp_call *call)
{
  ah_chain *chain = call->chain;
  if (chain == NULL || chain->filters == 0) {
    return false;
  }
  chain->is_hop_done = true;
  ah_loop_defer(call->loop, &chain->task);
  return true;
}

void ah_chain_resume(ahttp_call *call)
{
  ah_loop_defer(call->loop, &call->chain->task);
}

void ah_chain_credit(ahttp_call *call, size_t len)
{
  ah_chain *chain = call->chain;
  chain->uncredited -= len < chain->uncredited ? len : chain->uncredited;
  ah_loop_defer(call->loop, &chain->task);
}
