/* SPDX-License-Identifier: MIT */
#ifndef AH_TRANSPORT_RETRY_H
#define AH_TRANSPORT_RETRY_H

#include <stdbool.h>

/* What the rule asks about a failed exchange. */
typedef struct ah_retry_facts {
  int code;              /* AHTTP_E... it failed with */
  bool refused;          /* the server said it did not process it: REFUSED_
                            STREAM, or past GOAWAY's last stream */
  bool conn_reused;      /* the connection had served others before */
  bool written;          /* a byte of the request was given to the kernel */
  bool response_started; /* a byte of the response arrived */
  bool resent;           /* it was sent again once though it may have arrived */
  bool idempotent;       /* by its method, or by Idempotency-Key */
  bool can_rewind;       /* no content, none of it read, or it can rewind */
  unsigned attempts;     /* connections it was put on so far, from 1 */
} ah_retry_facts;

typedef enum ah_retry_verdict {
  AH_RETRY_NO,   /* fail it */
  AH_RETRY_YES,  /* on any connection */
  AH_RETRY_FRESH /* on a new connection only */
} ah_retry_verdict;

/*
 * Whether to send a failed request again.  A pure function:
 * - what never reached the peer is sent again, any method, at most 3 times;
 * - what the peer refused is sent again, any method, at most twice, or five
 *   times if it refused by closing the connection;
 * - on a reused connection that died before the first response byte, an
 *   idempotent request is sent again once, on a fresh connection
 *   (RFC 9112, section 9.3.1);
 * - a fresh connection that died, a timeout, a TLS error, a cancellation, any
 *   response byte, content that cannot be read again: never.
 */
ah_retry_verdict ah_retry_decide(const ah_retry_facts *facts);

#endif
