/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "support/listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* One connection and its thread. */
typedef struct served {
  struct served *next;
  listener *from;
  pthread_t thread;
  atomic_bool is_done;
  unsigned index;
  int fd;
} served;

struct listener {
  listener_opts opts;
  pthread_t thread; /* accepts */
  served *first;    /* that thread's, until it has been joined */
  int fd;
  int stop_fd; /* readable when everybody is to stop */
  uint16_t port;
  atomic_uint accepted;
};

static void require(bool condition, const char *what)
{
  if (!condition) {
    perror(what);
    abort();
  }
}

/* --- Serving. ------------------------------------------------------------ */

bool listener_wait(const listener *from, int fd, short events)
{
  struct pollfd fds[2] = {{.fd = fd, .events = events},
                          {.fd = from->stop_fd, .events = POLLIN}};
  int n = poll(fds, 2, -1);
  return n > 0 && fds[1].revents == 0;
}

int listener_wait_either(const listener *from, int a, int b)
{
  struct pollfd fds[3] = {{.fd = a, .events = POLLIN},
                          {.fd = b, .events = POLLIN},
                          {.fd = from->stop_fd, .events = POLLIN}};
  int n = poll(fds, 3, -1);
  if (n <= 0 || fds[2].revents != 0) {
    return -1;
  }
  return fds[0].revents != 0 ? a : b;
}

size_t listener_read(const listener *from, int fd, void *dst, size_t cap)
{
  if (!listener_wait(from, fd, POLLIN)) {
    return 0;
  }
  ssize_t n = recv(fd, dst, cap, 0);
  return n > 0 ? (size_t)n : 0;
}

bool listener_send(const listener *from, int fd, const void *data, size_t len)
{
  const char *at = data;
  while (len > 0) {
    if (!listener_wait(from, fd, POLLOUT)) {
      return false;
    }
    ssize_t n = send(fd, at, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0) {
      return false;
    }
    at += n;
    len -= (size_t)n;
  }
  return true;
}

void listener_finish_sending(int fd)
{
  (void)shutdown(fd, SHUT_WR);
}

void listener_finish(const listener *from, int fd)
{
  char block[16384];
  listener_finish_sending(fd);
  while (listener_read(from, fd, block, sizeof(block)) > 0) {
  }
}

void listener_arm_reset(int fd)
{
  const struct linger reset = {.l_onoff = 1, .l_linger = 0};
  (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
}

void listener_hold(const listener *from)
{
  struct pollfd fds = {.fd = from->stop_fd, .events = POLLIN};
  (void)poll(&fds, 1, -1);
}

/* --- Accepting. ---------------------------------------------------------- */

static void *served_run(void *arg)
{
  served *conn = arg;
  int one = 1;
  (void)setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
  const listener_opts *opts = &conn->from->opts;
  opts->serve(conn->from, conn->fd, conn->index, opts->user_data);
  (void)close(conn->fd);
  atomic_store(&conn->is_done, true);
  return NULL;
}

/* Joins and forgets the threads that are done, or |all|. */
static void listener_reap(listener *from, bool all)
{
  served **at = &from->first;
  while (*at != NULL) {
    served *conn = *at;
    if (!all && !atomic_load(&conn->is_done)) {
      at = &conn->next;
      continue;
    }
    *at = conn->next;
    require(pthread_join(conn->thread, NULL) == 0, "join");
    free(conn);
  }
}

static void *listener_run(void *arg)
{
  listener *from = arg;
  while (listener_wait(from, from->fd, POLLIN)) {
    int fd = accept4(from->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) {
      continue; /* the client has gone again */
    }
    listener_reap(from, false);
    served *conn = calloc(1, sizeof(*conn));
    require(conn != NULL, "calloc");
    conn->from = from;
    conn->fd = fd;
    conn->index = atomic_fetch_add(&from->accepted, 1);
    conn->next = from->first;
    from->first = conn;
    require(pthread_create(&conn->thread, NULL, served_run, conn) == 0,
            "thread");
  }
  listener_reap(from, true);
  return NULL;
}

/* --- Starting and stopping. ---------------------------------------------- */

static void listener_bind_unix(listener *from)
{
  struct sockaddr_un addr = {.sun_family = AF_UNIX};
  require(strlen(from->opts.unix_path) < sizeof(addr.sun_path), "path");
  (void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s",
                 from->opts.unix_path);
  from->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  require(from->fd >= 0, "socket");
  require(bind(from->fd, (struct sockaddr *)&addr, sizeof(addr)) == 0, "bind");
}

static void listener_bind_ipv4(listener *from, const char *address)
{
  struct sockaddr_in addr = {.sin_family = AF_INET};
  socklen_t len = sizeof(addr);
  require(inet_pton(AF_INET, address, &addr.sin_addr) == 1, address);
  from->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  require(from->fd >= 0, "socket");
  require(bind(from->fd, (struct sockaddr *)&addr, len) == 0, "bind");
  require(getsockname(from->fd, (struct sockaddr *)&addr, &len) == 0,
          "getsockname");
  from->port = ntohs(addr.sin_port);
}

static void listener_bind_ipv6(listener *from, const char *address)
{
  struct sockaddr_in6 addr = {.sin6_family = AF_INET6};
  socklen_t len = sizeof(addr);
  require(inet_pton(AF_INET6, address, &addr.sin6_addr) == 1, address);
  from->fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  require(from->fd >= 0, "socket");
  require(bind(from->fd, (struct sockaddr *)&addr, len) == 0, "bind");
  require(getsockname(from->fd, (struct sockaddr *)&addr, &len) == 0,
          "getsockname");
  from->port = ntohs(addr.sin6_port);
}

listener *listener_start(const listener_opts *opts)
{
  listener *from = calloc(1, sizeof(*from));
  require(from != NULL, "calloc");
  from->opts = *opts;
  const char *address = opts->address == NULL ? "127.0.0.1" : opts->address;
  if (opts->unix_path != NULL) {
    listener_bind_unix(from);
  } else if (strchr(address, ':') != NULL) {
    listener_bind_ipv6(from, address);
  } else {
    listener_bind_ipv4(from, address);
  }
  require(listen(from->fd, 512) == 0, "listen");
  from->stop_fd = eventfd(0, EFD_CLOEXEC);
  require(from->stop_fd >= 0, "eventfd");
  require(pthread_create(&from->thread, NULL, listener_run, from) == 0,
          "thread");
  return from;
}

uint16_t listener_port(const listener *from)
{
  return from->port;
}

unsigned listener_accepted(const listener *from)
{
  return atomic_load(&from->accepted);
}

void listener_stop(listener *from)
{
  if (from == NULL) {
    return;
  }
  uint64_t one = 1;
  require(write(from->stop_fd, &one, sizeof(one)) == sizeof(one), "eventfd");
  require(pthread_join(from->thread, NULL) == 0, "join");
  (void)close(from->fd);
  (void)close(from->stop_fd);
  if (from->opts.unix_path != NULL) {
    (void)unlink(from->opts.unix_path);
  }
  free(from);
}
