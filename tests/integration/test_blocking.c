/* SPDX-License-Identifier: MIT */
/* The blocking functions, and calls that other threads hold. */
#include "config.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <uv.h>

#include <ahttp/ahttp.h>

#include "client/client.h"
#include "support/client_home.h"
#include "support/nginx.h"
#include "support/raw_peer.h"

enum {
  BIG_FILE = 7, /* of nginx.h's */
  LINE_BYTES_MAX = 1024 * 1024,
  FLOOD_BYTES = 64 * 1024 * 1024,
  /* One window, what one read brings on top, and the doubling of a buffer. */
  HELD_BYTES_MAX = 4 * 1024 * 1024,
  READERS = 6
};

static nginx server;

static const char *url_of(const char *scheme, uint16_t port, const char *path)
{
  static char url[200];
  (void)snprintf(url, sizeof(url), "%s://127.0.0.1:%u%s", scheme,
                 (unsigned)port, path);
  return url;
}

static ahttp_request *get_request(const char *url)
{
  ahttp_request *request;
  assert_int_equal(ahttp_request_new(&request, "GET", url), AHTTP_OK);
  return request;
}

static void assert_content(const ahttp_response *response, const char *text)
{
  ahttp_str content = ahttp_response_content(response);
  assert_int_equal(content.len, strlen(text));
  assert_memory_equal(content.ptr, text, content.len);
}

static void open_client(ahttp_client **client)
{
  ahttp_tls_opts tls = {.size = sizeof(tls), .ca_file = server.ca_file};
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.tls = &tls;
  assert_int_equal(ahttp_client_new(client, &opts), AHTTP_OK);
}

/* --- Whole responses.
 * ---------------------------------------------------------- */

typedef int (*plain_fn)(ahttp_client *client, const char *url,
                        ahttp_response **out, ahttp_error *err);
typedef int (*content_fn)(ahttp_client *client, const char *url,
                          const char *content_type, ahttp_str content,
                          ahttp_response **out, ahttp_error *err);

static void each_method_has_its_function(void **state)
{
  (void)state;
  static const struct {
    plain_fn send;
    const char *answer;
  } plain[] = {{ahttp_get, "GET:"},
               {ahttp_head, ""},
               {ahttp_delete, "DELETE:"},
               {ahttp_options, "OPTIONS:"}};
  static const struct {
    content_fn send;
    const char *answer;
  } with_content[] = {
      {ahttp_post, "POST:"}, {ahttp_put, "PUT:"}, {ahttp_patch, "PATCH:"}};
  ahttp_client *client;
  ahttp_response *response;
  ahttp_error err;
  open_client(&client);
  const char *url = url_of("http", server.http, "/echo");
  for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
    assert_int_equal(plain[i].send(client, url, &response, &err), AHTTP_OK);
    assert_int_equal(err.code, AHTTP_OK);
    assert_content(response, plain[i].answer);
    ahttp_response_free(response);
  }
  for (size_t i = 0; i < sizeof(with_content) / sizeof(with_content[0]); i++) {
    assert_int_equal(with_content[i].send(client, url, "text/plain",
                                          (ahttp_str){"hello", 5}, &response,
                                          NULL),
                     AHTTP_OK);
    assert_content(response, with_content[i].answer);
    ahttp_response_free(response);
  }
  ahttp_client_free(client);
}

static void fetch_sends_what_it_is_told(void **state)
{
  (void)state;
  static const raw_step script[] = {
      {RAW_EXPECT_HEAD, NULL, 0},
      {RAW_EXPECT, NULL, 7},
      RAW_SEND_TEXT("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"),
      {RAW_END, NULL, 0}};
  raw_peer *peer = raw_peer_start_one(script);
  const ahttp_field fields[] = {
      {.name = {"X-One", 5}, .value = {"1", 1}},
      {.name = {"X-Two", 5}, .value = {"2", 1}},
  };
  ahttp_send_opts send = AHTTP_SEND_OPTS_INIT;
  send.total_ms = 20000;
  ahttp_fetch_opts opts = AHTTP_FETCH_OPTS_INIT;
  opts.method = "REPORT";
  opts.fields = fields;
  opts.field_count = 2;
  opts.content = (ahttp_str){"a=1&b=2", 7};
  opts.content_type = "application/x-www-form-urlencoded";
  opts.send = &send;
  ahttp_response *response;
  assert_int_equal(ahttp_fetch(NULL, url_of("http", raw_peer_port(peer), "/r"),
                               &opts, &response, NULL),
                   AHTTP_OK);
  assert_int_equal(ahttp_response_status(response), 201);
  ahttp_response_free(response);
  size_t len;
  const char *received = raw_peer_received(peer, &len);
  assert_non_null(strstr(received, "REPORT /r HTTP/1.1\r\n"));
  assert_non_null(strstr(received, "X-One: 1\r\nX-Two: 2\r\n"));
  assert_non_null(strstr(received, "application/x-www-form-urlencoded\r\n"));
  assert_non_null(strstr(received, "\r\n\r\na=1&b=2"));
  raw_peer_stop(peer);
}

