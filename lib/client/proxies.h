/* SPDX-License-Identifier: MIT */
#ifndef AH_CLIENT_PROXIES_H
#define AH_CLIENT_PROXIES_H

#include <ahttp/client.h>

#include "base/arena.h"
#include "transport/proxy.h"

/* Which of a client's proxies is for which URLs. */
typedef struct ah_proxies ah_proxies;

/*
 * Makes what |opts| and, unless they forbid it, the environment say, with bytes
 * in |arena|; |*out| stays NULL if that is nothing.  AHTTP_OK; or AHTTP_EINVAL,
 * AHTTP_ENOMEM or AHTTP_ETLS, and fills |*err|.
 */
int ah_proxies_new(ah_proxies **out, ah_arena *arena,
                   const ahttp_client_opts *opts, ahttp_error *err);

/* |proxies| may be NULL, its memory is the arena's; no origin uses any of them
 * any more. */
void ah_proxies_free(ah_proxies *proxies);

/* The proxy for |url|; NULL: none. */
ah_proxy *ah_proxies_find(const ah_proxies *proxies, const ahttp_url *url);

/* True if any of them may ask for credentials that there are (407). */
bool ah_proxies_may_ask(const ah_proxies *proxies);

#endif
