/* SPDX-License-Identifier: MIT */
/*
 * Memory runs out at every place where the library asks for some, from making
 * a client to its end, for each kind of request.  The call then fails with
 * AHTTP_ENOMEM, or succeeds where the memory was for something that can be done
 * without; nothing leaks; and on the same client the same request goes through
 * as soon as there is memory again.
 *
 *   test_allocation_failures [TEXT]   only requests with TEXT in their name
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <ahttp/ahttp.h>

#include "support/certificates.h"
#include "support/event_server.h"
#include "support/memory_stage.h"
#include "support/server_process.h"
#include "support/test_alloc.h"

/* --- Blocking ways to send. ---------------------------------------------- */

/* Checks and frees what such a function gave; returns |rv|. */
static int stage_took(const memory_stage *it, int rv, ahttp_response *response,
                      const ahttp_error *err)
{
  memory_stage_check(it, rv == AHTTP_OK || err->code == rv,
                     "two different errors");
  memory_stage_check(it, (rv == AHTTP_OK) == (response != NULL),
                     "the response");
  if (response != NULL) {
    memory_stage_check(it, ahttp_response_status(response) == 200, "status");
    memory_stage_check(it, ahttp_response_content(response).len == it->at->len,
                       "length of the content");
  }
  ahttp_response_free(response);
  return rv;
}

static int by_get(const memory_stage *it, const char *url)
{
  ahttp_response *response;
  ahttp_error err;
  int rv = ahttp_get(it->client, url, &response, &err);
  return stage_took(it, rv, response, &err);
}

static int by_post(const memory_stage *it, const char *url)
{
  const ahttp_str text = {"content", 7};
  ahttp_response *response;
  ahttp_error err;
  int rv = ahttp_post(it->client, url, "text/plain", text, &response, &err);
  return stage_took(it, rv, response, &err);
}

/* The rest comes as a whole. */
static int read_to_end(const memory_stage *it, ahttp_response *response)
{
  char part[100];
  size_t len;
  ahttp_str rest;
  ahttp_error err;
  int rv = ahttp_response_read(response, part, sizeof(part), &len, &err);
  if (rv == AHTTP_OK) {
    rv = ahttp_response_read_all(response, 0, &rest, &err);
    memory_stage_check(it, rv != AHTTP_OK || len + rest.len == it->at->len,
                       "length of the content");
  }
  memory_stage_check(it, rv == AHTTP_OK || rv == err.code,
                     "two different errors");
  return rv;
}

/* There is no line end in it: all of it is one line. */
static int read_line(const memory_stage *it, ahttp_response *response)
{
  ahttp_str line;
  ahttp_error err;
  int rv = ahttp_response_read_line(response, &line, &err);
  memory_stage_check(it, rv == AHTTP_OK || rv == err.code,
                     "two different errors");
  memory_stage_check(it, rv != AHTTP_OK || line.len == it->at->len,
                     "length of the line");
  return rv;
}

static int by_opening(const memory_stage *it, const char *url,
                      int (*read)(const memory_stage *it,
                                  ahttp_response *response))
{
  ahttp_request *request;
  ahttp_response *response;
  ahttp_error err;
  int rv = ahttp_request_new(&request, "GET", url);
  if (rv != AHTTP_OK) {
    return rv;
  }
  rv = ahttp_open(it->client, request, NULL, &response, &err);
  ahttp_request_free(request);
  memory_stage_check(it, rv == AHTTP_OK || rv == err.code,
                     "two different errors");
  memory_stage_check(it, (rv == AHTTP_OK) == (response != NULL),
                     "the response");
  if (rv == AHTTP_OK) {
    rv = read(it, response);
  }
  ahttp_response_free(response);
  return rv;
}

static int by_reading(const memory_stage *it, const char *url)
{
  return by_opening(it, url, read_to_end);
}

static int by_lines(const memory_stage *it, const char *url)
{
  return by_opening(it, url, read_line);
}

static int future_finish(const memory_stage *it, ahttp_future *future)
{
  ahttp_response *response;
  ahttp_error err;
  if (future == NULL) {
    return AHTTP_ENOMEM;
  }
  int rv = ahttp_future_wait(future, AHTTP_NO_LIMIT);
  if (rv == AHTTP_OK) {
    rv = ahttp_future_take(future, &response, &err);
    rv = stage_took(it, rv, response, &err);
  }
  ahttp_future_free(future);
  return rv;
}

/* The second is freed while it is under way. */
static int by_futures(const memory_stage *it, const char *url)
{
  ahttp_request *request;
  int rv = ahttp_request_new(&request, "GET", url);
  if (rv != AHTTP_OK) {
    return rv;
  }
  ahttp_future *first = ahttp_submit(it->client, request, NULL);
  ahttp_future *second = ahttp_submit(it->client, request, NULL);
  rv = future_finish(it, first);
  ahttp_future_free(second);
  ahttp_request_free(request);
  return rv;
}

