/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "support/demo_connection.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
  HEAD_BYTES_MAX = 64 * 1024
};

typedef enum http1_phase {
  HTTP1_HEAD,       /* waiting for a whole request head */
  HTTP1_CONTENT,    /* |left| bytes of content follow */
  HTTP1_CHUNK_LINE, /* a chunk's size follows */
  HTTP1_CHUNK,      /* |left| bytes of a chunk follow */
  HTTP1_CHUNK_END,  /* the line end after a chunk follows */
  HTTP1_TRAILERS,   /* lines up to an empty one follow */
  HTTP1_RESPONDING  /* the response is being written; input waits */
} http1_phase;

typedef struct http1 {
  http1_phase phase;
  demo_buffer in; /* not parsed yet */
  uint64_t left;
  bool keep_alive;
  bool chunked;
  bool expects_continue;
  bool failed; /* what follows in the input makes no sense */
  demo_request request;
  demo_response response;
} http1;

static const char *reason_of(int status)
{
  switch (status) {
  case 200:
    return "OK";
  case 204:
    return "No Content";
  case 302:
    return "Found";
  case 304:
    return "Not Modified";
  case 400:
    return "Bad Request";
  case 404:
    return "Not Found";
  default:
    return "Status";
  }
}

/* --- Out. ----------------------------------------------------------------- */

static size_t print_head(const http1 *h1, char *out, size_t cap)
{
  const demo_response *response = &h1->response;
  int len = snprintf(out, cap, "HTTP/1.1 %d %s\r\n", response->status,
                     reason_of(response->status));
  for (size_t i = 0; i < response->field_count; i++) {
    len += snprintf(out + len, cap - (size_t)len, "%s: %s\r\n",
                    response->fields[i].name, response->fields[i].value);
  }
  if (response->status != 204 && response->status != 304) {
    len += snprintf(out + len, cap - (size_t)len,
                    "content-length: %" PRIu64 "\r\n", response->len);
  }
  len += snprintf(out + len, cap - (size_t)len, "%s\r\n",
                  h1->keep_alive ? "" : "connection: close\r\n");
  return (size_t)len;
}

/* Writes the next part of the response, which begins with |head_len| bytes in
 * the scratch room. */
static void http1_write(demo_connection *conn, http1 *h1, size_t head_len)
{
  size_t len =
      head_len + demo_response_read(&h1->response, demo_scratch + head_len,
                                    DEMO_SCRATCH_BYTES - head_len);
  demo_connection_write(conn, demo_scratch, len);
  if (!demo_response_is_read(&h1->response)) {
    return;
  }
  h1->phase = HTTP1_HEAD;
  h1->request.content.len = 0;
  if (!h1->keep_alive) {
    demo_connection_end(conn);
  }
}

static void http1_respond(demo_connection *conn, http1 *h1)
{
  h1->phase = HTTP1_RESPONDING;
  demo_route(&h1->request, &h1->response);
  if (h1->failed) {
    h1->response.status = 400;
    h1->keep_alive = false;
  }
  http1_write(conn, h1,
              print_head(h1, (char *)demo_scratch, DEMO_SCRATCH_BYTES));
}

/* --- In. ------------------------------------------------------------------ */

/* A line at the head of the input without its end; -1 if it is not there. */
static ssize_t http1_line_len(const http1 *h1)
{
  const uint8_t *end =
      h1->in.len == 0 ? NULL : memmem(h1->in.data, h1->in.len, "\r\n", 2);
  return end == NULL ? -1 : end - h1->in.data;
}

static void copy_text(char *out, size_t cap, const char *from, size_t len)
{
  (void)snprintf(out, cap, "%.*s", (int)len, from);
}

static void http1_read_field(http1 *h1, const char *name, char *value)
{
  value += strspn(value, " \t");
  if (strcasecmp(name, "content-length") == 0) {
    h1->left = strtoull(value, NULL, 10);
  } else if (strcasecmp(name, "transfer-encoding") == 0) {
    h1->chunked = strcasecmp(value, "chunked") == 0;
  } else if (strcasecmp(name, "connection") == 0) {
    h1->keep_alive = strcasestr(value, "close") == NULL &&
                     (h1->keep_alive || strcasestr(value, "keep-alive"));
  } else if (strcasecmp(name, "expect") == 0) {
    h1->expects_continue = strcasecmp(value, "100-continue") == 0;
  } else if (strcasecmp(name, "content-type") == 0) {
    copy_text(h1->request.content_type, DEMO_VALUE_BYTES_MAX, value,
              strlen(value));
  }
}

/* "METHOD TARGET HTTP/1.x"; false if it is not. */
static bool http1_read_request_line(http1 *h1, const char *line)
{
  size_t method_len = strcspn(line, " ");
  if (line[method_len] == '\0' || method_len >= DEMO_METHOD_BYTES_MAX) {
    return false;
  }
  const char *target = line + method_len + 1;
  size_t target_len = strcspn(target, " ");
  if (target_len == 0 || target_len >= DEMO_TARGET_BYTES_MAX ||
      strncmp(target + target_len, " HTTP/1.", 8) != 0) {
    return false;
  }
  copy_text(h1->request.method, DEMO_METHOD_BYTES_MAX, line, method_len);
  copy_text(h1->request.target, DEMO_TARGET_BYTES_MAX, target, target_len);
  h1->keep_alive = target[target_len + 8] == '1';
  return true;
}

