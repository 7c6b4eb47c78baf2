/* SPDX-License-Identifier: MIT */
/*
 * Takes a call through its authentication: call->auth or, without one, the
 * username and password of the request's URL, as Basic.
 *
 * What an authentication puts on a hop is of that hop only (chain.c), so there
 * is nothing to strip when a redirect leads elsewhere: the flow is merely not
 * asked any more.  |home| is the URL whose origin the credentials are for.  It
 * moves once, when the same host is upgraded to https; having left it, a call
 * gets no credentials any more, wherever it goes.  An authentication that has
 * credentials for each host (netrc) is asked everywhere and decides by itself.
 */
#include "config.h"

#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "client/auth.h"
#include "client/client.h"
#include "client/content_hold.h"
#include "client/outgoing.h"
#include "http/redirect.h"

enum {
  /* HTTPX counts them as redirects, of which it allows 20. */
  ROUNDS_MAX = 20
};

struct ahttp_auth_flow {
  ahttp_call *call;
  ahttp_url home;
  bool has_home;
  bool has_left;
  bool is_asked;    /* this hop is the flow's */
  bool is_later;    /* on_request has asked to be called again */
  unsigned rounds;  /* hops that it has asked for */
  ahttp_error *err; /* during a callback: its caller's */
  bool has_said;    /* the callback has described its error there */
  void *state;      /* opts->flow_bytes */
  ahttp_str of_url; /* Authorization, if there is no call->auth */
  ah_hold hold;
};

static int flow_fail(ahttp_error *err, int code)
{
  ah_error_plain(err, code, AHTTP_PHASE_NONE);
  return code;
}

/* A callback has failed with |code|. */
static int flow_user_error(const ahttp_auth_flow *flow, int code,
                           ahttp_error *err)
{
  return flow->has_said ? err->code : ah_call_user_error(code, err);
}

/* --- The user's callbacks, one wrapper each. -------------------------------
 */

static int flow_call_on_request(ahttp_auth_flow *flow,
                                const ahttp_auth_opts *opts, ahttp_error *err)
{
  ahttp_call *call = flow->call;
  ahttp_outgoing outgoing = {.call = call};
  if (opts->on_request == NULL) {
    return AHTTP_OK;
  }
  ah_call_ref(call);
  flow->err = err;
  int rv = opts->on_request(flow, &outgoing, opts->user_data);
  ah_call_unref(call); /* the engine has one of its own */
  return rv;
}

static int flow_call_on_response(ahttp_auth_flow *flow,
                                 const ahttp_auth_opts *opts, ahttp_error *err)
{
  ahttp_call *call = flow->call;
  const ahttp_response response = {
      .call = call,
      .head = &call->exchange.response,
      .url = call->exchange.request.url,
      .redirects = call->response.redirects,
      .retries = call->response.retries,
      .earlier = call->response.earlier,
      .earlier_count = call->response.earlier_count,
      .content = ah_hold_content(&flow->hold),
  };
  ah_call_ref(call);
  flow->err = err;
  int rv = opts->on_response(flow, &response, opts->user_data);
  ah_call_unref(call);
  return rv;
}

/* --- Whether this hop gets credentials. ------------------------------------
 */

static bool flow_is_at_home(ahttp_auth_flow *flow)
{
  const ahttp_url *url = flow->call->exchange.request.url;
  if (!flow->has_home) {
    flow->home = *url;
    flow->has_home = true;
  }
  if (!flow->has_left && ah_redirect_is_upgrade(&flow->home, url)) {
    flow->home = *url;
  }
  flow->has_left |= !ah_url_same_origin(&flow->home, url);
  return !flow->has_left;
}

/* The flow, made with the first hop; NULL if memory is out. */
static ahttp_auth_flow *flow_of(ahttp_call *call)
{
  ahttp_auth_flow *flow = ah_call_state(call, AH_AT_AUTH, sizeof(*flow));
  if (flow == NULL || flow->call != NULL) {
    return flow;
  }
  size_t size = call->auth == NULL ? 0 : ah_auth_opts(call->auth)->flow_bytes;
  if (size > 0) {
    flow->state = ah_arena_alloc(&call->arena, size);
    if (flow->state == NULL) {
      return NULL;
    }
    memset(flow->state, 0, size);
  }
  flow->call = call;
  flow->hold.place = AH_AT_AUTH;
  return flow;
}

/* --- The interceptor. ------------------------------------------------------
 */

static int flow_use_url(ahttp_auth_flow *flow, ahttp_error *err)
{
  ahttp_call *call = flow->call;
  ahttp_outgoing outgoing = {.call = call};
  int rv = AHTTP_OK;
  if (ah_auth_flow_has_own(flow)) {
    return rv;
  }
  if (flow->of_url.len == 0) {
    rv = ah_auth_value_of_url(&flow->of_url, &call->arena, &call->request->url);
  }
  if (rv == AHTTP_EINVAL) {
    ah_error_say(err, AHTTP_EURL, AHTTP_PHASE_NONE,
                 "its username or password cannot be sent by Basic");
    return AHTTP_EURL;
  }
  if (rv == AHTTP_OK) {
    rv = ahttp_outgoing_set_field(&outgoing, AH_STR("authorization"),
                                  flow->of_url);
  }
  return rv == AHTTP_OK ? rv : flow_fail(err, rv);
}

