/* SPDX-License-Identifier: MIT */
/*
 * A future is a call whose outcome is kept.  Two hold it: the user, until
 * ahttp_future_free(), and its call, until on_done.
 *
 * What is to happen then is told exactly once although it may be asked for on
 * one thread while the call ends on another: each side leaves its mark in
 * |marks|, and whoever is second sees both.  If that is the end, it calls back
 * from on_done; if it is the asking, it posts a letter, since a callback never
 * runs inside of the function that asks for it.
 */
#include "config.h"

#include <stdatomic.h>

#include <ahttp/future.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "client/client.h"
#include "client/collector.h"

enum {
  MARK_DONE = 1,
  MARK_THEN = 2,
  /* Links that fit on the stack: waiting for a few futures allocates nothing.
   */
  LINKS_ON_STACK = 16
};

struct ahttp_future {
  atomic_uint refs;
  ah_driver *driver; /* held */
  ahttp_call *call;  /* held */
  ah_collector collector;
  ah_latch done;
  atomic_bool is_taken;
  atomic_bool is_freed; /* by the user, who hears nothing more */

  atomic_bool has_then; /* the next two are being set, or were */
  ahttp_future_cb then;
  void *then_arg;
  atomic_uint marks;
  ah_letter then_letter;
};

/* --- Lifecycle. --------------------------------------------------------------
 */

static ahttp_future *future_ref(ahttp_future *future)
{
  atomic_fetch_add_explicit(&future->refs, 1, memory_order_relaxed);
  return future;
}

static void future_unref(ahttp_future *future)
{
  unsigned before =
      atomic_fetch_sub_explicit(&future->refs, 1, memory_order_acq_rel);
  ah_assert(before > 0);
  if (before > 1) {
    return;
  }
  if (future->call != NULL) {
    ah_call_unref(future->call);
  }
  ah_collector_clear(&future->collector);
  ah_driver_unref(future->driver);
  ah_free(future);
}

static void future_call_then(ahttp_future *future)
{
  if (!atomic_load(&future->is_freed)) {
    future->then(future, future->then_arg);
  }
}

static void future_on_then_letter(ah_letter *letter)
{
  ahttp_future *future = AH_CONTAINER(letter, ahttp_future, then_letter);
  future_call_then(future);
  future_unref(future);
}

static int future_on_body(ahttp_call *call, const uint8_t *data, size_t len,
                          void *user_data)
{
  ahttp_future *future = user_data;
  return ah_collector_add(&future->collector, call, data, len);
}

static void future_on_done(ahttp_call *call, const ahttp_response *response,
                           const ahttp_error *err, void *user_data)
{
  ahttp_future *future = user_data;
  (void)call;
  (void)response;
  ah_collector_end(&future->collector, err);
  ah_driver_set(future->driver, &future->done);
  unsigned before = atomic_fetch_or(&future->marks, MARK_DONE);
  if ((before & MARK_THEN) != 0) {
    future_call_then(future);
  }
  future_unref(future);
}

static ahttp_future *future_new(ahttp_client *client)
{
  ahttp_future *future = ah_calloc(1, sizeof(*future));
  if (future == NULL) {
    return NULL;
  }
  atomic_init(&future->refs, 1);
  future->driver = ah_driver_ref(client->driver);
  ah_collector_init(&future->collector, client);
  ah_latch_init(&future->done);
  future->then_letter.run = future_on_then_letter;
  return future;
}

ahttp_future *ahttp_submit(ahttp_client *client, ahttp_request *request,
                           const ahttp_send_opts *opts)
{
  static const ahttp_handlers handlers = {.size = sizeof(handlers),
                                          .on_body = future_on_body,
                                          .on_done = future_on_done};
  if (client == NULL || request == NULL) {
    return NULL;
  }
  ahttp_future *future = future_new(client);
  if (future == NULL) {
    return NULL;
  }
  ahttp_call *call = ah_call_new(client, request, opts, &handlers, future);
  if (call == NULL) {
    future_unref(future);
    return NULL;
  }
  future->call = ah_call_ref(call);
  (void)future_ref(future); /* the call's, until on_done */
  if (!ah_call_dispatch(call)) {
    ah_call_unref(call);
    future_unref(future);
    future_unref(future);
    return NULL;
  }
  return future;
}

void ahttp_future_free(ahttp_future *future)
{
  if (future == NULL) {
    return;
  }
  atomic_store(&future->is_freed, true);
  ahttp_future_cancel(future);
  future_unref(future);
}

/* --- Waiting. ----------------------------------------------------------------
 */

bool ahttp_future_is_done(const ahttp_future *future)
{
  return ah_latch_is_set(&future->done);
}

