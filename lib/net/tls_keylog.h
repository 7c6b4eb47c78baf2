/* SPDX-License-Identifier: MIT */
#ifndef AH_NET_TLS_KEYLOG_H
#define AH_NET_TLS_KEYLOG_H

#include <openssl/ssl.h>

#include <ahttp/error.h>

/*
 * A log of connections' secrets, so that a packet analyser can read them: the
 * file that the environment variable SSLKEYLOGFILE names, which is opened once
 * per process and never in a set-user-id program; and one of its own.
 */
typedef struct ah_tls_keylog {
  int fd; /* of its own file, or -1 */
} ah_tls_keylog;

/* Without a file of its own. */
void ah_tls_keylog_init(ah_tls_keylog *log);
void ah_tls_keylog_clear(ah_tls_keylog *log);

/* Appends to |path| from now on.  AHTTP_OK, or fills |*err| with AHTTP_ETLS and
 * returns it. */
int ah_tls_keylog_open(ah_tls_keylog *log, const char *path, ahttp_error *err);

/* Has the secrets of |ctx|'s connections logged, if there is where to.  |log|
 * outlives them. */
void ah_tls_keylog_attach(ah_tls_keylog *log, SSL_CTX *ctx);

#endif
