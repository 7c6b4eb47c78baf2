/* SPDX-License-Identifier: MIT */
#ifndef AH_CLIENT_HISTORY_H
#define AH_CLIENT_HISTORY_H

#include "client/call.h"

/*
 * Keeps the response of this hop, which is not for the user, among the earlier
 * ones of |call|: those that redirects, authentication or retries took.  All
 * but its content and its trailers; that is in the call's arena already.
 *
 * AHTTP_OK; AHTTP_ELIMIT if they have grown too large, described in |*err|; or
 * AHTTP_ENOMEM.
 */
int ah_history_add(ahttp_call *call, ahttp_error *err);

#endif
