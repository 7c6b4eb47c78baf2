/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "cli/terminal.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/memory.h"
#include "cli/unicode.h"

/* Used where the terminal does not tell its width. */
#define TERMINAL_WIDTH_DEFAULT 80

struct cli_terminal {
  bool live;       /* a terminal that understands "\r" and "\033[K" */
  bool color;      /* styles are written */
  bool in_line;    /* a progress line is on the screen */
  cli_text output; /* being put together for one write */
};

/* Standard error may have been made non-blocking by whoever shares it. */
static void stderr_write(const char *bytes, size_t len)
{
  while (len > 0) {
    ssize_t count = write(STDERR_FILENO, bytes, len);
    if (count > 0) {
      bytes += count;
      len -= (size_t)count;
    } else if (count < 0 && errno == EAGAIN) {
      struct pollfd ready = {.fd = STDERR_FILENO, .events = POLLOUT};
      (void)poll(&ready, 1, -1);
    } else if (count == 0 || errno != EINTR) {
      return; /* nobody is left to be told */
    }
  }
}

static void terminal_flush(cli_terminal *terminal)
{
  stderr_write(cli_text_chars(&terminal->output), terminal->output.len);
  cli_text_reset(&terminal->output);
}

static void terminal_take_line_away(cli_terminal *terminal)
{
  if (terminal->in_line) {
    cli_text_add(&terminal->output, "\r\033[K");
    terminal->in_line = false;
  }
}

/* Appends |text|, controls and broken UTF-8 made visible. */
static void append_visible(cli_text *out, ahttp_str text)
{
  size_t at = 0;

  while (at < text.len) {
    uint32_t point;
    size_t len = cli_utf8_decode(&point, text.ptr + at, text.len - at);
    if (len == 0 || cli_point_is_control(point)) {
      size_t hidden = len == 0 ? 1 : len;
      for (size_t i = 0; i < hidden; i++) {
        cli_text_printf(out, "\\x%02x", (unsigned)(uint8_t)text.ptr[at + i]);
      }
      at += hidden;
    } else {
      cli_text_append(out, text.ptr + at, len);
      at += len;
    }
  }
}

/* https://no-color.org and https://bixense.com/clicolors */
static bool color_is_wanted(cli_color color, bool live)
{
  const char *off = getenv("NO_COLOR");
  const char *force = getenv("CLICOLOR_FORCE");

  if (color != CLI_COLOR_AUTO) {
    return color == CLI_COLOR_ALWAYS;
  }
  if (off != NULL && off[0] != '\0') {
    return false;
  }
  return live || (force != NULL && force[0] != '\0' && force[0] != '0');
}

cli_terminal *cli_terminal_new(cli_color color)
{
  cli_terminal *terminal = cli_calloc(1, sizeof(*terminal));
  const char *type = getenv("TERM");
  bool dumb = type == NULL || strcmp(type, "dumb") == 0;

  terminal->live = !dumb && isatty(STDERR_FILENO) == 1;
  terminal->color = color_is_wanted(color, terminal->live);
  return terminal;
}

void cli_terminal_free(cli_terminal *terminal)
{
  if (terminal == NULL) {
    return;
  }
  terminal_take_line_away(terminal);
  terminal_flush(terminal);
  cli_text_clear(&terminal->output);
  free(terminal);
}

bool cli_terminal_is_live(const cli_terminal *terminal)
{
  return terminal->live;
}

void cli_terminal_say(cli_terminal *terminal, cli_style style, size_t head,
                      ahttp_str line)
{
  static const char *const codes[] = {
      [CLI_STYLE_PLAIN] = "",
      [CLI_STYLE_FAILURE] = "\033[1;31m",
      [CLI_STYLE_FAINT] = "\033[2m",
  };
  cli_text *out = &terminal->output;
  bool styled = terminal->color && style != CLI_STYLE_PLAIN;

  if (head > line.len) {
    head = line.len;
  }
  terminal_take_line_away(terminal);
  cli_text_add(out, styled ? codes[style] : "");
  append_visible(out, (ahttp_str){line.ptr, head});
  cli_text_add(out, styled ? "\033[0m" : "");
  append_visible(out, (ahttp_str){line.ptr + head, line.len - head});
  cli_text_append_byte(out, '\n');
  terminal_flush(terminal);
}

void cli_terminal_printf(cli_terminal *terminal, const char *format, ...)
{
  char line[1024]; /* option and system messages; longer ones are cut */
  va_list args;

  va_start(args, format);
  int len = vsnprintf(line, sizeof(line), format, args);
  va_end(args);
  if (len < 0) {
    return;
  }
  cli_terminal_say(terminal, CLI_STYLE_PLAIN, 0,
                   (ahttp_str){line, strlen(line)});
}

static size_t terminal_width(void)
{
  struct winsize size;

  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) {
    return TERMINAL_WIDTH_DEFAULT;
  }
  return size.ws_col;
}

void cli_terminal_set_progress(cli_terminal *terminal, const char *line)
{
  size_t len = strlen(line);

  if (!terminal->live) {
    return;
  }
  terminal_take_line_away(terminal);
  if (len > 0) {
    /* The last column stays free: writing there wraps on some terminals. */
    size_t width = terminal_width() - 1;
    cli_text_append(&terminal->output, line, len < width ? len : width);
    terminal->in_line = true;
  }
  terminal_flush(terminal);
}
