/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "client/reader.h"

#include <string.h>

#include <ahttp/blocking.h>

#include "base/alloc.h"
#include "base/error.h"
#include "client/client.h"
#include "client/content_decoder.h"

enum {
  /* What was taken is credited in portions of a quarter of the window: the peer
   * never waits for the reader's arithmetic, nor for every small read. */
  CREDIT_BYTES = AH_EXCHANGE_WINDOW_BYTES / 4,
  /* The longest line: what a window holds.  Log lines and events are below it
   * by orders of magnitude; a file without a newline is no text. */
  LINE_BYTES_MAX = AH_EXCHANGE_WINDOW_BYTES,
  /* How much read_all() asks for at a time: what one read of the loop brings.
   */
  PORTION_BYTES = AH_LOOP_READ_BYTES
};

struct ah_reader {
  ahttp_call *call; /* that it belongs to */
  size_t content_max;
  uint32_t ratio_max; /* of read_all(); see ah_ratio_is_over() */
  ah_latch news;

  uv_mutex_t lock;
  /* Guarded by |lock|. */
  ah_buf content;      /* came in and not taken; the credit bounds it */
  uint64_t wire_bytes; /* that arrived for all content so far */
  bool has_head;
  bool is_done;
  ahttp_error error; /* if it is done; all zero after success */
  const ahttp_fields *trailers;

  /* The reading thread's. */
  ahttp_response response; /* a copy, since the call's goes on changing */
  size_t uncredited;       /* taken, and not credited yet */
  ah_buf line;             /* that is being put together, or was given out */
};

/* --- The loop's side. -------------------------------------------------------
 */

static int reader_on_head(ahttp_call *call, const ahttp_response *response,
                          void *user_data)
{
  ah_reader *reader = user_data;
  uv_mutex_lock(&reader->lock);
  reader->response = *response;
  reader->has_head = true;
  uv_mutex_unlock(&reader->lock);
  ah_driver_set(call->driver, &reader->news);
  return 0;
}

static int reader_on_body(ahttp_call *call, const uint8_t *data, size_t len,
                          void *user_data)
{
  ah_reader *reader = user_data;
  uv_mutex_lock(&reader->lock);
  reader->wire_bytes = call->exchange.bytes.body;
  int rv = ah_buf_append(&reader->content, data, len);
  uv_mutex_unlock(&reader->lock);
  ah_driver_set(call->driver, &reader->news);
  return rv;
}

static void reader_on_done(ahttp_call *call, const ahttp_response *response,
                           const ahttp_error *err, void *user_data)
{
  ah_reader *reader = user_data;
  uv_mutex_lock(&reader->lock);
  if (err == NULL) {
    reader->trailers = response->trailers;
  } else if (err->code == AHTTP_ECALLBACK) { /* the only callbacks are ours */
    ah_error_plain(&reader->error, AHTTP_ENOMEM, AHTTP_PHASE_RECEIVE);
  } else {
    reader->error = *err;
  }
  reader->is_done = true;
  uv_mutex_unlock(&reader->lock);
  ah_driver_set(call->driver, &reader->news);
}

const ahttp_handlers ah_reader_handlers = {
    .size = sizeof(ah_reader_handlers),
    .on_head = reader_on_head,
    .on_body = reader_on_body,
    .on_done = reader_on_done,
};

/* --- Lifecycle. -------------------------------------------------------------
 */

int ah_reader_new(ah_reader **out, const ahttp_client *client)
{
  *out = NULL;
  ah_reader *reader = ah_calloc(1, sizeof(*reader));
  if (reader == NULL) {
    return AHTTP_ENOMEM;
  }
  if (uv_mutex_init(&reader->lock) != 0) {
    ah_free(reader);
    return AHTTP_ENOMEM;
  }
  ah_latch_init(&reader->news);
  ah_buf_init(&reader->content, SIZE_MAX);
  ah_buf_init(&reader->line, LINE_BYTES_MAX);
  reader->content_max = client->content_max;
  reader->ratio_max = client->decode_ratio_max;
  *out = reader;
  return AHTTP_OK;
}

void ah_reader_free(ah_reader *reader)
{
  if (reader == NULL) {
    return;
  }
  ah_buf_clear(&reader->content);
  ah_buf_clear(&reader->line);
  uv_mutex_destroy(&reader->lock);
  ah_free(reader);
}

void ah_reader_attach(ah_reader *reader, ahttp_call *call)
{
  reader->call = call;
  call->reader = reader;
  call->manual_credit = true;
}

ah_latch *ah_reader_news(ah_reader *reader)
{
  return &reader->news;
}

