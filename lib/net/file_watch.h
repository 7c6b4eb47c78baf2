/* SPDX-License-Identifier: MIT */
#ifndef AH_NET_FILE_WATCH_H
#define AH_NET_FILE_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/* Notices that a file was changed, replaced, made or removed. */
typedef struct ah_file_watch {
  const char *path; /* the owner's */
  uint32_t interval_ms;
  uint64_t next_ms; /* not looked at before */
  bool exists;
  struct stat seen; /* meaningful while |exists| */
} ah_file_watch;

void ah_file_watch_init(ah_file_watch *watch, const char *path,
                        uint32_t interval_ms);

/* True if the file differs from what the last call saw (the first one compares
 * with no file).  The file system is asked at most once in |interval_ms|. */
bool ah_file_watch_changed(ah_file_watch *watch, uint64_t now_ms);

#endif
