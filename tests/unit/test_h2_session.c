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
#include "support/test_alloc.h"

enum {
  MIB = 1024 * 1024
};

/* A client and a peer that have greeted each other. */
static h2_client *client_greeted(uint32_t streams_max)
{
  h2_client *client = h2_client_new(h2_peer_new(streams_max, 0, true));
  h2_client_pump(client);
  return client;
}

static void assert_body_is(const fake_bytes *body, size_t len)
{
  assert_int_equal(body->len, len);
  for (size_t i = 0; i < len; i++) {
    assert_int_equal((uint8_t)body->data[i], h2_peer_byte(i));
  }
}

static void assert_field(const ahttp_fields *fields, const char *name,
                         const char *want)
{
  ahttp_str value;
  assert_true(ahttp_fields_get(fields, name, &value));
  assert_text(value, want);
}

static void session_greets_with_its_settings_and_window(void **state)
{
  (void)state;
  h2_client *client = h2_client_new(h2_peer_new(0, 0, true));
  fake_bytes out = {.data = NULL};
  assert_int_equal(h2_client_drain(client, &out), AHTTP_OK);
  assert_memory_equal(out.data, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
  h2_peer *peer = client->peer;
  h2_peer_take(peer, out.data, out.len);
  assert_int_equal(peer->settings[NGHTTP2_SETTINGS_ENABLE_PUSH], 0);
  assert_int_equal(peer->settings[NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE], MIB);
  assert_int_equal(peer->settings[NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE],
                   64 * 1024);
  assert_int_equal(peer->settings[NGHTTP2_SETTINGS_HEADER_TABLE_SIZE], 4096);
  assert_int_equal(peer->connection_credit, 16 * MIB - 65535);
  fake_bytes_clear(&out);
  h2_client_free(client);
}

static void session_learns_the_limit_of_streams(void **state)
{
  (void)state;
  h2_client *client = h2_client_new(h2_peer_new(7, 0, true));
  assert_int_equal(ah_h2_session_streams_max(client->session), 100);
  h2_client_pump(client);
  assert_string_equal(client->log.data, "settings");
  assert_int_equal(ah_h2_session_streams_max(client->session), 7);
  h2_peer_limit(client->peer, 0);
  h2_client_pump(client);
  assert_int_equal(ah_h2_session_streams_max(client->session), 0);
  h2_client_free(client);
}

static void session_waits_for_content_that_is_late(void **state)
{
  (void)state;
  h2_client *client = client_greeted(0);
  h2_request *request = h2_request_new(client, "POST", "/");
  h2_request_set_content(request, "late content", 12);
  request->content_ready = 4;
  h2_request_submit(request);
  h2_client_pump(client);
  h2_peer_stream *stream = h2_peer_request(client->peer, 0);
  assert_string_equal(stream->content.data, "late");
  assert_false(stream->is_received);
  assert_false(ah_h2_session_wants_drain(client->session));
  request->content_ready = 12;
  ah_h2_session_resume(client->session, &request->stream);
  h2_client_pump(client);
  assert_string_equal(stream->content.data, "late content");
  assert_true(stream->is_received);
  h2_request_free(request);
  h2_client_free(client);
}

static void session_resets_a_stream_whose_content_fails(void **state)
{
  (void)state;
  h2_client *client = client_greeted(0);
  h2_request *request = h2_request_new(client, "POST", "/");
  h2_request_set_content(request, "x", 1);
  request->content_error = AHTTP_EBODY;
  h2_request_submit(request);
  h2_client_pump(client);
  h2_peer_stream *stream = h2_peer_request(client->peer, 0);
  assert_true(stream->is_reset);
  assert_int_equal(stream->reset_code, AH_H2_CANCEL);
  assert_string_equal(request->log.data, "");
  assert_int_equal(h2_client_error(client), AHTTP_OK);
  h2_request_free(request);
  h2_client_free(client);
}

static void session_uploads_more_than_the_windows(void **state)
{
  (void)state;
  size_t len = 3 * MIB;
  char *content = malloc(len);
  assert_non_null(content);
  memset(content, 'u', len);
  h2_client *client = client_greeted(0);
  h2_request *request = h2_request_new(client, "PUT", "/");
  h2_request_set_content(request, content, len);
  h2_request_submit(request);
  h2_client_pump(client);
  h2_peer_stream *stream = h2_peer_request(client->peer, 0);
  assert_int_equal(stream->content.len, len);
  assert_true(stream->is_received);
  h2_peer_respond(client->peer, stream, 2);
  h2_client_pump(client);
  assert_string_equal(request->log.data, "200 body end");
  free(content);
  h2_request_free(request);
  h2_client_free(client);
}

static void session_reads_a_response(void **state)
{
  (void)state;
  h2_client *client = client_greeted(0);
  h2_request *request = h2_request_start(client);
  h2_client_pump(client);
  h2_peer_stream *stream = h2_peer_request(client->peer, 0);
  h2_peer_send_head(client->peer, stream, 200,
                    "content-type: text/plain\nx-own:  padded \nserver: s\n",
                    false);
  h2_peer_send_body(stream, 100000, true);
  h2_client_pump(client);
  assert_string_equal(request->log.data, "200 body end");
  assert_body_is(&request->body, 100000);
  assert_int_equal(request->response.status, 200);
  assert_int_equal(request->response.reason.len, 0);
  assert_int_equal(ahttp_fields_count(&request->response.fields), 3);
  assert_field(&request->response.fields, "Content-Type", "text/plain");
  assert_field(&request->response.fields, "X-Own", "padded");
  const ah_field *server =
      ah_fields_find(&request->response.fields, AH_FIELD_SERVER);
  assert_true(server != NULL && server->value.ptr[server->value.len] == '\0');
  assert_true(request->stream.head_wire_bytes > 9);
  assert_true(request->stream.is_received);
  h2_request_free(request);
  h2_client_free(client);
}

static void session_reads_100_responses_at_once(void **state)
{
  (void)state;
  h2_request *requests[100];
  h2_client *client = client_greeted(100);
  for (size_t i = 0; i < 100; i++) {
    requests[i] = h2_request_start(client);
  }
  h2_client_pump(client);
  for (size_t i = 0; i < 100; i++) {
    h2_peer_stream *stream = h2_peer_request(client->peer, 99 - i);
    h2_peer_respond(client->peer, stream, i * 331);
  }
  h2_client_pump(client);
  for (size_t i = 0; i < 100; i++) {
    assert_string_equal(requests[i]->log.data,
                        i == 99 ? "200 end" : "200 body end");
    assert_body_is(&requests[i]->body, (99 - i) * 331);
    assert_int_equal(requests[i]->stream.id, 0);
    h2_request_free(requests[i]);
  }
  h2_client_free(client);
}

static void session_tells_interim_responses(void **state)
{
  (void)state;
  h2_client *client = client_greeted(0);
  h2_request *request = h2_request_start(client);
  h2_client_pump(client);
  h2_peer_stream *stream = h2_peer_request(client->peer, 0);
  h2_peer_send_head(client->peer, stream, 103, "link: </a>\n", false);
  h2_peer_send_head(client->peer, stream, 100, NULL, false);
  h2_client_pump(client);
  h2_peer_respond(client->peer, stream, 3);
  h2_client_pump(client);
  assert_string_equal(request->log.data, "103 100 200 body end");
  h2_request_free(request);
  h2_client_free(client);
}

static void session_limits_interim_responses(void **state)
{
  (void)state;
  h2_client *client = client_greeted(0);
  h2_request *request = h2_request_start(client);
  h2_client_pump(client);
  h2_peer_stream *stream = h2_peer_request(client->peer, 0);
  for (unsigned i = 0; i < AH_H2_INTERIM_MAX + 1; i++) {
    h2_peer_send_head(client->peer, stream, 103, NULL, false);
    h2_client_pump(client);
  }
  assert_int_equal(request->error.code, AHTTP_ELIMIT);
  assert_true(stream->is_reset);
  assert_int_equal(h2_client_error(client), AHTTP_OK);
  h2_request_free(request);
  h2_client_free(client);
}

static void session_counts_interim_fields_with_the_final_ones(void **state)
{
  (void)state;
  char *line = calloc(1, 10100);
  assert_non_null(line);
  memcpy(line, "x-fat: ", 7);
  memset(line + 7, 'f', 10000);
  memcpy(line + 10007, "\n", 2);
  h2_client *client = client_greeted(0);
  h2_request *request = h2_request_start(client);
  h2_client_pump(client);
  h2_peer_stream *stream = h2_peer_request(client->peer, 0);
  for (unsigned i = 0; i < 6; i++) {
    h2_peer_send_head(client->peer, stream, 103, line, false);
  }
  h2_client_pump(client);
  assert_string_equal(request->log.data, "103 103 103 103 103 103");
  h2_peer_send_head(client->peer, stream, 200, line, true);
  h2_client_pump(client);
  assert_int_equal(request->error.code, AHTTP_ELIMIT);
  free(line);
  h2_request_free(request);
  h2_client_free(client);
}

static void session_reads_trailers_and_drops_forbidden_ones(void **state)
{
  (void)state;
  h2_client *client = client_greeted(0);
  h2_request *request = h2_request_start(client);
  h2_client_pump(client);
  h2_peer_stream *stream = h2_peer_request(client->peer, 0);
  h2_peer_send_head(client->peer, stream, 200, NULL, false);
  h2_peer_send_body_and_trailers(stream, 10);
  h2_client_pump(client);
  assert_string_equal(request->log.data, "200 body trailers end");
  assert_int_equal(ahttp_fields_count(&request->trailers), 1);
  assert_field(&request->trailers, "x-end", "yes");
  h2_request_free(request);
  h2_client_free(client);
}

static void session_swallows_what_was_reset_before_it_was_sent(void **state)
{
  (void)state;
  h2_client *client = client_greeted(0);
  h2_request *request = h2_request_start(client);
  assert_false(
      ah_h2_session_reset(client->session, &request->stream, AH_H2_CANCEL));
  h2_client_pump(client);
  assert_int_equal(client->peer->stream_count, 0);
  assert_string_equal(request->log.data, "");
  h2_request_free(request);
  h2_client_free(client);
}

static void session_is_silent_about_what_was_reset(void **state)
{
  (void)state;
  h2_client *client = client_greeted(0);
  h2_request *request = h2_request_start(client);
  h2_client_pump(client);
  h2_peer_stream *stream = h2_peer_request(client->peer, 0);
  h2_peer_respond(client->peer, stream, 1000);
  assert_true(
      ah_h2_session_reset(client->session, &request->stream, AH_H2_CANCEL));
  /* The request's memory may go at once. */
  h2_request_free(request);
  h2_client_pump(client);
  assert_true(stream->is_reset);
  assert_int_equal(stream->reset_code, AH_H2_CANCEL);
  h2_client_free(client);
}

static void reset_on(h2_request *request, const char *word)
{
  if (strcmp(word, request->content == NULL ? "" : request->content) == 0) {
    (void)ah_h2_session_reset(request->client->session, &request->stream,
                              AH_H2_CANCEL);
  }
}

static void session_may_be_told_to_reset_within_every_event(void **state)
{
  (void)state;
  static const char *const words[] = {"103", "200", "body", "trailers", "end"};
  static const char *const logs[] = {"103", "103 200", "103 200 body",
                                     "103 200 body trailers",
                                     "103 200 body trailers end"};
  for (size_t i = 0; i < 5; i++) {
    h2_client *client = client_greeted(0);
    h2_request *request = h2_request_start(client);
    request->content = words[i];
    request->on_event = reset_on;
    h2_client_pump(client);
    h2_peer_stream *stream = h2_peer_request(client->peer, 0);
    h2_peer_send_head(client->peer, stream, 103, NULL, false);
    h2_peer_send_head(client->peer, stream, 200, NULL, false);
    h2_peer_send_body_and_trailers(stream, 50000);
    h2_client_pump(client);
    assert_string_equal(request->log.data, logs[i]);
    assert_int_equal(request->stream.id, 0);
    h2_request_free(request);
    h2_client_free(client);
  }
}

static void shut_down(h2_request *request, const char *word)
{
  (void)word;
  ah_h2_session_shutdown(request->client->session, AH_H2_NO_ERROR);
}

static void session_is_silent_once_shut_down(void **state)
{
  (void)state;
  h2_client *client = client_greeted(0);
  h2_request *request = h2_request_start(client);
  h2_request *other = h2_request_start(client);
  request->on_event = shut_down;
  h2_client_pump(client);
  h2_peer_respond(client->peer, h2_peer_request(client->peer, 0), 10);
  h2_peer_respond(client->peer, h2_peer_request(client->peer, 1), 10);
  h2_client_pump(client);
  assert_string_equal(request->log.data, "200");
  assert_string_equal(other->log.data, "");
  assert_int_equal(client->peer->goaways, 1);
  assert_int_equal(client->peer->goaway_code, 0);
  h2_request_free(request);
  h2_request_free(other);
  h2_client_free(client);
}

static void session_answers_pings_and_hears_answers(void **state)
{
  (void)state;
  h2_client *client = client_greeted(0);
  ah_h2_session_ping(client->session, 0x0102030405060708);
  assert_int_equal(nghttp2_submit_ping(client->peer->session, 0, NULL), 0);
  h2_client_pump(client);
  assert_string_equal(client->log.data, "settings pong:72623859790382856");
  assert_int_equal(client->peer->pings, 1);
  assert_int_equal(client->peer->pongs, 1);
  assert_int_equal(client->peer->settings_acks, 1);
  h2_client_free(client);
}

static void session_bounds_what_is_not_consumed_by_the_window(void **state)
{
  (void)state;
  h2_client *client = client_greeted(0);
  h2_request *slow = h2_request_new(client, "GET", "/slow");
  slow->keeps = true;
  h2_request_submit(slow);
  h2_request *fast = h2_request_start(client);
  h2_client_pump(client);
  h2_peer_respond(client->peer, h2_peer_request(client->peer, 0), 3 * MIB);
  h2_peer_respond(client->peer, h2_peer_request(client->peer, 1), 18 * MIB);
  h2_client_pump(client);
  /* The neighbour got past both windows, the larger of which is 16 MiB. */
  assert_string_equal(fast->log.data, "200 body end");
  assert_int_equal(fast->body.len, 18 * MIB);
  assert_int_equal(slow->body.len, MIB);
  assert_int_equal(client->peer->stream_credit % (MIB / 2), 0);
  unsigned updates = client->peer->window_updates;
  assert_in_range(updates, 30, 36); /* in batches of half a window */

  ah_h2_session_consume(client->session, &slow->stream, MIB / 2 - 1);
  h2_client_pump(client);
  assert_int_equal(slow->body.len, MIB);
  ah_h2_session_consume(client->session, &slow->stream, 1);
  h2_client_pump(client);
  assert_int_equal(slow->body.len, MIB + MIB / 2);
  slow->keeps = false;
  ah_h2_session_consume(client->session, &slow->stream, MIB);
  h2_client_pump(client);
  assert_string_equal(slow->log.data, "200 body end");
  assert_body_is(&slow->body, 3 * MIB);
  h2_request_free(slow);
  h2_request_free(fast);
  h2_client_free(client);
}

/* What is drained after more than half a window was consumed, the end of it in
 * the middle of a frame with |flags|. */
static size_t drained_within_frame(uint8_t flags)
{
  enum {
    FRAME_BYTES = 16384,
    FRAMES = AH_H2_STREAM_WINDOW_BYTES / 2 / FRAME_BYTES
  };
  static const uint8_t zeros[FRAME_BYTES];
  h2_fixture fix = h2_fixture_new();
  fix.request->keeps = true;
  h2_peer_frame(&fix.in, NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, "", 0);
  h2_peer_frame(&fix.in, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, "\x88",
                1);
  for (int i = 0; i < FRAMES; i++) {
    h2_peer_frame(&fix.in, NGHTTP2_DATA, 0, 1, zeros, FRAME_BYTES);
  }
  h2_peer_frame(&fix.in, NGHTTP2_DATA, flags, 1, zeros, FRAME_BYTES);
  fix.in.len -= FRAME_BYTES / 2;
  assert_int_equal(h2_fixture_feed(&fix), AHTTP_OK);
  assert_string_equal(fix.request->log.data, "200 body");
  fake_bytes out = {.data = NULL};
  ah_h2_session_consume(fix.client->session, &fix.request->stream,
                        fix.request->body.len);
  assert_int_equal(h2_client_drain(fix.client, &out), AHTTP_OK);
  size_t len = out.len;
  fake_bytes_clear(&out);
  h2_fixture_free(&fix);
  return len;
}

static void session_grants_nothing_more_within_the_last_frame(void **state)
{
  (void)state;
  assert_int_equal(drained_within_frame(0), 13); /* a WINDOW_UPDATE */
  assert_int_equal(drained_within_frame(NGHTTP2_FLAG_END_STREAM), 0);
}

/* What the server has sent, on any stream, comes back as connection credit
 * within half a window. */
static void session_credits_the_connection_for_everything(void **state)
{
  (void)state;
  h2_client *client = client_greeted(0);
  h2_peer *peer = client->peer;
  uint64_t sent = 0;
  for (size_t i = 0; i < 80; i++) {
    h2_request *request = h2_request_start(client);
    request->keeps = true;
    h2_client_pump(client);
    h2_peer_stream *stream = h2_peer_request(peer, i);
    h2_peer_send_head(peer, stream, 200, NULL, false);
    h2_peer_send_body(stream, MIB, false);
    h2_peer_say(peer); /* on its way when the client resets */
    if (i % 2 == 0) {
      (void)ah_h2_session_reset(client->session, &request->stream,
                                AH_H2_CANCEL);
    }
    h2_client_pump(client);
    sent += stream->offset;
    if (i % 2 == 1) {
      (void)ah_h2_session_reset(client->session, &request->stream,
                                AH_H2_CANCEL);
    }
    h2_client_pump(client);
    h2_request_free(request);
  }
  assert_true(sent >= 40 * (uint64_t)MIB);
  assert_in_range(peer->connection_credit, sent + 8 * MIB - 65535,
                  sent + 16 * MIB);
  assert_int_equal(h2_client_error(client), AHTTP_OK);
  h2_client_free(client);
}

static void session_says_when_the_server_speaks_http1(void **state)
{
  (void)state;
  h2_client *client = h2_client_new(NULL);
  const char *text = "HTTP/1.1 400 Bad Request\r\n\r\n";
  assert_int_equal(h2_client_feed(client, text, strlen(text)), AHTTP_EPROTO);
  assert_non_null(strstr(ah_h2_session_error(client->session)->text, "HTTP/1"));
  h2_client_free(client);
}

static void session_fails_when_the_first_frame_is_not_settings(void **state)
{
  (void)state;
  h2_client *client = h2_client_new(NULL);
  fake_bytes bytes = {.data = NULL};
  h2_peer_frame(&bytes, NGHTTP2_PING, 0, 0, "12345678", 8);
  (void)h2_client_feed(client, bytes.data, bytes.len);
  fake_bytes_clear(&bytes);
  assert_int_equal(h2_client_drain(client, &bytes), AHTTP_OK);
  const ahttp_error *err = ah_h2_session_error(client->session);
  assert_non_null(err);
  assert_int_equal(err->code, AHTTP_EPROTO);
  assert_non_null(strstr(err->text, "PROTOCOL_ERROR"));
  assert_int_equal(err->native, AH_H2_PROTOCOL_ERROR);
  fake_bytes_clear(&bytes);
  h2_client_free(client);
}

static void session_drains_into_any_room(void **state)
{
  (void)state;
  static const size_t rooms[] = {1, 2, 9, 10, 100, 16384, 16393, 70000};
  fake_bytes want = {.data = NULL};
  for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
    h2_client *client = h2_client_new(NULL);
    client->room = rooms[i];
    h2_request *request = h2_request_new(client, "POST", "/");
    char content[40000];
    memset(content, 'x', sizeof(content));
    h2_request_set_content(request, content, sizeof(content));
    h2_request_submit(request);
    fake_bytes out = {.data = NULL};
    assert_int_equal(h2_client_drain(client, &out), AHTTP_OK);
    assert_false(ah_h2_session_wants_drain(client->session));
    if (i == 0) {
      want = out;
    } else {
      assert_int_equal(out.len, want.len);
      assert_memory_equal(out.data, want.data, want.len);
      fake_bytes_clear(&out);
    }
    h2_request_free(request);
    h2_client_free(client);
  }
  fake_bytes_clear(&want);
}

