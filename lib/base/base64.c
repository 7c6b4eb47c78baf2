/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "base/base64.h"

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void ah_base64_encode(char *dst, ahttp_str data)
{
  const uint8_t *src = (const uint8_t *)data.ptr;
  for (size_t i = 0; i < data.len; i += 3) {
    size_t left = data.len - i;
    uint32_t group = (uint32_t)src[i] << 16;
    group |= left > 1 ? (uint32_t)src[i + 1] << 8 : 0;
    group |= left > 2 ? (uint32_t)src[i + 2] : 0;
    *dst++ = alphabet[group >> 18];
    *dst++ = alphabet[group >> 12 & 63];
    *dst++ = left > 1 ? alphabet[group >> 6 & 63] : '=';
    *dst++ = left > 2 ? alphabet[group & 63] : '=';
  }
}
