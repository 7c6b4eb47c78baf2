/* SPDX-License-Identifier: MIT */
#ifndef AH_NET_RESOLVER_QUERY_H
#define AH_NET_RESOLVER_QUERY_H

#include "base/hash.h"
#include "net/file_watch.h"
#include "net/resolver.h"
#include "net/resolver_cache.h"
#include "net/resolver_channel.h"
#include "net/resolver_fixed.h"
#include "net/resolver_hook.h"
#include "net/resolver_hosts.h"

/* What resolver.c (who asks) and resolver_query.c (where answers come from)
 * share. */
struct ah_resolver {
  ah_loop *loop;
  ah_fixed_hosts fixed;
  ah_hosts hosts;
  ah_resolver_cache cache;
  ah_hash queries; /* with a family being asked for, by host */

  char *hosts_path;
  char *resolv_path;
  ah_address *servers; /* |server_count| */
  size_t server_count;
  uint32_t try_ms;

  ah_file_watch resolv;
  ah_dns_channel *channel; /* NULL until there is something to ask */
  size_t channels_open;    /* it, those being closed, and |hook| likewise */
  ah_resolver_hook *hook; /* asked instead of the hosts file and DNS, or NULL */

  bool closed;
  ah_task closed_task; /* when |channels_open| is 0 */
  void (*on_closed)(void *arg);
  void *closed_arg;
};

/* The families, in the order they are told when both are known. */
enum {
  AH_FAMILY_V6,
  AH_FAMILY_V4,
  AH_FAMILY_COUNT,
  AH_FAMILIES_ALL = (1 << AH_FAMILY_COUNT) - 1
};
_Static_assert(AH_USE_V6 == 1 << AH_FAMILY_V6 && AH_USE_V4 == 1 << AH_FAMILY_V4,
               "masks of families are bits by family");
extern const int ah_query_families[AH_FAMILY_COUNT]; /* AF_INET6, AF_INET */

/* One host being looked up. */
typedef struct ah_query ah_query;

/* One family of it. */
typedef struct ah_query_part {
  ah_dns_question question;
  ah_query *query;
  ah_answer answer; /* its addresses are referenced */
} ah_query_part;

struct ah_query {
  ah_hash_entry entry; /* in the resolver's table while |asking| is not 0 */
  ah_resolver *resolver;
  unsigned refs;     /* lookups waiting, families being asked for, callers */
  unsigned answered; /* families whose answer is there */
  unsigned asking;   /* families being asked for */
  unsigned to_ask;   /* of those, the ones to be asked (again) by |ask| */
  ah_task ask;
  ah_list lookups; /* whose task is deferred when a family is answered */
  uint16_t port;   /* of the lookup that began it */
  ah_query_part parts[AH_FAMILY_COUNT];
  size_t host_len;
  char host[AH_HOST_BYTES_MAX + 1]; /* lower case, NUL-terminated */
};

ah_query *ah_query_ref(ah_query *query);
void ah_query_unref(ah_query *query);

/* The query for |host| that is under way, or NULL. */
ah_query *ah_query_find(const ah_resolver *resolver, ahttp_str host);

/* Makes a query for |host| that has the answers that are at hand (they may
 * depend on |port|) and asks for the others of |families|.  AHTTP_OK or
 * AHTTP_ENOMEM. */
int ah_query_start(ah_query **out, ah_resolver *resolver, ahttp_str host,
                   uint16_t port, unsigned families);

/* Has |query|, which is under way, answer |families| too. */
void ah_query_want(ah_query *query, unsigned families);

/* Stops asking a hook when no lookup waits any more.  DNS goes on, for the
 * cache. */
void ah_query_give_up(ah_query *query);

/* Closes the hook if there is one. */
void ah_resolver_close_hook(ah_resolver *resolver);

/* Closes the channel if there is one; its questions are asked again on another,
 * or if the resolver is closed given up. */
void ah_resolver_close_channel(ah_resolver *resolver);

/* Defers closed_task if the resolver is closed and no channel is left. */
void ah_resolver_finish_closing(ah_resolver *resolver);

#endif
