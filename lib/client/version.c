/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <pthread.h>
#include <stdio.h>

#include <ares.h>
#include <openssl/crypto.h>
#include <uv.h>
#include <zlib.h>

#include <ahttp/version.h>

#include "client/public_suffix.h"
#include "http/decoder_step.h"
#include "http/h2_session.h"
#include "http/idna_library.h"

static char details[240];

static void details_make(void)
{
  char brotli[32];
  char zstd[32];
  ah_brotli_version(brotli, sizeof(brotli));
  ah_zstd_version(zstd, sizeof(zstd));
  (void)snprintf(details, sizeof(details),
                 "libahttp/%s libuv/%s nghttp2/%s OpenSSL/%s c-ares/%s zlib/%s "
                 "%s %s%s%s",
                 AHTTP_VERSION_STRING, uv_version_string(),
                 ah_h2_library_version(),
                 OpenSSL_version(OPENSSL_VERSION_STRING), ares_version(NULL),
                 zlibVersion(), ah_idna_library_version(),
                 ah_public_suffix_version(), brotli, zstd);
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
