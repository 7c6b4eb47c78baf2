/* SPDX-License-Identifier: MIT */
/* Multipart content: its bytes, read whole and in steps of every size, and the
 * counterparts of HTTPX's tests/test_multipart.py. */
#include "config.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <ahttp/ahttp.h>

#include "base/error.h"
#include "client/request.h"
#include "http/file_type.h"
#include "http/multipart.h"
#include "support/test_alloc.h"

#define TEXT(literal) {(literal), sizeof(literal) - 1}
#define STR(literal) ((ahttp_str)TEXT(literal))

/* --- Reading. ------------------------------------------------------------- */

/* Reads |body| from |offset| on in steps of |step|, asking again whoever has
 * nothing yet; the result is for free(). */
static char *read_from(ah_body *body, size_t offset, size_t step, size_t *len)
{
  size_t cap = 4096;
  char *got = malloc(cap + 1);
  uint8_t *dst = malloc(step); /* of that size, for the sanitizer */
  assert_non_null(got);
  assert_non_null(dst);
  *len = 0;
  for (;;) {
    size_t n = 99;
    int rv = ah_body_read(body, offset + *len, dst, step, &n);
    if (rv == AH_BLOCKED) {
      assert_int_equal(n, 0);
      continue;
    }
    assert_int_equal(rv, AHTTP_OK);
    assert_true(n <= step && *len + n <= cap);
    if (n == 0) {
      break;
    }
    memcpy(got + *len, dst, n);
    *len += n;
  }
  free(dst);
  got[*len] = '\0';
  return got;
}

static void check_read(ah_body *body, const char *want, size_t step)
{
  size_t len;
  char *got = read_from(body, 0, step, &len);
  assert_int_equal(len, strlen(want));
  assert_string_equal(got, want);
  free(got);
}

/* Whole, from every place on, and in steps of every size. */
static void check_content(ah_body *body, const char *want)
{
  size_t whole = strlen(want);
  check_read(body, want, whole + 1);
  for (size_t step = 1; step <= whole + 1; step++) {
    check_read(body, want, step);
  }
  for (size_t offset = 0; offset <= whole; offset++) {
    size_t len;
    char *got = read_from(body, offset, whole + 1, &len);
    assert_string_equal(got, want + offset);
    free(got);
  }
}

static ahttp_multipart *multipart_new(void)
{
  ahttp_multipart *multipart;
  assert_int_equal(ahttp_multipart_new(&multipart), AHTTP_OK);
  return multipart;
}

/* Gives |multipart| to a request and drops it. */
static ahttp_request *request_of(ahttp_multipart *multipart)
{
  ahttp_request *request;
  assert_int_equal(ahttp_request_new(&request, "POST", "http://localhost/"),
                   AHTTP_OK);
  assert_int_equal(ahttp_request_set_multipart(request, multipart), AHTTP_OK);
  ahttp_multipart_free(multipart);
  return request;
}

/* The same with the boundary "B", and checks every way to read it. */
static void check_bytes(ahttp_multipart *multipart, const char *want)
{
  assert_int_equal(ahttp_multipart_set_boundary(multipart, "B"), AHTTP_OK);
  ahttp_request *request = request_of(multipart);
  assert_true(request->body->can_rewind);
  assert_int_equal(request->body->length, strlen(want));
  check_content(request->body, want);
  ahttp_request_free(request);
}

static const char *implied_type(const ahttp_request *request)
{
  const ah_field *field =
      ah_fields_find(&request->implied, AH_FIELD_CONTENT_TYPE);
  return field == NULL ? NULL : field->value.ptr;
}

static ahttp_part part_named(const char *name)
{
  ahttp_part part = AHTTP_PART_INIT;
  part.name = (ahttp_str){name, strlen(name)};
  return part;
}

/* --- Files. ----------------------------------------------------------------
 */

static char dir[64];

static int setup_dir(void **state)
{
  (void)state;
  strcpy(dir, "/tmp/ahttp-multipart-XXXXXX");
  return mkdtemp(dir) == NULL;
}

static int remove_dir(void **state)
{
  (void)state;
  return rmdir(dir);
}

