/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/output.h"

/* What the system is not to be able to do, set by each case.  The functions
 * here take the place of the C library's. */
static struct {
  bool link_descriptor; /* linkat() with AT_EMPTY_PATH: Linux before 6.10 */
  bool link_proc;       /* linkat() by way of /proc */
  bool unnamed;         /* openat() with O_TMPFILE: not every file system */
} system_lacks;

int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags)
{
  bool is_proc = strncmp(from, "/proc/", 6) == 0;
  if (is_proc ? system_lacks.link_proc : system_lacks.link_descriptor) {
    errno = ENOENT;
    return -1;
  }
  return (int)syscall(SYS_linkat, from_fd, from, to_fd, to, flags);
}

int openat(int fd, const char *path, int flags, ...)
{
  va_list args;
  va_start(args, flags);
  mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(args, mode_t) : 0;
  va_end(args);
  if ((flags & O_TMPFILE) == O_TMPFILE && system_lacks.unnamed) {
    errno = EOPNOTSUPP;
    return -1;
  }
  return (int)syscall(SYS_openat, fd, path, flags, mode);
}

/* An output into a folder of its own. */
typedef struct fixture {
  char folder[32];
  cli_naming naming;
  cli_output output;
} fixture;

static const char *path_of(const fixture *fix, const char *name)
{
  static char path[128];
  (void)snprintf(path, sizeof(path), "%s/%s", fix->folder, name);
  return path;
}

static int set_up(void **state)
{
  static fixture fix;
  cli_text problem = {0};

  memset(&fix, 0, sizeof(fix));
  memset(&system_lacks, 0, sizeof(system_lacks));
  (void)strcpy(fix.folder, "test_output.XXXXXX");
  assert_non_null(mkdtemp(fix.folder));
  fix.naming.folder = fix.folder;
  fix.naming.folders = cli_folders_new();
  fix.naming.claims = cli_claims_new();
  assert_int_equal(cli_template_new(&fix.naming.template, "name", &problem), 0);
  cli_output_init(&fix.output, &fix.naming);
  *state = &fix;
  return 0;
}

static int tear_down(void **state)
{
  static const char *const names[] = {"name", "name.1", "name.part"};
  fixture *fix = *state;

  cli_output_clear(&fix->output);
  cli_template_free(fix->naming.template);
  cli_claims_free(fix->naming.claims);
  cli_folders_free(fix->naming.folders);
  for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
    (void)unlink(path_of(fix, names[i]));
  }
  assert_int_equal(rmdir(fix->folder), 0); /* nothing else was left in it */
  return 0;
}

static void expect_file(const fixture *fix, const char *name, const char *want)
{
  char got[64] = "";
  FILE *file = fopen(path_of(fix, name), "re");

  assert_non_null(file);
  size_t len = fread(got, 1, sizeof(got) - 1, file);
  (void)fclose(file);
  assert_int_equal(len, strlen(want));
  assert_string_equal(got, want);
}

static void expect_no_file(const fixture *fix, const char *name)
{
  assert_int_equal(access(path_of(fix, name), F_OK), -1);
}

/* Claims a name and begins a body of |length| bytes. */
static void begin(fixture *fix, int64_t length)
{
  const cli_facts facts = {.n = 1};

  cli_output_claim(&fix->output, &facts);
  cli_output_begin(&fix->output, length);
  if (cli_output_awaits_head(&fix->output)) {
    cli_output_finish_name(&fix->output, &facts);
  }
}

static void write_text(fixture *fix, const char *text)
{
  assert_int_equal(cli_output_write(&fix->output, text, strlen(text)), 0);
}

static void write_whole(fixture *fix)
{
  begin(fix, 5);
  write_text(fix, "whole");
  expect_no_file(fix, "name");
}

