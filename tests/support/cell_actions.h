/* SPDX-License-Identifier: MIT */
#ifndef AH_TESTS_CELL_ACTIONS_H
#define AH_TESTS_CELL_ACTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "support/call_cell.h"

/* What can be done in the middle of a callback. */
typedef struct cell_action {
  const char *name;
  void (*act)(call_cell *cell);
  unsigned needs; /* see cell_action_fits() */
} cell_action;

extern const cell_action cell_actions[];
extern const size_t cell_action_count;

/* True if |action| makes sense at |place|. */
bool cell_action_fits(const cell_action *action, cell_place place);

#endif
