/* SPDX-License-Identifier: MIT */
/*
 * A call: one send of a request, over as many hops as interceptors ask for.
 *
 * Each hop is one exchange, whose sink (call_sink.c) the call is.  A response
 * that an interceptor takes for itself (a redirect) is dropped up to a limit,
 * and when its exchange is done the next hop starts.
 *
 * There are two ends.  The exchange's end is the hop's; the call's own end
 * (cancelled, too long, stopped by a callback, refused by an interceptor) wins
 * over it and stops the exchange.  Either way the call is finished in one
 * place, ah_call_finish(), from the exchange's on_done, once.
 *
 * What goes into the first hop is put together in call_fields.c and
 * call_options.c; where hops go is found in call_route.c.
 *
 * A call is made on any thread, which only reads what never changes of the
 * client, and is launched on the loop's: directly, or by a letter
 * (call_control.c).
 */
#include "config.h"

#include "client/call.h"

#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "client/auth.h"
#include "client/chain.h"
#include "client/client.h"
#include "client/raw_stream.h"
#include "client/reader.h"
#include "transport/hop_trace.h"

/* --- Ending. ----------------------------------------------------------------
 */

void ah_call_end(ahttp_call *call, const ahttp_error *err)
{
  if (call->is_ended ||
      atomic_load_explicit(&call->is_over, memory_order_relaxed)) {
    return; /* the user may be reading the error of one that is over */
  }
  call->is_ended = true;
  ahttp_phase phase = ah_exchange_phase(&call->exchange);
  if (call->is_launched) {
    ah_exchange_cancel(&call->exchange, err);
    ah_chain_on_call_end(call);
  }
  call->exchange.error = *err; /* also if the exchange has ended otherwise */
  call->exchange.error.phase = phase;
}

void ah_call_end_plain(ahttp_call *call, int code)
{
  ahttp_error err;
  ah_error_plain(&err, code, AHTTP_PHASE_NONE);
  ah_call_end(call, &err);
}

static void call_on_total_expired(ah_deadline *deadline)
{
  ahttp_call *call = AH_CONTAINER(deadline, ahttp_call, total);
  ahttp_error err;
  ah_error_say(&err, AHTTP_ETIMEOUT_TOTAL, AHTTP_PHASE_NONE,
               "the call was not done after %u ms",
               (unsigned)call->settings->total_ms);
  ah_trace_hop(&call->exchange, AHTTP_TRACE_TIMEOUT,
               &(ah_trace_note){.error = &err});
  ah_call_end(call, &err);
}

/* Puts the URL in front of what went wrong. */
static void call_name_url(const ahttp_call *call, ahttp_error *err)
{
  char url[200];
  ah_url_display(call->exchange.request.url, url, sizeof(url) - 2);
  (void)memcpy(url + strlen(url), ": ", sizeof(": "));
  size_t url_len = strlen(url);
  size_t text_len = strlen(err->text);
  size_t room = sizeof(err->text) - url_len - 1;
  if (text_len > room) {
    text_len = room;
  }
  memmove(err->text + url_len, err->text, text_len);
  memcpy(err->text, url, url_len);
  err->text[url_len + text_len] = '\0';
}

static void call_trace_outcome(const ahttp_call *call, const ahttp_error *err)
{
  const ah_trace_note note = {
      .number = (uint64_t)call->exchange.response.status, .error = err};
  ah_trace_hop(
      &call->exchange,
      err == NULL ? AHTTP_TRACE_CALL_COMPLETE : AHTTP_TRACE_CALL_FAILED, &note);
}

/* Tells the outcome and lets go of the client. */
static void call_tell_outcome(ahttp_call *call)
{
  ahttp_error *err = NULL;
  if (call->exchange.error.code != AHTTP_OK) {
    err = &call->exchange.error;
  }
  if (err != NULL) {
    call_name_url(call, err);
  }
  call_trace_outcome(call, err);
  if (call->stream != NULL) {
    ah_raw_stream_end_call(call->stream, err);
    call->stream = NULL;
  }
  atomic_store_explicit(&call->is_over, true, memory_order_relaxed);
  ah_call_call_on_done(call, err);
  call->client = NULL;
}

void ah_call_finish(ahttp_call *call)
{
  ahttp_client *client = call->client;
  ah_deadline_stop(&call->total);
  if (call->active != 0) {
    ah_chain_finish(call);
  }
  call_tell_outcome(call);
  ah_loop_drop(call->loop);
  ah_client_call_done(client, &call->node);
  ah_call_unref(call);
}

