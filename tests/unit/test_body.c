/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <ahttp/error.h>

#include "base/error.h"
#include "http/body.h"
#include "support/test_alloc.h"

static const char text[] = "The quick brown fox jumps over the lazy dog.";
enum {
  TEXT_LEN = sizeof(text) - 1
};

/* Reads |body| from its beginning in steps of |step| and compares. */
static void check_content(ah_body *body, size_t step)
{
  uint8_t got[2 * TEXT_LEN];
  size_t at = 0;
  for (;;) {
    size_t len = 99;
    uint8_t *dst = malloc(step);
    assert_non_null(dst);
    assert_int_equal(ah_body_read(body, at, dst, step, &len), AHTTP_OK);
    assert_true(len <= step);
    assert_true(at + len <= sizeof(got));
    memcpy(got + at, dst, len);
    free(dst);
    if (len == 0) {
      break;
    }
    at += len;
  }
  assert_int_equal(at, TEXT_LEN);
  assert_memory_equal(got, text, TEXT_LEN);
}

static void check_rewinds(ah_body *body)
{
  assert_true(body->can_rewind);
  assert_int_equal(body->length, TEXT_LEN);
  for (size_t step = 1; step < TEXT_LEN + 2; step++) {
    check_content(body, step);
  }
  uint8_t byte = 0;
  size_t len = 99;
  assert_int_equal(ah_body_read(body, TEXT_LEN + 1, &byte, 1, &len),
                   AHTTP_EBODY);
  assert_int_equal(len, 0);
}

static void bytes_body_is_a_copy(void **state)
{
  (void)state;
  ah_body *body = NULL;
  char *data = strdup(text);
  assert_non_null(data);
  assert_int_equal(ah_body_new_bytes(&body, data, TEXT_LEN), AHTTP_OK);
  free(data);
  check_rewinds(body);
  ah_body_free(body);
}

static void bytes_body_may_be_empty(void **state)
{
  (void)state;
  ah_body *body = NULL;
  uint8_t byte = 0;
  size_t len = 99;
  assert_int_equal(ah_body_new_bytes(&body, NULL, 0), AHTTP_OK);
  assert_int_equal(body->length, 0);
  assert_int_equal(ah_body_read(body, 0, &byte, 1, &len), AHTTP_OK);
  assert_int_equal(len, 0);
  ah_body_free(body);
  ah_body_free(NULL);
  assert_int_equal(ah_body_new_bytes(&body, "", SIZE_MAX), AHTTP_ENOMEM);
  assert_null(body);
}

/* A new file with |content|; the name is in |path|. */
static void write_file(char path[64], const char *content)
{
  strcpy(path, "/tmp/ahttp-body-XXXXXX");
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  size_t len = strlen(content);
  assert_int_equal(write(fd, content, len), len);
  assert_int_equal(close(fd), 0);
}

static void file_body_of_a_regular_file_rewinds(void **state)
{
  (void)state;
  char path[64];
  ah_body *body = NULL;
  write_file(path, text);
  assert_int_equal(ah_body_new_file(&body, path), AHTTP_OK);
  assert_int_equal(unlink(path), 0);
  check_rewinds(body);
  ah_body_free(body);
}

static void file_body_ends_where_the_file_ended(void **state)
{
  (void)state;
  char path[64];
  ah_body *body = NULL;
  write_file(path, text);
  assert_int_equal(ah_body_new_file(&body, path), AHTTP_OK);
  int fd = open(path, O_WRONLY | O_APPEND);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, "more", 4), 4);
  check_rewinds(body);
  /* Shorter than announced is an error. */
  assert_int_equal(ftruncate(fd, 10), 0);
  uint8_t dst[100];
  size_t len = 0;
  assert_int_equal(ah_body_read(body, 0, dst, sizeof(dst), &len), AHTTP_OK);
  assert_int_equal(len, 10);
  assert_int_equal(ah_body_read(body, 10, dst, sizeof(dst), &len), AHTTP_EBODY);
  assert_int_equal(len, 0);
  assert_int_equal(close(fd), 0);
  assert_int_equal(unlink(path), 0);
  ah_body_free(body);
}

static void file_body_refuses_what_cannot_be_read(void **state)
{
  (void)state;
  ah_body *body = NULL;
  assert_int_equal(ah_body_new_file(&body, "/nonexistent/file"), AHTTP_EBODY);
  assert_null(body);
  assert_int_equal(ah_body_new_file(&body, "/"), AHTTP_EBODY);
  assert_null(body);
}

