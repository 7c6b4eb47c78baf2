/* SPDX-License-Identifier: MIT */
/* Which requests are answered before they are asked, and with what: origins,
 * domains, realms, redirects, and an object that many share. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
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

enum {
  THREADS = 8,
  GETS_PER_THREAD = 50,
  CLIENTS = 2,
  ORIGINS = 300 /* more than are remembered */
};

static int get(digest_scene *self, const char *url)
{
  return digest_scene_get(self, url, NULL);
}

/* --- Where answers go. -----------------------------------------------------
 */

static void a_domain_says_where_answers_go(void **state)
{
  static const struct {
    const char *domain;
    const char *url;
    bool is_answered;
  } rows[] = {
      {"", "http://a.example/x", true},
      {"/", "http://a.example/x", true},
      {"/in", "http://a.example/in/x", true},
      {"/in", "http://a.example/out", false},
      {"/no /in/", "http://a.example/in/x", true},
      {"/in", "http://b.example/in", false},
      {"http://b.example/ /in", "http://b.example/", false},
      {"http://b.example/ /in", "http://a.example/in", true},
      {"http://b.example/", "http://a.example/in", false},
      {"http://a.example/in?a", "http://a.example/in?ab", true},
      {"http://a.example:80/in", "http://a.example/in", true},
      {"http://[/ /in", "http://a.example/in", true},
  };
  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    digest_scene self;
    char challenge[200];
    (void)snprintf(challenge, sizeof(challenge), "%s, domain=\"%s\"", CHALLENGE,
                   rows[i].domain);
    digest_scene_open(&self, challenge, NULL);
    assert_int_equal(get(&self, "http://a.example/in"), 200);
    assert_int_equal(get(&self, rows[i].url), 200);
    digest_scene_check_sent(&self, 2, rows[i].is_answered ? "Digest" : NULL);
    digest_scene_close(&self);
  }
}

/* Two realms on one origin: the one nearer to the path is guessed. */
static int serve_realms(ahttp_mock_request *request, ahttp_mock_reply *reply,
                        void *user_data)
{
  digest_server *servers = user_data;
  bool is_b = strstr(ahttp_mock_request_url(request).ptr, "/b/") != NULL;
  return digest_server_serve(request, reply, &servers[is_b ? 1 : 0]);
}

static void the_realm_is_guessed_by_the_path(void **state)
{
  ahttp_mock_opts mock_opts = AHTTP_MOCK_OPTS_INIT;
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  digest_server servers[2] = {
      digest_server_with("Digest realm=\"a\", nonce=\"n%u\", qop=\"auth\""),
      digest_server_with("Digest realm=\"b\", nonce=\"n%u\", qop=\"auth\"")};
  digest_scene self;
  (void)state;
  mock_opts.handler = serve_realms;
  mock_opts.user_data = servers;
  assert_int_equal(ahttp_mock_new(&self.transport, &mock_opts), AHTTP_OK);
  opts.transport = self.transport;
  opts.auth = digest_auth_for("ann", "secret");
  assert_int_equal(ahttp_client_new(&self.client, &opts), AHTTP_OK);
  assert_int_equal(get(&self, "http://x.example/a/1"), 200);
  assert_int_equal(get(&self, "http://x.example/b/1"), 200); /* a wrong guess */
  digest_scene_check_count(&self, 4);
  digest_scene_check_sent(&self, 2, "realm=\"a\"");
  digest_scene_check_sent(&self, 3, "realm=\"b\"");
  for (int i = 0; i < 3; i++) {
    assert_int_equal(get(&self, "http://x.example/a/2"), 200);
    assert_int_equal(get(&self, "http://x.example/b/2"), 200);
  }
  digest_scene_check_count(&self, 10);
  ahttp_client_free(self.client);
  ahttp_transport_free(self.transport);
  ahttp_auth_free(opts.auth);
  uv_mutex_destroy(&servers[0].lock);
  uv_mutex_destroy(&servers[1].lock);
}

/* engine.md's row of digest state that crossed origins: nothing of a challenge
 * is used anywhere else, though the realm be the same. */
static void nonces_do_not_cross_origins(void **state)
{
  static const char *const urls[] = {
      "http://b.example/", "http://a.example:81/", "https://a.example/",
      "http://sub.a.example/"};
  digest_scene self;
  (void)state;
  digest_scene_open(&self, CHALLENGE, NULL);
  assert_int_equal(get(&self, "http://a.example/"), 200);
  for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
    assert_int_equal(get(&self, urls[i]), 200);
    digest_scene_check_sent(&self, 2 + 2 * i, NULL);
    digest_scene_check_sent(&self, 3 + 2 * i, "nc=00000001");
  }
  assert_int_equal(get(&self, "http://a.example/"), 200);
  digest_scene_check_sent(&self, 10, "nc=00000002");
  digest_scene_close(&self);
}

