/* SPDX-License-Identifier: MIT */
/* Request content of every kind, as servers understand it: httpbin says what it
 * has parsed, and another one drops as much as there is. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include <ahttp/ahttp.h>

#include "support/client_run.h"
#include "support/event_server.h"
#include "support/httpbin.h"
#include "support/server_process.h"

#define STR(literal) ((ahttp_str){(literal), sizeof(literal) - 1})

static httpbin bin;

/* What a client may take of memory, whatever it sends. */
enum {
  RSS_KIB_MAX = 32 * 1024
};
#define BIG_BYTES ((off_t)1024 * 1024 * 1024)

static ahttp_client *client_new(const ahttp_client_opts *opts)
{
  ahttp_client *client;
  assert_int_equal(ahttp_client_new(&client, opts), AHTTP_OK);
  return client;
}

static ahttp_request *post_new(uint16_t port, const char *path)
{
  ahttp_request *request;
  assert_int_equal(
      ahttp_request_new(&request, "POST", test_url("http", port, path)),
      AHTTP_OK);
  return request;
}

/* Sends |request|, drops it, and has the answer checked by |check|. */
static void check_answer(ahttp_request *request, const ahttp_send_opts *opts,
                         void (*check)(const char *content))
{
  ahttp_client *client = client_new(NULL);
  ahttp_response *response;
  ahttp_error err;
  int rv = ahttp_send(client, request, opts, &response, &err);
  ahttp_request_free(request);
  if (rv != AHTTP_OK) {
    fail_msg("%s", err.text);
  }
  assert_int_equal(ahttp_response_status(response), 200);
  check(ahttp_response_content(response).ptr);
  ahttp_response_free(response);
  ahttp_client_free(client);
}

static void has(const char *content, const char *text)
{
  if (strstr(content, text) == NULL) {
    fail_msg("no %s in %s", text, content);
  }
}

/* --- httpbin. ---------------------------------------------------------------
 */

static void check_urlencoded(const char *content)
{
  has(content, "\"form\":{\"a b\":[\"1&2\",\"\"],\"\\u00e9\":\"+\"}");
  has(content, "\"Content-Type\":\"application/x-www-form-urlencoded\"");
}

static void httpbin_reads_a_form(void **state)
{
  (void)state;
  ahttp_params *params;
  assert_int_equal(ahttp_params_new(&params), AHTTP_OK);
  assert_int_equal(ahttp_params_add(params, "a b", "1&2"), AHTTP_OK);
  assert_int_equal(ahttp_params_add(params, "\xc3\xa9", "+"), AHTTP_OK);
  assert_int_equal(ahttp_params_add(params, "a b", ""), AHTTP_OK);
  ahttp_request *request = post_new(bin.port, "/post");
  assert_int_equal(ahttp_request_set_form(request, params), AHTTP_OK);
  ahttp_params_free(params);
  check_answer(request, NULL, check_urlencoded);
}

static void check_json(const char *content)
{
  has(content, "\"json\":{\"a\":[1,null]}");
  has(content, "\"Content-Type\":\"application/json\"");
}

static void httpbin_reads_json(void **state)
{
  (void)state;
  static const char json[] = "{\"a\": [1, null]}";
  ahttp_request *request = post_new(bin.port, "/post");
  assert_int_equal(ahttp_request_set_json(request, json, sizeof(json) - 1),
                   AHTTP_OK);
  check_answer(request, NULL, check_json);
}

typedef struct letters {
  size_t len;
} letters;

static int letters_read(void *user_data, uint64_t offset, uint8_t *dst,
                        size_t cap, size_t *len)
{
  const letters *self = user_data;
  size_t left = self->len - (size_t)offset;
  *len = left < cap ? left : cap;
  memset(dst, 'x', *len);
  return 0;
}

/* A form with a text, a file, and a callback, of known length or not. */
static void set_multipart(ahttp_request *request, letters *source_of,
                          bool is_known)
{
  char *path = server_write_file("sea.txt", "waves\n");
  ahttp_multipart *form;
  ahttp_part part = AHTTP_PART_INIT;
  const ahttp_content_source source = {
      .size = sizeof(source),
      .read = letters_read,
      .length = is_known ? (int64_t)source_of->len : -1,
      .can_rewind = true,
      .user_data = source_of,
  };
  assert_int_equal(ahttp_multipart_new(&form), AHTTP_OK);
  assert_int_equal(ahttp_multipart_add_text(form, "title", "Sea \"1\"\r\n"),
                   AHTTP_OK);
  part.name = STR("photo \"1\"\n");
  assert_int_equal(ahttp_multipart_add_file(form, &part, path), AHTTP_OK);
  part.name = STR("more");
  part.filename = STR("more.bin");
  assert_int_equal(ahttp_multipart_add_source(form, &part, &source), AHTTP_OK);
  assert_int_equal(ahttp_multipart_add_text(form, "title", "2"), AHTTP_OK);
  assert_int_equal(ahttp_request_set_multipart(request, form), AHTTP_OK);
  ahttp_multipart_free(form);
  free(path);
}

static void check_multipart(const char *content)
{
  has(content, "\"form\":{\"title\":[\"Sea \\\"1\\\"\\r\\n\",\"2\"]}");
  has(content, "%221%22%0A\":\"waves\\n\"");
  has(content, "\"more\":\"xxxxxxxxxx\"");
}

