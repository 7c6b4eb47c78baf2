/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nghttp2/nghttp2.h>

#include "support/event_connection.h"

enum {
  TARGET_BYTES_MAX = 256,
  READ_BYTES = 64 * 1024
};

/* Resets are what some tests are about: no number of them is an attack. */
static const uint64_t RESETS_MAX = UINT64_C(1) << 40;

/* One request and its response. */
typedef struct exchange exchange;
struct exchange {
  exchange *next;
  exchange **link; /* what points to it */
  char target[TARGET_BYTES_MAX];
  uint64_t left; /* content to be sent */
  bool is_stuck;
  bool trails;
  size_t piece_max; /* content in a DATA frame */
};

/* What the callbacks of a session get. */
typedef struct context {
  event_connection *conn;
  exchange *first;
} context;

static void require(bool condition, const char *what)
{
  if (!condition) {
    (void)fprintf(stderr, "event_server: %s\n", what);
    abort();
  }
}

static void exchange_link(context *about, exchange *it)
{
  it->next = about->first;
  it->link = &about->first;
  if (it->next != NULL) {
    it->next->link = &it->next;
  }
  about->first = it;
}

static void exchange_free(exchange *it)
{
  if (it == NULL) {
    return;
  }
  *it->link = it->next;
  if (it->next != NULL) {
    it->next->link = it->link;
  }
  free(it);
}

static nghttp2_nv field(const char *name, const char *value)
{
  /* nghttp2's type is not const but it does not write through it. */
  union {
    const char *from;
    uint8_t *to;
  } n = {.from = name}, v = {.from = value};
  return (nghttp2_nv){.name = n.to,
                      .value = v.to,
                      .namelen = strlen(name),
                      .valuelen = strlen(value)};
}

/* --- Answers. ------------------------------------------------------------ */

static ssize_t on_read_content(nghttp2_session *session, int32_t id,
                               uint8_t *dst, size_t cap, uint32_t *flags,
                               nghttp2_data_source *source, void *user_data)
{
  (void)user_data;
  exchange *it = source->ptr;
  if (it->is_stuck) {
    return NGHTTP2_ERR_DEFERRED;
  }
  size_t len = cap < it->piece_max ? cap : it->piece_max;
  if (len > it->left) {
    len = (size_t)it->left;
  }
  memset(dst, EVENT_BYTE, len);
  it->left -= len;
  if (it->left > 0) {
    return (ssize_t)len;
  }
  *flags |= NGHTTP2_DATA_FLAG_EOF;
  if (it->trails) {
    const nghttp2_nv trailer = field("x-end", "yes");
    *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    require(nghttp2_submit_trailer(session, id, &trailer, 1) == 0, "trailer");
  }
  return (ssize_t)len;
}

static void send_interim(nghttp2_session *session, int32_t id)
{
  const nghttp2_nv fields[] = {field(":status", "103"), field("link", "</x>")};
  require(nghttp2_submit_headers(session, NGHTTP2_FLAG_NONE, id, NULL, fields,
                                 2, NULL) == 0,
          "interim response");
}

static void send_content(nghttp2_session *session, int32_t id, exchange *it)
{
  char length[32];
  (void)snprintf(length, sizeof(length), "%llu", (unsigned long long)it->left);
  const nghttp2_nv fields[] = {field(":status", "200"),
                               field("content-length", length)};
  const nghttp2_data_provider provider = {.source.ptr = it,
                                          .read_callback = on_read_content};
  require(nghttp2_submit_response(session, id, fields, 2, &provider) == 0,
          "response");
}

static void send_redirect(nghttp2_session *session, int32_t id)
{
  const nghttp2_nv fields[] = {field(":status", "302"),
                               field("location", "/events")};
  require(nghttp2_submit_response(session, id, fields, 2, NULL) == 0,
          "redirect");
}

static void answer(nghttp2_session *session, int32_t id, exchange *it)
{
  it->piece_max = READ_BYTES;
  switch (event_route_find(it->target, &it->left)) {
  case EVENT_ROUTE_EVENTS:
    it->piece_max = EVENT_PIECE_BYTES;
    it->trails = true;
    send_interim(session, id);
    send_content(session, id, it);
    break;
  case EVENT_ROUTE_STUCK:
    it->is_stuck = true;
    send_content(session, id, it);
    break;
  case EVENT_ROUTE_BYTES:
    send_content(session, id, it);
    break;
  case EVENT_ROUTE_REDIRECT:
    send_redirect(session, id);
    break;
  case EVENT_ROUTE_SILENT:
    break;
  }
}

