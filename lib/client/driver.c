/* SPDX-License-Identifier: MIT */
/*
 * Leader and followers.
 *
 * A private loop has no thread.  Of the threads that wait for something of it
 * one has the lead (|is_led|) and runs it; the others sleep, each on its own
 * condition, so that nobody is woken for another's sake.  A leader that is
 * served, or whose time is over, resigns and wakes one sleeper, who finds
 * nobody leading and takes the lead.
 *
 * No wake-up is lost, because of one rule: a thread that leaves the wait, for
 * whatever reason, wakes the first sleeper if nobody leads.  So a sleeper who
 * is woken to take the lead, but finds its time over at the same moment, passes
 * the word on.  Sleepers are taken off the list when they are woken, so the
 * word always goes to one who is asleep.
 *
 * What a thread waits for is a latch, or several: a waiter counts how many have
 * still to be set.  Latches are set on the loop's thread; all of this is
 * guarded by one lock, which is never held while the loop runs or user code
 * does.
 *
 * The lead also decides who may touch the loop: a thread that has it, or for a
 * loop of the caller's the one that runs it.  Every other thread posts letters.
 * A thread asks whether it is the one without the lock, at every call it makes:
 * only it can have made itself the leader, or have run the loop, so that what
 * others write meanwhile cannot turn its own answer.
 */
#include "config.h"

#include "client/driver.h"

#include <ahttp/error.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/clock.h"
#include "base/error.h"

enum {
  /* Chunks kept for later, 1 MiB.  A call of HTTP/1.1 has one only from the
   * head of its response to its end; over HTTP/2 some hundreds may have them
   * at once. */
  STOCK_CHUNKS_MAX = 256
};

/* AddressSanitizer is to see who uses a call for too long. */
#if defined(__SANITIZE_ADDRESS__)
#  define KEEPS_SPARE false
#else
#  define KEEPS_SPARE true
#endif

/* What ah_driver_set_finish() was given. */
typedef struct driver_finish {
  void (*run)(void *arg); /* or NULL */
  void *arg;
} driver_finish;

struct ah_driver {
  atomic_uint refs;
  ah_driver_kind kind;
  _Atomic(void *) spare; /* see ah_driver_take_spare() */
  ah_arena_stock stock;
  uv_mutex_t lock;

  /* Written under |lock|.  |loop| is taken away on its own thread, which may
   * read it without.  |leader| is set before |is_led|: who sees that somebody
   * leads, and himself as the leader, does. */
  _Atomic(ah_loop *) loop; /* NULL before attach and after detach */
  atomic_bool is_led;
  _Atomic(uv_thread_t) leader; /* if it is led */
  _Atomic(uv_thread_t) runner; /* that last ran the loop; the loop's */

  /* Guarded by |lock|. */
  ah_list sleepers; /* unserved and asleep, the next to be woken first */
  driver_finish finish;

  /* The loop's thread's. */
  bool has_adopted; /* the leader has told the loop that it is */
  bool is_telling;  /* see ah_driver_telling() */
};

static ah_loop *driver_loop(ah_driver *driver)
{
  return atomic_load_explicit(&driver->loop, memory_order_relaxed);
}

/* --- Lifecycle. ------------------------------------------------------------
 */

int ah_driver_new(ah_driver **out, ah_driver_kind kind)
{
  *out = NULL;
  ah_driver *driver = ah_calloc(1, sizeof(*driver));
  if (driver == NULL) {
    return AHTTP_ENOMEM;
  }
  if (uv_mutex_init(&driver->lock) != 0) {
    ah_free(driver);
    return AHTTP_ENOMEM;
  }
  atomic_init(&driver->refs, 1);
  atomic_init(&driver->spare, NULL);
  ah_arena_stock_init(&driver->stock, KEEPS_SPARE ? STOCK_CHUNKS_MAX : 0);
  atomic_init(&driver->loop, NULL);
  atomic_init(&driver->is_led, false);
  atomic_init(&driver->leader, uv_thread_self());
  atomic_init(&driver->runner, uv_thread_self());
  driver->kind = kind;
  ah_list_init(&driver->sleepers);
  *out = driver;
  return AHTTP_OK;
}

ah_driver *ah_driver_ref(ah_driver *driver)
{
  atomic_fetch_add_explicit(&driver->refs, 1, memory_order_relaxed);
  return driver;
}

void ah_driver_unref(ah_driver *driver)
{
  if (driver == NULL) {
    return;
  }
  unsigned before =
      atomic_fetch_sub_explicit(&driver->refs, 1, memory_order_acq_rel);
  ah_assert(before > 0);
  if (before > 1) {
    return;
  }
  ah_assert(driver_loop(driver) == NULL && ah_list_is_empty(&driver->sleepers));
  uv_mutex_destroy(&driver->lock);
  ah_free(atomic_load_explicit(&driver->spare, memory_order_relaxed));
  ah_arena_stock_clear(&driver->stock);
  ah_free(driver);
}

