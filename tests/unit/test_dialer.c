/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <uv.h>

#include <ahttp/error.h>

#include "base/str.h"
#include "net/dialer.h"
#include "support/dns_peer.h"
#include "support/test_alloc.h"

enum {
  /* Fills the backlog of a listener that accepts nothing. */
  STUFFING_MAX = 16
};

/* Listens on an address and never accepts by itself. */
typedef struct listener {
  int fd;
  uint16_t port;
  int stuffing[STUFFING_MAX]; /* connections that fill the backlog */
  size_t stuffing_count;
} listener;

typedef struct fixture {
  ah_loop *loop;
  uv_loop_t *uv;
  ah_resolver *resolver;
  dns_peer *peer;
  int fd_count; /* before anything was opened */
} fixture;

/* What a dial came to. */
typedef struct outcome {
  bool done;
  ah_stream *stream;
  uint64_t resolved_ns;
  ahttp_error err;
  char remote[AH_ADDRESS_TEXT_BYTES];
} outcome;

static int count_fds(void)
{
  DIR *dir = opendir("/proc/self/fd");
  assert_non_null(dir);
  int count = 0;
  while (readdir(dir) != NULL) {
    count++;
  }
  closedir(dir);
  return count;
}

static void note_true(void *arg)
{
  bool *flag = arg;
  *flag = true;
}

static void run_until(fixture *fix, const bool *flag)
{
  ah_loop_hold(fix->loop);
  while (!*flag) {
    uv_run(fix->uv, UV_RUN_ONCE);
  }
  ah_loop_drop(fix->loop);
}

static void turn(fixture *fix)
{
  ah_loop_hold(fix->loop);
  uv_run(fix->uv, UV_RUN_NOWAIT);
  ah_loop_drop(fix->loop);
}

static void resolver_make(fixture *fix, const ahttp_resolve_entry *entries,
                          size_t count)
{
  ah_resolver_opts opts = {.servers = dns_peer_server(fix->peer),
                           .entries = entries,
                           .entry_count = count,
                           .hosts_path = "/dev/null",
                           .resolv_path = "/dev/null"};
  assert_int_equal(ah_resolver_new(&fix->resolver, fix->loop, &opts), AHTTP_OK);
}

static void resolver_end(fixture *fix)
{
  bool is_closed = false;
  ah_resolver_close(fix->resolver, note_true, &is_closed);
  run_until(fix, &is_closed);
}

/* Has |host| resolve to |addresses|, without DNS. */
static void resolve(fixture *fix, const char *host, const char *addresses)
{
  ahttp_resolve_entry entry = {.host = host, .addresses = addresses};
  resolver_end(fix);
  resolver_make(fix, &entry, 1);
}

static int set_up(void **state)
{
  static fixture fix;
  memset(&fix, 0, sizeof(fix));
  uv_loop_t first; /* what libuv opens once for the process is not counted */
  assert_int_equal(uv_loop_init(&first), 0);
  assert_int_equal(uv_loop_close(&first), 0);
  fix.fd_count = count_fds();
  assert_int_equal(ah_loop_new(&fix.loop, NULL), AHTTP_OK);
  fix.uv = ah_loop_uv(fix.loop);
  fix.peer = dns_peer_start(fix.uv);
  resolver_make(&fix, NULL, 0);
  *state = &fix;
  return 0;
}

static int tear_down(void **state)
{
  fixture *fix = *state;
  resolver_end(fix);
  dns_peer_stop(fix->peer);
  bool is_closed = false;
  ah_loop_close(fix->loop, note_true, &is_closed);
  uv_run(fix->uv, UV_RUN_DEFAULT);
  assert_true(is_closed);
  ah_loop_free_uv(fix->uv);
  assert_int_equal(count_fds(), fix->fd_count);
  return 0;
}

/* Listens on |text|, on |port| or a free one if that is 0; false if the port is
 * taken. */
