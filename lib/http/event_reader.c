/* SPDX-License-Identifier: MIT */
/*
 * Server-sent events: HTML Standard, section 9.2.5 "Parsing an event stream"
 * and 9.2.6 "Interpreting an event stream".
 *
 * A line ends with LF, CR or CRLF.  A CR ends it at once, without waiting for
 * what follows, lest an event wait for the next one: an LF behind it is passed
 * over then.  Events hold what the stream says byte by byte; what is not UTF-8
 * in it is the user's to find.  An event at the end of the stream that no empty
 * line has ended is not given out.
 */
#include "config.h"
#include "http/event_reader.h"

#include <string.h>

#include "base/str.h"

enum {
  /* A longer time than this is no time to wait (a day). */
  RETRY_MS_MAX = 24 * 3600 * 1000
};

static const char byte_order_mark[] = "\xef\xbb\xbf";

void ah_event_reader_init(ah_event_reader *reader, size_t event_max)
{
  *reader = (ah_event_reader){.is_at_start = true};
  ah_buf_init(&reader->line, event_max);
  ah_buf_init(&reader->data, event_max);
  ah_buf_init(&reader->type, event_max);
  ah_buf_init(&reader->id, event_max);
  ah_buf_init(&reader->last_id, event_max);
}

void ah_event_reader_clear(ah_event_reader *reader)
{
  ah_buf_clear(&reader->line);
  ah_buf_clear(&reader->data);
  ah_buf_clear(&reader->type);
  ah_buf_clear(&reader->id);
  ah_buf_clear(&reader->last_id);
}

static void reader_forget_event(ah_event_reader *reader)
{
  ah_buf_reset(&reader->data);
  ah_buf_reset(&reader->type);
  reader->is_given_out = false;
}

void ah_event_reader_reset(ah_event_reader *reader)
{
  reader_forget_event(reader);
  ah_buf_reset(&reader->line);
  ah_buf_reset(&reader->id);
  reader->is_at_start = true;
  reader->skips_lf = false;
}

static ahttp_str buf_text(const ah_buf *buf)
{
  size_t len = ah_buf_len(buf);
  return len == 0 ? AH_STR("") : ah_str((const char *)ah_buf_bytes(buf), len);
}

static int buf_set(ah_buf *buf, ahttp_str text)
{
  ah_buf_reset(buf);
  return ah_buf_append(buf, text.ptr, text.len);
}

/* --- Fields. ----------------------------------------------------------------
 */

/* "If the field value consists of only ASCII digits [...] set the event
 * stream's reconnection time to that integer." */
static void reader_set_retry(ah_event_reader *reader, ahttp_str value)
{
  uint64_t ms;
  if (!ah_str_all(value, AH_CHAR_DIGIT)) {
    return;
  }
  bool is_short = ah_str_to_u64(value, &ms) && ms < RETRY_MS_MAX;
  reader->retry_ms = is_short ? (uint32_t)ms : RETRY_MS_MAX;
  reader->has_retry = true;
}

static int reader_set_id(ah_event_reader *reader, ahttp_str value)
{
  if (value.len > 0 && memchr(value.ptr, '\0', value.len) != NULL) {
    return AHTTP_OK; /* "Otherwise, ignore the field." */
  }
  int rv = buf_set(&reader->id, value);
  return rv == AHTTP_OK ? ah_buf_append(&reader->id, "", 1) : rv;
}

static int reader_process_field(ah_event_reader *reader, ahttp_str name,
                                ahttp_str value)
{
  if (ah_str_eq(name, AH_STR("data"))) {
    int rv = ah_buf_append(&reader->data, value.ptr, value.len);
    return rv == AHTTP_OK ? ah_buf_append(&reader->data, "\n", 1) : rv;
  }
  if (ah_str_eq(name, AH_STR("event"))) {
    return buf_set(&reader->type, value);
  }
  if (ah_str_eq(name, AH_STR("id"))) {
    return reader_set_id(reader, value);
  }
  if (ah_str_eq(name, AH_STR("retry"))) {
    reader_set_retry(reader, value);
  }
  return AHTTP_OK;
}

