/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <ahttp/future.h>

#include "base/alloc.h"
#include "base/error.h"

/* Takes what came of one.  NULL stands for one that could not be started. */
static int gather_take(ahttp_future *future, ahttp_response **out,
                       ahttp_error *err)
{
  if (future != NULL) {
    return ahttp_future_take(future, out, err);
  }
  ah_error_plain(err, AHTTP_ENOMEM, AHTTP_PHASE_NONE);
  return AHTTP_ENOMEM;
}

/* Collects the outcomes; returns the first error. */
static int gather_take_all(ahttp_future *const *futures, size_t count,
                           ahttp_response **responses, ahttp_error *errors)
{
  int first = AHTTP_OK;
  for (size_t i = 0; i < count; i++) {
    ahttp_error err;
    int rv = gather_take(futures[i], &responses[i], &err);
    if (errors != NULL) {
      errors[i] = err;
    }
    if (first == AHTTP_OK) {
      first = rv;
    }
  }
  return first;
}

/* Tells the same of all. */
static int gather_fail(size_t count, int code, ahttp_error *errors)
{
  for (size_t i = 0; errors != NULL && i < count; i++) {
    ah_error_plain(&errors[i], code, AHTTP_PHASE_NONE);
  }
  return code;
}

int ahttp_gather(ahttp_client *client, ahttp_request *const *requests,
                 size_t count, const ahttp_send_opts *opts,
                 ahttp_response **responses, ahttp_error *errors)
{
  for (size_t i = 0; i < count; i++) {
    responses[i] = NULL;
  }
  if (client == NULL) {
    return gather_fail(count, AHTTP_EINVAL, errors);
  }
  ahttp_future **futures = ah_calloc(count, sizeof(*futures));
  if (futures == NULL) {
    return gather_fail(count, AHTTP_ENOMEM, errors);
  }
  for (size_t i = 0; i < count; i++) {
    futures[i] = ahttp_submit(client, requests[i], opts);
  }
  int rv = ahttp_future_wait_all(futures, count, AHTTP_NO_LIMIT);
  rv = rv == AHTTP_OK ? gather_take_all(futures, count, responses, errors)
                      : gather_fail(count, rv, errors);
  for (size_t i = 0; i < count; i++) {
    ahttp_future_free(futures[i]);
  }
  ah_free(futures);
  return rv;
}
