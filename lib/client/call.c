/* SPDX-License-Identifier: MIT */
/*
 * A call: one send of a request, over as many hops as interceptors ask for.
 *
 * Each hop is one exchange.  The call is the exchange's sink: an event passes
 * the interceptors, then goes to the user's handlers.  A response that an
 * interceptor takes for itself (a redirect) is dropped up to a limit, and when
 * its exchange is done the next hop starts.
 *
 * There are two ends.  The exchange's end is the hop's; the call's own end
 * (cancelled, too long, stopped by a callback, refused by an interceptor) wins
 * over it and stops the exchange.  Either way the call is finished in one
 * place, call_finish(), from the exchange's on_done, once.
 */
#include "config.h"

#include "client/call.h"

#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/str.h"
#include "client/client.h"
#include "client/interceptor.h"

/* Content of a response nobody wants is read to keep the connection, up to
 * this; a longer one costs more than a new connection (engine.md 2.13). */
enum {
  DROPPED_BYTES_MAX = 64 * 1024
};

/* In the order a request passes them. */
static const ah_interceptor *const interceptors[] = {&ah_redirect_follower};
enum {
  INTERCEPTOR_COUNT = sizeof(interceptors) / sizeof(interceptors[0])
};

static ahttp_call *call_of(ah_exchange *exchange)
{
  return AH_CONTAINER(exchange, ahttp_call, exchange);
}

/* --- Ending. ----------------------------------------------------------------
 */

/* Records the call's own outcome, the first one wins, and stops the hop. */
static void call_end(ahttp_call *call, const ahttp_error *err)
{
  if (call->is_ended || call->client == NULL) {
    return;
  }
  call->is_ended = true;
  call->error = *err;
  call->error.phase = ah_exchange_phase(&call->exchange);
  ah_exchange_cancel(&call->exchange, err);
}

static void call_end_plain(ahttp_call *call, int code)
{
  ahttp_error err;
  ah_error_plain(&err, code, AHTTP_PHASE_NONE);
  call_end(call, &err);
}

void ah_call_close(ahttp_call *call)
{
  call_end_plain(call, AHTTP_ECLOSED);
}

static void call_on_total_expired(ah_deadline *deadline)
{
  ahttp_call *call = AH_CONTAINER(deadline, ahttp_call, total);
  ahttp_error err;
  ah_error_say(&err, AHTTP_ETIMEOUT_TOTAL, AHTTP_PHASE_NONE,
               "the call was not done after %u ms",
               (unsigned)call->settings.total_ms);
  call_end(call, &err);
}