static bool listener_try(listener *self, const char *text, uint16_t port,
                         int backlog)
{
  memset(self, 0, sizeof(*self));
  ah_address address;
  assert_true(ah_address_parse(&address, ah_str_from_c(text), port));
  self->fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_true(self->fd >= 0);
  int on = 1;
  if (address.any.sa_family == AF_INET6) {
    assert_int_equal(
        setsockopt(self->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)), 0);
  }
  if (bind(self->fd, &address.any, ah_address_len(&address)) != 0 ||
      listen(self->fd, backlog) != 0) {
    close(self->fd);
    return false;
  }
  socklen_t len = sizeof(address);
  assert_int_equal(getsockname(self->fd, &address.any, &len), 0);
  self->port = ah_address_port(&address);
  return true;
}

static void listener_open(listener *self, const char *text)
{
  assert_true(listener_try(self, text, 0, 16));
}

static void listener_close(listener *self)
{
  for (size_t i = 0; i < self->stuffing_count; i++) {
    close(self->stuffing[i]);
  }
  close(self->fd);
}

/* One and the same port on two addresses. */
static void listener_open_pair(listener *a, const char *a_text, int a_backlog,
                               listener *b, const char *b_text)
{
  for (int attempt = 0; attempt < 50; attempt++) {
    assert_true(listener_try(a, a_text, 0, a_backlog));
    if (listener_try(b, b_text, a->port, 16)) {
      return;
    }
    listener_close(a);
  }
  fail_msg("no port is free on both addresses");
}

