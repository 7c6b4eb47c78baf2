/* SPDX-License-Identifier: MIT */
/*
 * A transport that the user implements, as an ah_transport.
 *
 * To the exchange it is a connection that is shared by all: |line|, whose
 * operations find the user's handle in exchange->stream.  The handle has one
 * task.  The first run calls the user's start(), which is therefore never
 * within a function that the user called, and may answer at once.  Later runs
 * give out what was kept while the exchange was paused; the last one frees the
 * handle, so that it stays good for the rest of the callback in which the
 * exchange ended.
 */
#include "config.h"
#include "transport/custom_transport.h"

#include <stdatomic.h>

#include <ahttp/error.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"
#include "transport/connection.h"

enum {
  /* Content that is kept for a call that takes none: what an HTTP/2 connection
   * would let a server send. */
  KEPT_BYTES_MAX = 16 * 1024 * 1024
};

/* How far the transport has come with its answer. */
typedef enum answer_state {
  ANSWER_NONE,     /* no head yet */
  ANSWER_BODY,     /* content may come */
  ANSWER_TRAILERS, /* they have come */
  ANSWER_DONE      /* all was said; what was kept may not be given out yet */
} answer_state;

struct ahttp_exchange {
  ah_exchange *exchange; /* NULL: over */
  ahttp_transport *of;   /* held */
  ah_loop *loop;
  ah_task task;
  bool is_started;
  answer_state state;
  ah_buf kept;       /* content that came while the exchange was paused */
  bool is_giving;    /* within tell_body: it is not the time for more */
  bool has_trailers; /* they wait for |kept| */
  uint64_t read;     /* bytes of the request's content */
  void *data;
};

struct ahttp_transport {
  ah_transport base;
  ah_connection line;
  atomic_uint refs;
  ahttp_transport_opts opts;
};

static ahttp_transport *transport_of(ah_transport *base)
{
  return AH_CONTAINER(base, ahttp_transport, base);
}

/* --- Lifecycle. ------------------------------------------------------------
 */

ahttp_transport *ah_transport_ref(ahttp_transport *transport)
{
  atomic_fetch_add_explicit(&transport->refs, 1, memory_order_relaxed);
  return transport;
}

void ahttp_transport_free(ahttp_transport *transport)
{
  if (transport == NULL) {
    return;
  }
  unsigned before =
      atomic_fetch_sub_explicit(&transport->refs, 1, memory_order_acq_rel);
  ah_assert(before > 0);
  if (before > 1) {
    return;
  }
  if (transport->opts.free != NULL) {
    transport->opts.free(transport->opts.user_data);
  }
  ah_free(transport);
}

/* It is over: forgets the exchange and frees the handle at the turn's end. */
static void handle_leave(ahttp_exchange *handle)
{
  handle->exchange->stream = NULL;
  handle->exchange = NULL;
  ah_loop_defer(handle->loop, &handle->task);
}

static void handle_free(ahttp_exchange *handle)
{
  ah_buf_clear(&handle->kept);
  ahttp_transport_free(handle->of);
  ah_free(handle);
}

static int handle_end(ahttp_exchange *handle, const ahttp_error *err)
{
  ah_exchange *exchange = handle->exchange;
  handle_leave(handle);
  ah_exchange_end(exchange, err);
  return AHTTP_OK;
}

static int handle_fail(ahttp_exchange *handle, const ahttp_error *err)
{
  ah_exchange *exchange = handle->exchange;
  handle_leave(handle);
  ah_exchange_fail(exchange, err, false);
  return AHTTP_OK;
}

/* --- Giving out what was kept. ---------------------------------------------
 */

/* Gives content to the exchange until it pauses; |*used| was taken.  False if
 * it is over. */
static bool handle_give(ahttp_exchange *handle, const uint8_t *data, size_t len,
                        size_t *used)
{
  *used = 0;
  while (*used < len && !ah_exchange_is_paused(handle->exchange)) {
    size_t n = len - *used;
    n = n < AH_LOOP_READ_BYTES ? n : AH_LOOP_READ_BYTES;
    *used += n;
    if (!ah_exchange_tell_body(handle->exchange, data + *used - n, n)) {
      return false;
    }
  }
  return true;
}

