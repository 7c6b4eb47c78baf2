/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_H1_READER_H
#define AH_HTTP_H1_READER_H

#include <ahttp/error.h>

#include "http/h1_chunked.h"
#include "http/h1_framing.h"
#include "http/h1_section.h"
#include "http/message.h"

/*
 * Reads one HTTP/1.1 response after another from bytes, in whatever pieces they
 * come.  Pull style: each call gives one event or asks for more, so its owner
 * can stop between any two events and go on later.
 *
 * Content is handed out as views into the input; header bytes are copied once,
 * into the arena.  Nothing else of the input is kept but the beginning of an
 * unfinished line.
 */

/* Interim responses (1xx) before a final one; over it is AHTTP_ELIMIT.  Go: 5;
 * 103 may come a few times.  The limits of sections hold as well. */
enum {
  AH_H1_INTERIM_MAX = 16
};

typedef enum ah_h1_event_kind {
  AH_H1_INFORMATIONAL, /* |head|: an interim response */
  AH_H1_HEAD,          /* |head|: the final one */
  AH_H1_BODY,          /* |body| */
  AH_H1_TRAILERS,      /* the trailer section, which has fields, is complete */
  AH_H1_END            /* the response is complete */
} ah_h1_event_kind;

typedef struct ah_h1_event {
  ah_h1_event_kind kind;
  const ah_response_head *head;
  ahttp_str body; /* not empty; a view into the input */
} ah_h1_event;

/* What response comes next, and where it goes.  Pointers are borrowed until
 * the response has ended or the reader is cleared. */
typedef struct ah_h1_expected {
  ah_arena *arena;        /* for header bytes */
  ah_response_head *head; /* filled when AH_H1_HEAD comes */
  ahttp_fields *trailers; /* filled when AH_H1_TRAILERS comes */
  unsigned traits;        /* of the request's method */
  bool upgrade;           /* the request asked for one: 101 is allowed */
} ah_h1_expected;

typedef enum ah_h1_reader_state {
  AH_H1_READER_IDLE,     /* no response is expected, or the last has ended */
  AH_H1_READER_STATUS,   /* at or within a status line */
  AH_H1_READER_FIELDS,   /* within a header section */
  AH_H1_READER_LENGTH,   /* |left| > 0 bytes of content are to come */
  AH_H1_READER_CHUNKED,  /* before the last chunk's end */
  AH_H1_READER_TRAILERS, /* within the trailer section */
  AH_H1_READER_CLOSE,    /* all bytes are content */
  AH_H1_READER_ENDING,   /* nothing is to come but AH_H1_END */
  AH_H1_READER_FAILED,   /* |error| and |why| say it */
  AH_H1_READER_STATES
} ah_h1_reader_state;

typedef struct ah_h1_reader {
  ah_h1_reader_state state;
  bool started;           /* a byte of this response was read */
  unsigned interim_count; /* of this response */
  ah_response_head *head; /* the head being read: |interim| or the caller's */
  ah_h1_expected expected;
  ah_h1_framing framing; /* of the final head */
  uint64_t left;         /* with AH_H1_CONTENT_LENGTH: bytes to come */
  uint64_t received;     /* bytes of content given out */
  ah_h1_section section; /* header bytes include the interim ones */

  /* Of some responses only. */
  ah_h1_chunked chunked;
  ah_response_head interim; /* the last interim head */
  int error;                /* AHTTP_E... once it has failed */
  const char *why;          /* static */
} ah_h1_reader;

/* Cannot fail and allocates nothing. */
void ah_h1_reader_init(ah_h1_reader *reader);
void ah_h1_reader_clear(ah_h1_reader *reader);

/* The next bytes are the response |*expected| speaks of.  The reader is idle:
 * new, or the last response has ended. */
void ah_h1_reader_expect(ah_h1_reader *reader, const ah_h1_expected *expected);

/*
 * Reads on in |len| bytes at |data| (0 is allowed); |*consumed| of them were
 * used.
 *
 *   AHTTP_OK   |*event| is the next event
 *   AH_MORE    everything was used; nothing happens before more bytes come
 *   AHTTP_EPROTO, AHTTP_ELIMIT, AHTTP_ENOMEM   and |reader->why|; every
 *              further call says the same
 *
 * After AH_H1_END the reader is idle and uses nothing: what is left over of the
 * input belongs to no response.
 */
int ah_h1_reader_next(ah_h1_reader *reader, const uint8_t *data, size_t len,
                      size_t *consumed, ah_h1_event *event);

/*
 * The peer has finished sending, after all it sent was read; |clean| is false
 * if TLS was cut off without its closing alert.
 *
 *   AHTTP_OK              the response ends with the connection: it is complete
 *   AHTTP_ETRUNCATED      it is not; |*err| says how far it came
 *   AHTTP_EDISCONNECTED   nothing of a response had arrived
 *
 * |*err| is set when it is not AHTTP_OK.
 */
int ah_h1_reader_end(ah_h1_reader *reader, bool clean, ahttp_error *err);

/* True if the next AH_H1_END needs no further input. */
bool ah_h1_reader_is_ending(const ah_h1_reader *reader);

#endif
