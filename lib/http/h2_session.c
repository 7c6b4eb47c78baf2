/* SPDX-License-Identifier: MIT */
/*
 * The wrapper around nghttp2, the only file that knows it.
 *
 * nghttp2 keeps the framing, HPACK, the state of each stream, both directions'
 * flow control windows, and the rules for HTTP fields (RFC 9113, section 8).
 * This file adds what it leaves to its user:
 *
 * - Streams.  nghttp2's user data of a stream is our ah_h2_stream, which is the
 *   holder's memory.  Letting go of a stream sets the user data to NULL first,
 *   so whatever nghttp2 still has to say about it finds nobody; that makes
 *   cancelling from within any callback safe.  Nothing is ever freed in here.
 *
 * - Windows.  nghttp2 must not grant bytes by itself.  The connection's window
 *   is credited at receipt, once a feed, so a reader that pauses never stalls
 *   its neighbours; a stream's is credited when the holder says it consumed.
 *   nghttp2 credits what never reaches us: padding, and DATA for streams that
 *   are gone.  It sends WINDOW_UPDATE at half a window.
 *
 * - Memory.  nghttp2's blocks are used again (h2_memory.h).
 *
 * - Limits.  HPACK lets a server name kilobytes with a byte, so field sections
 *   are counted while they are decoded (h2_block.h).  Frames that cost a server
 *   nothing are rationed (h2_budget.h).  nghttp2 itself limits CONTINUATION
 *   frames (8) and answers that wait to be sent.
 *
 * - Errors.  There are three kinds.  A failed stream is told by on_failed:
 *   reset by the server, refused, or malformed.  A violation that ends the
 *   connection makes nghttp2 queue a GOAWAY with the reason as debug data; we
 *   recognise it on its way out (session_on_frame_send), which is the one place
 *   all such paths of nghttp2 lead through.  Our own limits and lack of memory
 *   go through session_fail().  The first error wins.
 *
 * A stream has ended well if nghttp2 reported a frame with END_STREAM; one it
 * closes without that has failed, such as when Content-Length does not add up.
 *
 * Not used: server push, priorities, nghttp2's queue of waiting requests.
 */
#include "config.h"
#include "http/h2_session.h"

#include <assert.h>
#include <stddef.h>

#include <nghttp2/nghttp2.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/str.h"
#include "http/h2_block.h"
#include "http/h2_budget.h"
#include "http/h2_memory.h"
#include "http/h2_request.h"

enum {
  FRAME_HEAD_BYTES = 9,                /* RFC 9113, section 4.1 */
  NG_ERR_TOO_MANY_CONTINUATIONS = -905 /* too young for some headers */
};

/* More than AH_H2_REQUEST_HEAD_BYTES_MAX ever takes: that limit is ours to
 * enforce, nghttp2 would report it as a refused stream. */
#define REQUEST_BLOCK_BYTES_MAX ((size_t)256 * 1024)

struct ah_h2_session {
  nghttp2_session *ng;
  ah_h2_memory memory; /* of |ng| */
  const ah_h2_session_ops *ops;
  void *owner;
  ahttp_error error; /* code AHTTP_OK while it is alive */
  bool is_shut;      /* nothing is told any more */
  bool is_fed;       /* bytes from the server have arrived: |budget| is set */

  /* What nghttp2 has as the user data of the stream |found_id|. */
  ah_h2_stream *found;
  int32_t found_id; /* 0: nobody was looked up */

  /* Inbound. */
  uint64_t now_ns;   /* of the feed under way */
  size_t data_bytes; /* of DATA it brought, not credited yet */
  ah_h2_budget budget;
  ah_h2_block block;          /* the field section being received */
  ah_h2_stream *block_stream; /* whose it is; NULL: nobody's any more */
  int64_t goaway_code;        /* of the server's GOAWAY; -1: none yet */

  /* Outbound. */
  const uint8_t *rest; /* of a frame that did not fit; good until mem_send */
  size_t rest_len;
  ah_h2_lines lines; /* scratch: the head of the request being submitted */
};

static bool session_is_dead(const ah_h2_session *session)
{
  return session->is_shut || session->error.code != AHTTP_OK;
}

