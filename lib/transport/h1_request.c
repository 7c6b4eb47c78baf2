/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "transport/h1_request.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "http/h1_writer.h"
#include "http/request_trailers.h"
#include "transport/hop_trace.h"

enum {
  /* Content in the stream that the kernel has not taken.  A stream says that it
   * has drained, not how far it is: so this must go out within one write
   * timeout.  64 KiB in HTTPX's 5 s (which counts the same amount) is 13 KiB/s;
   * a system call for each 64 KiB costs a fast connection nothing. */
  QUEUED_BYTES_MAX = 64 * 1024,
  /* Less room than this is not worth a chunk of its own: such content is read
   * here first and appended. */
  CHUNK_ROOM_MIN = 256
};

#define TRAILERS_FAILED "the trailer fields of the request cannot be sent"

#define TO(state) (1u << AH_H1_REQUEST_##state)
static const unsigned request_edges[AH_H1_REQUEST_STATES] = {
    [AH_H1_REQUEST_NONE] = TO(QUEUED),
    [AH_H1_REQUEST_QUEUED] = TO(CONTENT) | TO(DRAINING) | TO(NONE),
    [AH_H1_REQUEST_CONTENT] =
        TO(STARVED) | TO(DRAINING) | TO(STOPPED) | TO(NONE),
    [AH_H1_REQUEST_STARVED] = TO(CONTENT) | TO(STOPPED) | TO(NONE),
    [AH_H1_REQUEST_DRAINING] = TO(SENT) | TO(NONE),
    [AH_H1_REQUEST_SENT] = TO(NONE),
    [AH_H1_REQUEST_STOPPED] = TO(NONE),
};
#undef TO

static void request_set_state(ah_h1_request *request, ah_h1_request_state next)
{
  ah_assert((request_edges[request->state] & (1u << next)) != 0);
  request->state = next;
}

static int request_fail(ah_h1_request *request, int code, const char *why)
{
  request->why = why;
  return code;
}

static int request_fail_memory(ah_h1_request *request)
{
  return request_fail(request, AHTTP_ENOMEM, "out of memory");
}

/* A head that does not fit into the room the stream has in one piece. */
static int request_put_large_head(ah_h1_request *request,
                                  const ah_h1_head *head)
{
  uint8_t *block = ah_malloc(head->len);
  if (block == NULL) {
    return AHTTP_ENOMEM;
  }
  ah_h1_head_write(head, block);
  int rv = ah_stream_write(request->stream, block, head->len);
  ah_free(block);
  return rv;
}

static int request_fill_head(ah_h1_request *request)
{
  ah_exchange *exchange = request->exchange;
  ah_stream *stream = request->stream;
  ah_h1_head head;
  ah_trace_step(exchange, AH_STEP_SEND_HEADERS);
  int rv = ah_h1_head_init(&head, &exchange->request, &request->why);
  if (rv != AHTTP_OK) {
    return rv;
  }
  uint8_t *room;
  size_t cap;
  rv = stream->ops->reserve(stream, &room, &cap);
  if (rv == AHTTP_OK && head.len <= cap) {
    ah_h1_head_write(&head, room);
    stream->ops->commit(stream, head.len);
  } else if (rv == AHTTP_OK) {
    rv = request_put_large_head(request, &head);
  }
  if (rv != AHTTP_OK) {
    return request_fail_memory(request);
  }
  exchange->bytes.out += head.len;
  ah_trace_step_complete(exchange, AH_STEP_SEND_HEADERS, head.len);
  bool has_content = ah_h1_upload_of(&exchange->request) != AH_H1_UPLOAD_NONE;
  request_set_state(request, has_content ? AH_H1_REQUEST_CONTENT
                                         : AH_H1_REQUEST_DRAINING);
  if (has_content) {
    ah_trace_step(exchange, AH_STEP_SEND_BODY);
  }
  return AHTTP_OK;
}

/*
 * Reads content to |dst|.  AHTTP_OK, AH_BLOCKED, AHTTP_EBODY, or
 * AHTTP_ECANCELED if the exchange has gone meanwhile.
 */
