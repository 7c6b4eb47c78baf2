/* SPDX-License-Identifier: MIT */
#ifndef AH_TESTS_RAW_PEER_H
#define AH_TESTS_RAW_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A server that does exactly what a script says, on a thread of its own and a
 * free loopback port.  Each accepted connection plays one script from its first
 * step; connections are served one after another, unless a script ends in
 * RAW_HOLD, which keeps its socket open and goes on to the next connection.
 */
typedef enum raw_kind {
  RAW_END,         /* close the connection; ends every script */
  RAW_EXPECT_HEAD, /* read until an empty line */
  RAW_EXPECT,      /* read |len| bytes */
  RAW_SEND,        /* send |len| bytes of |data| */
  RAW_SEND_EACH,   /* the same, one byte a segment */
  RAW_FILL,        /* send |len| bytes of 'x' */
  RAW_SHUTDOWN,    /* finish sending, keep reading */
  RAW_EXPECT_EOF,  /* read until the client closes */
  RAW_RESET,       /* close with a RST */
  RAW_HOLD /* keep the socket open until the peer stops; ends a script */
} raw_kind;

typedef struct raw_step {
  raw_kind kind;
  const void *data; /* borrowed until the peer stops */
  size_t len;
} raw_step;

/* Steps of literals. */
#define RAW_SEND_TEXT(text) {RAW_SEND, (text), sizeof(text) - 1}
#define RAW_SEND_EACH_TEXT(text) {RAW_SEND_EACH, (text), sizeof(text) - 1}

typedef struct raw_peer raw_peer;

/*
 * Starts serving.  Connection i plays scripts[i]; the last script plays for all
 * further ones.  Each script is an array that ends with RAW_END or RAW_HOLD.
 * Aborts the test program if there is no socket to be had.
 */
raw_peer *raw_peer_start(const raw_step *const *scripts, size_t count);

/* raw_peer_start() with one script for every connection. */
raw_peer *raw_peer_start_one(const raw_step *script);

uint16_t raw_peer_port(const raw_peer *peer);

/* Connections accepted so far. */
unsigned raw_peer_accepted(raw_peer *peer);

/* Waits until |count| connections have been served: closed, or held. */
void raw_peer_await_served(raw_peer *peer, unsigned count);

/* All bytes received so far on all connections, in order; a NUL follows.  Good
 * until the next call. */
const char *raw_peer_received(raw_peer *peer, size_t *len);

/* Closes every socket, joins the thread, frees; NULL is allowed. */
void raw_peer_stop(raw_peer *peer);

#endif
