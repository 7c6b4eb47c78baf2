/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "http/boundary.h"

#include <string.h>
#include <sys/random.h>

#include <ahttp/error.h>

#include "base/str.h"

/* bchars of RFC 2046 that are neither letters nor digits; a blank not last. */
#define BOUNDARY_MARKS "'()+_,-./:=? "

ahttp_str ah_boundary_view(const ah_boundary *boundary)
{
  return ah_str(boundary->text, boundary->len);
}

bool ah_boundary_set(ah_boundary *boundary, ahttp_str text)
{
  if (text.len == 0 || text.len > AH_BOUNDARY_BYTES_MAX ||
      text.ptr[text.len - 1] == ' ') {
    return false;
  }
  for (size_t i = 0; i < text.len; i++) {
    uint8_t c = (uint8_t)text.ptr[i];
    if (!ah_char_is(c, AH_CHAR_ALPHA | AH_CHAR_DIGIT) &&
        memchr(BOUNDARY_MARKS, c, sizeof(BOUNDARY_MARKS) - 1) == NULL) {
      return false;
    }
  }
  memcpy(boundary->text, text.ptr, text.len);
  boundary->len = text.len;
  return true;
}

bool ah_boundary_set_random(ah_boundary *boundary)
{
  uint8_t bytes[AH_BOUNDARY_RANDOM_BYTES / 2];
  /* So few bytes come whole or not at all (getrandom(2)). */
  if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes)) {
    return false;
  }
  ah_hex_put(boundary->text, bytes, sizeof(bytes));
  boundary->len = AH_BOUNDARY_RANDOM_BYTES;
  return true;
}

/* Cuts what comes before the next |separator| outside quotes off |*rest|. */
static ahttp_str take_until(ahttp_str *rest, char separator)
{
  size_t at = 0;
  bool is_quoted = false;
  while (at < rest->len && (is_quoted || rest->ptr[at] != separator)) {
    if (rest->ptr[at] == '"') {
      is_quoted = !is_quoted;
    } else if (is_quoted && rest->ptr[at] == '\\' && at + 1 < rest->len) {
      at++;
    }
    at++;
  }
  ahttp_str out = ah_str_trim(ah_str(rest->ptr, at));
  size_t used = at < rest->len ? at + 1 : at;
  *rest = ah_str(rest->ptr + used, rest->len - used);
  return out;
}

/* Sets |boundary| to a parameter's value, a token or a quoted string; inside
 * quotes none of the characters it may have needs escaping. */
static bool set_from_value(ah_boundary *boundary, ahttp_str value)
{
  if (value.len < 2 || value.ptr[0] != '"' || value.ptr[value.len - 1] != '"') {
    return ah_boundary_set(boundary, value);
  }
  return ah_boundary_set(boundary, ah_str(value.ptr + 1, value.len - 2));
}

ah_boundary_place ah_boundary_find(ah_boundary *boundary, ahttp_str value)
{
  const ahttp_str prefix = AH_STR("multipart/");
  ahttp_str type = take_until(&value, ';');
  if (type.len < prefix.len ||
      !ah_str_ieq(ah_str(type.ptr, prefix.len), prefix)) {
    return AH_BOUNDARY_NOT_MULTIPART;
  }
  while (value.len > 0) {
    ahttp_str parameter = take_until(&value, ';');
    ahttp_str name = take_until(&parameter, '=');
    if (ah_str_ieq(name, AH_STR("boundary"))) {
      return set_from_value(boundary, ah_str_trim(parameter))
                 ? AH_BOUNDARY_FOUND
                 : AH_BOUNDARY_INVALID;
    }
  }
  return AH_BOUNDARY_MISSING;
}

int ah_boundary_add_to(const ah_boundary *boundary, ahttp_str type,
                       ah_arena *arena, ahttp_str *out)
{
  const ahttp_str name = AH_STR("; boundary=");
  ahttp_str text = ah_boundary_view(boundary);
  const char *quote = ah_str_all(text, AH_CHAR_TOKEN) ? "" : "\"";
  const ahttp_str parts[] = {type, name, ah_str_from_c(quote), text,
                             ah_str_from_c(quote)};
  size_t len = 0;
  for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
    len += parts[i].len;
  }
  char *bytes = ah_arena_bytes(arena, len + 1);
  if (bytes == NULL) {
    return AHTTP_ENOMEM;
  }
  *out = ah_str(bytes, len);
  for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
    memcpy(bytes, parts[i].ptr, parts[i].len);
    bytes += parts[i].len;
  }
  *bytes = '\0';
  return AHTTP_OK;
}
