/* SPDX-License-Identifier: MIT */
#ifndef AHTTP_FIELDS_H
#define AHTTP_FIELDS_H

#include <ahttp/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Field lines in the order they came (RFC 9110, section 5).  Names compare
 * without case; a name may occur several times.  A list belongs to its request
 * or response and lives as long as that.
 */

/* One field line.  Both views live as long as their list and are followed by a
 * NUL byte. */
typedef struct ahttp_field {
  ahttp_str name;
  ahttp_str value;
} ahttp_field;

/* How many field lines |fields| has.  NULL counts as empty. */
AHTTP_EXTERN size_t ahttp_fields_count(const ahttp_fields *fields);

/* The field line at |index| (from 0); empty views past the end. */
AHTTP_EXTERN ahttp_field ahttp_fields_at(const ahttp_fields *fields,
                                         size_t index);

/*
 * Finds the first field line called |name| (a C string, any case).  Returns
 * true and sets |*value|, or false and sets it to an empty view.  |value| may
 * be NULL.
 */
AHTTP_EXTERN bool ahttp_fields_get(const ahttp_fields *fields, const char *name,
                                   ahttp_str *value);

#ifdef __cplusplus
}
#endif

#endif
