/* SPDX-License-Identifier: MIT */
/*
 * A transport that answers from a script or by a function: a custom transport
 * like any other, made of the public functions, but for the deadlines by which
 * it delays.
 *
 * An exchange goes through reading the request's content, waiting, the head,
 * then chunks; mock_go_on() takes it as far as it gets, and is called again
 * when there is content, room, or a delay is over.
 */
#include "config.h"

#include <ahttp/mock.h>

#include <uv.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/buf.h"
#include "base/str.h"
#include "http/fields.h"
#include "http/url.h"
#include "net/deadline.h"
#include "transport/custom_transport.h"
#include "transport/mock_script.h"

enum {
  READ_BYTES = 16 * 1024,
  /* As much of a request's content as a client holds of a response's. */
  CONTENT_BYTES_MAX = 100 * 1024 * 1024
};

struct ahttp_mock_request {
  ahttp_mock_request *next; /* the one that came after it */
  ah_arena arena;
  ahttp_str method;
  ahttp_str url;
  ahttp_fields fields;
  ah_buf content;
};

typedef struct mock {
  ah_arena arena;
  ahttp_mock_cb handler;
  void *user_data;
  uv_mutex_t lock;
  /* Guarded by |lock|: clients on several threads may use it. */
  ah_mock_script script;
  ahttp_mock_request *first;
  ahttp_mock_request *last;
  size_t count;
} mock;

typedef enum answer_step {
  STEP_READ, /* the request's content */
  STEP_HEAD,
  STEP_BODY
} answer_step;

/* An exchange that is being answered. */
typedef struct answer {
  ahttp_exchange *exchange;
  mock *of;
  ahttp_mock_request *request;
  ahttp_mock_reply reply;
  answer_step step;
  size_t sent;     /* of the content */
  bool has_waited; /* before the next step */
  ah_deadline delay;
} answer;

/* --- Requests. -------------------------------------------------------------
 */

static void request_free(ahttp_mock_request *request)
{
  ah_buf_clear(&request->content);
  ah_arena_clear(&request->arena);
  ah_free(request);
}

static int request_copy(ahttp_mock_request *request,
                        const ahttp_exchange *exchange)
{
  ah_arena *arena = &request->arena;
  int rv =
      ah_arena_copy(arena, ahttp_exchange_method(exchange), &request->method);
  if (rv == AHTTP_OK) {
    rv =
        ah_arena_copy(arena, ahttp_exchange_url(exchange)->href, &request->url);
  }
  const ahttp_fields *fields = ahttp_exchange_fields(exchange);
  for (uint32_t i = 0; rv == AHTTP_OK && i < fields->count; i++) {
    rv = ah_fields_add(&request->fields, fields->items[i].name,
                       fields->items[i].value);
  }
  return rv;
}

static ahttp_mock_request *request_new(const ahttp_exchange *exchange)
{
  ahttp_mock_request *request = ah_calloc(1, sizeof(*request));
  if (request == NULL) {
    return NULL;
  }
  ah_arena_init(&request->arena, NULL, 0);
  ah_fields_init(&request->fields, &request->arena);
  ah_buf_init(&request->content, CONTENT_BYTES_MAX);
  if (request_copy(request, exchange) != AHTTP_OK) {
    request_free(request);
    return NULL;
  }
  return request;
}

/* Reads what there is of the content.  AHTTP_OK at its end. */
static int request_read(ahttp_mock_request *request, ahttp_exchange *exchange)
{
  for (;;) {
    size_t len;
    int rv = ah_buf_reserve(&request->content, READ_BYTES);
    if (rv != AHTTP_OK) {
      return rv;
    }
    rv = ahttp_exchange_read(exchange,
                             request->content.data + request->content.tail,
                             READ_BYTES, &len);
    if (rv != AHTTP_OK || len == 0) {
      return rv;
    }
    request->content.tail += len;
  }
}

static void mock_keep(mock *self, ahttp_mock_request *request)
{
  uv_mutex_lock(&self->lock);
  if (self->last == NULL) {
    self->first = request;
  } else {
    self->last->next = request;
  }
  self->last = request;
  self->count++;
  uv_mutex_unlock(&self->lock);
}

/* --- Answers. --------------------------------------------------------------
 */

static void answer_free(answer *self)
{
  ah_deadline_stop(&self->delay);
  ahttp_exchange_set_data(self->exchange, NULL);
  ah_free(self);
}

static void answer_fail(answer *self, int code, const char *text)
{
  ahttp_exchange *exchange = self->exchange;
  answer_free(self);
  (void)ahttp_exchange_fail(exchange, code, text);
}

