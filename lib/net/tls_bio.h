/* SPDX-License-Identifier: MIT */
#ifndef AH_NET_TLS_BIO_H
#define AH_NET_TLS_BIO_H

#include <openssl/bio.h>

#include "net/stream.h"

/*
 * The two ends OpenSSL reads and writes instead of a socket: a slice of bytes
 * that came from below, read in place, and the room of the stream below.
 * OpenSSL takes parts of records as they come, so the slice is empty whenever
 * it asks for more.
 */
typedef struct ah_tls_bio {
  const uint8_t *in; /* |in_len| bytes, borrowed, not read yet */
  size_t in_len;
  ah_stream *below;
  uint64_t out_bytes; /* committed to |below| so far */
  bool out_failed;    /* there was no memory for output; records are lost */
} ah_tls_bio;

/* A BIO on |ends|, which must outlive it, or NULL.  For SSL_set_bio(). */
BIO *ah_tls_bio_new(ah_tls_bio *ends);

#endif
