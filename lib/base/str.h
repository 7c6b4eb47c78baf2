/* SPDX-License-Identifier: MIT */
#ifndef AH_BASE_STR_H
#define AH_BASE_STR_H

#include <stdbool.h>
#include <string.h>

#include <ahttp/types.h>

/* A view of a string literal. */
#define AH_STR(literal) ((ahttp_str){(literal), sizeof(literal) - 1})

/* Character classes of RFC 9110 and RFC 3986; test with ah_char_is(). */
enum {
  AH_CHAR_TOKEN = 1,  /* tchar, RFC 9110 section 5.6.2 */
  AH_CHAR_FIELD = 2,  /* HTAB, SP, VCHAR, obs-text: a field value's bytes */
  AH_CHAR_DIGIT = 4,  /* 0-9 */
  AH_CHAR_HEX = 8,    /* 0-9 a-f A-F */
  AH_CHAR_ALPHA = 16, /* a-z A-Z */
  AH_CHAR_TARGET = 32 /* bytes a request target may have: 0x21-0x7e */
};
extern const uint8_t ah_char_table[256];

static inline bool ah_char_is(uint8_t c, unsigned classes)
{
  return (ah_char_table[c] & classes) != 0;
}

static inline uint8_t ah_char_lower(uint8_t c)
{
  return (uint8_t)(c - 'A') < 26 ? (uint8_t)(c | 0x20) : c;
}

/* The value of a hexadecimal digit, or -1. */
int ah_char_hex(uint8_t c);

/* Writes |len| bytes as 2 * |len| lower-case hexadecimal digits, no NUL. */
void ah_hex_put(char *dst, const uint8_t *bytes, size_t len);

static inline ahttp_str ah_str(const char *ptr, size_t len)
{
  return (ahttp_str){ptr, len};
}

/* A view of a C string; NULL gives the empty view. */
static inline ahttp_str ah_str_from_c(const char *text)
{
  return (ahttp_str){text, text == NULL ? 0 : strlen(text)};
}

static inline bool ah_str_eq(ahttp_str a, ahttp_str b)
{
  return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Equal without regard to the case of ASCII letters. */
bool ah_str_ieq(ahttp_str a, ahttp_str b);

/* True if |text| is not empty and every byte is of |classes|. */
bool ah_str_all(ahttp_str text, unsigned classes);

/* |text| without leading and trailing SP and HTAB. */
ahttp_str ah_str_trim(ahttp_str text);

/*
 * Reads a decimal number: digits only, at least one, no overflow.  Returns
 * false and leaves |*out| alone otherwise.
 */
bool ah_str_to_u64(ahttp_str text, uint64_t *out);

/*
 * Walks a comma-separated list (RFC 9110, section 5.6.1): cuts the next
 * non-empty element off |*rest|, trimmed.  False at the end.  Commas inside
 * quoted strings do not separate.
 */
bool ah_str_next_element(ahttp_str *rest, ahttp_str *element);

/* True if the comma-separated |list| has |token|, in any case. */
bool ah_str_list_has(ahttp_str list, ahttp_str token);

#endif
