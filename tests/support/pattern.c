/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "support/pattern.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of a prime length, so that it never falls into step with a buffer. */
enum {
  PERIOD = 8191
};

static const uint8_t *period(void)
{
  static uint8_t bytes[PERIOD];
  if (bytes[0] == 0) {
    uint32_t x = 2463534242U;
    for (size_t i = 0; i < PERIOD; i++) {
      x ^= x << 13;
      x ^= x >> 17;
      x ^= x << 5;
      bytes[i] = (uint8_t)(x | (i == 0));
    }
  }
  return bytes;
}

void pattern_fill(void *dst, uint64_t offset, size_t len)
{
  uint8_t *to = dst;
  const uint8_t *bytes = period();
  while (len > 0) {
    size_t at = (size_t)(offset % PERIOD);
    size_t part = len < PERIOD - at ? len : PERIOD - at;
    memcpy(to, bytes + at, part);
    to += part;
    offset += part;
    len -= part;
  }
}

bool pattern_matches(const void *data, size_t len)
{
  const uint8_t *from = data;
  const uint8_t *bytes = period();
  for (size_t at = 0; at < len; at += PERIOD) {
    size_t part = len - at < PERIOD ? len - at : PERIOD;
    if (memcmp(from + at, bytes, part) != 0) {
      return false;
    }
  }
  return true;
}

void pattern_write_file(const char *path, size_t len)
{
  char *bytes = malloc(len + 1);
  FILE *file = fopen(path, "wb");
  if (bytes == NULL || file == NULL) {
    perror(path);
    exit(99);
  }
  pattern_fill(bytes, 0, len);
  if (fwrite(bytes, 1, len, file) != len || fclose(file) != 0) {
    perror(path);
    exit(99);
  }
  free(bytes);
}

static int source_read(void *user_data, uint64_t offset, uint8_t *dst,
                       size_t cap, size_t *len)
{
  const pattern_source *source = user_data;
  uint64_t left = offset < source->len ? source->len - offset : 0;
  *len = left < cap ? (size_t)left : cap;
  pattern_fill(dst, offset, *len);
  return 0;
}

ahttp_content_source pattern_content(pattern_source *source, uint64_t len,
                                     bool is_known)
{
  source->len = len;
  return (ahttp_content_source){
      .size = sizeof(ahttp_content_source),
      .read = source_read,
      .length = is_known ? (int64_t)len : -1,
      .can_rewind = true,
      .user_data = source,
  };
}
