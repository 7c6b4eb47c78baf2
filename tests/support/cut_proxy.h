/* SPDX-License-Identifier: MIT */
#ifndef AH_TESTS_CUT_PROXY_H
#define AH_TESTS_CUT_PROXY_H

#include <stddef.h>
#include <stdint.h>

#include "support/listener.h"

/*
 * A proxy for bytes in front of a server on 127.0.0.1, which forwards what the
 * client sends and a number of bytes of what the server sends, and then cuts
 * the connection.
 */
typedef struct cut_proxy cut_proxy;

typedef enum cut_kind {
  CUT_NEVER, /* forwards everything, and the server's end */
  CUT_FIN,   /* an orderly end of the bytes */
  CUT_RST    /* a reset */
} cut_kind;

typedef struct cut_proxy_opts {
  uint16_t server_port;
  const char *address;   /* where it listens; NULL: 127.0.0.1 */
  const char *unix_path; /* or there */
} cut_proxy_opts;

/* Cuts nothing until cut_proxy_set(). */
cut_proxy *cut_proxy_start(const cut_proxy_opts *opts);

/* Connections accepted from now on are cut after |bytes| of the server's. */
void cut_proxy_set(cut_proxy *proxy, cut_kind kind, size_t bytes);

uint16_t cut_proxy_port(const cut_proxy *proxy);

/* Connections accepted so far. */
unsigned cut_proxy_accepted(const cut_proxy *proxy);

/* Bytes of the server's that were forwarded so far, on all connections. */
size_t cut_proxy_forwarded(const cut_proxy *proxy);

/* NULL is allowed. */
void cut_proxy_stop(cut_proxy *proxy);

#endif