/* Static storage. */
static const char *path_of(const char *name)
{
  static char path[200];
  assert_true(snprintf(path, sizeof(path), "%s/%s", dir, name) <
              (int)sizeof(path));
  return path;
}

static void write_file(const char *name, const char *content)
{
  FILE *file = fopen(path_of(name), "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(content, 1, strlen(content), file), strlen(content));
  assert_int_equal(fclose(file), 0);
}

static void remove_file(const char *name)
{
  assert_int_equal(unlink(path_of(name)), 0);
}

/* --- What is sent. ---------------------------------------------------------
 */

/* test_multipart_encode, but for the order, which is the caller's here. */
static void parts_are_encoded_in_their_order(void **state)
{
  (void)state;
  ahttp_multipart *multipart = multipart_new();
  assert_int_equal(ahttp_multipart_add_text(multipart, "a", "1"), AHTTP_OK);
  assert_int_equal(ahttp_multipart_add_text(multipart, "b", "C"), AHTTP_OK);
  assert_int_equal(ahttp_multipart_add_text(multipart, "a", "22"), AHTTP_OK);
  assert_int_equal(ahttp_multipart_add_text(multipart, "e", ""), AHTTP_OK);
  ahttp_part part = part_named("file");
  part.filename = STR("name.txt");
  assert_int_equal(
      ahttp_multipart_add_bytes(multipart, &part, "<file content>", 14),
      AHTTP_OK);
  check_bytes(multipart,
              "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n"
              "--B\r\nContent-Disposition: form-data; name=\"b\"\r\n\r\nC\r\n"
              "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n22\r\n"
              "--B\r\nContent-Disposition: form-data; name=\"e\"\r\n\r\n\r\n"
              "--B\r\nContent-Disposition: form-data; name=\"file\"; "
              "filename=\"name.txt\"\r\nContent-Type: text/plain\r\n\r\n"
              "<file content>\r\n--B--\r\n");
}

static void no_parts_are_an_end(void **state)
{
  (void)state;
  check_bytes(multipart_new(), "--B--\r\n");
}

/* test_multipart and _guesses_correct_content_type. */
static void file_part_has_the_names_of_its_path(void **state)
{
  (void)state;
  write_file("two.json", "{}");
  ahttp_multipart *multipart = multipart_new();
  ahttp_part part = part_named("file");
  assert_int_equal(
      ahttp_multipart_add_file(multipart, &part, path_of("two.json")),
      AHTTP_OK);
  remove_file("two.json"); /* it is open */
  check_bytes(multipart, "--B\r\nContent-Disposition: form-data; "
                         "name=\"file\"; filename=\"two.json\"\r\n"
                         "Content-Type: application/json\r\n\r\n{}\r\n"
                         "--B--\r\n");
}

/* test_multipart_encode_files_allows_filenames_as_none. */
static void file_part_may_have_no_filename(void **state)
{
  (void)state;
  write_file("empty.txt", "");
  ahttp_multipart *multipart = multipart_new();
  ahttp_part part = part_named("file");
  part.filename = STR("");
  assert_int_equal(
      ahttp_multipart_add_file(multipart, &part, path_of("empty.txt")),
      AHTTP_OK);
  remove_file("empty.txt");
  check_bytes(multipart, "--B\r\nContent-Disposition: form-data; "
                         "name=\"file\"\r\n\r\n\r\n--B--\r\n");
}

/* test_multipart_file_tuple and _headers. */
static void part_has_type_and_fields(void **state)
{
  (void)state;
  static const ahttp_field fields[] = {{{"Expires", 7}, {" 0 ", 3}}};
  ahttp_multipart *multipart = multipart_new();
  ahttp_part part = part_named("file");
  part.filename = STR("a.txt");
  part.type = STR("text/csv");
  part.fields = fields;
  part.field_count = 1;
  assert_int_equal(ahttp_multipart_add_bytes(multipart, &part, "x", 1),
                   AHTTP_OK);
  check_bytes(multipart, "--B\r\nContent-Disposition: form-data; "
                         "name=\"file\"; filename=\"a.txt\"\r\nExpires: 0\r\n"
                         "Content-Type: text/csv\r\n\r\nx\r\n--B--\r\n");
}

/* test_multipart_headers_include_content_type. */
static void type_among_the_fields_wins(void **state)
{
  (void)state;
  static const ahttp_field fields[] = {{{"content-type", 12}, {"a/b", 3}}};
  ahttp_multipart *multipart = multipart_new();
  ahttp_part part = part_named("f");
  part.filename = STR("a.txt");
  part.type = STR("text/csv");
  part.fields = fields;
  part.field_count = 1;
  assert_int_equal(ahttp_multipart_add_bytes(multipart, &part, "x", 1),
                   AHTTP_OK);
  part.type = STR("");
  part.field_count = 0;
  assert_int_equal(ahttp_multipart_add_bytes(multipart, &part, "y", 1),
                   AHTTP_OK);
  check_bytes(multipart, "--B\r\nContent-Disposition: form-data; name=\"f\"; "
                         "filename=\"a.txt\"\r\ncontent-type: a/b\r\n\r\nx\r\n"
                         "--B\r\nContent-Disposition: form-data; name=\"f\"; "
                         "filename=\"a.txt\"\r\n\r\ny\r\n--B--\r\n");
}

static void what_would_break_the_head_is_refused(void **state)
{
  (void)state;
  static const ahttp_field bad[] = {
      {{"X", 1}, {"a\r\nb", 4}},
      {{"X Y", 3}, {"a", 1}},
      {{"", 0}, {"a", 1}},
      {{"Content-Disposition", 19}, {"inline", 6}},
      {{"Content-Type", 12}, {"a\nb", 3}},
  };
  ahttp_multipart *multipart = multipart_new();
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    ahttp_part part = part_named("f");
    part.fields = &bad[i];
    part.field_count = 1;
    assert_int_equal(ahttp_multipart_add_bytes(multipart, &part, "x", 1),
                     AHTTP_EFIELD);
  }
  ahttp_part part = part_named("f");
  part.type = STR("a\r\nb");
  assert_int_equal(ahttp_multipart_add_bytes(multipart, &part, "x", 1),
                   AHTTP_EFIELD);
  part = part_named("f");
  assert_int_equal(ahttp_multipart_add_file(multipart, &part, "/nonexistent"),
                   AHTTP_EBODY);
  part.size = sizeof(part) + 1;
  assert_int_equal(ahttp_multipart_add_bytes(multipart, &part, "x", 1),
                   AHTTP_EINVAL);
  part.size = 0;
  assert_int_equal(ahttp_multipart_add_bytes(multipart, &part, "x", 1),
                   AHTTP_EINVAL);
  const ahttp_content_source none = {.size = sizeof(none)};
  part = part_named("f");
  assert_int_equal(ahttp_multipart_add_source(multipart, &part, &none),
                   AHTTP_EINVAL);
  check_bytes(multipart, "--B--\r\n"); /* nothing was added */
}

