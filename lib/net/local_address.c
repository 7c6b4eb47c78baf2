/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "net/local_address.h"

#include <string.h>

#include "base/str.h"

static ahttp_str str_without_brackets(ahttp_str text)
{
  bool is_bracketed =
      text.len > 2 && text.ptr[0] == '[' && text.ptr[text.len - 1] == ']';
  return is_bracketed ? ah_str(text.ptr + 1, text.len - 2) : text;
}

bool ah_local_address_parse(ah_local_address *out, ahttp_str text)
{
  memset(out, 0, sizeof(*out));
  ahttp_str element;
  bool has_any = false;
  while (ah_str_next_element(&text, &element)) {
    ah_address address;
    if (!ah_address_parse(&address, str_without_brackets(element), 0)) {
      return false;
    }
    ah_address *place = address.any.sa_family == AF_INET ? &out->v4 : &out->v6;
    if (place->any.sa_family != AF_UNSPEC) {
      return false; /* which one of two is not for us to choose */
    }
    *place = address;
    has_any = true;
  }
  return has_any;
}

unsigned ah_local_address_families(const ah_local_address *local)
{
  unsigned families = 0;
  if (local->v6.any.sa_family != AF_UNSPEC) {
    families |= AH_USE_V6;
  }
  if (local->v4.any.sa_family != AF_UNSPEC) {
    families |= AH_USE_V4;
  }
  return families == 0 ? AH_USE_ANY : families;
}

const ah_address *ah_local_address_for(const ah_local_address *local,
                                       int family)
{
  const ah_address *address = family == AF_INET ? &local->v4 : &local->v6;
  return address->any.sa_family == AF_UNSPEC ? NULL : address;
}
