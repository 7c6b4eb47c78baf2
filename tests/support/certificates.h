/* SPDX-License-Identifier: MIT */
#ifndef AH_TESTS_CERTIFICATES_H
#define AH_TESTS_CERTIFICATES_H

#include <stdbool.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

/*
 * Certificates made on the spot, with keys on the curve P-256.  What cannot be
 * made ends the program with a message: there is no test without them.
 */
typedef struct certificate {
  X509 *x509;
  EVP_PKEY *key;
} certificate;

typedef struct certificate_opts {
  const char *name;  /* common name */
  const char *names; /* subjectAltName, "DNS:a.example,IP:::1"; or NULL */
  const certificate *issuer; /* NULL: itself */
  bool is_ca;
  long from_s;  /* validity begins so many seconds from now; 0: a day ago */
  long until_s; /* and ends then; 0: in 30 days */
} certificate_opts;

void certificate_init(certificate *cert, const certificate_opts *opts);
void certificate_clear(certificate *cert);

/* An authority that is its own issuer. */
void certificate_init_ca(certificate *cert, const char *name);

/* Writes the certificate, or the key, as PEM. */
void certificate_write(const certificate *cert, const char *path);
void certificate_write_key(const certificate *cert, const char *path);

/* Writes the key encrypted with |password|, or both as PKCS#12. */
void certificate_write_locked_key(const certificate *cert, const char *path,
                                  const char *password);
void certificate_write_pkcs12(const certificate *cert, const char *path,
                              const char *password);

/* The certificate, or the key, as PEM text; for free(). */
char *certificate_text(const certificate *cert);
char *certificate_key_text(const certificate *cert);

/* What a real server and its clients need. */
typedef struct test_certificate_files {
  const char *ca_file;   /* the authority's certificate */
  const char *cert_file; /* for localhost, 127.0.0.1 and ::1 */
  const char *key_file;  /* its key */
} test_certificate_files;

/* Makes them in |dir|; static storage, until the next call. */
const test_certificate_files *test_certificates(const char *dir);

/* subjectAltName of whoever listens on the loopback. */
#define CERTIFICATE_LOOPBACK_NAMES "DNS:localhost,IP:127.0.0.1,IP:::1"

#endif
