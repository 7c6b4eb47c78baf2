/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/exit_code.h"

static void add(cli_tally *tally, cli_outcome outcome, cli_class class,
                int status)
{
  const cli_ending ending = {
      .outcome = outcome, .class = class, .status = status};

  cli_tally_add(tally, &ending);
}

static void single_code_tells_what_went_wrong(void **state)
{
  static const struct {
    cli_outcome outcome;
    cli_class class;
    int status;
    int code;
  } rows[] = {
      {CLI_OUTCOME_OK, CLI_CLASS_NONE, 200, 0},
      {CLI_OUTCOME_NOT_MODIFIED, CLI_CLASS_NONE, 304, 0},
      {CLI_OUTCOME_HTTP_ERROR, CLI_CLASS_NONE, 302, 3},
      {CLI_OUTCOME_HTTP_ERROR, CLI_CLASS_NONE, 404, 4},
      {CLI_OUTCOME_HTTP_ERROR, CLI_CLASS_NONE, 599, 5},
      {CLI_OUTCOME_ERROR, CLI_CLASS_TIMEOUT_TTFB, 0, 2},
      {CLI_OUTCOME_ERROR, CLI_CLASS_TIMEOUT_IDLE, 200, 2},
      {CLI_OUTCOME_ERROR, CLI_CLASS_REDIRECT_LIMIT, 0, 6},
      {CLI_OUTCOME_ERROR, CLI_CLASS_CONNECT_REFUSED, 0, 7},
      {CLI_OUTCOME_ERROR, CLI_CLASS_TLS_CERT, 0, 8},
      {CLI_OUTCOME_ERROR, CLI_CLASS_DNS_NOTFOUND, 0, 9},
      {CLI_OUTCOME_ERROR, CLI_CLASS_TRUNCATED, 200, 10},
      {CLI_OUTCOME_ERROR, CLI_CLASS_PROTOCOL_H2, 0, 10},
      {CLI_OUTCOME_ERROR, CLI_CLASS_IO_WRITE, 200, 11},
      {CLI_OUTCOME_ERROR, CLI_CLASS_POLICY_DENIED, 0, 13},
      {CLI_OUTCOME_ERROR, CLI_CLASS_BAD_URL, 0, 64},
      {CLI_OUTCOME_ERROR, CLI_CLASS_INTERNAL, 0, 1},
  };

  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
    cli_tally tally = {0};
    add(&tally, rows[i].outcome, rows[i].class, rows[i].status);
    assert_int_equal(cli_exit_code(&tally, true), rows[i].code);
    cli_tally_clear(&tally);
  }
}

static void batch_code_depends_on_the_set_alone(void **state)
{
  cli_tally tally = {0};

  (void)state;
  assert_int_equal(cli_exit_code(&tally, false), 0);
  add(&tally, CLI_OUTCOME_ERROR, CLI_CLASS_RESET, 0);
  assert_int_equal(cli_exit_code(&tally, false), 21);
  add(&tally, CLI_OUTCOME_OK, CLI_CLASS_NONE, 200);
  assert_int_equal(cli_exit_code(&tally, false), 20);
  add(&tally, CLI_OUTCOME_HTTP_ERROR, CLI_CLASS_NONE, 404);
  assert_int_equal(cli_exit_code(&tally, false), 20);
  add(&tally, CLI_OUTCOME_ERROR, CLI_CLASS_IO_WRITE, 200);
  assert_int_equal(cli_exit_code(&tally, false), 11);
  cli_tally_clear(&tally);
}

static void batch_of_successes_is_zero(void **state)
{
  cli_tally tally = {0};

  (void)state;
  add(&tally, CLI_OUTCOME_OK, CLI_CLASS_NONE, 200);
  add(&tally, CLI_OUTCOME_NOT_MODIFIED, CLI_CLASS_NONE, 304);
  assert_int_equal(cli_exit_code(&tally, false), 0);
  tally.is_input_broken = true;
  assert_int_equal(cli_exit_code(&tally, false), 11);
}

static void reason_of_an_early_end_comes_first(void **state)
{
  static const struct {
    cli_stop stop;
    int code;
  } rows[] = {
      {CLI_STOP_SIGINT, 130},
      {CLI_STOP_SIGTERM, 143},
      {CLI_STOP_STDOUT, 141},
      {CLI_STOP_WRITE, 11},
  };

  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
    cli_tally tally = {.stop = rows[i].stop};
    add(&tally, CLI_OUTCOME_HTTP_ERROR, CLI_CLASS_NONE, 404);
    assert_int_equal(cli_exit_code(&tally, true), rows[i].code);
    assert_int_equal(cli_exit_code(&tally, false), rows[i].code);
    cli_tally_clear(&tally);
  }
}

static void every_library_error_has_its_class(void **state)
{
  static const int codes[] = {
#define CODE(name, value, text) (value),
      AHTTP_ERROR_MAP(CODE)
#undef CODE
  };

  (void)state;
  for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
    const ahttp_error err = {.code = codes[i]};
    cli_class class = cli_class_of_error(&err, false);
    bool may_be_internal = codes[i] == AHTTP_ENOMEM ||
                           codes[i] == AHTTP_ESTATE ||
                           codes[i] == AHTTP_ESTATUS;
    assert_true(class != CLI_CLASS_NONE);
    assert_int_equal(class == CLI_CLASS_INTERNAL, may_be_internal);
  }
}

static void phase_and_protocol_tell_classes_apart(void **state)
{
  ahttp_error err = {.code = AHTTP_ETIMEOUT_READ, .phase = AHTTP_PHASE_WAIT};

  (void)state;
  assert_int_equal(cli_class_of_error(&err, false), CLI_CLASS_TIMEOUT_TTFB);
  err.phase = AHTTP_PHASE_RECEIVE;
  assert_int_equal(cli_class_of_error(&err, false), CLI_CLASS_TIMEOUT_IDLE);
  err.code = AHTTP_EPROTO;
  assert_int_equal(cli_class_of_error(&err, false), CLI_CLASS_PROTOCOL_H1);
  assert_int_equal(cli_class_of_error(&err, true), CLI_CLASS_PROTOCOL_H2);
  err.domain = AHTTP_DOMAIN_H2;
  assert_int_equal(cli_class_of_error(&err, false), CLI_CLASS_PROTOCOL_H2);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(single_code_tells_what_went_wrong),
      cmocka_unit_test(batch_code_depends_on_the_set_alone),
      cmocka_unit_test(batch_of_successes_is_zero),
      cmocka_unit_test(reason_of_an_early_end_comes_first),
      cmocka_unit_test(every_library_error_has_its_class),
      cmocka_unit_test(phase_and_protocol_tell_classes_apart),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
