/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "support/h1_reading.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/str.h"
#include "http/method.h"

static void say(h1_reading *r, const char *text)
{
  fake_bytes_append(&r->transcript, text, strlen(text));
}

static void say_str(h1_reading *r, ahttp_str text)
{
  fake_bytes_append(&r->transcript, text.ptr, text.len);
}

static void say_body(h1_reading *r, bool in_body)
{
  if (r->in_body != in_body) {
    say(r, in_body ? "[" : "] ");
    r->in_body = in_body;
  }
}

static void say_fields(h1_reading *r, const ahttp_fields *fields)
{
  say(r, "|");
  for (uint32_t i = 0; i < fields->count; i++) {
    const ah_field *field = &fields->items[i];
    assert_int_equal(field->name.ptr[field->name.len], '\0');
    assert_int_equal(field->value.ptr[field->value.len], '\0');
    assert_int_equal(field->id, ah_field_id_of(field->name));
    say_str(r, field->name);
    say(r, ": ");
    say_str(r, field->value);
    say(r, "|");
  }
  say(r, " ");
}

static void say_head(h1_reading *r, const ah_response_head *head)
{
  char status[16];
  (void)snprintf(status, sizeof(status), "%d%s", head->status,
                 head->reason.len > 0 ? " " : "");
  say(r, status);
  say_str(r, head->reason);
  say_fields(r, &head->fields);
}

static void say_failure(h1_reading *r, int code)
{
  say(r, ahttp_error_name(code));
  say(r, ": ");
  say(r, r->reader.why);
}

void h1_reading_begin(h1_reading *r, const char *method, bool upgrade)
{
  *r = (h1_reading){.in_body = false};
  fake_bytes_append(&r->transcript, "", 0);
  ah_arena_init(&r->arena, NULL, 0);
  ah_h1_reader_init(&r->reader);
  ah_h1_reader_expect(&r->reader,
                      &(ah_h1_expected){
                          .arena = &r->arena,
                          .head = &r->head,
                          .trailers = &r->trailers,
                          .traits = ah_method_traits(ah_str_from_c(method)),
                          .upgrade = upgrade,
                      });
}

void h1_reading_end(h1_reading *r)
{
  ah_h1_reader_clear(&r->reader);
  ah_arena_clear(&r->arena);
  fake_bytes_clear(&r->transcript);
}

static void reading_take(h1_reading *r, const ah_h1_event *event)
{
  say_body(r, event->kind == AH_H1_BODY);
  switch (event->kind) {
  case AH_H1_INFORMATIONAL:
    say_head(r, event->head);
    break;
  case AH_H1_HEAD:
    assert_ptr_equal(event->head, &r->head);
    say_head(r, event->head);
    break;
  case AH_H1_BODY:
    assert_true(event->body.len > 0);
    say_str(r, event->body);
    break;
  case AH_H1_TRAILERS:
    assert_true(r->trailers.count > 0);
    say(r, "trailers");
    say_fields(r, &r->trailers);
    break;
  case AH_H1_END:
    say(r, r->reader.framing.keep_alive ? "END keep" : "END close");
    r->over = true;
    break;
  }
}

/* Feeds one piece from a block of its exact size. */
void h1_reading_feed(h1_reading *r, const char *data, size_t len)
{
  if (r->over) {
    r->left_over += len;
    return;
  }
  uint8_t *block = malloc(len > 0 ? len : 1);
  assert_non_null(block);
  if (len > 0) {
    memcpy(block, data, len);
  }
  size_t at = 0;
  while (!r->over) {
    size_t used = 0;
    ah_h1_event event;
    int rv = ah_h1_reader_next(&r->reader, block + at, len - at, &used, &event);
    assert_true(used <= len - at);
    at += used;
    if (rv == AH_MORE) {
      assert_int_equal(at, len);
      break;
    }
    if (rv != AHTTP_OK) {
      size_t again = 0;
      say_body(r, false);
      say_failure(r, rv);
      r->over = true;
      r->failed = true;
      assert_int_equal(
          ah_h1_reader_next(&r->reader, block + at, len - at, &again, &event),
          rv);
      assert_int_equal(again, 0);
      at = len;
    } else {
      reading_take(r, &event);
    }
  }
  r->left_over += len - at;
  free(block);
}

