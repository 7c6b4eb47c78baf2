/* SPDX-License-Identifier: MIT */
#ifndef FAKE_STREAM_H
#define FAKE_STREAM_H

#include <ahttp/error.h>

#include "net/loop.h"
#include "net/stream.h"

/*
 * A stream without a socket.  The test plays the peer and the kernel: it feeds
 * input, decides how many bytes are taken, and looks at what was sent.
 *
 * It keeps the contract of net/stream.h to the letter and fails the test when
 * its holder does not: use after close() or after on_error, commits beyond the
 * room.  Input is handed over in a block of its exact size that is freed right
 * afterwards, so a sanitizer sees reads past it and pointers kept into it.  The
 * ah_stream itself is freed at the end of the turn it is closed in.
 *
 * The loop is a real one: tests call ah_loop's turn (uv_run) to have deferred
 * things happen.  Memory is the C library's, so an allocation-failing test
 * counts only what the library asks for.
 */
typedef struct fake_stream fake_stream;

/* A run of bytes that grows. */
typedef struct fake_bytes {
  char *data; /* NUL-terminated; never NULL */
  size_t len;
  size_t cap; /* allocated; grows by doubling */
} fake_bytes;

struct fake_stream {
  ah_stream *stream; /* to be given to a connection; NULL once freed */

  /* What the test may look at. */
  fake_bytes sent;    /* all that the kernel has taken so far */
  fake_bytes queued;  /* committed, not taken yet */
  fake_bytes waiting; /* input not given out yet: the stream is paused */
  bool paused;
  bool closed;
  unsigned pauses;  /* calls of pause() on a stream that was not paused */
  unsigned resumes; /* calls of resume() on a paused stream */
  unsigned flushes;
  unsigned operations; /* fallible ones so far: reserve and flush */

  /* What the test may set. */
  size_t room;       /* bytes the kernel still takes; SIZE_MAX: any number */
  size_t cap_max;    /* most room one reserve() gives; 16 KiB at first */
  unsigned fail_nth; /* this operation fails, from 1: reserve() with
                        AHTTP_ENOMEM, flush() with on_error(AHTTP_EWRITE) from
                        the loop; 0: none */
  ah_stream_info info;

  /* Its own. */
  bool flushed;     /* there are flushed bytes the kernel has not taken */
  bool broken;      /* on_error was told */
  bool end_pending; /* on_end follows the waiting input */
  bool end_clean;
  bool end_told;
  int error_pending; /* on_error with this code follows from the loop */
};

/* A paused stream on |loop|.  Free with fake_stream_free(). */
fake_stream *fake_stream_new(ah_loop *loop);

/* Fails the test unless the holder has closed it and the loop has turned. */
void fake_stream_free(fake_stream *fake);

/* --- As the peer.  Runs the sink's callbacks, as the loop would. --------- */

/* |len| bytes arrive in one read; kept back while the stream is paused.
 * Nothing happens once it is closed. */
void fake_stream_feed(fake_stream *fake, const void *data, size_t len);
void fake_stream_feed_text(fake_stream *fake, const char *text);

/* The same in reads of |size| bytes (the last one may be shorter). */
void fake_stream_feed_slices(fake_stream *fake, const void *data, size_t len,
                             size_t size);

/* The peer has finished sending: on_end, after what still waits. */
void fake_stream_feed_end(fake_stream *fake, bool clean);

/* The stream breaks now: on_error with |code|. */
void fake_stream_break(fake_stream *fake, int code);

/* --- As the kernel. ------------------------------------------------------ */

/* Takes up to |len| further bytes of what was flushed; on_drain when that was
 * the last of it.  Returns how many it took. */
size_t fake_stream_drain(fake_stream *fake, size_t len);

/* Forgets what was sent so far. */
void fake_stream_forget_sent(fake_stream *fake);

/* --- Runs of bytes. ------------------------------------------------------ */

void fake_bytes_append(fake_bytes *bytes, const void *data, size_t len);
/* Drops |len| bytes at the front. */
void fake_bytes_drop(fake_bytes *bytes, size_t len);
void fake_bytes_clear(fake_bytes *bytes);

#endif
