/* SPDX-License-Identifier: MIT */
#ifndef CLI_LINES_H
#define CLI_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include <ahttp/types.h>

/* Bytes of one block, and of the longest line: 64 KiB is more than any server
 * accepts as a URL. */
#define CLI_LINES_CAP 65536

/* What of a line that is too long goes into its record. */
#define CLI_LINE_HEAD_MAX 256

/*
 * Splits a list into its lines, however its bytes arrive.  Blank lines and
 * lines whose first visible character is "#" are skipped; surrounding blanks,
 * a carriage return included, and a byte order mark at the beginning are
 * dropped.
 */
typedef struct cli_lines {
  char *block;  /* CLI_LINES_CAP bytes */
  size_t start; /* start <= seen <= end: [start, end) is unread, */
  size_t seen;  /* [start, seen) holds no newline */
  size_t end;
  bool skipping; /* until the next newline: the line was told already */
  bool begun;    /* the place for a byte order mark has passed */
  bool ended;    /* nothing more will be filled in */
} cli_lines;

typedef enum cli_lines_event {
  CLI_LINES_LINE, /* a line */
  CLI_LINES_LONG, /* the head of a line that is too long */
  CLI_LINES_MORE, /* fill in more */
  CLI_LINES_END   /* that was all */
} cli_lines_event;

void cli_lines_init(cli_lines *lines);
void cli_lines_clear(cli_lines *lines);

/* Ready for another list; keeps the block. */
void cli_lines_reset(cli_lines *lines);

/* Where to read the next bytes to; |*len| > 0 is how many fit.  Only after
 * CLI_LINES_MORE. */
char *cli_lines_room(cli_lines *lines, size_t *len);

/* |len| bytes were read into the room. */
void cli_lines_fill(cli_lines *lines, size_t len);

/* The list is at its end; an unfinished line counts as one. */
void cli_lines_end(cli_lines *lines);

/* The next line; |*line| is good until the next call of any function. */
cli_lines_event cli_lines_next(cli_lines *lines, ahttp_str *line);

#endif
