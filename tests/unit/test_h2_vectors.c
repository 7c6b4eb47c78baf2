/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/str.h"
#include "support/h2_client.h"

/*
 * Frames and seeds of other projects, as what a server says while a request is
 * open.  AHTTP_CORPORA names the folder they are in.
 */

static char *file_read(const char *path, size_t *len)
{
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  assert_int_equal(fseek(file, 0, SEEK_END), 0);
  long size = ftell(file);
  assert_true(size >= 0);
  rewind(file);
  char *text = malloc((size_t)size + 1);
  assert_non_null(text);
  assert_int_equal(fread(text, 1, (size_t)size, file), size);
  text[size] = '\0';
  *len = (size_t)size;
  assert_int_equal(fclose(file), 0);
  return text;
}

/* Calls |run| with each file below |path|; returns how many there were. */
static unsigned each_file(const char *path, const char *suffix,
                          void (*run)(const char *path))
{
  unsigned count = 0;
  DIR *dir = opendir(path);
  if (dir == NULL) {
    return 0;
  }
  const struct dirent *entry;
  while ((entry = readdir(dir)) != NULL) {
    char below[4096];
    if (entry->d_name[0] == '.') {
      continue;
    }
    (void)snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
    size_t len = strlen(below);
    if (entry->d_type == DT_DIR) {
      count += each_file(below, suffix, run);
    } else if (strlen(suffix) <= len &&
               strcmp(below + len - strlen(suffix), suffix) == 0) {
      run(below);
      count++;
    }
  }
  assert_int_equal(closedir(dir), 0);
  return count;
}

/* The hex digits of "wire" in a frame's JSON, as bytes. */
static fake_bytes frame_wire(const char *json)
{
  fake_bytes wire = {.data = NULL};
  const char *at = strstr(json, "\"wire\"");
  assert_non_null(at);
  at = strchr(at + 6, '"');
  assert_non_null(at);
  for (at++; *at != '"'; at += 2) {
    uint8_t byte = (uint8_t)(ah_char_hex((uint8_t)at[0]) * 16 +
                             ah_char_hex((uint8_t)at[1]));
    fake_bytes_append(&wire, &byte, 1);
  }
  return wire;
}

static void run_frame(const char *path)
{
  size_t len;
  char *json = file_read(path, &len);
  fake_bytes wire = frame_wire(json);
  bool is_error = strstr(path, "/error/") != NULL;
  h2_fixture fix = h2_fixture_new();
  (void)h2_client_feed(fix.client, wire.data, wire.len);
  h2_fixture_drain(&fix);
  bool has_failed = h2_client_error(fix.client) != AHTTP_OK ||
                    fix.request->error.code != AHTTP_OK;
  if (is_error && !has_failed) {
    fail_msg("%s was accepted", path);
  }
  h2_fixture_free(&fix);
  fake_bytes_clear(&wire);
  free(json);
}

/* As what a server says, with the request open: in one read, and in pieces. */
static void run_seed_at(const char *bytes, size_t len, size_t piece)
{
  h2_fixture fix = h2_fixture_new();
  for (size_t at = 0; at < len; at += piece) {
    size_t part = len - at < piece ? len - at : piece;
    if (h2_client_feed(fix.client, bytes + at, part) != AHTTP_OK) {
      break;
    }
    h2_fixture_drain(&fix);
  }
  h2_fixture_free(&fix);
}

static void run_seed(const char *path)
{
  static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  size_t len;
  char *seed = file_read(path, &len);
  size_t skip = sizeof(preface) - 1;
  if (len < skip || memcmp(seed, preface, skip) != 0) {
    skip = 0;
  }
  run_seed_at(seed + skip, len - skip, len == 0 ? 1 : len);
  run_seed_at(seed + skip, len - skip, 7);
  free(seed);
}

static void session_rejects_the_frames_of_http2jp(void **state)
{
  (void)state;
  char path[4096];
  (void)snprintf(path, sizeof(path), "%s/http2-frames",
                 getenv("AHTTP_CORPORA"));
  assert_int_equal(each_file(path, ".json", run_frame), 34);
}

static void session_survives_the_seeds_of_others(void **state)
{
  (void)state;
  char path[4096];
  (void)snprintf(path, sizeof(path), "%s/seeds/nghttp2/fuzz",
                 getenv("AHTTP_CORPORA"));
  assert_true(each_file(path, "", run_seed) > 100);
  (void)snprintf(path, sizeof(path), "%s/seeds/h2o/fuzz",
                 getenv("AHTTP_CORPORA"));
  assert_true(each_file(path, "", run_seed) > 1000);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(session_rejects_the_frames_of_http2jp),
      cmocka_unit_test(session_survives_the_seeds_of_others),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
