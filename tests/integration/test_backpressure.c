/* SPDX-License-Identifier: MIT */
/*
 * A consumer that takes 64 KiB at a time holds back a body of a gigabyte: the
 * process grows by no more than 32 MiB, and other streams of the same HTTP/2
 * connection do not notice.
 *
 * Under sanitizers and valgrind, where memory is not what it is elsewhere and
 * time is short, the body is smaller and the growth only printed.
 */
#include "config.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

#include <cmocka.h>

#include <ahttp/ahttp.h>

#include "support/client_run.h"
#include "support/client_turns.h"
#include "support/nginx.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#  define IS_SANITIZED true
#else
#  define IS_SANITIZED false
#endif

enum {
  BIG_BYTES = 1 << 30,
  SMALL_BIG_BYTES = 1 << 26,
  TAKEN_A_TICK = 64 * 1024,
  GROWTH_KIB_MAX = 32 * 1024,
  WINDOW = 1024 * 1024, /* what ahttp_call_set_manual_credit() promises */
  QUICK_CALLS = 200,
  /* Beside a busy stream: 3 alone, and 7 when the other takes all it can; what
   * the server had sent of that before it saw the request comes first. */
  QUICK_TURNS_MAX = 40
};

static nginx server;
static bool is_measured;
static uint64_t big_bytes;

/* --- Memory. ------------------------------------------------------------- */

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
  assert_true(kib >= 0);
  return kib;
}

/* Has VmHWM count from here. */
static void memory_reset_peak(void)
{
  FILE *file = fopen("/proc/self/clear_refs", "w");
  if (file != NULL) {
    (void)fputs("5", file); /* proc(5) */
    (void)fclose(file);
  }
}

/* Valgrind puts its own library first. */
static bool is_under_valgrind(void)
{
  const char *preload = getenv("LD_PRELOAD");
  return preload != NULL && strstr(preload, "vgpreload") != NULL;
}

/* --- The slow reader. ---------------------------------------------------- */

typedef struct slow_reader {
  ahttp_call *call; /* NULL once done */
  uint64_t got;
  uint64_t taken;
  uint64_t outstanding_max;
  unsigned ticks; /* in which it took something */
  int code;
} slow_reader;

static int slow_on_body(ahttp_call *call, const uint8_t *data, size_t len,
                        void *user_data)
{
  slow_reader *reader = user_data;
  (void)call;
  (void)data;
  reader->got += len;
  uint64_t outstanding = reader->got - reader->taken;
  if (outstanding > reader->outstanding_max) {
    reader->outstanding_max = outstanding;
  }
  return 0;
}

static void slow_on_done(ahttp_call *call, const ahttp_response *response,
                         const ahttp_error *err, void *user_data)
{
  slow_reader *reader = user_data;
  (void)call;
  (void)response;
  reader->code = err == NULL ? AHTTP_OK : err->code;
  reader->call = NULL;
}

static void slow_start(slow_reader *reader, client_run *run, const char *url)
{
  const ahttp_handlers handlers = {.size = sizeof(handlers),
                                   .on_body = slow_on_body,
                                   .on_done = slow_on_done};
  ahttp_request *request;
  *reader = (slow_reader){.code = 1};
  assert_int_equal(ahttp_request_new(&request, "GET", url), AHTTP_OK);
  reader->call = ahttp_start(run->client, request, NULL, &handlers, reader);
  assert_non_null(reader->call);
  ahttp_call_set_manual_credit(reader->call);
  ahttp_request_free(request);
}

/* Takes a tick's worth of what is there, if there is so much or no more. */
static void slow_take(slow_reader *reader)
{
  uint64_t there = reader->got - reader->taken;
  size_t len = there < TAKEN_A_TICK ? (size_t)there : TAKEN_A_TICK;
  if (reader->call != NULL && len > 0) {
    reader->taken += len;
    reader->ticks++;
    ahttp_call_credit(reader->call, len);
  }
}

/* One turn of the loop, which waits only if the reader has nothing to do. */
static void slow_tick(slow_reader *reader, client_run *run)
{
  slow_take(reader);
  bool is_idle = reader->got == reader->taken;
  (void)uv_run(&run->loop, is_idle ? UV_RUN_ONCE : UV_RUN_NOWAIT);
}

static void slow_check(const slow_reader *reader)
{
  assert_int_equal(reader->code, AHTTP_OK);
  assert_int_equal(reader->got, big_bytes);
  /* What was on its way when the credit ran out was one read. */
  assert_in_range(reader->outstanding_max, 1, WINDOW + WINDOW / 4);
}

static void download_slowly(const char *scheme, uint16_t port,
                            ahttp_http_policy http, ahttp_version version)
{
  client_run run;
  client_run_open_for(&run, server.ca_file, http);
  call_record first = {0};
  client_run_get(&run, &first, test_url(scheme, port, "/f/2"));
  assert_int_equal(first.version, version);
  call_record_clear(&first);
  memory_reset_peak();
  long before = memory_kib("VmRSS:");

  slow_reader reader;
  slow_start(&reader, &run, test_url(scheme, port, "/big"));
  while (reader.call != NULL) {
    slow_tick(&reader, &run);
  }
  long growth = memory_kib("VmHWM:") - before;
  slow_check(&reader);
  print_message("  %llu MiB in %u ticks, %ld KiB more memory, at most %llu KiB "
                "not taken\n",
                (unsigned long long)(reader.got >> 20), reader.ticks, growth,
                (unsigned long long)(reader.outstanding_max >> 10));
  /* What was there at the end did not have to be taken. */
  assert_true(reader.ticks >= (big_bytes - 2 * WINDOW) / TAKEN_A_TICK);
  if (is_measured) {
    assert_true(growth < GROWTH_KIB_MAX);
  }
  client_run_close(&run);
}

