/* SPDX-License-Identifier: MIT */
/*
 * gzip and deflate, by zlib.
 *
 * gzip (RFC 1952) is one member or several, one after the other; zlib checks
 * each one's CRC and length.  A member's end may be followed by another
 * member, which begins with the two bytes of its magic number.  Anything else
 * behind the end is ignored: servers send it, gzip(1) and browsers overlook it
 * (Chromium: "If any extra bytes are received, just silently ignore them [...]
 * matches the behavior of other browsers", net/filter/gzip_source_stream.h).
 *
 * deflate (RFC 9110, section 8.4.1.2) is zlib's format (RFC 1950), but "some
 * non-conformant implementations send the 'deflate' compressed data without the
 * zlib wrapper".  The first two bytes tell: a zlib header is a multiple of 31
 * whose low four bits of the first byte are 8.  Data without the header that
 * looks like this would begin with a stored block with its padding bits set,
 * which no compressor writes.
 */
#include "config.h"
#include "http/decoder_step.h"

#include <limits.h>

#define ZLIB_CONST /* next_in is const, as it should be */
#include <zlib.h>

#include <ahttp/error.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"

typedef enum inflate_state {
  INFLATE_SNIFF,  /* deflate: the first two bytes decide */
  INFLATE_RUN,    /* within a stream or member */
  INFLATE_MEMBER, /* gzip: a member has ended, another may begin */
  INFLATE_REST    /* what comes is ignored */
} inflate_state;

enum {
  GZIP_MAGIC_1 = 0x1f, /* RFC 1952, section 2.3.1 */
  GZIP_MAGIC_2 = 0x8b,
  GZIP_WINDOW_BITS = MAX_WBITS + 16, /* as inflateInit2() has it */
  RAW_WINDOW_BITS = -MAX_WBITS
};

typedef struct inflate_step {
  ah_decoder_step base;
  z_stream z;
  inflate_state state;
  /* Bytes that were looked at and belong to what begins: held_at <= held_len;
   * zlib gets those behind |held_at| before any others. */
  uint8_t held[2];
  unsigned held_len;
  unsigned held_at;
} inflate_step;

static voidpf zlib_alloc(voidpf opaque, uInt count, uInt size)
{
  (void)opaque;
  return ah_calloc(count, size);
}

static void zlib_free(voidpf opaque, voidpf ptr)
{
  (void)opaque;
  ah_free(ptr);
}

static int inflate_fail(inflate_step *step, const char *why)
{
  step->base.why = why;
  return AHTTP_EDECODE;
}

/* What zlib's |zrv| means, after some input or output or neither. */
static int inflate_judge(inflate_step *step, int zrv)
{
  switch (zrv) {
  case Z_OK:
  case Z_BUF_ERROR: /* neither input nor room could be used: no error */
    return AHTTP_OK;
  case Z_STREAM_END:
    step->state =
        step->base.ops->name[0] == 'g' ? INFLATE_MEMBER : INFLATE_REST;
    step->held_len = 0;
    step->held_at = 0;
    return AHTTP_OK;
  case Z_MEM_ERROR:
    return AHTTP_ENOMEM;
  case Z_NEED_DICT:
    return inflate_fail(step, "it needs a dictionary");
  default:
    return inflate_fail(step,
                        step->z.msg == NULL ? "it is damaged" : step->z.msg);
  }
}

/* Has zlib take bytes of |*data|, and says how many. */
static int inflate_some(inflate_step *step, const uint8_t *data, size_t len,
                        ah_decoder_io *io, size_t *taken)
{
  size_t room = io->out_cap - io->made;
  uInt in_len = len > UINT_MAX ? UINT_MAX : (uInt)len;
  uInt out_len = room > UINT_MAX ? UINT_MAX : (uInt)room;
  step->z.next_in = data;
  step->z.avail_in = in_len;
  step->z.next_out = io->out + io->made;
  step->z.avail_out = out_len;
  int zrv = inflate(&step->z, Z_NO_FLUSH);
  *taken = in_len - step->z.avail_in;
  io->made += out_len - step->z.avail_out;
  return inflate_judge(step, zrv);
}

static int inflate_body(inflate_step *step, ah_decoder_io *io)
{
  size_t taken;
  if (step->held_at < step->held_len) {
    int rv = inflate_some(step, step->held + step->held_at,
                          step->held_len - step->held_at, io, &taken);
    if (step->state == INFLATE_RUN) {
      step->held_at += (unsigned)taken;
    }
    return rv;
  }
  int rv =
      inflate_some(step, io->in + io->used, io->in_len - io->used, io, &taken);
  io->used += taken;
  return rv;
}

