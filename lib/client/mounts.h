/* SPDX-License-Identifier: MIT */
#ifndef AH_CLIENT_MOUNTS_H
#define AH_CLIENT_MOUNTS_H

#include <ahttp/client.h>

#include "transport/exchange.h"

/* Which of a client's custom transports carries which URLs. */
typedef struct ah_mounts ah_mounts;

/*
 * Makes what |opts| says in |arena|; |*out| stays NULL if it says nothing, so
 * that all goes to the pool.  AHTTP_OK, AHTTP_EINVAL (a bad pattern) or
 * AHTTP_ENOMEM.
 */
int ah_mounts_new(ah_mounts **out, ah_arena *arena,
                  const ahttp_client_opts *opts);

/* Drops the transports; |mounts| may be NULL, its memory is the arena's. */
void ah_mounts_free(ah_mounts *mounts);

/* The transport for |url|; NULL: the client's connections. */
ah_transport *ah_mounts_find(const ah_mounts *mounts, const ahttp_url *url);

#endif