/* What a callback returns to nghttp2: it stops at once when dead. */
static int session_verdict(const ah_h2_session *session)
{
  return session_is_dead(session) ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

static void session_fail_memory(ah_h2_session *session)
{
  if (session->error.code == AHTTP_OK) {
    ah_error_plain(&session->error, AHTTP_ENOMEM, AHTTP_PHASE_NONE);
  }
}

/* The server did what the connection does not survive. */
static void session_fail(ah_h2_session *session, ah_h2_code code,
                         ahttp_str reason)
{
  if (session->error.code == AHTTP_OK) {
    ah_h2_error_set_violation(&session->error, code, reason);
    /* Without memory for a GOAWAY the connection just closes. */
    (void)nghttp2_session_terminate_session(session->ng, (uint32_t)code);
  }
}

/* Records why an nghttp2 call that reads or writes failed. */
static void session_fail_from(ah_h2_session *session, ssize_t ng_error)
{
  switch (ng_error) {
  case NGHTTP2_ERR_NOMEM:
    session_fail_memory(session);
    return;
  case NGHTTP2_ERR_FLOODED:
    session_fail(session, AH_H2_ENHANCE_YOUR_CALM,
                 AH_STR("too many frames want an answer"));
    return;
  case NG_ERR_TOO_MANY_CONTINUATIONS:
    session_fail(session, AH_H2_ENHANCE_YOUR_CALM,
                 AH_STR("too many CONTINUATION frames"));
    return;
  case NGHTTP2_ERR_CALLBACK_FAILURE: /* one of ours stopped it */
    ah_assert(session_is_dead(session));
    return;
  default:
    if (session->error.code == AHTTP_OK) {
      ah_h2_error_set_violation(&session->error, AH_H2_PROTOCOL_ERROR,
                                ah_str_from_c(nghttp2_strerror((int)ng_error)));
    }
    return;
  }
}

/* An nghttp2 call that only queues fails for lack of memory alone. */
static void session_check_queued(ah_h2_session *session, int ng_error)
{
  if (ng_error == NGHTTP2_ERR_NOMEM) {
    session_fail_memory(session);
  }
}

/* Nearly always whoever was looked up last: a frame is told of in parts. */
static ah_h2_stream *session_find(ah_h2_session *session, int32_t id)
{
  if (session->found_id != id) {
    session->found = nghttp2_session_get_stream_user_data(session->ng, id);
    session->found_id = id;
  }
  return session->found;
}

/* From here on the session does not touch |stream|. */
static void session_forget(ah_h2_session *session, ah_h2_stream *stream)
{
  /* It fails only for a stream nghttp2 does not have any more. */
  (void)nghttp2_session_set_stream_user_data(session->ng, stream->id, NULL);
  if (session->found_id == stream->id) {
    session->found = NULL;
  }
  stream->id = 0;
  if (session->block_stream == stream) {
    session->block_stream = NULL;
    ah_h2_block_refuse(&session->block);
  }
}

/* Lets go of a stream whose response cannot be used, and says so. */
static void session_reject(ah_h2_session *session, ah_h2_stream *stream,
                           int code)
{
  ahttp_error err;
  ah_h2_block_set_error(&err, code);
  (void)ah_h2_session_reset(session, stream,
                            code == AHTTP_ENOMEM ? AH_H2_INTERNAL_ERROR
                                                 : AH_H2_PROTOCOL_ERROR);
  session->ops->on_failed(session->owner, stream, &err, false);
}

static int session_on_stream_close(nghttp2_session *ng, int32_t id,
                                   uint32_t code, void *user_data)
{
  (void)ng;
  ah_h2_session *session = user_data;
  ah_h2_stream *stream = session_find(session, id);
  if (stream == NULL || session->is_shut) {
    return 0;
  }
  session_forget(session, stream);
  if (stream->is_received) {
    return 0; /* on_end said all there is to say */
  }
  ahttp_error err;
  ah_h2_stream_explain(stream, code, session->goaway_code, &err);
  bool is_refused = code == NGHTTP2_REFUSED_STREAM && err.code != AHTTP_ENOMEM;
  session->ops->on_failed(session->owner, stream, &err, is_refused);
  return 0;
}

/* Not told of frames that nghttp2 ignores. */
static int session_on_begin_frame(nghttp2_session *ng,
                                  const nghttp2_frame_hd *hd, void *user_data)
{
  (void)ng;
  ah_h2_session *session = user_data;
  uint8_t type = hd->type;
  bool is_last = (type == NGHTTP2_DATA || type == NGHTTP2_HEADERS) &&
                 (hd->flags & NGHTTP2_FLAG_END_STREAM) != 0;
  ah_h2_stream *stream = is_last || type == NGHTTP2_RST_STREAM
                             ? session_find(session, hd->stream_id)
                             : NULL;
  const ah_h2_frame frame = {
      .type = type,
      .flags = hd->flags,
      .len = hd->length,
      .is_wanted = type != NGHTTP2_RST_STREAM || stream != NULL,
  };
  if (session_is_dead(session)) {
    return NGHTTP2_ERR_CALLBACK_FAILURE;
  }
  if (type == NGHTTP2_PUSH_PROMISE) {
    /* nghttp2 says so only once the server has acknowledged our SETTINGS. */
    session_fail(session, AH_H2_PROTOCOL_ERROR,
                 AH_STR("the server pushes though that is disabled"));
  } else if (!ah_h2_budget_spend(&session->budget, &frame, session->now_ns)) {
    session_fail(session, AH_H2_ENHANCE_YOUR_CALM,
                 AH_STR("too many frames without use"));
  } else if (is_last && stream != NULL) {
    stream->content_end =
        stream->content_bytes + (type == NGHTTP2_DATA ? hd->length : 0);
  }
  return session_verdict(session);
}

/* Frames of unknown types are asked for only to be counted. */
static int session_on_extension(nghttp2_session *ng, void **payload,
                                const nghttp2_frame_hd *hd, void *user_data)
{
  (void)ng;
  (void)payload;
  (void)hd;
  (void)user_data;
  return NGHTTP2_ERR_CANCEL;
}

static int session_on_begin_headers(nghttp2_session *ng,
                                    const nghttp2_frame *frame, void *user_data)
{
  (void)ng;
  ah_h2_session *session = user_data;
  ah_h2_stream *stream = session_find(session, frame->hd.stream_id);
  session->block_stream = stream;
  if (stream == NULL) {
    ah_h2_block_begin_head(&session->block, NULL, 0);
    ah_h2_block_refuse(&session->block);
  } else if (stream->is_head_received) {
    ah_h2_block_begin_trailers(&session->block, stream->arena);
  } else {
    ah_h2_block_begin_head(&session->block, stream->arena, stream->head_bytes);
  }
  return session_verdict(session);
}

static int session_on_header(nghttp2_session *ng, const nghttp2_frame *frame,
                             const uint8_t *name, size_t name_len,
                             const uint8_t *value, size_t value_len,
                             uint8_t flags, void *user_data)
{
  (void)ng;
  (void)frame;
  (void)flags;
  ah_h2_session *session = user_data;
  int rv =
      ah_h2_block_add(&session->block, ah_str((const char *)name, name_len),
                      ah_str((const char *)value, value_len));
  if (rv != AHTTP_OK && session->block_stream != NULL) {
    session_reject(session, session->block_stream, rv);
  }
  if (ah_h2_block_is_abuse(&session->block)) {
    session_fail(session, AH_H2_ENHANCE_YOUR_CALM,
                 AH_STR("a field section is far too large"));
  }
  return session_verdict(session);
}

/* A head is complete; it is the interim kind or the final one. */
static void session_end_head(ah_h2_session *session, ah_h2_stream *stream)
{
  const ah_response_head *head = &session->block.head;
  int rv = ah_h2_stream_take_head(stream, head, session->block.bytes);
  if (rv != AHTTP_OK) {
    session_reject(session, stream, rv);
  } else if (stream->is_head_received) {
    session->ops->on_head(session->owner, stream);
  } else {
    session->ops->on_informational(session->owner, stream, head);
  }
}

static void session_on_headers(ah_h2_session *session, ah_h2_stream *stream,
                               const nghttp2_frame *frame)
{
  stream->head_wire_bytes += frame->hd.length + FRAME_HEAD_BYTES;
  session->block_stream = NULL;
  if (!session->block.is_trailers) {
    session_end_head(session, stream);
  } else if (session->block.head.fields.count > 0) {
    *stream->trailers = session->block.head.fields;
    session->ops->on_trailers(session->owner, stream);
  }
}

/* A frame of a stream; every op may let go of that. */
static void session_on_stream_frame(ah_h2_session *session,
                                    const nghttp2_frame *frame)
{
  ah_h2_stream *stream = session_find(session, frame->hd.stream_id);
  if (stream == NULL) {
    return;
  }
  if (frame->hd.type == NGHTTP2_RST_STREAM) {
    stream->is_reset = true; /* nghttp2 closes it right after this */
    return;
  }
  if (frame->hd.type == NGHTTP2_HEADERS) {
    session_on_headers(session, stream, frame);
  }
  if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 && stream->id != 0 &&
      !session_is_dead(session)) {
    stream->is_received = true;
    session->ops->on_end(session->owner, stream);
  }
}

