/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "http/content_coding.h"

#include <stdatomic.h>

#include <ahttp/error.h>

#include "base/str.h"

/* What is built in.  The order of Accept-Encoding is HTTPX's. */
static const struct {
  ahttp_str name;
  ah_coding coding;
} known_codings[] = {
    {{"gzip", 4}, AH_CODING_GZIP},
    {{"x-gzip", 6}, AH_CODING_GZIP}, /* RFC 9110, section 8.4.1.3 */
    {{"deflate", 7}, AH_CODING_DEFLATE},
#ifdef HAVE_BROTLI
    {{"br", 2}, AH_CODING_BR},
#endif
#ifdef HAVE_ZSTD
    {{"zstd", 4}, AH_CODING_ZSTD},
#endif
};

enum {
  KNOWN_CODINGS = sizeof(known_codings) / sizeof(known_codings[0])
};

void ah_codings_init(ah_codings *codings)
{
  *codings = (ah_codings){.count = 0};
}

static void codings_add_one(ah_codings *codings, ahttp_str name)
{
  if (ah_str_ieq(name, AH_STR("identity"))) {
    return;
  }
  for (size_t i = 0; i < KNOWN_CODINGS; i++) {
    if (!ah_str_ieq(name, known_codings[i].name)) {
      continue;
    }
    if (codings->count == AH_CODINGS_MAX) {
      codings->has_too_many = true;
    } else {
      codings->items[codings->count++] = known_codings[i].coding;
    }
    return;
  }
  codings->has_unknown = true;
}

void ah_codings_add(ah_codings *codings, ahttp_str value)
{
  ahttp_str name;
  while (ah_str_next_element(&value, &name)) {
    codings_add_one(codings, name);
  }
}

bool ah_codings_are_for_us(const ah_codings *codings)
{
  return codings->count > 0 && !codings->has_unknown;
}

/* Bits of codings. */
static atomic_uint withdrawn;

bool ah_coding_load(ah_coding coding, ah_shared_library *library)
{
  bool is_there = ah_shared_library_load(library) == AHTTP_OK;
  if (!is_there) {
    atomic_fetch_or(&withdrawn, 1u << coding);
  }
  return is_there;
}

bool ah_coding_is_any_withdrawn(void)
{
  return atomic_load_explicit(&withdrawn, memory_order_relaxed) != 0;
}

ahttp_str ah_accept_encoding(void)
{
  unsigned offered = ~atomic_load_explicit(&withdrawn, memory_order_relaxed);
#ifndef HAVE_BROTLI
  offered &= ~(1u << AH_CODING_BR);
#endif
#ifndef HAVE_ZSTD
  offered &= ~(1u << AH_CODING_ZSTD);
#endif
  bool has_br = (offered & 1u << AH_CODING_BR) != 0;
  bool has_zstd = (offered & 1u << AH_CODING_ZSTD) != 0;
  if (has_br) {
    return has_zstd ? AH_STR("gzip, deflate, br, zstd")
                    : AH_STR("gzip, deflate, br");
  }
  return has_zstd ? AH_STR("gzip, deflate, zstd") : AH_STR("gzip, deflate");
}
