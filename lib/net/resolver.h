/* SPDX-License-Identifier: MIT */
#ifndef AH_NET_RESOLVER_H
#define AH_NET_RESOLVER_H

#include <ahttp/client.h>
#include <ahttp/error.h>
#include <ahttp/resolver.h>

#include "net/address.h"
#include "net/loop.h"

/*
 * Host names to addresses: fixed answers, literals, localhost, /etc/hosts, a
 * cache by time to live, then c-ares with one query for A and one for AAAA.
 * Lookups of one name under way are shared.
 */
typedef struct ah_resolver ah_resolver;

/* All zero is the default. */
typedef struct ah_resolver_opts {
  const char *servers; /* "192.0.2.1:53,[::1]:53,..."; NULL: resolv.conf's */
  const ahttp_resolve_entry *entries; /* fixed answers */
  size_t entry_count;
  const char *hosts_path;  /* NULL: /etc/hosts */
  const char *resolv_path; /* NULL: /etc/resolv.conf */
  uint32_t look_ms; /* how often changes of the two are looked for; 0: 1000 */
  const ahttp_resolver *hook; /* asked instead of the hosts file and DNS; or
                                 NULL */
  uint32_t try_ms; /* until a query is repeated, twice that to the next; 0:
                      2000 */
} ah_resolver_opts;

/* Makes one; |opts| is copied.  Nothing is opened before the first question for
 * a server.  AHTTP_OK, AHTTP_ENOMEM, or AHTTP_EINVAL if a server or an entry
 * cannot be read. */
int ah_resolver_new(ah_resolver **out, ah_loop *loop,
                    const ah_resolver_opts *opts);

/* Ends it; lookups must have been cancelled.  |on_closed| runs later, from the
 * loop, when its handles are gone. */
void ah_resolver_close(ah_resolver *resolver, void (*on_closed)(void *arg),
                       void *arg);

/* Reads |host|, in lower case, if it is an IP literal, which then is its only
 * address.  False if it is not, or if there is a fixed answer for it: then it
 * is to be looked up. */
bool ah_resolver_read_literal(const ah_resolver *resolver, ahttp_str host,
                              uint16_t port, ah_address *out);

/*
 * One lookup, embedded in its owner and zero at first.  on_answer runs once for
 * AF_INET6 and once for AF_INET (those of |families|), in the order they
 * arrive, never from within the start; with addresses (borrowed, port set), or
 * |err| and none, or neither: the host has no address of this family, which is
 * an error only if it has none at all (ah_error_no_address()).  When the last
 * one runs the lookup is over: its owner may be freed or look up again.
 */
typedef struct ah_lookup ah_lookup;
struct ah_lookup {
  ah_list_node node; /* the resolver's */
  ah_task task;      /* the resolver's */
  void *query;       /* the resolver's; NULL once it is over */
  unsigned pending;  /* the resolver's */
  unsigned families; /* AH_USE_..., set by the owner; 0: any */
  uint16_t port;
  void (*on_answer)(ah_lookup *lookup, int family, const ah_address *addresses,
                    size_t count, const ahttp_error *err);
};

/* Starts looking up |host| (a host name or an IP literal without brackets) for
 * |port|.  |lookup->on_answer| is set before.  AHTTP_OK or AHTTP_ENOMEM, and
 * then no callback runs. */
int ah_resolver_lookup(ah_resolver *resolver, ah_lookup *lookup, ahttp_str host,
                       uint16_t port);

/* No on_answer runs any more; one that is over stays so.  Other waiters of the
 * same query are not disturbed. */
void ah_lookup_cancel(ah_lookup *lookup);

#endif
