/* SPDX-License-Identifier: MIT */
#ifndef AH_NET_TRUST_STORE_H
#define AH_NET_TRUST_STORE_H

#include <openssl/x509.h>

#include <ahttp/error.h>

/*
 * The certificates that are trusted.  There is one store per process and place
 * they come from, shared by all who ask at the same time and loaded by the
 * first.  Any thread.
 */
typedef struct ah_trust_store ah_trust_store;

/* Where certificates come from; NULL: not from there. */
typedef struct ah_trust_source {
  const char *file; /* PEM file */
  const char *dir;  /* hashed directory */
  const char *pem;  /* the PEM text itself */
} ah_trust_source;

/*
 * The store of all that |source| names, or, if that is nothing, of
 * SSL_CERT_FILE and SSL_CERT_DIR, or, if neither is set, of the system.  A file
 * that has changed since it was loaded is loaded anew.
 *
 * Returns AHTTP_OK, AHTTP_ENOMEM, or AHTTP_ETLS if it cannot be loaded, and
 * fills |*err| then.
 */
int ah_trust_store_acquire(ah_trust_store **out, const ah_trust_source *source,
                           ahttp_error *err);

/* NULL is allowed. */
void ah_trust_store_release(ah_trust_store *store);

/* Borrowed. */
X509_STORE *ah_trust_store_x509(const ah_trust_store *store);

#endif
