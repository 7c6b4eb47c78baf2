/* SPDX-License-Identifier: MIT */
#ifndef AH_TESTS_CANCEL_STORM_H
#define AH_TESTS_CANCEL_STORM_H

#include <stddef.h>
#include <stdint.h>

#include <ahttp/ahttp.h>

#include "support/event_server.h"

/* A server, and what to ask it for. */
typedef struct storm_target {
  const char *scheme;
  uint16_t port;
  ahttp_http_policy http;
  const char *const *paths; /* ends with NULL */
  const char *afterwards;   /* the path for the thousand */
  size_t afterwards_len;
  const event_server *counter; /* counts resets; or NULL */
  unsigned divisor;            /* of the number of calls; 0: 1 */
} storm_target;

/*
 * Starts calls to |at| and cancels each at a random moment, ten thousand of
 * them.  Then checks that nothing is left of them, on either side, and that a
 * thousand requests go through on what the storm has left.
 */
void cancel_storm_run(const storm_target *at);

#endif
