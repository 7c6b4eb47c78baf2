/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <ahttp/blocking.h>

#include <string.h>

#include <ahttp/request.h>

#include "base/error.h"
#include "base/str.h"
#include "client/call.h"
#include "client/client.h"
#include "client/collector.h"
#include "client/reader.h"
#include "http/method.h"

/* --- One send. --------------------------------------------------------------
 */

static int fail_early(int code, const char *text, ahttp_error *err)
{
  if (err != NULL) {
    ah_error_say(err, code, AHTTP_PHASE_NONE, "%s", text);
  }
  return code;
}

static int fail_plain(int code, ahttp_error *err)
{
  return fail_early(code, ahttp_strerror(code), err);
}

/* Gets the loop for sending |request|, if it is to be had.  AHTTP_OK: this
 * thread leads; AH_BLOCKED: another one runs it; or the error. */
static int begin_wait(ahttp_client *client, const ahttp_request *request,
                      ahttp_error *err)
{
  int rv = ah_driver_lead(client->driver);
  if (rv == AHTTP_ESTATE) {
    return fail_early(rv, "a thread cannot wait for a loop that it runs itself",
                      err);
  }
  if (rv == AHTTP_OK) {
    /* A connection that died while nobody ran the loop is noticed here.  What
     * is idempotent would be sent again, and can take the risk. */
    bool is_idempotent = (request->traits & AH_METHOD_IDEMPOTENT) != 0;
    ah_driver_catch_up(client->driver, !is_idempotent);
  }
  return rv;
}

static int abandon_wait(ahttp_client *client, bool is_leading, ahttp_error *err)
{
  if (is_leading) {
    ah_driver_resign(client->driver);
  }
  return fail_plain(AHTTP_ENOMEM, err);
}

/* Launches |call|, of which the caller has a reference, and waits for |latch|.
 * The client may be gone when this returns. */
static void launch_and_wait(ahttp_call *call, ah_latch *latch, bool is_leading)
{
  ah_driver *driver = call->driver;
  ah_waiter waiter;
  ah_link link;
  ah_waiter_init(&waiter, 1, UINT32_MAX);
  ah_waiter_watch(&waiter, &link, latch);
  if (is_leading) {
    ah_call_launch(call);
  } else if (!ah_call_post_launch(call)) {
    ah_call_refuse(call);
  }
  (void)ah_driver_wait(driver, &waiter, &link, 1, is_leading); /* is served */
}

/* --- The whole response. ----------------------------------------------------
 */

/* What a waiting thread collects. */
typedef struct wait {
  ah_collector collector;
  ah_latch done;
} wait;

static int wait_on_body(ahttp_call *call, const uint8_t *data, size_t len,
                        void *user_data)
{
  wait *self = user_data;
  return ah_collector_add(&self->collector, call, data, len);
}

static void wait_on_done(ahttp_call *call, const ahttp_response *response,
                         const ahttp_error *err, void *user_data)
{
  wait *self = user_data;
  (void)response;
  ah_collector_end(&self->collector, err);
  ah_driver_set(call->driver, &self->done);
}

static int send_on(ahttp_client *client, ahttp_request *request,
                   const ahttp_send_opts *opts, ahttp_response **out,
                   ahttp_error *err)
{
  static const ahttp_handlers handlers = {.size = sizeof(handlers),
                                          .on_body = wait_on_body,
                                          .on_done = wait_on_done};
  int rv = begin_wait(client, request, err);
  if (rv < 0) {
    return rv;
  }
  bool is_leading = rv == AHTTP_OK;
  wait self;
  ah_collector_init(&self.collector, client);
  ah_latch_init(&self.done);
  ahttp_call *call = ah_call_new(client, request, opts, &handlers, &self);
  if (call == NULL) {
    return abandon_wait(client, is_leading, err);
  }
  ah_call_ref(call);
  launch_and_wait(call, &self.done, is_leading);
  rv = ah_collector_take(&self.collector, call, out, err);
  ah_collector_clear(&self.collector);
  ah_call_unref(call); /* the response has its own */
  return rv;
}