static unsigned count_in(const char *text, const char *what)
{
  unsigned count = 0;
  while ((text = strstr(text, what)) != NULL) {
    text += strlen(what);
    count++;
  }
  return count;
}

/* A request is made once for a URL that is asked for again and again, but never
 * taken for one that differs from it. */
static void same_url_is_fetched_again_and_others_are_not(void **state)
{
  (void)state;
#define ANSWER \
  {RAW_EXPECT_HEAD, NULL, 0}, RAW_SEND_TEXT("HTTP/1.1 204 No Content\r\n\r\n")
  static const raw_step script[] = {
      ANSWER, ANSWER, ANSWER, ANSWER, ANSWER, ANSWER, {RAW_END, NULL, 0}};
#undef ANSWER
  raw_peer *peer = raw_peer_start_one(script);
  char url[200];
  char other[200];
  (void)snprintf(url, sizeof(url), "%s",
                 url_of("http", raw_peer_port(peer), "/a"));
  (void)snprintf(other, sizeof(other), "%s",
                 url_of("http", raw_peer_port(peer), "/b"));
  const ahttp_field field = {.name = {"X-One", 5}, .value = {"1", 1}};
  ahttp_fetch_opts opts = AHTTP_FETCH_OPTS_INIT;
  ahttp_client *client;
  ahttp_response *responses[6];
  open_client(&client);
  int rv = ahttp_get(client, url, &responses[0], NULL);
  rv = rv == AHTTP_OK ? ahttp_get(client, url, &responses[1], NULL) : rv;
  opts.fields = &field;
  opts.field_count = 1;
  rv = rv == AHTTP_OK ? ahttp_fetch(client, url, &opts, &responses[2], NULL)
                      : rv;
  rv = rv == AHTTP_OK ? ahttp_head(client, url, &responses[3], NULL) : rv;
  rv = rv == AHTTP_OK ? ahttp_get(client, other, &responses[4], NULL) : rv;
  rv = rv == AHTTP_OK ? ahttp_get(client, url, &responses[5], NULL) : rv;
  assert_int_equal(rv, AHTTP_OK);
  size_t len;
  const char *received = raw_peer_received(peer, &len);
  assert_int_equal(count_in(received, "GET /a HTTP/1.1\r\n"), 4);
  assert_int_equal(count_in(received, "HEAD /a HTTP/1.1\r\n"), 1);
  assert_int_equal(count_in(received, "GET /b HTTP/1.1\r\n"), 1);
  assert_int_equal(count_in(received, "X-One: 1\r\n"), 1);
  for (int i = 0; i < 6; i++) {
    ahttp_response_free(responses[i]);
  }
  ahttp_client_free(client);
  raw_peer_stop(peer);
}

/* What a test can see of the request being made once is that it is there. */
static void request_of_the_last_fetch_is_kept(void **state)
{
  (void)state;
  ahttp_client *client;
  ahttp_response *response;
  open_client(&client);
  const char *url = url_of("http", server.http, "/echo");
  const ahttp_request *kept[2];
  for (int i = 0; i < 2; i++) {
    assert_int_equal(ahttp_get(client, url, &response, NULL), AHTTP_OK);
    kept[i] = atomic_load(&client->last_fetched);
    ahttp_response_free(response);
  }
  assert_non_null(kept[0]);
  assert_ptr_equal(kept[0], kept[1]);
  assert_int_equal(ahttp_head(client, url, &response, NULL), AHTTP_OK);
  ahttp_response_free(response);
  assert_string_equal(
      ahttp_request_method(atomic_load(&client->last_fetched)).ptr, "HEAD");
  ahttp_client_free(client);
}

