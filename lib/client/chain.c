/* SPDX-License-Identifier: MIT */
/*
 * How a call's messages pass its interceptors.
 *
 *   request   auth > redirect > retry > cookies > expectation > hooks > decode
 *             > proxy > transport
 *   response  the same stairs up, from proxy to auth, then the user
 *
 * Every hop begins at the top: redirects, rounds of authentication and retries
 * all are hops.  The order says who sees whose work.
 *   - Cookies and credentials are put on each hop anew, after the redirect has
 *     said where it goes.  What on_start changes is of that hop alone, so there
 *     is nothing to strip or to take back for the next one.
 *   - Retries are above the cookies: what a 503 sets is kept, and sent with the
 *     repetition.  They are below redirects, which go on from what came in the
 *     end.
 *   - Hooks stand next to the transport, as HTTPX has them: they see what is
 *     sent with credentials and cookies on it, and every response, those of
 *     redirects, challenges and retries too.
 *   - Decoding is below all who may look at content.
 *   - A proxy that asks for credentials is answered below all of them: what it
 *     says is for nobody else.
 *
 * A call that uses none of this has no chain: |call->active| is 0 and
 * |call->chain| NULL.  One whose interceptors keep nothing has none either.
 *
 * An interceptor may delay a hop before it starts, or hold a response's head.
 * The exchange is initialised before the first on_start, so that a cancel finds
 * it whether it was started or not; after its end, while its content still
 * waits inside, the chain itself sees to the call's end (ah_chain_on_call_end).
 */
#include "config.h"

#include "client/chain.h"

#include <string.h>

#include "base/assert.h"
#include "base/error.h"
#include "client/client.h"
#include "client/content_decoder.h"
#include "client/history.h"
#include "http/method.h"

const ah_interceptor *const ah_interceptors[AH_PLACES] = {
    [AH_AT_AUTH] = &ah_authenticator,
    [AH_AT_REDIRECT] = &ah_redirect_follower,
    [AH_AT_RETRY] = &ah_retrier,
    [AH_AT_HOOKS] = &ah_hook_runner,
    [AH_AT_COOKIES] = &ah_cookie_keeper,
    [AH_AT_DECODE] = &ah_content_decoder,
    [AH_AT_PROXY] = &ah_proxy_answerer,
    [AH_AT_EXPECTATION] = &ah_expectation_keeper,
};

static const ah_interceptor *interceptor_at(const ahttp_call *call, int place)
{
  return call->client->interceptors[place];
}

static bool is_active(const ahttp_call *call, int place)
{
  return (call->active & AH_PLACE_BIT(place)) != 0;
}

/* --- State. ----------------------------------------------------------------
 */

/* After an answer, a resumed pause, given credit or the call's end. */
static void chain_on_task(ah_task *task);

ah_chain *ah_chain_of(ahttp_call *call)
{
  if (call->chain != NULL) {
    return call->chain;
  }
  ah_chain *chain = ah_arena_alloc(&call->arena, sizeof(*chain));
  if (chain == NULL) {
    return NULL;
  }
  memset(chain, 0, sizeof(*chain));
  chain->call = call;
  chain->task.run = chain_on_task;
  for (int i = 0; i < AH_PLACES; i++) {
    ah_buf_init(&chain->pending[i], SIZE_MAX); /* one event's bytes at most */
  }
  call->chain = chain;
  return chain;
}

void *ah_call_state(ahttp_call *call, ah_place place, size_t size)
{
  ah_chain *chain = ah_chain_of(call);
  if (chain == NULL) {
    return NULL;
  }
  if (chain->states[place] == NULL) {
    void *state = ah_arena_alloc(&call->arena, size);
    if (state == NULL) {
      return NULL;
    }
    memset(state, 0, size);
    chain->states[place] = state;
  }
  return chain->states[place];
}

void *ah_call_find_state(const ahttp_call *call, ah_place place)
{
  return call->chain == NULL ? NULL : call->chain->states[place];
}

/* --- What a hop sends. -----------------------------------------------------
 */

