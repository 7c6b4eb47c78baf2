/* SPDX-License-Identifier: MIT */
/* Expect: 100-continue (RFC 9110, section 10.1.1), against a server that does
 * what it is told, and against real ones. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ahttp/ahttp.h>

#include "support/client_run.h"
#include "support/client_turns.h"
#include "support/event_server.h"
#include "support/httpbin.h"
#include "support/listener.h"
#include "support/nginx.h"
#include "support/pattern.h"
#include "support/server_process.h"

enum {
  CONTENT_BYTES = 5,
  SOON_NS = 900000000 /* less than a client waits for a 100, roughly */
};

#define OK_HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

/* What a server says when it has read a head, and when it has read all. */
typedef struct answers {
  const char *to_head; /* NULL: nothing */
  const char *to_all;  /* NULL: the first one was it */
} answers;

typedef struct picky_server {
  answers rounds[2];   /* of the first and of all further connections */
  char heads[2][1024]; /* what came before the answer to the head */
  size_t content_len;  /* what came after it, in all */
} picky_server;

static void picky_serve(listener *from, int fd, unsigned index, void *user_data)
{
  picky_server *server = user_data;
  size_t round = index == 0 ? 0 : 1;
  char *head = server->heads[round];
  const answers *say = &server->rounds[round];
  char content[100];
  size_t len = 0;
  while (strstr(head, "\r\n\r\n") == NULL) {
    size_t got =
        listener_read(from, fd, head + len, sizeof(server->heads[0]) - 1 - len);
    if (got == 0) {
      return;
    }
    len += got;
    head[len] = '\0';
  }
  if (round > 0) {
    server->content_len = strlen(strstr(head, "\r\n\r\n") + 4);
  }
  if (say->to_head != NULL) {
    (void)listener_send(from, fd, say->to_head, strlen(say->to_head));
  }
  while (say->to_all == NULL || server->content_len < CONTENT_BYTES) {
    size_t got = listener_read(from, fd, content, sizeof(content));
    if (got == 0) {
      return;
    }
    server->content_len += got;
  }
  (void)listener_send(from, fd, say->to_all, strlen(say->to_all));
  listener_hold(from);
}

/* What one POST has come to. */
typedef struct outcome {
  picky_server server;
  call_record record;
  unsigned connections;
} outcome;

static ahttp_request *post_new(const char *url, bool is_one_shot, size_t len)
{
  static pattern_source source;
  ahttp_request *request;
  ahttp_content_source content = pattern_content(&source, len, true);
  content.can_rewind = !is_one_shot;
  assert_int_equal(ahttp_request_new(&request, "POST", url), AHTTP_OK);
  assert_int_equal(ahttp_request_set_content_source(request, &content),
                   AHTTP_OK);
  assert_int_equal(ahttp_request_add_field(request, "Expect", "100-Continue"),
                   AHTTP_OK);
  return request;
}

static void post(outcome *out, answers first, answers then, bool is_one_shot)
{
  memset(out, 0, sizeof(*out));
  out->server.rounds[0] = first;
  out->server.rounds[1] = then;
  const listener_opts opts = {.serve = picky_serve, .user_data = &out->server};
  listener *from = listener_start(&opts);
  client_run run;
  client_run_open(&run, NULL);
  ahttp_request *request = post_new(test_url("http", listener_port(from), "/"),
                                    is_one_shot, CONTENT_BYTES);
  client_run_start_request(&run, &out->record, request, NULL);
  ahttp_request_free(request);
  client_run_wait(&run);
  client_run_close(&run);
  out->connections = listener_accepted(from);
  listener_stop(from);
  assert_string_equal(out->record.error.text, "");
}

/* True if nothing came with that head. */
static bool is_alone(const char *head)
{
  return strcmp(strstr(head, "\r\n\r\n"), "\r\n\r\n") == 0;
}

static const answers nothing = {NULL, NULL};