/* "Dispatch the event". */
static int reader_dispatch(ah_event_reader *reader, ahttp_sse_event *event,
                           bool *has_event)
{
  /* An id field, also one without a value, holds for this event and those after
   * it; the NUL behind it tells it from none. */
  if (ah_buf_len(&reader->id) > 0) {
    int rv = buf_set(&reader->last_id, buf_text(&reader->id));
    if (rv != AHTTP_OK) {
      return rv;
    }
    ah_buf_reset(&reader->id);
  }
  if (ah_buf_len(&reader->data) == 0) {
    reader_forget_event(reader);
    return AHTTP_OK;
  }
  event->data = buf_text(&reader->data);
  event->data.len--; /* the last LF */
  event->type = buf_text(&reader->type);
  if (event->type.len == 0) {
    event->type = AH_STR("message");
  }
  event->id = buf_text(&reader->last_id);
  if (event->id.len > 0) {
    event->id.len--; /* the NUL */
  }
  reader->is_given_out = true;
  *has_event = true;
  return AHTTP_OK;
}

static int reader_process_line(ah_event_reader *reader, ahttp_str line,
                               ahttp_sse_event *event, bool *has_event)
{
  if (reader->is_at_start) {
    reader->is_at_start = false;
    if (line.len >= 3 && memcmp(line.ptr, byte_order_mark, 3) == 0) {
      line = ah_str(line.ptr + 3, line.len - 3);
    }
  }
  if (line.len == 0) {
    return reader_dispatch(reader, event, has_event);
  }
  const char *colon = memchr(line.ptr, ':', line.len);
  if (colon == line.ptr) {
    return AHTTP_OK; /* a comment */
  }
  if (colon == NULL) {
    return reader_process_field(reader, line, AH_STR(""));
  }
  size_t name_len = (size_t)(colon - line.ptr);
  ahttp_str value = ah_str(colon + 1, line.len - name_len - 1);
  if (value.len > 0 && value.ptr[0] == ' ') {
    value = ah_str(value.ptr + 1, value.len - 1);
  }
  return reader_process_field(reader, ah_str(line.ptr, name_len), value);
}

/* --- Lines. -----------------------------------------------------------------
 */

static size_t find_line_end(const uint8_t *data, size_t len)
{
  size_t at = 0;
  while (at < len && data[at] != '\n' && data[at] != '\r') {
    at++;
  }
  return at;
}

/* The next line, or the part of it that is there. */
static int reader_step(ah_event_reader *reader, const uint8_t *data, size_t len,
                       size_t *used, ahttp_sse_event *event, bool *has_event)
{
  if (reader->skips_lf) {
    reader->skips_lf = false;
    if (data[0] == '\n') {
      *used = 1;
      return AHTTP_OK;
    }
  }
  size_t end = find_line_end(data, len);
  *used = end == len ? len : end + 1;
  bool is_whole = end < len && ah_buf_len(&reader->line) == 0;
  ahttp_str line = ah_str((const char *)data, end);
  if (!is_whole) {
    int rv = ah_buf_append(&reader->line, data, end);
    if (rv != AHTTP_OK || end == len) {
      return rv;
    }
    line = buf_text(&reader->line);
  }
  reader->skips_lf = data[end] == '\r';
  int rv = reader_process_line(reader, line, event, has_event);
  ah_buf_reset(&reader->line);
  return rv;
}

int ah_event_reader_read(ah_event_reader *reader, const uint8_t *data,
                         size_t len, size_t *used, ahttp_sse_event *event,
                         bool *has_event)
{
  *used = 0;
  *has_event = false;
  *event = (ahttp_sse_event){.type = {NULL, 0}};
  if (len > 0 && reader->is_given_out) {
    reader_forget_event(reader);
  }
  int rv = AHTTP_OK;
  while (*used < len && rv == AHTTP_OK && !*has_event) {
    size_t step;
    rv =
        reader_step(reader, data + *used, len - *used, &step, event, has_event);
    *used += step;
  }
  return rv;
}
