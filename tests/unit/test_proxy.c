/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "transport/proxy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "support/test_alloc.h"

static ah_proxy *proxy_of(const ahttp_proxy *opts)
{
  ah_proxy *proxy;
  ahttp_error err;
  if (ah_proxy_new(&proxy, opts, &err) != AHTTP_OK) {
    fail_msg("%s", err.text);
  }
  return proxy;
}

static ah_proxy *proxy_of_url(const char *url)
{
  ahttp_proxy opts = AHTTP_PROXY_INIT;
  opts.url = url;
  return proxy_of(&opts);
}

static void check_str(ahttp_str got, const char *want)
{
  assert_int_equal(got.len, strlen(want));
  assert_memory_equal(got.ptr, want, got.len);
}

static void urls_say_where_and_who(void **state)
{
  static const struct {
    const char *url;
    ah_proxy_kind kind;
    const char *host;
    uint16_t port;
    const char *username;
    const char *password;
  } rows[] = {
      {"http://p.test", AH_PROXY_HTTP, "p.test", 80, "", ""},
      {"p.test:3128", AH_PROXY_HTTP, "p.test", 3128, "", ""},
      {"HTTP://P.TEST:80/", AH_PROXY_HTTP, "p.test", 80, "", ""},
      {"https://p.test", AH_PROXY_HTTPS, "p.test", 443, "", ""},
      {"https://[2001:db8::1]:8443", AH_PROXY_HTTPS, "2001:db8::1", 8443, "",
       ""},
      {"socks5://p.test", AH_PROXY_SOCKS5, "p.test", 1080, "", ""},
      {"socks5://p.test:80", AH_PROXY_SOCKS5, "p.test", 80, "", ""},
      {"socks5h://u:p@p.test", AH_PROXY_SOCKS5H, "p.test", 1080, "u", "p"},
      {"socks5h://[::1]", AH_PROXY_SOCKS5H, "::1", 1080, "", ""},
      {"SOCKS5h://[::1]:21/", AH_PROXY_SOCKS5H, "::1", 21, "", ""},
      {"http://u%40x:p%3aw%20@p.test", AH_PROXY_HTTP, "p.test", 80, "u@x",
       "p:w "},
      {"u:p@p.test:1", AH_PROXY_HTTP, "p.test", 1, "u", "p"},
      {"http://u:@p.test", AH_PROXY_HTTP, "p.test", 80, "u", ""},
  };
  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    ah_proxy *proxy = proxy_of_url(rows[i].url);
    assert_int_equal(proxy->kind, rows[i].kind);
    check_str(proxy->host, rows[i].host);
    assert_int_equal(proxy->port, rows[i].port);
    check_str(proxy->username, rows[i].username);
    check_str(proxy->password, rows[i].password);
    assert_int_equal(proxy->has_credentials, rows[i].username[0] != '\0');
    ah_proxy_free(proxy);
  }
}

static void what_is_no_proxy_is_refused_without_its_password(void **state)
{
  static const char *const urls[] = {
      "",
      "socks4://u:sEcret@p.test",
      "ftp://u:sEcret@p.test",
      "://p.test",
      "http://",
      "http://u:sEcret@",
      "http://u:sEcret@p.test:99999",
      "http://u:sEcret@p te st",
      "http://u:sE%0acret@p.test",
      "http://a%3ab:sEcret@p.test",
      "socks5://:sEcret@p.test",
  };
  (void)state;
  for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
    ahttp_proxy opts = AHTTP_PROXY_INIT;
    ah_proxy *proxy;
    ahttp_error err;
    opts.url = urls[i];
    assert_int_equal(ah_proxy_new(&proxy, &opts, &err), AHTTP_EINVAL);
    assert_null(proxy);
    assert_int_equal(err.code, AHTTP_EINVAL);
    assert_true(strlen(err.text) > 0);
    assert_null(strstr(err.text, "cret"));
  }
}

