/* SPDX-License-Identifier: MIT */
#ifndef AH_NET_DIAL_TRACE_H
#define AH_NET_DIAL_TRACE_H

#include "base/trace.h"
#include "net/address_list.h"

/* What a dial tells.  |teller| may be NULL everywhere: then nothing. */

/* A host is being looked up. */
void ah_dial_tell_lookup(ah_teller *teller, const char *host);
/* The first addresses are there; each list may be NULL. */
void ah_dial_tell_resolved(ah_teller *teller, const ah_address_list *v6,
                           const ah_address_list *v4);
/* There will be none. */
void ah_dial_tell_unresolved(ah_teller *teller, const ahttp_error *err);

/* An attempt at |address|, or at the unix socket |path|; the other is NULL. */
void ah_dial_tell_attempt(ah_teller *teller, const ah_address *address,
                          const char *path);
/* It has connected, or not: |os_errno|; ECANCELED if it was given up. */
void ah_dial_tell_outcome(ah_teller *teller, const ah_address *address,
                          const char *path, int os_errno);

#endif
