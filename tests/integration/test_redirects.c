/* SPDX-License-Identifier: MIT */
/* Redirects as a client with a mock transport follows them, or does not.  The
 * cases are HTTPX's (tests/client/test_redirects.py) and those that are missing
 * there. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ahttp/ahttp.h>

#include "support/assert_text.h"
#include "support/client_run.h"
#include "support/raw_peer.h"
#include "support/test_alloc.h"

static ahttp_str str(const char *text)
{
  return (ahttp_str){text, strlen(text)};
}

/* --- The server. -----------------------------------------------------------
 */

/* "/STATUS?URL" redirects to URL; "/twice?URL" to it and to another one; what
 * else there is answers with the method and the content it was sent. */
static int serve(ahttp_mock_request *request, ahttp_mock_reply *reply,
                 void *user_data)
{
  const char *url = ahttp_mock_request_url(request).ptr;
  const char *path = strchr(strstr(url, "//") + 2, '/');
  const char *to = strchr(path, '?');
  ahttp_field *fields = ahttp_mock_alloc(request, 2 * sizeof(*fields));
  (void)user_data;
  if (fields == NULL) {
    return AHTTP_ENOMEM;
  }
  if (to == NULL) {
    ahttp_str content = ahttp_mock_request_content(request);
    reply->content =
        content.len > 0 ? content : ahttp_mock_request_method(request);
    return AHTTP_OK;
  }
  fields[0] = (ahttp_field){str("Location"), str(to + 1)};
  fields[1] = (ahttp_field){str("Location"), str("/other")};
  bool is_twice = strncmp(path, "/twice", 6) == 0;
  reply->status = is_twice ? 302 : atoi(path + 1);
  reply->fields = fields;
  reply->field_count = is_twice ? 2 : 1;
  reply->content = str("moved");
  return AHTTP_OK;
}

typedef struct stage {
  ahttp_transport *transport;
  ahttp_client *client;
  ahttp_request *request;
  ahttp_response *response;
  ahttp_error error;
} stage;

/* A client that follows |redirects_max| redirects, with what |opts| says. */
static void stage_open_with(stage *it, ahttp_client_opts *opts,
                            uint32_t redirects_max)
{
  ahttp_mock_opts mock_opts = AHTTP_MOCK_OPTS_INIT;
  mock_opts.handler = serve;
  *it = (stage){.request = NULL};
  assert_int_equal(ahttp_mock_new(&it->transport, &mock_opts), AHTTP_OK);
  opts->transport = it->transport;
  opts->redirects_max = redirects_max;
  assert_int_equal(ahttp_client_new(&it->client, opts), AHTTP_OK);
}

static void stage_open(stage *it, uint32_t redirects_max)
{
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  stage_open_with(it, &opts, redirects_max);
}

static void stage_reset(stage *it)
{
  ahttp_response_free(it->response);
  ahttp_request_free(it->request);
  it->response = NULL;
  it->request = NULL;
}

static void stage_close(stage *it)
{
  stage_reset(it);
  ahttp_client_free(it->client);
  ahttp_transport_free(it->transport);
}

/* Begins with a request for |url|. */
static void prepare(stage *it, const char *method, const char *url)
{
  stage_reset(it);
  assert_int_equal(ahttp_request_new(&it->request, method, url), AHTTP_OK);
}

static void add(stage *it, const char *name, const char *value)
{
  assert_int_equal(ahttp_request_add_field(it->request, name, value), AHTTP_OK);
}

static int send_it(stage *it, const ahttp_send_opts *opts)
{
  return ahttp_send(it->client, it->request, opts, &it->response, &it->error);
}

/* Gets |url|, which works. */
static void get(stage *it, const char *url)
{
  prepare(it, "GET", url);
  int rv = send_it(it, NULL);
  if (rv != AHTTP_OK) {
    fail_msg("%s", it->error.text);
  }
}

static void check_fails(stage *it, const char *url, int code, const char *text)
{
  prepare(it, "GET", url);
  assert_int_equal(send_it(it, NULL), code);
  if (strstr(it->error.text, text) == NULL) {
    fail_msg("%s", it->error.text);
  }
}

