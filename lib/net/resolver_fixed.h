/* SPDX-License-Identifier: MIT */
#ifndef AH_NET_RESOLVER_FIXED_H
#define AH_NET_RESOLVER_FIXED_H

#include <ahttp/client.h>

#include "net/address_list.h"

/* Fixed answers: hosts the user has given addresses for. */
typedef struct ah_fixed_entry {
  char *host;          /* lower case, no final dot; "*": every host */
  uint16_t port;       /* 0: every port */
  ah_address_list *v6; /* NULL: none; not both */
  ah_address_list *v4;
} ah_fixed_entry;

typedef struct ah_fixed_hosts {
  ah_fixed_entry *entries; /* |count|, in the order they were given */
  size_t count;
} ah_fixed_hosts;

/* Fills |*fixed| with copies.  AHTTP_OK, AHTTP_ENOMEM, or AHTTP_EINVAL if an
 * entry has no host or something that is no address; then |*fixed| is empty. */
int ah_fixed_hosts_copy(ah_fixed_hosts *fixed,
                        const ahttp_resolve_entry *entries, size_t count);
void ah_fixed_hosts_clear(ah_fixed_hosts *fixed);

/* The entry for |host| (lower case, no final dot) and |port|, or NULL.  A
 * host's own comes before "*", its port's before every port's, a later before
 * an earlier one. */
const ah_fixed_entry *ah_fixed_hosts_find(const ah_fixed_hosts *fixed,
                                          ahttp_str host, uint16_t port);

#endif