static void empty_content_is_sent_with_its_length(void **state)
{
  (void)state;
  static const raw_step script[] = {
      {RAW_EXPECT_HEAD, NULL, 0},
      RAW_SEND_TEXT("HTTP/1.1 204 No Content\r\n\r\n"),
      {RAW_END, NULL, 0}};
  raw_peer *peer = raw_peer_start_one(script);
  ahttp_response *response;
  assert_int_equal(ahttp_post(NULL, url_of("http", raw_peer_port(peer), "/"),
                              NULL, (ahttp_str){NULL, 0}, &response, NULL),
                   AHTTP_OK);
  ahttp_response_free(response);
  size_t len;
  const char *received = raw_peer_received(peer, &len);
  assert_non_null(strstr(received, "ontent-Length: 0\r\n"));
  raw_peer_stop(peer);
}

static void trouble_before_the_send_is_told(void **state)
{
  (void)state;
  ahttp_response *response;
  ahttp_error err;
  ahttp_field bad = {.name = {"a b", 3}, .value = {"1", 1}};
  ahttp_fetch_opts opts = AHTTP_FETCH_OPTS_INIT;
  opts.fields = &bad;
  opts.field_count = 1;
  assert_int_equal(ahttp_get(NULL, "nonsense", &response, &err), AHTTP_EURL);
  assert_null(response);
  assert_int_equal(err.code, AHTTP_EURL);
  assert_non_null(strstr(err.text, "nonsense"));
  assert_int_equal(ahttp_get(NULL, "ftp://a/", &response, &err), AHTTP_ESCHEME);
  assert_int_equal(ahttp_get(NULL, NULL, &response, &err), AHTTP_EINVAL);
  assert_int_equal(ahttp_fetch(NULL, "http://a/", &opts, &response, &err),
                   AHTTP_EFIELD);
  opts.size++;
  assert_int_equal(ahttp_fetch(NULL, "http://a/", &opts, &response, &err),
                   AHTTP_EINVAL);
  assert_int_equal(ahttp_send(NULL, NULL, NULL, &response, &err), AHTTP_EINVAL);
  assert_int_equal(ahttp_open(NULL, NULL, NULL, &response, &err), AHTTP_EINVAL);
  assert_int_equal(ahttp_get(NULL, "http://127.0.0.1:1/", &response, &err),
                   AHTTP_EREFUSED);
  assert_null(response);
}

static void too_long_content_is_refused(void **state)
{
  (void)state;
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  ahttp_client *client;
  ahttp_response *response;
  ahttp_error err;
  opts.content_max = nginx_file_sizes[3];
  assert_int_equal(ahttp_client_new(&client, &opts), AHTTP_OK);
  assert_int_equal(
      ahttp_get(client, url_of("http", server.http, "/f/3"), &response, &err),
      AHTTP_OK);
  ahttp_response_free(response);
  assert_int_equal(
      ahttp_get(client, url_of("http", server.http, "/f/4"), &response, &err),
      AHTTP_ELIMIT);
  assert_non_null(strstr(err.text, "content_max"));
  ahttp_client_free(client);
}

/* --- Responses that are read.
 * ---------------------------------------------------- */

static ahttp_response *open_url(ahttp_client *client, const char *url)
{
  ahttp_request *request = get_request(url);
  ahttp_response *response;
  ahttp_error err;
  int rv = ahttp_open(client, request, NULL, &response, &err);
  assert_string_equal(rv == AHTTP_OK ? "" : err.text, "");
  ahttp_request_free(request);
  return response;
}

/* Serves |script| to |client| once; the peer is for raw_peer_stop(). */
static ahttp_response *open_script(ahttp_client *client, const raw_step *script,
                                   raw_peer **peer)
{
  *peer = raw_peer_start_one(script);
  return open_url(client, url_of("http", raw_peer_port(*peer), "/"));
}