static void content_follows_a_100(void **state)
{
  (void)state;
  static const answers first = {"HTTP/1.1 103 Early Hints\r\n\r\n"
                                "HTTP/1.1 100 Continue\r\n\r\n",
                                OK_HELLO};
  outcome out;
  post(&out, first, nothing, true);
  assert_int_equal(out.record.status, 200);
  assert_int_equal(out.record.informationals, 2);
  assert_int_equal(out.record.uploaded, CONTENT_BYTES);
  assert_true(is_alone(out.server.heads[0]));
  assert_non_null(strstr(out.server.heads[0], "\r\nExpect: 100-Continue\r\n"));
  assert_true(out.record.info.total_ns < SOON_NS);
  call_record_clear(&out.record);
}

static void content_follows_after_a_second(void **state)
{
  (void)state;
  /* An interim response that is none of those asked for changes nothing. */
  static const answers first = {"HTTP/1.1 103 Early Hints\r\n\r\n", OK_HELLO};
  outcome out;
  post(&out, first, nothing, true);
  assert_int_equal(out.record.status, 200);
  assert_int_equal(out.record.uploaded, CONTENT_BYTES);
  assert_true(is_alone(out.server.heads[0]));
  assert_true(out.record.info.total_ns >= SOON_NS);
  call_record_clear(&out.record);
}

/* Whatever it is; and what would have been content is not taken for the next
 * request, CVE-2024-24791: the connection ends. */
static void a_final_response_needs_no_content(void **state)
{
  (void)state;
  static const char *const finals[] = {
      OK_HELLO,
      "HTTP/1.1 413 Content Too Large\r\nContent-Length: 5\r\n\r\nhello",
      "HTTP/1.1 304 Not Modified\r\n\r\n",
      ("HTTP/1.1 401 Unauthorized\r\nContent-Length: 5\r\n"
       "Connection: close\r\n\r\nhello"),
  };
  for (size_t i = 0; i < sizeof(finals) / sizeof(finals[0]); i++) {
    outcome out;
    post(&out, (answers){finals[i], NULL}, nothing, false);
    assert_int_equal(out.record.status, atoi(finals[i] + 9));
    assert_int_equal(out.record.uploaded, 0);
    assert_int_equal(out.server.content_len, 0);
    assert_int_equal(out.connections, 1);
    assert_true(is_alone(out.server.heads[0]));
    assert_true(out.record.info.total_ns < SOON_NS);
    call_record_clear(&out.record);
  }
}

/* Content that can be sent only once was not begun. */
static void a_417_has_it_sent_without_expect(void **state)
{
  (void)state;
  static const answers first = {
      "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno", NULL};
  static const answers then = {NULL, OK_HELLO};
  for (int is_one_shot = 0; is_one_shot < 2; is_one_shot++) {
    outcome out;
    post(&out, first, then, is_one_shot != 0);
    assert_int_equal(out.record.status, 200);
    assert_int_equal(out.record.heads, 1);
    assert_string_equal(out.record.content, "hello");
    assert_int_equal(out.connections, 2);
    assert_non_null(strstr(out.server.heads[0], "\r\nExpect:"));
    assert_true(is_alone(out.server.heads[0]));
    assert_null(strstr(out.server.heads[1], "Expect"));
    assert_true(out.record.info.total_ns < SOON_NS);
    call_record_clear(&out.record);
  }
}

/* --- Who expects. -----------------------------------------------------------
 */

typedef struct wish {
  uint64_t expect_bytes;
  int64_t length;  /* of the content; -1: unknown; -2: there is none */
  bool is_default; /* it is a field of the client's */
  bool is_sent;
} wish;

