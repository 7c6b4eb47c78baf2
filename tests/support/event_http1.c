/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "support/event_connection.h"

enum {
  /* Heads and chunk lines of the tests' requests are much smaller. */
  INPUT_BYTES_MAX = 64 * 1024,
  TARGET_BYTES_MAX = 256,
  BLOCK_BYTES = 16 * 1024
};

/* What was read and not used yet. */
typedef struct input {
  event_connection *conn;
  size_t len;
  char data[INPUT_BYTES_MAX + 1];
} input;

static bool input_fill(input *in)
{
  size_t got = event_connection_read(in->conn, in->data + in->len,
                                     INPUT_BYTES_MAX - in->len);
  in->len += got;
  in->data[in->len] = '\0';
  return got > 0;
}

static void input_drop(input *in, size_t len)
{
  in->len -= len;
  memmove(in->data, in->data + len, in->len + 1);
}

/* Reads until |what| is there; its end, or NULL.  No NUL is sent here. */
static const char *input_find(input *in, const char *what)
{
  const char *hit;
  while ((hit = strstr(in->data, what)) == NULL) {
    if (!input_fill(in)) {
      return NULL;
    }
  }
  return hit + strlen(what);
}

static bool input_skip(input *in, uint64_t len)
{
  while (len > 0) {
    if (in->len == 0 && !input_fill(in)) {
      return false;
    }
    size_t part = len < in->len ? (size_t)len : in->len;
    input_drop(in, part);
    len -= part;
  }
  return true;
}

/* RFC 9112, section 7.1, without trailers. */
static bool input_skip_chunks(input *in)
{
  for (;;) {
    const char *end = input_find(in, "\r\n");
    if (end == NULL) {
      return false;
    }
    uint64_t len = strtoull(in->data, NULL, 16);
    input_drop(in, (size_t)(end - in->data));
    if (!input_skip(in, len + 2)) {
      return false;
    }
    if (len == 0) {
      return true;
    }
  }
}

/* Reads one request; false at the end of the connection. */
static bool input_read_request(input *in, char target[TARGET_BYTES_MAX])
{
  const char *end = input_find(in, "\r\n\r\n");
  if (end == NULL) {
    return false;
  }
  size_t head_len = (size_t)(end - in->data);
  char *head = strndup(in->data, head_len);
  if (head == NULL || sscanf(head, "%*s %255s", target) != 1) {
    abort();
  }
  input_drop(in, head_len);
  bool is_chunked = strcasestr(head, "\r\ntransfer-encoding:") != NULL;
  const char *length = strcasestr(head, "\r\ncontent-length:");
  uint64_t len =
      length == NULL ? 0 : strtoull(strchr(length, ':') + 1, NULL, 10);
  free(head);
  return is_chunked ? input_skip_chunks(in) : input_skip(in, len);
}

static bool send_text(event_connection *conn, const char *text)
{
  return event_connection_send(conn, text, strlen(text));
}

/* All of it at once: what a callback does must not depend on more arriving. */
static bool send_events(event_connection *conn)
{
  char *text;
  size_t len;
  char piece[EVENT_PIECE_BYTES];
  memset(piece, EVENT_BYTE, sizeof(piece));
  FILE *out = open_memstream(&text, &len);
  if (out == NULL) {
    abort();
  }
  (void)fputs("HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"
              "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
              out);
  for (int i = 0; i < EVENT_PIECES; i++) {
    (void)fprintf(out, "%x\r\n", (unsigned)sizeof(piece));
    (void)fwrite(piece, 1, sizeof(piece), out);
    (void)fputs("\r\n", out);
  }
  (void)fputs("0\r\nx-end: yes\r\n\r\n", out);
  (void)fclose(out);
  bool is_sent = event_connection_send(conn, text, len);
  free(text);
  return is_sent;
}

static bool send_head(event_connection *conn, uint64_t len)
{
  char head[128];
  (void)snprintf(head, sizeof(head),
                 "HTTP/1.1 200 OK\r\ncontent-length: %llu\r\n\r\n",
                 (unsigned long long)len);
  return send_text(conn, head);
}

static bool send_bytes(event_connection *conn, uint64_t len)
{
  char block[BLOCK_BYTES];
  memset(block, EVENT_BYTE, sizeof(block));
  bool is_sent = send_head(conn, len);
  while (is_sent && len > 0) {
    size_t part = len < sizeof(block) ? (size_t)len : sizeof(block);
    is_sent = event_connection_send(conn, block, part);
    len -= part;
  }
  return is_sent;
}

/* Waits for the client to give up. */
static bool wait_for_end(event_connection *conn)
{
  char block[BLOCK_BYTES];
  while (event_connection_read(conn, block, sizeof(block)) > 0) {
  }
  return false;
}

static bool answer(event_connection *conn, const char *target)
{
  uint64_t len;
  switch (event_route_find(target, &len)) {
  case EVENT_ROUTE_EVENTS:
    return send_events(conn);
  case EVENT_ROUTE_BYTES:
    return send_bytes(conn, len);
  case EVENT_ROUTE_REDIRECT:
    return send_text(conn, "HTTP/1.1 302 Found\r\nlocation: /events\r\n"
                           "content-length: 0\r\n\r\n");
  case EVENT_ROUTE_STUCK:
    return send_head(conn, len) && wait_for_end(conn);
  case EVENT_ROUTE_SILENT:
    break;
  }
  return wait_for_end(conn);
}

void event_http1_serve(event_connection *conn, const void *data, size_t len)
{
  input *in = calloc(1, sizeof(*in));
  if (in == NULL) {
    abort();
  }
  in->conn = conn;
  memcpy(in->data, data, len);
  in->len = len;
  char target[TARGET_BYTES_MAX];
  bool goes_on = true;
  while (goes_on && input_read_request(in, target)) {
    atomic_fetch_add(&conn->server->requests, 1);
    goes_on = answer(conn, target);
  }
  free(in);
}
