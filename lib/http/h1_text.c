/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "http/h1_text.h"

/* Sixteen bytes at once; the compilers know vectors on every machine. */
typedef uint8_t text_block __attribute__((vector_size(16)));

static text_block block_at(const char *ptr)
{
  text_block block;
  memcpy(&block, ptr, sizeof(block));
  return block;
}

/* A block of the first eight and the last eight bytes of |text|, which has 8 to
 * 16. */
static text_block block_of_short(ahttp_str text)
{
  uint64_t halves[2];
  memcpy(&halves[0], text.ptr, 8);
  memcpy(&halves[1], text.ptr + text.len - 8, 8);
  return block_at((const char *)halves);
}

/* Not 0 in the places of control characters. */
static text_block block_controls(text_block block)
{
  return (text_block)((block < 0x20) | (block == 0x7f));
}

/* Not 0 in the places of bytes that are not AH_CHAR_TARGET. */
static text_block block_not_target(text_block block)
{
  return (text_block)((block < 0x21) | (block > 0x7e));
}

static bool block_is_zero(text_block block)
{
  uint64_t halves[2];
  memcpy(halves, &block, sizeof(halves));
  return (halves[0] | halves[1]) == 0;
}

/* What |find| finds anywhere in |text|, which has 8 bytes or more. */
static inline text_block text_find(ahttp_str text,
                                   text_block (*find)(text_block))
{
  if (text.len <= sizeof(text_block)) {
    return find(block_of_short(text));
  }
  /* The last block may overlap those before it. */
  const char *last = text.ptr + text.len - sizeof(text_block);
  text_block found = find(block_at(last));
  for (const char *p = text.ptr; p < last; p += sizeof(text_block)) {
    found |= find(block_at(p));
  }
  return found;
}

static bool bytes_are_clean(ahttp_str text)
{
  return text.len == 0 || ah_str_all(text, AH_CHAR_FIELD);
}

bool ah_h1_text_is_clean(ahttp_str text)
{
  if (text.len < 8) {
    return bytes_are_clean(text);
  }
  /* HTAB is fine. */
  return block_is_zero(text_find(text, block_controls)) ||
         bytes_are_clean(text);
}

bool ah_h1_text_is_target(ahttp_str text)
{
  if (text.len < 8) {
    return ah_str_all(text, AH_CHAR_TARGET);
  }
  return block_is_zero(text_find(text, block_not_target));
}