/* Chooses the reply.  False if that ends the exchange. */
static bool answer_choose(answer *self)
{
  mock *of = self->of;
  ahttp_mock_request *request = self->request;
  uv_mutex_lock(&of->lock);
  const ahttp_mock_reply *found =
      ah_mock_script_take(&of->script, request->method, request->url);
  uv_mutex_unlock(&of->lock);
  if (found != NULL) {
    self->reply = *found;
    return true;
  }
  if (of->handler == NULL) {
    answer_fail(self, AHTTP_EREFUSED, "the mock transport has no reply for it");
    return false;
  }
  ahttp_exchange *exchange = self->exchange;
  ahttp_mock_reply reply = AHTTP_MOCK_REPLY_INIT;
  int rv = of->handler(request, &reply, of->user_data);
  if (ahttp_exchange_data(exchange) == NULL) {
    return false; /* cancelled within */
  }
  if (rv == AHTTP_OK) {
    rv = ah_mock_reply_check(&reply);
  }
  if (rv != AHTTP_OK) {
    answer_fail(self, rv, NULL);
    return false;
  }
  self->reply = reply;
  return true;
}

/* True if it has to wait before the next step; it goes on by itself then. */
static bool answer_delay(answer *self)
{
  if (self->reply.delay_ms == 0 || self->has_waited) {
    self->has_waited = false;
    return false;
  }
  ah_deadline_start(ah_custom_exchange_loop(self->exchange), &self->delay,
                    self->reply.delay_ms);
  return true;
}

static size_t answer_chunk(const answer *self)
{
  size_t left = self->reply.content.len - self->sent;
  size_t most = self->reply.chunk_bytes;
  return most > 0 && most < left ? most : left;
}

/* Reads the request and finds out what to answer.  False if it has to wait or
 * is over. */
static bool answer_begin(answer *self)
{
  ahttp_exchange *exchange = self->exchange;
  int rv = request_read(self->request, exchange);
  if (rv == AHTTP_BODY_WAIT || ahttp_exchange_data(exchange) == NULL) {
    return false;
  }
  if (rv != AHTTP_OK) {
    answer_fail(self, rv, NULL);
    return false;
  }
  self->step = STEP_HEAD;
  return answer_choose(self);
}

static bool answer_say_head(answer *self)
{
  const ahttp_mock_reply *reply = &self->reply;
  if (answer_delay(self)) {
    return false;
  }
  if (reply->error != 0 && reply->status == 0) {
    answer_fail(self, reply->error, NULL);
    return false;
  }
  self->step = STEP_BODY;
  ahttp_exchange *exchange = self->exchange;
  int rv =
      ahttp_exchange_head(exchange, reply->status == 0 ? 200 : reply->status,
                          reply->fields, reply->field_count);
  if (rv != AHTTP_OK && rv != AHTTP_ECANCELED) {
    answer_fail(self, rv, NULL);
  }
  return rv == AHTTP_OK;
}

/* Says the next chunk.  False if it has to wait or is over. */
static bool answer_say_chunk(answer *self)
{
  size_t len = answer_chunk(self);
  if (ahttp_exchange_is_paused(self->exchange) || answer_delay(self)) {
    return false;
  }
  const char *data = self->reply.content.ptr + self->sent;
  self->sent += len;
  ahttp_exchange *exchange = self->exchange;
  int rv = ahttp_exchange_body(exchange, data, len);
  if (rv != AHTTP_OK && rv != AHTTP_ECANCELED) {
    answer_fail(self, rv, NULL);
  }
  return rv == AHTTP_OK;
}

/* HEAD, 204 and 304 have no content (RFC 9110, section 6.4.1). */
static bool answer_is_bare(const answer *self)
{
  return ah_str_eq(self->request->method, AH_STR("HEAD")) ||
         self->reply.status == 204 || self->reply.status == 304;
}

static void answer_go_on(answer *self)
{
  if (self->step == STEP_READ && !answer_begin(self)) {
    return;
  }
  if (self->step == STEP_HEAD && !answer_say_head(self)) {
    return;
  }
  while (!answer_is_bare(self) && self->sent < self->reply.content.len) {
    if (!answer_say_chunk(self)) {
      return;
    }
  }
  if (self->reply.error != 0) {
    answer_fail(self, self->reply.error, NULL);
    return;
  }
  ahttp_exchange *exchange = self->exchange;
  answer_free(self);
  (void)ahttp_exchange_done(exchange); /* all was said in its order */
}

static void answer_on_delay(ah_deadline *deadline)
{
  answer *self = AH_CONTAINER(deadline, answer, delay);
  self->has_waited = true;
  answer_go_on(self);
}

/* --- The transport. --------------------------------------------------------
 */

