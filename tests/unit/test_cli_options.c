/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cli/options.h"

#define WORDS_MAX 16

/* Parses |line|, whose words are separated by blanks. */
static int parse(cli_options *options, cli_text *problem, char *line)
{
  char *words[WORDS_MAX];
  int count = 0;

  for (char *word = strtok(line, " "); word != NULL; word = strtok(NULL, " ")) {
    assert_true(count < WORDS_MAX);
    words[count++] = word;
  }
  cli_text_reset(problem);
  return cli_options_parse(options, count, words, problem);
}

static void options_have_their_defaults(void **state)
{
  char line[] = "u";
  cli_options options;
  cli_text problem = {0};

  (void)state;
  assert_int_equal(parse(&options, &problem, line), 0);
  assert_int_equal(options.jobs, 64);
  assert_int_equal(options.per_host, 0);
  assert_int_equal(options.redirects_max, 10);
  assert_int_equal(options.connect_ms, 10000);
  assert_int_equal(options.ttfb_ms, 30000);
  assert_int_equal(options.idle_ms, 30000);
  assert_int_equal(options.max_ms, 0);
  assert_int_equal(options.grace_ms, 5000);
  assert_int_equal(options.http, AHTTP_HTTP_AUTO);
  assert_true(cli_options_is_single(&options));
  assert_true(cli_options_is_piped(&options));
  cli_options_clear(&options);
  cli_text_clear(&problem);
}

static void options_take_values_in_every_form(void **state)
{
  char line[] = "-j8 -P dir --jobs=9 --jobs 10 -vqkofile a -i list b -- -x";
  cli_options options;
  cli_text problem = {0};

  (void)state;
  assert_int_equal(parse(&options, &problem, line), 0);
  assert_int_equal(options.jobs, 10);
  assert_string_equal(options.folder, "dir");
  assert_string_equal(options.output, "file");
  assert_true(options.verbose);
  assert_true(options.tls.verify_off);
  assert_int_equal(options.quiet, 1);
  assert_int_equal(options.source_count, 4);
  assert_int_equal(options.list_count, 1);
  assert_string_equal(options.sources[0].name, "a");
  assert_true(options.sources[1].is_list);
  assert_string_equal(options.sources[2].name, "b");
  assert_string_equal(options.sources[3].name, "-x");
  cli_options_clear(&options);
  cli_text_clear(&problem);
}

static void options_times_have_units(void **state)
{
  static const struct {
    const char *text;
    uint32_t ms; /* UINT32_MAX: refused */
  } rows[] = {
      {"0", 0},
      {"10", 10000},
      {"2.5", 2500},
      {"2.5s", 2500},
      {"500ms", 500},
      {"1m", 60000},
      {"1h", 3600000},
      {".5", 500},
      {"0.0001", 1},
      {"4000000", 4000000000},
      {"4000001", UINT32_MAX},
      {"-1", UINT32_MAX},
      {"s", UINT32_MAX},
      {"1x", UINT32_MAX},
      {"nan", UINT32_MAX},
      {"inf", UINT32_MAX},
      {"1e99", UINT32_MAX},
  };

  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
    char line[64];
    cli_options options;
    cli_text problem = {0};
    (void)snprintf(line, sizeof(line), "-m %s u", rows[i].text);
    int rv = parse(&options, &problem, line);
    assert_int_equal(rv, rows[i].ms == UINT32_MAX ? -1 : 0);
    if (rv == 0) {
      assert_int_equal(options.max_ms, rows[i].ms);
    }
    cli_options_clear(&options);
    cli_text_clear(&problem);
  }
}

