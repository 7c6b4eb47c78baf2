/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "support/cut_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct cut_proxy {
  listener *front;
  uint16_t server_port;
  atomic_int kind;
  atomic_size_t cut_after;
  atomic_size_t forwarded;
};

/* One connection through the proxy. */
typedef struct cut_pair {
  cut_proxy *proxy;
  const listener *front;
  int client; /* -1 once it has finished sending */
  int server;
  size_t left; /* bytes of the server's until the cut */
} cut_pair;

static int server_connect(uint16_t port)
{
  struct sockaddr_in addr = {.sin_family = AF_INET,
                             .sin_port = htons(port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int one = 1;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0) {
    perror("cut_proxy: connect");
    abort();
  }
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
  return fd;
}

/* False if the client is gone. */
static bool pair_take_from_client(cut_pair *pair)
{
  char block[16384];
  ssize_t n = recv(pair->client, block, sizeof(block), 0);
  if (n == 0) {
    pair->client = -1;
    return shutdown(pair->server, SHUT_WR) == 0;
  }
  return n > 0 && listener_send(pair->front, pair->server, block, (size_t)n);
}

/* False if the server has finished or one of the two is gone. */
static bool pair_take_from_server(cut_pair *pair, int client)
{
  char block[16384];
  size_t cap = pair->left < sizeof(block) ? pair->left : sizeof(block);
  ssize_t n = recv(pair->server, block, cap, 0);
  if (n <= 0 || !listener_send(pair->front, client, block, (size_t)n)) {
    return false;
  }
  pair->left -= (size_t)n;
  (void)atomic_fetch_add(&pair->proxy->forwarded, (size_t)n);
  return true;
}

static void pair_run(cut_pair *pair, int client)
{
  bool goes_on = true;
  while (goes_on && pair->left > 0) {
    int fd = listener_wait_either(pair->front, pair->client, pair->server);
    if (fd < 0) {
      return;
    }
    goes_on = fd == pair->server ? pair_take_from_server(pair, client)
                                 : pair_take_from_client(pair);
  }
}

static void proxy_serve(listener *from, int fd, unsigned index, void *user_data)
{
  (void)index;
  cut_proxy *proxy = user_data;
  cut_kind kind = (cut_kind)atomic_load(&proxy->kind);
  cut_pair pair = {
      .proxy = proxy,
      .front = from,
      .client = fd,
      .server = server_connect(proxy->server_port),
      .left = kind == CUT_NEVER ? SIZE_MAX : atomic_load(&proxy->cut_after),
  };
  pair_run(&pair, fd);
  (void)close(pair.server);
  if (kind == CUT_RST && pair.left == 0) {
    listener_arm_reset(fd);
  } else {
    listener_finish(from, fd);
  }
}

cut_proxy *cut_proxy_start(const cut_proxy_opts *opts)
{
  cut_proxy *proxy = calloc(1, sizeof(*proxy));
  if (proxy == NULL) {
    abort();
  }
  proxy->server_port = opts->server_port;
  const listener_opts front = {
      .address = opts->address,
      .unix_path = opts->unix_path,
      .serve = proxy_serve,
      .user_data = proxy,
  };
  proxy->front = listener_start(&front);
  return proxy;
}

void cut_proxy_set(cut_proxy *proxy, cut_kind kind, size_t bytes)
{
  atomic_store(&proxy->cut_after, bytes);
  atomic_store(&proxy->kind, kind);
}

uint16_t cut_proxy_port(const cut_proxy *proxy)
{
  return listener_port(proxy->front);
}

unsigned cut_proxy_accepted(const cut_proxy *proxy)
{
  return listener_accepted(proxy->front);
}

size_t cut_proxy_forwarded(const cut_proxy *proxy)
{
  return atomic_load(&proxy->forwarded);
}

void cut_proxy_stop(cut_proxy *proxy)
{
  if (proxy == NULL) {
    return;
  }
  listener_stop(proxy->front);
  free(proxy);
}
