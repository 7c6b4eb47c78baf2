/* SPDX-License-Identifier: MIT */
#ifndef AH_TESTS_WAY_H
#define AH_TESTS_WAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/client_run.h"

/* One way to reach a server on 127.0.0.1. */
typedef struct way {
  const char *scheme;
  uint16_t port;
  ahttp_version version; /* what is expected to be spoken there */
} way;

/* test_url() of |path| there. */
const char *way_url(const way *there, const char *path);

/* Sends |len| bytes of the pattern, told beforehand if |is_known|, to a |path|
 * that echoes them, and checks what comes back. */
void way_check_echo(const way *there, client_run *run, const char *path,
                    size_t len, bool is_known);

/* Sends a GET on the blocking |client|; |fields| are names and values, ended by
 * NULL.  The test fails if no response comes. */
ahttp_response *way_fetch(const way *there, ahttp_client *client,
                          const char *path, const char *const fields[]);

/* True if |response| has exactly this field line. */
bool response_has_field(const ahttp_response *response, const char *name,
                        const char *value);

#endif
