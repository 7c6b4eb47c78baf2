/* SPDX-License-Identifier: MIT */
/*
 * Streams of others: google/brotli's fuzz data and facebook/zstd's golden
 * frames.  Each is decoded whole and byte by byte, with the same outcome.
 */
#include "config.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ZLIB_CONST /* next_in is const, as it should be */
#include <zlib.h>
#ifdef HAVE_ZSTD
#  include <zstd.h>
#endif
#include <cmocka.h>

#include <ahttp/error.h>

#include "base/error.h"
#include "base/str.h"
#include "http/content_coding.h"
#include "http/decoder.h"

#if defined(HAVE_BROTLI) || defined(HAVE_ZSTD)

typedef struct block {
  uint8_t *data;
  size_t len;
} block;

static block read_file(const char *path)
{
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  assert_int_equal(fseek(file, 0, SEEK_END), 0);
  long len = ftell(file);
  assert_true(len >= 0);
  rewind(file);
  block out = {malloc((size_t)len + 1), (size_t)len};
  assert_non_null(out.data);
  assert_int_equal(fread(out.data, 1, out.len, file), out.len);
  (void)fclose(file);
  return out;
}

static const char *corpora_path(const char *name)
{
  static char path[1000];
  (void)snprintf(path, sizeof(path), "%s/%s", getenv("AHTTP_CORPORA"), name);
  return path;
}

/* Decodes |in| in steps of |step| bytes; |*made| is the output's length and
 * |*crc| its CRC. */
static int decode(const char *coding, block in, size_t step, size_t *made,
                  unsigned long *crc)
{
  ah_codings codings;
  ah_codings_init(&codings);
  ah_codings_add(&codings, ah_str_from_c(coding));
  ah_decoder *decoder;
  assert_int_equal(ah_decoder_new(&decoder, &codings), AHTTP_OK);
  *made = 0;
  *crc = crc32(0, NULL, 0);
  int rv = AH_MORE;
  size_t at = 0;
  while (rv == AHTTP_OK || (rv == AH_MORE && at < in.len)) {
    static uint8_t room[10000];
    size_t len = in.len - at < step ? in.len - at : step;
    ah_decoder_io io = {.in = in.data + at,
                        .in_len = len,
                        .out = room,
                        .out_cap = sizeof(room)};
    rv = ah_decoder_run(decoder, &io);
    at += io.used;
    *made += io.made;
    *crc = crc32(*crc, room, (uInt)io.made);
  }
  if (rv == AH_MORE) {
    rv = ah_decoder_end(decoder);
  }
  ah_decoder_free(decoder);
  return rv;
}

static int decode_both_ways(const char *coding, block in)
{
  size_t made[2];
  unsigned long crc[2];
  int whole = decode(coding, in, SIZE_MAX, &made[0], &crc[0]);
  int bytewise = decode(coding, in, 1, &made[1], &crc[1]);
  assert_int_equal(whole, bytewise);
  if (whole == AHTTP_OK) {
    assert_int_equal(made[0], made[1]);
    assert_int_equal(crc[0], crc[1]);
  }
  return whole;
}

#endif

#ifdef HAVE_BROTLI

static unsigned u16_at(const uint8_t *at)
{
  return at[0] | (unsigned)at[1] << 8;
}

static size_t u32_at(const uint8_t *at)
{
  return u16_at(at) | (size_t)u16_at(at + 2) << 16;
}

/* The next file of a zip by its local header (APPNOTE 4.3.7). */
static block zip_next(const block *zip, size_t *at)
{
  const uint8_t *head = zip->data + *at;
  if (*at + 30 > zip->len || u32_at(head) != 0x04034b50) {
    return (block){NULL, 0};
  }
  unsigned method = u16_at(head + 8);
  assert_int_equal(u16_at(head + 6) & 8, 0); /* lengths are in the header */
  size_t packed_len = u32_at(head + 18);
  block out = {NULL, u32_at(head + 22)};
  out.data = malloc(out.len + 1);
  assert_non_null(out.data);
  const uint8_t *data = head + 30 + u16_at(head + 26) + u16_at(head + 28);
  *at = (size_t)(data - zip->data) + packed_len;
  assert_true(*at <= zip->len);
  if (method == 0) {
    memcpy(out.data, data, out.len);
    return out;
  }
  z_stream z = {.next_in = data,
                .avail_in = (uInt)packed_len,
                .next_out = out.data,
                .avail_out = (uInt)out.len};
  assert_int_equal(inflateInit2(&z, -MAX_WBITS), Z_OK);
  assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
  assert_int_equal(inflateEnd(&z), Z_OK);
  return out;
}