static void fields_of_the_library_are_refused(void **state)
{
  static const ahttp_proxy_field fields[] = {
      {"Host", "x"},
      {"Connection", "close"},
      {"Content-Length", "1"},
      {"Transfer-Encoding", "chunked"},
      {"Proxy-Connection", "keep-alive"},
      {"b d", "x"},
      {"x", "a\r\nb: c"},
      {NULL, "x"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
    ahttp_proxy opts = AHTTP_PROXY_INIT;
    ah_proxy *proxy;
    ahttp_error err;
    opts.url = "p.test";
    opts.fields = &fields[i];
    opts.field_count = 1;
    assert_int_equal(ah_proxy_new(&proxy, &opts, &err), AHTTP_EINVAL);
  }
}

static void proxies_are_equal_if_all_options_are(void **state)
{
  (void)state;
  const ahttp_proxy_field field = {"X-A", "1"};
  const ahttp_tls_opts tls = {.size = sizeof(tls), .verify_off = true};
  const ahttp_proxy rows[] = {
      {.size = sizeof(rows[0]), .url = "https://p.test"},
      {.size = sizeof(rows[0]), .url = "http://p.test:443"},
      {.size = sizeof(rows[0]), .url = "https://q.test"},
      {.size = sizeof(rows[0]), .url = "https://p.test:444"},
      {.size = sizeof(rows[0]), .url = "https://u@p.test"},
      {.size = sizeof(rows[0]), .url = "https://u:p@p.test"},
      {.size = sizeof(rows[0]),
       .url = "https://u:p@p.test",
       .auth = AHTTP_PROXY_AUTH_DIGEST},
      {.size = sizeof(rows[0]),
       .url = "https://p.test",
       .fields = &field,
       .field_count = 1},
      {.size = sizeof(rows[0]), .url = "https://p.test", .tls = &tls},
  };
  const size_t count = sizeof(rows) / sizeof(rows[0]);
  for (size_t i = 0; i < count; i++) {
    for (size_t j = 0; j < count; j++) {
      ah_proxy *a = proxy_of(&rows[i]);
      ah_proxy *b = proxy_of(&rows[j]);
      assert_int_equal(ah_proxy_equal(a, b), i == j);
      ah_proxy_free(a);
      ah_proxy_free(b);
    }
  }
}

/* --- Credentials. ----------------------------------------------------------
 */

static void check_authorization(ah_proxy *proxy, const char *begins)
{
  ah_arena arena;
  ahttp_str value;
  ah_arena_init(&arena, NULL, 0);
  assert_int_equal(ah_proxy_authorize(proxy, AH_STR("CONNECT"),
                                      AH_STR("a.test:443"), &arena, &value),
                   AHTTP_OK);
  assert_true(value.len >= strlen(begins));
  assert_memory_equal(value.ptr, begins, strlen(begins));
  if (begins[0] == '\0') {
    assert_int_equal(value.len, 0);
  }
  ah_arena_clear(&arena);
}

/* True if the proxy's 407 with |challenge| is worth another try. */
static bool challenged(ah_proxy *proxy, const char *challenge, unsigned rounds)
{
  ah_arena arena;
  ahttp_fields fields;
  bool again;
  ah_arena_init(&arena, NULL, 0);
  ah_fields_init(&fields, &arena);
  assert_int_equal(ah_fields_add(&fields, AH_STR("proxy-authenticate"),
                                 ah_str_from_c(challenge)),
                   AHTTP_OK);
  assert_int_equal(ah_proxy_read_challenge(proxy, &fields, rounds, &again),
                   AHTTP_OK);
  ah_arena_clear(&arena);
  return again;
}

#define DIGEST "Digest realm=\"r\", nonce=\"n\", qop=\"auth\""

static void basic_is_sent_at_once_and_digest_when_asked_for(void **state)
{
  (void)state;
  ah_proxy *proxy = proxy_of_url("http://me:secret@p.test");
  check_authorization(proxy, "Basic bWU6c2VjcmV0");
  assert_false(challenged(proxy, "Basic realm=\"r\"", 0));
  assert_true(challenged(proxy, DIGEST, 0));
  check_authorization(proxy, "Digest username=\"me\", realm=\"r\"");
  assert_false(challenged(proxy, DIGEST, 1));
  assert_true(challenged(proxy, DIGEST ", stale=true", 1));
  assert_false(challenged(proxy, DIGEST ", stale=true", 2));
  ah_proxy_free(proxy);
}

static void digest_alone_never_sends_the_password(void **state)
{
  (void)state;
  ahttp_proxy opts = AHTTP_PROXY_INIT;
  opts.url = "http://me:secret@p.test";
  opts.auth = AHTTP_PROXY_AUTH_DIGEST;
  ah_proxy *proxy = proxy_of(&opts);
  check_authorization(proxy, "");
  assert_false(challenged(proxy, "Basic realm=\"r\"", 0));
  check_authorization(proxy, "");
  assert_true(challenged(proxy, DIGEST, 0));
  check_authorization(proxy, "Digest ");
  ah_proxy_free(proxy);
}

static void basic_alone_answers_no_challenge(void **state)
{
  (void)state;
  ahttp_proxy opts = AHTTP_PROXY_INIT;
  opts.url = "http://p.test";
  opts.username = "me";
  opts.password = "secret";
  opts.auth = AHTTP_PROXY_AUTH_BASIC;
  ah_proxy *proxy = proxy_of(&opts);
  assert_false(challenged(proxy, DIGEST, 0));
  check_authorization(proxy, "Basic bWU6c2VjcmV0");
  ah_proxy_free(proxy);
}

static void nobodys_password_answers_no_challenge(void **state)
{
  (void)state;
  ah_proxy *proxy = proxy_of_url("http://p.test");
  check_authorization(proxy, "");
  assert_false(challenged(proxy, DIGEST, 0));
  check_authorization(proxy, "");
  ah_proxy_free(proxy);
}

static int use_once(void *arg)
{
  const ahttp_proxy_field field = {"X-A", "1"};
  ahttp_proxy opts = AHTTP_PROXY_INIT;
  ah_proxy *proxy;
  ahttp_error err;
  ah_arena arena;
  ahttp_str value;
  bool again;
  opts.url = arg;
  opts.fields = &field;
  opts.field_count = 1;
  int rv = ah_proxy_new(&proxy, &opts, &err);
  if (rv != AHTTP_OK) {
    assert_int_equal(err.code, rv);
    return rv;
  }
  ah_arena_init(&arena, NULL, 0);
  ahttp_fields fields;
  ah_fields_init(&fields, &arena);
  rv = ah_fields_add(&fields, AH_STR("proxy-authenticate"), AH_STR(DIGEST));
  if (rv == AHTTP_OK) {
    rv = ah_proxy_read_challenge(proxy, &fields, 0, &again);
  }
  if (rv == AHTTP_OK) {
    rv = ah_proxy_authorize(proxy, AH_STR("GET"), AH_STR("http://a.test/"),
                            &arena, &value);
  }
  ah_arena_clear(&arena);
  ah_proxy_free(proxy);
  return rv;
}

static void proxy_survives_every_failed_allocation(void **state)
{
  (void)state;
  test_alloc_fail_each(use_once, (void *)(uintptr_t)"http://me:pw@p.test");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(urls_say_where_and_who),
      cmocka_unit_test(what_is_no_proxy_is_refused_without_its_password),
      cmocka_unit_test(fields_of_the_library_are_refused),
      cmocka_unit_test(proxies_are_equal_if_all_options_are),
      cmocka_unit_test(basic_is_sent_at_once_and_digest_when_asked_for),
      cmocka_unit_test(digest_alone_never_sends_the_password),
      cmocka_unit_test(basic_alone_answers_no_challenge),
      cmocka_unit_test(nobodys_password_answers_no_challenge),
      cmocka_unit_test(proxy_survives_every_failed_allocation),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