static void check_url(const stage *it, const char *want)
{
  assert_text(ahttp_url_href(ahttp_response_url(it->response)), want);
}

/* The field |name| of the request at |index|, or NULL. */
static const char *sent(const stage *it, size_t index, const char *name)
{
  ahttp_str value;
  const ahttp_mock_request *request = ahttp_mock_at(it->transport, index);
  assert_non_null(request);
  return ahttp_fields_get(ahttp_mock_request_fields(request), name, &value)
             ? value.ptr
             : NULL;
}

static void check_sent_content(const stage *it, size_t index, const char *want)
{
  assert_text(ahttp_mock_request_content(ahttp_mock_at(it->transport, index)),
              want);
}

/* --- HTTPX's cases. --------------------------------------------------------
 */

static void redirects_are_not_followed_by_default(void **state)
{
  stage it;
  (void)state;
  stage_open(&it, 0);
  get(&it, "http://a.example/302?/next");
  assert_int_equal(ahttp_response_status(it.response), 302);
  assert_text(ahttp_response_content(it.response), "moved");
  assert_int_equal(ahttp_response_history_count(it.response), 0);
  assert_null(ahttp_response_history(it.response, 0));
  stage_close(&it);
}

static void test_redirect_301_302_303(void **state)
{
  static const char *const statuses[] = {"301", "302", "303"};
  stage it;
  (void)state;
  stage_open(&it, 20);
  for (size_t i = 0; i < 3; i++) {
    char url[64];
    (void)snprintf(url, sizeof(url), "http://a.example/%s?/next", statuses[i]);
    prepare(&it, "POST", url);
    add(&it, "Content-Type", "text/plain");
    assert_int_equal(ahttp_request_set_content(it.request, "x", 1), AHTTP_OK);
    assert_int_equal(send_it(&it, NULL), AHTTP_OK);
    check_url(&it, "http://a.example/next");
    assert_text(ahttp_response_content(it.response), "GET");
    assert_int_equal(ahttp_response_history_count(it.response), 1);
    assert_null(sent(&it, 2 * i + 1, "content-type"));
  }
  stage_close(&it);
}

static void test_head_redirect(void **state)
{
  stage it;
  (void)state;
  stage_open(&it, 20);
  prepare(&it, "HEAD", "http://a.example/302?/next");
  assert_int_equal(send_it(&it, NULL), AHTTP_OK);
  check_url(&it, "http://a.example/next");
  assert_text(ahttp_mock_request_method(ahttp_mock_at(it.transport, 1)),
              "HEAD");
  stage_close(&it);
}

static void test_body_redirect(void **state)
{
  stage it;
  (void)state;
  stage_open(&it, 20);
  prepare(&it, "POST", "http://a.example/308?/next");
  add(&it, "Content-Type", "text/plain");
  assert_int_equal(ahttp_request_set_content(it.request, "Example", 7),
                   AHTTP_OK);
  assert_int_equal(send_it(&it, NULL), AHTTP_OK);
  assert_text(ahttp_response_content(it.response), "Example");
  assert_string_equal(sent(&it, 1, "content-type"), "text/plain");
  stage_close(&it);
}

static void test_no_body_redirect(void **state)
{
  stage it;
  (void)state;
  stage_open(&it, 20);
  prepare(&it, "POST", "http://a.example/303?/next");
  assert_int_equal(ahttp_request_set_content(it.request, "Example", 7),
                   AHTTP_OK);
  assert_int_equal(send_it(&it, NULL), AHTTP_OK);
  check_sent_content(&it, 0, "Example");
  check_sent_content(&it, 1, "");
  assert_null(sent(&it, 1, "content-length"));
  stage_close(&it);
}

static int give_once(void *user_data, uint64_t offset, uint8_t *dst, size_t cap,
                     size_t *len)
{
  (void)user_data;
  (void)cap;
  *len = offset == 0 ? 1 : 0;
  dst[0] = 'x';
  return 0;
}

