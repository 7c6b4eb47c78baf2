/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "support/assert_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

void assert_text_at(ahttp_str got, const char *want, const char *file, int line)
{
  if (got.len == strlen(want) &&
      (got.len == 0 || memcmp(got.ptr, want, got.len) == 0)) {
    return;
  }
  print_error("got \"%.*s\", want \"%s\"\n", (int)got.len,
              got.ptr == NULL ? "" : got.ptr, want);
  _fail(file, line);
}