ahttp_fields *ah_call_outgoing(ahttp_call *call)
{
  ah_chain *chain = ah_chain_of(call);
  if (chain == NULL) {
    return NULL;
  }
  if (call->exchange.request.fields == &chain->outgoing) {
    return &chain->outgoing;
  }
  ah_fields_init(&chain->outgoing, &call->arena);
  if (ah_fields_add_all(&chain->outgoing, call->exchange.request.fields) !=
      AHTTP_OK) {
    return NULL;
  }
  call->exchange.request.fields = &chain->outgoing;
  return &chain->outgoing;
}

int ah_call_set_url(ahttp_call *call, const ahttp_url *url)
{
  ah_chain *chain = ah_chain_of(call);
  if (chain == NULL) {
    return AHTTP_ENOMEM;
  }
  if (call->exchange.request.url != &chain->url) {
    chain->url_base = call->exchange.request.url;
  }
  chain->url = *url;
  call->exchange.request.url = &chain->url;
  return AHTTP_OK;
}

/* The exchange finds the parts where the call keeps them. */
void ah_call_set_next(ahttp_call *call, const ah_request_head *head)
{
  call->next.url = *head->url;
  call->next.fields = *head->fields;
  call->next.head = *head;
}

bool ah_call_repeat(ahttp_call *call)
{
  ah_request_head head = call->exchange.request;
  if (head.body != NULL && !head.body->can_rewind &&
      !ah_exchange_holds_content(&call->exchange)) {
    return false;
  }
  head.fields = call->hop_fields;
  head.is_absolute = false; /* until it is known which way it goes */
  if (call->chain != NULL && head.url == &call->chain->url) {
    head.url = call->chain->url_base;
  }
  ah_call_set_next(call, &head);
  return true;
}

static void chain_on_delay(ah_deadline *deadline)
{
  ah_chain *chain = AH_CONTAINER(deadline, ah_chain, delay);
  ah_call_go_on(chain->call, AH_PLACES, AHTTP_OK, NULL);
}

int ah_call_delay_next(ahttp_call *call, uint32_t ms)
{
  ah_chain *chain = ah_chain_of(call);
  if (chain == NULL) {
    return AHTTP_ENOMEM;
  }
  chain->delay_ms = ms;
  return AHTTP_OK;
}

/* --- Downwards. ------------------------------------------------------------
 */

static void chain_wait(ahttp_call *call, ah_chain_wait wait, int place)
{
  ah_chain *chain = ah_chain_of(call);
  if (chain == NULL) {
    ah_call_end_plain(call, AHTTP_ENOMEM);
    return;
  }
  chain->wait = wait;
  chain->at = (ah_place)place;
}

/* Asks |place| and those after it, then sends the hop. */
static void chain_pass_start(ahttp_call *call, int place)
{
  for (; place < AH_PLACES; place++) {
    if (!is_active(call, place) ||
        interceptor_at(call, place)->on_start == NULL) {
      continue;
    }
    ahttp_error err;
    int rv = interceptor_at(call, place)->on_start(call, &err);
    if (call->is_ended) {
      return;
    }
    if (rv == AH_LATER) {
      chain_wait(call, AH_CHAIN_AT_START, place);
      return;
    }
    if (rv != AHTTP_OK) {
      ah_call_end(call, &err);
      return;
    }
  }
  ah_call_send_hop(call);
}

/* True if the hop has to wait, as an interceptor has asked for. */
static bool chain_delays(ahttp_call *call)
{
  ah_chain *chain = call->chain;
  uint32_t delay_ms = chain->delay_ms;
  if (delay_ms == 0) {
    return false;
  }
  chain->delay_ms = 0;
  chain_wait(call, AH_CHAIN_AT_START, AH_PLACES);
  chain->delay.expired = chain_on_delay;
  ah_deadline_start(call->loop, &chain->delay, delay_ms);
  return true;
}

void ah_chain_start_hop(ahttp_call *call)
{
  if (call->chain != NULL) {
    ah_chain_reset_content(call->chain);
    if (chain_delays(call)) {
      return;
    }
  }
  if (call->active == 0) {
    ah_call_send_hop(call);
  } else {
    chain_pass_start(call, 0);
  }
}

