/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cli/exit_code.h"
#include "cli/fetch.h"
#include "cli/help.h"
#include "cli/options.h"
#include "cli/terminal.h"

/* A descriptor of the first three that is closed would be given to the next
 * file, and messages written into that.  What stands in for it can only be used
 * the wrong way round, so that reading or writing it is an error as before. */
static void reserve_standard_descriptors(void)
{
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
    if (fcntl(fd, F_GETFD) < 0) {
      (void)open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    }
  }
}

/* Many jobs need many descriptors; the usual soft limit of 1024 is for programs
 * that use select(). */
static void raise_descriptor_limit(void)
{
  struct rlimit limit;

  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
      limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit); /* as many as there are, then */
  }
}

/* What was printed must have arrived. */
static int finish_stdout(void)
{
  if (fflush(stdout) != 0 || ferror(stdout) != 0) {
    return CLI_EXIT_IO;
  }
  return 0;
}

static int say_usage(const char *problem)
{
  cli_terminal *terminal = cli_terminal_new(CLI_COLOR_NEVER);

  cli_terminal_printf(terminal, "ahttp: %s", problem);
  cli_terminal_free(terminal);
  return CLI_EXIT_USAGE;
}

static int run_help(const char *topic)
{
  cli_text problem = {0};

  if (cli_help_print(stdout, topic) == 0) {
    return finish_stdout();
  }
  cli_text_printf(&problem,
                  "there is no help about \"%s\"; try get, templates or exit",
                  topic);
  int code = say_usage(cli_text_chars(&problem));
  cli_text_clear(&problem);
  return code;
}

static int run_version(void)
{
  cli_version_print(stdout);
  return finish_stdout();
}

static int run_get(int argc, char **argv)
{
  cli_options options;
  cli_text problem = {0};
  int code;

  if (cli_options_parse(&options, argc, argv, &problem) != 0) {
    code = say_usage(cli_text_chars(&problem));
  } else if (options.help) {
    code = run_help("get");
  } else {
    raise_descriptor_limit();
    cli_terminal *terminal = cli_terminal_new(options.color);
    code = cli_fetch(&options, terminal);
    cli_terminal_free(terminal);
  }
  cli_options_clear(&options);
  cli_text_clear(&problem);
  return code;
}

static int run_unknown(const char *word)
{
  cli_text problem = {0};

  if (word[0] == '-') {
    cli_text_printf(&problem,
                    "options come after the command: ahttp get %s ...", word);
  } else {
    cli_text_printf(&problem,
                    "there is no command \"%s\"; to fetch a URL say "
                    "ahttp get %s",
                    word, strpbrk(word, ".:/") != NULL ? word : "URL");
  }
  int code = say_usage(cli_text_chars(&problem));
  cli_text_clear(&problem);
  return code;
}

int main(int argc, char **argv)
{
  const char *command = argc > 1 ? argv[1] : "";

  reserve_standard_descriptors();
  if (strcmp(command, "get") == 0) {
    return run_get(argc - 2, argv + 2);
  }
  if (strcmp(command, "help") == 0 || strcmp(command, "--help") == 0 ||
      strcmp(command, "-h") == 0) {
    return run_help(argc > 2 ? argv[2] : NULL);
  }
  if (strcmp(command, "version") == 0 || strcmp(command, "--version") == 0 ||
      strcmp(command, "-V") == 0) {
    return run_version();
  }
  if (argc < 2) {
    return say_usage("no command; ahttp help tells what there is");
  }
  return run_unknown(command);
}
