/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "transport/origin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "support/test_alloc.h"

/* Stands in for net/tls_profile.c: an origin only counts references. */
struct ah_tls_profile {
  unsigned refs;
};

ah_tls_profile *ah_tls_profile_ref(ah_tls_profile *profile)
{
  profile->refs++;
  return profile;
}

void ah_tls_profile_unref(ah_tls_profile *profile)
{
  if (profile != NULL) {
    profile->refs--;
  }
}

static ah_tls_profile profile;

static ahttp_url url_of(const char *scheme, const char *host, uint16_t port)
{
  return (ahttp_url){.scheme = ah_str_from_c(scheme),
                     .host = ah_str_from_c(host),
                     .port = port};
}

static const ah_route plain_route = {.tls = &profile};

/* True if the two have the same origin. */
static bool same_key(const ahttp_url *url_a, const ah_route *route_a,
                     const ahttp_url *url_b, const ah_route *route_b)
{
  ah_arena arena;
  ah_arena_init(&arena, NULL, 0);
  ahttp_str a;
  ahttp_str b;
  assert_int_equal(ah_origin_key(&arena, url_a, route_a, &a), AHTTP_OK);
  assert_int_equal(ah_origin_key(&arena, url_b, route_b, &b), AHTTP_OK);
  bool same = ah_str_eq(a, b);
  ah_arena_clear(&arena);
  return same;
}

static void origin_key_is_the_same_for_the_same_place(void **state)
{
  (void)state;
  const ahttp_url a = url_of("https", "example.test", 443);
  ahttp_url b = a;
  b.path = AH_STR("/other");
  b.query = AH_STR("q");
  b.username = AH_STR("user");
  b.has_port = true;
  assert_true(same_key(&a, &plain_route, &b, &plain_route));
}

static void origin_key_differs_by_every_part_of_the_url(void **state)
{
  (void)state;
  const ahttp_url base = url_of("https", "example.test", 443);
  const ahttp_url others[] = {
      url_of("http", "example.test", 443),
      url_of("https", "example.tes", 443),
      url_of("https", "example.test.", 443),
      url_of("https", "example.test", 444),
      url_of("https", "example.test", 443 + 256),
  };
  for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
    assert_false(same_key(&base, &plain_route, &others[i], &plain_route));
  }
}

static void origin_key_differs_by_every_member_of_the_route(void **state)
{
  (void)state;
  const ahttp_url url = url_of("https", "example.test", 443);
  ah_route route = plain_route;
  route.tls_id++;
  assert_false(same_key(&url, &plain_route, &url, &route));
  for (int policy = AHTTP_HTTP_1_1; policy <= AHTTP_HTTP_2_PRIOR_KNOWLEDGE;
       policy++) {
    route = plain_route;
    route.http = (ahttp_http_policy)policy;
    assert_false(same_key(&url, &plain_route, &url, &route));
  }
  route = plain_route;
  route.unix_path = AH_STR("/run/a.sock");
  assert_false(same_key(&url, &plain_route, &url, &route));
  route = plain_route;
  route.sni = AH_STR("other.test");
  assert_false(same_key(&url, &plain_route, &url, &route));
  ah_local_address local;
  route = plain_route;
  route.local = ah_str((const char *)&local, sizeof(local));
  assert_true(ah_local_address_parse(&local, AH_STR("192.0.2.1")));
  assert_false(same_key(&url, &plain_route, &url, &route));
  ah_local_address other_local;
  ah_route other = plain_route;
  other.local = ah_str((const char *)&other_local, sizeof(other_local));
  assert_true(ah_local_address_parse(&other_local, AH_STR("192.0.2.2")));
  assert_false(same_key(&url, &route, &url, &other));
  assert_true(ah_local_address_parse(&other_local, AH_STR("192.0.2.1")));
  assert_true(same_key(&url, &route, &url, &other));
}

/* The profile pointer itself says nothing: equal profiles have one id. */
static void origin_key_asks_for_the_id_of_the_profile(void **state)
{
  (void)state;
  ah_tls_profile twin;
  const ahttp_url url = url_of("https", "example.test", 443);
  ah_route route = plain_route;
  route.tls = &twin;
  assert_true(same_key(&url, &plain_route, &url, &route));
}

static void origin_key_without_tls_ignores_the_profile(void **state)
{
  (void)state;
  const ahttp_url url = url_of("http", "example.test", 80);
  ah_route route = plain_route;
  route.tls_id = 7;
  route.sni = AH_STR("other.test");
  assert_true(same_key(&url, &plain_route, &url, &route));
}

