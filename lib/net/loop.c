/* SPDX-License-Identifier: MIT */
/*
 * A turn of libuv's loop is: timers, idle, prepare, poll (where sockets call
 * us), check, closing.  Everything that happens in one turn is gathered until
 * the next prepare, so that all requests started and all frames answered leave
 * in one write per connection, just before the loop would wait.  If the poll
 * brings very many events that is done now and then between them.
 *
 * The idle handle is for work that is queued between our prepare and the poll,
 * and for programs that drive the loop with UV_RUN_ONCE or by
 * uv_backend_timeout(): while it is active, or was when the turn began, the
 * poll does not block.
 *
 * Time is read at most once before the poll and once after it, but for what
 * asks for a new reading and for work between many events.  It is forgotten
 * when prepare ends and in check, so that a program that stays away from the
 * loop for long does not start deadlines in the past.
 */
#include "config.h"
#include "net/loop.h"

#include <ahttp/error.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/clock.h"
#include "net/loop_internal.h"

enum {
  /* Rounds of tasks and flushers in one turn.  Work that makes more work every
   * time would otherwise keep the loop from its sockets; what is left is done
   * in the next turn. */
  LOOP_ROUNDS_MAX = 64,
  /* Events of one poll between which work is done.  After many more the memory
   * of the first would have left the cache; after fewer the peers, which get
   * what is written then, would be woken too often. */
  LOOP_EVENTS_MAX = 64,
  /* Letters taken out of the inbox in one turn, for the same reason. */
  LOOP_LETTERS_MAX = 1024,
  /* Chunks kept for later, 1 MiB.  A connection has one only while it writes
   * and while the kernel does not take what it wrote. */
  LOOP_FREE_CHUNKS_MAX = 16
};

static void loop_note_thread(ah_loop *loop)
{
  uv_thread_t self = uv_thread_self();
  if (atomic_load_explicit(loop->thread, memory_order_relaxed) != self) {
    atomic_store_explicit(loop->thread, self, memory_order_relaxed);
  }
}

void ah_loop_enter(ah_loop *loop)
{
  if (loop->thread != NULL) {
    loop_note_thread(loop);
  }
  loop->now_ns = 0;
}

static void loop_run_tasks(ah_list *tasks)
{
  ah_list batch;
  ah_list_init(&batch);
  ah_list_splice(&batch, tasks);
  ah_list_node *node;
  while ((node = ah_list_pop_front(&batch)) != NULL) {
    ah_task *task = AH_CONTAINER(node, ah_task, node);
    task->run(task);
  }
}

static void loop_run_flushers(ah_loop *loop)
{
  ah_list batch;
  ah_list_init(&batch);
  ah_list_splice(&batch, &loop->flushers);
  ah_list_node *node;
  while ((node = ah_list_pop_front(&batch)) != NULL) {
    ah_flusher *flusher = AH_CONTAINER(node, ah_flusher, node);
    flusher->flush(flusher);
  }
}

/* For the turn that is ending, or for one after it. */
static bool loop_is_empty(const ah_loop *loop)
{
  return ah_list_is_empty(&loop->tasks) && ah_list_is_empty(&loop->later) &&
         ah_list_is_empty(&loop->flushers) && ah_list_is_empty(&loop->last);
}

static bool loop_has_work(const ah_loop *loop)
{
  return !ah_list_is_empty(&loop->tasks) || !ah_list_is_empty(&loop->flushers);
}

static void loop_on_idle(uv_idle_t *idle)
{
  (void)idle; /* that it is active is all that is wanted */
}

/* Sees to it that the next poll does not wait. */
static void loop_forbid_wait(ah_loop *loop)
{
  if (!uv_is_active((uv_handle_t *)&loop->idle)) {
    (void)uv_idle_start(&loop->idle, loop_on_idle); /* fails without callback */
  }
}

/* Sees to it that the poll does not wait before what was queued is done. */
static void loop_wake(ah_loop *loop)
{
  if (!loop->ending_turn) {
    loop_forbid_wait(loop);
  }
}

static void loop_on_prepare(uv_prepare_t *prepare)
{
  ah_loop *loop = prepare->data;
  ah_loop_enter(loop);
  ah_loop_end_turn(loop);
}

static void loop_on_check(uv_check_t *check)
{
  ah_loop *loop = check->data;
  ah_loop_enter(loop);
  ah_list_splice(&loop->tasks, &loop->later); /* the idle handle is active */
}

