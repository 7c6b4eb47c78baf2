/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "transport/connect_tunnel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/str.h"
#include "support/negotiator_talk.h"
#include "support/test_alloc.h"

/* One talk: whom about, what the proxy says, and what comes of it. */
typedef struct scene {
  const char *host;
  ah_proxy *proxy;
  const char *says;
  size_t enough; /* bytes after which the outcome is known; 0: all */
  int rv;
  const char *text; /* of the error; NULL: any */
  const char *want; /* what we say; NULL: anything */
  bool wants_again; /* whether another attempt is worth it */
  bool again;       /* what came of that */
} scene;

static ah_proxy *proxy_of_url(const char *url)
{
  ahttp_proxy opts = AHTTP_PROXY_INIT;
  ah_proxy *proxy;
  ahttp_error err;
  opts.url = url;
  assert_int_equal(ah_proxy_new(&proxy, &opts, &err), AHTTP_OK);
  return proxy;
}

static ah_negotiator *scene_make(void *arg)
{
  scene *it = arg;
  ah_negotiator *negotiator;
  const ah_connect_tunnel_opts opts = {.proxy = it->proxy,
                                       .host = ah_str_from_c(it->host),
                                       .port = 443,
                                       .again = &it->again};
  it->again = false;
  assert_int_equal(ah_connect_tunnel_new(&negotiator, &opts), AHTTP_OK);
  return negotiator;
}

static void scene_check(const negotiator_talk *talk, void *arg)
{
  const scene *it = arg;
  if (talk->rv != it->rv) {
    fail_msg("%d for %s", talk->rv, it->says);
  }
  if (it->text != NULL) {
    assert_string_equal(talk->err.text, it->text);
  }
  assert_int_equal(it->again, it->wants_again);
  if (it->rv < 0) {
    assert_int_equal(talk->err.code, it->rv);
  }
  if (it->want != NULL) {
    assert_int_equal(ah_buf_len(&talk->said), strlen(it->want));
    assert_memory_equal(ah_buf_bytes(&talk->said), it->want, strlen(it->want));
  }
  if (it->rv == AHTTP_OK) {
    assert_int_equal(talk->used, it->enough);
  }
}

static void scene_play(scene *it)
{
  if (it->enough == 0) {
    it->enough = strlen(it->says);
  }
  negotiator_talk_each(scene_make, it, it->says, strlen(it->says), it->enough,
                       scene_check);
}

#define CONNECTED "HTTP/1.1 200 Connection established\r\n\r\n"

static void tunnel_is_asked_for_by_authority(void **state)
{
  static const struct {
    const char *host;
    const char *want;
  } rows[] = {
      {"a.test", "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n"},
      {"192.0.2.1",
       "CONNECT 192.0.2.1:443 HTTP/1.1\r\nHost: 192.0.2.1:443\r\n\r\n"},
  };
  (void)state;
  ah_proxy *proxy = proxy_of_url("http://p.test");
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    scene it = {.host = rows[i].host,
                .proxy = proxy,
                .says = CONNECTED,
                .want = rows[i].want};
    scene_play(&it);
  }
  ah_proxy_free(proxy);
}

static void httpx_bug_ipv6_has_no_brackets_in_connect(void **state)
{
  (void)state;
  ah_proxy *proxy = proxy_of_url("http://p.test");
  scene it = {.host = "2001:db8::1",
              .proxy = proxy,
              .says = CONNECTED,
              .want = "CONNECT [2001:db8::1]:443 HTTP/1.1\r\n"
                      "Host: [2001:db8::1]:443\r\n\r\n"};
  scene_play(&it);
  ah_proxy_free(proxy);
}

