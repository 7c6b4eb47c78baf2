/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

#include "cli/name.h"

/*
 * A file's way:
 *
 *   claim    when its line is read: the name is decided, nothing is opened
 *   begin    a response worth keeping has begun; fields of the template that
 *            waited for it are filled in
 *   write    opens NAME.part, exclusively, when the first bytes are written;
 *            for a body of one piece that is when all of it is there, and then
 *            the file has no name at all
 *   commit   NAME.part becomes NAME, or the file without a name gets it, in one
 *            step that replaces nothing
 *   discard  NAME.part is removed; what has no name goes by itself
 *
 * Most files are thus four system calls: openat, write, linkat, close.  To name
 * a file once costs less than to name it twice, on a disk by a third.  A larger
 * body has its NAME.part, so that people see it grow.  Only another process can
 * take a name between claim and commit; the file then gets the next number,
 * which is the one case where a name depends on time.
 */

/* Pieces of a body are put together up to this; a larger body is worth a
 * system call per 64 KiB the library hands over. */
#define PENDING_MAX 16384

/* A name may turn out to be taken by another process only this often. */
#define TRIES_MAX 1000

static ahttp_str output_folder(const cli_output *output)
{
  size_t start = output->name_at;

  /* "/name" is in "/", "a/name" in "a". */
  return (ahttp_str){cli_text_chars(&output->path),
                     start > 1 ? start - 1 : start};
}

static const char *output_name(const cli_output *output)
{
  return cli_text_chars(&output->path) + output->name_at;
}

/* cli_claims_exists_fn: only what was there before can be in the way, so an
 * empty or missing folder need not be asked. */