/* Reads the head, |text| without the empty line, which it cuts up. */
static bool http1_read_head(http1 *h1, char *text)
{
  h1->left = 0;
  h1->chunked = false;
  h1->expects_continue = false;
  h1->request.method[0] = '\0';
  h1->request.target[0] = '\0';
  h1->request.content_type[0] = '\0';
  char *rest = NULL;
  char *line = strtok_r(text, "\r\n", &rest);
  if (line == NULL || !http1_read_request_line(h1, line)) {
    return false;
  }
  for (line = strtok_r(NULL, "\r\n", &rest); line != NULL;
       line = strtok_r(NULL, "\r\n", &rest)) {
    char *colon = strchr(line, ':');
    if (colon == NULL) {
      return false;
    }
    *colon = '\0';
    http1_read_field(h1, line, colon + 1);
  }
  return true;
}

/* True if there was a whole head. */
static bool http1_take_head(demo_connection *conn, http1 *h1)
{
  uint8_t *end =
      h1->in.len == 0 ? NULL : memmem(h1->in.data, h1->in.len, "\r\n\r\n", 4);
  if (end == NULL) {
    h1->failed = h1->in.len > HEAD_BYTES_MAX;
    if (h1->failed) {
      http1_respond(conn, h1);
    }
    return false;
  }
  *end = '\0';
  h1->failed = !http1_read_head(h1, (char *)h1->in.data);
  demo_buffer_consume(&h1->in, (size_t)(end - h1->in.data) + 4);
  if (h1->failed || (!h1->chunked && h1->left == 0)) {
    http1_respond(conn, h1);
    return true;
  }
  h1->phase = h1->chunked ? HTTP1_CHUNK_LINE : HTTP1_CONTENT;
  if (h1->expects_continue) {
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    demo_connection_write(conn, go_on, sizeof(go_on) - 1);
  }
  return true;
}

/* Takes what there is of |left| bytes of content. */
static bool http1_take_content(demo_connection *conn, http1 *h1)
{
  size_t len = h1->left < h1->in.len ? (size_t)h1->left : h1->in.len;
  demo_buffer *content = &h1->request.content;
  bool is_echoed = strcmp(h1->request.target, "/echo") == 0;
  if (is_echoed && content->len + len <= DEMO_CONTENT_BYTES_MAX) {
    demo_buffer_append(content, h1->in.data, len);
  }
  demo_buffer_consume(&h1->in, len);
  h1->left -= len;
  if (h1->left > 0) {
    return false;
  }
  if (h1->chunked) {
    h1->phase = HTTP1_CHUNK_END;
  } else {
    http1_respond(conn, h1);
  }
  return true;
}

/* Takes one line of the chunked coding. */
static bool http1_take_line(demo_connection *conn, http1 *h1)
{
  ssize_t len = http1_line_len(h1);
  if (len < 0) {
    return false;
  }
  h1->in.data[len] = '\0';
  if (h1->phase == HTTP1_CHUNK_LINE) {
    h1->left = strtoull((const char *)h1->in.data, NULL, 16);
    h1->phase = h1->left == 0 ? HTTP1_TRAILERS : HTTP1_CHUNK;
  } else if (h1->phase == HTTP1_CHUNK_END) {
    h1->phase = HTTP1_CHUNK_LINE;
  } else if (len == 0) {
    demo_buffer_consume(&h1->in, 2);
    http1_respond(conn, h1);
    return true;
  }
  demo_buffer_consume(&h1->in, (size_t)len + 2);
  return true;
}

/* One step; false if there is nothing to do without more input. */
static bool http1_step(demo_connection *conn, http1 *h1)
{
  switch (h1->phase) {
  case HTTP1_HEAD:
    return http1_take_head(conn, h1);
  case HTTP1_CONTENT:
  case HTTP1_CHUNK:
    return http1_take_content(conn, h1);
  case HTTP1_CHUNK_LINE:
  case HTTP1_CHUNK_END:
  case HTTP1_TRAILERS:
    return http1_take_line(conn, h1);
  case HTTP1_RESPONDING:
    http1_write(conn, h1, 0);
    return true;
  }
  return false;
}

static void http1_on_writable(demo_connection *conn)
{
  http1 *h1 = conn->state;
  bool more = true;
  while (more && !conn->closed && !conn->ending) {
    if (demo_connection_is_full(conn)) {
      demo_connection_flush(conn);
    }
    more = !demo_connection_is_full(conn) && http1_step(conn, h1);
  }
  demo_connection_flush(conn);
  /* A client that sends requests faster than it reads responses waits. */
  demo_connection_set_reading(conn, h1->phase != HTTP1_RESPONDING);
}

static void http1_on_data(demo_connection *conn, const uint8_t *data,
                          size_t len)
{
  http1 *h1 = conn->state;
  if (!conn->ending) {
    demo_buffer_append(&h1->in, data, len);
    http1_on_writable(conn);
  }
}

static void http1_on_open(demo_connection *conn)
{
  conn->state = calloc(1, sizeof(http1));
  if (conn->state == NULL) {
    abort();
  }
}

static void http1_on_free(demo_connection *conn)
{
  http1 *h1 = conn->state;
  demo_buffer_clear(&h1->in);
  demo_buffer_clear(&h1->request.content);
  free(h1);
}

const demo_protocol demo_http1 = {
    .on_open = http1_on_open,
    .on_data = http1_on_data,
    .on_writable = http1_on_writable,
    .on_free = http1_on_free,
};
