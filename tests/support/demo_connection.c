/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "support/demo_connection.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

enum {
  READ_BYTES = 64 * 1024,
  /* Bytes that may wait to be written; past it nothing more is produced. */
  STAGED_BYTES_MAX = 256 * 1024
};

uint8_t demo_scratch[DEMO_SCRATCH_BYTES];

static char read_buffer[READ_BYTES];
static uint8_t plain_buffer[READ_BYTES];
static demo_connection *connections; /* all that are open */
static BIO_METHOD *staging_method;

static void conn_open(demo_connection *conn, const demo_protocol *protocol,
                      uint64_t *counter)
{
  (*counter)++;
  conn->protocol = protocol;
  protocol->on_open(conn);
}

static void conn_on_closed(uv_handle_t *handle)
{
  demo_connection *conn = handle->data;
  if (conn->prev != NULL) {
    conn->prev->next = conn->next;
  } else {
    connections = conn->next;
  }
  if (conn->next != NULL) {
    conn->next->prev = conn->prev;
  }
  if (conn->protocol != NULL) {
    conn->protocol->on_free(conn);
  }
  if (conn->ssl != NULL) {
    SSL_set_shutdown(conn->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(conn->ssl);
  }
  demo_buffer_clear(&conn->staged);
  demo_buffer_clear(&conn->flying);
  demo_counters.open--;
  free(conn);
}

void demo_connection_close(demo_connection *conn)
{
  if (!conn->closed) {
    conn->closed = true;
    uv_close((uv_handle_t *)&conn->tcp, conn_on_closed);
  }
}

void demo_connection_close_all(void)
{
  for (demo_connection *conn = connections; conn != NULL; conn = conn->next) {
    demo_connection_close(conn);
  }
}

/* --- Out. ----------------------------------------------------------------- */

void demo_connection_write(demo_connection *conn, const void *data, size_t len)
{
  size_t put = 0;
  if (conn->ssl == NULL) {
    demo_buffer_append(&conn->staged, data, len);
  } else if (len > 0 && SSL_write_ex(conn->ssl, data, len, &put) != 1) {
    ERR_clear_error();
    demo_connection_close(conn);
  }
}

bool demo_connection_is_full(const demo_connection *conn)
{
  return conn->staged.len + conn->flying.len >= STAGED_BYTES_MAX;
}

static void conn_on_written(uv_write_t *write, int status)
{
  demo_connection *conn = write->data;
  conn->writing = false;
  conn->flying.len = 0;
  if (conn->closed) {
    return;
  }
  if (status < 0) {
    demo_connection_close(conn);
    return;
  }
  if (conn->protocol != NULL && !conn->ending) {
    conn->protocol->on_writable(conn);
  }
  demo_connection_flush(conn);
}

void demo_connection_flush(demo_connection *conn)
{
  if (conn->closed || conn->writing) {
    return;
  }
  if (conn->staged.len > 0) {
    uv_buf_t buf =
        uv_buf_init((char *)conn->staged.data, (unsigned)conn->staged.len);
    int rv = uv_try_write((uv_stream_t *)&conn->tcp, &buf, 1);
    size_t written = rv < 0 ? 0 : (size_t)rv;
    if (rv < 0 && rv != UV_EAGAIN) {
      demo_connection_close(conn);
      return;
    }
    if (written < conn->staged.len) {
      demo_buffer flying = conn->staged;
      conn->staged = conn->flying;
      conn->flying = flying;
      conn->writing = true;
      conn->write.data = conn;
      buf = uv_buf_init((char *)flying.data + written,
                        (unsigned)(flying.len - written));
      if (uv_write(&conn->write, (uv_stream_t *)&conn->tcp, &buf, 1,
                   conn_on_written) != 0) {
        demo_connection_close(conn);
      }
      return;
    }
    conn->staged.len = 0;
  }
  if (conn->ending) {
    demo_connection_close(conn);
  }
}

void demo_connection_end(demo_connection *conn)
{
  if (conn->ssl != NULL && !conn->ending) {
    (void)SSL_shutdown(conn->ssl);
    ERR_clear_error();
  }
  conn->ending = true;
  demo_connection_flush(conn);
}

/* What OpenSSL sends goes straight to where it is written from. */
static int staging_write(BIO *bio, const char *data, int len)
{
  demo_connection *conn = BIO_get_data(bio);
  demo_buffer_append(&conn->staged, data, (size_t)len);
  return len;
}

static long staging_ctrl(BIO *bio, int command, long number, void *pointer)
{
  (void)bio;
  (void)number;
  (void)pointer;
  return command == BIO_CTRL_FLUSH;
}

/* --- In. ------------------------------------------------------------------ */

static void conn_choose_protocol(demo_connection *conn)
{
  const unsigned char *name = NULL;
  unsigned len = 0;
  SSL_get0_alpn_selected(conn->ssl, &name, &len);
  if (len == 2 && memcmp(name, "h2", 2) == 0) {
    conn_open(conn, &demo_http2, &demo_counters.tls_h2);
  } else {
    conn_open(conn, &demo_http1, &demo_counters.tls_http1);
  }
}

static void conn_decrypt(demo_connection *conn, const char *data, size_t len)
{
  (void)BIO_write(SSL_get_rbio(conn->ssl), data, (int)len);
  size_t got = 0;
  int rv = 1;
  ERR_clear_error();
  if (conn->protocol == NULL) {
    rv = SSL_do_handshake(conn->ssl);
    if (rv == 1) {
      conn_choose_protocol(conn);
    }
  }
  while (rv == 1 && !conn->closed) {
    rv = SSL_read_ex(conn->ssl, plain_buffer, sizeof(plain_buffer), &got);
    if (rv == 1) {
      conn->protocol->on_data(conn, plain_buffer, got);
    }
  }
  int error = SSL_get_error(conn->ssl, rv);
  if (rv != 1 && error != SSL_ERROR_WANT_READ) {
    ERR_clear_error();
    conn->ending = true; /* after an alert, if there is one */
  }
  demo_connection_flush(conn);
}

static void conn_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
  (void)handle;
  (void)suggested;
  *buf = uv_buf_init(read_buffer, sizeof(read_buffer));
}

