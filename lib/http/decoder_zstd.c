/* SPDX-License-Identifier: MIT */
/*
 * zstd (RFC 8878), by libzstd, loaded with the first content: one frame or
 * several, skippable ones among them.  Unlike gzip's, what follows a frame and
 * begins no other is an error: the format leaves no room for it and there is no
 * practice to follow.
 */
#include "config.h"
#include "http/decoder_step.h"

#ifdef HAVE_ZSTD

#  ifdef HAVE_ZSTD_CREATEDCTX_ADVANCED
#    define ZSTD_STATIC_LINKING_ONLY /* for an allocator of one's own */
#  endif
#  include <stdio.h>

#  include <zstd.h>
#  include <zstd_errors.h>

#  include <ahttp/error.h>

#  include "base/alloc.h"
#  include "base/assert.h"
#  include "base/error.h"

#  ifdef HAVE_ZSTD_CREATEDCTX_ADVANCED
#    define ZSTD_MAKER(X) X(ZSTD_createDCtx_advanced)
#  else
#    define ZSTD_MAKER(X) X(ZSTD_createDCtx)
#  endif
#  define ZSTD_SYMBOLS(X)     \
    X(ZSTD_DCtx_setParameter) \
    ZSTD_MAKER(X)             \
    X(ZSTD_decompressStream)  \
    X(ZSTD_freeDCtx)          \
    X(ZSTD_getErrorCode)      \
    X(ZSTD_getErrorString)    \
    X(ZSTD_isError)           \
    X(ZSTD_versionString)

static struct {
  ZSTD_SYMBOLS(AH_LIBRARY_MEMBER)
} zstd;

static const char *const zstd_names[] = {ZSTD_SYMBOLS(AH_LIBRARY_NAME)};

AH_LIBRARY_NOTE(zstd_note, ZSTD_SONAME, "zstd", "content coding zstd");
ah_shared_library ah_zstd_library =
    AH_SHARED_LIBRARY(ZSTD_SONAME, "libzstd1", zstd_names, &zstd);

enum {
  /* RFC 9659, section 3: a window of a coding "zstd" is no larger than 8 MiB,
   * so that a client need not have more memory than that for it. */
  WINDOW_LOG_MAX = 23
};

typedef struct zstd_step {
  ah_decoder_step base;
  ZSTD_DCtx *dctx;    /* NULL before the first run */
  bool is_within;     /* a frame has begun and not ended */
  bool may_have_more; /* the last run ended for want of room */
} zstd_step;

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
  return zstd.ZSTD_createDCtx_advanced(
      (ZSTD_customMem){.customAlloc = zstd_alloc, .customFree = zstd_free});
}

#  else

static ZSTD_DCtx *zstd_new_dctx(void)
{
  return zstd.ZSTD_createDCtx();
}

#  endif

static int zstd_fail(zstd_step *step, size_t result)
{
  ZSTD_ErrorCode code = zstd.ZSTD_getErrorCode(result);
  if (code == ZSTD_error_memory_allocation) {
    return AHTTP_ENOMEM;
  }
  step->base.why = code == ZSTD_error_frameParameter_windowTooLarge
                       ? "its window is larger than 8 MiB"
                       : zstd.ZSTD_getErrorString(code);
  return AHTTP_EDECODE;
}

static int zstd_start(zstd_step *step)
{
  if (!ah_coding_load(AH_CODING_ZSTD, &ah_zstd_library)) {
    step->base.why = ah_zstd_library.why;
    return AHTTP_EDECODE;
  }
  step->dctx = zstd_new_dctx();
  if (step->dctx == NULL) {
    return AHTTP_ENOMEM;
  }
  size_t result = zstd.ZSTD_DCtx_setParameter(step->dctx, ZSTD_d_windowLogMax,
                                              WINDOW_LOG_MAX);
  ah_assert(!zstd.ZSTD_isError(result)); /* a constant within the bounds */
  return AHTTP_OK;
}

static int zstd_run(ah_decoder_step *base, ah_decoder_io *io)
{
  zstd_step *step = (zstd_step *)base;
  int rv = step->dctx == NULL ? zstd_start(step) : AHTTP_OK;
  if (rv != AHTTP_OK) {
    return rv;
  }
  ZSTD_inBuffer in = {.src = io->in, .size = io->in_len};
  ZSTD_outBuffer out = {.dst = io->out, .size = io->out_cap};
  while (in.pos < in.size || step->may_have_more) {
    size_t result = zstd.ZSTD_decompressStream(step->dctx, &out, &in);
    io->used = in.pos;
    io->made = out.pos;
    if (zstd.ZSTD_isError(result)) {
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
  zstd_step *step = (zstd_step *)base;
  if (step->dctx != NULL) {
    (void)zstd.ZSTD_freeDCtx(step->dctx); /* cannot fail */
  }
  ah_free(step);
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
  *out = &step->base;
  return AHTTP_OK;
}

void ah_zstd_version(char *dst, size_t cap)
{
  dst[0] = '\0';
  if (ah_coding_load(AH_CODING_ZSTD, &ah_zstd_library)) {
    (void)snprintf(dst, cap, " zstd/%s", zstd.ZSTD_versionString());
  }
}

#else

void ah_zstd_version(char *dst, size_t cap)
{
  (void)cap;
  dst[0] = '\0';
}

#endif
