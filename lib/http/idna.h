/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_IDNA_H
#define AH_HTTP_IDNA_H

#include <stdbool.h>

#include "base/arena.h"

/*
 * Internationalized domain names by UTS 46, as the URL standard wants them
 * (section 3.3, "domain to ASCII" with beStrict false): non-transitional,
 * CheckBidi and CheckJoiners, but no CheckHyphens, no UseSTD3ASCIIRules and no
 * VerifyDnsLength.  The libraries it takes are loaded when they are first
 * needed (http/idna_library.h).
 */

/*
 * Sets |*out| to the ASCII form of |domain|, UTF-8 with something beyond ASCII,
 * in |arena|.  Which ASCII characters a host may have is not looked at.
 * AHTTP_OK; AHTTP_EURL and the reason in |*why|; or AHTTP_ENOMEM.
 */
int ah_idna_to_ascii(ahttp_str *out, ah_arena *arena, ahttp_str domain,
                     const char **why);

/*
 * Writes the U-label that the A-label |label| ("xn--...") stands for to |dst|,
 * which has room for |cap| bytes, as UTF-8.  Returns how many bytes it wrote; 0
 * if |label| is not the A-label of a valid one or there is no room.
 */
size_t ah_idna_label_to_unicode(char *dst, size_t cap, ahttp_str label);

#endif
