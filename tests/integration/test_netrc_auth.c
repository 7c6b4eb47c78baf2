/* SPDX-License-Identifier: MIT */
/* Credentials from a netrc file, on a client whose transport is a mock. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <ahttp/ahttp.h>

#include "support/server_process.h"
#include "support/test_alloc.h"

/* In base64: ann:secret, bob:word, def:ault */
#define ANN "Basic YW5uOnNlY3JldA=="
#define BOB "Basic Ym9iOndvcmQ="
#define DEF "Basic ZGVmOmF1bHQ="

static const char text[] = "machine a.example login ann password secret\n"
                           "machine a.example login bob password word\n"
                           "machine b.example login bob password word\n"
                           "machine n.example login ann\n"
                           "machine ::1 login ann password secret\n"
                           "default login def password ault\n";

static ahttp_str str(const char *value)
{
  return (ahttp_str){value, strlen(value)};
}

/* "/to?URL" redirects there. */
static int serve(ahttp_mock_request *request, ahttp_mock_reply *reply,
                 void *user_data)
{
  const char *to = strstr(ahttp_mock_request_url(request).ptr, "/to?");
  (void)user_data;
  if (to != NULL) {
    ahttp_field *location = ahttp_mock_alloc(request, sizeof(*location));
    if (location == NULL) {
      return AHTTP_ENOMEM;
    }
    *location = (ahttp_field){str("location"), str(to + 4)};
    reply->status = 302;
    reply->fields = location;
    reply->field_count = 1;
  }
  return AHTTP_OK;
}

static char *write_netrc(const char *content, mode_t mode)
{
  char *path = server_write_file("netrc", content);
  assert_int_equal(chmod(path, mode), 0);
  return path;
}

static ahttp_auth *netrc_of(const char *content)
{
  ahttp_auth *auth;
  ahttp_error err;
  char *path = write_netrc(content, 0600);
  if (ahttp_auth_new_netrc(&auth, path, &err) != AHTTP_OK) {
    fail_msg("%s", err.text);
  }
  free(path);
  return auth;
}

static ahttp_client *client_new(ahttp_transport **transport, ahttp_auth *auth)
{
  ahttp_mock_opts mock_opts = AHTTP_MOCK_OPTS_INIT;
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  ahttp_client *client;
  mock_opts.handler = serve;
  assert_int_equal(ahttp_mock_new(transport, &mock_opts), AHTTP_OK);
  opts.transport = *transport;
  opts.auth = auth;
  opts.redirects_max = 5;
  assert_int_equal(ahttp_client_new(&client, &opts), AHTTP_OK);
  ahttp_auth_free(auth);
  return client;
}

static void check_sent(const ahttp_transport *transport, size_t index,
                       const char *want)
{
  ahttp_str value;
  const ahttp_mock_request *request = ahttp_mock_at(transport, index);
  assert_non_null(request);
  if (!ahttp_fields_get(ahttp_mock_request_fields(request), "authorization",
                        &value)) {
    value = str("");
  }
  if (strcmp(value.ptr, want) != 0) {
    fail_msg("%s: \"%s\", not \"%s\"", ahttp_mock_request_url(request).ptr,
             value.ptr, want);
  }
}

/* HTTPX's test_netrc_auth_credentials_exist and its two neighbours; curl's
 * username in the URL. */
static void credentials_are_those_of_the_host(void **state)
{
  static const struct {
    const char *url;
    const char *want;
  } rows[] = {
      {"http://a.example/", ANN},
      {"https://A.example:8080/", ANN},
      {"http://b.example/", BOB},
      {"http://c.example/", DEF},
      {"http://a.example.c.example/", DEF},
      {"http://n.example/", ""},
      {"http://[::1]/", ANN},
      {"http://bob@a.example/", BOB},
      {"http://x@b.example/", "Basic eDo="},
      {"http://x:y@a.example/", "Basic eDp5"},
      {"http://:y@a.example/", "Basic Onk="},
  };
  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    ahttp_transport *transport;
    ahttp_response *response;
    ahttp_client *client = client_new(&transport, netrc_of(text));
    assert_int_equal(ahttp_get(client, rows[i].url, &response, NULL), AHTTP_OK);
    check_sent(transport, 0, rows[i].want);
    ahttp_response_free(response);
    ahttp_client_free(client);
    ahttp_transport_free(transport);
  }
}

