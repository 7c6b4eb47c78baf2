/* SPDX-License-Identifier: MIT */
#ifndef AH_NET_CONNECT_ATTEMPT_H
#define AH_NET_CONNECT_ATTEMPT_H

#include <uv.h>

#include "net/address.h"
#include "net/loop.h"

/* One TCP socket being connected.  It is freed by libuv's close callback, and
 * touches nothing of its owner's from its close on. */
typedef struct ah_connect_attempt ah_connect_attempt;
struct ah_connect_attempt {
  ah_list_node node; /* the owner's; unlinked when it is closed */
  ah_address address;
  /* How it ended: 0 or an errno.  Runs once, from the loop; the attempt is then
   * to be closed or taken. */
  void (*ended)(ah_connect_attempt *attempt, int os_errno);
  void *owner;
  uv_poll_t poll;
  int fd; /* closed with |poll|; -1 once it is taken */
};

/* Opens a non-blocking socket and begins to connect it.  Sets |*fd| and
 * |*is_connected| (false: it is on its way) and returns 0, or an errno. */
int ah_socket_connect(int *fd, const struct sockaddr *address, socklen_t len,
                      bool *is_connected);

/*
 * Begins to connect to |address|.  Returns 0 with either |*attempt|, whose
 * members ended and owner are the caller's to set, or, if it is connected
 * already, NULL and |*fd|.  Otherwise returns an errno, with NULL and -1.
 */
int ah_connect_attempt_start(ah_connect_attempt **attempt, int *fd,
                             ah_loop *loop, const ah_address *address);

/* Closes it with its socket. */
void ah_connect_attempt_close(ah_connect_attempt *attempt);

/* Closes it and returns its socket. */
int ah_connect_attempt_take_fd(ah_connect_attempt *attempt);

#endif
