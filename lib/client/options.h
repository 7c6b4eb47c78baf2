/* SPDX-License-Identifier: MIT */
#ifndef AH_CLIENT_OPTIONS_H
#define AH_CLIENT_OPTIONS_H

#include <ahttp/client.h>

#include "client/place.h"
#include "client/retrier.h"

/*
 * Options as the client uses them: every member has a value, no "0: default".
 * Durations and counts are UINT32_MAX for "no limit".
 */

/* How one send behaves. */
typedef struct ah_send_settings {
  uint32_t connect_ms;
  uint32_t read_ms;
  uint32_t write_ms;
  uint32_t pool_ms;
  uint32_t total_ms;
  uint32_t redirects_max;   /* 0: none are followed */
  unsigned interceptors;    /* bits of ah_place that a send uses */
  const ahttp_trace *trace; /* the caller's, while the call is made; NULL: the
                               client's */
  ahttp_str sni;         /* for TLS at the request's host; empty: the URL's */
  bool keep_certificate; /* of the server, to the end of the call */
  bool refuse_downgrade; /* do not follow from https to http */
  const ah_retry_settings *retry;     /* NULL: nothing is sent again */
  const ahttp_retry_opts *retry_opts; /* the caller's instead of it, while a
                                         call is made; or NULL */
  uint32_t connect_retries;
  const char *local_address; /* the caller's while a call is made; or NULL */
  ahttp_auth *auth;          /* borrowed; NULL: none */
  bool decode;               /* content codings are undone */
  uint64_t expect_bytes;     /* content of so many waits for a 100 */
} ah_send_settings;

/*
 * Copies a sized struct of a caller who may have been compiled against an older
 * header: members past |in|'s size become zero.  |in| may be NULL.  AHTTP_OK,
 * or AHTTP_EINVAL if |in| is from a newer header.
 */
int ah_opts_copy(void *out, size_t out_size, const void *in);

/* Fills what |opts| leaves at 0 with the defaults of client.h. */
void ah_client_opts_default(ahttp_client_opts *opts);

/* AHTTP_EINVAL if |opts| contradicts itself. */
int ah_client_opts_check(const ahttp_client_opts *opts);

/* The client's own settings for a send. */
void ah_send_settings_init(ah_send_settings *settings,
                           const ahttp_client_opts *opts);

/* Puts what |opts| (may be NULL) says over |settings|, which borrows its
 * strings.  AHTTP_OK or
 * AHTTP_EINVAL. */
int ah_send_settings_override(ah_send_settings *settings,
                              const ahttp_send_opts *opts);

/* Copies what an options struct is given out in part: to |out|, whose first
 * member says how much of |full| (|full_size| bytes) it has room for. */
void ah_sized_copy_out(void *out, const void *full, size_t full_size);

#endif
