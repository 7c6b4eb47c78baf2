/* SPDX-License-Identifier: MIT */
#ifndef AH_NET_STREAM_H
#define AH_NET_STREAM_H

#include <ahttp/error.h>
#include <ahttp/types.h>

#include "net/address.h"
#include "net/socket.h"

/*
 * Ordered bytes in both directions.  A socket is one, TLS is a filter on top of
 * another and owns it.  Whoever holds the topmost stream is its sink.
 *
 * Out: reserve room, write into it, commit; flush() hands everything to the
 * kernel, once a turn.  In: the sink's on_read gets bytes as they come and
 * must take all of them; a sink that cannot take more pauses the stream and
 * keeps what it was given.  A new stream is paused.
 *
 * After on_end no on_read follows; after on_error nothing does.  After close()
 * nothing does either, and the memory goes at the end of the turn.
 */
typedef struct ah_stream ah_stream;

/* What the holder of a stream is told.  No member may be NULL. */
typedef struct ah_stream_sink {
  /* A filter's handshake is complete.  Sockets never say it. */
  void (*on_open)(void *owner);
  /* |len| > 0 bytes, borrowed. */
  void (*on_read)(void *owner, const uint8_t *data, size_t len);
  /* The peer has finished sending.  |clean| is false if TLS was cut off
   * without its closing alert (RFC 8446, section 6.1). */
  void (*on_end)(void *owner, bool clean);
  /* The stream broke; only close() is left. */
  void (*on_error)(void *owner, const ahttp_error *err);
  /* What flush() could not write has been written since. */
  void (*on_drain)(void *owner);
} ah_stream_sink;

/* Bytes that a socket has carried: with TLS, what is encrypted. */
typedef struct ah_stream_counts {
  uint64_t in;
  uint64_t out;
} ah_stream_counts;

enum {
  /* INET6_ADDRSTRLEN and the name of an interface, rounded up. */
  AH_STREAM_ADDRESS_BYTES = 64
};

/* What is known about a stream; each layer fills in its part. */
typedef struct ah_stream_info {
  /* Numeric, NUL-terminated; "" for unix sockets. */
  char remote_address[AH_STREAM_ADDRESS_BYTES];
  uint16_t remote_port;
  uint16_t local_port;
  char local_address[AH_STREAM_ADDRESS_BYTES]; /* like the remote one */
  ahttp_str alpn;          /* chosen protocol, static; empty: none */
  const char *tls_version; /* static; NULL without TLS */
  const char *tls_cipher;  /* static; NULL without TLS */
  bool tls_resumed;
  struct ssl_st *tls; /* OpenSSL's, good while the stream is open, for the
                         certificate: server_certificate.h; NULL without TLS */
} ah_stream_info;

typedef struct ah_stream_ops {
  const char *name;
  /* Room for at least 1 byte of outgoing data: |*ptr|, |*cap|.  Good until
   * the next call on the stream.  AHTTP_OK or AHTTP_ENOMEM. */
  int (*reserve)(ah_stream *stream, uint8_t **ptr, size_t *cap);
  /* The first |len| bytes of the room are to be sent. */
  void (*commit)(ah_stream *stream, size_t len);
  /* Sends what was committed.  What the kernel does not take is sent later,
   * then on_drain runs.  Trouble is told by on_error from the loop, never from
   * within, and after the bytes that arrived before it: by a paused stream when
   * it is resumed.  Filters flush what is below. */
  void (*flush)(ah_stream *stream);
  /* Bytes committed and not yet taken by the kernel. */
  size_t (*queued)(const ah_stream *stream);
  void (*pause)(ah_stream *stream);
  /* on_read follows from the loop, never from within. */
  void (*resume)(ah_stream *stream);
  void (*info)(const ah_stream *stream, ah_stream_info *info);
  /* Ends it: an orderly end for what was flushed, no more events, memory freed
   * at the end of the turn.  Closes what is below. */
  void (*close)(ah_stream *stream);
} ah_stream_ops;

struct ah_stream {
  const ah_stream_ops *ops;
  ah_loop *loop;
  const ah_stream_sink *sink; /* set by the holder before resume() */
  void *owner;                /* the sink's */
  /* Of the socket at the bottom, there as long as the stream's memory; or NULL.
   */
  const ah_stream_counts *counts;
};

static inline void ah_stream_set_sink(ah_stream *stream,
                                      const ah_stream_sink *sink, void *owner)
{
  stream->sink = sink;
  stream->owner = owner;
}

/* Reserves and commits as often as it takes to append |len| bytes. */
int ah_stream_write(ah_stream *stream, const void *data, size_t len);

/*
 * Takes over |socket|, which is connected to |peer|, or NULL if that is a unix
 * socket; also when it fails.  AHTTP_OK or AHTTP_ENOMEM.
 */
int ah_socket_stream_new(ah_stream **out, ah_loop *loop, ah_socket *socket,
                         const ah_address *peer);

#endif
