/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "http/decoder.h"

#include <assert.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "http/decoder_step.h"

enum {
  /* What may lie between two steps: a few blocks of either coding, so that the
   * steps are not called for crumbs. */
  BETWEEN_BYTES = 16 * 1024
};

struct ah_decoder {
  /* In the order they run: the coding that was applied last is undone first. */
  ah_decoder_step *steps[AH_CODINGS_MAX];
  size_t count;
  ah_decoder_step *failed; /* after AHTTP_EDECODE */

  /* Made by the first step and not taken by the second yet. */
  uint8_t *between; /* BETWEEN_BYTES, with two steps only */
  size_t head;      /* head <= tail <= BETWEEN_BYTES */
  size_t tail;
};

static_assert(AH_CODINGS_MAX == 2, "there is one place between steps");

static int step_new(ah_decoder_step **out, ah_coding coding)
{
  switch (coding) {
  case AH_CODING_GZIP:
    return ah_gzip_step_new(out);
  case AH_CODING_DEFLATE:
    return ah_deflate_step_new(out);
  case AH_CODING_BR:
#ifdef HAVE_BROTLI
    return ah_brotli_step_new(out);
#else
    break;
#endif
  case AH_CODING_ZSTD:
#ifdef HAVE_ZSTD
    return ah_zstd_step_new(out);
#else
    break;
#endif
  }
  ah_assert(false); /* one that is not built in is unknown */
  return AHTTP_EINVAL;
}

int ah_decoder_new(ah_decoder **out, const ah_codings *codings)
{
  ah_assert(ah_codings_are_for_us(codings) && !codings->has_too_many);
  *out = NULL;
  ah_decoder *decoder = ah_calloc(1, sizeof(*decoder));
  if (decoder == NULL) {
    return AHTTP_ENOMEM;
  }
  for (size_t i = codings->count; i > 0; i--) {
    int rv = step_new(&decoder->steps[decoder->count], codings->items[i - 1]);
    if (rv != AHTTP_OK) {
      ah_decoder_free(decoder);
      return rv;
    }
    decoder->count++;
  }
  if (decoder->count > 1) {
    decoder->between = ah_malloc(BETWEEN_BYTES);
    if (decoder->between == NULL) {
      ah_decoder_free(decoder);
      return AHTTP_ENOMEM;
    }
  }
  *out = decoder;
  return AHTTP_OK;
}

void ah_decoder_free(ah_decoder *decoder)
{
  if (decoder == NULL) {
    return;
  }
  for (size_t i = 0; i < decoder->count; i++) {
    decoder->steps[i]->ops->free(decoder->steps[i]);
  }
  ah_free(decoder->between);
  ah_free(decoder);
}

/* Runs one step; adds what it did to |io|'s counts. */
static int decoder_run_step(ah_decoder *decoder, ah_decoder_step *step,
                            ah_decoder_io *io)
{
  io->used = 0;
  io->made = 0;
  if (io->in_len == 0 && !step->has_begun) {
    return AH_MORE;
  }
  step->has_begun = true;
  int rv = step->ops->run(step, io);
  ah_assert(rv != AH_MORE || io->used == io->in_len);
  if (rv == AHTTP_EDECODE) {
    decoder->failed = step;
  }
  return rv;
}

/* The second step takes what the first has made. */
static int decoder_drain(ah_decoder *decoder, ah_decoder_io *io)
{
  ah_decoder_io part = {
      .in = decoder->between + decoder->head,
      .in_len = decoder->tail - decoder->head,
      .out = io->out + io->made,
      .out_cap = io->out_cap - io->made,
  };
  if (part.out_cap == 0) {
    return AHTTP_OK;
  }
  int rv = decoder_run_step(decoder, decoder->steps[1], &part);
  decoder->head += part.used;
  io->made += part.made;
  return rv;
}

/* The first step makes more of the input.  AH_MORE if nothing comes of it. */
static int decoder_fill(ah_decoder *decoder, ah_decoder_io *io)
{
  ah_assert(decoder->head == decoder->tail);
  ah_decoder_io part = {
      .in = io->in + io->used,
      .in_len = io->in_len - io->used,
      .out = decoder->between,
      .out_cap = BETWEEN_BYTES,
  };
  int rv = decoder_run_step(decoder, decoder->steps[0], &part);
  io->used += part.used;
  decoder->head = 0;
  decoder->tail = part.made;
  return rv == AH_MORE && part.made > 0 ? AHTTP_OK : rv;
}

int ah_decoder_run(ah_decoder *decoder, ah_decoder_io *io)
{
  ah_assert(io->out_cap > 0);
  if (decoder->count == 1) {
    return decoder_run_step(decoder, decoder->steps[0], io);
  }
  io->used = 0;
  io->made = 0;
  for (;;) {
    int rv = decoder_drain(decoder, io);
    if (rv != AH_MORE) {
      return rv;
    }
    rv = decoder_fill(decoder, io);
    if (rv < 0 && decoder->tail > 0) {
      int first_rv = decoder_drain(decoder, io);
      return first_rv < 0 ? first_rv : rv;
    }
    if (rv != AHTTP_OK) {
      return rv;
    }
  }
}

int ah_decoder_end(ah_decoder *decoder)
{
  for (size_t i = 0; i < decoder->count; i++) {
    ah_decoder_step *step = decoder->steps[i];
    if (step->has_begun && !step->ops->is_complete(step)) {
      step->why = "it is cut short";
      decoder->failed = step;
      return AHTTP_EDECODE;
    }
  }
  return AHTTP_OK;
}

const char *ah_decoder_coding(const ah_decoder *decoder)
{
  return decoder->failed->ops->name;
}

const char *ah_decoder_why(const ah_decoder *decoder)
{
  return decoder->failed->why;
}
