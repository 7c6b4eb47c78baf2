/* SPDX-License-Identifier: MIT */
#ifndef H2_PEER_H
#define H2_PEER_H

#include <nghttp2/nghttp2.h>

#include "support/fake_stream.h"

/*
 * An HTTP/2 server in memory, on nghttp2: the test gives it what the client
 * sent, tells it what to answer, and takes what it has to say.  What a server
 * must never send is written by hand with h2_peer_frame().
 */
enum {
  H2_PEER_STREAMS_MAX = 1024
};

typedef struct h2_peer h2_peer;

/* One stream as the server sees it. */
typedef struct h2_peer_stream {
  h2_peer *peer;
  int32_t id;
  fake_bytes fields;  /* of the request: "name: value\n" for each */
  fake_bytes content; /* of the request */
  bool is_received;   /* END_STREAM came */
  bool is_reset;      /* RST_STREAM came, with |reset_code| */
  uint32_t reset_code;
  bool never_indexed; /* a field was marked so */

  /* Its own: the content of the response. */
  uint64_t left;   /* bytes it may still send */
  uint64_t offset; /* bytes it has sent */
  bool ends;       /* the stream ends after them */
  bool trails;     /* with a trailer section */
} h2_peer_stream;

struct h2_peer {
  nghttp2_session *session;
  fake_bytes out; /* what it has to say; see h2_peer_say() */
  h2_peer_stream streams[H2_PEER_STREAMS_MAX];
  size_t stream_count;

  /* What it was sent. */
  unsigned pings; /* not answers */
  unsigned pongs;
  unsigned settings_acks;
  unsigned goaways;
  uint32_t goaway_code;
  uint64_t settings[16];   /* by number, as the client set them */
  unsigned window_updates; /* of streams */
  uint64_t stream_credit;  /* sum of their increments */
  uint64_t connection_credit;
  bool is_mute; /* it does not answer at all: input is dropped */
};

/* |streams_max| of 0 leaves the limit untold.  |window| is the initial one of
 * streams, 0 the default.  With |consumes| false uploaded bytes are consumed
 * only by h2_peer_consume(). */
h2_peer *h2_peer_new(uint32_t streams_max, uint32_t window, bool consumes);
void h2_peer_free(h2_peer *peer);

/* Takes what the client sent.  The test fails if it is not HTTP/2. */
void h2_peer_take(h2_peer *peer, const void *data, size_t len);

/* Moves what it wants to send now to |peer->out|. */
void h2_peer_say(h2_peer *peer);

/* The |index|th request, from 0; the test fails if there is none. */
h2_peer_stream *h2_peer_request(h2_peer *peer, size_t index);
h2_peer_stream *h2_peer_find(h2_peer *peer, int32_t id);

/* A head of |status| and the fields "name: value\n..." in |fields|, which may
 * be NULL.  An interim one if the status is 1xx.  With |ends| it is all. */
void h2_peer_send_head(h2_peer *peer, h2_peer_stream *stream, int status,
                       const char *fields, bool ends);
/* |len| bytes of content, see h2_peer_byte(); with |ends| they are the last. */
void h2_peer_send_body(h2_peer_stream *stream, size_t len, bool ends);
/* The same with a trailer section "x-end: yes" after them. */
void h2_peer_send_body_and_trailers(h2_peer_stream *stream, size_t len);

/* A 200 with |len| bytes and a Content-Length. */
void h2_peer_respond(h2_peer *peer, h2_peer_stream *stream, size_t len);

/* What is at |offset| of every content it sends. */
static inline uint8_t h2_peer_byte(uint64_t offset)
{
  return (uint8_t)('a' + offset % 23);
}

void h2_peer_reset(h2_peer *peer, h2_peer_stream *stream, uint32_t code);
void h2_peer_goaway(h2_peer *peer, int32_t last_id, uint32_t code);
void h2_peer_consume(h2_peer *peer, h2_peer_stream *stream, size_t len);
/* A new limit of streams. */
void h2_peer_limit(h2_peer *peer, uint32_t streams_max);

/* Appends a frame to |out| behind the session's back. */
void h2_peer_frame(fake_bytes *out, uint8_t type, uint8_t flags, int32_t id,
                   const void *payload, size_t len);

#endif
