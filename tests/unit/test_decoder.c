/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ahttp/error.h>

#include "base/error.h"
#include "base/str.h"
#include "http/decoder.h"
#include "support/packer.h"
#include "support/test_alloc.h"

/* A text that no coding leaves as it is, with repetitions near and far. */
static const char text[] =
    "It was a bright cold day in April, and the clocks were striking "
    "thirteen. A bright cold day, a cold bright day; \xc3\xa4\xc3\xb6\xc3\xbc.";
#define TEXT_LEN (sizeof(text) - 1)

static const char *const all_forms[] = {
    "gzip", "deflate", "raw",
#ifdef HAVE_BROTLI
    "br",
#endif
#ifdef HAVE_ZSTD
    "zstd",
#endif
};
enum {
  FORMS = sizeof(all_forms) / sizeof(all_forms[0])
};

/* --- Decoding for tests. ----------------------------------------------------
 */

/* The codings of a Content-Encoding value; "raw" is written as deflate. */
static ah_codings codings_of(const char *value)
{
  ah_codings codings;
  ah_codings_init(&codings);
  ah_codings_add(&codings, strcmp(value, "raw") == 0 ? AH_STR("deflate")
                                                     : ah_str_from_c(value));
  return codings;
}

/* What came of a whole content. */
typedef struct result {
  int rv;
  uint8_t *data; /* for free() */
  size_t len;
  char why[100];
} result;

static void result_add(result *self, const uint8_t *data, size_t len)
{
  self->data = realloc(self->data, self->len + len + 1);
  assert_non_null(self->data);
  memcpy(self->data + self->len, data, len);
  self->len += len;
}

/* Runs |decoder| over |len| bytes in a block of exactly that size, |room| bytes
 * of output at a time. */
static int run_over(ah_decoder *decoder, const uint8_t *data, size_t len,
                    size_t room, result *out)
{
  uint8_t *block = malloc(len == 0 ? 1 : len);
  uint8_t *space = malloc(room);
  assert_true(block != NULL && space != NULL);
  memcpy(block, data, len);
  size_t at = 0;
  int rv;
  do {
    ah_decoder_io io = {
        .in = block + at, .in_len = len - at, .out = space, .out_cap = room};
    rv = ah_decoder_run(decoder, &io);
    assert_true(io.used <= len - at && io.made <= room);
    assert_true(rv != AH_MORE || io.used == len - at);
    assert_true(rv != AHTTP_OK || io.made == room);
    result_add(out, space, io.made);
    at += io.used;
  } while (rv == AHTTP_OK);
  free(space);
  free(block);
  return rv;
}

static void result_finish(result *out, ah_decoder *decoder, int rv)
{
  out->rv = rv == AH_MORE ? ah_decoder_end(decoder) : rv;
  if (out->rv == AHTTP_EDECODE) {
    (void)snprintf(out->why, sizeof(out->why), "%s: %s",
                   ah_decoder_coding(decoder), ah_decoder_why(decoder));
  }
  ah_decoder_free(decoder);
}

static ah_decoder *decoder_for(const char *value)
{
  ah_codings codings = codings_of(value);
  ah_decoder *decoder;
  assert_int_equal(ah_decoder_new(&decoder, &codings), AHTTP_OK);
  return decoder;
}

/* In two parts, the first of |split| bytes. */
static result decode_split(const char *value, const uint8_t *data, size_t len,
                           size_t split, size_t room)
{
  result out = {.rv = 0};
  ah_decoder *decoder = decoder_for(value);
  int rv = run_over(decoder, data, split, room, &out);
  if (rv == AH_MORE) {
    rv = run_over(decoder, data + split, len - split, room, &out);
  }
  result_finish(&out, decoder, rv);
  return out;
}

static result decode_bytewise(const char *value, const uint8_t *data,
                              size_t len)
{
  result out = {.rv = 0};
  ah_decoder *decoder = decoder_for(value);
  int rv = AH_MORE;
  for (size_t i = 0; i < len && rv == AH_MORE; i++) {
    rv = run_over(decoder, data + i, 1, 1, &out);
  }
  result_finish(&out, decoder, rv);
  return out;
}

