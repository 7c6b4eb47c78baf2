/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <uv.h>

#include <ahttp/resolver.h>

#include "base/str.h"
#include "net/error_map.h"
#include "net/loop.h"
#include "net/resolver.h"
#include "support/test_alloc.h"

enum {
  QUESTIONS_MAX = 16
};

/* How a program's resolver behaves. */
typedef enum manner {
  ANSWER_WITHIN,   /* start */
  ANSWER_LATER,    /* when the test does */
  ANSWER_IN_THREAD /* each in a thread of its own */
} manner;

typedef struct program {
  manner manner;
  bool is_started; /* anything */
  ahttp_resolution *open[QUESTIONS_MAX];
  uv_thread_t threads[QUESTIONS_MAX];
  ahttp_family families[QUESTIONS_MAX];
  unsigned count;     /* of questions */
  unsigned cancelled; /* of those */
  bool fail_at_cancel;
  uint16_t port;
  char host[64];
  uint32_t ttl_s;
  ah_lookup *cancel_in_start; /* a lookup to be cancelled then */
} program;

typedef struct fixture {
  ah_loop *loop;
  uv_loop_t *uv;
  ah_resolver *resolver;
  program program;
} fixture;

/* A lookup and what it was told. */
typedef struct asker {
  ah_lookup lookup;
  unsigned answers;
  unsigned wanted; /* |done| comes with so many */
  bool done;
  size_t v4_count;
  size_t v6_count;
  ah_address v4;
  ahttp_error v4_err;
  ahttp_error v6_err;
} asker;

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

/* --- The program. --------------------------------------------------------- */

/* Two addresses, one of either family. */
static const char both[] = "192.0.2.1,2001:db8::1";

static void answer_in_thread(void *arg)
{
  (void)ahttp_resolution_answer(arg, both, 0);
}

static void program_start(ahttp_resolution *resolution, const char *host,
                          uint16_t port, ahttp_family family, void *user_data)
{
  program *self = user_data;
  unsigned i = self->count++;
  assert_true(i < QUESTIONS_MAX);
  strcpy(self->host, host);
  self->port = port;
  self->families[i] = family;
  self->is_started = true;
  if (self->cancel_in_start != NULL) {
    ah_lookup_cancel(self->cancel_in_start);
    self->cancel_in_start = NULL;
  }
  if (self->manner == ANSWER_WITHIN) {
    (void)ahttp_resolution_answer(resolution, both, self->ttl_s);
  } else if (self->manner == ANSWER_IN_THREAD) {
    assert_int_equal(
        uv_thread_create(&self->threads[i], answer_in_thread, resolution), 0);
  } else {
    self->open[i] = resolution;
  }
}

static void program_cancel(ahttp_resolution *resolution, void *user_data)
{
  program *self = user_data;
  self->cancelled++;
  for (unsigned i = 0; i < self->count; i++) {
    if (self->open[i] == resolution && self->fail_at_cancel) {
      self->open[i] = NULL;
      ahttp_resolution_fail(resolution, AHTTP_ECANCELED, NULL);
    }
  }
}

static void join_threads(program *self)
{
  for (unsigned i = 0; i < self->count; i++) {
    assert_int_equal(uv_thread_join(&self->threads[i]), 0);
  }
}

/* --- Lookups. --------------------------------------------------------------
 */

static void asker_on_answer(ah_lookup *lookup, int family,
                            const ah_address *addresses, size_t count,
                            const ahttp_error *err)
{
  asker *self = AH_CONTAINER(lookup, asker, lookup);
  self->answers++;
  self->done = self->answers == self->wanted;
  assert_true(err == NULL || count == 0);
  ahttp_error none;
  if (err == NULL && count == 0) {
    ah_error_no_address(&none, "host");
    err = &none;
  }
  if (family == AF_INET) {
    self->v4_count = count;
    if (count > 0) {
      self->v4 = addresses[0];
    } else {
      self->v4_err = *err;
    }
  } else {
    self->v6_count = count;
    if (count == 0) {
      self->v6_err = *err;
    }
  }
}

static int ask_families(fixture *fix, asker *self, const char *host,
                        unsigned families)
{
  memset(self, 0, sizeof(*self));
  self->wanted = families == AH_USE_ANY ? 2 : 1;
  self->lookup.on_answer = asker_on_answer;
  self->lookup.families = families;
  return ah_resolver_lookup(fix->resolver, &self->lookup, ah_str_from_c(host),
                            8080);
}

