/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "transport/hop_trace.h"

#include <assert.h>

#include "base/str.h"
#include "transport/origin.h"

/* How far apart the kinds of two steps are, and those of one. */
enum {
  STEP_KINDS = 3,
  STEP_COMPLETE = 1,
  STEP_FAILED = 2
};

#define STEP_KIND(step) \
  ((int)AHTTP_TRACE_SEND_HEADERS_STARTED + (int)AH_STEP_##step * STEP_KINDS)
static_assert((int)AHTTP_TRACE_SEND_HEADERS_COMPLETE ==
                      STEP_KIND(SEND_HEADERS) + STEP_COMPLETE &&
                  (int)AHTTP_TRACE_SEND_BODY_STARTED == STEP_KIND(SEND_BODY) &&
                  (int)AHTTP_TRACE_RECEIVE_HEADERS_STARTED ==
                      STEP_KIND(RECEIVE_HEADERS) &&
                  (int)AHTTP_TRACE_RECEIVE_BODY_FAILED ==
                      STEP_KIND(RECEIVE_BODY) + STEP_FAILED,
              "the kinds of steps follow each other");

static ahttp_trace_kind step_kind(ah_step step, int which)
{
  return (ahttp_trace_kind)((int)AHTTP_TRACE_SEND_HEADERS_STARTED +
                            (int)step * STEP_KINDS + which);
}

void ah_hop_tell(const ah_exchange *exchange, ahttp_trace_kind kind,
                 const ah_trace_note *note)
{
  char origin[AH_TRACE_ORIGIN_BYTES];
  const ahttp_url *url = exchange->request.url;
  ahttp_trace_event event = {
      .kind = kind,
      .dial_id = exchange->conn == NULL ? 0 : exchange->conn->dial_id,
      .conn_id = ah_exchange_conn_id(exchange),
      .stream_id = exchange->stream_id,
      .origin = ah_trace_origin(origin, ah_str_eq(url->scheme, AH_STR("https")),
                                url->host, url->port),
  };
  if (note != NULL) {
    event.text = note->text;
    event.number = note->number;
    event.error = note->error;
  }
  ah_trace_tell(exchange->trace, &event);
}

void ah_hop_tell_step_begun(ah_exchange *exchange, ah_step step)
{
  ah_trace_note note = {.number = 0};
  if (step == AH_STEP_SEND_HEADERS) {
    note.text = exchange->request.method;
  }
  exchange->steps |= 1U << step;
  ah_hop_tell(exchange, step_kind(step, 0), &note);
}

void ah_hop_tell_step_complete(ah_exchange *exchange, ah_step step,
                               uint64_t number)
{
  if ((exchange->steps & 1U << step) == 0) {
    ah_hop_tell_step_begun(exchange, step);
  }
  ah_trace_note note = {.number = number};
  if (step == AH_STEP_RECEIVE_HEADERS) {
    note.text = exchange->response.reason;
  }
  exchange->steps &= ~(1U << step);
  ah_hop_tell(exchange, step_kind(step, STEP_COMPLETE), &note);
}

/* What a step that is over may have counted. */
static uint64_t step_number(const ah_exchange *exchange, ah_step step)
{
  switch (step) {
  case AH_STEP_SEND_BODY:
    return exchange->bytes.upload;
  case AH_STEP_RECEIVE_BODY:
    return exchange->bytes.body;
  case AH_STEP_SEND_HEADERS:
  case AH_STEP_RECEIVE_HEADERS:
  case AH_STEPS:
    break;
  }
  return 0;
}

void ah_hop_tell_steps_ended(ah_exchange *exchange, const ahttp_error *err)
{
  bool is_ok = err == NULL || err->code == AHTTP_OK;
  for (ah_step step = 0; step < AH_STEPS; step++) {
    if ((exchange->steps & 1U << step) == 0) {
      continue;
    }
    exchange->steps &= ~(1U << step);
    const ah_trace_note note = {.number = step_number(exchange, step),
                                .error = is_ok ? NULL : err};
    ah_hop_tell(exchange, step_kind(step, is_ok ? STEP_COMPLETE : STEP_FAILED),
                &note);
  }
  if (exchange->times.attached != 0) {
    ah_hop_tell(exchange, AHTTP_TRACE_RESPONSE_CLOSED, NULL);
  }
}

void ah_conn_tell(const ah_connection *conn, ahttp_trace_kind kind,
                  uint64_t number)
{
  char text[AH_TRACE_ORIGIN_BYTES];
  const ah_origin *origin = conn->origin;
  ahttp_trace_event event = {
      .kind = kind,
      .dial_id = conn->dial_id,
      .conn_id = conn->id,
      .stream_id = -1,
      .origin =
          ah_trace_origin(text, origin->is_tls, origin->host, origin->port),
      .text = ah_str_from_c(conn->info.remote_address),
      .number = number,
  };
  ah_trace_tell(conn->trace, &event);
}
