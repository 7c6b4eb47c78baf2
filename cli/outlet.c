/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "cli/outlet.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/memory.h"
#include "cli/text.h"

/* Enough for one write to be worth its system call; above it nothing is held
 * back. */
#define HOLD_MAX 65536

struct cli_outlet {
  int fd;
  bool owned;
  bool waiting; /* the descriptor is full: |poll| tells when it is not */
  uint64_t hold_ms;
  cli_text bytes;
  size_t start; /* start <= bytes.len: from here it is not written yet */
  int error;
  unsigned handles; /* open; the last one's end frees the outlet */
  uv_poll_t poll;
  bool has_poll;
  uv_timer_t timer;
  cli_outlet_drained_cb on_drained;
  void *user_data;
};

/* |fd| itself, or a private, non-blocking way to the same pipe. */
static int fd_private(int fd)
{
  struct stat info;
  char path[32];

  if (fstat(fd, &info) != 0 || !S_ISFIFO(info.st_mode)) {
    return fd;
  }
  (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
  int own = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
  return own < 0 ? fd : own;
}

static void outlet_fail(cli_outlet *outlet, int error)
{
  outlet->error = error;
  outlet->start = 0;
  cli_text_reset(&outlet->bytes);
}

/* Writes until all is gone or the descriptor is full. */
static void outlet_write(cli_outlet *outlet)
{
  while (outlet->start < outlet->bytes.len) {
    ssize_t count = write(outlet->fd, outlet->bytes.ptr + outlet->start,
                          outlet->bytes.len - outlet->start);
    if (count >= 0) {
      outlet->start += (size_t)count;
    } else if (errno == EAGAIN) {
      return;
    } else if (errno != EINTR) {
      outlet_fail(outlet, errno);
      return;
    }
  }
  outlet->start = 0;
  cli_text_reset(&outlet->bytes);
}

static void outlet_on_writable(uv_poll_t *poll, int status, int events)
{
  cli_outlet *outlet = poll->data;

  (void)status; /* an error shows in write() as well, and better */
  (void)events;
  outlet_write(outlet);
  if (cli_outlet_pending(outlet) == 0) {
    outlet->waiting = false;
    (void)uv_poll_stop(poll);
    outlet->on_drained(outlet, outlet->user_data);
  }
}

/* The descriptor is full: waits for room. */
static void outlet_wait(cli_outlet *outlet)
{
  if (!outlet->has_poll) {
    int rv = uv_poll_init(outlet->timer.loop, &outlet->poll, outlet->fd);
    if (rv != 0) {
      outlet_fail(outlet, -rv);
      return;
    }
    outlet->poll.data = outlet;
    outlet->has_poll = true;
    outlet->handles++;
  }
  outlet->waiting = true;
  (void)uv_poll_start(&outlet->poll, UV_WRITABLE, outlet_on_writable);
}

static void outlet_on_time(uv_timer_t *timer)
{
  cli_outlet *outlet = timer->data;

  cli_outlet_flush(outlet);
  if (cli_outlet_pending(outlet) == 0) {
    outlet->on_drained(outlet, outlet->user_data);
  }
}

cli_outlet *cli_outlet_new(uv_loop_t *loop, int fd, bool owned,
                           uint64_t hold_ms, cli_outlet_drained_cb on_drained,
                           void *user_data)
{
  cli_outlet *outlet = cli_calloc(1, sizeof(*outlet));

  outlet->fd = fd_private(fd);
  outlet->owned = owned || outlet->fd != fd;
  if (owned && outlet->fd != fd) {
    (void)close(fd);
  }
  outlet->hold_ms = hold_ms;
  outlet->on_drained = on_drained;
  outlet->user_data = user_data;
  outlet->handles = 1;
  (void)uv_timer_init(loop, &outlet->timer); /* cannot fail */
  outlet->timer.data = outlet;
  return outlet;
}

/* Writes from |bytes| without a copy; returns how many are left. */
static size_t outlet_write_through(cli_outlet *outlet, const char *bytes,
                                   size_t len)
{
  ssize_t count;

  do {
    count = write(outlet->fd, bytes, len);
  } while (count < 0 && errno == EINTR);
  if (count >= 0) {
    return len - (size_t)count;
  }
  if (errno != EAGAIN) {
    outlet_fail(outlet, errno);
    return 0;
  }
  return len;
}

void cli_outlet_append(cli_outlet *outlet, const char *bytes, size_t len)
{
  if (outlet->error == 0 && outlet->hold_ms == 0 &&
      cli_outlet_pending(outlet) == 0) {
    size_t rest = outlet_write_through(outlet, bytes, len);
    bytes += len - rest;
    len = rest;
  }
  if (outlet->error != 0 || len == 0) {
    return;
  }
  if (outlet->start > HOLD_MAX) {
    /* A reader that never catches up must not make this grow for ever. */
    size_t rest = cli_outlet_pending(outlet);
    memmove(outlet->bytes.ptr, outlet->bytes.ptr + outlet->start, rest);
    cli_text_truncate(&outlet->bytes, rest);
    outlet->start = 0;
  }
  cli_text_append(&outlet->bytes, bytes, len);
  if (outlet->waiting) {
    return;
  }
  if (outlet->hold_ms == 0 || cli_outlet_pending(outlet) >= HOLD_MAX) {
    cli_outlet_flush(outlet);
  } else if (uv_is_active((uv_handle_t *)&outlet->timer) == 0) {
    (void)uv_timer_start(&outlet->timer, outlet_on_time, outlet->hold_ms, 0);
  }
}

void cli_outlet_flush(cli_outlet *outlet)
{
  if (outlet->waiting) {
    return;
  }
  (void)uv_timer_stop(&outlet->timer);
  outlet_write(outlet);
  if (cli_outlet_pending(outlet) > 0) {
    outlet_wait(outlet);
  }
}

size_t cli_outlet_pending(const cli_outlet *outlet)
{
  return outlet->bytes.len - outlet->start;
}

int cli_outlet_error(const cli_outlet *outlet)
{
  return outlet->error;
}

static void outlet_on_closed(uv_handle_t *handle)
{
  cli_outlet *outlet = handle->data;

  if (--outlet->handles > 0) {
    return;
  }
  if (outlet->owned) {
    (void)close(outlet->fd);
  }
  cli_text_clear(&outlet->bytes);
  free(outlet);
}

void cli_outlet_close(cli_outlet *outlet)
{
  if (outlet == NULL) {
    return;
  }
  uv_close((uv_handle_t *)&outlet->timer, outlet_on_closed);
  if (outlet->has_poll) {
    uv_close((uv_handle_t *)&outlet->poll, outlet_on_closed);
  }
}