static void handle_catch_up(ahttp_exchange *handle)
{
  size_t used;
  handle->is_giving = true;
  bool goes_on = handle_give(handle, ah_buf_bytes(&handle->kept),
                             ah_buf_len(&handle->kept), &used);
  handle->is_giving = false;
  if (!goes_on) {
    return;
  }
  ah_buf_consume(&handle->kept, used);
  if (ah_buf_len(&handle->kept) > 0) {
    return;
  }
  if (handle->has_trailers) {
    handle->has_trailers = false;
    if (!ah_exchange_tell_trailers(handle->exchange)) {
      return;
    }
  }
  if (handle->state == ANSWER_DONE) {
    (void)handle_end(handle, NULL);
  } else if (handle->of->opts.resume != NULL &&
             !ah_exchange_is_paused(handle->exchange)) {
    handle->of->opts.resume(handle, handle->of->opts.user_data);
  }
}

static void handle_start(ahttp_exchange *handle)
{
  ah_exchange *exchange = handle->exchange;
  ahttp_transport *transport = handle->of;
  handle->is_started = true;
  ah_exchange_await_read(exchange);
  int rv = transport->opts.start(handle, transport->opts.user_data);
  if (rv != AHTTP_OK) {
    (void)ahttp_exchange_fail(handle, rv, NULL);
  }
}

static void handle_on_task(ah_task *task)
{
  ahttp_exchange *handle = AH_CONTAINER(task, ahttp_exchange, task);
  if (handle->exchange == NULL) {
    handle_free(handle);
  } else if (!handle->is_started) {
    handle_start(handle);
  } else {
    handle_catch_up(handle);
  }
}

/* --- What the exchange asks of its connection. ------------------------------
 */

static void line_cancel(ah_connection *conn, ah_exchange *exchange, int code)
{
  ahttp_exchange *handle = exchange->stream;
  (void)conn;
  (void)code;
  ahttp_transport *transport = handle->of;
  bool is_started = handle->is_started;
  handle_leave(handle);
  if (is_started && transport->opts.cancel != NULL) {
    transport->opts.cancel(handle, transport->opts.user_data);
  }
}

static void line_pause(ah_connection *conn, ah_exchange *exchange)
{
  (void)conn;
  (void)exchange; /* it is asked before every byte */
}

static void line_resume(ah_connection *conn, ah_exchange *exchange)
{
  ahttp_exchange *handle = exchange->stream;
  (void)conn;
  ah_loop_defer(handle->loop, &handle->task);
}

static void line_credit(ah_connection *conn, ah_exchange *exchange, size_t len)
{
  (void)conn;
  (void)exchange;
  (void)len; /* nobody to tell but by resume */
}

static void line_body_ready(ah_connection *conn, ah_exchange *exchange)
{
  ahttp_exchange *handle = exchange->stream;
  (void)conn;
  if (handle->is_started && handle->of->opts.content_ready != NULL) {
    handle->of->opts.content_ready(handle, handle->of->opts.user_data);
  }
}

static const ah_connection_ops line_ops = {
    .name = "custom",
    .cancel = line_cancel,
    .pause = line_pause,
    .resume = line_resume,
    .credit = line_credit,
    .body_ready = line_body_ready,
};

/* --- The transport. --------------------------------------------------------
 */

static void transport_start(ah_transport *base, ah_exchange *exchange)
{
  ahttp_transport *transport = transport_of(base);
  ahttp_exchange *handle = ah_calloc(1, sizeof(*handle));
  if (handle == NULL) {
    ahttp_error err;
    ah_error_plain(&err, AHTTP_ENOMEM, AHTTP_PHASE_QUEUE);
    ah_exchange_end(exchange, &err);
    return;
  }
  handle->exchange = exchange;
  handle->of = ah_transport_ref(transport);
  handle->loop = exchange->loop;
  handle->task.run = handle_on_task;
  ah_buf_init(&handle->kept, KEPT_BYTES_MAX);
  exchange->conn = &transport->line;
  exchange->stream = handle;
  exchange->facts.attempts = 1;
  exchange->times.attached = ah_loop_now_ns(exchange->loop);
  exchange->times.sent = exchange->times.attached;
  ah_loop_defer(exchange->loop, &handle->task);
}

/* An exchange has the line from its start to its end, and never waits. */
static void transport_forget(ah_transport *base, ah_exchange *exchange)
{
  (void)base;
  (void)exchange;
}

static bool transport_retry(ah_transport *base, ah_exchange *exchange,
                            const ahttp_error *err, bool refused)
{
  (void)base;
  (void)exchange;
  (void)err;
  (void)refused;
  return false;
}

static const ah_transport_ops transport_ops = {
    .name = "custom",
    .start = transport_start,
    .forget = transport_forget,
    .retry = transport_retry,
};

