/* SPDX-License-Identifier: MIT */
#ifndef AH_CLIENT_COLLECTOR_H
#define AH_CLIENT_COLLECTOR_H

#include "base/buf.h"
#include "client/call.h"

/* Gathers a call's content and outcome, for whoever wants the whole response.
 * Written on the loop's thread until the call is done, then the taker's. */
typedef struct ah_collector {
  ah_buf content;
  uint32_t ratio_max; /* see ah_ratio_is_over() */
  bool is_over_limit;
  bool is_over_ratio;
  ahttp_error error; /* only |code| is set after success */
} ah_collector;

void ah_collector_init(ah_collector *collector, const ahttp_client *client);
void ah_collector_clear(ah_collector *collector);

/* For on_body of |call|. */
int ah_collector_add(ah_collector *collector, const ahttp_call *call,
                     const uint8_t *data, size_t len);
/* For on_done. */
void ah_collector_end(ah_collector *collector, const ahttp_error *err);

/*
 * What came of |call|, which is done: AHTTP_OK and a response that keeps the
 * call, or the error's code with |*err| (may be NULL) filled.  After
 * AHTTP_ENOMEM from here it can be tried again.
 */
int ah_collector_take(ah_collector *collector, ahttp_call *call,
                      ahttp_response **out, ahttp_error *err);

#endif
