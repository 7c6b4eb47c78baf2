/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "net/connect_attempt.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/assert.h"

static bool address_is_same(const ah_address *a, const ah_address *b)
{
  if (a->any.sa_family != b->any.sa_family ||
      ah_address_port(a) != ah_address_port(b)) {
    return false;
  }
  return a->any.sa_family == AF_INET
             ? a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr
             : IN6_ARE_ADDR_EQUAL(&a->v6.sin6_addr, &b->v6.sin6_addr);
}

/*
 * Notes our end of |socket|, which has connected to |peer|.  0 or an errno.
 *
 * A port of ours that nobody listens on can be chosen as the local port of the
 * very socket that connects to it, and TCP then connects it to itself (RFC
 * 9293, section 3.5, simultaneous open).  That is a refusal.
 */
static int socket_note_local(ah_socket *socket, const ah_address *peer)
{
  socklen_t len = sizeof(socket->local);
  if (getsockname(socket->fd, &socket->local.any, &len) != 0) {
    socket->local.any.sa_family = AF_UNSPEC;
    return 0;
  }
  return address_is_same(&socket->local, peer) ? ECONNREFUSED : 0;
}

/* How connecting ended: 0 or an errno. */
static int attempt_outcome(const ah_connect_attempt *attempt, int status)
{
  int fd = attempt->socket->fd;
  int os_errno = 0;
  socklen_t len = sizeof(os_errno);
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &os_errno, &len) != 0) {
    return errno;
  }
  if (os_errno != 0) {
    return os_errno;
  }
  if (status != 0) {
    return -status;
  }
  return socket_note_local(attempt->socket, &attempt->address);
}

static void attempt_on_events(void *owner, int status, int events)
{
  (void)events; /* only one was asked for */
  ah_connect_attempt *attempt = owner;
  attempt->ended(attempt, attempt_outcome(attempt, status));
}

/* Waits for |socket| to connect.  0, or an errno and |socket| is still the
 * caller's. */
static int attempt_new(ah_connect_attempt **out, ah_socket *socket,
                       const ah_address *address)
{
  ah_connect_attempt *attempt = ah_calloc(1, sizeof(*attempt));
  if (attempt == NULL) {
    return ENOMEM;
  }
  attempt->address = *address;
  attempt->socket = socket;
  socket->owner = attempt;
  socket->on_events = attempt_on_events;
  ah_socket_watch(socket, UV_WRITABLE);
  *out = attempt;
  return 0;
}

/* connect(); 0 or an errno. */
static int fd_connect(int fd, const struct sockaddr *address, socklen_t len,
                      bool *is_connected)
{
  *is_connected = connect(fd, address, len) == 0;
  /* Interrupted, a non-blocking connect() goes on all the same. */
  return *is_connected || errno == EINPROGRESS || errno == EINTR ? 0 : errno;
}

int ah_socket_connect(int *fd, const struct sockaddr *address, socklen_t len,
                      ah_socket_setup *setup, bool *is_connected)
{
  *is_connected = false;
  *fd =
      socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (*fd < 0) {
    return errno;
  }
  int os_errno = ah_socket_setup_apply(setup, *fd, address);
  if (os_errno == 0) {
    os_errno = fd_connect(*fd, address, len, is_connected);
  }
  if (os_errno != 0) {
    (void)close(*fd);
    *fd = -1;
  }
  return os_errno;
}

/* True if |fd| is connected.  A failure is left for the loop to find. */
static bool socket_is_connected(int fd)
{
  struct pollfd ask = {.fd = fd, .events = POLLOUT};
  return poll(&ask, 1, 0) == 1 && ask.revents == POLLOUT;
}

/*
 * ah_socket_connect() to an IP address.  Within a machine the TCP handshake is
 * over when connect() returns, but too late for that to say so; asking saves a
 * turn of the loop with four system calls.
 */
static int address_connect(int *fd, const ah_address *address,
                           ah_socket_setup *setup, bool *is_connected)
{
  int os_errno = ah_socket_connect(fd, &address->any, ah_address_len(address),
                                   setup, is_connected);
  if (os_errno == 0 && !*is_connected && ah_address_is_loopback(address)) {
    *is_connected = socket_is_connected(*fd);
  }
  return os_errno;
}

int ah_connect_attempt_start(ah_connect_attempt **attempt, ah_socket **socket,
                             ah_loop *loop, const ah_address *address,
                             ah_socket_setup *setup)
{
  *attempt = NULL;
  *socket = NULL;
  int fd;
  bool is_connected;
  int os_errno = address_connect(&fd, address, setup, &is_connected);
  ah_socket *opened;
  if (os_errno == 0) {
    os_errno = ah_socket_new(&opened, loop, fd);
  }
  if (os_errno != 0) {
    if (fd >= 0) {
      (void)close(fd);
    }
    return os_errno;
  }
  os_errno = is_connected ? socket_note_local(opened, address)
                          : attempt_new(attempt, opened, address);
  if (os_errno != 0) {
    ah_socket_close(opened);
  } else if (is_connected) {
    *socket = opened;
  }
  return os_errno;
}

void ah_connect_attempt_close(ah_connect_attempt *attempt)
{
  ah_socket_close(ah_connect_attempt_take_socket(attempt));
}

ah_socket *ah_connect_attempt_take_socket(ah_connect_attempt *attempt)
{
  ah_socket *socket = attempt->socket;
  ah_list_remove(&attempt->node);
  ah_free(attempt);
  return socket;
}
