/* SPDX-License-Identifier: MIT */
#ifndef AH_TESTS_TLS_HOST_H
#define AH_TESTS_TLS_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "support/certificates.h"

/*
 * A server for HTTP/1.1 over TLS on a free port of 127.0.0.1 that may do all
 * that a server must not.  Every request gets the same response.
 */
typedef struct tls_host tls_host;

/* What comes after the response. */
typedef enum tls_host_end {
  TLS_HOST_KEEP,   /* the next request */
  TLS_HOST_NOTIFY, /* the closing alert, then the end of the connection */
  TLS_HOST_FIN,    /* the end of the connection without the alert */
  TLS_HOST_RST     /* a reset */
} tls_host_end;

typedef struct tls_host_opts {
  const certificate *cert;
  int version_max;      /* TLS1_2_VERSION ...; 0: any */
  const char *response; /* borrowed */
  tls_host_end end;
  bool is_mute;     /* reads, but does not even answer the ClientHello */
  bool is_no_tls;   /* sends |response| as it is, before anything else */
  const char *alpn; /* what it chooses whatever is offered; NULL: nothing */
  const certificate *client_ca; /* who must vouch for clients; NULL: nobody is
                                   asked */
  int version_min;              /* TLS1_3_VERSION ...; 0: any */
  const char *ciphers;          /* of TLS 1.2; NULL: the default */
  const char *groups;           /* NULL: the default */
} tls_host_opts;

/* The certificate is borrowed too. */
tls_host *tls_host_start(const tls_host_opts *opts);

uint16_t tls_host_port(const tls_host *host);

/* The server name of the last ClientHello that was answered, static; "": none.
 * Call when the handshake is over. */
const char *tls_host_name(tls_host *host);

/* Connections accepted so far. */
unsigned tls_host_accepted(const tls_host *host);

/* NULL is allowed. */
void tls_host_stop(tls_host *host);

#endif
