/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_H2_SESSION_H
#define AH_HTTP_H2_SESSION_H

#include "http/h2_error.h"
#include "http/h2_stream.h"

/*
 * The client's side of one HTTP/2 connection, without the connection: bytes
 * from the server go in by ah_h2_session_feed(), bytes for it come out of
 * ah_h2_session_drain(), what happens is told through an ops table.
 *
 * A stream is the holder's memory, embedded in whatever it keeps per request.
 * The session has it from ah_h2_session_submit() until on_end() or on_failed()
 * is told or ah_h2_session_reset() is called; then it never looks at it again.
 *
 * Every function but feed, drain and free may be called from within the ops.
 */
typedef struct ah_h2_session ah_h2_session;

enum {
  /* What a server may send unasked, a stream and a connection.  A stream's is
   * the most we may have to hold for a reader that pauses; it is small at first
   * and grows for a reader that does not, up to what 1.3 Gbit/s need at a
   * distance of 100 ms.  The connection's is given back on receipt and so is
   * never the bottleneck. */
  AH_H2_STREAM_WINDOW_BYTES = 1024 * 1024,
  AH_H2_STREAM_WINDOW_BYTES_MAX = 16 * 1024 * 1024,
  AH_H2_CONNECTION_WINDOW_BYTES = 16 * 1024 * 1024,
  /* HPACK's table for what the server sends: the RFC's default. */
  AH_H2_TABLE_BYTES = 4096,
  /* Streams we may open before the server has told its limit: what RFC 9113,
   * section 6.5.2, asks servers to grant at least. */
  AH_H2_STREAMS_UNTOLD_MAX = 100,
  /* Answers to PING and SETTINGS that may wait to be sent. */
  AH_H2_ACKS_MAX = 100
};

/*
 * What the holder is told.  No member may be NULL.  All but on_content and
 * on_sent come from within feed, those two from within drain; on_failed may
 * come from either.
 */
typedef struct ah_h2_session_ops {
  /* |head| is borrowed, its fields are in the stream's arena. */
  void (*on_informational)(void *owner, ah_h2_stream *stream,
                           const ah_response_head *head);
  /* stream->response is filled. */
  void (*on_head)(void *owner, ah_h2_stream *stream);
  /* |len| > 0 bytes of content, borrowed.  The server may send more when
   * ah_h2_session_consume() says so. */
  void (*on_body)(void *owner, ah_h2_stream *stream, const uint8_t *data,
                  size_t len);
  /* stream->trailers is filled, with at least one line. */
  void (*on_trailers)(void *owner, ah_h2_stream *stream);
  /* The response is complete.  If the request is not, the stream stays open:
   * reset it when done with. */
  void (*on_end)(void *owner, ah_h2_stream *stream);
  /* The stream is gone without a complete response; |refused| if the server
   * did not process it (RFC 9113, section 8.7). */
  void (*on_failed)(void *owner, ah_h2_stream *stream, const ahttp_error *err,
                    bool refused);

  /* Writes up to |cap| > 0 bytes of request content to |dst|, sets |*len|, and
   * |*end| if they are the last; AHTTP_OK.  AH_BLOCKED: asks again after
   * ah_h2_session_resume().  Anything else: the holder has reset the stream. */
  int (*on_content)(void *owner, ah_h2_stream *stream, uint8_t *dst, size_t cap,
                    size_t *len, bool *end);
  /* A HEADERS or DATA frame of the stream, |len| bytes on the wire, is among
   * what drain is about to give out. */
  void (*on_sent)(void *owner, ah_h2_stream *stream, size_t len);

  /* The server's settings arrived: ah_h2_session_streams_max() may differ. */
  void (*on_settings)(void *owner);
  /* No new streams.  Those the server will not process fail by themselves. */
  void (*on_goaway)(void *owner, uint32_t code);
  /* The answer to ah_h2_session_ping(). */
  void (*on_pong)(void *owner, uint64_t id);
} ah_h2_session_ops;

/* A session whose preface, SETTINGS and window are waiting to be drained.
 * AHTTP_OK, or AHTTP_ENOMEM and NULL in |*out|. */
int ah_h2_session_new(ah_h2_session **out, const ah_h2_session_ops *ops,
                      void *owner);

/* Frees it; streams are forgotten without a word.  NULL is allowed. */
void ah_h2_session_free(ah_h2_session *session);

/*
 * Opens a stream for |request|, which must not change while the session has
 * |stream|.  With |has_content| on_content is asked for it.
 *
 * AHTTP_OK, or |stream| is not taken and:
 *   AHTTP_ELIMIT  the head is larger than AH_H2_REQUEST_HEAD_BYTES_MAX
 *   AHTTP_ESTATE  no more streams: the server is going away, or 2^30 were used
 *   AHTTP_ENOMEM
 */
int ah_h2_session_submit(ah_h2_session *session, ah_h2_stream *stream,
                         const ah_request_head *request, bool has_content);

/* Lets go of |stream|, and resets it with |code| unless both sides are done
 * with it.  No event follows.  Returns true if the server will be told, false
 * if it never heard of the stream or knows that it has ended. */
bool ah_h2_session_reset(ah_h2_session *session, ah_h2_stream *stream,
                         ah_h2_code code);

/* |len| bytes of on_body were consumed: grants the server as many, in batches
 * of half a window. */
void ah_h2_session_consume(ah_h2_session *session, const ah_h2_stream *stream,
                           size_t len);

/* Lets the server send up to |bytes| ahead on |stream|, no less than before. */
void ah_h2_session_widen(ah_h2_session *session, const ah_h2_stream *stream,
                         uint32_t bytes);

/* There may be content again after AH_BLOCKED. */
void ah_h2_session_resume(ah_h2_session *session, const ah_h2_stream *stream);

/* Sends a PING that on_pong will be told of with |id|. */
void ah_h2_session_ping(ah_h2_session *session, uint64_t id);

/* Queues GOAWAY with |code| as the last frame of all: nothing is told from
 * here on and what is fed is ignored. */
void ah_h2_session_shutdown(ah_h2_session *session, ah_h2_code code);

/*
 * Takes |len| bytes from the server; |now_ns| is a monotonic clock's reading.
 * AHTTP_OK, or what ah_h2_session_error() says from then on.
 */
int ah_h2_session_feed(ah_h2_session *session, const uint8_t *data, size_t len,
                       uint64_t now_ns);

/*
 * Writes what is to be sent to |dst|, up to |cap| > 0 bytes, and sets |*len|;
 * less than |cap| means that is all for now.  AHTTP_OK, or AHTTP_ENOMEM.  When
 * the session has failed it still gives out the GOAWAY that says so.
 */
int ah_h2_session_drain(ah_h2_session *session, uint8_t *dst, size_t cap,
                        size_t *len);

/* True if drain would give out something. */
bool ah_h2_session_wants_drain(const ah_h2_session *session);

/* Why the session is dead, or NULL.  Its code is AHTTP_EPROTO, AHTTP_ELIMIT or
 * AHTTP_ENOMEM.  A violation that nghttp2 found shows when the GOAWAY about it
 * is drained. */
const ahttp_error *ah_h2_session_error(const ah_h2_session *session);

/* How many streams the server lets us have at once. */
uint32_t ah_h2_session_streams_max(const ah_h2_session *session);

/* The version of nghttp2 in use, such as "1.52.0"; static storage. */
const char *ah_h2_library_version(void);

#endif
