/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "http/h1_text.h"

#define ONES UINT64_C(0x0101010101010101)

/*
 * Eight bytes at once: not 0 if one of them is below 0x20 or DEL.  Adding to
 * the low seven bits carries into bit 7 exactly when a byte reaches the bound;
 * bytes that have bit 7 set themselves are obs-text.
 */
static uint64_t word_controls(const char *ptr)
{
  uint64_t word;
  memcpy(&word, ptr, sizeof(word));
  uint64_t low7 = word & (0x7f * ONES);
  uint64_t printable = low7 + (0x80 - 0x20) * ONES;
  uint64_t del = low7 + (0x80 - 0x7f) * ONES;
  return (~printable | del) & ~word & (0x80 * ONES);
}

static bool bytes_are_clean(ahttp_str text)
{
  return text.len == 0 || ah_str_all(text, AH_CHAR_FIELD);
}

bool ah_h1_text_is_clean(ahttp_str text)
{
  if (text.len < sizeof(uint64_t)) {
    return bytes_are_clean(text);
  }
  /* The last eight may overlap those before them. */
  const char *last = text.ptr + text.len - sizeof(uint64_t);
  uint64_t controls = word_controls(last);
  for (const char *p = text.ptr; p < last; p += sizeof(uint64_t)) {
    controls |= word_controls(p);
  }
  return controls == 0 || bytes_are_clean(text); /* HTAB is fine */
}
