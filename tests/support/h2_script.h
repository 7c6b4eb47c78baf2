/* SPDX-License-Identifier: MIT */
#ifndef AH_TESTS_H2_SCRIPT_H
#define AH_TESTS_H2_SCRIPT_H

#include <stddef.h>
#include <stdint.h>

/*
 * An HTTP/2 server without TLS that does exactly what a script says, frame by
 * frame, on a free port of 127.0.0.1.  It knows no more of the protocol than
 * where a frame begins and ends, so it can break every rule.
 *
 * Each connection plays one script from its first step, after it has read the
 * client's preface.
 */
typedef enum h2_step_kind {
  H2_END,        /* finishes sending, waits for the client to close as well;
                    ends every script */
  H2_EXPECT,     /* reads frames up to one of |type| that is not an ACK */
  H2_EXPECT_ACK, /* reads frames up to an ACK of |type| */
  H2_FRAME,      /* sends a frame, |count| times */
  H2_BYTES,      /* sends |data| as it is, |count| times */
  H2_GATE,       /* waits for h2_script_open_gate() */
  H2_SERVE,      /* answers every complete request until the client closes, by
                    the |len| steps at |data| or else with 200 and "hello"; ends
                    a script */
  H2_RESET,      /* resets the connection; ends a script */
  H2_HOLD        /* reads until the client closes; ends a script */
} h2_step_kind;

/* As a frame's stream: that of the last HEADERS frame read. */
#define H2_LAST (-1)

typedef struct h2_step {
  h2_step_kind kind;
  uint8_t type;
  uint8_t flags;
  int32_t id;
  const void *data; /* payload; borrowed until the peer stops */
  size_t len;
  unsigned count; /* 0: once */
} h2_step;

/* RFC 9113, section 6. */
enum {
  H2_DATA = 0,
  H2_HEADERS = 1,
  H2_PRIORITY = 2,
  H2_RST_STREAM = 3,
  H2_SETTINGS = 4,
  H2_PUSH_PROMISE = 5,
  H2_PING = 6,
  H2_GOAWAY = 7,
  H2_WINDOW_UPDATE = 8,
  H2_CONTINUATION = 9,
  H2_TYPES = 256,

  H2_END_STREAM = 1,
  H2_ACK = 1,
  H2_END_HEADERS = 4,
  H2_PADDED = 8
};

/* Steps; payloads are literals. */
#define H2_DO_EXPECT_ACK(kind_of) {.kind = H2_EXPECT_ACK, .type = (kind_of)}
#define H2_DO_EXPECT(kind_of) {.kind = H2_EXPECT, .type = (kind_of)}
#define H2_DO_FRAME(kind_of, bits, stream, payload) \
  {.kind = H2_FRAME,                                \
   .type = (kind_of),                               \
   .flags = (bits),                                 \
   .id = (stream),                                  \
   .data = (payload),                               \
   .len = sizeof(payload) - 1}
#define H2_DO_FLOOD(times, kind_of, bits, stream, payload) \
  {.kind = H2_FRAME,                                       \
   .type = (kind_of),                                      \
   .flags = (bits),                                        \
   .id = (stream),                                         \
   .data = (payload),                                      \
   .len = sizeof(payload) - 1,                             \
   .count = (times)}
#define H2_DO(what) {.kind = (what)}

/* The server's first frame, with nothing in it; and the head of a 200 (RFC
 * 7541, appendix A: index 8) and content "hello" for the last request. */
#define H2_DO_SETTINGS H2_DO_FRAME(H2_SETTINGS, 0, 0, "")
#define H2_DO_HEAD H2_DO_FRAME(H2_HEADERS, H2_END_HEADERS, H2_LAST, "\x88")
#define H2_DO_HELLO H2_DO_FRAME(H2_DATA, H2_END_STREAM, H2_LAST, "hello")

typedef struct h2_script h2_script;

/* Connection i plays scripts[i]; the last one plays for all further ones. */
h2_script *h2_script_start(const h2_step *const *scripts, size_t count);

/* h2_script_start() with one script for every connection. */
h2_script *h2_script_start_one(const h2_step *script);

uint16_t h2_script_port(const h2_script *peer);

/* Connections accepted so far. */
unsigned h2_script_accepted(const h2_script *peer);

/* Frames of |type| read so far on all connections, and those of them that were
 * an ACK. */
unsigned h2_script_frames(const h2_script *peer, uint8_t type);
unsigned h2_script_acks(const h2_script *peer, uint8_t type);

/* Error code of the last RST_STREAM or GOAWAY frame read. */
uint32_t h2_script_error(const h2_script *peer);

/* Lets one H2_GATE pass. */
void h2_script_open_gate(h2_script *peer);

/* NULL is allowed. */
void h2_script_stop(h2_script *peer);

#endif
