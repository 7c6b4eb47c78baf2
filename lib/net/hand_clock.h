/* SPDX-License-Identifier: MIT */
#ifndef AH_NET_HAND_CLOCK_H
#define AH_NET_HAND_CLOCK_H

#include <ahttp/clock.h>

#include "base/list.h"
#include "net/loop.h"

/* A loop's place at the clock it goes by. */
typedef struct ah_clock_seat {
  ah_list_node node;  /* in the clock's list, under its lock */
  ahttp_clock *clock; /* NULL: the system's */
  ah_loop *loop;
  ah_letter letter; /* that the clock has moved */
} ah_clock_seat;

/* Has |seat->loop| told by |seat->letter|, whose run is set, when |clock| is
 * moved. */
void ah_clock_sit(ah_clock_seat *seat, ahttp_clock *clock);

/* Ends that; an empty seat is allowed. */
void ah_clock_leave(ah_clock_seat *seat);

#endif
