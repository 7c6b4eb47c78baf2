/* SPDX-License-Identifier: MIT */
#ifndef AH_NET_CONNECT_ATTEMPT_H
#define AH_NET_CONNECT_ATTEMPT_H

#include "net/address.h"
#include "net/socket.h"
#include "net/socket_policy.h"

/* One TCP socket being connected. */
typedef struct ah_connect_attempt ah_connect_attempt;
struct ah_connect_attempt {
  ah_list_node node; /* the owner's; unlinked when it is closed */
  ah_address address;
  /* How it ended: 0 or an errno.  Runs once, from the loop; the attempt is then
   * to be closed or taken. */
  void (*ended)(ah_connect_attempt *attempt, int os_errno);
  void *owner;
  ah_socket *socket; /* its own until it is taken */
};

/* Opens a non-blocking socket, sets it up and begins to connect it.  Sets |*fd|
 * and |*is_connected| (false: it is on its way) and returns 0, or an errno with
 * |*fd| -1; then |setup->trouble| may say more. */
int ah_socket_connect(int *fd, const struct sockaddr *address, socklen_t len,
                      ah_socket_setup *setup, bool *is_connected);

/*
 * Begins to connect to |address| by |setup|.  Returns 0 with either |*attempt|,
 * whose members ended and owner are the caller's to set, or, if it is connected
 * already, |*socket|; the other one is NULL.  Otherwise returns an errno, with
 * both NULL.
 */
int ah_connect_attempt_start(ah_connect_attempt **attempt, ah_socket **socket,
                             ah_loop *loop, const ah_address *address,
                             ah_socket_setup *setup);

/* Closes and frees it with its socket. */
void ah_connect_attempt_close(ah_connect_attempt *attempt);

/* Frees it and returns its socket, which watches what it did. */
ah_socket *ah_connect_attempt_take_socket(ah_connect_attempt *attempt);

#endif
