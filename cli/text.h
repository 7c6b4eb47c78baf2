/* SPDX-License-Identifier: MIT */
#ifndef CLI_TEXT_H
#define CLI_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <ahttp/types.h>

/* A growable text.  All zero is an empty one.  A NUL byte follows the last
 * byte whenever |ptr| is not NULL. */
typedef struct cli_text {
  char *ptr; /* NULL, or |cap| bytes of which |len| < |cap| are the text */
  size_t len;
  size_t cap;
} cli_text;

/* Frees what it holds. */
void cli_text_clear(cli_text *text);

/* Makes it empty and keeps the memory. */
void cli_text_reset(cli_text *text);

/* Makes room for |len| more bytes at ptr + len. */
void cli_text_reserve(cli_text *text, size_t len);

/* Inline, for a record is a hundred of these. */
static inline void cli_text_append(cli_text *text, const char *bytes,
                                   size_t len)
{
  if (text->cap - text->len <= len) {
    cli_text_reserve(text, len);
  }
  if (len > 0) {
    memcpy(text->ptr + text->len, bytes, len);
  }
  text->len += len;
  text->ptr[text->len] = '\0';
}

static inline void cli_text_append_byte(cli_text *text, char byte)
{
  cli_text_append(text, &byte, 1);
}

/* Appends a NUL-terminated string. */
static inline void cli_text_add(cli_text *text, const char *string)
{
  cli_text_append(text, string, strlen(string));
}

static inline void cli_text_append_str(cli_text *text, ahttp_str str)
{
  cli_text_append(text, str.ptr, str.len);
}

/* UINT64_MAX has so many digits. */
#define CLI_TEXT_WIDTH_MAX 20

void cli_text_append_u64(cli_text *text, uint64_t value);
/* The same with zeros in front up to |width| digits, CLI_TEXT_WIDTH_MAX at
 * most. */
void cli_text_append_padded(cli_text *text, uint64_t value, size_t width);
void cli_text_printf(cli_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Cuts it to its first |len| bytes; longer than it is changes nothing. */
void cli_text_truncate(cli_text *text, size_t len);

/* The text as a C string, "" if empty; good until the text changes. */
const char *cli_text_chars(const cli_text *text);
ahttp_str cli_text_str(const cli_text *text);

#endif
