/* SPDX-License-Identifier: MIT */
#ifndef AH_NET_DEADLINE_H
#define AH_NET_DEADLINE_H

#include <ahttp/clock.h>

#include "base/list.h"
#include "net/loop.h"

/*
 * Deadlines without a timer each.  They are filed in a timer wheel under one
 * alarm, which is set anew lazily: starting and stopping are O(1) whatever the
 * durations, touching is a store.  Those that are due expire at the end of a
 * turn, since what they wait for may have come in the same poll.
 */
typedef struct ah_deadline ah_deadline;
struct ah_deadline {
  ah_list_node node; /* linked while armed */
  uint64_t due_ms; /* by ah_loop_now_ms(); may be later than it is filed for */
  uint32_t duration_ms;
  void (*expired)(ah_deadline *deadline); /* runs from the loop, unarmed */
};

/* Has |loop| and its deadlines go by |clock| (NULL: the system's), which
 * outlives it; before anything else is done with the loop. */
void ah_deadlines_set_clock(ah_loop *loop, ahttp_clock *clock);

/* Arms |deadline| for |duration_ms| from now (UINT32_MAX: never, it is
 * disarmed); armed ones are moved.  |deadline->expired| is set before. */
void ah_deadline_start(ah_loop *loop, ah_deadline *deadline,
                       uint32_t duration_ms);

/*
 * The same in real time, whatever clock the loop goes by; one at a time, and
 * not to be touched.  ah_deadline_stop_real() disarms it.
 */
void ah_deadline_start_real(ah_loop *loop, ah_deadline *deadline,
                            uint32_t duration_ms);
void ah_deadline_stop_real(ah_loop *loop, ah_deadline *deadline);

/* Starts an armed one over with its duration; leaves an unarmed one alone. */
void ah_deadline_touch(ah_loop *loop, ah_deadline *deadline);

/* Disarms; an unarmed one stays so. */
void ah_deadline_stop(ah_deadline *deadline);

#endif
