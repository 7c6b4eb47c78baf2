/* SPDX-License-Identifier: MIT */
#ifndef AH_CLIENT_RETRIER_H
#define AH_CLIENT_RETRIER_H

#include <ahttp/retry.h>

#include "base/arena.h"

/* ahttp_retry_opts as the retrier uses them: every member has a value. */
typedef struct ah_retry_settings {
  uint32_t attempts_max;
  const int *statuses;
  size_t status_count;
  bool on_errors;
  uint32_t backoff_ms;
  uint32_t backoff_ms_max;
  uint32_t retry_after_ms_max; /* 0: Retry-After is not looked at */
} ah_retry_settings;

/* What a client's calls may repeat.  Of the loop's thread. */
typedef struct ah_retry_budget {
  uint64_t parts; /* of a repetition, AH_RETRY_PARTS to one */
  uint64_t parts_max;
  bool is_unlimited;
} ah_retry_budget;

enum {
  /* A response that is good brings one part back: with a fifth of all requests
   * repeated the budget lasts for ever, which is what reqwest and Finagle
   * allow. */
  AH_RETRY_PARTS = 5
};

/*
 * Copies what |opts| (may be NULL) says; |*out| is NULL if nothing is to be
 * sent again.  AHTTP_OK, AHTTP_EINVAL or AHTTP_ENOMEM.
 */
int ah_retry_settings_copy(const ah_retry_settings **out, ah_arena *arena,
                           const ahttp_retry_opts *opts);

/* A full budget, of the size that |opts| (may be NULL) says. */
void ah_retry_budget_init(ah_retry_budget *budget,
                          const ahttp_retry_opts *opts);

/* The longest wait before the |retries|th repetition, from 0. */
uint32_t ah_retry_backoff_ms(const ah_retry_settings *settings,
                             unsigned retries);

#endif
