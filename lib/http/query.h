/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_QUERY_H
#define AH_HTTP_QUERY_H

#include <ahttp/params.h>

#include "base/buf.h"
#include "http/url.h"

/*
 * Queries as application/x-www-form-urlencoded (URL standard, section 5): pairs
 * between "&", a name and a value around the first "=".
 */

/* A pair as it is written; |name| and |value| are encoded. */
typedef struct ah_query_pair {
  ahttp_str text;
  ahttp_str name;
  ahttp_str value;
} ah_query_pair;

/* Cuts the next pair that is not empty off |*rest|.  False at the end. */
bool ah_query_next_pair(ahttp_str *rest, ah_query_pair *out);

/* Writes |text| decoded to |dst|, which has |text.len| bytes: "+" is a space,
 * %XX a byte.  Returns how many bytes it wrote. */
size_t ah_query_decode(char *dst, ahttp_str text);

/* Appends |text| encoded.  AHTTP_OK, AHTTP_ELIMIT or AHTTP_ENOMEM. */
int ah_query_encode(ah_buf *buf, ahttp_str text);

/*
 * Appends the pairs of |under| whose names |over| does not have, then |over|,
 * all of them byte for byte.  AHTTP_OK, AHTTP_ELIMIT or AHTTP_ENOMEM.
 */
int ah_query_merge(ah_buf *buf, ahttp_str under, ahttp_str over);

/* Appends |params| (NULL: none) encoded.  The same results. */
int ah_params_write(const ahttp_params *params, ah_buf *buf);

/* What |buf| holds. */
ahttp_str ah_query_view(const ah_buf *buf);

/*
 * Sets |*out|, its bytes in |arena|, to |url| with those pairs of the query
 * |under| whose names its own query does not have in front of that.  AHTTP_OK,
 * AHTTP_EURL if it would be too long, or AHTTP_ENOMEM.
 */
int ah_url_put_query_under(ahttp_url *out, ah_arena *arena,
                           const ahttp_url *url, ahttp_str under);

/* The same with |params|, but these replace those of their names and come
 * last. */
int ah_url_merge_params(ahttp_url *out, ah_arena *arena, const ahttp_url *url,
                        const ahttp_params *params);

#endif
