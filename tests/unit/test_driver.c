/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <uv.h>

#include <ahttp/error.h>

#include "base/alloc.h"
#include "base/error.h"
#include "client/driver.h"
#include "support/test_alloc.h"

#define FOREVER UINT32_MAX

enum {
  TORTURE_THREADS = 12,
  TORTURE_ROUNDS = 300
};

/* A driver of a loop as a client has them.  Checks of cmocka may be made on the
 * main thread only: the others count what went wrong. */
typedef struct fixture {
  uv_loop_t uv;
  ah_loop *loop;
  ah_driver *driver;
  bool is_detached;
  atomic_uint failures;
  atomic_uint parties_over;
  unsigned events_set; /* the loop's */
} fixture;

static void fixture_open(fixture *fix, ah_driver_kind kind)
{
  *fix = (fixture){.is_detached = false};
  assert_int_equal(uv_loop_init(&fix->uv), 0);
  assert_int_equal(ah_loop_new(&fix->loop, &fix->uv), AHTTP_OK);
  assert_int_equal(ah_driver_new(&fix->driver, kind), AHTTP_OK);
  ah_driver_attach(fix->driver, fix->loop);
}

static void fixture_close(fixture *fix)
{
  assert_int_equal(atomic_load(&fix->failures), 0);
  if (!fix->is_detached) {
    ah_driver_detach(fix->driver);
  }
  ah_loop_close(fix->loop, NULL, NULL);
  uv_run(&fix->uv, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&fix->uv), 0);
  ah_driver_unref(fix->driver);
}

/* Something that a letter brings about on the loop: after |delay_ms| |latch| is
 * set. */
typedef struct event {
  fixture *fix;
  ah_letter letter;
  ah_latch latch;
  uint32_t delay_ms;
  ah_deadline delay;
  int rv_on_loop; /* of a wait from the loop's thread */
  unsigned turn;  /* 1 for the first to be set, 2 for the second */
} event;

/* On the loop's thread. */
static void event_set(event *self)
{
  self->turn = ++self->fix->events_set;
  ah_driver_set(self->fix->driver, &self->latch);
}

static void event_on_delay(ah_deadline *deadline)
{
  event_set(AH_CONTAINER(deadline, event, delay));
}

static void event_on_letter(ah_letter *letter)
{
  event *self = AH_CONTAINER(letter, event, letter);
  if (self->delay_ms == 0) {
    event_set(self);
    return;
  }
  self->delay.expired = event_on_delay;
  ah_deadline_start(self->fix->loop, &self->delay, self->delay_ms);
}

static void event_init(event *self, fixture *fix, uint32_t delay_ms)
{
  *self =
      (event){.fix = fix, .letter.run = event_on_letter, .delay_ms = delay_ms};
  ah_latch_init(&self->latch);
}

static void event_post(event *self)
{
  if (ah_driver_post(self->fix->driver, &self->letter) != AHTTP_OK) {
    atomic_fetch_add(&self->fix->failures, 1);
  }
}

static int wait_for_latch(fixture *fix, ah_latch *latch, uint32_t timeout_ms)
{
  ah_waiter waiter;
  ah_link link;
  ah_waiter_init(&waiter, 1, timeout_ms);
  ah_driver_watch(fix->driver, &waiter, &link, latch);
  return ah_driver_wait(fix->driver, &waiter, &link, 1, false);
}

/* --- One thread. ------------------------------------------------------------
 */

static void waiting_thread_runs_the_loop(void **state)
{
  fixture fix;
  (void)state;
  fixture_open(&fix, AH_DRIVEN_BY_WAITERS);
  event e;
  event_init(&e, &fix, 1);
  event_post(&e);
  assert_false(ah_latch_is_set(&e.latch));
  assert_int_equal(wait_for_latch(&fix, &e.latch, FOREVER), AHTTP_OK);
  assert_true(ah_latch_is_set(&e.latch));
  assert_int_equal(wait_for_latch(&fix, &e.latch, 0), AHTTP_OK);
  assert_false(ah_driver_is_on_loop(fix.driver));
  fixture_close(&fix);
}

