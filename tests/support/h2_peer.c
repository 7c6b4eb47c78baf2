/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "support/h2_peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
  PEER_FIELDS_MAX = 600
};

h2_peer_stream *h2_peer_find(h2_peer *peer, int32_t id)
{
  for (size_t i = 0; i < peer->stream_count; i++) {
    if (peer->streams[i].id == id) {
      return &peer->streams[i];
    }
  }
  return NULL;
}

h2_peer_stream *h2_peer_request(h2_peer *peer, size_t index)
{
  assert_true(index < peer->stream_count);
  return &peer->streams[index];
}

static int peer_on_begin_headers(nghttp2_session *session,
                                 const nghttp2_frame *frame, void *user_data)
{
  (void)session;
  h2_peer *peer = user_data;
  if (h2_peer_find(peer, frame->hd.stream_id) != NULL) {
    return 0;
  }
  assert_true(peer->stream_count < H2_PEER_STREAMS_MAX);
  h2_peer_stream *stream = &peer->streams[peer->stream_count];
  peer->stream_count++;
  *stream = (h2_peer_stream){.peer = peer, .id = frame->hd.stream_id};
  fake_bytes_append(&stream->fields, "", 0);
  fake_bytes_append(&stream->content, "", 0);
  return 0;
}

static int peer_on_header(nghttp2_session *session, const nghttp2_frame *frame,
                          const uint8_t *name, size_t namelen,
                          const uint8_t *value, size_t valuelen, uint8_t flags,
                          void *user_data)
{
  (void)session;
  h2_peer_stream *stream = h2_peer_find(user_data, frame->hd.stream_id);
  assert_non_null(stream);
  fake_bytes_append(&stream->fields, name, namelen);
  fake_bytes_append(&stream->fields, ": ", 2);
  fake_bytes_append(&stream->fields, value, valuelen);
  fake_bytes_append(&stream->fields, "\n", 1);
  if ((flags & NGHTTP2_NV_FLAG_NO_INDEX) != 0) {
    stream->never_indexed = true;
  }
  return 0;
}

static void peer_on_settings(h2_peer *peer, const nghttp2_settings *settings)
{
  if ((settings->hd.flags & NGHTTP2_FLAG_ACK) != 0) {
    peer->settings_acks++;
  }
  for (size_t i = 0; i < settings->niv; i++) {
    assert_in_range(settings->iv[i].settings_id, 1, 15);
    peer->settings[settings->iv[i].settings_id] = settings->iv[i].value;
  }
}

static void peer_on_window_update(h2_peer *peer,
                                  const nghttp2_window_update *update)
{
  uint64_t increment = (uint64_t)update->window_size_increment;
  if (update->hd.stream_id == 0) {
    peer->connection_credit += increment;
  } else {
    peer->window_updates++;
    peer->stream_credit += increment;
  }
}

static int peer_on_frame(nghttp2_session *session, const nghttp2_frame *frame,
                         void *user_data)
{
  (void)session;
  h2_peer *peer = user_data;
  h2_peer_stream *stream = h2_peer_find(peer, frame->hd.stream_id);
  switch (frame->hd.type) {
  case NGHTTP2_HEADERS:
  case NGHTTP2_DATA:
    if (stream != NULL && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
      stream->is_received = true;
    }
    break;
  case NGHTTP2_RST_STREAM:
    if (stream != NULL) {
      stream->is_reset = true;
      stream->reset_code = frame->rst_stream.error_code;
    }
    break;
  case NGHTTP2_SETTINGS:
    peer_on_settings(peer, &frame->settings);
    break;
  case NGHTTP2_PING:
    if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) {
      peer->pongs++;
    } else {
      peer->pings++;
    }
    break;
  case NGHTTP2_GOAWAY:
    peer->goaways++;
    peer->goaway_code = frame->goaway.error_code;
    break;
  case NGHTTP2_WINDOW_UPDATE:
    peer_on_window_update(peer, &frame->window_update);
    break;
  default:
    break;
  }
  return 0;
}

static int peer_on_data(nghttp2_session *session, uint8_t flags, int32_t id,
                        const uint8_t *data, size_t len, void *user_data)
{
  (void)session;
  (void)flags;
  h2_peer_stream *stream = h2_peer_find(user_data, id);
  assert_non_null(stream);
  fake_bytes_append(&stream->content, data, len);
  return 0;
}

