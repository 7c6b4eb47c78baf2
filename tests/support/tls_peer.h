/* SPDX-License-Identifier: MIT */
#ifndef AH_TESTS_TLS_PEER_H
#define AH_TESTS_TLS_PEER_H

#include <openssl/ssl.h>
#include <uv.h>

#include "net/tls_profile.h"
#include "support/certificates.h"
#include "support/fake_stream.h"

/*
 * A TLS stream on a fake stream, and OpenSSL's server in memory at the other
 * end.  Bytes move only when the test says so, in pieces of the size it likes.
 */

/* --- A server, which may have many connections. --------------------------- */

typedef struct tls_server_opts {
  const certificate *cert;
  const certificate *chain; /* sent along, or NULL */
  int version_max;          /* TLS1_2_VERSION ...; 0: any */
  const char *alpn;         /* chosen whatever is offered; NULL: none */
} tls_server_opts;

SSL_CTX *tls_server_new(const tls_server_opts *opts);
/* A connection on memory; SSL_free() it. */
SSL *tls_server_accept(SSL_CTX *server);
void tls_server_free(SSL_CTX *server);

/* --- What happens on the client's side. ----------------------------------- */

/* The callback in which a recorder closes its stream. */
typedef enum tls_close_at {
  CLOSE_NEVER,
  CLOSE_AT_OPEN,
  CLOSE_AT_READ,
  CLOSE_AT_END,
  CLOSE_AT_ERROR
} tls_close_at;

typedef struct tls_record {
  ah_stream *stream; /* NULL once closed */
  unsigned opens;
  unsigned reads;
  unsigned ends;
  unsigned errors;
  unsigned drains;
  bool clean; /* of the end */
  fake_bytes read;
  ahttp_error error;

  bool calling;    /* the test is inside a call: no callback may run */
  size_t pause_at; /* pauses once that many bytes were read; 0: never */
  tls_close_at close_at;
} tls_record;

/* Makes |record| the sink of |stream| and resumes it. */
void tls_record_adopt(tls_record *record, ah_stream *stream);

/* --- One connection. ------------------------------------------------------ */

typedef struct tls_peer {
  uv_loop_t uv;
  ah_loop *loop;
  fake_stream *below;
  tls_record client;
  SSL *ssl;            /* the server's end */
  fake_bytes received; /* plaintext from the client */
  bool client_closed;  /* its close_notify came */
} tls_peer;

/*
 * Starts a connection of |profile| to |server|, resumed unless |paused|.
 * |server| may be NULL: then the test plays it on |peer->below|.  Returns what
 * ah_tls_stream_new() does.
 */
int tls_peer_open(tls_peer *peer, SSL_CTX *server, ah_tls_profile *profile,
                  const ah_tls_stream_opts *opts, ahttp_error *err);

/* Closes what is open and checks that nothing is left. */
void tls_peer_close(tls_peer *peer);

/* The server takes what the client has sent and answers. */
void tls_peer_take(tls_peer *peer);

/* The server's output so far, at most |len| bytes of it, arrives at the client
 * in reads of |step| bytes.  Returns how many. */
size_t tls_peer_give(tls_peer *peer, size_t len, size_t step);

/* Lets bytes go back and forth, |step| at a time to the client, and the loop
 * turn, until nothing moves. */
void tls_peer_run(tls_peer *peer, size_t step);

/* One turn of the loop. */
void tls_peer_turn(tls_peer *peer);

/* The server has |len| bytes to send. */
void tls_peer_write(tls_peer *peer, const void *data, size_t len);

/* The client sends them and flushes. */
void tls_peer_send(tls_peer *peer, const void *data, size_t len);

/* |len| pseudo-random bytes in static storage, the same for every call;
 * at most TLS_PEER_BYTES_MAX. */
enum {
  TLS_PEER_BYTES_MAX = 1024 * 1024
};
const uint8_t *tls_peer_bytes(void);

/* Options for |host| that offer both protocols. */
ah_tls_stream_opts tls_peer_opts(const char *host);

#endif
