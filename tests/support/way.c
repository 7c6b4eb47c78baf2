/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "support/way.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "support/client_turns.h"
#include "support/pattern.h"

const char *way_url(const way *there, const char *path)
{
  return test_url(there->scheme, there->port, path);
}

void way_check_echo(const way *there, client_run *run, const char *path,
                    size_t len, bool is_known)
{
  pattern_source source;
  const ahttp_content_source content = pattern_content(&source, len, is_known);
  ahttp_request *request;
  assert_int_equal(ahttp_request_new(&request, "POST", way_url(there, path)),
                   AHTTP_OK);
  assert_int_equal(ahttp_request_set_content_source(request, &content),
                   AHTTP_OK);
  call_record record = {0};
  client_run_start_request(run, &record, request, NULL);
  ahttp_request_free(request);
  client_run_wait(run);
  assert_int_equal(record.uploaded, len);
  assert_int_equal(record.version, there->version);
  call_record_check_pattern(&record, 200, len);
}

ahttp_response *way_fetch(const way *there, ahttp_client *client,
                          const char *path, const char *const fields[])
{
  ahttp_request *request;
  assert_int_equal(ahttp_request_new(&request, "GET", way_url(there, path)),
                   AHTTP_OK);
  for (size_t i = 0; fields[i] != NULL; i += 2) {
    assert_int_equal(ahttp_request_add_field(request, fields[i], fields[i + 1]),
                     AHTTP_OK);
  }
  ahttp_response *response;
  ahttp_error err;
  if (ahttp_send(client, request, NULL, &response, &err) != AHTTP_OK) {
    fail_msg("%s: %s", path, err.text);
  }
  assert_int_equal(ahttp_response_version(response), there->version);
  ahttp_request_free(request);
  return response;
}

bool response_has_field(const ahttp_response *response, const char *name,
                        const char *value)
{
  ahttp_str got;
  return ahttp_fields_get(ahttp_response_fields(response), name, &got) &&
         got.len == strlen(value) && memcmp(got.ptr, value, got.len) == 0;
}