static void expectation_is_sent_with_much_content_only(void **state)
{
  (void)state;
  static const wish wishes[] = {
      {0, 5, false, false},  {5, 5, false, true},   {6, 5, false, false},
      {6, -1, false, true},  {1, -2, false, false}, {1, 0, false, false},
      {0, -2, true, false},  {0, 0, true, false},   {0, 5, true, true},
      {0, -1, false, false},
  };
  static const ahttp_field fields[] = {{{"Expect", 6}, {"100-continue", 12}}};
  for (size_t i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++) {
    const wish *w = &wishes[i];
    static const ahttp_mock_reply fine = {.size = sizeof(fine)};
    ahttp_mock_opts mock_opts = AHTTP_MOCK_OPTS_INIT;
    ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
    ahttp_client *client;
    ahttp_request *request;
    ahttp_response *response;
    pattern_source source;
    mock_opts.replies = &fine;
    mock_opts.reply_count = 1;
    assert_int_equal(ahttp_mock_new(&opts.transport, &mock_opts), AHTTP_OK);
    opts.expect_bytes = w->expect_bytes;
    opts.fields = fields;
    opts.field_count = w->is_default ? 1 : 0;
    assert_int_equal(ahttp_client_new(&client, &opts), AHTTP_OK);
    assert_int_equal(ahttp_request_new(&request, "PUT", "http://h/"), AHTTP_OK);
    if (w->length > -2) {
      ahttp_content_source content = pattern_content(
          &source, w->length < 0 ? 0 : (uint64_t)w->length, w->length >= 0);
      assert_int_equal(ahttp_request_set_content_source(request, &content),
                       AHTTP_OK);
    }
    assert_int_equal(ahttp_send(client, request, NULL, &response, NULL),
                     AHTTP_OK);
    const ahttp_fields *sent =
        ahttp_mock_request_fields(ahttp_mock_at(opts.transport, 0));
    assert_int_equal(ahttp_fields_get(sent, "expect", NULL), w->is_sent);
    ahttp_response_free(response);
    ahttp_request_free(request);
    ahttp_client_free(client);
    ahttp_transport_free(opts.transport);
  }
}

/* --- Real servers. -----------------------------------------------------------
 */

static struct {
  httpbin bin;
  nginx nginx;
  server_process *nghttpd;
  uint16_t nghttpd_port;
} real;

/* Sends |len| bytes to |url|. */
static void post_to(client_run *run, call_record *record, const char *url,
                    size_t len)
{
  ahttp_request *request = post_new(url, false, len);
  client_run_start_request(run, record, request, NULL);
  ahttp_request_free(request);
  client_run_wait(run);
  assert_string_equal(record->error.text, "");
  assert_true(record->info.total_ns < SOON_NS);
}

static void gunicorn_says_100(void **state)
{
  (void)state;
  client_run run;
  client_run_open(&run, NULL);
  for (int i = 0; i < 2; i++) {
    call_record record = {0};
    post_to(&run, &record, test_url("http", real.bin.port, "/post"), 100000);
    assert_int_equal(record.status, 200);
    assert_int_equal(record.informationals, 1);
    assert_int_equal(record.uploaded, 100000);
    assert_int_equal(record.info.reused, i > 0);
    call_record_clear(&record);
  }
  client_run_close(&run);
}

/* It has files here, which cannot be posted to. */
static void nginx_refuses_in_time(void **state)
{
  (void)state;
  const struct {
    uint16_t port;
    const char *scheme;
    ahttp_version version;
  } ways[] = {{real.nginx.http, "http", AHTTP_VERSION_1_1},
              {real.nginx.h2, "https", AHTTP_VERSION_2}};
  for (size_t i = 0; i < 2; i++) {
    client_run run;
    client_run_open_for(&run, real.nginx.ca_file, AHTTP_HTTP_AUTO);
    call_record record = {0};
    post_to(&run, &record, test_url(ways[i].scheme, ways[i].port, "/f/1"),
            2000000);
    assert_int_equal(record.version, ways[i].version);
    assert_int_equal(record.status, 405);
    assert_int_equal(record.uploaded, 0);
    call_record_clear(&record);
    client_run_close(&run);
  }
}

