/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

void ah_assert_fail(const char *condition, const char *file, int line,
                    const char *function)
{
  (void)fprintf(stderr, "libahttp: %s:%d: %s: assertion failed: %s\n", file,
                line, function, condition);
  abort();
}
