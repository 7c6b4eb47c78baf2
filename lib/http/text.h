/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_TEXT_H
#define AH_HTTP_TEXT_H

#include "base/buf.h"

/* The charset that a byte order mark at the beginning of |text| stands for
 * (Encoding Standard, "BOM sniff"), and its length; empty and 0 if none does.
 */
ahttp_str ah_text_bom(ahttp_str text, size_t *bom_len);

/* True if |charset| can be decoded. */
bool ah_text_knows(ahttp_str charset);

/*
 * Appends |text|, which is in |charset|, as UTF-8; what is not well-formed
 * becomes U+FFFD.  AHTTP_OK, AHTTP_EINVAL if |charset| is not known, or
 * AHTTP_ENOMEM.
 */
int ah_text_decode(ah_buf *out, ahttp_str charset, ahttp_str text);

#endif