static void check_result(result got, int rv, const void *data, size_t len)
{
  assert_int_equal(got.rv, rv);
  if (rv == AHTTP_OK) {
    assert_int_equal(got.len, len);
    assert_true(len == 0 || memcmp(got.data, data, len) == 0);
  }
  free(got.data);
}

/* Whole, at every split point with several rooms, and byte by byte. */
static void check_all_ways(const char *value, const uint8_t *in, size_t in_len,
                           int rv, const void *data, size_t len)
{
  static const size_t rooms[] = {1, 7, 4096};
  for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
    for (size_t split = 0; split <= in_len; split++) {
      check_result(decode_split(value, in, in_len, split, rooms[i]), rv, data,
                   len);
    }
  }
  check_result(decode_bytewise(value, in, in_len), rv, data, len);
}

/* --- Every coding. ----------------------------------------------------------
 */

static void decoder_undoes_every_coding(void **state)
{
  (void)state;
  for (size_t i = 0; i < FORMS; i++) {
    packed in = pack(all_forms[i], text, TEXT_LEN);
    check_all_ways(all_forms[i], in.data, in.len, AHTTP_OK, text, TEXT_LEN);
    free(in.data);
  }
}

static void decoder_undoes_packed_nothing(void **state)
{
  (void)state;
  for (size_t i = 0; i < FORMS; i++) {
    packed in = pack(all_forms[i], "", 0);
    check_all_ways(all_forms[i], in.data, in.len, AHTTP_OK, "", 0);
    free(in.data);
  }
}

/* HTTPX: test_decoders_empty_cases, test_zstd_empty. */
static void decoder_takes_no_bytes_as_no_content(void **state)
{
  (void)state;
  for (size_t i = 0; i < FORMS; i++) {
    check_all_ways(all_forms[i], (const uint8_t *)"", 0, AHTTP_OK, "", 0);
  }
  check_all_ways("gzip, gzip", (const uint8_t *)"", 0, AHTTP_OK, "", 0);
}

/* HTTPX accepts truncated gzip as a success. */
static void decoder_refuses_every_prefix(void **state)
{
  (void)state;
  for (size_t i = 0; i < FORMS; i++) {
    packed in = pack(all_forms[i], text, TEXT_LEN);
    for (size_t len = 1; len < in.len; len++) {
      check_result(decode_split(all_forms[i], in.data, len, len, 4096),
                   AHTTP_EDECODE, NULL, 0);
      check_result(decode_bytewise(all_forms[i], in.data, len), AHTTP_EDECODE,
                   NULL, 0);
    }
    free(in.data);
  }
}

static void decoder_refuses_garbage(void **state)
{
  (void)state;
  static const char garbage[] = "\xff\xfe this is not packed at all, is it?";
  for (size_t i = 0; i < FORMS; i++) {
    check_all_ways(all_forms[i], (const uint8_t *)garbage, sizeof(garbage) - 1,
                   AHTTP_EDECODE, NULL, 0);
  }
}

/* Output is only what there is room for, and none of it is lost. */
static void decoder_is_bounded_by_its_room(void **state)
{
  (void)state;
  enum {
    ZEROS = 3 * 1000 * 1000
  };
  uint8_t *zeros = calloc(ZEROS, 1);
  assert_non_null(zeros);
  for (size_t i = 0; i < FORMS; i++) {
    packed in = pack(all_forms[i], zeros, ZEROS);
    assert_true(in.len < ZEROS / 500);
    check_result(decode_split(all_forms[i], in.data, in.len, in.len / 2, 4096),
                 AHTTP_OK, zeros, ZEROS);
    free(in.data);
  }
  free(zeros);
}

/* --- gzip. -------------------------------------------------------------------
 */

static packed join(packed a, const void *data, size_t len)
{
  a.data = realloc(a.data, a.len + len);
  assert_non_null(a.data);
  memcpy(a.data + a.len, data, len);
  a.len += len;
  return a;
}

