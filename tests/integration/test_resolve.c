/* SPDX-License-Identifier: MIT */
/* The whole library and names: fixed answers, a name server, localhost, and
 * what happens when some or all addresses of a name do not answer. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <ahttp/ahttp.h>

#include "support/client_run.h"
#include "support/client_turns.h"
#include "support/cut_proxy.h"
#include "support/dns_peer.h"
#include "support/raw_peer.h"
#include "support/server_process.h"

#define OK_HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

static const raw_step answers[] = {
    {RAW_EXPECT_HEAD, NULL, 0}, RAW_SEND_TEXT(OK_HELLO), {RAW_HOLD, NULL, 0}};

/* A client whose resolver asks |names|, on the same loop. */
typedef struct named_run {
  client_run run;
  dns_peer *names;
} named_run;

static void named_open(named_run *named, ahttp_client_opts *opts)
{
  memset(named, 0, sizeof(*named));
  assert_int_equal(uv_loop_init(&named->run.loop), 0);
  named->names = dns_peer_start(&named->run.loop);
  opts->loop = &named->run.loop;
  opts->dns_servers = dns_peer_server(named->names);
  assert_int_equal(ahttp_client_new(&named->run.client, opts), AHTTP_OK);
}

static void named_open_plain(named_run *named)
{
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  named_open(named, &opts);
}

static void named_close(named_run *named)
{
  dns_peer_stop(named->names);
  client_run_close(&named->run);
}

