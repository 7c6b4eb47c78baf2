/* SPDX-License-Identifier: MIT */
/* A client whose times go by a clock that the test moves. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <ahttp/ahttp.h>

#include "support/client_run.h"
#include "support/listener.h"
#include "support/test_alloc.h"

#define NS_PER_MS 1000000ULL

/* Says nothing to whoever connects. */
static void serve_silence(listener *from, int fd, unsigned index, void *arg)
{
  (void)fd;
  (void)index;
  (void)arg;
  listener_hold(from);
}

static ahttp_clock *new_clock(void)
{
  ahttp_clock *clock;
  assert_int_equal(ahttp_clock_new(&clock), AHTTP_OK);
  return clock;
}

static void open_run(client_run *run, ahttp_clock *clock)
{
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.clock = clock;
  client_run_open(run, &opts);
}

static ahttp_client_stats stats_of(const client_run *run)
{
  ahttp_client_stats stats = {.size = sizeof(stats)};
  ahttp_client_get_stats(run->client, &stats);
  return stats;
}

/* Turns the loop until a connection is open and its request written. */
static void turn_until_sent(client_run *run, const call_record *record)
{
  ahttp_call_info info = {.size = sizeof(info)};
  do {
    (void)uv_run(&run->loop, UV_RUN_NOWAIT);
    ahttp_call_get_info(record->call, &info);
  } while (info.phase < AHTTP_PHASE_WAIT);
}

static void read_timeout_comes_when_the_clock_is_moved(void **state)
{
  (void)state;
  const listener_opts server_opts = {.serve = serve_silence};
  listener *server = listener_start(&server_opts);
  ahttp_clock *clock = new_clock();
  client_run run;
  open_run(&run, clock);
  call_record record = {0};
  ahttp_send_opts send = AHTTP_SEND_OPTS_INIT;
  send.read_ms = 5000;
  client_run_start(&run, &record, "GET",
                   test_url("http", listener_port(server), "/"), &send);
  turn_until_sent(&run, &record);
  ahttp_clock_advance(clock, 4999);
  assert_int_equal(record.dones, 0);
  for (int i = 0; i < 3; i++) {
    (void)uv_run(&run.loop, UV_RUN_NOWAIT);
  }
  assert_int_equal(record.dones, 0);
  ahttp_clock_advance(clock, 1);
  client_run_wait(&run);
  assert_int_equal(record.code, AHTTP_ETIMEOUT_READ);
  assert_int_equal(record.info.wait_ns, 5000 * NS_PER_MS);
  assert_int_equal(record.info.total_ns, 5000 * NS_PER_MS);
  call_record_clear(&record);
  client_run_close(&run);
  ahttp_clock_free(clock);
  listener_stop(server);
}

static void total_timeout_goes_by_the_clock(void **state)
{
  (void)state;
  const listener_opts server_opts = {.serve = serve_silence};
  listener *server = listener_start(&server_opts);
  ahttp_clock *clock = new_clock();
  client_run run;
  open_run(&run, clock);
  call_record record = {0};
  ahttp_send_opts send = AHTTP_SEND_OPTS_INIT;
  send.total_ms = 3600 * 1000;
  send.read_ms = AHTTP_NO_LIMIT;
  client_run_start(&run, &record, "GET",
                   test_url("http", listener_port(server), "/"), &send);
  ahttp_clock_advance(clock, 3600 * 1000);
  client_run_wait(&run);
  assert_int_equal(record.code, AHTTP_ETIMEOUT_TOTAL);
  call_record_clear(&record);
  client_run_close(&run);
  ahttp_clock_free(clock);
  listener_stop(server);
}

/* Which of the attempts finds a listener. */
typedef struct late_server {
  ahttp_clock *clock;
  uint16_t port;
  int fd; /* bound from the start; listens from the third attempt on */
  unsigned attempts;
} late_server;

static int on_socket(int fd, const ahttp_socket_target *target, void *user_data)
{
  late_server *server = user_data;
  (void)fd;
  (void)target;
  server->attempts++;
  if (server->attempts == 3) {
    assert_int_equal(listen(server->fd, 4), 0);
  }
  return 0;
}

static void late_server_bind(late_server *server)
{
  struct sockaddr_in address = {.sin_family = AF_INET};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t len = sizeof(address);
  server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(bind(server->fd, (struct sockaddr *)&address, len), 0);
  assert_int_equal(getsockname(server->fd, (struct sockaddr *)&address, &len),
                   0);
  server->port = ntohs(address.sin_port);
}

