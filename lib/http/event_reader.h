/* SPDX-License-Identifier: MIT */
#ifndef AH_HTTP_EVENT_READER_H
#define AH_HTTP_EVENT_READER_H

#include <ahttp/sse.h>

#include "base/buf.h"

/* Reads text/event-stream; see ahttp/sse.h. */
typedef struct ah_event_reader {
  ah_buf line;       /* that has not ended yet */
  ah_buf data;       /* of the event so far, an LF behind each line */
  ah_buf type;       /* the same */
  ah_buf id;         /* of the event so far */
  ah_buf last_id;    /* of the events given out; a NUL follows */
  bool is_at_start;  /* a byte order mark may come */
  bool skips_lf;     /* a CR has ended a line: an LF that follows is its */
  bool is_given_out; /* the event in |data| has been; it goes with the next
                        byte */
  bool has_retry;
  uint32_t retry_ms;
} ah_event_reader;

void ah_event_reader_init(ah_event_reader *reader, size_t event_max);
void ah_event_reader_clear(ah_event_reader *reader);
void ah_event_reader_reset(ah_event_reader *reader);

/* As ahttp_sse_read(). */
int ah_event_reader_read(ah_event_reader *reader, const uint8_t *data,
                         size_t len, size_t *used, ahttp_sse_event *event,
                         bool *has_event);

#endif
