/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_H1_WRITER_H
#define AH_HTTP_H1_WRITER_H

#include "http/message.h"

/*
 * Writes HTTP/1.1 requests into memory of its caller's.  The head's length is
 * known before a byte is written, so it can go straight to where it is sent
 * from.
 */

/* How the content of a request is framed (RFC 9112, section 6). */
typedef enum ah_h1_upload {
  AH_H1_UPLOAD_NONE,   /* there is none */
  AH_H1_UPLOAD_LENGTH, /* Content-Length, then the bytes */
  AH_H1_UPLOAD_CHUNKED /* chunks, then the last chunk */
} ah_h1_upload;

ah_h1_upload ah_h1_upload_of(const ah_request_head *request);

enum {
  /* "Content-Length: 9223372036854775807", or a coding, and Connection. */
  AH_H1_FRAMING_BYTES_MAX = 96,
  AH_H1_PORT_BYTES_MAX = 8 /* ":65535" */
};

/* A checked request head, ready to be written. */
typedef struct ah_h1_head {
  const ah_request_head *request;
  size_t len;             /* bytes it has */
  ahttp_str scheme;       /* of the absolute form; empty: another form */
  ahttp_str authority;    /* the same */
  ahttp_str target;       /* of the request line, but for |port| */
  ahttp_str host;         /* the value of Host, but for |port| */
  size_t target_port_len; /* of |port|, with CONNECT, else 0 */
  size_t host_port_len;   /* the same, unless Host was given */
  size_t framing_len;
  char port[AH_H1_PORT_BYTES_MAX];
  char framing[AH_H1_FRAMING_BYTES_MAX]; /* the fields that are ours */
} ah_h1_head;

/*
 * Checks |request|, which must outlive |head|, and measures it.  Every byte
 * that goes on the wire is checked here, whatever was checked before: what
 * could end a line early would let a caller's data speak to the server.
 *
 *   AHTTP_OK
 *   AHTTP_EINVAL   the method is no token, or the target has other bytes than
 *                  visible ASCII
 *   AHTTP_EFIELD   a field name is no token; a value has control characters; a
 *                  field that frames the message is among the fields; Host is
 *                  there twice
 *
 * On failure |*why| is the reason (static).
 */
int ah_h1_head_init(ah_h1_head *head, const ah_request_head *request,
                    const char **why);

/*
 * Makes, in their arena, the lines of |fields| that go into one head after the
 * other, so that they are checked and put together once: a list that begins
 * with all of them (ah_fields_add_all()) has them.  None are made of fields
 * that ah_h1_head_init() would have to treat in another way.  AHTTP_OK or
 * AHTTP_ENOMEM.
 */
int ah_h1_lines_make(ahttp_fields *fields);

/* Writes the |head->len| bytes to |dst|. */
void ah_h1_head_write(const ah_h1_head *head, uint8_t *dst);

/*
 * Chunks are framed in place.  Content of at most |len| bytes is put
 * ah_h1_chunk_head_len(len) behind the beginning of some room, with
 * AH_H1_CHUNK_TAIL_BYTES of room behind it.
 */
enum {
  AH_H1_CHUNK_HEAD_BYTES_MAX = 10, /* 8 digits, CRLF */
  AH_H1_CHUNK_TAIL_BYTES = 2       /* CRLF */
};

/* How long the head of a chunk of 1 to UINT32_MAX bytes is. */
size_t ah_h1_chunk_head_len(size_t len);

/* Frames |len| bytes of content that are |head_len| behind |room|, moving them
 * if their own head is shorter.  The chunk then begins at |room|; returns its
 * length. */
size_t ah_h1_chunk_frame(uint8_t *room, size_t head_len, size_t len);

/* The last chunk; a trailer section follows, which ends with an empty line. */
#define AH_H1_CHUNK_LAST "0\r\n"

#endif