static void loop_on_alarm(ah_alarm *alarm)
{
  ah_loop *loop = AH_CONTAINER(alarm, ah_loop, alarm);
  loop->rang_ms = ah_clock_ns() / AH_NS_PER_MS;
  ah_loop_defer_last(loop, &loop->expire);
}

static ah_letter *inbox_pop(ah_loop *loop)
{
  uv_mutex_lock(&loop->inbox.lock);
  ah_letter *letter = loop->inbox.first;
  if (letter != NULL) {
    loop->inbox.first = letter->next;
    if (letter->next == NULL) {
      loop->inbox.end = &loop->inbox.first;
    }
    letter->next = NULL;
    letter->posted = false;
  }
  uv_mutex_unlock(&loop->inbox.lock);
  return letter;
}

static void loop_on_async(uv_async_t *async)
{
  ah_loop *loop = async->data;
  ah_loop_enter(loop);
  for (int i = 0; i < LOOP_LETTERS_MAX; i++) {
    ah_letter *letter = inbox_pop(loop);
    if (letter == NULL) {
      return;
    }
    letter->run(letter);
  }
  (void)uv_async_send(async); /* fails only for other kinds of handle */
}

/* Gives back what is not a handle. */
static void loop_free(ah_loop *loop)
{
  while (loop->free_chunks != NULL) {
    ah_chunk *chunk = loop->free_chunks;
    loop->free_chunks = chunk->next;
    ah_free(chunk);
  }
  ah_free(loop->buffers);
  ah_free(loop->bulk);
  ah_free(loop);
}

/* The last one frees the loop. */
static void loop_on_part_closed(ah_loop *loop)
{
  loop->handles_open--;
  if (loop->handles_open > 0) {
    return;
  }
  void (*on_closed)(void *arg) = loop->on_closed;
  void *arg = loop->closed_arg;
  uv_mutex_destroy(&loop->inbox.lock);
  loop_free(loop);
  if (on_closed != NULL) {
    on_closed(arg);
  }
}

static void loop_on_alarm_closed(ah_alarm *alarm)
{
  loop_on_part_closed(AH_CONTAINER(alarm, ah_loop, alarm));
}

static int uv_new(uv_loop_t **out)
{
  *out = ah_malloc(sizeof(**out));
  if (*out == NULL) {
    return AHTTP_ENOMEM;
  }
  if (uv_loop_init(*out) != 0) {
    ah_free(*out);
    *out = NULL;
    return AHTTP_ENOMEM;
  }
  return AHTTP_OK;
}

/* Initialises the handles.  The one that can fail comes first. */
static int loop_open_handles(ah_loop *loop)
{
  loop->alarm.ring = loop_on_alarm;
  loop->alarm.on_closed = loop_on_alarm_closed;
  if (ah_alarm_init(&loop->alarm, loop->uv) != AHTTP_OK) {
    return AHTTP_ENOMEM;
  }
  int rv = uv_async_init(loop->uv, &loop->async, loop_on_async);
  ah_assert(rv == 0); /* what it may lack the loop has for one of its own */
  (void)uv_prepare_init(loop->uv, &loop->prepare);
  (void)uv_check_init(loop->uv, &loop->check);
  (void)uv_idle_init(loop->uv, &loop->idle);
  loop->prepare.data = loop;
  loop->check.data = loop;
  loop->idle.data = loop;
  loop->async.data = loop;
  (void)uv_prepare_start(&loop->prepare, loop_on_prepare);
  (void)uv_check_start(&loop->check, loop_on_check);
  uv_unref((uv_handle_t *)&loop->prepare);
  uv_unref((uv_handle_t *)&loop->check);
  uv_unref((uv_handle_t *)&loop->idle);
  uv_unref((uv_handle_t *)&loop->async);
  return AHTTP_OK;
}

static void loop_init(ah_loop *loop)
{
  ah_list_init(&loop->tasks);
  ah_list_init(&loop->later);
  ah_list_init(&loop->flushers);
  ah_list_init(&loop->last);
  loop->inbox.end = &loop->inbox.first;
  loop->alarm_ms = UINT64_MAX;
  ah_wheel_init(&loop->wheel, ah_loop_now_ms(loop));
  loop->now_ns = 0; /* the first turn may be far away */
}

