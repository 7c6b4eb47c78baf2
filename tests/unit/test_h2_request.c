/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "support/h2_client.h"

/* A client and a peer that have greeted each other. */
static h2_client *client_greeted(uint32_t streams_max)
{
  h2_client *client = h2_client_new(h2_peer_new(streams_max, 0, true));
  h2_client_pump(client);
  return client;
}

static void request_sends_a_request_as_http2_has_it(void **state)
{
  (void)state;
  h2_client *client = client_greeted(0);
  h2_request *request = h2_request_new(client, "GET", "/a/b?c=d");
  h2_request_add_field(request, "Accept", "*/*");
  h2_request_add_field(request, "X-Mixed-Case", "Value");
  h2_request_add_field(request, "Connection", "keep-alive, X-Hop");
  h2_request_add_field(request, "X-Hop", "1");
  h2_request_add_field(request, "Keep-Alive", "timeout=5");
  h2_request_add_field(request, "Proxy-Connection", "keep-alive");
  h2_request_add_field(request, "Transfer-Encoding", "chunked");
  h2_request_add_field(request, "Upgrade", "h2c");
  h2_request_add_field(request, "HTTP2-Settings", "AAMAAABk");
  h2_request_add_field(request, "TE", "gzip, trailers");
  h2_request_submit(request);
  h2_client_pump(client);
  h2_peer_stream *stream = h2_peer_request(client->peer, 0);
  assert_string_equal(stream->fields.data, ":method: GET\n"
                                           ":scheme: http\n"
                                           ":path: /a/b?c=d\n"
                                           ":authority: example.org\n"
                                           "accept: */*\n"
                                           "x-mixed-case: Value\n"
                                           "te: trailers\n");
  assert_true(stream->is_received);
  assert_true(request->stream.is_sent);
  assert_true(request->sent > 9);
  assert_false(stream->never_indexed);
  h2_request_free(request);
  h2_client_free(client);
}

static void request_drops_te_without_trailers(void **state)
{
  (void)state;
  h2_client *client = client_greeted(0);
  h2_request *request = h2_request_new(client, "GET", "/");
  h2_request_add_field(request, "TE", "gzip");
  h2_request_submit(request);
  h2_client_pump(client);
  assert_null(strstr(h2_peer_request(client->peer, 0)->fields.data, "te:"));
  h2_request_free(request);
  h2_client_free(client);
}

static void request_sends_host_as_authority(void **state)
{
  (void)state;
  h2_client *client = client_greeted(0);
  h2_request *request = h2_request_new(client, "GET", "/");
  h2_request_add_field(request, "Host", "other.example:8080");
  h2_request_submit(request);
  h2_client_pump(client);
  assert_string_equal(h2_peer_request(client->peer, 0)->fields.data,
                      ":method: GET\n:scheme: http\n:path: /\n"
                      ":authority: other.example:8080\n");
  h2_request_free(request);
  h2_client_free(client);
}

static void request_never_indexes_secrets(void **state)
{
  (void)state;
  static const struct {
    const char *name;
    const char *value;
    bool never_indexed;
  } rows[] = {
      {"Authorization", "Bearer 0123456789012345678901234567890", true},
      {"Proxy-Authorization", "Basic Zm9v", true},
      {"Cookie", "a=b", true},
      {"Cookie", "session=0123456789012345678901234567890", false},
      {"Accept", "*/*", false},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    h2_client *client = client_greeted(0);
    h2_request *request = h2_request_new(client, "GET", "/");
    h2_request_add_field(request, rows[i].name, rows[i].value);
    h2_request_submit(request);
    h2_client_pump(client);
    assert_int_equal(h2_peer_request(client->peer, 0)->never_indexed,
                     rows[i].never_indexed);
    h2_request_free(request);
    h2_client_free(client);
  }
}

static void request_sends_content_and_its_length(void **state)
{
  (void)state;
  h2_client *client = client_greeted(0);
  h2_request *request = h2_request_new(client, "POST", "/");
  h2_request_set_content(request, "hello", 5);
  request->source.length = 5;
  h2_request_submit(request);
  h2_client_pump(client);
  h2_peer_stream *stream = h2_peer_request(client->peer, 0);
  assert_non_null(strstr(stream->fields.data, "content-length: 5\n"));
  assert_string_equal(stream->content.data, "hello");
  assert_true(stream->is_received);
  assert_true(request->stream.is_sent);
  h2_request_free(request);
  h2_client_free(client);
}

static void request_sends_a_length_of_0_where_content_is_expected(void **state)
{
  (void)state;
  static const struct {
    const char *method;
    bool sends;
  } rows[] = {{"POST", true}, {"PUT", true}, {"GET", false}, {"DELETE", false}};
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    h2_client *client = client_greeted(0);
    h2_request *request = h2_request_new(client, rows[i].method, "/");
    h2_request_submit(request);
    h2_client_pump(client);
    h2_peer_stream *stream = h2_peer_request(client->peer, 0);
    assert_int_equal(strstr(stream->fields.data, "content-length: 0\n") != NULL,
                     rows[i].sends);
    assert_true(stream->is_received);
    h2_request_free(request);
    h2_client_free(client);
  }
}

static void request_refuses_a_head_that_is_too_large(void **state)
{
  (void)state;
  h2_client *client = client_greeted(0);
  h2_request *request = h2_request_new(client, "GET", "/");
  char *value = calloc(1, 40001);
  assert_non_null(value);
  memset(value, 'v', 40000);
  h2_request_add_field(request, "X-One", value);
  h2_request_add_field(request, "X-Two", value);
  assert_int_equal(ah_h2_session_submit(client->session, &request->stream,
                                        &request->head, false),
                   AHTTP_ELIMIT);
  assert_int_equal(request->stream.id, 0);
  free(value);
  h2_request_free(request);
  h2_client_free(client);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(request_sends_a_request_as_http2_has_it),
      cmocka_unit_test(request_drops_te_without_trailers),
      cmocka_unit_test(request_sends_host_as_authority),
      cmocka_unit_test(request_never_indexes_secrets),
      cmocka_unit_test(request_sends_content_and_its_length),
      cmocka_unit_test(request_sends_a_length_of_0_where_content_is_expected),
      cmocka_unit_test(request_refuses_a_head_that_is_too_large),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