void *ah_driver_take_spare(ah_driver *driver)
{
  return atomic_exchange_explicit(&driver->spare, NULL, memory_order_acquire);
}

void ah_driver_leave_spare(ah_driver *driver, void *block)
{
  if (!KEEPS_SPARE) {
    ah_free(block);
    return;
  }
  ah_free(
      atomic_exchange_explicit(&driver->spare, block, memory_order_acq_rel));
}

ah_arena_stock *ah_driver_stock(ah_driver *driver)
{
  return &driver->stock;
}

void ah_driver_attach(ah_driver *driver, ah_loop *loop)
{
  ah_loop_share_thread(loop, &driver->runner);
  atomic_store_explicit(&driver->loop, loop, memory_order_relaxed);
}

void ah_driver_detach(ah_driver *driver)
{
  uv_mutex_lock(&driver->lock);
  ah_loop *loop = driver_loop(driver);
  atomic_store_explicit(&driver->loop, NULL, memory_order_relaxed);
  uv_mutex_unlock(&driver->lock);
  ah_loop_read_inbox(loop);
}

/* --- The lead. --------------------------------------------------------------
 */

bool ah_driver_is_on_loop(ah_driver *driver)
{
  uv_thread_t self = uv_thread_self();
  if (driver->kind == AH_DRIVEN_BY_CALLER) {
    return atomic_load_explicit(&driver->runner, memory_order_relaxed) ==
               self &&
           driver_loop(driver) != NULL;
  }
  return atomic_load_explicit(&driver->is_led, memory_order_acquire) &&
         atomic_load_explicit(&driver->leader, memory_order_relaxed) == self &&
         driver_loop(driver) != NULL;
}

/* With the lock held, as are all functions named so. */
static bool driver_is_led_locked(ah_driver *driver)
{
  return atomic_load_explicit(&driver->is_led, memory_order_relaxed);
}

static bool driver_can_lead_locked(ah_driver *driver)
{
  return driver->kind == AH_DRIVEN_BY_WAITERS &&
         !driver_is_led_locked(driver) && driver_loop(driver) != NULL;
}

static void driver_lead_locked(ah_driver *driver)
{
  atomic_store_explicit(&driver->leader, uv_thread_self(),
                        memory_order_relaxed);
  atomic_store_explicit(&driver->is_led, true, memory_order_release);
  driver->has_adopted = false;
}

/* Nobody may be left asleep while nobody leads. */
static void driver_wake_next_locked(ah_driver *driver)
{
  if (driver_is_led_locked(driver) || driver->kind != AH_DRIVEN_BY_WAITERS) {
    return;
  }
  ah_list_node *node = ah_list_pop_front(&driver->sleepers);
  if (node != NULL) {
    uv_cond_signal(&AH_CONTAINER(node, ah_waiter, node)->cond);
  }
}

/* Frees the lead, unless there is something to finish: then nobody is to lead
 * again, and the caller runs it when it has dropped the lock. */
static driver_finish driver_resign_locked(ah_driver *driver)
{
  driver_finish finish = driver->finish;
  driver->finish.run = NULL;
  if (finish.run == NULL) {
    atomic_store_explicit(&driver->is_led, false, memory_order_relaxed);
    driver_wake_next_locked(driver);
  }
  return finish;
}

bool ah_driver_may_act(ah_driver *driver)
{
  return ah_driver_is_on_loop(driver) && !driver->is_telling;
}

bool *ah_driver_telling(ah_driver *driver)
{
  return &driver->is_telling;
}

int ah_driver_post(ah_driver *driver, ah_letter *letter)
{
  int rv = AHTTP_ECLOSED;
  uv_mutex_lock(&driver->lock);
  ah_loop *loop = driver_loop(driver);
  if (loop != NULL) {
    rv = ah_loop_post(loop, letter) ? AHTTP_OK : AHTTP_ESTATE;
  }
  uv_mutex_unlock(&driver->lock);
  return rv;
}

int ah_driver_lead(ah_driver *driver)
{
  if (ah_driver_is_on_loop(driver)) {
    return AHTTP_ESTATE;
  }
  int rv = AH_BLOCKED;
  uv_mutex_lock(&driver->lock);
  if (driver_can_lead_locked(driver)) {
    driver_lead_locked(driver);
    rv = AHTTP_OK;
  }
  uv_mutex_unlock(&driver->lock);
  return rv;
}

