/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_DECODER_STEP_H
#define AH_HTTP_DECODER_STEP_H

#include "base/shared_library.h"
#include "http/decoder.h"

/* One coding of a chain: what a decoder is made of. */
typedef struct ah_decoder_step ah_decoder_step;

typedef struct ah_decoder_step_ops {
  const char *name;
  /* As ah_decoder_run(); sets step->why with AHTTP_EDECODE. */
  int (*run)(ah_decoder_step *step, ah_decoder_io *io);
  /* True if the content may end here. */
  bool (*is_complete)(const ah_decoder_step *step);
  void (*free)(ah_decoder_step *step);
} ah_decoder_step_ops;

struct ah_decoder_step {
  const ah_decoder_step_ops *ops;
  const char *why; /* static, or the library's own static text */
  bool has_begun;  /* it has seen a byte */
};

/* AHTTP_OK or AHTTP_ENOMEM. */
int ah_gzip_step_new(ah_decoder_step **out);
int ah_deflate_step_new(ah_decoder_step **out);

/* The library of these is loaded when content comes; if it cannot be, running
 * the step is AHTTP_EDECODE, and the coding is withdrawn. */
#ifdef HAVE_BROTLI
extern ah_shared_library ah_brotli_library;
int ah_brotli_step_new(ah_decoder_step **out);
#endif
#ifdef HAVE_ZSTD
extern ah_shared_library ah_zstd_library;
int ah_zstd_step_new(ah_decoder_step **out);
#endif

/* Writes a space, the library and its version (" zstd/1.5.4") to |dst|, room
 * for |cap| bytes; nothing if there is no such library. */
void ah_brotli_version(char *dst, size_t cap);
void ah_zstd_version(char *dst, size_t cap);

#endif
