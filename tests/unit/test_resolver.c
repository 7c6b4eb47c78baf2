/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <ares.h>
#include <uv.h>

#include <ahttp/error.h>

#include "base/str.h"
#include "net/error_map.h"
#include "net/loop.h"
#include "net/resolver.h"
#include "net/resolver_cache.h"
#include "support/dns_peer.h"
#include "support/test_alloc.h"

enum {
  TRY_MS = 30000, /* no query is repeated, however slow the machine */
  TRY_SOON_MS = 30,
  LOOK_MS = 1
};

typedef struct fixture {
  ah_loop *loop;
  uv_loop_t *uv;
  ah_resolver *resolver;
  dns_peer *peer;
  char hosts[64]; /* paths of files of ours */
  char resolv[64];
} fixture;

static void file_write(const char *path, const char *text)
{
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  assert_int_equal(fputs(text, file) >= 0, 1);
  assert_int_equal(fclose(file), 0);
}

static void file_make(char *path, const char *text)
{
  strcpy(path, "/tmp/test_resolver.XXXXXX");
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  close(fd);
  file_write(path, text);
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

static ah_resolver_opts usual_opts(const fixture *fix)
{
  return (ah_resolver_opts){.servers = dns_peer_server(fix->peer),
                            .hosts_path = fix->hosts,
                            .resolv_path = fix->resolv,
                            .look_ms = LOOK_MS,
                            .try_ms = TRY_MS};
}

static void resolver_end(fixture *fix)
{
  bool is_closed = false;
  ah_resolver_close(fix->resolver, note_true, &is_closed);
  assert_false(is_closed);
  run_until(fix, &is_closed);
  fix->resolver = NULL;
}

/* Replaces the resolver by one with other options. */
static void resolver_replace(fixture *fix, const ah_resolver_opts *opts)
{
  resolver_end(fix);
  assert_int_equal(ah_resolver_new(&fix->resolver, fix->loop, opts), AHTTP_OK);
}

static int set_up(void **state)
{
  static fixture fix;
  memset(&fix, 0, sizeof(fix));
  assert_int_equal(ah_loop_new(&fix.loop, NULL), AHTTP_OK);
  fix.uv = ah_loop_uv(fix.loop);
  fix.peer = dns_peer_start(fix.uv);
  file_make(fix.hosts, "");
  file_make(fix.resolv, "");
  ah_resolver_opts opts = usual_opts(&fix);
  assert_int_equal(ah_resolver_new(&fix.resolver, fix.loop, &opts), AHTTP_OK);
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
  unlink(fix->hosts);
  unlink(fix->resolv);
  return 0;
}

/* A lookup that writes down what it is told. */
typedef struct asker {
  ah_lookup lookup;
  char v6[512]; /* addresses with ports, separated by blanks */
  char v4[512];
  size_t v6_count;
  size_t v4_count;
  ahttp_error v6_err;
  ahttp_error v4_err;
  char order[3]; /* "64" if AAAA was told first */
  bool done;
  ah_lookup *cancels; /* canceled from within the first answer */
} asker;

static void asker_on_answer(ah_lookup *lookup, int family,
                            const ah_address *addresses, size_t count,
                            const ahttp_error *err)
{
  asker *self = AH_CONTAINER(lookup, asker, lookup);
  bool is_v6 = family == AF_INET6;
  size_t told = strlen(self->order);
  assert_true(told < 2);
  self->order[told] = is_v6 ? '6' : '4';
  self->done = told == 1;
  *(is_v6 ? &self->v6_count : &self->v4_count) = count;
  if (err != NULL) {
    assert_int_equal(count, 0);
    *(is_v6 ? &self->v6_err : &self->v4_err) = *err;
  } else if (count == 0) {
    ah_error_no_address(is_v6 ? &self->v6_err : &self->v4_err, "host");
  }
  char *out = is_v6 ? self->v6 : self->v4;
  for (size_t i = 0; i < count; i++) {
    assert_int_equal(addresses[i].any.sa_family, family);
    char text[AH_ADDRESS_TEXT_BYTES];
    ah_address_print_port(&addresses[i], text, sizeof(text));
    size_t len = strlen(out);
    snprintf(out + len, sizeof(self->v6) - len, "%s%s", len == 0 ? "" : " ",
             text);
  }
  if (self->cancels != NULL) {
    ah_lookup_cancel(self->cancels);
  }
}

static void ask(fixture *fix, asker *self, const char *host)
{
  memset(self, 0, sizeof(*self));
  self->lookup.on_answer = asker_on_answer;
  /* In a block of its exact size, so that a sanitizer sees reads past it. */
  size_t len = strlen(host);
  char *exact = malloc(len + 1);
  assert_non_null(exact);
  memcpy(exact, host, len);
  assert_int_equal(
      ah_resolver_lookup(fix->resolver, &self->lookup, ah_str(exact, len), 80),
      AHTTP_OK);
  free(exact);
  assert_string_equal(self->order, ""); /* never from within */
}

static void ask_and_wait(fixture *fix, asker *self, const char *host)
{
  ask(fix, self, host);
  run_until(fix, &self->done);
}

static void set(fixture *fix, const char *name, const char *v6, const char *v4)
{
  dns_answer answer = {.addresses = v6, .ttl = 60};
  dns_peer_set(fix->peer, name, AF_INET6, &answer);
  answer.addresses = v4;
  dns_peer_set(fix->peer, name, AF_INET, &answer);
}

static unsigned asked(const fixture *fix, const char *name)
{
  return dns_peer_asked(fix->peer, name, AF_INET6) +
         dns_peer_asked(fix->peer, name, AF_INET);
}

/* --- Without a query --- */

static void resolver_answers_literals_itself(void **state)
{
  fixture *fix = *state;
  asker a;
  ask_and_wait(fix, &a, "192.0.2.7");
  assert_string_equal(a.v4, "192.0.2.7:80");
  assert_int_equal(a.v6_count, 0);
  assert_int_equal(a.v6_err.code, AHTTP_ENOTFOUND);
  ask_and_wait(fix, &a, "2001:DB8::7");
  assert_string_equal(a.v6, "[2001:db8::7]:80");
  assert_int_equal(a.v4_count, 0);
  ask_and_wait(fix, &a, "fe80::1%1");
  assert_string_equal(a.v6, "[fe80::1%1]:80");
}

static void resolver_reads_literals_without_a_lookup(void **state)
{
  fixture *fix = *state;
  ah_address address;
  char text[AH_ADDRESS_TEXT_BYTES];
  const ahttp_resolve_entry entry = {
      .host = "[2001:db8::9]", .port = 80, .addresses = "192.0.2.7"};
  ah_resolver_opts opts = usual_opts(fix);
  opts.entries = &entry;
  opts.entry_count = 1;
  resolver_replace(fix, &opts);
  assert_true(ah_resolver_read_literal(fix->resolver, AH_STR("192.0.2.7"), 80,
                                       &address));
  assert_string_equal(ah_address_print_port(&address, text, sizeof(text)),
                      "192.0.2.7:80");
  assert_true(ah_resolver_read_literal(fix->resolver, AH_STR("2001:db8::9"), 81,
                                       &address));
  assert_string_equal(ah_address_print_port(&address, text, sizeof(text)),
                      "[2001:db8::9]:81");
  assert_false(ah_resolver_read_literal(fix->resolver, AH_STR("2001:db8::9"),
                                        80, &address));
  assert_false(ah_resolver_read_literal(fix->resolver, AH_STR("localhost"), 80,
                                        &address));
}

static void resolver_knows_localhost(void **state)
{
  fixture *fix = *state;
  static const char *const names[] = {"localhost", "LOCALHOST.", "a.localhost",
                                      "a.b.Localhost."};
  file_write(fix->hosts, "192.0.2.1 localhost a.localhost\n");
  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
    asker a;
    ask_and_wait(fix, &a, names[i]);
    assert_string_equal(a.v6, "[::1]:80");
    assert_string_equal(a.v4, "127.0.0.1:80");
    assert_string_equal(a.order, "64");
  }
  asker other;
  ask_and_wait(fix, &other, "notlocalhost");
  assert_int_equal(other.v4_err.code, AHTTP_ENOTFOUND);
  assert_int_equal(asked(fix, "notlocalhost"), 2);
}

