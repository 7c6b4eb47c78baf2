/* SPDX-License-Identifier: MIT */
#ifndef AH_NET_SOCKET_POLICY_H
#define AH_NET_SOCKET_POLICY_H

#include <ahttp/net.h>

#include "net/local_address.h"

/* How a client's sockets are set up before they connect: a checked copy of its
 * ahttp_net_opts. */
typedef struct ah_socket_policy ah_socket_policy;

/* AHTTP_OK; AHTTP_ENOMEM; or AHTTP_EINVAL if |opts| cannot be read or
 * contradicts itself. */
int ah_socket_policy_new(ah_socket_policy **out, const ahttp_net_opts *opts);
/* NULL is allowed. */
void ah_socket_policy_free(ah_socket_policy *policy);

/* The families that |policy| (may be NULL) and |local| (NULL: the policy's)
 * allow; 0 if they contradict each other. */
unsigned ah_socket_policy_families(const ah_socket_policy *policy,
                                   const ah_local_address *local);

/* True if |policy| (may be NULL) has an on_socket: setting up calls the user.
 */
bool ah_socket_policy_asks(const ah_socket_policy *policy);

enum {
  /* Room for the longest ah_socket_setup.trouble: the name of an option and an
   * address or interface. */
  AH_SOCKET_TROUBLE_BYTES = 128
};

/* One socket to be set up. */
typedef struct ah_socket_setup {
  const ah_socket_policy *policy; /* or NULL */
  const ah_local_address *local;  /* instead of the policy's; or NULL */
  const char *host;               /* for on_socket; "" for unix sockets */
  bool is_refused;                /* by on_socket */
  char trouble[AH_SOCKET_TROUBLE_BYTES]; /* the option that failed; or "" */
} ah_socket_setup;

/*
 * Does to |fd| what |setup| says before it connects to |peer|, and calls
 * on_socket.  0; or an errno, with |setup->trouble| set.  A refusal is
 * ECANCELED.
 */
int ah_socket_setup_apply(ah_socket_setup *setup, int fd,
                          const struct sockaddr *peer);

/* True if |policy| (may be NULL) does not want TCP_NODELAY. */
bool ah_socket_policy_keeps_nagle(const ah_socket_policy *policy);

#endif
