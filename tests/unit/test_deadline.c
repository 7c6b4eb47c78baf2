/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <uv.h>

#include <ahttp/error.h>

#include "base/clock.h"
#include "net/deadline.h"
#include "net/loop.h"
#include "net/wheel.h"

/* --- The wheel, with the time told --- */

static void wheel_add(ah_wheel *wheel, ah_deadline *deadline, uint64_t due_ms,
                      uint64_t now_ms)
{
  deadline->due_ms = due_ms;
  ah_wheel_insert(wheel, deadline, now_ms);
}

/* Advances and says which of |deadlines| are handed out: one bit each. */
static unsigned wheel_take(ah_wheel *wheel, uint64_t now_ms,
                           const ah_deadline *deadlines)
{
  ah_list expired;
  ah_list_init(&expired);
  ah_wheel_advance(wheel, now_ms, &expired);
  unsigned taken = 0;
  ah_list_node *node;
  while ((node = ah_list_pop_front(&expired)) != NULL) {
    const ah_deadline *deadline = AH_CONTAINER(node, ah_deadline, node);
    taken |= 1U << (deadline - deadlines);
  }
  return taken;
}

static void wheel_hands_out_what_is_due_and_nothing_else(void **state)
{
  (void)state;
  static const uint64_t starts[] = {
      0, 1, 63, 64, 4095, 123456789, (UINT64_C(1) << 40) - 1};
  static const uint64_t delays[] = {0,     1,     62,     63,        64,
                                    65,    4095,  4096,   262143,    262144,
                                    90000, 60000, 300000, 4294967295};
  for (size_t s = 0; s < sizeof(starts) / sizeof(starts[0]); s++) {
    for (size_t d = 0; d < sizeof(delays) / sizeof(delays[0]); d++) {
      ah_wheel wheel;
      ah_deadline one;
      memset(&one, 0, sizeof(one));
      ah_wheel_init(&wheel, starts[s]);
      uint64_t due = starts[s] + delays[d];
      wheel_add(&wheel, &one, due, starts[s]);
      assert_true(wheel.wake_ms <= due);
      if (delays[d] > 0) {
        assert_int_equal(wheel_take(&wheel, due - 1, &one), 0);
        assert_true(wheel.wake_ms > due - 1);
        assert_true(wheel.wake_ms <= due);
      }
      assert_int_equal(wheel_take(&wheel, due, &one), 1);
      assert_int_equal(wheel.wake_ms, UINT64_MAX);
    }
  }
}

/* Woken only when it wants to be, it is never late, and seldom woken. */
static void wheel_wakes_in_time_and_seldom(void **state)
{
  (void)state;
  static const uint64_t delays[] = {1, 100, 5000, 300000, 86400000, 4294967294};
  for (size_t d = 0; d < sizeof(delays) / sizeof(delays[0]); d++) {
    ah_wheel wheel;
    ah_deadline one;
    memset(&one, 0, sizeof(one));
    uint64_t now = 987654321;
    uint64_t due = now + delays[d];
    ah_wheel_init(&wheel, now);
    wheel_add(&wheel, &one, due, now);
    unsigned wakes = 0;
    while (wheel.wake_ms != UINT64_MAX) {
      assert_true(wheel.wake_ms >= now);
      now = wheel.wake_ms;
      wakes++;
      unsigned taken = wheel_take(&wheel, now, &one);
      assert_int_equal(taken, now == due ? 1 : 0);
    }
    assert_int_equal(now, due);
    assert_true(wakes <= AH_WHEEL_LEVELS);
  }
}

static void wheel_files_anew_what_was_put_off(void **state)
{
  (void)state;
  ah_wheel wheel;
  ah_deadline deadlines[2];
  memset(deadlines, 0, sizeof(deadlines));
  ah_wheel_init(&wheel, 1000);
  wheel_add(&wheel, &deadlines[0], 1500, 1000);
  wheel_add(&wheel, &deadlines[1], 1500, 1000);
  deadlines[0].due_ms = 1900; /* touched */
  assert_int_equal(wheel_take(&wheel, 1500, deadlines), 2);
  assert_int_equal(wheel_take(&wheel, 1899, deadlines), 0);
  assert_int_equal(wheel_take(&wheel, 1900, deadlines), 1);
}