static void options_resolve_is_taken_apart(void **state)
{
  static const struct {
    const char *text;
    const char *host; /* NULL: refused */
    uint16_t port;
    const char *addresses;
  } rows[] = {
      {"h:443:192.0.2.1", "h", 443, "192.0.2.1"},
      {"*:0:192.0.2.1,192.0.2.2", "*", 0, "192.0.2.1,192.0.2.2"},
      {"h:80:::1", "h", 80, "::1"},
      {"h:80:[::1],127.0.0.1", "h", 80, "[::1],127.0.0.1"},
      {"[2001:db8::1]:80:127.0.0.1", "[2001:db8::1]", 80, "127.0.0.1"},
#ifdef HAVE_LIBIDN2
      {"B\u00fccher.example:80:::1", "xn--bcher-kva.example", 80, "::1"},
#endif
      {"\u200d:80:::1", NULL, 0, NULL},
      {"h:443", NULL, 0, NULL},
      {"h:443:", NULL, 0, NULL},
      {":443:127.0.0.1", NULL, 0, NULL},
      {"h:65536:127.0.0.1", NULL, 0, NULL},
      {"h:x:127.0.0.1", NULL, 0, NULL},
      {"h:80:name", NULL, 0, NULL},
      {"h:80:127.0.0.1,", NULL, 0, NULL},
      {"h", NULL, 0, NULL},
  };

  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
    char line[64];
    cli_options options;
    cli_text problem = {0};
    (void)snprintf(line, sizeof(line), "--resolve %s u", rows[i].text);
    int rv = parse(&options, &problem, line);
    assert_int_equal(rv, rows[i].host == NULL ? -1 : 0);
    if (rv == 0) {
      assert_int_equal(options.resolve_count, 1);
      assert_string_equal(options.resolve[0].host, rows[i].host);
      assert_int_equal(options.resolve[0].port, rows[i].port);
      assert_string_equal(options.resolve[0].addresses, rows[i].addresses);
    }
    cli_options_clear(&options);
    cli_text_clear(&problem);
  }
}

static void options_that_contradict_are_refused(void **state)
{
  static const char *const lines[] = {
      "",
      "-o",
      "-o - a b",
      "-o - -i list",
      "-o x -O u",
      "-o x --out-null u",
      "-O --out-null u",
      "-o - --results - u",
      "-i - -i -",
      "-i - -d @- u",
      "--nope u",
      "-Q u",
      "--jobs=0 u",
      "--jobs 10001 u",
      "--http2=x u",
      "- u",
      "-H novalue u",
      "--progress maybe u",
  };

  (void)state;
  for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
    char line[64];
    cli_options options;
    cli_text problem = {0};
    (void)snprintf(line, sizeof(line), "%s", lines[i]);
    assert_int_equal(parse(&options, &problem, line), -1);
    assert_true(problem.len > 0);
    cli_options_clear(&options);
    cli_text_clear(&problem);
  }
}

static void options_decide_where_one_body_goes(void **state)
{
  static const struct {
    const char *line;
    bool is_piped;
  } rows[] = {
      {"u", true},
      {"-o - u", true},
      {"-o x u", false},
      {"-O u", false},
      {"-P d u", false},
      {"--out-null u", false},
      {"u v", false},
      {"-i l", false},
      {"--results - u", false},
      {"--results r u", true},
  };

  (void)state;
  for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
    char line[64];
    cli_options options;
    cli_text problem = {0};
    (void)snprintf(line, sizeof(line), "%s", rows[i].line);
    assert_int_equal(parse(&options, &problem, line), 0);
    assert_int_equal(cli_options_is_piped(&options), rows[i].is_piped);
    cli_options_clear(&options);
    cli_text_clear(&problem);
  }
}

static void options_have_names_of_their_own(void **state)
{
  size_t count;
  const cli_option *table = cli_option_table(&count);

  (void)state;
  for (size_t i = 0; i < count; i++) {
    for (size_t j = i + 1; j < count; j++) {
      assert_string_not_equal(table[i].name, table[j].name);
      assert_false(table[i].letter != '\0' &&
                   table[i].letter == table[j].letter);
    }
  }
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(options_have_their_defaults),
      cmocka_unit_test(options_take_values_in_every_form),
      cmocka_unit_test(options_times_have_units),
      cmocka_unit_test(options_resolve_is_taken_apart),
      cmocka_unit_test(options_that_contradict_are_refused),
      cmocka_unit_test(options_decide_where_one_body_goes),
      cmocka_unit_test(options_have_names_of_their_own),
  };
  if (argc > 1) {
    cmocka_set_test_filter(argv[1]);
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
