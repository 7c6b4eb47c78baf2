/* SPDX-License-Identifier: MIT */
/* Content codings between a client and real servers, and one that lies. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ahttp/ahttp.h>

#include "support/client_run.h"
#include "support/httpbin.h"
#include "support/nginx.h"
#include "support/packer.h"
#include "support/raw_peer.h"
#include "support/test_alloc.h"

static nginx server;
static httpbin bin;

#if defined(HAVE_BROTLI) && defined(HAVE_ZSTD)
#  define ACCEPTED "gzip, deflate, br, zstd"
#elif defined(HAVE_BROTLI)
#  define ACCEPTED "gzip, deflate, br"
#elif defined(HAVE_ZSTD)
#  define ACCEPTED "gzip, deflate, zstd"
#else
#  define ACCEPTED "gzip, deflate"
#endif

/* --- Fetching. --------------------------------------------------------------
 */

/* Sends |request|, which is consumed; the response or, with |code|, none. */
static ahttp_response *send_request(ahttp_client *client,
                                    ahttp_request *request,
                                    const ahttp_send_opts *opts, int code)
{
  ahttp_response *response;
  ahttp_error err;
  int rv = ahttp_send(client, request, opts, &response, &err);
  if (rv != code) {
    print_message("%s\n", err.text);
  }
  assert_int_equal(rv, code);
  ahttp_request_free(request);
  return response;
}

static ahttp_request *get_request(const char *url)
{
  ahttp_request *request;
  assert_int_equal(ahttp_request_new(&request, "GET", url), AHTTP_OK);
  return request;
}

static ahttp_response *get(const char *url)
{
  return send_request(NULL, get_request(url), NULL, AHTTP_OK);
}

static void check_content(ahttp_response *response, const void *data,
                          size_t len)
{
  ahttp_str content = ahttp_response_content(response);
  assert_int_equal(content.len, len);
  assert_memory_equal(content.ptr, data, len);
  ahttp_response_free(response);
}

static void check_text(ahttp_response *response, const char *text)
{
  check_content(response, text, strlen(text));
}

static bool has_field(const ahttp_response *response, const char *name)
{
  return ahttp_fields_get(ahttp_response_fields(response), name, NULL);
}

/* --- What is asked for. -----------------------------------------------------
 */

static void accept_encoding_names_what_is_built_in(void **state)
{
  (void)state;
  check_text(get(test_url("http", server.http, "/accept")), "[" ACCEPTED "]");
}

static void own_accept_encoding_stays(void **state)
{
  (void)state;
  ahttp_request *request =
      get_request(test_url("http", server.http, "/accept"));
  assert_int_equal(
      ahttp_request_add_field(request, "accept-encoding", "br;q=0"), AHTTP_OK);
  check_text(send_request(NULL, request, NULL, AHTTP_OK), "[br;q=0]");
}

static void decode_off_asks_for_nothing(void **state)
{
  (void)state;
  const char *url = test_url("http", server.http, "/accept");
  ahttp_send_opts off = AHTTP_SEND_OPTS_INIT;
  ahttp_send_opts on = AHTTP_SEND_OPTS_INIT;
  off.decode = AHTTP_DECODE_OFF;
  on.decode = AHTTP_DECODE_ON;
  check_text(send_request(NULL, get_request(url), &off, AHTTP_OK), "[]");

  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.decode = AHTTP_DECODE_OFF;
  ahttp_client *client;
  assert_int_equal(ahttp_client_new(&client, &opts), AHTTP_OK);
  check_text(send_request(client, get_request(url), NULL, AHTTP_OK), "[]");
  check_text(send_request(client, get_request(url), &on, AHTTP_OK),
             "[" ACCEPTED "]");
  ahttp_client_free(client);
}

static void bad_choices_are_refused(void **state)
{
  (void)state;
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  ahttp_send_opts send = AHTTP_SEND_OPTS_INIT;
  ahttp_client *client;
  opts.decode = (ahttp_decode)3;
  assert_int_equal(ahttp_client_new(&client, &opts), AHTTP_EINVAL);
  send.decode = (ahttp_decode)3;
  assert_null(send_request(NULL,
                           get_request(test_url("http", server.http, "/")),
                           &send, AHTTP_EINVAL));
}

