/* SPDX-License-Identifier: MIT */
#ifndef AH_BASE_CLOCK_H
#define AH_BASE_CLOCK_H

#include <stdint.h>

enum {
  AH_MS_PER_S = 1000,
  AH_NS_PER_MS = 1000000
};

/* A monotonic clock in nanoseconds. */
uint64_t ah_clock_ns(void);

#endif
