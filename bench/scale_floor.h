/* SPDX-License-Identifier: MIT */
#ifndef BENCH_SCALE_FLOOR_H
#define BENCH_SCALE_FLOOR_H

#include <stdint.h>

/* What no client can do without: sends the same bytes on |count| connections to
 * |port| of 127.0.0.1 and reads the answers, |requests| times in all, by epoll
 * and without looking at them.  Returns CPU time of a request, microseconds,
 * when all connections have been used once. */
double bench_floor_cpu_us(uint64_t count, uint64_t requests, unsigned port);

#endif
