/* SPDX-License-Identifier: MIT */
/* Options of a send that are more than a number. */
#include "config.h"

#include "client/call.h"

#include "base/error.h"
#include "base/str.h"
#include "client/client.h"
#include "client/retrier.h"

/* Its own trace or the client's. */
static int call_set_trace(ahttp_call *call)
{
  const ah_trace *clients = &call->client->trace;
  if (call->settings->trace == NULL && clients->callback == NULL) {
    return AHTTP_OK;
  }
  ah_trace trace = *clients;
  if (call->settings->trace != NULL) {
    int rv = ah_trace_copy(&trace, call->settings->trace,
                           ah_driver_telling(call->driver));
    call->own_settings.trace = NULL;
    if (rv != AHTTP_OK) {
      ah_call_end_plain(call, rv);
      return AHTTP_OK;
    }
  }
  if (trace.callback == NULL) {
    return AHTTP_OK;
  }
  ah_trace *own = ah_arena_alloc(&call->arena, sizeof(*own));
  if (own == NULL) {
    return AHTTP_ENOMEM;
  }
  *own = trace;
  own->call = call;
  call->trace = own;
  return AHTTP_OK;
}

/* Reads the send's own local address.  AHTTP_OK, also if it cannot be used:
 * then the call is ended; or AHTTP_ENOMEM. */
static int call_set_local(ahttp_call *call)
{
  const char *text = call->settings->local_address;
  call->own_settings.local_address = NULL; /* the caller may take it away */
  ah_local_address local;
  ahttp_error err;
  if (!ah_local_address_parse(&local, ah_str_from_c(text))) {
    ah_error_say(&err, AHTTP_EINVAL, AHTTP_PHASE_NONE,
                 "local_address \"%.80s\" is no numeric address", text);
    ah_call_end(call, &err);
    return AHTTP_OK;
  }
  if (ah_socket_policy_families(call->client->policy, &local) == 0) {
    ah_error_say(&err, AHTTP_EINVAL, AHTTP_PHASE_NONE,
                 "local_address %.80s is not of the client's IP family", text);
    ah_call_end(call, &err);
    return AHTTP_OK;
  }
  return ah_arena_copy(
      &call->arena, ah_str((const char *)&local, sizeof(local)), &call->local);
}

/* Copies the send's own rules for sending again, as call_set_local() does. */
static int call_set_retry(ahttp_call *call)
{
  const ahttp_retry_opts *opts = call->settings->retry_opts;
  if (opts == NULL) {
    return AHTTP_OK;
  }
  call->own_settings.retry_opts = NULL;
  int rv =
      ah_retry_settings_copy(&call->own_settings.retry, &call->arena, opts);
  if (rv == AHTTP_EINVAL) {
    ah_call_end_plain(call, rv);
    return AHTTP_OK;
  }
  return rv;
}

int ah_call_keep_options(ahttp_call *call)
{
  int rv = call_set_trace(call);
  if (rv == AHTTP_OK && call->settings->sni.len > 0) {
    rv = ah_arena_copy(&call->arena, call->settings->sni,
                       &call->own_settings.sni);
  }
  if (rv == AHTTP_OK) {
    rv = call_set_retry(call);
  }
  if (rv == AHTTP_OK && call->settings->local_address != NULL) {
    rv = call_set_local(call);
  }
  return rv;
}