/* Connects until the backlog is full: the kernel then drops what comes. */
static void listener_stuff(listener *self, const char *text)
{
  ah_address address;
  assert_true(ah_address_parse(&address, ah_str_from_c(text), self->port));
  for (size_t i = 0; i < STUFFING_MAX; i++) {
    int fd = socket(address.any.sa_family,
                    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    (void)connect(fd, &address.any, ah_address_len(&address));
    self->stuffing[self->stuffing_count++] = fd;
  }
}

/* A port of 127.0.0.1 and ::1 that nobody listens on. */
static uint16_t refusing_port(void)
{
  listener a;
  listener b;
  listener_open_pair(&a, "127.0.0.1", 1, &b, "::1");
  listener_close(&a);
  listener_close(&b);
  return a.port;
}

static void on_done(void *owner, ah_stream *stream, uint64_t resolved_ns,
                    const ahttp_error *err)
{
  outcome *self = owner;
  assert_false(self->done);
  assert_true((stream == NULL) != (err == NULL));
  self->done = true;
  self->stream = stream;
  self->resolved_ns = resolved_ns;
  if (err != NULL) {
    self->err = *err;
    return;
  }
  ah_stream_info info;
  memset(&info, 0, sizeof(info));
  stream->ops->info(stream, &info);
  snprintf(self->remote, sizeof(self->remote), "%s:%u", info.remote_address,
           (unsigned)info.remote_port);
}

static ah_dial *dial(fixture *fix, outcome *out, const char *host,
                     uint16_t port)
{
  memset(out, 0, sizeof(*out));
  ah_dial_opts opts = {.host = ah_str_from_c(host), .port = port};
  ah_dial *started;
  assert_int_equal(
      ah_dial_start(&started, fix->loop, fix->resolver, &opts, on_done, out),
      AHTTP_OK);
  assert_false(out->done); /* never from within */
  return started;
}

static void dial_and_wait(fixture *fix, outcome *out, const char *host,
                          uint16_t port)
{
  (void)dial(fix, out, host, port);
  run_until(fix, &out->done);
}

static ah_dial *dial_unix(fixture *fix, outcome *out, const char *path)
{
  memset(out, 0, sizeof(*out));
  ah_dial_opts opts = {.host = ah_str_from_c("ignored.test"),
                       .port = 80,
                       .unix_path = ah_str_from_c(path)};
  ah_dial *started;
  assert_int_equal(
      ah_dial_start(&started, fix->loop, fix->resolver, &opts, on_done, out),
      AHTTP_OK);
  assert_false(out->done);
  return started;
}

static void outcome_close(outcome *out)
{
  assert_non_null(out->stream);
  out->stream->ops->close(out->stream);
}

static void expect_remote(const outcome *out, const char *address,
                          uint16_t port)
{
  char expected[AH_ADDRESS_TEXT_BYTES];
  snprintf(expected, sizeof(expected), "%s:%u", address, (unsigned)port);
  assert_string_equal(out->remote, expected);
}

static uint64_t since_ms(fixture *fix, uint64_t start_ns)
{
  return (ah_loop_now_ns(fix->loop) - start_ns) / 1000000;
}

/* How long the shortest of a few dials took: a busy machine slows some of them
 * down, but not all.  Each asks the name server anew. */
static uint64_t shortest_dial_ms(fixture *fix, const char *host,
                                 const listener *server, const char *address)
{
  uint64_t shortest = UINT64_MAX;
  for (int i = 0; i < 5; i++) {
    resolver_end(fix);
    resolver_make(fix, NULL, 0);
    outcome out;
    uint64_t start = ah_loop_now_ns(fix->loop);
    dial_and_wait(fix, &out, host, server->port);
    uint64_t took = since_ms(fix, start);
    shortest = took < shortest ? took : shortest;
    expect_remote(&out, address, server->port);
    outcome_close(&out);
  }
  return shortest;
}

/* --- Connecting --- */

static void dial_connects_to_an_address(void **state)
{
  fixture *fix = *state;
  static const char *const addresses[] = {"127.0.0.1", "::1"};
  for (size_t i = 0; i < 2; i++) {
    listener server;
    listener_open(&server, addresses[i]);
    outcome out;
    uint64_t start = ah_loop_now_ns(fix->loop);
    dial_and_wait(fix, &out, addresses[i], server.port);
    expect_remote(&out, addresses[i], server.port);
    assert_true(out.resolved_ns >= start);
    assert_true(out.resolved_ns <= ah_loop_now_ns(fix->loop));
    outcome_close(&out);
    listener_close(&server);
  }
}

static void dial_asks_for_the_fixed_answer_of_an_address(void **state)
{
  fixture *fix = *state;
  listener server;
  listener_open(&server, "127.0.0.1");
  resolve(fix, "192.0.2.1", "127.0.0.1");
  outcome out = {0};
  dial_and_wait(fix, &out, "192.0.2.1", server.port);
  expect_remote(&out, "127.0.0.1", server.port);
  outcome_close(&out);
  listener_close(&server);
}

static void dial_prefers_ipv6(void **state)
{
  fixture *fix = *state;
  listener v4;
  listener v6;
  listener_open_pair(&v4, "127.0.0.1", 16, &v6, "::1");
  outcome out;
  dial_and_wait(fix, &out, "localhost", v4.port);
  expect_remote(&out, "::1", v6.port);
  outcome_close(&out);
  listener_close(&v4);
  listener_close(&v6);
}

static void dial_goes_on_at_once_after_a_refusal(void **state)
{
  fixture *fix = *state;
  listener server;
  do { /* a port that is not taken on ::1 */
    listener_open(&server, "127.0.0.1");
    listener other;
    if (listener_try(&other, "::1", server.port, 1)) {
      listener_close(&other);
      break;
    }
    listener_close(&server);
  } while (true);
  assert_true(shortest_dial_ms(fix, "localhost", &server, "127.0.0.1") < 200);
  listener_close(&server);
}

static void dial_tries_the_next_address_after_250_ms(void **state)
{
  fixture *fix = *state;
  listener hole;
  listener server;
  listener_open_pair(&hole, "127.0.0.2", 0, &server, "127.0.0.1");
  listener_stuff(&hole, "127.0.0.2");
  resolve(fix, "two.test", "127.0.0.2,127.0.0.1");
  outcome out;
  uint64_t start = ah_loop_now_ns(fix->loop);
  dial_and_wait(fix, &out, "two.test", server.port);
  assert_true(since_ms(fix, start) >= 249); /* cut to whole ms */
  expect_remote(&out, "127.0.0.1", server.port);
  outcome_close(&out);
  listener_close(&hole);
  listener_close(&server);
}

static void dial_takes_the_families_in_turn(void **state)
{
  fixture *fix = *state;
  uint16_t port = refusing_port();
  resolve(fix, "many.test",
          "127.0.0.1,127.0.0.2,127.0.0.3,::1,::ffff:127.0.0.4");
  outcome out;
  dial_and_wait(fix, &out, "many.test", port);
  char expected[sizeof(out.err.text)];
  snprintf(expected, sizeof(expected),
           "[::1]:%u: connection refused; 127.0.0.1:%u: connection refused; "
           "[::ffff:127.0.0.4]:%u: connection refused; "
           "127.0.0.2:%u: connection refused; "
           "127.0.0.3:%u: connection refused",
           port, port, port, port, port);
  assert_string_equal(out.err.text, expected);
  assert_int_equal(out.err.code, AHTTP_EREFUSED);
  assert_int_equal(out.err.phase, AHTTP_PHASE_CONNECT);
  assert_int_equal(out.err.domain, AHTTP_DOMAIN_OS);
  assert_int_equal(out.err.native, ECONNREFUSED);
}

static void dial_keeps_at_most_four_attempts_open(void **state)
{
  fixture *fix = *state;
  listener hole;
  assert_true(listener_try(&hole, "0.0.0.0", 0, 0));
  listener_stuff(&hole, "127.0.0.1");
  resolve(fix, "hole.test",
          "127.0.0.1,127.0.0.2,127.0.0.3,127.0.0.4,127.0.0.5,127.0.0.6");
  outcome out;
  uint64_t start = ah_loop_now_ns(fix->loop);
  ah_dial *started = dial(fix, &out, "hole.test", hole.port);
  ah_loop_hold(fix->loop);
  while (since_ms(fix, start) < 1100 && !out.done) {
    uv_run(fix->uv, UV_RUN_NOWAIT);
    usleep(1000); /* lends the processor to the other tests */
  }
  ah_loop_drop(fix->loop);
  ahttp_error err = {.code = AHTTP_ETIMEOUT_CONNECT};
  ah_dial_cancel(started, &err);
  char expected[sizeof(err.text)];
  snprintf(expected, sizeof(expected),
           "connecting to 127.0.0.1:%u, 127.0.0.2:%u, 127.0.0.3:%u, "
           "127.0.0.4:%u",
           hole.port, hole.port, hole.port, hole.port);
  assert_string_equal(err.text, expected);
  listener_close(&hole);
}

/* --- Resolving --- */

static void set(fixture *fix, const char *name, dns_answer v6, dns_answer v4)
{
  dns_peer_set(fix->peer, name, AF_INET6, &v6);
  dns_peer_set(fix->peer, name, AF_INET, &v4);
}

static void dial_gives_ipv6_answers_50_ms_of_delay(void **state)
{
  fixture *fix = *state;
  listener v4;
  listener v6;
  listener_open_pair(&v4, "127.0.0.1", 16, &v6, "::1");
  dns_answer a = {.addresses = "127.0.0.1", .ttl = 60};
  outcome out;

  set(fix, "soon.test",
      (dns_answer){.addresses = "::1", .ttl = 60, .delay_ms = 10}, a);
  dial_and_wait(fix, &out, "soon.test", v4.port);
  expect_remote(&out, "::1", v6.port);
  outcome_close(&out);

  set(fix, "late.test", (dns_answer){.drop = true}, a);
  uint64_t start = ah_loop_now_ns(fix->loop);
  dial_and_wait(fix, &out, "late.test", v4.port);
  assert_true(since_ms(fix, start) >= 49);
  expect_remote(&out, "127.0.0.1", v4.port);
  outcome_close(&out);

  listener_close(&v4);
  listener_close(&v6);
}

static void dial_does_not_wait_for_ipv4_answers(void **state)
{
  fixture *fix = *state;
  listener server;
  listener_open(&server, "::1");
  set(fix, "six.test", (dns_answer){.addresses = "::1", .ttl = 60},
      (dns_answer){.drop = true});
  assert_true(shortest_dial_ms(fix, "six.test", &server, "::1") < 49);
  listener_close(&server);
}

static void dial_uses_ipv4_at_once_if_there_is_no_ipv6(void **state)
{
  fixture *fix = *state;
  listener server;
  listener_open(&server, "127.0.0.1");
  set(fix, "four.test", (dns_answer){.ttl = 60},
      (dns_answer){.addresses = "127.0.0.1", .ttl = 60});
  assert_true(shortest_dial_ms(fix, "four.test", &server, "127.0.0.1") < 49);
  listener_close(&server);
}

static void dial_adds_addresses_that_arrive_later(void **state)
{
  fixture *fix = *state;
  listener server;
  listener_open(&server, "127.0.0.1");
  set(fix, "later.test", (dns_answer){.addresses = "ff02::1", .ttl = 60},
      (dns_answer){.addresses = "127.0.0.1", .ttl = 60, .delay_ms = 10});
  outcome out;
  dial_and_wait(fix, &out, "later.test", server.port);
  expect_remote(&out, "127.0.0.1", server.port);
  outcome_close(&out);
  listener_close(&server);
}

/* --- Failing --- */

static void dial_fails_with_the_most_telling_code(void **state)
{
  fixture *fix = *state;
  uint16_t port = refusing_port();
  outcome out;
  /* Multicast addresses cannot be reached by TCP; 255.255.255.255 is refused by
   * the kernel for another reason where there is a route. */
  dial_and_wait(fix, &out, "224.0.0.1", port);
  assert_int_equal(out.err.code, AHTTP_EUNREACHABLE);
  resolve(fix, "mixed.test", "127.0.0.1,224.0.0.1");
  dial_and_wait(fix, &out, "mixed.test", port);
  assert_int_equal(out.err.code, AHTTP_EREFUSED);
  assert_int_equal(out.err.native, ECONNREFUSED);
  assert_non_null(strstr(out.err.text, "; 224.0.0.1:"));
  resolve(fix, "missing.test", "127.0.0.1");
  resolver_end(fix);
  resolver_make(fix, NULL, 0);
  dial_and_wait(fix, &out, "missing.test", port);
  assert_int_equal(out.err.code, AHTTP_ENOTFOUND);
  assert_int_equal(out.err.phase, AHTTP_PHASE_DNS);
  assert_string_equal(out.err.text, "missing.test: domain name not found");
  assert_int_equal(out.resolved_ns, 0);
  set(fix, "half.test", (dns_answer){.rcode = DNS_SERVFAIL}, (dns_answer){0});
  dial_and_wait(fix, &out, "half.test", port);
  assert_int_equal(out.err.code, AHTTP_ERESOLVE);
  set(fix, "flah.test", (dns_answer){0}, (dns_answer){.rcode = DNS_SERVFAIL});
  dial_and_wait(fix, &out, "flah.test", port);
  assert_int_equal(out.err.code, AHTTP_ERESOLVE);
}

static void dial_cuts_a_text_that_is_too_long(void **state)
{
  fixture *fix = *state;
  char list[1024] = "";
  for (int i = 1; i <= 40; i++) {
    size_t len = strlen(list);
    snprintf(list + len, sizeof(list) - len, "127.0.0.%d,", i);
  }
  resolve(fix, "forty.test", list);
  outcome out;
  dial_and_wait(fix, &out, "forty.test", refusing_port());
  assert_int_equal(out.err.code, AHTTP_EREFUSED);
  assert_int_equal(strlen(out.err.text), sizeof(out.err.text) - 1);
}

/* --- Cancelling --- */

static void dial_can_be_canceled_while_resolving(void **state)
{
  fixture *fix = *state;
  set(fix, "slow.test", (dns_answer){.drop = true}, (dns_answer){.drop = true});
  for (int turns = 0; turns < 3; turns++) {
    outcome out;
    ah_dial *started = dial(fix, &out, "slow.test", 80);
    for (int i = 0; i < turns; i++) {
      turn(fix);
    }
    ahttp_error err = {.code = AHTTP_ETIMEOUT_CONNECT};
    ah_dial_cancel(started, &err);
    assert_int_equal(err.code, AHTTP_ETIMEOUT_CONNECT);
    assert_int_equal(err.phase, AHTTP_PHASE_DNS);
    assert_string_equal(err.text, "resolving slow.test");
    turn(fix);
    assert_false(out.done);
  }
}

static void dial_can_be_canceled_while_connecting(void **state)
{
  fixture *fix = *state;
  listener hole;
  assert_true(listener_try(&hole, "127.0.0.1", 0, 0));
  listener_stuff(&hole, "127.0.0.1");
  resolve(fix, "hole.test", "ff02::1,127.0.0.1");
  outcome out;
  ah_dial *started = dial(fix, &out, "hole.test", hole.port);
  turn(fix);
  turn(fix);
  assert_false(out.done);
  ahttp_error err = {.code = AHTTP_ETIMEOUT_CONNECT};
  ah_dial_cancel(started, &err);
  char expected[sizeof(err.text)];
  snprintf(expected, sizeof(expected),
           "connecting to 127.0.0.1:%u ([ff02::1]:%u: network is unreachable)",
           hole.port, hole.port);
  assert_string_equal(err.text, expected);
  assert_int_equal(err.phase, AHTTP_PHASE_CONNECT);
  turn(fix);
  assert_false(out.done);
  listener_close(&hole);
}

static void dial_can_be_canceled_when_its_outcome_is_not_told_yet(void **state)
{
  fixture *fix = *state;
  outcome out;
  ah_dial *started = dial_unix(fix, &out, "/nowhere/at/all");
  ah_dial_cancel(started, NULL);
  turn(fix);
  assert_false(out.done);

  /* And with a connected stream. */
  char path[] = "/tmp/test_dialer.XXXXXX";
  assert_non_null(mkdtemp(path));
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
  assert_int_equal(listen(fd, 1), 0);
  started = dial_unix(fix, &out, address.sun_path);
  ah_dial_cancel(started, NULL);
  turn(fix);
  assert_false(out.done);
  close(fd);
  unlink(address.sun_path);
  rmdir(path);
}

static void dial_can_be_canceled_after_any_number_of_turns(void **state)
{
  fixture *fix = *state;
  listener server;
  listener_open(&server, "127.0.0.1");
  set(fix, "any.test", (dns_answer){.addresses = "ff02::1", .ttl = 1},
      (dns_answer){.addresses = "127.0.0.1", .ttl = 1});
  bool is_over = false;
  for (int turns = 0; !is_over; turns++) {
    resolver_end(fix); /* with its cache */
    resolver_make(fix, NULL, 0);
    outcome out;
    ah_dial *started = dial(fix, &out, "any.test", server.port);
    for (int i = 0; i < turns && !out.done; i++) {
      turn(fix);
    }
    is_over = out.done;
    if (is_over) {
      outcome_close(&out);
    } else {
      ahttp_error err;
      ah_dial_cancel(started, &err);
    }
  }
  listener_close(&server);
}

/* --- Unix sockets --- */

typedef struct unix_server {
  char dir[32];
  char path[64];
  int fd;
} unix_server;

static void unix_server_open(unix_server *self, int backlog)
{
  strcpy(self->dir, "/tmp/test_dialer.XXXXXX");
  assert_non_null(mkdtemp(self->dir));
  snprintf(self->path, sizeof(self->path), "%s/s", self->dir);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof(address.sun_path), "%s", self->path);
  self->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_true(self->fd >= 0);
  assert_int_equal(bind(self->fd, (struct sockaddr *)&address, sizeof(address)),
                   0);
  assert_int_equal(listen(self->fd, backlog), 0);
}

