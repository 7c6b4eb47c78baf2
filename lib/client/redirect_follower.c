/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "client/interceptor.h"

#include "base/error.h"
#include "http/method.h"
#include "http/redirect.h"

/* The next hop's parts move into the call, where the exchange finds them. */
static void follower_set_next(ahttp_call *call, const ah_redirect *redirect)
{
  ah_hop *next = &call->next;
  next->url = redirect->url;
  next->fields = redirect->fields;
  next->head.method = redirect->method;
  next->head.traits = ah_method_traits(redirect->method);
  next->head.url = &next->url;
  next->head.fields = &next->fields;
  next->head.body = redirect->keeps_body ? call->hop.head.body : NULL;
}

static bool follower_is_active(const ahttp_call *call)
{
  return call->settings.redirects_max > 0;
}

static int follower_on_head(ahttp_call *call, ahttp_error *err)
{
  const ah_response_head *response = &call->exchange.response;
  const ah_field *location =
      ah_fields_find(&response->fields, AH_FIELD_LOCATION);
  if (!ah_redirect_is_status(response->status) || location == NULL) {
    return AHTTP_OK;
  }
  const ah_redirect_answer answer = {.status = response->status,
                                     .location = location->value};
  ah_redirect redirect;
  const char *why = "";
  int rv =
      ah_redirect_next(&redirect, &call->arena, &call->hop.head, &answer, &why);
  if (rv == AHTTP_EREDIRECT) {
    ah_error_say(err, rv, AHTTP_PHASE_RECEIVE,
                 "the redirect cannot be followed: %s", why);
    return rv;
  }
  if (rv != AHTTP_OK) {
    ah_error_plain(err, rv, AHTTP_PHASE_RECEIVE);
    return rv;
  }
  if (call->response.redirects >= call->settings.redirects_max) {
    char url[200];
    ah_error_say(err, AHTTP_EREDIRECTS, AHTTP_PHASE_RECEIVE,
                 "more than %u redirects; the next one is to %s",
                 (unsigned)call->settings.redirects_max,
                 ah_url_display(&redirect.url, url, sizeof(url)));
    return AHTTP_EREDIRECTS;
  }
  follower_set_next(call, &redirect);
  call->response.redirects++;
  return AH_AGAIN;
}

const ah_interceptor ah_redirect_follower = {
    .name = "redirect",
    .is_active = follower_is_active,
    .on_head = follower_on_head,
};