static void session_runs_out_of_streams(void **state)
{
  (void)state;
  h2_client *client = client_greeted(0);
  h2_client_skip_to(0x7fffffff);
  h2_request *last = h2_request_start(client);
  assert_int_equal(last->stream.id, 0x7fffffff);
  h2_request *next = h2_request_new(client, "GET", "/");
  assert_int_equal(
      ah_h2_session_submit(client->session, &next->stream, &next->head, false),
      AHTTP_ESTATE);
  h2_client_pump(client);
  h2_peer_respond(client->peer, h2_peer_request(client->peer, 0), 5);
  h2_client_pump(client);
  assert_string_equal(last->log.data, "200 body end");
  h2_request_free(next);
  h2_request_free(last);
  h2_client_free(client);
}

/* A conversation with all there is: settings, an interim response, fields of
 * all HPACK kinds, content in several frames, trailers, a reset, a PING, a
 * GOAWAY.  Returns what the server said, for two requests that the client sent
 * at once. */
static fake_bytes conversation_record(void)
{
  h2_client *client = h2_client_new(h2_peer_new(50, 0, true));
  h2_request *first = h2_request_start(client);
  h2_request *second = h2_request_start(client);
  fake_bytes out = {.data = NULL};
  assert_int_equal(h2_client_drain(client, &out), AHTTP_OK);
  h2_peer *peer = client->peer;
  h2_peer_take(peer, out.data, out.len);
  fake_bytes_clear(&out);
  h2_peer_stream *stream = h2_peer_request(peer, 0);
  h2_peer_send_head(peer, stream, 103, "link: </style.css>\n", false);
  h2_peer_send_head(peer, stream, 200,
                    "server: peer\nx-long: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"
                    "set-cookie: a=b\nset-cookie: c=d\n",
                    false);
  h2_peer_send_body_and_trailers(stream, 700);
  assert_int_equal(nghttp2_submit_ping(peer->session, 0, NULL), 0);
  h2_peer_say(peer);
  h2_peer_reset(peer, h2_peer_request(peer, 1), NGHTTP2_CANCEL);
  h2_peer_say(peer);
  h2_peer_goaway(peer, 3, NGHTTP2_NO_ERROR);
  h2_peer_say(peer);
  fake_bytes said = peer->out;
  peer->out = (fake_bytes){.data = NULL};
  h2_request_free(first);
  h2_request_free(second);
  h2_client_free(client);
  return said;
}

