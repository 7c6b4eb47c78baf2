/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "cli/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/memory.h"

/* The first allocation: most URLs and names fit. */
#define TEXT_CAP_MIN 128

void cli_text_clear(cli_text *text)
{
  free(text->ptr);
  *text = (cli_text){0};
}

void cli_text_reset(cli_text *text)
{
  cli_text_truncate(text, 0);
}

void cli_text_reserve(cli_text *text, size_t len)
{
  size_t need = text->len + len + 1;

  if (need <= text->cap) {
    return;
  }
  size_t cap = text->cap < TEXT_CAP_MIN ? TEXT_CAP_MIN : text->cap;
  while (cap < need) {
    cap *= 2;
  }
  text->ptr = cli_realloc(text->ptr, cap);
  text->cap = cap;
}

void cli_text_append_u64(cli_text *text, uint64_t value)
{
  cli_text_append_padded(text, value, 0);
}

void cli_text_append_padded(cli_text *text, uint64_t value, size_t width)
{
  char digits[CLI_TEXT_WIDTH_MAX];
  size_t at = sizeof(digits);

  do {
    digits[--at] = (char)('0' + value % 10);
    value /= 10;
  } while (value > 0);
  while (at > 0 && sizeof(digits) - at < width) {
    digits[--at] = '0';
  }
  cli_text_append(text, digits + at, sizeof(digits) - at);
}

void cli_text_printf(cli_text *text, const char *format, ...)
{
  va_list args;

  va_start(args, format);
  int len = vsnprintf(NULL, 0, format, args);
  va_end(args);
  if (len <= 0) {
    return;
  }
  cli_text_reserve(text, (size_t)len);
  va_start(args, format);
  (void)vsnprintf(text->ptr + text->len, (size_t)len + 1, format, args);
  va_end(args);
  text->len += (size_t)len;
}

void cli_text_truncate(cli_text *text, size_t len)
{
  if (text->ptr != NULL && len <= text->len) {
    text->len = len;
    text->ptr[len] = '\0';
  }
}

const char *cli_text_chars(const cli_text *text)
{
  return text->ptr == NULL ? "" : text->ptr;
}

ahttp_str cli_text_str(const cli_text *text)
{
  return (ahttp_str){cli_text_chars(text), text->len};
}
