/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/h1_reading.h"

static void chunked_refuses_bad_chunks(void **state)
{
  static const h1_row rows[] = {
      {NULL, H1_IN(H1_CHUNKED("\r\nx")),
       H1_CHUNKED_SAYS("EPROTO: chunk size missing")},
      {NULL, H1_IN(H1_CHUNKED(";a\r\n")),
       H1_CHUNKED_SAYS("EPROTO: chunk size missing")},
      {NULL, H1_IN(H1_CHUNKED(" 1\r\nx")),
       H1_CHUNKED_SAYS("EPROTO: chunk size missing")},
      {NULL, H1_IN(H1_CHUNKED("-1\r\n")),
       H1_CHUNKED_SAYS("EPROTO: chunk size missing")},
      {NULL, H1_IN(H1_CHUNKED("+1\r\n")),
       H1_CHUNKED_SAYS("EPROTO: chunk size missing")},
      {NULL, H1_IN(H1_CHUNKED("0x1\r\n")),
       H1_CHUNKED_SAYS("EPROTO: invalid chunk size")},
      {NULL, H1_IN(H1_CHUNKED("1_0\r\n")),
       H1_CHUNKED_SAYS("EPROTO: invalid chunk size")},
      {NULL, H1_IN(H1_CHUNKED("1g\r\n")),
       H1_CHUNKED_SAYS("EPROTO: invalid chunk size")},
      {NULL, H1_IN(H1_CHUNKED("1 1\r\n")),
       H1_CHUNKED_SAYS("EPROTO: invalid chunk size")},
      {NULL, H1_IN(H1_CHUNKED("1\nx\r\n")),
       H1_CHUNKED_SAYS("EPROTO: invalid chunk size")},
      {NULL, H1_IN(H1_CHUNKED("1 \nx\r\n")),
       H1_CHUNKED_SAYS("EPROTO: invalid chunk size")},
      /* RUSTSEC-2021-0079: a size that wraps around. */
      {NULL, H1_IN(H1_CHUNKED("10000000000000001\r\nx")),
       H1_CHUNKED_SAYS("EPROTO: chunk size too large")},
      {NULL, H1_IN(H1_CHUNKED("00000000000000001\r\nx")),
       H1_CHUNKED_SAYS("EPROTO: chunk size too large")},
      {NULL, H1_IN(H1_CHUNKED("1\rx")),
       H1_CHUNKED_SAYS("EPROTO: bare CR in a chunk size line")},
      {NULL, H1_IN(H1_CHUNKED("1;a\rx")),
       H1_CHUNKED_SAYS("EPROTO: bare CR in a chunk size line")},
      /* CVE-2024-52304: a line end in an extension. */
      {NULL, H1_IN(H1_CHUNKED("1;a\nx\r\n0\r\n\r\n")),
       H1_CHUNKED_SAYS("EPROTO: control character in a chunk extension")},
      {NULL, H1_IN(H1_CHUNKED("1;a\x00\r\nx")),
       H1_CHUNKED_SAYS("EPROTO: control character in a chunk extension")},
      {NULL, H1_IN(H1_CHUNKED("1\r\nxy\r\n")),
       H1_CHUNKED_SAYS("[x] EPROTO: chunk longer than its size")},
      {NULL, H1_IN(H1_CHUNKED("1\r\nx\n0\r\n\r\n")),
       H1_CHUNKED_SAYS("[x] EPROTO: chunk longer than its size")},
      {NULL, H1_IN(H1_CHUNKED("1\r\nx\rz")),
       H1_CHUNKED_SAYS("[x] EPROTO: chunk longer than its size")},
      {NULL, H1_IN(H1_CHUNKED("1\r\nx\r\n0\r\n\n")),
       H1_CHUNKED_SAYS("[x] EPROTO: bare LF in the trailer section")},
      {NULL, H1_IN(H1_CHUNKED("0\r\nA: b\n\r\n")),
       H1_CHUNKED_SAYS("EPROTO: bare LF in the trailer section")},
      {NULL, H1_IN(H1_CHUNKED("0\r\n b\r\n\r\n")),
       H1_CHUNKED_SAYS("EPROTO: blank before the first field")},
      {NULL, H1_IN(H1_CHUNKED("0\r\nA b\r\n\r\n")),
       H1_CHUNKED_SAYS("EPROTO: invalid field line")},
  };
  (void)state;
  h1_rows_read(rows, H1_COUNT(rows));
}

static void chunked_limits_chunk_extensions(void **state)
{
  fake_bytes input = {.data = NULL};
  char chunk[AH_H1_EXT_LINE_BYTES_MAX + 16];
  (void)state;
  h1_make(&input, H1_CHUNKED("1;"), "x", AH_H1_EXT_LINE_BYTES_MAX - 1,
          "\r\nx\r\n0\r\n\r\n");
  h1_check_limit(&input, "END keep");
  h1_make(&input, H1_CHUNKED("1;"), "x", AH_H1_EXT_LINE_BYTES_MAX,
          "\r\nx\r\n0\r\n\r\n");
  h1_check_limit(&input, "ELIMIT: chunk extensions too long");
  h1_make(&input, H1_CHUNKED("1"), " ", AH_H1_EXT_LINE_BYTES_MAX + 1,
          "\r\nx\r\n0\r\n\r\n");
  h1_check_limit(&input, "ELIMIT: chunk extensions too long");

  memset(chunk, 'x', sizeof(chunk));
  memcpy(chunk, "1;", 2);
  memcpy(chunk + 1 + 128, "\r\nx\r\n", 6);
  size_t lines = AH_H1_EXT_TOTAL_BYTES_MAX / 128;
  h1_make(&input, H1_CHUNKED(""), chunk, lines, "0\r\n\r\n");
  h1_check_limit(&input, "END keep");
  h1_make(&input, H1_CHUNKED(""), chunk, lines, "1;\r\nx\r\n0\r\n\r\n");
  h1_check_limit(&input, "ELIMIT: chunk extensions too long");
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(chunked_refuses_bad_chunks),
      cmocka_unit_test(chunked_limits_chunk_extensions),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