/* TestHeaderParamHTML5Formatting, with the one difference that a backslash
 * stays what it is, as in browsers, and that escape is no exception. */
static void names_are_escaped_as_browsers_do(void **state)
{
  (void)state;
  static const struct {
    ahttp_str name;
    const char *sent;
  } rows[] = {
      {TEXT("n\xc3\xa4me"), "n\xc3\xa4me"},
      {TEXT("simple"), "simple"},
      {TEXT("hello\\world\""), "hello\\world%22"},
      {TEXT("hello\x1a\x1b\x1c"), "hello%1A%1B%1C"},
      {TEXT("a\r\nb: c\0\x7f\t"), "a%0D%0Ab: c%00%7F%09"},
      {TEXT("100%;=?*'"), "100%;=?*'"},
      {TEXT(""), ""},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    ahttp_multipart *multipart = multipart_new();
    ahttp_part part = AHTTP_PART_INIT;
    part.name = rows[i].name;
    part.filename = rows[i].name;
    part.type = STR("");
    assert_int_equal(ahttp_multipart_add_bytes(multipart, &part, "x", 1),
                     AHTTP_OK);
    char want[300];
    char filename[100] = "";
    if (rows[i].name.len > 0) {
      (void)snprintf(filename, sizeof(filename), "; filename=\"%s\"",
                     rows[i].sent);
    }
    (void)snprintf(want, sizeof(want),
                   "--B\r\nContent-Disposition: form-data; "
                   "name=\"%s\"%s\r\n\r\nx\r\n--B--\r\n",
                   rows[i].sent, filename);
    check_bytes(multipart, want);
  }
}