static void test_cannot_redirect_streaming_body(void **state)
{
  const ahttp_content_source source = {
      .size = sizeof(source), .read = give_once, .length = -1};
  stage it;
  (void)state;
  stage_open(&it, 20);
  prepare(&it, "POST", "http://a.example/308?/next");
  assert_int_equal(ahttp_request_set_content_source(it.request, &source),
                   AHTTP_OK);
  assert_int_equal(send_it(&it, NULL), AHTTP_EREDIRECT);
  assert_non_null(strstr(it.error.text,
                         "the request content cannot be sent a second time"));
  /* Without following them, that is no trouble: test_can_stream_if_no_redirect.
   */
  ahttp_send_opts opts = AHTTP_SEND_OPTS_INIT;
  opts.redirects_max = AHTTP_NONE;
  prepare(&it, "POST", "http://a.example/308?/next");
  assert_int_equal(ahttp_request_set_content_source(it.request, &source),
                   AHTTP_OK);
  assert_int_equal(send_it(&it, &opts), AHTTP_OK);
  ahttp_request *next;
  assert_int_equal(ahttp_response_next_request(&next, it.response),
                   AHTTP_EREDIRECT);
  assert_null(next);
  stage_close(&it);
}

static void test_relative_malformed_and_no_scheme_redirects(void **state)
{
  static const char *const rows[][2] = {
      {"https://a.example/302?/next", "https://a.example/next"},
      {"https://a.example/302?https://:443/next", "https://a.example/next"},
      {"https://a.example/302?//b.example/", "https://b.example/"},
      {"https://a.example/302?/with space", "https://a.example/with%20space"},
      {"https://a.example/302?/caf\xc3\xa9", "https://a.example/caf%C3%A9"},
      {"http://a.example/302?/next#f", "http://a.example/next#f"},
  };
  stage it;
  (void)state;
  stage_open(&it, 20);
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    get(&it, rows[i][0]);
    check_url(&it, rows[i][1]);
  }
  stage_close(&it);
}

static void test_invalid_redirect_and_custom_scheme(void **state)
{
  stage it;
  (void)state;
  stage_open(&it, 20);
  check_fails(&it, "http://a.example/302?https://[", AHTTP_EREDIRECT,
              "its Location is not a URL");
  check_fails(&it, "http://a.example/302?market://details", AHTTP_EREDIRECT,
              "neither http nor https");
  assert_int_equal(ahttp_mock_count(it.transport), 2);
  stage_close(&it);
}

static void test_fragment_redirect(void **state)
{
  stage it;
  (void)state;
  stage_open(&it, 20);
  get(&it, "http://a.example/302?/next#fragment");
  check_url(&it, "http://a.example/next#fragment");
  stage_close(&it);
}

/* "/302?/302?/302?...": |count| redirects, then the end. */
static char *nested_url(unsigned count)
{
  static char url[512];
  char *at = url + sprintf(url, "http://a.example");
  for (unsigned i = 0; i < count; i++) {
    at += sprintf(at, "/302?");
  }
  (void)sprintf(at, "/end");
  return url;
}

static void test_multiple_redirects_and_their_history(void **state)
{
  stage it;
  (void)state;
  stage_open(&it, 20);
  get(&it, nested_url(20));
  check_url(&it, "http://a.example/end");
  assert_int_equal(ahttp_response_redirects(it.response), 20);
  assert_int_equal(ahttp_response_history_count(it.response), 20);
  for (unsigned i = 0; i < 20; i++) {
    const ahttp_response *earlier = ahttp_response_history(it.response, i);
    ahttp_str location;
    assert_text(ahttp_url_href(ahttp_response_url(earlier)),
                nested_url(20 - i));
    assert_int_equal(ahttp_response_status(earlier), 302);
    assert_int_equal(ahttp_response_redirects(earlier), i);
    assert_int_equal(ahttp_response_history_count(earlier), i);
    assert_true(ahttp_fields_get(ahttp_response_fields(earlier), "location",
                                 &location));
    assert_int_equal(ahttp_response_content(earlier).len, 0);
    assert_int_equal(ahttp_fields_count(ahttp_response_trailers(earlier)), 0);
    ahttp_request *next;
    assert_int_equal(ahttp_response_next_request(&next, earlier), AHTTP_OK);
    assert_null(next); /* it was sent */
  }
  assert_null(ahttp_response_history(it.response, 20));
  stage_close(&it);
}

