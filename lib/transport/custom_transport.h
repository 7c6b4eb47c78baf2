/* SPDX-License-Identifier: MIT */
#ifndef AH_TRANSPORT_CUSTOM_TRANSPORT_H
#define AH_TRANSPORT_CUSTOM_TRANSPORT_H

#include <ahttp/transport.h>

#include "transport/exchange.h"

/* |transport| with one more reference.  Any thread. */
ahttp_transport *ah_transport_ref(ahttp_transport *transport);

/* What exchanges are started on. */
ah_transport *ah_transport_base(ahttp_transport *transport);

/* What it was made of. */
const ahttp_transport_opts *ah_transport_opts(const ahttp_transport *transport);

/* The loop that |exchange| runs on. */
ah_loop *ah_custom_exchange_loop(const ahttp_exchange *exchange);

#endif