typedef struct replay {
  h2_client *client;
  h2_request *first;
  h2_request *second;
} replay;

static replay replay_start(void)
{
  h2_client *client = h2_client_new(NULL);
  replay run = {
      .client = client,
      .first = h2_request_start(client),
      .second = h2_request_start(client),
  };
  fake_bytes out = {.data = NULL};
  assert_int_equal(h2_client_drain(client, &out), AHTTP_OK);
  fake_bytes_clear(&out);
  return run;
}

static void replay_stop(replay *run)
{
  h2_request_free(run->first);
  h2_request_free(run->second);
  h2_client_free(run->client);
}

static void replay_check(const replay *run)
{
  assert_string_equal(run->first->log.data, "103 200 body trailers end");
  assert_body_is(&run->first->body, 700);
  assert_int_equal(ahttp_fields_count(&run->first->response.fields), 4);
  assert_field(&run->first->response.fields, "set-cookie", "a=b");
  assert_string_equal(run->second->log.data, "failed:ESTREAM");
  assert_string_equal(run->client->log.data, "settings goaway:0");
}

static void session_reads_the_same_however_it_is_split(void **state)
{
  (void)state;
  fake_bytes said = conversation_record();
  for (size_t at = 0; at <= said.len; at++) {
    replay run = replay_start();
    assert_int_equal(h2_client_feed(run.client, said.data, at), AHTTP_OK);
    assert_int_equal(h2_client_feed(run.client, said.data + at, said.len - at),
                     AHTTP_OK);
    replay_check(&run);
    replay_stop(&run);
  }
  replay run = replay_start();
  for (size_t at = 0; at < said.len; at++) {
    assert_int_equal(h2_client_feed(run.client, said.data + at, 1), AHTTP_OK);
  }
  replay_check(&run);
  replay_stop(&run);
  fake_bytes_clear(&said);
}