static void resolver_reads_the_hosts_file(void **state)
{
  fixture *fix = *state;
  file_write(fix->hosts, "# comment\n"
                         "192.0.2.1\tone.test  Two.Test # one.test\r\n"
                         "192.0.2.2 one.test\n"
                         "2001:db8::1 one.test\n"
                         "nonsense three.test\n"
                         "192.0.2.3\n"
                         "   192.0.2.4 four.test");
  asker a;
  ask_and_wait(fix, &a, "ONE.test.");
  assert_string_equal(a.v4, "192.0.2.1:80 192.0.2.2:80");
  assert_string_equal(a.v6, "[2001:db8::1]:80");
  ask_and_wait(fix, &a, "two.test");
  assert_string_equal(a.v4, "192.0.2.1:80");
  assert_int_equal(a.v6_err.code, AHTTP_ENOTFOUND);
  ask_and_wait(fix, &a, "four.test");
  assert_string_equal(a.v4, "192.0.2.4:80");
  assert_int_equal(asked(fix, "two.test"), 0);
  ask_and_wait(fix, &a, "three.test");
  assert_int_equal(asked(fix, "three.test"), 2);
}

static void resolver_takes_at_most_as_many_addresses_as_are_used(void **state)
{
  fixture *fix = *state;
  FILE *file = fopen(fix->hosts, "w");
  assert_non_null(file);
  for (int i = 0; i < AH_ADDRESSES_MAX + 10; i++) {
    fprintf(file, "192.0.2.%d a.test\n", i);
  }
  fclose(file);
  asker a;
  ask_and_wait(fix, &a, "a.test");
  assert_int_equal(a.v4_count, AH_ADDRESSES_MAX);
}