static void check_pieces(ahttp_client *client, const char *url)
{
  static const size_t sizes[] = {1, 1000, 65536, 2000000};
  static uint8_t all[2000000];
  for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
    ahttp_response *response = open_url(client, url);
    assert_int_equal(ahttp_response_status(response), 200);
    assert_int_equal(ahttp_response_content(response).len, 0);
    size_t total = 0;
    size_t len = 1;
    size_t cap = sizes[s];
    while (len > 0) {
      ahttp_error err;
      int rv = ahttp_response_read(response, all + total, cap, &len, &err);
      assert_string_equal(rv == AHTTP_OK ? "" : err.text, "");
      assert_true(len <= cap);
      total += len;
      if (cap == 1 && total == 3000) {
        cap = 65536; /* enough of single bytes */
      }
    }
    assert_int_equal(total, nginx_file_sizes[BIG_FILE]);
    assert_memory_equal(all, nginx_file(BIG_FILE), total);
    assert_int_equal(ahttp_response_read(response, all, 1, &len, NULL),
                     AHTTP_OK); /* the end stays the end */
    assert_int_equal(len, 0);
    ahttp_response_free(response);
  }
}

static void content_is_read_in_pieces_of_any_size(void **state)
{
  (void)state;
  ahttp_client *client;
  open_client(&client);
  check_pieces(client, url_of("http", server.http, "/f/7"));
  check_pieces(client, url_of("https", server.https, "/f/7"));
  check_pieces(client, url_of("https", server.h2, "/f/7"));
  ahttp_client_stats stats = {.size = sizeof(stats)};
  ahttp_client_get_stats(client, &stats);
  assert_int_equal(stats.calls_active, 0);
  assert_int_equal(stats.conns_made, 3); /* each was used again */
  ahttp_client_free(client);
}

static void assert_line(ahttp_response *response, const char *text)
{
  ahttp_str line;
  ahttp_error err;
  assert_int_equal(ahttp_response_read_line(response, &line, &err), AHTTP_OK);
  if (text == NULL) {
    assert_null(line.ptr);
    return;
  }
  assert_non_null(line.ptr);
  assert_int_equal(line.len, strlen(text));
  assert_memory_equal(line.ptr, text, line.len);
}

static void check_lines(const raw_step *script)
{
  ahttp_client *client;
  raw_peer *peer;
  uint8_t rest[4];
  size_t len;
  open_client(&client);
  ahttp_response *response = open_script(client, script, &peer);
  assert_line(response, "one");
  assert_line(response, "");
  assert_line(response, "t\rwo");
  assert_int_equal(ahttp_response_read(response, rest, 1, &len, NULL),
                   AHTTP_OK);
  assert_int_equal(len, 1);
  assert_int_equal(rest[0], 't');
  assert_line(response, "hree");
  assert_line(response, "last\r");
  assert_line(response, NULL);
  assert_line(response, NULL);
  ahttp_response_free(response);
  ahttp_client_free(client);
  raw_peer_stop(peer);
}

static void lines_end_with_lf_or_crlf(void **state)
{
  (void)state;
  static const raw_step at_once[] = {
      {RAW_EXPECT_HEAD, NULL, 0},
      RAW_SEND_TEXT("HTTP/1.1 200 OK\r\nContent-Length: 23\r\n\r\n"
                    "one\r\n\nt\rwo\nthree\r\nlast\r"),
      {RAW_END, NULL, 0}};
  static const raw_step bytewise[] = {
      {RAW_EXPECT_HEAD, NULL, 0},
      RAW_SEND_EACH_TEXT("HTTP/1.1 200 OK\r\nContent-Length: 23\r\n\r\n"
                         "one\r\n\nt\rwo\nthree\r\nlast\r"),
      {RAW_END, NULL, 0}};
  check_lines(at_once);
  check_lines(bytewise);
}

static void line_without_end_is_refused(void **state)
{
  (void)state;
  static const raw_step script[] = {
      {RAW_EXPECT_HEAD, NULL, 0},
      RAW_SEND_TEXT("HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n"),
      {RAW_FILL, NULL, 9000000},
      {RAW_END, NULL, 0}};
  ahttp_client *client;
  raw_peer *peer;
  ahttp_str line;
  ahttp_error err;
  open_client(&client);
  ahttp_response *response = open_script(client, script, &peer);
  assert_int_equal(ahttp_response_read_line(response, &line, &err),
                   AHTTP_ELIMIT);
  assert_int_equal(err.code, AHTTP_ELIMIT);
  assert_null(line.ptr);
  ahttp_response_free(response);
  ahttp_client_free(client);
  raw_peer_stop(peer);
}