/* --- What comes in. ------------------------------------------------------ */

static int on_begin_headers(nghttp2_session *session,
                            const nghttp2_frame *frame, void *user_data)
{
  context *about = user_data;
  if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) {
    return 0;
  }
  atomic_fetch_add(&about->conn->server->requests, 1);
  exchange *it = calloc(1, sizeof(*it));
  require(it != NULL, "calloc");
  exchange_link(about, it);
  (void)nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, it);
  return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame,
                     const uint8_t *name, size_t name_len, const uint8_t *value,
                     size_t value_len, uint8_t flags, void *user_data)
{
  static const char path[] = ":path";
  (void)flags;
  (void)user_data;
  exchange *it =
      nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
  if (it != NULL && name_len == sizeof(path) - 1 &&
      memcmp(name, path, name_len) == 0 && value_len < sizeof(it->target)) {
    memcpy(it->target, value, value_len);
  }
  return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame,
                    void *user_data)
{
  const context *about = user_data;
  if (frame->hd.type == NGHTTP2_RST_STREAM) {
    atomic_fetch_add(&about->conn->server->resets, 1);
    return 0;
  }
  bool can_end =
      frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
  if (can_end && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
    exchange *it =
        nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    require(it != NULL, "a stream without a request");
    answer(session, frame->hd.stream_id, it);
  }
  return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code,
                           void *user_data)
{
  (void)code;
  (void)user_data;
  exchange_free(nghttp2_session_get_stream_user_data(session, id));
  (void)nghttp2_session_set_stream_user_data(session, id, NULL);
  return 0;
}

static nghttp2_session *make_session(context *about)
{
  nghttp2_session *session;
  nghttp2_session_callbacks *callbacks = NULL;
  nghttp2_option *option = NULL;
  require(nghttp2_session_callbacks_new(&callbacks) == 0 &&
              nghttp2_option_new(&option) == 0,
          "options");
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks,
                                                          on_begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks,
                                                         on_stream_close);
  nghttp2_option_set_stream_reset_rate_limit(option, RESETS_MAX, RESETS_MAX);
  require(nghttp2_session_server_new2(&session, callbacks, about, option) == 0,
          "session");
  nghttp2_option_del(option);
  nghttp2_session_callbacks_del(callbacks);
  const nghttp2_settings_entry setting = {
      NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, EVENT_STREAMS_MAX};
  require(nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, &setting, 1) == 0,
          "settings");
  return session;
}

/* The next frames, in one piece.  |*is_all| if there are no more. */
static bool send_piece(event_connection *conn, nghttp2_session *session,
                       bool *is_all)
{
  char *piece;
  size_t piece_len;
  FILE *out = open_memstream(&piece, &piece_len);
  require(out != NULL, "open_memstream");
  const uint8_t *data;
  ssize_t len = 1;
  size_t total = 0;
  while (total < READ_BYTES && len > 0) {
    len = nghttp2_session_mem_send(session, &data);
    if (len > 0) {
      (void)fwrite(data, 1, (size_t)len, out);
      total += (size_t)len;
    }
  }
  (void)fclose(out);
  *is_all = len <= 0;
  bool is_sent = event_connection_send(conn, piece, piece_len);
  free(piece);
  return is_sent;
}

static bool send_frames(event_connection *conn, nghttp2_session *session)
{
  bool is_all = false;
  bool is_sent = true;
  while (is_sent && !is_all) {
    is_sent = send_piece(conn, session, &is_all);
  }
  return is_sent;
}

void event_http2_serve(event_connection *conn, const void *data, size_t len)
{
  context about = {.conn = conn};
  nghttp2_session *session = make_session(&about);
  uint8_t *block = malloc(READ_BYTES);
  require(block != NULL, "malloc");
  memcpy(block, data, len);
  bool goes_on = true;
  while (goes_on && len > 0) {
    goes_on = nghttp2_session_mem_recv(session, block, len) == (ssize_t)len &&
              send_frames(conn, session) &&
              nghttp2_session_want_read(session) != 0;
    len = goes_on ? event_connection_read(conn, block, READ_BYTES) : 0;
  }
  nghttp2_session_del(session);
  while (about.first != NULL) {
    exchange_free(about.first);
  }
  free(block);
}
