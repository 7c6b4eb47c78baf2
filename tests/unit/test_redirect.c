/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ahttp/error.h>

#include "base/str.h"
#include "http/redirect.h"
#include "support/assert_text.h"
#include "support/test_alloc.h"

static ah_arena arena;
static ahttp_url url;
static ahttp_fields fields;
static ah_request_head request;

/* GET http://example.org/dir/page without fields and content. */
static int setup(void **state)
{
  (void)state;
  ah_arena_init(&arena, NULL, 0);
  ah_fields_init(&fields, &arena);
  request = (ah_request_head){
      .method = AH_STR("GET"),
      .url = &url,
      .fields = &fields,
  };
  return ah_url_parse(&url, &arena, AH_STR("http://example.org/dir/page"), NULL,
                      NULL);
}

static int teardown(void **state)
{
  (void)state;
  ah_body_free(request.body);
  ah_arena_clear(&arena);
  return 0;
}

static void set_url(const char *text)
{
  assert_int_equal(ah_url_parse(&url, &arena, ah_str_from_c(text), NULL, NULL),
                   AHTTP_OK);
}

static void set_method(const char *method)
{
  request.method = ah_str_from_c(method);
}

static void set_content(void)
{
  assert_int_equal(ah_body_new_bytes(&request.body, "content", 7), AHTTP_OK);
}

static void add(const char *name, const char *value)
{
  assert_int_equal(
      ah_fields_add(&fields, ah_str_from_c(name), ah_str_from_c(value)),
      AHTTP_OK);
}

static ah_redirect follow(int status, const char *location)
{
  const ah_redirect_answer answer = {
      .status = status,
      .location = ah_str_from_c(location),
  };
  ah_redirect next;
  const char *why = "";
  int rv = ah_redirect_next(&next, &arena, &request, &answer, &why);
  if (rv != AHTTP_OK) {
    fail_msg("%s: %s: %s", location, ahttp_error_name(rv), why);
  }
  return next;
}

static void check_refused(const ah_redirect_answer *answer, const char *want)
{
  ah_redirect next;
  const char *why = "";
  assert_int_equal(ah_redirect_next(&next, &arena, &request, answer, &why),
                   AHTTP_EREDIRECT);
  assert_string_equal(why, want);
  assert_null(next.url.href.ptr);
  assert_int_equal(next.method.len, 0);
  assert_int_equal(ah_redirect_next(&next, &arena, &request, answer, NULL),
                   AHTTP_EREDIRECT);
}

static void check_refused_location(const char *location, const char *want)
{
  const ah_redirect_answer answer = {
      .status = 302,
      .location = ah_str_from_c(location),
  };
  check_refused(&answer, want);
}

/* The names of |next|'s fields, with a space after each. */
static void check_names(const ah_redirect *next, const char *want)
{
  char got[512] = "";
  for (uint32_t i = 0; i < next->fields.count; i++) {
    strcat(got, next->fields.items[i].name.ptr);
    strcat(got, " ");
  }
  assert_string_equal(got, want);
}

static void redirect_statuses_are_five(void **state)
{
  (void)state;
  for (int status = 100; status < 600; status++) {
    bool want = status == 301 || status == 302 || status == 303 ||
                status == 307 || status == 308;
    assert_int_equal(ah_redirect_is_status(status), want);
  }
}

static void redirect_rewrites_the_method(void **state)
{
  (void)state;
  static const struct {
    int status;
    const char *method;
    const char *next;
    bool keeps_body;
  } rows[] = {
      {301, "GET", "GET", true},     {302, "GET", "GET", true},
      {303, "GET", "GET", false},    {307, "GET", "GET", true},
      {308, "GET", "GET", true},     {301, "HEAD", "HEAD", true},
      {302, "HEAD", "HEAD", true},   {303, "HEAD", "HEAD", false},
      {301, "POST", "GET", false},   {302, "POST", "GET", false},
      {303, "POST", "GET", false},   {307, "POST", "POST", true},
      {308, "POST", "POST", true},   {301, "PUT", "PUT", true},
      {302, "PUT", "GET", false},    {303, "PUT", "GET", false},
      {307, "PUT", "PUT", true},     {301, "DELETE", "DELETE", true},
      {302, "DELETE", "GET", false}, {303, "DELETE", "GET", false},
      {302, "PATCH", "GET", false},  {308, "PATCH", "PATCH", true},
      {301, "post", "post", true},   {302, "post", "GET", false},
  };
  set_content();
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    set_method(rows[i].method);
    ah_redirect next = follow(rows[i].status, "/next");
    assert_text(next.method, rows[i].next);
    assert_int_equal(next.keeps_body, rows[i].keeps_body);
  }
}

