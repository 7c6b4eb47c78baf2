/* SPDX-License-Identifier: MIT */
#ifndef AH_CLIENT_INTERCEPTOR_H
#define AH_CLIENT_INTERCEPTOR_H

#include "client/call.h"

/* An interceptor's on_head: the response is not for the user; call->next is
 * what to send instead. */
enum {
  AH_AGAIN = 3
};

/*
 * Something that sees a call's messages pass.  They stand in a fixed order in
 * call.c; a response passes them from the last to the first.  One that a call
 * does not use says so by its is_active, asked once a hop.
 */
typedef struct ah_interceptor {
  const char *name;
  bool (*is_active)(const ahttp_call *call);
  /*
   * The final response head of the current hop has arrived.  AHTTP_OK passes
   * it on; AH_AGAIN keeps it from the user and has call->next sent when its
   * content has been dropped; an error, described in |*err|, ends the call.
   */
  int (*on_head)(ahttp_call *call, ahttp_error *err);
} ah_interceptor;

/* Follows redirects, call->settings.redirects_max of them. */
extern const ah_interceptor ah_redirect_follower;

#endif