static int auth_on_start(ahttp_call *call, ahttp_error *err)
{
  ahttp_auth_flow *flow = flow_of(call);
  if (flow == NULL) {
    return flow_fail(err, AHTTP_ENOMEM);
  }
  if (!flow->is_later) {
    ah_hold_clear(&flow->hold);
    flow->is_asked =
        flow_is_at_home(flow) ||
        (call->auth != NULL && ah_auth_is_for_each_host(call->auth));
  }
  flow->is_later = false;
  if (!flow->is_asked) {
    return AHTTP_OK;
  }
  if (call->auth == NULL) {
    return flow_use_url(flow, err);
  }
  int rv = flow_call_on_request(flow, ah_auth_opts(call->auth), err);
  if (rv == AHTTP_OK || call->is_ended) {
    return AHTTP_OK;
  }
  if (rv == AHTTP_LATER) {
    flow->is_later = true;
    rv = ah_call_await_user(call);
    return rv == AH_LATER ? rv : flow_fail(err, rv);
  }
  return flow_user_error(flow, rv, err);
}

static int flow_go_again(ahttp_auth_flow *flow, ahttp_error *err)
{
  if (flow->rounds >= ROUNDS_MAX) {
    ah_error_say(err, AHTTP_ELIMIT, AHTTP_PHASE_RECEIVE,
                 "the authentication has not come to an end in %u rounds",
                 flow->rounds);
    return AHTTP_ELIMIT;
  }
  if (!ah_call_repeat(flow->call)) {
    ah_error_say(err, AHTTP_EBODY, AHTTP_PHASE_RECEIVE,
                 "the authentication asks for another round, and the request "
                 "content cannot be sent a second time");
    return AHTTP_EBODY;
  }
  flow->rounds++;
  return AH_AGAIN;
}

static int auth_on_head(ahttp_call *call, ahttp_error *err)
{
  ahttp_auth_flow *flow = ah_call_find_state(call, AH_AT_AUTH);
  if (!flow->is_asked || call->auth == NULL) {
    return AHTTP_OK;
  }
  const ahttp_auth_opts *opts = ah_auth_opts(call->auth);
  if (opts->on_response == NULL) {
    return AHTTP_OK;
  }
  if (opts->reads_content && flow->hold.state == AH_HOLD_NONE) {
    int rv = ah_hold_collect(&flow->hold, call, call->client->content_max);
    return rv == AH_LATER ? rv : flow_fail(err, rv);
  }
  int rv = flow_call_on_response(flow, opts, err);
  if (call->is_ended) {
    return AHTTP_OK;
  }
  switch (rv) {
  case AHTTP_OK:
    if (flow->hold.state == AH_HOLD_COMPLETE) {
      flow->hold.state = AH_HOLD_RELEASED;
    }
    return AHTTP_OK;
  case AHTTP_AGAIN:
    return flow_go_again(flow, err);
  case AHTTP_LATER:
    rv = ah_call_await_user(call);
    return rv == AH_LATER ? rv : flow_fail(err, rv);
  default:
    return flow_user_error(flow, rv, err);
  }
}

static int auth_on_body(ahttp_call *call, const uint8_t *data, size_t len,
                        size_t *used, ahttp_error *err)
{
  ahttp_auth_flow *flow = ah_call_find_state(call, AH_AT_AUTH);
  return ah_hold_on_body(&flow->hold, call, data, len, used, err);
}

static int auth_on_end(ahttp_call *call, ahttp_error *err)
{
  ahttp_auth_flow *flow = ah_call_find_state(call, AH_AT_AUTH);
  return ah_hold_on_end(&flow->hold, call, err);
}

static void auth_on_done(ahttp_call *call)
{
  ahttp_auth_flow *flow = ah_call_find_state(call, AH_AT_AUTH);
  if (flow == NULL) {
    return;
  }
  ah_hold_clear(&flow->hold);
  if (flow->state != NULL) {
    const ahttp_auth_opts *opts = ah_auth_opts(call->auth);
    if (opts->flow_clear != NULL) {
      opts->flow_clear(flow->state, opts->user_data);
    }
  }
}

const ah_interceptor ah_authenticator = {
    .name = "auth",
    .on_start = auth_on_start,
    .on_head = auth_on_head,
    .on_body = auth_on_body,
    .on_end = auth_on_end,
    .on_done = auth_on_done,
};

/* --- For the callbacks. ----------------------------------------------------
 */

ahttp_call *ahttp_auth_flow_call(const ahttp_auth_flow *flow)
{
  return flow->call;
}

void *ahttp_auth_flow_state(const ahttp_auth_flow *flow)
{
  return flow->state;
}

unsigned ahttp_auth_flow_rounds(const ahttp_auth_flow *flow)
{
  return flow->rounds;
}

int ahttp_auth_flow_read(ahttp_auth_flow *flow, uint64_t offset, uint8_t *dst,
                         size_t cap, size_t *len)
{
  ah_body *body = flow->call->exchange.request.body;
  *len = 0;
  if (body == NULL) {
    return AHTTP_OK;
  }
  if (!body->can_rewind) {
    return AHTTP_EBODY;
  }
  int rv = ah_body_read(body, offset, dst, cap, len);
  return rv == AH_BLOCKED ? AHTTP_BODY_WAIT : rv;
}

/* --- For our own schemes. --------------------------------------------------
 */

bool ah_auth_flow_has_own(const ahttp_auth_flow *flow)
{
  const ahttp_call *call = flow->call;
  /* Redirects to another origin leave it behind. */
  return ah_fields_find(&call->request->fields, AH_FIELD_AUTHORIZATION) !=
             NULL &&
         ah_fields_find(call->exchange.request.fields,
                        AH_FIELD_AUTHORIZATION) != NULL;
}

bool ah_auth_flow_is_home(const ahttp_auth_flow *flow)
{
  return !flow->has_left;
}

ahttp_error *ah_auth_flow_error(ahttp_auth_flow *flow)
{
  flow->has_said = true;
  return flow->err;
}