static void redirect_without_content_keeps_none(void **state)
{
  (void)state;
  set_method("POST");
  assert_false(follow(307, "/next").keeps_body);
  assert_false(follow(302, "/next").keeps_body);
}

static void redirect_resolves_the_location(void **state)
{
  (void)state;
  static const struct {
    const char *location;
    const char *href;
  } rows[] = {
      {"next", "http://example.org/dir/next"},
      {"/next?x", "http://example.org/next?x"},
      {"//other.example/", "http://other.example/"},
      {"https://other.example", "https://other.example/"},
      {"?q", "http://example.org/dir/page?q"},
      {"", "http://example.org/dir/page"},
      {" /a b\xe9", "http://example.org/a%20b%E9"},
      {"https://:443/x", "https://example.org/x"},
      {"http://:8080/x", "http://example.org:8080/x"},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    assert_text(follow(302, rows[i].location).url.href, rows[i].href);
  }
}

/* Bytes that are not UTF-8 stay the bytes they are. */
static void redirect_takes_a_location_beyond_ascii(void **state)
{
  (void)state;
  static const struct {
    const char *location;
    const char *href;
  } rows[] = {
      {"/caf\xc3\xa9?\xc3\xa9#\xc3\xa9",
       "http://example.org/caf%C3%A9?%C3%A9#%C3%A9"},
      {"/caf\xe9?\xe9", "http://example.org/caf%E9?%E9"},
      {"/with space?and here", "http://example.org/with%20space?and%20here"},
      {"\t/tab\tin\tit", "http://example.org/tabinit"},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    assert_text(follow(302, rows[i].location).url.href, rows[i].href);
  }
}

static void redirect_refuses_a_location_that_is_too_long(void **state)
{
  (void)state;
  enum {
    LEN_MAX = 65536
  };
  static char location[LEN_MAX + 2];
  memset(location, 'a', LEN_MAX);
  location[0] = '/';
  assert_int_equal(follow(302, location).url.href.len,
                   sizeof("http://example.org") - 1 + LEN_MAX);
  location[LEN_MAX] = 'a';
  check_refused_location(location, "its Location is longer than 65536 bytes");
}

static bool find_in(ah_redirect_answer *out, int status,
                    const char *const *locations)
{
  ah_response_head head = {.status = status};
  ah_fields_init(&head.fields, &arena);
  for (; *locations != NULL; locations++) {
    assert_int_equal(ah_fields_add(&head.fields, AH_STR("Location"),
                                   ah_str_from_c(*locations)),
                     AHTTP_OK);
  }
  return ah_redirect_find(out, &head);
}

static void redirect_needs_a_location(void **state)
{
  (void)state;
  ah_redirect_answer answer;
  assert_false(find_in(&answer, 302, (const char *[]){NULL}));
  assert_false(find_in(&answer, 300, (const char *[]){"/x", NULL}));
  assert_false(find_in(&answer, 304, (const char *[]){"/x", NULL}));
  assert_true(find_in(&answer, 308, (const char *[]){"/x", NULL}));
  assert_int_equal(answer.status, 308);
  assert_text(answer.location, "/x");
  assert_false(answer.refuses_downgrade);
  assert_true(find_in(&answer, 302, (const char *[]){"", NULL}));
}

static void redirect_refuses_locations_that_differ(void **state)
{
  (void)state;
  ah_redirect_answer answer;
  assert_true(find_in(&answer, 302, (const char *[]){"/x", "/x", "/x", NULL}));
  assert_text(answer.location, "/x");
  assert_false(answer.is_ambiguous);
  assert_true(find_in(&answer, 302, (const char *[]){"/x", "/x", "/y", NULL}));
  check_refused(&answer, "it has several Locations, which differ");
}

