/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_URL_HOST_H
#define AH_HTTP_URL_HOST_H

#include <stdbool.h>

#include "base/arena.h"

/* A host in its canonical form. */
typedef struct ah_url_host {
  ahttp_str text; /* lower case; IPv6 in brackets; bytes in the arena */
  bool is_ip;     /* an IP address literal */
} ah_url_host;

/*
 * The host parser (URL standard, section 3.5).  |is_special| is whether the
 * URL's scheme is, that is, whether |text| is a domain or an address rather
 * than an opaque host.  AHTTP_OK; AHTTP_EURL and the reason in |*why|; or
 * AHTTP_ENOMEM.
 */
int ah_url_host_parse(ah_url_host *out, ah_arena *arena, ahttp_str text,
                      bool is_special, const char **why);

/*
 * Reads |text|, an IP address without brackets, into |bytes| in the network's
 * order.  4 or 16, how many there are; 0 if it is none.
 */
size_t ah_url_host_read_ip(ahttp_str text, uint8_t bytes[16]);

#endif