static void origin_key_parts_cannot_run_into_each_other(void **state)
{
  (void)state;
  const ahttp_url url_a = url_of("http", "bc", 80);
  const ahttp_url url_b = url_of("http", "c", 80);
  ah_route route_a = plain_route;
  ah_route route_b = plain_route;
  route_a.unix_path = AH_STR("/a");
  route_b.unix_path = AH_STR("/ab");
  assert_false(same_key(&url_a, &route_a, &url_b, &route_b));
  const ahttp_url url_c = url_of("https", "bc", 443);
  const ahttp_url url_d = url_of("https", "c", 443);
  route_a = plain_route;
  route_b = plain_route;
  route_a.sni = AH_STR("a");
  route_b.sni = AH_STR("ab");
  assert_false(same_key(&url_c, &route_a, &url_d, &route_b));
  route_b.sni = AH_STR("");
  route_b.unix_path = AH_STR("a");
  assert_false(same_key(&url_c, &route_a, &url_c, &route_b));
}

static void origin_key_has_the_proxy(void **state)
{
  (void)state;
  ah_proxy proxy_a = {.id = 1, .kind = AH_PROXY_HTTP};
  ah_proxy proxy_b = {.id = 2, .kind = AH_PROXY_HTTP};
  ah_route direct = plain_route;
  ah_route route_a = plain_route;
  ah_route route_b = plain_route;
  route_a.proxy = &proxy_a;
  route_b.proxy = &proxy_b;
  const char *const schemes[] = {"http", "https"};
  for (size_t i = 0; i < 2; i++) {
    const ahttp_url url = url_of(schemes[i], "a.test", 80);
    assert_true(same_key(&url, &route_a, &url, &route_a));
    assert_false(same_key(&url, &direct, &url, &route_a));
    assert_false(same_key(&url, &route_b, &url, &route_a));
  }
}

static void origin_of_what_is_forwarded_is_the_proxy(void **state)
{
  (void)state;
  const ahttp_url url_a = url_of("http", "a.test", 80);
  const ahttp_url url_b = url_of("http", "b.test", 8080);
  const ahttp_url secure_a = url_of("https", "a.test", 443);
  const ahttp_url secure_b = url_of("https", "b.test", 443);
  ah_proxy proxy = {
      .id = 1, .kind = AH_PROXY_HTTPS, .host = AH_STR("p.test"), .port = 3128};
  ah_route route = plain_route;
  ah_route other = plain_route;
  route.proxy = &proxy;
  other.proxy = &proxy;
  other.http = AHTTP_HTTP_1_1;
  assert_true(same_key(&url_a, &route, &url_b, &other));
  assert_false(same_key(&url_a, &route, &secure_a, &route));
  assert_false(same_key(&secure_a, &route, &secure_b, &route));
  assert_false(same_key(&secure_a, &route, &secure_a, &other));
  ah_origin *origin;
  assert_int_equal(ah_origin_new(&origin, &url_b, &route, AH_STR("k")),
                   AHTTP_OK);
  assert_string_equal(origin->host.ptr, "p.test");
  assert_int_equal(origin->port, 3128);
  assert_true(origin->is_forward && !origin->is_tls);
  assert_int_equal(origin->protocol, AH_PROTOCOL_H1);
  ah_origin_free(origin);
}

static void origin_beyond_a_tunnel_is_itself(void **state)
{
  (void)state;
  static const struct {
    const char *scheme;
    ah_proxy_kind kind;
    ahttp_http_policy policy;
  } rows[] = {
      {"https", AH_PROXY_HTTP, AHTTP_HTTP_AUTO},
      {"https", AH_PROXY_HTTPS, AHTTP_HTTP_1_1},
      {"http", AH_PROXY_HTTP, AHTTP_HTTP_2_PRIOR_KNOWLEDGE},
      {"http", AH_PROXY_SOCKS5, AHTTP_HTTP_AUTO},
      {"http", AH_PROXY_SOCKS5H, AHTTP_HTTP_AUTO},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    ah_proxy proxy = {.id = 1, .kind = rows[i].kind, .host = AH_STR("p.test")};
    const ahttp_url url = url_of(rows[i].scheme, "a.test", 80);
    const ah_route route = {
        .tls = &profile, .http = rows[i].policy, .proxy = &proxy};
    ah_origin *origin;
    assert_int_equal(ah_origin_new(&origin, &url, &route, AH_STR("k")),
                     AHTTP_OK);
    assert_false(origin->is_forward);
    assert_ptr_equal(origin->proxy, &proxy);
    assert_string_equal(origin->host.ptr, "a.test");
    ah_origin_free(origin);
  }
}