static void ask(fixture *fix, asker *self, const char *host)
{
  assert_int_equal(ask_families(fix, self, host, AH_USE_ANY), AHTTP_OK);
}

/* --- Fixture. --------------------------------------------------------------
 */

static int resolver_make(fixture *fix)
{
  const ahttp_resolve_entry entry = {.host = "fixed.test",
                                     .addresses = "192.0.2.99"};
  const ahttp_resolver hook = {.size = sizeof(hook),
                               .start = program_start,
                               .cancel = program_cancel,
                               .user_data = &fix->program};
  const ah_resolver_opts opts = {
      .entries = &entry, .entry_count = 1, .hook = &hook};
  return ah_resolver_new(&fix->resolver, fix->loop, &opts);
}

static void resolver_end(fixture *fix)
{
  bool is_closed = false;
  ah_resolver_close(fix->resolver, note_true, &is_closed);
  assert_false(is_closed);
  run_until(fix, &is_closed);
  fix->resolver = NULL;
}

static int set_up(void **state)
{
  static fixture fix;
  memset(&fix, 0, sizeof(fix));
  fix.program.manner = ANSWER_LATER;
  assert_int_equal(ah_loop_new(&fix.loop, NULL), AHTTP_OK);
  fix.uv = ah_loop_uv(fix.loop);
  assert_int_equal(resolver_make(&fix), AHTTP_OK);
  *state = &fix;
  return 0;
}

static int tear_down(void **state)
{
  fixture *fix = *state;
  if (fix->resolver != NULL) {
    resolver_end(fix);
  }
  bool is_closed = false;
  ah_loop_close(fix->loop, note_true, &is_closed);
  uv_run(fix->uv, UV_RUN_DEFAULT);
  assert_true(is_closed);
  ah_loop_free_uv(fix->uv);
  return 0;
}

/* --- Cases. ----------------------------------------------------------------
 */

static void hook_is_asked_once_a_family(void **state)
{
  fixture *fix = *state;
  asker a;
  ask(fix, &a, "One.Test");
  assert_int_equal(fix->program.count, 0); /* never from within */
  run_until(fix, &fix->program.is_started);
  assert_int_equal(fix->program.count, 2);
  assert_int_equal(fix->program.families[0], AHTTP_FAMILY_V6);
  assert_int_equal(fix->program.families[1], AHTTP_FAMILY_V4);
  assert_string_equal(fix->program.host, "one.test");
  assert_int_equal(fix->program.port, 8080);
  assert_int_equal(ahttp_resolution_answer(fix->program.open[1],
                                           "192.0.2.7,2001:db8::1,192.0.2.8",
                                           0),
                   AHTTP_OK);
  assert_int_equal(a.answers, 0);
  assert_int_equal(ahttp_resolution_answer(fix->program.open[0], NULL, 0),
                   AHTTP_OK);
  run_until(fix, &a.done);
  assert_int_equal(a.v4_count, 2);
  assert_int_equal(ntohs(a.v4.v4.sin_port), 8080);
  assert_int_equal(ntohl(a.v4.v4.sin_addr.s_addr), 0xC0000207);
  assert_int_equal(a.v6_count, 0);
  assert_int_equal(a.v6_err.code, AHTTP_ENOTFOUND);
}

static void hook_may_answer_from_within(void **state)
{
  fixture *fix = *state;
  fix->program.manner = ANSWER_WITHIN;
  asker a;
  ask(fix, &a, "one.test");
  run_until(fix, &a.done);
  assert_int_equal(a.v4_count, 1);
  assert_int_equal(a.v6_count, 1);
}

static void hook_may_answer_from_threads(void **state)
{
  fixture *fix = *state;
  fix->program.manner = ANSWER_IN_THREAD;
  asker askers[4];
  static const char *const hosts[] = {"a.test", "b.test", "c.test", "d.test"};
  for (int i = 0; i < 4; i++) {
    ask(fix, &askers[i], hosts[i]);
  }
  for (int i = 0; i < 4; i++) {
    run_until(fix, &askers[i].done);
    assert_int_equal(askers[i].v4_count, 1);
    assert_int_equal(askers[i].v6_count, 1);
  }
  join_threads(&fix->program);
}