int ah_loop_new(ah_loop **out, uv_loop_t *uv)
{
  *out = NULL;
  ah_loop *loop = ah_calloc(1, sizeof(*loop));
  if (loop == NULL) {
    return AHTTP_ENOMEM;
  }
  loop_init(loop);
  loop->uv = uv;
  loop->buffers = ah_malloc((size_t)2 * AH_LOOP_READ_BYTES);
  if (loop->buffers == NULL) {
    goto fail;
  }
  if (uv == NULL && uv_new(&loop->uv) != AHTTP_OK) {
    goto fail;
  }
  if (uv_mutex_init(&loop->inbox.lock) != 0) {
    goto fail;
  }
  if (loop_open_handles(loop) != AHTTP_OK) {
    uv_mutex_destroy(&loop->inbox.lock);
    goto fail;
  }
  *out = loop;
  return AHTTP_OK;

fail:
  if (uv == NULL && loop->uv != NULL) {
    ah_loop_free_uv(loop->uv);
  }
  loop_free(loop);
  return AHTTP_ENOMEM;
}

static void loop_on_handle_closed(uv_handle_t *handle)
{
  loop_on_part_closed(handle->data);
}

/* The others are closed one turn later: by then the close callbacks of all
 * sockets that were closed before the loop have run. */
static void loop_on_prepare_closed(uv_handle_t *prepare)
{
  ah_loop *loop = prepare->data;
  loop->handles_open = 4;
  uv_close((uv_handle_t *)&loop->check, loop_on_handle_closed);
  uv_close((uv_handle_t *)&loop->idle, loop_on_handle_closed);
  uv_close((uv_handle_t *)&loop->async, loop_on_handle_closed);
  ah_alarm_close(&loop->alarm);
}

void ah_loop_close(ah_loop *loop, void (*on_closed)(void *arg), void *arg)
{
  ah_loop_undefer(&loop->expire);
  ah_assert(loop_is_empty(loop));
  ah_assert(loop->holds == 0);
  ah_clock_leave(&loop->seat);
  loop->on_closed = on_closed;
  loop->closed_arg = arg;
  uv_close((uv_handle_t *)&loop->prepare, loop_on_prepare_closed);
}

void ah_loop_free_uv(uv_loop_t *uv)
{
  int rv = uv_loop_close(uv);
  ah_assert(rv == 0);
  ah_free(uv);
}

uv_loop_t *ah_loop_uv(ah_loop *loop)
{
  return loop->uv;
}

void ah_loop_defer(ah_loop *loop, ah_task *task)
{
  ah_assert(task->run != NULL);
  if (ah_list_is_linked(&task->node)) {
    return;
  }
  ah_list_push_back(&loop->tasks, &task->node);
  loop_wake(loop);
}

void ah_loop_defer_turn(ah_loop *loop, ah_task *task)
{
  ah_assert(task->run != NULL);
  if (ah_list_is_linked(&task->node)) {
    return;
  }
  ah_list_push_back(&loop->later, &task->node);
  loop_forbid_wait(loop);
}

void ah_loop_defer_last(ah_loop *loop, ah_task *task)
{
  ah_assert(task->run != NULL);
  if (ah_list_is_linked(&task->node)) {
    return;
  }
  ah_list_push_back(&loop->last, &task->node);
  loop_wake(loop);
}

void ah_loop_undefer(ah_task *task)
{
  ah_list_remove(&task->node);
}

void ah_loop_mark_dirty(ah_loop *loop, ah_flusher *flusher)
{
  ah_assert(flusher->flush != NULL);
  if (ah_list_is_linked(&flusher->node)) {
    return;
  }
  ah_list_push_back(&loop->flushers, &flusher->node);
  loop_wake(loop);
}

void ah_loop_unmark_dirty(ah_flusher *flusher)
{
  ah_list_remove(&flusher->node);
}

void ah_loop_hold(ah_loop *loop)
{
  loop->holds++;
  if (loop->holds == 1) {
    uv_ref((uv_handle_t *)&loop->prepare);
  }
}

void ah_loop_drop(ah_loop *loop)
{
  ah_assert(loop->holds > 0);
  loop->holds--;
  if (loop->holds == 0) {
    uv_unref((uv_handle_t *)&loop->prepare);
  }
}

