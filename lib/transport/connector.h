/* SPDX-License-Identifier: MIT */
#ifndef AH_TRANSPORT_CONNECTOR_H
#define AH_TRANSPORT_CONNECTOR_H

#include "net/resolver.h"
#include "net/socket_policy.h"
#include "transport/connection.h"
#include "transport/origin.h"

/*
 * From an origin to a connection: dial, TLS if the scheme asks for it, ALPN,
 * then the connection of the protocol that was agreed on; all within one
 * connect timeout.  It drops out once connected.
 *
 * An attempt that failed in a way that may pass is repeated |retries| times, as
 * HTTPX's transports do it: at once, then after 0.5 s, 1 s, 2 s and so on, each
 * with a connect timeout of its own, as long as somebody waits for it.
 */
typedef struct ah_connector ah_connector;

/* How long the steps of the last attempt took, ns; 0: not taken. */
typedef struct ah_connect_times {
  uint64_t dns;
  uint64_t connect;
  uint64_t tls;
  unsigned attempts; /* dials begun, the last one with these times */
} ah_connect_times;

/* Exactly one of |conn| and |err| is not NULL.  The connector is freed by
 * itself.  |conn| has its stream resumed and waits for its owner's members. */
typedef void (*ah_connector_done_fn)(void *owner, ah_connector *connector,
                                     ah_connection *conn,
                                     ah_origin_protocol protocol,
                                     const ah_connect_times *times,
                                     const ahttp_error *err);

/* Passes on an event of |connector|. */
typedef void (*ah_connector_tell_fn)(void *owner, ah_connector *connector,
                                     ahttp_trace_event *event);

typedef struct ah_connector_opts {
  uint32_t connect_ms; /* UINT32_MAX: no limit */
  uint32_t h2_streams_max;
  uint32_t retries;
  const ah_socket_policy *policy; /* or NULL; outlives it */
  uint64_t dial_id;
  ah_connector_tell_fn tell; /* NULL: nobody listens */
  ah_connector_done_fn done;
  void *owner; /* the first argument of |done| and |tell| */
} ah_connector_opts;

/* Starts; |opts->done| runs once, from the loop.  |origin| outlives it.
 * AHTTP_OK or AHTTP_ENOMEM. */
int ah_connector_start(ah_connector **out, ah_loop *loop, ah_resolver *resolver,
                       ah_origin *origin, const ah_connector_opts *opts);

/* How long the steps have taken so far; good until it is done. */
const ah_connect_times *ah_connector_times(ah_connector *connector);

/* Stops it; |done| does not run. */
void ah_connector_cancel(ah_connector *connector);

/* The owner's list node in it, and the way back. */
ah_list_node *ah_connector_node(ah_connector *connector);
ah_connector *ah_connector_at(ah_list_node *node);

#endif