static void session_on_ping_ack(ah_h2_session *session,
                                const nghttp2_ping *ping)
{
  uint64_t id;
  memcpy(&id, ping->opaque_data, sizeof(id));
  session->ops->on_pong(session->owner, id);
}

static int session_on_frame_recv(nghttp2_session *ng,
                                 const nghttp2_frame *frame, void *user_data)
{
  (void)ng;
  ah_h2_session *session = user_data;
  bool is_ack = (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0;
  if (session_is_dead(session)) {
    return NGHTTP2_ERR_CALLBACK_FAILURE;
  }
  switch (frame->hd.type) {
  case NGHTTP2_DATA:
  case NGHTTP2_HEADERS:
  case NGHTTP2_RST_STREAM:
    session_on_stream_frame(session, frame);
    break;
  case NGHTTP2_SETTINGS:
    if (!is_ack) {
      session->ops->on_settings(session->owner);
    }
    break;
  case NGHTTP2_PING:
    if (is_ack) {
      session_on_ping_ack(session, &frame->ping);
    }
    break;
  case NGHTTP2_GOAWAY:
    session->goaway_code = frame->goaway.error_code;
    session->ops->on_goaway(session->owner, frame->goaway.error_code);
    break;
  default:
    break;
  }
  return session_verdict(session);
}

static int session_on_data_chunk(nghttp2_session *ng, uint8_t flags, int32_t id,
                                 const uint8_t *data, size_t len,
                                 void *user_data)
{
  (void)flags;
  (void)ng;
  ah_h2_session *session = user_data;
  session->data_bytes += len;
  ah_h2_stream *stream = session_find(session, id);
  if (stream != NULL) {
    stream->content_bytes += len;
    session->ops->on_body(session->owner, stream, data, len);
  }
  return session_verdict(session);
}

static_assert(sizeof(ah_h2_line) == sizeof(nghttp2_nv) &&
                  offsetof(ah_h2_line, name) == offsetof(nghttp2_nv, name) &&
                  offsetof(ah_h2_line, value) == offsetof(nghttp2_nv, value) &&
                  offsetof(ah_h2_line, name_len) ==
                      offsetof(nghttp2_nv, namelen) &&
                  offsetof(ah_h2_line, value_len) ==
                      offsetof(nghttp2_nv, valuelen) &&
                  offsetof(ah_h2_line, flags) == offsetof(nghttp2_nv, flags),
              "lines are given to nghttp2 as they are");
static_assert((int)AH_H2_LINE_NEVER_INDEX == (int)NGHTTP2_NV_FLAG_NO_INDEX &&
                  (int)AH_H2_LINE_NO_COPY ==
                      ((int)NGHTTP2_NV_FLAG_NO_COPY_NAME |
                       (int)NGHTTP2_NV_FLAG_NO_COPY_VALUE),
              "so are their flags");

static const nghttp2_nv *session_nva(const ah_h2_session *session)
{
  return (const void *)session->lines.items;
}

static int session_submit_trailers(ah_h2_session *session,
                                   const ah_h2_stream *stream)
{
  int rv = ah_h2_lines_set_trailers(&session->lines, stream->request_trailers,
                                    stream->arena);
  return rv != AHTTP_OK ? NGHTTP2_ERR_NOMEM
                        : nghttp2_submit_trailer(session->ng, stream->id,
                                                 session_nva(session),
                                                 session->lines.count);
}

static ssize_t session_on_read_content(nghttp2_session *ng, int32_t id,
                                       uint8_t *dst, size_t cap,
                                       uint32_t *data_flags,
                                       nghttp2_data_source *source,
                                       void *user_data)
{
  (void)ng;
  (void)source;
  ah_h2_session *session = user_data;
  ah_h2_stream *stream = session_find(session, id);
  size_t len = 0;
  bool end = false;
  if (stream == NULL || session_is_dead(session)) {
    return NGHTTP2_ERR_DEFERRED; /* RST_STREAM or GOAWAY is on the way */
  }
  int rv =
      session->ops->on_content(session->owner, stream, dst, cap, &len, &end);
  if (rv != AHTTP_OK || stream->id == 0 || session_is_dead(session)) {
    return NGHTTP2_ERR_DEFERRED;
  }
  if (end) {
    *data_flags |= NGHTTP2_DATA_FLAG_EOF;
  }
  if (end && stream->request_trailers != NULL) {
    *data_flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    session_check_queued(session, session_submit_trailers(session, stream));
  }
  return (ssize_t)len;
}

/* A GOAWAY with an error is nghttp2's verdict on what the server sent, unless
 * the verdict was ours. */
static void session_on_goaway_send(ah_h2_session *session,
                                   const nghttp2_goaway *goaway)
{
  if (session_is_dead(session) || goaway->error_code == NGHTTP2_NO_ERROR) {
    return;
  }
  if (goaway->error_code == NGHTTP2_INTERNAL_ERROR) {
    session_fail_memory(session); /* what a failing HPACK encoder comes to */
    return;
  }
  ah_h2_error_set_violation(
      &session->error, goaway->error_code,
      ah_str((const char *)goaway->opaque_data, goaway->opaque_data_len));
}

static int session_on_frame_send(nghttp2_session *ng,
                                 const nghttp2_frame *frame, void *user_data)
{
  (void)ng;
  ah_h2_session *session = user_data;
  uint8_t type = frame->hd.type;
  if (type == NGHTTP2_GOAWAY) {
    session_on_goaway_send(session, &frame->goaway);
  } else if (type == NGHTTP2_DATA) {
    ah_h2_budget_earn_upload(&session->budget);
  }
  bool is_message = type == NGHTTP2_HEADERS || type == NGHTTP2_DATA;
  ah_h2_stream *stream =
      is_message ? session_find(session, frame->hd.stream_id) : NULL;
  if (stream == NULL || session_is_dead(session)) {
    return 0;
  }
  stream->is_head_sent = true;
  stream->is_sent |= (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  session->ops->on_sent(session->owner, stream,
                        frame->hd.length + FRAME_HEAD_BYTES);
  return 0;
}

static void session_set_callbacks(nghttp2_session_callbacks *callbacks)
{
  nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks,
                                                        session_on_begin_frame);
  nghttp2_session_callbacks_set_unpack_extension_callback(callbacks,
                                                          session_on_extension);
  nghttp2_session_callbacks_set_on_begin_headers_callback(
      callbacks, session_on_begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(callbacks,
                                                   session_on_header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks,
                                                       session_on_frame_recv);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
      callbacks, session_on_data_chunk);
  nghttp2_session_callbacks_set_on_stream_close_callback(
      callbacks, session_on_stream_close);
  nghttp2_session_callbacks_set_on_frame_send_callback(callbacks,
                                                       session_on_frame_send);
}

static void session_set_options(nghttp2_option *option)
{
  nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_option_set_peer_max_concurrent_streams(option,
                                                 AH_H2_STREAMS_UNTOLD_MAX);
  nghttp2_option_set_max_outbound_ack(option, AH_H2_ACKS_MAX);
  nghttp2_option_set_max_send_header_block_length(option,
                                                  REQUEST_BLOCK_BYTES_MAX);
  /* RFC 9113, section 8.2.1, forbids blanks around values; servers in the wild
   * send them, they frame nothing, and we trim. */
  nghttp2_option_set_no_rfc9113_leading_and_trailing_ws_validation(option, 1);
  for (unsigned type = NGHTTP2_CONTINUATION + 1; type <= UINT8_MAX; type++) {
    nghttp2_option_set_user_recv_extension_type(option, (uint8_t)type);
  }
}

/* nghttp2's session with our callbacks and options. */
static int session_make_ng(ah_h2_session *session)
{
  nghttp2_mem mem = {
      .mem_user_data = &session->memory,
      .malloc = ah_h2_memory_acquire,
      .free = ah_h2_memory_release,
      .calloc = ah_h2_memory_acquire_zeros,
      .realloc = ah_h2_memory_resize,
  };
  nghttp2_session_callbacks *callbacks = NULL;
  nghttp2_option *option = NULL;
  int rv = nghttp2_session_callbacks_new(&callbacks);
  if (rv == 0) {
    rv = nghttp2_option_new(&option);
  }
  if (rv == 0) {
    session_set_callbacks(callbacks);
    session_set_options(option);
    rv = nghttp2_session_client_new3(&session->ng, callbacks, session, option,
                                     &mem);
  }
  nghttp2_option_del(option);
  nghttp2_session_callbacks_del(callbacks);
  return rv == 0 ? AHTTP_OK : AHTTP_ENOMEM;
}

/* What the preface says (RFC 9113, section 3.4). */
static int session_greet(ah_h2_session *session)
{
  static const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, AH_H2_TABLE_BYTES},
      {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, AH_H2_STREAM_WINDOW_BYTES},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, AH_H2_HEAD_BYTES_MAX},
  };
  int rv = nghttp2_submit_settings(session->ng, NGHTTP2_FLAG_NONE, settings,
                                   sizeof(settings) / sizeof(settings[0]));
  if (rv == 0) {
    rv = nghttp2_session_set_local_window_size(
        session->ng, NGHTTP2_FLAG_NONE, 0, AH_H2_CONNECTION_WINDOW_BYTES);
  }
  return rv == 0 ? AHTTP_OK : AHTTP_ENOMEM;
}

