/* SPDX-License-Identifier: MIT */
/*
 * Text in a charset, as UTF-8.  UTF-8 itself is only checked, by the Encoding
 * Standard's rules; all others are the C library's iconv's, under the names it
 * knows.  A byte, or a unit of UTF-16 and UTF-32, that begins nothing becomes
 * U+FFFD, and so does the rest of a text that is cut short.
 */
#include "config.h"
#include "http/text.h"

#include <errno.h>
#include <iconv.h>

#include <ahttp/error.h>
#include <ahttp/message.h>

#include "base/str.h"
#include "http/utf8.h"

enum {
  CHARSET_BYTES_MAX = 64, /* IANA's longest name has 45 */
  ROUND_BYTES = 4096      /* what is converted at a time */
};

#define REPLACEMENT "\xef\xbf\xbd"

ahttp_str ah_text_bom(ahttp_str text, size_t *bom_len)
{
  static const struct {
    ahttp_str bom;
    ahttp_str charset;
  } boms[] = {
      {{"\xef\xbb\xbf", 3}, {"utf-8", 5}},
      {{"\xfe\xff", 2}, {"utf-16be", 8}},
      {{"\xff\xfe", 2}, {"utf-16le", 8}},
  };
  for (size_t i = 0; i < sizeof(boms) / sizeof(boms[0]); i++) {
    ahttp_str bom = boms[i].bom;
    if (text.len >= bom.len && memcmp(text.ptr, bom.ptr, bom.len) == 0) {
      *bom_len = bom.len;
      return boms[i].charset;
    }
  }
  *bom_len = 0;
  return (ahttp_str){NULL, 0};
}

static bool is_utf8(ahttp_str charset)
{
  return ah_str_ieq(charset, AH_STR("utf-8")) ||
         ah_str_ieq(charset, AH_STR("utf8"));
}

/* iconv's converter; (iconv_t)-1 if there is none.  A name with more than
 * letters, digits and "-_.:+" could ask iconv for more than a charset. */
static iconv_t open_charset(ahttp_str charset)
{
  char name[CHARSET_BYTES_MAX];
  bool is_name = charset.len > 0 && charset.len < sizeof(name);
  for (size_t i = 0; i < charset.len && is_name; i++) {
    uint8_t c = (uint8_t)charset.ptr[i];
    is_name = ah_char_is(c, AH_CHAR_ALPHA | AH_CHAR_DIGIT) || c == '-' ||
              c == '_' || c == '.' || c == ':' || c == '+';
  }
  if (!is_name) {
    errno = EINVAL;
    return (iconv_t)-1;
  }
  memcpy(name, charset.ptr, charset.len);
  name[charset.len] = '\0';
  return iconv_open("UTF-8", name);
}

bool ah_text_knows(ahttp_str charset)
{
  if (is_utf8(charset)) {
    return true;
  }
  iconv_t converter = open_charset(charset);
  if (converter == (iconv_t)-1) {
    return errno == ENOMEM; /* then decoding will say so */
  }
  (void)iconv_close(converter);
  return true;
}

static int check_utf8(ah_buf *out, ahttp_str text)
{
  const uint8_t *data = (const uint8_t *)text.ptr;
  size_t good = 0;
  size_t at = 0;
  int rv = AHTTP_OK;
  while (at < text.len && rv == AHTTP_OK) {
    size_t used;
    bool is_good = ah_utf8_next(data + at, text.len - at, &used);
    at += used;
    if (!is_good) {
      rv = ah_buf_append(out, data + good, at - used - good);
      if (rv == AHTTP_OK) {
        rv = ah_buf_append(out, REPLACEMENT, 3);
      }
      good = at;
    }
  }
  return rv == AHTTP_OK ? ah_buf_append(out, data + good, at - good) : rv;
}

/* How long a unit of |charset| is: what is passed over when it means nothing.
 */
static size_t unit_of(ahttp_str charset)
{
  if (charset.len >= 6 &&
      ah_str_ieq(ah_str(charset.ptr, 6), AH_STR("utf-16"))) {
    return 2;
  }
  if (charset.len >= 6 &&
      ah_str_ieq(ah_str(charset.ptr, 6), AH_STR("utf-32"))) {
    return 4;
  }
  return 1;
}

/* One call of iconv; what it stops at is replaced. */
static int convert_some(ah_buf *out, iconv_t converter, ahttp_str *text,
                        size_t unit)
{
  char room[ROUND_BYTES];
  char *to = room;
  size_t to_len = sizeof(room);
  /* iconv() does not write there, whatever its type says. */
  union {
    const char *given;
    char *taken;
  } from = {.given = text->ptr};
  size_t rv = iconv(converter, &from.taken, &text->len, &to, &to_len);
  int error = rv == (size_t)-1 ? errno : 0;
  text->ptr = from.given;
  int append_rv = ah_buf_append(out, room, sizeof(room) - to_len);
  if (append_rv != AHTTP_OK || error == 0 || error == E2BIG) {
    return append_rv;
  }
  size_t skipped = error == EINVAL || unit > text->len ? text->len : unit;
  text->ptr += skipped;
  text->len -= skipped;
  return ah_buf_append(out, REPLACEMENT, 3);
}

int ah_text_decode(ah_buf *out, ahttp_str charset, ahttp_str text)
{
  if (is_utf8(charset)) {
    return check_utf8(out, text);
  }
  iconv_t converter = open_charset(charset);
  if (converter == (iconv_t)-1) {
    return errno == ENOMEM ? AHTTP_ENOMEM : AHTTP_EINVAL;
  }
  int rv = AHTTP_OK;
  while (text.len > 0 && rv == AHTTP_OK) {
    rv = convert_some(out, converter, &text, unit_of(charset));
  }
  (void)iconv_close(converter);
  return rv;
}

bool ahttp_lines_next(ahttp_str *rest, ahttp_str *line)
{
  *line = (ahttp_str){NULL, 0};
  if (rest->len == 0) {
    return false;
  }
  const char *end = memchr(rest->ptr, '\n', rest->len);
  size_t len = end == NULL ? rest->len : (size_t)(end - rest->ptr);
  size_t taken = end == NULL ? len : len + 1;
  *line = (ahttp_str){rest->ptr, len};
  if (end != NULL && len > 0 && end[-1] == '\r') {
    line->len--;
  }
  rest->ptr += taken;
  rest->len -= taken;
  return true;
}