/* HTTPX drops all members but the first. */
static void gzip_decodes_every_member(void **state)
{
  (void)state;
  packed in = pack("gzip", "one ", 4);
  packed two = pack("gzip", "", 0);
  packed three = pack("gzip", "three", 5);
  in = join(in, two.data, two.len);
  in = join(in, three.data, three.len);
  check_all_ways("gzip", in.data, in.len, AHTTP_OK, "one three", 9);
  /* and a later one that is cut short is not overlooked */
  check_all_ways("gzip", in.data, in.len - 1, AHTTP_EDECODE, NULL, 0);
  check_all_ways("gzip", in.data, in.len - three.len + 1, AHTTP_EDECODE, NULL,
                 0);
  check_all_ways("gzip", in.data, in.len - three.len + 2, AHTTP_EDECODE, NULL,
                 0);
  free(in.data);
  free(two.data);
  free(three.data);
}

static void gzip_ignores_what_is_no_member(void **state)
{
  (void)state;
  static const ahttp_str rests[] = {{"\0", 1},
                                    {"\0\0\0\0\0\0\0\0", 8},
                                    {"garbage", 7},
                                    {"\x1f\x8c", 2},
                                    {"\x1f\x1f\x8b", 3}};
  for (size_t i = 0; i < sizeof(rests) / sizeof(rests[0]); i++) {
    packed in = join(pack("gzip", text, TEXT_LEN), rests[i].ptr, rests[i].len);
    check_all_ways("gzip", in.data, in.len, AHTTP_OK, text, TEXT_LEN);
    free(in.data);
  }
}

static void gzip_checks_crc_and_length(void **state)
{
  (void)state;
  for (size_t back = 1; back <= 8; back++) {
    packed in = pack("gzip", text, TEXT_LEN);
    in.data[in.len - back] ^= 1;
    result got = decode_split("gzip", in.data, in.len, in.len, 4096);
    assert_int_equal(got.rv, AHTTP_EDECODE);
    assert_string_equal(got.why, back <= 4 ? "gzip: incorrect length check"
                                           : "gzip: incorrect data check");
    free(got.data);
    free(in.data);
  }
}

static void gzip_reads_every_part_of_a_header(void **state)
{
  (void)state;
  packed plain = pack("gzip", text, TEXT_LEN);
  packed in = {NULL, 0};
  /* FEXTRA, FNAME, FCOMMENT */
  in = join(in,
            "\x1f\x8b\x08\x1c\0\0\0\0\0\x03"
            "\x04\0abcd"
            "name\0"
            "say\0",
            10 + 6 + 5 + 4);
  in = join(in, plain.data + 10, plain.len - 10);
  check_all_ways("gzip", in.data, in.len, AHTTP_OK, text, TEXT_LEN);
  free(in.data);
  free(plain.data);
}

static void x_gzip_is_gzip(void **state)
{
  (void)state;
  packed in = pack("gzip", text, TEXT_LEN);
  check_all_ways("X-Gzip", in.data, in.len, AHTTP_OK, text, TEXT_LEN);
  free(in.data);
}

/* --- The others. ------------------------------------------------------------
 */

static void deflate_ignores_what_follows(void **state)
{
  (void)state;
  static const char *const forms[] = {"deflate", "raw"};
  for (size_t i = 0; i < 2; i++) {
    packed in = join(pack(forms[i], text, TEXT_LEN), "xyz", 3);
    check_all_ways("deflate", in.data, in.len, AHTTP_OK, text, TEXT_LEN);
    free(in.data);
  }
}

static void deflate_refuses_a_dictionary(void **state)
{
  (void)state;
  /* FDICT is set; 0x78bb is a multiple of 31 */
  result got =
      decode_split("deflate", (const uint8_t *)"\x78\xbb\1\2\3\4", 6, 6, 10);
  assert_int_equal(got.rv, AHTTP_EDECODE);
  assert_string_equal(got.why, "deflate: it needs a dictionary");
  free(got.data);
}

