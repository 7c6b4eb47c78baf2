/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "support/h2_client.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/str.h"
#include "http/method.h"

static nghttp2_session *newest;

/* Takes the place of nghttp2's, to remember what it made. */
int nghttp2_session_client_new3(nghttp2_session **session_ptr,
                                const nghttp2_session_callbacks *callbacks,
                                void *user_data, const nghttp2_option *option,
                                nghttp2_mem *mem)
{
  int (*real)(nghttp2_session **, const nghttp2_session_callbacks *, void *,
              const nghttp2_option *, nghttp2_mem *);
  void *symbol = dlsym(RTLD_NEXT, "nghttp2_session_client_new3");
  assert_non_null(symbol);
  memcpy(&real, &symbol, sizeof(real));
  int rv = real(session_ptr, callbacks, user_data, option, mem);
  newest = *session_ptr;
  return rv;
}

void h2_client_skip_to(int32_t id)
{
  assert_int_equal(nghttp2_session_set_next_stream_id(newest, id), 0);
}

static h2_request *request_of(ah_h2_stream *stream)
{
  return AH_CONTAINER(stream, h2_request, stream);
}

static void log_word(fake_bytes *log, const char *word)
{
  if (log->len > 0) {
    fake_bytes_append(log, " ", 1);
  }
  fake_bytes_append(log, word, strlen(word));
}

static void request_note(h2_request *request, const char *word)
{
  log_word(&request->log, word);
  if (request->on_event != NULL) {
    request->on_event(request, word);
  }
}

static void request_note_status(h2_request *request, int status)
{
  char word[16];
  (void)snprintf(word, sizeof(word), "%d", status);
  request_note(request, word);
}

static void on_informational(void *owner, ah_h2_stream *stream,
                             const ah_response_head *head)
{
  (void)owner;
  assert_true(stream->id > 0);
  request_note_status(request_of(stream), head->status);
}

static void on_head(void *owner, ah_h2_stream *stream)
{
  (void)owner;
  assert_true(stream->id > 0);
  h2_request *request = request_of(stream);
  assert_int_equal(request->response.version, AHTTP_VERSION_2);
  request_note_status(request, request->response.status);
}

static void on_body(void *owner, ah_h2_stream *stream, const uint8_t *data,
                    size_t len)
{
  h2_client *client = owner;
  h2_request *request = request_of(stream);
  assert_true(stream->id > 0);
  assert_true(len > 0);
  bool is_first = request->body.len == 0;
  fake_bytes_append(&request->body, data, len);
  if (!request->keeps) {
    ah_h2_session_consume(client->session, stream, len);
  }
  if (is_first) {
    request_note(request, "body");
  }
}

static void on_trailers(void *owner, ah_h2_stream *stream)
{
  (void)owner;
  assert_true(stream->id > 0);
  request_note(request_of(stream), "trailers");
}

static void on_end(void *owner, ah_h2_stream *stream)
{
  (void)owner;
  assert_true(stream->id > 0);
  request_note(request_of(stream), "end");
}

static void on_failed(void *owner, ah_h2_stream *stream, const ahttp_error *err,
                      bool refused)
{
  (void)owner;
  h2_request *request = request_of(stream);
  char word[64];
  assert_int_equal(stream->id, 0);
  request->error = *err;
  request->is_refused = refused;
  (void)snprintf(word, sizeof(word), "failed:%s", ahttp_error_name(err->code));
  request_note(request, word);
}

static int on_content(void *owner, ah_h2_stream *stream, uint8_t *dst,
                      size_t cap, size_t *len, bool *end)
{
  h2_client *client = owner;
  h2_request *request = request_of(stream);
  if (request->content_error != AHTTP_OK) {
    (void)ah_h2_session_reset(client->session, stream, AH_H2_CANCEL);
    return request->content_error;
  }
  size_t left = request->content_ready - request->content_at;
  if (left == 0 && request->content_ready < request->content_len) {
    return AH_BLOCKED;
  }
  *len = left < cap ? left : cap;
  if (*len > 0) {
    memcpy(dst, request->content + request->content_at, *len);
  }
  request->content_at += *len;
  *end = request->content_at == request->content_len;
  return AHTTP_OK;
}

static void on_sent(void *owner, ah_h2_stream *stream, size_t len)
{
  (void)owner;
  assert_true(stream->id > 0);
  request_of(stream)->sent += len;
}

static void on_settings(void *owner)
{
  h2_client *client = owner;
  log_word(&client->log, "settings");
}

static void on_goaway(void *owner, uint32_t code)
{
  h2_client *client = owner;
  char word[32];
  (void)snprintf(word, sizeof(word), "goaway:%u", (unsigned)code);
  log_word(&client->log, word);
}

static void on_pong(void *owner, uint64_t id)
{
  h2_client *client = owner;
  char word[32];
  (void)snprintf(word, sizeof(word), "pong:%llu", (unsigned long long)id);
  log_word(&client->log, word);
}

static const ah_h2_session_ops client_ops = {
    .on_informational = on_informational,
    .on_head = on_head,
    .on_body = on_body,
    .on_trailers = on_trailers,
    .on_end = on_end,
    .on_failed = on_failed,
    .on_content = on_content,
    .on_sent = on_sent,
    .on_settings = on_settings,
    .on_goaway = on_goaway,
    .on_pong = on_pong,
};

void h2_client_free(h2_client *client)
{
  ah_h2_session_free(client->session);
  if (client->peer != NULL) {
    h2_peer_free(client->peer);
  }
  fake_bytes_clear(&client->log);
  free(client);
}

