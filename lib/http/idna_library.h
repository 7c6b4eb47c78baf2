/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_IDNA_LIBRARY_H
#define AH_HTTP_IDNA_LIBRARY_H

/* What international host names take of libidn2 and libunistring, which are
 * loaded with the first such name. */

/* The IDNA library in use, such as "libidn2/2.3.3", or "no-IDNA" if it was left
 * out or cannot be loaded.  Static storage. */
const char *ah_idna_library_version(void);

#ifdef HAVE_LIBIDN2

#  include <idn2.h>
#  include <unictype.h>
#  include <uninorm.h>

#  include "base/shared_library.h"

#  define AH_IDN2_SYMBOLS(X) \
    X(idn2_check_version)    \
    X(idn2_free)             \
    X(idn2_lookup_u8)
#  define AH_UNISTRING_SYMBOLS(X)       \
    X(u32_normalize)                    \
    X(uc_bidi_class)                    \
    X(uc_combining_class)               \
    X(uc_is_general_category_withtable) \
    X(uc_joining_type)                  \
    X(uninorm_nfc)

typedef struct ah_idn2_symbols {
  AH_IDN2_SYMBOLS(AH_LIBRARY_MEMBER)
} ah_idn2_symbols;
typedef struct ah_unistring_symbols {
  AH_UNISTRING_SYMBOLS(AH_LIBRARY_MEMBER)
} ah_unistring_symbols;

extern ah_shared_library ah_idn2_library;

/* Set by ah_idna_library_load(). */
extern ah_idn2_symbols ah_idn2;
extern ah_unistring_symbols ah_unistring;

/* NULL, or why the libraries cannot be loaded. */
const char *ah_idna_library_load(void);

#endif

#endif