static void check_multipart_with_length(const char *content)
{
  check_multipart(content);
  has(content, "\"Content-Length\":\"");
  assert_null(strstr(content, "\"Transfer-Encoding\""));
}

static void check_multipart_without_length(const char *content)
{
  check_multipart(content);
  has(content, "\"Transfer-Encoding\":\"chunked\"");
}

static void httpbin_reads_a_multipart(void **state)
{
  (void)state;
  letters source = {10};
  ahttp_request *request = post_new(bin.port, "/post");
  set_multipart(request, &source, true);
  check_answer(request, NULL, check_multipart_with_length);
  request = post_new(bin.port, "/post");
  set_multipart(request, &source, false);
  check_answer(request, NULL, check_multipart_without_length);
}

static void multipart_is_sent_again_after_a_redirect(void **state)
{
  (void)state;
  for (int is_known = 0; is_known < 2; is_known++) {
    letters source = {10};
    ahttp_send_opts opts = AHTTP_SEND_OPTS_INIT;
    opts.redirects_max = 3;
    ahttp_request *request =
        post_new(bin.port, "/redirect-to?url=/post&status_code=307");
    set_multipart(request, &source, is_known != 0);
    check_answer(request, &opts, check_multipart);
  }
}

/* --- Large and broken. ------------------------------------------------------
 */

/* A request for |url| with the file |path| as a part. */
static ahttp_request *file_post_new(const char *url, const char *path)
{
  ahttp_request *request;
  ahttp_multipart *form;
  ahttp_part part = AHTTP_PART_INIT;
  part.name = STR("doc");
  assert_int_equal(ahttp_request_new(&request, "POST", url), AHTTP_OK);
  assert_int_equal(ahttp_multipart_new(&form), AHTTP_OK);
  assert_int_equal(ahttp_multipart_add_file(form, &part, path), AHTTP_OK);
  assert_int_equal(ahttp_request_set_multipart(request, form), AHTTP_OK);
  ahttp_multipart_free(form);
  return request;
}

/* Runs |each| with a client for either protocol version. */
static void with_both_versions(void (*each)(ahttp_client *client,
                                            const char *url))
{
  event_server *server = event_server_start();
  static const ahttp_http_policy policies[] = {AHTTP_HTTP_1_1,
                                               AHTTP_HTTP_2_PRIOR_KNOWLEDGE};
  for (size_t i = 0; i < 2; i++) {
    ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
    opts.http = policies[i];
    ahttp_client *client = client_new(&opts);
    each(client, test_url("http", event_server_port(server), "/bytes/5"));
    ahttp_client_free(client);
  }
  event_server_stop(server);
}

/* Valgrind's own memory, and a sanitizer's, would be counted with ours. */
static bool memory_is_ours(void)
{
#if defined(__SANITIZE_ADDRESS__)
  return false;
#else
  const char *preload = getenv("LD_PRELOAD");
  return preload == NULL || strstr(preload, "vgpreload") == NULL;
#endif
}

static void send_big(ahttp_client *client, const char *url)
{
  char *path = server_write_file("big", "");
  assert_int_equal(truncate(path, BIG_BYTES), 0);
  ahttp_request *request = file_post_new(url, path);
  ahttp_response *response;
  ahttp_error err;
  if (ahttp_send(client, request, NULL, &response, &err) != AHTTP_OK) {
    fail_msg("%s", err.text);
  }
  assert_int_equal(ahttp_response_status(response), 200);
  ahttp_response_free(response);
  ahttp_request_free(request);
  free(path);
  struct rusage usage;
  assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
  if (memory_is_ours()) {
    assert_true(usage.ru_maxrss < RSS_KIB_MAX);
  }
}

static void a_gigabyte_needs_no_memory(void **state)
{
  (void)state;
  with_both_versions(send_big);
}

static void send_shrunk(ahttp_client *client, const char *url)
{
  char *path = server_write_file("doc", "0123456789");
  ahttp_request *request = file_post_new(url, path);
  assert_int_equal(truncate(path, 4), 0);
  ahttp_response *response;
  ahttp_error err;
  assert_int_equal(ahttp_send(client, request, NULL, &response, &err),
                   AHTTP_EBODY);
  has(err.text, "/bytes/5: part \"doc\" of the request content: the file has "
                "become shorter since it was opened");
  assert_int_equal(err.phase, AHTTP_PHASE_SEND);
  ahttp_request_free(request);
  free(path);
}

static void a_changed_file_is_named(void **state)
{
  (void)state;
  with_both_versions(send_shrunk);
}

static int open_all(void **state)
{
  (void)state;
  httpbin_open(&bin);
  return 0;
}

static int close_all(void **state)
{
  (void)state;
  httpbin_close(&bin);
  return 0;
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(httpbin_reads_a_form),
      cmocka_unit_test(httpbin_reads_json),
      cmocka_unit_test(httpbin_reads_a_multipart),
      cmocka_unit_test(multipart_is_sent_again_after_a_redirect),
      cmocka_unit_test(a_gigabyte_needs_no_memory),
      cmocka_unit_test(a_changed_file_is_named),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, open_all, close_all);
}
