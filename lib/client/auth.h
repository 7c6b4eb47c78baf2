/* SPDX-License-Identifier: MIT */
#ifndef AH_CLIENT_AUTH_H
#define AH_CLIENT_AUTH_H

#include <ahttp/auth.h>

#include "base/arena.h"
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

#endif