static void proxy_is_told_its_fields_and_credentials(void **state)
{
  (void)state;
  const ahttp_proxy_field field = {"X-Team", "blue"};
  ahttp_proxy opts = AHTTP_PROXY_INIT;
  ah_proxy *proxy;
  ahttp_error err;
  opts.url = "http://me:secret@p.test";
  opts.fields = &field;
  opts.field_count = 1;
  assert_int_equal(ah_proxy_new(&proxy, &opts, &err), AHTTP_OK);
  scene it = {.host = "a.test",
              .proxy = proxy,
              .says = CONNECTED,
              .want = "CONNECT a.test:443 HTTP/1.1\r\n"
                      "Host: a.test:443\r\n"
                      "X-Team: blue\r\n"
                      "Proxy-Authorization: Basic bWU6c2VjcmV0\r\n\r\n"};
  scene_play(&it);
  ah_proxy_free(proxy);
}

/* RFC 9110, section 9.3.6: 2xx has no content, whatever its fields say. */
static void any_2xx_is_a_tunnel_and_what_follows_is_its_own(void **state)
{
  static const char *const heads[] = {
      "HTTP/1.1 200 OK\r\n\r\n",
      "HTTP/1.0 200 OK\r\n\r\n",
      "HTTP/1.1 204 No Content\r\n\r\n",
      "HTTP/1.1 299 Odd\r\nVia: x\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
      "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
  };
  (void)state;
  ah_proxy *proxy = proxy_of_url("http://p.test");
  for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
    char says[200];
    (void)snprintf(says, sizeof(says), "%sabc", heads[i]);
    scene it = {.host = "a.test",
                .proxy = proxy,
                .says = says,
                .enough = strlen(heads[i])};
    scene_play(&it);
  }
  ah_proxy_free(proxy);
}

static void refusals_are_sentences_with_the_status(void **state)
{
  static const struct {
    const char *says;
    const char *text;
  } rows[] = {
      {"HTTP/1.1 403 Forbidden\r\nContent-Length: 1\r\n\r\n",
       "the proxy refused a tunnel to a.test:443: 403 Forbidden"},
      {"HTTP/1.1 503 \r\n\r\n",
       "the proxy refused a tunnel to a.test:443: 503 "},
      {"HTTP/1.1 302 Found\r\nLocation: http://evil.test/\r\n\r\n",
       "the proxy refused a tunnel to a.test:443: 302 Found"},
      {"HTTP/1.1 407 Proxy Authentication Required\r\n"
       "Proxy-Authenticate: Basic realm=\"r\"\r\n\r\n",
       "the proxy refused a tunnel to a.test:443: 407 Proxy Authentication "
       "Required (it wants a username and password)"},
  };
  (void)state;
  ah_proxy *proxy = proxy_of_url("http://p.test");
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    scene it = {.host = "a.test",
                .proxy = proxy,
                .says = rows[i].says,
                .rv = AHTTP_EPROXY,
                .text = rows[i].text};
    scene_play(&it);
  }
  ah_proxy_free(proxy);
}

static void wrong_password_is_told_without_it(void **state)
{
  (void)state;
  ah_proxy *proxy = proxy_of_url("http://me:secret@p.test");
  scene it = {.host = "a.test",
              .proxy = proxy,
              .says = "HTTP/1.1 407 No\r\n\r\n",
              .rv = AHTTP_EPROXY,
              .text = "the proxy refused a tunnel to a.test:443: 407 No (the "
                      "username and password were not accepted)"};
  scene_play(&it);
  ah_proxy_free(proxy);
}

static void digest_challenge_is_worth_another_attempt(void **state)
{
  (void)state;
  ah_proxy *proxy = proxy_of_url("http://me:secret@p.test");
  scene it = {.host = "a.test",
              .proxy = proxy,
              .says = "HTTP/1.1 407 No\r\nProxy-Authenticate: Digest "
                      "realm=\"r\", nonce=\"n\", qop=\"auth\"\r\n\r\n",
              .rv = AHTTP_EPROXY,
              .wants_again = true};
  scene_play(&it);
  assert_true(proxy->digest.is_set);
  ah_proxy_free(proxy);
}