int ahttp_send(ahttp_client *client, ahttp_request *request,
               const ahttp_send_opts *opts, ahttp_response **out,
               ahttp_error *err)
{
  *out = NULL;
  if (request == NULL) {
    return fail_plain(AHTTP_EINVAL, err);
  }
  if (client != NULL) {
    return send_on(client, request, opts, out, err);
  }
  int rv = ahttp_client_new(&client, NULL);
  if (rv != AHTTP_OK) {
    return fail_plain(rv, err);
  }
  rv = send_on(client, request, opts, out, err);
  ahttp_client_free(client);
  return rv;
}

/* --- Requests made on the way. ----------------------------------------------
 */

/* The request of the last fetch, if it would be made in the same way of |url|:
 * a request that has been sent does not change. */
static ahttp_request *fetch_again(ahttp_client *client, const char *method,
                                  const char *url)
{
  ahttp_request *last = atomic_exchange_explicit(&client->last_fetched, NULL,
                                                 memory_order_acquire);
  if (last != NULL && ah_str_eq(last->url.href, ah_str_from_c(url)) &&
      ah_str_eq(last->method, ah_str_from_c(method))) {
    return last;
  }
  ahttp_request_free(last);
  return NULL;
}

/* Leaves |request| to fetch_again(); before it is sent, since the client may be
 * gone after that. */
static void fetch_remember(ahttp_client *client, ahttp_request *request)
{
  ahttp_request_free(atomic_exchange_explicit(
      &client->last_fetched, ah_request_ref(request), memory_order_acq_rel));
}

/* True if requests of |opts| consist of a method and a URL.  With default
 * parameters a URL would get them once more. */
static bool fetch_is_plain(const ahttp_client *client,
                           const ahttp_fetch_opts *opts)
{
  return client != NULL && client->base_url.params.len == 0 &&
         opts->params == NULL && opts->field_count == 0 &&
         opts->content_type == NULL && opts->content.ptr == NULL;
}

static int fetch_fill(ahttp_request *request, const ahttp_fetch_opts *opts)
{
  int rv = ahttp_request_merge_params(request, opts->params);
  if (rv == AHTTP_OK) {
    rv = ahttp_request_add_fields(request, opts->fields, opts->field_count);
  }
  if (rv != AHTTP_OK) {
    return rv;
  }
  if (opts->content_type != NULL) {
    rv = ahttp_request_add_field(request, "content-type", opts->content_type);
    if (rv != AHTTP_OK) {
      return rv;
    }
  }
  return opts->content.ptr == NULL
             ? AHTTP_OK
             : ahttp_request_set_content(request, opts->content.ptr,
                                         opts->content.len);
}

static int fetch_make(ahttp_client *client, const char *url,
                      const ahttp_fetch_opts *opts, ahttp_request **out)
{
  const char *method = opts->method == NULL ? "GET" : opts->method;
  bool is_plain = fetch_is_plain(client, opts);
  *out = is_plain ? fetch_again(client, method, url) : NULL;
  int rv = AHTTP_OK;
  if (*out == NULL) {
    rv = ahttp_client_request(client, out, method, url);
  }
  if (rv == AHTTP_OK && is_plain) {
    fetch_remember(client, *out);
  } else if (rv == AHTTP_OK) {
    rv = fetch_fill(*out, opts);
  }
  return rv;
}

/* With |opts| of this version's size. */
static int fetch(ahttp_client *client, const char *url,
                 const ahttp_fetch_opts *opts, ahttp_response **out,
                 ahttp_error *err)
{
  *out = NULL;
  ahttp_request *request = NULL;
  if (url == NULL) {
    return fail_plain(AHTTP_EINVAL, err);
  }
  int rv = fetch_make(client, url, opts, &request);
  if (rv == AHTTP_OK) {
    rv = ahttp_send(client, request, opts->send, out, err);
  } else if (err != NULL) {
    ah_error_say(err, rv, AHTTP_PHASE_NONE, "%s: %s", url, ahttp_strerror(rv));
  }
  ahttp_request_free(request);
  return rv;
}

