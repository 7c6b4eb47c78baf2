/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "cli/name.h"

#include <ctype.h>
#include <string.h>

#include "cli/unicode.h"

/* What stands behind a later dot than this is no extension. */
#define EXTENSION_MAX 12

static int hex_value(char digit)
{
  if (digit >= '0' && digit <= '9') {
    return digit - '0';
  }
  char lower = (char)(digit | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static bool text_is_clean(ahttp_str text)
{
  size_t at = 0;

  while (at < text.len) {
    uint32_t point;
    size_t len = cli_utf8_decode(&point, text.ptr + at, text.len - at);
    if (len == 0 || cli_point_is_control(point) || point == '/') {
      return false;
    }
    at += len;
  }
  return true;
}

void cli_name_append_segment(cli_text *out, ahttp_str segment)
{
  size_t start = out->len;

  for (size_t i = 0; i < segment.len; i++) {
    int high = -1;
    int low = -1;
    if (segment.ptr[i] == '%' && i + 2 < segment.len) {
      high = hex_value(segment.ptr[i + 1]);
      low = hex_value(segment.ptr[i + 2]);
    }
    if (high >= 0 && low >= 0) {
      cli_text_append_byte(out, (char)(high << 4 | low));
      i += 2;
    } else {
      cli_text_append_byte(out, segment.ptr[i]);
    }
  }
  ahttp_str decoded = {cli_text_chars(out) + start, out->len - start};
  if (!text_is_clean(decoded)) {
    cli_text_truncate(out, start);
    cli_text_append_str(out, segment);
  }
}

size_t cli_name_start(ahttp_str path)
{
  const char *slash = path.len == 0 ? NULL : memrchr(path.ptr, '/', path.len);

  return slash == NULL ? 0 : (size_t)(slash + 1 - path.ptr);
}

size_t cli_name_stem_len(ahttp_str name)
{
  const char *dot = name.len == 0 ? NULL : memrchr(name.ptr, '.', name.len);

  return dot == NULL || dot == name.ptr ? name.len : (size_t)(dot - name.ptr);
}

/* The same, if what follows looks like an extension and not like the "2" of
 * "v1.2". */
static size_t stem_len_strict(ahttp_str name)
{
  size_t stem = cli_name_stem_len(name);

  if (name.len - stem > EXTENSION_MAX) {
    return name.len;
  }
  for (size_t i = stem + 1; i < name.len; i++) {
    if (isalpha((unsigned char)name.ptr[i])) {
      return stem;
    }
  }
  return name.len;
}

/* The longest whole UTF-8 text of at most |max| bytes at |ptr|. */
static size_t whole_utf8_len(const char *ptr, size_t max)
{
  while (max > 0 && ((uint8_t)ptr[max] & 0xc0) == 0x80) {
    max--;
  }
  return max;
}

void cli_name_fit(cli_text *path, size_t start, size_t max)
{
  ahttp_str name = {cli_text_chars(path) + start, path->len - start};

  if (name.len <= max) {
    return;
  }
  size_t stem = stem_len_strict(name);
  size_t extension = name.len - stem;
  size_t keep = whole_utf8_len(name.ptr, max - extension);
  memmove(path->ptr + start + keep, path->ptr + start + stem, extension);
  cli_text_truncate(path, start + keep + extension);
}

void cli_name_add_number(cli_text *path, uint64_t number)
{
  cli_text digits = {0};
  size_t start = cli_name_start(cli_text_str(path));

  cli_text_append_byte(&digits, '.');
  cli_text_append_u64(&digits, number);
  cli_name_fit(path, start, CLI_NAME_MAX - digits.len);

  ahttp_str name = {cli_text_chars(path) + start, path->len - start};
  size_t at = start + stem_len_strict(name);
  size_t extension = path->len - at;
  cli_text_append(path, digits.ptr, digits.len);
  memmove(path->ptr + at + digits.len, path->ptr + at, extension);
  memcpy(path->ptr + at, digits.ptr, digits.len);
  cli_text_clear(&digits);
}
