/* SPDX-License-Identifier: MIT */
#ifndef AH_TESTS_PROXY_SERVERS_H
#define AH_TESTS_PROXY_SERVERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/server_process.h"

/* Who is let in where credentials are asked for. */
#define PROXY_USERNAME "me"
#define PROXY_PASSWORD "sEcret"

/*
 * Squid on free ports.  On |guarded| and |guarded_tls| it wants credentials, by
 * Digest or Basic.
 */
typedef struct squid {
  server_process *process;
  char name[32];        /* of its shared memory */
  uint16_t open;        /* HTTP */
  uint16_t guarded;     /* HTTP */
  uint16_t tls;         /* HTTPS */
  uint16_t guarded_tls; /* HTTPS */
  const char *ca_file;  /* what its certificate is signed by */
} squid;

/* |with_basic| false: it offers Digest only. */
void squid_open(squid *server, bool with_basic);
void squid_close(squid *server);

/* How many lines of its access log have |text|. */
size_t squid_count(const squid *server, const char *text);

/* Dante on a free port, which asks for a password or does not. */
typedef struct dante {
  server_process *process;
  uint16_t port;
} dante;

void dante_open(dante *server, bool with_password);
void dante_close(dante *server);

#endif