static void wheel_takes_late_insertions(void **state)
{
  (void)state;
  ah_wheel wheel;
  ah_deadline deadlines[3];
  memset(deadlines, 0, sizeof(deadlines));
  ah_wheel_init(&wheel, 1000);
  /* Nothing happens for long: the wheel has not been advanced. */
  wheel_add(&wheel, &deadlines[0], 1000005, 1000000);
  assert_int_equal(wheel.wake_ms, 1000005);
  wheel_add(&wheel, &deadlines[1], 999000, 1000001); /* due in the past */
  assert_true(wheel.wake_ms <= 1000001);
  wheel_add(&wheel, &deadlines[2], 1000001, 1000001);
  assert_int_equal(wheel_take(&wheel, 1000001, deadlines), 6);
  assert_int_equal(wheel_take(&wheel, 1000005, deadlines), 1);
}

/* Random starts, stops, touches and steps against a plain search. */
static void wheel_agrees_with_a_plain_search(void **state)
{
  (void)state;
  enum {
    COUNT = 300,
    STEPS = 20000
  };
  static ah_deadline deadlines[COUNT];
  memset(deadlines, 0, sizeof(deadlines));
  ah_wheel wheel;
  uint64_t now = 4000;
  ah_wheel_init(&wheel, now);
  srand(20240607);
  for (int step = 0; step < STEPS; step++) {
    ah_deadline *deadline = &deadlines[rand() % COUNT];
    uint64_t delay = (uint64_t)rand() >> (rand() % 31);
    switch (rand() % 6) {
    case 0:
      ah_list_remove(&deadline->node);
      break;
    case 1:
      if (ah_list_is_linked(&deadline->node)) {
        deadline->due_ms += delay % 1000;
      }
      break;
    case 2:
      now += delay % 3000;
      break;
    case 3:
      now = wheel.wake_ms != UINT64_MAX && wheel.wake_ms > now ? wheel.wake_ms
                                                               : now;
      break;
    default:
      ah_list_remove(&deadline->node);
      wheel_add(&wheel, deadline, now + delay % 100000, now);
      break;
    }
    ah_list expired;
    ah_list_init(&expired);
    ah_wheel_advance(&wheel, now, &expired);
    ah_list_node *node;
    while ((node = ah_list_pop_front(&expired)) != NULL) {
      assert_true(AH_CONTAINER(node, ah_deadline, node)->due_ms <= now);
    }
    for (int i = 0; i < COUNT; i++) {
      if (ah_list_is_linked(&deadlines[i].node)) {
        assert_true(deadlines[i].due_ms > now);
        assert_true(wheel.wake_ms <= deadlines[i].due_ms);
      }
    }
  }
  for (int i = 0; i < COUNT; i++) {
    ah_list_remove(&deadlines[i].node);
  }
}

/* --- On a loop, with short times --- */

typedef struct fixture {
  ah_loop *loop;
  uv_loop_t *uv;
} fixture;

static void note_true(void *arg)
{
  bool *flag = arg;
  *flag = true;
}

static int set_up(void **state)
{
  static fixture fix;
  assert_int_equal(ah_loop_new(&fix.loop, NULL), AHTTP_OK);
  fix.uv = ah_loop_uv(fix.loop);
  *state = &fix;
  return 0;
}

static int tear_down(void **state)
{
  fixture *fix = *state;
  bool is_closed = false;
  ah_loop_close(fix->loop, note_true, &is_closed);
  uv_run(fix->uv, UV_RUN_DEFAULT);
  assert_true(is_closed);
  ah_loop_free_uv(fix->uv);
  return 0;
}

/* A deadline that writes down in which order it expired. */
typedef struct clock_bell {
  ah_deadline deadline;
  ah_loop *loop;
  unsigned *counter;
  unsigned rang; /* 0: not yet */
  uint64_t rang_ns;
  struct clock_bell *stops;
  struct clock_bell *touches;
  unsigned restarts; /* so often it starts itself again */
} clock_bell;

