/* SPDX-License-Identifier: MIT */
/* Redirects and cookies as httpbin does them. */
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

static httpbin server;
static ahttp_client *client;

static ahttp_response *get(const char *path, int expected)
{
  ahttp_response *response;
  ahttp_error err = {.code = AHTTP_OK};
  int rv =
      ahttp_get(client, test_url("http", server.port, path), &response, &err);
  if (rv != expected) {
    fail_msg("%s: %s", path, err.text);
  }
  return response;
}

static void check_path(const ahttp_response *response, const char *path)
{
  ahttp_str got = ahttp_url_path(ahttp_response_url(response));
  assert_int_equal(got.len, strlen(path));
  assert_memory_equal(got.ptr, path, got.len);
}

/* What /cookies says is sent. */
static void check_cookies(const char *expected)
{
  ahttp_response *response = get("/cookies", AHTTP_OK);
  char text[200] = "";
  size_t len = 0;
  ahttp_str content = ahttp_response_content(response);
  for (size_t i = 0; i < content.len && len < sizeof(text) - 1; i++) {
    if (strchr(" \r\n", content.ptr[i]) == NULL) {
      text[len++] = content.ptr[i];
    }
  }
  assert_string_equal(text, expected);
  ahttp_response_free(response);
}

static void redirects_are_followed_however_they_are_written(void **state)
{
  static const char *const paths[] = {"/redirect/4", "/relative-redirect/4",
                                      "/absolute-redirect/4"};
  (void)state;
  for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
    ahttp_response *response = get(paths[i], AHTTP_OK);
    assert_int_equal(ahttp_response_status(response), 200);
    assert_int_equal(ahttp_response_redirects(response), 4);
    check_path(response, "/get");
    ahttp_response_free(response);
  }
}

static void more_redirects_than_allowed_are_an_error(void **state)
{
  (void)state;
  assert_null(get("/redirect/6", AHTTP_EREDIRECTS));
}

static void each_status_redirects(void **state)
{
  static const int statuses[] = {301, 302, 303, 307, 308};
  (void)state;
  for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
    char path[80];
    (void)snprintf(path, sizeof(path), "/redirect-to?url=/get&status_code=%d",
                   statuses[i]);
    ahttp_response *response = get(path, AHTTP_OK);
    assert_int_equal(ahttp_response_status(response), 200);
    assert_int_equal(ahttp_response_redirects(response), 1);
    check_path(response, "/get");
    ahttp_response_free(response);
  }
}

/* They are set by the redirects themselves. */
static void cookies_are_kept_changed_and_deleted(void **state)
{
  (void)state;
  check_cookies("{\"cookies\":{}}");
  ahttp_response *response = get("/cookies/set?a=1", AHTTP_OK);
  check_path(response, "/cookies");
  ahttp_response_free(response);
  check_cookies("{\"cookies\":{\"a\":\"1\"}}");
  ahttp_response_free(get("/cookies/set/b/2", AHTTP_OK));
  check_cookies("{\"cookies\":{\"a\":\"1\",\"b\":\"2\"}}");
  ahttp_response_free(get("/cookies/set?a=3", AHTTP_OK));
  check_cookies("{\"cookies\":{\"a\":\"3\",\"b\":\"2\"}}");
  ahttp_response_free(get("/cookies/delete?a", AHTTP_OK));
  check_cookies("{\"cookies\":{\"b\":\"2\"}}");
}

static int open_all(void **state)
{
  (void)state;
  httpbin_open(&server);
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.redirects_max = 5;
  opts.keep_cookies = true;
  return ahttp_client_new(&client, &opts);
}

static int close_all(void **state)
{
  (void)state;
  ahttp_client_free(client);
  httpbin_close(&server);
  return 0;
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(redirects_are_followed_however_they_are_written),
      cmocka_unit_test(more_redirects_than_allowed_are_an_error),
      cmocka_unit_test(each_status_redirects),
      cmocka_unit_test(cookies_are_kept_changed_and_deleted),
  };
  return cmocka_run_group_tests(tests, open_all, close_all);
}
