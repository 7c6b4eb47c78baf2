/* SPDX-License-Identifier: MIT */
#ifndef AHTTP_TLS_H
#define AHTTP_TLS_H

#include <ahttp/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * TLS: whom to trust, who we are, and what may be negotiated.
 *
 * Files are read when the client is made if the options name any, and not
 * again.  What cannot be read, parsed or decrypted is told then, in a sentence,
 * by ahttp_client_new_err().
 */

/* Protocol versions.  Older ones are not to be used (RFC 8996). */
typedef enum ahttp_tls_version {
  AHTTP_TLS_DEFAULT = 0, /* as a minimum: TLS 1.2, or what the administrator of
                            this system asks for; as a maximum: none */
  AHTTP_TLS_1_2 = 12,    /* TLS 1.2 (RFC 5246) */
  AHTTP_TLS_1_3 = 13     /* TLS 1.3 (RFC 8446) */
} ahttp_tls_version;

/*
 * TLS settings of a client; copied.  All zero is the safe default: the system's
 * trust store, certificates and host names verified, TLS 1.2 or later.  Every
 * string is NUL-terminated; NULL means that it is not set.  Begin with
 * AHTTP_TLS_OPTS_INIT.
 */
typedef struct ahttp_tls_opts {
  size_t size; /* set by AHTTP_TLS_OPTS_INIT */

  /* Whom to trust.  Any of the three replaces the system's store; several are
   * trusted together. */
  const char *ca_file; /* PEM file of certificates */
  const char *ca_dir;  /* hashed directory of the same, as c_rehash makes it */
  const char *ca_pem;  /* the certificates themselves, as PEM text */

  /* Who we are, for servers that ask.  The key may be where the certificate is;
   * then it need not be named.  Both kinds of certificate exclude each other,
   * and so do both kinds of key. */
  const char *cert_file; /* PEM file: our certificate, then those between it and
                            the root; or PKCS#12 file with the key */
  const char *cert_pem;  /* the same as PEM text */
  const char *key_file;  /* PEM file of the private key */
  const char *key_pem;   /* the same as PEM text */
  const char *password;  /* of the key or the PKCS#12 file; nobody is ever asked
                            for one */

  /* What may be negotiated, in OpenSSL's notation. */
  const char *ciphers;   /* of TLS 1.2 */
  const char *ciphers13; /* of TLS 1.3, separated by colons */
  const char *groups;    /* for the key exchange, such as "X25519:P-256" */

  const char *pinned_keys; /* public keys of which the server must have one:
                              "sha256//BASE64", several separated by ';'.
                              Checked with |verify_off| too, which leaves it as
                              the only check */
  const char *sni;         /* host name or address to ask for and to verify,
                              instead of the URL's; "": the URL's */
  const char *keylog_file; /* append the secrets of every connection, for packet
                              analysers; besides what SSLKEYLOGFILE names */

  ahttp_tls_version version_min;
  ahttp_tls_version version_max;

  bool verify_off;      /* accept any certificate: an attacker can read and
                           change everything */
  bool verify_host_off; /* accept a trusted certificate for any host */
  bool resume_off;      /* make a full handshake for every connection */
} ahttp_tls_opts;

#define AHTTP_TLS_OPTS_INIT AHTTP_SIZED(ahttp_tls_opts)

#ifdef __cplusplus
}
#endif

#endif
