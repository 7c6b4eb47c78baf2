/* SPDX-License-Identifier: MIT */
#ifndef AH_NET_RESOLVER_HOSTS_H
#define AH_NET_RESOLVER_HOSTS_H

#include "base/arena.h"
#include "base/hash.h"
#include "net/address_list.h"
#include "net/file_watch.h"

/* The hosts file (hosts(5)), read when it is first asked and whenever it has
 * changed.  A file that is missing, unreadable or too large counts as empty. */
typedef struct ah_hosts {
  ah_file_watch watch;
  ah_arena arena; /* the file's text, names and addresses */
  ah_hash names;
} ah_hosts;

void ah_hosts_init(ah_hosts *hosts, const char *path, uint32_t interval_ms);
void ah_hosts_clear(ah_hosts *hosts);

/*
 * The addresses |name| (lower case, no final dot) has there: copies at most
 * AH_ADDRESSES_MAX of |family| to |items| and sets |*count|, to 0 if it has
 * only others.  False if the file does not have the name.
 */
bool ah_hosts_find(ah_hosts *hosts, ahttp_str name, int family, uint64_t now_ms,
                   ah_address *items, size_t *count);

#endif
