/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/str.h"
#include "support/assert_text.h"
#include "support/h2_client.h"

/* A client and a peer that have greeted each other. */
static h2_client *client_greeted(uint32_t streams_max)
{
  h2_client *client = h2_client_new(h2_peer_new(streams_max, 0, true));
  h2_client_pump(client);
  return client;
}

static void assert_field(const ahttp_fields *fields, const char *name,
                         const char *want)
{
  ahttp_str value;
  assert_true(ahttp_fields_get(fields, name, &value));
  assert_text(value, want);
}

/* Feeds a server's SETTINGS and a HEADERS frame of the given HPACK bytes on
 * stream 1, on which a request is open. */
static h2_request *request_with_block(h2_client *client, const void *block,
                                      size_t len, bool ends)
{
  h2_request *request = h2_request_start(client);
  fake_bytes out = {.data = NULL};
  assert_int_equal(h2_client_drain(client, &out), AHTTP_OK);
  fake_bytes_clear(&out);
  fake_bytes in = {.data = NULL};
  h2_peer_frame(&in, NGHTTP2_SETTINGS, 0, 0, "", 0);
  h2_peer_frame(&in, NGHTTP2_HEADERS,
                (uint8_t)(NGHTTP2_FLAG_END_HEADERS |
                          (ends ? NGHTTP2_FLAG_END_STREAM : 0)),
                1, block, len);
  (void)h2_client_feed(client, in.data, in.len);
  fake_bytes_clear(&in);
  assert_int_equal(h2_client_drain(client, &out), AHTTP_OK);
  fake_bytes_clear(&out);
  return request;
}

/* 0x88: ":status: 200"; 0x08: ":status" with a value; 0x00: both given. */
static const struct {
  const char *block;
  size_t len;
} malformed[] = {
    {"\x08\x03"
     "101",
     5}, /* RFC 9113, section 8.6 */
    {"\x08\x02"
     "20",
     4}, /* not three digits */
    {"\x08\x03"
     "abc",
     5}, /* no digits */
    {"\x08\x03"
     "099",
     5}, /* below 100 */
    {"\x0f\x0d\x01"
     "5",
     4},             /* no :status */
    {"\x88\x88", 2}, /* two of them */
    {"\x88\x00\x01"
     "A"
     "\x01"
     "b",
     6}, /* upper case */
    {"\x88\x00\x01"
     "a"
     "\x01\x0d",
     6}, /* CR in a value */
    {"\x88\x00\x01"
     "a"
     "\x01\x00",
     6}, /* NUL in a value */
    {"\x88\x00\x02"
     "a "
     "\x01"
     "b",
     7}, /* blank in a name */
    {"\x88\x00\x0a"
     "connection"
     "\x05"
     "close",
     19},
    {"\x00\x01"
     "a"
     "\x01"
     "b"
     "\x88",
     6},             /* :status comes late */
    {"\x88\x82", 2}, /* :method in a response */
    {"\x88\x0f\x0d\x02"
     "-5",
     6}, /* Content-Length: -5 */
    {"\x88\x0f\x0d\x01"
     "5"
     "\x0f\x0d\x01"
     "6",
     9}, /* two lengths */
};

static void stream_fails_a_malformed_head(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
    h2_client *client = h2_client_new(NULL);
    h2_request *request =
        request_with_block(client, malformed[i].block, malformed[i].len, true);
    assert_string_equal(request->log.data, "failed:EPROTO");
    assert_false(request->is_refused);
    assert_int_equal(h2_client_error(client), AHTTP_OK);
    h2_request_free(request);
    h2_client_free(client);
  }
}

static void stream_trims_values(void **state)
{
  (void)state;
  h2_client *client = h2_client_new(NULL);
  h2_request *request = request_with_block(client,
                                           "\x88\x00\x01"
                                           "a"
                                           "\x05"
                                           "  b \t",
                                           10, true);
  assert_string_equal(request->log.data, "200 end");
  assert_field(&request->response.fields, "a", "b");
  h2_request_free(request);
  h2_client_free(client);
}

/* A request, its content still on the way if |uploads|, that is answered with
 * "Content-Length: 5" and |len| bytes. */
static h2_request *request_answered_with(h2_client *client, bool uploads,
                                         size_t len)
{
  h2_request *request = h2_request_new(client, "PUT", "/");
  if (uploads) {
    h2_request_set_content(request, "content", 7);
    request->content_ready = 3;
  }
  h2_request_submit(request);
  h2_client_pump(client);
  h2_peer_stream *stream = h2_peer_request(client->peer, 0);
  h2_peer_send_head(client->peer, stream, 200, "content-length: 5\n", false);
  h2_peer_send_body(stream, len, true);
  h2_client_pump(client);
  return request;
}

