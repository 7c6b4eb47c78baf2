/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "net/socket.h"

#include <errno.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/assert.h"

static void socket_on_poll(uv_poll_t *poll, int status, int events)
{
  ah_socket *socket = AH_CONTAINER(poll, ah_socket, poll);
  ah_loop *loop = socket->loop;
  if (status != 0) {
    socket->events = 0; /* libuv has stopped the handle because of POLLERR */
    socket->watched = 0;
  }
  socket->on_events(socket->owner, status, events);
  ah_loop_leave(loop);
}

static void socket_free(ah_socket *socket)
{
  (void)close(socket->fd); /* nothing is left to do about a failure */
  if (socket->on_closed != NULL) {
    socket->on_closed(socket->owner);
  }
  ah_free(socket);
}

static void socket_on_closed(uv_handle_t *handle)
{
  socket_free(AH_CONTAINER(handle, ah_socket, poll));
}

/* Makes the handle.  0 or libuv's error. */
static int socket_open(ah_socket *socket)
{
  int rv = uv_poll_init(ah_loop_uv(socket->loop), &socket->poll, socket->fd);
  if (rv == 0) {
    socket->is_open = true;
    uv_unref((uv_handle_t *)&socket->poll);
  }
  return rv;
}

/* Has libuv wait for what is waited for by now. */
static void socket_rewatch(ah_socket *socket)
{
  if (socket->events == socket->watched) {
    return;
  }
  int rv = socket->is_open ? 0 : socket_open(socket);
  if (rv != 0) {
    socket->events = 0;
    socket->on_events(socket->owner, rv, 0);
    return;
  }
  socket->watched = socket->events;
  rv = socket->events == 0
           ? uv_poll_stop(&socket->poll)
           : uv_poll_start(&socket->poll, socket->events, socket_on_poll);
  ah_assert(rv == 0); /* the descriptor is ours alone and not closing */
}

/* The socket's task: frees it or watches it. */
static void socket_settle(ah_task *task)
{
  ah_socket *socket = AH_CONTAINER(task, ah_socket, task);
  if (socket->is_closed) {
    socket_free(socket);
  } else {
    socket_rewatch(socket);
  }
}

int ah_socket_new(ah_socket **out, ah_loop *loop, int fd)
{
  *out = NULL;
  ah_socket *socket = ah_calloc(1, sizeof(*socket));
  if (socket == NULL) {
    return ENOMEM;
  }
  socket->loop = loop;
  socket->task.run = socket_settle;
  socket->fd = fd;
  *out = socket;
  return 0;
}

void ah_socket_watch(ah_socket *socket, int events)
{
  if (events != socket->events) {
    socket->events = events;
    ah_loop_defer_last(socket->loop, &socket->task);
  }
}

void ah_socket_close(ah_socket *socket)
{
  socket->is_closed = true;
  ah_loop_undefer(&socket->task);
  if (socket->is_open) {
    uv_close((uv_handle_t *)&socket->poll, socket_on_closed);
  } else {
    ah_loop_defer(socket->loop, &socket->task);
  }
}
