/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "cli/naming.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The file itself, where -o names a link to it: renaming would put the new
 * file in the link's place. */
static void append_target(cli_text *out, const char *path)
{
  char target[PATH_MAX];
  struct stat info;
  bool is_link = lstat(path, &info) == 0 && S_ISLNK(info.st_mode);

  if (!is_link || strpbrk(path, "{}") != NULL ||
      realpath(path, target) == NULL) {
    cli_text_add(out, path);
    return;
  }
  for (const char *at = target; *at != '\0'; at++) {
    cli_text_append_byte(out, *at);
    if (*at == '{' || *at == '}') {
      cli_text_append_byte(out, *at); /* braces are doubled in a template */
    }
  }
}

int cli_naming_init(cli_naming *naming, const cli_options *options,
                    cli_text *problem)
{
  cli_text text = {0};

  *naming = (cli_naming){.folder = options->folder};
  if (options->output == NULL) {
    cli_text_add(&text, "{name}");
  } else {
    append_target(&text, options->output);
    naming->overwrite = cli_options_is_single(options);
    if (text.ptr[text.len - 1] == '/') {
      cli_text_add(&text, "{name}");
    }
  }
  if (text.ptr[0] == '/') {
    naming->folder = NULL;
  }
  int rv = cli_template_new(&naming->template, text.ptr, problem);
  cli_text_clear(&text);
  if (rv == 0) {
    naming->folders = cli_folders_new();
    naming->claims = cli_claims_new();
  }
  return rv;
}

void cli_naming_clear(cli_naming *naming)
{
  cli_template_free(naming->template);
  cli_folders_free(naming->folders);
  cli_claims_free(naming->claims);
  *naming = (cli_naming){0};
}

int cli_naming_open_device(const cli_options *options, cli_text *problem)
{
  const char *path = options->output;
  struct stat info;

  if (path == NULL || stat(path, &info) != 0 || S_ISREG(info.st_mode)) {
    return -1;
  }
  if (S_ISDIR(info.st_mode)) {
    if (path[strlen(path) - 1] == '/') {
      return -1; /* a name is put behind it */
    }
    cli_text_printf(problem, "%s is a folder; put files into it with -P %s",
                    path, path);
    return -2;
  }
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) {
    cli_text_printf(problem, "cannot write to %s: %s", path, strerror(errno));
    return -2;
  }
  return fd;
}
