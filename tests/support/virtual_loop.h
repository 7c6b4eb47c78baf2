/* SPDX-License-Identifier: MIT */
#ifndef VIRTUAL_LOOP_H
#define VIRTUAL_LOOP_H

#include "base/list.h"
#include "net/deadline.h"
#include "net/loop.h"

/*
 * A loop without libuv whose clock only the test moves.  It takes the place of
 * net/loop.c and net/deadline.c at link time, as far as lib/transport uses
 * them, so it is included by exactly one file of a program, and no object that
 * needs the real loop may be linked with it.
 */
struct ah_loop {
  ah_list tasks;
  ah_list deadlines; /* in the order they were started */
  uint64_t now_ns;
};

static inline void virtual_loop_init(ah_loop *loop)
{
  ah_list_init(&loop->tasks);
  ah_list_init(&loop->deadlines);
  loop->now_ns = 1000 * 1000000ULL; /* 0 means "did not happen" */
}

/* Runs the tasks, as the end of a turn does. */
static inline void virtual_loop_turn(ah_loop *loop)
{
  ah_list_node *node;
  while ((node = ah_list_pop_front(&loop->tasks)) != NULL) {
    ah_task *task = AH_CONTAINER(node, ah_task, node);
    task->run(task);
  }
}

static inline ah_deadline *virtual_loop_next_deadline(ah_loop *loop)
{
  ah_deadline *next = NULL;
  AH_LIST_FOREACH (node, &loop->deadlines) {
    ah_deadline *deadline = AH_CONTAINER(node, ah_deadline, node);
    if (next == NULL || deadline->due_ms < next->due_ms) {
      next = deadline;
    }
  }
  return next;
}

/* Ends the turn, then moves the clock |ms| on; what expires on the way does so
 * at its time, each in a turn of its own. */
static inline void virtual_loop_advance(ah_loop *loop, uint32_t ms)
{
  virtual_loop_turn(loop);
  uint64_t end_ms = ah_loop_now_ms(loop) + ms;
  ah_deadline *next;
  while ((next = virtual_loop_next_deadline(loop)) != NULL &&
         next->due_ms <= end_ms) {
    if (next->due_ms > ah_loop_now_ms(loop)) {
      loop->now_ns = next->due_ms * 1000000;
    }
    ah_list_remove(&next->node);
    next->expired(next);
    virtual_loop_turn(loop);
  }
  loop->now_ns = end_ms * 1000000;
}

void ah_loop_defer(ah_loop *loop, ah_task *task)
{
  if (!ah_list_is_linked(&task->node)) {
    ah_list_push_back(&loop->tasks, &task->node);
  }
}

void ah_loop_undefer(ah_task *task)
{
  ah_list_remove(&task->node);
}

uint64_t ah_loop_now_ns(ah_loop *loop)
{
  return loop->now_ns;
}

uint64_t ah_loop_now_ms(ah_loop *loop)
{
  return loop->now_ns / 1000000;
}

uint64_t ah_loop_read_clock(ah_loop *loop)
{
  return loop->now_ns;
}

void ah_deadline_start(ah_loop *loop, ah_deadline *deadline,
                       uint32_t duration_ms)
{
  ah_list_remove(&deadline->node);
  if (duration_ms == UINT32_MAX) {
    return;
  }
  deadline->duration_ms = duration_ms;
  deadline->due_ms = ah_loop_now_ms(loop) + duration_ms;
  ah_list_push_back(&loop->deadlines, &deadline->node);
}

void ah_deadline_touch(ah_loop *loop, ah_deadline *deadline)
{
  if (ah_list_is_linked(&deadline->node)) {
    ah_deadline_start(loop, deadline, deadline->duration_ms);
  }
}

void ah_deadline_stop(ah_deadline *deadline)
{
  ah_list_remove(&deadline->node);
}

#endif
