/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "support/tls_peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/err.h>

/* --- The server. ---------------------------------------------------------- */

static int server_on_alpn(SSL *ssl, const unsigned char **out,
                          unsigned char *out_len, const unsigned char *in,
                          unsigned in_len, void *arg)
{
  (void)ssl;
  (void)in;
  (void)in_len;
  const char *name = arg;
  *out = (const unsigned char *)name;
  *out_len = (unsigned char)strlen(name);
  return SSL_TLSEXT_ERR_OK;
}

/* ALPN callbacks take a pointer that is not const; they only read. */
static void *unconst(const char *text)
{
  void *plain;
  memcpy(&plain, &text, sizeof(plain));
  return plain;
}

SSL_CTX *tls_server_new(const tls_server_opts *opts)
{
  SSL_CTX *server = SSL_CTX_new(TLS_server_method());
  assert_non_null(server);
  assert_int_equal(SSL_CTX_use_certificate(server, opts->cert->x509), 1);
  assert_int_equal(SSL_CTX_use_PrivateKey(server, opts->cert->key), 1);
  if (opts->chain != NULL) {
    assert_int_equal(SSL_CTX_add1_chain_cert(server, opts->chain->x509), 1);
  }
  if (opts->version_max != 0) {
    SSL_CTX_set_security_level(server, 0);
    assert_int_equal(SSL_CTX_set_min_proto_version(server, TLS1_VERSION), 1);
    assert_int_equal(SSL_CTX_set_max_proto_version(server, opts->version_max),
                     1);
  }
  if (opts->alpn != NULL) {
    SSL_CTX_set_alpn_select_cb(server, server_on_alpn, unconst(opts->alpn));
  }
  static const unsigned char context[] = "test";
  SSL_CTX_set_session_id_context(server, context, sizeof(context));
  return server;
}

SSL *tls_server_accept(SSL_CTX *server)
{
  SSL *ssl = SSL_new(server);
  assert_non_null(ssl);
  SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  SSL_set_accept_state(ssl);
  return ssl;
}

void tls_server_free(SSL_CTX *server)
{
  SSL_CTX_free(server);
}

/* --- The client's side. --------------------------------------------------- */

static void record_close(tls_record *record)
{
  record->stream->ops->close(record->stream);
  record->stream = NULL;
}

static void record_check(const tls_record *record)
{
  assert_false(record->calling);
  assert_non_null(record->stream);
  assert_int_equal(record->errors, 0);
}

static void record_on_open(void *owner)
{
  tls_record *record = owner;
  record_check(record);
  assert_int_equal(record->opens, 0);
  record->opens++;
  if (record->close_at == CLOSE_AT_OPEN) {
    record_close(record);
  }
}

static void record_on_read(void *owner, const uint8_t *data, size_t len)
{
  tls_record *record = owner;
  record_check(record);
  assert_int_equal(record->opens, 1);
  assert_int_equal(record->ends, 0);
  assert_true(len > 0);
  record->reads++;
  fake_bytes_append(&record->read, data, len);
  if (record->close_at == CLOSE_AT_READ) {
    record_close(record);
  } else if (record->pause_at != 0 && record->read.len >= record->pause_at) {
    record->stream->ops->pause(record->stream);
  }
}

static void record_on_end(void *owner, bool clean)
{
  tls_record *record = owner;
  record_check(record);
  assert_int_equal(record->ends, 0);
  record->ends++;
  record->clean = clean;
  if (record->close_at == CLOSE_AT_END) {
    record_close(record);
  }
}

static void record_on_error(void *owner, const ahttp_error *err)
{
  tls_record *record = owner;
  record_check(record);
  record->errors++;
  record->error = *err;
  if (record->close_at == CLOSE_AT_ERROR) {
    record_close(record);
  }
}

static void record_on_drain(void *owner)
{
  tls_record *record = owner;
  record_check(record);
  record->drains++;
}

static const ah_stream_sink record_sink = {
    .on_open = record_on_open,
    .on_read = record_on_read,
    .on_end = record_on_end,
    .on_error = record_on_error,
    .on_drain = record_on_drain,
};

void tls_record_adopt(tls_record *record, ah_stream *stream)
{
  record->stream = stream;
  ah_stream_set_sink(stream, &record_sink, record);
  stream->ops->resume(stream);
}

/* --- The connection. ------------------------------------------------------ */

