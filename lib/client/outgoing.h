/* SPDX-License-Identifier: MIT */
#ifndef AH_CLIENT_OUTGOING_H
#define AH_CLIENT_OUTGOING_H

#include <ahttp/hooks.h>

#include "client/call.h"

/* The hop that a call is about to send, for callbacks of the user's. */
struct ahttp_outgoing {
  ahttp_call *call;
};

#endif