/* Each hop gets its host's; the default is for the first origin alone, and
 * nothing goes over http after https. */
static void each_hop_gets_its_hosts(void **state)
{
  static const struct {
    const char *url;
    const char *want[3];
  } rows[] = {
      {"http://a.example/to?/x", {ANN, ANN}},
      {"http://a.example/to?http://b.example/", {ANN, BOB}},
      {"http://a.example/to?http://c.example/", {ANN, ""}},
      {"http://c.example/to?/x", {DEF, DEF}},
      {"http://c.example/to?https://c.example/x", {DEF, DEF}},
      {"http://c.example/to?http://d.example/to?http://c.example/",
       {DEF, "", ""}},
      {"http://c.example/to?http://c.example:81/", {DEF, ""}},
      {"http://a.example/to?http://b.example/to?http://a.example/",
       {ANN, BOB, ANN}},
      {"https://a.example/to?http://a.example/", {ANN, ""}},
      {"https://a.example/to?http://b.example/to?https://b.example/",
       {ANN, "", BOB}},
      {"http://x:y@c.example/to?http://b.example/", {"Basic eDp5", BOB}},
      {"http://x:y@c.example/to?http://d.example/to?http://c.example/",
       {"Basic eDp5", "", ""}},
      {"http://bob@a.example/to?http://b.example/to?http://a.example/",
       {BOB, BOB, ANN}},
  };
  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    ahttp_transport *transport;
    ahttp_response *response;
    ahttp_client *client = client_new(&transport, netrc_of(text));
    assert_int_equal(ahttp_get(client, rows[i].url, &response, NULL), AHTTP_OK);
    for (size_t k = 0; k < 3 && rows[i].want[k] != NULL; k++) {
      check_sent(transport, k, rows[i].want[k]);
    }
    ahttp_response_free(response);
    ahttp_client_free(client);
    ahttp_transport_free(transport);
  }
}

static void an_authorization_of_the_requests_own_is_left_alone(void **state)
{
  ahttp_transport *transport;
  ahttp_request *request;
  ahttp_response *response;
  ahttp_client *client = client_new(&transport, netrc_of(text));
  (void)state;
  assert_int_equal(ahttp_request_new(&request, "GET",
                                     "http://a.example/to?http://b.example/"),
                   AHTTP_OK);
  assert_int_equal(ahttp_request_add_field(request, "Authorization", "Own x"),
                   AHTTP_OK);
  assert_int_equal(ahttp_send(client, request, NULL, &response, NULL),
                   AHTTP_OK);
  check_sent(transport, 0, "Own x");
  check_sent(transport, 1, BOB);
  ahttp_response_free(response);
  ahttp_request_free(request);
  ahttp_client_free(client);
  ahttp_transport_free(transport);
}

static void an_entry_that_cannot_be_sent_is_an_error(void **state)
{
  ahttp_transport *transport;
  ahttp_response *response;
  ahttp_error err;
  ahttp_client *client = client_new(
      &transport, netrc_of("machine a.example login a:b password c"));
  (void)state;
  assert_int_equal(ahttp_get(client, "http://a.example/", &response, &err),
                   AHTTP_EURL);
  assert_non_null(strstr(err.text, "cannot be sent by Basic"));
  ahttp_client_free(client);
  ahttp_transport_free(transport);
}

/* --- The file. -------------------------------------------------------------
 */

static void a_file_with_passwords_must_be_nobody_elses(void **state)
{
  static const struct {
    const char *content;
    mode_t mode;
    int want;
  } rows[] = {
      {"machine a login b password c", 0600, AHTTP_OK},
      {"machine a login b password c", 0400, AHTTP_OK},
      {"machine a login b password c", 0640, AHTTP_EFILE},
      {"machine a login b password c", 0604, AHTTP_EFILE},
      {"machine a login b password c", 0620, AHTTP_EFILE},
      {"machine a login b", 0644, AHTTP_OK},
      {"machine a login anonymous password c", 0644, AHTTP_OK},
  };
  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    ahttp_auth *auth;
    ahttp_error err;
    char *path = write_netrc(rows[i].content, rows[i].mode);
    assert_int_equal(ahttp_auth_new_netrc(&auth, path, &err), rows[i].want);
    if (rows[i].want != AHTTP_OK) {
      assert_null(auth);
      assert_non_null(strstr(err.text, "chmod 600"));
      assert_non_null(strstr(err.text, path));
    }
    ahttp_auth_free(auth);
    (void)remove(path);
    free(path);
  }
}