/* More than fit on a stack. */
static int by_gathering(const memory_stage *it, const char *url)
{
  enum {
    COUNT = 20
  };
  ahttp_request *requests[COUNT];
  ahttp_response *responses[COUNT] = {NULL};
  ahttp_request *request;
  int rv = ahttp_request_new(&request, "GET", url);
  if (rv != AHTTP_OK) {
    return rv;
  }
  for (size_t i = 0; i < COUNT; i++) {
    requests[i] = request;
  }
  rv = ahttp_gather(it->client, requests, COUNT, NULL, responses, NULL);
  for (size_t i = 0; i < COUNT; i++) {
    memory_stage_check(it, rv != AHTTP_OK || responses[i] != NULL,
                       "a response");
    ahttp_response_free(responses[i]);
  }
  ahttp_request_free(request);
  return rv;
}

/* --- What is sent. ------------------------------------------------------- */

static const memory_scene scenes[] = {
    {.name = "h1 GET", .path = "/bytes/100", .len = 100},
    {.name = "h1 GET of much", .path = "/bytes/300000", .len = 300000},
    {.name = "h1 GET with pauses",
     .path = "/bytes/300000",
     .len = 300000,
     .is_slow = true},
    {.name = "h1 POST",
     .method = "POST",
     .path = "/bytes/100",
     .content = MEMORY_BYTES,
     .len = 100},
    {.name = "h1 POST from a source",
     .method = "POST",
     .path = "/bytes/100",
     .content = MEMORY_SOURCE,
     .len = 100},
    {.name = "h1 chunks and trailers",
     .path = "/events",
     .len = EVENT_CONTENT_BYTES},
    {.name = "h1 redirect", .path = "/redirect", .len = EVENT_CONTENT_BYTES},
    {.name = "h1 by name",
     .host = "quick.test",
     .path = "/bytes/100",
     .len = 100},
    {.name = "h1 to localhost",
     .host = "localhost",
     .path = "/bytes/100",
     .len = 100},
    {.name = "h1 over TLS",
     .path = "/bytes/100000",
     .is_tls = true,
     .http = AHTTP_HTTP_1_1,
     .len = 100000},
    {.name = "h2 GET",
     .path = "/bytes/100",
     .http = AHTTP_HTTP_2_PRIOR_KNOWLEDGE,
     .len = 100},
    {.name = "h2 GET with pauses",
     .path = "/bytes/300000",
     .http = AHTTP_HTTP_2_PRIOR_KNOWLEDGE,
     .len = 300000,
     .is_slow = true},
    {.name = "h2 POST from a source",
     .method = "POST",
     .path = "/events",
     .http = AHTTP_HTTP_2_PRIOR_KNOWLEDGE,
     .content = MEMORY_SOURCE,
     .len = EVENT_CONTENT_BYTES},
    {.name = "h2 redirect",
     .path = "/redirect",
     .http = AHTTP_HTTP_2_PRIOR_KNOWLEDGE,
     .len = EVENT_CONTENT_BYTES},
    {.name = "h2 over TLS",
     .path = "/bytes/100000",
     .is_tls = true,
     .len = 100000},
    {.name = "h1 crowd",
     .path = "/events",
     .len = EVENT_CONTENT_BYTES,
     .crowd = 4},
    {.name = "h2 crowd",
     .path = "/events",
     .http = AHTTP_HTTP_2_PRIOR_KNOWLEDGE,
     .len = EVENT_CONTENT_BYTES,
     .crowd = MEMORY_CROWD_MAX},
    {.name = "h2 over TLS crowd",
     .path = "/events",
     .is_tls = true,
     .len = EVENT_CONTENT_BYTES,
     .crowd = MEMORY_CROWD_MAX},
    {.name = "blocking h1", .path = "/bytes/100", .len = 100, .block = by_get},
    {.name = "blocking h1 redirect",
     .path = "/redirect",
     .len = EVENT_CONTENT_BYTES,
     .block = by_get},
    {.name = "blocking h2",
     .path = "/bytes/300000",
     .http = AHTTP_HTTP_2_PRIOR_KNOWLEDGE,
     .len = 300000,
     .block = by_get},
    {.name = "blocking h1 over TLS",
     .path = "/bytes/100",
     .is_tls = true,
     .http = AHTTP_HTTP_1_1,
     .len = 100,
     .block = by_get},
    {.name = "blocking POST",
     .path = "/bytes/100",
     .len = 100,
     .block = by_post},
    {.name = "reading",
     .path = "/events",
     .len = EVENT_CONTENT_BYTES,
     .block = by_reading},
    {.name = "reading h2",
     .path = "/bytes/300000",
     .http = AHTTP_HTTP_2_PRIOR_KNOWLEDGE,
     .len = 300000,
     .block = by_reading},
    {.name = "reading lines",
     .path = "/events",
     .len = EVENT_CONTENT_BYTES,
     .block = by_lines},
    {.name = "futures",
     .path = "/events",
     .len = EVENT_CONTENT_BYTES,
     .block = by_futures},
    {.name = "futures h2",
     .path = "/events",
     .http = AHTTP_HTTP_2_PRIOR_KNOWLEDGE,
     .len = EVENT_CONTENT_BYTES,
     .block = by_futures},
    {.name = "gathering h2",
     .path = "/events",
     .http = AHTTP_HTTP_2_PRIOR_KNOWLEDGE,
     .len = EVENT_CONTENT_BYTES,
     .block = by_gathering},
};