/* --- Hops. -------------------------------------------------------------------
 */

/* Fills in the exchange, which has its request only. */
static void call_fill_exchange(ahttp_call *call)
{
  ah_exchange *exchange = &call->exchange;
  exchange->sink = &ah_call_sink;
  exchange->loop = call->loop;
  exchange->arena = &call->arena;
  exchange->trace = call->trace;
  exchange->manual_credit = call->manual_credit;
}

/* The same for its limits, while the client is there. */
static void call_limit_exchange(ahttp_call *call)
{
  ah_exchange *exchange = &call->exchange;
  const ah_send_settings *settings = call->settings;
  exchange->timeouts.connect_ms = settings->connect_ms;
  exchange->timeouts.read_ms = settings->read_ms;
  exchange->timeouts.write_ms = settings->write_ms;
  exchange->timeouts.pool_ms = settings->pool_ms;
  exchange->connect_retries = settings->connect_retries;
}

void ah_call_start_next_hop(ahttp_call *call)
{
  call->url = call->next.url;
  call->fields = call->next.fields;
  call->hop_fields = &call->fields;
  call->is_dropping = false;
  call->dropped_bytes = 0;
  call->hop_redirects = call->response.redirects;
  call->hop_retries = call->response.retries;
  call->certificate = NULL;
  ah_exchange_clear(&call->exchange);
  ah_exchange_init(&call->exchange);
  call->exchange.request = call->next.head;
  call->exchange.request.url = &call->url;
  call->exchange.request.fields = call->hop_fields;
  call_fill_exchange(call);
  call_limit_exchange(call);
  ah_chain_start_hop(call);
}

/* --- Making and launching. ---------------------------------------------------
 */

static int call_fill_first_hop(ahttp_call *call)
{
  const ahttp_request *request = call->request;
  int rv = ah_call_merge_fields(call);
  call->exchange.request = (ah_request_head){
      .method = request->method,
      .traits = request->traits,
      .url = &request->url,
      .fields = call->hop_fields,
      .body = request->body,
      .connect_to = request->connect_to,
      .trailers = request->trailers,
  };
  return rv;
}

/* The client's settings, unless something is different for this send. */
static int call_set_settings(ahttp_call *call, const ahttp_send_opts *opts)
{
  call->settings = &call->client->settings;
  if (opts == NULL && !call->request->has_left) {
    return AHTTP_OK;
  }
  call->own_settings = *call->settings;
  call->settings = &call->own_settings;
  if (call->request->has_left) {
    call->own_settings.auth = NULL; /* the client's is for another origin */
  }
  return ah_send_settings_override(&call->own_settings, opts);
}

static int call_fill(ahttp_call *call, const ahttp_send_opts *opts,
                     const ahttp_handlers *handlers)
{
  call->loop = call->client->loop;
  call->response.call = call;
  call->total.expired = call_on_total_expired;
  call->letter.run = ah_call_on_letter;
  int rv = ah_opts_copy(&call->handlers, sizeof(call->handlers), handlers);
  int opts_rv = call_set_settings(call, opts);
  if (call->settings->auth != NULL) {
    call->auth = ah_auth_ref(call->settings->auth);
  }
  if (rv == AHTTP_OK) {
    rv = call_fill_first_hop(call);
  }
  if (rv == AHTTP_OK && opts_rv != AHTTP_OK) {
    ah_call_end_plain(call, opts_rv);
  }
  if (rv != AHTTP_OK || opts_rv != AHTTP_OK) {
    return rv;
  }
  return ah_call_keep_options(call);
}

/* The block is large, and one call mostly follows another. */
static ahttp_call *call_alloc(ah_driver *driver)
{
  ahttp_call *call = ah_driver_take_spare(driver);
  return call != NULL ? call : ah_malloc(sizeof(*call));
}

ahttp_call *ah_call_new(ahttp_client *client, ahttp_request *request,
                        const ahttp_send_opts *opts,
                        const ahttp_handlers *handlers, void *user_data)
{
  ahttp_call *call = call_alloc(client->driver);
  if (call == NULL) {
    return NULL;
  }
  ah_zero(call, offsetof(ahttp_call, exchange));
  ah_exchange_init(&call->exchange);
  atomic_init(&call->refs, 1);
  atomic_init(&call->users, 0);
  atomic_init(&call->commands, 0);
  atomic_init(&call->credit, 0);
  atomic_init(&call->go_on_code, AHTTP_OK);
  atomic_init(&call->is_over, false);
  atomic_init(&call->untaken, NULL);
  ah_arena_init_from(&call->arena, ah_driver_stock(client->driver));
  call->request = ah_request_ref(request);
  call->driver = ah_driver_ref(client->driver);
  call->client = client;
  call->user_data = user_data;
  if (call_fill(call, opts, handlers) != AHTTP_OK) {
    ah_call_unref(call);
    return NULL;
  }
  atomic_store(&request->is_sent, true);
  return call;
}

