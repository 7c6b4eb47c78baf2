/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_CHALLENGE_H
#define AH_HTTP_CHALLENGE_H

#include "base/arena.h"

/* Parameters of a challenge beyond this are not looked at.  Digest has nine,
 * OAuth's schemes a few more. */
enum {
  AH_CHALLENGE_PARAMS_MAX = 24
};

/* name = value; the value as it was sent, in quotes or not. */
typedef struct ah_challenge_param {
  ahttp_str name;
  ahttp_str value;
} ah_challenge_param;

/* One challenge of a WWW-Authenticate or Proxy-Authenticate field (RFC 9110,
 * section 11.6.1); views of its value. */
typedef struct ah_challenge {
  ahttp_str scheme;
  ahttp_str token68; /* instead of parameters; empty: none */
  ah_challenge_param params[AH_CHALLENGE_PARAMS_MAX];
  size_t param_count;
} ah_challenge;

/*
 * Cuts the next challenge off |*rest|, the value of a field.  False at the end.
 * What is no challenge is passed over: there is nothing to be done about it,
 * and the next one may be understood.
 */
bool ah_challenge_next(ahttp_str *rest, ah_challenge *out);

/*
 * Reads |value| as parameters without a scheme, as Authentication-Info has them
 * (RFC 7615, section 3), up to what is none.
 */
void ah_challenge_read_params(ah_challenge *out, ahttp_str value);

/*
 * Finds the parameter |name|, in any case; the first if there are several.
 * |*out| is its value without quotes and quoted-pairs, in |arena| or a view of
 * the field; its ptr is NULL if there is no such parameter.  AHTTP_OK or
 * AHTTP_ENOMEM.
 */
int ah_challenge_find(const ah_challenge *challenge, ahttp_str name,
                      ah_arena *arena, ahttp_str *out);

#endif
