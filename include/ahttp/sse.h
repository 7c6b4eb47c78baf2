/* SPDX-License-Identifier: MIT */
#ifndef AHTTP_SSE_H
#define AHTTP_SSE_H

#include <ahttp/error.h>
#include <ahttp/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A reader of server-sent events (text/event-stream), as the HTML Standard has
 * them.  It is given bytes as they come, from on_body or from anywhere, and
 * gives events; or it takes them from a response of ahttp_open() itself.
 * Connecting again, after the time the server asks for and with Last-Event-ID,
 * is the caller's.
 */
typedef struct ahttp_sse ahttp_sse;

/* One event.  Views are good until the reader is given more. */
typedef struct ahttp_sse_event {
  ahttp_str type; /* "message" if the server says nothing */
  ahttp_str data; /* its lines, with LF between them */
  ahttp_str id;   /* the last event ID so far, "" if there was none */
} ahttp_sse_event;

/*
 * Makes a reader whose events may have |event_max| bytes (0: 1 MiB).  Free with
 * ahttp_sse_free().  AHTTP_OK and sets |*out|, or AHTTP_ENOMEM and NULL.
 */
AHTTP_EXTERN int ahttp_sse_new(ahttp_sse **out, size_t event_max);

/* Frees |sse|; NULL is allowed. */
AHTTP_EXTERN void ahttp_sse_free(ahttp_sse *sse);

/*
 * Reads |len| bytes at |data|, up to the end of the next event; |*used| of them
 * were read.  With an event |*has_event| is true and |*event| filled: then call
 * again with the rest.  Without one all of them were read.
 *
 * Returns AHTTP_OK, or:
 *   AHTTP_ELIMIT   a line or an event is too long
 *   AHTTP_ENOMEM
 * after either the stream is of no use any more.
 */
AHTTP_EXTERN int ahttp_sse_read(ahttp_sse *sse, const void *data, size_t len,
                                size_t *used, ahttp_sse_event *event,
                                bool *has_event);

/* Forgets an event that has not ended, for a new connection: what was read
 * before (the last event ID, the time to wait) stays. */
AHTTP_EXTERN void ahttp_sse_reset(ahttp_sse *sse);

/* The last event ID, for Last-Event-ID; NUL-terminated, good until the reader
 * is given more. */
AHTTP_EXTERN ahttp_str ahttp_sse_last_id(const ahttp_sse *sse);

/* Sets |*ms| to the time to wait before connecting again, if the server has
 * said one; else returns false. */
AHTTP_EXTERN bool ahttp_sse_retry(const ahttp_sse *sse, uint32_t *ms);

/*
 * Waits for the next event of |response|, which is of ahttp_open() and read by
 * nothing else.  At the end of the stream |*has_event| is false.
 *
 * Returns AHTTP_OK, or fills |*err| (may be NULL) and returns the codes of
 * ahttp_sse_read() and ahttp_response_read().
 */
AHTTP_EXTERN int ahttp_sse_next(ahttp_sse *sse, ahttp_response *response,
                                ahttp_sse_event *event, bool *has_event,
                                ahttp_error *err);

#ifdef __cplusplus
}
#endif

#endif
