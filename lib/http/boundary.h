/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_BOUNDARY_H
#define AH_HTTP_BOUNDARY_H

#include <ahttp/types.h>

#include "base/arena.h"

/* What separates the parts of a multipart body (RFC 2046, section 5.1.1). */
enum {
  AH_BOUNDARY_BYTES_MAX = 70,
  AH_BOUNDARY_RANDOM_BYTES = 32 /* hexadecimal digits of 128 bits */
};

typedef struct ah_boundary {
  size_t len; /* 0: there is none */
  char text[AH_BOUNDARY_BYTES_MAX];
} ah_boundary;

ahttp_str ah_boundary_view(const ah_boundary *boundary);

/* Sets it to |text|.  False, and nothing changes, if that cannot be one. */
bool ah_boundary_set(ah_boundary *boundary, ahttp_str text);

/* Sets it to something that nobody could know.  False if there is no
 * randomness. */
bool ah_boundary_set_random(ah_boundary *boundary);

/* What a Content-Type says about it. */
typedef enum ah_boundary_place {
  AH_BOUNDARY_NOT_MULTIPART, /* nothing: it is of another kind */
  AH_BOUNDARY_MISSING,       /* multipart, but no boundary is said */
  AH_BOUNDARY_FOUND,
  AH_BOUNDARY_INVALID /* what it says cannot be one */
} ah_boundary_place;

/* Sets |boundary| to that of the Content-Type |value|, if it is found. */
ah_boundary_place ah_boundary_find(ah_boundary *boundary, ahttp_str value);

/* |type| with a boundary parameter behind it, in |arena|.  AHTTP_OK or
 * AHTTP_ENOMEM. */
int ah_boundary_add_to(const ah_boundary *boundary, ahttp_str type,
                       ah_arena *arena, ahttp_str *out);

#endif
