/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
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
 *            for a body of one piece that is when all of it is there
 *   commit   NAME.part becomes NAME, in one step that replaces nothing
 *   discard  NAME.part is removed
 *
 * Most files are thus four system calls: openat, write, close, renameat2.  Only
 * another process can take a name between claim and commit; the file then gets
 * the next number, which is the one case where a name depends on time.
 */

/* Pieces of a body are put together up to this; a larger body is worth a
 * system call per 64 KiB the library hands over. */
#define PENDING_MAX 16384

/* A name may turn out to be taken by another process only this often. */
#define TRIES_MAX 1000

static ahttp_str output_folder(const cli_output *output)
{
  ahttp_str path = cli_text_str(&output->path);
  size_t start = cli_name_start(path);

  /* "/name" is in "/", "a/name" in "a". */
  return (ahttp_str){path.ptr, start > 1 ? start - 1 : start};
}

static const char *output_name(const cli_output *output)
{
  return cli_text_chars(&output->path) +
         cli_name_start(cli_text_str(&output->path));
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
    const char *name =
        cli_text_chars(path) + cli_name_start(cli_text_str(path));
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

/* Writes what is pending, then |len| bytes more, with one call if it can. */
static int output_flush(cli_output *output, const void *data, size_t len)
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
    int rv = output_open(output);
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
  output->received = 0;
  output->length = -1;
  cli_text_reset(&output->pending);
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

static int output_rename(cli_output *output)
{
  int folder = output->target->fd;

  if (output->naming->overwrite) {
    return renameat(folder, cli_text_chars(&output->part), folder,
                    output_name(output)) == 0
               ? 0
               : errno;
  }
  int rv = output_rename_new(output);
  for (unsigned tries = 0; rv == EEXIST && tries < TRIES_MAX; tries++) {
    output_claim_again(output);
    rv = output_rename_new(output);
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

void cli_output_begin(cli_output *output, const cli_facts *facts,
                      int64_t length)
{
  output->length = length;
  if (!cli_template_is_late(output->naming->template)) {
    return;
  }
  output_expand(output, facts);
  if (output->number > 0) {
    cli_name_add_number(&output->path, output->number);
  }
}

int cli_output_write(cli_output *output, const void *data, size_t len)
{
  output->received += len;
  bool is_last =
      output->length >= 0 && output->received >= (uint64_t)output->length;

  if (!is_last && output->pending.len + len <= PENDING_MAX) {
    cli_text_append(&output->pending, data, len);
    return 0;
  }
  return output_flush(output, data, len);
}

int cli_output_commit(cli_output *output)
{
  int rv = 0;

  if (output->fd < 0 || output->pending.len > 0) {
    rv = output_flush(output, NULL, 0);
  }
  int close_rv = output_close(output);
  if (rv == 0) {
    rv = close_rv;
  }
  if (rv == 0) {
    rv = output_rename(output);
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
  if (output->target != NULL) {
    (void)unlinkat(output->target->fd, cli_text_chars(&output->part), 0);
  }
  output_release(output);
}
