/* SPDX-License-Identifier: MIT */
#ifndef AHTTP_STREAM_H
#define AHTTP_STREAM_H

#include <ahttp/error.h>
#include <ahttp/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A raw stream: the bytes of a connection on which another protocol has begun,
 * after a 101 response to a request with Upgrade (RFC 9110, section 7.8) or a
 * 2xx response to CONNECT (section 9.3.6).  What had come after the response is
 * read first.  The call itself is complete with the response.
 *
 * The connection counts for the client's limits until the stream is closed.
 * Closing the client ends the stream with AHTTP_ECLOSED; it still is to be
 * closed.
 *
 * There are two ways to use one: callbacks from ahttp_stream_start() on, or
 * ahttp_stream_read() and _write(), which wait.  All functions work from any
 * thread.
 */
typedef struct ahttp_stream ahttp_stream;

/*
 * Takes the stream of |call|, in on_head or on_done, for ahttp_stream_close().
 * NULL if there is none, or it was taken.  One that is not taken is closed when
 * the call is gone.  After on_head it can be used at once; if the call fails
 * after all, so does the stream.
 */
AHTTP_EXTERN ahttp_stream *ahttp_call_take_stream(ahttp_call *call);

/* The same with a response of the blocking functions, or of a future. */
AHTTP_EXTERN ahttp_stream *ahttp_response_take_stream(ahttp_response *response);

/*
 * Closes |stream| and frees it; NULL is allowed.  No callback runs any more.
 * What the kernel has not taken by now is lost.  Nobody may be waiting for it.
 */
AHTTP_EXTERN void ahttp_stream_close(ahttp_stream *stream);

/* --- Callbacks. ----------------------------------------------------------- */

/*
 * What a stream tells, on the thread that runs the client's loop.  Members may
 * be NULL.  Any function may be called from them.
 */
typedef struct ahttp_stream_handlers {
  size_t size; /* set by AHTTP_STREAM_HANDLERS_INIT */

  /* |len| > 0 bytes have come, borrowed. */
  void (*on_read)(ahttp_stream *stream, const uint8_t *data, size_t len,
                  void *user_data);

  /* The peer has finished sending; once.  Sending goes on. */
  void (*on_end)(ahttp_stream *stream, void *user_data);

  /* All that was sent so far has left the library's buffers. */
  void (*on_drain)(ahttp_stream *stream, void *user_data);

  /* It broke, or the client was closed; once, last.  It still is to be closed.
   */
  void (*on_error)(ahttp_stream *stream, const ahttp_error *err,
                   void *user_data);
} ahttp_stream_handlers;

#define AHTTP_STREAM_HANDLERS_INIT AHTTP_SIZED(ahttp_stream_handlers)

/*
 * Has |stream| tell |handlers|, which are copied, from the loop; nothing is
 * read before.  Returns AHTTP_OK, or:
 *   AHTTP_EINVAL  |handlers| is from a newer header
 *   AHTTP_ESTATE  it was started, or read from, before
 */
AHTTP_EXTERN int ahttp_stream_start(ahttp_stream *stream,
                                    const ahttp_stream_handlers *handlers,
                                    void *user_data);

/* Stops on_read and on_end until ahttp_stream_resume(). */
AHTTP_EXTERN void ahttp_stream_pause(ahttp_stream *stream);
AHTTP_EXTERN void ahttp_stream_resume(ahttp_stream *stream);

/*
 * Sends a copy of |len| bytes; on_drain follows when they have left.  Returns
 * AHTTP_OK, or:
 *   AHTTP_ELIMIT  more than 16 MiB would be waiting: wait for on_drain
 *   AHTTP_ENOMEM
 *   the code of what broke the stream
 */
AHTTP_EXTERN int ahttp_stream_send(ahttp_stream *stream, const void *data,
                                   size_t len);

/* --- Waiting. --------------------------------------------------------------
 */

/*
 * Waits for bytes, |timeout_ms| at most (AHTTP_NO_LIMIT for ever), and writes
 * up to |cap| of them to |dst|.  Returns AHTTP_OK and sets |*len|, which is 0
 * when the peer has finished sending (or |cap| is 0).  Else |*len| is 0 and
 * |*err| (may be NULL) says why:
 *   AHTTP_ETIMEOUT_READ  nothing came; it may be tried again
 *   AHTTP_ESTATE         the stream tells callbacks, or this is a callback of
 *                        the client
 * One thread at a time.
 */
AHTTP_EXTERN int ahttp_stream_read(ahttp_stream *stream, void *dst, size_t cap,
                                   size_t *len, uint32_t timeout_ms,
                                   ahttp_error *err);

/*
 * Sends |len| bytes and waits until the kernel has all of them.  Errors as
 * above; after AHTTP_ETIMEOUT_WRITE the rest may still be sent.  One thread at
 * a time, which may be another than the reading one.
 */
AHTTP_EXTERN int ahttp_stream_write(ahttp_stream *stream, const void *data,
                                    size_t len, uint32_t timeout_ms,
                                    ahttp_error *err);

#ifdef __cplusplus
}
#endif

#endif
