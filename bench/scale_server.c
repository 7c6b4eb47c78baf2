/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "scale_server.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "process.h"

enum {
  EVENTS_MAX = 512
};

static const char answer[] = "HTTP/1.1 200 OK\r\n"
                             "Server: scale\r\n"
                             "Content-Type: text/plain\r\n"
                             "Content-Length: 2\r\n"
                             "\r\n"
                             "ok";

static void server_take(int poll_fd, int listener)
{
  int fd;
  while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
      (void)close(fd);
    }
  }
}

static void server_answer(int fd)
{
  char request[4096];
  ssize_t len = recv(fd, request, sizeof(request), 0);
  if (len <= 0) {
    (void)close(fd);
  } else if (memcmp(request, "GET " BENCH_HOLD " ",
                    sizeof("GET " BENCH_HOLD)) == 0) {
    return;
  } else if (len >= 4 && memcmp(request + len - 4, "\r\n\r\n", 4) == 0) {
    (void)send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL);
  }
}

static _Noreturn void server_run(int listener)
{
  bench_pin(BENCH_SERVER_CPU);
  struct epoll_event events[EVENTS_MAX];
  struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
  int poll_fd = epoll_create1(0);
  if (poll_fd < 0 || epoll_ctl(poll_fd, EPOLL_CTL_ADD, listener, &event) != 0) {
    bench_fail("the server has no epoll");
  }
  for (;;) {
    int count = epoll_wait(poll_fd, events, EVENTS_MAX, -1);
    for (int i = 0; i < count; i++) {
      if (events[i].data.fd == listener) {
        server_take(poll_fd, listener);
      } else {
        server_answer(events[i].data.fd);
      }
    }
  }
}

unsigned bench_server_start(pid_t *pid)
{
  struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t len = sizeof(address);
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (listener < 0 ||
      bind(listener, (const struct sockaddr *)&address, len) != 0 ||
      listen(listener, 4096) != 0 ||
      getsockname(listener, (struct sockaddr *)&address, &len) != 0) {
    bench_fail("the server cannot listen");
  }
  *pid = fork();
  if (*pid < 0) {
    bench_fail("the server cannot be started");
  }
  if (*pid == 0) {
    server_run(listener);
  }
  (void)close(listener);
  return ntohs(address.sin_port);
}
