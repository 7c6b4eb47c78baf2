/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <ahttp/blocking.h>
#include <ahttp/sse.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "http/event_reader.h"

enum {
  EVENT_BYTES_MAX = 1024 * 1024, /* as a line of ahttp_response_read_line() */
  PORTION_BYTES = 4096           /* what is read of a response at a time */
};

struct ahttp_sse {
  ah_event_reader reader;
  /* Of ahttp_sse_next(): at <= len, from |at| on it was not read yet. */
  uint8_t portion[PORTION_BYTES];
  size_t at;
  size_t len;
};

int ahttp_sse_new(ahttp_sse **out, size_t event_max)
{
  *out = ah_malloc(sizeof(**out));
  if (*out == NULL) {
    return AHTTP_ENOMEM;
  }
  ah_event_reader_init(&(*out)->reader,
                       event_max == 0 ? EVENT_BYTES_MAX : event_max);
  (*out)->at = 0;
  (*out)->len = 0;
  return AHTTP_OK;
}

void ahttp_sse_free(ahttp_sse *sse)
{
  if (sse != NULL) {
    ah_event_reader_clear(&sse->reader);
    ah_free(sse);
  }
}

int ahttp_sse_read(ahttp_sse *sse, const void *data, size_t len, size_t *used,
                   ahttp_sse_event *event, bool *has_event)
{
  return ah_event_reader_read(&sse->reader, data, len, used, event, has_event);
}

void ahttp_sse_reset(ahttp_sse *sse)
{
  ah_event_reader_reset(&sse->reader);
  sse->at = 0;
  sse->len = 0;
}

ahttp_str ahttp_sse_last_id(const ahttp_sse *sse)
{
  const ah_buf *id = &sse->reader.last_id;
  size_t len = ah_buf_len(id);
  return len == 0 ? AH_STR("")
                  : ah_str((const char *)ah_buf_bytes(id), len - 1);
}

bool ahttp_sse_retry(const ahttp_sse *sse, uint32_t *ms)
{
  *ms = sse->reader.has_retry ? sse->reader.retry_ms : 0;
  return sse->reader.has_retry;
}

int ahttp_sse_next(ahttp_sse *sse, ahttp_response *response,
                   ahttp_sse_event *event, bool *has_event, ahttp_error *err)
{
  for (;;) {
    size_t used;
    int rv = ahttp_sse_read(sse, sse->portion + sse->at, sse->len - sse->at,
                            &used, event, has_event);
    sse->at += used;
    if (rv != AHTTP_OK && err != NULL) {
      ah_error_say(err, rv, AHTTP_PHASE_RECEIVE,
                   rv == AHTTP_ELIMIT ? "an event is longer than %zu bytes"
                                      : "out of memory for an event of %zu "
                                        "bytes at most",
                   sse->reader.data.max);
    }
    if (rv != AHTTP_OK || *has_event) {
      return rv;
    }
    sse->at = 0;
    rv = ahttp_response_read(response, sse->portion, sizeof(sse->portion),
                             &sse->len, err);
    if (rv != AHTTP_OK || sse->len == 0) {
      sse->len = 0;
      return rv;
    }
  }
}
