/* SPDX-License-Identifier: MIT */
/*
 * The server of the demonstration and of the tests that need a real one:
 * HTTP/1.1 on one loopback port; HTTP/1.1 and HTTP/2 over TLS on another, with
 * a certificate made at the start.
 *
 *   demo_server --port-file FILE --ca-file FILE
 *     writes its authority's certificate, listens, writes "http=PORT
 *     https=PORT", and serves until SIGTERM, SIGINT or, if its standard input
 * is a pipe, the end of that: /b/SIZE/SEED     SIZE bytes that SEED determines
 *       /status/NNN      that status
 *       /redirect/N      N redirects, then /b/10/1
 *       /echo            the request's content
 *       /stats           connections and requests so far
 *
 *   demo_server --print-digests FILE
 *     prints "SHA256  URL" of what each URL in FILE is to give.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/demo_connection.h"

enum {
  BACKLOG = 1024,
  STDIN = 0,
  /* Ports to try until one is free on both loopback addresses. */
  PORT_TRIES_MAX = 100
};

/* Both loopback addresses on one port. */
typedef struct listener {
  uv_tcp_t v4;
  uv_tcp_t v6;
  uint16_t port;
  SSL_CTX *tls; /* NULL: clear text */
} listener;

static listener listeners[2];
static uv_signal_t signals[2];
static uv_pipe_t input;

static void fail(const char *what, const char *why)
{
  (void)fprintf(stderr, "demo_server: %s: %s\n", what, why);
  exit(1);
}

/* --- Stopping. ------------------------------------------------------------ */

static void close_handle(uv_handle_t *handle)
{
  if (handle->type != UV_UNKNOWN_HANDLE && !uv_is_closing(handle)) {
    uv_close(handle, NULL);
  }
}

static void stop(void)
{
  for (size_t i = 0; i < 2; i++) {
    close_handle((uv_handle_t *)&listeners[i].v4);
    close_handle((uv_handle_t *)&listeners[i].v6);
    close_handle((uv_handle_t *)&signals[i]);
  }
  close_handle((uv_handle_t *)&input);
  demo_connection_close_all();
}

static void on_signal(uv_signal_t *handle, int number)
{
  (void)handle;
  (void)number;
  stop();
}

static void on_input_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
  (void)handle;
  (void)suggested;
  *buf = uv_buf_init((char *)demo_scratch, DEMO_SCRATCH_BYTES);
}

static void on_input(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
  (void)stream;
  (void)buf;
  if (len < 0) {
    stop();
  }
}

static void watch_signals(uv_loop_t *loop)
{
  static const int numbers[2] = {SIGTERM, SIGINT};
  (void)signal(SIGPIPE, SIG_IGN);
  for (size_t i = 0; i < 2; i++) {
    if (uv_signal_init(loop, &signals[i]) != 0 ||
        uv_signal_start(&signals[i], on_signal, numbers[i]) != 0) {
      fail("signals", "cannot be watched");
    }
  }
}

/* A server whose parent has died stops: the pipe between them ends then.  Files
 * and terminals say nothing about a parent. */
static void watch_input(uv_loop_t *loop)
{
  uv_handle_type type = uv_guess_handle(STDIN);
  if (type != UV_NAMED_PIPE && type != UV_TCP) {
    return;
  }
  if (uv_pipe_init(loop, &input, 0) != 0 || uv_pipe_open(&input, STDIN) != 0 ||
      uv_read_start((uv_stream_t *)&input, on_input_alloc, on_input) != 0) {
    fail("standard input", "cannot be read");
  }
}

/* --- Listening. ----------------------------------------------------------- */

static void on_connection(uv_stream_t *stream, int status)
{
  const listener *from = stream->data;
  if (status == 0) {
    demo_connection_accept(stream, from->tls);
  }
}

static int listen_on(uv_loop_t *loop, uv_tcp_t *tcp,
                     const struct sockaddr *address, listener *owner)
{
  int rv = uv_tcp_init(loop, tcp);
  tcp->data = owner;
  if (rv == 0) {
    rv = uv_tcp_bind(tcp, address, 0);
  }
  return rv == 0 ? uv_listen((uv_stream_t *)tcp, BACKLOG, on_connection) : rv;
}

/* True if it listens on a port that is free on both addresses, or on the one
 * where there is no IPv6. */
static bool listener_try(uv_loop_t *loop, listener *ours)
{
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
  struct sockaddr_storage bound;
  int len = sizeof(bound);
  (void)uv_ip4_addr("127.0.0.1", 0, &v4);
  int rv = listen_on(loop, &ours->v4, (const struct sockaddr *)&v4, ours);
  if (rv == 0) {
    rv = uv_tcp_getsockname(&ours->v4, (struct sockaddr *)&bound, &len);
  }
  if (rv != 0) {
    fail("127.0.0.1", uv_strerror(rv));
  }
  memcpy(&v4, &bound, sizeof(v4));
  ours->port = ntohs(v4.sin_port);
  (void)uv_ip6_addr("::1", ours->port, &v6);
  rv = listen_on(loop, &ours->v6, (const struct sockaddr *)&v6, ours);
  return rv != UV_EADDRINUSE;
}

