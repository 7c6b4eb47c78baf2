/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_IDNA_LABEL_H
#define AH_HTTP_IDNA_LABEL_H

#include <stdbool.h>

#include <ahttp/types.h>

/* What UTS 46 demands of the labels of a domain besides the status of their
 * code points.  All but the last are of one label, |count| code points. */

/* Validity criterion 5: it does not begin with a combining mark. */
bool ah_idna_label_begins_well(const uint32_t *points, size_t count);

/* CheckJoiners: the ContextJ rules of RFC 5892, appendix A.1 and A.2. */
bool ah_idna_label_joins_well(const uint32_t *points, size_t count);

/* Whether it makes its domain a Bidi domain (RFC 5893, section 1.4). */
bool ah_idna_label_is_bidi(const uint32_t *points, size_t count);

/* CheckBidi: the rule of RFC 5893, section 2, for labels of Bidi domains. */
bool ah_idna_label_obeys_bidi(const uint32_t *points, size_t count);

#endif
