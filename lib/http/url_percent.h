/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_URL_PERCENT_H
#define AH_HTTP_URL_PERCENT_H

#include <stdbool.h>

#include <ahttp/types.h>

/* The percent-encode sets (URL standard, section 1.3) and the code points hosts
 * may not have (section 3.1), as bits of ah_url_set_table. */
enum {
  AH_URL_SET_C0 = 1, /* opaque hosts and paths */
  AH_URL_SET_FRAGMENT = 2,
  AH_URL_SET_QUERY = 4,
  AH_URL_SET_SPECIAL_QUERY = 8,
  AH_URL_SET_PATH = 16,
  AH_URL_SET_USERINFO = 32,
  AH_URL_FORBIDDEN_HOST = 64,
  AH_URL_FORBIDDEN_DOMAIN = 128
};
extern const uint8_t ah_url_set_table[256];

static inline bool ah_url_set_has(unsigned set, char c)
{
  return (ah_url_set_table[(uint8_t)c] & set) != 0;
}

/* Writes |text| to |dst|, which has room for 3 * |text.len| bytes, with every
 * byte of |set| as %XX.  Returns how many bytes it wrote. */
size_t ah_url_percent_encode(char *dst, ahttp_str text, unsigned set);

/* Writes |text| to |dst|, which has room for |text.len| bytes and may be its
 * own memory, with every %XX as a byte.  Returns how many bytes it wrote. */
size_t ah_url_percent_decode(char *dst, ahttp_str text);

#endif