int ahttp_future_wait(ahttp_future *future, uint32_t timeout_ms)
{
  return ahttp_future_wait_all(&future, 1, timeout_ms);
}

/* Counts the futures that are not NULL.  False if they are of several clients,
 * whose loops one thread cannot run at once. */
static bool futures_check(ahttp_future *const *futures, size_t count,
                          size_t *present, ah_driver **driver)
{
  *present = 0;
  *driver = NULL;
  for (size_t i = 0; i < count; i++) {
    if (futures[i] == NULL) {
      continue;
    }
    if (*present > 0 && futures[i]->driver != *driver) {
      return false;
    }
    *driver = futures[i]->driver;
    *present += 1;
  }
  return true;
}

/* Waits for |needed| of the |present| futures that are not NULL. */
static int futures_wait(ahttp_future *const *futures, size_t present,
                        size_t needed, uint32_t timeout_ms, ah_driver *driver)
{
  ah_link few[LINKS_ON_STACK];
  ah_link *links = few;
  if (present > LINKS_ON_STACK) {
    links = ah_calloc(present, sizeof(*links));
    if (links == NULL) {
      return AHTTP_ENOMEM;
    }
  }
  ah_waiter waiter;
  ah_waiter_init(&waiter, needed, timeout_ms);
  size_t linked = 0;
  for (size_t i = 0; linked < present; i++) {
    if (futures[i] != NULL) {
      ah_driver_watch(driver, &waiter, &links[linked], &futures[i]->done);
      linked++;
    }
  }
  int rv = ah_driver_wait(driver, &waiter, links, linked, false);
  if (links != few) {
    ah_free(links);
  }
  return rv;
}

int ahttp_future_wait_all(ahttp_future *const *futures, size_t count,
                          uint32_t timeout_ms)
{
  size_t present;
  ah_driver *driver;
  if (!futures_check(futures, count, &present, &driver)) {
    return AHTTP_EINVAL;
  }
  if (present == 0) {
    return AHTTP_OK;
  }
  return futures_wait(futures, present, present, timeout_ms, driver);
}

/* The first that is done; |count| if none is. */
static size_t futures_find_done(ahttp_future *const *futures, size_t count)
{
  size_t i = 0;
  while (i < count &&
         (futures[i] == NULL || !ahttp_future_is_done(futures[i]))) {
    i++;
  }
  return i;
}

int ahttp_future_wait_any(ahttp_future *const *futures, size_t count,
                          uint32_t timeout_ms, size_t *index)
{
  *index = futures_find_done(futures, count);
  if (*index < count) {
    return AHTTP_OK;
  }
  size_t present;
  ah_driver *driver;
  if (!futures_check(futures, count, &present, &driver) || present == 0) {
    return AHTTP_EINVAL;
  }
  int rv = futures_wait(futures, present, 1, timeout_ms, driver);
  if (rv == AHTTP_OK) {
    *index = futures_find_done(futures, count);
  }
  return rv;
}

/* --- What came of it. --------------------------------------------------------
 */

static int future_refuse(ahttp_error *err, const char *text)
{
  if (err != NULL) {
    ah_error_say(err, AHTTP_ESTATE, AHTTP_PHASE_NONE, "%s", text);
  }
  return AHTTP_ESTATE;
}

int ahttp_future_take(ahttp_future *future, ahttp_response **out,
                      ahttp_error *err)
{
  *out = NULL;
  if (!ahttp_future_is_done(future)) {
    return future_refuse(err, "the future is not done");
  }
  if (atomic_exchange(&future->is_taken, true)) {
    return future_refuse(err, "the response was taken before");
  }
  int rv = ah_collector_take(&future->collector, future->call, out, err);
  if (rv != AHTTP_OK) {
    atomic_store(&future->is_taken, false); /* an error can be had again */
  }
  return rv;
}

int ahttp_future_then(ahttp_future *future, ahttp_future_cb then,
                      void *user_data)
{
  if (then == NULL) {
    return AHTTP_EINVAL;
  }
  if (atomic_exchange(&future->has_then, true)) {
    return AHTTP_ESTATE;
  }
  future->then = then;
  future->then_arg = user_data;
  unsigned before = atomic_fetch_or(&future->marks, MARK_THEN);
  if ((before & MARK_DONE) == 0) {
    return AHTTP_OK;
  }
  (void)future_ref(future); /* the letter's */
  int rv = ah_driver_post(future->driver, &future->then_letter);
  if (rv != AHTTP_OK) {
    future_unref(future);
  }
  return rv;
}

void ahttp_future_cancel(ahttp_future *future)
{
  if (!ahttp_future_is_done(future)) {
    ahttp_call_cancel(future->call);
  }
}