static void listener_start(uv_loop_t *loop, listener *ours, SSL_CTX *tls)
{
  ours->tls = tls;
  for (int i = 0; i < PORT_TRIES_MAX; i++) {
    if (listener_try(loop, ours)) {
      return;
    }
    uv_close((uv_handle_t *)&ours->v4, NULL);
    uv_close((uv_handle_t *)&ours->v6, NULL);
    (void)uv_run(loop, UV_RUN_NOWAIT);
  }
  fail("loopback", "no free port");
}

/* --- Serving. ------------------------------------------------------------- */

static SSL_CTX *make_tls(const char *ca_file)
{
  certificate ca;
  certificate leaf;
  certificate_init_ca(&ca, "libahttp demo CA");
  const certificate_opts opts = {
      .name = "localhost",
      .names = CERTIFICATE_LOOPBACK_NAMES,
      .issuer = &ca,
  };
  certificate_init(&leaf, &opts);
  certificate_write(&ca, ca_file);
  SSL_CTX *tls = demo_tls_new(&leaf);
  certificate_clear(&leaf);
  certificate_clear(&ca);
  return tls;
}

/* Whoever waits for the file sees all of it or none. */
static void write_ports(const char *path)
{
  char temporary[4096];
  (void)snprintf(temporary, sizeof(temporary), "%s.tmp", path);
  FILE *file = fopen(temporary, "w");
  if (file == NULL ||
      fprintf(file, "http=%u https=%u\n", (unsigned)listeners[0].port,
              (unsigned)listeners[1].port) < 0 ||
      fclose(file) != 0 || rename(temporary, path) != 0) {
    fail(path, strerror(errno));
  }
}

static int serve(const char *port_file, const char *ca_file)
{
  uv_loop_t loop;
  if (uv_loop_init(&loop) != 0) {
    fail("loop", "cannot be made");
  }
  SSL_CTX *tls = make_tls(ca_file);
  watch_signals(&loop);
  watch_input(&loop);
  listener_start(&loop, &listeners[0], NULL);
  listener_start(&loop, &listeners[1], tls);
  write_ports(port_file);
  (void)uv_run(&loop, UV_RUN_DEFAULT);
  demo_tls_free(tls);
  return uv_loop_close(&loop) == 0 ? 0 : 1;
}

/* --- Digests. ------------------------------------------------------------- */

/* What |url| gives in the end; false if that is not known. */
static bool find_body(const char *url, uint64_t *size, uint64_t *seed)
{
  const char *host = strstr(url, "://");
  const char *target = host == NULL ? NULL : strchr(host + 3, '/');
  if (target == NULL) {
    return false;
  }
  if (strncmp(target, "/redirect/", 10) == 0) {
    target = "/b/10/1";
  }
  return demo_body_parse(target, size, seed);
}

static int print_digests(const char *path)
{
  FILE *file = fopen(path, "r");
  if (file == NULL) {
    fail(path, strerror(errno));
    return 1;
  }
  char line[8192];
  int status = 0;
  while (fgets(line, sizeof(line), file) != NULL) {
    line[strcspn(line, "\r\n")] = '\0';
    uint64_t size;
    uint64_t seed;
    if (line[0] == '\0') {
      continue;
    }
    if (!find_body(line, &size, &seed)) {
      (void)fprintf(stderr, "demo_server: not known: %s\n", line);
      status = 1;
      continue;
    }
    uint8_t digest[DEMO_DIGEST_BYTES];
    demo_body_digest(size, seed, digest);
    for (size_t i = 0; i < sizeof(digest); i++) {
      (void)printf("%02x", digest[i]);
    }
    (void)printf("  %s\n", line);
  }
  (void)fclose(file);
  return fflush(stdout) == 0 ? status : 1;
}

int main(int argc, char **argv)
{
  const char *port_file = NULL;
  const char *ca_file = NULL;
  const char *digests_file = NULL;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (strcmp(argv[i], "--port-file") == 0) {
      port_file = argv[i + 1];
    } else if (strcmp(argv[i], "--ca-file") == 0) {
      ca_file = argv[i + 1];
    } else if (strcmp(argv[i], "--print-digests") == 0) {
      digests_file = argv[i + 1];
    }
  }
  if (digests_file != NULL) {
    return print_digests(digests_file);
  }
  if (port_file == NULL || ca_file == NULL) {
    (void)fprintf(stderr, "usage: demo_server --port-file FILE --ca-file FILE\n"
                          "       demo_server --print-digests FILE\n");
    return 2;
  }
  return serve(port_file, ca_file);
}