static void http1_is_held_back(void **state)
{
  (void)state;
  download_slowly("http", server.http, AHTTP_HTTP_1_1, AHTTP_VERSION_1_1);
}

static void http1_over_tls_is_held_back(void **state)
{
  (void)state;
  download_slowly("https", server.https, AHTTP_HTTP_1_1, AHTTP_VERSION_1_1);
}

static void http2_is_held_back(void **state)
{
  (void)state;
  download_slowly("https", server.h2, AHTTP_HTTP_AUTO, AHTTP_VERSION_2);
}

/* --- The neighbours. ----------------------------------------------------- */

typedef struct neighbours {
  client_run run;
  slow_reader reader;
  const char *url;
} neighbours;

/* Fetches |count| small files one after the other; the turns of the loop that
 * took.  With |takes| the reader takes something in each. */
static unsigned fetch_quickly(neighbours *all, unsigned count, bool takes)
{
  unsigned turns = 0;
  for (unsigned i = 0; i < count; i++) {
    call_record quick = {0};
    client_run_start(&all->run, &quick, "GET", all->url, NULL);
    while (quick.call != NULL) {
      if (takes) {
        slow_take(&all->reader);
      }
      (void)uv_run(&all->run.loop, UV_RUN_ONCE);
      turns++;
    }
    assert_int_equal(quick.code, AHTTP_OK);
    assert_int_equal(quick.content_len, nginx_file_sizes[2]);
    assert_int_equal(quick.info.conn_id, 1);
    call_record_clear(&quick);
  }
  return turns;
}

/* Next to a reader that takes nothing, small requests need as many turns as
 * alone; next to one that takes what it can, they get their share of
 * each turn, long before the big body is through. */
static void slow_stream_slows_no_other(void **state)
{
  (void)state;
  neighbours all;
  client_run_open_for(&all.run, server.ca_file, AHTTP_HTTP_AUTO);
  char url[256];
  (void)snprintf(url, sizeof(url), "%s", test_url("https", server.h2, "/f/2"));
  all.url = url;
  (void)fetch_quickly(&all, 1, false);
  unsigned alone = fetch_quickly(&all, QUICK_CALLS, false);

  slow_start(&all.reader, &all.run, test_url("https", server.h2, "/big"));
  while (all.reader.got < WINDOW) {
    (void)uv_run(&all.run.loop, UV_RUN_ONCE);
  }
  unsigned beside_stopped = fetch_quickly(&all, QUICK_CALLS, false);
  assert_int_equal(all.reader.got, WINDOW);

  unsigned beside_slow = fetch_quickly(&all, QUICK_CALLS, true);
  assert_non_null(all.reader.call);
  print_message("  %d requests in %u turns alone, %u beside a stopped reader, "
                "%u beside a slow one that took %llu MiB meanwhile\n",
                QUICK_CALLS, alone, beside_stopped, beside_slow,
                (unsigned long long)(all.reader.taken >> 20));
  /* Two or three turns each, as the bytes happen to arrive. */
  assert_in_range(beside_stopped, QUICK_CALLS, 2 * alone);
  assert_in_range(beside_slow, QUICK_CALLS, QUICK_CALLS * QUICK_TURNS_MAX);
  ahttp_call_cancel(all.reader.call);
  while (all.reader.call != NULL) {
    (void)uv_run(&all.run.loop, UV_RUN_ONCE);
  }
  assert_int_equal(all.reader.code, AHTTP_ECANCELED);
  assert_int_equal(client_run_stats(&all.run).conns_made, 1);
  client_run_close(&all.run);
}

/* --- The server. --------------------------------------------------------- */

/* A file without blocks: all zeros, and no room on the disk. */
static void make_big_file(void)
{
  char path[400];
  (void)snprintf(path, sizeof(path), "%s/www/big", server_dir());
  int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  assert_true(fd >= 0);
  assert_int_equal(ftruncate(fd, (off_t)big_bytes), 0);
  (void)close(fd);
}

static int open_server(void **state)
{
  (void)state;
  is_measured = !IS_SANITIZED && !is_under_valgrind();
  big_bytes = is_measured ? BIG_BYTES : SMALL_BIG_BYTES;
  if (!is_measured) {
    print_message("instrumented: %llu MiB instead of %d\n",
                  (unsigned long long)(big_bytes >> 20), BIG_BYTES >> 20);
  }
  nginx_open(&server);
  make_big_file();
  return 0;
}

static int close_server(void **state)
{
  (void)state;
  nginx_close(&server);
  return 0;
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(http1_is_held_back),
      cmocka_unit_test(http1_over_tls_is_held_back),
      cmocka_unit_test(http2_is_held_back),
      cmocka_unit_test(slow_stream_slows_no_other),
  };
  return cmocka_run_group_tests(tests, open_server, close_server);
}
