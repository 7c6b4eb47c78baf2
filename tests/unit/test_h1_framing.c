/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/h1_reading.h"

static void framing_refuses_ambiguous_lengths(void **state)
{
  static const char *const why =
      "EPROTO: invalid or contradicting Content-Length";
  const h1_row rows[] = {
      /* RUSTSEC-2021-0078, CVE-2025-69224 and their like. */
      {NULL, H1_IN(H1_HEAD_OF("Content-Length: +5\r\n")), why},
      {NULL, H1_IN(H1_HEAD_OF("Content-Length: -5\r\n")), why},
      {NULL, H1_IN(H1_HEAD_OF("Content-Length: 0x5\r\n")), why},
      {NULL, H1_IN(H1_HEAD_OF("Content-Length: 5 5\r\n")), why},
      {NULL, H1_IN(H1_HEAD_OF("Content-Length: 5;\r\n")), why},
      {NULL, H1_IN(H1_HEAD_OF("Content-Length: 5.0\r\n")), why},
      {NULL, H1_IN(H1_HEAD_OF("Content-Length: 1_000\r\n")), why},
      {NULL, H1_IN(H1_HEAD_OF("Content-Length: \xd9\xa5\r\n")), why},
      {NULL, H1_IN(H1_HEAD_OF("Content-Length:\r\n")), why},
      {NULL, H1_IN(H1_HEAD_OF("Content-Length: \"5\"\r\n")), why},
      {NULL, H1_IN(H1_HEAD_OF("Content-Length: 5,\r\n")), why},
      {NULL, H1_IN(H1_HEAD_OF("Content-Length: ,5\r\n")), why},
      {NULL, H1_IN(H1_HEAD_OF("Content-Length: 5,,5\r\n")), why},
      {NULL, H1_IN(H1_HEAD_OF("Content-Length: 5, 6\r\n")), why},
      {NULL, H1_IN(H1_HEAD_OF("Content-Length: 5, 05\r\n")), why},
      {NULL, H1_IN(H1_HEAD_OF("Content-Length: 5\r\nContent-Length: 6\r\n")),
       why},
      {NULL, H1_IN(H1_HEAD_OF("Content-Length: 5\r\nContent-Length: 05\r\n")),
       why},
      {NULL, H1_IN(H1_HEAD_OF("Content-Length: 5\r\nContent-Length:\r\n")),
       why},
      {NULL, H1_IN(H1_HEAD_OF("Content-Length: 10000000000000000000\r\n")),
       why},
      {NULL, H1_IN(H1_HEAD_OF("Content-Length: 18446744073709551621\r\n")),
       why},
  };
  (void)state;
  h1_rows_read(rows, H1_COUNT(rows));
}

static void framing_refuses_bad_transfer_codings(void **state)
{
  static const char *const unknown = "EPROTO: unknown transfer coding";
  const h1_row rows[] = {
      {NULL,
       H1_IN("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
       "EPROTO: Transfer-Encoding in an HTTP/1.0 response"},
      {NULL, H1_IN(H1_HEAD_OF("Transfer-Encoding: xchunked\r\n")), unknown},
      {NULL, H1_IN(H1_HEAD_OF("Transfer-Encoding: chunked;q=1\r\n")), unknown},
      {NULL, H1_IN(H1_HEAD_OF("Transfer-Encoding: chunked, foo\r\n")), unknown},
      {NULL,
       H1_IN(H1_HEAD_OF("Transfer-Encoding: \x0b"
                        "chunked\r\n")),
       "EPROTO: control character in a field value"},
      {NULL, H1_IN(H1_HEAD_OF("Transfer-Encoding: \"chunked\"\r\n")), unknown},
      {NULL, H1_IN(H1_HEAD_OF("Transfer-Encoding: chunked chunked\r\n")),
       unknown},
      {NULL, H1_IN(H1_HEAD_OF("Transfer-Encoding:\r\n")),
       "EPROTO: empty Transfer-Encoding"},
      {NULL, H1_IN(H1_HEAD_OF("Transfer-Encoding: chunked, chunked\r\n")),
       "EPROTO: chunked transfer coding applied twice"},
      {NULL,
       H1_IN(
           H1_HEAD_OF("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"
                      "\r\n")),
       "EPROTO: chunked transfer coding applied twice"},
  };
  (void)state;
  h1_rows_read(rows, H1_COUNT(rows));
}

static void framing_reads_the_keep_alive_timeout(void **state)
{
  static const struct {
    const char *field;
    uint32_t want;
  } rows[] = {
      {"", UINT32_MAX},
      {"Keep-Alive: timeout=7\r\n", 7000},
      {"Keep-Alive: max=100, Timeout=15\r\n", 15000},
      {"Keep-Alive: timeout=0\r\n", 0},
      {"Keep-Alive: timeout=\r\n", UINT32_MAX},
      {"Keep-Alive: timeout=-1\r\n", UINT32_MAX},
      {"Keep-Alive: timeout=99999999999999\r\n", UINT32_MAX - 1},
      {"Keep-Alive: timeout=99999999999999999999999\r\n", UINT32_MAX},
      {"Keep-Alive: 300\r\n", UINT32_MAX},
  };
  (void)state;
  for (size_t i = 0; i < H1_COUNT(rows); i++) {
    char input[256];
    h1_reading r;
    int len = snprintf(input, sizeof(input), "HTTP/1.1 204 N\r\n%s\r\n",
                       rows[i].field);
    h1_reading_begin(&r, "GET", false);
    h1_reading_feed(&r, input, (size_t)len);
    assert_true(r.over);
    assert_int_equal(r.reader.framing.keep_alive_ms, rows[i].want);
    h1_reading_end(&r);
  }
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(framing_refuses_ambiguous_lengths),
      cmocka_unit_test(framing_refuses_bad_transfer_codings),
      cmocka_unit_test(framing_reads_the_keep_alive_timeout),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
