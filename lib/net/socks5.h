/* SPDX-License-Identifier: MIT */
#ifndef AH_NET_SOCKS5_H
#define AH_NET_SOCKS5_H

#include "net/address.h"
#include "net/negotiation_stream.h"

enum {
  /* Host names, usernames and passwords have one byte for their length. */
  AH_SOCKS5_TEXT_BYTES_MAX = 255
};

/* Where to, and who asks. */
typedef struct ah_socks5_opts {
  ahttp_str host; /* a name, or an address literal without brackets; copied */
  uint16_t port;
  const ah_address *address; /* instead of |host|; copied; or NULL */
  /* Both copied.  |username| empty: none are offered. */
  ahttp_str username;
  ahttp_str password;
} ah_socks5_opts;

/*
 * The client's side of SOCKS5 (RFC 1928), with a username and password (RFC
 * 1929) or without: a negotiator that asks the proxy to connect.  A name goes
 * as it is, for the proxy to resolve.
 *
 * AHTTP_OK; AHTTP_ENOMEM; AHTTP_EINVAL if a text is too long.  |*err| is filled
 * on failure.
 */
int ah_socks5_new(ah_negotiator **out, const ah_socks5_opts *opts,
                  ahttp_error *err);

#endif