static void test_too_many_redirects(void **state)
{
  stage it;
  (void)state;
  stage_open(&it, 20);
  check_fails(&it, nested_url(21), AHTTP_EREDIRECTS, "more than 20 redirects");
  assert_int_equal(ahttp_mock_count(it.transport), 21);
  stage_close(&it);
}

/* An empty Location is the URL itself. */
static void test_redirect_loop_ends_at_the_limit(void **state)
{
  stage it;
  (void)state;
  stage_open(&it, 7);
  check_fails(&it, "http://a.example/302?", AHTTP_EREDIRECTS,
              "more than 7 redirects; the next one is to "
              "http://a.example/302?");
  assert_int_equal(ahttp_mock_count(it.transport), 8);
  stage_close(&it);
}

/* What a call keeps of a server that redirects for ever is bounded. */
static int serve_loop(ahttp_mock_request *request, ahttp_mock_reply *reply,
                      void *user_data)
{
  (void)request;
  reply->status = 302;
  reply->fields = user_data;
  reply->field_count = 2;
  return AHTTP_OK;
}

static void history_is_bounded(void **state)
{
  enum {
    LEN = 128 * 1024
  };
  char *large = malloc(LEN);
  (void)state;
  assert_non_null(large);
  memset(large, 'a', LEN);
  ahttp_field fields[] = {{{"location", 8}, {"/", 1}},
                          {{"large", 5}, {large, LEN}}};
  ahttp_mock_opts mock_opts = AHTTP_MOCK_OPTS_INIT;
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  stage it = {.request = NULL};
  mock_opts.handler = serve_loop;
  mock_opts.user_data = fields;
  assert_int_equal(ahttp_mock_new(&it.transport, &mock_opts), AHTTP_OK);
  opts.transport = it.transport;
  opts.redirects_max = AHTTP_NO_LIMIT;
  assert_int_equal(ahttp_client_new(&it.client, &opts), AHTTP_OK);
  check_fails(&it, "http://a.example/", AHTTP_ELIMIT, "more than 16 MiB");
  assert_in_range(ahttp_mock_count(it.transport), 120, 130);
  stage_close(&it);
  free(large);
}

/* --- Credentials. ----------------------------------------------------------
 */

static void credentials_stay_at_their_origin_for_good(void **state)
{
  static const char *const locations[] = {
      "http://b.example/302?http://a.example/back",
      "http://www.a.example/302?http://a.example/back",
      "http://a.example:81/302?http://a.example/back",
      "https://a.example:81/302?http://a.example/back",
  };
  stage it;
  (void)state;
  stage_open(&it, 20);
  for (size_t i = 0; i < sizeof(locations) / sizeof(locations[0]); i++) {
    char url[128];
    (void)snprintf(url, sizeof(url), "http://a.example/302?%s", locations[i]);
    prepare(&it, "GET", url);
    add(&it, "Authorization", "secret");
    add(&it, "Cookie", "a=secret");
    add(&it, "Proxy-Authorization", "secret");
    add(&it, "Host", "chosen.example");
    add(&it, "X-Own", "kept");
    assert_int_equal(send_it(&it, NULL), AHTTP_OK);
    check_url(&it, "http://a.example/back");
    assert_string_equal(sent(&it, 3 * i, "authorization"), "secret");
    for (size_t k = 3 * i + 1; k < 3 * i + 3; k++) {
      assert_null(sent(&it, k, "authorization"));
      assert_null(sent(&it, k, "cookie"));
      assert_null(sent(&it, k, "proxy-authorization"));
      assert_null(sent(&it, k, "host"));
      assert_string_equal(sent(&it, k, "x-own"), "kept");
    }
  }
  stage_close(&it);
}

