/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "support/demo_connection.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nghttp2/nghttp2.h>

enum {
  STREAMS_MAX = 256,
  STREAM_WINDOW_BYTES = 1024 * 1024,
  CONNECTION_WINDOW_BYTES = 16 * 1024 * 1024,
  /* Field lines of a response: status, length, and the route's own. */
  FIELDS_MAX = DEMO_FIELDS_MAX + 2
};

/* One request and its response. */
typedef struct http2_stream http2_stream;
struct http2_stream {
  http2_stream *next; /* all of the connection that are open */
  http2_stream *prev;
  demo_request request;
  demo_response response;
};

typedef struct http2 {
  nghttp2_session *session;
  http2_stream *streams;
} http2;

static http2_stream *stream_new(http2 *h2)
{
  http2_stream *stream = calloc(1, sizeof(*stream));
  if (stream == NULL) {
    abort();
  }
  stream->next = h2->streams;
  if (h2->streams != NULL) {
    h2->streams->prev = stream;
  }
  h2->streams = stream;
  return stream;
}

static void stream_free(http2 *h2, http2_stream *stream)
{
  if (stream->prev != NULL) {
    stream->prev->next = stream->next;
  } else {
    h2->streams = stream->next;
  }
  if (stream->next != NULL) {
    stream->next->prev = stream->prev;
  }
  demo_buffer_clear(&stream->request.content);
  free(stream);
}

static int http2_on_begin_headers(nghttp2_session *session,
                                  const nghttp2_frame *frame, void *user_data)
{
  if (frame->hd.type != NGHTTP2_HEADERS ||
      frame->headers.cat != NGHTTP2_HCAT_REQUEST) {
    return 0;
  }
  return nghttp2_session_set_stream_user_data(session, frame->hd.stream_id,
                                              stream_new(user_data));
}

static int http2_on_header(nghttp2_session *session, const nghttp2_frame *frame,
                           const uint8_t *name, size_t name_len,
                           const uint8_t *value, size_t value_len,
                           uint8_t flags, void *user_data)
{
  (void)flags;
  (void)user_data;
  http2_stream *stream =
      nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
  if (stream == NULL) {
    return 0;
  }
  const struct {
    const char *name;
    char *out;
    size_t cap;
  } wanted[] = {
      {":method", stream->request.method, DEMO_METHOD_BYTES_MAX},
      {":path", stream->request.target, DEMO_TARGET_BYTES_MAX},
      {"content-type", stream->request.content_type, DEMO_VALUE_BYTES_MAX},
  };
  for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
    if (name_len == strlen(wanted[i].name) &&
        memcmp(name, wanted[i].name, name_len) == 0) {
      (void)snprintf(wanted[i].out, wanted[i].cap, "%.*s", (int)value_len,
                     (const char *)value);
    }
  }
  return 0;
}

static int http2_on_data(nghttp2_session *session, uint8_t flags,
                         int32_t stream_id, const uint8_t *data, size_t len,
                         void *user_data)
{
  (void)flags;
  (void)user_data;
  http2_stream *stream =
      nghttp2_session_get_stream_user_data(session, stream_id);
  if (stream == NULL || strcmp(stream->request.target, "/echo") != 0) {
    return 0;
  }
  demo_buffer *content = &stream->request.content;
  if (content->len + len <= DEMO_CONTENT_BYTES_MAX) {
    demo_buffer_append(content, data, len);
  }
  return 0;
}

static ssize_t http2_on_read(nghttp2_session *session, int32_t stream_id,
                             uint8_t *buf, size_t cap, uint32_t *flags,
                             nghttp2_data_source *source, void *user_data)
{
  (void)session;
  (void)stream_id;
  (void)user_data;
  http2_stream *stream = source->ptr;
  size_t len = demo_response_read(&stream->response, buf, cap);
  if (demo_response_is_read(&stream->response)) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
  }
  return (ssize_t)len;
}

/* nghttp2 copies names and values but takes them as plain pointers. */
static nghttp2_nv field(const char *name, const char *value)
{
  nghttp2_nv nv = {.namelen = strlen(name), .valuelen = strlen(value)};
  memcpy(&nv.name, &name, sizeof(nv.name));
  memcpy(&nv.value, &value, sizeof(nv.value));
  return nv;
}