int ahttp_fetch(ahttp_client *client, const char *url,
                const ahttp_fetch_opts *opts, ahttp_response **out,
                ahttp_error *err)
{
  ahttp_fetch_opts own;
  int rv = ah_opts_copy(&own, sizeof(own), opts);
  if (rv != AHTTP_OK) {
    *out = NULL;
    return fail_plain(rv, err);
  }
  return fetch(client, url, &own, out, err);
}

static int fetch_with(ahttp_client *client, const char *url, const char *method,
                      ahttp_response **out, ahttp_error *err)
{
  ahttp_fetch_opts opts = AHTTP_FETCH_OPTS_INIT;
  opts.method = method;
  return fetch(client, url, &opts, out, err);
}

int ahttp_get(ahttp_client *client, const char *url, ahttp_response **out,
              ahttp_error *err)
{
  return fetch_with(client, url, "GET", out, err);
}

int ahttp_head(ahttp_client *client, const char *url, ahttp_response **out,
               ahttp_error *err)
{
  return fetch_with(client, url, "HEAD", out, err);
}

int ahttp_delete(ahttp_client *client, const char *url, ahttp_response **out,
                 ahttp_error *err)
{
  return fetch_with(client, url, "DELETE", out, err);
}

int ahttp_options(ahttp_client *client, const char *url, ahttp_response **out,
                  ahttp_error *err)
{
  return fetch_with(client, url, "OPTIONS", out, err);
}

/* Options for sending |content|; none is sent as empty content, with its
 * length. */
static ahttp_fetch_opts opts_for(const char *method, const char *content_type,
                                 ahttp_str content)
{
  ahttp_fetch_opts opts = AHTTP_FETCH_OPTS_INIT;
  opts.method = method;
  opts.content_type = content_type;
  opts.content = content.ptr == NULL ? (ahttp_str){"", 0} : content;
  return opts;
}

int ahttp_post(ahttp_client *client, const char *url, const char *content_type,
               ahttp_str content, ahttp_response **out, ahttp_error *err)
{
  ahttp_fetch_opts opts = opts_for("POST", content_type, content);
  return fetch(client, url, &opts, out, err);
}

int ahttp_put(ahttp_client *client, const char *url, const char *content_type,
              ahttp_str content, ahttp_response **out, ahttp_error *err)
{
  ahttp_fetch_opts opts = opts_for("PUT", content_type, content);
  return fetch(client, url, &opts, out, err);
}

int ahttp_patch(ahttp_client *client, const char *url, const char *content_type,
                ahttp_str content, ahttp_response **out, ahttp_error *err)
{
  ahttp_fetch_opts opts = opts_for("PATCH", content_type, content);
  return fetch(client, url, &opts, out, err);
}

/* --- A response that is read as it comes. -----------------------------------
 */

/* A call with a reader, and a reference for the caller; or NULL. */
static ahttp_call *call_new_with_reader(ahttp_client *client,
                                        ahttp_request *request,
                                        const ahttp_send_opts *opts)
{
  ah_reader *reader;
  if (ah_reader_new(&reader, client) != AHTTP_OK) {
    return NULL;
  }
  ahttp_call *call =
      ah_call_new(client, request, opts, &ah_reader_handlers, reader);
  if (call == NULL) {
    ah_reader_free(reader);
    return NULL;
  }
  ah_reader_attach(reader, call);
  return ahttp_call_ref(call);
}

int ahttp_open(ahttp_client *client, ahttp_request *request,
               const ahttp_send_opts *opts, ahttp_response **out,
               ahttp_error *err)
{
  *out = NULL;
  if (client == NULL || request == NULL) {
    return fail_plain(AHTTP_EINVAL, err);
  }
  int rv = begin_wait(client, request, err);
  if (rv < 0) {
    return rv;
  }
  bool is_leading = rv == AHTTP_OK;
  ahttp_call *call = call_new_with_reader(client, request, opts);
  if (call == NULL) {
    return abandon_wait(client, is_leading, err);
  }
  launch_and_wait(call, ah_reader_news(call->reader), is_leading);
  rv = ah_reader_response(call->reader, out, err);
  if (rv != AHTTP_OK) {
    ahttp_call_unref(call); /* else the response has it */
  }
  return rv;
}