static void unix_server_close(unix_server *self)
{
  close(self->fd);
  unlink(self->path);
  rmdir(self->dir);
}

static void dial_connects_to_a_unix_socket(void **state)
{
  fixture *fix = *state;
  unix_server server;
  unix_server_open(&server, 4);
  outcome out;
  (void)dial_unix(fix, &out, server.path);
  run_until(fix, &out.done);
  assert_non_null(out.stream);
  assert_string_equal(out.remote, ":0");
  assert_true(out.resolved_ns > 0);
  outcome_close(&out);
  unix_server_close(&server);
}

static void dial_waits_for_a_unix_socket_that_is_busy(void **state)
{
  fixture *fix = *state;
  unix_server server;
  unix_server_open(&server, 0);
  outcome first;
  (void)dial_unix(fix, &first, server.path);
  run_until(fix, &first.done);
  outcome second;
  (void)dial_unix(fix, &second, server.path);
  for (int i = 0; i < 10; i++) {
    turn(fix);
  }
  assert_false(second.done);
  int accepted = accept4(server.fd, NULL, NULL, SOCK_CLOEXEC);
  assert_true(accepted >= 0);
  run_until(fix, &second.done);
  assert_non_null(second.stream);
  outcome_close(&first);
  outcome_close(&second);
  close(accepted);
  unix_server_close(&server);
}

