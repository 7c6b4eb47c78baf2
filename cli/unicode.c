/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "cli/unicode.h"

/* The length a lead byte announces; 0: not a lead byte. */
static size_t lead_len(uint8_t lead)
{
  if (lead < 0x80) {
    return 1;
  }
  if (lead >= 0xc2 && lead < 0xe0) {
    return 2;
  }
  if (lead >= 0xe0 && lead < 0xf0) {
    return 3;
  }
  return lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
}

size_t cli_utf8_decode(uint32_t *point, const char *bytes, size_t len)
{
  static const uint8_t lead_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
  static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
  uint8_t lead = (uint8_t)bytes[0];
  size_t count = lead_len(lead);

  *point = 0;
  if (count == 0 || count > len) {
    return 0;
  }
  uint32_t value = (uint32_t)(lead & lead_bits[count]);
  for (size_t i = 1; i < count; i++) {
    uint8_t byte = (uint8_t)bytes[i];
    if ((byte & 0xc0) != 0x80) {
      return 0;
    }
    value = value << 6 | (byte & 0x3f);
  }
  bool surrogate = value >= 0xd800 && value <= 0xdfff;
  if (value < smallest[count] || value > 0x10ffff || surrogate) {
    return 0;
  }
  *point = value;
  return count;
}

bool cli_point_is_control(uint32_t point)
{
  return point < 0x20 || (point >= 0x7f && point < 0xa0) ||
         (point >= 0x200e && point <= 0x200f) ||
         (point >= 0x2028 && point <= 0x202e) ||
         (point >= 0x2066 && point <= 0x2069);
}