/* Fetch Standard: a range is of the plain content. */
static void a_range_is_asked_for_of_the_plain_content(void **state)
{
  (void)state;
  ahttp_request *request =
      get_request(test_url("http", server.http, "/accept"));
  assert_int_equal(ahttp_request_add_field(request, "Range", "bytes=0-"),
                   AHTTP_OK);
  check_text(send_request(NULL, request, NULL, AHTTP_OK), "[identity]");

  request = get_request(test_url("http", server.http, "/packed/4"));
  assert_int_equal(ahttp_request_add_field(request, "Range", "bytes=10-19"),
                   AHTTP_OK);
  ahttp_response *response = send_request(NULL, request, NULL, AHTTP_OK);
  assert_int_equal(ahttp_response_status(response), 206);
  check_content(response, nginx_file(4) + 10, 10);
}

/* --- Real servers. -----------------------------------------------------------
 */

static void nginx_gzip_is_decoded(void **state)
{
  (void)state;
  ahttp_tls_opts tls = {.size = sizeof(tls), .ca_file = server.ca_file};
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.tls = &tls;
  ahttp_client *client;
  assert_int_equal(ahttp_client_new(&client, &opts), AHTTP_OK);
  for (size_t i = 1; i < NGINX_FILES; i++) {
    char path[32];
    (void)snprintf(path, sizeof(path), "/packed/%zu", i);
    const char *const urls[] = {test_url("http", server.http, path),
                                test_url("https", server.https, path),
                                test_url("https", server.h2, path)};
    for (size_t j = 0; j < 3; j++) {
      ahttp_response *response =
          send_request(client, get_request(urls[j]), NULL, AHTTP_OK);
      assert_true(has_field(response, "content-encoding"));
      assert_true(ahttp_response_is_decoded(response));
      check_content(response, nginx_file(i), nginx_file_sizes[i]);
    }
  }
  ahttp_client_free(client);
}

static void decode_off_gives_raw_bytes(void **state)
{
  (void)state;
  ahttp_send_opts off = AHTTP_SEND_OPTS_INIT;
  off.decode = AHTTP_DECODE_OFF;
  ahttp_request *request =
      get_request(test_url("http", server.http, "/packed/2"));
  assert_int_equal(ahttp_request_add_field(request, "Accept-Encoding", "gzip"),
                   AHTTP_OK);
  ahttp_response *response = send_request(NULL, request, &off, AHTTP_OK);
  ahttp_str content = ahttp_response_content(response);
  assert_false(ahttp_response_is_decoded(response));
  assert_true(content.len > 18);
  assert_memory_equal(content.ptr, "\x1f\x8b", 2);
  ahttp_response_free(response);
}

static void head_with_a_coding_is_fine(void **state)
{
  (void)state;
  ahttp_request *request;
  assert_int_equal(
      ahttp_request_new(&request, "HEAD",
                        test_url("http", server.http, "/packed/4")),
      AHTTP_OK);
  ahttp_response *response = send_request(NULL, request, NULL, AHTTP_OK);
  assert_true(has_field(response, "content-encoding"));
  check_text(response, "");
}

static void httpbin_codings_are_decoded(void **state)
{
  (void)state;
  static const struct {
    const char *path;
    const char *proof;
  } rows[] = {
      {"/gzip", "\"gzipped\":true"},
      {"/deflate", "\"deflated\":true"},
#ifdef HAVE_BROTLI
      {"/brotli", "\"brotli\":true"},
#endif
      {"/get", "\"Accept-Encoding\":\"" ACCEPTED "\""},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    ahttp_response *response = get(test_url("http", bin.port, rows[i].path));
    assert_int_equal(ahttp_response_status(response), 200);
    assert_non_null(
        strstr(ahttp_response_content(response).ptr, rows[i].proof));
    ahttp_response_free(response);
  }
}

static void httpbin_stream_is_read_by_lines(void **state)
{
  (void)state;
  ahttp_client *client;
  assert_int_equal(ahttp_client_new(&client, NULL), AHTTP_OK);
  ahttp_request *request = get_request(test_url("http", bin.port, "/stream/5"));
  ahttp_response *response;
  ahttp_error err;
  assert_int_equal(ahttp_open(client, request, NULL, &response, &err),
                   AHTTP_OK);
  unsigned lines = 0;
  ahttp_str line;
  while (ahttp_response_read_line(response, &line, &err) == AHTTP_OK &&
         line.ptr != NULL) {
    char proof[16];
    (void)snprintf(proof, sizeof(proof), "\"id\": %u", lines);
    assert_non_null(memmem(line.ptr, line.len, proof, strlen(proof)));
    lines++;
  }
  assert_int_equal(lines, 5);
  ahttp_response_free(response);
  ahttp_request_free(request);
  ahttp_client_free(client);
}