static void file_body_of_a_pipe_is_read_once(void **state)
{
  (void)state;
  char path[64] = "/tmp/ahttp-body-XXXXXX";
  ah_body *body = NULL;
  assert_non_null(mkdtemp(path));
  strcat(path, "/pipe");
  assert_int_equal(mkfifo(path, 0600), 0);
  int fd = open(path, O_RDWR);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, text, TEXT_LEN), TEXT_LEN);
  assert_int_equal(ah_body_new_file(&body, path), AHTTP_OK);
  assert_int_equal(close(fd), 0);
  assert_int_equal(body->length, -1);
  assert_false(body->can_rewind);
  check_content(body, 7);
  uint8_t byte = 0;
  size_t len = 99;
  assert_int_equal(ah_body_read(body, 0, &byte, 1, &len), AHTTP_EBODY);
  assert_int_equal(len, 0);
  ah_body_free(body);
  assert_int_equal(unlink(path), 0);
  *strrchr(path, '/') = '\0';
  assert_int_equal(rmdir(path), 0);
}

/* A source of |text| with faults to choose. */
typedef struct script {
  int reads;
  int waits;      /* how many reads answer AHTTP_BODY_WAIT first */
  int fail_at;    /* the read that fails, from 1; 0: none */
  size_t content; /* bytes it has */
  size_t excess;  /* what it claims to have written beyond |cap| */
  int frees;
} script;

static int script_read(void *user_data, uint64_t offset, uint8_t *dst,
                       size_t cap, size_t *len)
{
  script *s = user_data;
  if (++s->reads == s->fail_at) {
    *len = 3;
    return -7;
  }
  if (s->waits > 0) {
    s->waits--;
    return AHTTP_BODY_WAIT;
  }
  size_t left = s->content - (size_t)offset;
  size_t used = left < cap ? left : cap;
  memcpy(dst, text + offset, used);
  *len = used + s->excess;
  return 0;
}

static void script_free(void *user_data)
{
  script *s = user_data;
  s->frees++;
}

static ah_body *source_new(script *s, int64_t length, bool can_rewind)
{
  const ahttp_content_source source = {
      .size = sizeof(source),
      .read = script_read,
      .length = length,
      .can_rewind = can_rewind,
      .free = script_free,
      .user_data = s,
  };
  ah_body *body = NULL;
  assert_int_equal(ah_body_new_source(&body, &source), AHTTP_OK);
  assert_int_equal(body->length, length);
  assert_int_equal(body->can_rewind, can_rewind);
  return body;
}

static void source_body_is_freed_once(void **state)
{
  (void)state;
  script s = {.content = TEXT_LEN};
  ah_body *body = source_new(&s, TEXT_LEN, true);
  check_rewinds(body);
  assert_int_equal(s.frees, 0);
  ah_body_free(body);
  assert_int_equal(s.frees, 1);
}

static void source_body_is_not_asked_at_its_end(void **state)
{
  (void)state;
  script s = {.content = TEXT_LEN};
  ah_body *body = source_new(&s, TEXT_LEN, false);
  uint8_t dst[100];
  size_t len = 0;
  assert_int_equal(ah_body_read(body, 0, dst, sizeof(dst), &len), AHTTP_OK);
  assert_int_equal(len, TEXT_LEN);
  assert_int_equal(ah_body_read(body, len, dst, sizeof(dst), &len), AHTTP_OK);
  assert_int_equal(len, 0);
  assert_int_equal(s.reads, 1);
  ah_body_free(body);
}

static void source_body_may_make_wait(void **state)
{
  (void)state;
  script s = {.content = TEXT_LEN, .waits = 2};
  ah_body *body = source_new(&s, -1, false);
  uint8_t dst[8];
  size_t len = 99;
  assert_int_equal(ah_body_read(body, 0, dst, sizeof(dst), &len), AH_BLOCKED);
  assert_int_equal(len, 0);
  assert_int_equal(ah_body_read(body, 0, dst, sizeof(dst), &len), AH_BLOCKED);
  check_content(body, 5);
  ah_body_free(body);
}

static void source_body_without_rewind_goes_forward_only(void **state)
{
  (void)state;
  script s = {.content = TEXT_LEN};
  ah_body *body = source_new(&s, -1, false);
  uint8_t dst[8];
  size_t len = 0;
  assert_int_equal(ah_body_read(body, 0, dst, sizeof(dst), &len), AHTTP_OK);
  assert_int_equal(ah_body_read(body, 0, dst, sizeof(dst), &len), AHTTP_EBODY);
  assert_int_equal(ah_body_read(body, 9, dst, sizeof(dst), &len), AHTTP_EBODY);
  assert_int_equal(s.reads, 1);
  assert_int_equal(ah_body_read(body, 8, dst, sizeof(dst), &len), AHTTP_OK);
  ah_body_free(body);
}

