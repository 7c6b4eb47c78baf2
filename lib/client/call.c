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
#include "base/str.h"
#include "client/auth.h"
#include "client/chain.h"
#include "client/client.h"
#include "client/proxy_hop.h"
#include "client/raw_stream.h"
#include "client/reader.h"
#include "http/method.h"
#include "transport/hop_trace.h"

/* --- Ending. ----------------------------------------------------------------
 */

void ah_call_end(ahttp_call *call, const ahttp_error *err)
{
  if (call->is_ended || call->client == NULL) {
    return;
  }
  call->is_ended = true;
  call->error = *err;
  call->error.phase = ah_exchange_phase(&call->exchange);
  if (call->is_launched) {
    ah_exchange_cancel(&call->exchange, err);
    ah_chain_on_call_end(call);
  }
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
               (unsigned)call->settings.total_ms);
  ah_trace_hop(&call->exchange, AHTTP_TRACE_TIMEOUT,
               &(ah_trace_note){.error = &err});
  ah_call_end(call, &err);
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
  if (call->is_ended) {
    err = &call->error;
  } else if (call->exchange.error.code != AHTTP_OK) {
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

/* Fills the exchange, which is empty, in for call->hop. */
static void call_fill_exchange(ahttp_call *call)
{
  ah_exchange *exchange = &call->exchange;
  exchange->sink = &ah_call_sink;
  exchange->loop = call->loop;
  exchange->arena = &call->arena;
  exchange->trace = call->trace;
  exchange->request = call->hop.head;
  exchange->timeouts.connect_ms = call->settings.connect_ms;
  exchange->timeouts.read_ms = call->settings.read_ms;
  exchange->timeouts.write_ms = call->settings.write_ms;
  exchange->timeouts.pool_ms = call->settings.pool_ms;
  exchange->connect_retries = call->settings.connect_retries;
  exchange->manual_credit = call->manual_credit;
}

/* True if another protocol may take the connection over. */
static bool call_may_switch(const ahttp_call *call)
{
  const ah_request_head *head = &call->hop.head;
  return (head->traits & AH_METHOD_CONNECT) != 0 ||
         ah_fields_find(head->fields, AH_FIELD_UPGRADE) != NULL;
}

/* Such a connection must speak HTTP/1.1: HTTP/2 has no upgrade (RFC 9113,
 * section 8.6), and its CONNECT is not supported. */
static int call_set_switchable(const ahttp_call *call, ah_route *route,
                               ahttp_error *err)
{
  bool is_tls = ah_str_eq(call->hop.head.url->scheme, AH_STR("https"));
  if (route->http == AHTTP_HTTP_2_PRIOR_KNOWLEDGE ||
      (route->http == AHTTP_HTTP_2 && is_tls)) {
    ah_error_say(err, AHTTP_ESTATE, AHTTP_PHASE_NONE,
                 "Upgrade and CONNECT need HTTP/1.1, and the client allows "
                 "only HTTP/2");
    return AHTTP_ESTATE;
  }
  route->http = AHTTP_HTTP_1_1;
  return AHTTP_OK;
}

/* True if what the send has of its own for its host holds for this hop.  As
 * credentials do, its server name and its local address hold for the host they
 * were given for; so not after a redirect to another one. */
static bool call_is_at_home(const ahttp_call *call)
{
  return ah_str_eq(call->hop.head.url->host, call->request->url.host);
}

/* Where call->hop goes: the client's way, unless the send has one of its own.
 * AHTTP_OK, or fills |*err|. */
static int call_find_origin(ahttp_call *call, ahttp_error *err)
{
  const ah_route *route = &call->client->route;
  bool has_own = (call->settings.sni.len > 0 || call->local.len > 0) &&
                 call_is_at_home(call);
  bool may_switch = call_may_switch(call);
  const ah_proxies *proxies = call->client->proxies;
  ah_proxy *proxy =
      proxies == NULL ? NULL : ah_proxies_find(proxies, call->hop.head.url);
  ah_route own;
  if (may_switch || has_own || proxy != NULL) {
    own = *route;
    own.proxy = proxy;
    if (has_own) {
      own.sni = call->settings.sni;
      own.local = call->local;
    }
    route = &own;
  }
  if (may_switch && call_set_switchable(call, &own, err) != AHTTP_OK) {
    return err->code;
  }
  int rv = ah_pool_origin(call->client->pool, call->hop.head.url, route,
                          &call->exchange.origin);
  if (rv != AHTTP_OK) {
    ah_error_plain(err, rv, AHTTP_PHASE_NONE);
  }
  return rv;
}

/* The transport that the client has mounted for this hop, if any. */
static ah_transport *call_mounted(const ahttp_call *call)
{
  const ah_mounts *mounts = call->client->mounts;
  return mounts == NULL ? NULL : ah_mounts_find(mounts, call->hop.head.url);
}

/* Readies the request for the origin's proxy, if it has one. */
static int call_pass_proxy(ahttp_call *call)
{
  const ah_origin *origin = call->exchange.origin;
  call->answers_proxy = false;
  if (origin->proxy == NULL) {
    return AHTTP_OK;
  }
  return origin->is_forward ? ah_proxy_hop_forward(call, origin->proxy)
                            : ah_proxy_hop_tunnel(call);
}

/* The pool, which is told of the origin; NULL: the hop has ended. */
static ah_transport *call_pool(ahttp_call *call)
{
  ahttp_error err;
  int rv = call_find_origin(call, &err);
  if (rv == AHTTP_OK) {
    rv = call_pass_proxy(call);
    if (rv != AHTTP_OK) {
      ah_error_plain(&err, rv, AHTTP_PHASE_NONE);
    }
  }
  if (rv != AHTTP_OK) {
    ah_exchange_end(&call->exchange, &err);
    return NULL;
  }
  return ah_pool_transport(call->client->pool);
}

void ah_call_send_hop(ahttp_call *call)
{
  ah_exchange *exchange = &call->exchange;
  if (call->active != 0) {
    exchange->request = call->hop.head; /* as interceptors have changed it */
  }
  ah_transport *transport = call_mounted(call);
  if (transport == NULL) {
    transport = call_pool(call);
  }
  if (transport == NULL) {
    return;
  }
  ah_exchange_start(exchange, transport);
  if (call->is_paused) {
    ah_exchange_pause(exchange);
  }
}

void ah_call_start_next_hop(ahttp_call *call)
{
  call->hop = call->next;
  call->hop.head.url = &call->hop.url;
  call->hop.head.fields = &call->hop.fields;
  call->is_dropping = false;
  call->dropped_bytes = 0;
  call->hop_redirects = call->response.redirects;
  call->hop_retries = call->response.retries;
  call->certificate = NULL;
  ah_exchange_init(&call->exchange);
  call_fill_exchange(call);
  ah_chain_start_hop(call);
}

/* --- Making and launching. ---------------------------------------------------
 */

/* Whether the request has fields of its own of that name. */
static bool request_has_field(const ahttp_request *request,
                              const ah_field *field)
{
  return field->id == AH_FIELD_OTHER
             ? ah_fields_find_name(&request->fields, field->name) != NULL
             : ah_fields_find(&request->fields, field->id) != NULL;
}

/* What goes into Accept-Encoding by default: |codings|, none of them, or no
 * such field (ptr NULL).  A part of encoded content cannot be decoded, so that
 * a range is asked for of the plain one: Fetch Standard, "HTTP-network-or-cache
 * fetch": "If httpRequest's header list contains `Range`, then append
 * (`Accept-Encoding`, `identity`)". */
static ahttp_str call_accepted(const ahttp_call *call, ahttp_str codings)
{
  if (!call->settings.decode) {
    return (ahttp_str){NULL, 0};
  }
  bool is_part = ah_fields_find(&call->request->fields, AH_FIELD_RANGE) != NULL;
  return is_part ? AH_STR("identity") : codings;
}

/* What follows from the request's content, unless somebody has said it. */
static int call_merge_implied(ahttp_call *call)
{
  ahttp_fields *fields = &call->hop.fields;
  const ahttp_fields *implied = &call->request->implied;
  int rv = AHTTP_OK;
  for (uint32_t i = 0; i < implied->count && rv == AHTTP_OK; i++) {
    const ah_field *field = &implied->items[i];
    if (call->request->body != NULL &&
        ah_fields_find(fields, field->id) == NULL) {
      rv = ah_fields_add_view(fields, field->name, field->value, field->id);
    }
  }
  return rv;
}

/* Has a server asked whether it wants content that is not little. */
static int call_merge_expectation(ahttp_call *call)
{
  ahttp_fields *fields = &call->hop.fields;
  const ah_body *body = call->request->body;
  if (body == NULL || (uint64_t)body->length < call->settings.expect_bytes ||
      call->settings.expect_bytes == UINT64_MAX ||
      ah_fields_find(fields, AH_FIELD_EXPECT) != NULL) {
    return AHTTP_OK; /* an unknown length, -1, is more than any other */
  }
  return ah_fields_add_view(fields, AH_STR("Expect"), AH_STR("100-continue"),
                            AH_FIELD_EXPECT);
}

/* True if the request has none of the defaults' names, and no say in what
 * becomes of Accept-Encoding. */
static bool call_takes_defaults(const ahttp_call *call)
{
  uint64_t own = call->request->fields.known;
  return !call->request->is_complete &&
         (own & call->client->default_fields.known) == 0 &&
         (own & UINT64_C(1) << AH_FIELD_RANGE) == 0;
}

/* Adds all defaults, in one piece. */
static int call_copy_defaults(ahttp_call *call)
{
  int rv = ah_fields_add_all(&call->hop.fields, &call->client->default_fields);
  if (!call->settings.decode && call->client->offers_codings) {
    ah_fields_remove(&call->hop.fields, AH_FIELD_ACCEPT_ENCODING);
  }
  return rv;
}

/* Adds those defaults that the request does not have itself. */
static int call_add_defaults(ahttp_call *call)
{
  ahttp_fields *fields = &call->hop.fields;
  const ahttp_fields *defaults = &call->client->default_fields;
  for (uint32_t i = 0; i < defaults->count; i++) {
    const ah_field *field = &defaults->items[i];
    if (call->request->is_complete || request_has_field(call->request, field)) {
      continue;
    }
    ahttp_str value = field->value;
    if (field->id == AH_FIELD_ACCEPT_ENCODING && call->client->offers_codings) {
      value = call_accepted(call, value);
      if (value.ptr == NULL) {
        continue;
      }
    }
    int rv = ah_fields_add_view(fields, field->name, value, field->id);
    if (rv != AHTTP_OK) {
      return rv;
    }
  }
  return AHTTP_OK;
}

/* The request's fields after those defaults it does not have itself. */
static int call_merge_fields(ahttp_call *call)
{
  ahttp_fields *fields = &call->hop.fields;
  ah_fields_init(fields, &call->arena);
  int rv = call_takes_defaults(call) ? call_copy_defaults(call)
                                     : call_add_defaults(call);
  if (rv == AHTTP_OK) {
    rv = ah_fields_add_all(fields, &call->request->fields);
  }
  if (rv == AHTTP_OK) {
    rv = call_merge_implied(call);
  }
  return rv == AHTTP_OK ? call_merge_expectation(call) : rv;
}

int ah_call_own_fields(ahttp_call *call)
{
  ahttp_fields *fields = &call->hop.fields;
  for (uint32_t i = 0; i < fields->count; i++) {
    ah_field *field = &fields->items[i];
    int rv = ah_arena_copy(&call->arena, field->name, &field->name);
    if (rv == AHTTP_OK) {
      rv = ah_arena_copy(&call->arena, field->value, &field->value);
    }
    if (rv != AHTTP_OK) {
      return rv;
    }
  }
  return AHTTP_OK;
}

static int call_fill_first_hop(ahttp_call *call)
{
  ahttp_request *request = call->request;
  call->hop.head.method = request->method;
  call->hop.head.traits = request->traits;
  call->hop.head.url = &request->url;
  call->hop.head.fields = &call->hop.fields;
  call->hop.head.body = request->body;
  call->hop.head.connect_to = request->connect_to;
  call->hop.head.trailers = request->trailers;
  return call_merge_fields(call);
}

/* Its own trace or the client's. */
static int call_set_trace(ahttp_call *call)
{
  const ah_trace *clients = &call->client->trace;
  if (call->settings.trace == NULL && clients->callback == NULL) {
    return AHTTP_OK;
  }
  ah_trace trace = *clients;
  if (call->settings.trace != NULL) {
    int rv = ah_trace_copy(&trace, call->settings.trace,
                           ah_driver_telling(call->driver));
    call->settings.trace = NULL;
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
  const char *text = call->settings.local_address;
  call->settings.local_address = NULL; /* the caller's, who may take it away */
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
  const ahttp_retry_opts *opts = call->settings.retry_opts;
  if (opts == NULL) {
    return AHTTP_OK;
  }
  call->settings.retry_opts = NULL;
  int rv = ah_retry_settings_copy(&call->settings.retry, &call->arena, opts);
  if (rv == AHTTP_EINVAL) {
    ah_call_end_plain(call, rv);
    return AHTTP_OK;
  }
  return rv;
}

static int call_fill(ahttp_call *call, const ahttp_send_opts *opts,
                     const ahttp_handlers *handlers)
{
  call->loop = call->client->loop;
  call->settings = call->client->settings;
  call->response.call = call;
  call->total.expired = call_on_total_expired;
  call->letter.run = ah_call_on_letter;
  int rv = ah_opts_copy(&call->handlers, sizeof(call->handlers), handlers);
  if (call->request->has_left) {
    call->settings.auth = NULL; /* the client's is for another origin */
  }
  int opts_rv = ah_send_settings_override(&call->settings, opts);
  if (call->settings.auth != NULL) {
    call->auth = ah_auth_ref(call->settings.auth);
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
  rv = call_set_trace(call);
  if (rv == AHTTP_OK && call->settings.sni.len > 0) {
    rv = ah_arena_copy(&call->arena, call->settings.sni, &call->settings.sni);
  }
  if (rv == AHTTP_OK) {
    rv = call_set_retry(call);
  }
  if (rv == AHTTP_OK && call->settings.local_address != NULL) {
    rv = call_set_local(call);
  }
  return rv;
}

ahttp_call *ah_call_new(ahttp_client *client, ahttp_request *request,
                        const ahttp_send_opts *opts,
                        const ahttp_handlers *handlers, void *user_data)
{
  ahttp_call *call = ah_malloc(sizeof(*call));
  if (call == NULL) {
    return NULL;
  }
  ah_zero(call, offsetof(ahttp_call, exchange));
  ah_exchange_init(&call->exchange);
  ah_error_clear(&call->error);
  atomic_init(&call->refs, 1);
  atomic_init(&call->users, 0);
  atomic_init(&call->commands, 0);
  atomic_init(&call->credit, 0);
  atomic_init(&call->go_on_code, AHTTP_OK);
  atomic_init(&call->is_over, false);
  atomic_init(&call->untaken, NULL);
  ah_arena_init(&call->arena, call->block, sizeof(call->block));
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
  call_fill_exchange(call);
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
  ah_trace_hop(&call->exchange, AHTTP_TRACE_CALL_STARTED,
               &(ah_trace_note){.text = call->hop.head.method});
  if (call->is_ended) {
    ah_exchange_end(&call->exchange, &call->error);
    return;
  }
  ah_chain_launch(call);
  ah_deadline_start(call->loop, &call->total, call->settings.total_ms);
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
  ah_reader_free(call->reader);
  ahttp_stream_close(atomic_load(&call->untaken));
  ahttp_request_free(call->request);
  ah_driver_unref(call->driver);
  if (call->auth != NULL) {
    ahttp_auth_free(call->auth);
  }
  ah_free(call->content);
  ah_free(call->text);
  ah_arena_clear(&call->arena);
  ah_free(call);
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