static void hook_is_asked_for_the_families_that_are_wanted(void **state)
{
  fixture *fix = *state;
  fix->program.manner = ANSWER_WITHIN;
  asker a;
  assert_int_equal(ask_families(fix, &a, "one.test", AH_USE_V4), AHTTP_OK);
  run_until(fix, &a.done);
  assert_int_equal(fix->program.count, 1);
  assert_int_equal(fix->program.families[0], AHTTP_FAMILY_V4);
  assert_int_equal(a.v4_count, 1);
}

static void lookup_that_joins_may_want_more(void **state)
{
  fixture *fix = *state;
  asker a;
  asker b;
  assert_int_equal(ask_families(fix, &a, "one.test", AH_USE_V4), AHTTP_OK);
  run_until(fix, &fix->program.is_started);
  ask(fix, &b, "one.test");
  turn(fix);
  assert_int_equal(fix->program.count, 2);
  (void)ahttp_resolution_answer(fix->program.open[1], both, 0);
  (void)ahttp_resolution_answer(fix->program.open[0], both, 0);
  run_until(fix, &b.done);
  assert_true(a.done);
  assert_int_equal(a.v4_count, 1);
  assert_int_equal(b.v4_count, 1);
  assert_int_equal(b.v6_count, 1);
}

static void what_needs_no_asking_is_not_asked(void **state)
{
  fixture *fix = *state;
  static const char *const hosts[] = {"192.0.2.1", "2001:db8::1", "localhost",
                                      "fixed.test"};
  for (int i = 0; i < 4; i++) {
    asker a;
    ask(fix, &a, hosts[i]);
    run_until(fix, &a.done);
  }
  assert_int_equal(fix->program.count, 0);
}

static void ttl_decides_what_is_kept(void **state)
{
  fixture *fix = *state;
  fix->program.manner = ANSWER_WITHIN;
  for (uint32_t ttl_s = 0; ttl_s < 200; ttl_s += 100) {
    fix->program.ttl_s = ttl_s;
    fix->program.count = 0;
    for (int i = 0; i < 2; i++) {
      asker a;
      ask(fix, &a, "one.test");
      run_until(fix, &a.done);
      assert_int_equal(a.v4_count, 1);
    }
    assert_int_equal(fix->program.count, ttl_s == 0 ? 4 : 2);
  }
}

static void reason_of_a_failure_is_told(void **state)
{
  fixture *fix = *state;
  asker a;
  ask(fix, &a, "one.test");
  run_until(fix, &fix->program.is_started);
  ahttp_resolution_fail(fix->program.open[0], AHTTP_ENOTFOUND, NULL);
  ahttp_resolution_fail(fix->program.open[1], -12345, "the registry is down");
  run_until(fix, &a.done);
  assert_int_equal(a.v6_err.code, AHTTP_ENOTFOUND);
  assert_int_equal(a.v4_err.code, AHTTP_ERESOLVE);
  assert_string_equal(a.v4_err.text, "one.test: the registry is down");
}

static void answer_that_is_no_address_is_a_failure(void **state)
{
  fixture *fix = *state;
  asker a;
  ask(fix, &a, "one.test");
  run_until(fix, &fix->program.is_started);
  assert_int_equal(
      ahttp_resolution_answer(fix->program.open[0], "2001:db8::1,what", 9),
      AHTTP_EINVAL);
  assert_int_equal(ahttp_resolution_answer(fix->program.open[1], "", 9),
                   AHTTP_OK);
  run_until(fix, &a.done);
  assert_int_equal(a.v6_err.code, AHTTP_ERESOLVE);
  assert_int_equal(a.v4_err.code, AHTTP_ENOTFOUND);
}

static void cancelled_lookup_is_told_to_the_program(void **state)
{
  fixture *fix = *state;
  asker a;
  ask(fix, &a, "one.test");
  ah_lookup_cancel(&a.lookup); /* before it was asked */
  turn(fix);
  assert_int_equal(fix->program.count, 0);

  ask(fix, &a, "one.test");
  run_until(fix, &fix->program.is_started);
  ah_lookup_cancel(&a.lookup);
  assert_int_equal(fix->program.cancelled, 0); /* never from within */
  turn(fix);
  assert_int_equal(fix->program.cancelled, 2);

  /* Who asks now is not put off with what was cancelled. */
  asker b;
  ask(fix, &b, "one.test");
  turn(fix);
  assert_int_equal(fix->program.count, 4);
  for (int i = 0; i < 4; i++) {
    (void)ahttp_resolution_answer(fix->program.open[i], both, 0);
  }
  run_until(fix, &b.done);
  assert_int_equal(b.v4_count, 1);
  assert_int_equal(a.answers, 0);
}

