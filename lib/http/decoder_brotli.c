/* SPDX-License-Identifier: MIT */
/*
 * br (RFC 7932), by libbrotlidec, loaded with the first content.  A stream says
 * where it ends; bytes behind that are an error, as they are for curl and for
 * brotli's own tests: no practice asks for overlooking them, as it does with
 * gzip.  Windows beyond 16 MiB, which are not of the RFC, are refused by the
 * library's default.
 */
#include "config.h"
#include "http/decoder_step.h"

#ifdef HAVE_BROTLI

#  include <stdio.h>

#  include <brotli/decode.h>

#  include <ahttp/error.h>

#  include "base/alloc.h"
#  include "base/error.h"

#  define BROTLI_SYMBOLS(X)          \
    X(BrotliDecoderCreateInstance)   \
    X(BrotliDecoderDecompressStream) \
    X(BrotliDecoderDestroyInstance)  \
    X(BrotliDecoderErrorString)      \
    X(BrotliDecoderGetErrorCode)     \
    X(BrotliDecoderVersion)

static struct {
  BROTLI_SYMBOLS(AH_LIBRARY_MEMBER)
} brotli;

static const char *const brotli_names[] = {BROTLI_SYMBOLS(AH_LIBRARY_NAME)};

AH_LIBRARY_NOTE(brotli_note, BROTLI_SONAME, "br", "content coding br");
ah_shared_library ah_brotli_library =
    AH_SHARED_LIBRARY(BROTLI_SONAME, "libbrotli1", brotli_names, &brotli);

typedef struct brotli_step {
  ah_decoder_step base;
  BrotliDecoderState *state; /* NULL before the first run */
  bool is_done;
} brotli_step;

static void *brotli_alloc(void *opaque, size_t size)
{
  (void)opaque;
  return ah_malloc(size);
}

static void brotli_free(void *opaque, void *ptr)
{
  (void)opaque;
  ah_free(ptr);
}

static int brotli_fail(brotli_step *step)
{
  BrotliDecoderErrorCode code = brotli.BrotliDecoderGetErrorCode(step->state);
  /* The codes of allocations are a range. */
  if (code <= BROTLI_DECODER_ERROR_ALLOC_CONTEXT_MODES &&
      code >= BROTLI_DECODER_ERROR_ALLOC_BLOCK_TYPE_TREES) {
    return AHTTP_ENOMEM;
  }
  step->base.why = brotli.BrotliDecoderErrorString(code);
  return AHTTP_EDECODE;
}

static int brotli_start(brotli_step *step)
{
  if (!ah_coding_load(AH_CODING_BR, &ah_brotli_library)) {
    step->base.why = ah_brotli_library.why;
    return AHTTP_EDECODE;
  }
  step->state =
      brotli.BrotliDecoderCreateInstance(brotli_alloc, brotli_free, NULL);
  return step->state == NULL ? AHTTP_ENOMEM : AHTTP_OK;
}

/* Behind the end. */
static int brotli_check_rest(brotli_step *step, const ah_decoder_io *io)
{
  if (io->used == io->in_len) {
    return AH_MORE;
  }
  step->base.why = "bytes follow its end";
  return AHTTP_EDECODE;
}

static int brotli_run(ah_decoder_step *base, ah_decoder_io *io)
{
  brotli_step *step = (brotli_step *)base;
  if (step->is_done) {
    return brotli_check_rest(step, io);
  }
  int rv = step->state == NULL ? brotli_start(step) : AHTTP_OK;
  if (rv != AHTTP_OK) {
    return rv;
  }
  const uint8_t *next_in = io->in;
  uint8_t *next_out = io->out;
  size_t in_left = io->in_len;
  size_t out_left = io->out_cap;
  BrotliDecoderResult result = brotli.BrotliDecoderDecompressStream(
      step->state, &in_left, &next_in, &out_left, &next_out, NULL);
  io->used = io->in_len - in_left;
  io->made = io->out_cap - out_left;
  switch (result) {
  case BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT:
    return AH_MORE;
  case BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT:
    return AHTTP_OK;
  case BROTLI_DECODER_RESULT_SUCCESS:
    step->is_done = true;
    return brotli_check_rest(step, io);
  case BROTLI_DECODER_RESULT_ERROR:
    break;
  }
  return brotli_fail(step);
}

static bool brotli_is_complete(const ah_decoder_step *base)
{
  return ((const brotli_step *)base)->is_done;
}

static void brotli_step_free(ah_decoder_step *base)
{
  brotli_step *step = (brotli_step *)base;
  if (step->state != NULL) {
    brotli.BrotliDecoderDestroyInstance(step->state);
  }
  ah_free(step);
}

static const ah_decoder_step_ops brotli_ops = {
    .name = "br",
    .run = brotli_run,
    .is_complete = brotli_is_complete,
    .free = brotli_step_free,
};

int ah_brotli_step_new(ah_decoder_step **out)
{
  *out = NULL;
  brotli_step *step = ah_calloc(1, sizeof(*step));
  if (step == NULL) {
    return AHTTP_ENOMEM;
  }
  step->base.ops = &brotli_ops;
  *out = &step->base;
  return AHTTP_OK;
}

void ah_brotli_version(char *dst, size_t cap)
{
  dst[0] = '\0';
  if (ah_coding_load(AH_CODING_BR, &ah_brotli_library)) {
    /* 8 bits, 12 and 12 */
    uint32_t version = brotli.BrotliDecoderVersion();
    (void)snprintf(dst, cap, " brotli/%u.%u.%u", (unsigned)(version >> 24),
                   (unsigned)(version >> 12 & 0xfff),
                   (unsigned)(version & 0xfff));
  }
}

#else

void ah_brotli_version(char *dst, size_t cap)
{
  (void)cap;
  dst[0] = '\0';
}

#endif