static void types_are_guessed_by_extension(void **state)
{
  (void)state;
  static const char *const rows[][2] = {
      {"a.png", "image/png"},
      {"A.PNG", "image/png"},
      {"archive.tar.gz", "application/gzip"},
      {".txt", "text/plain"},
      {"txt", "application/octet-stream"},
      {"a.", "application/octet-stream"},
      {"", "application/octet-stream"},
      {"a.unknown-extension", "application/octet-stream"},
      {"a.woff2", "font/woff2"},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    ahttp_str type =
        ah_file_type_guess((ahttp_str){rows[i][0], strlen(rows[i][0])});
    assert_string_equal(type.ptr, rows[i][1]);
    assert_int_equal(type.len, strlen(rows[i][1]));
  }
}

/* --- Boundaries. -----------------------------------------------------------
 */

static void boundary_is_random(void **state)
{
  (void)state;
  static const char prefix[] = "multipart/form-data; boundary=";
  char seen[2][100];
  for (size_t i = 0; i < 2; i++) {
    ahttp_request *request = request_of(multipart_new());
    const char *type = implied_type(request);
    assert_int_equal(strncmp(type, prefix, sizeof(prefix) - 1), 0);
    assert_true(strlen(type) < sizeof(seen[i]));
    strcpy(seen[i], type + sizeof(prefix) - 1);
    assert_int_equal(strlen(seen[i]), 32);
    assert_int_equal(strspn(seen[i], "0123456789abcdef"), 32);
    char want[100];
    (void)snprintf(want, sizeof(want), "--%s--\r\n", seen[i]);
    check_content(request->body, want);
    ahttp_request_free(request);
  }
  assert_string_not_equal(seen[0], seen[1]);
}

static void boundary_is_quoted_where_it_must_be(void **state)
{
  (void)state;
  ahttp_multipart *multipart = multipart_new();
  static const char *const bad[] = {"",       " ",   "a ",   "a\"b",
                                    "a\r\nb", "a;b", "\xc3", "a*"};
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    assert_int_equal(ahttp_multipart_set_boundary(multipart, bad[i]),
                     AHTTP_EINVAL);
  }
  char longest[72];
  memset(longest, 'x', 71);
  longest[71] = '\0';
  assert_int_equal(ahttp_multipart_set_boundary(multipart, longest),
                   AHTTP_EINVAL);
  longest[70] = '\0';
  assert_int_equal(ahttp_multipart_set_boundary(multipart, longest), AHTTP_OK);
  assert_int_equal(ahttp_multipart_set_boundary(multipart, "a b:=?"), AHTTP_OK);
  ahttp_request *request = request_of(multipart);
  assert_string_equal(implied_type(request),
                      "multipart/form-data; boundary=\"a b:=?\"");
  check_content(request->body, "--a b:=?--\r\n");
  ahttp_request_free(request);
}

/* A request with that Content-Type is given a multipart; returns the request,
 * or NULL if that was refused as a bad field. */
static ahttp_request *request_with_type(const char *type, const char *boundary)
{
  ahttp_request *request;
  ahttp_multipart *multipart = multipart_new();
  if (boundary != NULL) {
    assert_int_equal(ahttp_multipart_set_boundary(multipart, boundary),
                     AHTTP_OK);
  }
  assert_int_equal(ahttp_request_new(&request, "POST", "http://localhost/"),
                   AHTTP_OK);
  assert_int_equal(ahttp_request_add_field(request, "Content-Type", type),
                   AHTTP_OK);
  int rv = ahttp_request_set_multipart(request, multipart);
  ahttp_multipart_free(multipart);
  if (rv != AHTTP_OK) {
    assert_int_equal(rv, AHTTP_EFIELD);
    ahttp_request_free(request);
    return NULL;
  }
  return request;
}

