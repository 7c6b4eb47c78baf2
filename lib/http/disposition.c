/* SPDX-License-Identifier: MIT */
/*
 * File names in Content-Disposition (RFC 6266, section 4.3).
 *
 * filename* says its charset and is percent-encoded (RFC 8187); UTF-8 and
 * ISO-8859-1 are read, the first because it is what everybody sends.  filename
 * should be ASCII; servers send UTF-8 in it, or ISO-8859-1, and browsers take
 * what is valid UTF-8 for that.
 */
#include "config.h"

#include <ahttp/error.h>
#include <ahttp/message.h>

#include "base/str.h"
#include "http/field_params.h"
#include "http/utf8.h"

/* Adds |byte|, a code point below 256, as UTF-8. */
static void add_latin1(ah_value *value, uint8_t byte)
{
  if (byte < 0x80) {
    ah_value_add(value, (char)byte);
  } else {
    ah_value_add(value, (char)(0xc0 | byte >> 6));
    ah_value_add(value, (char)(0x80 | (byte & 0x3f)));
  }
}

/* The next byte of percent-encoded |text| at |*at|, which moves on; -1 if it is
 * not well-formed. */
static int next_percent_byte(ahttp_str text, size_t *at)
{
  uint8_t c = (uint8_t)text.ptr[(*at)++];
  if (c != '%') {
    return c;
  }
  if (*at + 2 > text.len) {
    return -1;
  }
  int high = ah_char_hex((uint8_t)text.ptr[*at]);
  int low = ah_char_hex((uint8_t)text.ptr[*at + 1]);
  *at += 2;
  return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* RFC 8187, section 3.2.1: charset'language'value.  False if it cannot be read.
 */
static bool read_extended(ahttp_str text, ah_value *value)
{
  const char *first = text.len == 0 ? NULL : memchr(text.ptr, '\'', text.len);
  if (first == NULL) {
    return false;
  }
  ahttp_str charset = {text.ptr, (size_t)(first - text.ptr)};
  ahttp_str rest = {first + 1, text.len - charset.len - 1};
  const char *second = rest.len == 0 ? NULL : memchr(rest.ptr, '\'', rest.len);
  if (second == NULL) {
    return false;
  }
  rest.len -= (size_t)(second + 1 - rest.ptr);
  rest.ptr = second + 1;
  bool is_utf8 = ah_str_ieq(charset, AH_STR("utf-8"));
  if (!is_utf8 && !ah_str_ieq(charset, AH_STR("iso-8859-1"))) {
    return false;
  }
  size_t at = 0;
  while (at < rest.len) {
    int byte = next_percent_byte(rest, &at);
    if (byte <= 0) {
      return false; /* and a NUL is in no name */
    }
    if (is_utf8) {
      ah_value_add(value, (char)byte);
    } else {
      add_latin1(value, (uint8_t)byte);
    }
  }
  bool fits = value->len < value->cap;
  return rest.len > 0 &&
         (!is_utf8 || !fits || ah_utf8_is_valid(value->dst, value->len));
}

static void read_plain(const ahttp_field_param *param, ah_value *value)
{
  ahttp_str text = param->value;
  bool is_utf8 = ah_utf8_is_valid(text.ptr, text.len);
  for (size_t i = 0; i < text.len; i++) {
    if (param->is_quoted && text.ptr[i] == '\\' && i + 1 < text.len) {
      i++;
    }
    if (is_utf8) {
      ah_value_add(value, text.ptr[i]);
    } else {
      add_latin1(value, (uint8_t)text.ptr[i]);
    }
  }
}

int ahttp_disposition_filename(ahttp_str value, char *dst, size_t cap,
                               size_t *len)
{
  ahttp_str params = ah_str_trim(value);
  ahttp_field_param param;
  ah_value out;
  (void)ah_field_params_take_token(&params); /* its type; some leave it out */
  ah_field_params_skip_blanks(&params);
  if (params.len > 0 && params.ptr[0] == '=') {
    params = value;
  }
  ah_value_init(&out, dst, cap);
  if (ah_field_params_find(params, AH_STR("filename*"), &param) &&
      read_extended(param.value, &out)) {
    return ah_value_end(&out, len);
  }
  ah_value_init(&out, dst, cap);
  if (ah_field_params_find(params, AH_STR("filename"), &param) &&
      param.value.len > 0) {
    read_plain(&param, &out);
    return ah_value_end(&out, len);
  }
  return ah_value_fail(&out, len, AHTTP_EINVAL);
}

size_t ahttp_filename_clean(char *name)
{
  size_t len = strlen(name);
  size_t start = len;
  while (start > 0 && name[start - 1] != '/' && name[start - 1] != '\\') {
    start--;
  }
  len -= start;
  memmove(name, name + start, len + 1);
  for (size_t i = 0; i < len; i++) {
    uint8_t c = (uint8_t)name[i];
    if (c < 0x20 || c == 0x7f) {
      name[i] = '_';
    }
  }
  if (name[0] == '.') {
    name[0] = '_';
  }
  return len;
}
