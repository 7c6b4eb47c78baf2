/* SPDX-License-Identifier: MIT */
#ifndef AH_BASE_CLOCK_H
#define AH_BASE_CLOCK_H

#include <stdint.h>

/* A monotonic clock in nanoseconds. */
uint64_t ah_clock_ns(void);

#endif
