/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "base/clock.h"

#include <time.h>

#include "base/assert.h"

uint64_t ah_clock_ns(void)
{
  struct timespec now;
  int rv = clock_gettime(CLOCK_MONOTONIC, &now);
  ah_assert(rv == 0);
  return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}
