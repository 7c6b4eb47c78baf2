/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "cli/folders.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/memory.h"
#include "cli/text.h"

/* Folders kept open although nobody writes to them: enough for a list that
 * goes round some dozens of hosts, small beside the 1024 descriptors a process
 * usually has. */
#define FOLDERS_IDLE_MAX 64

struct cli_folders {
  cli_folder **items;
  size_t count;
  size_t uses; /* counts acquisitions, as a clock */
};

/* Makes |path| and its parents; 0 or an errno.  |*made| tells whether the last
 * one is new. */
static int folder_make(const char *path, bool *made)
{
  cli_text prefix = {0};
  int rv = 0;

  *made = false;
  for (size_t at = 0; rv == 0;) {
    at += strspn(path + at, "/");
    at += strcspn(path + at, "/");
    cli_text_reset(&prefix);
    cli_text_append(&prefix, path, at);
    *made = mkdir(prefix.ptr, 0777) == 0;
    if (!*made && errno != EEXIST) {
      rv = errno;
    }
    if (path[at] == '\0') {
      break;
    }
  }
  cli_text_clear(&prefix);
  return rv;
}

static bool folder_is_empty(int fd)
{
  int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *dir = copy < 0 ? NULL : fdopendir(copy);
  bool empty = true;

  if (dir == NULL) {
    if (copy >= 0) {
      (void)close(copy);
    }
    return false;
  }
  for (struct dirent *entry = readdir(dir); entry != NULL && empty;
       entry = readdir(dir)) {
    empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
  }
  (void)closedir(dir);
  return empty;
}

/* Sets |*fd| and |*fresh|; 0 or an errno. */
static int folder_open(int *fd, bool *fresh, const char *path, bool make)
{
  const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  const char *name = path[0] == '\0' ? "." : path;
  bool made = false;

  *fd = open(name, flags);
  if (*fd < 0 && errno == ENOENT && make) {
    int rv = folder_make(name, &made);
    if (rv != 0) {
      return rv;
    }
    *fd = open(name, flags);
  }
  if (*fd < 0) {
    return errno;
  }
  *fresh = made || folder_is_empty(*fd);
  return 0;
}

static void folder_free(cli_folder *folder)
{
  (void)close(folder->fd);
  free(folder->path);
  free(folder);
}

/* Closes the one that nobody has used for longest, if there are too many. */
static void folders_trim(cli_folders *folders)
{
  size_t oldest = folders->count;

  if (folders->count < FOLDERS_IDLE_MAX) {
    return;
  }
  for (size_t i = 0; i < folders->count; i++) {
    const cli_folder *folder = folders->items[i];
    if (folder->users == 0 &&
        (oldest == folders->count ||
         folder->last_use < folders->items[oldest]->last_use)) {
      oldest = i;
    }
  }
  if (oldest < folders->count) {
    folder_free(folders->items[oldest]);
    folders->items[oldest] = folders->items[--folders->count];
  }
}

static cli_folder *folders_find(const cli_folders *folders, ahttp_str path)
{
  for (size_t i = 0; i < folders->count; i++) {
    cli_folder *folder = folders->items[i];
    if (folder->path_len == path.len &&
        memcmp(folder->path, path.ptr, path.len) == 0) {
      return folder;
    }
  }
  return NULL;
}

cli_folders *cli_folders_new(void)
{
  return cli_calloc(1, sizeof(cli_folders));
}

void cli_folders_free(cli_folders *folders)
{
  if (folders == NULL) {
    return;
  }
  for (size_t i = 0; i < folders->count; i++) {
    folder_free(folders->items[i]);
  }
  free(folders->items);
  free(folders);
}

int cli_folder_acquire(cli_folder **out, cli_folders *folders, ahttp_str path,
                       bool make)
{
  cli_folder *folder = folders_find(folders, path);

  *out = NULL;
  if (folder == NULL) {
    int fd;
    bool fresh = false;
    cli_text name = {0};
    cli_text_append_str(&name, path);
    int rv = folder_open(&fd, &fresh, cli_text_chars(&name), make);
    if (rv != 0) {
      cli_text_clear(&name);
      return rv;
    }
    folders_trim(folders);
    folder = cli_calloc(1, sizeof(*folder));
    *folder = (cli_folder){.fd = fd,
                           .fresh = fresh,
                           .unnamed = true,
                           .path = name.ptr,
                           .path_len = path.len};
    folders->items = cli_realloc(folders->items, (folders->count + 1) *
                                                     sizeof(*folders->items));
    folders->items[folders->count++] = folder;
  }
  folder->users++;
  folder->last_use = ++folders->uses;
  *out = folder;
  return 0;
}

void cli_folder_release(cli_folder *folder)
{
  if (folder != NULL) {
    folder->users--;
  }
}