int ah_reader_response(ah_reader *reader, ahttp_response **out,
                       ahttp_error *err)
{
  *out = NULL;
  uv_mutex_lock(&reader->lock);
  int rv = AHTTP_OK;
  if (!reader->has_head) {
    rv = reader->error.code;
    if (err != NULL) {
      *err = reader->error;
    }
  }
  uv_mutex_unlock(&reader->lock);
  if (rv == AHTTP_OK) {
    *out = &reader->response;
  }
  return rv;
}

/* --- The reading thread's side. ---------------------------------------------
 */

/* Says how an empty reader stands: AH_BLOCKED, AHTTP_OK at the end, or the
 * error that ended it.  With the lock held. */
static int reader_state_locked(ah_reader *reader, ahttp_error *err)
{
  if (!reader->is_done) {
    return AH_BLOCKED;
  }
  reader->response.trailers = reader->trailers;
  if (err != NULL) {
    *err = reader->error;
  }
  return reader->error.code;
}

/* Takes up to |cap| bytes.  AHTTP_OK and none at the end; AH_BLOCKED if there
 * are none yet. */
static int reader_take(ah_reader *reader, void *dst, size_t cap, size_t *len,
                       ahttp_error *err)
{
  int rv = AHTTP_OK;
  uv_mutex_lock(&reader->lock);
  size_t held = ah_buf_len(&reader->content);
  *len = held < cap ? held : cap;
  if (held == 0) {
    rv = reader_state_locked(reader, err);
  } else {
    memcpy(dst, ah_buf_bytes(&reader->content), *len);
    ah_buf_consume(&reader->content, *len);
  }
  uv_mutex_unlock(&reader->lock);
  reader->uncredited += *len;
  return rv;
}

/* Takes the next line, or as much of it as is there, into reader->line.
 * AHTTP_OK at its end, or at the end of everything; AH_BLOCKED before. */
static int reader_take_line(ah_reader *reader, ahttp_error *err)
{
  uv_mutex_lock(&reader->lock);
  size_t held = ah_buf_len(&reader->content);
  const uint8_t *bytes = held == 0 ? NULL : ah_buf_bytes(&reader->content);
  const uint8_t *newline = held == 0 ? NULL : memchr(bytes, '\n', held);
  size_t len = newline == NULL ? held : (size_t)(newline - bytes) + 1;
  int rv = ah_buf_append(&reader->line, bytes, len);
  if (rv == AHTTP_OK) {
    ah_buf_consume(&reader->content, len);
    reader->uncredited += len;
    if (newline == NULL) {
      rv = reader_state_locked(reader, err);
    }
  } else if (err != NULL) {
    ah_error_say(err, rv, AHTTP_PHASE_RECEIVE,
                 rv == AHTTP_ELIMIT ? "a line is longer than %d bytes"
                                    : "out of memory for a line of %d bytes",
                 (int)LINE_BYTES_MAX);
  }
  uv_mutex_unlock(&reader->lock);
  return rv;
}

static void reader_credit(ah_reader *reader, size_t at_least)
{
  if (reader->uncredited >= at_least) {
    ahttp_call_credit(reader->call, reader->uncredited);
    reader->uncredited = 0;
  }
}

/* Waits for news later than the last ah_driver_reset(). */
static int reader_wait(ah_reader *reader, ahttp_error *err)
{
  ah_driver *driver = reader->call->driver;
  ah_waiter waiter;
  ah_link link;
  ah_waiter_init(&waiter, 1, UINT32_MAX);
  int rv = ah_driver_lead(driver);
  if (rv != AHTTP_ESTATE) {
    reader_credit(reader, 1);
    ah_driver_watch(driver, &waiter, &link, &reader->news);
    return ah_driver_wait(driver, &waiter, &link, 1, rv == AHTTP_OK);
  }
  if (err != NULL) {
    ah_error_say(err, rv, AHTTP_PHASE_NONE,
                 "a callback of the client cannot wait for it");
  }
  return rv;
}

/* One way to take something; see reader_take() for what it returns. */
typedef struct reader_want {
  void *dst; /* NULL: a line */
  size_t cap;
  size_t len; /* how much came */
} reader_want;

static int reader_try(ah_reader *reader, reader_want *want, ahttp_error *err)
{
  return want->dst == NULL
             ? reader_take_line(reader, err)
             : reader_take(reader, want->dst, want->cap, &want->len, err);
}

/* Takes what is wanted, waiting for it. */
static int reader_get(ah_reader *reader, reader_want *want, ahttp_error *err)
{
  int rv = reader_try(reader, want, err);
  while (rv == AH_BLOCKED) {
    /* What comes between the reset and the try is found by the try, what comes
     * after it is news. */
    ah_driver_reset(reader->call->driver, &reader->news);
    rv = reader_try(reader, want, err);
    if (rv == AH_BLOCKED) {
      rv = reader_wait(reader, err);
      if (rv == AHTTP_OK) {
        rv = reader_try(reader, want, err);
      }
    }
  }
  reader_credit(reader, CREDIT_BYTES);
  return rv;
}

