/* SPDX-License-Identifier: MIT */
#ifndef CLI_FOLDERS_H
#define CLI_FOLDERS_H

#include <stdbool.h>
#include <stddef.h>

#include <ahttp/types.h>

/*
 * Folders that files are written to, held open: a file then costs no walk from
 * the root and no mkdir.  A pool with least recent use first to go.
 */
typedef struct cli_folders cli_folders;

typedef struct cli_folder {
  int fd;
  bool fresh;   /* it was empty when first seen: all in it is this run's */
  bool unnamed; /* files can be written here without a name and named later;
                   true until one could not */
  char *path;
  size_t path_len;
  size_t users; /* acquired and not released; it stays open for them */
  size_t last_use;
} cli_folder;

cli_folders *cli_folders_new(void);
void cli_folders_free(cli_folders *folders);

/*
 * The folder at |path| ("" is the current one), made with its parents if
 * |make| says so.  Returns 0 and sets |*out|, or sets it to NULL and returns
 * an errno.  Give back with cli_folder_release().
 */
int cli_folder_acquire(cli_folder **out, cli_folders *folders, ahttp_str path,
                       bool make);
void cli_folder_release(cli_folder *folder);

#endif
