/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "transport/retry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ahttp/error.h>

enum {
  UNSENT_MAX = 3,
  REFUSED_MAX = 2,
  GOAWAY_MAX = 5
};

/* A request as the table's rows want it: content that can be read again, first
 * attempt, nothing special. */
static ah_retry_facts facts_of(int code)
{
  return (ah_retry_facts){
      .code = code,
      .idempotent = true,
      .can_rewind = true,
      .attempts = 1,
  };
}

/* Codes that mean that a connection was lost. */
static const int losses[] = {AHTTP_EREAD, AHTTP_EWRITE, AHTTP_EDISCONNECTED,
                             AHTTP_EGOAWAY};
enum {
  LOSS_COUNT = sizeof(losses) / sizeof(losses[0])
};

/* Every code there is. */
static const int all_codes[] = {
#define X(name, value, text) AHTTP_##name,
    AHTTP_ERROR_MAP(X)
#undef X
};
enum {
  CODE_COUNT = sizeof(all_codes) / sizeof(all_codes[0])
};

static bool is_loss(int code)
{
  for (size_t i = 0; i < LOSS_COUNT; i++) {
    if (losses[i] == code) {
      return true;
    }
  }
  return false;
}

/* The table of rules, in words: one row a situation. */
static const struct {
  const char *situation;
  int code;
  bool refused;
  bool conn_reused;
  bool written;
  bool response_started;
  bool resent;
  bool idempotent;
  bool can_rewind;
  unsigned attempts;
  ah_retry_verdict verdict;
} rows[] = {
    {"nothing written, first", AHTTP_EWRITE, false, true, false, false, false,
     false, true, 1, AH_RETRY_YES},
    {"nothing written, on a fresh connection", AHTTP_EWRITE, false, false,
     false, false, false, false, true, 1, AH_RETRY_YES},
    {"nothing written, third", AHTTP_EREAD, false, true, false, false, false,
     false, true, UNSENT_MAX, AH_RETRY_YES},
    {"nothing written, fourth", AHTTP_EREAD, false, true, false, false, false,
     false, true, UNSENT_MAX + 1, AH_RETRY_NO},
    {"nothing written, but the content is gone", AHTTP_EWRITE, false, true,
     false, false, false, true, false, 1, AH_RETRY_NO},
    {"another stream's fault, nothing written", AHTTP_EPROTO, false, true,
     false, false, false, false, true, 1, AH_RETRY_YES},
    {"another stream's fault, written", AHTTP_EPROTO, false, true, true, false,
     false, true, true, 1, AH_RETRY_NO},
    {"refused, first", AHTTP_ESTREAM, true, false, true, false, false, false,
     true, 1, AH_RETRY_YES},
    {"beyond GOAWAY, first", AHTTP_EGOAWAY, true, true, true, false, false,
     false, true, 1, AH_RETRY_YES},
    {"beyond GOAWAY, fifth", AHTTP_EGOAWAY, true, true, true, false, false,
     false, true, GOAWAY_MAX, AH_RETRY_YES},
    {"beyond GOAWAY, sixth", AHTTP_EGOAWAY, true, true, true, false, false,
     false, true, GOAWAY_MAX + 1, AH_RETRY_NO},
    {"refused, second", AHTTP_ESTREAM, true, true, true, false, false, false,
     true, REFUSED_MAX, AH_RETRY_YES},
    {"refused, third", AHTTP_ESTREAM, true, true, true, false, false, false,
     true, REFUSED_MAX + 1, AH_RETRY_NO},
    {"refused, but the content is gone", AHTTP_ESTREAM, true, true, true, false,
     false, true, false, 1, AH_RETRY_NO},
    {"refused after a response byte", AHTTP_ESTREAM, true, true, true, true,
     false, true, true, 1, AH_RETRY_NO},
    {"reset, not refused", AHTTP_ESTREAM, false, true, true, false, false, true,
     true, 1, AH_RETRY_NO},
    {"stale connection, idempotent", AHTTP_EDISCONNECTED, false, true, true,
     false, false, true, true, 1, AH_RETRY_FRESH},
    {"stale connection after one that was dead before", AHTTP_EREAD, false,
     true, true, false, false, true, true, 2, AH_RETRY_FRESH},
    {"stale connection, again", AHTTP_EDISCONNECTED, false, true, true, false,
     true, true, true, 2, AH_RETRY_NO},
    {"stale connection, not idempotent", AHTTP_EDISCONNECTED, false, true, true,
     false, false, false, true, 1, AH_RETRY_NO},
    {"stale connection, but the content is gone", AHTTP_EDISCONNECTED, false,
     true, true, false, false, true, false, 1, AH_RETRY_NO},
    {"reused connection died after a response byte", AHTTP_ETRUNCATED, false,
     true, true, true, false, true, true, 1, AH_RETRY_NO},
    {"fresh connection died", AHTTP_EDISCONNECTED, false, false, true, false,
     false, true, true, 1, AH_RETRY_NO},
};