static void time_is_over_for_a_leader(void **state)
{
  fixture fix;
  (void)state;
  fixture_open(&fix, AH_DRIVEN_BY_WAITERS);
  ah_latch never;
  ah_latch_init(&never);
  uint64_t before_ns = uv_hrtime();
  assert_int_equal(wait_for_latch(&fix, &never, 20), AHTTP_ETIMEOUT_WAIT);
  assert_true(uv_hrtime() - before_ns >= 19000000);
  assert_int_equal(wait_for_latch(&fix, &never, 0), AHTTP_ETIMEOUT_WAIT);
  assert_true(ah_list_is_empty(&never.links));
  fixture_close(&fix);
}

static void looking_turns_the_loop_once(void **state)
{
  fixture fix;
  (void)state;
  fixture_open(&fix, AH_DRIVEN_BY_WAITERS);
  event e;
  event_init(&e, &fix, 0);
  event_post(&e);
  assert_int_equal(wait_for_latch(&fix, &e.latch, 0), AHTTP_OK);
  fixture_close(&fix);
}

static void all_are_waited_for_or_any(void **state)
{
  fixture fix;
  (void)state;
  fixture_open(&fix, AH_DRIVEN_BY_WAITERS);
  for (size_t needed = 1; needed <= 3; needed++) {
    event events[3];
    ah_link links[3];
    ah_waiter waiter;
    ah_waiter_init(&waiter, needed, FOREVER);
    for (size_t i = 0; i < 3; i++) {
      event_init(&events[i], &fix, (uint32_t)(1 + 3 * i));
      ah_driver_watch(fix.driver, &waiter, &links[i], &events[i].latch);
      event_post(&events[i]);
    }
    assert_int_equal(ah_driver_wait(fix.driver, &waiter, links, 3, false),
                     AHTTP_OK);
    for (size_t i = 0; i < 3; i++) {
      assert_true(i >= needed || ah_latch_is_set(&events[i].latch));
      assert_true(ah_list_is_empty(&events[i].latch.links));
    }
    for (size_t i = 0; i < 3; i++) { /* before their memory goes */
      assert_int_equal(wait_for_latch(&fix, &events[i].latch, FOREVER),
                       AHTTP_OK);
    }
  }
  fixture_close(&fix);
}

static void wait_on_letter(ah_letter *letter)
{
  event *self = AH_CONTAINER(letter, event, letter);
  ah_latch never;
  ah_latch_init(&never);
  self->rv_on_loop = wait_for_latch(self->fix, &never, FOREVER);
  if (ah_driver_lead(self->fix->driver) != AHTTP_ESTATE ||
      !ah_driver_is_on_loop(self->fix->driver)) {
    atomic_fetch_add(&self->fix->failures, 1);
  }
  ah_driver_set(self->fix->driver, &self->latch);
}

static void waiting_on_the_loop_is_refused(void **state)
{
  fixture fix;
  (void)state;
  fixture_open(&fix, AH_DRIVEN_BY_WAITERS);
  event e;
  event_init(&e, &fix, 0);
  e.letter.run = wait_on_letter;
  event_post(&e);
  assert_int_equal(wait_for_latch(&fix, &e.latch, FOREVER), AHTTP_OK);
  assert_int_equal(e.rv_on_loop, AHTTP_ESTATE);
  fixture_close(&fix);
}

static void detached_driver_refuses_letters_and_keeps_none(void **state)
{
  fixture fix;
  (void)state;
  fixture_open(&fix, AH_DRIVEN_BY_WAITERS);
  event first;
  event second;
  event_init(&first, &fix, 0);
  event_init(&second, &fix, 0);
  event_post(&first);
  assert_int_equal(ah_driver_post(fix.driver, &first.letter), AHTTP_ESTATE);
  ah_driver_detach(fix.driver);
  fix.is_detached = true;
  assert_true(ah_latch_is_set(&first.latch));
  assert_int_equal(ah_driver_post(fix.driver, &second.letter), AHTTP_ECLOSED);
  assert_false(ah_driver_is_on_loop(fix.driver));
  assert_int_equal(ah_driver_lead(fix.driver), AH_BLOCKED);
  assert_int_equal(wait_for_latch(&fix, &second.latch, 1), AHTTP_ETIMEOUT_WAIT);
  fixture_close(&fix);
}

static void note_finish(void *arg)
{
  *(bool *)arg = true;
}