bool ah_loop_post(ah_loop *loop, ah_letter *letter)
{
  uv_mutex_lock(&loop->inbox.lock);
  bool was_posted = letter->posted;
  bool was_empty = loop->inbox.first == NULL;
  if (!was_posted) {
    letter->posted = true;
    letter->next = NULL;
    *loop->inbox.end = letter;
    loop->inbox.end = &letter->next;
    if (was_empty) {
      /* Under the lock, lest the loop be closed in between by what the letter
       * does.  It fails only for other kinds of handle. */
      (void)uv_async_send(&loop->async);
    }
  }
  uv_mutex_unlock(&loop->inbox.lock);
  return !was_posted;
}

void ah_loop_read_inbox(ah_loop *loop)
{
  ah_letter *letter;
  while ((letter = inbox_pop(loop)) != NULL) {
    letter->run(letter);
  }
}

void ah_loop_share_thread(ah_loop *loop, _Atomic(uv_thread_t) *thread)
{
  loop->thread = thread;
  loop_note_thread(loop);
}

bool ah_loop_adopt(ah_loop *loop)
{
  ah_loop_enter(loop);
  uint64_t now_ns = ah_clock_ns();
  if (loop->seat.clock == NULL) {
    loop->now_ns = now_ns;
  }
  /* The end of its last turn.  libuv's time is the same clock's; if it is
   * coarser we are away more often. */
  return now_ns / AH_NS_PER_MS != uv_now(loop->uv);
}

/* Runs tasks and flushers, and those that they queue. */
static void loop_work(ah_loop *loop)
{
  loop->events = 0;
  loop->ending_turn = true;
  for (int round = 0; round < LOOP_ROUNDS_MAX && loop_has_work(loop); round++) {
    loop_run_tasks(&loop->tasks);
    loop_run_flushers(loop);
  }
  loop->ending_turn = false; /* what is queued now is for the next turn */
}

void ah_loop_leave(ah_loop *loop)
{
  loop->events++;
  if (loop->events == LOOP_EVENTS_MAX) {
    loop->now_ns = 0;
    loop_work(loop);
  }
}

void ah_loop_end_turn(ah_loop *loop)
{
  loop_work(loop);
  if (!ah_list_is_empty(&loop->last)) {
    loop_run_tasks(&loop->last);
  }
  loop->now_ns = 0;
  if (loop_is_empty(loop)) {
    (void)uv_idle_stop(&loop->idle); /* always 0 */
  } /* else it is active: the work was queued before */
}

uint64_t ah_loop_read_clock(ah_loop *loop)
{
  loop->now_ns = loop->seat.clock == NULL
                     ? ah_clock_ns()
                     : ahttp_clock_now_ns(loop->seat.clock);
  return loop->now_ns;
}

uint64_t ah_loop_now_ns(ah_loop *loop)
{
  return loop->now_ns == 0 ? ah_loop_read_clock(loop) : loop->now_ns;
}

uint64_t ah_loop_now_ms(ah_loop *loop)
{
  return ah_loop_now_ns(loop) / AH_NS_PER_MS;
}

uint8_t *ah_loop_read_buffer(ah_loop *loop)
{
  return loop->buffers;
}

uint8_t *ah_loop_plain_buffer(ah_loop *loop)
{
  return loop->buffers + AH_LOOP_READ_BYTES;
}

uint8_t *ah_loop_bulk_buffer(ah_loop *loop)
{
  if (loop->bulk == NULL) {
    loop->bulk = ah_malloc(AH_LOOP_BULK_BYTES);
  }
  return loop->bulk;
}

ah_chunk *ah_loop_acquire_chunk(ah_loop *loop)
{
  ah_chunk *chunk = loop->free_chunks;
  if (chunk != NULL) {
    loop->free_chunks = chunk->next;
    loop->free_chunk_count--;
  } else {
    chunk = ah_malloc(sizeof(*chunk));
    if (chunk == NULL) {
      return NULL;
    }
  }
  chunk->next = NULL;
  chunk->head = 0;
  chunk->tail = 0;
  return chunk;
}

void ah_loop_release_chunk(ah_loop *loop, ah_chunk *chunk)
{
  if (loop->free_chunk_count >= LOOP_FREE_CHUNKS_MAX) {
    ah_free(chunk);
    return;
  }
  chunk->next = loop->free_chunks;
  loop->free_chunks = chunk;
  loop->free_chunk_count++;
}
