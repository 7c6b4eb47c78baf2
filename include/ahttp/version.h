/* SPDX-License-Identifier: MIT */
#ifndef AHTTP_VERSION_H
#define AHTTP_VERSION_H

#include <ahttp/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of these headers. */
#define AHTTP_VERSION_MAJOR 0
#define AHTTP_VERSION_MINOR 1
#define AHTTP_VERSION_PATCH 0
#define AHTTP_VERSION_STRING "0.1.0"

/* The version of the library in use, such as "0.1.0".  Static storage. */
AHTTP_EXTERN const char *ahttp_version_string(void);

/*
 * The library and what it is built on, one line such as
 * "libahttp/0.1.0 libuv/1.44.2 nghttp2/1.52.0 OpenSSL/3.0.15 c-ares/1.18.1
 * zlib/1.2.13 libidn2/2.3.3 libpsl/0.21.2 brotli/1.0.9 zstd/1.5.4".  Without
 * libidn2 it says "no-IDNA" instead, without libpsl "no-libpsl"; the last two
 * are there if they are built in.  All four are loaded for it; one that cannot
 * be is as if it were not built in.  Static storage.
 */
AHTTP_EXTERN const char *ahttp_version_details(void);

#ifdef __cplusplus
}
#endif

#endif
