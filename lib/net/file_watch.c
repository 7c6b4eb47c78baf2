/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "net/file_watch.h"

#include <string.h>

static bool stat_is_equal(const struct stat *a, const struct stat *b)
{
  return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
         a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
         a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

void ah_file_watch_init(ah_file_watch *watch, const char *path,
                        uint32_t interval_ms)
{
  memset(watch, 0, sizeof(*watch));
  watch->path = path;
  watch->interval_ms = interval_ms;
}

bool ah_file_watch_changed(ah_file_watch *watch, uint64_t now_ms)
{
  if (now_ms < watch->next_ms) {
    return false;
  }
  watch->next_ms = now_ms + watch->interval_ms;
  struct stat now;
  bool exists = stat(watch->path, &now) == 0;
  bool is_changed =
      exists != watch->exists || (exists && !stat_is_equal(&now, &watch->seen));
  watch->exists = exists;
  if (exists) {
    watch->seen = now;
  }
  return is_changed;
}
