/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_H1_FRAMING_H
#define AH_HTTP_H1_FRAMING_H

#include "http/message.h"

/* Where the content of a response ends. */
typedef enum ah_h1_content {
  AH_H1_CONTENT_NONE,       /* with the header section */
  AH_H1_CONTENT_LENGTH,     /* after |length| bytes */
  AH_H1_CONTENT_CHUNKED,    /* with the last chunk and the trailer section */
  AH_H1_CONTENT_UNTIL_CLOSE /* with the connection */
} ah_h1_content;

/* What a header section says about its message and its connection. */
typedef struct ah_h1_framing {
  ah_h1_content content;
  bool switches;          /* another protocol follows the header section */
  bool keep_alive;        /* another response may follow on the connection */
  uint32_t keep_alive_ms; /* Keep-Alive: timeout; UINT32_MAX: not said */
  uint64_t length;        /* for AH_H1_CONTENT_LENGTH, else 0 */
} ah_h1_framing;

/*
 * Reads the framing of the final response |head| to a request whose method has
 * |traits|.  A pure function.
 *
 * AHTTP_OK, or AHTTP_EPROTO and the reason in |*why| (static).
 */
int ah_h1_framing_of(ah_h1_framing *out, const ah_response_head *head,
                     unsigned traits, const char **why);

#endif