static int opts_copy(ahttp_transport_opts *out, const ahttp_transport_opts *in)
{
  *out = (ahttp_transport_opts){.size = 0};
  if (in == NULL || in->size < sizeof(in->size) || in->size > sizeof(*out)) {
    return AHTTP_EINVAL;
  }
  memcpy(out, in, in->size);
  return out->start == NULL ? AHTTP_EINVAL : AHTTP_OK;
}

int ahttp_transport_new(ahttp_transport **out, const ahttp_transport_opts *opts)
{
  ahttp_transport_opts copy;
  *out = NULL;
  int rv = opts_copy(&copy, opts);
  if (rv != AHTTP_OK) {
    return rv;
  }
  ahttp_transport *transport = ah_calloc(1, sizeof(*transport));
  if (transport == NULL) {
    return AHTTP_ENOMEM;
  }
  transport->base.ops = &transport_ops;
  transport->line.ops = &line_ops;
  transport->opts = copy;
  atomic_init(&transport->refs, 1);
  *out = transport;
  return AHTTP_OK;
}

ah_transport *ah_transport_base(ahttp_transport *transport)
{
  return &transport->base;
}

const ahttp_transport_opts *ah_transport_opts(const ahttp_transport *transport)
{
  return &transport->opts;
}

ah_loop *ah_custom_exchange_loop(const ahttp_exchange *exchange)
{
  return exchange->loop;
}

/* --- The request. ----------------------------------------------------------
 */

ahttp_str ahttp_exchange_method(const ahttp_exchange *exchange)
{
  return exchange->exchange == NULL ? ah_str(NULL, 0)
                                    : exchange->exchange->request.method;
}

const ahttp_url *ahttp_exchange_url(const ahttp_exchange *exchange)
{
  return exchange->exchange == NULL ? NULL : exchange->exchange->request.url;
}

const ahttp_fields *ahttp_exchange_fields(const ahttp_exchange *exchange)
{
  return exchange->exchange == NULL ? NULL : exchange->exchange->request.fields;
}

bool ahttp_exchange_has_content(const ahttp_exchange *exchange, int64_t *length)
{
  const ah_body *body =
      exchange->exchange == NULL ? NULL : exchange->exchange->request.body;
  if (length != NULL) {
    *length = body == NULL ? 0 : body->length;
  }
  return body != NULL;
}

int ahttp_exchange_read(ahttp_exchange *exchange, uint8_t *dst, size_t cap,
                        size_t *len)
{
  *len = 0;
  if (exchange->exchange == NULL) {
    return AHTTP_ECANCELED;
  }
  ah_body *body = exchange->exchange->request.body;
  if (body == NULL) {
    return AHTTP_OK;
  }
  int rv = ah_body_read(body, exchange->read, dst, cap, len);
  if (exchange->exchange == NULL) {
    *len = 0;
    return AHTTP_ECANCELED; /* by the user's content source */
  }
  if (rv != AHTTP_OK) {
    return rv == AH_BLOCKED ? AHTTP_BODY_WAIT : rv;
  }
  exchange->read += *len;
  exchange->exchange->bytes.upload = exchange->read;
  exchange->exchange->bytes.out = exchange->read;
  ah_exchange_touch(exchange->exchange);
  if (*len > 0 && !ah_exchange_tell_upload(exchange->exchange)) {
    *len = 0;
    return AHTTP_ECANCELED;
  }
  return AHTTP_OK;
}

/* --- The response. ---------------------------------------------------------
 */

static int fields_fill(ahttp_fields *out, ah_arena *arena,
                       const ahttp_field *fields, size_t count)
{
  ah_fields_init(out, arena);
  for (size_t i = 0; i < count; i++) {
    int rv = ah_fields_add(out, fields[i].name, fields[i].value);
    if (rv != AHTTP_OK) {
      return rv;
    }
  }
  return AHTTP_OK;
}

static int head_fill(ahttp_exchange *handle, ah_response_head *head, int status,
                     const ahttp_field *fields, size_t count)
{
  *head = (ah_response_head){.status = status, .version = AHTTP_VERSION_1_1};
  return fields_fill(&head->fields, handle->exchange->arena, fields, count);
}

static int told(bool goes_on)
{
  return goes_on ? AHTTP_OK : AHTTP_ECANCELED;
}

