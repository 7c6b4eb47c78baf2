/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "support/client_turns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/pattern.h"

enum {
  /* Valgrind on two busy cores took up to 5 s for what is awaited here. */
  AWAIT_MS_MAX = 20000,
  /* How often is looked at what no event of the loop tells. */
  LOOK_MS = 5
};

void client_run_open_for(client_run *run, const char *ca_file,
                         ahttp_http_policy http)
{
  ahttp_tls_opts tls = {.size = sizeof(tls), .ca_file = ca_file};
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.tls = &tls;
  opts.http = http;
  client_run_open(run, &opts);
}

ahttp_client_stats client_run_stats(const client_run *run)
{
  ahttp_client_stats stats = {.size = sizeof(stats)};
  ahttp_client_get_stats(run->client, &stats);
  return stats;
}

void client_run_turn(client_run *run, unsigned count)
{
  for (unsigned i = 0; i < count; i++) {
    (void)uv_run(&run->loop, UV_RUN_NOWAIT);
  }
}

static void look_on_timer(uv_timer_t *timer)
{
  *(unsigned *)timer->data += 1;
}

/* The timer also keeps the loop waiting for events when no call is active. */
void client_run_turn_until(client_run *run, bool (*is_true)(void *arg),
                           void *arg)
{
  unsigned looks = 0;
  uv_timer_t look;
  assert_int_equal(uv_timer_init(&run->loop, &look), 0);
  look.data = &looks;
  assert_int_equal(uv_timer_start(&look, look_on_timer, LOOK_MS, LOOK_MS), 0);
  bool was_true = is_true(arg);
  while (!was_true && looks < AWAIT_MS_MAX / LOOK_MS) {
    (void)uv_run(&run->loop, UV_RUN_ONCE);
    was_true = is_true(arg);
  }
  uv_close((uv_handle_t *)&look, NULL);
  (void)uv_run(&run->loop, UV_RUN_NOWAIT);
  assert_true(was_true);
}

typedef struct conns_awaited {
  const client_run *run;
  uint64_t count;
} conns_awaited;

static bool conns_are_there(void *arg)
{
  const conns_awaited *awaited = arg;
  return client_run_stats(awaited->run).conns_open == awaited->count;
}

void client_run_until_conns(client_run *run, uint64_t count)
{
  conns_awaited awaited = {.run = run, .count = count};
  client_run_turn_until(run, conns_are_there, &awaited);
}

static bool record_is_done(void *arg)
{
  const call_record *record = arg;
  return record->dones > 0;
}

void client_run_until_done(client_run *run, call_record *record)
{
  client_run_turn_until(run, record_is_done, record);
}

typedef struct content_awaited {
  const call_record *record;
  size_t len;
} content_awaited;

static bool content_is_there(void *arg)
{
  const content_awaited *awaited = arg;
  return awaited->record->content_len >= awaited->len ||
         awaited->record->dones > 0;
}

void client_run_until_content(client_run *run, call_record *record, size_t len)
{
  content_awaited awaited = {.record = record, .len = len};
  client_run_turn_until(run, content_is_there, &awaited);
}

call_record *client_run_start_many(client_run *run, const char *url,
                                   size_t count)
{
  call_record *records = calloc(count, sizeof(*records));
  assert_non_null(records);
  for (size_t i = 0; i < count; i++) {
    client_run_start(run, &records[i], "GET", url, NULL);
  }
  return records;
}

void call_record_check_pattern(call_record *record, int status, size_t len)
{
  assert_string_equal(record->error.text, "");
  assert_int_equal(record->code, AHTTP_OK);
  assert_int_equal(record->dones, 1);
  assert_int_equal(record->status, status);
  assert_int_equal(record->content_len, len);
  assert_true(len == 0 || pattern_matches(record->content, len));
  call_record_clear(record);
}

void call_records_check_pattern(call_record *records, size_t count, size_t len)
{
  for (size_t i = 0; i < count; i++) {
    call_record_check_pattern(&records[i], 200, len);
  }
  free(records);
}
