/* SPDX-License-Identifier: MIT */
/* Content with a type of its own: JSON and forms, as a transport gets them. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <ahttp/ahttp.h>

#include "support/test_alloc.h"

static const ahttp_mock_reply fine = {.size = sizeof(fine), .status = 204};

/* A client whose requests end at |*mock|. */
static ahttp_client *client_on_mock(ahttp_transport **mock,
                                    const ahttp_field *fields, size_t count)
{
  ahttp_mock_opts mock_opts = AHTTP_MOCK_OPTS_INIT;
  mock_opts.replies = &fine;
  mock_opts.reply_count = 1;
  assert_int_equal(ahttp_mock_new(mock, &mock_opts), AHTTP_OK);
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.transport = *mock;
  opts.fields = fields;
  opts.field_count = count;
  ahttp_client *client;
  assert_int_equal(ahttp_client_new(&client, &opts), AHTTP_OK);
  return client;
}

static ahttp_request *post_new(void)
{
  ahttp_request *request;
  assert_int_equal(ahttp_request_new(&request, "POST", "http://localhost/"),
                   AHTTP_OK);
  return request;
}

/* Sends |request|, drops it, and checks what came of it: |type| is the one
 * Content-Type; NULL: there is none. */
static void check_sent_by(ahttp_client *client, const ahttp_transport *mock,
                          ahttp_request *request, const char *type,
                          const char *content)
{
  ahttp_response *response;
  assert_int_equal(ahttp_send(client, request, NULL, &response, NULL),
                   AHTTP_OK);
  ahttp_response_free(response);
  ahttp_request_free(request);
  const ahttp_mock_request *sent =
      ahttp_mock_at(mock, ahttp_mock_count(mock) - 1);
  const ahttp_fields *fields = ahttp_mock_request_fields(sent);
  size_t types = 0;
  for (size_t i = 0; i < ahttp_fields_count(fields); i++) {
    ahttp_field field = ahttp_fields_at(fields, i);
    if (field.name.len == 12 &&
        strncmp(field.name.ptr, "Content-Type", 12) == 0) {
      types++;
      assert_non_null(type);
      assert_string_equal(field.value.ptr, type);
    }
  }
  assert_int_equal(types, type == NULL ? 0 : 1);
  ahttp_str got = ahttp_mock_request_content(sent);
  assert_int_equal(got.len, strlen(content));
  assert_memory_equal(got.ptr, content, got.len);
}

static void check_sent(ahttp_request *request, const char *type,
                       const char *content)
{
  ahttp_transport *mock;
  ahttp_client *client = client_on_mock(&mock, NULL, 0);
  check_sent_by(client, mock, request, type, content);
  ahttp_client_free(client);
  ahttp_transport_free(mock);
}

static int set_json(ahttp_request *request, const char *text)
{
  return ahttp_request_set_json(request, text, strlen(text));
}

static void json_is_sent_as_it_is(void **state)
{
  (void)state;
  static const char *const texts[] = {"{\"clé\": \"valeur\"}", "NaN", "",
                                      "{ \"a\" :1 }\n"};
  for (size_t i = 0; i < 4; i++) {
    ahttp_request *request = post_new();
    assert_int_equal(set_json(request, texts[i]), AHTTP_OK);
    check_sent(request, "application/json", texts[i]);
  }
}

static void form_is_urlencoded(void **state)
{
  (void)state;
  ahttp_params *params;
  assert_int_equal(ahttp_params_new(&params), AHTTP_OK);
  assert_int_equal(ahttp_params_add(params, "a b", "1&2"), AHTTP_OK);
  assert_int_equal(ahttp_params_add(params, "é", NULL), AHTTP_OK);
  assert_int_equal(ahttp_params_add(params, "a b", "~*-._/"), AHTTP_OK);
  ahttp_request *request = post_new();
  assert_int_equal(ahttp_request_set_form(request, params), AHTTP_OK);
  ahttp_params_free(params);
  check_sent(request, "application/x-www-form-urlencoded",
             "a+b=1%262&%C3%A9=&a+b=%7E*-._%2F");
  request = post_new();
  assert_int_equal(ahttp_request_set_form(request, NULL), AHTTP_OK);
  check_sent(request, "application/x-www-form-urlencoded", "");
}

