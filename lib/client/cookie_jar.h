/* SPDX-License-Identifier: MIT */
#ifndef AH_CLIENT_COOKIE_JAR_H
#define AH_CLIENT_COOKIE_JAR_H

#include <stdatomic.h>

#include <uv.h>

#include <ahttp/cookies.h>

#include "base/arena.h"
#include "http/cookie_store.h"
#include "http/fields.h"

/* The public jar: a store behind a lock.  No user code runs, and nothing is
 * waited for, while the lock is held. */
struct ahttp_cookie_jar {
  atomic_uint refs;
  uv_mutex_t lock;
  ah_cookie_store store; /* under |lock| */
};

/* Seconds since 1970. */
int64_t ah_cookie_now(void);

/*
 * Makes the value of a Cookie field for a request for |url|, in |arena|: what
 * the Cookie fields of |own| say (NULL: none), then the jar's, without those
 * whose name |own| has.  |*out| is empty if there is none at all.  AHTTP_OK or
 * AHTTP_ENOMEM.
 */
int ah_cookie_jar_make_field(ahttp_cookie_jar *jar, const ahttp_url *url,
                             const ahttp_fields *own, ah_arena *arena,
                             ahttp_str *out);

/* Stores every Set-Cookie of |fields|, the answer to a request for |url|.
 * AHTTP_OK or AHTTP_ENOMEM. */
int ah_cookie_jar_receive(ahttp_cookie_jar *jar, const ahttp_url *url,
                          const ahttp_fields *fields);

#endif
