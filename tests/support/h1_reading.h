/* SPDX-License-Identifier: MIT */
#ifndef H1_READING_H
#define H1_READING_H

#include "http/h1_reader.h"
#include "support/fake_stream.h"

/*
 * A reading turns input into a transcript: every event in order, content joined
 * however it was cut.  What a transcript says must not depend on how the input
 * was cut.
 *
 *   103|link: x          an interim response with its fields
 *   200 OK|a: b|         the final one: reason, fields
 *   [hello]              content
 *   trailers|a: b|
 *   END keep / END close the end, and whether the connection may go on
 *   +3                   so many bytes were left over after the end
 *   more                 the input was not enough
 *   EPROTO: why          a failure
 */
typedef struct h1_reading {
  ah_h1_reader reader;
  ah_arena arena;
  ah_response_head head;
  ahttp_fields trailers;
  fake_bytes transcript;
  bool in_body;
  bool over;   /* ended or failed */
  bool failed; /* what is left over then means nothing */
  size_t left_over;
} h1_reading;

/* Expects the response to a request with |method|; |upgrade|: that asked to
 * switch protocols. */
void h1_reading_begin(h1_reading *r, const char *method, bool upgrade);
void h1_reading_end(h1_reading *r);

/* Feeds one piece, from a block of its exact size. */
void h1_reading_feed(h1_reading *r, const char *data, size_t len);
/* The input has ended; clean or, in TLS, not. */
void h1_reading_feed_end(h1_reading *r, bool clean);

/* The transcript is |want|; |input| is shown if it is not. */
void h1_reading_check(h1_reading *r, const char *want, const char *input);

/* One row of a table: what comes, and what is read from it. */
typedef struct h1_row {
  const char *method; /* NULL: GET */
  ahttp_str input;
  const char *want;
} h1_row;

#define H1_COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define H1_IN(literal) {(literal), sizeof(literal) - 1}
#define H1_HEAD_OF(fields) "HTTP/1.1 200 OK\r\n" fields "\r\n"
#define H1_CHUNKED(content) H1_HEAD_OF("Transfer-Encoding: chunked\r\n") content
#define H1_CHUNKED_SAYS(rest) "200 OK|Transfer-Encoding: chunked| " rest

const char *h1_row_method(const h1_row *row);

/* Reads each row whole, cut at every point, and byte by byte. */
void h1_rows_read(const h1_row *rows, size_t count);
/* No strict prefix of any of them, good responses, is an error or an end. */
void h1_rows_want_more(const h1_row *rows, size_t count);

/* Appends |head|, then |count| times |part|, then |tail|. */
void h1_make(fake_bytes *out, const char *head, const char *part, size_t count,
             const char *tail);
/* Reads |input| whole and in pieces of several sizes: the transcript ends with
 * |want|.  Clears it. */
void h1_check_limit(fake_bytes *input, const char *want);

#endif
