/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "cli/lines.h"

#include <stdlib.h>
#include <string.h>

#include "cli/memory.h"

static bool byte_is_blank(char byte)
{
  return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\v' ||
         byte == '\f';
}

static ahttp_str line_trim(const char *ptr, size_t len)
{
  while (len > 0 && byte_is_blank(ptr[len - 1])) {
    len--;
  }
  while (len > 0 && byte_is_blank(ptr[0])) {
    ptr++;
    len--;
  }
  return (ahttp_str){ptr, len};
}

static bool line_counts(ahttp_str line)
{
  return line.len > 0 && line.ptr[0] != '#';
}

void cli_lines_init(cli_lines *lines)
{
  *lines = (cli_lines){0};
}

void cli_lines_clear(cli_lines *lines)
{
  free(lines->block);
  *lines = (cli_lines){0};
}

void cli_lines_reset(cli_lines *lines)
{
  *lines = (cli_lines){.block = lines->block};
}

char *cli_lines_room(cli_lines *lines, size_t *len)
{
  if (lines->block == NULL) {
    lines->block = cli_malloc(CLI_LINES_CAP);
  }
  if (lines->start > 0) {
    memmove(lines->block, lines->block + lines->start,
            lines->end - lines->start);
    lines->seen -= lines->start;
    lines->end -= lines->start;
    lines->start = 0;
  }
  *len = CLI_LINES_CAP - lines->end;
  return lines->block + lines->end;
}

void cli_lines_fill(cli_lines *lines, size_t len)
{
  lines->end += len;
}

void cli_lines_end(cli_lines *lines)
{
  lines->ended = true;
}

/* Drops a byte order mark; false while it could still be one. */
static bool lines_begin(cli_lines *lines)
{
  static const char mark[] = "\xef\xbb\xbf";
  size_t len = lines->end - lines->start;
  size_t check = len < 3 ? len : 3;

  if (lines->begun || check == 0) {
    return true;
  }
  bool may_be = memcmp(lines->block, mark, check) == 0;
  if (may_be && len < 3 && !lines->ended) {
    return false;
  }
  if (may_be && len >= 3) {
    lines->start += 3;
    lines->seen = lines->start;
  }
  lines->begun = true;
  return true;
}

/* No newline in a full block: tells the head of the line and skips the rest.
 * Leading blanks, even a block of them, are not yet the line. */
static bool lines_overflow(cli_lines *lines, ahttp_str *line)
{
  ahttp_str all = line_trim(lines->block, CLI_LINES_CAP);
  size_t head = all.len < CLI_LINE_HEAD_MAX ? all.len : CLI_LINE_HEAD_MAX;
  bool told = lines->skipping;

  lines->start = lines->end;
  lines->seen = lines->end;
  if (all.len == 0) {
    return false;
  }
  lines->skipping = true;
  *line = (ahttp_str){all.ptr, head};
  return !told && line_counts(*line);
}

cli_lines_event cli_lines_next(cli_lines *lines, ahttp_str *line)
{
  *line = (ahttp_str){"", 0};
  if (!lines_begin(lines)) {
    return CLI_LINES_MORE;
  }
  while (lines->start < lines->end) {
    char *from = lines->block + lines->start;
    char *newline =
        memchr(lines->block + lines->seen, '\n', lines->end - lines->seen);
    if (newline == NULL && !lines->ended) {
      lines->seen = lines->end;
      break;
    }
    char *stop = newline != NULL ? newline : lines->block + lines->end;
    ahttp_str found = line_trim(from, (size_t)(stop - from));
    bool skipped = lines->skipping;
    lines->start = (size_t)(stop - lines->block) + (newline != NULL ? 1 : 0);
    lines->seen = lines->start;
    lines->skipping = false;
    if (!skipped && line_counts(found)) {
      *line = found;
      return CLI_LINES_LINE;
    }
  }
  if (lines->end - lines->start == CLI_LINES_CAP &&
      lines_overflow(lines, line)) {
    return CLI_LINES_LONG;
  }
  return lines->ended ? CLI_LINES_END : CLI_LINES_MORE;
}