/* The input has ended; clean or, in TLS, not. */
void h1_reading_feed_end(h1_reading *r, bool clean)
{
  ahttp_error err;
  int rv = ah_h1_reader_end(&r->reader, clean, &err);
  say_body(r, false);
  if (rv == AHTTP_OK) {
    size_t used;
    ah_h1_event event;
    assert_int_equal(
        ah_h1_reader_next(&r->reader, (const uint8_t *)"", 0, &used, &event),
        AHTTP_OK);
    reading_take(r, &event);
    return;
  }
  assert_int_equal(rv, err.code);
  say(r, ahttp_error_name(rv));
  say(r, ": ");
  say(r, err.text);
}

void h1_reading_check(h1_reading *r, const char *want, const char *input)
{
  say_body(r, false);
  if (r->left_over > 0 && !r->failed) {
    char text[32];
    (void)snprintf(text, sizeof(text), " +%zu", r->left_over);
    say(r, text);
  }
  if (!r->over) {
    say(r, "more");
  }
  if (strcmp(r->transcript.data, want) != 0) {
    print_message("input: %s\n", input);
  }
  assert_string_equal(r->transcript.data, want);
}

const char *h1_row_method(const h1_row *row)
{
  return row->method == NULL ? "GET" : row->method;
}

/* Reads in pieces of |size|, after a first one of |first|. */
static void row_read(const h1_row *row, size_t first, size_t size)
{
  h1_reading r;
  h1_reading_begin(&r, h1_row_method(row), false);
  h1_reading_feed(&r, row->input.ptr, first);
  for (size_t at = first; at < row->input.len; at += size) {
    size_t rest = row->input.len - at;
    h1_reading_feed(&r, row->input.ptr + at, rest < size ? rest : size);
  }
  h1_reading_check(&r, row->want, row->input.ptr);
  h1_reading_end(&r);
}

/* Whole, cut at every point, and byte by byte. */
void h1_rows_read(const h1_row *rows, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    for (size_t cut = 0; cut <= rows[i].input.len; cut++) {
      row_read(&rows[i], cut, rows[i].input.len + 1);
    }
    row_read(&rows[i], 0, 1);
  }
}

/* No strict prefix of a good response is an error or an end. */
void h1_rows_want_more(const h1_row *rows, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    for (size_t len = 0; len < rows[i].input.len; len++) {
      h1_reading r;
      h1_reading_begin(&r, h1_row_method(&rows[i]), false);
      h1_reading_feed(&r, rows[i].input.ptr, len);
      if (r.over) {
        print_message("ended after %zu bytes of: %s\n", len, rows[i].input.ptr);
      }
      assert_false(r.over);
      h1_reading_end(&r);
    }
  }
}

/* A response made of |head|, then |count| times |part|, then |tail|. */
void h1_make(fake_bytes *out, const char *head, const char *part, size_t count,
             const char *tail)
{
  fake_bytes_append(out, head, strlen(head));
  for (size_t i = 0; i < count; i++) {
    fake_bytes_append(out, part, strlen(part));
  }
  fake_bytes_append(out, tail, strlen(tail));
}

/* Reads it whole and in small pieces; the transcript ends with |want|. */
void h1_check_limit(fake_bytes *input, const char *want)
{
  static const size_t sizes[] = {1, 7, 4096, SIZE_MAX};
  for (size_t i = 0; i < H1_COUNT(sizes); i++) {
    h1_reading r;
    h1_reading_begin(&r, "GET", false);
    for (size_t at = 0; at < input->len;) {
      size_t rest = input->len - at;
      size_t len = rest < sizes[i] ? rest : sizes[i];
      h1_reading_feed(&r, input->data + at, len);
      at += len;
    }
    size_t want_len = strlen(want);
    assert_true(r.transcript.len >= want_len);
    assert_string_equal(r.transcript.data + r.transcript.len - want_len, want);
    h1_reading_end(&r);
  }
  fake_bytes_clear(input);
}