static void resolver_prefers_fixed_answers(void **state)
{
  fixture *fix = *state;
  const ahttp_resolve_entry entries[] = {
      {.host = "*", .port = 81, .addresses = "192.0.2.81"},
      {.host = "*", .port = 80, .addresses = "192.0.2.80"},
      {.host = "A.test.", .addresses = "192.0.2.1, [2001:db8::1],192.0.2.2"},
      {.host = "b.test", .port = 80, .addresses = "192.0.2.3"},
      {.host = "b.test", .port = 0, .addresses = "192.0.2.4"},
      {.host = "c.test", .port = 8080, .addresses = "192.0.2.5"},
      {.host = "198.51.100.1", .addresses = "192.0.2.6"},
      {.host = "[2001:db8::9]", .addresses = "192.0.2.7"},
      {.host = "d.test", .addresses = "192.0.2.8"},
      {.host = "d.test", .addresses = "192.0.2.9"},
  };
  static const struct {
    const char *host;
    const char *v4;
    const char *v6;
  } rows[] = {
      {"a.TEST", "192.0.2.1:80 192.0.2.2:80", "[2001:db8::1]:80"},
      {"b.test.", "192.0.2.3:80", ""},
      {"c.test", "192.0.2.80:80", ""}, /* its own entry is for another port */
      {"198.51.100.1", "192.0.2.6:80", ""},
      {"2001:db8::9", "192.0.2.7:80", ""},
      {"d.test", "192.0.2.9:80", ""},
      {"localhost", "192.0.2.80:80", ""},
  };
  ah_resolver_opts opts = usual_opts(fix);
  opts.entries = entries;
  opts.entry_count = sizeof(entries) / sizeof(entries[0]);
  resolver_replace(fix, &opts);
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    asker a;
    ask_and_wait(fix, &a, rows[i].host);
    assert_string_equal(a.v4, rows[i].v4);
    assert_string_equal(a.v6, rows[i].v6);
  }
}

static void resolver_refuses_options_it_cannot_read(void **state)
{
  fixture *fix = *state;
  static const ahttp_resolve_entry bad[] = {
      {.host = "", .addresses = "192.0.2.1"},
      {.host = NULL, .addresses = "192.0.2.1"},
      {.host = "a.test", .addresses = ""},
      {.host = "a.test", .addresses = NULL},
      {.host = "a.test", .addresses = "b.test"},
      {.host = "a.test", .addresses = "192.0.2.1,192.0.2"},
  };
  ah_resolver *resolver;
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    ah_resolver_opts opts = usual_opts(fix);
    opts.entries = &bad[i];
    opts.entry_count = 1;
    assert_int_equal(ah_resolver_new(&resolver, fix->loop, &opts),
                     AHTTP_EINVAL);
    assert_null(resolver);
  }
  static const char *const servers[] = {"dns.test",        "192.0.2.1:0",
                                        "192.0.2.1:65536", "192.0.2.1:x",
                                        "[192.0.2.1]:53",  "192.0.2.1,,[::1"};
  for (size_t i = 0; i < sizeof(servers) / sizeof(servers[0]); i++) {
    ah_resolver_opts opts = usual_opts(fix);
    opts.servers = servers[i];
    assert_int_equal(ah_resolver_new(&resolver, fix->loop, &opts),
                     AHTTP_EINVAL);
  }
}