/* Puts the URL in front of what went wrong. */
static void call_name_url(const ahttp_call *call, ahttp_error *err)
{
  char url[200];
  ah_url_display(call->hop.head.url, url, sizeof(url) - 2);
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

/* --- The user's handlers, one wrapper each. ---------------------------------
 */

static void call_check(ahttp_call *call, int handler_rv)
{
  if (handler_rv != 0) {
    call_end_plain(call, AHTTP_ECALLBACK);
  }
}

static void call_call_on_informational(ahttp_call *call,
                                       const ah_response_head *head)
{
  if (call->handlers.on_informational == NULL) {
    return;
  }
  ahttp_response interim = {
      .call = call, .head = head, .url = call->hop.head.url};
  ahttp_call_ref(call);
  call_check(call,
             call->handlers.on_informational(call, &interim, call->user_data));
  ahttp_call_unref(call);
}

static void call_call_on_head(ahttp_call *call)
{
  call->has_head = true;
  call->response.head = &call->exchange.response;
  call->response.url = call->hop.head.url;
  if (call->handlers.on_head == NULL) {
    return;
  }
  ahttp_call_ref(call);
  call_check(call,
             call->handlers.on_head(call, &call->response, call->user_data));
  ahttp_call_unref(call);
}

static void call_call_on_body(ahttp_call *call, const uint8_t *data, size_t len)
{
  if (call->handlers.on_body == NULL) {
    return;
  }
  ahttp_call_ref(call);
  call_check(call, call->handlers.on_body(call, data, len, call->user_data));
  ahttp_call_unref(call);
}

static void call_call_on_trailers(ahttp_call *call)
{
  call->response.trailers = &call->exchange.trailers;
  if (call->handlers.on_trailers == NULL) {
    return;
  }
  ahttp_call_ref(call);
  call_check(call, call->handlers.on_trailers(call, &call->exchange.trailers,
                                              call->user_data));
  ahttp_call_unref(call);
}

static void call_call_on_upload(ahttp_call *call)
{
  if (call->handlers.on_upload == NULL) {
    return;
  }
  ahttp_call_ref(call);
  call->handlers.on_upload(call, call->exchange.bytes.upload, call->user_data);
  ahttp_call_unref(call);
}

static void call_call_on_done(ahttp_call *call, const ahttp_error *err)
{
  if (call->handlers.on_done != NULL) {
    call->handlers.on_done(call, call->has_head ? &call->response : NULL, err,
                           call->user_data);
  }
}

/* --- Hops. -------------------------------------------------------------------
 */

/* The one place where a call is over. */
static void call_finish(ahttp_call *call)
{
  ahttp_client *client = call->client;
  ahttp_error *err = NULL;
  if (call->is_ended) {
    err = &call->error;
  } else if (call->exchange.error.code != AHTTP_OK) {
    err = &call->exchange.error;
  }
  if (err != NULL) {
    call_name_url(call, err);
  }
  ah_deadline_stop(&call->total);
  call_call_on_done(call, err);
  ah_loop_drop(call->loop);
  call->client = NULL;
  ah_client_call_done(client, &call->node);
  ahttp_call_unref(call);
}

static const ah_exchange_sink call_sink;

/* Sends call->hop as a new exchange. */
static void call_start_hop(ahttp_call *call)
{
  ahttp_client *client = call->client;
  ah_exchange *exchange = &call->exchange;
  ah_exchange_init(exchange);
  exchange->sink = &call_sink;
  exchange->loop = call->loop;
  exchange->arena = &call->arena;
  exchange->request = call->hop.head;
  exchange->timeouts.connect_ms = call->settings.connect_ms;
  exchange->timeouts.read_ms = call->settings.read_ms;
  exchange->timeouts.write_ms = call->settings.write_ms;
  exchange->timeouts.pool_ms = call->settings.pool_ms;
  int rv = ah_pool_origin(client->pool, call->hop.head.url, &client->route,
                          &exchange->origin);
  if (rv != AHTTP_OK) {
    ahttp_error err;
    ah_error_plain(&err, rv, AHTTP_PHASE_NONE);
    ah_exchange_end(exchange, &err);
    return;
  }
  ah_exchange_start(exchange, ah_pool_transport(client->pool));
}

static void call_start_next_hop(ahttp_call *call)
{
  bool manual_credit = call->exchange.manual_credit;
  bool paused = call->exchange.user_paused;
  call->hop = call->next;
  if (call->hop.head.url == &call->next.url) {
    call->hop.head.url = &call->hop.url;
  }
  if (call->hop.head.fields == &call->next.fields) {
    call->hop.head.fields = &call->hop.fields;
  }
  call->is_dropping = false;
  call->dropped_bytes = 0;
  call_start_hop(call);
  call->exchange.manual_credit = manual_credit;
  if (paused) {
    ah_exchange_pause(&call->exchange);
  }
}

/* --- The exchange's sink. ----------------------------------------------------
 */

static void call_on_informational(ah_exchange *exchange,
                                  const ah_response_head *head)
{
  call_call_on_informational(call_of(exchange), head);
}

static void call_on_head(ah_exchange *exchange)
{
  ahttp_call *call = call_of(exchange);
  for (int i = INTERCEPTOR_COUNT - 1; i >= 0; i--) {
    if (!interceptors[i]->is_active(call)) {
      continue;
    }
    ahttp_error err;
    int rv = interceptors[i]->on_head(call, &err);
    if (rv == AH_AGAIN) {
      call->is_dropping = true;
      return;
    }
    if (rv != AHTTP_OK) {
      call_end(call, &err);
      return;
    }
  }
  call_call_on_head(call);
}

static void call_drop_body(ahttp_call *call, size_t len)
{
  call->dropped_bytes += len;
  if (call->exchange.manual_credit) {
    ah_exchange_credit(&call->exchange, len);
  }
  if (call->dropped_bytes > DROPPED_BYTES_MAX) {
    ahttp_error err;
    ah_error_plain(&err, AHTTP_ECANCELED, AHTTP_PHASE_RECEIVE);
    ah_exchange_cancel(&call->exchange, &err);
  }
}

static void call_on_body(ah_exchange *exchange, const uint8_t *data, size_t len)
{
  ahttp_call *call = call_of(exchange);
  if (call->is_dropping) {
    call_drop_body(call, len);
    return;
  }
  call_call_on_body(call, data, len);
}

static void call_on_trailers(ah_exchange *exchange)
{
  ahttp_call *call = call_of(exchange);
  if (!call->is_dropping) {
    call_call_on_trailers(call);
  }
}

static void call_on_upload(ah_exchange *exchange)
{
  call_call_on_upload(call_of(exchange));
}

static void call_on_done(ah_exchange *exchange)
{
  ahttp_call *call = call_of(exchange);
  if (exchange->origin != NULL) {
    ah_pool_release_origin(call->client->pool, exchange->origin);
    exchange->origin = NULL;
  }
  if (call->is_dropping && !call->is_ended) {
    call_start_next_hop(call);
    return;
  }
  call_finish(call);
}

static const ah_exchange_sink call_sink = {
    .on_informational = call_on_informational,
    .on_head = call_on_head,
    .on_body = call_on_body,
    .on_trailers = call_on_trailers,
    .on_upload = call_on_upload,
    .on_done = call_on_done,
};

/* --- Starting. ---------------------------------------------------------------
 */

/* The request's fields after those defaults it does not have itself. */
static int call_merge_fields(ahttp_call *call)
{
  ahttp_fields *fields = &call->hop.fields;
  const ahttp_fields *defaults = &call->client->default_fields;
  ah_fields_init(fields, &call->arena);
  for (uint32_t i = 0; i < defaults->count; i++) {
    const ah_field *field = &defaults->items[i];
    if (ah_fields_find(&call->request->fields, field->id) != NULL) {
      continue;
    }
    int rv = ah_fields_add_view(fields, field->name, field->value, field->id);
    if (rv != AHTTP_OK) {
      return rv;
    }
  }
  return ah_fields_add_all(fields, &call->request->fields);
}

static int call_fill_first_hop(ahttp_call *call)
{
  ahttp_request *request = call->request;
  call->hop.head.method = request->method;
  call->hop.head.traits = request->traits;
  call->hop.head.url = &request->url;
  call->hop.head.fields = &call->hop.fields;
  call->hop.head.body = request->body;
  return call_merge_fields(call);
}

static void call_on_cancel_letter(ah_letter *letter)
{
  ahttp_call *call = AH_CONTAINER(letter, ahttp_call, cancel_letter);
  call_end_plain(call, AHTTP_ECANCELED);
  ahttp_call_unref(call);
}

static int call_fill(ahttp_call *call, ahttp_client *client,
                     const ahttp_handlers *handlers, void *user_data)
{
  call->client = client;
  call->loop = client->loop;
  call->user_data = user_data;
  call->settings = client->settings;
  call->response.call = call;
  call->total.expired = call_on_total_expired;
  call->cancel_letter.run = call_on_cancel_letter;
  call->started_ns = ah_loop_now_ns(call->loop);
  int rv = ah_opts_copy(&call->handlers, sizeof(call->handlers), handlers);
  return rv == AHTTP_OK ? call_fill_first_hop(call) : rv;
}

/* NULL if memory is out or |handlers| is from a newer header. */
static ahttp_call *call_new(ahttp_client *client, ahttp_request *request,
                            const ahttp_handlers *handlers, void *user_data)
{
  ahttp_call *call = ah_malloc(sizeof(*call));
  if (call == NULL) {
    return NULL;
  }
  memset(call, 0, offsetof(ahttp_call, block));
  atomic_init(&call->refs, 1);
  ah_arena_init(&call->arena, call->block, sizeof(call->block));
  call->request = ah_request_ref(request);
  if (call_fill(call, client, handlers, user_data) != AHTTP_OK) {
    ahttp_call_unref(call);
    return NULL;
  }
  return call;
}

ahttp_call *ahttp_start(ahttp_client *client, ahttp_request *request,
                        const ahttp_send_opts *opts,
                        const ahttp_handlers *handlers, void *user_data)
{
  if (client == NULL || request == NULL || handlers == NULL ||
      client->is_closing) {
    return NULL;
  }
  ahttp_call *call = call_new(client, request, handlers, user_data);
  if (call == NULL) {
    return NULL;
  }
  atomic_store(&request->is_sent, true);
  ah_list_push_back(&client->calls, &call->node);
  client->call_count++;
  ah_loop_hold(call->loop);
  int rv = ah_send_settings_override(&call->settings, opts);
  call_start_hop(call);
  if (rv != AHTTP_OK) {
    call_end_plain(call, rv);
  } else {
    ah_deadline_start(call->loop, &call->total, call->settings.total_ms);
  }
  return call;
}

/* --- What the user does with a call. -----------------------------------------
 */

ahttp_call *ahttp_call_ref(ahttp_call *call)
{
  atomic_fetch_add_explicit(&call->refs, 1, memory_order_relaxed);
  return call;
}

void ahttp_call_unref(ahttp_call *call)
{
  if (call == NULL) {
    return;
  }
  unsigned before =
      atomic_fetch_sub_explicit(&call->refs, 1, memory_order_acq_rel);
  ah_assert(before > 0);
  if (before > 1) {
    return;
  }
  ahttp_request_free(call->request);
  ah_free(call->content);
  ah_arena_clear(&call->arena);
  ah_free(call);
}

void ahttp_call_cancel(ahttp_call *call)
{
  if (ah_loop_is_own_thread(call->loop)) {
    call_end_plain(call, AHTTP_ECANCELED);
    return;
  }
  ahttp_call_ref(call);
  if (!ah_loop_post(call->loop, &call->cancel_letter)) {
    ahttp_call_unref(call);
  }
}

void ahttp_call_pause(ahttp_call *call)
{
  ah_exchange_pause(&call->exchange);
}

void ahttp_call_resume(ahttp_call *call)
{
  ah_exchange_resume(&call->exchange);
}

void ahttp_call_set_manual_credit(ahttp_call *call)
{
  call->exchange.manual_credit = true;
}

void ahttp_call_credit(ahttp_call *call, size_t len)
{
  ah_exchange_credit(&call->exchange, len);
}

void ahttp_call_content_ready(ahttp_call *call)
{
  ah_exchange_body_ready(&call->exchange);
}

const ahttp_request *ahttp_call_request(const ahttp_call *call)
{
  return call->request;
}