static void conn_on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
  demo_connection *conn = stream->data;
  if (len < 0) {
    demo_connection_close(conn);
  } else if (len > 0 && conn->ssl != NULL) {
    conn_decrypt(conn, buf->base, (size_t)len);
  } else if (len > 0) {
    conn->protocol->on_data(conn, (const uint8_t *)buf->base, (size_t)len);
  }
}

void demo_connection_set_reading(demo_connection *conn, bool reading)
{
  if (conn->closed || conn->reading == reading) {
    return;
  }
  conn->reading = reading;
  if (reading) {
    (void)uv_read_start((uv_stream_t *)&conn->tcp, conn_on_alloc, conn_on_read);
  } else {
    (void)uv_read_stop((uv_stream_t *)&conn->tcp);
  }
}

static void conn_set_tls(demo_connection *conn, SSL_CTX *tls)
{
  conn->ssl = SSL_new(tls);
  BIO *in = BIO_new(BIO_s_mem());
  BIO *out = BIO_new(staging_method);
  if (conn->ssl == NULL || in == NULL || out == NULL) {
    abort();
  }
  BIO_set_data(out, conn);
  BIO_set_init(out, 1);
  SSL_set_bio(conn->ssl, in, out);
  SSL_set_accept_state(conn->ssl);
}

void demo_connection_accept(uv_stream_t *listener, SSL_CTX *tls)
{
  demo_connection *conn = calloc(1, sizeof(*conn));
  if (conn == NULL || uv_tcp_init(listener->loop, &conn->tcp) != 0) {
    abort();
  }
  conn->tcp.data = conn;
  conn->next = connections;
  if (connections != NULL) {
    connections->prev = conn;
  }
  connections = conn;
  demo_counters.open++;
  if (uv_accept(listener, (uv_stream_t *)&conn->tcp) != 0) {
    demo_connection_close(conn);
    return;
  }
  (void)uv_tcp_nodelay(&conn->tcp, 1);
  if (tls != NULL) {
    conn_set_tls(conn, tls);
  } else {
    conn_open(conn, &demo_http1, &demo_counters.http);
  }
  demo_connection_set_reading(conn, true);
}

/* --- TLS. ----------------------------------------------------------------- */

static int tls_on_alpn(SSL *ssl, const unsigned char **out,
                       unsigned char *out_len, const unsigned char *in,
                       unsigned in_len, void *arg)
{
  (void)ssl;
  (void)arg;
  static const unsigned char ours[] = "\x02h2\x08http/1.1";
  unsigned char *chosen = NULL;
  if (SSL_select_next_proto(&chosen, out_len, ours, sizeof(ours) - 1, in,
                            in_len) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

SSL_CTX *demo_tls_new(const certificate *leaf)
{
  staging_method =
      BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "staging");
  SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
  if (tls == NULL || staging_method == NULL ||
      BIO_meth_set_write(staging_method, staging_write) != 1 ||
      BIO_meth_set_ctrl(staging_method, staging_ctrl) != 1 ||
      SSL_CTX_use_certificate(tls, leaf->x509) != 1 ||
      SSL_CTX_use_PrivateKey(tls, leaf->key) != 1) {
    ERR_print_errors_fp(stderr);
    abort();
  }
  SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_alpn_select_cb(tls, tls_on_alpn, NULL);
  return tls;
}

void demo_tls_free(SSL_CTX *tls)
{
  SSL_CTX_free(tls);
  BIO_meth_free(staging_method);
  staging_method = NULL;
}