static void resolver_refuses_impossible_names(void **state)
{
  fixture *fix = *state;
  char longest[AH_HOST_BYTES_MAX + 2];
  memset(longest, 'a', sizeof(longest) - 1);
  longest[sizeof(longest) - 1] = '\0';
  static const char *const names[] = {"", NULL, "a..test", "a b.test"};
  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
    asker a;
    ask_and_wait(fix, &a, names[i] == NULL ? longest : names[i]);
    assert_int_equal(a.v4_count + a.v6_count, 0);
    assert_true(a.v4_err.code == AHTTP_ERESOLVE ||
                a.v4_err.code == AHTTP_ENOTFOUND);
  }
}

/* --- Queries --- */

static void resolver_asks_for_both_families(void **state)
{
  fixture *fix = *state;
  set(fix, "both.test", "2001:db8::1,2001:db8::2", "192.0.2.1");
  asker a;
  ask_and_wait(fix, &a, "Both.Test");
  assert_string_equal(a.v6, "[2001:db8::1]:80 [2001:db8::2]:80");
  assert_string_equal(a.v4, "192.0.2.1:80");
  assert_int_equal(asked(fix, "both.test"), 2);
}

static void resolver_tells_each_family_as_it_comes(void **state)
{
  fixture *fix = *state;
  dns_answer late = {.addresses = "2001:db8::1", .ttl = 60, .delay_ms = 10};
  dns_answer soon = {.addresses = "192.0.2.1", .ttl = 60};
  dns_peer_set(fix->peer, "late6.test", AF_INET6, &late);
  dns_peer_set(fix->peer, "late6.test", AF_INET, &soon);
  asker a;
  ask_and_wait(fix, &a, "late6.test");
  assert_string_equal(a.order, "46");
  late.addresses = "192.0.2.1";
  soon.addresses = "2001:db8::1";
  dns_peer_set(fix->peer, "late4.test", AF_INET6, &soon);
  dns_peer_set(fix->peer, "late4.test", AF_INET, &late);
  ask_and_wait(fix, &a, "late4.test");
  assert_string_equal(a.order, "64");
}

static void resolver_tells_errors(void **state)
{
  fixture *fix = *state;
  asker a;
  ask_and_wait(fix, &a, "missing.test");
  assert_int_equal(a.v4_err.code, AHTTP_ENOTFOUND);
  assert_int_equal(a.v4_err.phase, AHTTP_PHASE_DNS);
  assert_int_equal(a.v4_err.domain, AHTTP_DOMAIN_DNS);
  assert_int_equal(a.v4_err.native, ARES_ENOTFOUND);
  assert_string_equal(a.v4_err.text, "missing.test: domain name not found");

  dns_answer fails = {.rcode = DNS_SERVFAIL};
  dns_peer_set(fix->peer, "fails.test", AF_INET6, &fails);
  dns_peer_set(fix->peer, "fails.test", AF_INET, &fails);
  ask_and_wait(fix, &a, "fails.test");
  assert_int_equal(a.v6_err.code, AHTTP_ERESOLVE);
  assert_int_equal(a.v4_err.code, AHTTP_ERESOLVE);

  set(fix, "four.test", "", "192.0.2.1"); /* exists, has no AAAA */
  ask_and_wait(fix, &a, "four.test");
  assert_int_equal(a.v6_err.code, AHTTP_ENOTFOUND);
  assert_string_equal(a.v4, "192.0.2.1:80");
}

static void resolver_repeats_lost_queries(void **state)
{
  fixture *fix = *state;
  ah_resolver_opts opts = usual_opts(fix);
  opts.try_ms = TRY_SOON_MS;
  resolver_replace(fix, &opts);
  dns_answer lossy = {.addresses = "192.0.2.1", .ttl = 60, .drops = 1};
  dns_peer_set(fix->peer, "lossy.test", AF_INET, &lossy);
  asker a;
  ask_and_wait(fix, &a, "lossy.test");
  assert_string_equal(a.v4, "192.0.2.1:80");
  assert_true(dns_peer_asked(fix->peer, "lossy.test", AF_INET) >= 2);
}

