/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ahttp/error.h>

#include "base/str.h"
#include "http/h1_writer.h"
#include "http/method.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* A request and what it is made of. */
typedef struct test_request {
  ah_arena arena;
  ahttp_url url;
  ahttp_fields fields;
  ah_body body;
  ah_request_head head;
} test_request;

static void request_begin(test_request *r, const char *method, const char *url)
{
  ahttp_str name = ah_str_from_c(method);
  ah_arena_init(&r->arena, NULL, 0);
  assert_int_equal(
      ah_url_parse(&r->url, &r->arena, ah_str_from_c(url), NULL, NULL),
      AHTTP_OK);
  ah_fields_init(&r->fields, &r->arena);
  r->head = (ah_request_head){
      .method = name,
      .traits = ah_method_traits(name),
      .url = &r->url,
      .fields = &r->fields,
  };
}

/* Content of |length|, -1: unknown; it is never read here. */
static void request_set_length(test_request *r, int64_t length)
{
  r->body = (ah_body){.length = length};
  r->head.body = &r->body;
}

/* Past the checks of insertion, which the writer must not rely on. */
static void request_add(test_request *r, ahttp_str name, ahttp_str value)
{
  assert_int_equal(
      ah_fields_add_view(&r->fields, name, value, AH_FIELD_UNKNOWN), AHTTP_OK);
}

static void request_end(test_request *r)
{
  ah_arena_clear(&r->arena);
}

/* Writes it into a block of its exact size. */
static void check_written(const test_request *r, const char *want)
{
  ah_h1_head head;
  const char *why = NULL;
  assert_int_equal(ah_h1_head_init(&head, &r->head, &why), AHTTP_OK);
  uint8_t *block = malloc(head.len);
  assert_non_null(block);
  ah_h1_head_write(&head, block);
  assert_int_equal(head.len, strlen(want));
  assert_memory_equal(block, want, head.len);
  free(block);
}

static void check_refused(const test_request *r, int want)
{
  ah_h1_head head;
  const char *why = NULL;
  assert_int_equal(ah_h1_head_init(&head, &r->head, &why), want);
  assert_non_null(why);
}

static void writer_writes_host_first_and_fields_in_order(void **state)
{
  test_request r;
  (void)state;
  request_begin(&r, "GET", "http://example.org/a/b?c=d#e");
  request_add(&r, AH_STR("B"), AH_STR("2"));
  request_add(&r, AH_STR("a"), AH_STR("1"));
  request_add(&r, AH_STR("B"), AH_STR(""));
  check_written(&r, "GET /a/b?c=d HTTP/1.1\r\nHost: example.org\r\nB: 2\r\n"
                    "a: 1\r\nB: \r\n\r\n");
  request_end(&r);
}

/* Lines that were made once, alone, with more behind them, and given up. */
static void writer_uses_lines_that_are_made(void **state)
{
  test_request r;
  (void)state;
  request_begin(&r, "GET", "http://h/");
  ahttp_fields usual;
  ah_fields_init(&usual, &r.arena);
  assert_int_equal(ah_fields_add_view(&usual, AH_STR("Accept"), AH_STR("*/*"),
                                      AH_FIELD_ACCEPT),
                   AHTTP_OK);
  assert_int_equal(
      ah_fields_add_view(&usual, AH_STR("X"), AH_STR(""), AH_FIELD_OTHER),
      AHTTP_OK);
  assert_int_equal(ah_h1_lines_make(&usual), AHTTP_OK);
  assert_int_equal(usual.lines_count, 2);
  assert_int_equal(ah_fields_add_all(&r.fields, &usual), AHTTP_OK);
  check_written(&r, "GET / HTTP/1.1\r\nHost: h\r\nAccept: */*\r\nX: \r\n\r\n");
  request_add(&r, AH_STR("b"), AH_STR("2"));
  check_written(&r, "GET / HTTP/1.1\r\nHost: h\r\nAccept: */*\r\nX: \r\n"
                    "b: 2\r\n\r\n");
  request_add(&r, AH_STR("host"), AH_STR("other"));
  check_written(&r, "GET / HTTP/1.1\r\nHost: other\r\nAccept: */*\r\n"
                    "X: \r\nb: 2\r\n\r\n");
  ah_fields_remove(&r.fields, AH_FIELD_ACCEPT);
  check_written(&r, "GET / HTTP/1.1\r\nHost: other\r\nX: \r\nb: 2\r\n\r\n");
  request_end(&r);
}