/* Which interceptors |call| uses.  All that they cost one that uses none. */
static unsigned call_uses(const ahttp_call *call)
{
  unsigned places = call->settings->interceptors;
  /* A proxy that redirects a CONNECT must not get to choose another one. */
  if (call->settings->redirects_max > 0 &&
      (call->request->traits & AH_METHOD_CONNECT) == 0) {
    places |= AH_PLACE_BIT(AH_AT_REDIRECT);
  }
  if (call->settings->retry != NULL) {
    places |= AH_PLACE_BIT(AH_AT_RETRY);
  }
  const ahttp_url *url = &call->request->url;
  if (call->auth != NULL || url->username.len > 0 || url->password.len > 0) {
    places |= AH_PLACE_BIT(AH_AT_AUTH);
  }
  if (ah_fields_find(call->hop_fields, AH_FIELD_EXPECT) != NULL) {
    places |= AH_PLACE_BIT(AH_AT_EXPECTATION);
  }
  return places;
}

static bool has_starts(const ahttp_call *call)
{
  for (int i = 0; i < AH_PLACES; i++) {
    if (is_active(call, i) && interceptor_at(call, i)->on_start != NULL) {
      return true;
    }
  }
  return false;
}

void ah_chain_launch(ahttp_call *call)
{
  call->active = call_uses(call);
  if (call->active == 0 || !has_starts(call)) {
    ah_call_send_hop(call);
    return;
  }
  /* Users' code may run there, which must not be within ahttp_start(). */
  ah_chain *chain = ah_chain_of(call);
  if (chain == NULL) {
    ah_call_end_plain(call, AHTTP_ENOMEM);
    return;
  }
  chain->wait = AH_CHAIN_AT_START;
  chain->at = AH_PLACES; /* nobody's: all of it waits */
  chain->is_answered = true;
  ah_loop_defer(call->loop, &chain->task);
}

/* --- Upwards. --------------------------------------------------------------
 */

/* The response is not for the user. */
static void chain_drop(ahttp_call *call)
{
  ah_chain *chain = call->chain;
  ahttp_error err;
  if (ah_history_add(call, &err) != AHTTP_OK) {
    ah_call_end(call, &err);
    return;
  }
  call->is_dropping = true;
  if (chain == NULL) {
    return;
  }
  if (chain->is_hop_done) {
    ah_call_start_next_hop(call);
    return;
  }
  ah_chain_reset_content(chain);
  if (!call->is_paused) {
    ah_exchange_resume(&call->exchange);
  }
}

/* The content waits below |place|, or passes it if it asks for that. */
static void chain_hold(ahttp_call *call, int place)
{
  chain_wait(call, AH_CHAIN_AT_HEAD, place);
  if (!call->is_ended) {
    ah_chain_hold_content(call, (ah_place)place);
  }
}

void ah_chain_pass_head(ahttp_call *call, int place)
{
  while (--place >= 0) {
    if (!is_active(call, place) ||
        interceptor_at(call, place)->on_head == NULL) {
      continue;
    }
    ahttp_error err;
    int rv = interceptor_at(call, place)->on_head(call, &err);
    if (call->is_ended) {
      return;
    }
    switch (rv) {
    case AHTTP_OK:
      break;
    case AH_AGAIN:
      chain_drop(call);
      return;
    case AH_LATER:
      chain_hold(call, place);
      return;
    default:
      ah_call_end(call, &err);
      return;
    }
  }
  ah_call_tell_head(call);
}

void ah_chain_on_head(ahttp_call *call)
{
  ah_chain_pass_head(call, AH_PLACES);
}

void ah_chain_on_trailers(ahttp_call *call)
{
  for (int i = AH_PLACES - 1; i >= 0; i--) {
    if (!is_active(call, i) || interceptor_at(call, i)->on_trailers == NULL) {
      continue;
    }
    ahttp_error err;
    int rv = interceptor_at(call, i)->on_trailers(call, &err);
    if (rv != AHTTP_OK) {
      ah_call_end(call, &err);
    }
    if (call->is_ended) {
      return;
    }
  }
  ah_call_tell_trailers(call);
}