static void bell_ring(ah_deadline *deadline)
{
  clock_bell *self = AH_CONTAINER(deadline, clock_bell, deadline);
  assert_false(ah_list_is_linked(&deadline->node));
  (*self->counter)++;
  self->rang = *self->counter;
  self->rang_ns = ah_clock_ns();
  uv_stop(ah_loop_uv(self->loop));
  if (self->stops != NULL) {
    ah_deadline_stop(&self->stops->deadline);
  }
  if (self->touches != NULL) {
    ah_deadline_touch(self->loop, &self->touches->deadline);
  }
  if (self->restarts > 0) {
    self->restarts--;
    ah_deadline_start(self->loop, deadline, deadline->duration_ms);
  }
}

static void bell_init(clock_bell *self, fixture *fix, unsigned *counter)
{
  memset(self, 0, sizeof(*self));
  self->deadline.expired = bell_ring;
  self->loop = fix->loop;
  self->counter = counter;
}

static void run_until_rung(fixture *fix, const clock_bell *bell)
{
  ah_loop_hold(fix->loop);
  while (bell->rang == 0) {
    uv_run(fix->uv, UV_RUN_DEFAULT); /* stopped by every bell */
  }
  ah_loop_drop(fix->loop);
}

static void deadlines_expire_by_time_whatever_their_durations(void **state)
{
  fixture *fix = *state;
  enum {
    COUNT = 40
  };
  static clock_bell bells[COUNT];
  unsigned counter = 0;
  uint64_t start = ah_clock_ns();
  for (int i = 0; i < COUNT; i++) {
    bell_init(&bells[i], fix, &counter);
    /* 1 to 40 ms in a mixed order. */
    ah_deadline_start(fix->loop, &bells[i].deadline,
                      (uint32_t)(i * 23 % COUNT) + 1);
  }
  run_until_rung(fix, &bells[33]); /* of 40 ms: 33 * 23 = 18 * 40 + 39 */
  for (int i = 0; i < COUNT; i++) {
    unsigned place = (unsigned)(i * 23 % COUNT) + 1;
    assert_int_equal(bells[i].rang, place);
    /* Never early; the clock is cut to whole milliseconds. */
    assert_true(bells[i].rang_ns - start >= (place - 1) * UINT64_C(1000000));
  }
}

static void deadline_touched_starts_over(void **state)
{
  fixture *fix = *state;
  unsigned counter = 0;
  clock_bell touched;
  clock_bell other;
  clock_bell toucher;
  bell_init(&touched, fix, &counter);
  bell_init(&other, fix, &counter);
  bell_init(&toucher, fix, &counter);
  toucher.touches = &touched;
  ah_deadline_start(fix->loop, &touched.deadline, 20);
  ah_deadline_start(fix->loop, &other.deadline, 20);
  ah_deadline_start(fix->loop, &toucher.deadline, 10);
  run_until_rung(fix, &touched);
  assert_int_equal(toucher.rang, 1);
  assert_int_equal(other.rang, 2);
  assert_int_equal(touched.rang, 3);
}

static void deadline_touched_by_one_of_the_same_moment_waits_on(void **state)
{
  fixture *fix = *state;
  unsigned counter = 0;
  clock_bell toucher;
  clock_bell touched;
  clock_bell stopped;
  bell_init(&toucher, fix, &counter);
  bell_init(&touched, fix, &counter);
  bell_init(&stopped, fix, &counter);
  toucher.touches = &touched;
  toucher.stops = &stopped;
  ah_deadline_start(fix->loop, &toucher.deadline, 5);
  ah_deadline_start(fix->loop, &touched.deadline, 5);
  ah_deadline_start(fix->loop, &stopped.deadline, 5);
  run_until_rung(fix, &touched);
  assert_true(touched.rang_ns - toucher.rang_ns >= 3 * UINT64_C(1000000));
  assert_int_equal(stopped.rang, 0);
}

static void deadline_stopped_does_not_expire(void **state)
{
  fixture *fix = *state;
  unsigned counter = 0;
  clock_bell stopped;
  clock_bell later;
  bell_init(&stopped, fix, &counter);
  bell_init(&later, fix, &counter);
  ah_deadline_start(fix->loop, &stopped.deadline, 1);
  ah_deadline_start(fix->loop, &later.deadline, 5);
  ah_deadline_stop(&stopped.deadline);
  ah_deadline_stop(&stopped.deadline);
  ah_deadline_touch(fix->loop, &stopped.deadline); /* stays unarmed */
  run_until_rung(fix, &later);
  assert_int_equal(stopped.rang, 0);
}