static int refuse_buffered(ahttp_error *err)
{
  if (err != NULL) {
    ah_error_say(err, AHTTP_ESTATE, AHTTP_PHASE_NONE,
                 "the response is not one of ahttp_open()");
  }
  return AHTTP_ESTATE;
}

int ahttp_response_read(ahttp_response *response, void *dst, size_t cap,
                        size_t *len, ahttp_error *err)
{
  *len = 0;
  ah_reader *reader = response->call->reader;
  if (reader == NULL) {
    return refuse_buffered(err);
  }
  if (dst == NULL || cap == 0) {
    return AHTTP_OK;
  }
  reader_want want = {.dst = dst, .cap = cap};
  int rv = reader_get(reader, &want, err);
  *len = want.len;
  return rv;
}

/* |line| without its end, LF or CRLF. */
static ahttp_str line_text(const ah_buf *line)
{
  size_t len = ah_buf_len(line);
  const char *text = (const char *)ah_buf_bytes(line);
  if (len > 0 && text[len - 1] == '\n') {
    len--;
    if (len > 0 && text[len - 1] == '\r') {
      len--;
    }
  }
  return (ahttp_str){text, len};
}

int ahttp_response_read_line(ahttp_response *response, ahttp_str *out,
                             ahttp_error *err)
{
  *out = (ahttp_str){NULL, 0};
  ah_reader *reader = response->call->reader;
  if (reader == NULL) {
    return refuse_buffered(err);
  }
  ah_buf_reset(&reader->line);
  reader_want line = {.dst = NULL};
  int rv = reader_get(reader, &line, err);
  if (rv == AHTTP_OK && ah_buf_len(&reader->line) > 0) {
    *out = line_text(&reader->line);
  }
  return rv;
}

static uint64_t reader_wire_bytes(ah_reader *reader)
{
  uv_mutex_lock(&reader->lock);
  uint64_t bytes = reader->wire_bytes;
  uv_mutex_unlock(&reader->lock);
  return bytes;
}

/* The next portion of what read_all() collects; AH_MORE while there is one. */
static int reader_add_portion(ah_reader *reader, ah_buf *content,
                              ahttp_error *err)
{
  uint8_t probe;
  size_t room = content->max - ah_buf_len(content);
  reader_want want = {.dst = &probe, .cap = 1};
  if (room > 0) {
    want.cap = room < PORTION_BYTES ? room : PORTION_BYTES;
    int rv = ah_buf_reserve(content, want.cap);
    if (rv != AHTTP_OK) {
      if (err != NULL) {
        ah_error_plain(err, rv, AHTTP_PHASE_RECEIVE);
      }
      return rv;
    }
    want.dst = content->data + content->tail;
  }
  int rv = reader_get(reader, &want, err);
  if (rv != AHTTP_OK || want.len == 0) {
    return rv;
  }
  if (room == 0) {
    if (err != NULL) {
      ah_error_say(err, AHTTP_ELIMIT, AHTTP_PHASE_RECEIVE,
                   "the content is longer than %zu bytes", content->max);
    }
    return AHTTP_ELIMIT;
  }
  content->tail += want.len;
  if (ah_ratio_is_over(reader->ratio_max, ah_buf_len(content),
                       reader_wire_bytes(reader))) {
    if (err != NULL) {
      ah_ratio_explain(reader->ratio_max, err);
    }
    return AHTTP_ELIMIT;
  }
  return AH_MORE;
}

/* Moves |content| into the response. */
static int reader_keep(ah_reader *reader, ah_buf *content, ahttp_error *err)
{
  ahttp_call *call = reader->call;
  size_t len;
  char *text;
  int rv = ah_buf_take(content, &text, &len);
  if (rv != AHTTP_OK) {
    if (err != NULL) {
      ah_error_plain(err, rv, AHTTP_PHASE_RECEIVE);
    }
    return rv;
  }
  ah_free(call->content);
  call->content = text;
  reader->response.content = (ahttp_str){text, len};
  return AHTTP_OK;
}

int ahttp_response_read_all(ahttp_response *response, size_t max,
                            ahttp_str *out, ahttp_error *err)
{
  *out = (ahttp_str){NULL, 0};
  ah_reader *reader = response->call->reader;
  if (reader == NULL) {
    return refuse_buffered(err);
  }
  ah_buf content;
  ah_buf_init(&content, max == 0 ? reader->content_max : max);
  int rv;
  do {
    rv = reader_add_portion(reader, &content, err);
  } while (rv == AH_MORE);
  if (rv == AHTTP_OK) {
    rv = reader_keep(reader, &content, err);
  }
  if (rv == AHTTP_OK) {
    *out = reader->response.content;
  } else if (rv != AHTTP_ESTATE) {
    ahttp_call_cancel(reader->call);
  }
  ah_buf_clear(&content);
  return rv;
}
