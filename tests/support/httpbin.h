/* SPDX-License-Identifier: MIT */
#ifndef AH_TESTS_HTTPBIN_H
#define AH_TESTS_HTTPBIN_H

#include <stdint.h>

#include "support/server_process.h"

/* Debian's python3-httpbin under gunicorn. */
typedef struct httpbin {
  server_process *process;
  uint16_t port;
} httpbin;

void httpbin_open(httpbin *server);
void httpbin_close(httpbin *server);

#endif