static void mistakes_in_the_file_are_told(void **state)
{
  ahttp_auth *auth;
  ahttp_error err;
  char *path = write_netrc("machine a\nlogin \"b\n", 0600);
  char *large = malloc(200001);
  (void)state;
  assert_non_null(large);
  assert_int_equal(ahttp_auth_new_netrc(&auth, path, &err), AHTTP_EFILE);
  assert_non_null(strstr(err.text, "line 2: a quotation mark is missing"));
  assert_int_equal(ahttp_auth_new_netrc(&auth, path, NULL), AHTTP_EFILE);
  free(path);
  memset(large, '\n', 200000);
  large[200000] = '\0';
  path = write_netrc(large, 0600);
  assert_int_equal(ahttp_auth_new_netrc(&auth, path, &err), AHTTP_ELIMIT);
  (void)remove(path);
  assert_int_equal(ahttp_auth_new_netrc(&auth, path, &err), AHTTP_EFILE);
  assert_non_null(strstr(err.text, "no such file"));
  assert_null(auth);
  free(large);
  free(path);
}

static void the_file_is_found_by_itself(void **state)
{
  ahttp_auth *auth;
  ahttp_error err;
  char *path = write_netrc("machine a login b password c", 0600);
  char *home = server_write_file(".netrc", "machine a login \"b");
  (void)state;
  assert_int_equal(setenv("HOME", server_dir(), 1), 0);
  assert_int_equal(setenv("NETRC", path, 1), 0);
  assert_int_equal(ahttp_auth_new_netrc(&auth, NULL, &err), AHTTP_OK);
  ahttp_auth_free(auth);
  assert_int_equal(setenv("NETRC", "", 1), 0);
  assert_int_equal(ahttp_auth_new_netrc(&auth, NULL, &err), AHTTP_EFILE);
  assert_non_null(strstr(err.text, "/.netrc, line 1"));
  assert_int_equal(unsetenv("NETRC"), 0);
  assert_int_equal(ahttp_auth_new_netrc(&auth, NULL, &err), AHTTP_EFILE);
  assert_non_null(strstr(err.text, "/.netrc, line 1"));
  free(path);
  free(home);
}

/* --- Memory. ---------------------------------------------------------------
 */

static int send_by(void *path)
{
  ahttp_mock_opts mock_opts = AHTTP_MOCK_OPTS_INIT;
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  ahttp_client *client = NULL;
  ahttp_response *response = NULL;
  mock_opts.handler = serve;
  opts.redirects_max = 1;
  int rv = ahttp_auth_new_netrc(&opts.auth, path, NULL);
  if (rv == AHTTP_OK) {
    rv = ahttp_mock_new(&opts.transport, &mock_opts);
  }
  if (rv == AHTTP_OK) {
    rv = ahttp_client_new(&client, &opts);
  }
  if (rv == AHTTP_OK) {
    rv = ahttp_get(client, "http://bob@a.example/to?http://b.example/",
                   &response, NULL);
  }
  ahttp_response_free(response);
  ahttp_client_free(client);
  ahttp_transport_free(opts.transport);
  ahttp_auth_free(opts.auth);
  return rv;
}

static void running_out_of_memory_is_told(void **state)
{
  char *path = write_netrc(text, 0600);
  (void)state;
  test_alloc_fail_each(send_by, path);
  free(path);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(credentials_are_those_of_the_host),
      cmocka_unit_test(each_hop_gets_its_hosts),
      cmocka_unit_test(an_authorization_of_the_requests_own_is_left_alone),
      cmocka_unit_test(an_entry_that_cannot_be_sent_is_an_error),
      cmocka_unit_test(a_file_with_passwords_must_be_nobody_elses),
      cmocka_unit_test(mistakes_in_the_file_are_told),
      cmocka_unit_test(the_file_is_found_by_itself),
      cmocka_unit_test(running_out_of_memory_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