static int request_read(ah_h1_request *request, uint8_t *dst, size_t cap,
                        size_t *len)
{
  ah_exchange *exchange = request->exchange;
  request->ready = false;
  if (ah_exchange_holds_content(exchange)) {
    *len = 0;
    request_set_state(request, AH_H1_REQUEST_STARVED);
    return AH_BLOCKED;
  }
  request->reading = true;
  int rv = ah_body_read(exchange->request.body, exchange->bytes.upload, dst,
                        cap, len);
  request->reading = false;
  if (request->exchange != exchange) {
    return AHTTP_ECANCELED;
  }
  if (request->state != AH_H1_REQUEST_CONTENT) {
    *len = 0; /* stopped meanwhile: what was read does not matter */
    return AH_BLOCKED;
  }
  if (rv == AH_BLOCKED && !request->ready) {
    request_set_state(request, AH_H1_REQUEST_STARVED);
  }
  if (rv < 0) {
    return request_fail(request, rv, NULL); /* the body knows more */
  }
  exchange->bytes.upload += *len;
  return rv;
}

/* Some content as it is, straight into the stream's room. */
static int request_fill_plain(ah_h1_request *request)
{
  ah_exchange *exchange = request->exchange;
  ah_stream *stream = request->stream;
  uint8_t *room;
  size_t cap;
  size_t len;
  if (stream->ops->reserve(stream, &room, &cap) != AHTTP_OK) {
    return request_fail_memory(request);
  }
  int rv = request_read(request, room, cap, &len);
  if (rv != AHTTP_OK) {
    return rv;
  }
  stream->ops->commit(stream, len);
  exchange->bytes.out += len;
  if (exchange->bytes.upload == (uint64_t)exchange->request.body->length) {
    request_set_state(request, AH_H1_REQUEST_DRAINING);
  }
  return AHTTP_OK;
}

/* Reads content to |room| and makes a chunk of it; |*len| is 0 at the end. */
static int request_read_chunk(ah_h1_request *request, uint8_t *room, size_t cap,
                              size_t *len)
{
  size_t head_len = ah_h1_chunk_head_len(cap);
  size_t content_len;
  int rv = request_read(request, room + head_len,
                        cap - head_len - AH_H1_CHUNK_TAIL_BYTES, &content_len);
  *len = 0;
  if (rv == AHTTP_OK && content_len > 0) {
    *len = ah_h1_chunk_frame(room, head_len, content_len);
  }
  return rv;
}

/* The values of the trailers, some of which the user may be asked for: as
 * request_read(). */
static int request_ask_trailers(ah_h1_request *request, ahttp_fields *out)
{
  ah_exchange *exchange = request->exchange;
  request->reading = true;
  int rv = ah_request_trailers_resolve(exchange->request.trailers,
                                       exchange->arena, out);
  request->reading = false;
  if (request->exchange != exchange) {
    return AHTTP_ECANCELED;
  }
  if (rv == AHTTP_ENOMEM) {
    return request_fail_memory(request);
  }
  return rv == AHTTP_OK ? rv : request_fail(request, rv, TRAILERS_FAILED);
}

/* The last chunk and the trailer section, if there is one. */
static int request_fill_last_chunk(ah_h1_request *request)
{
  static const char last[] = AH_H1_CHUNK_LAST;
  ahttp_fields trailers = {.count = 0};
  if (request->exchange->request.trailers != NULL) {
    int rv = request_ask_trailers(request, &trailers);
    if (rv != AHTTP_OK || request->state != AH_H1_REQUEST_CONTENT) {
      return rv;
    }
  }
  ah_buf end;
  ah_buf_init(&end, SIZE_MAX);
  int rv = ah_buf_append(&end, last, sizeof(last) - 1);
  if (rv == AHTTP_OK) {
    rv = ah_request_trailers_write(&trailers, &end);
  }
  if (rv == AHTTP_OK) {
    rv = ah_stream_write(request->stream, ah_buf_bytes(&end), ah_buf_len(&end));
  }
  request->exchange->bytes.out += ah_buf_len(&end);
  ah_buf_clear(&end);
  if (rv != AHTTP_OK) {
    return request_fail_memory(request);
  }
  request_set_state(request, AH_H1_REQUEST_DRAINING);
  return AHTTP_OK;
}