static void session_may_be_freed_after_any_byte(void **state)
{
  (void)state;
  fake_bytes said = conversation_record();
  for (size_t at = 0; at <= said.len; at++) {
    replay run = replay_start();
    assert_int_equal(h2_client_feed(run.client, said.data, at), AHTTP_OK);
    replay_stop(&run);
  }
  fake_bytes_clear(&said);
}

/* Both requests, and the server's answers; the code of what went wrong. */
static int run_conversation(void *arg)
{
  const fake_bytes *said = arg;
  h2_client *client;
  int rv = h2_client_try_new(&client, NULL);
  if (rv != AHTTP_OK) {
    return rv;
  }
  fake_bytes out = {.data = NULL};
  h2_request *requests[2] = {h2_request_new_plain(client),
                             h2_request_new_plain(client)};
  for (size_t i = 0; i < 2 && rv == AHTTP_OK; i++) {
    rv = ah_h2_session_submit(client->session, &requests[i]->stream,
                              &requests[i]->head, false);
  }
  if (rv == AHTTP_OK) {
    rv = h2_client_drain(client, &out);
  }
  if (rv == AHTTP_OK) {
    rv = h2_client_feed(client, said->data, said->len);
  }
  if (rv == AHTTP_OK) {
    rv = h2_client_drain(client, &out);
  }
  if (rv == AHTTP_OK) {
    rv = requests[0]->error.code;
  }
  fake_bytes_clear(&out);
  h2_request_free(requests[0]);
  h2_request_free(requests[1]);
  h2_client_free(client);
  return rv;
}