#ifdef HAVE_BROTLI
static void br_refuses_what_follows(void **state)
{
  (void)state;
  packed in = join(pack("br", text, TEXT_LEN), "xyz", 3);
  check_all_ways("br", in.data, in.len, AHTTP_EDECODE, NULL, 0);
  free(in.data);
}
#endif

#ifdef HAVE_ZSTD
/* HTTPX: test_zstd_multiframe. */
static void zstd_decodes_every_frame(void **state)
{
  (void)state;
  packed one = pack("zstd", "one ", 4);
  packed in = {NULL, 0};
  in = join(in, "\x50\x2a\x4d\x18\x03\0\0\0abc", 11); /* skippable */
  in = join(in, one.data, one.len);
  in = join(in, "\x5f\x2a\x4d\x18\0\0\0\0", 8);
  in = join(in, one.data, one.len);
  check_all_ways("zstd", in.data, in.len, AHTTP_OK, "one one ", 8);
  check_all_ways("zstd", in.data, in.len - 1, AHTTP_EDECODE, NULL, 0);
  in = join(in, "garbage", 7);
  check_all_ways("zstd", in.data, in.len, AHTTP_EDECODE, NULL, 0);
  free(in.data);
  free(one.data);
}

static void zstd_refuses_a_window_beyond_rfc_9659(void **state)
{
  (void)state;
  /* A frame header with a window descriptor: exponent 13 is 8 MiB, mantissa 1
   * an eighth more; then an empty last block. */
  check_all_ways("zstd", (const uint8_t *)"\x28\xb5\x2f\xfd\0\x68\1\0\0", 9,
                 AHTTP_OK, "", 0);
  result got = decode_split(
      "zstd", (const uint8_t *)"\x28\xb5\x2f\xfd\0\x69\1\0\0", 9, 9, 10);
  assert_int_equal(got.rv, AHTTP_EDECODE);
  assert_string_equal(got.why, "zstd: its window is larger than 8 MiB");
  free(got.data);
}
#endif

/* --- Chains. -----------------------------------------------------------------
 */

/* HTTPX: test_multi, test_multi_with_identity. */
static void two_codings_are_undone_in_reverse_order(void **state)
{
  (void)state;
  for (size_t i = 0; i < FORMS; i++) {
    for (size_t j = 0; j < FORMS; j++) {
      packed inner = pack(all_forms[i], text, TEXT_LEN);
      packed in = pack(all_forms[j], inner.data, inner.len);
      char value[64];
      (void)snprintf(value, sizeof(value), "identity, %s ,,%s,identity",
                     all_forms[i][0] == 'r' ? "deflate" : all_forms[i],
                     all_forms[j][0] == 'r' ? "deflate" : all_forms[j]);
      check_all_ways(value, in.data, in.len, AHTTP_OK, text, TEXT_LEN);
      /* the inner one is cut short, the outer one is whole */
      packed cut = pack(all_forms[j], inner.data, inner.len - 1);
      check_result(decode_bytewise(value, cut.data, cut.len), AHTTP_EDECODE,
                   NULL, 0);
      free(cut.data);
      free(inner.data);
      free(in.data);
    }
  }
}

static void nested_zeros_are_bounded(void **state)
{
  (void)state;
  enum {
    ZEROS = 20 * 1000 * 1000
  };
  uint8_t *zeros = calloc(ZEROS, 1);
  assert_non_null(zeros);
  packed inner = pack("gzip", zeros, ZEROS);
  packed in = pack("gzip", inner.data, inner.len);
  assert_true(in.len < 1000);
  check_result(decode_split("gzip, gzip", in.data, in.len, 17, 5000), AHTTP_OK,
               zeros, ZEROS);
  free(in.data);
  free(inner.data);
  free(zeros);
}