static void who_resigns_finishes_and_nobody_leads_again(void **state)
{
  fixture fix;
  (void)state;
  fixture_open(&fix, AH_DRIVEN_BY_WAITERS);
  bool is_finished = false;
  assert_int_equal(ah_driver_lead(fix.driver), AHTTP_OK);
  ah_driver_resign(fix.driver);
  assert_int_equal(ah_driver_lead(fix.driver), AHTTP_OK);
  ah_driver_set_finish(fix.driver, note_finish, &is_finished);
  assert_false(is_finished);
  ah_driver_resign(fix.driver);
  assert_true(is_finished);
  assert_true(ah_driver_is_on_loop(fix.driver)); /* still this thread's */
  fixture_close(&fix);
}

static void callers_loop_is_never_led(void **state)
{
  fixture fix;
  (void)state;
  fixture_open(&fix, AH_DRIVEN_BY_CALLER);
  ah_latch never;
  ah_latch_init(&never);
  assert_true(ah_driver_is_on_loop(fix.driver));
  assert_int_equal(wait_for_latch(&fix, &never, FOREVER), AHTTP_ESTATE);
  fixture_close(&fix);
}

/* Until the delay is over, of which nobody takes notice. */
static void await_due(const event *self)
{
  assert_true(ah_list_is_linked(&self->delay.node));
  while (uv_hrtime() / 1000000 < self->delay.due_ms + 5) {
  }
}

static void undriven_time_does_not_expire_what_has_arrived(void **state)
{
  fixture fix;
  (void)state;
  fixture_open(&fix, AH_DRIVEN_BY_WAITERS);
  event e; /* whose delay is a deadline that comes due while nobody turns */
  event arrived;
  event_init(&e, &fix, 5);
  event_init(&arrived, &fix, 0);
  event_post(&e);
  ah_loop_hold(fix.loop);
  (void)uv_run(&fix.uv, UV_RUN_NOWAIT);
  await_due(&e);
  event_post(&arrived);
  assert_int_equal(wait_for_latch(&fix, &arrived.latch, FOREVER), AHTTP_OK);
  assert_int_equal(arrived.turn, 1);
  assert_int_equal(wait_for_latch(&fix, &e.latch, FOREVER), AHTTP_OK);
  assert_int_equal(e.turn, 2);
  ah_loop_drop(fix.loop);
  fixture_close(&fix);
}

/* Timers come before the poll, which would wait for ever. */
static void what_happens_before_the_poll_ends_the_wait(void **state)
{
  fixture fix;
  (void)state;
  fixture_open(&fix, AH_DRIVEN_BY_WAITERS);
  event e;
  event_init(&e, &fix, 3);
  event_post(&e);
  assert_int_equal(wait_for_latch(&fix, &e.latch, 0), AHTTP_ETIMEOUT_WAIT);
  await_due(&e);
  assert_int_equal(wait_for_latch(&fix, &e.latch, FOREVER), AHTTP_OK);
  fixture_close(&fix);
}

static int make_driver(void *arg)
{
  ah_driver *driver;
  (void)arg;
  int rv = ah_driver_new(&driver, AH_DRIVEN_BY_WAITERS);
  ah_driver_unref(driver);
  return rv;
}

/* Not under AddressSanitizer, where none is kept. */
#if defined(__SANITIZE_ADDRESS__)
#  define SPARES 0
#else
#  define SPARES 1
#endif

static void driver_keeps_the_block_left_last(void **state)
{
  (void)state;
  fixture fix;
  test_alloc_install();
  fixture_open(&fix, AH_DRIVEN_BY_WAITERS);
  assert_null(ah_driver_take_spare(fix.driver));
  void *first = ah_malloc(1);
  void *second = ah_malloc(1);
  ah_driver_leave_spare(fix.driver, first);
  ah_driver_leave_spare(fix.driver, second); /* frees the first */
  void *taken = ah_driver_take_spare(fix.driver);
  assert_ptr_equal(taken, SPARES > 0 ? second : NULL);
  assert_null(ah_driver_take_spare(fix.driver));
  ah_driver_leave_spare(fix.driver, SPARES > 0 ? taken : ah_malloc(1));
  fixture_close(&fix); /* frees what is left */
  test_alloc_remove();
}