static nghttp2_session *peer_session_new(h2_peer *peer, bool consumes)
{
  nghttp2_session_callbacks *callbacks;
  nghttp2_option *option;
  nghttp2_session *session;
  assert_int_equal(nghttp2_session_callbacks_new(&callbacks), 0);
  assert_int_equal(nghttp2_option_new(&option), 0);
  nghttp2_session_callbacks_set_on_begin_headers_callback(
      callbacks, peer_on_begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, peer_on_header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks,
                                                       peer_on_frame);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks,
                                                            peer_on_data);
  if (!consumes) {
    nghttp2_option_set_no_auto_window_update(option, 1);
  }
  assert_int_equal(
      nghttp2_session_server_new2(&session, callbacks, peer, option), 0);
  nghttp2_option_del(option);
  nghttp2_session_callbacks_del(callbacks);
  return session;
}

h2_peer *h2_peer_new(uint32_t streams_max, uint32_t window, bool consumes)
{
  h2_peer *peer = calloc(1, sizeof(*peer));
  assert_non_null(peer);
  fake_bytes_append(&peer->out, "", 0);
  peer->session = peer_session_new(peer, consumes);
  nghttp2_settings_entry settings[2];
  size_t count = 0;
  if (streams_max > 0) {
    settings[count] = (nghttp2_settings_entry){
        NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, streams_max};
    count++;
  }
  if (window > 0) {
    settings[count] =
        (nghttp2_settings_entry){NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window};
    count++;
  }
  assert_int_equal(nghttp2_submit_settings(peer->session, NGHTTP2_FLAG_NONE,
                                           settings, count),
                   0);
  return peer;
}

void h2_peer_free(h2_peer *peer)
{
  nghttp2_session_del(peer->session);
  for (size_t i = 0; i < peer->stream_count; i++) {
    fake_bytes_clear(&peer->streams[i].fields);
    fake_bytes_clear(&peer->streams[i].content);
  }
  fake_bytes_clear(&peer->out);
  free(peer);
}

void h2_peer_take(h2_peer *peer, const void *data, size_t len)
{
  if (!peer->is_mute && len > 0) {
    assert_int_equal(nghttp2_session_mem_recv(peer->session, data, len), len);
  }
}

void h2_peer_say(h2_peer *peer)
{
  const uint8_t *data;
  ssize_t len;
  if (peer->is_mute) {
    return;
  }
  while ((len = nghttp2_session_mem_send(peer->session, &data)) != 0) {
    assert_true(len > 0);
    fake_bytes_append(&peer->out, data, (size_t)len);
  }
}

static void peer_send_trailers(const h2_peer_stream *stream)
{
  uint8_t name[] = "x-end";
  uint8_t value[] = "yes";
  const nghttp2_nv nv = {name, value, 5, 3, NGHTTP2_NV_FLAG_NONE};
  assert_int_equal(
      nghttp2_submit_trailer(stream->peer->session, stream->id, &nv, 1), 0);
}

static ssize_t peer_read_body(nghttp2_session *session, int32_t id,
                              uint8_t *dst, size_t cap, uint32_t *flags,
                              nghttp2_data_source *source, void *user_data)
{
  (void)session;
  (void)id;
  (void)user_data;
  h2_peer_stream *stream = source->ptr;
  size_t len = stream->left < cap ? (size_t)stream->left : cap;
  if (len == 0 && !stream->ends) {
    return NGHTTP2_ERR_DEFERRED;
  }
  for (size_t i = 0; i < len; i++) {
    dst[i] = h2_peer_byte(stream->offset + i);
  }
  stream->offset += len;
  stream->left -= len;
  if (stream->left == 0 && stream->ends) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (stream->trails) {
      *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
      peer_send_trailers(stream);
    }
  }
  return (ssize_t)len;
}

static nghttp2_nv nv_of(char *name, size_t namelen, char *value,
                        size_t valuelen)
{
  return (nghttp2_nv){(uint8_t *)name, (uint8_t *)value, namelen, valuelen,
                      NGHTTP2_NV_FLAG_NONE};
}