static void deadline_without_limit_is_not_armed(void **state)
{
  fixture *fix = *state;
  unsigned counter = 0;
  clock_bell bell;
  bell_init(&bell, fix, &counter);
  ah_deadline_start(fix->loop, &bell.deadline, UINT32_MAX);
  assert_false(ah_list_is_linked(&bell.deadline.node));
  ah_deadline_start(fix->loop, &bell.deadline, 1);
  ah_deadline_start(fix->loop, &bell.deadline, UINT32_MAX);
  assert_false(ah_list_is_linked(&bell.deadline.node));
}

static void deadline_started_again_is_moved(void **state)
{
  fixture *fix = *state;
  unsigned counter = 0;
  clock_bell sooner;
  clock_bell later;
  bell_init(&sooner, fix, &counter);
  bell_init(&later, fix, &counter);
  ah_deadline_start(fix->loop, &later.deadline, 1);
  ah_deadline_start(fix->loop, &sooner.deadline, 60000);
  ah_deadline_start(fix->loop, &later.deadline, 10);
  ah_deadline_start(fix->loop, &sooner.deadline, 5);
  run_until_rung(fix, &later);
  assert_int_equal(sooner.rang, 1);
  assert_int_equal(later.rang, 2);
}

static void deadline_may_start_itself_again(void **state)
{
  fixture *fix = *state;
  unsigned counter = 0;
  clock_bell bell;
  bell_init(&bell, fix, &counter);
  bell.restarts = 5;
  ah_deadline_start(fix->loop, &bell.deadline, 0);
  ah_loop_hold(fix->loop);
  while (bell.rang < 6) {
    unsigned before = counter;
    uv_run(fix->uv, UV_RUN_DEFAULT);
    assert_int_equal(counter - before, 1); /* not twice in one round */
  }
  ah_loop_drop(fix->loop);
}

static void deadline_does_not_keep_the_loop_alive(void **state)
{
  fixture *fix = *state;
  unsigned counter = 0;
  clock_bell bell;
  bell_init(&bell, fix, &counter);
  ah_deadline_start(fix->loop, &bell.deadline, 60000);
  assert_int_equal(uv_run(fix->uv, UV_RUN_DEFAULT), 0);
  ah_deadline_stop(&bell.deadline);
}

/* A program that stays away from the loop for long does not find what it
 * starts then expired: the loop's time is read anew. */
static void deadline_started_late_has_its_full_time(void **state)
{
  fixture *fix = *state;
  unsigned counter = 0;
  clock_bell bell;
  bell_init(&bell, fix, &counter);
  uv_run(fix->uv, UV_RUN_NOWAIT);
  uint64_t begin = ah_clock_ns();
  while (ah_clock_ns() - begin < UINT64_C(20000000)) { /* the program is busy */
  }
  uint64_t start = ah_clock_ns();
  ah_deadline_start(fix->loop, &bell.deadline, 10);
  run_until_rung(fix, &bell);
  assert_true(bell.rang_ns - start >= UINT64_C(9000000));
}

/* Setting a timer and taking it back with every poll is not free. */
static void deadline_lets_the_poll_wait_without_timeout(void **state)
{
  fixture *fix = *state;
  unsigned counter = 0;
  clock_bell bell;
  bell_init(&bell, fix, &counter);
  ah_deadline_start(fix->loop, &bell.deadline, 60000);
  ah_loop_hold(fix->loop);
  uv_run(fix->uv, UV_RUN_NOWAIT);
  assert_int_equal(uv_backend_timeout(fix->uv), -1);
  ah_loop_drop(fix->loop);
  ah_deadline_stop(&bell.deadline);
}

/* Something that a deadline is for, and that comes in. */
typedef struct arrival {
  uv_poll_t poll;
  clock_bell bell;
} arrival;

static void arrival_on_poll(uv_poll_t *poll, int status, int events)
{
  arrival *self = poll->data;
  assert_int_equal(status, 0);
  assert_true(events & UV_READABLE);
  (*self->bell.counter)++;
  ah_deadline_stop(&self->bell.deadline);
  uv_close((uv_handle_t *)poll, NULL);
}

/* A program that stays away from the loop for long is not told of a timeout if
 * what was waited for is there when it comes back. */
