/* SPDX-License-Identifier: MIT */
/* What is read out of responses: text, links, Retry-After, events. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ahttp/ahttp.h>

#include "support/client_run.h"
#include "support/packer.h"
#include "support/raw_peer.h"

#define FFFD "\xef\xbf\xbd"

/* A peer that answers with a head with |fields| and with |len| bytes. */
typedef struct answer {
  char head[500];
  raw_step script[4];
  raw_peer *peer;
} answer;

static const char *answer_open(answer *self, const char *fields,
                               const void *content, size_t len)
{
  int head_len =
      snprintf(self->head, sizeof(self->head),
               "HTTP/1.1 200 OK\r\n%sConnection: close\r\n\r\n", fields);
  self->script[0] = (raw_step){RAW_EXPECT_HEAD, NULL, 0};
  self->script[1] = (raw_step){RAW_SEND, self->head, (size_t)head_len};
  self->script[2] = (raw_step){RAW_SEND, content, len};
  self->script[3] = (raw_step){RAW_END, NULL, 0};
  self->peer = raw_peer_start_one(self->script);
  return test_url("http", raw_peer_port(self->peer), "/a/b");
}

static ahttp_response *answer_get(const char *fields, const void *content,
                                  size_t len)
{
  answer self;
  ahttp_response *response;
  ahttp_error err;
  const char *url = answer_open(&self, fields, content, len);
  assert_int_equal(ahttp_get(NULL, url, &response, &err), AHTTP_OK);
  raw_peer_stop(self.peer);
  return response;
}

/* --- Text. -------------------------------------------------------------------
 */

static void text_is_of_the_charset_that_holds(void **state)
{
  (void)state;
  static const struct {
    const char *type;
    const char *content;
    const char *charset;
    const char *text;
  } rows[] = {
      {"text/plain", "\xc3\xa4", NULL, "\xc3\xa4"},
      {"text/plain; charset=iso-8859-1", "\xe4", NULL, "\xc3\xa4"},
      {"text/plain; charset=\"ISO-8859-1\"", "\xe4", NULL, "\xc3\xa4"},
      /* HTTPX: test_response_fallback_to_utf8_encoding */
      {"text/plain; charset=no-such-codec", "\xc3\xa4", NULL, "\xc3\xa4"},
      {"text/plain", "\xe4z", NULL, FFFD "z"},
      /* HTTPX leaves a mark in the text; the Encoding Standard has it win */
      {"text/plain",
       "\xef\xbb\xbf"
       "a",
       NULL, "a"},
      {"text/plain; charset=iso-8859-1", "\xef\xbb\xbf\xc3\xa4", NULL,
       "\xc3\xa4"},
      {"text/plain", "\xfe\xff\x01\x61", NULL, "\xc5\xa1"},
      /* HTTPX: explicit encoding */
      {"text/plain; charset=utf-8", "\xe4", "iso-8859-1", "\xc3\xa4"},
      {"text/plain",
       "\xef\xbb\xbf"
       "a",
       "UTF-8", "a"},
      {"text/plain", "\xef\xbb\xbf", "iso-8859-1", "\xc3\xaf\xc2\xbb\xc2\xbf"},
      {"text/plain", "", NULL, ""},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    char fields[200];
    ahttp_str text;
    (void)snprintf(fields, sizeof(fields), "Content-Type: %s\r\n",
                   rows[i].type);
    ahttp_response *response =
        answer_get(fields, rows[i].content, strlen(rows[i].content));
    assert_int_equal(ahttp_response_text(response, rows[i].charset, &text),
                     AHTTP_OK);
    assert_string_equal(text.ptr, rows[i].text);
    assert_int_equal(text.len, strlen(rows[i].text));
    /* and once more, another way */
    assert_int_equal(ahttp_response_text(response, "x-nonsense", &text),
                     AHTTP_EINVAL);
    assert_null(text.ptr);
    assert_int_equal(ahttp_response_text(response, "us-ascii", &text),
                     AHTTP_OK);
    ahttp_response_free(response);
  }
}

/* --- Links and Retry-After.
 * --------------------------------------------------- */

/* HTTPX: test_link_headers. */
static void links_are_resolved(void **state)
{
  (void)state;
  ahttp_response *response = answer_get(
      "Link: <../c?page=2>; rel=\"next\", <//other.test/>; rel=last\r\n"
      "Link: <http://[bad>; rel=prev, <first>; rel=prev; anchor=\"#x\"\r\n"
      "Link: <http://ok.test/x,y>; rel=prev\r\n",
      "", 0);
  static const struct {
    const char *rel;
    const char *end; /* of the URL; NULL: none */
  } rows[] = {{"next", "/c?page=2"},
              {"LAST", "http://other.test/"},
              {"prev", "http://ok.test/x,y"},
              {"first", NULL}};
  for (size_t i = 0; i < 4; i++) {
    ahttp_url *url;
    assert_int_equal(ahttp_response_link(response, rows[i].rel, &url),
                     AHTTP_OK);
    assert_int_equal(url == NULL, rows[i].end == NULL);
    if (url != NULL) {
      ahttp_str href = ahttp_url_href(url);
      size_t len = strlen(rows[i].end);
      assert_true(href.len >= len);
      assert_string_equal(href.ptr + href.len - len, rows[i].end);
    }
    ahttp_url_free(url);
  }
  ahttp_response_free(response);
}

