/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "net/deadline.h"

#include "base/assert.h"
#include "net/loop_internal.h"

/* The timer re-arms itself. */
static void deadlines_on_timer(uv_timer_t *timer);

/* The clock that the loop goes by has reached the time, or will tell. */
static void deadlines_arm_by_clock(ah_loop *loop)
{
  if (loop->wheel.wake_ms <= ah_loop_now_ms(loop)) {
    (void)ah_loop_post(loop, &loop->seat.letter);
  }
}

static void deadlines_arm_timer(ah_loop *loop)
{
  uint64_t now_ms = ah_loop_now_ms(loop);
  uint64_t wake_ms = loop->wheel.wake_ms;
  loop->timer_ms = wake_ms;
  /* At least 1 ms: libuv fires one of 0 in the same pass, for ever if it starts
   * itself again.  libuv's time may lag behind ours; firing early is harmless.
   * It fails only for a handle that is being closed, when no deadline is left
   * to wait for. */
  (void)uv_timer_start(&loop->timer, deadlines_on_timer,
                       wake_ms > now_ms ? wake_ms - now_ms : 1, 0);
}

/* Has the timer fire no later than the wheel wants to be woken. */
static void deadlines_arm(ah_loop *loop)
{
  if (loop->seat.clock != NULL) {
    deadlines_arm_by_clock(loop);
  } else if (loop->wheel.wake_ms < loop->timer_ms) {
    deadlines_arm_timer(loop);
  }
}

/* Has every deadline expire that is due. */
static void deadlines_expire(ah_loop *loop)
{
  uint64_t now_ms = ah_loop_now_ms(loop);
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

static void deadlines_on_timer(uv_timer_t *timer)
{
  ah_loop *loop = timer->data;
  ah_loop_enter(loop);
  loop->timer_ms = UINT64_MAX;
  deadlines_expire(loop);
}

static void deadlines_on_clock(ah_letter *letter)
{
  deadlines_expire(AH_CONTAINER(letter, ah_loop, seat.letter));
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

static void deadline_on_real_timer(uv_timer_t *timer)
{
  ah_loop *loop = timer->data;
  ah_loop_enter(loop);
  ah_deadline *deadline = loop->real;
  loop->real = NULL;
  deadline->expired(deadline);
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
  (void)uv_timer_start(&loop->timer, deadline_on_real_timer, duration_ms, 0);
}

void ah_deadline_stop_real(ah_loop *loop, ah_deadline *deadline)
{
  ah_deadline_stop(deadline);
  if (loop->real == deadline) {
    loop->real = NULL;
    (void)uv_timer_stop(&loop->timer); /* always 0 */
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
