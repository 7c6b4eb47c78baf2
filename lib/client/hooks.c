/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "client/hooks.h"

#include "base/error.h"
#include "client/client.h"
#include "client/content_hold.h"
#include "client/outgoing.h"

/* How far a call's hop is with the hooks. */
typedef struct hooks_state {
  size_t next;   /* the hook to ask */
  bool is_later; /* that one has asked to be called again */
  ah_hold hold;
} hooks_state;

int ah_hooks_copy(ah_hooks *out, ah_arena *arena, const ahttp_client_opts *opts)
{
  size_t count = opts->hook_count;
  *out = (ah_hooks){.count = 0};
  if (count == 0) {
    return AHTTP_OK;
  }
  if (opts->hooks == NULL || count > SIZE_MAX / sizeof(ahttp_hook)) {
    return AHTTP_EINVAL;
  }
  ahttp_hook *items = ah_arena_alloc(arena, count * sizeof(*items));
  if (items == NULL) {
    return AHTTP_ENOMEM;
  }
  for (size_t i = 0; i < count; i++) {
    items[i] = opts->hooks[i];
    out->read_content |= items[i].on_response != NULL && items[i].reads_content;
  }
  out->items = items;
  out->count = count;
  return AHTTP_OK;
}

/* --- The user's callbacks, one wrapper each. -------------------------------
 */

static int hook_call_on_request(const ahttp_hook *hook, ahttp_call *call)
{
  ahttp_outgoing outgoing = {.call = call};
  if (hook->on_request == NULL) {
    return AHTTP_OK;
  }
  ah_call_ref(call);
  int rv = hook->on_request(call, &outgoing, hook->user_data);
  ah_call_unref(call); /* the engine has one of its own */
  return rv;
}

static int hook_call_on_response(const ahttp_hook *hook, ahttp_call *call,
                                 const ah_hold *hold)
{
  if (hook->on_response == NULL) {
    return AHTTP_OK;
  }
  const ahttp_response response = {
      .call = call,
      .head = &call->exchange.response,
      .url = call->exchange.request.url,
      .redirects = call->response.redirects,
      .retries = call->response.retries,
      .earlier = call->response.earlier,
      .earlier_count = call->response.earlier_count,
      .content = ah_hold_content(hold),
  };
  ah_call_ref(call);
  int rv = hook->on_response(call, &response, hook->user_data);
  ah_call_unref(call);
  return rv;
}

/* --- The interceptor. ------------------------------------------------------
 */

static int fail(ahttp_error *err, int code)
{
  ah_error_plain(err, code, AHTTP_PHASE_NONE);
  return code;
}

/* What a hook's answer means for the call. */
static int judge(hooks_state *state, ahttp_call *call, int rv, ahttp_error *err)
{
  if (rv == AHTTP_OK || call->is_ended) {
    return AHTTP_OK; /* the chain notices the end */
  }
  if (rv == AHTTP_LATER) {
    state->is_later = true;
    rv = ah_call_await_user(call);
    return rv == AH_LATER ? rv : fail(err, rv);
  }
  return ah_call_user_error(rv, err);
}

static int hooks_on_start(ahttp_call *call, ahttp_error *err)
{
  const ah_hooks *hooks = &call->client->hooks;
  hooks_state *state = ah_call_state(call, AH_AT_HOOKS, sizeof(*state));
  if (state == NULL) {
    return fail(err, AHTTP_ENOMEM);
  }
  if (!state->is_later) {
    state->next = 0;
    ah_hold_clear(&state->hold);
    state->hold.place = AH_AT_HOOKS;
  }
  state->is_later = false;
  for (; state->next < hooks->count && !call->is_ended; state->next++) {
    int rv = hook_call_on_request(&hooks->items[state->next], call);
    rv = judge(state, call, rv, err);
    if (rv != AHTTP_OK) {
      return rv;
    }
  }
  state->next = 0;
  return AHTTP_OK;
}

static int hooks_on_head(ahttp_call *call, ahttp_error *err)
{
  const ah_hooks *hooks = &call->client->hooks;
  hooks_state *state = ah_call_find_state(call, AH_AT_HOOKS);
  ah_hold *hold = &state->hold;
  if (hooks->read_content && hold->state == AH_HOLD_NONE) {
    int rv = ah_hold_collect(hold, call, call->client->content_max);
    return rv == AH_LATER ? rv : fail(err, rv);
  }
  state->is_later = false;
  for (; state->next < hooks->count && !call->is_ended; state->next++) {
    int rv = hook_call_on_response(&hooks->items[state->next], call, hold);
    rv = judge(state, call, rv, err);
    if (rv != AHTTP_OK) {
      return rv;
    }
  }
  if (hold->state == AH_HOLD_COMPLETE) {
    hold->state = AH_HOLD_RELEASED;
  }
  return AHTTP_OK;
}

static int hooks_on_body(ahttp_call *call, const uint8_t *data, size_t len,
                         size_t *used, ahttp_error *err)
{
  hooks_state *state = ah_call_find_state(call, AH_AT_HOOKS);
  return ah_hold_on_body(&state->hold, call, data, len, used, err);
}

static int hooks_on_end(ahttp_call *call, ahttp_error *err)
{
  hooks_state *state = ah_call_find_state(call, AH_AT_HOOKS);
  return ah_hold_on_end(&state->hold, call, err);
}

static void hooks_on_done(ahttp_call *call)
{
  hooks_state *state = ah_call_find_state(call, AH_AT_HOOKS);
  if (state != NULL) {
    ah_hold_clear(&state->hold);
  }
}

const ah_interceptor ah_hook_runner = {
    .name = "hooks",
    .on_start = hooks_on_start,
    .on_head = hooks_on_head,
    .on_body = hooks_on_body,
    .on_end = hooks_on_end,
    .on_done = hooks_on_done,
};
