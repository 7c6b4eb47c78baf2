/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "http/url_percent.h"

#include <string.h>

#include "base/str.h"

/* The kinds of bytes, by the sets they are in.  Each set is the one before it
 * with a few more, so there are not many. */
enum {
  PU = AH_URL_SET_PATH | AH_URL_SET_USERINFO,
  QS = AH_URL_SET_QUERY | AH_URL_SET_SPECIAL_QUERY,
  FH = AH_URL_FORBIDDEN_HOST | AH_URL_FORBIDDEN_DOMAIN,
  U = AH_URL_SET_C0 | AH_URL_SET_FRAGMENT | QS | PU, /* not ASCII */
  C = U | AH_URL_FORBIDDEN_DOMAIN,                   /* controls */
  Z = U | FH,                                        /* NUL TAB LF CR */
  O = AH_URL_SET_FRAGMENT | QS | PU,                 /* the quotation mark */
  S = O | FH,                                        /* SP < > */
  H = QS | PU | FH,                                  /* # */
  A = AH_URL_SET_SPECIAL_QUERY,                      /* ' */
  P = AH_URL_FORBIDDEN_DOMAIN,                       /* % */
  W = PU | FH,                                       /* ? ^ */
  B = PU,                                            /* { } */
  G = AH_URL_SET_FRAGMENT | PU,                      /* ` */
  I = AH_URL_SET_USERINFO,                           /* ; = */
  L = I | FH                                         /* / : @ [ \ ] | */
};

/* clang-format off */
const uint8_t ah_url_set_table[256] = {
  /* 00 */ Z, C, C, C, C, C, C, C, C, Z, Z, C, C, Z, C, C,
  /* 10 */ C, C, C, C, C, C, C, C, C, C, C, C, C, C, C, C,
  /* sp */ S, 0, O, H, 0, P, 0, A, 0, 0, 0, 0, 0, 0, 0, L,
  /* 0  */ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, L, I, S, I, S, W,
  /* @  */ L, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
  /* P  */ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, L, L, L, W, 0,
  /* `  */ G, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
  /* p  */ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, B, L, B, 0, C,
  /* 80 */ U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U,
  /* 90 */ U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U,
  /* a0 */ U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U,
  /* b0 */ U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U,
  /* c0 */ U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U,
  /* d0 */ U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U,
  /* e0 */ U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U,
  /* f0 */ U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U,
};
/* clang-format on */

size_t ah_url_percent_encode(char *dst, ahttp_str text, unsigned set)
{
  static const char digits[] = "0123456789ABCDEF";
  char *out = dst;
  for (size_t i = 0; i < text.len; i++) {
    char c = text.ptr[i];
    if (!ah_url_set_has(set, c)) {
      *out++ = c;
      continue;
    }
    *out++ = '%';
    *out++ = digits[(uint8_t)c >> 4];
    *out++ = digits[(uint8_t)c & 15];
  }
  return (size_t)(out - dst);
}

size_t ah_url_percent_decode(char *dst, ahttp_str text)
{
  size_t len = 0;
  for (size_t i = 0; i < text.len; i++) {
    char c = text.ptr[i];
    if (c == '%' && text.len - i > 2) {
      int high = ah_char_hex((uint8_t)text.ptr[i + 1]);
      int low = ah_char_hex((uint8_t)text.ptr[i + 2]);
      if (high >= 0 && low >= 0) {
        c = (char)(high << 4 | low);
        i += 2;
      }
    }
    dst[len++] = c;
  }
  return len;
}