static void check_type(const ahttp_request *request, const char *want)
{
  ahttp_str type;
  assert_true(
      ahttp_fields_get(ahttp_request_fields(request), "content-type", &type));
  assert_string_equal(type.ptr, want);
  assert_int_equal(type.len, strlen(want));
}

/* test_multipart_explicit_boundary, its eight spellings and some more. */
static void boundary_of_the_content_type_is_used(void **state)
{
  (void)state;
  static const char *const types[] = {
      "multipart/form-data; boundary=+++; charset=utf-8",
      "multipart/form-data; charset=utf-8; boundary=+++",
      "multipart/form-data; boundary=+++",
      "multipart/form-data; boundary=+++ ;",
      "multipart/form-data; boundary=\"+++\"; charset=utf-8",
      "multipart/form-data; charset=utf-8; boundary=\"+++\"",
      "multipart/form-data; boundary=\"+++\"",
      "multipart/form-data; boundary=\"+++\" ;",
      "Multipart/Mixed;BOUNDARY=+++",
      ("multipart/form-data; x=\"; boundary=no\\\"; boundary=no\"; "
       "boundary=+++; boundary=no"),
  };
  for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
    ahttp_request *request = request_with_type(types[i], NULL);
    assert_non_null(request);
    check_type(request, types[i]); /* unchanged */
    check_content(request->body, "--+++--\r\n");
    ahttp_request_free(request);
    request = request_with_type(types[i], "+++");
    assert_non_null(request);
    ahttp_request_free(request);
    assert_null(request_with_type(types[i], "---"));
  }
}

/* test_multipart_header_without_boundary; HTTPX sends a boundary that nobody
 * is told of. */
static void content_type_without_boundary_gets_it(void **state)
{
  (void)state;
  ahttp_request *request = request_with_type("multipart/mixed; a=b", "X");
  check_type(request, "multipart/mixed; a=b; boundary=X");
  ahttp_request_free(request);
  request = request_with_type("text/plain; boundary=no", "X");
  check_type(request, "text/plain; boundary=no");
  ahttp_request_free(request);
  assert_null(request_with_type("multipart/form-data; boundary=", NULL));
  assert_null(request_with_type("multipart/form-data; boundary=\"a;b\"", NULL));
  assert_null(request_with_type("multipart/form-data; boundary=\"a", NULL));
}

static void a_multipart_in_use_takes_no_more(void **state)
{
  (void)state;
  ahttp_multipart *multipart = multipart_new();
  assert_int_equal(ahttp_multipart_add_text(multipart, "a", "1"), AHTTP_OK);
  ahttp_request *requests[2];
  for (size_t i = 0; i < 2; i++) {
    assert_int_equal(
        ahttp_request_new(&requests[i], "POST", "http://localhost/"), AHTTP_OK);
    assert_int_equal(ahttp_request_set_multipart(requests[i], multipart),
                     AHTTP_OK);
    assert_int_equal(ahttp_multipart_add_text(multipart, "a", "1"),
                     AHTTP_ESTATE);
    assert_int_equal(ahttp_multipart_set_boundary(multipart, "x"),
                     AHTTP_ESTATE);
  }
  assert_string_equal(implied_type(requests[0]), implied_type(requests[1]));
  ahttp_request_free(requests[0]);
  ahttp_multipart_free(multipart);
  size_t len;
  free(read_from(requests[1]->body, 0, 7, &len));
  assert_int_equal(len, requests[1]->body->length);
  /* Other content takes the type back. */
  assert_int_equal(ahttp_request_set_content(requests[1], "x", 1), AHTTP_OK);
  assert_null(implied_type(requests[1]));
  ahttp_request_free(requests[1]);
}

/* --- Sources. ---------------------------------------------------------------
 */

static const char story[] = "once upon a time";

typedef struct script {
  size_t len;
  int waits;   /* that many reads have nothing */
  int fail_at; /* the read that fails, from 1 */
  int reads;
  int frees;
} script;