static void redirect_inherits_the_fragment(void **state)
{
  (void)state;
  set_url("http://example.org/dir/page#part%20a");
  assert_text(follow(302, "/x").url.href, "http://example.org/x#part%20a");
  assert_text(follow(302, "/x").url.fragment, "part%20a");
  assert_text(follow(302, "/x#own").url.href, "http://example.org/x#own");
  assert_text(follow(302, "/x#").url.href, "http://example.org/x#");
  assert_text(follow(302, "//u:p@[::1]:9/").url.href,
              "http://u:p@[::1]:9/#part%20a");
}

static void redirect_refuses_what_it_cannot_follow(void **state)
{
  (void)state;
  const char *not_url = "its Location is not a URL";
  const char *not_http = "it leads to a URL that is neither http nor https";
  check_refused_location("http://", not_url);
  check_refused_location("http://a b/", not_url);
  check_refused_location("https://:99999/", not_url);
  check_refused_location("http://a\xe2\x80\x8d/", not_url); /* a joiner */
  check_refused_location("market://details", not_http);
  check_refused_location("file:///etc/passwd", not_http);
  check_refused_location("ftp://example.org/", not_http);
  check_refused_location("javascript:alert(1)", not_http);
  check_refused_location("ws://example.org/", not_http);
}

static void redirect_refuses_a_downgrade_if_told_to(void **state)
{
  (void)state;
  ah_redirect_answer answer = {
      .status = 301,
      .location = AH_STR("http://example.org/"),
      .refuses_downgrade = true,
  };
  ah_redirect next;
  assert_int_equal(ah_redirect_next(&next, &arena, &request, &answer, NULL),
                   AHTTP_OK);
  set_url("https://example.org/");
  check_refused(&answer, "it leads from https to http");
  answer.refuses_downgrade = false;
  assert_int_equal(ah_redirect_next(&next, &arena, &request, &answer, NULL),
                   AHTTP_OK);
  assert_true(next.changes_origin);
}

static int read_nothing(void *user_data, uint64_t offset, uint8_t *dst,
                        size_t cap, size_t *len)
{
  (void)user_data;
  (void)offset;
  (void)dst;
  (void)cap;
  *len = 0;
  return 0;
}

static void redirect_needs_content_that_rewinds(void **state)
{
  (void)state;
  const ahttp_content_source source = {
      .size = sizeof(source),
      .read = read_nothing,
      .length = -1,
  };
  assert_int_equal(ah_body_new_source(&request.body, &source), AHTTP_OK);
  set_method("POST");
  const ah_redirect_answer answer = {
      .status = 308,
      .location = AH_STR("/x"),
  };
  check_refused(&answer, "the request content cannot be sent a second time");
  assert_false(follow(303, "/x").keeps_body);
}

static void redirect_keeps_all_fields_within_the_origin(void **state)
{
  (void)state;
  add("Host", "chosen.example");
  add("Authorization", "Basic x");
  add("Cookie", "a=b");
  add("Proxy-Authorization", "Basic y");
  add("Content-Type", "text/plain");
  add("X-Api-Key", "z");
  set_method("POST");
  set_content();
  ah_redirect next = follow(307, "http://EXAMPLE.org:80/x");
  assert_false(next.changes_origin);
  check_names(&next, "Host Authorization Cookie Proxy-Authorization "
                     "Content-Type X-Api-Key ");
  assert_text(next.fields.items[0].value, "chosen.example");
}

static void redirect_leaves_credentials_at_their_origin(void **state)
{
  (void)state;
  static const char *const locations[] = {
      "http://other.example/",    "http://sub.example.org/",
      "http://example.org:8080/", "https://example.org:8443/",
      "http://example.org./",     "//org/",
  };
  add("accept", "*/*");
  add("host", "chosen.example");
  add("AUTHORIZATION", "Basic x");
  add("Cookie", "a=b");
  add("authorization", "Basic x2");
  add("proxy-authorization", "Basic y");
  add("X-Api-Key", "z");
  for (size_t i = 0; i < sizeof(locations) / sizeof(locations[0]); i++) {
    ah_redirect next = follow(308, locations[i]);
    assert_true(next.changes_origin);
    check_names(&next, "accept X-Api-Key ");
    assert_null(ah_fields_find(&next.fields, AH_FIELD_AUTHORIZATION));
  }
}

