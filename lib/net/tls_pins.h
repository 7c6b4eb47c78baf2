/* SPDX-License-Identifier: MIT */
#ifndef AH_NET_TLS_PINS_H
#define AH_NET_TLS_PINS_H

#include <openssl/x509.h>

#include <ahttp/types.h>

/*
 * Pinned public keys in curl's notation: "sha256//" and, in base64, the SHA-256
 * of a certificate's SubjectPublicKeyInfo (RFC 7469, section 2.4); several are
 * separated by semicolons.
 */

/* One pin with its NUL. */
enum {
  AH_TLS_PIN_BYTES = 8 + 44 + 1
};

/* True if |pins| is a list of at least one and nothing else. */
bool ah_tls_pins_are_valid(const char *pins);

/* The pin of |cert|'s key.  False if memory is out. */
bool ah_tls_pin_print(X509 *cert, char out[AH_TLS_PIN_BYTES]);

/* True if |pin| is one of |pins|. */
bool ah_tls_pins_have(const char *pins, const char *pin);

#endif
