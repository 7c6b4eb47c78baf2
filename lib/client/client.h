/* SPDX-License-Identifier: MIT */
#ifndef AH_CLIENT_CLIENT_H
#define AH_CLIENT_CLIENT_H

#include <stdatomic.h>

#include <ahttp/client.h>
#include <ahttp/cookies.h>

#include "base/arena.h"
#include "base/list.h"
#include "base/trace.h"
#include "client/driver.h"
#include "client/hooks.h"
#include "client/mounts.h"
#include "client/options.h"
#include "client/proxies.h"
#include "http/base_url.h"
#include "http/fields.h"
#include "net/resolver.h"
#include "net/socket_policy.h"
#include "transport/pool.h"

typedef struct ah_interceptor ah_interceptor;

/* The public client.  Everything but the members that say so belongs to the
 * loop's thread. */
struct ahttp_client {
  /* Unchanged from the start to the end, for any thread to read; strings are in
   * |arena|. */
  uv_loop_t *own_uv; /* the private loop, NULL on the caller's */
  ah_driver *driver; /* held */
  bool has_thread;   /* |thread| drives the private loop */
  uv_thread_t thread;
  ah_arena arena;
  ah_send_settings settings;
  size_t content_max;
  ah_trace trace; /* of all calls; its callback is NULL if there is none */
  uint32_t decode_ratio_max;
  ahttp_fields default_fields; /* what a request lacks is added from here */
  bool offers_codings;         /* Accept-Encoding among them is the library's */
  ah_base_url base_url;
  ahttp_cookie_jar *cookies; /* held; NULL: cookies are of no interest */

  ah_hooks hooks;
  ah_proxies *proxies; /* NULL: all connections are direct */
  ah_mounts *mounts;   /* NULL: the pool carries everything */
  const ah_interceptor *const *interceptors; /* AH_PLACES; tests have others */

  ah_loop *loop;
  ah_resolver *resolver;
  ah_pool *pool;
  ah_route route;           /* holds a reference of its TLS profile */
  ahttp_clock *clock;       /* outlives it; or NULL */
  ah_socket_policy *policy; /* owned, unchanged; or NULL */

  /* The request of the last ahttp_get() or the like, with a reference, for a
   * program that asks for one URL again and again; or NULL.  Any thread. */
  _Atomic(ahttp_request *) last_fetched;

  ah_retry_budget retry_budget;

  ah_list calls; /* launched and not done */
  uint64_t call_count;

  bool is_closing;    /* no call is launched any more */
  bool may_close;     /* the pool and the rest go when the last call is done */
  bool is_on_its_own; /* closed on |thread|, which nobody joins */
  ah_letter close_letter;
  ahttp_closed_cb on_closed;
  void *closed_arg;
};

/* A call has come to its end; a closing client goes on closing. */
void ah_client_call_done(ahttp_client *client, ah_list_node *call_node);

/* What client->close_letter runs. */
void ah_client_on_close_letter(ah_letter *letter);

/* Starts the thread that drives the private loop from here on.  AHTTP_OK or
 * AHTTP_ENOMEM. */
int ah_client_start_thread(ahttp_client *client);

/* Gives up a half-made client, which no other thread knows. */
void ah_client_abandon(ahttp_client *client);

#endif
