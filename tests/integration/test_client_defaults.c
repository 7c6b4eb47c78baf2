/* SPDX-License-Identifier: MIT */
/* What a client gives to every request, as a server sees it. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ahttp/ahttp.h>

#include "support/raw_peer.h"

#define OK_HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

static const raw_step two_answers[] = {
    {RAW_EXPECT_HEAD, NULL, 0}, RAW_SEND_TEXT(OK_HELLO),
    {RAW_EXPECT_HEAD, NULL, 0}, RAW_SEND_TEXT(OK_HELLO),
    {RAW_EXPECT_EOF, NULL, 0},  {RAW_END, NULL, 0}};

static const ahttp_field defaults[] = {
    {{"X-One", 5}, {"1", 1}},
    {{"x-two", 5}, {"a", 1}},
    {{"X-Two", 5}, {"b", 1}},
    {{"User-Agent", 10}, {"mine", 4}},
    {{"Accept-Language", 15}, {"en", 2}},
};

static ahttp_client *client_for(const raw_peer *peer,
                                const ahttp_params *params)
{
  char base[64];
  (void)snprintf(base, sizeof(base), "http://127.0.0.1:%u/api/v1",
                 (unsigned)raw_peer_port(peer));
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.decode = AHTTP_DECODE_OFF; /* no Accept-Encoding among the fields */
  opts.base_url = base;
  opts.params = params;
  opts.fields = defaults;
  opts.field_count = sizeof(defaults) / sizeof(defaults[0]);
  ahttp_client *client;
  assert_int_equal(ahttp_client_new(&client, &opts), AHTTP_OK);
  return client;
}

/* The second request's head in what |peer| received. */
static const char *second_head(raw_peer *peer)
{
  const char *end = strstr(raw_peer_received(peer, NULL), "\r\n\r\n");
  assert_non_null(end);
  return end + 4;
}

/* HTTPX's header merge: a request's field replaces all of the client's of that
 * name, in any case. */
static void request_fields_replace_those_of_the_client(void **state)
{
  (void)state;
  raw_peer *peer = raw_peer_start_one(two_answers);
  ahttp_client *client = client_for(peer, NULL);
  ahttp_response *response;
  assert_int_equal(ahttp_get(client, "/users", &response, NULL), AHTTP_OK);
  ahttp_response_free(response);
  static const ahttp_field own[] = {{{"X-TWO", 5}, {"c", 1}},
                                    {{"accept-language", 15}, {"de", 2}}};
  ahttp_fetch_opts opts = AHTTP_FETCH_OPTS_INIT;
  opts.fields = own;
  opts.field_count = 2;
  assert_int_equal(ahttp_fetch(client, "/users", &opts, &response, NULL),
                   AHTTP_OK);
  ahttp_response_free(response);
  ahttp_client_free(client);

  const char *first = raw_peer_received(peer, NULL);
  assert_int_equal(strncmp(first, "GET /api/v1/users HTTP/1.1\r\n", 28), 0);
  assert_non_null(strstr(first, "\r\naccept: */*\r\nX-One: 1\r\nx-two: a\r\n"
                                "X-Two: b\r\nUser-Agent: mine\r\n"
                                "Accept-Language: en\r\n"));
  assert_null(strstr(first, "libahttp"));
  const char *second = second_head(peer);
  assert_non_null(strstr(second, "\r\nX-One: 1\r\nUser-Agent: mine\r\n"
                                 "X-TWO: c\r\naccept-language: de\r\n"));
  assert_null(strstr(second, "x-two"));
  assert_null(strstr(second, "Accept-Language"));
  raw_peer_stop(peer);
}

static void fetch_merges_parameters(void **state)
{
  (void)state;
  raw_peer *peer = raw_peer_start_one(two_answers);
  ahttp_params *params;
  assert_int_equal(ahttp_params_parse(&params, (ahttp_str){"k=1&l=2", 7}),
                   AHTTP_OK);
  ahttp_client *client = client_for(peer, params);
  ahttp_fetch_opts opts = AHTTP_FETCH_OPTS_INIT;
  assert_int_equal(ahttp_params_set(params, "k", "x y"), AHTTP_OK);
  assert_int_equal(ahttp_params_remove(params, "l"), 1);
  opts.params = params;
  ahttp_response *response;
  assert_int_equal(ahttp_fetch(client, "?orig=%20", &opts, &response, NULL),
                   AHTTP_OK);
  ahttp_response_free(response);
  assert_int_equal(ahttp_get(client, "", &response, NULL), AHTTP_OK);
  ahttp_response_free(response);
  ahttp_params_free(params);
  ahttp_client_free(client);
  static const char want[] = "GET /api/v1/?l=2&orig=%20&k=x+y HTTP/1.1\r\n";
  assert_int_equal(
      strncmp(raw_peer_received(peer, NULL), want, sizeof(want) - 1), 0);
  static const char then[] = "GET /api/v1/?k=1&l=2 HTTP/1.1\r\n";
  assert_int_equal(strncmp(second_head(peer), then, sizeof(then) - 1), 0);
  raw_peer_stop(peer);
}

static void sent_request_takes_no_parameters(void **state)
{
  (void)state;
  raw_peer *peer = raw_peer_start_one(two_answers);
  ahttp_client *client = client_for(peer, NULL);
  ahttp_params *params;
  assert_int_equal(ahttp_params_parse(&params, (ahttp_str){"a", 1}), AHTTP_OK);
  ahttp_request *request;
  ahttp_response *response;
  assert_int_equal(ahttp_client_request(client, &request, "GET", "x"),
                   AHTTP_OK);
  assert_int_equal(ahttp_send(client, request, NULL, &response, NULL),
                   AHTTP_OK);
  assert_int_equal(ahttp_request_merge_params(request, params), AHTTP_ESTATE);
  ahttp_response_free(response);
  ahttp_request_free(request);
  ahttp_params_free(params);
  ahttp_client_free(client);
  raw_peer_stop(peer);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(request_fields_replace_those_of_the_client),
      cmocka_unit_test(fetch_merges_parameters),
      cmocka_unit_test(sent_request_takes_no_parameters),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
