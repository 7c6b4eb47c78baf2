/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "transport/h1_response.h"

#include "base/assert.h"
#include "base/error.h"

enum {
  /* Input that may be held: what a stream may still give out in the callback in
   * which it is paused.  It stops after the first read, 256 KiB at most; TLS
   * after the record at hand. */
  HELD_BYTES_MAX = 2 * AH_LOOP_BULK_BYTES
};

#define TO(state) (1u << AH_H1_RESPONSE_##state)
static const unsigned response_edges[AH_H1_RESPONSE_STATES] = {
    [AH_H1_RESPONSE_NONE] = TO(READING),
    [AH_H1_RESPONSE_READING] = TO(HELD) | TO(NONE),
    [AH_H1_RESPONSE_HELD] = TO(READING) | TO(NONE),
};
#undef TO

static void response_set_state(ah_h1_response *response,
                               ah_h1_response_state next)
{
  ah_assert((response_edges[response->state] & (1u << next)) != 0);
  response->state = next;
}

static int response_fail(ahttp_error *err, int code, const char *why)
{
  ah_error_say(err, code, AHTTP_PHASE_NONE, "%s", why);
  return code;
}

/* Tells one event.  AH_MORE, AHTTP_OK after the last one, or AHTTP_ECANCELED.
 */
static int response_tell(ah_h1_response *response, const ah_h1_event *event)
{
  ah_exchange *exchange = response->exchange;
  bool goes_on = true;
  switch (event->kind) {
  case AH_H1_INFORMATIONAL:
    exchange->bytes.head = response->reader.section.bytes;
    goes_on = ah_exchange_tell_informational(exchange, event->head);
    break;
  case AH_H1_HEAD:
    exchange->bytes.head = response->reader.section.bytes;
    goes_on = ah_exchange_tell_head(exchange);
    break;
  case AH_H1_BODY:
    goes_on = ah_exchange_tell_body(exchange, (const uint8_t *)event->body.ptr,
                                    event->body.len);
    break;
  case AH_H1_TRAILERS:
    goes_on = ah_exchange_tell_trailers(exchange);
    break;
  case AH_H1_END:
    return AHTTP_OK;
  }
  goes_on = goes_on && response->exchange == exchange;
  return goes_on ? AH_MORE : AHTTP_ECANCELED;
}

/* Gives out events as far as the input goes and the exchange takes them;
 * |*used| of it was used. */
static int response_give_out(ah_h1_response *response, const uint8_t *data,
                             size_t len, size_t *used, ahttp_error *err)
{
  *used = 0;
  while (!ah_exchange_is_paused(response->exchange)) {
    size_t step;
    ah_h1_event event;
    int rv = ah_h1_reader_next(&response->reader, data + *used, len - *used,
                               &step, &event);
    *used += step;
    if (rv == AH_MORE) {
      return rv;
    }
    if (rv != AHTTP_OK) {
      return response_fail(err, rv, response->reader.why);
    }
    rv = response_tell(response, &event);
    if (rv != AH_MORE) {
      response->has_leftover = *used < len;
      return rv;
    }
  }
  return AH_MORE;
}

/* What came after the response belongs to the protocol that follows, if one
 * does; else nobody wants it. */
static int response_keep_rest(ah_h1_response *response, const uint8_t *rest,
                              size_t len, ahttp_error *err)
{
  if (!response->reader.framing.switches || len == 0) {
    return AHTTP_OK;
  }
  int rv = ah_buf_append(&response->held, rest, len);
  if (rv != AHTTP_OK) {
    ah_error_plain(err, rv, AHTTP_PHASE_NONE);
  }
  return rv;
}

/* Something waits for the exchange to be resumed. */
static void response_wait(ah_h1_response *response)
{
  if (response->state == AH_H1_RESPONSE_READING) {
    response_set_state(response, AH_H1_RESPONSE_HELD);
  }
}

/* Keeps bytes that must not be given out yet, and stops more from coming. */
static int response_hold(ah_h1_response *response, const uint8_t *data,
                         size_t len, ahttp_error *err)
{
  int rv = ah_buf_append(&response->held, data, len);
  if (rv != AHTTP_OK) {
    ah_error_plain(err, rv, AHTTP_PHASE_NONE);
    return rv;
  }
  response_wait(response);
  if (!response->stream_paused) {
    response->stream_paused = true;
    response->stream->ops->pause(response->stream);
  }
  return AH_MORE;
}

