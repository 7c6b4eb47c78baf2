/* SPDX-License-Identifier: MIT */
#ifndef AH_NET_TLS_IDENTITY_H
#define AH_NET_TLS_IDENTITY_H

#include <openssl/ssl.h>

#include <ahttp/error.h>
#include <ahttp/tls.h>

/*
 * Gives |context| the client certificate and key that |opts| names, if any.
 * AHTTP_OK, or fills |*err| with AHTTP_ETLS or AHTTP_ENOMEM and returns it.
 */
int ah_tls_identity_load(SSL_CTX *context, const ahttp_tls_opts *opts,
                         ahttp_error *err);

#endif