/* Whatever credentials are there stay with the origin that the call was started
 * for; the server behind the redirect is not even answered. */
static void answers_stay_with_the_origin_of_the_call(void **state)
{
  static const struct {
    const char *url;
    int status;
  } rows[] = {
      {"http://a.example/to?/x", 200},
      {"http://a.example/to?http://b.example/x", 401},
      {"http://a.example/to?http://a.example:81/x", 401},
      {"https://a.example/to?http://a.example/x", 401},
      {"http://a.example/to?https://a.example/x", 200},
      {"http://a.example/to?http://b.example/to?http://a.example/x", 401},
  };
  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    digest_scene self;
    digest_scene_open(&self, CHALLENGE, NULL);
    if (get(&self, rows[i].url) != rows[i].status) {
      fail_msg("%s: not %d", rows[i].url, rows[i].status);
    }
    for (size_t k = 0; k < ahttp_mock_count(self.transport); k++) {
      if (rows[i].status == 401) {
        digest_scene_check_sent(&self, k, NULL);
      }
    }
    digest_scene_close(&self);
  }
}

/* The redirect was answered, then the page it leads to has a realm of its own:
 * that is a challenge like the first. */
static void a_redirect_within_the_origin_begins_anew(void **state)
{
  digest_scene self;
  (void)state;
  digest_scene_open(&self, CHALLENGE, NULL);
  assert_int_equal(get(&self, "http://a.example/x"), 200);
  self.server.nonce = 7;
  assert_int_equal(get(&self, "http://a.example/to?/to?/x"), 200);
  digest_scene_check_count(&self, 2 + 4);
  digest_scene_check_sent(&self, 4, "nonce=\"n1\"");
  digest_scene_check_sent(&self, 5, "nonce=\"n7\"");
  digest_scene_close(&self);
}

static void more_origins_than_are_remembered_do_no_harm(void **state)
{
  digest_scene self;
  char url[50];
  (void)state;
  digest_scene_open(&self, CHALLENGE, NULL);
  for (int i = 0; i < ORIGINS; i++) {
    (void)snprintf(url, sizeof(url), "http://h%d.example/", i);
    assert_int_equal(get(&self, url), 200);
  }
  digest_scene_check_count(&self, 2 * (size_t)ORIGINS);
  assert_int_equal(get(&self, url), 200);
  digest_scene_check_count(&self, 2 * (size_t)ORIGINS + 1);
  assert_int_equal(get(&self, "http://h0.example/"), 200);
  digest_scene_check_count(&self, 2 * (size_t)ORIGINS + 3);
  digest_scene_close(&self);
}

static void more_realms_than_are_remembered_do_no_harm(void **state)
{
  digest_scene self;
  char challenge[100];
  (void)state;
  digest_scene_open(&self, CHALLENGE, NULL);
  self.server.challenge = challenge;
  for (unsigned i = 0; i < 20; i++) {
    (void)snprintf(challenge, sizeof(challenge),
                   "Digest realm=\"r%u\", nonce=\"n%%u\", qop=auth", i);
    self.server.nonce = i + 1;
    assert_int_equal(get(&self, "http://a.example/"), 200);
  }
  digest_scene_close(&self);
}

/* --- Any. ------------------------------------------------------------------
 */

static ahttp_auth *any(const char *password, bool basic_in_clear)
{
  ahttp_auth *auth;
  assert_int_equal(ahttp_auth_new_any(&auth, AH_STR("ann"),
                                      ah_str_from_c(password), basic_in_clear),
                   AHTTP_OK);
  return auth;
}

static void any_takes_what_the_server_asks_for(void **state)
{
  static const struct {
    const char *challenge;
    const char *url;
    bool in_clear;
    const char *part; /* of the answer; NULL: none */
  } rows[] = {
      {"Basic realm=\"b\", " CHALLENGE, "https://a.example/", true, "Digest "},
      {CHALLENGE ", Basic realm=\"b\"", "http://a.example/", false, "Digest "},
      {"Negotiate, basic realm=\"b\"", "https://a.example/", false, "Basic "},
      {"Basic realm=\"b\"", "http://a.example/", true, "Basic "},
      {"Basic realm=\"b\"", "http://a.example/", false, NULL},
      {"Digest realm=\"r\", Basic realm=\"b\"", "https://a.example/", false,
       "Basic "},
      {"Negotiate", "https://a.example/", true, NULL},
  };
  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    digest_scene self;
    digest_scene_open(&self, rows[i].challenge,
                      any("secret", rows[i].in_clear));
    assert_int_equal(get(&self, rows[i].url), rows[i].part == NULL ? 401 : 200);
    digest_scene_check_count(&self, rows[i].part == NULL ? 1 : 2);
    digest_scene_check_sent(&self, 0, NULL);
    if (rows[i].part != NULL) {
      digest_scene_check_sent(&self, 1, rows[i].part);
      assert_int_equal(get(&self, rows[i].url), 200);
      digest_scene_check_count(&self, 3);
    }
    digest_scene_close(&self);
  }
}

