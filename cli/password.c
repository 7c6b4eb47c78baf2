/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "cli/password.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* As much as a terminal gives in one line. */
#define LINE_BYTES_MAX 4096

/* What came instead of a line. */
#define LINE_INTERRUPTED (-2)

static void write_text(int fd, const char *text)
{
  size_t len = strlen(text);

  while (len > 0) {
    ssize_t written = write(fd, text, len);
    if (written < 0 && errno != EINTR) {
      return; /* then the user does not see the question */
    }
    if (written > 0) {
      text += written;
      len -= (size_t)written;
    }
  }
}

/*
 * Asks for a line that is not shown; returns its length without the newline, -1
 * at the end of input or LINE_INTERRUPTED.  The terminal does not turn keys
 * into signals meanwhile, so that none can end us before it shows what is typed
 * again; the key of the interrupt ends the line instead.
 */
static ssize_t read_hidden(int fd, const char *user, char *line)
{
  struct termios shown;
  ssize_t len;

  if (tcgetattr(fd, &shown) != 0) {
    return -1;
  }
  struct termios hidden = shown;
  hidden.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL | ISIG);
  hidden.c_cc[VEOL] = shown.c_cc[VINTR];
  if (tcsetattr(fd, TCSAFLUSH, &hidden) != 0) {
    return -1;
  }
  write_text(fd, "Password for ");
  write_text(fd, user);
  write_text(fd, ": ");
  do {
    len = read(fd, line, LINE_BYTES_MAX);
  } while (len < 0 && errno == EINTR);
  (void)tcsetattr(fd, TCSAFLUSH, &shown);
  write_text(fd, "\n"); /* the one that was typed was not shown */
  if (len > 0 && line[len - 1] == (char)shown.c_cc[VINTR]) {
    return LINE_INTERRUPTED;
  }
  if (len > 0 && line[len - 1] == '\n') {
    return len - 1;
  }
  return len > 0 ? len : -1;
}

int cli_password_ask(cli_text *out, const char *user, cli_text *problem)
{
  char line[LINE_BYTES_MAX];
  int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);

  if (fd < 0) {
    cli_text_printf(problem,
                    "--user has no password for \"%s\", and there is no "
                    "terminal to ask for it; say USER:PASSWORD",
                    user);
    return -1;
  }
  ssize_t len = read_hidden(fd, user, line);
  (void)close(fd); /* nothing is left to be written */
  if (len == LINE_INTERRUPTED) {
    (void)raise(SIGINT);
  }
  if (len < 0) {
    cli_text_printf(problem, "no password for \"%s\" was given", user);
    return -1;
  }
  cli_text_append(out, line, (size_t)len);
  explicit_bzero(line, sizeof(line));
  return 0;
}