static void httpbin_drip_arrives_whole(void **state)
{
  (void)state;
  check_text(
      get(test_url("http", bin.port, "/drip?numbytes=10&duration=0.2&delay=0")),
      "**********");
}

/* --- A server that lies. -----------------------------------------------------
 */

/* What |peer| answers with: a head with |fields| and |content|. */
typedef struct answer {
  char head[300];
  packed content;
  raw_step script[4];
  raw_peer *peer;
} answer;

static void answer_open(answer *self, const char *status, const char *fields,
                        packed content)
{
  int len =
      snprintf(self->head, sizeof(self->head),
               "HTTP/1.1 %s\r\n%sConnection: close\r\n\r\n", status, fields);
  self->content = content;
  self->script[0] = (raw_step){RAW_EXPECT_HEAD, NULL, 0};
  self->script[1] = (raw_step){RAW_SEND, self->head, (size_t)len};
  self->script[2] = (raw_step){RAW_SEND, content.data, content.len};
  self->script[3] = (raw_step){RAW_END, NULL, 0};
  self->peer = raw_peer_start_one(self->script);
}

static void answer_close(answer *self)
{
  raw_peer_stop(self->peer);
  free(self->content.data);
}

/* Fetches the answer and expects |code|; the text of the error must have
 * |word| in it, the content must be |text|. */
static void check_answer(const char *status, const char *fields, packed content,
                         int code, const char *expected)
{
  answer self;
  ahttp_response *response;
  ahttp_error err;
  answer_open(&self, status, fields, content);
  int rv = ahttp_get(NULL, test_url("http", raw_peer_port(self.peer), "/"),
                     &response, &err);
  assert_int_equal(rv, code);
  if (rv != AHTTP_OK) {
    if (strstr(err.text, expected) == NULL) {
      fail_msg("%s", err.text);
    }
  } else {
    check_text(response, expected);
  }
  answer_close(&self);
}

static packed cut(packed content, size_t by)
{
  content.len -= by;
  return content;
}

static packed bytes(const char *text)
{
  packed out = {malloc(strlen(text) + 1), strlen(text)};
  assert_non_null(out.data);
  memcpy(out.data, text, out.len);
  return out;
}

static const char text[] = "what there is to say";

/* HTTPX returns what there is of it. */
static void truncated_gzip_is_an_error(void **state)
{
  (void)state;
  for (size_t by = 1; by < 20; by++) {
    check_answer("200 OK", "Content-Encoding: gzip\r\n",
                 cut(pack("gzip", text, sizeof(text) - 1), by), AHTTP_EDECODE,
                 "the gzip content could not be decoded: it is cut short");
  }
}

/* HTTPX drops later members. */
static void multi_member_gzip_is_decoded_whole(void **state)
{
  (void)state;
  packed one = pack("gzip", "one ", 4);
  packed two = pack("gzip", "two", 3);
  one.data = realloc(one.data, one.len + two.len);
  memcpy(one.data + one.len, two.data, two.len);
  one.len += two.len;
  free(two.data);
  check_answer("200 OK", "Content-Encoding: gzip\r\n", one, AHTTP_OK,
               "one two");
}

static void damaged_content_is_an_error(void **state)
{
  (void)state;
  static const char *const codings[] = {
      "gzip",
      "deflate",
#ifdef HAVE_BROTLI
      "br",
#endif
#ifdef HAVE_ZSTD
      "zstd",
#endif
  };
  for (size_t i = 0; i < sizeof(codings) / sizeof(codings[0]); i++) {
    char field[100];
    (void)snprintf(field, sizeof(field), "Content-Encoding: %s\r\n",
                   codings[i]);
    check_answer("200 OK", field, bytes("this was never packed"), AHTTP_EDECODE,
                 "could not be decoded");
  }
}

static void an_unknown_coding_comes_as_it_is(void **state)
{
  (void)state;
  check_answer("200 OK", "Content-Encoding: aes128gcm\r\n", bytes("as it is"),
               AHTTP_OK, "as it is");
  check_answer("200 OK", "Content-Encoding: gzip, aes128gcm\r\n",
               bytes("as it is"), AHTTP_OK, "as it is");
  check_answer("200 OK", "Content-Encoding: identity\r\n", bytes("as it is"),
               AHTTP_OK, "as it is");
}

