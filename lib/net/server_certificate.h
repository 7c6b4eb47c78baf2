/* SPDX-License-Identifier: MIT */
#ifndef AH_NET_SERVER_CERTIFICATE_H
#define AH_NET_SERVER_CERTIFICATE_H

#include <openssl/ssl.h>

#include <ahttp/tls.h>

#include "base/arena.h"

/*
 * What the server at the other end of |ssl|, whose handshake is complete,
 * showed; all of it in |arena|.  AHTTP_OK, AHTTP_ENOMEM, or AHTTP_ESTATE if it
 * showed no certificate.
 */
int ah_server_certificate_read(ahttp_certificate **out, ah_arena *arena,
                               const SSL *ssl);

#endif
