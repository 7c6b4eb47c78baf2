/* SPDX-License-Identifier: MIT */
#ifndef AH_NET_RESOLVER_CHANNEL_H
#define AH_NET_RESOLVER_CHANNEL_H

#include <ahttp/resolver.h>

#include "net/address_list.h"
#include "net/loop.h"

/* A c-ares channel on the loop: questions in, answers out. */
typedef struct ah_dns_channel ah_dns_channel;

typedef struct ah_dns_channel_opts {
  const ah_address *servers; /* |server_count|; none: resolv.conf's */
  size_t server_count;
  const char *resolv_path; /* servers, search domains, ndots */
  uint32_t try_ms;         /* until the first repetition of a query */
} ah_dns_channel_opts;

/* Makes one from |opts|, copied.  Sets |*out| and returns ARES_SUCCESS, or sets
 * it to NULL and returns what c-ares says. */
int ah_dns_channel_new(ah_dns_channel **out, ah_loop *loop,
                       const ah_dns_channel_opts *opts);

/*
 * Ends it.  Questions under way are answered with ARES_EDESTRUCTION from
 * within; |on_closed| runs later, from the loop, when the handles are gone.
 */
void ah_dns_channel_close(ah_dns_channel *channel, void (*on_closed)(void *arg),
                          void *arg);

/* A question under way, embedded in its owner and not to be taken back. */
typedef struct ah_dns_question ah_dns_question;
struct ah_dns_question {
  ah_dns_channel *channel;      /* the channel's */
  int family;                   /* AF_INET6 or AF_INET */
  ahttp_resolution *resolution; /* a hook's, while it is open */
  char *reason;                 /* owned; what a hook's program says, or NULL */
  /*
   * |answer| is borrowed, |ttl| in seconds.  It runs once, possibly from within
   * the asking, and from inside c-ares: it must not ask, close or call out.
   */
  void (*answered)(ah_dns_question *question, const ah_answer *answer,
                   uint32_t ttl);
};

/* Asks for the addresses of |host| (NUL-terminated), with search domains as
 * resolv.conf has them.  |question|'s family and answered are set before. */
void ah_dns_channel_ask(ah_dns_channel *channel, ah_dns_question *question,
                        const char *host);

#endif
