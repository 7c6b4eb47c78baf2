/* SPDX-License-Identifier: MIT */
/*
 * To be preloaded: TLS sessions are kept and offered as ever, but OpenSSL does
 * not get to see them, so that every handshake is a full one.
 */
#include <openssl/ssl.h>

int SSL_set_session(SSL *ssl, SSL_SESSION *session)
{
  (void)ssl;
  (void)session;
  return 1;
}
