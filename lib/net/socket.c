/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "net/socket.h"

#include <errno.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/assert.h"

static void socket_on_poll(uv_poll_t *poll, int status, int events)
{
  ah_socket *socket = poll->data;
  if (status != 0) {
    socket->events = 0; /* libuv has stopped the handle because of POLLERR */
  }
  socket->on_events(socket->owner, status, events);
}

static void socket_on_closed(uv_handle_t *handle)
{
  ah_socket *socket = handle->data;
  (void)close(socket->fd); /* nothing is left to do about a failure */
  if (socket->on_closed != NULL) {
    socket->on_closed(socket->owner);
  }
  ah_free(socket);
}

int ah_socket_new(ah_socket **out, ah_loop *loop, int fd)
{
  *out = NULL;
  ah_socket *socket = ah_calloc(1, sizeof(*socket));
  if (socket == NULL) {
    return ENOMEM;
  }
  int rv = uv_poll_init(ah_loop_uv(loop), &socket->poll, fd);
  if (rv != 0) {
    ah_free(socket);
    return -rv;
  }
  socket->poll.data = socket;
  socket->fd = fd;
  uv_unref((uv_handle_t *)&socket->poll);
  *out = socket;
  return 0;
}

void ah_socket_watch(ah_socket *socket, int events)
{
  if (events == socket->events) {
    return;
  }
  socket->events = events;
  int rv = events == 0 ? uv_poll_stop(&socket->poll)
                       : uv_poll_start(&socket->poll, events, socket_on_poll);
  ah_assert(rv == 0); /* the descriptor is ours alone and not closing */
}

void ah_socket_close(ah_socket *socket)
{
  uv_close((uv_handle_t *)&socket->poll, socket_on_closed);
}
