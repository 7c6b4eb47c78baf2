/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "net/deadline.h"

#include "base/assert.h"
#include "base/clock.h"
#include "net/loop_internal.h"

/* The alarm runs what sets it anew. */
static void deadlines_run(ah_task *task);

static void deadlines_set_alarm(ah_loop *loop, uint64_t due_ms)
{
  loop->expire.run = deadlines_run;
  loop->alarm_ms = due_ms;
  ah_alarm_set(&loop->alarm, due_ms);
}

/* The clock that the loop goes by has reached the time, or will tell. */
static void deadlines_arm_by_clock(ah_loop *loop)
{
  if (loop->wheel.wake_ms <= ah_loop_now_ms(loop)) {
    (void)ah_loop_post(loop, &loop->seat.letter);
  }
}

/* Has the alarm ring no later than the wheel wants to be woken. */
static void deadlines_arm(ah_loop *loop)
{
  if (loop->seat.clock != NULL) {
    deadlines_arm_by_clock(loop);
  } else if (loop->wheel.wake_ms < loop->alarm_ms) {
    deadlines_set_alarm(loop, loop->wheel.wake_ms);
  }
}

/* Has every deadline expire that is due at |now_ms|. */
static void deadlines_expire(ah_loop *loop, uint64_t now_ms)
{
  ah_list expired;
  ah_list_init(&expired);
  ah_wheel_advance(&loop->wheel, now_ms, &expired);

  ah_list_node *node;
  while ((node = ah_list_pop_front(&expired)) != NULL) {
    ah_deadline *deadline = AH_CONTAINER(node, ah_deadline, node);
    if (deadline->due_ms > now_ms) { /* touched by one that expired before */
      ah_wheel_insert(&loop->wheel, deadline, now_ms);
    } else {
      deadline->expired(deadline);
    }
  }
  deadlines_arm(loop);
}

/*
 * The alarm has rung.  If the program has been away since, what came due
 * meanwhile waits for the next poll, which may bring what it is for.  With a
 * clock of the program the alarm is for |real| alone.
 */
static void deadlines_run(ah_task *task)
{
  ah_loop *loop = AH_CONTAINER(task, ah_loop, expire);
  ah_deadline *real = loop->real;
  loop->alarm_ms = UINT64_MAX;
  if (loop->seat.clock == NULL) {
    deadlines_expire(loop, loop->rang_ms);
  } else if (real != NULL) {
    loop->real = NULL;
    real->expired(real);
  }
}

static void deadlines_on_clock(ah_letter *letter)
{
  ah_loop *loop = AH_CONTAINER(letter, ah_loop, seat.letter);
  deadlines_expire(loop, ah_loop_now_ms(loop));
}

void ah_deadlines_set_clock(ah_loop *loop, ahttp_clock *clock)
{
  if (clock == NULL) {
    return;
  }
  loop->seat.loop = loop;
  loop->seat.letter.run = deadlines_on_clock;
  ah_clock_sit(&loop->seat, clock);
  loop->now_ns = 0;
  ah_wheel_init(&loop->wheel, ah_loop_now_ms(loop));
  loop->now_ns = 0; /* the first turn may be far away */
}

void ah_deadline_start_real(ah_loop *loop, ah_deadline *deadline,
                            uint32_t duration_ms)
{
  if (loop->seat.clock == NULL) {
    ah_deadline_start(loop, deadline, duration_ms);
    return;
  }
  ah_assert(loop->real == NULL && deadline->expired != NULL);
  if (duration_ms == UINT32_MAX) {
    return;
  }
  loop->real = deadline;
  deadlines_set_alarm(loop, ah_clock_ns() / AH_NS_PER_MS + duration_ms);
}

void ah_deadline_stop_real(ah_loop *loop, ah_deadline *deadline)
{
  ah_deadline_stop(deadline);
  if (loop->real == deadline) {
    loop->real = NULL;
    loop->alarm_ms = UINT64_MAX;
    ah_alarm_clear(&loop->alarm);
    ah_loop_undefer(&loop->expire);
  }
}

void ah_deadline_start(ah_loop *loop, ah_deadline *deadline,
                       uint32_t duration_ms)
{
  ah_assert(deadline->expired != NULL);
  if (duration_ms == UINT32_MAX) {
    ah_list_remove(&deadline->node);
    return;
  }
  uint64_t now_ms = ah_loop_now_ms(loop);
  uint64_t due_ms = now_ms + duration_ms;
  bool is_put_off =
      ah_list_is_linked(&deadline->node) && due_ms >= deadline->due_ms;
  deadline->duration_ms = duration_ms;
  deadline->due_ms = due_ms;
  if (is_put_off) {
    return; /* the wheel files it anew when it comes to it */
  }
  ah_list_remove(&deadline->node);
  ah_wheel_insert(&loop->wheel, deadline, now_ms);
  deadlines_arm(loop);
}

void ah_deadline_touch(ah_loop *loop, ah_deadline *deadline)
{
  if (ah_list_is_linked(&deadline->node)) {
    deadline->due_ms = ah_loop_now_ms(loop) + deadline->duration_ms;
  }
}

void ah_deadline_stop(ah_deadline *deadline)
{
  ah_list_remove(&deadline->node);
}
