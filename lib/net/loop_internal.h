/* SPDX-License-Identifier: MIT */
#ifndef AH_NET_LOOP_INTERNAL_H
#define AH_NET_LOOP_INTERNAL_H

#include <stdatomic.h>

#include "net/alarm.h"
#include "net/hand_clock.h"
#include "net/loop.h"
#include "net/wheel.h"

/* What loop.c and deadline.c share. */
struct ah_loop {
  uv_loop_t *uv;
  uv_prepare_t prepare; /* always active; referenced while |holds| > 0 */
  uv_check_t check;
  uv_idle_t idle; /* active while work is queued outside of prepare, or for the
                     next turn */
  uv_async_t async;
  unsigned handles_open; /* of the four after |prepare|, while closing */
  unsigned holds;

  unsigned events; /* since tasks and flushers last ran */
  ah_list tasks;
  ah_list later; /* tasks of the next turn, which the check handle moves */
  ah_list flushers;
  ah_list last;     /* tasks that wait for all of these */
  bool ending_turn; /* what is queued now runs without a wake-up */

  ah_clock_seat seat;       /* at the clock it goes by, if not the system's */
  struct ah_deadline *real; /* with such a clock: one that |alarm| is for */
  uint64_t now_ns;          /* 0: to be read when next asked for */
  ah_wheel wheel;           /* of ah_deadline */
  ah_alarm alarm;
  uint64_t alarm_ms; /* it is set to that; UINT64_MAX: it is not set */
  uint64_t rang_ms;  /* when it rang last */
  ah_task expire;    /* has deadlines expire, after what the poll has brought */

  struct {
    uv_mutex_t lock;
    ah_letter *first;
    ah_letter **end; /* the last one's next, or |first| */
  } inbox;
  _Atomic(uv_thread_t) *thread; /* that last ran a turn; NULL: nobody asks */

  uint8_t *buffers; /* read buffer, then plain buffer */
  uint8_t *bulk;    /* NULL until asked for */
  ah_chunk *free_chunks;
  unsigned free_chunk_count;

  void (*on_closed)(void *arg);
  void *closed_arg;
};

/* Begins every callback of our own handles: notes the thread and that time has
 * passed. */
void ah_loop_enter(ah_loop *loop);

#endif
