/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "client/public_suffix.h"

#include <pthread.h>

#ifdef HAVE_LIBPSL
#  include <libpsl.h>
#endif

#include "base/str.h"

/* The longest name of the DNS, with a dot at its end (RFC 1035, section 2.3.4);
 * a longer one has no registrable domain. */
enum {
  NAME_LEN_MAX = 254
};

#ifdef HAVE_LIBPSL

static const psl_ctx_t *list;

/* Once a process, kept to its end.  psl_latest() reads a file of 40 KB. */
static void list_load(void)
{
  list = psl_latest(NULL);
  if (list == NULL) {
    list = psl_builtin();
  }
}

/* The length of |name|'s registrable domain, 0 for none. */
static size_t registrable_len(const char *name)
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  (void)pthread_once(&once, list_load);
  const char *domain = psl_registrable_domain(list, name);
  return domain == NULL ? 0 : strlen(domain);
}

const char *ah_public_suffix_version(void)
{
  return "libpsl/" PSL_VERSION;
}

#else

/* The last two labels, none of which is empty; a dot at the end is no label. */
static size_t registrable_len(const char *name)
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
