/* SPDX-License-Identifier: MIT */
#ifndef AH_NET_WHEEL_H
#define AH_NET_WHEEL_H

#include <stdint.h>

#include "base/list.h"

/*
 * A hierarchical timer wheel: deadlines sorted by time without comparing them
 * to each other, and without an allocation.  It knows no clock; the time is
 * told.
 */
typedef struct ah_deadline ah_deadline;

enum {
  AH_WHEEL_BITS = 6,
  AH_WHEEL_SLOTS = 1 << AH_WHEEL_BITS,
  AH_WHEEL_LEVELS = 8 /* 48 bits of milliseconds: 8900 years of uptime */
};

typedef struct ah_wheel {
  uint64_t elapsed_ms; /* everything before it has been handed out */
  uint64_t wake_ms;    /* no occupied slot begins earlier; UINT64_MAX: none is
                          occupied */
  uint64_t occupied[AH_WHEEL_LEVELS]; /* a bit for each slot; may be set for one
                                         that was emptied by stopping */
  ah_list slots[AH_WHEEL_LEVELS][AH_WHEEL_SLOTS];
} ah_wheel;

void ah_wheel_init(ah_wheel *wheel, uint64_t now_ms);

/* Adds |deadline|, which is not linked, for its due_ms.  wake_ms may fall. */
void ah_wheel_insert(ah_wheel *wheel, ah_deadline *deadline, uint64_t now_ms);

/*
 * Moves everything that is due at |now_ms| to the end of |expired|, in the
 * order of time, and brings wake_ms up to date.  What was put off since it was
 * inserted is filed anew.
 */
void ah_wheel_advance(ah_wheel *wheel, uint64_t now_ms, ah_list *expired);

#endif