int ah_h2_session_new(ah_h2_session **out, const ah_h2_session_ops *ops,
                      void *owner)
{
  *out = NULL;
  ah_h2_session *session = ah_calloc(1, sizeof(*session));
  if (session == NULL) {
    return AHTTP_ENOMEM;
  }
  session->ops = ops;
  session->owner = owner;
  session->goaway_code = -1;
  ah_h2_memory_init(&session->memory);
  ah_h2_lines_init(&session->lines);
  int rv = session_make_ng(session);
  if (rv == AHTTP_OK) {
    rv = session_greet(session);
  }
  if (rv != AHTTP_OK) {
    ah_h2_session_free(session);
    return rv;
  }
  *out = session;
  return AHTTP_OK;
}

void ah_h2_session_free(ah_h2_session *session)
{
  if (session == NULL) {
    return;
  }
  session->is_shut = true;
  nghttp2_session_del(session->ng);
  ah_h2_memory_clear(&session->memory);
  ah_h2_lines_clear(&session->lines);
  ah_free(session);
}

int ah_h2_session_submit(ah_h2_session *session, ah_h2_stream *stream,
                         const ah_request_head *request, bool has_content)
{
  const nghttp2_data_provider provider = {
      .read_callback = session_on_read_content,
  };
  stream->id = 0;
  if (session_is_dead(session) ||
      nghttp2_session_check_request_allowed(session->ng) == 0) {
    return AHTTP_ESTATE;
  }
  int rv = ah_h2_lines_set_request(&session->lines, request, stream->arena);
  if (rv != AHTTP_OK) {
    return rv;
  }
  int32_t id = nghttp2_submit_request(session->ng, NULL, session_nva(session),
                                      session->lines.count,
                                      has_content ? &provider : NULL, stream);
  if (id < 0) {
    return id == NGHTTP2_ERR_NOMEM ? AHTTP_ENOMEM : AHTTP_ESTATE;
  }
  ah_h2_stream_start(stream, id, request->traits);
  session->found_id = 0; /* a server may have named it too early */
  return AHTTP_OK;
}