/* What needs a look each time is looked at each time. */
static void writer_makes_no_lines_of_what_it_must_check(void **state)
{
  static const ah_field rows[] = {
      {{"Host", 4}, {"h", 1}, AH_FIELD_HOST},
      {{"Connection", 10}, {"close", 5}, AH_FIELD_CONNECTION},
      {{"a", 1}, {"b\r\nc: d", 7}, AH_FIELD_OTHER},
      {{"a b", 3}, {"c", 1}, AH_FIELD_OTHER},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(rows); i++) {
    test_request r;
    request_begin(&r, "GET", "http://h/");
    request_add(&r, AH_STR("x"), AH_STR("y"));
    request_add(&r, rows[i].name, rows[i].value);
    assert_int_equal(ah_h1_lines_make(&r.fields), AHTTP_OK);
    assert_int_equal(r.fields.lines_count, 0);
    assert_int_equal(r.fields.lines.len, 0);
    request_end(&r);
  }
}

static void writer_takes_the_target_from_the_url(void **state)
{
  static const struct {
    const char *method;
    const char *url;
    const char *want;
  } rows[] = {
      {"GET", "http://example.org",
       "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"},
      {"GET", "http://example.org?q",
       "GET /?q HTTP/1.1\r\nHost: example.org\r\n\r\n"},
      {"GET", "http://example.org/?",
       "GET /? HTTP/1.1\r\nHost: example.org\r\n\r\n"},
      {"GET", "http://user:secret@example.org:80/",
       "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"},
      {"GET", "https://example.org:8443/",
       "GET / HTTP/1.1\r\nHost: example.org:8443\r\n\r\n"},
      {"GET", "http://[2001:DB8::1]:81/",
       "GET / HTTP/1.1\r\nHost: [2001:db8::1]:81\r\n\r\n"},
      {"GET", "http://example.org/a b",
       "GET /a%20b HTTP/1.1\r\nHost: example.org\r\n\r\n"},
      {"patch-1", "http://example.org/",
       "patch-1 / HTTP/1.1\r\nHost: example.org\r\n\r\n"},
      /* RFC 9112, section 3.2.3. */
      {"CONNECT", "https://example.org/",
       "CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n"},
      {"CONNECT", "http://[::1]:8080/",
       "CONNECT [::1]:8080 HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n"},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(rows); i++) {
    test_request r;
    request_begin(&r, rows[i].method, rows[i].url);
    check_written(&r, rows[i].want);
    request_end(&r);
  }
}

static void writer_lets_a_given_host_take_the_authoritys_place(void **state)
{
  test_request r;
  (void)state;
  request_begin(&r, "GET", "http://127.0.0.1:8080/");
  request_add(&r, AH_STR("A"), AH_STR("b"));
  request_add(&r, AH_STR("hOST"), AH_STR("example.org"));
  request_add(&r, AH_STR("C"), AH_STR("d"));
  check_written(&r, "GET / HTTP/1.1\r\nHost: example.org\r\nA: b\r\nC: d\r\n"
                    "\r\n");
  request_end(&r);
}

