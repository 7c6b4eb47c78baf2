/* SPDX-License-Identifier: MIT */
/* What follows the content of a request (RFC 9110, section 6.5): as bytes over
 * HTTP/1.1, as nghttpd understands it over HTTP/2. */
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
#include "support/raw_peer.h"
#include "support/server_process.h"
#include "support/test_alloc.h"

#define OK_HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
#define GONE                                            \
  "HTTP/1.1 307 Temporary Redirect\r\nLocation: /b\r\n" \
  "Content-Length: 0\r\n\r\n"

/* How the value of a trailer is given. */
typedef struct sum {
  const char *value;
  int rv;
  unsigned asked;
  call_record *cancels; /* the call to be cancelled when it is asked; or NULL */
} sum;

static int sum_value(void *user_data, ahttp_str name, ahttp_str *value)
{
  sum *self = user_data;
  self->asked++;
  assert_string_equal(name.ptr, "X-Sum");
  if (self->cancels != NULL) {
    ahttp_call_cancel(self->cancels->call);
  }
  *value = (ahttp_str){self->value, strlen(self->value)};
  return self->rv;
}

static const ahttp_field two_trailers[] = {{{"X-One", 5}, {" 1", 2}},
                                           {{"X-Sum", 5}, {NULL, 0}}};

static ahttp_request *post_new(const char *url, const char *content,
                               sum *trailer)
{
  ahttp_request *request;
  assert_int_equal(ahttp_request_new(&request, "POST", url), AHTTP_OK);
  if (content != NULL) {
    assert_int_equal(
        ahttp_request_set_content(request, content, strlen(content)), AHTTP_OK);
  }
  assert_int_equal(
      ahttp_request_set_trailers(request, two_trailers, 2, sum_value, trailer),
      AHTTP_OK);
  return request;
}

/* Sends |request| on |run| and drops it. */
static void send_on(client_run *run, call_record *record,
                    ahttp_request *request)
{
  ahttp_send_opts opts = AHTTP_SEND_OPTS_INIT;
  opts.redirects_max = 1;
  client_run_start_request(run, record, request, &opts);
  ahttp_request_free(request);
  client_run_wait(run);
}

/* --- HTTP/1.1. ---------------------------------------------------------------
 */

/* Sends |request| to |peer|. */
static void send_to(call_record *record, ahttp_request *request)
{
  client_run run;
  client_run_open(&run, NULL);
  send_on(&run, record, request);
  client_run_close(&run);
}

static void has_end(raw_peer *peer, const char *want)
{
  size_t len;
  const char *got = raw_peer_received(peer, &len);
  assert_true(len >= strlen(want));
  assert_string_equal(got + len - strlen(want), want);
}

/* The content has a length, and so has an empty one: that does not matter. */
static void trailers_follow_the_last_chunk(void **state)
{
  (void)state;
  static const char full[] =
      "\r\nTrailer: X-One, X-Sum\r\n"
      "Transfer-Encoding: chunked\r\n\r\n"
      "5\r\nhello\r\n0\r\nX-One: 1\r\nX-Sum: abc\r\n\r\n";
  static const char empty[] = "\r\nTrailer: X-One, X-Sum\r\n"
                              "Transfer-Encoding: chunked\r\n\r\n"
                              "0\r\nX-One: 1\r\nX-Sum: abc\r\n\r\n";
  for (int is_empty = 0; is_empty < 2; is_empty++) {
    /* The peer reads the head's empty line, then that of the trailers. */
    static const raw_step script[] = {{RAW_EXPECT_HEAD, NULL, 0},
                                      {RAW_EXPECT_HEAD, NULL, 0},
                                      RAW_SEND_TEXT(OK_HELLO),
                                      {RAW_EXPECT_EOF, NULL, 0},
                                      {RAW_END, NULL, 0}};
    raw_peer *peer = raw_peer_start_one(script);
    sum trailer = {.value = " abc "};
    call_record record = {0};
    send_to(&record, post_new(test_url("http", raw_peer_port(peer), "/"),
                              is_empty != 0 ? "" : "hello", &trailer));
    assert_string_equal(record.error.text, "");
    assert_int_equal(record.status, 200);
    assert_int_equal(trailer.asked, 1);
    has_end(peer, is_empty != 0 ? empty : full);
    assert_null(strstr(raw_peer_received(peer, NULL), "Content-Length"));
    call_record_clear(&record);
    raw_peer_stop(peer);
  }
}