static void what_is_no_http_is_an_error(void **state)
{
  static const struct {
    const char *says;
    int rv;
  } rows[] = {
      {"SSH-2.0-x\r\n", AHTTP_EPROTO},
      {"\x05\x01 not HTTP at all\r\n", AHTTP_EPROTO},
      {"HTTP/1.1 200 OK\r\nbad name: x\r\n\r\n", AHTTP_EPROTO},
      {"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n", AHTTP_EPROTO},
  };
  (void)state;
  ah_proxy *proxy = proxy_of_url("http://p.test");
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    scene it = {.host = "a.test",
                .proxy = proxy,
                .says = rows[i].says,
                .rv = rows[i].rv};
    negotiator_talk talk;
    negotiator_talk_run(&talk, scene_make(&it), it.says, strlen(it.says), 0, 1);
    scene_check(&talk, &it);
    negotiator_talk_clear(&talk);
  }
  ah_proxy_free(proxy);
}

static void head_without_end_is_over_a_limit(void **state)
{
  (void)state;
  enum {
    LEN = 1024 * 1024
  };
  ah_proxy *proxy = proxy_of_url("http://p.test");
  char *says = malloc(LEN);
  assert_non_null(says);
  memset(says, 'x', LEN);
  memcpy(says, "HTTP/1.1 200 OK\r\nX: ", 20);
  scene it = {.host = "a.test", .proxy = proxy, .rv = AHTTP_ELIMIT};
  negotiator_talk talk;
  negotiator_talk_run(&talk, scene_make(&it), says, LEN, 0, 1000);
  assert_int_equal(talk.rv, AHTTP_ELIMIT);
  negotiator_talk_clear(&talk);
  free(says);
  ah_proxy_free(proxy);
}

static void end_without_an_answer_is_an_error(void **state)
{
  (void)state;
  ah_proxy *proxy = proxy_of_url("http://p.test");
  scene it = {.host = "a.test", .proxy = proxy};
  ah_negotiator *self = scene_make(&it);
  ahttp_error err;
  ah_buf said;
  size_t consumed;
  ah_buf_init(&said, SIZE_MAX);
  assert_int_equal(self->ops->begin(self, &said, &err), AHTTP_OK);
  self->ops->end(self, &err);
  assert_int_equal(err.code, AHTTP_EPROXY);
  assert_string_equal(err.text, "the proxy closed the connection instead of "
                                "answering CONNECT");
  assert_int_equal(
      self->ops->read(self, (const uint8_t *)"HTTP", 4, &consumed, &said, &err),
      AH_MORE);
  self->ops->end(self, &err);
  assert_string_equal(err.text, "the proxy closed the connection in the "
                                "middle of its answer to CONNECT");
  self->ops->free(self);
  ah_buf_clear(&said);
  ah_proxy_free(proxy);
}

static int talk_once(void *arg)
{
  ah_negotiator *negotiator;
  negotiator_talk talk;
  bool again = false;
  const ah_connect_tunnel_opts opts = {
      .proxy = arg, .host = AH_STR("a.test"), .port = 443, .again = &again};
  int rv = ah_connect_tunnel_new(&negotiator, &opts);
  if (rv != AHTTP_OK) {
    return rv;
  }
  negotiator_talk_run(&talk, negotiator, CONNECTED, strlen(CONNECTED), 0, 1);
  rv = talk.rv;
  negotiator_talk_clear(&talk);
  return rv;
}

static void tunnel_survives_every_failed_allocation(void **state)
{
  (void)state;
  ah_proxy *proxy = proxy_of_url("http://me:secret@p.test");
  test_alloc_fail_each(talk_once, proxy);
  ah_proxy_free(proxy);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tunnel_is_asked_for_by_authority),
      cmocka_unit_test(httpx_bug_ipv6_has_no_brackets_in_connect),
      cmocka_unit_test(proxy_is_told_its_fields_and_credentials),
      cmocka_unit_test(any_2xx_is_a_tunnel_and_what_follows_is_its_own),
      cmocka_unit_test(refusals_are_sentences_with_the_status),
      cmocka_unit_test(wrong_password_is_told_without_it),
      cmocka_unit_test(digest_challenge_is_worth_another_attempt),
      cmocka_unit_test(what_is_no_http_is_an_error),
      cmocka_unit_test(head_without_end_is_over_a_limit),
      cmocka_unit_test(end_without_an_answer_is_an_error),
      cmocka_unit_test(tunnel_survives_every_failed_allocation),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