bool ah_h2_session_reset(ah_h2_session *session, ah_h2_stream *stream,
                         ah_h2_code code)
{
  int32_t id = stream->id;
  if (id == 0) {
    return false;
  }
  session_forget(session, stream);
  if (stream->is_sent && stream->is_received) {
    return false;
  }
  session_check_queued(session,
                       nghttp2_submit_rst_stream(session->ng, NGHTTP2_FLAG_NONE,
                                                 id, (uint32_t)code));
  return stream->is_head_sent;
}

void ah_h2_session_consume(ah_h2_session *session, const ah_h2_stream *stream,
                           size_t len)
{
  /* With the last frame under way there is nothing left to grant. */
  if (stream->id != 0 && stream->content_end == UINT64_MAX) {
    session_check_queued(
        session, nghttp2_session_consume_stream(session->ng, stream->id, len));
  }
}

void ah_h2_session_widen(ah_h2_session *session, const ah_h2_stream *stream,
                         uint32_t bytes)
{
  if (stream->id != 0 && stream->content_end == UINT64_MAX) {
    session_check_queued(session, nghttp2_session_set_local_window_size(
                                      session->ng, NGHTTP2_FLAG_NONE,
                                      stream->id, (int32_t)bytes));
  }
}

void ah_h2_session_resume(ah_h2_session *session, const ah_h2_stream *stream)
{
  if (stream->id != 0) {
    /* A stream that waits for nothing says "invalid argument". */
    session_check_queued(session,
                         nghttp2_session_resume_data(session->ng, stream->id));
  }
}