/* Holds the next byte of input, of which there is one. */
static uint8_t inflate_hold(inflate_step *step, ah_decoder_io *io)
{
  uint8_t byte = io->in[io->used++];
  step->held[step->held_len++] = byte;
  return byte;
}

/* deflate: with two bytes the form is known. */
static int inflate_sniff(inflate_step *step, ah_decoder_io *io)
{
  (void)inflate_hold(step, io);
  if (step->held_len < 2) {
    return AHTTP_OK;
  }
  unsigned header = (unsigned)step->held[0] << 8 | step->held[1];
  bool is_zlib = (step->held[0] & 0x0f) == Z_DEFLATED && header % 31 == 0;
  step->state = INFLATE_RUN;
  int zrv = inflateReset2(&step->z, is_zlib ? MAX_WBITS : RAW_WINDOW_BITS);
  return inflate_judge(step, zrv);
}

/* gzip: another member, or bytes to ignore. */
static int inflate_next_member(inflate_step *step, ah_decoder_io *io)
{
  uint8_t expected = step->held_len == 0 ? GZIP_MAGIC_1 : GZIP_MAGIC_2;
  if (inflate_hold(step, io) != expected) {
    step->state = INFLATE_REST;
    return AHTTP_OK;
  }
  if (step->held_len < 2) {
    return AHTTP_OK;
  }
  step->state = INFLATE_RUN;
  return inflate_judge(step, inflateReset(&step->z));
}

static int inflate_advance(inflate_step *step, ah_decoder_io *io)
{
  switch (step->state) {
  case INFLATE_SNIFF:
    return inflate_sniff(step, io);
  case INFLATE_RUN:
    return inflate_body(step, io);
  case INFLATE_MEMBER:
    return inflate_next_member(step, io);
  case INFLATE_REST:
    io->used = io->in_len;
    break;
  }
  return AHTTP_OK;
}

/* True if nothing more comes of what there is. */
static bool inflate_is_dry(const inflate_step *step, const ah_decoder_io *io)
{
  return io->used == io->in_len && step->held_at == step->held_len;
}

static int inflate_run(ah_decoder_step *base, ah_decoder_io *io)
{
  inflate_step *step = (inflate_step *)base;
  for (;;) {
    bool was_dry = step->state == INFLATE_RUN && inflate_is_dry(step, io);
    bool waits = step->state != INFLATE_RUN && io->used == io->in_len;
    if (waits) {
      return AH_MORE;
    }
    size_t made = io->made;
    int rv = inflate_advance(step, io);
    if (rv != AHTTP_OK) {
      return rv;
    }
    if (io->made == io->out_cap) {
      return AHTTP_OK; /* zlib may hold back more */
    }
    if (was_dry && io->made == made && step->state == INFLATE_RUN) {
      return AH_MORE;
    }
  }
}

static bool inflate_is_complete(const ah_decoder_step *base)
{
  const inflate_step *step = (const inflate_step *)base;
  return step->state == INFLATE_REST ||
         (step->state == INFLATE_MEMBER && step->held_len == 0);
}

static void inflate_free(ah_decoder_step *base)
{
  inflate_step *step = (inflate_step *)base;
  (void)inflateEnd(&step->z); /* cannot fail for a stream that was begun */
  ah_free(step);
}

static int inflate_new(ah_decoder_step **out, const ah_decoder_step_ops *ops,
                       inflate_state state)
{
  *out = NULL;
  inflate_step *step = ah_calloc(1, sizeof(*step));
  if (step == NULL) {
    return AHTTP_ENOMEM;
  }
  step->base.ops = ops;
  step->state = state;
  step->z.zalloc = zlib_alloc;
  step->z.zfree = zlib_free;
  if (inflateInit2(&step->z, GZIP_WINDOW_BITS) != Z_OK) {
    ah_free(step); /* memory is out: all else is constant */
    return AHTTP_ENOMEM;
  }
  *out = &step->base;
  return AHTTP_OK;
}

static const ah_decoder_step_ops gzip_ops = {
    .name = "gzip",
    .run = inflate_run,
    .is_complete = inflate_is_complete,
    .free = inflate_free,
};

static const ah_decoder_step_ops deflate_ops = {
    .name = "deflate",
    .run = inflate_run,
    .is_complete = inflate_is_complete,
    .free = inflate_free,
};

int ah_gzip_step_new(ah_decoder_step **out)
{
  return inflate_new(out, &gzip_ops, INFLATE_RUN);
}

int ah_deflate_step_new(ah_decoder_step **out)
{
  return inflate_new(out, &deflate_ops, INFLATE_SNIFF);
}
