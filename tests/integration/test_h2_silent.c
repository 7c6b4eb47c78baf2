/* SPDX-License-Identifier: MIT */
/* The whole library against an HTTP/2 server that takes everything and answers
 * nothing any more, not even a PING. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <ahttp/ahttp.h>

#include "support/client_run.h"
#include "support/client_turns.h"
#include "support/h2_script.h"

/* Of requests that wait in vain; others have the default. */
enum {
  READ_MS = 100
};

static const h2_step serves[] = {H2_DO_SETTINGS, H2_DO(H2_SERVE)};

static void open_run(client_run *run)
{
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.http = AHTTP_HTTP_2_PRIOR_KNOWLEDGE;
  client_run_open(run, &opts);
}

static void get(client_run *run, const h2_script *peer, call_record *record)
{
  client_run_get(run, record, test_url("http", h2_script_port(peer), "/"));
  assert_int_equal(record->dones, 1);
}

/* The server is silent. */
static void get_nothing(client_run *run, const h2_script *peer,
                        call_record *record)
{
  ahttp_send_opts opts = AHTTP_SEND_OPTS_INIT;
  opts.read_ms = READ_MS;
  client_run_start(run, record, "GET",
                   test_url("http", h2_script_port(peer), "/"), &opts);
  client_run_until_done(run, record);
  assert_int_equal(record->code, AHTTP_ETIMEOUT_READ);
}

static void check_hello(call_record *record, uint64_t conn_id)
{
  assert_string_equal(record->error.text, "");
  assert_string_equal(record->content, "hello");
  assert_int_equal(record->info.conn_id, conn_id);
  call_record_clear(record);
}

/* One request waits in vain, the next one does not, although there may be only
 * one HTTP/2 connection to an origin. */
static void silent_connection_gets_no_second_request(void **state)
{
  (void)state;
  static const h2_step falls_silent[] = {H2_DO_SETTINGS,
                                         H2_DO_EXPECT(H2_HEADERS), H2_DO_HEAD,
                                         H2_DO_HELLO, H2_DO(H2_HOLD)};
  const h2_step *const scripts[] = {falls_silent, serves};
  h2_script *peer = h2_script_start(scripts, 2);
  client_run run;
  open_run(&run);
  call_record record = {0};
  get(&run, peer, &record);
  check_hello(&record, 1);
  get_nothing(&run, peer, &record);
  assert_int_equal(record.info.conn_id, 1);
  call_record_clear(&record);
  for (int i = 0; i < 3; i++) {
    get(&run, peer, &record);
    check_hello(&record, 2);
  }
  assert_int_equal(h2_script_accepted(peer), 2);
  client_run_close(&run);
  h2_script_stop(peer);
}

/* What is under way on the other streams ends when the PING is given up. */
static void silent_connection_is_closed_in_the_end(void **state)
{
  (void)state;
  static const h2_step holds[] = {H2_DO_SETTINGS, H2_DO_EXPECT(H2_HEADERS),
                                  H2_DO(H2_HOLD)};
  const h2_step *const scripts[] = {holds, serves};
  h2_script *peer = h2_script_start(scripts, 2);
  client_run run;
  open_run(&run);
  ahttp_send_opts patient = AHTTP_SEND_OPTS_INIT;
  patient.read_ms = AHTTP_NO_LIMIT;
  call_record other = {0};
  client_run_start(&run, &other, "GET",
                   test_url("http", h2_script_port(peer), "/"), &patient);
  call_record record = {0};
  get_nothing(&run, peer, &record);
  call_record_clear(&record);
  client_run_wait(&run);
  assert_int_equal(other.code, AHTTP_EREAD);
  assert_non_null(strstr(other.error.text, "PING"));
  call_record_clear(&other);
  get(&run, peer, &record);
  check_hello(&record, 2);
  client_run_close(&run);
  h2_script_stop(peer);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(silent_connection_gets_no_second_request),
      cmocka_unit_test(silent_connection_is_closed_in_the_end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