static void stream_tells_content_that_ends_too_early(void **state)
{
  (void)state;
  static const struct {
    bool uploads;
    size_t len;
    const char *text;
  } rows[] = {
      {false, 0, "the response ended after 0 of 5 bytes of content"},
      {false, 4, "the response ended after 4 of 5 bytes of content"},
      {true, 0, "the response ended after 0 of 5 bytes of content"},
      {true, 4, "the response ended after 4 of 5 bytes of content"},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    h2_client *client = client_greeted(0);
    h2_request *request =
        request_answered_with(client, rows[i].uploads, rows[i].len);
    assert_int_equal(request->error.code, AHTTP_ETRUNCATED);
    assert_string_equal(request->error.text, rows[i].text);
    assert_int_equal(h2_client_error(client), AHTTP_OK);
    h2_request_free(request);
    h2_client_free(client);
  }
}

static void stream_fails_content_longer_than_announced(void **state)
{
  (void)state;
  for (int uploads = 0; uploads < 2; uploads++) {
    h2_client *client = client_greeted(0);
    h2_request *request = request_answered_with(client, uploads != 0, 6);
    assert_int_equal(request->error.code, AHTTP_EPROTO);
    assert_non_null(strstr(request->error.text, "Content-Length"));
    assert_int_equal(h2_client_error(client), AHTTP_OK);
    h2_request_free(request);
    h2_client_free(client);
  }
}

/* The end of the stream is in sight and most of the content is there when it
 * turns out to be too long. */
static void
stream_fails_content_that_grows_too_long_in_its_last_frame(void **state)
{
  (void)state;
  h2_client *client = client_greeted(0);
  h2_request *request = h2_request_start(client);
  h2_client_pump(client);
  fake_bytes in = {.data = NULL};
  h2_peer_frame(&in, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1,
                "\x88\x5c\x01"
                "5",
                4);
  h2_peer_frame(&in, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, "sixsix", 6);
  (void)h2_client_feed(client, in.data, in.len - 2);
  assert_int_equal(request->body.len, 4);
  (void)h2_client_feed(client, in.data + in.len - 2, 2);
  fake_bytes_clear(&in);
  h2_client_pump(client);
  assert_int_equal(request->error.code, AHTTP_EPROTO);
  h2_request_free(request);
  h2_client_free(client);
}

static void stream_knows_responses_without_content(void **state)
{
  (void)state;
  static const struct {
    const char *method;
    int status;
  } rows[] = {{"HEAD", 200}, {"GET", 204}, {"GET", 304}};
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    h2_client *client = client_greeted(0);
    h2_request *request = h2_request_new(client, rows[i].method, "/");
    h2_request_submit(request);
    h2_client_pump(client);
    h2_peer_stream *stream = h2_peer_request(client->peer, 0);
    h2_peer_send_head(client->peer, stream, rows[i].status,
                      rows[i].status == 204 ? NULL : "content-length: 1000\n",
                      true);
    h2_client_pump(client);
    char want[16];
    (void)snprintf(want, sizeof(want), "%d end", rows[i].status);
    assert_string_equal(request->log.data, want);
    h2_request_free(request);
    h2_client_free(client);
  }
}

static void stream_fails_content_where_none_may_be(void **state)
{
  (void)state;
  static const struct {
    const char *method;
    int status;
    const char *fields;
  } rows[] = {{"GET", 204, NULL},
              {"GET", 304, NULL},
              {"GET", 304, "content-length: 9\n"},
              {"HEAD", 200, "content-length: 9\n"}};
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    h2_client *client = client_greeted(0);
    h2_request *request = h2_request_new(client, rows[i].method, "/");
    h2_request_submit(request);
    h2_client_pump(client);
    h2_peer_stream *stream = h2_peer_request(client->peer, 0);
    h2_peer_send_head(client->peer, stream, rows[i].status, rows[i].fields,
                      false);
    h2_peer_send_body(stream, 5, true);
    h2_client_pump(client);
    assert_int_equal(request->error.code, AHTTP_EPROTO);
    h2_request_free(request);
    h2_client_free(client);
  }
}

