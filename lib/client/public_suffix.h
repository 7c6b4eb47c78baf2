/* SPDX-License-Identifier: MIT */
#ifndef AH_CLIENT_PUBLIC_SUFFIX_H
#define AH_CLIENT_PUBLIC_SUFFIX_H

#include <ahttp/types.h>

#ifdef HAVE_LIBPSL
#  include "base/shared_library.h"

extern ah_shared_library ah_psl_library;
#endif

/*
 * An ah_registrable_fn by the public suffix list (publicsuffix.org) that
 * libpsl has: the system's, if that is newer than the one built in.  libpsl is
 * loaded with the first call; without it every top-level domain is a public
 * suffix, and nothing else is.  Any thread.
 */
ahttp_str ah_registrable_domain(ahttp_str host);

/* Which list that is: "libpsl/0.21.2", or "no-libpsl".  Static storage. */
const char *ah_public_suffix_version(void);

#endif
