/* SPDX-License-Identifier: MIT */
#ifndef AH_NET_ADDRESS_LIST_H
#define AH_NET_ADDRESS_LIST_H

#include "net/address.h"

/* Addresses of one family and host, shared and unchanging. */
typedef struct ah_address_list {
  unsigned refs;
  size_t count; /* at least 1 */
  ah_address items[];
} ah_address_list;

/* Addresses of a host and family that are used; the others of a name that has
 * more are ignored.  Nobody tries that many, and a TCP answer could bring
 * thousands. */
enum {
  AH_ADDRESSES_MAX = 64
};

/* A copy of |count| addresses, the first AH_ADDRESSES_MAX of them, or NULL. */
ah_address_list *ah_address_list_new(const ah_address *items, size_t count);
/* NULL is allowed in both. */
ah_address_list *ah_address_list_ref(ah_address_list *list);
void ah_address_list_unref(ah_address_list *list);

/* What became of looking up one family of a host.  As a value it is passed
 * around without counting; whoever keeps one refs |addresses|. */
typedef struct ah_answer {
  int status;                 /* of c-ares; ARES_SUCCESS with addresses */
  ah_address_list *addresses; /* NULL if there are none */
} ah_answer;

#endif