bool ah_chain_on_failure(ahttp_call *call)
{
  for (int i = AH_PLACES - 1; i >= 0; i--) {
    if (!is_active(call, i) || interceptor_at(call, i)->on_failure == NULL) {
      continue;
    }
    ahttp_error err;
    int rv =
        interceptor_at(call, i)->on_failure(call, &call->exchange.error, &err);
    if (rv != AHTTP_OK && rv != AH_AGAIN) {
      ah_call_end(call, &err);
    }
    if (call->is_ended) {
      return false;
    }
    if (rv == AH_AGAIN) {
      ah_call_start_next_hop(call);
      return true;
    }
  }
  return false;
}

/* --- Waiting. --------------------------------------------------------------
 */

/* True if ah_call_go_on() is what the call waits for at |place|. */
static bool call_is_waiting(const ahttp_call *call, ah_place place)
{
  const ah_chain *chain = call->chain;
  return !call->is_ended && call->client != NULL && chain != NULL &&
         chain->wait != AH_CHAIN_GOES && chain->at == place &&
         !chain->is_answered;
}

void ah_call_go_on(ahttp_call *call, ah_place place, int rv,
                   const ahttp_error *err)
{
  if (!call_is_waiting(call, place)) {
    return;
  }
  if (rv < 0) {
    ah_call_end(call, err);
    return;
  }
  ah_chain *chain = call->chain;
  chain->answer = rv;
  chain->is_answered = true;
  chain->awaits_user = false;
  ah_loop_defer(call->loop, &chain->task);
}

int ah_call_await_user(ahttp_call *call)
{
  ah_chain *chain = ah_chain_of(call);
  if (chain == NULL) {
    return AHTTP_ENOMEM;
  }
  chain->awaits_user = true;
  return AH_LATER;
}

int ah_call_user_error(int code, ahttp_error *err)
{
  int rv = code < 0 ? code : AHTTP_ECALLBACK;
  ah_error_plain(err, rv, AHTTP_PHASE_NONE);
  return rv;
}

void ah_call_on_user_answer(ahttp_call *call, int code)
{
  ah_chain *chain = call->chain;
  if (chain == NULL || !chain->awaits_user || chain->wait == AH_CHAIN_GOES) {
    return;
  }
  ahttp_error err;
  int rv = code == AHTTP_OK ? AH_ASK : ah_call_user_error(code, &err);
  ah_call_go_on(call, chain->at, rv, &err);
}

static void chain_on_answer(ahttp_call *call)
{
  ah_chain *chain = call->chain;
  ah_chain_wait wait = chain->wait;
  int place = (int)chain->at;
  int step = chain->answer == AH_ASK ? 0 : 1;
  chain->wait = AH_CHAIN_GOES;
  chain->is_answered = false;
  if (wait == AH_CHAIN_AT_START) {
    chain_pass_start(call, place == AH_PLACES ? 0 : place + step);
  } else if (chain->answer == AH_AGAIN) {
    chain_drop(call);
  } else {
    ah_chain_pass_head(call, place + 1 - step);
  }
}

static void chain_on_task(ah_task *task)
{
  ah_chain *chain = AH_CONTAINER(task, ah_chain, task);
  ahttp_call *call = chain->call;
  ah_call_ref(call);
  if (chain->is_answered && !call->is_ended) {
    chain_on_answer(call);
  }
  if (chain->is_hop_done && call->is_ended) {
    ah_call_finish(call);
  } else if (!call->is_ended && !call->is_dropping) {
    ah_chain_pump(call);
  }
  ah_call_unref(call);
}

void ah_chain_on_call_end(ahttp_call *call)
{
  if (call->chain != NULL && call->chain->is_hop_done) {
    ah_loop_defer(call->loop, &call->chain->task);
  }
}

void ah_chain_finish(ahttp_call *call)
{
  for (int i = 0; i < AH_PLACES; i++) {
    if (is_active(call, i) && interceptor_at(call, i)->on_done != NULL) {
      interceptor_at(call, i)->on_done(call);
    }
  }
  ah_chain *chain = call->chain;
  if (chain != NULL) {
    ah_chain_reset_content(chain); /* on_done may resume, credit and cancel */
    ah_loop_undefer(&chain->task);
    ah_deadline_stop(&chain->delay);
    for (int i = 0; i < AH_PLACES; i++) {
      ah_buf_clear(&chain->pending[i]);
    }
  }
}