void ah_call_refuse(ahttp_call *call)
{
  ah_assert(!call->is_launched);
  call_fill_exchange(call);    /* without limits: the client may be gone */
  call->exchange.trace = NULL; /* it never began, and this is any thread */
  ah_call_end_plain(call, AHTTP_ECLOSED);
  call->exchange.times.started = call->started_ns;
  call->exchange.times.ended = call->started_ns;
  call_tell_outcome(call);
  ah_call_unref(call);
}

void ah_call_launch(ahttp_call *call)
{
  ahttp_client *client = call->client;
  if (client->is_closing) {
    ah_call_refuse(call);
    return;
  }
  uint64_t now_ns = ah_loop_now_ns(call->loop);
  if (call->started_ns == 0 || call->started_ns > now_ns) {
    call->started_ns = now_ns; /* the loop's clock is read once a turn */
  }
  ah_list_push_back(&client->calls, &call->node);
  client->call_count++;
  ah_loop_hold(call->loop);
  call->is_launched = true;
  call_fill_exchange(call);
  call_limit_exchange(call);
  ah_trace_hop(&call->exchange, AHTTP_TRACE_CALL_STARTED,
               &(ah_trace_note){.text = call->exchange.request.method});
  if (call->is_ended) {
    ah_exchange_end(&call->exchange, NULL); /* its error is there already */
    return;
  }
  ah_chain_launch(call);
  ah_deadline_start(call->loop, &call->total, call->settings->total_ms);
}

bool ah_call_dispatch(ahttp_call *call)
{
  if (!ah_driver_may_act(call->driver)) {
    return ah_call_post_launch(call);
  }
  if (call->client->is_closing) {
    return false;
  }
  ah_call_launch(call);
  return true;
}

ahttp_call *ahttp_start(ahttp_client *client, ahttp_request *request,
                        const ahttp_send_opts *opts,
                        const ahttp_handlers *handlers, void *user_data)
{
  if (client == NULL || request == NULL || handlers == NULL) {
    return NULL;
  }
  ahttp_call *call = ah_call_new(client, request, opts, handlers, user_data);
  if (call != NULL && !ah_call_dispatch(call)) {
    ah_call_unref(call);
    return NULL;
  }
  return call;
}

/* --- References. -------------------------------------------------------------
 */

ahttp_call *ah_call_ref(ahttp_call *call)
{
  atomic_fetch_add_explicit(&call->refs, 1, memory_order_relaxed);
  return call;
}

void ah_call_unref(ahttp_call *call)
{
  unsigned before =
      atomic_fetch_sub_explicit(&call->refs, 1, memory_order_acq_rel);
  ah_assert(before > 0);
  if (before > 1) {
    return;
  }
  ah_exchange_clear(&call->exchange);
  ah_reader_free(call->reader);
  ahttp_stream_close(atomic_load(&call->untaken));
  ahttp_request_free(call->request);
  if (call->auth != NULL) {
    ahttp_auth_free(call->auth);
  }
  ah_free(call->content);
  ah_free(call->text);
  ah_arena_clear(&call->arena);
  ah_driver *driver = call->driver;
  ah_driver_leave_spare(driver, call);
  ah_driver_unref(driver);
}

ahttp_call *ahttp_call_ref(ahttp_call *call)
{
  atomic_fetch_add_explicit(&call->users, 1, memory_order_relaxed);
  return ah_call_ref(call);
}

void ahttp_call_unref(ahttp_call *call)
{
  if (call == NULL) {
    return;
  }
  unsigned before =
      atomic_fetch_sub_explicit(&call->users, 1, memory_order_acq_rel);
  ah_assert(before > 0);
  if (before == 1 && call->reader != NULL) {
    ahttp_call_cancel(call); /* nobody will read the rest */
  }
  ah_call_unref(call);
}

const ahttp_request *ahttp_call_request(const ahttp_call *call)
{
  return call->request;
}