static int script_read(void *user_data, uint64_t offset, uint8_t *dst,
                       size_t cap, size_t *len)
{
  script *s = user_data;
  s->reads++;
  if (s->reads == s->fail_at) {
    return -1;
  }
  if (s->waits > 0) {
    s->waits--;
    return AHTTP_BODY_WAIT;
  }
  size_t left = offset < s->len ? s->len - (size_t)offset : 0;
  *len = left < cap ? left : cap;
  memcpy(dst, story + offset, *len);
  return 0;
}

static void script_free(void *user_data)
{
  script *s = user_data;
  s->frees++;
}

static void add_source(ahttp_multipart *multipart, const char *name, script *s,
                       int64_t length, bool can_rewind)
{
  const ahttp_content_source source = {
      .size = sizeof(source),
      .read = script_read,
      .length = length,
      .can_rewind = can_rewind,
      .free = script_free,
      .user_data = s,
  };
  ahttp_part part = part_named(name);
  assert_int_equal(ahttp_multipart_add_source(multipart, &part, &source),
                   AHTTP_OK);
}

#define HEAD(name) \
  "--B\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n"

static void sources_of_known_length_have_one(void **state)
{
  (void)state;
  script s = {.len = 4};
  script empty = {.len = 0};
  ahttp_multipart *multipart = multipart_new();
  add_source(multipart, "a", &s, 4, true);
  add_source(multipart, "b", &empty, 0, true);
  check_bytes(multipart, HEAD("a") "once\r\n" HEAD("b") "\r\n--B--\r\n");
  assert_int_equal(s.frees, 1);
  assert_int_equal(empty.frees, 1);
  assert_int_equal(empty.reads, 0);
}

/* test_multipart_non_seekable_filelike and _rewinds_files. */
static void sources_of_unknown_length_end_where_they_end(void **state)
{
  (void)state;
  static const char want[] = HEAD("a") "once\r\n" HEAD("t") "1\r\n" HEAD(
      "b") "\r\n" HEAD("c") "once upon\r\n--B--\r\n";
  for (int can_rewind = 0; can_rewind < 2; can_rewind++) {
    for (size_t step = 1; step < sizeof(want) + 1; step++) {
      script a = {.len = 4, .waits = 2};
      script b = {.len = 0, .waits = 1};
      script c = {.len = 9};
      ahttp_multipart *multipart = multipart_new();
      assert_int_equal(ahttp_multipart_set_boundary(multipart, "B"), AHTTP_OK);
      add_source(multipart, "a", &a, -1, can_rewind != 0);
      assert_int_equal(ahttp_multipart_add_text(multipart, "t", "1"), AHTTP_OK);
      add_source(multipart, "b", &b, -1, true);
      add_source(multipart, "c", &c, -1, true);
      ahttp_request *request = request_of(multipart);
      assert_int_equal(request->body->length, -1);
      assert_int_equal(request->body->can_rewind, can_rewind != 0);
      check_read(request->body, want, step);
      if (can_rewind != 0) {
        check_content(request->body, want);
      } else {
        uint8_t byte;
        size_t len;
        assert_int_equal(ah_body_read(request->body, 0, &byte, 1, &len),
                         AHTTP_EBODY);
      }
      ahttp_request_free(request);
      assert_int_equal(a.frees + b.frees + c.frees, 3);
    }
  }
}

/* Reads to the end, which is AHTTP_EBODY, and returns the explanation. */
static const char *read_to_failure(ah_body *body, size_t step)
{
  static ahttp_error err;
  uint8_t *dst = malloc(step);
  uint64_t offset = 0;
  int rv = AHTTP_OK;
  size_t len = 1;
  while (rv != AHTTP_EBODY) {
    rv = ah_body_read(body, offset, dst, step, &len);
    assert_true(rv == AHTTP_EBODY || len > 0);
    offset += len;
  }
  assert_int_equal(len, 0);
  free(dst);
  ah_body_explain(body, &err);
  assert_int_equal(err.code, AHTTP_EBODY);
  return err.text;
}

