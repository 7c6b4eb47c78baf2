/* SPDX-License-Identifier: MIT */
/*
 * Level 0 has a slot for every millisecond of the 64 around now, level 1 one
 * for every 64 ms of the 4096 around now, and so on.  A deadline is filed at
 * the highest level at which its time and elapsed_ms differ, so each level
 * agrees with elapsed_ms in all higher digits: its slots never wrap, lie after
 * elapsed_ms, and those of a lower level are all earlier than those of a
 * higher one.  The earliest slot is therefore the first one of the lowest
 * occupied level.
 *
 * When the time of a slot of level n begins, its deadlines are filed again and
 * land at a lower level.  A deadline is moved at most once per level.
 */
#include "config.h"
#include "net/wheel.h"

#include "base/assert.h"
#include "net/deadline.h"

enum {
  WHEEL_SLOT_MASK = AH_WHEEL_SLOTS - 1
};

_Static_assert(AH_WHEEL_SLOTS == 64, "a level's bitmap is one uint64_t");

static unsigned level_shift(unsigned level)
{
  return level * AH_WHEEL_BITS;
}

static void wheel_file(ah_wheel *wheel, ah_deadline *deadline)
{
  uint64_t due = deadline->due_ms;
  if (due < wheel->elapsed_ms) {
    due = wheel->elapsed_ms;
  }
  uint64_t differing = due ^ wheel->elapsed_ms;
  unsigned level = 0;
  if (differing != 0) {
    level = (63U - (unsigned)__builtin_clzll(differing)) / AH_WHEEL_BITS;
  }
  ah_assert(level < AH_WHEEL_LEVELS);

  uint64_t digits = due >> level_shift(level);
  unsigned slot = (unsigned)(digits & WHEEL_SLOT_MASK);
  ah_list_push_back(&wheel->slots[level][slot], &deadline->node);
  wheel->occupied[level] |= (uint64_t)1 << slot;

  uint64_t begin = digits << level_shift(level);
  if (begin < wheel->wake_ms) {
    wheel->wake_ms = begin;
  }
}

/* Finds the earliest occupied slot and sets wake_ms to its time. */
static ah_list *wheel_find_first(ah_wheel *wheel, uint64_t **bitmap,
                                 uint64_t *bit)
{
  for (unsigned level = 0; level < AH_WHEEL_LEVELS; level++) {
    if (wheel->occupied[level] == 0) {
      continue;
    }
    unsigned slot = (unsigned)__builtin_ctzll(wheel->occupied[level]);
    unsigned above = level_shift(level + 1);
    wheel->wake_ms = ((wheel->elapsed_ms >> above) << above) |
                     ((uint64_t)slot << level_shift(level));
    *bitmap = &wheel->occupied[level];
    *bit = (uint64_t)1 << slot;
    return &wheel->slots[level][slot];
  }
  wheel->wake_ms = UINT64_MAX;
  return NULL;
}

void ah_wheel_init(ah_wheel *wheel, uint64_t now_ms)
{
  wheel->elapsed_ms = now_ms;
  wheel->wake_ms = UINT64_MAX;
  for (unsigned level = 0; level < AH_WHEEL_LEVELS; level++) {
    wheel->occupied[level] = 0;
    for (unsigned slot = 0; slot < AH_WHEEL_SLOTS; slot++) {
      ah_list_init(&wheel->slots[level][slot]);
    }
  }
}

void ah_wheel_insert(ah_wheel *wheel, ah_deadline *deadline, uint64_t now_ms)
{
  ah_assert(!ah_list_is_linked(&deadline->node));
  if (now_ms > wheel->elapsed_ms && now_ms < wheel->wake_ms) {
    wheel->elapsed_ms = now_ms; /* no slot begins in between */
  }
  wheel_file(wheel, deadline);
}

void ah_wheel_advance(ah_wheel *wheel, uint64_t now_ms, ah_list *expired)
{
  uint64_t *bitmap;
  uint64_t bit;
  ah_list *slot = wheel_find_first(wheel, &bitmap, &bit);
  while (slot != NULL && wheel->wake_ms <= now_ms) {
    ah_list filed;
    ah_list_init(&filed);
    ah_list_splice(&filed, slot);
    *bitmap &= ~bit;
    wheel->elapsed_ms = wheel->wake_ms;

    ah_list_node *node;
    while ((node = ah_list_pop_front(&filed)) != NULL) {
      ah_deadline *deadline = AH_CONTAINER(node, ah_deadline, node);
      if (deadline->due_ms <= wheel->elapsed_ms) {
        ah_list_push_back(expired, node);
      } else { /* put off, or at a finer level by now */
        wheel_file(wheel, deadline);
      }
    }
    slot = wheel_find_first(wheel, &bitmap, &bit);
  }
  if (now_ms > wheel->elapsed_ms) {
    wheel->elapsed_ms = now_ms;
  }
}