int tls_peer_open(tls_peer *peer, SSL_CTX *server, ah_tls_profile *profile,
                  const ah_tls_stream_opts *opts, ahttp_error *err)
{
  memset(peer, 0, sizeof(*peer));
  assert_int_equal(uv_loop_init(&peer->uv), 0);
  int rv = ah_loop_new(&peer->loop, &peer->uv);
  if (rv != AHTTP_OK) {
    return rv;
  }
  ah_loop_hold(peer->loop);
  fake_bytes_append(&peer->received, "", 0);
  fake_bytes_append(&peer->client.read, "", 0);
  peer->below = fake_stream_new(peer->loop);
  if (server != NULL) {
    peer->ssl = tls_server_accept(server);
  }
  ah_stream *stream = NULL;
  rv = ah_tls_stream_new(&stream, peer->below->stream, profile, opts, err);
  if (rv == AHTTP_OK) {
    tls_record_adopt(&peer->client, stream);
  }
  return rv;
}

static void on_loop_closed(void *arg)
{
  *(bool *)arg = true;
}

void tls_peer_close(tls_peer *peer)
{
  if (peer->loop != NULL) {
    if (peer->client.stream != NULL) {
      record_close(&peer->client);
    }
    tls_peer_turn(peer);
    SSL_free(peer->ssl);
    fake_stream_free(peer->below);
    fake_bytes_clear(&peer->received);
    fake_bytes_clear(&peer->client.read);
    bool closed = false;
    ah_loop_drop(peer->loop);
    ah_loop_close(peer->loop, on_loop_closed, &closed);
    while (!closed) {
      (void)uv_run(&peer->uv, UV_RUN_ONCE);
    }
  }
  assert_int_equal(uv_loop_close(&peer->uv), 0);
}

void tls_peer_take(tls_peer *peer)
{
  fake_bytes *sent = &peer->below->sent;
  if (sent->len > 0) {
    int put = BIO_write(SSL_get_rbio(peer->ssl), sent->data, (int)sent->len);
    assert_int_equal(put, (int)sent->len);
    fake_stream_forget_sent(peer->below);
  }
  char plain[16384];
  size_t got = 0;
  while (SSL_read_ex(peer->ssl, plain, sizeof(plain), &got) == 1) {
    fake_bytes_append(&peer->received, plain, got);
  }
  if ((SSL_get_shutdown(peer->ssl) & SSL_RECEIVED_SHUTDOWN) != 0) {
    peer->client_closed = true;
  }
  ERR_clear_error();
}

size_t tls_peer_give(tls_peer *peer, size_t len, size_t step)
{
  BIO *out = SSL_get_wbio(peer->ssl);
  size_t given = 0;
  size_t pending = BIO_ctrl_pending(out);
  len = len < pending ? len : pending;
  uint8_t *bytes = malloc(len + 1);
  assert_non_null(bytes);
  if (len > 0) {
    assert_int_equal(BIO_read(out, bytes, (int)len), (int)len);
  }
  while (given < len) {
    size_t part = len - given < step ? len - given : step;
    fake_stream_feed(peer->below, bytes + given, part);
    given += part;
  }
  free(bytes);
  return given;
}

void tls_peer_turn(tls_peer *peer)
{
  (void)uv_run(&peer->uv, UV_RUN_NOWAIT);
}

void tls_peer_run(tls_peer *peer, size_t step)
{
  bool moved = true;
  while (moved && !peer->below->closed) {
    moved = peer->below->sent.len > 0;
    tls_peer_take(peer);
    moved = tls_peer_give(peer, SIZE_MAX, step) > 0 || moved;
    tls_peer_turn(peer);
  }
  tls_peer_turn(peer);
}

void tls_peer_write(tls_peer *peer, const void *data, size_t len)
{
  size_t put = 0;
  assert_int_equal(SSL_write_ex(peer->ssl, data, len, &put), 1);
  assert_int_equal(put, len);
}

void tls_peer_send(tls_peer *peer, const void *data, size_t len)
{
  ah_stream *stream = peer->client.stream;
  peer->client.calling = true;
  assert_int_equal(ah_stream_write(stream, data, len), AHTTP_OK);
  stream->ops->flush(stream);
  peer->client.calling = false;
}

const uint8_t *tls_peer_bytes(void)
{
  static uint8_t bytes[TLS_PEER_BYTES_MAX];
  if (bytes[0] == 0) {
    uint32_t x = 2463534242U;
    for (size_t i = 0; i < sizeof(bytes); i++) {
      x ^= x << 13;
      x ^= x >> 17;
      x ^= x << 5;
      bytes[i] = (uint8_t)(x | (i == 0));
    }
  }
  return bytes;
}

ah_tls_stream_opts tls_peer_opts(const char *host)
{
  return (ah_tls_stream_opts){
      .host = {host, strlen(host)},
      .port = 443,
      .offer_h2 = true,
      .offer_http1_1 = true,
  };
}