static void deadline_expires_after_what_the_poll_brings(void **state)
{
  fixture *fix = *state;
  enum {
    COUNT = 2 /* one that is there before the time is over, one after it */
  };
  arrival arrivals[COUNT];
  int fds[COUNT][2];
  unsigned counter = 0;
  for (int i = 0; i < COUNT; i++) {
    arrival *self = &arrivals[i];
    bell_init(&self->bell, fix, &counter);
    assert_int_equal(pipe(fds[i]), 0);
    assert_int_equal(uv_poll_init(fix->uv, &self->poll, fds[i][0]), 0);
    self->poll.data = self;
    assert_int_equal(uv_poll_start(&self->poll, UV_READABLE, arrival_on_poll),
                     0);
    ah_deadline_start(fix->loop, &self->bell.deadline, 2);
  }
  ah_loop_hold(fix->loop);
  uv_run(fix->uv, UV_RUN_NOWAIT);
  assert_int_equal(write(fds[0][1], "x", 1), 1);
  uint64_t begin = ah_clock_ns();
  while (ah_clock_ns() - begin < UINT64_C(5000000)) { /* the program is busy */
  }
  assert_int_equal(write(fds[1][1], "x", 1), 1);
  while (counter < COUNT) {
    uv_run(fix->uv, UV_RUN_NOWAIT);
  }
  ah_loop_drop(fix->loop);
  for (int i = 0; i < COUNT; i++) {
    assert_int_equal(arrivals[i].bell.rang, 0);
    close(fds[i][0]);
    close(fds[i][1]);
  }
}

/* The same if the last thing it heard was that another deadline is due. */
static void deadline_waits_for_the_poll_after_a_pause(void **state)
{
  fixture *fix = *state;
  unsigned counter = 0;
  clock_bell early;
  arrival late;
  int fds[2];
  bell_init(&early, fix, &counter);
  bell_init(&late.bell, fix, &counter);
  assert_int_equal(pipe(fds), 0);
  assert_int_equal(uv_poll_init(fix->uv, &late.poll, fds[0]), 0);
  late.poll.data = &late;
  assert_int_equal(uv_poll_start(&late.poll, UV_READABLE, arrival_on_poll), 0);
  uint64_t begin = ah_clock_ns();
  ah_deadline_start(fix->loop, &early.deadline, 2);
  ah_deadline_start(fix->loop, &late.bell.deadline, 60);
  while (ah_clock_ns() - begin < UINT64_C(5000000)) { /* the program is busy */
  }
  ah_loop_hold(fix->loop);
  uv_run(fix->uv, UV_RUN_NOWAIT); /* brings the alarm, last of all */
  assert_int_equal(early.rang, 0);
  assert_int_equal(write(fds[1], "x", 1), 1);
  while (ah_clock_ns() - begin < UINT64_C(80000000)) { /* and again */
  }
  while (counter < 2) {
    uv_run(fix->uv, UV_RUN_NOWAIT);
  }
  ah_loop_drop(fix->loop);
  assert_int_not_equal(early.rang, 0);
  assert_int_equal(late.bell.rang, 0);
  close(fds[0]);
  close(fds[1]);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(wheel_hands_out_what_is_due_and_nothing_else),
      cmocka_unit_test(wheel_wakes_in_time_and_seldom),
      cmocka_unit_test(wheel_files_anew_what_was_put_off),
      cmocka_unit_test(wheel_takes_late_insertions),
      cmocka_unit_test(wheel_agrees_with_a_plain_search),
      CASE(deadlines_expire_by_time_whatever_their_durations),
      CASE(deadline_touched_starts_over),
      CASE(deadline_touched_by_one_of_the_same_moment_waits_on),
      CASE(deadline_stopped_does_not_expire),
      CASE(deadline_without_limit_is_not_armed),
      CASE(deadline_started_again_is_moved),
      CASE(deadline_may_start_itself_again),
      CASE(deadline_does_not_keep_the_loop_alive),
      CASE(deadline_started_late_has_its_full_time),
      CASE(deadline_lets_the_poll_wait_without_timeout),
      CASE(deadline_expires_after_what_the_poll_brings),
      CASE(deadline_waits_for_the_poll_after_a_pause),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
