/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <ahttp/status.h>

#include "base/arena.h"
#include "base/str.h"
#include "client/response.h"
#include "http/fields.h"
#include "http/url.h"

static void phrases_are_those_of_the_registry(void **state)
{
  (void)state;
  static const struct {
    int status;
    const char *phrase;
  } rows[] = {
      {100, "Continue"},
      {103, "Early Hints"},
      {200, "OK"},
      {226, "IM Used"},
      {304, "Not Modified"},
      {308, "Permanent Redirect"},
      {404, "Not Found"},
      {418, "I'm a teapot"},
      {422, "Unprocessable Content"},
      {500, "Internal Server Error"},
      {511, "Network Authentication Required"},
      {306, ""},
      {599, ""},
      {0, ""},
      {-1, ""},
      {1000, ""},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    assert_string_equal(ahttp_status_phrase(rows[i].status), rows[i].phrase);
  }
}

/* A response of |url| to be looked at. */
typedef struct sample {
  ah_arena arena;
  ahttp_url url;
  ah_response_head head;
  ahttp_response response;
} sample;

static void sample_init(sample *self, const char *url, int status,
                        const char *reason)
{
  memset(self, 0, sizeof(*self));
  ah_arena_init(&self->arena, NULL, 0);
  assert_int_equal(
      ah_url_parse(&self->url, &self->arena, ah_str_from_c(url), NULL, NULL),
      AHTTP_OK);
  self->head.status = status;
  self->head.reason = ah_str_from_c(reason);
  ah_fields_init(&self->head.fields, &self->arena);
  self->response.head = &self->head;
  self->response.url = &self->url;
}

static void every_status_has_one_class(void **state)
{
  (void)state;
  sample self;
  sample_init(&self, "https://a.example/", 200, "OK");
  for (int status = 100; status <= 999; status++) {
    const ahttp_response *response = &self.response;
    self.head.status = status;
    int class = status / 100;
    assert_int_equal(ahttp_response_is_informational(response), class == 1);
    assert_int_equal(ahttp_response_is_success(response), class == 2);
    assert_int_equal(ahttp_response_is_redirect(response), class == 3);
    assert_int_equal(ahttp_response_is_client_error(response), class == 4);
    assert_int_equal(ahttp_response_is_server_error(response), class == 5);
    assert_int_equal(ahttp_response_is_error(response),
                     class == 4 || class == 5);
    int rv = ahttp_response_raise_for_status(response, NULL);
    assert_int_equal(rv, class == 2 ? AHTTP_OK : AHTTP_ESTATUS);
  }
  ah_arena_clear(&self.arena);
}

static void check_text(sample *self, const char *text)
{
  ahttp_error err;
  memset(&err, 0xff, sizeof(err));
  assert_int_equal(ahttp_response_raise_for_status(&self->response, &err),
                   AHTTP_ESTATUS);
  assert_int_equal(err.code, AHTTP_ESTATUS);
  assert_int_equal(err.domain, AHTTP_DOMAIN_HTTP);
  assert_int_equal(err.native, self->head.status);
  assert_string_equal(err.text, text);
  ah_arena_clear(&self->arena);
}

static void raised_error_is_a_sentence(void **state)
{
  (void)state;
  sample self;
  sample_init(&self, "https://u:secret@a.example/x?y", 404, "Nope");
  check_text(&self,
             "client error 404 Nope for URL https://u:[secure]@a.example/x?y");
  sample_init(&self, "http://a.example/", 503, "");
  check_text(&self, "server error 503 Service Unavailable for URL "
                    "http://a.example/");
  sample_init(&self, "http://a.example/", 101, "");
  check_text(&self, "informational response 101 Switching Protocols for URL "
                    "http://a.example/");
  sample_init(&self, "http://a.example/", 799, "");
  check_text(&self, "invalid status code 799 for URL http://a.example/");
  sample_init(&self, "http://a.example/", 500, "\x1b[2J\xc3\xa4");
  check_text(&self, "server error 500 ?[2J?? for URL http://a.example/");
}

static void raised_redirect_says_where_to(void **state)
{
  (void)state;
  sample self;
  sample_init(&self, "http://a.example/", 302, "Found");
  assert_int_equal(
      ah_fields_add(&self.head.fields, AH_STR("Location"), AH_STR("/there")),
      AHTTP_OK);
  check_text(&self, "redirect response 302 Found for URL http://a.example/, "
                    "which leads to /there");
  sample_init(&self, "http://a.example/", 304, "");
  check_text(&self,
             "redirect response 304 Not Modified for URL http://a.example/");
}

static void success_clears_the_error(void **state)
{
  (void)state;
  sample self;
  sample_init(&self, "http://a.example/", 204, "");
  ahttp_error err;
  memset(&err, 0xff, sizeof(err));
  assert_int_equal(ahttp_response_raise_for_status(&self.response, &err),
                   AHTTP_OK);
  assert_int_equal(err.code, AHTTP_OK);
  assert_string_equal(err.text, "");
  ah_arena_clear(&self.arena);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(phrases_are_those_of_the_registry),
      cmocka_unit_test(every_status_has_one_class),
      cmocka_unit_test(raised_error_is_a_sentence),
      cmocka_unit_test(raised_redirect_says_where_to),
      cmocka_unit_test(success_clears_the_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
