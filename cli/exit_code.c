/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "cli/exit_code.h"

#include <stddef.h>

#define EXIT_SOME_FAILED 20
#define EXIT_ALL_FAILED 21

/* The class of the one URL there was. */
static int single_exit_code(const cli_tally *tally)
{
  for (size_t i = 0; i < CLI_STATUS_MAX && tally->statuses != NULL; i++) {
    if (tally->statuses[i] > 0) {
      return (int)(i / 100);
    }
  }
  for (size_t i = 0; i < CLI_CLASS_COUNT; i++) {
    if (tally->classes[i] > 0) {
      return cli_class_exit_code((cli_class)i);
    }
  }
  return 0;
}

int cli_exit_code(const cli_tally *tally, bool is_single)
{
  uint64_t failed = cli_tally_failed(tally);

  switch (tally->stop) {
  case CLI_STOP_SIGINT:
    return 130;
  case CLI_STOP_SIGTERM:
    return 143;
  case CLI_STOP_STDOUT:
    return 141;
  case CLI_STOP_WRITE:
    return CLI_EXIT_IO;
  case CLI_STOP_NONE:
    break;
  }
  if (tally->is_input_broken || tally->classes[CLI_CLASS_IO_WRITE] > 0) {
    return CLI_EXIT_IO;
  }
  if (is_single) {
    return single_exit_code(tally);
  }
  if (failed == 0) {
    return 0;
  }
  return failed == tally->inputs ? EXIT_ALL_FAILED : EXIT_SOME_FAILED;
}
