/* SPDX-License-Identifier: MIT */
/*
 * A client ends in five steps: its calls, the pool, the resolver, the loop's
 * handles, itself.  Each begins when the one before is done, from the loop.
 *
 * What differs is who turns the loop meanwhile.  The caller's is turned by the
 * caller.  A private one is turned by the thread that closes the client; if
 * other threads are waiting on it just then, their calls are ended first, and
 * when they have left it takes the lead.  Closed from a callback, a client is
 * finished by the thread that leads, as soon as its own wait is over.  A
 * background thread finishes by itself; then it is joined, unless it was one of
 * its own callbacks that closed the client.
 */
#include "config.h"

#include "client/client.h"

#include <pthread.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "client/auth.h"
#include "client/call.h"
#include "net/tls_profile.h"

static void client_free_memory(ahttp_client *client)
{
  ahttp_closed_cb on_closed = client->on_closed;
  void *arg = client->closed_arg;
  bool is_private = client->own_uv != NULL;
  ahttp_auth_free(client->settings.auth);
  ah_mounts_free(client->mounts);
  ah_proxies_free(client->proxies);
  ah_tls_profile_unref(client->route.tls);
  ah_socket_policy_free(client->policy);
  ahttp_cookie_jar_free(client->cookies);
  ahttp_request_free(atomic_load(&client->last_fetched));
  ah_arena_clear(&client->arena);
  ah_driver_unref(client->driver);
  if (!is_private) { /* a private one is still being driven */
    ah_free(client);
  }
  if (on_closed != NULL) {
    on_closed(arg);
  }
}

static void client_on_loop_closed(void *arg)
{
  client_free_memory(arg);
}

static void client_close_loop(void *arg)
{
  ahttp_client *client = arg;
  if (client->loop == NULL) {
    client_free_memory(client);
    return;
  }
  ah_loop *loop = client->loop;
  ah_driver_detach(client->driver);
  client->loop = NULL;
  ah_loop_drop(loop);
  ah_loop_close(loop, client_on_loop_closed, client);
}

static void client_close_resolver(void *arg)
{
  ahttp_client *client = arg;
  if (client->resolver == NULL) {
    client_close_loop(client);
    return;
  }
  ah_resolver_close(client->resolver, client_close_loop, client);
}

static void client_close_pool(ahttp_client *client)
{
  if (client->pool == NULL) {
    client_close_resolver(client);
    return;
  }
  ah_pool_close(client->pool, client_close_resolver, client);
}

void ah_client_call_done(ahttp_client *client, ah_list_node *call_node)
{
  ah_list_remove(call_node);
  client->call_count--;
  if (client->may_close && client->call_count == 0) {
    client_close_pool(client);
  }
}

/* No more calls; those under way end. */
static void client_end_calls(ahttp_client *client)
{
  if (client->is_closing) {
    return;
  }
  client->is_closing = true;
  AH_LIST_FOREACH (node, &client->calls) {
    ah_call_end_plain(AH_CONTAINER(node, ahttp_call, node), AHTTP_ECLOSED);
  }
}

/* Closes the rest, now or when the last call is done. */
static void client_close_engine(ahttp_client *client)
{
  client_end_calls(client);
  client->may_close = true;
  if (client->loop != NULL && !client->has_thread) {
    ah_loop_hold(client->loop); /* the thread has held it from the start */
  }
  if (client->call_count == 0) {
    client_close_pool(client);
  }
}

/* Runs a private loop until its last handle is closed, and frees it. */
static void client_run_to_end(ahttp_client *client)
{
  uv_loop_t *uv = client->own_uv;
  (void)uv_run(uv, UV_RUN_DEFAULT);
  int rv = uv_loop_close(uv);
  ah_assert(rv == 0);
  ah_free(uv);
}

/* Closes a private loop's client on the thread that leads. */
static void client_finish(void *arg)
{
  ahttp_client *client = arg;
  client_close_engine(client);
  client_run_to_end(client);
  ah_free(client);
}

void ah_client_on_close_letter(ah_letter *letter)
{
  ahttp_client *client = AH_CONTAINER(letter, ahttp_client, close_letter);
  if (client->own_uv != NULL && !client->has_thread) {
    client_end_calls(client); /* the rest is the closing thread's */
  } else {
    client_close_engine(client);
  }
}

/* From the callback of a trace: begins with the letter. */
static void client_close_later(ahttp_client *client)
{
  if (client->own_uv != NULL && client->has_thread) {
    client->is_on_its_own = true;
  } else if (client->own_uv != NULL) {
    ah_driver_set_finish(client->driver, client_finish, client);
  }
  (void)ah_driver_post(client->driver, &client->close_letter);
}

/* From another callback, or from the thread of the caller's loop. */
static void client_close_on_loop(ahttp_client *client)
{
  if (client->own_uv == NULL) {
    client_close_engine(client);
  } else if (client->has_thread) {
    client->is_on_its_own = true;
    client_close_engine(client);
  } else {
    client_end_calls(client);
    ah_driver_set_finish(client->driver, client_finish, client);
  }
}

/* Takes a private loop from whoever leads. */
static void client_take_lead(ahttp_client *client)
{
  if (ah_driver_lead(client->driver) != AHTTP_OK) {
    (void)ah_driver_post(client->driver, &client->close_letter);
    ah_driver_take(client->driver);
  }
  (void)ah_loop_adopt(client->loop); /* it is turned in any case */
}

static void client_close_from_outside(ahttp_client *client)
{
  if (client->has_thread) {
    (void)ah_driver_post(client->driver, &client->close_letter);
    (void)uv_thread_join(&client->thread); /* fails for no thread only */
    ah_free(client);
  } else if (client->own_uv != NULL) {
    client_take_lead(client);
    client_finish(client);
  } else {
    (void)ah_driver_post(client->driver, &client->close_letter);
  }
}

void ahttp_client_close(ahttp_client *client, ahttp_closed_cb on_closed,
                        void *user_data)
{
  ah_assert(!client->is_closing);
  client->on_closed = on_closed;
  client->closed_arg = user_data;
  if (ah_driver_may_act(client->driver)) {
    client_close_on_loop(client);
  } else if (ah_driver_is_on_loop(client->driver)) {
    client_close_later(client);
  } else {
    client_close_from_outside(client);
  }
}

void ahttp_client_free(ahttp_client *client)
{
  if (client != NULL) {
    ahttp_client_close(client, NULL, NULL);
  }
}

/* --- The background thread. -------------------------------------------------
 */

static void client_on_thread(void *arg)
{
  ahttp_client *client = arg;
  ah_driver_take(client->driver);
  (void)ah_loop_adopt(client->loop);
  client_run_to_end(client);
  if (client->is_on_its_own) {
    (void)pthread_detach(pthread_self()); /* fails for no thread only */
    ah_free(client);
  }
}

/* The loop is held until the client is closed: the thread waits for work. */
int ah_client_start_thread(ahttp_client *client)
{
  ah_loop_hold(client->loop);
  client->has_thread = true;
  if (uv_thread_create(&client->thread, client_on_thread, client) != 0) {
    client->has_thread = false;
    ah_loop_drop(client->loop);
    return AHTTP_ENOMEM;
  }
  return AHTTP_OK;
}

void ah_client_abandon(ahttp_client *client)
{
  bool is_private = client->own_uv != NULL;
  client_close_engine(client);
  if (is_private) {
    client_run_to_end(client);
    ah_free(client);
  }
}