static void stream_tells_resets_by_name(void **state)
{
  (void)state;
  static const struct {
    uint32_t code;
    const char *name;
    bool is_refused;
  } rows[] = {
      {NGHTTP2_NO_ERROR, "NO_ERROR", false},
      {NGHTTP2_INTERNAL_ERROR, "INTERNAL_ERROR", false},
      {NGHTTP2_REFUSED_STREAM, "REFUSED_STREAM", true},
      {NGHTTP2_CANCEL, "CANCEL", false},
      {NGHTTP2_ENHANCE_YOUR_CALM, "ENHANCE_YOUR_CALM", false},
      {NGHTTP2_HTTP_1_1_REQUIRED, "HTTP_1_1_REQUIRED", false},
      {0x1234, "unknown", false},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    h2_client *client = client_greeted(0);
    h2_request *request = h2_request_start(client);
    h2_request *other = h2_request_start(client);
    h2_client_pump(client);
    h2_peer_reset(client->peer, h2_peer_request(client->peer, 0), rows[i].code);
    h2_client_pump(client);
    assert_string_equal(request->log.data, "failed:ESTREAM");
    assert_non_null(strstr(request->error.text, rows[i].name));
    assert_int_equal(request->error.domain, AHTTP_DOMAIN_H2);
    assert_int_equal(request->error.native, rows[i].code);
    assert_int_equal(request->is_refused, rows[i].is_refused);
    h2_peer_respond(client->peer, h2_peer_request(client->peer, 1), 5);
    h2_client_pump(client);
    assert_string_equal(other->log.data, "200 body end");
    h2_request_free(request);
    h2_request_free(other);
    h2_client_free(client);
  }
}

static void stream_fails_what_is_past_a_goaway_as_refused(void **state)
{
  (void)state;
  h2_client *client = client_greeted(0);
  h2_request *first = h2_request_start(client);
  h2_request *second = h2_request_start(client);
  h2_client_pump(client);
  h2_peer_goaway(client->peer, 1, NGHTTP2_ENHANCE_YOUR_CALM);
  h2_client_pump(client);
  assert_string_equal(client->log.data, "settings goaway:11");
  assert_string_equal(second->log.data, "failed:EGOAWAY");
  assert_true(second->is_refused);
  assert_non_null(strstr(second->error.text, "ENHANCE_YOUR_CALM"));
  h2_request *third = h2_request_new(client, "GET", "/");
  assert_int_equal(ah_h2_session_submit(client->session, &third->stream,
                                        &third->head, false),
                   AHTTP_ESTATE);
  h2_peer_respond(client->peer, h2_peer_request(client->peer, 0), 5);
  h2_client_pump(client);
  assert_string_equal(first->log.data, "200 body end");
  h2_request_free(first);
  h2_request_free(second);
  h2_request_free(third);
  h2_client_free(client);
}

static void stream_lets_streams_finish_after_a_notice(void **state)
{
  (void)state;
  h2_client *client = client_greeted(0);
  h2_request *request = h2_request_start(client);
  h2_client_pump(client);
  assert_int_equal(nghttp2_submit_shutdown_notice(client->peer->session), 0);
  h2_client_pump(client);
  assert_string_equal(client->log.data, "settings goaway:0");
  h2_peer_respond(client->peer, h2_peer_request(client->peer, 0), 5);
  h2_client_pump(client);
  assert_string_equal(request->log.data, "200 body end");
  h2_request_free(request);
  h2_client_free(client);
}

static void stream_does_not_send_what_was_queued_before_a_goaway(void **state)
{
  (void)state;
  h2_client *client = client_greeted(0);
  h2_request *request = h2_request_start(client);
  h2_peer_goaway(client->peer, 0, NGHTTP2_NO_ERROR);
  h2_peer_say(client->peer);
  assert_int_equal(
      h2_client_feed(client, client->peer->out.data, client->peer->out.len),
      AHTTP_OK);
  fake_bytes_drop(&client->peer->out, client->peer->out.len);
  h2_client_pump(client);
  assert_string_equal(request->log.data, "failed:EGOAWAY");
  assert_true(request->is_refused);
  assert_int_equal(client->peer->stream_count, 0);
  h2_request_free(request);
  h2_client_free(client);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(stream_fails_a_malformed_head),
      cmocka_unit_test(stream_trims_values),
      cmocka_unit_test(stream_tells_content_that_ends_too_early),
      cmocka_unit_test(stream_fails_content_longer_than_announced),
      cmocka_unit_test(
          stream_fails_content_that_grows_too_long_in_its_last_frame),
      cmocka_unit_test(stream_knows_responses_without_content),
      cmocka_unit_test(stream_fails_content_where_none_may_be),
      cmocka_unit_test(stream_tells_resets_by_name),
      cmocka_unit_test(stream_fails_what_is_past_a_goaway_as_refused),
      cmocka_unit_test(stream_lets_streams_finish_after_a_notice),
      cmocka_unit_test(stream_does_not_send_what_was_queued_before_a_goaway),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