static void resolver_gives_up_on_a_silent_server(void **state)
{
  fixture *fix = *state;
  ah_resolver_opts opts = usual_opts(fix);
  opts.try_ms = TRY_SOON_MS;
  resolver_replace(fix, &opts);
  dns_answer silent = {.drop = true};
  dns_peer_set(fix->peer, "silent.test", AF_INET, &silent);
  dns_peer_set(fix->peer, "silent.test", AF_INET6, &silent);
  asker a;
  ask_and_wait(fix, &a, "silent.test");
  assert_int_equal(a.v4_err.code, AHTTP_ERESOLVE);
  assert_int_equal(a.v4_err.native, ARES_ETIMEOUT);
  assert_int_equal(dns_peer_asked(fix->peer, "silent.test", AF_INET), 3);
}

static void resolver_notices_that_no_server_is_there(void **state)
{
  fixture *fix = *state;
  char server[32];
  snprintf(server, sizeof(server), "%s", dns_peer_server(fix->peer));
  ah_resolver_opts opts = usual_opts(fix);
  opts.servers = server;
  resolver_replace(fix, &opts);
  dns_peer_stop(fix->peer);
  turn(fix);
  turn(fix);
  asker a;
  ask_and_wait(fix, &a, "a.test");
  assert_int_equal(a.v4_err.code, AHTTP_ERESOLVE);
  fix->peer = dns_peer_start(fix->uv);
}

static void resolver_uses_tcp_for_truncated_answers(void **state)
{
  fixture *fix = *state;
  dns_answer big = {.many = 300, .ttl = 60, .truncate = true};
  dns_peer_set(fix->peer, "big.test", AF_INET, &big);
  dns_peer_set(fix->peer, "big.test", AF_INET6, &big);
  asker a;
  ask_and_wait(fix, &a, "big.test");
  assert_int_equal(a.v4_count, AH_ADDRESSES_MAX);
  assert_int_equal(a.v6_count, AH_ADDRESSES_MAX);
  assert_int_equal(dns_peer_asked_by_tcp(fix->peer), 2);
}

static void resolver_follows_aliases(void **state)
{
  fixture *fix = *state;
  dns_answer alias = {
      .cname = "real.test", .addresses = "192.0.2.1", .ttl = 60};
  dns_peer_set(fix->peer, "alias.test", AF_INET, &alias);
  asker a;
  ask_and_wait(fix, &a, "alias.test");
  assert_string_equal(a.v4, "192.0.2.1:80");
}

static void resolver_searches_domains_as_resolv_conf_says(void **state)
{
  fixture *fix = *state;
  file_write(fix->resolv, "search one.test two.test\n");
  set(fix, "www.two.test", "", "192.0.2.1");
  set(fix, "www", "", "192.0.2.2");
  asker a;
  ask_and_wait(fix, &a, "www");
  assert_string_equal(a.v4, "192.0.2.1:80");
  assert_int_equal(dns_peer_asked(fix->peer, "www.one.test", AF_INET), 1);
  ask_and_wait(fix, &a, "www."); /* absolute */
  assert_string_equal(a.v4, "192.0.2.2:80");
}

/* --- Sharing --- */

static void resolver_asks_once_for_lookups_at_the_same_time(void **state)
{
  fixture *fix = *state;
  enum {
    MANY = 50
  };
  static asker askers[MANY];
  set(fix, "shared.test", "2001:db8::1", "192.0.2.1");
  for (int i = 0; i < MANY; i++) {
    ask(fix, &askers[i], i % 2 == 0 ? "shared.test" : "SHARED.test");
  }
  for (int i = 0; i < MANY; i++) {
    run_until(fix, &askers[i].done);
    assert_string_equal(askers[i].v4, "192.0.2.1:80");
    assert_string_equal(askers[i].v6, "[2001:db8::1]:80");
  }
  assert_int_equal(asked(fix, "shared.test"), 2);
}