/* Some containers have no IPv6, not even ::1. */
static bool has_ipv6(void)
{
  const struct sockaddr_in6 addr = {.sin6_family = AF_INET6,
                                    .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bool has =
      fd >= 0 && bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0;
  (void)close(fd);
  return has;
}

static const char *host_url(const char *host, uint16_t port)
{
  static char url[300];
  (void)snprintf(url, sizeof(url), "http://%s:%u/", host, (unsigned)port);
  return url;
}

static void check_hello(call_record *record)
{
  assert_string_equal(record->error.text, "");
  assert_int_equal(record->status, 200);
  assert_string_equal(record->content, "hello");
  call_record_clear(record);
}

static void assert_text(const call_record *record, const char *part)
{
  if (strstr(record->error.text, part) == NULL) {
    fail_msg("\"%s\" is not in \"%s\"", part, record->error.text);
  }
}

/* --- Fixed answers. ------------------------------------------------------ */

static void fixed_answers_come_before_any_server(void **state)
{
  (void)state;
  raw_peer *peer = raw_peer_start_one(answers);
  const ahttp_resolve_entry entries[] = {
      {.host = "one.test", .addresses = "127.0.0.1"},
      {.host = "two.test",
       .port = raw_peer_port(peer),
       .addresses = "127.0.0.1"},
      {.host = "two.test", .port = 1, .addresses = "127.0.0.77"},
  };
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.resolve = entries;
  opts.resolve_count = sizeof(entries) / sizeof(entries[0]);
  named_run named;
  named_open(&named, &opts);
  static const char *const hosts[] = {"one.test", "TWO.test"};
  for (size_t i = 0; i < 2; i++) {
    call_record record = {0};
    client_run_get(&named.run, &record,
                   host_url(hosts[i], raw_peer_port(peer)));
    check_hello(&record);
  }
  assert_int_equal(dns_peer_asked(named.names, "one.test", AF_INET), 0);
  call_record record = {0};
  client_run_get(&named.run, &record, "http://two.test:1/");
  assert_int_equal(record.code, AHTTP_EREFUSED);
  assert_text(&record, "127.0.0.77:1");
  named_close(&named);
  raw_peer_stop(peer);
}

static void star_answers_for_every_name(void **state)
{
  (void)state;
  raw_peer *peer = raw_peer_start_one(answers);
  const ahttp_resolve_entry entry = {.host = "*", .addresses = "127.0.0.1"};
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.resolve = &entry;
  opts.resolve_count = 1;
  client_run run;
  client_run_open(&run, &opts);
  call_record record = {0};
  client_run_get(&run, &record,
                 host_url("any.name.example", raw_peer_port(peer)));
  check_hello(&record);
  client_run_close(&run);
  raw_peer_stop(peer);
}

/* --- A name server. ------------------------------------------------------ */

static void name_server_is_asked_once(void **state)
{
  (void)state;
  raw_peer *peer = raw_peer_start_one(answers);
  named_run named;
  named_open_plain(&named);
  const dns_answer answer = {.addresses = "127.0.0.1", .ttl = 60};
  dns_peer_set(named.names, "www.test", AF_INET, &answer);
  const dns_answer none = {.ttl = 60};
  dns_peer_set(named.names, "www.test", AF_INET6, &none);
  enum {
    CALLS = 5
  };
  call_record records[CALLS] = {{.action = RECORD_NOTHING}};
  for (int i = 0; i < CALLS; i++) {
    client_run_start(&named.run, &records[i], "GET",
                     host_url("www.test", raw_peer_port(peer)), NULL);
  }
  client_run_wait(&named.run);
  for (int i = 0; i < CALLS; i++) {
    check_hello(&records[i]);
  }
  assert_int_equal(dns_peer_asked(named.names, "www.test", AF_INET), 1);
  assert_int_equal(dns_peer_asked(named.names, "www.test", AF_INET6), 1);
  named_close(&named);
  raw_peer_stop(peer);
}

static void unknown_name_is_not_found(void **state)
{
  (void)state;
  named_run named;
  named_open_plain(&named);
  enum {
    CALLS = 3
  };
  call_record records[CALLS] = {{.action = RECORD_NOTHING}};
  for (int i = 0; i < CALLS; i++) {
    client_run_start(&named.run, &records[i], "GET", "http://nowhere.test/",
                     NULL);
  }
  client_run_wait(&named.run);
  for (int i = 0; i < CALLS; i++) {
    assert_int_equal(records[i].dones, 1);
    assert_int_equal(records[i].code, AHTTP_ENOTFOUND);
    assert_int_equal(records[i].error.phase, AHTTP_PHASE_DNS);
    assert_int_equal(records[i].error.domain, AHTTP_DOMAIN_DNS);
    assert_text(&records[i], "nowhere.test");
  }
  named_close(&named);
}

static void name_server_in_trouble_is_an_error(void **state)
{
  (void)state;
  named_run named;
  named_open_plain(&named);
  const dns_answer trouble = {.rcode = DNS_SERVFAIL};
  dns_peer_set(named.names, "www.test", AF_INET, &trouble);
  dns_peer_set(named.names, "www.test", AF_INET6, &trouble);
  call_record record = {0};
  client_run_get(&named.run, &record, "http://www.test/");
  assert_int_equal(record.code, AHTTP_ERESOLVE);
  assert_int_equal(record.error.phase, AHTTP_PHASE_DNS);
  named_close(&named);
}

static void silent_name_server_is_a_connect_timeout(void **state)
{
  (void)state;
  named_run named;
  named_open_plain(&named);
  const dns_answer silence = {.drop = true};
  dns_peer_set(named.names, "www.test", AF_INET, &silence);
  dns_peer_set(named.names, "www.test", AF_INET6, &silence);
  ahttp_send_opts opts = AHTTP_SEND_OPTS_INIT;
  opts.connect_ms = 100;
  call_record record = {0};
  client_run_start(&named.run, &record, "GET", "http://www.test/", &opts);
  client_run_wait(&named.run);
  assert_int_equal(record.code, AHTTP_ETIMEOUT_CONNECT);
  assert_int_equal(record.error.phase, AHTTP_PHASE_DNS);
  assert_text(&record, "www.test");
  named_close(&named);
}

static void cancel_while_resolving_leaves_nothing(void **state)
{
  (void)state;
  for (unsigned turns = 0; turns < 5; turns++) {
    named_run named;
    named_open_plain(&named);
    const dns_answer silence = {.drop = true};
    dns_peer_set(named.names, "www.test", AF_INET, &silence);
    dns_peer_set(named.names, "www.test", AF_INET6, &silence);
    call_record record = {0};
    client_run_start(&named.run, &record, "GET", "http://www.test/", NULL);
    client_run_turn(&named.run, turns);
    ahttp_call_cancel(record.call);
    client_run_wait(&named.run);
    assert_int_equal(record.code, AHTTP_ECANCELED);
    assert_int_equal(client_run_stats(&named.run).conns_dialing, 0);
    named_close(&named);
  }
}

static void name_server_that_is_no_address_is_refused(void **state)
{
  (void)state;
  ahttp_client_opts opts = AHTTP_CLIENT_OPTS_INIT;
  opts.dns_servers = "not an address";
  ahttp_client *client;
  assert_int_equal(ahttp_client_new(&client, &opts), AHTTP_EINVAL);
  assert_null(client);
}

/* --- Several addresses. -------------------------------------------------- */

/* Nobody listens on the port but on the last address. */
static void refused_addresses_are_passed_over(void **state)
{
  (void)state;
  raw_peer *peer = raw_peer_start_one(answers);
  named_run named;
  named_open_plain(&named);
  const dns_answer v4 = {.addresses = "127.0.0.2,127.0.0.3,127.0.0.1"};
  const dns_answer v6 = {.addresses = "::1"};
  dns_peer_set(named.names, "www.test", AF_INET, &v4);
  dns_peer_set(named.names, "www.test", AF_INET6, &v6);
  call_record record = {0};
  client_run_get(&named.run, &record,
                 host_url("www.test", raw_peer_port(peer)));
  check_hello(&record);
  named_close(&named);
  raw_peer_stop(peer);
}

static void every_refused_address_is_named(void **state)
{
  (void)state;
  named_run named;
  named_open_plain(&named);
  const dns_answer v4 = {.addresses = "127.0.0.2,127.0.0.3"};
  const dns_answer v6 = {.addresses = has_ipv6() ? "::1" : NULL};
  dns_peer_set(named.names, "www.test", AF_INET, &v4);
  dns_peer_set(named.names, "www.test", AF_INET6, &v6);
  uint16_t port = server_free_port();
  call_record record = {0};
  client_run_get(&named.run, &record, host_url("www.test", port));
  assert_int_equal(record.code, AHTTP_EREFUSED);
  char address[32];
  (void)snprintf(address, sizeof(address), "127.0.0.2:%u", (unsigned)port);
  assert_text(&record, address);
  (void)snprintf(address, sizeof(address), "127.0.0.3:%u", (unsigned)port);
  assert_text(&record, address);
  (void)snprintf(address, sizeof(address), "[::1]:%u", (unsigned)port);
  assert_true(v6.addresses == NULL ||
              strstr(record.error.text, address) != NULL);
  named_close(&named);
}

/* --- Loopback. ----------------------------------------------------------- */

static void check_loopback(const char *host, uint16_t port)
{
  named_run named;
  named_open_plain(&named);
  call_record record = {0};
  client_run_get(&named.run, &record, host_url(host, port));
  check_hello(&record);
  assert_int_equal(dns_peer_asked(named.names, "localhost", AF_INET), 0);
  assert_int_equal(dns_peer_asked(named.names, "a.localhost", AF_INET), 0);
  named_close(&named);
}

/* Only 127.0.0.1 listens: if ::1 comes first, it refuses. */
static void localhost_needs_no_name_server(void **state)
{
  (void)state;
  raw_peer *peer = raw_peer_start_one(answers);
  check_loopback("localhost", raw_peer_port(peer));
  check_loopback("a.localhost", raw_peer_port(peer));
  check_loopback("127.0.0.1", raw_peer_port(peer));
  check_loopback("0x7f.1", raw_peer_port(peer));
  raw_peer_stop(peer);
}

static void ipv6_literal_is_reached(void **state)
{
  (void)state;
  if (!has_ipv6()) {
    skip();
  }
  raw_peer *peer = raw_peer_start_one(answers);
  const cut_proxy_opts front = {.server_port = raw_peer_port(peer),
                                .address = "::1"};
  cut_proxy *proxy = cut_proxy_start(&front);
  check_loopback("[::1]", cut_proxy_port(proxy));
  check_loopback("localhost", cut_proxy_port(proxy));
  char host[32];
  (void)snprintf(host, sizeof(host), "\r\nHost: [::1]:%u\r\n",
                 (unsigned)cut_proxy_port(proxy));
  assert_non_null(strstr(raw_peer_received(peer, NULL), host));
  cut_proxy_stop(proxy);
  raw_peer_stop(peer);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(fixed_answers_come_before_any_server),
      cmocka_unit_test(star_answers_for_every_name),
      cmocka_unit_test(name_server_is_asked_once),
      cmocka_unit_test(unknown_name_is_not_found),
      cmocka_unit_test(name_server_in_trouble_is_an_error),
      cmocka_unit_test(silent_name_server_is_a_connect_timeout),
      cmocka_unit_test(cancel_while_resolving_leaves_nothing),
      cmocka_unit_test(name_server_that_is_no_address_is_refused),
      cmocka_unit_test(refused_addresses_are_passed_over),
      cmocka_unit_test(every_refused_address_is_named),
      cmocka_unit_test(localhost_needs_no_name_server),
      cmocka_unit_test(ipv6_literal_is_reached),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