static void a_part_comes_as_it_is(void **state)
{
  (void)state;
  check_answer("206 Partial Content",
               "Content-Encoding: gzip\r\nContent-Range: bytes 5-9/100\r\n"
               "Content-Length: 5\r\n",
               bytes("bytes"), AHTTP_OK, "bytes");
}

static void more_than_two_codings_are_refused(void **state)
{
  (void)state;
  check_answer("200 OK",
               "Content-Encoding: gzip, gzip\r\nContent-Encoding: gzip\r\n",
               bytes("x"), AHTTP_ELIMIT, "more than 2 codings");
}

static void no_content_with_a_coding_is_fine(void **state)
{
  (void)state;
  static const char *const statuses[] = {"200 OK", "204 No Content",
                                         "304 Not Modified"};
  for (size_t i = 0; i < 3; i++) {
    check_answer(statuses[i], "Content-Encoding: gzip, br, gzip\r\n",
                 (packed){NULL, 0}, AHTTP_OK, "");
  }
}

/* Content-Length is of the encoded bytes. */
static void content_length_counts_encoded_bytes(void **state)
{
  (void)state;
  packed content = pack("gzip", text, sizeof(text) - 1);
  char fields[100];
  (void)snprintf(fields, sizeof(fields),
                 "Content-Encoding: gzip\r\nContent-Length: %zu\r\n",
                 content.len);
  check_answer("200 OK", fields, content, AHTTP_OK, text);
  content = pack("gzip", text, sizeof(text) - 1);
  (void)snprintf(fields, sizeof(fields),
                 "Content-Encoding: gzip\r\nContent-Length: %zu\r\n",
                 content.len + 1);
  check_answer("200 OK", fields, content, AHTTP_ETRUNCATED, "");
}

/* urllib3, CVE-2026-21441: what is dropped is not decoded. */
static void a_redirects_content_is_not_decoded(void **state)
{
  (void)state;
  char head[200];
  (void)snprintf(head, sizeof(head),
                 "HTTP/1.1 302 Found\r\nLocation: %s\r\n"
                 "Content-Encoding: gzip\r\nContent-Length: 7\r\n\r\n"
                 "garbage",
                 test_url("http", server.http, "/packed/2"));
  const raw_step script[] = {{RAW_EXPECT_HEAD, NULL, 0},
                             {RAW_SEND, head, strlen(head)},
                             {RAW_END, NULL, 0}};
  raw_peer *peer = raw_peer_start_one(script);
  ahttp_send_opts opts = AHTTP_SEND_OPTS_INIT;
  opts.redirects_max = 1;
  ahttp_response *response = send_request(
      NULL, get_request(test_url("http", raw_peer_port(peer), "/")), &opts,
      AHTTP_OK);
  assert_int_equal(ahttp_response_redirects(response), 1);
  check_content(response, nginx_file(2), nginx_file_sizes[2]);
  raw_peer_stop(peer);
}

/* --- Figures.
 * ----------------------------------------------------------------- */

static void info_counts_both_sides(void **state)
{
  (void)state;
  client_run run;
  call_record record = {0};
  client_run_open(&run, NULL);
  client_run_get(&run, &record, test_url("http", server.http, "/packed/2"));
  assert_int_equal(record.info.bytes_decoded, nginx_file_sizes[2]);
  assert_int_not_equal(record.info.bytes_body, nginx_file_sizes[2]);
  call_record_clear(&record);
  client_run_get(&run, &record, test_url("http", server.http, "/f/2"));
  assert_int_equal(record.info.bytes_decoded, nginx_file_sizes[2]);
  assert_int_equal(record.info.bytes_body, nginx_file_sizes[2]);
  call_record_clear(&record);
  client_run_close(&run);
}

/* --- After the end. ----------------------------------------------------------
 */

static int pause_on_body(ahttp_call *call, const uint8_t *data, size_t len,
                         void *user_data)
{
  (void)data;
  (void)len;
  (void)user_data;
  ahttp_call_pause(call);
  ahttp_call_resume(call);
  return 0;
}

static void meddle_on_done(ahttp_call *call, const ahttp_response *response,
                           const ahttp_error *err, void *user_data)
{
  bool *is_done = user_data;
  (void)response;
  assert_null(err);
  ahttp_call_resume(call);
  ahttp_call_credit(call, 10);
  ahttp_call_pause(call);
  ahttp_call_resume(call);
  ahttp_call_cancel(call);
  *is_done = true;
}