static int http2_respond(nghttp2_session *session, int32_t stream_id,
                         http2_stream *stream)
{
  demo_response *response = &stream->response;
  demo_route(&stream->request, response);
  char status[16];
  char length[32];
  nghttp2_nv fields[FIELDS_MAX];
  size_t count = 0;
  (void)snprintf(status, sizeof(status), "%d", response->status);
  fields[count++] = field(":status", status);
  for (size_t i = 0; i < response->field_count; i++) {
    fields[count++] =
        field(response->fields[i].name, response->fields[i].value);
  }
  if (response->status != 204 && response->status != 304) {
    (void)snprintf(length, sizeof(length), "%" PRIu64, response->len);
    fields[count++] = field("content-length", length);
  }
  nghttp2_data_provider provider = {
      .source = {.ptr = stream},
      .read_callback = http2_on_read,
  };
  bool has_content = !demo_response_is_read(response);
  return nghttp2_submit_response(session, stream_id, fields, count,
                                 has_content ? &provider : NULL);
}

static int http2_on_frame(nghttp2_session *session, const nghttp2_frame *frame,
                          void *user_data)
{
  (void)user_data;
  bool has_end =
      frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
  if (!has_end || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) {
    return 0;
  }
  http2_stream *stream =
      nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
  return stream == NULL ? 0
                        : http2_respond(session, frame->hd.stream_id, stream);
}

static int http2_on_stream_close(nghttp2_session *session, int32_t stream_id,
                                 uint32_t error_code, void *user_data)
{
  (void)error_code;
  http2_stream *stream =
      nghttp2_session_get_stream_user_data(session, stream_id);
  if (stream != NULL) {
    stream_free(user_data, stream);
  }
  return 0;
}

/* Puts frames together until the scratch room is full or there are no more;
 * how many bytes. */
static size_t http2_gather(nghttp2_session *session, const uint8_t **frame,
                           ssize_t *frame_len)
{
  size_t len = 0;
  while (*frame_len > 0 && (size_t)*frame_len <= DEMO_SCRATCH_BYTES - len) {
    memcpy(demo_scratch + len, *frame, (size_t)*frame_len);
    len += (size_t)*frame_len;
    *frame_len = nghttp2_session_mem_send(session, frame);
  }
  return len;
}

static void http2_on_writable(demo_connection *conn)
{
  nghttp2_session *session = ((http2 *)conn->state)->session;
  bool more = true;
  while (more && !conn->closed) {
    const uint8_t *frame = NULL;
    ssize_t frame_len = nghttp2_session_mem_send(session, &frame);
    size_t len = http2_gather(session, &frame, &frame_len);
    demo_connection_write(conn, demo_scratch, len);
    if (frame_len > 0) {
      /* It did not fit with the others. */
      demo_connection_write(conn, frame, (size_t)frame_len);
    }
    more = frame_len > 0;
    if (demo_connection_is_full(conn)) {
      demo_connection_flush(conn);
      more = more && !demo_connection_is_full(conn);
    }
  }
  if (nghttp2_session_want_read(session) == 0 &&
      nghttp2_session_want_write(session) == 0) {
    demo_connection_end(conn);
  }
}

static void http2_on_input(demo_connection *conn, const uint8_t *data,
                           size_t len)
{
  nghttp2_session *session = ((http2 *)conn->state)->session;
  if (nghttp2_session_mem_recv(session, data, len) < 0) {
    demo_connection_close(conn);
    return;
  }
  http2_on_writable(conn);
}

static void http2_on_open(demo_connection *conn)
{
  nghttp2_session_callbacks *callbacks;
  http2 *h2 = calloc(1, sizeof(*h2));
  if (h2 == NULL || nghttp2_session_callbacks_new(&callbacks) != 0) {
    abort();
  }
  nghttp2_session_callbacks_set_on_begin_headers_callback(
      callbacks, http2_on_begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, http2_on_header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks,
                                                            http2_on_data);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks,
                                                       http2_on_frame);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks,
                                                         http2_on_stream_close);
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, STREAMS_MAX},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW_BYTES},
  };
  if (nghttp2_session_server_new(&h2->session, callbacks, h2) != 0 ||
      nghttp2_submit_settings(h2->session, NGHTTP2_FLAG_NONE, settings,
                              sizeof(settings) / sizeof(settings[0])) != 0 ||
      nghttp2_session_set_local_window_size(h2->session, NGHTTP2_FLAG_NONE, 0,
                                            CONNECTION_WINDOW_BYTES) != 0) {
    abort();
  }
  nghttp2_session_callbacks_del(callbacks);
  conn->state = h2;
  http2_on_writable(conn);
}

static void http2_on_free(demo_connection *conn)
{
  http2 *h2 = conn->state;
  nghttp2_session_del(h2->session);
  while (h2->streams != NULL) {
    stream_free(h2, h2->streams);
  }
  free(h2);
}

const demo_protocol demo_http2 = {
    .on_open = http2_on_open,
    .on_data = http2_on_input,
    .on_writable = http2_on_writable,
    .on_free = http2_on_free,
};
