/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "client/public_suffix.h"

#include <pthread.h>

#ifdef HAVE_LIBPSL
#  include <stdio.h>

#  include <libpsl.h>

#  include <ahttp/error.h>

#  include "base/shared_library.h"
#endif

#include "base/str.h"

/* The longest name of the DNS, with a dot at its end (RFC 1035, section 2.3.4);
 * a longer one has no registrable domain. */
enum {
  NAME_LEN_MAX = 254
};

/* Without a list: the last two labels, none of which is empty; a dot at the end
 * is no label. */
static size_t two_labels_len(const char *name)
{
  size_t len = strlen(name);
  size_t end = len > 0 && name[len - 1] == '.' ? len - 1 : len;
  size_t dots = 0;
  size_t at = end;
  size_t label_end = end;
  while (at > 0) {
    if (name[at - 1] == '.') {
      if (at == label_end) {
        return 0;
      }
      if (++dots == 2) {
        break;
      }
      label_end = at - 1;
    }
    at--;
  }
  bool has_two = dots == 2 || (dots == 1 && label_end > 0);
  return has_two ? len - at : 0;
}

#ifdef HAVE_LIBPSL

#  define PSL_SYMBOLS(X)        \
    X(psl_builtin)              \
    X(psl_check_version_number) \
    X(psl_latest)               \
    X(psl_registrable_domain)

static struct {
  PSL_SYMBOLS(AH_LIBRARY_MEMBER)
} psl;

static const char *const psl_names[] = {PSL_SYMBOLS(AH_LIBRARY_NAME)};

AH_LIBRARY_NOTE(psl_note, PSL_SONAME, "psl", "public suffixes of cookies");
ah_shared_library ah_psl_library =
    AH_SHARED_LIBRARY(PSL_SONAME, "libpsl5", psl_names, &psl);

/* Both of the library that was loaded; NULL and this text without it. */
static const psl_ctx_t *list;
static char version[32] = "no-libpsl";

/* Once a process, kept to its end.  psl_latest() reads a file of 40 KB. */
static void list_load(void)
{
  if (ah_shared_library_load(&ah_psl_library) != AHTTP_OK) {
    return;
  }
  list = psl.psl_latest(NULL);
  if (list == NULL) {
    list = psl.psl_builtin();
  }
  unsigned number = (unsigned)psl.psl_check_version_number(0);
  (void)snprintf(version, sizeof(version), "libpsl/%u.%u.%u", number >> 16,
                 number >> 8 & 0xff, number & 0xff);
}

static void list_load_once(void)
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  (void)pthread_once(&once, list_load);
}

/* The length of |name|'s registrable domain, 0 for none. */
static size_t registrable_len(const char *name)
{
  list_load_once();
  if (list == NULL) {
    return two_labels_len(name);
  }
  const char *domain = psl.psl_registrable_domain(list, name);
  return domain == NULL ? 0 : strlen(domain);
}

const char *ah_public_suffix_version(void)
{
  list_load_once();
  return version;
}

#else

static size_t registrable_len(const char *name)
{
  return two_labels_len(name);
}

const char *ah_public_suffix_version(void)
{
  return "no-libpsl";
}

#endif

ahttp_str ah_registrable_domain(ahttp_str host)
{
  char name[NAME_LEN_MAX + 1];
  if (host.len > NAME_LEN_MAX) {
    return ah_str(NULL, 0);
  }
  memcpy(name, host.ptr, host.len);
  name[host.len] = '\0';
  size_t len = registrable_len(name);
  return ah_str(host.ptr + host.len - len, len);
}