static void check_all_of(ahttp_client *client, size_t before, size_t max,
                         int expected)
{
  uint8_t head[200];
  size_t len = 0;
  ahttp_str content;
  ahttp_error err;
  ahttp_response *response =
      open_url(client, url_of("http", server.http, "/f/7"));
  while (before > 0) {
    assert_int_equal(ahttp_response_read(response, head, before, &len, &err),
                     AHTTP_OK);
    before -= len;
    max -= max > 0 ? len : 0;
  }
  size_t rest = nginx_file_sizes[BIG_FILE] - len;
  assert_int_equal(ahttp_response_read_all(response, max, &content, &err),
                   expected);
  if (expected == AHTTP_OK) {
    assert_int_equal(content.len, rest);
    assert_memory_equal(content.ptr, nginx_file(BIG_FILE) + len, rest);
    assert_int_equal(content.ptr[rest], '\0');
    assert_ptr_equal(ahttp_response_content(response).ptr, content.ptr);
  } else {
    assert_null(content.ptr);
    assert_int_equal(err.code, expected);
  }
  ahttp_response_free(response);
}

static void rest_is_read_up_to_a_limit(void **state)
{
  (void)state;
  ahttp_client *client;
  open_client(&client);
  check_all_of(client, 0, 0, AHTTP_OK);
  check_all_of(client, 0, nginx_file_sizes[BIG_FILE], AHTTP_OK);
  check_all_of(client, 0, nginx_file_sizes[BIG_FILE] - 1, AHTTP_ELIMIT);
  check_all_of(client, 200, 0, AHTTP_OK);
  check_all_of(client, 200, nginx_file_sizes[BIG_FILE], AHTTP_OK);
  check_all_of(client, 200, 1000, AHTTP_ELIMIT);
  ahttp_client_free(client);
}

static void trailers_are_there_at_the_end(void **state)
{
  (void)state;
  static const raw_step script[] = {
      {RAW_EXPECT_HEAD, NULL, 0},
      RAW_SEND_TEXT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                    "2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n"),
      {RAW_END, NULL, 0}};
  ahttp_client *client;
  raw_peer *peer;
  ahttp_str content;
  open_client(&client);
  ahttp_response *response = open_script(client, script, &peer);
  assert_int_equal(ahttp_response_read_all(response, 0, &content, NULL),
                   AHTTP_OK);
  assert_content(response, "ok");
  const ahttp_fields *trailers = ahttp_response_trailers(response);
  assert_non_null(trailers);
  assert_int_equal(ahttp_fields_count(trailers), 1);
  ahttp_response_free(response);
  ahttp_client_free(client);
  raw_peer_stop(peer);
}

static void what_came_before_the_trouble_is_read_first(void **state)
{
  (void)state;
  static const raw_step script[] = {
      {RAW_EXPECT_HEAD, NULL, 0},
      RAW_SEND_TEXT("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"),
      {RAW_END, NULL, 0}};
  ahttp_client *client;
  raw_peer *peer;
  char buf[10];
  size_t total = 0;
  size_t len;
  ahttp_error err;
  open_client(&client);
  ahttp_response *response = open_script(client, script, &peer);
  while (total < 4) {
    assert_int_equal(
        ahttp_response_read(response, buf + total, 10 - total, &len, &err),
        AHTTP_OK);
    total += len;
  }
  assert_memory_equal(buf, "half", 4);
  for (int i = 0; i < 2; i++) {
    assert_int_equal(ahttp_response_read(response, buf, 10, &len, &err),
                     AHTTP_ETRUNCATED);
    assert_int_equal(err.code, AHTTP_ETRUNCATED);
    assert_int_equal(len, 0);
  }
  ahttp_response_free(response);
  ahttp_client_free(client);
  raw_peer_stop(peer);
}

static void freeing_early_ends_the_call(void **state)
{
  (void)state;
  const char *schemes[] = {"http", "https", "https"};
  const uint16_t ports[] = {server.http, server.https, server.h2};
  for (int kind = 0; kind < HOME_KINDS; kind++) {
    for (int i = 0; i < 3; i++) {
      client_home home;
      ahttp_tls_opts tls = {.size = sizeof(tls), .ca_file = server.ca_file};
      ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
      opts.tls = &tls;
      client_home_open(&home, (client_home_kind)kind, &opts);
      ahttp_response *response =
          open_url(home.client, url_of(schemes[i], ports[i], "/slow/7"));
      uint8_t byte;
      size_t len;
      assert_int_equal(ahttp_response_read(response, &byte, 1, &len, NULL),
                       AHTTP_OK);
      assert_int_equal(client_home_stats(&home).calls_active, 1);
      ahttp_response_free(response);
      client_home_close_settled(&home);
    }
  }
}

