/* SPDX-License-Identifier: MIT */
#ifndef AH_NET_TLS_KEYLOG_H
#define AH_NET_TLS_KEYLOG_H

#include <openssl/ssl.h>

/*
 * Has the secrets of |ctx|'s connections appended to the file that the
 * environment variable SSLKEYLOGFILE names, so that a packet analyser can read
 * them; does nothing if it names none.  The file is opened once per process,
 * and never in a set-user-id program.
 */
void ah_tls_keylog_attach(SSL_CTX *ctx);

#endif
