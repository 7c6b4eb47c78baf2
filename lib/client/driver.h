/* SPDX-License-Identifier: MIT */
#ifndef AH_CLIENT_DRIVER_H
#define AH_CLIENT_DRIVER_H

#include <stdatomic.h>

#include "base/arena.h"
#include "base/list.h"
#include "net/deadline.h"
#include "net/loop.h"

/*
 * Who runs a client's loop, and how threads wait for what happens on it.
 *
 * A driver outlives its client: calls and futures hold references, and a client
 * that is gone has merely taken its loop away.
 */
typedef struct ah_driver ah_driver;

typedef enum ah_driver_kind {
  AH_DRIVEN_BY_WAITERS, /* whoever waits, one at a time */
  AH_DRIVEN_BY_THREAD,  /* one thread of the library's */
  AH_DRIVEN_BY_CALLER   /* the program, as it likes */
} ah_driver_kind;

/* Something that happens once, for threads to wait for. */
typedef struct ah_latch {
  atomic_bool is_set; /* written under the driver's lock */
  ah_list links;      /* of those who wait for it; under the driver's lock */
} ah_latch;

/* One thread that waits, on its own stack.  All but |deadline| is guarded by
 * the driver's lock, though the thread that leads may read what only the loop's
 * thread writes. */
typedef struct ah_waiter {
  ah_list_node node; /* in the driver's sleepers */
  uv_cond_t cond;    /* for sleeping; made when first needed */
  bool has_cond;
  bool is_timed_out;
  size_t needed;      /* latches still to be set; 0: served */
  uv_loop_t *turning; /* that this thread is in uv_run() of, or NULL */
  uint64_t due_ns;    /* by ah_clock_ns(); UINT64_MAX: never */
  ah_deadline deadline;
} ah_waiter;

/* A waiter's place at a latch. */
typedef struct ah_link {
  ah_list_node node; /* in latch->links while neither is done with the other */
  ah_waiter *waiter;
} ah_link;

/* With one reference and no loop yet.  AHTTP_OK or AHTTP_ENOMEM. */
int ah_driver_new(ah_driver **out, ah_driver_kind kind);
ah_driver *ah_driver_ref(ah_driver *driver);
void ah_driver_unref(ah_driver *driver);

/*
 * The memory of a call that has ended, for the next one; any thread may ask.
 * NULL: there is none.  A block that is left here is the driver's.
 */
void *ah_driver_take_spare(ah_driver *driver);
void ah_driver_leave_spare(ah_driver *driver, void *block);

/* What calls begin their arenas with. */
ah_arena_stock *ah_driver_stock(ah_driver *driver);

/* Gives it the loop, once, before any thread but this one knows it. */
void ah_driver_attach(ah_driver *driver, ah_loop *loop);

/*
 * Takes the loop away, on the loop's thread: letters are refused from here on,
 * and those that had been posted are run.
 */
void ah_driver_detach(ah_driver *driver);

/* True if this thread may touch the loop: it leads, or the loop is the caller's
 * and this is the thread that last ran it. */
bool ah_driver_is_on_loop(ah_driver *driver);

/* True if this thread may change what is on the loop at once: besides, it is
 * not within the callback of a trace. */
bool ah_driver_may_act(ah_driver *driver);

/* What a trace of the client says it by; the loop's thread's. */
bool *ah_driver_telling(ah_driver *driver);

/*
 * Has |letter| run on the loop's thread.  AHTTP_OK; AHTTP_ESTATE if it is in
 * the inbox already; AHTTP_ECLOSED if there is no loop any more.
 */
int ah_driver_post(ah_driver *driver, ah_letter *letter);

/*
 * Makes this thread the one that runs the loop, until ah_driver_resign().
 *
 * AHTTP_OK; AH_BLOCKED if another one does (or should: the kind is not
 * AH_DRIVEN_BY_WAITERS); AHTTP_ESTATE if this thread is on the loop already.
 */
int ah_driver_lead(ah_driver *driver);

/* The same, but waits until whoever leads has resigned; for the thread that
 * closes the client, and for AH_DRIVEN_BY_THREAD's. */
void ah_driver_take(ah_driver *driver);

/* Lets another thread lead.  If ah_driver_set_finish() was called meanwhile,
 * nobody will: the loop is finished here. */
void ah_driver_resign(ah_driver *driver);

/* Has |finish| run, outside of any callback, when this thread stops leading;
 * from a callback of the loop that it leads. */
void ah_driver_set_finish(ah_driver *driver, void (*finish)(void *arg),
                          void *arg);

/* Sees, without waiting, to what has come in while nobody ran the loop; for the
 * thread that leads.  If that was less than a millisecond ago it saves itself
 * the system call, unless |by_all_means|. */
void ah_driver_catch_up(ah_driver *driver, bool by_all_means);

void ah_latch_init(ah_latch *latch);
bool ah_latch_is_set(const ah_latch *latch);

/* Sets it and wakes who waited for it alone or last.  |latch| may be gone when
 * this returns.  Once, unless it is reset. */
void ah_driver_set(ah_driver *driver, ah_latch *latch);

/* Unsets it again, for the one thread that waits for it. */
void ah_driver_reset(ah_driver *driver, ah_latch *latch);

/* Waits for |needed| latches, |timeout_ms| (UINT32_MAX: any time) from now. */
void ah_waiter_init(ah_waiter *waiter, size_t needed, uint32_t timeout_ms);

/* Adds |latch|, which no other thread knows yet, to what |waiter| waits for;
 * |link| stays until the wait is over. */
void ah_waiter_watch(ah_waiter *waiter, ah_link *link, ah_latch *latch);

/* The same with a latch that others may know, and that may be set. */
void ah_driver_watch(ah_driver *driver, ah_waiter *waiter, ah_link *link,
                     ah_latch *latch);

/*
 * Waits until |waiter| is served, running the loop if nobody else does.  With
 * |is_leading| this thread has the lead already and gives it up here.  |links|
 * are the |count| of ah_driver_watch(), which are unlinked.
 *
 * AHTTP_OK; AHTTP_ETIMEOUT_WAIT; AHTTP_ESTATE if this thread is on the loop, so
 * that waiting would be for ever.
 */
int ah_driver_wait(ah_driver *driver, ah_waiter *waiter, ah_link *links,
                   size_t count, bool is_leading);

#endif
