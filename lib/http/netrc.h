/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_NETRC_H
#define AH_HTTP_NETRC_H

#include "base/arena.h"

/* One machine, or the default. */
typedef struct ah_netrc_entry {
  ahttp_str machine;  /* ptr NULL: the default */
  ahttp_str login;    /* ptr NULL: none */
  ahttp_str password; /* ptr NULL: none */
} ah_netrc_entry;

/* A .netrc, read. */
typedef struct ah_netrc {
  ah_netrc_entry *entries; /* |count| of them, in the arena */
  size_t count;
} ah_netrc;

/*
 * Reads |text|, which must live as long as |arena|.  AHTTP_OK; AHTTP_EFILE,
 * with the number of the bad line in |*line| and the reason in |*why| (static);
 * or AHTTP_ENOMEM.  |*out| is empty on failure.
 */
int ah_netrc_parse(ah_netrc *out, ah_arena *arena, ahttp_str text, size_t *line,
                   const char **why);

/*
 * Finds the first entry for |host|, in any case; if |login| is not empty, the
 * first with that login.  Without one the first default counts, if
 * |with_default|.  NULL if there is none.
 */
const ah_netrc_entry *ah_netrc_find(const ah_netrc *netrc, ahttp_str host,
                                    ahttp_str login, bool with_default);

/* True if something in it is to be kept from others: any password but that of
 * "anonymous", which is a courtesy. */
bool ah_netrc_has_secret(const ah_netrc *netrc);

#endif
