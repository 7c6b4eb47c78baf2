/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "support/event_server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/err.h>

#include "support/event_connection.h"

enum {
  /* What shows the protocol: more than a line, less than a small request. */
  FIRST_BYTES_MAX = 16 * 1024,
  /* Content a response promises and does not send. */
  STUCK_BYTES = 1000000
};

static void require(bool condition, const char *what)
{
  if (!condition) {
    (void)fprintf(stderr, "event_server: %s\n", what);
    ERR_print_errors_fp(stderr);
    abort();
  }
}

/* --- Bytes. -------------------------------------------------------------- */

/* Waits for what |ssl| wants after |rv|; false if it is over. */
static bool connection_wait_tls(event_connection *conn, int rv)
{
  switch (SSL_get_error(conn->ssl, rv)) {
  case SSL_ERROR_WANT_READ:
    return listener_wait(conn->from, conn->fd, POLLIN);
  case SSL_ERROR_WANT_WRITE:
    return listener_wait(conn->from, conn->fd, POLLOUT);
  default:
    return false;
  }
}

static size_t connection_read_tls(event_connection *conn, void *dst, size_t cap)
{
  int rv;
  do {
    rv = SSL_read(conn->ssl, dst, (int)cap);
  } while (rv <= 0 && connection_wait_tls(conn, rv));
  ERR_clear_error();
  return rv > 0 ? (size_t)rv : 0;
}

size_t event_connection_read(event_connection *conn, void *dst, size_t cap)
{
  if (conn->ssl != NULL) {
    return connection_read_tls(conn, dst, cap);
  }
  return listener_read(conn->from, conn->fd, dst, cap);
}

static bool connection_send_tls(event_connection *conn, const void *data,
                                size_t len)
{
  int rv;
  do {
    rv = SSL_write(conn->ssl, data, (int)len);
  } while (rv <= 0 && connection_wait_tls(conn, rv));
  ERR_clear_error();
  return rv > 0;
}

bool event_connection_send(event_connection *conn, const void *data, size_t len)
{
  if (len == 0) {
    return true;
  }
  return conn->ssl != NULL ? connection_send_tls(conn, data, len)
                           : listener_send(conn->from, conn->fd, data, len);
}

/* --- Routes. ------------------------------------------------------------- */

event_route event_route_find(const char *target, uint64_t *len)
{
  static const char bytes[] = "/bytes/";
  *len = 0;
  if (strcmp(target, "/events") == 0) {
    *len = EVENT_CONTENT_BYTES;
    return EVENT_ROUTE_EVENTS;
  }
  if (strncmp(target, bytes, sizeof(bytes) - 1) == 0) {
    *len = strtoull(target + sizeof(bytes) - 1, NULL, 10);
    return EVENT_ROUTE_BYTES;
  }
  if (strcmp(target, "/redirect") == 0) {
    return EVENT_ROUTE_REDIRECT;
  }
  if (strcmp(target, "/stuck") == 0) {
    *len = STUCK_BYTES;
    return EVENT_ROUTE_STUCK;
  }
  return EVENT_ROUTE_SILENT;
}

/* --- Connections. -------------------------------------------------------- */

/* OpenSSL writes with write(): the signal of a connection that is gone stays
 * pending in this thread until its end. */
static void block_sigpipe(void)
{
  sigset_t set;
  (void)sigemptyset(&set);
  (void)sigaddset(&set, SIGPIPE);
  (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static bool connection_shake_hands(event_connection *conn)
{
  conn->ssl = SSL_new(conn->server->tls);
  require(conn->ssl != NULL && SSL_set_fd(conn->ssl, conn->fd) == 1, "SSL_new");
  require(fcntl(conn->fd, F_SETFL, O_NONBLOCK) == 0, "fcntl");
  int rv;
  do {
    rv = SSL_accept(conn->ssl);
  } while (rv != 1 && connection_wait_tls(conn, rv));
  ERR_clear_error();
  return rv == 1;
}

static void connection_serve(event_connection *conn)
{
  static const char preface[] = "PRI * HTTP/2.0";
  char first[FIRST_BYTES_MAX];
  size_t len = 0;
  while (len < sizeof(preface) - 1) {
    size_t got = event_connection_read(conn, first + len, sizeof(first) - len);
    if (got == 0) {
      return;
    }
    len += got;
  }
  if (memcmp(first, preface, sizeof(preface) - 1) == 0) {
    event_http2_serve(conn, first, len);
  } else {
    event_http1_serve(conn, first, len);
  }
}

static void server_serve(listener *from, int fd, unsigned index,
                         void *user_data)
{
  (void)index;
  event_connection conn = {.server = user_data, .from = from, .fd = fd};
  atomic_fetch_add(&conn.server->connections, 1);
  block_sigpipe();
  if (conn.server->tls == NULL || connection_shake_hands(&conn)) {
    connection_serve(&conn);
  }
  SSL_free(conn.ssl);
  atomic_fetch_add(&conn.server->gone, 1);
}

/* --- TLS. ---------------------------------------------------------------- */

/* RFC 7301: the server's order of preference. */
static int server_on_alpn(SSL *ssl, const unsigned char **out,
                          unsigned char *out_len, const unsigned char *in,
                          unsigned in_len, void *arg)
{
  static const unsigned char known[] = "\x02h2\x08http/1.1";
  (void)ssl;
  (void)arg;
  unsigned char *chosen;
  int rv = SSL_select_next_proto(&chosen, out_len, known, sizeof(known) - 1, in,
                                 in_len);
  *out = chosen;
  return rv == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK
                                      : SSL_TLSEXT_ERR_NOACK;
}

static SSL_CTX *make_tls(const test_certificate_files *files)
{
  SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
  require(tls != NULL &&
              SSL_CTX_use_certificate_chain_file(tls, files->cert_file) == 1 &&
              SSL_CTX_use_PrivateKey_file(tls, files->key_file,
                                          SSL_FILETYPE_PEM) == 1,
          "certificate");
  SSL_CTX_set_alpn_select_cb(tls, server_on_alpn, NULL);
  /* What SSL_write() is asked to send again may have moved meanwhile. */
  SSL_CTX_set_mode(tls, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  return tls;
}

/* --- Starting and stopping. ---------------------------------------------- */

static event_server *server_begin(SSL_CTX *tls)
{
  event_server *server = calloc(1, sizeof(*server));
  require(server != NULL, "calloc");
  server->tls = tls;
  const listener_opts opts = {.serve = server_serve, .user_data = server};
  server->front = listener_start(&opts);
  return server;
}

event_server *event_server_start(void)
{
  return server_begin(NULL);
}

event_server *event_server_start_tls(const test_certificate_files *files)
{
  return server_begin(make_tls(files));
}

uint16_t event_server_port(const event_server *server)
{
  return listener_port(server->front);
}

event_server_stats event_server_get_stats(const event_server *server)
{
  return (event_server_stats){
      .connections = atomic_load(&server->connections),
      .requests = atomic_load(&server->requests),
      .resets = atomic_load(&server->resets),
      .gone = atomic_load(&server->gone),
  };
}

void event_server_stop(event_server *server)
{
  if (server == NULL) {
    return;
  }
  listener_stop(server->front);
  SSL_CTX_free(server->tls);
  free(server);
}
