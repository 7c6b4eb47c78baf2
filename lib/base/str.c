/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "base/str.h"

/* The rows of the table: what each kind of byte is. */
enum {
  O = AH_CHAR_FIELD,                  /* HTAB, SP, obs-text */
  V = AH_CHAR_FIELD | AH_CHAR_TARGET, /* a visible delimiter */
  T = V | AH_CHAR_TOKEN,
  D = T | AH_CHAR_DIGIT | AH_CHAR_HEX,
  X = T | AH_CHAR_ALPHA | AH_CHAR_HEX,
  A = T | AH_CHAR_ALPHA
};

/* clang-format off */
const uint8_t ah_char_table[256] = {
  /* 00 */ 0, 0, 0, 0, 0, 0, 0, 0, 0, O, 0, 0, 0, 0, 0, 0,
  /* 10 */ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
  /* sp */ O, T, V, T, T, T, T, T, V, V, T, T, V, T, T, V,
  /* 0  */ D, D, D, D, D, D, D, D, D, D, V, V, V, V, V, V,
  /* @  */ V, X, X, X, X, X, X, A, A, A, A, A, A, A, A, A,
  /* P  */ A, A, A, A, A, A, A, A, A, A, A, V, V, V, T, T,
  /* `  */ T, X, X, X, X, X, X, A, A, A, A, A, A, A, A, A,
  /* p  */ A, A, A, A, A, A, A, A, A, A, A, V, T, V, T, 0,
  /* 80 */ O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O,
  /* 90 */ O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O,
  /* a0 */ O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O,
  /* b0 */ O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O,
  /* c0 */ O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O,
  /* d0 */ O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O,
  /* e0 */ O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O,
  /* f0 */ O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O,
};
/* clang-format on */

static bool is_blank(char c)
{
  return c == ' ' || c == '\t';
}

/*
 * Eight bytes at once: sets 0x20 in those that are A-Z.  Adding to the low
 * seven bits carries into bit 7 exactly when the byte is past the bound.
 */
static uint64_t lower_word(uint64_t word)
{
  const uint64_t ones = 0x0101010101010101;
  uint64_t low7 = word & (0x7f * ones);
  uint64_t from_a = low7 + (0x80 - 'A') * ones;
  uint64_t past_z = low7 + (0x7f - 'Z') * ones;
  uint64_t upper = from_a & ~past_z & ~word & (0x80 * ones);
  return word | (upper >> 2);
}

static bool word_ieq(const char *a, const char *b)
{
  uint64_t x;
  uint64_t y;
  memcpy(&x, a, sizeof(x));
  memcpy(&y, b, sizeof(y));
  return x == y || lower_word(x) == lower_word(y);
}

/* The same for up to seven bytes. */
static bool short_ieq(const char *a, const char *b, size_t len)
{
  for (size_t i = 0; i < len; i++) {
    if (ah_char_lower((uint8_t)a[i]) != ah_char_lower((uint8_t)b[i])) {
      return false;
    }
  }
  return true;
}

int ah_char_hex(uint8_t c)
{
  if ((uint8_t)(c - '0') < 10) {
    return c - '0';
  }
  uint8_t letter = (uint8_t)((c | 0x20) - 'a');
  return letter < 6 ? letter + 10 : -1;
}

void ah_hex_put(char *dst, const uint8_t *bytes, size_t len)
{
  static const char digits[] = "0123456789abcdef";
  for (size_t i = 0; i < len; i++) {
    dst[2 * i] = digits[bytes[i] >> 4];
    dst[2 * i + 1] = digits[bytes[i] & 15];
  }
}

bool ah_str_ieq(ahttp_str a, ahttp_str b)
{
  if (a.len != b.len) {
    return false;
  }
  if (a.len < sizeof(uint64_t)) {
    return short_ieq(a.ptr, b.ptr, a.len);
  }
  /* The last eight may overlap those before them. */
  size_t last = a.len - sizeof(uint64_t);
  for (size_t i = 0; i < last; i += sizeof(uint64_t)) {
    if (!word_ieq(a.ptr + i, b.ptr + i)) {
      return false;
    }
  }
  return word_ieq(a.ptr + last, b.ptr + last);
}

bool ah_str_all(ahttp_str text, unsigned classes)
{
  for (size_t i = 0; i < text.len; i++) {
    if (!ah_char_is((uint8_t)text.ptr[i], classes)) {
      return false;
    }
  }
  return text.len > 0;
}

ahttp_str ah_str_trim(ahttp_str text)
{
  while (text.len > 0 && is_blank(text.ptr[text.len - 1])) {
    text.len--;
  }
  while (text.len > 0 && is_blank(text.ptr[0])) {
    text.ptr++;
    text.len--;
  }
  return text;
}

bool ah_str_to_u64(ahttp_str text, uint64_t *out)
{
  uint64_t value = 0;
  for (size_t i = 0; i < text.len; i++) {
    uint8_t digit = (uint8_t)(text.ptr[i] - '0');
    if (digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
        __builtin_add_overflow(value, digit, &value)) {
      return false;
    }
  }
  if (text.len == 0) {
    return false;
  }
  *out = value;
  return true;
}

/* How many bytes come before the next comma outside a quoted string. */
static size_t element_len(ahttp_str list)
{
  bool quoted = false;
  for (size_t i = 0; i < list.len; i++) {
    char c = list.ptr[i];
    if (c == '"') {
      quoted = !quoted;
    } else if (c == '\\' && quoted) {
      i++; /* quoted-pair, RFC 9110 section 5.6.4 */
    } else if (c == ',' && !quoted) {
      return i;
    }
  }
  return list.len;
}

bool ah_str_next_element(ahttp_str *rest, ahttp_str *element)
{
  while (rest->len > 0) {
    size_t len = element_len(*rest);
    *element = ah_str_trim(ah_str(rest->ptr, len));
    size_t used = len < rest->len ? len + 1 : len;
    rest->ptr += used;
    rest->len -= used;
    if (element->len > 0) {
      return true;
    }
  }
  *element = ah_str(NULL, 0);
  return false;
}

bool ah_str_list_has(ahttp_str list, ahttp_str token)
{
  ahttp_str element;
  if (list.len == 0 || memchr(list.ptr, ',', list.len) == NULL) {
    return ah_str_ieq(ah_str_trim(list), token); /* nearly always */
  }
  while (ah_str_next_element(&list, &element)) {
    if (ah_str_ieq(element, token)) {
      return true;
    }
  }
  return false;
}
