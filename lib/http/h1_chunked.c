/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "http/h1_chunked.h"

#include <ahttp/error.h>

#include "base/assert.h"
#include "base/error.h"
#include "base/str.h"

/* More would not fit into 64 bits. */
enum {
  SIZE_DIGITS_MAX = 16
};

#define TO(state) (1u << AH_H1_CHUNKED_##state)
static const unsigned chunked_edges[AH_H1_CHUNKED_STATES] = {
    [AH_H1_CHUNKED_SIZE] = TO(BLANK) | TO(EXT) | TO(SIZE_LF),
    [AH_H1_CHUNKED_BLANK] = TO(EXT) | TO(SIZE_LF),
    [AH_H1_CHUNKED_EXT] = TO(SIZE_LF),
    [AH_H1_CHUNKED_SIZE_LF] = TO(DATA) | TO(LAST),
    [AH_H1_CHUNKED_DATA] = TO(DATA_CR),
    [AH_H1_CHUNKED_DATA_CR] = TO(DATA_LF),
    [AH_H1_CHUNKED_DATA_LF] = TO(SIZE),
    [AH_H1_CHUNKED_LAST] = 0,
};
#undef TO

static void chunked_set_state(ah_h1_chunked *chunked, ah_h1_chunked_state next)
{
  ah_assert((chunked_edges[chunked->state] & (1u << next)) != 0);
  chunked->state = next;
}

static int chunked_fail(ah_h1_chunked *chunked, int code, const char *why)
{
  chunked->why = why;
  return code;
}

/* One more byte between the digits and the end of the line. */
static int chunked_count_ext(ah_h1_chunked *chunked)
{
  chunked->ext_line++;
  chunked->ext_total++;
  if (chunked->ext_line > AH_H1_EXT_LINE_BYTES_MAX ||
      chunked->ext_total > AH_H1_EXT_TOTAL_BYTES_MAX) {
    return chunked_fail(chunked, AHTTP_ELIMIT, "chunk extensions too long");
  }
  return AHTTP_OK;
}

/* A byte after the digits.  RFC 9112, section 7.1.1: extensions begin with
 * ";", maybe after blanks.  Blanks alone are no grammar, but old servers pad
 * their sizes with them. */
static int chunked_read_after_size(ah_h1_chunked *chunked, uint8_t byte)
{
  if (byte == '\r') {
    chunked_set_state(chunked, AH_H1_CHUNKED_SIZE_LF);
    return AHTTP_OK;
  }
  if (byte == ';') {
    chunked_set_state(chunked, AH_H1_CHUNKED_EXT);
    return chunked_count_ext(chunked);
  }
  if (byte != ' ' && byte != '\t') {
    return chunked_fail(chunked, AHTTP_EPROTO, "invalid chunk size");
  }
  if (chunked->state == AH_H1_CHUNKED_SIZE) {
    chunked_set_state(chunked, AH_H1_CHUNKED_BLANK);
  }
  return chunked_count_ext(chunked);
}

static int chunked_read_size(ah_h1_chunked *chunked, uint8_t byte)
{
  int digit = ah_char_hex(byte);
  if (digit < 0) {
    if (chunked->digits == 0) {
      return chunked_fail(chunked, AHTTP_EPROTO, "chunk size missing");
    }
    return chunked_read_after_size(chunked, byte);
  }
  if (chunked->digits == SIZE_DIGITS_MAX) {
    return chunked_fail(chunked, AHTTP_EPROTO, "chunk size too large");
  }
  chunked->digits++;
  chunked->left = chunked->left << 4 | (uint64_t)digit;
  return AHTTP_OK;
}

/* Extensions are skipped unread, but a line end that is not CRLF must not hide
 * in them: what comes after it would be seen differently by others on the
 * way. */
static int chunked_read_ext(ah_h1_chunked *chunked, uint8_t byte)
{
  if (byte == '\r') {
    chunked_set_state(chunked, AH_H1_CHUNKED_SIZE_LF);
    return AHTTP_OK;
  }
  if (!ah_char_is(byte, AH_CHAR_FIELD)) {
    return chunked_fail(chunked, AHTTP_EPROTO,
                        "control character in a chunk extension");
  }
  return chunked_count_ext(chunked);
}

static int chunked_read_size_lf(ah_h1_chunked *chunked, uint8_t byte)
{
  if (byte != '\n') {
    return chunked_fail(chunked, AHTTP_EPROTO, "bare CR in a chunk size line");
  }
  chunked_set_state(chunked, chunked->left == 0 ? AH_H1_CHUNKED_LAST
                                                : AH_H1_CHUNKED_DATA);
  return AHTTP_OK;
}

static int chunked_read_data_end(ah_h1_chunked *chunked, uint8_t byte)
{
  bool at_cr = chunked->state == AH_H1_CHUNKED_DATA_CR;
  if (byte != (at_cr ? '\r' : '\n')) {
    return chunked_fail(chunked, AHTTP_EPROTO, "chunk longer than its size");
  }
  if (at_cr) {
    chunked_set_state(chunked, AH_H1_CHUNKED_DATA_LF);
    return AHTTP_OK;
  }
  chunked_set_state(chunked, AH_H1_CHUNKED_SIZE);
  chunked->digits = 0;
  chunked->ext_line = 0;
  return AHTTP_OK;
}

/* One byte of what stands around the content. */
static int chunked_read_byte(ah_h1_chunked *chunked, uint8_t byte)
{
  switch (chunked->state) {
  case AH_H1_CHUNKED_SIZE:
    return chunked_read_size(chunked, byte);
  case AH_H1_CHUNKED_BLANK:
    return chunked_read_after_size(chunked, byte);
  case AH_H1_CHUNKED_EXT:
    return chunked_read_ext(chunked, byte);
  case AH_H1_CHUNKED_SIZE_LF:
    return chunked_read_size_lf(chunked, byte);
  case AH_H1_CHUNKED_DATA_CR:
  case AH_H1_CHUNKED_DATA_LF:
    return chunked_read_data_end(chunked, byte);
  case AH_H1_CHUNKED_DATA:
  case AH_H1_CHUNKED_LAST:
  case AH_H1_CHUNKED_STATES:
    break;
  }
  ah_assert(false); /* the caller stops in these */
  return AHTTP_EPROTO;
}

void ah_h1_chunked_init(ah_h1_chunked *chunked)
{
  *chunked = (ah_h1_chunked){.state = AH_H1_CHUNKED_SIZE};
}

int ah_h1_chunked_next(ah_h1_chunked *chunked, const uint8_t *data, size_t len,
                       size_t *consumed, ahttp_str *body)
{
  size_t at = 0;
  *body = ah_str(NULL, 0);
  *consumed = 0;
  while (at < len && chunked->state != AH_H1_CHUNKED_DATA &&
         chunked->state != AH_H1_CHUNKED_LAST) {
    int rv = chunked_read_byte(chunked, data[at]);
    if (rv != AHTTP_OK) {
      return rv;
    }
    at++;
  }
  *consumed = at;
  if (chunked->state == AH_H1_CHUNKED_LAST) {
    return AHTTP_OK;
  }
  if (at == len) {
    return AH_MORE;
  }
  size_t slice = len - at;
  if (slice >= chunked->left) {
    slice = (size_t)chunked->left;
    chunked_set_state(chunked, AH_H1_CHUNKED_DATA_CR);
  }
  chunked->left -= slice;
  *body = ah_str((const char *)data + at, slice);
  *consumed = at + slice;
  return AHTTP_OK;
}