int h2_client_try_new(h2_client **out, h2_peer *peer)
{
  h2_client *client = calloc(1, sizeof(*client));
  assert_non_null(client);
  client->peer = peer;
  client->room = 16 * 1024;
  client->now_ns = 1;
  fake_bytes_append(&client->log, "", 0);
  int rv = ah_h2_session_new(&client->session, &client_ops, client);
  if (rv != AHTTP_OK) {
    h2_client_free(client);
    client = NULL;
  }
  *out = client;
  return rv;
}

h2_client *h2_client_new(h2_peer *peer)
{
  h2_client *client;
  assert_int_equal(h2_client_try_new(&client, peer), AHTTP_OK);
  return client;
}

h2_request *h2_request_new_plain(h2_client *client)
{
  static const char href[] = "http://example.org/";
  h2_request *request = calloc(1, sizeof(*request));
  assert_non_null(request);
  ah_arena_init(&request->arena, NULL, 0);
  request->url = (ahttp_url){
      .href = {href, 19},
      .scheme = {href, 4},
      .host = {href + 7, 11},
      .path = {href + 18, 1},
      .port = 80,
      .is_special = true,
  };
  ah_fields_init(&request->fields, &request->arena);
  fake_bytes_append(&request->log, "", 0);
  fake_bytes_append(&request->body, "", 0);
  request->client = client;
  request->head = (ah_request_head){
      .method = AH_STR("GET"),
      .traits = ah_method_traits(AH_STR("GET")),
      .url = &request->url,
      .fields = &request->fields,
  };
  request->stream.arena = &request->arena;
  request->stream.response = &request->response;
  request->stream.trailers = &request->trailers;
  return request;
}

h2_request *h2_request_new(h2_client *client, const char *method,
                           const char *path)
{
  char url[256];
  h2_request *request = h2_request_new_plain(client);
  (void)snprintf(url, sizeof(url), "http://example.org%s", path);
  assert_int_equal(ah_url_parse(&request->url, &request->arena,
                                ah_str_from_c(url), NULL, NULL),
                   AHTTP_OK);
  request->head.method = ah_str_from_c(method);
  request->head.traits = ah_method_traits(ah_str_from_c(method));
  return request;
}

void h2_request_free(h2_request *request)
{
  ah_arena_clear(&request->arena);
  fake_bytes_clear(&request->log);
  fake_bytes_clear(&request->body);
  free(request);
}

void h2_request_add_field(h2_request *request, const char *name,
                          const char *value)
{
  assert_int_equal(ah_fields_add(&request->fields, ah_str_from_c(name),
                                 ah_str_from_c(value)),
                   AHTTP_OK);
}

void h2_request_set_content(h2_request *request, const char *content,
                            size_t len)
{
  request->content = content;
  request->content_len = len;
  request->content_ready = len;
  request->source.length = -1;
  request->head.body = &request->source;
}

void h2_request_submit(h2_request *request)
{
  assert_int_equal(ah_h2_session_submit(request->client->session,
                                        &request->stream, &request->head,
                                        request->content != NULL),
                   AHTTP_OK);
  assert_true(request->stream.id > 0);
}

h2_request *h2_request_start(h2_client *client)
{
  h2_request *request = h2_request_new(client, "GET", "/");
  h2_request_submit(request);
  return request;
}

int h2_client_feed(h2_client *client, const void *data, size_t len)
{
  uint8_t *block = malloc(len == 0 ? 1 : len);
  assert_non_null(block);
  memcpy(block, data, len);
  int rv = ah_h2_session_feed(client->session, block, len, client->now_ns);
  free(block);
  return rv;
}

int h2_client_drain(h2_client *client, fake_bytes *out)
{
  uint8_t *room = malloc(client->room);
  assert_non_null(room);
  size_t len;
  int rv;
  do {
    rv = ah_h2_session_drain(client->session, room, client->room, &len);
    fake_bytes_append(out, room, len);
  } while (rv == AHTTP_OK && len == client->room);
  free(room);
  return rv;
}

void h2_client_pump(h2_client *client)
{
  h2_peer *peer = client->peer;
  bool goes_on = true;
  while (goes_on) {
    fake_bytes out = {.data = NULL};
    fake_bytes_append(&out, "", 0);
    (void)h2_client_drain(client, &out);
    h2_peer_take(peer, out.data, out.len);
    h2_peer_say(peer);
    goes_on = out.len > 0 || peer->out.len > 0;
    if (peer->out.len > 0) {
      (void)h2_client_feed(client, peer->out.data, peer->out.len);
      fake_bytes_drop(&peer->out, peer->out.len);
    }
    fake_bytes_clear(&out);
  }
}

int h2_client_error(const h2_client *client)
{
  const ahttp_error *err = ah_h2_session_error(client->session);
  return err == NULL ? AHTTP_OK : err->code;
}

h2_fixture h2_fixture_new(void)
{
  h2_client *client = h2_client_new(NULL);
  h2_fixture fix = {.client = client, .request = h2_request_start(client)};
  h2_fixture_drain(&fix);
  h2_peer_frame(&fix.in, NGHTTP2_SETTINGS, 0, 0, "", 0);
  assert_int_equal(h2_fixture_feed(&fix), AHTTP_OK);
  h2_fixture_drain(&fix);
  return fix;
}

void h2_fixture_free(h2_fixture *fix)
{
  fake_bytes_clear(&fix->in);
  h2_request_free(fix->request);
  h2_client_free(fix->client);
}

void h2_fixture_drain(h2_fixture *fix)
{
  fake_bytes out = {.data = NULL};
  (void)h2_client_drain(fix->client, &out);
  fake_bytes_clear(&out);
}

int h2_fixture_feed(h2_fixture *fix)
{
  int rv = h2_client_feed(fix->client, fix->in.data, fix->in.len);
  fake_bytes_drop(&fix->in, fix->in.len);
  return rv;
}