/* Of the 59 streams 57 must be rejected.  One of these is empty, which we take
 * for content of no bytes. */
static void brotli_fuzz_data_is_judged_as_it_must_be(void **state)
{
  (void)state;
  block zip = read_file(corpora_path("brotli/fuzz_data.zip"));
  size_t at = 0;
  unsigned total = 0;
  unsigned refused = 0;
  block in;
  while ((in = zip_next(&zip, &at)).data != NULL) {
    int rv = decode_both_ways("br", in);
    assert_true(rv == AHTTP_OK || rv == AHTTP_EDECODE);
    total++;
    refused += rv == AHTTP_EDECODE || in.len == 0;
    free(in.data);
  }
  free(zip.data);
  print_message("%u streams, %u refused\n", total, refused);
  assert_int_equal(total, 59);
  assert_int_equal(refused, 57);
}

#endif

#ifdef HAVE_ZSTD

/* What the library makes of a frame when it is asked without our code between.
 */
static int library_says(block in)
{
  static uint8_t room[1 << 20];
  size_t rv = ZSTD_decompress(room, sizeof(room), in.data, in.len);
  return ZSTD_isError(rv) ? AHTTP_EDECODE : AHTTP_OK;
}

/* Frames that older libraries judge otherwise: they were added with the fix
 * (facebook/zstd, pull requests 3669 and 3674 and others), which is not in
 * Debian 12's 1.5.4. */
static bool library_may_err(const char *name)
{
  static const char *const names[] = {"zeroSeq_2B.zst",
                                      "zeroSeq_extraneous.zst", "off0.bin.zst",
                                      "truncated_huff_state.zst"};
  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
    if (strcmp(name, names[i]) == 0) {
      return ZSTD_versionNumber() < 10507;
    }
  }
  return false;
}

static void check_frame(const char *folder, const char *file, int expected)
{
  char name[400];
  (void)snprintf(name, sizeof(name), "%s/%s", folder, file);
  block in = read_file(corpora_path(name));
  int rv = decode_both_ways("zstd", in);
  assert_int_equal(rv, library_says(in));
  if (rv != expected) {
    print_message("%s: libzstd %s errs\n", file, ZSTD_versionString());
    assert_true(library_may_err(file));
  }
  free(in.data);
}

static void check_frames(const char *folder, unsigned count, int expected)
{
  DIR *dir = opendir(corpora_path(folder));
  assert_non_null(dir);
  unsigned total = 0;
  struct dirent *entry;
  while ((entry = readdir(dir)) != NULL) {
    size_t len = strlen(entry->d_name);
    if (len > 4 && strcmp(entry->d_name + len - 4, ".zst") == 0) {
      check_frame(folder, entry->d_name, expected);
      total++;
    }
  }
  (void)closedir(dir);
  assert_int_equal(total, count);
}

static void zstd_good_frames_are_decoded(void **state)
{
  (void)state;
  check_frames("zstd/tests/golden-decompression", 4, AHTTP_OK);
}

static void zstd_bad_frames_are_refused(void **state)
{
  (void)state;
  check_frames("zstd/tests/golden-decompression-errors", 3, AHTTP_EDECODE);
}

#endif

/* So that there is always a case, and nothing is judged that is not there. */
static void codings_that_are_left_out_are_not_known(void **state)
{
  (void)state;
  bool knows_brotli = false;
  bool knows_zstd = false;
#ifdef HAVE_BROTLI
  knows_brotli = true;
#endif
#ifdef HAVE_ZSTD
  knows_zstd = true;
#endif
  ahttp_str accepted = ah_accept_encoding();
  assert_int_equal(ah_str_list_has(accepted, AH_STR("br")), knows_brotli);
  assert_int_equal(ah_str_list_has(accepted, AH_STR("zstd")), knows_zstd);
  assert_true(ah_str_list_has(accepted, AH_STR("gzip")));
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(codings_that_are_left_out_are_not_known),
#ifdef HAVE_BROTLI
      cmocka_unit_test(brotli_fuzz_data_is_judged_as_it_must_be),
#endif
#ifdef HAVE_ZSTD
      cmocka_unit_test(zstd_good_frames_are_decoded),
      cmocka_unit_test(zstd_bad_frames_are_refused),
#endif
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
