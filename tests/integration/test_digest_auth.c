/* SPDX-License-Identifier: MIT */
/* Digest against a mock that checks answers: HTTPX's tests, its traps, what
 * servers may do besides. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <uv.h>

#include <ahttp/ahttp.h>

#include "base/str.h"
#include "support/digest_scene.h"
#include "support/test_alloc.h"

static int get(digest_scene *self, const char *url)
{
  return digest_scene_get(self, url, NULL);
}

/* --- HTTPX's tests. --------------------------------------------------------
 */

/* test_digest_auth, and what HTTPX crashes with: SHA-512-256. */
static void every_algorithm_is_answered(void **state)
{
  static const char *const names[] = {
      "MD5",         "MD5-sess",         "SHA",     "SHA-sess",
      "SHA-256",     "SHA-256-sess",     "SHA-512", "SHA-512-sess",
      "SHA-512-256", "sha-512-256-SESS", "sha-256",
  };
  (void)state;
  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
    digest_scene self;
    char challenge[200];
    char part[40];
    (void)snprintf(challenge, sizeof(challenge),
                   CHALLENGE ", algorithm=%s, opaque=\"o\"", 1, names[i]);
    digest_scene_open(&self, challenge, NULL);
    assert_int_equal(get(&self, "http://a.example/x?y=1"), 200);
    digest_scene_check_count(&self, 2);
    digest_scene_check_sent(&self, 0, NULL);
    (void)snprintf(part, sizeof(part), "algorithm=%s", names[i]);
    digest_scene_check_sent(&self, 1, part);
    digest_scene_check_sent(&self, 1, "uri=\"/x?y=1\"");
    digest_scene_check_sent(&self, 1, "nc=00000001");
    digest_scene_check_sent(&self, 1, "opaque=\"o\"");
    digest_scene_close(&self);
  }
}

/* test_digest_auth_no_specified_qop: RFC 2069. */
static void a_challenge_without_qop_is_answered(void **state)
{
  digest_scene self;
  (void)state;
  digest_scene_open(&self, "Digest realm=\"r\", nonce=\"n%u\"", NULL);
  assert_int_equal(get(&self, "http://a.example/"), 200);
  assert_null(strstr(digest_scene_sent(&self, 1), "qop"));
  assert_null(strstr(digest_scene_sent(&self, 1), "nc="));
  assert_null(strstr(digest_scene_sent(&self, 1), "cnonce"));
  digest_scene_close(&self);
}

/* test_digest_auth_qop_including_spaces_and_auth_returns_auth */
static void auth_is_preferred_of_several_qops(void **state)
{
  static const char *const qops[] = {"auth, auth-int", "auth,auth-int",
                                     "unknown,auth", "AUTH-INT , auth"};
  (void)state;
  for (size_t i = 0; i < sizeof(qops) / sizeof(qops[0]); i++) {
    digest_scene self;
    char challenge[200];
    (void)snprintf(challenge, sizeof(challenge),
                   "Digest realm=\"r\", nonce=\"n%%u\", qop=\"%s\"", qops[i]);
    digest_scene_open(&self, challenge, NULL);
    assert_int_equal(get(&self, "http://a.example/"), 200);
    digest_scene_check_sent(&self, 1, "qop=auth,");
    digest_scene_close(&self);
  }
}

static int post(digest_scene *self, const char *url, const char *content)
{
  ahttp_response *response;
  ahttp_request *request;
  assert_int_equal(ahttp_request_new(&request, "POST", url), AHTTP_OK);
  assert_int_equal(ahttp_request_set_content(request, content, strlen(content)),
                   AHTTP_OK);
  int rv = ahttp_send(self->client, request, NULL, &response, NULL);
  int status = rv == AHTTP_OK ? ahttp_response_status(response) : rv;
  ahttp_response_free(response);
  ahttp_request_free(request);
  return status;
}

/* test_digest_auth_qop_auth_int_not_implemented: here it is. */
static void content_is_signed_if_the_server_insists(void **state)
{
  digest_scene self;
  char *large = malloc(100001);
  (void)state;
  assert_non_null(large);
  memset(large, 'x', 100000);
  large[100000] = '\0';
  digest_scene_open(&self,
                    "Digest realm=\"r\", nonce=\"n%u\", qop=auth-int, "
                    "algorithm=SHA-256",
                    NULL);
  assert_int_equal(post(&self, "http://a.example/", "content"), 200);
  assert_int_equal(post(&self, "http://a.example/", large), 200);
  assert_int_equal(get(&self, "http://a.example/"), 200);
  digest_scene_check_sent(&self, 1, "qop=auth-int");
  digest_scene_check_count(&self, 4);
  free(large);
  digest_scene_close(&self);
}