static void output_of_one_piece_has_no_name_before_it_is_complete(void **state)
{
  fixture *fix = *state;
  struct stat info;

  write_whole(fix);
  expect_no_file(fix, "name.part");
  assert_int_equal(cli_output_commit(&fix->output), 0);
  expect_file(fix, "name", "whole");
  assert_int_equal(stat(path_of(fix, "name"), &info), 0);
  mode_t mask = umask(0);
  (void)umask(mask);
  assert_int_equal(info.st_mode & 0777, 0666 & ~mask);
}

static void output_of_unknown_length_may_be_one_piece(void **state)
{
  fixture *fix = *state;

  begin(fix, -1);
  write_text(fix, "in ");
  write_text(fix, "two");
  expect_no_file(fix, "name.part");
  assert_int_equal(cli_output_commit(&fix->output), 0);
  expect_file(fix, "name", "in two");
}

static void output_that_is_empty_is_a_file(void **state)
{
  fixture *fix = *state;

  begin(fix, 0);
  assert_int_equal(cli_output_commit(&fix->output), 0);
  expect_file(fix, "name", "");
}

static void output_that_is_discarded_leaves_nothing(void **state)
{
  fixture *fix = *state;

  write_whole(fix);
  cli_output_discard(&fix->output);
  expect_no_file(fix, "name");
  expect_no_file(fix, "name.part");
}

static void output_takes_the_next_number_if_its_name_was_taken(void **state)
{
  fixture *fix = *state;

  write_whole(fix);
  FILE *other = fopen(path_of(fix, "name"), "we");
  assert_non_null(other);
  (void)fclose(other);
  assert_int_equal(cli_output_commit(&fix->output), 0);
  expect_file(fix, "name", "");
  expect_file(fix, "name.1", "whole");
}

static void output_is_named_by_way_of_proc_without_the_privilege(void **state)
{
  fixture *fix = *state;

  system_lacks.link_descriptor = true;
  write_whole(fix);
  assert_int_equal(cli_output_commit(&fix->output), 0);
  expect_file(fix, "name", "whole");
}

static void output_is_copied_if_it_cannot_get_a_name(void **state)
{
  fixture *fix = *state;

  system_lacks.link_descriptor = true;
  system_lacks.link_proc = true;
  write_whole(fix);
  assert_int_equal(cli_output_commit(&fix->output), 0);
  expect_file(fix, "name", "whole");
  expect_no_file(fix, "name.part");

  /* The next one does not try again. */
  begin(fix, 4);
  write_text(fix, "next");
  expect_file(fix, "name.1.part", "next");
  assert_int_equal(cli_output_commit(&fix->output), 0);
  expect_file(fix, "name.1", "next");
}

static void output_has_a_part_where_files_need_names(void **state)
{
  fixture *fix = *state;

  system_lacks.unnamed = true;
  write_whole(fix);
  expect_file(fix, "name.part", "whole");
  assert_int_equal(cli_output_commit(&fix->output), 0);
  expect_file(fix, "name", "whole");
  expect_no_file(fix, "name.part");
}

static void output_that_replaces_has_a_part(void **state)
{
  fixture *fix = *state;

  fix->naming.overwrite = true;
  FILE *other = fopen(path_of(fix, "name"), "we");
  assert_non_null(other);
  (void)fclose(other);
  begin(fix, 5);
  write_text(fix, "whole");
  expect_file(fix, "name.part", "whole");
  assert_int_equal(cli_output_commit(&fix->output), 0);
  expect_file(fix, "name", "whole");
  expect_no_file(fix, "name.part");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      CASE(output_of_one_piece_has_no_name_before_it_is_complete),
      CASE(output_of_unknown_length_may_be_one_piece),
      CASE(output_that_is_empty_is_a_file),
      CASE(output_that_is_discarded_leaves_nothing),
      CASE(output_takes_the_next_number_if_its_name_was_taken),
      CASE(output_is_named_by_way_of_proc_without_the_privilege),
      CASE(output_is_copied_if_it_cannot_get_a_name),
      CASE(output_has_a_part_where_files_need_names),
      CASE(output_that_replaces_has_a_part),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
