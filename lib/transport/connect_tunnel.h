/* SPDX-License-Identifier: MIT */
#ifndef AH_TRANSPORT_CONNECT_TUNNEL_H
#define AH_TRANSPORT_CONNECT_TUNNEL_H

#include "net/negotiation_stream.h"
#include "transport/proxy.h"

typedef struct ah_connect_tunnel_opts {
  ah_proxy *proxy; /* HTTP or HTTPS; outlives it */
  ahttp_str host;  /* where to; without brackets; copied */
  uint16_t port;
  unsigned rounds; /* challenges answered before */
  bool *again;     /* set when the proxy has refused with a challenge that can
                      be answered: another attempt may go well; outlives it */
} ah_connect_tunnel_opts;

/*
 * The client's side of CONNECT (RFC 9110, section 9.3.6): a negotiator that
 * asks an HTTP proxy for a tunnel.  Any final answer but 2xx refuses it; its
 * content is not read, and the connection is not used any further.
 *
 * AHTTP_OK, or AHTTP_ENOMEM.
 */
int ah_connect_tunnel_new(ah_negotiator **out,
                          const ah_connect_tunnel_opts *opts);

#endif