/* test_digest_auth_qop_must_be_auth_or_auth_int,
 * test_auth_digest_raises_protocol_error_on_malformed_header, and an algorithm
 * that HTTPX crashes with. */
static void a_challenge_that_cannot_be_answered_is_an_error(void **state)
{
  static const struct {
    const char *challenge;
    const char *why;
  } rows[] = {
      {"Digest realm=\"r\", nonce=\"n%u\", qop=\"not-auth\"", "qop"},
      {"Digest realm=\"r\", qop=\"auth\"", "nonce"},
      {"Digest nonce=\"n%u\", qop=\"auth\"", "realm"},
      {"Digest", "realm"},
      {"Digest realm=\"r\", nonce=\"n%u\", algorithm=CRC-32", "algorithm"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    digest_scene self;
    ahttp_error err;
    digest_scene_open(&self, rows[i].challenge, NULL);
    assert_int_equal(digest_scene_get(&self, "http://a.example/", &err),
                     AHTTP_EPROTO);
    assert_non_null(strstr(err.text, "Digest challenge cannot be answered"));
    assert_non_null(strstr(err.text, rows[i].why));
    digest_scene_check_count(&self, 1);
    digest_scene_close(&self);
  }
}

/* test_digest_auth_incorrect_credentials */
static void a_wrong_password_is_tried_once(void **state)
{
  digest_scene self;
  (void)state;
  digest_scene_open(&self, CHALLENGE, digest_auth_for("ann", "wrong"));
  assert_int_equal(get(&self, "http://a.example/"), 401);
  digest_scene_check_count(&self, 2);
  /* Of the two requests to come the first is a guess. */
  assert_int_equal(get(&self, "http://a.example/"), 401);
  digest_scene_check_count(&self, 4);
  digest_scene_close(&self);
}

/* test_digest_auth_reuses_challenge */
static void further_requests_are_answered_before_they_are_asked(void **state)
{
  digest_scene self;
  (void)state;
  digest_scene_open(&self, CHALLENGE, NULL);
  assert_int_equal(get(&self, "http://a.example/"), 200);
  assert_int_equal(get(&self, "http://a.example/b"), 200);
  assert_int_equal(post(&self, "http://a.example/c", "content"), 200);
  digest_scene_check_count(&self, 4);
  digest_scene_check_sent(&self, 1, "nc=00000001");
  digest_scene_check_sent(&self, 2, "nc=00000002");
  digest_scene_check_sent(&self, 3, "nc=00000003");
  digest_scene_close(&self);
}

/* test_digest_auth_resets_nonce_count_after_401, and stale */
static void a_nonce_that_is_used_up_is_replaced(void **state)
{
  digest_scene self;
  (void)state;
  digest_scene_open(&self, CHALLENGE, NULL);
  self.server.uses_max = 2;
  for (int i = 0; i < 5; i++) {
    assert_int_equal(get(&self, "http://a.example/"), 200);
  }
  digest_scene_check_count(&self, 1 + 5 + 2);
  digest_scene_check_sent(&self, 3, "nonce=\"n1\", ");
  digest_scene_check_sent(&self, 3, "nc=00000003");
  digest_scene_check_sent(&self, 4, "nonce=\"n2\", ");
  digest_scene_check_sent(&self, 4, "nc=00000001");
  digest_scene_close(&self);
}

/* test_digest_auth_200_response_including_digest_auth_header */
static void a_challenge_beside_success_is_not_answered(void **state)
{
  digest_scene self;
  (void)state;
  digest_scene_open(&self, CHALLENGE, NULL);
  self.server.is_open = true;
  assert_int_equal(get(&self, "http://a.example/"), 200);
  digest_scene_check_count(&self, 1);
  digest_scene_close(&self);
}

/* test_digest_auth_401_response_without_digest_auth_header,
 * test_auth_digest_returns_no_auth_if_alternate_auth_scheme */
static void other_schemes_are_left_to_the_caller(void **state)
{
  static const char *const lines[] = {"Token ...", "Basic realm=\"r\"", ""};
  (void)state;
  for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
    digest_scene self;
    digest_scene_open(&self, lines[i], NULL);
    assert_int_equal(get(&self, "http://a.example/"), 401);
    digest_scene_check_count(&self, 1);
    digest_scene_close(&self);
  }
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

static int post_once(digest_scene *self, const char *url, ahttp_error *err)
{
  ahttp_content_source source = {
      .size = sizeof(source), .read = give_once, .length = -1};
  ahttp_response *response;
  ahttp_request *request;
  assert_int_equal(ahttp_request_new(&request, "POST", url), AHTTP_OK);
  assert_int_equal(ahttp_request_set_content_source(request, &source),
                   AHTTP_OK);
  int rv = ahttp_send(self->client, request, NULL, &response, err);
  int status = rv == AHTTP_OK ? ahttp_response_status(response) : rv;
  ahttp_response_free(response);
  ahttp_request_free(request);
  return status;
}

/* test_digest_auth_unavailable_streaming_body */
static void content_that_cannot_be_sent_again_is_an_error(void **state)
{
  digest_scene self;
  ahttp_error err;
  (void)state;
  digest_scene_open(&self, CHALLENGE, NULL);
  assert_int_equal(post_once(&self, "http://a.example/", &err), AHTTP_EBODY);
  assert_non_null(strstr(err.text, "cannot be sent a second time"));
  /* Once the challenge is known it need not be. */
  assert_int_equal(get(&self, "http://a.example/"), 200);
  assert_int_equal(post_once(&self, "http://a.example/", &err), 200);
  digest_scene_close(&self);

  digest_scene_open(
      &self, "Digest realm=\"r\", nonce=\"n%u\", qop=\"auth-int\"", NULL);
  assert_int_equal(get(&self, "http://a.example/"), 200);
  assert_int_equal(post_once(&self, "http://a.example/", &err), AHTTP_EBODY);
  assert_non_null(strstr(err.text, "auth-int"));
  digest_scene_check_count(&self, 2);
  digest_scene_close(&self);
}

/* test_digest_auth_setting_cookie_in_request */
static void cookies_of_the_challenge_are_sent_with_the_answer(void **state)
{
  digest_scene self;
  ahttp_str cookie;
  (void)state;
  digest_scene_open(&self, CHALLENGE, NULL);
  self.server.sets_cookie = true;
  assert_int_equal(get(&self, "http://a.example/"), 200);
  assert_true(ahttp_fields_get(
      ahttp_mock_request_fields(ahttp_mock_at(self.transport, 1)), "cookie",
      &cookie));
  assert_string_equal(cookie.ptr, "seen=yes");
  digest_scene_close(&self);
}

/* --- HTTPX's traps and gaps. -----------------------------------------------
 */

static void challenges_are_found_wherever_they_are(void **state)
{
  static const struct {
    const char *first;
    const char *second;
    const char *part; /* of the answer */
  } rows[] = {
      {"Basic realm=\"b, Digest\", " CHALLENGE, NULL, "realm=\"r\""},
      {CHALLENGE ", Negotiate, Basic realm=\"b\"", NULL, "realm=\"r\""},
      {"DIGEST Realm=\"r\", NONCE=n%u, Qop=\"auth\", ALGORITHM=\"MD5\"", NULL,
       "realm=\"r\""},
      {"Digest realm=\"a \\\"b\\\" \\\\c\", nonce=\"n%u\", opaque=, qop=auth",
       NULL, "realm=\"a \\\"b\\\" \\\\c\""},
      {"Digest realm=\"r\", nonce=\"n%u\", qop=auth, algorithm=SHA-256",
       "Digest realm=\"r\", nonce=\"x\", qop=auth", "algorithm=SHA-256"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    digest_scene self;
    digest_scene_open(&self, rows[i].first, NULL);
    self.server.second = rows[i].second;
    assert_int_equal(get(&self, "http://a.example/"), 200);
    digest_scene_check_sent(&self, 1, rows[i].part);
    digest_scene_close(&self);
  }
}

static void names_are_hashed_or_written_in_utf_8(void **state)
{
  static const struct {
    const char *more;
    const char *part;
  } rows[] = {
      {", userhash=true", ", userhash=true"},
      {", charset=UTF-8", "username=\"J\xc3\xa4s\xc3\xb8n\""},
  };
  (void)state;
  for (size_t i = 0; i < 2; i++) {
    digest_scene self;
    char challenge[200];
    (void)snprintf(challenge, sizeof(challenge), "%s%s", CHALLENGE,
                   rows[i].more);
    digest_scene_open(&self, challenge,
                      digest_auth_for("J\xc3\xa4s\xc3\xb8n", "secret"));
    self.server.username = "J\xc3\xa4s\xc3\xb8n";
    assert_int_equal(get(&self, "http://a.example/"), 200);
    digest_scene_check_sent(&self, 1, rows[i].part);
    digest_scene_close(&self);
  }
}

static void a_server_that_is_never_happy_gets_an_end(void **state)
{
  digest_scene self;
  (void)state;
  digest_scene_open(&self, CHALLENGE, NULL);
  self.server.is_never_happy = true;
  assert_int_equal(get(&self, "http://a.example/"), 401);
  digest_scene_check_count(&self, 4); /* bare, and answers to three nonces */
  digest_scene_close(&self);
}

/* The same nonce cannot be stale and new. */
static void a_stale_challenge_must_have_a_new_nonce(void **state)
{
  digest_scene self;
  (void)state;
  digest_scene_open(
      &self, "Digest realm=\"r\", nonce=\"n\", stale=true, qop=auth", NULL);
  assert_int_equal(get(&self, "http://a.example/"), 401);
  digest_scene_check_count(&self, 2);
  digest_scene_close(&self);
}

/* RFC 7616, section 3.5 */
static void the_next_nonce_is_used(void **state)
{
  digest_scene self;
  (void)state;
  digest_scene_open(&self, CHALLENGE, NULL);
  self.server.renews = true;
  self.server.info = "nextnonce=\"n%u\", cnonce=\"%.*s\", qop=auth, "
                     "rspauth=\"%s\"";
  for (int i = 0; i < 3; i++) {
    assert_int_equal(get(&self, "http://a.example/"), 200);
  }
  digest_scene_check_count(&self, 4);
  digest_scene_check_sent(&self, 3, "nonce=\"n3\", ");
  digest_scene_check_sent(&self, 3, "nc=00000001");
  digest_scene_close(&self);
}

/* Of -sess a new challenge is waited for. */
static void the_next_nonce_of_a_session_is_asked_for(void **state)
{
  digest_scene self;
  (void)state;
  digest_scene_open(&self, CHALLENGE ", algorithm=MD5-sess", NULL);
  self.server.renews = true;
  self.server.info = "nextnonce=\"n%u\", cnonce=\"%.*s\", x=\"%s\"";
  assert_int_equal(get(&self, "http://a.example/"), 200);
  assert_int_equal(get(&self, "http://a.example/"), 200);
  digest_scene_check_count(&self, 4);
  digest_scene_close(&self);
}

static void a_server_that_does_not_know_the_password_is_found_out(void **state)
{
  static const struct {
    const char *info;
    int want;
  } rows[] = {
      {"x=%u, cnonce=\"%.*s\", qop=auth, rspauth=\"%s\"", 200},
      {"x=%u, cnonce=\"%.*s\", qop=auth, rspauth=\"0%s\"", AHTTP_EPROTO},
      {"x=%u, cnonce=\"%.*s\", qop=auth, rspauth=\"\", y=%s", AHTTP_EPROTO},
      /* These prove nothing, or something else. */
      {"x=%u, cnonce=\"%.*s\", qop=auth-int, rspauth=\"0%s\"", 200},
      {"x=%u, cnonce=\"0%.*s\", qop=auth, rspauth=\"0%s\"", 200},
      {"x=%u, y=\"%.*s\", z=\"%s\"", 200},
  };
  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    digest_scene self;
    ahttp_error err;
    digest_scene_open(&self, CHALLENGE, NULL);
    self.server.info = rows[i].info;
    assert_int_equal(digest_scene_get(&self, "http://a.example/", &err),
                     rows[i].want);
    if (rows[i].want < 0) {
      assert_non_null(strstr(err.text, "does not know the password"));
    }
    digest_scene_close(&self);
  }
}

/* --- The request's own. ----------------------------------------------------
 */

static void an_authorization_of_the_requests_own_is_left_alone(void **state)
{
  digest_scene self;
  ahttp_request *request;
  ahttp_response *response;
  (void)state;
  digest_scene_open(&self, CHALLENGE, NULL);
  assert_int_equal(get(&self, "http://a.example/"), 200);
  assert_int_equal(ahttp_request_new(&request, "GET", "http://a.example/"),
                   AHTTP_OK);
  assert_int_equal(
      ahttp_request_add_field(request, "Authorization", "Own thing"), AHTTP_OK);
  assert_int_equal(ahttp_send(self.client, request, NULL, &response, NULL),
                   AHTTP_OK);
  assert_int_equal(ahttp_response_status(response), 401);
  digest_scene_check_count(&self, 3);
  assert_string_equal(digest_scene_sent(&self, 2), "Own thing");
  ahttp_response_free(response);
  ahttp_request_free(request);
  digest_scene_close(&self);
}

static void impossible_credentials_are_refused(void **state)
{
  ahttp_auth *auth;
  (void)state;
  assert_int_equal(ahttp_auth_new_digest(&auth, AH_STR("a\n"), AH_STR("b")),
                   AHTTP_EINVAL);
  assert_null(auth);
  assert_int_equal(ahttp_auth_new_digest(&auth, AH_STR("a"), AH_STR("b\x7f")),
                   AHTTP_EINVAL);
  assert_int_equal(ahttp_auth_new_any(&auth, AH_STR("a:b"), AH_STR("c"), true),
                   AHTTP_EINVAL);
  assert_null(auth);
  assert_int_equal(ahttp_auth_new_digest(&auth, AH_STR("a:b"), AH_STR("")),
                   AHTTP_OK);
  ahttp_auth_free(auth);
}

/* --- Memory. ---------------------------------------------------------------
 */

typedef struct memory_case {
  bool is_any;
  digest_server server;
} memory_case;

static int send_two(ahttp_transport *transport, ahttp_auth *auth)
{
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  ahttp_client *client;
  opts.transport = transport;
  opts.auth = auth;
  int rv = ahttp_client_new(&client, &opts);
  for (int i = 0; rv == AHTTP_OK && i < 2; i++) {
    ahttp_request *request;
    ahttp_response *response = NULL;
    rv = ahttp_request_new(&request, "POST", "http://a.example/");
    if (rv == AHTTP_OK) {
      rv = ahttp_request_set_content(request, "content", 7);
    }
    if (rv == AHTTP_OK) {
      rv = ahttp_send(client, request, NULL, &response, NULL);
    }
    if (rv == AHTTP_OK) {
      assert_int_equal(ahttp_response_status(response), 200);
    }
    ahttp_response_free(response);
    ahttp_request_free(request);
  }
  ahttp_client_free(client);
  return rv;
}

static int send_by(void *arg)
{
  memory_case *self = arg;
  ahttp_mock_opts mock_opts = AHTTP_MOCK_OPTS_INIT;
  ahttp_transport *transport = NULL;
  ahttp_auth *auth;
  mock_opts.handler = digest_server_serve;
  mock_opts.user_data = &self->server;
  int rv =
      self->is_any
          ? ahttp_auth_new_any(&auth, AH_STR("ann"), AH_STR("secret"), true)
          : ahttp_auth_new_digest(&auth, AH_STR("ann"), AH_STR("secret"));
  if (rv == AHTTP_OK) {
    rv = ahttp_mock_new(&transport, &mock_opts);
  }
  if (rv == AHTTP_OK) {
    rv = send_two(transport, auth);
  }
  ahttp_auth_free(auth);
  ahttp_transport_free(transport);
  return rv;
}

static void running_out_of_memory_is_told(void **state)
{
  static const struct {
    const char *challenge;
    bool is_any;
  } rows[] = {
      {CHALLENGE ", domain=\"/ /a\", opaque=\"\", algorithm=MD5-sess", false},
      {"Digest realm=\"r\", nonce=\"n%u\", qop=\"auth-int\"", false},
      {"Basic realm=\"b\"", true},
  };
  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    memory_case self = {.is_any = rows[i].is_any,
                        .server = digest_server_with(rows[i].challenge)};
    test_alloc_fail_each(send_by, &self);
    uv_mutex_destroy(&self.server.lock);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_algorithm_is_answered),
      cmocka_unit_test(a_challenge_without_qop_is_answered),
      cmocka_unit_test(auth_is_preferred_of_several_qops),
      cmocka_unit_test(content_is_signed_if_the_server_insists),
      cmocka_unit_test(a_challenge_that_cannot_be_answered_is_an_error),
      cmocka_unit_test(a_wrong_password_is_tried_once),
      cmocka_unit_test(further_requests_are_answered_before_they_are_asked),
      cmocka_unit_test(a_nonce_that_is_used_up_is_replaced),
      cmocka_unit_test(a_challenge_beside_success_is_not_answered),
      cmocka_unit_test(other_schemes_are_left_to_the_caller),
      cmocka_unit_test(content_that_cannot_be_sent_again_is_an_error),
      cmocka_unit_test(cookies_of_the_challenge_are_sent_with_the_answer),
      cmocka_unit_test(challenges_are_found_wherever_they_are),
      cmocka_unit_test(names_are_hashed_or_written_in_utf_8),
      cmocka_unit_test(a_server_that_is_never_happy_gets_an_end),
      cmocka_unit_test(a_stale_challenge_must_have_a_new_nonce),
      cmocka_unit_test(the_next_nonce_is_used),
      cmocka_unit_test(the_next_nonce_of_a_session_is_asked_for),
      cmocka_unit_test(a_server_that_does_not_know_the_password_is_found_out),
      cmocka_unit_test(an_authorization_of_the_requests_own_is_left_alone),
      cmocka_unit_test(impossible_credentials_are_refused),
      cmocka_unit_test(running_out_of_memory_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
