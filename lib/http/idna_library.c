/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "http/idna_library.h"

#ifdef HAVE_LIBIDN2

#  include <pthread.h>
#  include <stdio.h>

#  include <ahttp/error.h>

ah_idn2_symbols ah_idn2;
ah_unistring_symbols ah_unistring;

static const char *const idn2_names[] = {AH_IDN2_SYMBOLS(AH_LIBRARY_NAME)};
static const char *const unistring_names[] = {
    AH_UNISTRING_SYMBOLS(AH_LIBRARY_NAME)};

AH_LIBRARY_NOTE(idn2_note, IDN2_SONAME, "idn", "international host names");
ah_shared_library ah_idn2_library =
    AH_SHARED_LIBRARY(IDN2_SONAME, "libidn2-0", idn2_names, &ah_idn2);

/* libidn2 stands on it, so that it is there and loaded if that is. */
AH_LIBRARY_NOTE(unistring_note, UNISTRING_SONAME, "idn",
                "international host names");
static ah_shared_library unistring_library = AH_SHARED_LIBRARY(
    UNISTRING_SONAME, "libidn2-0", unistring_names, &ah_unistring);

const char *ah_idna_library_load(void)
{
  if (ah_shared_library_load(&ah_idn2_library) != AHTTP_OK) {
    return ah_idn2_library.why;
  }
  if (ah_shared_library_load(&unistring_library) != AHTTP_OK) {
    return unistring_library.why;
  }
  return NULL;
}

static char version[32];

static void version_make(void)
{
  (void)snprintf(version, sizeof(version), "libidn2/%s",
                 ah_idn2.idn2_check_version(NULL));
}

const char *ah_idna_library_version(void)
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  if (ah_idna_library_load() != NULL) {
    return "no-IDNA";
  }
  (void)pthread_once(&once, version_make);
  return version;
}

#else

const char *ah_idna_library_version(void)
{
  return "no-IDNA";
}

#endif
