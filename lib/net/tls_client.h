/* SPDX-License-Identifier: MIT */
#ifndef AH_NET_TLS_CLIENT_H
#define AH_NET_TLS_CLIENT_H

#include <openssl/ssl.h>

#include "net/tls_bio.h"
#include "net/tls_error.h"
#include "net/tls_profile.h"
#include "net/tls_session_cache.h"

enum {
  /* The longest host name (RFC 1035, section 2.3.4). */
  AH_TLS_HOST_BYTES_MAX = 255,
  /* ":65535" */
  AH_TLS_PORT_BYTES_MAX = 6,
  /* What can be offered by ALPN: h2 and http/1.1. */
  AH_TLS_PROTOCOLS = 2
};

/*
 * The client's side of one TLS connection without its bytes: whom it is to
 * reach, how that is verified, what it offers, and why it failed.  It refers to
 * itself, so it must not be moved.
 */
typedef struct ah_tls_client {
  SSL *ssl;
  ah_tls_bio bio;           /* what |ssl| reads and writes */
  ah_tls_session_slot slot; /* the app data of |ssl| */
  ah_tls_refusal refusal;
  const ahttp_tls_opts *opts; /* the profile's */
  bool offered[AH_TLS_PROTOCOLS];
  bool host_is_ip;
  char host[AH_TLS_HOST_BYTES_MAX + 1]; /* whom it is to reach: what is sent
                                           and verified; without a final dot */
  char key[AH_TLS_HOST_BYTES_MAX + AH_TLS_PORT_BYTES_MAX + 1];
} ah_tls_client;

/*
 * Sets up |client|, zeroed before, to speak through |below|.  |profile|
 * outlives it.  AHTTP_OK, or fills |*err| and returns its code;
 * ah_tls_client_clear() is due in both cases.
 */
int ah_tls_client_open(ah_tls_client *client, ah_tls_profile *profile,
                       const ah_tls_stream_opts *opts, ah_stream *below,
                       ahttp_error *err);
void ah_tls_client_clear(ah_tls_client *client);

/* Goes on with the handshake as far as the bytes in the BIO go.  AHTTP_OK when
 * it is complete, AH_MORE, or fills |*err| and returns its code. */
int ah_tls_client_handshake(ah_tls_client *client, ahttp_error *err);

/* The protocol agreed on, static; empty if none was. */
ahttp_str ah_tls_client_alpn(const ah_tls_client *client);

#endif
