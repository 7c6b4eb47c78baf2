/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "net/hand_clock.h"

#include <stdatomic.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/clock.h"

/* What a new one shows: not 0, which stands for "did not happen". */
#define HAND_CLOCK_START_NS ((uint64_t)1000 * 1000 * 1000)

struct ahttp_clock {
  _Atomic(uint64_t) now_ns; /* written under the lock */
  uv_mutex_t lock;
  ah_list seats;
};

int ahttp_clock_new(ahttp_clock **out)
{
  *out = NULL;
  ahttp_clock *clock = ah_calloc(1, sizeof(*clock));
  if (clock == NULL) {
    return AHTTP_ENOMEM;
  }
  if (uv_mutex_init(&clock->lock) != 0) {
    ah_free(clock);
    return AHTTP_ENOMEM;
  }
  atomic_init(&clock->now_ns, HAND_CLOCK_START_NS);
  ah_list_init(&clock->seats);
  *out = clock;
  return AHTTP_OK;
}

void ahttp_clock_free(ahttp_clock *clock)
{
  if (clock == NULL) {
    return;
  }
  ah_assert(ah_list_is_empty(&clock->seats));
  uv_mutex_destroy(&clock->lock);
  ah_free(clock);
}

void ahttp_clock_advance(ahttp_clock *clock, uint64_t ms)
{
  uv_mutex_lock(&clock->lock);
  (void)atomic_fetch_add(&clock->now_ns, ms * AH_NS_PER_MS);
  AH_LIST_FOREACH (node, &clock->seats) {
    ah_clock_seat *seat = AH_CONTAINER(node, ah_clock_seat, node);
    (void)ah_loop_post(seat->loop, &seat->letter); /* or it is on its way */
  }
  uv_mutex_unlock(&clock->lock);
}

uint64_t ahttp_clock_now_ns(const ahttp_clock *clock)
{
  return clock == NULL ? ah_clock_ns() : atomic_load(&clock->now_ns);
}

void ah_clock_sit(ah_clock_seat *seat, ahttp_clock *clock)
{
  ah_assert(seat->clock == NULL && seat->letter.run != NULL);
  seat->clock = clock;
  uv_mutex_lock(&clock->lock);
  ah_list_push_back(&clock->seats, &seat->node);
  uv_mutex_unlock(&clock->lock);
}

void ah_clock_leave(ah_clock_seat *seat)
{
  if (seat->clock == NULL) {
    return;
  }
  uv_mutex_lock(&seat->clock->lock);
  ah_list_remove(&seat->node);
  uv_mutex_unlock(&seat->clock->lock);
}
