/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "client/interceptor.h"

#include "base/error.h"
#include "base/str.h"
#include "http/method.h"
#include "http/redirect.h"
#include "transport/hop_trace.h"

static void follower_set_next(ahttp_call *call, const ah_redirect *redirect)
{
  const ah_request_head head = {
      .method = redirect->method,
      .traits = ah_method_traits(redirect->method),
      .url = &redirect->url,
      .fields = &redirect->fields,
      .body = redirect->keeps_body ? call->exchange.request.body : NULL,
      .trailers = call->exchange.request.trailers,
  };
  ah_call_set_next(call, &head);
}

/* Where to, without a password. */
static void follower_trace(const ahttp_call *call, const ahttp_url *to)
{
  char text[1024];
  if (call->trace != NULL) {
    ah_url_display(to, text, sizeof(text));
    ah_trace_hop(
        &call->exchange, AHTTP_TRACE_REDIRECT,
        &(ah_trace_note){.text = ah_str_from_c(text),
                         .number = (uint64_t)call->exchange.response.status});
  }
}

static int follower_on_head(ahttp_call *call, ahttp_error *err)
{
  ah_redirect_answer answer;
  if (!ah_redirect_find(&answer, &call->exchange.response)) {
    return AHTTP_OK;
  }
  answer.refuses_downgrade = call->settings->refuse_downgrade;
  ah_request_head request = call->exchange.request;
  request.fields = call->hop_fields; /* others' are put on each hop anew */
  ah_redirect redirect;
  const char *why = "";
  int rv = ah_redirect_next(&redirect, &call->arena, &request, &answer, &why);
  if (rv == AHTTP_EREDIRECT) {
    ah_error_say(err, rv, AHTTP_PHASE_RECEIVE,
                 "the redirect cannot be followed: %s", why);
    return rv;
  }
  if (rv != AHTTP_OK) {
    ah_error_plain(err, rv, AHTTP_PHASE_RECEIVE);
    return rv;
  }
  if (call->response.redirects >= call->settings->redirects_max) {
    char url[200];
    ah_error_say(err, AHTTP_EREDIRECTS, AHTTP_PHASE_RECEIVE,
                 "more than %u redirects; the next one is to %s",
                 (unsigned)call->settings->redirects_max,
                 ah_url_display(&redirect.url, url, sizeof(url)));
    return AHTTP_EREDIRECTS;
  }
  follower_trace(call, &redirect.url);
  follower_set_next(call, &redirect);
  call->response.redirects++;
  return AH_AGAIN;
}

const ah_interceptor ah_redirect_follower = {
    .name = "redirect",
    .on_head = follower_on_head,
};