static void response_read_on(ah_h1_response *response)
{
  if (!response->stream_paused) {
    return; /* nothing is held */
  }
  ah_buf_clear(&response->held); /* pauses are rare: give the memory back */
  response->stream_paused = false;
  response->stream->ops->resume(response->stream);
}

void ah_h1_response_init(ah_h1_response *response, ah_stream *stream)
{
  *response = (ah_h1_response){.stream = stream};
  ah_h1_reader_init(&response->reader);
  ah_buf_init(&response->held, HELD_BYTES_MAX);
}

void ah_h1_response_clear(ah_h1_response *response)
{
  ah_h1_reader_clear(&response->reader);
  ah_buf_clear(&response->held);
}

void ah_h1_response_start(ah_h1_response *response, ah_exchange *exchange)
{
  const ah_request_head *request = &exchange->request;
  response_set_state(response, AH_H1_RESPONSE_READING);
  response->exchange = exchange;
  response->has_leftover = false;
  ah_h1_reader_expect(
      &response->reader,
      &(ah_h1_expected){
          .arena = exchange->arena,
          .head = &exchange->response,
          .trailers = &exchange->trailers,
          .traits = request->traits,
          .upgrade = ah_fields_find(request->fields, AH_FIELD_UPGRADE) != NULL,
      });
}

void ah_h1_response_drop(ah_h1_response *response)
{
  if (response->state != AH_H1_RESPONSE_NONE) {
    response_set_state(response, AH_H1_RESPONSE_NONE);
    response->exchange = NULL;
  }
}

void ah_h1_response_finish(ah_h1_response *response)
{
  ah_h1_response_drop(response);
  response_read_on(response);
}

int ah_h1_response_read(ah_h1_response *response, const uint8_t *data,
                        size_t len, ahttp_error *err)
{
  size_t used = 0;
  int rv = AH_MORE;
  response->exchange->facts.response_started = true;
  ah_exchange_touch(response->exchange);
  if (response->state == AH_H1_RESPONSE_READING) {
    rv = response_give_out(response, data, len, &used, err);
  }
  if (rv == AHTTP_OK) {
    return response_keep_rest(response, data + used, len - used, err);
  }
  if (rv == AH_MORE && used < len) {
    return response_hold(response, data + used, len - used, err);
  }
  if (rv == AH_MORE && ah_h1_reader_is_ending(&response->reader)) {
    response_wait(response); /* paused with only the end left to tell */
  }
  return rv;
}

int ah_h1_response_end(ah_h1_response *response, bool clean, ahttp_error *err)
{
  if (response->state == AH_H1_RESPONSE_HELD ||
      ah_exchange_is_paused(response->exchange)) {
    if (!response->input_ended) {
      response->input_ended = true;
      response->end_is_clean = clean;
    }
    response_wait(response);
    return AH_MORE;
  }
  return ah_h1_reader_end(&response->reader, clean, err);
}

int ah_h1_response_replay(ah_h1_response *response, ahttp_error *err)
{
  if (response->state != AH_H1_RESPONSE_HELD ||
      ah_exchange_is_paused(response->exchange)) {
    return AH_MORE; /* nothing waits, or it was paused again */
  }
  response_set_state(response, AH_H1_RESPONSE_READING);
  size_t len = ah_buf_len(&response->held);
  const uint8_t *data =
      len == 0 ? (const uint8_t *)"" : ah_buf_bytes(&response->held);
  size_t used;
  int rv = response_give_out(response, data, len, &used, err);
  if (rv == AHTTP_OK) {
    ah_buf_consume(&response->held, used); /* the rest may be another's */
  }
  if (rv != AH_MORE) {
    return rv;
  }
  ah_buf_consume(&response->held, used);
  if (ah_exchange_is_paused(response->exchange)) {
    response_wait(response);
    return AH_MORE;
  }
  if (response->input_ended) {
    return ah_h1_reader_end(&response->reader, response->end_is_clean, err);
  }
  response_read_on(response);
  return AH_MORE;
}

bool ah_h1_response_break(ah_h1_response *response)
{
  if (response->state != AH_H1_RESPONSE_HELD) {
    return false;
  }
  if (!response->input_ended) {
    response->input_ended = true;
    response->end_is_clean = false;
  }
  return true;
}
