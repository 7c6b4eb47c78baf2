/* SPDX-License-Identifier: MIT */
#ifndef AH_NET_RESOLVER_HOOK_H
#define AH_NET_RESOLVER_HOOK_H

#include <ahttp/resolver.h>

#include "net/resolver_channel.h"

/* A program's own resolver (ahttp/resolver.h): takes questions as a DNS channel
 * does.  It outlives its owner while resolutions are open. */
typedef struct ah_resolver_hook ah_resolver_hook;

/* AHTTP_OK; AHTTP_ENOMEM; AHTTP_EINVAL if |opts| is from a newer header or has
 * no start. */
int ah_resolver_hook_new(ah_resolver_hook **out, ah_loop *loop,
                         const ahttp_resolver *opts);

/*
 * Asks for |question->family| of |host|: calls the program, so it is called
 * from a task.  |question->answered| runs later, or from within if memory is
 * out; with |question->reason| set if there is one.
 */
void ah_resolver_hook_ask(ah_resolver_hook *hook, ah_dns_question *question,
                          const char *host, uint16_t port);

/* |question|, which is open, is not answered any more. */
void ah_resolver_hook_forget(ah_resolver_hook *hook, ah_dns_question *question);

/*
 * Ends it: questions under way are answered with ARES_EDESTRUCTION from within;
 * |on_closed| runs later, from the loop.
 */
void ah_resolver_hook_close(ah_resolver_hook *hook,
                            void (*on_closed)(void *arg), void *arg);

#endif
