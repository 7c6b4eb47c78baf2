/* SPDX-License-Identifier: MIT */
#ifndef AH_NET_TLS_OPTIONS_H
#define AH_NET_TLS_OPTIONS_H

#include <ahttp/error.h>
#include <ahttp/tls.h>

/*
 * TLS options as a value: copied, compared, checked.  Everything here goes
 * through one list of all members in tls_options.c, so that no option can be
 * forgotten in one of them.
 */

/*
 * Copies |in| (NULL: the defaults) with its strings, whatever its size is.
 * AHTTP_OK, or AHTTP_ENOMEM, or AHTTP_EINVAL if it is from a newer header;
 * clear
 * |*out| in any case.
 */
int ah_tls_options_copy(ahttp_tls_opts *out, const ahttp_tls_opts *in);

/* Frees the strings of a copy, after wiping them: some are secrets. */
void ah_tls_options_clear(ahttp_tls_opts *opts);

/* True if the two say the same in every option. */
bool ah_tls_options_equal(const ahttp_tls_opts *a, const ahttp_tls_opts *b);

/* True if there is something in them that could turn out to be wrong. */
bool ah_tls_options_are_fallible(const ahttp_tls_opts *opts);

/* What can be told without OpenSSL or a file: AHTTP_OK, or fills |*err| with
 * AHTTP_EINVAL and returns it. */
int ah_tls_options_check(const ahttp_tls_opts *opts, ahttp_error *err);

/* Fills |*err| with AHTTP_ETLS if |path|, not NULL, cannot be read; |what| says
 * in the sentence what it is.  Returns the code. */
int ah_tls_path_check(const char *path, const char *what, ahttp_error *err);

#endif
