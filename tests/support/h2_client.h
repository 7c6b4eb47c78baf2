/* SPDX-License-Identifier: MIT */
#ifndef H2_CLIENT_H
#define H2_CLIENT_H

#include "base/arena.h"
#include "http/h2_session.h"
#include "support/h2_peer.h"

/*
 * What a test of the HTTP/2 session puts around it: a holder that records every
 * event, and the wire between it and an h2_peer.
 */
typedef struct h2_client {
  ah_h2_session *session;
  h2_peer *peer;  /* NULL: the test feeds bytes itself */
  fake_bytes log; /* events that are no stream's: "settings goaway:0 pong:7" */
  size_t room;    /* what one drain is given */
  uint64_t now_ns;
} h2_client;

typedef struct h2_request h2_request;
struct h2_request {
  ah_h2_stream stream;
  h2_client *client;
  ah_arena arena;
  ahttp_url url;
  ahttp_fields fields;
  ah_request_head head;
  ah_body source; /* head.body, if it has content; its length is unknown */
  ah_response_head response;
  ahttp_fields trailers;

  /* What happened, one word each: "100 200 body trailers end", or "failed:
   * ESTREAM".  Runs of body slices are one word. */
  fake_bytes log;
  fake_bytes body;
  ahttp_error error;
  bool is_refused;
  size_t sent; /* bytes on_sent was told of */

  /* What the test may set. */
  bool keeps;          /* content is not consumed at once */
  const char *content; /* of the request; NULL: none */
  size_t content_len;
  size_t content_at;
  size_t content_ready; /* up to here it is there; further is AH_BLOCKED */
  int content_error;    /* what reading returns instead, or AHTTP_OK */
  /* Runs after each event is recorded, with its word; may be NULL. */
  void (*on_event)(h2_request *request, const char *word);
};

/* A client of |peer|, which may be NULL and is freed with it. */
h2_client *h2_client_new(h2_peer *peer);
/* The same, with lack of memory as an answer: AHTTP_ENOMEM and NULL. */
int h2_client_try_new(h2_client **out, h2_peer *peer);
void h2_client_free(h2_client *client);

/* A GET for http://example.org/ for which the library allocates nothing. */
h2_request *h2_request_new_plain(h2_client *client);

/* |method| for http://example.org|path|.  Free with h2_request_free(). */
h2_request *h2_request_new(h2_client *client, const char *method,
                           const char *path);
void h2_request_free(h2_request *request);
void h2_request_add_field(h2_request *request, const char *name,
                          const char *value);
void h2_request_set_content(h2_request *request, const char *content,
                            size_t len);

/* Submits it; the test fails unless that succeeds. */
void h2_request_submit(h2_request *request);

/* A GET for "/" that is submitted. */
h2_request *h2_request_start(h2_client *client);

/* Makes the session that was made last number its next stream |id|, to get to
 * the end of the numbers without using them. */
void h2_client_skip_to(int32_t id);

/* Feeds |len| bytes in a block of their exact size. */
int h2_client_feed(h2_client *client, const void *data, size_t len);

/* What the client has to send, appended to |out|. */
int h2_client_drain(h2_client *client, fake_bytes *out);

/* Carries bytes both ways until both have nothing more to say. */
void h2_client_pump(h2_client *client);

/* The code of the session's error, AHTTP_OK if there is none. */
int h2_client_error(const h2_client *client);

/* A client with a request open on stream 1, which has seen the server's
 * SETTINGS; what a server says next is written by hand. */
typedef struct h2_fixture {
  h2_client *client;
  h2_request *request;
  fake_bytes in; /* what to feed next */
} h2_fixture;

h2_fixture h2_fixture_new(void);
void h2_fixture_free(h2_fixture *fix);

/* Lets the client say what it has to; it is forgotten. */
void h2_fixture_drain(h2_fixture *fix);

/* Feeds fix->in and empties it.  Returns what feeding did. */
int h2_fixture_feed(h2_fixture *fix);

#endif
