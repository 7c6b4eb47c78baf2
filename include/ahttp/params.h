/* SPDX-License-Identifier: MIT */
#ifndef AHTTP_PARAMS_H
#define AHTTP_PARAMS_H

#include <ahttp/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Query parameters: names and values in their order, a name as often as you
 * like.  Names and values are any bytes, UTF-8 by custom, not encoded; case
 * matters.  They are encoded as application/x-www-form-urlencoded (URL
 * standard, section 5): letters, digits and "*-._" stay, a space is "+",
 * everything else %XX.
 *
 * Not to be changed by one thread while another uses them.
 */

/* One parameter.  Both views live until the parameters are changed or freed and
 * are followed by a NUL byte. */
typedef struct ahttp_param {
  ahttp_str name;
  ahttp_str value;
} ahttp_param;

/* Makes an empty list.  Free with ahttp_params_free().  Returns AHTTP_OK and
 * sets |*out|, or sets it to NULL and returns AHTTP_ENOMEM. */
AHTTP_EXTERN int ahttp_params_new(ahttp_params **out);

/*
 * Makes a list of a query, |text|, whose leading "?" is dropped: pairs between
 * "&", of which empty ones are skipped; "a" is "a=".  Bytes that are no UTF-8
 * once decoded are kept.  Returns as ahttp_params_new().
 */
AHTTP_EXTERN int ahttp_params_parse(ahttp_params **out, ahttp_str text);

/* Makes a copy of |params|, NULL counting as empty.  Returns as
 * ahttp_params_new(). */
AHTTP_EXTERN int ahttp_params_copy(ahttp_params **out,
                                   const ahttp_params *params);

/* Frees |params|; NULL is allowed. */
AHTTP_EXTERN void ahttp_params_free(ahttp_params *params);

/* Appends a parameter; both texts are copied, and NULL counts as "".  Returns
 * AHTTP_OK or AHTTP_ENOMEM. */
AHTTP_EXTERN int ahttp_params_add(ahttp_params *params, const char *name,
                                  const char *value);

/* The same with views. */
AHTTP_EXTERN int ahttp_params_add_str(ahttp_params *params, ahttp_str name,
                                      ahttp_str value);

/*
 * Gives |name| this one value: in the place of the first parameter of that
 * name, the others being dropped, or at the end.  Returns AHTTP_OK, or
 * AHTTP_ENOMEM and nothing changed.
 */
AHTTP_EXTERN int ahttp_params_set(ahttp_params *params, const char *name,
                                  const char *value);

/* The same with views. */
AHTTP_EXTERN int ahttp_params_set_str(ahttp_params *params, ahttp_str name,
                                      ahttp_str value);

/* Drops every parameter called |name|.  Returns how many there were. */
AHTTP_EXTERN size_t ahttp_params_remove(ahttp_params *params, const char *name);

/*
 * Appends all of |from| (may be NULL) and drops those of the same names that
 * |params| had before.  Returns AHTTP_OK, or AHTTP_ENOMEM and nothing changed.
 */
AHTTP_EXTERN int ahttp_params_merge(ahttp_params *params,
                                    const ahttp_params *from);

/* Finds the first parameter called |name|.  Returns true and sets |*value|, or
 * false and sets it to an empty view.  |value| may be NULL; a NULL |params|
 * counts as empty, here and below. */
AHTTP_EXTERN bool ahttp_params_get(const ahttp_params *params, const char *name,
                                   ahttp_str *value);

/* Writes the values of |name| to |values|, |cap| at most, in their order.
 * Returns how many there are. */
AHTTP_EXTERN size_t ahttp_params_get_all(const ahttp_params *params,
                                         const char *name, ahttp_str *values,
                                         size_t cap);

/* How many parameters there are. */
AHTTP_EXTERN size_t ahttp_params_count(const ahttp_params *params);

/* The parameter at |index| (from 0); empty views past the end. */
AHTTP_EXTERN ahttp_param ahttp_params_at(const ahttp_params *params,
                                         size_t index);

/*
 * Encodes |params|.  Returns AHTTP_OK and sets |*out|, NUL-terminated and good
 * until the next call or ahttp_params_free(); or sets it to an empty view and
 * returns AHTTP_ENOMEM.
 */
AHTTP_EXTERN int ahttp_params_encode(ahttp_params *params, ahttp_str *out);

/*
 * Replaces the query of |url| by |params|; none, or NULL, remove it.  Returns
 * AHTTP_OK, or AHTTP_EURL (it would be too long) or AHTTP_ENOMEM and nothing
 * changed.
 */
AHTTP_EXTERN int ahttp_url_set_params(ahttp_url *url,
                                      const ahttp_params *params);

/*
 * Appends |params| (may be NULL) to the query of |url| and drops what it had of
 * the same names; the rest of it stays byte for byte.  Returns as
 * ahttp_url_set_params().
 */
AHTTP_EXTERN int ahttp_url_merge_params(ahttp_url *url,
                                        const ahttp_params *params);

#ifdef __cplusplus
}
#endif

#endif