static void resolver_lets_lookups_join_half_way(void **state)
{
  fixture *fix = *state;
  dns_answer v6 = {.addresses = "2001:db8::1", .ttl = 60};
  dns_answer v4 = {.addresses = "192.0.2.1", .ttl = 60, .delay_ms = 20};
  dns_peer_set(fix->peer, "half.test", AF_INET6, &v6);
  dns_peer_set(fix->peer, "half.test", AF_INET, &v4);
  asker first;
  ask(fix, &first, "half.test");
  ah_loop_hold(fix->loop);
  while (first.order[0] == '\0') {
    uv_run(fix->uv, UV_RUN_ONCE);
  }
  ah_loop_drop(fix->loop);
  asker second;
  ask(fix, &second, "half.test");
  run_until(fix, &second.done);
  assert_true(first.done);
  assert_string_equal(second.v6, "[2001:db8::1]:80");
  assert_string_equal(second.v4, "192.0.2.1:80");
  assert_int_equal(asked(fix, "half.test"), 2);
}

static void resolver_answers_again_from_its_cache(void **state)
{
  fixture *fix = *state;
  set(fix, "kept.test", "2001:db8::1", "192.0.2.1");
  asker a;
  ask_and_wait(fix, &a, "kept.test");
  ask_and_wait(fix, &a, "KEPT.test");
  assert_string_equal(a.v4, "192.0.2.1:80");
  assert_string_equal(a.v6, "[2001:db8::1]:80");
  ask_and_wait(fix, &a, "missing.test");
  ask_and_wait(fix, &a, "missing.test");
  assert_int_equal(a.v6_err.code, AHTTP_ENOTFOUND);
  assert_int_equal(asked(fix, "kept.test"), 2);
  assert_int_equal(asked(fix, "missing.test"), 2);
}

static void resolver_does_not_keep_failures_of_servers(void **state)
{
  fixture *fix = *state;
  dns_answer fails = {.rcode = DNS_REFUSED};
  dns_peer_set(fix->peer, "again.test", AF_INET, &fails);
  asker a;
  ask_and_wait(fix, &a, "again.test");
  assert_int_equal(a.v4_err.code, AHTTP_ERESOLVE);
  set(fix, "again.test", "", "192.0.2.1");
  ask_and_wait(fix, &a, "again.test");
  assert_string_equal(a.v4, "192.0.2.1:80");
}

/* --- Cancelling --- */

static void resolver_lookup_can_be_canceled_in_every_state(void **state)
{
  fixture *fix = *state;
  asker a;
  /* With an answer at hand that is not told yet. */
  ask(fix, &a, "localhost");
  ah_lookup_cancel(&a.lookup);
  ah_lookup_cancel(&a.lookup);
  turn(fix);
  assert_string_equal(a.order, "");

  /* While the servers are being asked, before and after the query has left. */
  set(fix, "slow.test", "2001:db8::1", "192.0.2.1");
  for (int turns = 0; turns < 4; turns++) {
    char host[32];
    snprintf(host, sizeof(host), "cancel%d.test", turns);
    ask(fix, &a, host);
    for (int i = 0; i < turns && a.order[0] == '\0'; i++) {
      turn(fix);
    }
    ah_lookup_cancel(&a.lookup);
    size_t told = strlen(a.order);
    turn(fix);
    turn(fix);
    turn(fix);
    assert_int_equal(strlen(a.order), told);
  }

  /* After the last answer. */
  ask_and_wait(fix, &a, "slow.test");
  ah_lookup_cancel(&a.lookup);
}

static void resolver_lookup_can_be_canceled_from_its_first_answer(void **state)
{
  fixture *fix = *state;
  asker a;
  ask(fix, &a, "localhost");
  a.cancels = &a.lookup;
  turn(fix);
  turn(fix);
  assert_string_equal(a.order, "6");
}

static void resolver_lookup_may_cancel_its_neighbour(void **state)
{
  fixture *fix = *state;
  set(fix, "two.test", "2001:db8::1", "192.0.2.1");
  asker a;
  asker b;
  ask(fix, &a, "two.test");
  ask(fix, &b, "two.test");
  a.cancels = &b.lookup;
  run_until(fix, &a.done);
  turn(fix);
  assert_string_equal(b.order, "");
}

