/* SPDX-License-Identifier: MIT */
/*
 * 10 GB of zeros in every coding, and in two: who holds the content gets
 * AHTTP_ELIMIT before it has cost 32 MiB; who reads it as it comes gets it all
 * if he wants, in chunks.  Under sanitizers and valgrind memory is not what it
 * is elsewhere and is not judged.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>
#include <cmocka.h>

#include <ahttp/ahttp.h>

#include "support/client_run.h"
#include "support/packed_peer.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#  define IS_SANITIZED true
#else
#  define IS_SANITIZED false
#endif

enum {
  RSS_KIB_MAX = 32 * 1024
};

#define BOMB_BYTES "10000000000"

static packed_peer peer;

static const char *const bombs[] = {
    "gzip",    "deflate",   "gzip,gzip",
#ifdef HAVE_BROTLI
    "br",      "br,br",     "gzip,br",
#endif
#ifdef HAVE_ZSTD
    "zstd",    "zstd,zstd",
#endif
#if defined(HAVE_BROTLI) && defined(HAVE_ZSTD)
    "zstd,br",
#endif
};
enum {
  BOMBS = sizeof(bombs) / sizeof(bombs[0])
};

/* The field |name| of /proc/self/status, KiB. */
static long memory_kib(const char *name)
{
  char line[256];
  long kib = -1;
  FILE *file = fopen("/proc/self/status", "r");
  assert_non_null(file);
  while (fgets(line, sizeof(line), file) != NULL) {
    if (strncmp(line, name, strlen(name)) == 0) {
      kib = strtol(line + strlen(name) + 1, NULL, 10);
    }
  }
  (void)fclose(file);
  return kib;
}

static void memory_reset_peak(void)
{
  FILE *file = fopen("/proc/self/clear_refs", "w");
  assert_non_null(file);
  (void)fputs("5", file); /* proc(5): VmHWM counts from here */
  (void)fclose(file);
}

static void check_memory(const char *what)
{
  const char *preload = getenv("LD_PRELOAD");
  long peak = memory_kib("VmHWM");
  print_message("%-10s %ld KiB at most\n", what, peak);
  if (!IS_SANITIZED &&
      (preload == NULL || strstr(preload, "vgpreload") == NULL)) {
    assert_true(peak < RSS_KIB_MAX);
  }
}

static const char *bomb_url(const char *codings, const char *bytes)
{
  static char url[200];
  (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/%s/%s",
                 (unsigned)peer.port, codings, bytes);
  return url;
}

static void a_bomb_exceeds_a_limit_when_held(void **state)
{
  (void)state;
  ahttp_client *client;
  assert_int_equal(ahttp_client_new(&client, NULL), AHTTP_OK);
  for (size_t i = 0; i < BOMBS; i++) {
    ahttp_response *response;
    ahttp_error err;
    memory_reset_peak();
    int rv = ahttp_get(client, bomb_url(bombs[i], BOMB_BYTES), &response, &err);
    assert_null(response);
    assert_int_equal(rv, AHTTP_ELIMIT);
    assert_non_null(strstr(err.text, "decode_ratio_max"));
    check_memory(bombs[i]);
  }
  ahttp_client_free(client);
}

static void a_bomb_exceeds_a_limit_in_a_future(void **state)
{
  (void)state;
  ahttp_client *client;
  ahttp_request *request;
  ahttp_response *response;
  ahttp_error err;
  assert_int_equal(ahttp_client_new(&client, NULL), AHTTP_OK);
  assert_int_equal(
      ahttp_request_new(&request, "GET", bomb_url("gzip", BOMB_BYTES)),
      AHTTP_OK);
  memory_reset_peak();
  ahttp_future *future = ahttp_submit(client, request, NULL);
  assert_int_equal(ahttp_future_wait(future, AHTTP_NO_LIMIT), AHTTP_OK);
  assert_int_equal(ahttp_future_take(future, &response, &err), AHTTP_ELIMIT);
  check_memory("future");
  ahttp_future_free(future);
  ahttp_request_free(request);
  ahttp_client_free(client);
}