static void source_body_faults_are_ebody(void **state)
{
  (void)state;
  const struct {
    script script;
    int64_t length;
  } rows[] = {
      {{.content = 10, .fail_at = 1}, -1},
      {{.content = 10, .excess = 100}, -1}, /* more than there was room for */
      {{.content = 10}, 9},                 /* more than announced */
      {{.content = 0}, 9},                  /* ends before */
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    script s = rows[i].script;
    ah_body *body = source_new(&s, rows[i].length, true);
    uint8_t dst[32];
    size_t len = 99;
    assert_int_equal(ah_body_read(body, 0, dst, sizeof(dst), &len),
                     AHTTP_EBODY);
    assert_int_equal(len, 0);
    ah_body_free(body);
  }
}

static void source_body_refuses_contradictions(void **state)
{
  (void)state;
  script s = {.content = 0};
  const ahttp_content_source good = {
      .size = sizeof(good),
      .read = script_read,
      .length = -1,
      .free = script_free,
      .user_data = &s,
  };
  ahttp_content_source source = good;
  ah_body *body = NULL;
  source.read = NULL;
  assert_int_equal(ah_body_new_source(&body, &source), AHTTP_EINVAL);
  source = good;
  source.length = -2;
  assert_int_equal(ah_body_new_source(&body, &source), AHTTP_EINVAL);
  source = good;
  source.size = sizeof(source) + 8;
  assert_int_equal(ah_body_new_source(&body, &source), AHTTP_EINVAL);
  source.size = 0;
  assert_int_equal(ah_body_new_source(&body, &source), AHTTP_EINVAL);
  assert_null(body);
  assert_int_equal(s.frees, 0);
}

static void source_body_takes_an_older_struct(void **state)
{
  (void)state;
  const ahttp_content_source older = {
      .size = offsetof(ahttp_content_source, length),
      .read = script_read,
      .length = 7, /* not part of it */
  };
  ah_body *body = NULL;
  assert_int_equal(ah_body_new_source(&body, &older), AHTTP_OK);
  assert_int_equal(body->length, -1);
  assert_false(body->can_rewind);
  ah_body_free(body);
}

static int make_bytes(void *arg)
{
  (void)arg;
  ah_body *body = NULL;
  int rv = ah_body_new_bytes(&body, text, TEXT_LEN);
  ah_body_free(body);
  return rv;
}

static int make_file(void *arg)
{
  ah_body *body = NULL;
  int rv = ah_body_new_file(&body, arg);
  ah_body_free(body);
  return rv;
}

static int make_source(void *arg)
{
  const ahttp_content_source source = {
      .size = sizeof(source),
      .read = script_read,
      .free = script_free,
      .user_data = arg,
  };
  ah_body *body = NULL;
  int rv = ah_body_new_source(&body, &source);
  ah_body_free(body);
  return rv;
}

static void bodies_survive_every_failed_allocation(void **state)
{
  (void)state;
  char path[64];
  script s = {.content = 0};
  write_file(path, text);
  int next_fd = dup(0);
  assert_int_equal(close(next_fd), 0);
  test_alloc_fail_each(make_bytes, NULL);
  test_alloc_fail_each(make_file, path);
  test_alloc_fail_each(make_source, &s);
  assert_int_equal(s.frees, 1); /* by the run that succeeded */
  assert_int_equal(unlink(path), 0);
  int fd = dup(0);
  assert_int_equal(fd, next_fd); /* no descriptor was left open */
  assert_int_equal(close(fd), 0);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(bytes_body_is_a_copy),
      cmocka_unit_test(bytes_body_may_be_empty),
      cmocka_unit_test(file_body_of_a_regular_file_rewinds),
      cmocka_unit_test(file_body_ends_where_the_file_ended),
      cmocka_unit_test(file_body_refuses_what_cannot_be_read),
      cmocka_unit_test(file_body_of_a_pipe_is_read_once),
      cmocka_unit_test(source_body_is_freed_once),
      cmocka_unit_test(source_body_is_not_asked_at_its_end),
      cmocka_unit_test(source_body_may_make_wait),
      cmocka_unit_test(source_body_without_rewind_goes_forward_only),
      cmocka_unit_test(source_body_faults_are_ebody),
      cmocka_unit_test(source_body_refuses_contradictions),
      cmocka_unit_test(source_body_takes_an_older_struct),
      cmocka_unit_test(bodies_survive_every_failed_allocation),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
