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
  pthread_mutex_t lock;
  char name[256]; /* guarded by |lock| */
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

static int host_on_name(SSL *ssl, int *alert, void *arg)
{
  (void)alert;
  tls_host *host = arg;
  const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  (void)pthread_mutex_lock(&host->lock);
  (void)snprintf(host->name, sizeof(host->name), "%s",
                 name == NULL ? "" : name);
  (void)pthread_mutex_unlock(&host->lock);
  return SSL_TLSEXT_ERR_OK;
}

static void host_demand_client(const tls_host *host)
{
  X509_STORE *store = SSL_CTX_get_cert_store(host->context);
  require(X509_STORE_add_cert(store, host->opts.client_ca->x509) == 1,
          "client CA");
  SSL_CTX_set_verify(host->context,
                     SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
}

/* What may be negotiated, old and weak things too if asked for. */
static void host_set_algorithms(const tls_host *host)
{
  const tls_host_opts *opts = &host->opts;
  if (opts->version_max != 0 && opts->version_max < TLS1_2_VERSION) {
    SSL_CTX_set_security_level(host->context, 0);
    require(SSL_CTX_set_min_proto_version(host->context, TLS1_VERSION) == 1,
            "version");
  }
  require(
      (opts->version_max == 0 ||
       SSL_CTX_set_max_proto_version(host->context, opts->version_max) == 1) &&
          (opts->version_min == 0 ||
           SSL_CTX_set_min_proto_version(host->context, opts->version_min) ==
               1) &&
          (opts->ciphers == NULL ||
           SSL_CTX_set_cipher_list(host->context, opts->ciphers) == 1) &&
          (opts->groups == NULL ||
           SSL_CTX_set1_groups_list(host->context,
                                    (char *)(uintptr_t)opts->groups) == 1),
      "algorithms");
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
  (void)pthread_mutex_init(&host->lock, NULL);
  SSL_CTX_set_tlsext_servername_callback(host->context, host_on_name);
  SSL_CTX_set_tlsext_servername_arg(host->context, host);
  static const unsigned char id[] = "host";
  (void)SSL_CTX_set_session_id_context(host->context, id, sizeof(id));
  host_set_algorithms(host);
  if (opts->client_ca != NULL) {
    host_demand_client(host);
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

const char *tls_host_name(tls_host *host)
{
  static char name[sizeof(host->name)];
  (void)pthread_mutex_lock(&host->lock);
  memcpy(name, host->name, sizeof(name));
  (void)pthread_mutex_unlock(&host->lock);
  return name;
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
  (void)pthread_mutex_destroy(&host->lock);
  free(host);
}