/* Cuts "name: value\n" lines; returns how many there were. */
static size_t nv_cut(nghttp2_nv *nva, char *lines)
{
  size_t count = 0;
  for (char *at = lines; *at != '\0'; count++) {
    char *colon = strstr(at, ": ");
    char *end = strchr(at, '\n');
    assert_non_null(colon);
    assert_non_null(end);
    assert_true(count < PEER_FIELDS_MAX);
    nva[count] =
        nv_of(at, (size_t)(colon - at), colon + 2, (size_t)(end - colon - 2));
    at = end + 1;
  }
  return count;
}

void h2_peer_send_head(h2_peer *peer, h2_peer_stream *stream, int status,
                       const char *fields, bool ends)
{
  char name[] = ":status";
  char digits[8];
  (void)snprintf(digits, sizeof(digits), "%03d", status);
  char *lines = strdup(fields == NULL ? "" : fields);
  assert_non_null(lines);
  nghttp2_nv *nva = calloc(PEER_FIELDS_MAX + 1, sizeof(*nva));
  assert_non_null(nva);
  nva[0] = nv_of(name, sizeof(name) - 1, digits, strlen(digits));
  size_t count = 1 + nv_cut(nva + 1, lines);
  const nghttp2_data_provider provider = {
      .source.ptr = stream,
      .read_callback = peer_read_body,
  };
  int rv;
  if (status < 200) {
    rv = nghttp2_submit_headers(peer->session, NGHTTP2_FLAG_NONE, stream->id,
                                NULL, nva, count, NULL);
  } else {
    rv = nghttp2_submit_response(peer->session, stream->id, nva, count,
                                 ends ? NULL : &provider);
  }
  assert_int_equal(rv, 0);
  free(nva);
  free(lines);
}

void h2_peer_send_body(h2_peer_stream *stream, size_t len, bool ends)
{
  stream->left += len;
  stream->ends = stream->ends || ends;
  (void)nghttp2_session_resume_data(stream->peer->session, stream->id);
}

void h2_peer_send_body_and_trailers(h2_peer_stream *stream, size_t len)
{
  stream->trails = true;
  h2_peer_send_body(stream, len, true);
}

void h2_peer_respond(h2_peer *peer, h2_peer_stream *stream, size_t len)
{
  char fields[64];
  (void)snprintf(fields, sizeof(fields), "content-length: %zu\n", len);
  h2_peer_send_head(peer, stream, 200, fields, len == 0);
  if (len > 0) {
    h2_peer_send_body(stream, len, true);
  }
}

void h2_peer_reset(h2_peer *peer, h2_peer_stream *stream, uint32_t code)
{
  assert_int_equal(nghttp2_submit_rst_stream(peer->session, NGHTTP2_FLAG_NONE,
                                             stream->id, code),
                   0);
}

void h2_peer_goaway(h2_peer *peer, int32_t last_id, uint32_t code)
{
  assert_int_equal(nghttp2_submit_goaway(peer->session, NGHTTP2_FLAG_NONE,
                                         last_id, code, NULL, 0),
                   0);
}

void h2_peer_consume(h2_peer *peer, h2_peer_stream *stream, size_t len)
{
  assert_int_equal(nghttp2_session_consume(peer->session, stream->id, len), 0);
}

void h2_peer_limit(h2_peer *peer, uint32_t streams_max)
{
  const nghttp2_settings_entry setting = {
      NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, streams_max};
  assert_int_equal(
      nghttp2_submit_settings(peer->session, NGHTTP2_FLAG_NONE, &setting, 1),
      0);
}

void h2_peer_frame(fake_bytes *out, uint8_t type, uint8_t flags, int32_t id,
                   const void *payload, size_t len)
{
  assert_true(len < 1 << 24);
  const uint8_t head[9] = {
      (uint8_t)(len >> 16),
      (uint8_t)(len >> 8),
      (uint8_t)len,
      type,
      flags,
      (uint8_t)((uint32_t)id >> 24),
      (uint8_t)((uint32_t)id >> 16),
      (uint8_t)((uint32_t)id >> 8),
      (uint8_t)id,
  };
  fake_bytes_append(out, head, sizeof(head));
  fake_bytes_append(out, payload, len);
}