static void origin_copies_what_it_is_made_from(void **state)
{
  (void)state;
  char host[] = "[2001:db8::1]";
  char path[] = "/run/a.sock";
  char key[] = "key";
  ahttp_url url = url_of("https", host, 8443);
  url.is_ip = true;
  ah_route route = plain_route;
  route.unix_path = ah_str_from_c(path);
  ah_origin *origin;
  assert_int_equal(ah_origin_new(&origin, &url, &route, ah_str_from_c(key)),
                   AHTTP_OK);
  memset(host, 'x', sizeof(host));
  memset(path, 'x', sizeof(path));
  memset(key, 'x', sizeof(key));
  assert_string_equal(origin->host.ptr, "2001:db8::1");
  assert_int_equal(origin->host.len, strlen("2001:db8::1"));
  assert_string_equal(origin->unix_path.ptr, "/run/a.sock");
  assert_true(ah_str_eq(origin->entry.key, AH_STR("key")));
  assert_int_equal(origin->port, 8443);
  assert_true(origin->is_tls && origin->host_is_ip);
  assert_int_equal(profile.refs, 1);
  ah_origin_free(origin);
  assert_int_equal(profile.refs, 0);
  ah_origin_free(NULL);
}

static void origin_without_tls_holds_no_profile(void **state)
{
  (void)state;
  const ahttp_url url = url_of("http", "example.test", 80);
  ah_origin *origin;
  assert_int_equal(ah_origin_new(&origin, &url, &plain_route, AH_STR("")),
                   AHTTP_OK);
  assert_null(origin->tls);
  assert_int_equal(profile.refs, 0);
  ah_origin_free(origin);
}

static void origin_knows_the_protocol_where_the_policy_decides(void **state)
{
  (void)state;
  static const struct {
    const char *scheme;
    ahttp_http_policy policy;
    ah_origin_protocol protocol;
  } rows[] = {
      {"http", AHTTP_HTTP_AUTO, AH_PROTOCOL_H1},
      {"http", AHTTP_HTTP_1_1, AH_PROTOCOL_H1},
      {"http", AHTTP_HTTP_2, AH_PROTOCOL_H1},
      {"http", AHTTP_HTTP_2_PRIOR_KNOWLEDGE, AH_PROTOCOL_H2},
      {"https", AHTTP_HTTP_AUTO, AH_PROTOCOL_UNKNOWN},
      {"https", AHTTP_HTTP_1_1, AH_PROTOCOL_H1},
      {"https", AHTTP_HTTP_2, AH_PROTOCOL_H2},
      {"https", AHTTP_HTTP_2_PRIOR_KNOWLEDGE, AH_PROTOCOL_H2},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    const ahttp_url url = url_of(rows[i].scheme, "example.test", 80);
    const ah_route route = {.tls = &profile, .http = rows[i].policy};
    ah_origin *origin;
    assert_int_equal(ah_origin_new(&origin, &url, &route, AH_STR("")),
                     AHTTP_OK);
    assert_int_equal(origin->protocol, rows[i].protocol);
    ah_origin_free(origin);
  }
}

static int run_make(void *arg)
{
  (void)arg;
  const ahttp_url url = url_of("https", "example.test", 443);
  ah_arena arena;
  ah_arena_init(&arena, NULL, 0);
  ahttp_str key;
  ah_origin *origin = NULL;
  int rv = ah_origin_key(&arena, &url, &plain_route, &key);
  if (rv == AHTTP_OK) {
    rv = ah_origin_new(&origin, &url, &plain_route, key);
  }
  ah_origin_free(origin);
  ah_arena_clear(&arena);
  assert_int_equal(profile.refs, 0);
  return rv;
}

static void origin_survives_every_failed_allocation(void **state)
{
  (void)state;
  test_alloc_fail_each(run_make, NULL);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(origin_key_is_the_same_for_the_same_place),
      cmocka_unit_test(origin_key_differs_by_every_part_of_the_url),
      cmocka_unit_test(origin_key_differs_by_every_member_of_the_route),
      cmocka_unit_test(origin_key_asks_for_the_id_of_the_profile),
      cmocka_unit_test(origin_key_without_tls_ignores_the_profile),
      cmocka_unit_test(origin_key_parts_cannot_run_into_each_other),
      cmocka_unit_test(origin_key_has_the_proxy),
      cmocka_unit_test(origin_of_what_is_forwarded_is_the_proxy),
      cmocka_unit_test(origin_beyond_a_tunnel_is_itself),
      cmocka_unit_test(origin_copies_what_it_is_made_from),
      cmocka_unit_test(origin_without_tls_holds_no_profile),
      cmocka_unit_test(origin_knows_the_protocol_where_the_policy_decides),
      cmocka_unit_test(origin_survives_every_failed_allocation),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