void ah_driver_resign(ah_driver *driver)
{
  uv_mutex_lock(&driver->lock);
  driver_finish finish = driver_resign_locked(driver);
  uv_mutex_unlock(&driver->lock);
  if (finish.run != NULL) {
    finish.run(finish.arg);
  }
}

void ah_driver_set_finish(ah_driver *driver, void (*finish)(void *arg),
                          void *arg)
{
  uv_mutex_lock(&driver->lock);
  driver->finish = (driver_finish){finish, arg};
  uv_mutex_unlock(&driver->lock);
}

/* Once in a lead. */
static bool driver_adopt(ah_driver *driver)
{
  if (driver->has_adopted) {
    return false;
  }
  driver->has_adopted = true;
  return ah_loop_adopt(driver_loop(driver));
}

void ah_driver_catch_up(ah_driver *driver, bool by_all_means)
{
  ah_loop *loop = driver_loop(driver);
  if (driver_adopt(driver) || by_all_means) {
    ah_loop_hold(loop);
    (void)uv_run(ah_loop_uv(loop), UV_RUN_NOWAIT);
    ah_loop_end_turn(loop);
    ah_loop_drop(loop);
  }
}

/* --- Latches. ---------------------------------------------------------------
 */

void ah_latch_init(ah_latch *latch)
{
  atomic_init(&latch->is_set, false);
  ah_list_init(&latch->links);
}

bool ah_latch_is_set(const ah_latch *latch)
{
  return atomic_load_explicit(&latch->is_set, memory_order_acquire);
}

/* Has a thread that turns the loop look up: the end of a turn comes before the
 * poll, which must not wait for what has happened already. */
static void waiter_stop_turning(ah_waiter *waiter)
{
  if (waiter->turning != NULL) {
    uv_stop(waiter->turning);
  }
}

/* One of its latches was set. */
static void driver_serve_locked(ah_waiter *waiter)
{
  if (waiter->needed == 0) {
    return;
  }
  waiter->needed--;
  if (waiter->needed > 0) {
    return;
  }
  waiter_stop_turning(waiter);
  if (ah_list_is_linked(&waiter->node)) {
    ah_list_remove(&waiter->node);
    uv_cond_signal(&waiter->cond);
  }
}

void ah_driver_set(ah_driver *driver, ah_latch *latch)
{
  uv_mutex_lock(&driver->lock);
  atomic_store_explicit(&latch->is_set, true, memory_order_release);
  ah_list_node *node;
  while ((node = ah_list_pop_front(&latch->links)) != NULL) {
    driver_serve_locked(AH_CONTAINER(node, ah_link, node)->waiter);
  }
  uv_mutex_unlock(&driver->lock);
}

void ah_driver_reset(ah_driver *driver, ah_latch *latch)
{
  uv_mutex_lock(&driver->lock);
  atomic_store_explicit(&latch->is_set, false, memory_order_relaxed);
  uv_mutex_unlock(&driver->lock);
}

/* --- Waiting. ---------------------------------------------------------------
 */

static void waiter_on_expired(ah_deadline *deadline)
{
  ah_waiter *waiter = AH_CONTAINER(deadline, ah_waiter, deadline);
  waiter->is_timed_out = true;
  waiter_stop_turning(waiter);
}

void ah_waiter_init(ah_waiter *waiter, size_t needed, uint32_t timeout_ms)
{
  *waiter = (ah_waiter){.needed = needed,
                        .due_ns = UINT64_MAX,
                        .deadline.expired = waiter_on_expired};
  if (timeout_ms != UINT32_MAX) {
    waiter->due_ns = ah_clock_ns() + (uint64_t)timeout_ms * AH_NS_PER_MS;
  }
}

static bool waiter_is_over(const ah_waiter *waiter)
{
  return waiter->needed == 0 || waiter->is_timed_out;
}

/* What is left of its time, ns. */
static uint64_t waiter_left_ns(const ah_waiter *waiter)
{
  uint64_t now_ns = ah_clock_ns();
  return waiter->due_ns > now_ns ? waiter->due_ns - now_ns : 0;
}

/* Sleeps until woken, by whatever.  At |at_front| it is woken first when the
 * lead is free. */
static void driver_sleep_locked(ah_driver *driver, ah_waiter *waiter,
                                bool at_front)
{
  if (!waiter->has_cond) {
    int rv = uv_cond_init(&waiter->cond); /* fails for bad attributes only */
    ah_assert(rv == 0);
    waiter->has_cond = true;
  }
  if (at_front) {
    ah_list_push_front(&driver->sleepers, &waiter->node);
  } else {
    ah_list_push_back(&driver->sleepers, &waiter->node);
  }
  if (waiter->due_ns == UINT64_MAX) {
    uv_cond_wait(&waiter->cond, &driver->lock);
  } else {
    uint64_t left_ns = waiter_left_ns(waiter);
    if (left_ns == 0 ||
        uv_cond_timedwait(&waiter->cond, &driver->lock, left_ns) != 0) {
      waiter->is_timed_out = true;
    }
  }
  ah_list_remove(&waiter->node);
}

