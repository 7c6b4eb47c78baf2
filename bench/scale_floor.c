/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "scale_floor.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "process.h"

enum {
  EVENTS_MAX = 1024, /* as many as libuv takes */
  BATCH_MAX = 64,    /* LOOP_EVENTS_MAX of the library's loop */
  ANSWER_BYTES_MAX = 4096
};

/* As long as the library's. */
static const char request[] = "GET / HTTP/1.1\r\n"
                              "Host: 127.0.0.1:12345\r\n"
                              "Accept: */*\r\n"
                              "Accept-Encoding: gzip, deflate, br, zstd\r\n"
                              "User-Agent: libahttp/0.1.0\r\n"
                              "\r\n";

typedef struct floor_load {
  int poll_fd;
  int *fds;
  uint64_t count;
  uint64_t started;
  uint64_t wanted;
  uint64_t done;
} floor_load;

static void floor_connect(floor_load *self, unsigned port)
{
  const struct sockaddr_in address = {
      .sin_family = AF_INET,
      .sin_port = htons((uint16_t)port),
      .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
  };
  for (uint64_t i = 0; i < self->count; i++) {
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (fd < 0 ||
        connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
        epoll_ctl(self->poll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
      bench_fail("the floor cannot connect");
    }
    self->fds[i] = fd;
  }
}

static void floor_start_one(floor_load *self, int fd)
{
  if (self->started == self->wanted) {
    return;
  }
  self->started++;
  if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) !=
      (ssize_t)sizeof(request) - 1) {
    bench_fail("the floor cannot send");
  }
}

/* Reads what |count| sockets have, then writes to them. */
static void floor_answer(floor_load *self, const struct epoll_event *events,
                         int count)
{
  char answer[ANSWER_BYTES_MAX];
  for (int i = 0; i < count; i++) {
    if (recv(events[i].data.fd, answer, sizeof(answer), MSG_DONTWAIT) <= 0) {
      bench_fail("the floor cannot read");
    }
    self->done++;
  }
  for (int i = 0; i < count; i++) {
    floor_start_one(self, events[i].data.fd);
  }
}

/* Goes through what a poll brings in batches, as the library does. */
static void floor_turn(floor_load *self)
{
  struct epoll_event events[EVENTS_MAX];
  int count = epoll_wait(self->poll_fd, events, EVENTS_MAX, -1);
  for (int i = 0; i < count; i += BATCH_MAX) {
    int left = count - i;
    floor_answer(self, events + i, left < BATCH_MAX ? left : BATCH_MAX);
  }
}

static void floor_run(floor_load *self, uint64_t wanted)
{
  self->started = 0;
  self->done = 0;
  self->wanted = wanted;
  for (uint64_t i = 0; i < self->count; i++) {
    floor_start_one(self, self->fds[i]);
  }
  while (self->done < wanted) {
    floor_turn(self);
  }
}

double bench_floor_cpu_us(uint64_t count, uint64_t requests, unsigned port)
{
  floor_load self = {.poll_fd = epoll_create1(0), .count = count};
  self.fds = calloc(count, sizeof(int));
  if (self.poll_fd < 0 || self.fds == NULL) {
    bench_fail("the floor has no epoll");
  }
  floor_connect(&self, port);
  floor_run(&self, count);
  double before = bench_cpu_us();
  floor_run(&self, requests);
  double each = (bench_cpu_us() - before) / (double)requests;
  for (uint64_t i = 0; i < count; i++) {
    (void)close(self.fds[i]);
  }
  free(self.fds);
  (void)close(self.poll_fd);
  return each;
}