static void session_survives_every_failed_allocation(void **state)
{
  (void)state;
  fake_bytes said = conversation_record();
  test_alloc_fail_each(run_conversation, &said);
  fake_bytes_clear(&said);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(session_greets_with_its_settings_and_window),
      cmocka_unit_test(session_learns_the_limit_of_streams),
      cmocka_unit_test(session_waits_for_content_that_is_late),
      cmocka_unit_test(session_resets_a_stream_whose_content_fails),
      cmocka_unit_test(session_uploads_more_than_the_windows),
      cmocka_unit_test(session_reads_a_response),
      cmocka_unit_test(session_reads_100_responses_at_once),
      cmocka_unit_test(session_tells_interim_responses),
      cmocka_unit_test(session_limits_interim_responses),
      cmocka_unit_test(session_counts_interim_fields_with_the_final_ones),
      cmocka_unit_test(session_reads_trailers_and_drops_forbidden_ones),
      cmocka_unit_test(session_swallows_what_was_reset_before_it_was_sent),
      cmocka_unit_test(session_is_silent_about_what_was_reset),
      cmocka_unit_test(session_may_be_told_to_reset_within_every_event),
      cmocka_unit_test(session_is_silent_once_shut_down),
      cmocka_unit_test(session_answers_pings_and_hears_answers),
      cmocka_unit_test(session_bounds_what_is_not_consumed_by_the_window),
      cmocka_unit_test(session_grants_nothing_more_within_the_last_frame),
      cmocka_unit_test(session_credits_the_connection_for_everything),
      cmocka_unit_test(session_says_when_the_server_speaks_http1),
      cmocka_unit_test(session_fails_when_the_first_frame_is_not_settings),
      cmocka_unit_test(session_drains_into_any_room),
      cmocka_unit_test(session_runs_out_of_streams),
      cmocka_unit_test(session_reads_the_same_however_it_is_split),
      cmocka_unit_test(session_may_be_freed_after_any_byte),
      cmocka_unit_test(session_survives_every_failed_allocation),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