static void a_bomb_exceeds_a_limit_in_read_all(void **state)
{
  (void)state;
  ahttp_client *client;
  ahttp_request *request;
  ahttp_response *response;
  ahttp_error err;
  ahttp_str content;
  assert_int_equal(ahttp_client_new(&client, NULL), AHTTP_OK);
  assert_int_equal(
      ahttp_request_new(&request, "GET", bomb_url("gzip", BOMB_BYTES)),
      AHTTP_OK);
  memory_reset_peak();
  assert_int_equal(ahttp_open(client, request, NULL, &response, &err),
                   AHTTP_OK);
  assert_int_equal(ahttp_response_read_all(response, 0, &content, &err),
                   AHTTP_ELIMIT);
  assert_non_null(strstr(err.text, "decode_ratio_max"));
  check_memory("read_all");
  ahttp_response_free(response);
  ahttp_request_free(request);
  ahttp_client_free(client);
}

/* content_max is of decoded bytes, and the ratio can be lifted. */
static void content_max_counts_decoded_bytes(void **state)
{
  (void)state;
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.decode_ratio_max = AHTTP_NO_LIMIT;
  opts.content_max = 20 * 1000 * 1000;
  ahttp_client *client;
  ahttp_response *response;
  ahttp_error err;
  assert_int_equal(ahttp_client_new(&client, &opts), AHTTP_OK);
  assert_int_equal(
      ahttp_get(client, bomb_url("gzip", "20000000"), &response, &err),
      AHTTP_OK);
  assert_int_equal(ahttp_response_content(response).len, 20000000);
  assert_true(ahttp_response_is_decoded(response));
  ahttp_response_free(response);
  assert_int_equal(
      ahttp_get(client, bomb_url("gzip", "20000001"), &response, &err),
      AHTTP_ELIMIT);
  assert_non_null(strstr(err.text, "content_max"));
  ahttp_client_free(client);
}

/* Small content may be packed as well as it likes. */
static void small_zeros_are_no_bomb(void **state)
{
  (void)state;
  for (size_t i = 0; i < BOMBS; i++) {
    ahttp_response *response;
    ahttp_error err;
    assert_int_equal(
        ahttp_get(NULL, bomb_url(bombs[i], "8000000"), &response, &err),
        AHTTP_OK);
    assert_int_equal(ahttp_response_content(response).len, 8000000);
    ahttp_response_free(response);
  }
}

/* --- Read as it comes. ------------------------------------------------------
 */

enum {
  CHUNK_BYTES_MAX = 64 * 1024,
  STREAM_BYTES = 400 * 1000 * 1000
};

typedef struct reading {
  client_run *run;
  ahttp_call *call; /* NULL once done */
  uint64_t got;
  uint64_t taken;
  uint64_t pauses;
  bool pauses_each; /* after every chunk */
  uint64_t cancel_at;
  ahttp_error error;
  ahttp_call_info info;
} reading;

static int reading_on_body(ahttp_call *call, const uint8_t *data, size_t len,
                           void *user_data)
{
  reading *self = user_data;
  assert_true(len > 0 && len <= CHUNK_BYTES_MAX);
  assert_int_equal(data[len - 1], 0);
  self->got += len;
  if (self->pauses_each) {
    self->pauses++;
    ahttp_call_pause(call);
  }
  if (self->cancel_at != 0 && self->got >= self->cancel_at) {
    ahttp_call_cancel(call);
  }
  return 0;
}

static void reading_on_done(ahttp_call *call, const ahttp_response *response,
                            const ahttp_error *err, void *user_data)
{
  reading *self = user_data;
  (void)response;
  if (err != NULL) {
    self->error = *err;
  }
  self->info.size = sizeof(self->info);
  ahttp_call_get_info(call, &self->info);
  self->call = NULL;
}

static void reading_start(reading *self, client_run *run, const char *codings,
                          const char *bytes)
{
  static const ahttp_handlers handlers = {.size = sizeof(handlers),
                                          .on_body = reading_on_body,
                                          .on_done = reading_on_done};
  ahttp_request *request;
  assert_int_equal(ahttp_request_new(&request, "GET", bomb_url(codings, bytes)),
                   AHTTP_OK);
  self->run = run;
  self->call = ahttp_start(run->client, request, NULL, &handlers, self);
  assert_non_null(self->call);
  ahttp_request_free(request);
}

static void zeros_can_be_read_as_they_come(void **state)
{
  (void)state;
  for (size_t i = 0; i < BOMBS; i++) {
    client_run run;
    reading self = {0};
    client_run_open(&run, NULL);
    memory_reset_peak();
    reading_start(&self, &run, bombs[i], "400000000");
    while (self.call != NULL) {
      (void)uv_run(&run.loop, UV_RUN_ONCE);
    }
    assert_string_equal(self.error.text, "");
    assert_int_equal(self.got, STREAM_BYTES);
    assert_int_equal(self.info.bytes_decoded, STREAM_BYTES);
    assert_true(self.info.bytes_body < STREAM_BYTES / 500);
    check_memory(bombs[i]);
    client_run_close(&run);
  }
}