static void trailers_are_sent_again(void **state)
{
  (void)state;
  static const raw_step script[] = {
      {RAW_EXPECT_HEAD, NULL, 0}, {RAW_EXPECT_HEAD, NULL, 0},
      RAW_SEND_TEXT(GONE),        {RAW_EXPECT_HEAD, NULL, 0},
      {RAW_EXPECT_HEAD, NULL, 0}, RAW_SEND_TEXT(OK_HELLO),
      {RAW_EXPECT_EOF, NULL, 0},  {RAW_END, NULL, 0}};
  raw_peer *peer = raw_peer_start_one(script);
  sum trailer = {.value = "x"};
  call_record record = {0};
  send_to(&record, post_new(test_url("http", raw_peer_port(peer), "/a"), "hi",
                            &trailer));
  assert_string_equal(record.error.text, "");
  assert_int_equal(trailer.asked, 2);
  assert_int_equal(raw_peer_accepted(peer), 1);
  has_end(peer, "\r\nTransfer-Encoding: chunked\r\n\r\n"
                "2\r\nhi\r\n0\r\nX-One: 1\r\nX-Sum: x\r\n\r\n");
  call_record_clear(&record);
  raw_peer_stop(peer);
}

static void without_content_there_are_none(void **state)
{
  (void)state;
  static const raw_step script[] = {{RAW_EXPECT_HEAD, NULL, 0},
                                    RAW_SEND_TEXT(OK_HELLO),
                                    {RAW_EXPECT_EOF, NULL, 0},
                                    {RAW_END, NULL, 0}};
  raw_peer *peer = raw_peer_start_one(script);
  sum trailer = {.value = "x"};
  call_record record = {0};
  send_to(&record,
          post_new(test_url("http", raw_peer_port(peer), "/"), NULL, &trailer));
  assert_string_equal(record.error.text, "");
  assert_int_equal(trailer.asked, 0);
  assert_null(strstr(raw_peer_received(peer, NULL), "railer"));
  has_end(peer, "\r\nContent-Length: 0\r\n\r\n");
  call_record_clear(&record);
  raw_peer_stop(peer);
}

/* --- Both. ---------------------------------------------------------------- */

static struct {
  server_process *process;
  uint16_t port;
} nghttpd;

static const char *nghttpd_url(void)
{
  return test_url("http", nghttpd.port, "/echo");
}

/* What nghttpd has said so far; for free(). */
static char *nghttpd_log(void)
{
  char path[400];
  (void)snprintf(path, sizeof(path), "%s/%d.log", server_dir(),
                 (int)server_pid(nghttpd.process));
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  enum {
    LOG_CAP = 1000000
  };
  char *text = malloc(LOG_CAP);
  assert_non_null(text);
  text[fread(text, 1, LOG_CAP - 1, file)] = '\0';
  assert_int_equal(fclose(file), 0);
  return text;
}

static void trailers_are_a_field_section_over_http2(void **state)
{
  (void)state;
  client_run run;
  client_run_open_for(&run, NULL, AHTTP_HTTP_2_PRIOR_KNOWLEDGE);
  sum trailer = {.value = "abc"};
  call_record record = {0};
  send_on(&run, &record, post_new(nghttpd_url(), "hello", &trailer));
  assert_string_equal(record.error.text, "");
  assert_int_equal(record.version, AHTTP_VERSION_2);
  assert_int_equal(record.status, 200);
  assert_string_equal(record.content, "hello");
  assert_int_equal(trailer.asked, 1);
  char *log = nghttpd_log();
  const char *content = strstr(log, "recv DATA frame");
  assert_non_null(content);
  assert_non_null(strstr(log, "trailer: X-One, X-Sum"));
  assert_non_null(strstr(log, "content-length: 5"));
  assert_non_null(strstr(content, "x-one: 1"));
  assert_non_null(strstr(content, "x-sum: abc"));
  free(log);
  call_record_clear(&record);
  /* The connection stays good. */
  send_on(&run, &record, post_new(nghttpd_url(), "", &trailer));
  assert_string_equal(record.error.text, "");
  assert_int_equal(record.status, 200);
  assert_true(record.info.reused);
  call_record_clear(&record);
  client_run_close(&run);
}