static void test_same_domain_redirect_keeps_them(void **state)
{
  stage it;
  (void)state;
  stage_open(&it, 20);
  prepare(&it, "GET", "http://a.example/302?http://A.example:80/next");
  add(&it, "Authorization", "secret");
  add(&it, "Cookie", "a=b");
  assert_int_equal(send_it(&it, NULL), AHTTP_OK);
  assert_string_equal(sent(&it, 1, "authorization"), "secret");
  assert_string_equal(sent(&it, 1, "cookie"), "a=b");
  stage_close(&it);
}

static void test_https_upgrade_keeps_authorization_alone(void **state)
{
  stage it;
  (void)state;
  stage_open(&it, 20);
  prepare(&it, "GET", "http://a.example/302?https://a.example/next");
  add(&it, "Authorization", "secret");
  add(&it, "Cookie", "a=b");
  assert_int_equal(send_it(&it, NULL), AHTTP_OK);
  assert_string_equal(sent(&it, 1, "authorization"), "secret");
  assert_null(sent(&it, 1, "cookie"));
  stage_close(&it);
}

/* --- What is refused. ------------------------------------------------------
 */

static void downgrade_is_followed_unless_refused(void **state)
{
  static const char url[] = "https://a.example/302?http://a.example/next";
  ahttp_send_opts opts = AHTTP_SEND_OPTS_INIT;
  stage it;
  (void)state;
  stage_open(&it, 20);
  get(&it, url);
  check_url(&it, "http://a.example/next");
  opts.refuse_downgrade = true;
  prepare(&it, "GET", url);
  assert_int_equal(send_it(&it, &opts), AHTTP_EREDIRECT);
  assert_non_null(strstr(it.error.text, "it leads from https to http"));
  opts.redirects_max = AHTTP_NONE;
  prepare(&it, "GET", url);
  assert_int_equal(send_it(&it, &opts), AHTTP_OK);
  ahttp_request *next;
  assert_int_equal(ahttp_response_next_request(&next, it.response),
                   AHTTP_EREDIRECT);
  assert_int_equal(ahttp_mock_count(it.transport), 4);
  stage_close(&it);

  ahttp_client_opts client_opts = AHTTP_CLIENT_OPTS_INIT;
  client_opts.refuse_downgrade = true;
  stage_open_with(&it, &client_opts, 20);
  check_fails(&it, url, AHTTP_EREDIRECT, "it leads from https to http");
  get(&it, "http://a.example/302?http://a.example/next");
  stage_close(&it);
}

static void locations_that_differ_are_refused(void **state)
{
  stage it;
  (void)state;
  stage_open(&it, 20);
  check_fails(&it, "http://a.example/twice?/one", AHTTP_EREDIRECT,
              "several Locations");
  get(&it, "http://a.example/twice?/other");
  check_url(&it, "http://a.example/other");
  stage_close(&it);
}

/* --- Following them one by one. --------------------------------------------
 */

static void test_next_request(void **state)
{
  static const ahttp_field defaults[] = {{{"X-Default", 9}, {"1", 1}}};
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  stage it;
  (void)state;
  opts.fields = defaults;
  opts.field_count = 1;
  stage_open_with(&it, &opts, 0);
  prepare(&it, "POST", "http://a.example/307?/303?/end");
  add(&it, "Content-Type", "text/plain");
  assert_int_equal(ahttp_request_set_content(it.request, "Example", 7),
                   AHTTP_OK);
  unsigned hops = 1;
  for (; send_it(&it, NULL) == AHTTP_OK; hops++) {
    ahttp_request *next;
    assert_int_equal(ahttp_response_next_request(&next, it.response), AHTTP_OK);
    if (next == NULL) {
      break;
    }
    stage_reset(&it);
    it.request = next;
  }
  assert_int_equal(hops, 3);
  assert_int_equal(ahttp_response_status(it.response), 200);
  check_url(&it, "http://a.example/end");
  check_sent_content(&it, 1, "Example");
  assert_string_equal(sent(&it, 1, "content-type"), "text/plain");
  check_sent_content(&it, 2, "");
  assert_null(sent(&it, 2, "content-type"));
  for (size_t i = 0; i < 3; i++) {
    const ahttp_fields *fields =
        ahttp_mock_request_fields(ahttp_mock_at(it.transport, i));
    assert_string_equal(sent(&it, i, "x-default"), "1");
    assert_int_equal(ahttp_fields_count(fields), i == 2 ? 4 : 5);
  }
  stage_close(&it);
}

