/* SPDX-License-Identifier: MIT */
#ifndef AH_CLIENT_AUTH_SPACES_H
#define AH_CLIENT_AUTH_SPACES_H

#include "base/arena.h"
#include "http/digest.h"
#include "http/url.h"

/*
 * What servers have asked for: their last challenges, by origin and realm, so
 * that further requests can be answered before they are asked.  A challenge is
 * used for requests to the origin that it came from and for no others.  Any
 * thread.
 */
typedef struct ah_auth_spaces ah_auth_spaces;

/* What one request is to answer with. */
typedef struct ah_auth_ticket {
  bool is_basic;                 /* the server takes Basic; the rest is empty */
  ah_digest_challenge challenge; /* its bytes are in the arena */
  char cnonce[AH_DIGEST_CNONCE_LEN];
  uint32_t count; /* of requests with this nonce, this one included */
} ah_auth_ticket;

/* NULL if memory is out. */
ah_auth_spaces *ah_auth_spaces_new(void);
/* NULL is allowed. */
void ah_auth_spaces_free(ah_auth_spaces *spaces);

/*
 * |challenge| has come from |url|; NULL: one for Basic.  It replaces that of
 * the same origin and realm.  AHTTP_OK, AHTTP_ENOMEM, or AHTTP_ESTATE: there is
 * no randomness for a cnonce.
 */
int ah_auth_spaces_put(ah_auth_spaces *spaces, const ahttp_url *url,
                       const ah_digest_challenge *challenge);

/*
 * Finds the challenge that is the likeliest for |url|, or the one of |realm|
 * (unless its ptr is NULL), and counts a request with it.  AHTTP_OK; or
 * AHTTP_ENOTFOUND: there is none; or AHTTP_ENOMEM.
 */
int ah_auth_spaces_find(ah_auth_spaces *spaces, const ahttp_url *url,
                        ahttp_str realm, ah_arena *arena, ah_auth_ticket *out);

#endif