static void program_may_fail_what_is_cancelled(void **state)
{
  fixture *fix = *state;
  fix->program.fail_at_cancel = true;
  asker a;
  ask(fix, &a, "one.test");
  run_until(fix, &fix->program.is_started);
  ah_lookup_cancel(&a.lookup);
  turn(fix);
  turn(fix);
  assert_int_equal(fix->program.cancelled, 2);
}

static void lookup_may_be_cancelled_while_it_is_asked(void **state)
{
  fixture *fix = *state;
  fix->program.fail_at_cancel = true;
  asker a;
  ask(fix, &a, "one.test");
  fix->program.cancel_in_start = &a.lookup;
  run_until(fix, &fix->program.is_started);
  turn(fix);
  assert_int_equal(fix->program.count, 1); /* the other one is not asked */
  assert_int_equal(fix->program.cancelled, 1);
}

static void answers_may_come_after_the_end(void **state)
{
  fixture *fix = *state;
  asker a;
  ask(fix, &a, "one.test");
  run_until(fix, &fix->program.is_started);
  (void)ahttp_resolution_answer(fix->program.open[0], both, 0); /* on its way */
  ah_lookup_cancel(&a.lookup);
  resolver_end(fix);
  assert_int_equal(fix->program.cancelled, 1);
  ahttp_resolution *late = fix->program.open[1];
  (void)tear_down(state);
  (void)ahttp_resolution_answer(late, both, 0); /* neither loop nor resolver */
  (void)set_up(state);
}

/* A host that is asked for, answered and told; ENOMEM however it shows. */
static int resolve_once(void *arg)
{
  fixture *fix = arg;
  int rv = resolver_make(fix);
  if (rv != AHTTP_OK) {
    return rv;
  }
  asker a;
  rv = ask_families(fix, &a, "one.test", AH_USE_ANY);
  if (rv == AHTTP_OK) {
    run_until(fix, &a.done);
    rv = a.v4_count == 0 ? a.v4_err.code : AHTTP_OK;
    rv = a.v6_count == 0 ? a.v6_err.code : rv;
  }
  resolver_end(fix);
  fix->program.count = 0;
  return rv;
}

static void hook_survives_every_failed_allocation(void **state)
{
  fixture *fix = *state;
  fix->program.manner = ANSWER_WITHIN;
  resolver_end(fix);
  test_alloc_fail_each(resolve_once, fix);
}

static void hook_without_start_is_refused(void **state)
{
  fixture *fix = *state;
  ahttp_resolver hook = AHTTP_RESOLVER_INIT;
  const ah_resolver_opts opts = {.hook = &hook};
  ah_resolver *resolver;
  assert_int_equal(ah_resolver_new(&resolver, fix->loop, &opts), AHTTP_EINVAL);
  hook.start = program_start;
  hook.size = sizeof(hook) + 1;
  assert_int_equal(ah_resolver_new(&resolver, fix->loop, &opts), AHTTP_EINVAL);
  assert_null(resolver);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      CASE(hook_is_asked_once_a_family),
      CASE(hook_may_answer_from_within),
      CASE(hook_may_answer_from_threads),
      CASE(hook_is_asked_for_the_families_that_are_wanted),
      CASE(lookup_that_joins_may_want_more),
      CASE(what_needs_no_asking_is_not_asked),
      CASE(ttl_decides_what_is_kept),
      CASE(reason_of_a_failure_is_told),
      CASE(answer_that_is_no_address_is_a_failure),
      CASE(cancelled_lookup_is_told_to_the_program),
      CASE(program_may_fail_what_is_cancelled),
      CASE(lookup_may_be_cancelled_while_it_is_asked),
      CASE(answers_may_come_after_the_end),
      CASE(hook_survives_every_failed_allocation),
      CASE(hook_without_start_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
