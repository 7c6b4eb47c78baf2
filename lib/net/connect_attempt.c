/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "net/connect_attempt.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/assert.h"

/*
 * A port of ours that nobody listens on can be chosen as the local port of the
 * very socket that connects to it, and TCP then connects it to itself (RFC
 * 9293, section 3.5, simultaneous open).  That is a refusal.
 */
static bool socket_is_own_peer(int fd, const ah_address *peer)
{
  if (!ah_address_is_loopback(peer)) {
    return false;
  }
  ah_address self = {.any.sa_family = AF_UNSPEC};
  socklen_t len = sizeof(self);
  if (getsockname(fd, &self.any, &len) != 0 ||
      self.any.sa_family != peer->any.sa_family ||
      ah_address_port(&self) != ah_address_port(peer)) {
    return false;
  }
  return self.any.sa_family == AF_INET
             ? self.v4.sin_addr.s_addr == peer->v4.sin_addr.s_addr
             : IN6_ARE_ADDR_EQUAL(&self.v6.sin6_addr, &peer->v6.sin6_addr);
}

/* How connecting ended: 0 or an errno. */
static int attempt_outcome(const ah_connect_attempt *attempt, int status)
{
  int os_errno = 0;
  socklen_t len = sizeof(os_errno);
  if (getsockopt(attempt->fd, SOL_SOCKET, SO_ERROR, &os_errno, &len) != 0) {
    return errno;
  }
  if (os_errno != 0) {
    return os_errno;
  }
  if (status != 0) {
    return -status;
  }
  return socket_is_own_peer(attempt->fd, &attempt->address) ? ECONNREFUSED : 0;
}

static void attempt_on_poll(uv_poll_t *poll, int status, int events)
{
  (void)events; /* only one was asked for */
  ah_connect_attempt *attempt = poll->data;
  attempt->ended(attempt, attempt_outcome(attempt, status));
}

static void attempt_on_closed(uv_handle_t *handle)
{
  ah_connect_attempt *attempt = handle->data;
  if (attempt->fd >= 0) {
    (void)close(attempt->fd); /* nothing is left to do about a failure */
  }
  ah_free(attempt);
}

/* Waits for |fd| to connect.  0 or an errno, and then |fd| is still the
 * caller's. */
static int attempt_new(ah_connect_attempt **out, ah_loop *loop, int fd,
                       const ah_address *address)
{
  ah_connect_attempt *attempt = ah_calloc(1, sizeof(*attempt));
  if (attempt == NULL) {
    return ENOMEM;
  }
  int rv = uv_poll_init(ah_loop_uv(loop), &attempt->poll, fd);
  if (rv != 0) {
    ah_free(attempt);
    return -rv;
  }
  attempt->poll.data = attempt;
  attempt->address = *address;
  attempt->fd = fd;
  uv_unref((uv_handle_t *)&attempt->poll);
  rv = uv_poll_start(&attempt->poll, UV_WRITABLE, attempt_on_poll);
  ah_assert(rv == 0); /* no other handle has the descriptor */
  *out = attempt;
  return 0;
}

int ah_socket_connect(int *fd, const struct sockaddr *address, socklen_t len,
                      bool *is_connected)
{
  *is_connected = false;
  *fd =
      socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (*fd < 0) {
    return errno;
  }
  *is_connected = connect(*fd, address, len) == 0;
  /* Interrupted, a non-blocking connect() goes on all the same. */
  if (!*is_connected && errno != EINPROGRESS && errno != EINTR) {
    int os_errno = errno;
    (void)close(*fd);
    *fd = -1;
    return os_errno;
  }
  return 0;
}

int ah_connect_attempt_start(ah_connect_attempt **attempt, int *fd,
                             ah_loop *loop, const ah_address *address)
{
  *attempt = NULL;
  bool is_connected;
  int os_errno = ah_socket_connect(fd, &address->any, ah_address_len(address),
                                   &is_connected);
  if (os_errno != 0) {
    return os_errno;
  }
  if (!is_connected) {
    os_errno = attempt_new(attempt, loop, *fd, address);
  } else if (socket_is_own_peer(*fd, address)) {
    os_errno = ECONNREFUSED;
  } else {
    return 0;
  }
  if (os_errno != 0) {
    (void)close(*fd);
  }
  *fd = -1;
  return os_errno;
}

void ah_connect_attempt_close(ah_connect_attempt *attempt)
{
  ah_list_remove(&attempt->node);
  uv_close((uv_handle_t *)&attempt->poll, attempt_on_closed);
}

int ah_connect_attempt_take_fd(ah_connect_attempt *attempt)
{
  int fd = attempt->fd;
  attempt->fd = -1;
  ah_connect_attempt_close(attempt);
  return fd;
}
