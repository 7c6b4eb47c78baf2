/* SPDX-License-Identifier: MIT */
#ifndef AH_CLIENT_CLIENT_H
#define AH_CLIENT_CLIENT_H

#include <ahttp/client.h>

#include "base/arena.h"
#include "base/list.h"
#include "client/options.h"
#include "http/fields.h"
#include "net/resolver.h"
#include "transport/pool.h"

/* The public client.  Everything but the members that say so belongs to the
 * loop's thread. */
struct ahttp_client {
  uv_loop_t *own_uv; /* the private loop, NULL on the caller's */
  ah_loop *loop;
  ah_resolver *resolver;
  ah_pool *pool;
  ah_route route; /* holds a reference of its TLS profile */

  /* Settings, unchanged after the start; strings are in |arena|. */
  ah_arena arena;
  ah_send_settings settings;
  size_t content_max;
  ahttp_fields default_fields; /* what a request lacks is added from here */

  ah_list calls; /* started and not done */
  uint64_t call_count;

  bool is_closing;
  ahttp_closed_cb on_closed;
  void *closed_arg;
};

/* A call has come to its end; a closing client goes on closing. */
void ah_client_call_done(ahttp_client *client, ah_list_node *call_node);

#endif