static void resolver_cancel_does_not_disturb_the_others(void **state)
{
  fixture *fix = *state;
  set(fix, "others.test", "2001:db8::1", "192.0.2.1");
  asker a;
  asker b;
  ask(fix, &a, "others.test");
  ask(fix, &b, "others.test");
  ah_lookup_cancel(&a.lookup);
  run_until(fix, &b.done);
  assert_string_equal(b.v4, "192.0.2.1:80");
  assert_string_equal(a.order, "");
  assert_int_equal(asked(fix, "others.test"), 2);
}

static void resolver_keeps_answers_nobody_waits_for_any_more(void **state)
{
  fixture *fix = *state;
  set(fix, "late.test", "2001:db8::1", "192.0.2.1");
  asker a;
  ask(fix, &a, "late.test");
  ah_lookup_cancel(&a.lookup);
  ask(fix, &a, "late.test"); /* joins the query that goes on */
  ah_lookup_cancel(&a.lookup);
  ask(fix, &a, "late.test");
  run_until(fix, &a.done);
  assert_int_equal(asked(fix, "late.test"), 2);
}

static void resolver_can_be_closed_while_it_is_asking(void **state)
{
  fixture *fix = *state;
  dns_answer silent = {.drop = true};
  dns_peer_set(fix->peer, "silent.test", AF_INET, &silent);
  dns_peer_set(fix->peer, "silent.test", AF_INET6, &silent);
  asker a;
  ask(fix, &a, "silent.test");
  turn(fix);
  ah_lookup_cancel(&a.lookup);
  ah_resolver_opts opts = usual_opts(fix);
  resolver_replace(fix, &opts);
  assert_string_equal(a.order, "");
}

/* --- resolv.conf --- */

static void resolver_asks_again_when_resolv_conf_changes(void **state)
{
  fixture *fix = *state;
  file_write(fix->resolv, "search old.test\n");
  dns_answer silent = {.drop = true};
  dns_peer_set(fix->peer, "www.old.test", AF_INET, &silent);
  dns_peer_set(fix->peer, "www.old.test", AF_INET6, &silent);
  set(fix, "www.new.test", "", "192.0.2.1");
  ah_resolver_opts opts = usual_opts(fix);
  resolver_replace(fix, &opts);
  asker stuck;
  ask(fix, &stuck, "www");
  while (dns_peer_asked(fix->peer, "www.old.test", AF_INET) == 0) {
    turn(fix);
  }
  file_write(fix->resolv, "search new.test\n# another size\n");
  /* The change is looked for when somebody asks, at most once in LOOK_MS. */
  uint64_t start = ah_loop_now_ms(fix->loop);
  while (ah_loop_now_ms(fix->loop) < start + 2 * LOOK_MS) {
    turn(fix);
  }
  asker other;
  ask_and_wait(fix, &other, "other.test");
  run_until(fix, &stuck.done);
  assert_string_equal(stuck.v4, "192.0.2.1:80");
}

static void resolver_can_be_closed_while_asking_again(void **state)
{
  fixture *fix = *state;
  dns_answer silent = {.drop = true};
  dns_peer_set(fix->peer, "www.old.test", AF_INET, &silent);
  asker stuck;
  ask(fix, &stuck, "www.old.test");
  turn(fix);
  file_write(fix->resolv, "search new.test\n");
  uint64_t start = ah_loop_now_ms(fix->loop);
  while (ah_loop_now_ms(fix->loop) < start + 2 * LOOK_MS) {
    turn(fix);
  }
  asker other;
  ask(fix, &other, "other.test"); /* closes the channel */
  ah_lookup_cancel(&stuck.lookup);
  ah_lookup_cancel(&other.lookup);
  ah_resolver_opts opts = usual_opts(fix);
  resolver_replace(fix, &opts);
}

/* --- Memory --- */

typedef struct resolve_run {
  fixture *fix;
  const char *host;
} resolve_run;

/* A resolver made, asked and closed; ENOMEM however it shows. */
static int resolve_once(void *arg)
{
  resolve_run *run = arg;
  fixture *fix = run->fix;
  const ahttp_resolve_entry entry = {.host = "fixed.test",
                                     .addresses = "192.0.2.1,2001:db8::1"};
  ah_resolver_opts opts = usual_opts(fix);
  opts.entries = &entry;
  opts.entry_count = 1;
  opts.try_ms = TRY_SOON_MS; /* a socket that cannot be watched times out */
  int rv = ah_resolver_new(&fix->resolver, fix->loop, &opts);
  if (rv != AHTTP_OK) {
    assert_null(fix->resolver);
    return rv;
  }
  asker a;
  memset(&a, 0, sizeof(a));
  a.lookup.on_answer = asker_on_answer;
  rv = ah_resolver_lookup(fix->resolver, &a.lookup, ah_str_from_c(run->host),
                          80);
  if (rv == AHTTP_OK) {
    run_until(fix, &a.done);
    if (a.v4_count == 0) {
      rv = a.v4_err.code;
    } else if (a.v6_count == 0) {
      rv = a.v6_err.code;
    }
  }
  resolver_end(fix);
  return rv;
}