static void buffered_response_cannot_be_read(void **state)
{
  (void)state;
  ahttp_response *response;
  ahttp_error err;
  char byte;
  size_t len;
  ahttp_str text;
  assert_int_equal(
      ahttp_get(NULL, url_of("http", server.http, "/f/1"), &response, NULL),
      AHTTP_OK);
  assert_int_equal(ahttp_response_read(response, &byte, 1, &len, &err),
                   AHTTP_ESTATE);
  assert_int_equal(err.code, AHTTP_ESTATE);
  assert_int_equal(ahttp_response_read_line(response, &text, NULL),
                   AHTTP_ESTATE);
  assert_int_equal(ahttp_response_read_all(response, 0, &text, NULL),
                   AHTTP_ESTATE);
  ahttp_response_free(response);
}

static void reading_after_the_client_was_closed(void **state)
{
  (void)state;
  ahttp_client *client;
  open_client(&client);
  ahttp_response *response =
      open_url(client, url_of("http", server.http, "/slow/7"));
  ahttp_client_free(client);
  assert_int_equal(ahttp_response_status(response), 200);
  ahttp_str content;
  ahttp_error err;
  assert_int_equal(ahttp_response_read_all(response, 0, &content, &err),
                   AHTTP_ECLOSED);
  assert_int_equal(err.code, AHTTP_ECLOSED);
  ahttp_response_free(response);
}

static void response_without_head_is_an_error(void **state)
{
  (void)state;
  ahttp_client *client;
  ahttp_response *response;
  ahttp_error err;
  open_client(&client);
  ahttp_request *request = get_request(url_of("http", server.http, "/cut"));
  assert_int_equal(ahttp_open(client, request, NULL, &response, &err),
                   AHTTP_EDISCONNECTED);
  assert_null(response);
  assert_int_equal(err.code, AHTTP_EDISCONNECTED);
  ahttp_request_free(request);
  ahttp_client_free(client);
}

/* --- Memory while reading.
 * --------------------------------------------------------- */

static atomic_llong held_bytes;
static atomic_llong held_bytes_max;

static void hold(void *ptr)
{
  long long now =
      ptr == NULL
          ? 0
          : atomic_fetch_add(&held_bytes, (long long)malloc_usable_size(ptr)) +
                (long long)malloc_usable_size(ptr);
  long long max = atomic_load(&held_bytes_max);
  while (now > max &&
         !atomic_compare_exchange_weak(&held_bytes_max, &max, now)) {
  }
}

static void let_go(void *ptr)
{
  atomic_fetch_sub(&held_bytes,
                   ptr == NULL ? 0 : (long long)malloc_usable_size(ptr));
}

static void *counting_malloc(size_t size, void *user_data)
{
  (void)user_data;
  void *ptr = malloc(size);
  hold(ptr);
  return ptr;
}

static void *counting_realloc(void *ptr, size_t size, void *user_data)
{
  (void)user_data;
  let_go(ptr);
  void *moved = realloc(ptr, size);
  hold(moved);
  return moved;
}

static void counting_free(void *ptr, void *user_data)
{
  (void)user_data;
  let_go(ptr);
  free(ptr);
}

static void slow_reader_holds_one_window(void **state)
{
  (void)state;
  static const raw_step script[] = {
      {RAW_EXPECT_HEAD, NULL, 0},
      RAW_SEND_TEXT("HTTP/1.1 200 OK\r\nContent-Length: 67108864\r\n\r\n"),
      {RAW_FILL, NULL, FLOOD_BYTES},
      {RAW_END, NULL, 0}};
  const ahttp_allocator counting = {.malloc = counting_malloc,
                                    .realloc = counting_realloc,
                                    .free = counting_free};
  assert_int_equal(ahttp_set_allocator(&counting), AHTTP_OK);
  raw_peer *peer;
  client_home home; /* whose thread reads on while this one does not */
  client_home_open(&home, HOME_BACKGROUND, NULL);
  ahttp_response *response = open_script(home.client, script, &peer);
  static uint8_t buf[50000];
  size_t total = 0;
  size_t len;
  while (atomic_load(&held_bytes) < LINE_BYTES_MAX) {
    /* until the window is full */
  }
  do {
    ahttp_error err;
    int rv = ahttp_response_read(response, buf, sizeof(buf), &len, &err);
    assert_string_equal(rv == AHTTP_OK ? "" : err.text, "");
    total += len;
  } while (len > 0);
  assert_int_equal(total, FLOOD_BYTES);
  ahttp_response_free(response);
  client_home_close_settled(&home);
  raw_peer_stop(peer);
  assert_true(atomic_load(&held_bytes_max) < HELD_BYTES_MAX);
  assert_int_equal(atomic_load(&held_bytes), 0);
  assert_int_equal(ahttp_set_allocator(NULL), AHTTP_OK);
}