/* It can be made, changed and sent after its client is gone. */
static void next_request_outlives_the_client(void **state)
{
  stage it;
  ahttp_request *next;
  (void)state;
  stage_open(&it, 0);
  prepare(&it, "POST", "http://a.example/308?/next");
  assert_int_equal(ahttp_request_set_content(it.request, "Example", 7),
                   AHTTP_OK);
  assert_int_equal(send_it(&it, NULL), AHTTP_OK);
  ahttp_client_free(it.client);
  assert_int_equal(ahttp_response_next_request(&next, it.response), AHTTP_OK);
  stage_reset(&it);
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.transport = it.transport;
  assert_int_equal(ahttp_client_new(&it.client, &opts), AHTTP_OK);
  it.request = next;
  add(&it, "X-More", "2");
  assert_int_equal(send_it(&it, NULL), AHTTP_OK);
  assert_text(ahttp_response_content(it.response), "Example");
  assert_string_equal(sent(&it, 1, "x-more"), "2");
  assert_int_equal(ahttp_request_set_content(it.request, "", 0), AHTTP_ESTATE);
  stage_close(&it);
}

static void next_request_takes_other_content(void **state)
{
  stage it;
  ahttp_request *next;
  (void)state;
  stage_open(&it, 0);
  prepare(&it, "POST", "http://a.example/308?/next");
  assert_int_equal(ahttp_request_set_content(it.request, "Example", 7),
                   AHTTP_OK);
  assert_int_equal(send_it(&it, NULL), AHTTP_OK);
  assert_int_equal(ahttp_response_next_request(&next, it.response), AHTTP_OK);
  assert_int_equal(ahttp_request_set_content(next, "other", 5), AHTTP_OK);
  stage_reset(&it);
  it.request = next;
  assert_int_equal(send_it(&it, NULL), AHTTP_OK);
  assert_text(ahttp_response_content(it.response), "other");
  stage_close(&it);
}

/* HTTPX sends the client's auth wherever next_request leads. */
static void next_request_leaves_the_clients_credentials(void **state)
{
  static const ahttp_field defaults[] = {{{"Cookie", 6}, {"default=1", 9}}};
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  ahttp_auth *auth;
  stage it;
  (void)state;
  assert_int_equal(ahttp_auth_new_bearer(&auth, str("token")), AHTTP_OK);
  opts.auth = auth;
  opts.fields = defaults;
  opts.field_count = 1;
  stage_open_with(&it, &opts, 0);
  prepare(&it, "GET",
          "http://a.example/302?/302?//b.example/302?http://a.example/");
  for (size_t i = 0; i < 4; i++) {
    ahttp_request *next;
    assert_int_equal(send_it(&it, NULL), AHTTP_OK);
    assert_int_equal(sent(&it, i, "authorization") != NULL, i < 2);
    assert_int_equal(sent(&it, i, "cookie") != NULL, i < 2);
    assert_int_equal(ahttp_response_next_request(&next, it.response), AHTTP_OK);
    assert_int_equal(next != NULL, i < 3);
    stage_reset(&it);
    it.request = next;
  }
  prepare(&it, "GET", "http://a.example/302?//b.example/");
  assert_int_equal(send_it(&it, NULL), AHTTP_OK);
  ahttp_request *next;
  assert_int_equal(ahttp_response_next_request(&next, it.response), AHTTP_OK);
  stage_reset(&it);
  it.request = next;
  ahttp_send_opts send_opts = AHTTP_SEND_OPTS_INIT;
  send_opts.auth = auth;
  assert_int_equal(send_it(&it, &send_opts), AHTTP_OK);
  assert_string_equal(sent(&it, 5, "authorization"), "Bearer token");
  ahttp_auth_free(auth);
  stage_close(&it);
}

