/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "support/packed_peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/packer.h"

enum {
  LAYERS_MAX = 4,
  ZEROS_BYTES = 1 << 20
};

/* What a layer makes goes through the next one, and in the end to |fd|. */
typedef struct layer {
  packer *to; /* NULL: the socket */
  int fd;
} layer;

static bool layer_pass(void *arg, const uint8_t *data, size_t len)
{
  const layer *self = arg;
  if (self->to != NULL) {
    return packer_put(self->to, data, len, PACKER_FLUSH);
  }
  while (len > 0) {
    ssize_t n = send(self->fd, data, len, MSG_NOSIGNAL);
    if (n <= 0) {
      return false;
    }
    data += n;
    len -= (size_t)n;
  }
  return true;
}

/* Sends |left| zeros through |codings|, which is taken apart. */
static void send_zeros(int fd, char *codings, uint64_t left)
{
  static uint8_t zeros[ZEROS_BYTES];
  layer layers[LAYERS_MAX];
  packer *packers[LAYERS_MAX];
  const char *names[LAYERS_MAX];
  int count = 0;
  char *save;
  for (char *name = strtok_r(codings, ",", &save); name != NULL;
       name = strtok_r(NULL, ",", &save)) {
    names[count++] = name;
  }
  for (int i = count - 1; i >= 0; i--) {
    layers[i] = (layer){.to = i + 1 < count ? packers[i + 1] : NULL, .fd = fd};
    packers[i] = packer_new(names[i], layer_pass, &layers[i]);
  }
  bool goes_on = true;
  while (goes_on && left > 0) {
    size_t len = left < sizeof(zeros) ? (size_t)left : sizeof(zeros);
    goes_on = packer_put(packers[0], zeros, len, PACKER_GO_ON);
    left -= len;
  }
  for (int i = 0; i < count; i++) {
    goes_on = goes_on && packer_put(packers[i], zeros, 0, PACKER_END);
  }
  for (int i = 0; i < count; i++) {
    packer_free(packers[i]);
  }
}

static void serve(int fd)
{
  char request[4096];
  char codings[100];
  char field[100];
  char head[300];
  unsigned long long bytes;
  ssize_t n = recv(fd, request, sizeof(request) - 1, 0); /* small: one piece */
  if (n <= 0) {
    return;
  }
  request[n] = '\0';
  if (sscanf(request, "GET /%99[^/ ]/%llu", codings, &bytes) != 2) {
    return;
  }
  (void)snprintf(field, sizeof(field), "%s", codings);
  int len = snprintf(head, sizeof(head),
                     "HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\n"
                     "Connection: close\r\n\r\n",
                     field);
  (void)send(fd, head, (size_t)len, MSG_NOSIGNAL);
  send_zeros(fd, codings, bytes);
}

void packed_peer_open(packed_peer *peer)
{
  struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t len = sizeof(address);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_true(fd >= 0);
  assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
  assert_int_equal(listen(fd, 16), 0);
  assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
  peer->port = ntohs(address.sin_port);
  peer->pid = fork();
  assert_true(peer->pid >= 0);
  if (peer->pid == 0) {
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)signal(SIGCHLD, SIG_IGN);
    for (;;) {
      int conn = accept(fd, NULL, NULL);
      if (fork() == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        serve(conn);
        _exit(0);
      }
      (void)close(conn);
    }
  }
  (void)close(fd);
}

void packed_peer_close(packed_peer *peer)
{
  (void)kill(peer->pid, SIGKILL);
  (void)waitpid(peer->pid, NULL, 0);
}
