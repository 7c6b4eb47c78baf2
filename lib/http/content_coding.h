/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_CONTENT_CODING_H
#define AH_HTTP_CONTENT_CODING_H

#include <ahttp/types.h>

#include "base/shared_library.h"

/* The content codings that can be undone (RFC 9110, section 8.4.1; br is RFC
 * 7932, zstd RFC 8878). */
typedef enum ah_coding {
  AH_CODING_GZIP,    /* and its alias x-gzip */
  AH_CODING_DEFLATE, /* zlib's format, or without zlib's header */
  AH_CODING_BR,
  AH_CODING_ZSTD
} ah_coding;

enum {
  /* Codings that are undone one after the other.  Nobody applies more than one
   * on purpose; each layer multiplies what a bomb can do.  curl, undici and
   * urllib3 stop at five, after a CVE each. */
  AH_CODINGS_MAX = 2
};

/* What a response's Content-Encoding fields say.  identity, which means
 * nothing, is not kept. */
typedef struct ah_codings {
  ah_coding items[AH_CODINGS_MAX]; /* in the order they were applied */
  uint8_t count;
  bool has_unknown;  /* one that is not known, or not built in */
  bool has_too_many; /* more than AH_CODINGS_MAX */
} ah_codings;

void ah_codings_init(ah_codings *codings);

/* Adds the codings of one Content-Encoding line. */
void ah_codings_add(ah_codings *codings, ahttp_str value);

/* True if there is something to undo, or to refuse to: then the content is not
 * for the user as it came. */
bool ah_codings_are_for_us(const ah_codings *codings);

/* The Accept-Encoding value that names what is built in and not withdrawn.
 * Static storage. */
ahttp_str ah_accept_encoding(void);

/* Loads what undoes |coding|; any thread.  False if it cannot be loaded
 * (|library->why|): from then on the coding is not offered. */
bool ah_coding_load(ah_coding coding, ah_shared_library *library);

/* True once a coding has been withdrawn. */
bool ah_coding_is_any_withdrawn(void);

#endif
