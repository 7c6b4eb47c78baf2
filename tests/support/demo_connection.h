/* SPDX-License-Identifier: MIT */
#ifndef AH_TESTS_DEMO_CONNECTION_H
#define AH_TESTS_DEMO_CONNECTION_H

#include <openssl/ssl.h>
#include <uv.h>

#include "support/certificates.h"
#include "support/demo_routes.h"

/*
 * One accepted connection of the demo server: a socket, TLS on it or not, and
 * the protocol that was agreed on.
 */
typedef struct demo_connection demo_connection;

typedef struct demo_protocol {
  void (*on_open)(demo_connection *conn);
  void (*on_data)(demo_connection *conn, const uint8_t *data, size_t len);
  /* What was written has gone: more may be. */
  void (*on_writable)(demo_connection *conn);
  void (*on_free)(demo_connection *conn);
} demo_protocol;

extern const demo_protocol demo_http1; /* demo_http1.c */
extern const demo_protocol demo_http2; /* demo_http2.c */

struct demo_connection {
  uv_tcp_t tcp;
  uv_write_t write;
  demo_connection *next; /* all that are open */
  demo_connection *prev;
  const demo_protocol *protocol; /* NULL during the TLS handshake */
  void *state;                   /* the protocol's */
  SSL *ssl;                      /* NULL without TLS */
  demo_buffer staged;            /* to be written */
  demo_buffer flying;            /* being written, while |writing| */
  bool writing;
  bool reading;
  bool ending; /* closes when everything is written */
  bool closed;
};

/* Room to put a response together before it is written, shared by all. */
enum {
  DEMO_SCRATCH_BYTES = 64 * 1024
};
extern uint8_t demo_scratch[DEMO_SCRATCH_BYTES];

/* Accepts a connection of |listener|; with TLS if |tls| is not NULL. */
void demo_connection_accept(uv_stream_t *listener, SSL_CTX *tls);

/* Adds bytes to be written; flush sends what was added so far. */
void demo_connection_write(demo_connection *conn, const void *data, size_t len);
void demo_connection_flush(demo_connection *conn);

/* True if enough is waiting to be written: on_writable will come after the next
 * flush, unless that writes it all. */
bool demo_connection_is_full(const demo_connection *conn);

void demo_connection_set_reading(demo_connection *conn, bool reading);

/* Closes after what was written, or at once. */
void demo_connection_end(demo_connection *conn);
void demo_connection_close(demo_connection *conn);
void demo_connection_close_all(void);

/* The TLS side of a server that shows |leaf|; h2 or http/1.1 by ALPN. */
SSL_CTX *demo_tls_new(const certificate *leaf);
void demo_tls_free(SSL_CTX *tls);

#endif
