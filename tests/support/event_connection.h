/* SPDX-License-Identifier: MIT */
#ifndef AH_TESTS_EVENT_CONNECTION_H
#define AH_TESTS_EVENT_CONNECTION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "support/event_server.h"
#include "support/listener.h"

/* What the parts of the event server share. */

struct event_server {
  listener *front;
  SSL_CTX *tls; /* NULL: clear text */
  atomic_uint connections;
  atomic_uint requests;
  atomic_uint resets;
  atomic_uint gone;
};

/* One connection, which its thread serves. */
typedef struct event_connection {
  event_server *server;
  const listener *from;
  int fd;
  SSL *ssl; /* NULL: clear text */
} event_connection;

/* Waits for input and reads it; 0 at the end of the connection or the server.
 */
size_t event_connection_read(event_connection *conn, void *dst, size_t cap);

/* Sends all of it; false if that cannot be done. */
bool event_connection_send(event_connection *conn, const void *data,
                           size_t len);

/* What a request target asks for. */
typedef enum event_route {
  EVENT_ROUTE_EVENTS,
  EVENT_ROUTE_BYTES,
  EVENT_ROUTE_REDIRECT,
  EVENT_ROUTE_STUCK,
  EVENT_ROUTE_SILENT
} event_route;

/* |*len| is the content's length.  |target| is NUL-terminated. */
event_route event_route_find(const char *target, uint64_t *len);

/* Serve the connection to its end; |data| was read already. */
void event_http1_serve(event_connection *conn, const void *data, size_t len);
void event_http2_serve(event_connection *conn, const void *data, size_t len);

#endif
