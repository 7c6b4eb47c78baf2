/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <string.h>

#include <ahttp/call.h>
#include <ahttp/client.h>
#include <ahttp/request.h>

#include "base/buf.h"
#include "base/error.h"
#include "client/call.h"
#include "client/client.h"

/* What a waiting thread collects. */
typedef struct wait {
  ahttp_call *call; /* with a reference */
  ah_buf content;
  bool is_done;
  bool is_over_limit;
  ahttp_error error;
} wait;

static int wait_on_body(ahttp_call *call, const uint8_t *data, size_t len,
                        void *user_data)
{
  wait *self = user_data;
  (void)call;
  int rv = ah_buf_append(&self->content, data, len);
  if (rv == AHTTP_ELIMIT) {
    self->is_over_limit = true;
  }
  return rv;
}

static void wait_on_done(ahttp_call *call, const ahttp_response *response,
                         const ahttp_error *err, void *user_data)
{
  wait *self = user_data;
  (void)call;
  (void)response;
  self->is_done = true;
  if (err != NULL) {
    self->error = *err;
  }
}

static int wait_fail(const wait *self, ahttp_error *err)
{
  ahttp_error error = self->error;
  if (error.code == AHTTP_ECALLBACK && self->is_over_limit) {
    ah_error_say(&error, AHTTP_ELIMIT, AHTTP_PHASE_RECEIVE,
                 "the content is longer than the client's content_max of %zu "
                 "bytes",
                 self->content.max);
  } else if (error.code == AHTTP_ECALLBACK) {
    ah_error_plain(&error, AHTTP_ENOMEM, AHTTP_PHASE_RECEIVE);
  }
  if (err != NULL) {
    *err = error;
  }
  return error.code;
}

/* Moves what was collected into the call's response. */
static int wait_take_response(wait *self, ahttp_response **out)
{
  ahttp_call *call = self->call;
  size_t len;
  int rv = ah_buf_take(&self->content, &call->content, &len);
  if (rv != AHTTP_OK) {
    return rv;
  }
  call->response.content = (ahttp_str){call->content, len};
  *out = &call->response;
  return AHTTP_OK;
}

static int fail_early(int code, const char *text, ahttp_error *err)
{
  if (err != NULL) {
    ah_error_say(err, code, AHTTP_PHASE_NONE, "%s", text);
  }
  return code;
}

int ahttp_send(ahttp_client *client, ahttp_request *request,
               const ahttp_send_opts *opts, ahttp_response **out,
               ahttp_error *err)
{
  static const ahttp_handlers handlers = {.size = sizeof(handlers),
                                          .on_body = wait_on_body,
                                          .on_done = wait_on_done};
  *out = NULL;
  if (client->own_uv == NULL) {
    return fail_early(AHTTP_ESTATE,
                      "blocking functions need a client with a private loop",
                      err);
  }
  /* A connection that died while nobody drove the loop is noticed here.  Only
   * a loop that is held polls at all. */
  ah_loop_hold(client->loop);
  (void)uv_run(client->own_uv, UV_RUN_NOWAIT);
  ah_loop_drop(client->loop);

  wait self = {0};
  ah_buf_init(&self.content, client->content_max);
  self.call = ahttp_start(client, request, opts, &handlers, &self);
  if (self.call == NULL) {
    return fail_early(AHTTP_ENOMEM, ahttp_strerror(AHTTP_ENOMEM), err);
  }
  ahttp_call_ref(self.call);
  while (!self.is_done) {
    (void)uv_run(client->own_uv, UV_RUN_ONCE);
  }
  int rv = self.error.code;
  if (rv != AHTTP_OK) {
    rv = wait_fail(&self, err);
  } else {
    rv = wait_take_response(&self, out);
    if (rv != AHTTP_OK) {
      rv = fail_early(rv, ahttp_strerror(rv), err);
    } else if (err != NULL) {
      memset(err, 0, sizeof(*err));
    }
  }
  ah_buf_clear(&self.content);
  if (rv != AHTTP_OK) {
    ahttp_call_unref(self.call); /* else the response keeps it */
  }
  return rv;
}

int ahttp_get(ahttp_client *client, const char *url, ahttp_response **out,
              ahttp_error *err)
{
  *out = NULL;
  ahttp_request *request;
  int rv = ahttp_request_new(&request, "GET", url);
  if (rv != AHTTP_OK) {
    if (err != NULL) {
      ah_error_say(err, rv, AHTTP_PHASE_NONE, "%s: %s", url,
                   ahttp_strerror(rv));
    }
    return rv;
  }
  rv = ahttp_send(client, request, NULL, out, err);
  ahttp_request_free(request);
  return rv;
}