static bool path_exists(const cli_text *path, void *user_data)
{
  cli_output *output = user_data;
  cli_folder *folder;

  if (cli_folder_acquire(&folder, output->naming->folders,
                         output_folder(output), false) != 0) {
    return false;
  }
  bool exists = false;
  if (!folder->fresh) {
    char part[CLI_SEGMENT_MAX + sizeof(CLI_PART_SUFFIX)];
    const char *name = cli_text_chars(path) + output->name_at;
    (void)snprintf(part, sizeof(part), "%s%s", name, CLI_PART_SUFFIX);
    exists = faccessat(folder->fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
             faccessat(folder->fd, part, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
  }
  cli_folder_release(folder);
  return exists;
}

static void output_expand(cli_output *output, const cli_facts *facts)
{
  const cli_naming *naming = output->naming;

  cli_text_reset(&output->path);
  if (naming->folder != NULL) {
    cli_text_add(&output->path, naming->folder);
    cli_text_append_byte(&output->path, '/');
  }
  cli_template_expand(naming->template, facts, &output->path);
  /* A number added later does not move it. */
  output->name_at = cli_name_start(cli_text_str(&output->path));
}

/* Somebody else has taken the name since it was claimed: takes another. */
static void output_claim_again(cli_output *output)
{
  (void)cli_claims_take(output->naming->claims, &output->path, path_exists,
                        output);
}

/* Names the file to write to; |attempt| counts from 0. */
static void output_set_part(cli_output *output, unsigned attempt)
{
  cli_text_reset(&output->part);
  cli_text_add(&output->part, output_name(output));
  if (output->naming->overwrite) {
    cli_name_fit(&output->part, 0, CLI_NAME_MAX);
  }
  if (attempt > 0 && output->naming->overwrite) {
    cli_name_add_number(&output->part, attempt);
  }
  cli_text_add(&output->part, CLI_PART_SUFFIX);
}

static int output_open(cli_output *output)
{
  int rv = cli_folder_acquire(&output->target, output->naming->folders,
                              output_folder(output), true);
  if (rv != 0) {
    return rv;
  }
  for (unsigned attempt = 0; attempt < TRIES_MAX; attempt++) {
    output_set_part(output, attempt);
    output->fd = openat(output->target->fd, cli_text_chars(&output->part),
                        O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (output->fd >= 0) {
      return 0;
    }
    if (errno != EEXIST) {
      break;
    }
    if (!output->naming->overwrite) {
      output_claim_again(output);
    }
  }
  rv = errno;
  cli_folder_release(output->target);
  output->target = NULL;
  return rv;
}

/* Opens a file that gets its name when it is complete.  False if that is not
 * possible here. */
static bool output_open_unnamed(cli_output *output)
{
  cli_folder *folder;

  /* A name that is taken cannot be given in one step. */
  if (output->naming->overwrite ||
      cli_folder_acquire(&folder, output->naming->folders,
                         output_folder(output), true) != 0) {
    return false;
  }
  if (folder->unnamed) {
    output->fd = openat(folder->fd, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0666);
    folder->unnamed = output->fd >= 0;
  }
  if (output->fd < 0) {
    cli_folder_release(folder);
    return false;
  }
  output->target = folder;
  output->unnamed = true;
  return true;
}

/* Opens the file to write to, |whole| if all of it is there; 0 or an errno. */
static int output_open_for(cli_output *output, bool whole)
{
  return whole && output_open_unnamed(output) ? 0 : output_open(output);
}

/* True if the file, once |pending| and what is being written are in it, is
 * complete. */
static bool output_is_whole(const cli_output *output)
{
  return output->length >= 0 && output->received >= (uint64_t)output->length;
}

/* Writes what is pending, then |len| bytes more, with one call if it can. */
static int output_flush(cli_output *output, const void *data, size_t len,
                        bool whole)
{
  union {
    const void *given;
    void *wanted; /* writev() only reads */
  } bytes = {.given = data};
  struct iovec parts[2] = {
      {.iov_base = output->pending.ptr, .iov_len = output->pending.len},
      {.iov_base = bytes.wanted, .iov_len = len},
  };
  size_t at = parts[0].iov_len == 0 ? 1 : 0;

  if (output->fd < 0) {
    int rv = output_open_for(output, whole);
    if (rv != 0) {
      return rv;
    }
  }
  while (at < 2 && parts[at].iov_len > 0) {
    ssize_t count = at == 1
                        ? write(output->fd, parts[1].iov_base, parts[1].iov_len)
                        : writev(output->fd, parts, len > 0 ? 2 : 1);
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count <= 0) {
      return count == 0 ? EIO : errno;
    }
    size_t done = (size_t)count;
    while (at < 2 && done >= parts[at].iov_len) {
      done -= parts[at].iov_len;
      at++;
    }
    if (at < 2) {
      parts[at].iov_base = (char *)parts[at].iov_base + done;
      parts[at].iov_len -= done;
    }
  }
  cli_text_reset(&output->pending);
  return 0;
}

/* Closes the file and gives the folder back; 0 or an errno. */
static int output_close(cli_output *output)
{
  int rv = 0;

  if (output->fd >= 0) {
    rv = close(output->fd) == 0 ? 0 : errno;
    output->fd = -1;
  }
  return rv;
}

static void output_release(cli_output *output)
{
  cli_folder_release(output->target);
  output->target = NULL;
  output->unnamed = false;
  output->received = 0;
  output->length = -1;
  cli_text_reset(&output->pending);
}

/* Gives a file without a name its name; 0 or an errno. */
static int output_link(const cli_output *output)
{
  int folder = output->target->fd;
  const char *name = output_name(output);
  char path[32];

  if (linkat(output->fd, "", folder, name, AT_EMPTY_PATH) == 0) {
    return 0;
  }
  if (errno == EEXIST) {
    return errno;
  }
  /* Before Linux 6.10 that took a privilege; this takes /proc. */
  (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", output->fd);
  return linkat(AT_FDCWD, path, folder, name, AT_SYMLINK_FOLLOW) == 0 ? 0
                                                                      : errno;
}

/* Copies what could not get a name into a file with one; 0 or an errno. */
static int output_copy_to_part(cli_output *output)
{
  int from = output->fd;
  off_t at = 0;
  off_t end = lseek(from, 0, SEEK_END);

  output->target->unnamed = false;
  cli_folder_release(output->target);
  output->unnamed = false;
  output->fd = -1;
  int rv = end < 0 ? errno : output_open(output);
  while (rv == 0 && at < end) {
    ssize_t count = sendfile(output->fd, from, &at, (size_t)(end - at));
    if (count == 0) {
      rv = EIO;
    } else if (count < 0 && errno != EINTR) {
      rv = errno;
    }
  }
  (void)close(from); /* it was only read */
  return rv;
}

/* Gives the file its final name without replacing another; 0 or an errno. */
static int output_rename_new(cli_output *output)
{
  int folder = output->target->fd;
  const char *part = cli_text_chars(&output->part);
  const char *name = output_name(output);

  if (renameat2(folder, part, folder, name, RENAME_NOREPLACE) == 0) {
    return 0;
  }
  if (errno != EINVAL && errno != ENOSYS) {
    return errno;
  }
  /* Not every file system has it; a second link does not replace either. */
  if (linkat(folder, part, folder, name, 0) != 0) {
    return errno;
  }
  return unlinkat(folder, part, 0) == 0 ? 0 : errno;
}

static int output_give_name(cli_output *output)
{
  return output->unnamed ? output_link(output) : output_rename_new(output);
}

/* The same, with the next number as long as the name is taken. */
static int output_name_new(cli_output *output)
{
  int rv = output_give_name(output);

  for (unsigned tries = 0; rv == EEXIST && tries < TRIES_MAX; tries++) {
    output_claim_again(output);
    rv = output_give_name(output);
  }
  return rv;
}

/* Closes NAME.part, which then becomes NAME; 0 or an errno. */
static int output_close_and_rename(cli_output *output)
{
  int rv = output_close(output);

  if (rv != 0) {
    return rv;
  }
  if (!output->naming->overwrite) {
    return output_name_new(output);
  }
  int folder = output->target->fd;
  return renameat(folder, cli_text_chars(&output->part), folder,
                  output_name(output)) == 0
             ? 0
             : errno;
}

/* Names the file without a name, and closes it; 0 or an errno. */
static int output_link_and_close(cli_output *output)
{
  int rv = output_name_new(output);

  if (rv != 0) {
    rv = output_copy_to_part(output);
    return rv == 0 ? output_close_and_rename(output) : rv;
  }
  rv = output_close(output);
  if (rv != 0) {
    (void)unlinkat(output->target->fd, output_name(output), 0);
  }
  return rv;
}

void cli_output_init(cli_output *output, const cli_naming *naming)
{
  *output = (cli_output){.naming = naming, .fd = -1, .length = -1};
}

void cli_output_clear(cli_output *output)
{
  cli_output_discard(output);
  cli_text_clear(&output->path);
  cli_text_clear(&output->part);
  cli_text_clear(&output->pending);
}

void cli_output_claim(cli_output *output, const cli_facts *facts)
{
  output_expand(output, facts);
  if (output->naming->overwrite) {
    return;
  }
  output->number = cli_claims_take(output->naming->claims, &output->path,
                                   path_exists, output);
}

void cli_output_begin(cli_output *output, int64_t length)
{
  output->length = length;
}

bool cli_output_awaits_head(const cli_output *output)
{
  return cli_template_is_late(output->naming->template);
}

void cli_output_finish_name(cli_output *output, const cli_facts *facts)
{
  output_expand(output, facts);
  if (output->number > 0) {
    cli_name_add_number(&output->path, output->number);
  }
}

int cli_output_write(cli_output *output, const void *data, size_t len)
{
  output->received += len;
  bool is_last = output_is_whole(output);

  if (!is_last && output->pending.len + len <= PENDING_MAX) {
    cli_text_append(&output->pending, data, len);
    return 0;
  }
  return output_flush(output, data, len, is_last);
}

int cli_output_commit(cli_output *output)
{
  int rv = 0;

  if (output->fd < 0 || output->pending.len > 0) {
    rv = output_flush(output, NULL, 0, true);
  }
  if (rv == 0) {
    rv = output->unnamed ? output_link_and_close(output)
                         : output_close_and_rename(output);
  }
  if (rv != 0) {
    cli_output_discard(output);
    return rv;
  }
  output_release(output);
  return 0;
}

void cli_output_discard(cli_output *output)
{
  (void)output_close(output);
  if (output->target != NULL && !output->unnamed) {
    (void)unlinkat(output->target->fd, cli_text_chars(&output->part), 0);
  }
  output_release(output);
}