static void failing_source_is_named(void **state)
{
  (void)state;
  static const struct {
    script script;
    int64_t length;
  } rows[] = {
      {{.len = 4, .fail_at = 1}, -1},
      {{.len = 4, .fail_at = 2}, 5}, /* it has less than it said */
  };
  for (size_t i = 0; i < 2; i++) {
    script s = rows[i].script;
    ahttp_multipart *multipart = multipart_new();
    assert_int_equal(ahttp_multipart_add_text(multipart, "t", "1"), AHTTP_OK);
    add_source(multipart, "say \"x\"", &s, rows[i].length, true);
    ahttp_request *request = request_of(multipart);
    assert_string_equal(read_to_failure(request->body, 50),
                        "part \"say %22x%22\" of the request content: the "
                        "request content could not be read");
    ahttp_request_free(request);
  }
}

static void source_that_shrinks_when_read_again_fails(void **state)
{
  (void)state;
  script s = {.len = 9};
  ahttp_multipart *multipart = multipart_new();
  assert_int_equal(ahttp_multipart_set_boundary(multipart, "B"), AHTTP_OK);
  add_source(multipart, "a", &s, -1, true);
  ahttp_request *request = request_of(multipart);
  check_read(request->body, HEAD("a") "once upon\r\n--B--\r\n", 11);
  s.len = 4;
  (void)read_to_failure(request->body, 11);
  ahttp_request_free(request);
}

static void file_that_changes_is_named(void **state)
{
  (void)state;
  for (int is_longer = 0; is_longer < 2; is_longer++) {
    write_file("doc", "0123456789");
    ahttp_multipart *multipart = multipart_new();
    ahttp_part part = part_named("doc");
    assert_int_equal(ahttp_multipart_add_file(multipart, &part, path_of("doc")),
                     AHTTP_OK);
    ahttp_request *request = request_of(multipart);
    assert_int_equal(truncate(path_of("doc"), is_longer != 0 ? 11 : 4), 0);
    char want[100];
    (void)snprintf(want, sizeof(want),
                   "part \"doc\" of the request content: the file has become "
                   "%s since it was opened",
                   is_longer != 0 ? "longer" : "shorter");
    for (size_t step = 1; step < 300; step++) {
      assert_string_equal(read_to_failure(request->body, step), want);
    }
    ahttp_request_free(request);
    remove_file("doc");
  }
}

static void pipe_part_is_read_once(void **state)
{
  (void)state;
  assert_int_equal(mkfifo(path_of("pipe"), 0600), 0);
  int fd = open(path_of("pipe"), O_RDWR | O_CLOEXEC);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, "abc", 3), 3);
  ahttp_multipart *multipart = multipart_new();
  ahttp_part part = part_named("p");
  part.filename = STR("");
  assert_int_equal(ahttp_multipart_set_boundary(multipart, "B"), AHTTP_OK);
  assert_int_equal(ahttp_multipart_add_file(multipart, &part, path_of("pipe")),
                   AHTTP_OK);
  assert_int_equal(close(fd), 0);
  ahttp_request *request = request_of(multipart);
  assert_int_equal(request->body->length, -1);
  assert_false(request->body->can_rewind);
  check_read(request->body, HEAD("p") "abc\r\n--B--\r\n", 7);
  ahttp_request_free(request);
  remove_file("pipe");
}

static void too_much_is_refused(void **state)
{
  (void)state;
  script s[3] = {{.len = 0}};
  ahttp_multipart *multipart = multipart_new();
  for (size_t i = 0; i < 3; i++) {
    add_source(multipart, "a", &s[i], INT64_MAX, true);
  }
  ahttp_request *request;
  assert_int_equal(ahttp_request_new(&request, "POST", "http://localhost/"),
                   AHTTP_OK);
  assert_int_equal(ahttp_request_set_multipart(request, multipart),
                   AHTTP_EINVAL);
  assert_null(request->body);
  ahttp_request_free(request);
  ahttp_multipart_free(multipart);
  ahttp_multipart_free(NULL);
}