/* Accepts a connection that is there and answers without reading. */
static int late_server_answer(const late_server *server)
{
  static const char text[] = "HTTP/1.1 204 No Content\r\n\r\n";
  int fd = accept(server->fd, NULL, NULL);
  assert_true(fd >= 0);
  assert_int_equal(send(fd, text, sizeof(text) - 1, MSG_NOSIGNAL),
                   sizeof(text) - 1);
  return fd;
}

/* Turns the loop until |server| has seen |attempts|. */
static void turn_until_tried(client_run *run, const late_server *server,
                             unsigned attempts)
{
  while (server->attempts < attempts) {
    (void)uv_run(&run->loop, UV_RUN_NOWAIT);
  }
}

static void open_late(client_run *run, late_server *server, ahttp_clock *clock,
                      uint32_t retries)
{
  ahttp_net_opts net = AHTTP_NET_OPTS_INIT;
  net.on_socket = on_socket;
  net.user_data = server;
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.clock = clock;
  opts.net = &net;
  opts.connect_retries = retries;
  client_run_open(run, &opts);
}

static void connect_is_retried_until_somebody_listens(void **state)
{
  (void)state;
  late_server server = {0};
  late_server_bind(&server);
  ahttp_clock *clock = new_clock();
  client_run run;
  open_late(&run, &server, clock, 2);
  call_record record = {0};
  client_run_start(&run, &record, "GET", test_url("http", server.port, "/"),
                   NULL);
  turn_until_tried(&run, &server, 2); /* the first repetition comes at once */
  /* The backoff begins when the refusal is noticed, a turn or two later. */
  uint32_t moved_ms = 0;
  while (server.attempts < 3) {
    ahttp_clock_advance(clock, 1);
    moved_ms++;
    (void)uv_run(&run.loop, UV_RUN_NOWAIT);
  }
  assert_in_range(moved_ms, 500, 600);
  int fd = late_server_answer(&server);
  client_run_wait(&run);
  assert_int_equal(record.code, AHTTP_OK);
  assert_int_equal(record.status, 204);
  assert_int_equal(record.info.connect_attempts, 3);
  assert_int_equal(record.info.attempts, 1);
  close(fd);
  close(server.fd);
  call_record_clear(&record);
  client_run_close(&run);
  ahttp_clock_free(clock);
}

static void send_may_do_without_the_clients_retries(void **state)
{
  (void)state;
  late_server server = {0};
  late_server_bind(&server);
  ahttp_clock *clock = new_clock();
  client_run run;
  open_late(&run, &server, clock, 2);
  call_record record = {0};
  ahttp_send_opts send = AHTTP_SEND_OPTS_INIT;
  send.connect_retries = AHTTP_NONE;
  client_run_start(&run, &record, "GET", test_url("http", server.port, "/"),
                   &send);
  client_run_wait(&run);
  assert_int_equal(record.code, AHTTP_EREFUSED);
  assert_int_equal(record.info.connect_attempts, 1);
  assert_int_equal(server.attempts, 1);
  close(server.fd);
  call_record_clear(&record);
  client_run_close(&run);
  ahttp_clock_free(clock);
}

static void call_ends_at_once_when_cancelled_during_the_backoff(void **state)
{
  (void)state;
  late_server server = {0};
  late_server_bind(&server);
  ahttp_clock *clock = new_clock();
  client_run run;
  open_late(&run, &server, clock, 5);
  call_record record = {0};
  client_run_start(&run, &record, "GET", test_url("http", server.port, "/"),
                   NULL);
  turn_until_tried(&run, &server, 2);
  ahttp_call_cancel(record.call);
  client_run_wait(&run);
  assert_int_equal(record.code, AHTTP_ECANCELED);
  assert_int_equal(stats_of(&run).conns_dialing, 0);
  ahttp_clock_advance(clock, 60 * 1000);
  (void)uv_run(&run.loop, UV_RUN_NOWAIT);
  assert_int_equal(server.attempts, 2);
  close(server.fd);
  call_record_clear(&record);
  client_run_close(&run);
  ahttp_clock_free(clock);
}

