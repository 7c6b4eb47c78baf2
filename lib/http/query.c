/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "http/query.h"

#include <string.h>

#include <ahttp/error.h>

#include "base/str.h"
#include "http/url_setter.h"

bool ah_query_next_pair(ahttp_str *rest, ah_query_pair *out)
{
  while (rest->len > 0) {
    const char *amp = memchr(rest->ptr, '&', rest->len);
    size_t len = amp == NULL ? rest->len : (size_t)(amp - rest->ptr);
    size_t used = amp == NULL ? len : len + 1;
    ahttp_str text = ah_str(rest->ptr, len);
    rest->ptr += used;
    rest->len -= used;
    if (len == 0) {
      continue;
    }
    const char *equals = memchr(text.ptr, '=', len);
    size_t name_len = equals == NULL ? len : (size_t)(equals - text.ptr);
    size_t value_at = equals == NULL ? len : name_len + 1;
    *out = (ah_query_pair){
        .text = text,
        .name = ah_str(text.ptr, name_len),
        .value = ah_str(text.ptr + value_at, len - value_at),
    };
    return true;
  }
  return false;
}

/* Cuts one decoded byte off |*rest|, which is not empty. */
static char next_byte(ahttp_str *rest)
{
  char c = rest->ptr[0];
  size_t used = 1;
  if (c == '+') {
    c = ' ';
  } else if (c == '%' && rest->len > 2) {
    int high = ah_char_hex((uint8_t)rest->ptr[1]);
    int low = ah_char_hex((uint8_t)rest->ptr[2]);
    if (high >= 0 && low >= 0) {
      c = (char)(high << 4 | low);
      used = 3;
    }
  }
  rest->ptr += used;
  rest->len -= used;
  return c;
}

size_t ah_query_decode(char *dst, ahttp_str text)
{
  size_t len = 0;
  while (text.len > 0) {
    dst[len++] = next_byte(&text);
  }
  return len;
}

static bool names_are_equal(ahttp_str a, ahttp_str b)
{
  while (a.len > 0 && b.len > 0) {
    if (next_byte(&a) != next_byte(&b)) {
      return false;
    }
  }
  return a.len == b.len;
}

static bool has_name(ahttp_str query, ahttp_str name)
{
  ah_query_pair pair;
  while (ah_query_next_pair(&query, &pair)) {
    if (names_are_equal(pair.name, name)) {
      return true;
    }
  }
  return false;
}

/* The application/x-www-form-urlencoded percent-encode set is everything but
 * letters, digits and these. */
static bool is_plain(char c)
{
  return ah_char_is((uint8_t)c, AH_CHAR_ALPHA | AH_CHAR_DIGIT) || c == '*' ||
         c == '-' || c == '.' || c == '_';
}

int ah_query_encode(ah_buf *buf, ahttp_str text)
{
  static const char digits[] = "0123456789ABCDEF";
  if (text.len > SIZE_MAX / 3) {
    return AHTTP_ELIMIT;
  }
  int rv = ah_buf_reserve(buf, 3 * text.len);
  if (rv != AHTTP_OK) {
    return rv;
  }
  uint8_t *end = buf->data + buf->tail;
  for (size_t i = 0; i < text.len; i++) {
    char c = text.ptr[i];
    if (is_plain(c)) {
      *end++ = (uint8_t)c;
    } else if (c == ' ') {
      *end++ = '+';
    } else {
      *end++ = '%';
      *end++ = (uint8_t)digits[(uint8_t)c >> 4];
      *end++ = (uint8_t)digits[(uint8_t)c & 15];
    }
  }
  buf->tail = (size_t)(end - buf->data);
  return AHTTP_OK;
}

/* Appends |text| as a further pair of what |buf| holds from |start| on. */
static int put_pair(ah_buf *buf, size_t start, ahttp_str text)
{
  int rv = AHTTP_OK;
  if (buf->tail > start) {
    rv = ah_buf_append(buf, "&", 1);
  }
  return rv == AHTTP_OK ? ah_buf_append(buf, text.ptr, text.len) : rv;
}

int ah_query_merge(ah_buf *buf, ahttp_str under, ahttp_str over)
{
  size_t start = buf->tail;
  ah_query_pair pair;
  while (ah_query_next_pair(&under, &pair)) {
    if (!has_name(over, pair.name)) {
      int rv = put_pair(buf, start, pair.text);
      if (rv != AHTTP_OK) {
        return rv;
      }
    }
  }
  return over.len == 0 ? AHTTP_OK : put_pair(buf, start, over);
}

ahttp_str ah_query_view(const ah_buf *buf)
{
  size_t len = ah_buf_len(buf);
  return len == 0 ? AH_STR("") : ah_str((const char *)ah_buf_bytes(buf), len);
}

/* |url| with |under| merged under |over| for its query. */
static int url_merge(ahttp_url *out, ah_arena *arena, const ahttp_url *url,
                     ahttp_str under, ahttp_str over)
{
  ah_buf query;
  ah_buf_init(&query, AH_URL_BYTES_MAX);
  int rv = ah_buf_append(&query, "?", 1); /* which the setter drops */
  if (rv == AHTTP_OK) {
    rv = ah_query_merge(&query, under, over);
  }
  if (rv == AHTTP_OK) {
    rv = ah_url_set(out, arena, url, AH_URL_QUERY, ah_query_view(&query), NULL);
  }
  ah_buf_clear(&query);
  return rv == AHTTP_ELIMIT ? AHTTP_EURL : rv;
}

/* |url| as it is, in |arena|. */
static int url_keep(ahttp_url *out, ah_arena *arena, const ahttp_url *url)
{
  return ah_url_parse(out, arena, url->href, NULL, NULL);
}

int ah_url_put_query_under(ahttp_url *out, ah_arena *arena,
                           const ahttp_url *url, ahttp_str under)
{
  return under.len == 0 ? url_keep(out, arena, url)
                        : url_merge(out, arena, url, under, url->query);
}

int ah_url_merge_params(ahttp_url *out, ah_arena *arena, const ahttp_url *url,
                        const ahttp_params *params)
{
  ah_buf over;
  ah_buf_init(&over, AH_URL_BYTES_MAX);
  int rv = ah_params_write(params, &over);
  if (rv == AHTTP_OK) {
    rv = ah_buf_len(&over) == 0
             ? url_keep(out, arena, url)
             : url_merge(out, arena, url, url->query, ah_query_view(&over));
  }
  ah_buf_clear(&over);
  return rv == AHTTP_ELIMIT ? AHTTP_EURL : rv;
}
