/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "support/h1_reading.h"
#include "support/test_alloc.h"

static const h1_row good_rows[] = {
    /* Where content ends. */
    {NULL, H1_IN("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
     "200 OK|Content-Length: 5| [hello] END keep"},
    {NULL, H1_IN("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
     "200 OK|Content-Length: 0| END keep"},
    {NULL,
     H1_IN("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
           "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"),
     "200 OK|Transfer-Encoding: chunked| [hello world] END keep"},
    {NULL,
     H1_IN("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
     "200 OK|Transfer-Encoding: chunked| END keep"},
    {NULL,
     H1_IN("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
           "2\r\nhi\r\n0\r\nDigest: x\r\nOther:y \r\n\r\n"),
     "200 OK|Transfer-Encoding: chunked| [hi] trailers|Digest: x|Other: y| "
     "END keep"},
    /* Responses without content, whatever they say. */
    {"HEAD", H1_IN("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
     "200 OK|Content-Length: 5| END keep"},
    {"HEAD", H1_IN("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
     "200 OK|Transfer-Encoding: chunked| END keep"},
    {"HEAD", H1_IN("HTTP/1.1 200 OK\r\n\r\n"), "200 OK| END keep"},
    {NULL, H1_IN("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"),
     "204 No Content|Content-Length: 5| END keep"},
    {NULL, H1_IN("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"),
     "304 Not Modified|Content-Length: 5| END keep"},
    {NULL, H1_IN("HTTP/1.1 304 NM\r\nTransfer-Encoding: chunked\r\n\r\n"),
     "304 NM|Transfer-Encoding: chunked| END keep"},
    {"CONNECT", H1_IN("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
     "200 OK|Content-Length: 5| END close"},
    {"CONNECT", H1_IN("HTTP/1.1 407 No\r\nContent-Length: 2\r\n\r\nno"),
     "407 No|Content-Length: 2| [no] END keep"},
    /* Interim responses. */
    {NULL,
     H1_IN(
         "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n"
         "\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"),
     "100 Continue| 103 Early Hints|Link: x| 200 OK|Content-Length: 1| [x] "
     "END keep"},
    {NULL,
     H1_IN("HTTP/1.1 102 P\r\nContent-Length: 5\r\n\r\nHTTP/1.1 204 N\r\n\r\n"),
     "102 P|Content-Length: 5| 204 N| END keep"},
    /* The status line. */
    {NULL, H1_IN("HTTP/1.1 204 \r\n\r\n"), "204| END keep"},
    {NULL, H1_IN("HTTP/1.1 204\r\n\r\n"), "204| END keep"},
    {NULL, H1_IN("HTTP/1.1 204 \xc3\xa9 \x09ok\r\n\r\n"),
     "204 \xc3\xa9 \x09ok| END keep"},
    {"HEAD", H1_IN("HTTP/1.1 999 Odd\r\n\r\n"), "999 Odd| END keep"},
    /* Persistence, RFC 9112 section 9.3. */
    {NULL, H1_IN("HTTP/1.1 204 N\r\nConnection: Keep-Alive, Close\r\n\r\n"),
     "204 N|Connection: Keep-Alive, Close| END close"},
    {NULL,
     H1_IN("HTTP/1.1 204 N\r\nConnection: x\r\nConnection: close\r\n\r\n"),
     "204 N|Connection: x|Connection: close| END close"},
    {NULL, H1_IN("HTTP/1.1 204 N\r\nConnection: closed\r\n\r\n"),
     "204 N|Connection: closed| END keep"},
    {NULL, H1_IN("HTTP/1.0 204 N\r\n\r\n"), "204 N| END close"},
    {NULL, H1_IN("HTTP/1.0 204 N\r\nConnection: keep-alive\r\n\r\n"),
     "204 N|Connection: keep-alive| END keep"},
    {NULL, H1_IN("HTTP/1.0 204 N\r\nConnection: keep-alive, close\r\n\r\n"),
     "204 N|Connection: keep-alive, close| END close"},
    /* Field lines: blanks, line ends, obs-fold. */
    {NULL, H1_IN("HTTP/1.1 204 N\r\na:b\r\nC: \t d \t\r\ne:\r\nf: \r\n\r\n"),
     "204 N|a: b|C: d|e: |f: | END keep"},
    {NULL, H1_IN("HTTP/1.1 204 N\r\na: \xe2\x82\xac\x80 \tb\r\n\r\n"),
     "204 N|a: \xe2\x82\xac\x80 \tb| END keep"},
    {NULL, H1_IN("HTTP/1.1 200 OK\nContent-Length: 2\nb: c\r\n\nok"),
     "200 OK|Content-Length: 2|b: c| [ok] END keep"},
    {NULL, H1_IN("HTTP/1.1 204 N\r\na: b\r\n  c \r\n\td\r\ne: f\r\n\r\n"),
     "204 N|a: b c d|e: f| END keep"},
    {NULL, H1_IN("HTTP/1.1 204 N\r\na: b\r\n \r\n\t\r\n\r\n"),
     "204 N|a: b| END keep"},
    {NULL, H1_IN("HTTP/1.1 204 N\r\na:\r\n b\r\n\r\n"), "204 N|a: b| END keep"},
    {NULL, H1_IN("HTTP/1.1 204 N\r\na:\r\n \r\n\r\n"), "204 N|a: | END keep"},
    {NULL, H1_IN("HTTP/1.1 200 OK\r\nContent-Length:\r\n 2\r\n\r\nok"),
     "200 OK|Content-Length: 2| [ok] END keep"},
    {NULL,
     H1_IN("HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\n chunked\r\n\r\n"
           "0\r\nA: b\r\n c\r\n\r\n"),
     "200 OK|Transfer-Encoding: chunked| trailers|A: b c| END keep"},
    {NULL, H1_IN("HTTP/1.1 204 N\r\n!#$%&'*+-.^_`|~09aZ: x\r\n\r\n"),
     "204 N|!#$%&'*+-.^_`|~09aZ: x| END keep"},
    /* Content-Length that says the same twice. */
    {NULL,
     H1_IN("HTTP/1.1 200 OK\r\nContent-Length: 2\r\ncontent-length: 2\r\n\r\n"
           "ok"),
     "200 OK|Content-Length: 2|content-length: 2| [ok] END keep"},
    {NULL, H1_IN("HTTP/1.1 200 OK\r\nContent-Length: 2 ,\t2\r\n\r\nok"),
     "200 OK|Content-Length: 2 ,\t2| [ok] END keep"},
    {NULL, H1_IN("HTTP/1.1 200 OK\r\nContent-Length: 002\r\n\r\nok"),
     "200 OK|Content-Length: 002| [ok] END keep"},
    /* Transfer-Encoding beside Content-Length. */
    {NULL,
     H1_IN("HTTP/1.1 200 OK\r\nContent-Length: 50\r\nTransfer-Encoding: "
           "chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
     "200 OK|Content-Length: 50|Transfer-Encoding: chunked| [ok] END close"},
    {NULL,
     H1_IN("HTTP/1.1 200 OK\r\nTransfer-Encoding: CHUNKED\r\nContent-Length: x"
           "\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
     "200 OK|Transfer-Encoding: CHUNKED|Content-Length: x| [ok] END close"},
    {NULL,
     H1_IN("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: "
           "chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
     "200 OK|Transfer-Encoding: gzip|Transfer-Encoding: chunked| [ok] END "
     "keep"},
    /* Chunk sizes and extensions. */
    {NULL,
     H1_IN("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
           "a\r\n0123456789\r\nA\r\n0123456789\r\n0000000000000001\r\nx\r\n"
           "000\r\n\r\n"),
     "200 OK|Transfer-Encoding: chunked| [01234567890123456789x] END keep"},
    {NULL,
     H1_IN(
         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
         "1;a=b;c=\"d;\\\"e\"\r\nx\r\n1 ;f\r\ny\r\n1  \t\r\nz\r\n0;g\r\n\r\n"),
     "200 OK|Transfer-Encoding: chunked| [xyz] END keep"},
    /* Trailers that have no business there are dropped. */
    {NULL,
     H1_IN("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
           "Content-Length: 9\r\nSet-Cookie: a\r\nTransfer-Encoding: x\r\nA: b"
           "\r\n\r\n"),
     "200 OK|Transfer-Encoding: chunked| trailers|A: b| END keep"},
    {NULL,
     H1_IN("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
           "Content-Length: 9\r\n\r\n"),
     "200 OK|Transfer-Encoding: chunked| END keep"},
};

static void reader_reads_responses_however_they_are_cut(void **state)
{
  (void)state;
  h1_rows_read(good_rows, H1_COUNT(good_rows));
}

static void reader_wants_more_after_every_strict_prefix(void **state)
{
  (void)state;
  h1_rows_want_more(good_rows, H1_COUNT(good_rows));
}

static void reader_refuses_bad_status_lines(void **state)
{
  static const h1_row rows[] = {
      {NULL, H1_IN("HTTP/2.0 200 OK\r\n\r\n"),
       "EPROTO: not an HTTP/1 response"},
      {NULL, H1_IN("HTTP/1.2 200 OK\r\n\r\n"),
       "EPROTO: unsupported HTTP version"},
      {NULL, H1_IN("HTTP/1.10 200 OK\r\n\r\n"),
       "EPROTO: unsupported HTTP version"},
      {NULL, H1_IN("HTTP/1.1\t200 OK\r\n\r\n"),
       "EPROTO: unsupported HTTP version"},
      {NULL, H1_IN("http/1.1 200 OK\r\n\r\n"),
       "EPROTO: not an HTTP/1 response"},
      {NULL, H1_IN("ICY 200 OK\r\n\r\n"), "EPROTO: not an HTTP/1 response"},
      {NULL, H1_IN("\r\nHTTP/1.1 200 OK\r\n\r\n"),
       "EPROTO: not an HTTP/1 response"},
      {NULL, H1_IN(" HTTP/1.1 200 OK\r\n\r\n"),
       "EPROTO: not an HTTP/1 response"},
      {NULL, H1_IN("SSH-2.0-OpenSSH_9.2p1\r\n"),
       "EPROTO: not an HTTP/1 response"},
      {NULL, H1_IN("\x00\x00\x12\x04\x00\x00\x00\x00\x00"),
       "EPROTO: not an HTTP/1 response"},
      {NULL, H1_IN("HTTP/1.1 20\r\n\r\n"), "EPROTO: not an HTTP/1 response"},
      {NULL, H1_IN("HTTP/1.1 2 0 OK\r\n\r\n"), "EPROTO: invalid status code"},
      {NULL, H1_IN("HTTP/1.1  200 OK\r\n\r\n"), "EPROTO: invalid status code"},
      {NULL, H1_IN("HTTP/1.1 -20 OK\r\n\r\n"), "EPROTO: invalid status code"},
      {NULL, H1_IN("HTTP/1.1 099 OK\r\n\r\n"), "EPROTO: invalid status code"},
      {NULL, H1_IN("HTTP/1.1 2000 OK\r\n\r\n"), "EPROTO: invalid status line"},
      {NULL, H1_IN("HTTP/1.1 200OK\r\n\r\n"), "EPROTO: invalid status line"},
      {NULL, H1_IN("HTTP/1.1 200 O\rK\r\n\r\n"),
       "EPROTO: control character in the reason phrase"},
      {NULL, H1_IN("HTTP/1.1 200 O\x00K\r\n\r\n"),
       "EPROTO: control character in the reason phrase"},
      {NULL, H1_IN("HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n"),
       "EPROTO: unasked-for protocol switch"},
  };
  (void)state;
  h1_rows_read(rows, H1_COUNT(rows));
}

static void reader_uses_nothing_after_the_end(void **state)
{
  static const h1_row rows[] = {
      {NULL, H1_IN(H1_HEAD_OF("Content-Length: 2\r\n") "okHTTP/1.1 200 OK\r\n"),
       "200 OK|Content-Length: 2| [ok] END keep +17"},
      {NULL, H1_IN("HTTP/1.1 204 N\r\n\r\n\r\n"), "204 N| END keep +2"},
      {NULL, H1_IN(H1_CHUNKED("0\r\n\r\nx")), H1_CHUNKED_SAYS("END keep +1")},
      {"HEAD", H1_IN(H1_HEAD_OF("Content-Length: 5\r\n") "hello"),
       "200 OK|Content-Length: 5| END keep +5"},
  };
  (void)state;
  h1_rows_read(rows, H1_COUNT(rows));
}

/* What a closing of the connection means, after each prefix of a response. */
static void check_end(const char *input, bool clean, const char *want)
{
  for (size_t size = 1; size <= 2; size++) {
    size_t len = strlen(input);
    size_t step = size == 1 ? 1 : len + 1;
    h1_reading r;
    h1_reading_begin(&r, "GET", false);
    for (size_t at = 0; at < len; at += step) {
      h1_reading_feed(&r, input + at, len - at < step ? len - at : step);
    }
    h1_reading_feed_end(&r, clean);
    assert_string_equal(r.transcript.data, want);
    h1_reading_end(&r);
  }
}

static void reader_ends_with_the_connection_only_where_it_may(void **state)
{
  (void)state;
  check_end(H1_HEAD_OF("") "hello", true, "200 OK| [hello] END close");
  check_end(H1_HEAD_OF(""), true, "200 OK| END close");
  check_end("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nhello", true,
            "200 OK|Connection: keep-alive| [hello] END close");
  /* RFC 9112, section 6.3, rule 4: a coding, and chunked is not the last. */
  check_end(H1_HEAD_OF("Transfer-Encoding: gzip\r\n") "hello", true,
            "200 OK|Transfer-Encoding: gzip| [hello] END close");
  check_end(H1_HEAD_OF("Transfer-Encoding: chunked, gzip\r\n") "hello", true,
            "200 OK|Transfer-Encoding: chunked, gzip| [hello] END close");
  check_end(H1_HEAD_OF("") "hello", false,
            "200 OK| [hello] ETRUNCATED: TLS ended without a closing alert "
            "after 5 bytes of content of unknown length");
}

static void reader_tells_how_far_a_cut_off_response_came(void **state)
{
  (void)state;
  check_end("", true,
            "EDISCONNECTED: the server closed the connection without a "
            "response");
  check_end("HTTP/1.1 200 OK\r\nA: b\r\n", true,
            "ETRUNCATED: the response ended within its header section, after "
            "23 bytes");
  check_end("HTTP/1.1 100 C\r\n\r\n", true,
            "100 C| ETRUNCATED: the response ended within its header section, "
            "after 18 bytes");
  check_end(H1_HEAD_OF("Content-Length: 5\r\n") "hel", true,
            "200 OK|Content-Length: 5| [hel] ETRUNCATED: the response ended "
            "after 3 of 5 bytes of content");
  check_end(H1_HEAD_OF("Content-Length: 5\r\n") "hel", false,
            "200 OK|Content-Length: 5| [hel] ETRUNCATED: the response ended "
            "after 3 of 5 bytes of content");
  check_end(
      H1_CHUNKED("5\r\nhello\r\n"), true,
      H1_CHUNKED_SAYS("[hello] ETRUNCATED: the response ended after 5 bytes of "
                      "chunked content, before its end"));
  check_end(
      H1_CHUNKED("0\r\n"), true,
      H1_CHUNKED_SAYS("ETRUNCATED: the response ended after 0 bytes of chunked "
                      "content, before its end"));
}

static void reader_never_takes_a_cut_off_response_for_whole(void **state)
{
  (void)state;
  for (size_t i = 0; i < H1_COUNT(good_rows); i++) {
    for (size_t len = 0; len < good_rows[i].input.len; len++) {
      h1_reading r;
      ahttp_error err;
      h1_reading_begin(&r, h1_row_method(&good_rows[i]), false);
      h1_reading_feed(&r, good_rows[i].input.ptr, len);
      int rv = ah_h1_reader_end(&r.reader, true, &err);
      assert_int_equal(rv, len == 0 ? AHTTP_EDISCONNECTED : AHTTP_ETRUNCATED);
      h1_reading_end(&r);
    }
  }
}

static void reader_allows_a_switch_that_was_asked_for(void **state)
{
  static const char input[] = "HTTP/1.1 101 S\r\nUpgrade: x\r\n\r\nrest";
  h1_reading r;
  (void)state;
  h1_reading_begin(&r, "GET", true);
  h1_reading_feed(&r, input, sizeof(input) - 1);
  h1_reading_check(&r, "101 S|Upgrade: x| END close +4", input);
  h1_reading_end(&r);
}

static void reader_reads_one_response_after_the_other(void **state)
{
  h1_reading r;
  (void)state;
  h1_reading_begin(&r, "GET", false);
  for (int i = 0; i < 3; i++) {
    static const char input[] = H1_HEAD_OF("Content-Length: 2\r\n") "ok";
    h1_reading_feed(&r, input, 10); /* the next one begins with a kept line */
    h1_reading_feed(&r, input + 10, sizeof(input) - 1 - 10);
    assert_true(r.over);
    r.over = false;
    ah_h1_reader_expect(&r.reader, &r.reader.expected);
  }
  assert_string_equal(r.transcript.data,
                      "200 OK|Content-Length: 2| [ok] END keep"
                      "200 OK|Content-Length: 2| [ok] END keep"
                      "200 OK|Content-Length: 2| [ok] END keep");
  h1_reading_end(&r);
}

static void reader_limits_interim_responses(void **state)
{
  static const char big[] = "HTTP/1.1 103 E\r\nLink: 0123456789\r\n\r\n";
  fake_bytes input = {.data = NULL};
  char line[8192];
  (void)state;
  h1_make(&input, "", big, AH_H1_INTERIM_MAX, "HTTP/1.1 204 N\r\n\r\n");
  h1_check_limit(&input, "END keep");
  h1_make(&input, "", big, AH_H1_INTERIM_MAX + 1, "HTTP/1.1 204 N\r\n\r\n");
  h1_check_limit(&input, "ELIMIT: too many interim responses");
  /* They share the budget of the final one: curl's CVE-2023-38039. */
  memset(line, 'x', sizeof(line));
  memcpy(line, "HTTP/1.1 103 E\r\na:", strlen("HTTP/1.1 103 E\r\na:"));
  memcpy(line + sizeof(line) - 5, "\r\n\r\n", 5);
  h1_make(&input, "", line, 9, "HTTP/1.1 204 N\r\n\r\n");
  h1_check_limit(&input, "ELIMIT: header section too long");
}

/* Every allocating path: kept lines, folds, many fields, trailers. */
static int read_all_in_pieces(void *arg)
{
  static const char input[] =
      "HTTP/1.1 103 Early\r\nLink: x\r\n\r\n"
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nA: b\r\n c\r\n d\r\n"
      "1: 1\r\n2: 2\r\n3: 3\r\n4: 4\r\n5: 5\r\n6: 6\r\n7: 7\r\n8: 8\r\n"
      "9: 1\r\na: 2\r\nb: 3\r\nc: 4\r\nd: 5\r\ne: 6\r\nf: 7\r\ng: 8\r\n\r\n"
      "5\r\nhello\r\n0\r\nT: r\r\n s\r\n\r\n";
  (void)arg;
  ah_arena arena;
  ah_response_head head;
  ahttp_fields trailers;
  ah_h1_reader reader;
  size_t len = sizeof(input) - 1;
  size_t at = 0;
  int rv = AH_MORE;
  ah_h1_event event = {.kind = AH_H1_HEAD};
  ah_arena_init(&arena, NULL, 0);
  ah_h1_reader_init(&reader);
  ah_h1_reader_expect(
      &reader,
      &(ah_h1_expected){.arena = &arena, .head = &head, .trailers = &trailers});
  while (rv == AH_MORE || (rv == AHTTP_OK && event.kind != AH_H1_END)) {
    size_t piece = rv == AH_MORE && at < len ? 1 : 0;
    size_t used = 0;
    rv = ah_h1_reader_next(&reader, (const uint8_t *)input + at, piece, &used,
                           &event);
    at += used;
  }
  ah_h1_reader_clear(&reader);
  ah_arena_clear(&arena);
  return rv;
}

static void reader_survives_every_failed_allocation(void **state)
{
  (void)state;
  test_alloc_fail_each(read_all_in_pieces, NULL);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reader_reads_responses_however_they_are_cut),
      cmocka_unit_test(reader_wants_more_after_every_strict_prefix),
      cmocka_unit_test(reader_refuses_bad_status_lines),
      cmocka_unit_test(reader_uses_nothing_after_the_end),
      cmocka_unit_test(reader_ends_with_the_connection_only_where_it_may),
      cmocka_unit_test(reader_tells_how_far_a_cut_off_response_came),
      cmocka_unit_test(reader_never_takes_a_cut_off_response_for_whole),
      cmocka_unit_test(reader_allows_a_switch_that_was_asked_for),
      cmocka_unit_test(reader_reads_one_response_after_the_other),
      cmocka_unit_test(reader_limits_interim_responses),
      cmocka_unit_test(reader_survives_every_failed_allocation),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