static void total_timeout_ends_the_retries(void **state)
{
  (void)state;
  late_server server = {0};
  late_server_bind(&server);
  ahttp_clock *clock = new_clock();
  client_run run;
  open_late(&run, &server, clock, 5);
  call_record record = {0};
  ahttp_send_opts send = AHTTP_SEND_OPTS_INIT;
  send.total_ms = 100;
  client_run_start(&run, &record, "GET", test_url("http", server.port, "/"),
                   &send);
  turn_until_tried(&run, &server, 2);
  ahttp_clock_advance(clock, 100);
  client_run_wait(&run);
  assert_int_equal(record.code, AHTTP_ETIMEOUT_TOTAL);
  close(server.fd);
  call_record_clear(&record);
  client_run_close(&run);
  ahttp_clock_free(clock);
}

static void advance_by_hours(void *arg)
{
  ahttp_clock_advance(arg, 10 * 3600 * 1000);
}

/* The clock wakes the thread that waits, from another one. */
static void blocking_call_times_out_by_another_threads_hand(void **state)
{
  (void)state;
  ahttp_clock *clock = new_clock();
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.clock = clock;
  ahttp_client *client;
  assert_int_equal(ahttp_client_new(&client, &opts), AHTTP_OK);
  const listener_opts server_opts = {.serve = serve_silence};
  listener *server = listener_start(&server_opts);

  ahttp_request *request;
  assert_int_equal(
      ahttp_request_new(&request, "GET",
                        test_url("http", listener_port(server), "/")),
      AHTTP_OK);
  ahttp_send_opts send = AHTTP_SEND_OPTS_INIT;
  send.total_ms = 10 * 3600 * 1000;
  send.read_ms = AHTTP_NO_LIMIT;
  ahttp_future *future = ahttp_submit(client, request, &send);
  assert_non_null(future);
  /* A wait has its limit in real time. */
  assert_int_equal(ahttp_future_wait(future, 20), AHTTP_ETIMEOUT_WAIT);
  uv_thread_t hand;
  assert_int_equal(uv_thread_create(&hand, advance_by_hours, clock), 0);
  assert_int_equal(ahttp_future_wait(future, UINT32_MAX), AHTTP_OK);
  assert_int_equal(uv_thread_join(&hand), 0);
  ahttp_response *response = NULL;
  ahttp_error err;
  assert_int_equal(ahttp_future_take(future, &response, &err),
                   AHTTP_ETIMEOUT_TOTAL);
  ahttp_future_free(future);
  ahttp_request_free(request);
  ahttp_client_free(client);
  ahttp_clock_free(clock);
  listener_stop(server);
}

static void one_clock_serves_several_clients(void **state)
{
  (void)state;
  ahttp_clock *clock = new_clock();
  uint64_t before = ahttp_clock_now_ns(clock);
  assert_true(before > 0);
  client_run a;
  client_run b;
  open_run(&a, clock);
  open_run(&b, clock);
  ahttp_clock_advance(clock, 7);
  client_run_close(&a);
  ahttp_clock_advance(clock, 8);
  client_run_close(&b);
  assert_int_equal(ahttp_clock_now_ns(clock) - before, 15 * NS_PER_MS);
  ahttp_clock_free(clock);
  ahttp_clock_free(NULL);
}

static void no_clock_is_the_systems(void **state)
{
  (void)state;
  uint64_t before = ahttp_clock_now_ns(NULL);
  assert_true(before > 0 && ahttp_clock_now_ns(NULL) >= before);
}

static int make_clock(void *arg)
{
  (void)arg;
  ahttp_clock *clock;
  int rv = ahttp_clock_new(&clock);
  ahttp_clock_free(clock);
  return rv;
}

static void clock_survives_every_failed_allocation(void **state)
{
  (void)state;
  test_alloc_fail_each(make_clock, NULL);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(clock_survives_every_failed_allocation),
      cmocka_unit_test(read_timeout_comes_when_the_clock_is_moved),
      cmocka_unit_test(total_timeout_goes_by_the_clock),
      cmocka_unit_test(connect_is_retried_until_somebody_listens),
      cmocka_unit_test(send_may_do_without_the_clients_retries),
      cmocka_unit_test(call_ends_at_once_when_cancelled_during_the_backoff),
      cmocka_unit_test(total_timeout_ends_the_retries),
      cmocka_unit_test(blocking_call_times_out_by_another_threads_hand),
      cmocka_unit_test(one_clock_serves_several_clients),
      cmocka_unit_test(no_clock_is_the_systems),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
