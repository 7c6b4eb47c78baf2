/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "support/tls_host.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "support/listener.h"

struct tls_host {
  tls_host_opts opts;
  SSL_CTX *context;
  listener *front;
};

static void require(bool condition, const char *what)
{
  if (!condition) {
    (void)fprintf(stderr, "tls_host: %s\n", what);
    ERR_print_errors_fp(stderr);
    abort();
  }
}

/* OpenSSL writes with write(): the signal of a connection that is gone stays
 * pending in this thread until its end. */
static void block_sigpipe(void)
{
  sigset_t set;
  (void)sigemptyset(&set);
  (void)sigaddset(&set, SIGPIPE);
  (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static bool host_handshake(const listener *from, int fd, SSL *ssl)
{
  int rv;
  do {
    if (!listener_wait(from, fd, POLLIN)) {
      return false;
    }
    rv = SSL_accept(ssl);
  } while (rv != 1 && SSL_get_error(ssl, rv) == SSL_ERROR_WANT_READ);
  return rv == 1;
}

/* Reads to the end of a request head; false if there is none. */
static bool host_read_head(const listener *from, int fd, SSL *ssl)
{
  static const char end[] = "\r\n\r\n";
  size_t matched = 0;
  while (matched < sizeof(end) - 1) {
    char c;
    if (SSL_pending(ssl) == 0 && !listener_wait(from, fd, POLLIN)) {
      return false;
    }
    int rv = SSL_read(ssl, &c, 1);
    if (rv != 1 && SSL_get_error(ssl, rv) == SSL_ERROR_WANT_READ) {
      continue;
    }
    if (rv != 1) {
      return false;
    }
    matched = c == end[matched] ? matched + 1 : (c == '\r' ? 1 : 0);
  }
  return true;
}

static bool host_answer(const tls_host *host, const listener *from, int fd,
                        SSL *ssl)
{
  return host_read_head(from, fd, ssl) &&
         SSL_write(ssl, host->opts.response, (int)strlen(host->opts.response)) >
             0;
}

static void host_serve_tls(const tls_host *host, const listener *from, int fd)
{
  SSL *ssl = SSL_new(host->context);
  require(ssl != NULL && SSL_set_fd(ssl, fd) == 1, "SSL_new");
  bool goes_on = host_handshake(from, fd, ssl);
  while (goes_on) {
    goes_on =
        host_answer(host, from, fd, ssl) && host->opts.end == TLS_HOST_KEEP;
  }
  if (host->opts.end == TLS_HOST_RST) {
    listener_arm_reset(fd);
  } else {
    if (host->opts.end == TLS_HOST_NOTIFY) {
      (void)SSL_shutdown(ssl);
    }
    listener_finish(from, fd);
  }
  SSL_free(ssl);
  ERR_clear_error();
}

static void host_serve(listener *from, int fd, unsigned index, void *user_data)
{
  (void)index;
  const tls_host *host = user_data;
  block_sigpipe();
  if (host->opts.is_no_tls) {
    (void)listener_send(from, fd, host->opts.response,
                        strlen(host->opts.response));
    listener_finish(from, fd);
  } else if (host->opts.is_mute) {
    char block[4096];
    while (listener_read(from, fd, block, sizeof(block)) > 0) {
    }
  } else {
    host_serve_tls(host, from, fd);
  }
}

static int host_on_alpn(SSL *ssl, const unsigned char **out,
                        unsigned char *out_len, const unsigned char *in,
                        unsigned in_len, void *arg)
{
  (void)ssl;
  (void)in;
  (void)in_len;
  const tls_host *host = arg;
  *out = (const unsigned char *)host->opts.alpn;
  *out_len = (unsigned char)strlen(host->opts.alpn);
  return SSL_TLSEXT_ERR_OK;
}

tls_host *tls_host_start(const tls_host_opts *opts)
{
  tls_host *host = calloc(1, sizeof(*host));
  require(host != NULL, "calloc");
  host->opts = *opts;
  host->context = SSL_CTX_new(TLS_server_method());
  require(host->context != NULL &&
              SSL_CTX_use_certificate(host->context, opts->cert->x509) == 1 &&
              SSL_CTX_use_PrivateKey(host->context, opts->cert->key) == 1,
          "certificate");
  if (opts->version_max != 0) {
    require(SSL_CTX_set_max_proto_version(host->context, opts->version_max) ==
                1,
            "version");
  }
  if (opts->alpn != NULL) {
    SSL_CTX_set_alpn_select_cb(host->context, host_on_alpn, host);
  }
  const listener_opts front = {.serve = host_serve, .user_data = host};
  host->front = listener_start(&front);
  return host;
}

uint16_t tls_host_port(const tls_host *host)
{
  return listener_port(host->front);
}

unsigned tls_host_accepted(const tls_host *host)
{
  return listener_accepted(host->front);
}

void tls_host_stop(tls_host *host)
{
  if (host == NULL) {
    return;
  }
  listener_stop(host->front);
  SSL_CTX_free(host->context);
  free(host);
}
