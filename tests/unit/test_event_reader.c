/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ahttp/error.h>

#include "base/str.h"
#include "http/event_reader.h"
#include "support/test_alloc.h"

#define TEXT(literal) {(literal), sizeof(literal) - 1}

static const struct {
  ahttp_str in;
  const char *out; /* "[type|data|id]" for each event */
} rows[] = {
    /* the examples of the HTML Standard, section 9.2.6 */
    {TEXT("data: YHOO\ndata: +2\ndata: 10\n\n"), "[message|YHOO\n+2\n10|]"},
    {TEXT(": test stream\n\ndata: first event\nid: 1\n\n"
          "data:second event\nid\n\ndata:  third event\n"),
     "[message|first event|1][message|second event|]"},
    {TEXT("data\n\ndata\ndata\n\ndata:"), "[message||][message|\n|]"},
    {TEXT("data:test\n\ndata: test\n\n"), "[message|test|][message|test|]"},
    /* every end of a line */
    {TEXT("data:a\r\rdata:b\n\ndata:c\r\n\r\ndata:d\r\n\n"),
     "[message|a|][message|b|][message|c|][message|d|]"},
    {TEXT("data:a\n\r\ndata:b\r\n\r"), "[message|a|][message|b|]"},
    /* fields */
    {TEXT("event: add\ndata: 1\n\ndata: 2\n\n"), "[add|1|][message|2|]"},
    {TEXT("event: add\nevent: del\ndata: 1\n\n"), "[del|1|]"},
    {TEXT("event: x\n\ndata: 1\n\n"), "[message|1|]"},
    {TEXT("id: 7\n\ndata: 1\n\n"), "[message|1|7]"},
    {TEXT("id: 7\ndata: 1\n\ndata: 2\n\nid:\ndata: 3\n\n"),
     "[message|1|7][message|2|7][message|3|]"},
    {TEXT("id: a\0b\ndata: 1\n\n"), "[message|1|]"},
    {TEXT("DATA: 1\nData: 2\n data: 3\ndata : 4\n\n"), ""},
    {TEXT("data:  two\ndata:\tx\n\n"), "[message| two\n\tx|]"},
    {TEXT("data: a:b\n:data: c\n\n"), "[message|a:b|]"},
    {TEXT("unknown: x\ndata: y\nnothing\n\n"), "[message|y|]"},
    {TEXT("\xef\xbb\xbf"
          "data: bom\n\n"),
     "[message|bom|]"},
    {TEXT("\n\xef\xbb\xbf"
          "data: bom\n\n"),
     ""},
    {TEXT("data: unfinished\n"), ""},
    {TEXT("\n\n\n\n"), ""},
    {TEXT(""), ""},
};

typedef struct shown {
  char text[600];
} shown;

static void show(shown *out, const ahttp_sse_event *event)
{
  size_t len = strlen(out->text);
  (void)snprintf(out->text + len, sizeof(out->text) - len, "[%.*s|%.*s|%.*s]",
                 (int)event->type.len, event->type.ptr, (int)event->data.len,
                 event->data.ptr, (int)event->id.len, event->id.ptr);
}

/* Reads |len| bytes in a block of their size. */
static int feed(ah_event_reader *reader, const char *data, size_t len,
                shown *out)
{
  uint8_t *block = malloc(len == 0 ? 1 : len);
  assert_non_null(block);
  memcpy(block, data, len);
  size_t at = 0;
  int rv = AHTTP_OK;
  bool has_event = true;
  while (rv == AHTTP_OK && (at < len || has_event)) {
    size_t used;
    ahttp_sse_event event;
    rv = ah_event_reader_read(reader, block + at, len - at, &used, &event,
                              &has_event);
    assert_true(used <= len - at);
    at += used;
    if (rv == AHTTP_OK && has_event) {
      show(out, &event);
    }
    assert_true(rv != AHTTP_OK || has_event || at == len);
  }
  free(block);
  return rv;
}

static void check_split(ahttp_str in, size_t split, const char *want)
{
  ah_event_reader reader;
  shown out = {""};
  ah_event_reader_init(&reader, 1000);
  assert_int_equal(feed(&reader, in.ptr, split, &out), AHTTP_OK);
  assert_int_equal(feed(&reader, in.ptr + split, in.len - split, &out),
                   AHTTP_OK);
  assert_string_equal(out.text, want);
  ah_event_reader_clear(&reader);
}