static void driver_needs_memory(void **state)
{
  (void)state;
  test_alloc_fail_each(make_driver, NULL);
}

/* --- Several threads. --------------------------------------------------------
 */

/* A thread that waits for an event it posts itself: before, or (|is_late|) when
 * it has waited in vain. */
typedef struct party {
  fixture *fix;
  uv_thread_t thread;
  unsigned seed;
  uint32_t delay_ms;
  uint32_t timeout_ms;
  bool is_late;
  int rv;
  unsigned timeouts;
  uv_sem_t *is_about_to_wait; /* or NULL */
} party;

static void party_wait(void *arg)
{
  party *self = arg;
  event e;
  event_init(&e, self->fix, self->delay_ms);
  if (!self->is_late) {
    event_post(&e);
  }
  if (self->is_about_to_wait != NULL) {
    uv_sem_post(self->is_about_to_wait);
  }
  self->rv = wait_for_latch(self->fix, &e.latch, self->timeout_ms);
  if (self->is_late) {
    event_post(&e);
  }
  if (self->rv != AHTTP_OK &&
      wait_for_latch(self->fix, &e.latch, FOREVER) != AHTTP_OK) {
    atomic_fetch_add(&self->fix->failures, 1);
  }
  atomic_fetch_add(&self->fix->parties_over, 1);
}

static void parties_start(party *parties, size_t count, fixture *fix,
                          void (*run)(void *arg))
{
  for (size_t i = 0; i < count; i++) {
    parties[i].fix = fix;
    parties[i].seed = (unsigned)(i + 1) * 7919U;
    assert_int_equal(uv_thread_create(&parties[i].thread, run, &parties[i]), 0);
  }
}

static void parties_join(party *parties, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    assert_int_equal(uv_thread_join(&parties[i].thread), 0);
  }
}

static void served_leader_hands_the_loop_on(void **state)
{
  fixture fix;
  (void)state;
  fixture_open(&fix, AH_DRIVEN_BY_WAITERS);
  party parties[6] = {{.fix = NULL}};
  for (size_t i = 0; i < 6; i++) {
    parties[i].delay_ms = (uint32_t)(1 + 2 * i);
    parties[i].timeout_ms = FOREVER;
  }
  parties_start(parties, 6, &fix, party_wait);
  parties_join(parties, 6);
  for (size_t i = 0; i < 6; i++) {
    assert_int_equal(parties[i].rv, AHTTP_OK);
  }
  assert_int_equal(ah_driver_lead(fix.driver), AHTTP_OK); /* it is free */
  ah_driver_resign(fix.driver);
  fixture_close(&fix);
}

static void late_leader_hands_the_loop_on(void **state)
{
  fixture fix;
  (void)state;
  fixture_open(&fix, AH_DRIVEN_BY_WAITERS);
  party parties[4] = {{.fix = NULL}};
  for (size_t i = 0; i < 4; i++) {
    parties[i].is_late = i < 3;
    parties[i].delay_ms = i < 3 ? 0 : 20;
    parties[i].timeout_ms = i < 3 ? 5 : FOREVER;
  }
  parties_start(parties, 4, &fix, party_wait);
  parties_join(parties, 4);
  for (size_t i = 0; i < 4; i++) {
    assert_int_equal(parties[i].rv, i < 3 ? AHTTP_ETIMEOUT_WAIT : AHTTP_OK);
  }
  fixture_close(&fix);
}

static void take_over(void *arg)
{
  party *self = arg;
  ah_driver_take(self->fix->driver);
  self->rv = ah_driver_is_on_loop(self->fix->driver) ? AHTTP_OK : AHTTP_ESTATE;
  ah_driver_resign(self->fix->driver);
}

static void who_takes_the_lead_waits_for_the_leader(void **state)
{
  fixture fix;
  (void)state;
  fixture_open(&fix, AH_DRIVEN_BY_WAITERS);
  party taker[2] = {{.rv = 1}, {.rv = 1}};
  assert_int_equal(ah_driver_lead(fix.driver), AHTTP_OK);
  parties_start(taker, 2, &fix, take_over);
  assert_int_equal(taker[0].rv, 1); /* this thread still leads */
  ah_driver_resign(fix.driver);
  parties_join(taker, 2);
  assert_int_equal(taker[0].rv, AHTTP_OK);
  assert_int_equal(taker[1].rv, AHTTP_OK);
  fixture_close(&fix);
}