/* Runs the loop, which this thread leads, until |waiter| is served or late.
 * Only this thread sets latches meanwhile. */
static void driver_run(ah_driver *driver, ah_waiter *waiter)
{
  ah_loop *loop = driver_loop(driver);
  uv_run_mode mode = UV_RUN_ONCE;
  uint32_t left_ms = UINT32_MAX;
  if (waiter->due_ns != UINT64_MAX) {
    left_ms =
        (uint32_t)((waiter_left_ns(waiter) + AH_NS_PER_MS - 1) / AH_NS_PER_MS);
    mode = left_ms == 0 ? UV_RUN_NOWAIT : UV_RUN_ONCE;
  }
  (void)driver_adopt(driver); /* turns whether or not time has passed */
  ah_loop_hold(loop);
  ah_deadline_start_real(loop, &waiter->deadline, left_ms);
  ah_loop_end_turn(loop); /* what is queued would keep the poll from waiting */
  while (!waiter_is_over(waiter)) {
    waiter->turning = ah_loop_uv(loop);
    (void)uv_run(waiter->turning, mode);
    waiter->turning = NULL;
    ah_loop_end_turn(loop); /* one poll less than waiting for the next turn */
    waiter->is_timed_out = waiter->is_timed_out || mode == UV_RUN_NOWAIT;
  }
  ah_deadline_stop_real(loop, &waiter->deadline);
  ah_loop_drop(loop);
}

/* Waits until |waiter| is over; returns still leading if it led last. */
static bool driver_wait_locked(ah_driver *driver, ah_waiter *waiter,
                               bool is_leading)
{
  while (!waiter_is_over(waiter)) {
    if (!is_leading && !driver_can_lead_locked(driver)) {
      driver_sleep_locked(driver, waiter, false);
      continue;
    }
    if (!is_leading) {
      driver_lead_locked(driver);
      is_leading = true;
    }
    uv_mutex_unlock(&driver->lock);
    driver_run(driver, waiter);
    uv_mutex_lock(&driver->lock);
  }
  return is_leading;
}

void ah_waiter_watch(ah_waiter *waiter, ah_link *link, ah_latch *latch)
{
  *link = (ah_link){.waiter = waiter};
  ah_list_push_back(&latch->links, &link->node);
}

void ah_driver_watch(ah_driver *driver, ah_waiter *waiter, ah_link *link,
                     ah_latch *latch)
{
  uv_mutex_lock(&driver->lock);
  if (!ah_latch_is_set(latch)) {
    ah_waiter_watch(waiter, link, latch);
  } else {
    *link = (ah_link){.waiter = waiter};
    waiter->needed -= waiter->needed > 0;
  }
  uv_mutex_unlock(&driver->lock);
}

int ah_driver_wait(ah_driver *driver, ah_waiter *waiter, ah_link *links,
                   size_t count, bool is_leading)
{
  ah_driver_ref(driver); /* what is waited for may be all that holds it */
  if (is_leading && !waiter_is_over(waiter)) {
    driver_run(driver, waiter);
  }
  uv_mutex_lock(&driver->lock);
  int rv = AHTTP_OK;
  if (waiter->needed > 0 && !is_leading && ah_driver_is_on_loop(driver)) {
    rv = AHTTP_ESTATE;
  } else {
    is_leading = driver_wait_locked(driver, waiter, is_leading);
    rv = waiter->needed == 0 ? AHTTP_OK : AHTTP_ETIMEOUT_WAIT;
  }
  for (size_t i = 0; i < count; i++) {
    ah_list_remove(&links[i].node);
  }
  driver_finish finish = {NULL, NULL};
  if (is_leading) {
    finish = driver_resign_locked(driver);
  } else {
    driver_wake_next_locked(driver);
  }
  uv_mutex_unlock(&driver->lock);
  if (waiter->has_cond) {
    uv_cond_destroy(&waiter->cond);
  }
  if (finish.run != NULL) {
    finish.run(finish.arg);
  }
  ah_driver_unref(driver);
  return rv;
}

void ah_driver_take(ah_driver *driver)
{
  ah_waiter self;
  ah_waiter_init(&self, 1, UINT32_MAX);
  uv_mutex_lock(&driver->lock);
  while (driver_is_led_locked(driver)) {
    driver_sleep_locked(driver, &self, true);
  }
  driver_lead_locked(driver);
  uv_mutex_unlock(&driver->lock);
  if (self.has_cond) {
    uv_cond_destroy(&self.cond);
  }
}
