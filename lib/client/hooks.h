/* SPDX-License-Identifier: MIT */
#ifndef AH_CLIENT_HOOKS_H
#define AH_CLIENT_HOOKS_H

#include <ahttp/client.h>
#include <ahttp/hooks.h>

#include "base/arena.h"

/* A client's hooks. */
typedef struct ah_hooks {
  const ahttp_hook *items; /* |count|, in the order they run */
  size_t count;
  bool read_content; /* one of them reads it, so all wait for it */
} ah_hooks;

/* Copies those of |opts| to |arena|.  AHTTP_OK, AHTTP_EINVAL or AHTTP_ENOMEM.
 */
int ah_hooks_copy(ah_hooks *out, ah_arena *arena,
                  const ahttp_client_opts *opts);

#endif