/* Some content as a chunk. */
static int request_fill_chunk(ah_h1_request *request)
{
  ah_stream *stream = request->stream;
  uint8_t small[CHUNK_ROOM_MIN];
  uint8_t *room;
  size_t cap;
  size_t len;
  int rv = stream->ops->reserve(stream, &room, &cap);
  if (rv != AHTTP_OK) {
    return request_fail_memory(request);
  }
  if (cap >= CHUNK_ROOM_MIN) {
    rv = request_read_chunk(request, room, cap, &len);
    if (rv == AHTTP_OK) {
      stream->ops->commit(stream, len);
    }
  } else {
    rv = request_read_chunk(request, small, sizeof(small), &len);
    if (rv == AHTTP_OK && ah_stream_write(stream, small, len) != AHTTP_OK) {
      rv = request_fail_memory(request);
    }
  }
  if (rv != AHTTP_OK) {
    return rv;
  }
  request->exchange->bytes.out += len;
  return len > 0 ? AHTTP_OK : request_fill_last_chunk(request);
}

void ah_h1_request_init(ah_h1_request *request, ah_stream *stream)
{
  *request = (ah_h1_request){.state = AH_H1_REQUEST_NONE, .stream = stream};
}

void ah_h1_request_start(ah_h1_request *request, ah_exchange *exchange)
{
  request_set_state(request, AH_H1_REQUEST_QUEUED);
  request->exchange = exchange;
  request->ready = false;
  request->why = NULL;
  ah_exchange_expect(exchange);
  exchange->facts.written = false;
  exchange->times.sent = 0;
  exchange->bytes.out = 0;
  exchange->bytes.upload = 0;
}

void ah_h1_request_drop(ah_h1_request *request)
{
  if (request->state != AH_H1_REQUEST_NONE) {
    request_set_state(request, AH_H1_REQUEST_NONE);
    request->exchange = NULL;
  }
}

int ah_h1_request_fill(ah_h1_request *request)
{
  const ah_stream *stream = request->stream;
  int rv = AHTTP_OK;
  if (request->state == AH_H1_REQUEST_QUEUED) {
    rv = request_fill_head(request);
  }
  while (rv == AHTTP_OK && request->state == AH_H1_REQUEST_CONTENT &&
         stream->ops->queued(stream) < QUEUED_BYTES_MAX) {
    rv = ah_h1_upload_of(&request->exchange->request) == AH_H1_UPLOAD_CHUNKED
             ? request_fill_chunk(request)
             : request_fill_plain(request);
  }
  return rv == AH_BLOCKED ? AHTTP_OK : rv;
}

bool ah_h1_request_settle(ah_h1_request *request)
{
  ah_exchange *exchange = request->exchange;
  bool is_taken = request->stream->ops->queued(request->stream) == 0;
  switch (request->state) {
  case AH_H1_REQUEST_DRAINING:
    if (is_taken) {
      request_set_state(request, AH_H1_REQUEST_SENT);
      ah_exchange_note_sent(exchange);
      ah_exchange_await_read(exchange);
    } else {
      ah_exchange_await_write(exchange);
    }
    return false;
  case AH_H1_REQUEST_CONTENT:
    ah_exchange_await_write(exchange);
    return is_taken;
  case AH_H1_REQUEST_STARVED:
    if (!is_taken) {
      ah_exchange_await_write(exchange);
    } else if (ah_exchange_holds_content(exchange)) {
      ah_exchange_await_continue(exchange);
    } else {
      ah_exchange_await_nothing(exchange); /* the user is waited for */
    }
    return false;
  case AH_H1_REQUEST_NONE:
  case AH_H1_REQUEST_QUEUED:
  case AH_H1_REQUEST_SENT:
  case AH_H1_REQUEST_STOPPED:
  case AH_H1_REQUEST_STATES:
    break;
  }
  return false;
}

bool ah_h1_request_wake(ah_h1_request *request)
{
  request->ready = true;
  if (request->state != AH_H1_REQUEST_STARVED) {
    return false; /* it is read anyway, now or when the stream has drained */
  }
  request_set_state(request, AH_H1_REQUEST_CONTENT);
  return true;
}

void ah_h1_request_stop(ah_h1_request *request)
{
  if (request->state == AH_H1_REQUEST_CONTENT ||
      request->state == AH_H1_REQUEST_STARVED) {
    request_set_state(request, AH_H1_REQUEST_STOPPED);
    ah_exchange_await_read(request->exchange);
  }
}