static void resolver_survives_every_failed_allocation(void **state)
{
  fixture *fix = *state;
  static const char *const hosts[] = {"localhost", "fixed.test"};
  resolver_end(fix);
  for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
    resolve_run run = {.fix = fix, .host = hosts[i]};
    test_alloc_fail_each(resolve_once, &run);
  }
  ah_resolver_opts opts = usual_opts(fix);
  assert_int_equal(ah_resolver_new(&fix->resolver, fix->loop, &opts), AHTTP_OK);
}

/* Where the cache or the hosts file cannot be kept the lookup goes on without,
 * so not every failure shows; those that do are told at once, and none leaks.
 */
static void resolver_goes_on_without_memory_for_extras(void **state)
{
  fixture *fix = *state;
  file_write(fix->hosts, "192.0.2.9 hosts.test\n2001:db8::9 hosts.test\n");
  set(fix, "dns.test", "2001:db8::1", "192.0.2.1");
  set(fix, "hosts.test", "2001:db8::1", "192.0.2.1");
  static const char *const hosts[] = {"dns.test", "hosts.test"};
  resolver_end(fix);
  for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
    resolve_run run = {.fix = fix, .host = hosts[i]};
    test_alloc_install();
    assert_int_equal(resolve_once(&run), AHTTP_OK);
    int count = test_alloc_count();
    assert_true(count > 5);
    for (int nth = 1; nth <= count; nth++) {
      test_alloc_fail_nth(nth);
      int rv = resolve_once(&run);
      assert_true(rv == AHTTP_OK || rv == AHTTP_ENOMEM);
      assert_int_equal(test_alloc_live(), 0);
    }
    test_alloc_remove();
  }
  ah_resolver_opts opts = usual_opts(fix);
  assert_int_equal(ah_resolver_new(&fix->resolver, fix->loop, &opts), AHTTP_OK);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      CASE(resolver_answers_literals_itself),
      CASE(resolver_reads_literals_without_a_lookup),
      CASE(resolver_knows_localhost),
      CASE(resolver_reads_the_hosts_file),
      CASE(resolver_takes_at_most_as_many_addresses_as_are_used),
      CASE(resolver_prefers_fixed_answers),
      CASE(resolver_refuses_options_it_cannot_read),
      CASE(resolver_refuses_impossible_names),
      CASE(resolver_asks_for_both_families),
      CASE(resolver_tells_each_family_as_it_comes),
      CASE(resolver_tells_errors),
      CASE(resolver_repeats_lost_queries),
      CASE(resolver_gives_up_on_a_silent_server),
      CASE(resolver_notices_that_no_server_is_there),
      CASE(resolver_uses_tcp_for_truncated_answers),
      CASE(resolver_follows_aliases),
      CASE(resolver_searches_domains_as_resolv_conf_says),
      CASE(resolver_asks_once_for_lookups_at_the_same_time),
      CASE(resolver_lets_lookups_join_half_way),
      CASE(resolver_answers_again_from_its_cache),
      CASE(resolver_does_not_keep_failures_of_servers),
      CASE(resolver_lookup_can_be_canceled_in_every_state),
      CASE(resolver_lookup_can_be_canceled_from_its_first_answer),
      CASE(resolver_lookup_may_cancel_its_neighbour),
      CASE(resolver_cancel_does_not_disturb_the_others),
      CASE(resolver_keeps_answers_nobody_waits_for_any_more),
      CASE(resolver_can_be_closed_while_it_is_asking),
      CASE(resolver_asks_again_when_resolv_conf_changes),
      CASE(resolver_can_be_closed_while_asking_again),
      CASE(resolver_survives_every_failed_allocation),
      CASE(resolver_goes_on_without_memory_for_extras),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
