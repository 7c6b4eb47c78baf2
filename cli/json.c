/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "cli/json.h"

#include "cli/unicode.h"

/* True for bytes that stand for themselves inside a string. */
static bool byte_is_plain(char byte)
{
  return (uint8_t)byte >= 0x20 && (uint8_t)byte < 0x7f && byte != '"' &&
         byte != '\\';
}

static void json_escape(cli_text *out, uint32_t point)
{
  static const char short_forms[] = "\bb\ff\nn\rr\tt\"\"\\\\";

  for (size_t i = 0; i + 1 < sizeof(short_forms); i += 2) {
    if (point == (uint8_t)short_forms[i]) {
      cli_text_append_byte(out, '\\');
      cli_text_append_byte(out, short_forms[i + 1]);
      return;
    }
  }
  cli_text_printf(out, "\\u%04x", (unsigned)point);
}

void cli_json_string(cli_text *out, ahttp_str str)
{
  size_t at = 0;

  cli_text_append_byte(out, '"');
  while (at < str.len) {
    size_t plain = at;
    while (plain < str.len && byte_is_plain(str.ptr[plain])) {
      plain++;
    }
    cli_text_append(out, str.ptr + at, plain - at);
    at = plain;
    if (at == str.len) {
      break;
    }
    uint32_t point;
    size_t len = cli_utf8_decode(&point, str.ptr + at, str.len - at);
    if (len == 0) {
      cli_text_add(out, "\xef\xbf\xbd");
      len = 1;
    } else if (point < 0xa0) {
      json_escape(out, point);
    } else {
      cli_text_append(out, str.ptr + at, len);
    }
    at += len;
  }
  cli_text_append_byte(out, '"');
}

void cli_json_seconds(cli_text *out, uint64_t ns)
{
  uint64_t rest = ns % 1000000000;
  size_t digits = 9;

  cli_text_append_u64(out, ns / 1000000000);
  if (rest == 0) {
    return;
  }
  while (rest % 10 == 0) {
    rest /= 10;
    digits--;
  }
  cli_text_append_byte(out, '.');
  cli_text_append_padded(out, rest, digits);
}
