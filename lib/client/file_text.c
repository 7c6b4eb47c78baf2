/* SPDX-License-Identifier: MIT */
/*
 * Replacing a file: write a new one beside it, have it on the disk (fsync), and
 * rename it to the old one's name, which is one step for everybody who looks;
 * then have the folder's entry on the disk.  A full disk, a signal or a crash
 * at any moment leaves the old file whole.
 */
#include "config.h"

#include "client/file_text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <uv.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"

enum {
  READ_BYTES = 16 * 1024
};

/* |number| is an errno. */
static int fail(ahttp_error *err, const char *what, const char *path,
                int number)
{
  char phrase[128];
  ah_error_set(err, AHTTP_EFILE, AHTTP_PHASE_NONE, AHTTP_DOMAIN_OS, number,
               "cannot %s %s: %s", what, path,
               uv_strerror_r(-number, phrase, sizeof(phrase)));
  return AHTTP_EFILE;
}

/* --- Reading. --------------------------------------------------------------
 */

/* 0, an errno, or (negative) an error of ah_buf_reserve(). */
static int read_all(int fd, ah_buf *buf)
{
  for (;;) {
    int rv = ah_buf_reserve(buf, READ_BYTES);
    if (rv != AHTTP_OK) {
      return rv;
    }
    ssize_t len = read(fd, buf->data + buf->tail, READ_BYTES);
    if (len == 0) {
      return 0;
    }
    if (len > 0) {
      buf->tail += (size_t)len;
    } else if (errno != EINTR) {
      return errno;
    }
  }
}

int ah_file_text_read(const char *path, ah_buf *buf, ahttp_error *err)
{
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return fail(err, "read", path, errno);
  }
  int rv = read_all(fd, buf);
  (void)close(fd); /* it was only read */
  if (rv == AHTTP_ELIMIT) {
    ah_error_say(err, rv, AHTTP_PHASE_NONE, "%s is too large", path);
  } else if (rv < 0) {
    ah_error_plain(err, rv, AHTTP_PHASE_NONE);
  } else if (rv > 0) {
    return fail(err, "read", path, rv);
  }
  return rv;
}

/* --- Writing. --------------------------------------------------------------
 */

/* 0 or an errno. */
static int write_all(int fd, ahttp_str text)
{
  size_t done = 0;
  while (done < text.len) {
    ssize_t len = write(fd, text.ptr + done, text.len - done);
    if (len >= 0) {
      done += (size_t)len;
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

/* Has what was written on the disk.  0 or an errno. */
static int sync_file(int fd)
{
  /* EINVAL: a file system that has no disk. */
  return fsync(fd) != 0 && errno != EINVAL ? errno : 0;
}

static int write_directly(const char *path, ahttp_str text)
{
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) {
    return errno;
  }
  int number = write_all(fd, text);
  if (close(fd) != 0 && number == 0) {
    number = errno;
  }
  return number;
}

/* The rename is done; a folder that cannot be synced has it all the same. */
static void sync_folder(char *path)
{
  char *slash = strrchr(path, '/');
  const char *folder = path;
  if (slash == NULL) {
    folder = ".";
  } else if (slash == path) {
    folder = "/";
  } else {
    *slash = '\0';
  }
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd >= 0) {
    (void)fsync(fd);
    (void)close(fd);
  }
}

/* Writes |text| to a new file beside |path| and renames it.  |temporary| has
 * room for the new one's name.  0 or an errno. */
static int write_and_rename(const char *path, ahttp_str text, char *temporary,
                            size_t cap)
{
  (void)snprintf(temporary, cap, "%s.XXXXXX", path);
  int fd = mkostemp(temporary, O_CLOEXEC); /* mode 0600 */
  if (fd < 0) {
    return errno;
  }
  int number = write_all(fd, text);
  if (number == 0) {
    number = sync_file(fd);
  }
  if (close(fd) != 0 && number == 0) {
    number = errno;
  }
  if (number == 0 && rename(temporary, path) != 0) {
    number = errno;
  }
  if (number != 0) {
    (void)unlink(temporary);
    return number;
  }
  sync_folder(temporary);
  return 0;
}

int ah_file_text_replace(const char *path, ahttp_str text, ahttp_error *err)
{
  struct stat status;
  bool exists = stat(path, &status) == 0;
  int number;
  if (exists && !S_ISREG(status.st_mode)) {
    number = write_directly(path, text);
    return number == 0 ? AHTTP_OK : fail(err, "write", path, number);
  }
  /* A link stays one: its target is replaced. */
  char real[PATH_MAX];
  if (!exists || realpath(path, real) == NULL) {
    (void)snprintf(real, sizeof(real), "%s", path);
  }
  size_t cap = strlen(real) + sizeof(".XXXXXX");
  char *temporary = ah_malloc(cap);
  if (temporary == NULL) {
    ah_error_plain(err, AHTTP_ENOMEM, AHTTP_PHASE_NONE);
    return AHTTP_ENOMEM;
  }
  number = write_and_rename(real, text, temporary, cap);
  ah_free(temporary);
  return number == 0 ? AHTTP_OK : fail(err, "write", path, number);
}
