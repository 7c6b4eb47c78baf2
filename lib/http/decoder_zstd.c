/* SPDX-License-Identifier: MIT */
/*
 * zstd (RFC 8878), by libzstd: one frame or several, skippable ones among them.
 * Unlike gzip's, what follows a frame and begins no other is an error: the
 * format leaves no room for it and there is no practice to follow.
 */
#include "config.h"
#include "http/decoder_step.h"

/* Empty without the library, which ISO C does not allow a file to be. */
typedef struct zstd_step zstd_step;

#ifdef HAVE_ZSTD

#  ifdef HAVE_ZSTD_CREATEDCTX_ADVANCED
#    define ZSTD_STATIC_LINKING_ONLY /* for an allocator of one's own */
#  endif
#  include <zstd.h>
#  include <zstd_errors.h>

#  include <ahttp/error.h>

#  include "base/alloc.h"
#  include "base/assert.h"
#  include "base/error.h"

enum {
  /* RFC 9659, section 3: a window of a coding "zstd" is no larger than 8 MiB,
   * so that a client need not have more memory than that for it. */
  WINDOW_LOG_MAX = 23
};

struct zstd_step {
  ah_decoder_step base;
  ZSTD_DCtx *dctx;
  bool is_within;     /* a frame has begun and not ended */
  bool may_have_more; /* the last run ended for want of room */
};

#  ifdef HAVE_ZSTD_CREATEDCTX_ADVANCED

static void *zstd_alloc(void *opaque, size_t size)
{
  (void)opaque;
  return ah_malloc(size);
}

static void zstd_free(void *opaque, void *ptr)
{
  (void)opaque;
  ah_free(ptr);
}

static ZSTD_DCtx *zstd_new_dctx(void)
{
  return ZSTD_createDCtx_advanced(
      (ZSTD_customMem){.customAlloc = zstd_alloc, .customFree = zstd_free});
}

#  else

static ZSTD_DCtx *zstd_new_dctx(void)
{
  return ZSTD_createDCtx();
}

#  endif

static int zstd_fail(zstd_step *step, size_t result)
{
  ZSTD_ErrorCode code = ZSTD_getErrorCode(result);
  if (code == ZSTD_error_memory_allocation) {
    return AHTTP_ENOMEM;
  }
  step->base.why = code == ZSTD_error_frameParameter_windowTooLarge
                       ? "its window is larger than 8 MiB"
                       : ZSTD_getErrorString(code);
  return AHTTP_EDECODE;
}

static int zstd_run(ah_decoder_step *base, ah_decoder_io *io)
{
  zstd_step *step = (zstd_step *)base;
  ZSTD_inBuffer in = {.src = io->in, .size = io->in_len};
  ZSTD_outBuffer out = {.dst = io->out, .size = io->out_cap};
  while (in.pos < in.size || step->may_have_more) {
    size_t result = ZSTD_decompressStream(step->dctx, &out, &in);
    io->used = in.pos;
    io->made = out.pos;
    if (ZSTD_isError(result)) {
      return zstd_fail(step, result);
    }
    step->is_within = result != 0;
    step->may_have_more = result != 0 && out.pos == out.size;
    if (out.pos == out.size) {
      return AHTTP_OK;
    }
  }
  return AH_MORE;
}

static bool zstd_is_complete(const ah_decoder_step *base)
{
  return !((const zstd_step *)base)->is_within;
}

static void zstd_step_free(ah_decoder_step *base)
{
  (void)ZSTD_freeDCtx(((zstd_step *)base)->dctx); /* cannot fail */
  ah_free(base);
}

static const ah_decoder_step_ops zstd_ops = {
    .name = "zstd",
    .run = zstd_run,
    .is_complete = zstd_is_complete,
    .free = zstd_step_free,
};

int ah_zstd_step_new(ah_decoder_step **out)
{
  *out = NULL;
  zstd_step *step = ah_calloc(1, sizeof(*step));
  if (step == NULL) {
    return AHTTP_ENOMEM;
  }
  step->base.ops = &zstd_ops;
  step->dctx = zstd_new_dctx();
  if (step->dctx == NULL) {
    ah_free(step);
    return AHTTP_ENOMEM;
  }
  size_t result =
      ZSTD_DCtx_setParameter(step->dctx, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
  ah_assert(!ZSTD_isError(result)); /* a constant within the bounds */
  *out = &step->base;
  return AHTTP_OK;
}

#endif