/* Over HTTP/2 it is a frame of its own; the connection stays good. */
static void nghttpd_says_100(void **state)
{
  (void)state;
  client_run run;
  client_run_open_for(&run, NULL, AHTTP_HTTP_2_PRIOR_KNOWLEDGE);
  for (int i = 0; i < 2; i++) {
    call_record record = {0};
    post_to(&run, &record, test_url("http", real.nghttpd_port, "/echo"),
            100000);
    assert_int_equal(record.version, AHTTP_VERSION_2);
    assert_int_equal(record.informationals, 1);
    assert_int_equal(record.uploaded, 100000);
    assert_int_equal(record.info.reused, i > 0);
    call_record_check_pattern(&record, 200, 100000);
  }
  client_run_close(&run);
}

static void content_follows_after_a_second_over_http2(void **state)
{
  (void)state;
  event_server *server = event_server_start();
  client_run run;
  client_run_open_for(&run, NULL, AHTTP_HTTP_2_PRIOR_KNOWLEDGE);
  call_record record = {0};
  ahttp_request *request = post_new(
      test_url("http", event_server_port(server), "/bytes/5"), true, 100000);
  client_run_start_request(&run, &record, request, NULL);
  ahttp_request_free(request);
  client_run_wait(&run);
  assert_string_equal(record.error.text, "");
  assert_int_equal(record.status, 200);
  assert_int_equal(record.uploaded, 100000);
  assert_true(record.info.total_ns >= SOON_NS);
  call_record_clear(&record);
  client_run_close(&run);
  event_server_stop(server);
}

/* --- Ends while content is held back.
 * ----------------------------------------- */

/* The deadline that is waited for is not left behind. */
static void a_call_ends_while_it_waits(void **state)
{
  (void)state;
  static const ahttp_http_policy policies[] = {AHTTP_HTTP_1_1,
                                               AHTTP_HTTP_2_PRIOR_KNOWLEDGE};
  event_server *server = event_server_start();
  const char *url = test_url("http", event_server_port(server), "/bytes/5");
  for (size_t i = 0; i < 2; i++) {
    client_run run;
    client_run_open_for(&run, NULL, policies[i]);
    ahttp_send_opts opts = AHTTP_SEND_OPTS_INIT;
    opts.total_ms = 100;
    call_record record = {0};
    ahttp_request *request = post_new(url, true, 100000);
    client_run_start_request(&run, &record, request, &opts);
    client_run_wait(&run);
    assert_int_equal(record.code, AHTTP_ETIMEOUT_TOTAL);
    assert_int_equal(record.uploaded, 0);
    call_record_clear(&record);
    client_run_start_request(&run, &record, request, NULL);
    ahttp_request_free(request);
    client_run_turn(&run, 5);
    ahttp_call_cancel(record.call);
    client_run_wait(&run);
    assert_int_equal(record.code, AHTTP_ECANCELED);
    call_record_clear(&record);
    client_run_close(&run);
  }
  event_server_stop(server);
}

static int open_all(void **state)
{
  (void)state;
  char digits[16];
  httpbin_open(&real.bin);
  nginx_open(&real.nginx);
  real.nghttpd_port = server_free_port();
  (void)snprintf(digits, sizeof(digits), "%u", (unsigned)real.nghttpd_port);
  const char *const argv[] = {
      "nghttpd", "--no-tls", "--echo-upload", "-a", "127.0.0.1", digits, NULL};
  real.nghttpd = server_start(argv, real.nghttpd_port);
  return 0;
}

static int close_all(void **state)
{
  (void)state;
  httpbin_close(&real.bin);
  nginx_close(&real.nginx);
  server_stop(real.nghttpd);
  return 0;
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(content_follows_a_100),
      cmocka_unit_test(content_follows_after_a_second),
      cmocka_unit_test(a_final_response_needs_no_content),
      cmocka_unit_test(a_417_has_it_sent_without_expect),
      cmocka_unit_test(expectation_is_sent_with_much_content_only),
      cmocka_unit_test(gunicorn_says_100),
      cmocka_unit_test(nginx_refuses_in_time),
      cmocka_unit_test(nghttpd_says_100),
      cmocka_unit_test(content_follows_after_a_second_over_http2),
      cmocka_unit_test(a_call_ends_while_it_waits),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, open_all, close_all);
}
