/* SPDX-License-Identifier: MIT */
#ifndef AH_TRANSPORT_HOP_TRACE_H
#define AH_TRANSPORT_HOP_TRACE_H

#include "base/trace.h"
#include "transport/connection.h"

/*
 * What exchanges and connections tell a trace.  Each inline function costs one
 * test of a pointer while nobody listens.
 */

/* The steps of an exchange.  Each is begun, and then complete or failed. */
typedef enum ah_step {
  AH_STEP_SEND_HEADERS,
  AH_STEP_SEND_BODY, /* only if there is content */
  AH_STEP_RECEIVE_HEADERS,
  AH_STEP_RECEIVE_BODY,
  AH_STEPS
} ah_step;

/* What an event may have besides who tells it; all of it optional. */
typedef struct ah_trace_note {
  ahttp_str text;
  uint64_t number;
  const ahttp_error *error;
} ah_trace_note;

/* --- With a trace. -------------------------------------------------------- */

void ah_hop_tell(const ah_exchange *exchange, ahttp_trace_kind kind,
                 const ah_trace_note *note);
void ah_hop_tell_step_begun(ah_exchange *exchange, ah_step step);
void ah_hop_tell_step_complete(ah_exchange *exchange, ah_step step,
                               uint64_t number);
void ah_hop_tell_steps_ended(ah_exchange *exchange, const ahttp_error *err);
void ah_conn_tell(const ah_connection *conn, ahttp_trace_kind kind,
                  uint64_t number);

/* --- With one or without. ------------------------------------------------- */

static inline void ah_trace_hop(const ah_exchange *exchange,
                                ahttp_trace_kind kind,
                                const ah_trace_note *note)
{
  if (exchange->trace != NULL) {
    ah_hop_tell(exchange, kind, note);
  }
}

static inline void ah_trace_step(ah_exchange *exchange, ah_step step)
{
  if (exchange->trace != NULL) {
    ah_hop_tell_step_begun(exchange, step);
  }
}

/* |number| is a status or a count of bytes.  One that was not begun, because
 * the other side was faster, is begun here. */
static inline void ah_trace_step_complete(ah_exchange *exchange, ah_step step,
                                          uint64_t number)
{
  if (exchange->trace != NULL) {
    ah_hop_tell_step_complete(exchange, step, number);
  }
}

/* The exchange leaves its connection; |err| is NULL or AHTTP_OK if it went
 * well.  Steps under way end. */
static inline void ah_trace_steps_ended(ah_exchange *exchange,
                                        const ahttp_error *err)
{
  if (exchange->trace != NULL) {
    ah_hop_tell_steps_ended(exchange, err);
  }
}

/* An event of |conn| itself. */
static inline void ah_trace_conn(const ah_connection *conn,
                                 ahttp_trace_kind kind, uint64_t number)
{
  if (conn->trace != NULL) {
    ah_conn_tell(conn, kind, number);
  }
}

#endif
