/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "support/packer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define ZLIB_CONST /* next_in is const, as it should be */
#include <zlib.h>
#ifdef HAVE_BROTLI
#  include <brotli/encode.h>
#endif
#ifdef HAVE_ZSTD
#  include <zstd.h>
#endif
#include <cmocka.h>

enum {
  OUT_BYTES = 64 * 1024
};

struct packer {
  packer_sink sink;
  void *arg;
  bool (*put)(packer *self, const uint8_t *data, size_t len, packer_then then);
  z_stream z;
#ifdef HAVE_BROTLI
  BrotliEncoderState *br;
#endif
#ifdef HAVE_ZSTD
  ZSTD_CCtx *zstd;
#endif
  uint8_t out[OUT_BYTES];
};

static bool zlib_put(packer *self, const uint8_t *data, size_t len,
                     packer_then then)
{
  self->z.next_in = data;
  self->z.avail_in = (uInt)len;
  static const int flushes[] = {Z_NO_FLUSH, Z_SYNC_FLUSH, Z_FINISH};
  do {
    self->z.next_out = self->out;
    self->z.avail_out = OUT_BYTES;
    int rv = deflate(&self->z, flushes[then]);
    assert_true(rv == Z_OK || rv == Z_STREAM_END || rv == Z_BUF_ERROR);
    size_t made = OUT_BYTES - self->z.avail_out;
    if (made > 0 && !self->sink(self->arg, self->out, made)) {
      return false;
    }
  } while (self->z.avail_out == 0);
  return true;
}

#ifdef HAVE_BROTLI
static bool br_put(packer *self, const uint8_t *data, size_t len,
                   packer_then then)
{
  static const BrotliEncoderOperation ops[] = {BROTLI_OPERATION_PROCESS,
                                               BROTLI_OPERATION_FLUSH,
                                               BROTLI_OPERATION_FINISH};
  do {
    uint8_t *next_out = self->out;
    size_t room = OUT_BYTES;
    assert_true(BrotliEncoderCompressStream(self->br, ops[then], &len, &data,
                                            &room, &next_out, NULL));
    if (room < OUT_BYTES &&
        !self->sink(self->arg, self->out, OUT_BYTES - room)) {
      return false;
    }
  } while (len > 0 || BrotliEncoderHasMoreOutput(self->br));
  return true;
}
#endif

#ifdef HAVE_ZSTD
static bool zstd_put(packer *self, const uint8_t *data, size_t len,
                     packer_then then)
{
  static const ZSTD_EndDirective ends[] = {ZSTD_e_continue, ZSTD_e_flush,
                                           ZSTD_e_end};
  ZSTD_inBuffer in = {.src = data, .size = len};
  size_t rest;
  do {
    ZSTD_outBuffer out = {.dst = self->out, .size = OUT_BYTES};
    rest = ZSTD_compressStream2(self->zstd, &out, &in, ends[then]);
    assert_false(ZSTD_isError(rest));
    if (out.pos > 0 && !self->sink(self->arg, self->out, out.pos)) {
      return false;
    }
  } while (in.pos < in.size || (then != PACKER_GO_ON && rest > 0));
  return true;
}
#endif

static packer *zlib_new(packer *self, int window_bits)
{
  self->put = zlib_put;
  assert_int_equal(deflateInit2(&self->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED,
                                window_bits, 8, Z_DEFAULT_STRATEGY),
                   Z_OK);
  return self;
}

packer *packer_new(const char *coding, packer_sink sink, void *arg)
{
  packer *self = calloc(1, sizeof(*self));
  assert_non_null(self);
  self->sink = sink;
  self->arg = arg;
  if (strcmp(coding, "gzip") == 0) {
    return zlib_new(self, MAX_WBITS + 16);
  }
  if (strcmp(coding, "deflate") == 0) {
    return zlib_new(self, MAX_WBITS);
  }
  if (strcmp(coding, "raw") == 0) {
    return zlib_new(self, -MAX_WBITS);
  }
#ifdef HAVE_BROTLI
  if (strcmp(coding, "br") == 0) {
    self->put = br_put;
    self->br = BrotliEncoderCreateInstance(NULL, NULL, NULL);
    assert_non_null(self->br);
    (void)BrotliEncoderSetParameter(self->br, BROTLI_PARAM_QUALITY, 5);
    return self;
  }
#endif
#ifdef HAVE_ZSTD
  if (strcmp(coding, "zstd") == 0) {
    self->put = zstd_put;
    self->zstd = ZSTD_createCCtx();
    assert_non_null(self->zstd);
    return self;
  }
#endif
  free(self);
  return NULL;
}

bool packer_put(packer *self, const uint8_t *data, size_t len, packer_then then)
{
  return self->put(self, data, len, then);
}

void packer_free(packer *self)
{
  if (self == NULL) {
    return;
  }
  if (self->put == zlib_put) {
    (void)deflateEnd(&self->z);
  }
#ifdef HAVE_BROTLI
  if (self->br != NULL) {
    BrotliEncoderDestroyInstance(self->br);
  }
#endif
#ifdef HAVE_ZSTD
  ZSTD_freeCCtx(self->zstd);
#endif
  free(self);
}

static bool packed_add(void *arg, const uint8_t *data, size_t len)
{
  packed *self = arg;
  self->data = realloc(self->data, self->len + len);
  assert_non_null(self->data);
  memcpy(self->data + self->len, data, len);
  self->len += len;
  return true;
}

packed pack(const char *coding, const void *data, size_t len)
{
  packed out = {NULL, 0};
  packer *self = packer_new(coding, packed_add, &out);
  assert_non_null(self);
  assert_true(packer_put(self, data, len, PACKER_END));
  packer_free(self);
  return out;
}