static void check_bytewise(ahttp_str in, const char *want)
{
  ah_event_reader reader;
  shown out = {""};
  ah_event_reader_init(&reader, 1000);
  for (size_t i = 0; i < in.len; i++) {
    assert_int_equal(feed(&reader, in.ptr + i, 1, &out), AHTTP_OK);
  }
  assert_string_equal(out.text, want);
  ah_event_reader_clear(&reader);
}

static void events_are_read_however_they_come(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    for (size_t split = 0; split <= rows[i].in.len; split++) {
      check_split(rows[i].in, split, rows[i].out);
    }
    check_bytewise(rows[i].in, rows[i].out);
  }
}

/* A CR ends the line: the event does not wait for the next byte. */
static void an_event_does_not_wait_for_the_next(void **state)
{
  (void)state;
  ah_event_reader reader;
  shown out = {""};
  ah_event_reader_init(&reader, 1000);
  assert_int_equal(feed(&reader, "data: 1\r\n\r", 10, &out), AHTTP_OK);
  assert_string_equal(out.text, "[message|1|]");
  assert_int_equal(feed(&reader, "\ndata: 2\r\r", 10, &out), AHTTP_OK);
  assert_string_equal(out.text, "[message|1|][message|2|]");
  ah_event_reader_clear(&reader);
}

static void retry_is_a_number_of_milliseconds(void **state)
{
  (void)state;
  static const struct {
    const char *in;
    bool has;
    uint32_t ms;
  } cases[] = {
      {"retry: 3000\n", true, 3000},
      {"retry:0\n", true, 0},
      {"retry: 1 \n", false, 0},
      {"retry: -1\n", false, 0},
      {"retry: x\n", false, 0},
      {"retry\n", false, 0},
      {"retry: 1\nretry: 2\n", true, 2},
      {"retry: 1\nretry: x\n", true, 1},
      {"retry: 99999999999999999999999\n", true, 86400000},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    ah_event_reader reader;
    shown out = {""};
    ah_event_reader_init(&reader, 1000);
    assert_int_equal(feed(&reader, cases[i].in, strlen(cases[i].in), &out),
                     AHTTP_OK);
    assert_int_equal(reader.has_retry, cases[i].has);
    assert_int_equal(reader.retry_ms, cases[i].ms);
    ah_event_reader_clear(&reader);
  }
}

static void long_events_exceed_a_limit(void **state)
{
  (void)state;
  static const char *const lines[] = {
      "data: 12345678901234567890\n", "data: 12345\ndata: 12345\n",
      "a line without an end ...", "event: 12345678901234567890\n",
      "id: 12345678901234567890\n"};
  for (size_t i = 0; i < 5; i++) {
    ah_event_reader reader;
    shown out = {""};
    ah_event_reader_init(&reader, 11);
    assert_int_equal(feed(&reader, lines[i], strlen(lines[i]), &out),
                     AHTTP_ELIMIT);
    ah_event_reader_clear(&reader);
  }
}

static void a_new_connection_keeps_id_and_retry(void **state)
{
  (void)state;
  ah_event_reader reader;
  shown out = {""};
  const char *first = "retry: 5\nid: 1\ndata: a\n\nid: 2\ndata: half";
  ah_event_reader_init(&reader, 1000);
  assert_int_equal(feed(&reader, first, strlen(first), &out), AHTTP_OK);
  ah_event_reader_reset(&reader);
  const char *second = "\xef\xbb\xbf"
                       "data: b\n\n";
  assert_int_equal(feed(&reader, second, strlen(second), &out), AHTTP_OK);
  assert_string_equal(out.text, "[message|a|1][message|b|1]");
  assert_int_equal(reader.retry_ms, 5);
  ah_event_reader_clear(&reader);
}

static int read_some(void *arg)
{
  (void)arg;
  ah_event_reader reader;
  shown out = {""};
  const char *in = "event: e\nid: 1\ndata: a\n\ndata: b";
  ah_event_reader_init(&reader, 1000);
  int rv = feed(&reader, in, strlen(in), &out);
  ah_event_reader_clear(&reader);
  return rv;
}

static void reader_survives_every_failed_allocation(void **state)
{
  (void)state;
  test_alloc_fail_each(read_some, NULL);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(events_are_read_however_they_come),
      cmocka_unit_test(an_event_does_not_wait_for_the_next),
      cmocka_unit_test(retry_is_a_number_of_milliseconds),
      cmocka_unit_test(long_events_exceed_a_limit),
      cmocka_unit_test(a_new_connection_keeps_id_and_retry),
      cmocka_unit_test(reader_survives_every_failed_allocation),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