/* --- Reading on several threads.
 * ------------------------------------------------------ */

typedef struct reader {
  uv_thread_t thread;
  ahttp_client *client;
  ahttp_request *request;
  const uint8_t *expected;
  int rounds_good;
} reader;

static bool reader_read(const reader *self, ahttp_response *response)
{
  uint8_t buf[30000];
  size_t total = 0;
  size_t len;
  do {
    if (ahttp_response_read(response, buf, sizeof(buf), &len, NULL) !=
            AHTTP_OK ||
        memcmp(buf, self->expected + total, len) != 0) {
      return false;
    }
    total += len;
  } while (len > 0);
  return total == nginx_file_sizes[BIG_FILE];
}

static void reader_run(void *arg)
{
  reader *self = arg;
  for (int i = 0; i < 5; i++) {
    ahttp_response *response;
    if (ahttp_open(self->client, self->request, NULL, &response, NULL) ==
        AHTTP_OK) {
      self->rounds_good += reader_read(self, response);
      ahttp_response_free(response);
    }
  }
}

static void threads_read_side_by_side(void **state)
{
  (void)state;
  for (int kind = 0; kind < HOME_KINDS; kind++) {
    client_home home;
    ahttp_tls_opts tls = {.size = sizeof(tls), .ca_file = server.ca_file};
    ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
    opts.tls = &tls;
    client_home_open(&home, (client_home_kind)kind, &opts);
    ahttp_request *request =
        get_request(url_of("https", server.h2, "/f/7")); /* one connection */
    reader readers[READERS];
    for (int i = 0; i < READERS; i++) {
      readers[i] = (reader){.client = home.client,
                            .request = request,
                            .expected = nginx_file(BIG_FILE)};
    }
    for (int i = 0; i < READERS; i++) {
      assert_int_equal(
          uv_thread_create(&readers[i].thread, reader_run, &readers[i]), 0);
    }
    for (int i = 0; i < READERS; i++) {
      assert_int_equal(uv_thread_join(&readers[i].thread), 0);
      assert_int_equal(readers[i].rounds_good, 5);
    }
    ahttp_request_free(request);
    assert_int_equal(client_home_stats(&home).conns_made, 1);
    client_home_close_settled(&home);
  }
}

/* --- Calls that another thread steers.
 * --------------------------------------------------- */

/* A call on a background loop, held by the test's thread. */
typedef struct steered {
  ahttp_call *call;
  atomic_size_t received;
  atomic_uint heads;
  int code;
  uv_sem_t has_head;
  uv_sem_t is_done;
} steered;

static int steered_on_head(ahttp_call *call, const ahttp_response *response,
                           void *user_data)
{
  steered *self = user_data;
  (void)response;
  self->call = ahttp_call_ref(call);
  ahttp_call_set_manual_credit(call);
  ahttp_call_pause(call);
  uv_sem_post(&self->has_head);
  return 0;
}

static int steered_on_body(ahttp_call *call, const uint8_t *data, size_t len,
                           void *user_data)
{
  steered *self = user_data;
  (void)call;
  (void)data;
  atomic_fetch_add(&self->received, len);
  return 0;
}

static void steered_on_done(ahttp_call *call, const ahttp_response *response,
                            const ahttp_error *err, void *user_data)
{
  steered *self = user_data;
  (void)call;
  (void)response;
  self->code = err == NULL ? AHTTP_OK : err->code;
  uv_sem_post(&self->is_done);
}