void ah_h2_session_ping(ah_h2_session *session, uint64_t id)
{
  uint8_t data[8]; /* opaque to the server, so in no particular byte order */
  memcpy(data, &id, sizeof(data));
  session_check_queued(
      session, nghttp2_submit_ping(session->ng, NGHTTP2_FLAG_NONE, data));
}

void ah_h2_session_shutdown(ah_h2_session *session, ah_h2_code code)
{
  session->is_shut = true;
  /* Without memory for it there is no farewell; nothing depends on one. */
  (void)nghttp2_session_terminate_session(session->ng, (uint32_t)code);
}

int ah_h2_session_feed(ah_h2_session *session, const uint8_t *data, size_t len,
                       uint64_t now_ns)
{
  if (session_is_dead(session)) {
    return session->error.code;
  }
  session->now_ns = now_ns;
  if (!session->is_fed) {
    if (ah_h2_error_set_http1(&session->error, data, len)) {
      return session->error.code;
    }
    session->is_fed = true;
    ah_h2_budget_init(&session->budget, now_ns);
  }
  ssize_t taken = nghttp2_session_mem_recv(session->ng, data, len);
  if (taken < 0) {
    session_fail_from(session, taken);
  } else if (session->data_bytes > 0) {
    session_check_queued(session, nghttp2_session_consume_connection(
                                      session->ng, session->data_bytes));
    session->data_bytes = 0;
  }
  return session->error.code;
}