/* One chunk a time: none comes while the call is paused. */
static void a_pause_holds_in_the_middle_of_a_burst(void **state)
{
  (void)state;
  for (size_t i = 0; i < BOMBS; i++) {
    client_run run;
    reading self = {.pauses_each = true};
    client_run_open(&run, NULL);
    reading_start(&self, &run, bombs[i], "3000000");
    while (self.call != NULL) {
      uint64_t before = self.pauses;
      (void)uv_run(&run.loop, UV_RUN_ONCE);
      assert_true(self.pauses <= before + 1);
      if (self.pauses > before && self.call != NULL) {
        for (int turn = 0; turn < 3; turn++) {
          (void)uv_run(&run.loop, UV_RUN_NOWAIT);
        }
        assert_int_equal(self.pauses, before + 1);
        ahttp_call_resume(self.call);
      }
    }
    assert_string_equal(self.error.text, "");
    assert_int_equal(self.got, 3000000);
    client_run_close(&run);
  }
}

static void credit_is_of_decoded_bytes(void **state)
{
  (void)state;
  for (size_t i = 0; i < BOMBS; i++) {
    enum {
      WINDOW = 1024 * 1024
    };
    client_run run;
    reading self = {0};
    client_run_open(&run, NULL);
    reading_start(&self, &run, bombs[i], "30000000");
    ahttp_call_set_manual_credit(self.call);
    while (self.call != NULL) {
      (void)uv_run(&run.loop, UV_RUN_ONCE);
      assert_true(self.got - self.taken < WINDOW + CHUNK_BYTES_MAX);
      if (self.call != NULL && self.got - self.taken >= WINDOW) {
        uint64_t got = self.got;
        (void)uv_run(&run.loop, UV_RUN_NOWAIT);
        assert_int_equal(self.got, got);
        ahttp_call_credit(self.call, WINDOW / 2);
        self.taken += WINDOW / 2;
      }
    }
    assert_string_equal(self.error.text, "");
    assert_int_equal(self.got, 30000000);
    client_run_close(&run);
  }
}

static void a_cancel_ends_a_burst_at_once(void **state)
{
  (void)state;
  for (size_t i = 0; i < BOMBS; i++) {
    client_run run;
    reading self = {.cancel_at = 1000000};
    client_run_open(&run, NULL);
    reading_start(&self, &run, bombs[i], BOMB_BYTES);
    while (self.call != NULL) {
      (void)uv_run(&run.loop, UV_RUN_ONCE);
    }
    assert_int_equal(self.error.code, AHTTP_ECANCELED);
    assert_true(self.got < 1000000 + CHUNK_BYTES_MAX);
    client_run_close(&run);
  }
}

/* A burst is worked off in portions: the loop sees to others in between. */
static void a_burst_leaves_time_for_others(void **state)
{
  (void)state;
  client_run run;
  reading self = {0};
  client_run_open(&run, NULL);
  reading_start(&self, &run, "gzip,gzip", "400000000");
  uint64_t most = 0;
  while (self.call != NULL) {
    uint64_t before = self.got;
    (void)uv_run(&run.loop, UV_RUN_ONCE);
    most = self.got - before > most ? self.got - before : most;
  }
  assert_int_equal(self.got, STREAM_BYTES);
  print_message("%llu bytes in one turn\n", (unsigned long long)most);
  assert_true(most <= 9 * 1024 * 1024);
  client_run_close(&run);
}

static int open_peer(void **state)
{
  (void)state;
  packed_peer_open(&peer);
  return 0;
}

static int close_peer(void **state)
{
  (void)state;
  packed_peer_close(&peer);
  return 0;
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_bomb_exceeds_a_limit_when_held),
      cmocka_unit_test(a_bomb_exceeds_a_limit_in_a_future),
      cmocka_unit_test(a_bomb_exceeds_a_limit_in_read_all),
      cmocka_unit_test(content_max_counts_decoded_bytes),
      cmocka_unit_test(small_zeros_are_no_bomb),
      cmocka_unit_test(zeros_can_be_read_as_they_come),
      cmocka_unit_test(a_pause_holds_in_the_middle_of_a_burst),
      cmocka_unit_test(credit_is_of_decoded_bytes),
      cmocka_unit_test(a_cancel_ends_a_burst_at_once),
      cmocka_unit_test(a_burst_leaves_time_for_others),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, open_peer, close_peer);
}
