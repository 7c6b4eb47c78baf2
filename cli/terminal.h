/* SPDX-License-Identifier: MIT */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include <stdbool.h>

#include "cli/text.h"

/*
 * Standard error: everything a human reads goes through here, so that the
 * progress line never mixes with a message, no text from a server or a list
 * can send control codes to a terminal, and files get neither "\r" nor colour.
 */
typedef struct cli_terminal cli_terminal;

typedef enum cli_color {
  CLI_COLOR_AUTO = 0, /* on a terminal, unless NO_COLOR or TERM=dumb */
  CLI_COLOR_ALWAYS = 1,
  CLI_COLOR_NEVER = 2
} cli_color;

typedef enum cli_style {
  CLI_STYLE_PLAIN = 0,
  CLI_STYLE_FAILURE = 1,
  CLI_STYLE_FAINT = 2
} cli_style;

/* Looks at standard error once.  Free with cli_terminal_free(). */
cli_terminal *cli_terminal_new(cli_color color);
void cli_terminal_free(cli_terminal *terminal);

/* True if standard error is a terminal that understands "\r". */
bool cli_terminal_is_live(const cli_terminal *terminal);

/*
 * Writes |line| and a newline, the first word up to |head| bytes in |style|.
 * Control characters in it are shown as "\x1b" and the like.
 */
void cli_terminal_say(cli_terminal *terminal, cli_style style, size_t head,
                      ahttp_str line);

/* The same for a formatted line in plain style. */
void cli_terminal_printf(cli_terminal *terminal, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Shows |line| as the progress line, cut to the window; "" takes it away.
 * Nothing happens where cli_terminal_is_live() is false. */
void cli_terminal_set_progress(cli_terminal *terminal, const char *line);

#endif
