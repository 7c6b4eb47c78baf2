/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <ahttp/response.h>

#include "client/call.h"
#include "http/method.h"
#include "http/redirect.h"

/* Copies what |redirect| views of the call's. */
static int next_fill(ahttp_request *next, const ah_redirect *redirect)
{
  next->url = redirect->url;
  next->traits = ah_method_traits(redirect->method);
  int rv = ah_arena_copy(&next->arena, redirect->method, &next->method);
  for (uint32_t i = 0; i < redirect->fields.count && rv == AHTTP_OK; i++) {
    const ah_field *field = &redirect->fields.items[i];
    rv = ah_fields_add(&next->fields, field->name, field->value);
  }
  return rv;
}

static int next_make(ahttp_request *next, const ahttp_call *call,
                     const ah_redirect_answer *answer)
{
  ah_request_head request = call->exchange.request;
  request.fields = call->hop_fields;
  ah_redirect redirect;
  int rv = ah_redirect_next(&redirect, &next->arena, &request, answer, NULL);
  if (rv == AHTTP_OK) {
    rv = next_fill(next, &redirect);
  }
  if (rv != AHTTP_OK) {
    return rv;
  }
  next->is_complete = true;
  next->has_left = call->request->has_left ||
                   (redirect.changes_origin &&
                    !ah_redirect_is_upgrade(request.url, &redirect.url));
  if (redirect.keeps_body) {
    next->body = request.body;
    next->body_owner = ah_request_ref(call->request);
  }
  return AHTTP_OK;
}

int ahttp_response_next_request(ahttp_request **out,
                                const ahttp_response *response)
{
  const ahttp_call *call = response->call;
  ah_redirect_answer answer;
  *out = NULL;
  if (response->head != &call->exchange.response ||
      !ah_redirect_find(&answer, response->head)) {
    return AHTTP_OK;
  }
  answer.refuses_downgrade = call->settings->refuse_downgrade;
  ahttp_request *next = ah_request_alloc();
  if (next == NULL) {
    return AHTTP_ENOMEM;
  }
  int rv = next_make(next, call, &answer);
  if (rv != AHTTP_OK) {
    ahttp_request_free(next);
    return rv;
  }
  *out = next;
  return AHTTP_OK;
}
