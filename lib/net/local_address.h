/* SPDX-License-Identifier: MIT */
#ifndef AH_NET_LOCAL_ADDRESS_H
#define AH_NET_LOCAL_ADDRESS_H

#include "net/address.h"

/* The addresses of this machine that connections may come from, at most one of
 * a family.  It has no padding that is not zero, so equal ones have equal
 * bytes. */
typedef struct ah_local_address {
  ah_address v4; /* its family is AF_UNSPEC if there is none; port 0 */
  ah_address v6;
} ah_local_address;

/* Reads one numeric address, or one of each family separated by a comma; []
 * around IPv6 is allowed.  False if it is something else. */
bool ah_local_address_parse(ah_local_address *out, ahttp_str text);

/* The families it allows: those it has an address of; AH_USE_ANY if it is
 * empty. */
unsigned ah_local_address_families(const ah_local_address *local);

/* The one for |family|, or NULL. */
const ah_address *ah_local_address_for(const ah_local_address *local,
                                       int family);

#endif
