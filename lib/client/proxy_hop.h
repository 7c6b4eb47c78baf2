/* SPDX-License-Identifier: MIT */
#ifndef AH_CLIENT_PROXY_HOP_H
#define AH_CLIENT_PROXY_HOP_H

#include "client/call.h"
#include "transport/origin.h"

/*
 * What of a request goes to a proxy, and what past it.  Both are decided when a
 * hop is handed to the transport and hold for that hop alone: what a redirect
 * goes on from has nothing of it.
 */

/* Readies call->exchange.request for |proxy|, which is to forward it: absolute
 * form, the proxy's fields and its credentials.  AHTTP_OK, AHTTP_ENOMEM, or
 * AHTTP_ESTATE if this system cannot answer the proxy's challenge. */
int ah_proxy_hop_forward(ahttp_call *call, ah_proxy *proxy);

/* Readies it for a tunnel: credentials for a proxy are not for the server at
 * its end.  AHTTP_OK or AHTTP_ENOMEM. */
int ah_proxy_hop_tunnel(ahttp_call *call);

#endif