static void dial_says_why_a_unix_socket_cannot_be_reached(void **state)
{
  fixture *fix = *state;
  outcome out;
  (void)dial_unix(fix, &out, "/nowhere/socket");
  run_until(fix, &out.done);
  assert_int_equal(out.err.code, AHTTP_ECONNECT);
  assert_int_equal(out.err.native, ENOENT);
  assert_string_equal(out.err.text,
                      "/nowhere/socket: no such file or directory");
  char longest[256];
  memset(longest, 'x', sizeof(longest) - 1);
  longest[sizeof(longest) - 1] = '\0';
  (void)dial_unix(fix, &out, longest);
  run_until(fix, &out.done);
  assert_int_equal(out.err.native, ENAMETOOLONG);
}

/* --- Memory --- */

static int dial_once(void *arg)
{
  fixture *fix = arg;
  outcome out;
  memset(&out, 0, sizeof(out));
  ah_dial_opts opts = {.host = AH_STR("dial.test"), .port = 80};
  const ahttp_resolve_entry entry = {.host = "dial.test",
                                     .addresses = "127.0.0.1"};
  listener server;
  listener_open(&server, "127.0.0.1");
  opts.port = server.port;
  ah_resolver_opts resolver_opts = {.entries = &entry, .entry_count = 1};
  ah_resolver *resolver;
  int rv = ah_resolver_new(&resolver, fix->loop, &resolver_opts);
  if (rv == AHTTP_OK) {
    ah_dial *started;
    rv = ah_dial_start(&started, fix->loop, resolver, &opts, on_done, &out);
    if (rv == AHTTP_OK) {
      run_until(fix, &out.done);
      rv = out.err.code;
      if (out.stream != NULL) {
        outcome_close(&out);
      }
    }
    bool is_closed = false;
    ah_resolver_close(resolver, note_true, &is_closed);
    run_until(fix, &is_closed);
    turn(fix); /* closed sockets are freed */
    turn(fix);
  }
  listener_close(&server);
  return rv;
}