static void check_failure(ahttp_http_policy http, sum trailer, int code)
{
  static const raw_step script[] = {{RAW_EXPECT_EOF, NULL, 0},
                                    {RAW_END, NULL, 0}};
  bool is_h2 = http == AHTTP_HTTP_2_PRIOR_KNOWLEDGE;
  raw_peer *peer = raw_peer_start_one(script);
  client_run run;
  client_run_open_for(&run, NULL, http);
  call_record record = {0};
  const char *url =
      is_h2 ? nghttpd_url() : test_url("http", raw_peer_port(peer), "/");
  trailer.cancels = trailer.cancels == NULL ? NULL : &record;
  send_on(&run, &record, post_new(url, "hello", &trailer));
  assert_int_equal(trailer.asked, 1);
  assert_int_equal(record.code, code);
  assert_int_equal(record.heads, 0);
  call_record_clear(&record);
  client_run_close(&run);
  raw_peer_stop(peer);
}

static void a_missing_value_fails_the_call(void **state)
{
  (void)state;
  static const ahttp_http_policy policies[] = {AHTTP_HTTP_1_1,
                                               AHTTP_HTTP_2_PRIOR_KNOWLEDGE};
  static char much[20000];
  static call_record any;
  memset(much, 'x', sizeof(much) - 1);
  for (size_t i = 0; i < 2; i++) {
    check_failure(policies[i], (sum){.value = "", .rv = 1}, AHTTP_EBODY);
    check_failure(policies[i], (sum){.value = "a\r\nb: c"}, AHTTP_EBODY);
    check_failure(policies[i], (sum){.value = much}, AHTTP_ELIMIT);
    check_failure(policies[i], (sum){.value = "x", .cancels = &any},
                  AHTTP_ECANCELED);
  }
}

/* --- Refused. ----------------------------------------------------------------
 */

static int set_one(ahttp_request *request, const char *name, const char *value)
{
  const ahttp_field field = {{name, strlen(name)}, {value, strlen(value)}};
  return ahttp_request_set_trailers(request, &field, 1, NULL, NULL);
}

static void what_has_no_place_there_is_refused(void **state)
{
  (void)state;
  static const char *const bad[] = {
      "Content-Length", "Transfer-Encoding", "Host",   "Authorization",
      "Content-Type",   "Trailer",           "TE",     "Connection",
      "Set-Cookie",     "Content-Encoding",  "a b",    "",
      "Content-Range",  "Keep-Alive",        "Upgrade"};
  ahttp_request *request;
  assert_int_equal(ahttp_request_new(&request, "POST", "http://h/"), AHTTP_OK);
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    assert_int_equal(set_one(request, bad[i], "1"), AHTTP_EFIELD);
  }
  assert_int_equal(set_one(request, "X", "a\nb"), AHTTP_EFIELD);
  const ahttp_field missing = {{"X", 1}, {NULL, 0}};
  assert_int_equal(ahttp_request_set_trailers(request, &missing, 1, NULL, NULL),
                   AHTTP_EINVAL);
  assert_int_equal(set_one(request, "Digest", ""), AHTTP_OK);
  assert_int_equal(ahttp_request_set_trailers(request, NULL, 0, NULL, NULL),
                   AHTTP_OK);
  ahttp_request_free(request);
}

static int make_trailers(void *arg)
{
  ahttp_request *request = NULL;
  int rv = ahttp_request_new(&request, "POST", "http://h/");
  for (int i = 0; rv == AHTTP_OK && i < 20; i++) {
    rv = ahttp_request_set_trailers(request, two_trailers, 2, sum_value, arg);
  }
  ahttp_request_free(request);
  return rv;
}

static void trailers_survive_every_failed_allocation(void **state)
{
  (void)state;
  test_alloc_fail_each(make_trailers, NULL);
}

static int open_all(void **state)
{
  (void)state;
  char digits[16];
  nghttpd.port = server_free_port();
  (void)snprintf(digits, sizeof(digits), "%u", (unsigned)nghttpd.port);
  const char *const argv[] = {"nghttpd", "--no-tls",  "--echo-upload", "-v",
                              "-a",      "127.0.0.1", digits,          NULL};
  nghttpd.process = server_start(argv, nghttpd.port);
  return 0;
}

static int close_all(void **state)
{
  (void)state;
  server_stop(nghttpd.process);
  return 0;
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(trailers_follow_the_last_chunk),
      cmocka_unit_test(trailers_are_sent_again),
      cmocka_unit_test(without_content_there_are_none),
      cmocka_unit_test(trailers_are_a_field_section_over_http2),
      cmocka_unit_test(a_missing_value_fails_the_call),
      cmocka_unit_test(what_has_no_place_there_is_refused),
      cmocka_unit_test(trailers_survive_every_failed_allocation),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, open_all, close_all);
}