static void retry_after_is_told(void **state)
{
  (void)state;
  uint32_t ms;
  ahttp_response *response = answer_get("Retry-After: 20\r\n", "", 0);
  assert_true(ahttp_response_retry_after(response, 0, 60000, &ms));
  assert_int_equal(ms, 20000);
  assert_true(ahttp_response_retry_after(response, 0, 5000, &ms));
  assert_int_equal(ms, 5000);
  ahttp_response_free(response);
  response = answer_get("", "", 0);
  assert_false(ahttp_response_retry_after(response, 0, 60000, &ms));
  ahttp_response_free(response);
}

/* --- Events.
 * -------------------------------------------------------------------- */

static const char events[] = "retry: 100\nid: 1\ndata: one\n\n"
                             "event: add\r\ndata: two\r\ndata: lines\r\n\r\n"
                             "data: half";

static void check_events(const char *fields, const void *content, size_t len)
{
  answer self;
  ahttp_client *client;
  ahttp_request *request;
  ahttp_response *response;
  ahttp_error err;
  ahttp_sse *sse;
  ahttp_sse_event event;
  bool has_event;
  uint32_t ms;
  const char *url = answer_open(&self, fields, content, len);
  assert_int_equal(ahttp_client_new(&client, NULL), AHTTP_OK);
  assert_int_equal(ahttp_request_new(&request, "GET", url), AHTTP_OK);
  assert_int_equal(ahttp_open(client, request, NULL, &response, &err),
                   AHTTP_OK);
  assert_int_equal(ahttp_sse_new(&sse, 0), AHTTP_OK);

  assert_int_equal(ahttp_sse_next(sse, response, &event, &has_event, &err),
                   AHTTP_OK);
  assert_true(has_event);
  assert_memory_equal(event.data.ptr, "one", 3);
  assert_memory_equal(event.id.ptr, "1", 1);
  assert_int_equal(ahttp_sse_next(sse, response, &event, &has_event, &err),
                   AHTTP_OK);
  assert_true(has_event);
  assert_int_equal(event.type.len, 3);
  assert_int_equal(event.data.len, 9);
  assert_memory_equal(event.data.ptr, "two\nlines", 9);
  assert_int_equal(ahttp_sse_next(sse, response, &event, &has_event, &err),
                   AHTTP_OK);
  assert_false(has_event);
  assert_string_equal(ahttp_sse_last_id(sse).ptr, "1");
  assert_true(ahttp_sse_retry(sse, &ms));
  assert_int_equal(ms, 100);

  ahttp_sse_reset(sse);
  ahttp_sse_free(sse);
  ahttp_response_free(response);
  ahttp_request_free(request);
  ahttp_client_free(client);
  raw_peer_stop(self.peer);
}

static void events_are_read_from_a_response(void **state)
{
  (void)state;
  check_events("Content-Type: text/event-stream\r\n", events,
               sizeof(events) - 1);
  packed content = pack("gzip", events, sizeof(events) - 1);
  check_events("Content-Type: text/event-stream\r\n"
               "Content-Encoding: gzip\r\n",
               content.data, content.len);
  free(content.data);
}

static void an_endless_event_exceeds_a_limit(void **state)
{
  (void)state;
  answer self;
  ahttp_client *client;
  ahttp_request *request;
  ahttp_response *response;
  ahttp_error err;
  ahttp_sse *sse;
  ahttp_sse_event event;
  bool has_event;
  const char *url = answer_open(&self, "", events, sizeof(events) - 1);
  assert_int_equal(ahttp_client_new(&client, NULL), AHTTP_OK);
  assert_int_equal(ahttp_request_new(&request, "GET", url), AHTTP_OK);
  assert_int_equal(ahttp_open(client, request, NULL, &response, &err),
                   AHTTP_OK);
  assert_int_equal(ahttp_sse_new(&sse, 8), AHTTP_OK);
  assert_int_equal(ahttp_sse_next(sse, response, &event, &has_event, &err),
                   AHTTP_OK);
  assert_int_equal(ahttp_sse_next(sse, response, &event, &has_event, &err),
                   AHTTP_ELIMIT);
  assert_string_equal(err.text, "an event is longer than 8 bytes");
  ahttp_sse_free(sse);
  ahttp_response_free(response);
  ahttp_request_free(request);
  ahttp_client_free(client);
  raw_peer_stop(self.peer);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(text_is_of_the_charset_that_holds),
      cmocka_unit_test(links_are_resolved),
      cmocka_unit_test(retry_after_is_told),
      cmocka_unit_test(events_are_read_from_a_response),
      cmocka_unit_test(an_endless_event_exceeds_a_limit),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
