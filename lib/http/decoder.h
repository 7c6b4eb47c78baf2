/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_DECODER_H
#define AH_HTTP_DECODER_H

#include <ahttp/types.h>

#include "http/content_coding.h"

/*
 * Undoes the content codings of one response: a chain of steps, one a coding.
 * It is bounded by the room it is given for its output, however far a few bytes
 * of input would expand.
 */
typedef struct ah_decoder ah_decoder;

/* One run's input and room.  |used| and |made| say what became of them. */
typedef struct ah_decoder_io {
  const uint8_t *in; /* |in_len| bytes, which may be 0 */
  size_t in_len;
  uint8_t *out; /* room for |out_cap| bytes, at least 1 */
  size_t out_cap;
  size_t used; /* input bytes that were taken */
  size_t made; /* output bytes that were written */
} ah_decoder_io;

/* For content with |codings|, of which there is at least one, all known and not
 * too many.  AHTTP_OK or AHTTP_ENOMEM. */
int ah_decoder_new(ah_decoder **out, const ah_codings *codings);
/* NULL is allowed. */
void ah_decoder_free(ah_decoder *decoder);

/*
 * Decodes as far as input and room go.  In every case |io->used| and
 * |io->made| are set, and the output before an error is good.
 *
 * AH_MORE: all of the input was taken, and all that follows from it was made.
 * AHTTP_OK: the room is used up; there may be more.
 * AHTTP_EDECODE: the content is damaged; see ah_decoder_why().
 * AHTTP_ENOMEM
 */
int ah_decoder_run(ah_decoder *decoder, ah_decoder_io *io);

/* There is no more input, and the last run said AH_MORE.  AHTTP_OK, or
 * AHTTP_EDECODE if the content is cut short.  Content of no bytes at all is
 * complete, whatever its coding. */
int ah_decoder_end(ah_decoder *decoder);

/* After AHTTP_EDECODE: the coding that failed and what is wrong with it. */
const char *ah_decoder_coding(const ah_decoder *decoder);
const char *ah_decoder_why(const ah_decoder *decoder);

#endif