/* A challenge after a redirect: HTTPX loses the redirect. */
static int challenge(ahttp_auth_flow *flow, const ahttp_response *response,
                     void *user_data)
{
  size_t *seen = user_data;
  *seen = ahttp_response_history_count(response);
  return ahttp_auth_flow_rounds(flow) == 0 ? AHTTP_AGAIN : AHTTP_OK;
}

static void history_keeps_redirects_before_a_challenge(void **state)
{
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  ahttp_auth_opts auth_opts = AHTTP_AUTH_OPTS_INIT;
  size_t seen = 0;
  stage it;
  (void)state;
  auth_opts.on_response = challenge;
  auth_opts.user_data = &seen;
  assert_int_equal(ahttp_auth_new(&opts.auth, &auth_opts), AHTTP_OK);
  stage_open_with(&it, &opts, 20);
  get(&it, "http://a.example/302?/next");
  assert_int_equal(seen, 2);
  assert_int_equal(ahttp_response_history_count(it.response), 2);
  assert_int_equal(
      ahttp_response_status(ahttp_response_history(it.response, 0)), 302);
  assert_int_equal(
      ahttp_response_status(ahttp_response_history(it.response, 1)), 200);
  assert_int_equal(ahttp_response_redirects(it.response), 1);
  ahttp_auth_free(opts.auth);
  stage_close(&it);
}

/* --- On the wire. ----------------------------------------------------------
 */

