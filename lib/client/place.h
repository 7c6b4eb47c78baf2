/* SPDX-License-Identifier: MIT */
#ifndef AH_CLIENT_PLACE_H
#define AH_CLIENT_PLACE_H

/*
 * Where each interceptor stands.  A hop passes them in this order on its way
 * down, the response in the opposite one on its way up; who takes a response
 * for itself (AH_AGAIN) hides it from those before it.  chain.c says why the
 * order is this one.
 */
typedef enum ah_place {
  AH_AT_AUTH,
  AH_AT_REDIRECT,
  AH_AT_RETRY,
  AH_AT_COOKIES,
  AH_AT_EXPECTATION,
  AH_AT_HOOKS,
  AH_AT_DECODE,
  AH_AT_PROXY,
  AH_PLACES /* how many there are */
} ah_place;

/* A set of places has this bit for |place|. */
#define AH_PLACE_BIT(place) (1U << (unsigned)(place))

#endif
