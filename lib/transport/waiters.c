/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "transport/waiters.h"

#include "base/assert.h"

static ah_exchange *exchange_at(ah_list_node *node)
{
  return node == NULL ? NULL : AH_CONTAINER(node, ah_exchange, node);
}

static ah_exchange *line_first(const ah_waiters_line *line)
{
  ah_list_node *node = ah_list_first(&line->covered);
  return exchange_at(node != NULL ? node : ah_list_first(&line->blocked));
}

void ah_waiters_init(ah_waiters *waiters)
{
  *waiters = (ah_waiters){0};
  for (int i = 0; i < AH_WAIT_LINES; i++) {
    ah_list_init(&waiters->lines[i].covered);
    ah_list_init(&waiters->lines[i].blocked);
  }
}

/* Whoever comes behind a blocked one is blocked as well. */
static bool waiters_is_blocked_at(const ah_waiters *waiters, ah_wait_line line)
{
  for (unsigned i = 0; i <= line; i++) {
    if (!ah_list_is_empty(&waiters->lines[i].blocked)) {
      return true;
    }
  }
  return false;
}

void ah_waiters_push(ah_waiters *waiters, ah_exchange *exchange,
                     ah_wait_line line, uint64_t conn_id_min)
{
  ah_waiters_line *at = &waiters->lines[line];
  bool is_covered = !waiters_is_blocked_at(waiters, line);
  ah_list_push_back(is_covered ? &at->covered : &at->blocked, &exchange->node);
  exchange->wait.line = line;
  exchange->wait.conn_id_min = conn_id_min;
  exchange->wait.is_covered = is_covered;
  waiters->count++;
  if (line == AH_WAIT_FRESH) {
    waiters->fresh_count++;
  }
  if (is_covered) {
    waiters->covered_count++;
  } else {
    ah_exchange_await_pool(exchange);
  }
}

void ah_waiters_remove(ah_waiters *waiters, ah_exchange *exchange)
{
  ah_assert(ah_list_is_linked(&exchange->node) && waiters->count > 0);
  ah_list_remove(&exchange->node);
  waiters->count--;
  if (exchange->wait.line == AH_WAIT_FRESH) {
    waiters->fresh_count--;
  }
  if (exchange->wait.is_covered) {
    waiters->covered_count--;
  }
  if (!exchange->ended) {
    ah_exchange_await_nothing(exchange);
  }
}

/* The first one of the lines from |line| on. */
static ah_exchange *waiters_first_from(const ah_waiters *waiters,
                                       ah_wait_line line)
{
  ah_exchange *first = NULL;
  for (unsigned i = line; i < AH_WAIT_LINES && first == NULL; i++) {
    first = line_first(&waiters->lines[i]);
  }
  return first;
}

ah_exchange *ah_waiters_first(const ah_waiters *waiters)
{
  return waiters_first_from(waiters, AH_WAIT_FRESH);
}

ah_exchange *ah_waiters_pop(ah_waiters *waiters, uint64_t conn_id)
{
  ah_exchange *exchange = ah_waiters_first(waiters);
  if (exchange != NULL && exchange->wait.conn_id_min > conn_id) {
    exchange = waiters_first_from(waiters, AH_WAIT_FRESH + 1);
  }
  if (exchange != NULL) {
    ah_waiters_remove(waiters, exchange);
  }
  return exchange;
}

/* Covers the first blocked one. */
static void waiters_cover_one(ah_waiters *waiters)
{
  ah_waiters_line *line = waiters->lines;
  while (ah_list_is_empty(&line->blocked)) {
    line++;
    ah_assert(line < waiters->lines + AH_WAIT_LINES);
  }
  ah_exchange *exchange = exchange_at(ah_list_pop_front(&line->blocked));
  ah_assert(exchange != NULL);
  ah_list_push_back(&line->covered, &exchange->node);
  exchange->wait.is_covered = true;
  waiters->covered_count++;
  ah_exchange_await_nothing(exchange);
}

/* Blocks the last covered one. */
static void waiters_block_one(ah_waiters *waiters)
{
  ah_waiters_line *line = waiters->lines + AH_WAIT_LINES - 1;
  while (ah_list_is_empty(&line->covered)) {
    ah_assert(line > waiters->lines);
    line--;
  }
  ah_exchange *exchange = exchange_at(ah_list_last(&line->covered));
  ah_assert(exchange != NULL);
  ah_list_remove(&exchange->node);
  ah_list_push_front(&line->blocked, &exchange->node);
  exchange->wait.is_covered = false;
  waiters->covered_count--;
  ah_exchange_await_pool(exchange);
}

void ah_waiters_cover(ah_waiters *waiters, uint64_t count)
{
  while (waiters->covered_count > count) {
    waiters_block_one(waiters);
  }
  while (waiters->covered_count < count &&
         waiters->covered_count < waiters->count) {
    waiters_cover_one(waiters);
  }
}
