/* SPDX-License-Identifier: MIT */
#ifndef AH_NET_SOCKET_H
#define AH_NET_SOCKET_H

#include <uv.h>

#include "net/address.h"
#include "net/loop.h"

/*
 * A descriptor and the handle that watches it.  Making such a handle costs
 * libuv three system calls, so a socket keeps it from when it is first watched
 * to close(), whoever holds it meanwhile.
 *
 * What it waits for is told to libuv at the very end of the turn.  So a request
 * on a new connection leaves before that is set up, and the server is at work
 * meanwhile; and what is taken back within a turn costs nothing.
 */
typedef struct ah_socket ah_socket;
struct ah_socket {
  int events; /* what is waited for: UV_READABLE, UV_WRITABLE; 0: nothing */
  ah_address local; /* our end of a TCP connection; AF_UNSPEC: not known */
  bool keeps_nagle; /* TCP_NODELAY is not wanted */

  /* Its own. */
  bool is_open;   /* |poll| is there */
  bool is_closed; /* nobody has it any more */
  int watched;    /* what libuv waits for */
  ah_task task;   /* see socket_settle() */

  /* The holder's.  Runs last, when both are closed; may be NULL.  The loop may
   * be gone. */
  void (*on_closed)(void *owner);

  /* What every event needs, behind what libuv needs for it at the end of its
   * handle. */
  uv_poll_t poll;
  ah_loop *loop;
  int fd;
  /* The holder's.  |status| is 0, or not if the socket has an error or cannot
   * be watched: then it is watched no longer. */
  void (*on_events)(void *owner, int status, int events);
  void *owner;
};

/* A socket that watches nothing, without an owner, for |fd|, which is
 * non-blocking.  Returns 0, or an errno and leaves |fd| to the caller. */
int ah_socket_new(ah_socket **out, ah_loop *loop, int fd);

/* Waits for |events|, which may be 0; two system calls if that is a change at
 * the end of the turn. */
void ah_socket_watch(ah_socket *socket, int events);

/* Closes it with its descriptor; it is freed by the end of the turn. */
void ah_socket_close(ah_socket *socket);

#endif