int ah_h2_session_drain(ah_h2_session *session, uint8_t *dst, size_t cap,
                        size_t *len)
{
  bool was_shut = session->is_shut;
  *len = 0;
  while (*len < cap) {
    if (session->rest_len == 0) {
      ssize_t got = nghttp2_session_mem_send(session->ng, &session->rest);
      if (session->is_shut != was_shut) {
        return AHTTP_OK; /* by on_content: |dst| may be gone with its owner */
      }
      if (got < 0) {
        session_fail_from(session, got);
        return session->error.code == AHTTP_ENOMEM ? AHTTP_ENOMEM : AHTTP_OK;
      }
      if (got == 0) {
        return AHTTP_OK;
      }
      session->rest_len = (size_t)got;
    }
    size_t room = cap - *len;
    size_t part = session->rest_len < room ? session->rest_len : room;
    memcpy(dst + *len, session->rest, part);
    session->rest += part;
    session->rest_len -= part;
    *len += part;
  }
  return AHTTP_OK;
}

bool ah_h2_session_wants_drain(const ah_h2_session *session)
{
  return session->rest_len > 0 || nghttp2_session_want_write(session->ng) != 0;
}

const ahttp_error *ah_h2_session_error(const ah_h2_session *session)
{
  return session->error.code == AHTTP_OK ? NULL : &session->error;
}

uint32_t ah_h2_session_streams_max(const ah_h2_session *session)
{
  return nghttp2_session_get_remote_settings(
      session->ng, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

const char *ah_h2_library_version(void)
{
  return nghttp2_version(0)->version_str;
}