static void any_tries_a_wrong_password_once(void **state)
{
  digest_scene self;
  (void)state;
  digest_scene_open(&self, "Basic realm=\"b\"", any("wrong", true));
  assert_int_equal(get(&self, "http://a.example/"), 401);
  digest_scene_check_count(&self, 2);
  digest_scene_close(&self);
}

/* RFC 7617, section 2.2 */
static void basic_is_repeated_below_its_folder_only(void **state)
{
  digest_scene self;
  (void)state;
  digest_scene_open(&self, "Basic realm=\"b\"", any("secret", true));
  assert_int_equal(get(&self, "http://a.example/in/x"), 200);
  assert_int_equal(get(&self, "http://a.example/in/y/z"), 200);
  digest_scene_check_sent(&self, 2, "Basic ");
  assert_int_equal(get(&self, "http://a.example/x"), 200);
  digest_scene_check_sent(&self, 3, NULL);
  digest_scene_close(&self);
}

/* --- Threads. --------------------------------------------------------------
 */

typedef struct crowd {
  ahttp_client *client;
  atomic_uint failures;
} crowd;

static void crowd_on_thread(void *arg)
{
  crowd *self = arg;
  for (int i = 0; i < GETS_PER_THREAD; i++) {
    ahttp_response *response;
    const char *url = i % 2 == 0 ? "http://a.example/" : "http://b.example/";
    int rv = ahttp_get(self->client, url, &response, NULL);
    if (rv != AHTTP_OK || ahttp_response_status(response) != 200) {
      atomic_fetch_add(&self->failures, 1);
    }
    ahttp_response_free(response);
  }
}

static void threads_and_clients_share_one_object(void **state)
{
  ahttp_auth *auth = digest_auth_for("ann", "secret");
  digest_server server = digest_server_with(CHALLENGE);
  ahttp_transport *transports[CLIENTS];
  crowd crowds[CLIENTS];
  uv_thread_t threads[THREADS];
  size_t requests = 0;
  (void)state;
  server.info = "x=%u, cnonce=\"%.*s\", qop=auth, rspauth=\"%s\"";
  for (int i = 0; i < CLIENTS; i++) {
    ahttp_mock_opts mock_opts = AHTTP_MOCK_OPTS_INIT;
    ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
    mock_opts.handler = digest_server_serve;
    mock_opts.user_data = &server;
    assert_int_equal(ahttp_mock_new(&transports[i], &mock_opts), AHTTP_OK);
    opts.transport = transports[i];
    opts.auth = auth;
    atomic_init(&crowds[i].failures, 0);
    assert_int_equal(ahttp_client_new(&crowds[i].client, &opts), AHTTP_OK);
  }
  ahttp_auth_free(auth);
  for (int i = 0; i < THREADS; i++) {
    assert_int_equal(
        uv_thread_create(&threads[i], crowd_on_thread, &crowds[i % CLIENTS]),
        0);
  }
  for (int i = 0; i < THREADS; i++) {
    assert_int_equal(uv_thread_join(&threads[i]), 0);
  }
  for (int i = 0; i < CLIENTS; i++) {
    assert_int_equal(atomic_load(&crowds[i].failures), 0);
    ahttp_client_free(crowds[i].client);
    requests += ahttp_mock_count(transports[i]);
    ahttp_transport_free(transports[i]);
  }
  uv_mutex_destroy(&server.lock);
  /* Each thread may have met each origin before anybody knew it. */
  assert_in_range(requests, THREADS * GETS_PER_THREAD + 2,
                  THREADS * GETS_PER_THREAD + 2 * THREADS);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_domain_says_where_answers_go),
      cmocka_unit_test(the_realm_is_guessed_by_the_path),
      cmocka_unit_test(nonces_do_not_cross_origins),
      cmocka_unit_test(answers_stay_with_the_origin_of_the_call),
      cmocka_unit_test(a_redirect_within_the_origin_begins_anew),
      cmocka_unit_test(more_origins_than_are_remembered_do_no_harm),
      cmocka_unit_test(more_realms_than_are_remembered_do_no_harm),
      cmocka_unit_test(any_takes_what_the_server_asks_for),
      cmocka_unit_test(any_tries_a_wrong_password_once),
      cmocka_unit_test(basic_is_repeated_below_its_folder_only),
      cmocka_unit_test(threads_and_clients_share_one_object),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