static void writer_frames_the_content(void **state)
{
  static const struct {
    const char *method;
    int64_t length; /* -2: no body */
    const char *want;
  } rows[] = {
      {"GET", -2, ""},
      {"HEAD", -2, ""},
      {"DELETE", -2, ""},
      {"X", -2, ""},
      {"POST", -2, "Content-Length: 0\r\n"},
      {"PUT", -2, "Content-Length: 0\r\n"},
      {"PATCH", -2, "Content-Length: 0\r\n"},
      {"GET", 0, ""},
      {"POST", 0, "Content-Length: 0\r\n"},
      {"GET", 1, "Content-Length: 1\r\n"},
      {"POST", 1234567890, "Content-Length: 1234567890\r\n"},
      {"PUT", INT64_MAX, "Content-Length: 9223372036854775807\r\n"},
      {"POST", -1, "Transfer-Encoding: chunked\r\n"},
      {"GET", -1, "Transfer-Encoding: chunked\r\n"},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(rows); i++) {
    char want[256] = "";
    test_request r;
    request_begin(&r, rows[i].method, "http://h/");
    if (rows[i].length != -2) {
      request_set_length(&r, rows[i].length);
    }
    (void)strcat(want, rows[i].method);
    (void)strcat(want, " / HTTP/1.1\r\nHost: h\r\n");
    (void)strcat(want, rows[i].want);
    (void)strcat(want, "\r\n");
    check_written(&r, want);
    request_end(&r);
  }
}

