/* SPDX-License-Identifier: MIT */
#ifndef AH_NET_TLS_PROFILE_H
#define AH_NET_TLS_PROFILE_H

#include <ahttp/error.h>
#include <ahttp/tls.h>

#include "net/stream.h"

/*
 * TLS settings, complete: two connections may be taken for each other only if
 * their profiles are equal.  OpenSSL is not touched until the first stream.
 * Profiles with the same trust share one store per process, which is loaded
 * once, lazily.  A profile keeps the sessions to resume, by server.
 */
typedef struct ah_tls_profile ah_tls_profile;

/*
 * Makes one from |opts| (NULL: the defaults), copied.  Returns AHTTP_OK, or
 *   AHTTP_EINVAL  |opts| is from a newer header
 *   AHTTP_ENOMEM
 * Whether what it names can be used turns out at the first stream, or by:
 */
int ah_tls_profile_new(ah_tls_profile **out, const ahttp_tls_opts *opts);

/* Tries everything in the options that could be wrong, now.  AHTTP_OK, or fills
 * |*err| with AHTTP_EINVAL, AHTTP_ENOMEM or AHTTP_ETLS and returns it. */
int ah_tls_profile_check(ah_tls_profile *profile, ahttp_error *err);

ah_tls_profile *ah_tls_profile_ref(ah_tls_profile *profile);
/* NULL is allowed. */
void ah_tls_profile_unref(ah_tls_profile *profile);

/* True if the two say the same in every option. */
bool ah_tls_profile_equal(const ah_tls_profile *a, const ah_tls_profile *b);

/* What streams make of it: OpenSSL's context, made at the first call.  AHTTP_OK
 * and |*out|, borrowed; or fills |*err| and returns its code. */
struct ssl_ctx_st;
int ah_tls_profile_context(ah_tls_profile *profile, struct ssl_ctx_st **out,
                           ahttp_error *err);

/* The sessions of its servers. */
struct ah_tls_session_cache;
struct ah_tls_session_cache *ah_tls_profile_sessions(ah_tls_profile *profile);

/* Its options, complete; they live with it. */
const ahttp_tls_opts *ah_tls_profile_opts(const ah_tls_profile *profile);

typedef struct ah_tls_stream_opts {
  ahttp_str host;  /* for SNI and verification, without brackets; copied */
  ahttp_str sni;   /* instead of |host|; copied; empty: the profile's, if it has
                      one */
  uint16_t port;   /* with the host, what sessions are kept by */
  bool host_is_ip; /* verify as an IP address, send no SNI (RFC 6066) */
  bool offer_h2;   /* ALPN */
  bool offer_http1_1;
} ah_tls_stream_opts;

/*
 * Puts TLS on |below|, which it owns from now on, also when it fails.  The
 * handshake begins at once and goes on while the stream is resumed; on_open
 * when it is done, on_error if it fails.  Nothing may be written before
 * on_open. Returns AHTTP_OK, or fills |*err| (not NULL) and returns its code.
 */
int ah_tls_stream_new(ah_stream **out, ah_stream *below,
                      ah_tls_profile *profile, const ah_tls_stream_opts *opts,
                      ahttp_error *err);

#endif