int ahttp_exchange_informational(ahttp_exchange *exchange, int status,
                                 const ahttp_field *fields, size_t count)
{
  if (exchange->exchange == NULL) {
    return AHTTP_ECANCELED;
  }
  if (exchange->state != ANSWER_NONE || !exchange->is_started) {
    return AHTTP_ESTATE;
  }
  if (status < 100 || status > 199) {
    return AHTTP_EINVAL;
  }
  ah_response_head head;
  int rv = head_fill(exchange, &head, status, fields, count);
  if (rv != AHTTP_OK) {
    return rv;
  }
  ah_exchange_touch(exchange->exchange);
  return told(ah_exchange_tell_informational(exchange->exchange, &head));
}

int ahttp_exchange_head(ahttp_exchange *exchange, int status,
                        const ahttp_field *fields, size_t count)
{
  if (exchange->exchange == NULL) {
    return AHTTP_ECANCELED;
  }
  if (exchange->state != ANSWER_NONE || !exchange->is_started) {
    return AHTTP_ESTATE;
  }
  if (status < 200 || status > 999) {
    return AHTTP_EINVAL;
  }
  int rv =
      head_fill(exchange, &exchange->exchange->response, status, fields, count);
  if (rv != AHTTP_OK) {
    return rv;
  }
  exchange->state = ANSWER_BODY;
  ah_exchange_touch(exchange->exchange);
  return told(ah_exchange_tell_head(exchange->exchange));
}

int ahttp_exchange_body(ahttp_exchange *exchange, const void *data, size_t len)
{
  if (exchange->exchange == NULL) {
    return AHTTP_ECANCELED;
  }
  if (exchange->state != ANSWER_BODY || exchange->is_giving) {
    return AHTTP_ESTATE;
  }
  if (ah_buf_len(&exchange->kept) + len > KEPT_BYTES_MAX &&
      ah_exchange_is_paused(exchange->exchange)) {
    return AHTTP_ELIMIT;
  }
  size_t used = 0;
  ah_exchange_touch(exchange->exchange);
  if (ah_buf_len(&exchange->kept) == 0) {
    exchange->is_giving = true;
    bool goes_on = handle_give(exchange, data, len, &used);
    exchange->is_giving = false;
    if (!goes_on) {
      return AHTTP_ECANCELED;
    }
  }
  return used == len ? AHTTP_OK
                     : ah_buf_append(&exchange->kept,
                                     (const uint8_t *)data + used, len - used);
}

int ahttp_exchange_trailers(ahttp_exchange *exchange, const ahttp_field *fields,
                            size_t count)
{
  if (exchange->exchange == NULL) {
    return AHTTP_ECANCELED;
  }
  if (exchange->state != ANSWER_BODY || exchange->is_giving) {
    return AHTTP_ESTATE;
  }
  int rv = fields_fill(&exchange->exchange->trailers, exchange->exchange->arena,
                       fields, count);
  if (rv != AHTTP_OK) {
    return rv;
  }
  exchange->state = ANSWER_TRAILERS;
  if (ah_buf_len(&exchange->kept) > 0) {
    exchange->has_trailers = true;
    return AHTTP_OK;
  }
  return told(ah_exchange_tell_trailers(exchange->exchange));
}

int ahttp_exchange_done(ahttp_exchange *exchange)
{
  if (exchange->exchange == NULL) {
    return AHTTP_ECANCELED;
  }
  if (exchange->state == ANSWER_NONE || exchange->state == ANSWER_DONE ||
      exchange->is_giving) {
    return AHTTP_ESTATE;
  }
  exchange->state = ANSWER_DONE;
  if (ah_buf_len(&exchange->kept) > 0) {
    return AHTTP_OK;
  }
  return handle_end(exchange, NULL);
}

int ahttp_exchange_fail(ahttp_exchange *exchange, int code, const char *text)
{
  if (exchange->exchange == NULL) {
    return AHTTP_ECANCELED;
  }
  if (exchange->state == ANSWER_DONE) {
    return AHTTP_ESTATE;
  }
  if (code >= AHTTP_OK) {
    code = AHTTP_ECALLBACK;
  }
  ahttp_error err;
  ah_error_say(&err, code, ah_exchange_phase(exchange->exchange), "%s",
               text == NULL ? ahttp_strerror(code) : text);
  return handle_fail(exchange, &err);
}

bool ahttp_exchange_is_paused(const ahttp_exchange *exchange)
{
  return exchange->exchange != NULL &&
         ah_exchange_is_paused(exchange->exchange);
}

void ahttp_exchange_set_data(ahttp_exchange *exchange, void *data)
{
  exchange->data = data;
}

void *ahttp_exchange_data(const ahttp_exchange *exchange)
{
  return exchange->data;
}