static void writer_gives_proxies_the_url_without_credentials(void **state)
{
  static const struct {
    const char *url;
    const char *want;
  } rows[] = {
      {"http://u:p@a.test:8080/x?y#z", "GET http://a.test:8080/x?y HTTP/1.1\r\n"
                                       "Host: a.test:8080\r\n\r\n"},
      {"http://a.test:80", "GET http://a.test/ HTTP/1.1\r\n"
                           "Host: a.test\r\n\r\n"},
      {"http://[2001:DB8::1]/", "GET http://[2001:db8::1]/ HTTP/1.1\r\n"
                                "Host: [2001:db8::1]\r\n\r\n"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    test_request r;
    request_begin(&r, "GET", rows[i].url);
    r.head.is_absolute = true;
    check_written(&r, rows[i].want);
    request_end(&r);
  }
}

static void writer_names_hop_by_hop_fields_in_connection(void **state)
{
  test_request r;
  (void)state;
  request_begin(&r, "GET", "http://h/");
  request_add(&r, AH_STR("TE"), AH_STR("trailers"));
  check_written(&r, "GET / HTTP/1.1\r\nHost: h\r\nTE: trailers\r\n"
                    "Connection: TE\r\n\r\n");
  request_add(&r, AH_STR("Upgrade"), AH_STR("x"));
  check_written(&r, "GET / HTTP/1.1\r\nHost: h\r\nTE: trailers\r\n"
                    "Upgrade: x\r\nConnection: Upgrade, TE\r\n\r\n");
  request_end(&r);
}

static void writer_refuses_bad_methods_and_targets(void **state)
{
  static const ahttp_str methods[] = {
      {"", 0},       {"G T", 3},       {"GET\r\n", 5}, {"GET\n", 4},
      {"GET\0X", 5}, {"G\xc3\xa9", 3}, {"GET:", 4},    {"GET /x HTTP/1.1", 15},
  };
  static const char *const paths[] = {
      "/a b", "/a\r\nX: y", "/a\nb", "/\x7f", "/\xc3\xa9", "/\x01", "/\t",
  };
  (void)state;
  for (size_t i = 0; i < COUNT(methods); i++) {
    test_request r;
    request_begin(&r, "GET", "http://h/");
    r.head.method = methods[i];
    check_refused(&r, AHTTP_EINVAL);
    request_end(&r);
  }
  for (size_t i = 0; i < COUNT(paths); i++) {
    test_request r;
    request_begin(&r, "GET", "http://h/");
    r.url.path = ah_str_from_c(paths[i]);
    r.url.query = ah_str(NULL, 0);
    check_refused(&r, AHTTP_EINVAL);
    request_end(&r);
  }
}

static void writer_refuses_fields_that_could_end_a_line(void **state)
{
  static const struct {
    ahttp_str name;
    ahttp_str value;
  } rows[] = {
      {{"", 0}, {"x", 1}},
      {{"a b", 3}, {"x", 1}},
      {{"a:", 2}, {"x", 1}},
      {{"a\r\n", 3}, {"x", 1}},
      {{"a\0", 2}, {"x", 1}},
      {{"\xc3\xa9", 2}, {"x", 1}},
      {{"a", 1}, {"x\r\nB: c", 7}},
      {{"a", 1}, {"x\n", 2}},
      {{"a", 1}, {"\r", 1}},
      {{"a", 1}, {"x\0y", 3}},
      {{"a", 1}, {"\x7f", 1}},
      {{"a", 1}, {"0123456\x01", 8}},
      {{"Host", 4}, {"h\r\nX: y", 8}},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(rows); i++) {
    test_request r;
    request_begin(&r, "GET", "http://h/");
    request_add(&r, rows[i].name, rows[i].value);
    ah_h1_head head;
    const char *why = NULL;
    assert_true(ah_h1_head_init(&head, &r.head, &why) < 0);
    request_end(&r);
  }
}

/* CVE-2026-1525, RUSTSEC-2021-0020: framing told twice. */
static void writer_refuses_framing_that_is_not_its_own(void **state)
{
  static const ahttp_str names[] = {
      {"Content-Length", 14}, {"content-LENGTH", 14}, {"Transfer-Encoding", 17},
      {"Connection", 10},     {"Keep-Alive", 10},     {"Proxy-Connection", 16},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(names); i++) {
    test_request r;
    request_begin(&r, "POST", "http://h/");
    request_add(&r, names[i], AH_STR("1"));
    check_refused(&r, AHTTP_EFIELD);
    request_end(&r);
  }
  test_request r;
  request_begin(&r, "GET", "http://h/");
  request_add(&r, AH_STR("Host"), AH_STR("a"));
  request_add(&r, AH_STR("host"), AH_STR("a"));
  check_refused(&r, AHTTP_EFIELD);
  request_end(&r);
}

static void writer_frames_chunks_in_place(void **state)
{
  static const struct {
    size_t cap; /* what the head was left room for */
    size_t len;
    const char *head;
  } rows[] = {
      {1, 1, "1\r\n"},
      {15, 15, "f\r\n"},
      {16, 15, "f\r\n"},
      {16384, 1, "1\r\n"},
      {16384, 16384, "4000\r\n"},
      {16384, 4095, "fff\r\n"},
      {65536, 65535, "ffff\r\n"},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(rows); i++) {
    size_t head_len = ah_h1_chunk_head_len(rows[i].cap);
    size_t room_len = head_len + rows[i].len + AH_H1_CHUNK_TAIL_BYTES;
    uint8_t *room = malloc(room_len);
    assert_non_null(room);
    for (size_t at = 0; at < rows[i].len; at++) {
      room[head_len + at] = (uint8_t)(at * 7);
    }
    size_t len = ah_h1_chunk_frame(room, head_len, rows[i].len);
    size_t own_len = strlen(rows[i].head);
    assert_int_equal(len, own_len + rows[i].len + AH_H1_CHUNK_TAIL_BYTES);
    assert_memory_equal(room, rows[i].head, own_len);
    for (size_t at = 0; at < rows[i].len; at++) {
      assert_int_equal(room[own_len + at], (uint8_t)(at * 7));
    }
    assert_memory_equal(room + len - 2, "\r\n", 2);
    free(room);
  }
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(writer_writes_host_first_and_fields_in_order),
      cmocka_unit_test(writer_uses_lines_that_are_made),
      cmocka_unit_test(writer_makes_no_lines_of_what_it_must_check),
      cmocka_unit_test(writer_takes_the_target_from_the_url),
      cmocka_unit_test(writer_lets_a_given_host_take_the_authoritys_place),
      cmocka_unit_test(writer_frames_the_content),
      cmocka_unit_test(writer_gives_proxies_the_url_without_credentials),
      cmocka_unit_test(writer_names_hop_by_hop_fields_in_connection),
      cmocka_unit_test(writer_refuses_bad_methods_and_targets),
      cmocka_unit_test(writer_refuses_fields_that_could_end_a_line),
      cmocka_unit_test(writer_refuses_framing_that_is_not_its_own),
      cmocka_unit_test(writer_frames_chunks_in_place),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