/* The send's own address is of the host it was given for. */
static void local_address_is_not_carried_to_another_host(void **state)
{
  static const raw_step last[] = {
      {RAW_EXPECT_HEAD, NULL, 0},
      RAW_SEND_TEXT("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
      {RAW_EXPECT_EOF, NULL, 0},
      {RAW_END, NULL, 0}};
  (void)state;
  raw_peer *other = raw_peer_start_one(last);
  char answer[160];
  (void)snprintf(answer, sizeof(answer),
                 "HTTP/1.1 302 Found\r\nLocation: http://localhost:%u/\r\n"
                 "Content-Length: 0\r\n\r\n",
                 (unsigned)raw_peer_port(other));
  const raw_step first[] = {
      {RAW_EXPECT_HEAD, NULL, 0}, {RAW_SEND, answer, strlen(answer)},
      {RAW_EXPECT_HEAD, NULL, 0}, {RAW_SEND, answer, strlen(answer)},
      {RAW_EXPECT_EOF, NULL, 0},  {RAW_END, NULL, 0}};
  raw_peer *peer = raw_peer_start_one(first);
  const ahttp_resolve_entry entry = {"localhost", 0, "127.0.0.1"};
  static const char *const want[] = {"127.0.0.2", "127.0.0.1"};
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  ahttp_send_opts send_opts = AHTTP_SEND_OPTS_INIT;
  client_run run;
  opts.resolve = &entry;
  opts.resolve_count = 1;
  client_run_open(&run, &opts);
  send_opts.local_address = "127.0.0.2";
  for (uint32_t redirects = 0; redirects < 2; redirects++) {
    call_record record = {0};
    ahttp_call_info info = {.size = sizeof(info)};
    send_opts.redirects_max = redirects;
    client_run_start(&run, &record, "GET",
                     test_url("http", raw_peer_port(peer), "/"), &send_opts);
    ahttp_call *call = ahttp_call_ref(record.call);
    client_run_wait(&run);
    assert_int_equal(record.code, AHTTP_OK);
    ahttp_call_get_info(call, &info);
    assert_string_equal(info.local_address, want[redirects]);
    ahttp_call_unref(call);
    call_record_clear(&record);
  }
  client_run_close(&run);
  raw_peer_stop(peer);
  raw_peer_stop(other);
}

/* --- Memory. ---------------------------------------------------------------
 */

static int follow_one_by_one(void *arg)
{
  const stage *it = arg;
  ahttp_request *request;
  ahttp_request *next = NULL;
  ahttp_response *response = NULL;
  int rv = ahttp_request_new(&request, "POST",
                             "http://a.example/302?/307?http://b.example/");
  if (rv == AHTTP_OK) {
    rv = ahttp_request_set_content(request, "x", 1);
  }
  if (rv == AHTTP_OK) {
    ahttp_send_opts opts = AHTTP_SEND_OPTS_INIT;
    opts.redirects_max = 1;
    rv = ahttp_send(it->client, request, &opts, &response, NULL);
  }
  if (rv == AHTTP_EREDIRECTS) {
    ahttp_send_opts opts = AHTTP_SEND_OPTS_INIT;
    rv = ahttp_send(it->client, request, &opts, &response, NULL);
  }
  if (rv == AHTTP_OK) {
    rv = ahttp_response_next_request(&next, response);
  }
  ahttp_response_free(response);
  ahttp_request_free(request);
  ahttp_request_free(next);
  return rv;
}

static const ahttp_field to_b[] = {
    {{"location", 8}, {"http://b.example/", 17}}};
static const ahttp_mock_reply moved = {
    .size = sizeof(moved), .status = 307, .fields = to_b, .field_count = 1};

/* A round of its own, for the mock keeps what it is sent. */
static int run_with_client(void *arg)
{
  stage it = {.request = NULL};
  ahttp_mock_opts mock_opts = AHTTP_MOCK_OPTS_INIT;
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  (void)arg;
  mock_opts.replies = &moved;
  mock_opts.reply_count = 1;
  int rv = ahttp_mock_new(&it.transport, &mock_opts);
  if (rv == AHTTP_OK) {
    opts.transport = it.transport;
    rv = ahttp_client_new(&it.client, &opts);
  }
  if (rv == AHTTP_OK) {
    rv = follow_one_by_one(&it);
  }
  ahttp_client_free(it.client);
  ahttp_transport_free(it.transport);
  return rv;
}

static void following_survives_every_failed_allocation(void **state)
{
  (void)state;
  test_alloc_fail_each(run_with_client, NULL);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(redirects_are_not_followed_by_default),
      cmocka_unit_test(test_redirect_301_302_303),
      cmocka_unit_test(test_head_redirect),
      cmocka_unit_test(test_body_redirect),
      cmocka_unit_test(test_no_body_redirect),
      cmocka_unit_test(test_cannot_redirect_streaming_body),
      cmocka_unit_test(test_relative_malformed_and_no_scheme_redirects),
      cmocka_unit_test(test_invalid_redirect_and_custom_scheme),
      cmocka_unit_test(test_fragment_redirect),
      cmocka_unit_test(test_multiple_redirects_and_their_history),
      cmocka_unit_test(test_too_many_redirects),
      cmocka_unit_test(test_redirect_loop_ends_at_the_limit),
      cmocka_unit_test(history_is_bounded),
      cmocka_unit_test(credentials_stay_at_their_origin_for_good),
      cmocka_unit_test(test_same_domain_redirect_keeps_them),
      cmocka_unit_test(test_https_upgrade_keeps_authorization_alone),
      cmocka_unit_test(downgrade_is_followed_unless_refused),
      cmocka_unit_test(locations_that_differ_are_refused),
      cmocka_unit_test(test_next_request),
      cmocka_unit_test(next_request_outlives_the_client),
      cmocka_unit_test(next_request_takes_other_content),
      cmocka_unit_test(next_request_leaves_the_clients_credentials),
      cmocka_unit_test(history_keeps_redirects_before_a_challenge),
      cmocka_unit_test(local_address_is_not_carried_to_another_host),
      cmocka_unit_test(following_survives_every_failed_allocation),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
