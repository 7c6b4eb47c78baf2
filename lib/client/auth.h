/* SPDX-License-Identifier: MIT */
#ifndef AH_CLIENT_AUTH_H
#define AH_CLIENT_AUTH_H

#include <ahttp/auth.h>

#include "base/arena.h"
#include "base/error.h"
#include "http/url.h"

/* Returns |auth| with one more reference; NULL is allowed.  Any thread. */
ahttp_auth *ah_auth_ref(ahttp_auth *auth);

/* |auth|, or NULL if it is ahttp_auth_none(). */
ahttp_auth *ah_auth_or_null(ahttp_auth *auth);

/* What it was made of. */
const ahttp_auth_opts *ah_auth_opts(const ahttp_auth *auth);

/*
 * The value of Authorization for the username and password in |url|, which are
 * percent-encoded there; bytes in |arena|.  AHTTP_OK, AHTTP_EINVAL or
 * AHTTP_ENOMEM.
 */
int ah_auth_value_of_url(ahttp_str *out, ah_arena *arena, const ahttp_url *url);

/* Its username alone, decoded.  AHTTP_OK or AHTTP_ENOMEM. */
int ah_auth_username_of_url(ahttp_str *out, ah_arena *arena,
                            const ahttp_url *url);

/* The value of Authorization for credentials as they are. */
int ah_auth_value_of_pair(ahttp_str *out, ah_arena *arena, ahttp_str username,
                          ahttp_str password);

/* True if |text| has control characters, which no credentials have. */
bool ah_auth_has_control(ahttp_str text);

/* Has |auth| asked on all hops of a call, also at origins that redirects have
 * led to: it has credentials for each host. */
void ah_auth_set_each_host(ahttp_auth *auth);
bool ah_auth_is_for_each_host(const ahttp_auth *auth);

/* --- For the callbacks of our own schemes: authenticator.c. ----------------
 */

/* True if the request has an Authorization of its own, which is left alone. */
bool ah_auth_flow_has_own(const ahttp_auth_flow *flow);

/* True if the hop is to the origin that the call was started for, and the call
 * never was anywhere else. */
bool ah_auth_flow_is_home(const ahttp_auth_flow *flow);

/* Where a callback describes the error that it is about to return. */
ahttp_error *ah_auth_flow_error(ahttp_auth_flow *flow);

#endif
