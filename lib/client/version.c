/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <ares.h>
#include <openssl/crypto.h>
#include <uv.h>
#include <zlib.h>
#ifdef HAVE_BROTLI
#  include <brotli/decode.h>
#endif
#ifdef HAVE_ZSTD
#  include <zstd.h>
#endif

#include <ahttp/version.h>

#include "client/public_suffix.h"
#include "http/h2_session.h"
#include "http/idna.h"

static char details[240];

#ifdef HAVE_BROTLI
/* As BrotliDecoderVersion() has it: 8 bits, 12 and 12. */
static void details_add_brotli(size_t len)
{
  uint32_t version = BrotliDecoderVersion();
  (void)snprintf(details + len, sizeof(details) - len, " brotli/%u.%u.%u",
                 (unsigned)(version >> 24), (unsigned)(version >> 12 & 0xfff),
                 (unsigned)(version & 0xfff));
}
#endif

#ifdef HAVE_ZSTD
static void details_add_zstd(size_t len)
{
  (void)snprintf(details + len, sizeof(details) - len, " zstd/%s",
                 ZSTD_versionString());
}
#endif

static void details_make(void)
{
  (void)snprintf(
      details, sizeof(details),
      "libahttp/%s libuv/%s nghttp2/%s OpenSSL/%s c-ares/%s zlib/%s "
      "%s %s",
      AHTTP_VERSION_STRING, uv_version_string(), ah_h2_library_version(),
      OpenSSL_version(OPENSSL_VERSION_STRING), ares_version(NULL),
      zlibVersion(), ah_idna_library_version(), ah_public_suffix_version());
#ifdef HAVE_BROTLI
  details_add_brotli(strlen(details));
#endif
#ifdef HAVE_ZSTD
  details_add_zstd(strlen(details));
#endif
}

const char *ahttp_version_string(void)
{
  return AHTTP_VERSION_STRING;
}

const char *ahttp_version_details(void)
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  (void)pthread_once(&once, details_make);
  return details;
}