static void codings_are_read_from_all_lines(void **state)
{
  (void)state;
  ah_codings codings;
  ah_codings_init(&codings);
  assert_false(ah_codings_are_for_us(&codings));
  ah_codings_add(&codings, AH_STR("identity"));
  ah_codings_add(&codings, AH_STR(""));
  assert_false(ah_codings_are_for_us(&codings));
  ah_codings_add(&codings, AH_STR("GZIP"));
  ah_codings_add(&codings, AH_STR(" , deflate"));
  assert_true(ah_codings_are_for_us(&codings));
  assert_int_equal(codings.count, 2);
  assert_int_equal(codings.items[0], AH_CODING_GZIP);
  assert_int_equal(codings.items[1], AH_CODING_DEFLATE);
  assert_false(codings.has_too_many);
  ah_codings_add(&codings, AH_STR("gzip"));
  assert_true(codings.has_too_many);
}

/* HTTPX: test_invalid_content_encoding_header. */
static void an_unknown_coding_leaves_all_as_it_is(void **state)
{
  (void)state;
  static const char *const values[] = {"invalid-header", "gzip, compress",
                                       "aes128gcm, gzip", "gzip;q=1", "*"};
  for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
    ah_codings codings = codings_of(values[i]);
    assert_true(codings.has_unknown);
    assert_false(ah_codings_are_for_us(&codings));
  }
}

/* --- Memory. -----------------------------------------------------------------
 */

typedef struct oom_case {
  const char *value;
  packed in;
} oom_case;

static int decode_once(void *arg)
{
  const oom_case *self = arg;
  ah_codings codings = codings_of(self->value);
  ah_decoder *decoder;
  int rv = ah_decoder_new(&decoder, &codings);
  if (rv != AHTTP_OK) {
    return rv;
  }
  uint8_t room[4096];
  ah_decoder_io io = {.in = self->in.data,
                      .in_len = self->in.len,
                      .out = room,
                      .out_cap = sizeof(room)};
  rv = ah_decoder_run(decoder, &io);
  if (rv == AH_MORE) {
    rv = ah_decoder_end(decoder);
  }
  ah_decoder_free(decoder);
  return rv;
}

static void decoder_survives_every_failed_allocation(void **state)
{
  (void)state;
  for (size_t i = 0; i < FORMS; i++) {
    oom_case one = {all_forms[i], pack(all_forms[i], text, TEXT_LEN)};
    test_alloc_fail_each(decode_once, &one);
    packed inner = pack("gzip", one.in.data, one.in.len);
    char value[32];
    (void)snprintf(value, sizeof(value), "%s, gzip",
                   all_forms[i][0] == 'r' ? "deflate" : all_forms[i]);
    oom_case two = {value, inner};
    test_alloc_fail_each(decode_once, &two);
    free(one.in.data);
    free(inner.data);
  }
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(decoder_undoes_every_coding),
      cmocka_unit_test(decoder_undoes_packed_nothing),
      cmocka_unit_test(decoder_takes_no_bytes_as_no_content),
      cmocka_unit_test(decoder_refuses_every_prefix),
      cmocka_unit_test(decoder_refuses_garbage),
      cmocka_unit_test(decoder_is_bounded_by_its_room),
      cmocka_unit_test(gzip_decodes_every_member),
      cmocka_unit_test(gzip_ignores_what_is_no_member),
      cmocka_unit_test(gzip_checks_crc_and_length),
      cmocka_unit_test(gzip_reads_every_part_of_a_header),
      cmocka_unit_test(x_gzip_is_gzip),
      cmocka_unit_test(deflate_ignores_what_follows),
      cmocka_unit_test(deflate_refuses_a_dictionary),
#ifdef HAVE_BROTLI
      cmocka_unit_test(br_refuses_what_follows),
#endif
#ifdef HAVE_ZSTD
      cmocka_unit_test(zstd_decodes_every_frame),
      cmocka_unit_test(zstd_refuses_a_window_beyond_rfc_9659),
#endif
      cmocka_unit_test(two_codings_are_undone_in_reverse_order),
      cmocka_unit_test(nested_zeros_are_bounded),
      cmocka_unit_test(codings_are_read_from_all_lines),
      cmocka_unit_test(an_unknown_coding_leaves_all_as_it_is),
      cmocka_unit_test(decoder_survives_every_failed_allocation),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
