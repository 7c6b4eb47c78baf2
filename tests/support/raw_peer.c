/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "support/raw_peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
  HELD_MAX = 1024,
  RECEIVED_MAX = 16 * 1024 * 1024
};

struct raw_peer {
  pthread_t thread;
  int listener;
  int stop_fd; /* readable when the peer is to stop */
  uint16_t port;
  const raw_step *const *scripts;
  size_t script_count;
  const raw_step *one[1]; /* |scripts| of raw_peer_start_one() */
  int held[HELD_MAX];
  size_t held_count;

  pthread_mutex_t lock;
  pthread_cond_t has_served;
  unsigned accepted; /* guarded by |lock| */
  unsigned served;   /* guarded by |lock| */
  char *received;    /* guarded by |lock|; NUL-terminated */
  size_t received_len;
  char *snapshot; /* what raw_peer_received() gave out last */
};

static void require(int condition, const char *what)
{
  if (!condition) {
    perror(what);
    abort();
  }
}

/* Waits until |fd| is ready for |events|; false if the peer is to stop. */
static bool peer_wait(raw_peer *peer, int fd, short events)
{
  struct pollfd fds[2] = {{.fd = fd, .events = events},
                          {.fd = peer->stop_fd, .events = POLLIN}};
  int n = poll(fds, 2, -1);
  return n > 0 && fds[1].revents == 0;
}

static void peer_keep(raw_peer *peer, const char *data, size_t len)
{
  (void)pthread_mutex_lock(&peer->lock);
  require(peer->received_len + len < RECEIVED_MAX, "too much received");
  peer->received = realloc(peer->received, peer->received_len + len + 1);
  require(peer->received != NULL, "realloc");
  memcpy(peer->received + peer->received_len, data, len);
  peer->received_len += len;
  peer->received[peer->received_len] = '\0';
  (void)pthread_mutex_unlock(&peer->lock);
}

/* Reads at most |max| bytes; 0 at the end of the connection or of the peer. */
static size_t peer_read(raw_peer *peer, int fd, char *dst, size_t max)
{
  if (!peer_wait(peer, fd, POLLIN)) {
    return 0;
  }
  ssize_t n = recv(fd, dst, max, 0);
  if (n <= 0) {
    return 0;
  }
  peer_keep(peer, dst, (size_t)n);
  return (size_t)n;
}

static bool peer_expect_head(raw_peer *peer, int fd)
{
  static const char end[] = "\r\n\r\n";
  size_t matched = 0;
  while (matched < 4) {
    char c;
    if (peer_read(peer, fd, &c, 1) == 0) {
      return false;
    }
    matched = c == end[matched] ? matched + 1 : (c == '\r' ? 1 : 0);
  }
  return true;
}

static bool peer_expect(raw_peer *peer, int fd, size_t len)
{
  char block[16384];
  while (len > 0) {
    size_t n =
        peer_read(peer, fd, block, len < sizeof(block) ? len : sizeof(block));
    if (n == 0) {
      return false;
    }
    len -= n;
  }
  return true;
}

static bool peer_expect_eof(raw_peer *peer, int fd)
{
  char block[16384];
  while (peer_read(peer, fd, block, sizeof(block)) > 0) {
  }
  return true;
}

static bool peer_send(raw_peer *peer, int fd, const char *data, size_t len)
{
  while (len > 0) {
    if (!peer_wait(peer, fd, POLLOUT)) {
      return false;
    }
    ssize_t n = send(fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0) {
      return false;
    }
    data += n;
    len -= (size_t)n;
  }
  return true;
}

static bool peer_send_each(raw_peer *peer, int fd, const char *data, size_t len)
{
  for (size_t i = 0; i < len; i++) {
    if (!peer_send(peer, fd, data + i, 1)) {
      return false;
    }
  }
  return true;
}

static bool peer_fill(raw_peer *peer, int fd, size_t len)
{
  char block[16384];
  memset(block, 'x', sizeof(block));
  while (len > 0) {
    size_t n = len < sizeof(block) ? len : sizeof(block);
    if (!peer_send(peer, fd, block, n)) {
      return false;
    }
    len -= n;
  }
  return true;
}

/* Does one step; false if the connection is over. */
static bool peer_step(raw_peer *peer, int fd, const raw_step *step)
{
  const struct linger reset = {.l_onoff = 1, .l_linger = 0};
  switch (step->kind) {
  case RAW_EXPECT_HEAD:
    return peer_expect_head(peer, fd);
  case RAW_EXPECT:
    return peer_expect(peer, fd, step->len);
  case RAW_SEND:
    return peer_send(peer, fd, step->data, step->len);
  case RAW_SEND_EACH:
    return peer_send_each(peer, fd, step->data, step->len);
  case RAW_FILL:
    return peer_fill(peer, fd, step->len);
  case RAW_SHUTDOWN:
    return shutdown(fd, SHUT_WR) == 0;
  case RAW_EXPECT_EOF:
    return peer_expect_eof(peer, fd);
  case RAW_RESET:
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    return false;
  case RAW_HOLD:
    require(peer->held_count < HELD_MAX, "too many held connections");
    peer->held[peer->held_count++] = dup(fd);
    return false;
  case RAW_END:
    return false;
  }
  return false;
}