static void retry_follows_the_table(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    const ah_retry_facts facts = {
        .code = rows[i].code,
        .refused = rows[i].refused,
        .conn_reused = rows[i].conn_reused,
        .written = rows[i].written,
        .response_started = rows[i].response_started,
        .resent = rows[i].resent,
        .idempotent = rows[i].idempotent,
        .can_rewind = rows[i].can_rewind,
        .attempts = rows[i].attempts,
    };
    if (ah_retry_decide(&facts) != rows[i].verdict) {
      fail_msg("%s: %d", rows[i].situation, (int)ah_retry_decide(&facts));
    }
  }
}

/* The properties that hold for every combination of facts, all of which are
 * tried. */
static void retry_check(const ah_retry_facts *facts)
{
  ah_retry_verdict verdict = ah_retry_decide(facts);
  if (facts->response_started || !facts->can_rewind) {
    assert_int_equal(verdict, AH_RETRY_NO);
  }
  if (verdict == AH_RETRY_FRESH) {
    /* It may have arrived. */
    assert_true(facts->idempotent && facts->conn_reused && !facts->resent);
    assert_true(is_loss(facts->code) && facts->written);
  }
  if (verdict == AH_RETRY_YES) {
    assert_true(facts->refused || !facts->written);
    assert_true(facts->attempts <= (facts->refused ? GOAWAY_MAX : UNSENT_MAX));
  }
  if (facts->written && !facts->refused && !is_loss(facts->code)) {
    assert_int_equal(verdict, AH_RETRY_NO);
  }
}

static void retry_never_resends_what_may_have_been_processed(void **state)
{
  (void)state;
  for (size_t code = 0; code < CODE_COUNT; code++) {
    for (unsigned bits = 0; bits < 128; bits++) {
      for (unsigned attempts = 1; attempts < 6; attempts++) {
        const ah_retry_facts facts = {
            .code = all_codes[code],
            .refused = (bits & 1) != 0,
            .conn_reused = (bits & 2) != 0,
            .written = (bits & 4) != 0,
            .response_started = (bits & 8) != 0,
            .resent = (bits & 16) != 0,
            .idempotent = (bits & 32) != 0,
            .can_rewind = (bits & 64) != 0,
            .attempts = attempts,
        };
        retry_check(&facts);
      }
    }
  }
}

static void retry_leaves_what_is_not_the_connections_fault(void **state)
{
  (void)state;
  static const int codes[] = {
      AHTTP_ETIMEOUT_READ,  AHTTP_ETIMEOUT_WRITE, AHTTP_ETIMEOUT_POOL,
      AHTTP_ETIMEOUT_TOTAL, AHTTP_ETLS,           AHTTP_ECERT,
      AHTTP_ECANCELED,      AHTTP_ECALLBACK,      AHTTP_EBODY,
      AHTTP_ENOMEM,         AHTTP_ECLOSED,        AHTTP_ELIMIT,
  };
  for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
    ah_retry_facts facts = facts_of(codes[i]);
    facts.conn_reused = true;
    assert_int_equal(ah_retry_decide(&facts), AH_RETRY_NO);
    facts.written = true;
    assert_int_equal(ah_retry_decide(&facts), AH_RETRY_NO);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(retry_follows_the_table),
      cmocka_unit_test(retry_never_resends_what_may_have_been_processed),
      cmocka_unit_test(retry_leaves_what_is_not_the_connections_fault),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
