/* SPDX-License-Identifier: MIT */
/*
 * What a call does with the events of its exchange: each passes the
 * interceptors, then goes to the user's handler, from one wrapper per handler.
 */
#include "config.h"

#include "client/call.h"

#include "base/error.h"
#include "client/chain.h"
#include "client/client.h"
#include "client/content_decoder.h"
#include "client/raw_stream.h"
#include "http/method.h"
#include "http/redirect.h"
#include "transport/hop_trace.h"

/* Content of a response nobody wants is read to keep the connection, up to
 * this; a longer one costs more than a new connection (engine.md 2.13). */
enum {
  DROPPED_BYTES_MAX = 64 * 1024
};

static ahttp_call *call_of(ah_exchange *exchange)
{
  return AH_CONTAINER(exchange, ahttp_call, exchange);
}

/* --- The user's handlers, one wrapper each. ---------------------------------
 */

static void call_check(ahttp_call *call, int handler_rv)
{
  if (handler_rv != 0) {
    ah_call_end_plain(call, AHTTP_ECALLBACK);
  }
}

static void call_call_on_informational(ahttp_call *call,
                                       const ah_response_head *head)
{
  if (call->handlers.on_informational == NULL) {
    return;
  }
  ahttp_response interim = {
      .call = call, .head = head, .url = call->exchange.request.url};
  ah_call_ref(call);
  call_check(call,
             call->handlers.on_informational(call, &interim, call->user_data));
  ah_call_unref(call);
}

/* True if another protocol follows the response; an exchange refuses a 101 that
 * was not asked for. */
static bool call_is_switching(const ahttp_call *call)
{
  int status = call->exchange.response.status;
  return status == 101 ||
         ((call->exchange.request.traits & AH_METHOD_CONNECT) != 0 &&
          status >= 200 && status < 300);
}

/* False if memory is out, which ends the call. */
static bool call_make_stream(ahttp_call *call)
{
  if (ah_raw_stream_new(&call->stream, call) != AHTTP_OK) {
    ah_call_end_plain(call, AHTTP_ENOMEM);
    return false;
  }
  atomic_store(&call->untaken, call->stream);
  return true;
}

void ah_call_tell_head(ahttp_call *call)
{
  if (ah_redirect_is_status(call->exchange.response.status) &&
      ah_call_outlive_client(call) != AHTTP_OK) {
    ah_call_end_plain(call, AHTTP_ENOMEM);
    return;
  }
  call->has_head = true;
  call->response.head = &call->exchange.response;
  call->response.url = call->exchange.request.url;
  if (call_is_switching(call) && !call_make_stream(call)) {
    return;
  }
  if (call->handlers.on_head == NULL) {
    return;
  }
  ah_call_ref(call);
  call_check(call,
             call->handlers.on_head(call, &call->response, call->user_data));
  ah_call_unref(call);
}

void ah_call_tell_body(ahttp_call *call, const uint8_t *data, size_t len)
{
  if (call->handlers.on_body == NULL) {
    return;
  }
  ah_call_ref(call);
  call_check(call, call->handlers.on_body(call, data, len, call->user_data));
  ah_call_unref(call);
}

void ah_call_tell_trailers(ahttp_call *call)
{
  call->response.trailers = &call->exchange.trailers;
  if (call->handlers.on_trailers == NULL) {
    return;
  }
  ah_call_ref(call);
  call_check(call, call->handlers.on_trailers(call, &call->exchange.trailers,
                                              call->user_data));
  ah_call_unref(call);
}

static void call_call_on_upload(ahttp_call *call)
{
  if (call->handlers.on_upload == NULL) {
    return;
  }
  ah_call_ref(call);
  call->handlers.on_upload(call, call->exchange.bytes.upload, call->user_data);
  ah_call_unref(call);
}

void ah_call_call_on_done(ahttp_call *call, const ahttp_error *err)
{
  if (call->handlers.on_done != NULL) {
    call->handlers.on_done(call, call->has_head ? &call->response : NULL, err,
                           call->user_data);
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
  const ahttp_certificate *kept;
  if (call->settings->keep_certificate &&
      ahttp_call_certificate(call, &kept) == AHTTP_ENOMEM) {
    ah_call_end_plain(call, AHTTP_ENOMEM);
    return;
  }
  if (ah_content_decoder_is_wanted(call)) {
    call->active |= AH_PLACE_BIT(AH_AT_DECODE);
  }
  if (call->active == 0) {
    ah_call_tell_head(call);
  } else {
    ah_chain_on_head(call);
  }
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
  } else if (ah_chain_has_content(call)) {
    ah_chain_on_body(call, data, len);
  } else {
    ah_call_tell_body(call, data, len);
  }
}

static void call_on_trailers(ah_exchange *exchange)
{
  ahttp_call *call = call_of(exchange);
  if (call->is_dropping) {
    return;
  }
  if (ah_chain_has_content(call)) {
    call->chain->has_trailers = true; /* they come after the content */
  } else if (call->active != 0) {
    ah_chain_on_trailers(call);
  } else {
    ah_call_tell_trailers(call);
  }
}

static void call_on_upload(ah_exchange *exchange)
{
  call_call_on_upload(call_of(exchange));
}

/* True if the interceptors have something to do after the hop's end. */
static bool call_goes_on(ahttp_call *call)
{
  const ah_exchange *exchange = &call->exchange;
  if (exchange->error.code == AHTTP_OK) {
    return ah_chain_on_hop_done(call);
  }
  return exchange->times.head == 0 && ah_chain_on_failure(call);
}

static void call_on_done(ah_exchange *exchange)
{
  ahttp_call *call = call_of(exchange);
  if (exchange->origin != NULL) {
    ah_pool_release_origin(call->client->pool, exchange->origin);
    exchange->origin = NULL;
  }
  if (call->is_dropping && !call->is_ended) {
    ah_call_start_next_hop(call);
    return;
  }
  if (call->active != 0 && !call->is_ended && call_goes_on(call)) {
    return;
  }
  ah_call_finish(call);
}

static ah_taker *call_on_switch(ah_exchange *exchange, ah_handover *handover)
{
  const ahttp_call *call = call_of(exchange);
  if (call->stream == NULL || call->is_ended) {
    return NULL;
  }
  ah_trace_hop(exchange, AHTTP_TRACE_UPGRADE,
               &(ah_trace_note){.number = (uint64_t)exchange->response.status});
  return ah_raw_stream_attach(call->stream, handover);
}

const ah_exchange_sink ah_call_sink = {
    .on_informational = call_on_informational,
    .on_head = call_on_head,
    .on_body = call_on_body,
    .on_trailers = call_on_trailers,
    .on_upload = call_on_upload,
    .on_switch = call_on_switch,
    .on_done = call_on_done,
};
