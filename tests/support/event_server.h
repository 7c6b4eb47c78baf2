/* SPDX-License-Identifier: MIT */
#ifndef AH_TESTS_EVENT_SERVER_H
#define AH_TESTS_EVENT_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "support/certificates.h"

/*
 * A server on a free port of 127.0.0.1 whose responses run through everything
 * a call can tell of, over HTTP/1.1 and HTTP/2, with and without TLS: without,
 * HTTP/2 is what begins with its preface; with, what ALPN chose.  Request
 * content is read to its end and dropped first.
 *
 *   /events    103, then 200, EVENT_PIECES pieces of content, a trailer section
 *              "x-end: yes"; all of it at once
 *   /bytes/N   200 with N bytes and a Content-Length
 *   /redirect  302 to /events
 *   /stuck     200 that promises content and sends none
 *   else       nothing at all, for ever
 *
 * It never closes a connection by itself, and any number of resets is fine.
 */
typedef struct event_server event_server;

enum {
  EVENT_PIECES = 3,
  EVENT_PIECE_BYTES = 1000,
  EVENT_CONTENT_BYTES = EVENT_PIECES * EVENT_PIECE_BYTES,
  EVENT_STREAMS_MAX = 100 /* concurrent ones on an HTTP/2 connection */
};

/* What all content of responses consists of. */
#define EVENT_BYTE 'b'

/* What came in so far. */
typedef struct event_server_stats {
  unsigned connections;
  unsigned requests; /* heads */
  unsigned resets;   /* RST_STREAM frames */
  unsigned gone;     /* connections that the client has closed */
} event_server_stats;

event_server *event_server_start(void);

/* The same over TLS. */
event_server *event_server_start_tls(const test_certificate_files *files);

uint16_t event_server_port(const event_server *server);
event_server_stats event_server_get_stats(const event_server *server);

/* NULL is allowed. */
void event_server_stop(event_server *server);

#endif