static const char *wanted; /* the TEXT; NULL: all */
static event_server *clear;
static event_server *secure;
static const char *ca_file;

static void run_scenes(memory_shortage lack)
{
  const memory_servers servers = {clear, secure, ca_file};
  size_t count = sizeof(scenes) / sizeof(scenes[0]);
  int failed = 0;
  for (size_t i = 0; i < count; i++) {
    if (wanted == NULL || strstr(scenes[i].name, wanted) != NULL) {
      failed += memory_stage_run(&scenes[i], lack, &servers);
    }
  }
  print_message("  %zu kinds of request, %d failing allocations\n", count,
                failed);
}

static void one_allocation_fails(void **state)
{
  (void)state;
  run_scenes(MEMORY_FOR_ONE);
}

static void memory_is_out_for_a_while(void **state)
{
  (void)state;
  run_scenes(MEMORY_TILL_DONE);
}

static void memory_is_out_to_the_end(void **state)
{
  (void)state;
  run_scenes(MEMORY_TILL_THE_END);
}

static void one_allocation_fails_later(void **state)
{
  (void)state;
  run_scenes(MEMORY_WARM_FOR_ONE);
}

static void memory_is_out_later(void **state)
{
  (void)state;
  run_scenes(MEMORY_WARM_TILL_DONE);
}

/* --- Without a network. -------------------------------------------------- */

static int make_full_client(void *arg)
{
  const ahttp_resolve_entry entries[] = {
      {.host = "a.test", .port = 1, .addresses = "127.0.0.1,[::1]"},
      {.host = "*", .addresses = "127.0.0.2"},
  };
  const ahttp_tls_opts tls = {.size = sizeof(tls), .ca_file = ca_file};
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  ahttp_client *client;
  (void)arg;
  opts.tls = &tls;
  opts.user_agent = "test";
  opts.unix_socket = "/nowhere";
  opts.dns_servers = "127.0.0.1:1,[::1]:2";
  opts.resolve = entries;
  opts.resolve_count = 2;
  int rv = ahttp_client_new(&client, &opts);
  assert_true((rv == AHTTP_OK) == (client != NULL));
  ahttp_client_free(client);
  return rv;
}

static int parse_url(void *arg)
{
  static const char base[] = "http://example.org/a/b?c#d";
  static const char text[] = "../%7Euser/caf\xc3\xa9?q=1#f";
  ahttp_url *url;
  ahttp_url *against;
  (void)arg;
  int rv = ahttp_url_parse(&against, (ahttp_str){base, sizeof(base) - 1}, NULL);
  if (rv != AHTTP_OK) {
    assert_null(against);
    return rv;
  }
  rv = ahttp_url_parse(&url, (ahttp_str){text, sizeof(text) - 1}, against);
  assert_true((rv == AHTTP_OK) == (url != NULL));
  ahttp_url_free(url);
  ahttp_url_free(against);
  return rv;
}

static int fill_request(ahttp_request *request)
{
  char name[16];
  int rv = AHTTP_OK;
  for (unsigned i = 0; rv == AHTTP_OK && i < 50; i++) {
    (void)snprintf(name, sizeof(name), "x-%u", i);
    rv = ahttp_request_add_field(request, name, "value");
  }
  if (rv == AHTTP_OK) {
    rv = ahttp_request_set_content(request, "abc", 3);
  }
  return rv == AHTTP_OK ? ahttp_request_set_content_file(request, ca_file) : rv;
}

static int make_request(void *arg)
{
  ahttp_request *request;
  (void)arg;
  int rv = ahttp_request_new(&request, "PURGE", "http://example.org/");
  if (rv != AHTTP_OK) {
    assert_null(request);
    return rv;
  }
  rv = fill_request(request);
  ahttp_request_free(request);
  return rv;
}

static void values_are_made_or_not(void **state)
{
  (void)state;
  test_alloc_fail_each(make_full_client, NULL);
  test_alloc_fail_each(parse_url, NULL);
  test_alloc_fail_each(make_request, NULL);
}

static int open_servers(void **state)
{
  (void)state;
  const test_certificate_files *files = test_certificates(server_dir());
  ca_file = files->ca_file;
  clear = event_server_start();
  secure = event_server_start_tls(files);
  return 0;
}

static int close_servers(void **state)
{
  (void)state;
  event_server_stop(clear);
  event_server_stop(secure);
  return 0;
}

int main(int argc, char **argv)
{
  wanted = argc > 1 ? argv[1] : NULL;
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_allocation_fails),
      cmocka_unit_test(memory_is_out_for_a_while),
      cmocka_unit_test(memory_is_out_to_the_end),
      cmocka_unit_test(one_allocation_fails_later),
      cmocka_unit_test(memory_is_out_later),
      cmocka_unit_test(values_are_made_or_not),
  };
  return cmocka_run_group_tests(tests, open_servers, close_servers);
}