/* Many small parts are found by bisection, and are all there. */
static void many_parts_are_read(void **state)
{
  (void)state;
  enum {
    PARTS = 1000
  };
  ahttp_multipart *multipart = multipart_new();
  assert_int_equal(ahttp_multipart_set_boundary(multipart, "B"), AHTTP_OK);
  char *want = malloc(PARTS * 64 + 16);
  size_t want_len = 0;
  for (int i = 0; i < PARTS; i++) {
    char text[16];
    (void)snprintf(text, sizeof(text), "%d", i);
    assert_int_equal(ahttp_multipart_add_text(multipart, "n", text), AHTTP_OK);
    want_len += (size_t)sprintf(want + want_len, HEAD("n") "%d\r\n", i);
  }
  (void)strcpy(want + want_len, "--B--\r\n");
  want_len += 7;
  ahttp_request *request = request_of(multipart);
  assert_int_equal(request->body->length, want_len);
  uint8_t *got = malloc(want_len);
  for (size_t step = 1; step < 200; step += 37) {
    size_t at = 0;
    while (at < want_len) {
      size_t cap = want_len - at < step ? want_len - at : step;
      size_t len;
      assert_int_equal(ah_body_read(request->body, at, got + at, cap, &len),
                       AHTTP_OK);
      assert_int_equal(len, cap);
      at += len;
    }
    assert_memory_equal(got, want, want_len);
  }
  free(got);
  free(want);
  ahttp_request_free(request);
}

/* --- Memory. ----------------------------------------------------------------
 */

static int make_all(void *arg)
{
  script s = {.len = 4};
  const ahttp_content_source source = {
      .size = sizeof(source),
      .read = script_read,
      .length = -1,
      .user_data = &s,
  };
  ahttp_request *request = NULL;
  ahttp_multipart *multipart = NULL;
  ahttp_part part = part_named("a");
  int rv = ahttp_request_new(&request, "POST", "http://localhost/");
  if (rv == AHTTP_OK) {
    rv = ahttp_multipart_new(&multipart);
  }
  for (int i = 0; rv == AHTTP_OK && i < 9; i++) {
    rv = ahttp_multipart_add_text(multipart, "a", "1");
  }
  if (rv == AHTTP_OK) {
    rv = ahttp_multipart_add_file(multipart, &part, arg);
  }
  if (rv == AHTTP_OK) {
    rv = ahttp_multipart_add_source(multipart, &part, &source);
  }
  if (rv == AHTTP_OK) {
    rv = ahttp_request_set_multipart(request, multipart);
  }
  ahttp_multipart_free(multipart);
  ahttp_request_free(request);
  return rv;
}

static void multipart_survives_every_failed_allocation(void **state)
{
  (void)state;
  write_file("f", "x");
  char path[200];
  strcpy(path, path_of("f"));
  test_alloc_fail_each(make_all, path);
  remove_file("f");
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(parts_are_encoded_in_their_order),
      cmocka_unit_test(no_parts_are_an_end),
      cmocka_unit_test(file_part_has_the_names_of_its_path),
      cmocka_unit_test(file_part_may_have_no_filename),
      cmocka_unit_test(part_has_type_and_fields),
      cmocka_unit_test(type_among_the_fields_wins),
      cmocka_unit_test(what_would_break_the_head_is_refused),
      cmocka_unit_test(names_are_escaped_as_browsers_do),
      cmocka_unit_test(types_are_guessed_by_extension),
      cmocka_unit_test(boundary_is_random),
      cmocka_unit_test(boundary_is_quoted_where_it_must_be),
      cmocka_unit_test(boundary_of_the_content_type_is_used),
      cmocka_unit_test(content_type_without_boundary_gets_it),
      cmocka_unit_test(a_multipart_in_use_takes_no_more),
      cmocka_unit_test(sources_of_known_length_have_one),
      cmocka_unit_test(sources_of_unknown_length_end_where_they_end),
      cmocka_unit_test(failing_source_is_named),
      cmocka_unit_test(source_that_shrinks_when_read_again_fails),
      cmocka_unit_test(file_that_changes_is_named),
      cmocka_unit_test(pipe_part_is_read_once),
      cmocka_unit_test(too_much_is_refused),
      cmocka_unit_test(many_parts_are_read),
      cmocka_unit_test(multipart_survives_every_failed_allocation),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, setup_dir, remove_dir);
}