static void redirect_upgrade_keeps_authorization(void **state)
{
  (void)state;
  static const struct {
    const char *from;
    const char *to;
    bool keeps;
  } rows[] = {
      {"http://h/", "https://h/", true},
      {"http://h:80/", "https://H:443/x", true},
      {"http://h:8080/", "https://h/", false},
      {"http://h/", "https://h:8443/", false},
      {"http://h/", "https://g/", false},
      {"https://h/", "http://h/", false},
      {"http://h:443/", "https://h/", false},
  };
  add("Authorization", "Basic x");
  add("Cookie", "a=b");
  add("Host", "chosen.example");
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    set_url(rows[i].from);
    ah_redirect next = follow(301, rows[i].to);
    assert_true(next.changes_origin);
    check_names(&next, rows[i].keeps ? "Authorization " : "");
  }
}

static void redirect_drops_content_fields_with_the_content(void **state)
{
  (void)state;
  add("Content-Type", "text/plain");
  add("content-length", "7");
  add("Content-MD5", "x");
  add("Transfer-Encoding", "chunked");
  add("Trailer", "x");
  add("Expect", "100-continue");
  add("Contents", "x");
  add("Content-", "x");
  add("Accept", "*/*");
  set_method("POST");
  set_content();
  ah_redirect next = follow(302, "/x");
  check_names(&next, "Contents Content- Accept ");
  next = follow(307, "/x");
  assert_int_equal(next.fields.count, fields.count);
}

static int follow_with_everything(void *arg)
{
  (void)arg;
  ah_arena own;
  ahttp_url from;
  ahttp_fields some;
  ah_redirect next;
  ah_arena_init(&own, NULL, 0);
  ah_fields_init(&some, &own);
  const ah_request_head head = {
      .method = AH_STR("GET"),
      .url = &from,
      .fields = &some,
  };
  const ah_redirect_answer answer = {
      .status = 302,
      .location = AH_STR("https://:444/a b"),
  };
  int rv = ah_url_parse(&from, &own, AH_STR("http://h/#f"), NULL, NULL);
  for (int i = 0; i < 300 && rv == AHTTP_OK; i++) {
    rv = ah_fields_add(&some, AH_STR("name"), AH_STR("value"));
  }
  if (rv == AHTTP_OK) {
    rv = ah_redirect_next(&next, &own, &head, &answer, NULL);
  }
  ah_arena_clear(&own);
  return rv;
}

static void redirect_survives_every_failed_allocation(void **state)
{
  (void)state;
  test_alloc_fail_each(follow_with_everything, NULL);
}

#define REDIRECT_TEST(name) \
  cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      REDIRECT_TEST(redirect_statuses_are_five),
      REDIRECT_TEST(redirect_rewrites_the_method),
      REDIRECT_TEST(redirect_without_content_keeps_none),
      REDIRECT_TEST(redirect_resolves_the_location),
      REDIRECT_TEST(redirect_takes_a_location_beyond_ascii),
      REDIRECT_TEST(redirect_refuses_a_location_that_is_too_long),
      REDIRECT_TEST(redirect_needs_a_location),
      REDIRECT_TEST(redirect_refuses_locations_that_differ),
      REDIRECT_TEST(redirect_inherits_the_fragment),
      REDIRECT_TEST(redirect_refuses_what_it_cannot_follow),
      REDIRECT_TEST(redirect_refuses_a_downgrade_if_told_to),
      REDIRECT_TEST(redirect_needs_content_that_rewinds),
      REDIRECT_TEST(redirect_keeps_all_fields_within_the_origin),
      REDIRECT_TEST(redirect_leaves_credentials_at_their_origin),
      REDIRECT_TEST(redirect_upgrade_keeps_authorization),
      REDIRECT_TEST(redirect_drops_content_fields_with_the_content),
      cmocka_unit_test(redirect_survives_every_failed_allocation),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
