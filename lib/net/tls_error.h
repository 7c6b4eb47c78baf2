/* SPDX-License-Identifier: MIT */
#ifndef AH_NET_TLS_ERROR_H
#define AH_NET_TLS_ERROR_H

#include <openssl/x509.h>

#include <ahttp/error.h>

/* Empties the thread's queue of OpenSSL's errors, before a call whose result
 * SSL_get_error() explains by it.  Looking first costs a tenth of emptying. */
void ah_tls_error_clear(void);

/*
 * Fills |*err| from OpenSSL's error queue and empties the queue: AHTTP_ETLS (or
 * AHTTP_ENOMEM) and the text of |format|, a colon and OpenSSL's reason.
 * Returns the code.
 */
int ah_tls_error_take(ahttp_error *err, ahttp_phase phase, const char *format,
                      ...) __attribute__((format(printf, 3, 4)));

/* Why a certificate was refused, noted while the chain is being verified,
 * because OpenSSL forgets it afterwards. */
typedef struct ah_tls_refusal {
  int result; /* X509_V_ERR_..., X509_V_OK: not refused */
  char reason[384];
} ah_tls_refusal;

/* From within a verify callback that was told of an error. */
void ah_tls_refusal_note(ah_tls_refusal *refusal, X509_STORE_CTX *chain);

/* Fills |*err| with AHTTP_ECERT for the certificate of |host| and empties the
 * queue.  Returns the code. */
int ah_tls_error_refused(ahttp_error *err, const ah_tls_refusal *refusal,
                         const char *host);

#endif
