/* SPDX-License-Identifier: MIT */
#ifndef AH_TESTS_DEMO_ROUTES_H
#define AH_TESTS_DEMO_ROUTES_H

#include "support/demo_body.h"

/* What the demo server answers, whatever the protocol. */

enum {
  DEMO_FIELDS_MAX = 2,
  DEMO_VALUE_BYTES_MAX = 256,
  DEMO_METHOD_BYTES_MAX = 32,
  DEMO_TARGET_BYTES_MAX = 4096,
  /* Request content that is kept to be echoed. */
  DEMO_CONTENT_BYTES_MAX = 64 * 1024 * 1024
};

/* Grows as needed; the program ends if memory is out. */
typedef struct demo_buffer {
  uint8_t *data; /* |cap| bytes, or NULL */
  size_t len;
  size_t cap;
} demo_buffer;

void demo_buffer_append(demo_buffer *buffer, const void *data, size_t len);
void demo_buffer_consume(demo_buffer *buffer, size_t len);
void demo_buffer_clear(demo_buffer *buffer);

typedef struct demo_request {
  char method[DEMO_METHOD_BYTES_MAX];
  char target[DEMO_TARGET_BYTES_MAX];
  char content_type[DEMO_VALUE_BYTES_MAX];
  demo_buffer content;
} demo_request;

typedef struct demo_field {
  const char *name; /* in lower case, static */
  char value[DEMO_VALUE_BYTES_MAX];
} demo_field;

typedef struct demo_response {
  int status;
  bool has_content; /* false for HEAD and the statuses that have none */
  demo_field fields[DEMO_FIELDS_MAX];
  size_t field_count;
  uint64_t len; /* of the content, also if it is not sent */

  /* Where it comes from: the generator, or, if |bytes| is not NULL, |left|
   * bytes there, in |text| or in the request's content. */
  demo_body body;
  const uint8_t *bytes;
  uint64_t left;
  char text[512];
} demo_response;

/* Connections and requests so far, by protocol. */
typedef struct demo_stats {
  uint64_t http;
  uint64_t tls_http1;
  uint64_t tls_h2;
  uint64_t requests;
  uint64_t open;
} demo_stats;
extern demo_stats demo_counters;

/* Answers |request|, which must stay until the content has been read. */
void demo_route(const demo_request *request, demo_response *response);

/* The next bytes of the content, as many as fit; 0 at the end. */
size_t demo_response_read(demo_response *response, uint8_t *out, size_t cap);
bool demo_response_is_read(const demo_response *response);

#endif