static void peer_serve(raw_peer *peer, int fd, const raw_step *script)
{
  int one = 1;
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
  while (peer_step(peer, fd, script)) {
    script++;
  }
  (void)close(fd);
}

static void *peer_run(void *arg)
{
  raw_peer *peer = arg;
  while (peer_wait(peer, peer->listener, POLLIN)) {
    int fd = accept4(peer->listener, NULL, NULL, SOCK_CLOEXEC);
    require(fd >= 0, "accept");
    (void)pthread_mutex_lock(&peer->lock);
    size_t index = peer->accepted++;
    (void)pthread_mutex_unlock(&peer->lock);
    if (index >= peer->script_count) {
      index = peer->script_count - 1;
    }
    peer_serve(peer, fd, peer->scripts[index]);
    (void)pthread_mutex_lock(&peer->lock);
    peer->served++;
    (void)pthread_cond_broadcast(&peer->has_served);
    (void)pthread_mutex_unlock(&peer->lock);
  }
  return NULL;
}

static raw_peer *peer_start(raw_peer *peer)
{
  struct sockaddr_in addr = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof(addr);
  peer->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  require(peer->listener >= 0, "socket");
  require(bind(peer->listener, (struct sockaddr *)&addr, len) == 0, "bind");
  require(listen(peer->listener, 512) == 0, "listen");
  require(getsockname(peer->listener, (struct sockaddr *)&addr, &len) == 0,
          "getsockname");
  peer->port = ntohs(addr.sin_port);
  peer->stop_fd = eventfd(0, EFD_CLOEXEC);
  require(peer->stop_fd >= 0, "eventfd");
  require(pthread_mutex_init(&peer->lock, NULL) == 0, "mutex");
  require(pthread_cond_init(&peer->has_served, NULL) == 0, "cond");
  require(pthread_create(&peer->thread, NULL, peer_run, peer) == 0, "thread");
  return peer;
}

raw_peer *raw_peer_start(const raw_step *const *scripts, size_t count)
{
  raw_peer *peer = calloc(1, sizeof(*peer));
  require(peer != NULL, "calloc");
  peer->scripts = scripts;
  peer->script_count = count;
  return peer_start(peer);
}

raw_peer *raw_peer_start_one(const raw_step *script)
{
  raw_peer *peer = calloc(1, sizeof(*peer));
  require(peer != NULL, "calloc");
  peer->one[0] = script;
  peer->scripts = peer->one;
  peer->script_count = 1;
  return peer_start(peer);
}

uint16_t raw_peer_port(const raw_peer *peer)
{
  return peer->port;
}

unsigned raw_peer_accepted(raw_peer *peer)
{
  (void)pthread_mutex_lock(&peer->lock);
  unsigned accepted = peer->accepted;
  (void)pthread_mutex_unlock(&peer->lock);
  return accepted;
}

void raw_peer_await_served(raw_peer *peer, unsigned count)
{
  (void)pthread_mutex_lock(&peer->lock);
  while (peer->served < count) {
    (void)pthread_cond_wait(&peer->has_served, &peer->lock);
  }
  (void)pthread_mutex_unlock(&peer->lock);
}

const char *raw_peer_received(raw_peer *peer, size_t *len)
{
  (void)pthread_mutex_lock(&peer->lock);
  free(peer->snapshot);
  peer->snapshot = calloc(1, peer->received_len + 1);
  require(peer->snapshot != NULL, "calloc");
  if (peer->received_len > 0) {
    memcpy(peer->snapshot, peer->received, peer->received_len);
  }
  if (len != NULL) {
    *len = peer->received_len;
  }
  (void)pthread_mutex_unlock(&peer->lock);
  return peer->snapshot;
}

void raw_peer_stop(raw_peer *peer)
{
  if (peer == NULL) {
    return;
  }
  uint64_t one = 1;
  require(write(peer->stop_fd, &one, sizeof(one)) == sizeof(one), "eventfd");
  require(pthread_join(peer->thread, NULL) == 0, "join");
  for (size_t i = 0; i < peer->held_count; i++) {
    (void)close(peer->held[i]);
  }
  (void)close(peer->listener);
  (void)close(peer->stop_fd);
  (void)pthread_cond_destroy(&peer->has_served);
  (void)pthread_mutex_destroy(&peer->lock);
  free(peer->received);
  free(peer->snapshot);
  free(peer);
}