static void all_sleep_on_a_callers_loop(void **state)
{
  fixture fix;
  (void)state;
  fixture_open(&fix, AH_DRIVEN_BY_CALLER);
  uv_sem_t waiting;
  assert_int_equal(uv_sem_init(&waiting, 0), 0);
  party parties[3] = {{.fix = NULL}};
  for (size_t i = 0; i < 3; i++) {
    parties[i].is_late = i == 0;
    parties[i].timeout_ms = i == 0 ? 1 : FOREVER;
    parties[i].delay_ms = 10;
    parties[i].is_about_to_wait = &waiting;
  }
  parties_start(parties, 3, &fix, party_wait);
  for (size_t i = 0; i < 3; i++) {
    uv_sem_wait(&waiting);
  }
  ah_loop_hold(fix.loop);
  while (atomic_load(&fix.parties_over) < 3) {
    (void)uv_run(&fix.uv, UV_RUN_NOWAIT);
  }
  parties_join(parties, 3);
  ah_loop_drop(fix.loop);
  assert_int_equal(parties[0].rv, AHTTP_ETIMEOUT_WAIT);
  assert_int_equal(parties[1].rv, AHTTP_OK);
  assert_int_equal(parties[2].rv, AHTTP_OK);
  uv_sem_destroy(&waiting);
  fixture_close(&fix);
}

static unsigned next_random(unsigned *seed)
{
  *seed = *seed * 1103515245U + 12345U;
  return *seed >> 16;
}

/* Times and delays are of the same size, so that they meet: served as the time
 * is over, woken to lead as it is over, over while leading. */
static void party_torture(void *arg)
{
  party *self = arg;
  for (int i = 0; i < TORTURE_ROUNDS; i++) {
    self->delay_ms = next_random(&self->seed) % 4;
    self->timeout_ms = next_random(&self->seed) % 4;
    if (next_random(&self->seed) % 5 == 0) {
      self->timeout_ms = FOREVER;
    }
    party_wait(self);
    self->timeouts += self->rv == AHTTP_ETIMEOUT_WAIT;
    if (self->rv != AHTTP_OK && self->rv != AHTTP_ETIMEOUT_WAIT) {
      atomic_fetch_add(&self->fix->failures, 1);
    }
  }
}

static void no_wake_up_is_lost_in_many_hand_overs(void **state)
{
  fixture fix;
  (void)state;
  fixture_open(&fix, AH_DRIVEN_BY_WAITERS);
  party parties[TORTURE_THREADS] = {{.fix = NULL}};
  parties_start(parties, TORTURE_THREADS, &fix, party_torture);
  parties_join(parties, TORTURE_THREADS);
  unsigned timeouts = 0;
  for (size_t i = 0; i < TORTURE_THREADS; i++) {
    timeouts += parties[i].timeouts;
  }
  assert_true(timeouts > 0);
  assert_true(timeouts < TORTURE_THREADS * TORTURE_ROUNDS);
  fixture_close(&fix);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(waiting_thread_runs_the_loop),
      cmocka_unit_test(time_is_over_for_a_leader),
      cmocka_unit_test(looking_turns_the_loop_once),
      cmocka_unit_test(all_are_waited_for_or_any),
      cmocka_unit_test(waiting_on_the_loop_is_refused),
      cmocka_unit_test(detached_driver_refuses_letters_and_keeps_none),
      cmocka_unit_test(who_resigns_finishes_and_nobody_leads_again),
      cmocka_unit_test(callers_loop_is_never_led),
      cmocka_unit_test(undriven_time_does_not_expire_what_has_arrived),
      cmocka_unit_test(what_happens_before_the_poll_ends_the_wait),
      cmocka_unit_test(driver_keeps_the_block_left_last),
      cmocka_unit_test(driver_needs_memory),
      cmocka_unit_test(served_leader_hands_the_loop_on),
      cmocka_unit_test(late_leader_hands_the_loop_on),
      cmocka_unit_test(who_takes_the_lead_waits_for_the_leader),
      cmocka_unit_test(all_sleep_on_a_callers_loop),
      cmocka_unit_test(no_wake_up_is_lost_in_many_hand_overs),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