static void on_done_may_resume_credit_and_cancel(void **state)
{
  (void)state;
  static const ahttp_handlers handlers = {.size = sizeof(handlers),
                                          .on_body = pause_on_body,
                                          .on_done = meddle_on_done};
  for (int manual = 0; manual < 2; manual++) {
    client_run run;
    bool is_done = false;
    client_run_open(&run, NULL);
    ahttp_request *request =
        get_request(test_url("http", server.http, "/packed/6"));
    ahttp_call *call =
        ahttp_start(run.client, request, NULL, &handlers, &is_done);
    if (manual == 1) {
      ahttp_call_set_manual_credit(call);
    }
    client_run_until(&run, &is_done);
    for (int turn = 0; turn < 5; turn++) {
      (void)uv_run(&run.loop, UV_RUN_NOWAIT);
    }
    ahttp_request_free(request);
    client_run_close(&run);
  }
}

/* --- Without memory. ---------------------------------------------------------
 */

enum {
  ALLOCATIONS = 150 /* more than such a fetch makes */
};

/* With the |nth| allocation failing (0: none). */
static int fetch_without_memory(const char *url, int nth)
{
  ahttp_client *client;
  ahttp_response *response = NULL;
  test_alloc_fail_nth(nth);
  int rv = ahttp_client_new(&client, NULL);
  if (rv == AHTTP_OK) {
    rv = ahttp_get(client, url, &response, NULL);
    if (rv == AHTTP_OK) {
      assert_int_equal(ahttp_response_content(response).len,
                       nginx_file_sizes[4]);
    }
    ahttp_response_free(response);
    ahttp_client_free(client);
  }
  test_alloc_fail_nth(0);
  return rv;
}

static void decoding_survives_every_failed_allocation(void **state)
{
  (void)state;
  const char *url = test_url("http", server.http, "/packed/4");
  test_alloc_install();
  int failures = 0;
  for (int nth = 1; nth <= ALLOCATIONS; nth++) {
    int rv = fetch_without_memory(url, nth);
    assert_true(rv == AHTTP_OK || rv == AHTTP_ENOMEM);
    assert_int_equal(test_alloc_live(), 0);
    failures += rv == AHTTP_ENOMEM ? 1 : 0;
  }
  assert_true(failures > 20);
  assert_int_equal(fetch_without_memory(url, ALLOCATIONS), AHTTP_OK);
  test_alloc_remove();
}

static int open_servers(void **state)
{
  (void)state;
  nginx_open(&server);
  httpbin_open(&bin);
  return 0;
}

static int close_servers(void **state)
{
  (void)state;
  httpbin_close(&bin);
  nginx_close(&server);
  return 0;
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(accept_encoding_names_what_is_built_in),
      cmocka_unit_test(own_accept_encoding_stays),
      cmocka_unit_test(decode_off_asks_for_nothing),
      cmocka_unit_test(bad_choices_are_refused),
      cmocka_unit_test(a_range_is_asked_for_of_the_plain_content),
      cmocka_unit_test(nginx_gzip_is_decoded),
      cmocka_unit_test(decode_off_gives_raw_bytes),
      cmocka_unit_test(head_with_a_coding_is_fine),
      cmocka_unit_test(httpbin_codings_are_decoded),
      cmocka_unit_test(httpbin_stream_is_read_by_lines),
      cmocka_unit_test(httpbin_drip_arrives_whole),
      cmocka_unit_test(truncated_gzip_is_an_error),
      cmocka_unit_test(multi_member_gzip_is_decoded_whole),
      cmocka_unit_test(damaged_content_is_an_error),
      cmocka_unit_test(an_unknown_coding_comes_as_it_is),
      cmocka_unit_test(a_part_comes_as_it_is),
      cmocka_unit_test(more_than_two_codings_are_refused),
      cmocka_unit_test(no_content_with_a_coding_is_fine),
      cmocka_unit_test(content_length_counts_encoded_bytes),
      cmocka_unit_test(a_redirects_content_is_not_decoded),
      cmocka_unit_test(info_counts_both_sides),
      cmocka_unit_test(on_done_may_resume_credit_and_cancel),
      cmocka_unit_test(decoding_survives_every_failed_allocation),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, open_servers, close_servers);
}