static void steered_start(steered *self, const client_home *home,
                          const char *url)
{
  *self = (steered){.code = 1};
  assert_int_equal(uv_sem_init(&self->has_head, 0), 0);
  assert_int_equal(uv_sem_init(&self->is_done, 0), 0);
  ahttp_handlers handlers = AHTTP_HANDLERS_INIT;
  handlers.on_head = steered_on_head;
  handlers.on_body = steered_on_body;
  handlers.on_done = steered_on_done;
  ahttp_request *request = get_request(url);
  assert_non_null(ahttp_start(home->client, request, NULL, &handlers, self));
  ahttp_request_free(request);
  uv_sem_wait(&self->has_head);
}

static void steered_end(steered *self)
{
  uv_sem_wait(&self->is_done);
  ahttp_call_cancel(self->call); /* nothing happens any more */
  ahttp_call_pause(self->call);
  ahttp_call_credit(self->call, 1);
  ahttp_call_unref(self->call);
  uv_sem_destroy(&self->has_head);
  uv_sem_destroy(&self->is_done);
}

static void call_is_steered_from_another_thread(void **state)
{
  (void)state;
  static const raw_step script[] = {
      {RAW_EXPECT_HEAD, NULL, 0},
      RAW_SEND_TEXT("HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n"),
      {RAW_FILL, NULL, 9000000},
      {RAW_END, NULL, 0}};
  for (int kind = HOME_BACKGROUND; kind < HOME_KINDS; kind++) {
    raw_peer *peer = raw_peer_start_one(script);
    client_home home;
    steered it;
    client_home_open(&home, (client_home_kind)kind, NULL);
    steered_start(&it, &home, url_of("http", raw_peer_port(peer), "/"));
    assert_int_equal(client_home_stats(&home).calls_active, 1);
    assert_int_equal(atomic_load(&it.received), 0); /* it is paused */
    ahttp_call_resume(it.call);
    ahttp_call_pause(it.call);
    ahttp_call_resume(it.call);
    size_t credited = 0;
    while (credited < 9000000) {
      size_t received = atomic_load(&it.received);
      assert_true(received - credited <= (size_t)2 * LINE_BYTES_MAX);
      if (received > credited) {
        ahttp_call_credit(it.call, received - credited);
        credited = received;
      }
    }
    steered_end(&it);
    assert_int_equal(it.code, AHTTP_OK);
    client_home_close_settled(&home);
    raw_peer_stop(peer);
  }
}

static void call_is_cancelled_from_another_thread(void **state)
{
  (void)state;
  for (int kind = HOME_BACKGROUND; kind < HOME_KINDS; kind++) {
    client_home home;
    steered it;
    client_home_open(&home, (client_home_kind)kind, NULL);
    steered_start(&it, &home, url_of("http", server.http, "/slow/7"));
    ahttp_call_cancel(it.call);
    steered_end(&it);
    assert_int_equal(it.code, AHTTP_ECANCELED);
    client_home_close_settled(&home);
  }
}

static int open_server(void **state)
{
  (void)state;
  nginx_open(&server);
  return 0;
}

static int close_server(void **state)
{
  (void)state;
  nginx_close(&server);
  return 0;
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_method_has_its_function),
      cmocka_unit_test(fetch_sends_what_it_is_told),
      cmocka_unit_test(same_url_is_fetched_again_and_others_are_not),
      cmocka_unit_test(request_of_the_last_fetch_is_kept),
      cmocka_unit_test(empty_content_is_sent_with_its_length),
      cmocka_unit_test(trouble_before_the_send_is_told),
      cmocka_unit_test(too_long_content_is_refused),
      cmocka_unit_test(content_is_read_in_pieces_of_any_size),
      cmocka_unit_test(lines_end_with_lf_or_crlf),
      cmocka_unit_test(line_without_end_is_refused),
      cmocka_unit_test(rest_is_read_up_to_a_limit),
      cmocka_unit_test(trailers_are_there_at_the_end),
      cmocka_unit_test(what_came_before_the_trouble_is_read_first),
      cmocka_unit_test(freeing_early_ends_the_call),
      cmocka_unit_test(buffered_response_cannot_be_read),
      cmocka_unit_test(reading_after_the_client_was_closed),
      cmocka_unit_test(response_without_head_is_an_error),
      cmocka_unit_test(slow_reader_holds_one_window),
      cmocka_unit_test(threads_read_side_by_side),
      cmocka_unit_test(call_is_steered_from_another_thread),
      cmocka_unit_test(call_is_cancelled_from_another_thread),
  };
  return cmocka_run_group_tests(tests, open_server, close_server);
}