/* HTTPX: an explicit Content-Type wins over the implied one. */
static void a_type_of_the_requests_wins_before_and_after(void **state)
{
  (void)state;
  for (int is_before = 0; is_before < 2; is_before++) {
    ahttp_request *request = post_new();
    if (is_before != 0) {
      assert_int_equal(ahttp_request_add_field(request, "Content-Type", "x/y"),
                       AHTTP_OK);
    }
    assert_int_equal(set_json(request, "1"), AHTTP_OK);
    if (is_before == 0) {
      assert_int_equal(ahttp_request_add_field(request, "Content-Type", "x/y"),
                       AHTTP_OK);
    }
    check_sent(request, "x/y", "1");
  }
}

static void a_type_of_the_clients_wins(void **state)
{
  (void)state;
  static const ahttp_field fields[] = {{{"Content-Type", 12}, {"x/z", 3}}};
  ahttp_transport *mock;
  ahttp_client *client = client_on_mock(&mock, fields, 1);
  ahttp_request *request = post_new();
  assert_int_equal(set_json(request, "1"), AHTTP_OK);
  check_sent_by(client, mock, request, "x/z", "1");
  ahttp_client_free(client);
  ahttp_transport_free(mock);
}

static void the_last_content_counts(void **state)
{
  (void)state;
  ahttp_request *request = post_new();
  assert_int_equal(ahttp_request_set_form(request, NULL), AHTTP_OK);
  assert_int_equal(set_json(request, "1"), AHTTP_OK);
  check_sent(request, "application/json", "1");
  request = post_new();
  assert_int_equal(set_json(request, "1"), AHTTP_OK);
  assert_int_equal(ahttp_request_set_content(request, "2", 1), AHTTP_OK);
  check_sent(request, NULL, "2");
}

static void a_sent_request_takes_no_content(void **state)
{
  (void)state;
  ahttp_transport *mock;
  ahttp_client *client = client_on_mock(&mock, NULL, 0);
  ahttp_request *request = post_new();
  ahttp_response *response;
  assert_int_equal(ahttp_send(client, request, NULL, &response, NULL),
                   AHTTP_OK);
  ahttp_response_free(response);
  assert_int_equal(set_json(request, "1"), AHTTP_ESTATE);
  assert_int_equal(ahttp_request_set_form(request, NULL), AHTTP_ESTATE);
  ahttp_request_free(request);
  ahttp_client_free(client);
  ahttp_transport_free(mock);
}

static int make_typed(void *arg)
{
  (void)arg;
  ahttp_request *request = NULL;
  ahttp_params *params = NULL;
  int rv = ahttp_request_new(&request, "POST", "http://localhost/");
  if (rv == AHTTP_OK) {
    rv = set_json(request, "1");
  }
  if (rv == AHTTP_OK) {
    rv = ahttp_params_parse(&params, (ahttp_str){"a=b", 3});
  }
  if (rv == AHTTP_OK) {
    rv = ahttp_request_set_form(request, params);
  }
  ahttp_params_free(params);
  ahttp_request_free(request);
  return rv;
}

static void typed_content_survives_every_failed_allocation(void **state)
{
  (void)state;
  test_alloc_fail_each(make_typed, NULL);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(json_is_sent_as_it_is),
      cmocka_unit_test(form_is_urlencoded),
      cmocka_unit_test(a_type_of_the_requests_wins_before_and_after),
      cmocka_unit_test(a_type_of_the_clients_wins),
      cmocka_unit_test(the_last_content_counts),
      cmocka_unit_test(a_sent_request_takes_no_content),
      cmocka_unit_test(typed_content_survives_every_failed_allocation),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
