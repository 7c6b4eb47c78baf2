/* SPDX-License-Identifier: MIT */
#ifndef BENCH_SCALE_SERVER_H
#define BENCH_SCALE_SERVER_H

#include <sys/types.h>

/* A server with a fixed answer to whatever ends with an empty line, but none to
 * BENCH_HOLD. */

#define BENCH_HOLD "/hold"

enum {
  BENCH_CLIENT_CPU = 0,
  BENCH_SERVER_CPU = 1
};

/* Starts it as a child on a processor of its own, on all of 127.0.0.0/8;
 * returns its port. */
unsigned bench_server_start(pid_t *pid);

#endif
