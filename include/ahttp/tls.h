/* SPDX-License-Identifier: MIT */
#ifndef AHTTP_TLS_H
#define AHTTP_TLS_H

#include <ahttp/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * TLS: whom to trust, who we are, what may be negotiated; and what is known of
 * the server at the other end.
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

/*
 * The certificate a server showed, and what became of it.  The library makes
 * it, members may be added at its end.  Text is as the certificate has it, with
 * '?' for what is not printable, and is NUL-terminated.
 */
typedef struct ahttp_certificate {
  const char *subject;       /* "CN=example.org,O=Example" (RFC 4514) */
  const char *issuer;        /* the same of who signed it */
  const char *serial;        /* hexadecimal digits */
  const ahttp_str *names;    /* host names and numeric addresses it is for */
  size_t name_count;         /* how many */
  int64_t not_before_s;      /* valid from, seconds since 1970 UTC */
  int64_t not_after_s;       /* valid to */
  uint8_t sha256[32];        /* fingerprint: SHA-256 of the certificate */
  const char *public_key;    /* as in pinned_keys: "sha256//BASE64" */
  const ahttp_str *chain;    /* DER of all that the server sent, its own first;
                                not text */
  size_t chain_count;        /* how many; at least 1 */
  bool is_verified;          /* it was verified, and is good */
  long verify_result;        /* OpenSSL's X509_V_...; 0: good */
  const char *verify_phrase; /* the same in words; static */
} ahttp_certificate;

/*
 * Sets |*out| to the certificate of the server that |call| is exchanging with;
 * it lives with the call.  It is looked up when it is first asked for: in
 * on_informational, on_head, on_body or on_trailers, or at any later time if it
 * was asked for there or if the option |keep_certificate| was set.  On the
 * loop's thread; after the end on any.
 *
 * Returns AHTTP_OK, or sets |*out| to NULL and returns:
 *   AHTTP_ESTATE   there was no TLS, or no connection is held and the
 *                  certificate was not kept
 *   AHTTP_ENOMEM
 */
AHTTP_EXTERN int ahttp_call_certificate(ahttp_call *call,
                                        const ahttp_certificate **out);

/* The same of the call that |response| came with; lives with the response. */
AHTTP_EXTERN int ahttp_response_certificate(const ahttp_response *response,
                                            const ahttp_certificate **out);

#ifdef __cplusplus
}
#endif

#endif