static void dial_survives_every_failed_allocation(void **state)
{
  test_alloc_fail_each(dial_once, *state);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      CASE(dial_connects_to_an_address),
      CASE(dial_asks_for_the_fixed_answer_of_an_address),
      CASE(dial_prefers_ipv6),
      CASE(dial_goes_on_at_once_after_a_refusal),
      CASE(dial_tries_the_next_address_after_250_ms),
      CASE(dial_takes_the_families_in_turn),
      CASE(dial_keeps_at_most_four_attempts_open),
      CASE(dial_gives_ipv6_answers_50_ms_of_delay),
      CASE(dial_does_not_wait_for_ipv4_answers),
      CASE(dial_uses_ipv4_at_once_if_there_is_no_ipv6),
      CASE(dial_adds_addresses_that_arrive_later),
      CASE(dial_fails_with_the_most_telling_code),
      CASE(dial_cuts_a_text_that_is_too_long),
      CASE(dial_can_be_canceled_while_resolving),
      CASE(dial_can_be_canceled_while_connecting),
      CASE(dial_can_be_canceled_when_its_outcome_is_not_told_yet),
      CASE(dial_can_be_canceled_after_any_number_of_turns),
      CASE(dial_connects_to_a_unix_socket),
      CASE(dial_waits_for_a_unix_socket_that_is_busy),
      CASE(dial_says_why_a_unix_socket_cannot_be_reached),
      CASE(dial_survives_every_failed_allocation),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
