/* SPDX-License-Identifier: MIT */
#ifndef AH_TESTS_NGINX_H
#define AH_TESTS_NGINX_H

#include <stddef.h>
#include <stdint.h>

#include "support/server_process.h"

/*
 * nginx on three free ports, with files of pseudo-random bytes to serve and an
 * access log that tells which connection served what.
 */
typedef struct nginx {
  server_process *process;
  uint16_t http;       /* HTTP/1.1 */
  uint16_t https;      /* HTTP/1.1 over TLS */
  uint16_t h2;         /* HTTP/2 over TLS */
  const char *ca_file; /* what the certificate is signed by */
} nginx;

/* Sizes of the files /f/0 ... /f/NGINX_FILES-1. */
enum {
  NGINX_FILES = 8
};
extern const size_t nginx_file_sizes[NGINX_FILES];

void nginx_open(nginx *server);
void nginx_close(nginx *server);

/* The bytes of file |index|; static. */
const uint8_t *nginx_file(size_t index);

/* How many different connections the requests so far came on. */
size_t nginx_connections(const nginx *server);

#endif