static int mock_start(ahttp_exchange *exchange, void *user_data)
{
  mock *self = user_data;
  answer *it = ah_calloc(1, sizeof(*it));
  if (it == NULL) {
    return AHTTP_ENOMEM;
  }
  it->request = request_new(exchange);
  if (it->request == NULL) {
    ah_free(it);
    return AHTTP_ENOMEM;
  }
  it->exchange = exchange;
  it->of = self;
  it->delay.expired = answer_on_delay;
  mock_keep(self, it->request);
  ahttp_exchange_set_data(exchange, it);
  answer_go_on(it);
  return AHTTP_OK;
}

static void mock_cancel(ahttp_exchange *exchange, void *user_data)
{
  answer *self = ahttp_exchange_data(exchange);
  (void)user_data;
  if (self != NULL) {
    answer_free(self);
  }
}

static void mock_resume(ahttp_exchange *exchange, void *user_data)
{
  answer *self = ahttp_exchange_data(exchange);
  (void)user_data;
  if (self != NULL && self->step == STEP_BODY &&
      !ah_list_is_linked(&self->delay.node)) {
    answer_go_on(self);
  }
}

static void mock_content_ready(ahttp_exchange *exchange, void *user_data)
{
  answer *self = ahttp_exchange_data(exchange);
  (void)user_data;
  if (self != NULL && self->step == STEP_READ) {
    answer_go_on(self);
  }
}

static void mock_free(void *user_data)
{
  mock *self = user_data;
  while (self->first != NULL) {
    ahttp_mock_request *request = self->first;
    self->first = request->next;
    request_free(request);
  }
  uv_mutex_destroy(&self->lock);
  ah_arena_clear(&self->arena);
  ah_free(self);
}

static int mock_make(mock **out, const ahttp_mock_opts *opts)
{
  *out = NULL;
  mock *self = ah_calloc(1, sizeof(*self));
  if (self == NULL) {
    return AHTTP_ENOMEM;
  }
  if (uv_mutex_init(&self->lock) != 0) {
    ah_free(self);
    return AHTTP_ENOMEM;
  }
  ah_arena_init(&self->arena, NULL, 0);
  self->handler = opts->handler;
  self->user_data = opts->user_data;
  int rv = ah_mock_script_copy(&self->script, &self->arena, opts->replies,
                               opts->reply_count);
  if (rv != AHTTP_OK) {
    mock_free(self);
    return rv;
  }
  *out = self;
  return AHTTP_OK;
}

int ahttp_mock_new(ahttp_transport **out, const ahttp_mock_opts *opts)
{
  *out = NULL;
  if (opts == NULL || opts->size != sizeof(*opts) ||
      (opts->reply_count == 0 && opts->handler == NULL)) {
    return AHTTP_EINVAL;
  }
  mock *self;
  int rv = mock_make(&self, opts);
  if (rv != AHTTP_OK) {
    return rv;
  }
  ahttp_transport_opts transport_opts = AHTTP_TRANSPORT_OPTS_INIT;
  transport_opts.start = mock_start;
  transport_opts.cancel = mock_cancel;
  transport_opts.resume = mock_resume;
  transport_opts.content_ready = mock_content_ready;
  transport_opts.free = mock_free;
  transport_opts.user_data = self;
  rv = ahttp_transport_new(out, &transport_opts);
  if (rv != AHTTP_OK) {
    mock_free(self);
  }
  return rv;
}

/* --- What was sent. --------------------------------------------------------
 */

/* The mock that |transport| is; it is not given any other. */
static mock *mock_of(const ahttp_transport *transport)
{
  const ahttp_transport_opts *opts = ah_transport_opts(transport);
  ah_assert(opts->start == mock_start);
  return opts->user_data;
}

size_t ahttp_mock_count(const ahttp_transport *transport)
{
  mock *self = mock_of(transport);
  uv_mutex_lock(&self->lock);
  size_t count = self->count;
  uv_mutex_unlock(&self->lock);
  return count;
}

const ahttp_mock_request *ahttp_mock_at(const ahttp_transport *transport,
                                        size_t index)
{
  mock *self = mock_of(transport);
  uv_mutex_lock(&self->lock);
  const ahttp_mock_request *request = self->first;
  while (request != NULL && index > 0) {
    request = request->next;
    index--;
  }
  uv_mutex_unlock(&self->lock);
  return request;
}

ahttp_str ahttp_mock_request_method(const ahttp_mock_request *request)
{
  return request->method;
}

ahttp_str ahttp_mock_request_url(const ahttp_mock_request *request)
{
  return request->url;
}

const ahttp_fields *ahttp_mock_request_fields(const ahttp_mock_request *request)
{
  return &request->fields;
}

ahttp_str ahttp_mock_request_content(const ahttp_mock_request *request)
{
  return ah_str((const char *)ah_buf_bytes(&request->content),
                ah_buf_len(&request->content));
}

void *ahttp_mock_alloc(ahttp_mock_request *request, size_t size)
{
  return ah_arena_alloc(&request->arena, size);
}
