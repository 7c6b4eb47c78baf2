/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "cli/option_setters.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/memory.h"
#include "cli/resolve_option.h"

/* 46 days: what 32 bits of milliseconds hold, in round seconds. */
#define DURATION_S_MAX 4000000

static void *member(cli_options *options, const cli_option *option)
{
  return (char *)options + option->offset;
}

static void words_append(cli_words *words, const char *item)
{
  words->items =
      cli_realloc(words->items, (words->count + 1) * sizeof(*words->items));
  words->items[words->count++] = item;
}

int cli_set_flag(cli_options *options, const cli_option *option,
                 const char *value, cli_text *problem)
{
  (void)value;
  (void)problem;
  *(bool *)member(options, option) = true;
  return 0;
}

/* curl's options for what happens here anyway. */
int cli_set_nothing(cli_options *options, const cli_option *option,
                    const char *value, cli_text *problem)
{
  (void)options;
  (void)option;
  (void)value;
  (void)problem;
  return 0;
}

int cli_set_string(cli_options *options, const cli_option *option,
                   const char *value, cli_text *problem)
{
  (void)problem;
  *(const char **)member(options, option) = value;
  return 0;
}

int cli_set_word(cli_options *options, const cli_option *option,
                 const char *value, cli_text *problem)
{
  (void)problem;
  words_append(member(options, option), value);
  return 0;
}

int cli_set_number(cli_options *options, const cli_option *option,
                   const char *value, cli_text *problem)
{
  char *end;

  errno = 0;
  unsigned long number = strtoul(value, &end, 10);
  bool is_digit = value[0] >= '0' && value[0] <= '9';
  if (!is_digit || *end != '\0' || errno != 0 || number < option->min ||
      number > option->max) {
    cli_text_printf(problem, "--%s wants a number from %u to %u, not \"%s\"",
                    option->name, option->min, option->max, value);
    return -1;
  }
  *(uint32_t *)member(options, option) = (uint32_t)number;
  return 0;
}

/* Seconds without a unit, as curl has them. */
int cli_set_duration(cli_options *options, const cli_option *option,
                     const char *value, cli_text *problem)
{
  static const struct {
    const char *unit;
    double ms;
  } units[] = {
      {"", 1e3}, {"ms", 1}, {"s", 1e3}, {"m", 6e4}, {"h", 3.6e6},
  };
  char *end;
  double number = strtod(value, &end);
  bool is_digit = (value[0] >= '0' && value[0] <= '9') || value[0] == '.';

  for (size_t i = 0; is_digit && i < sizeof(units) / sizeof(*units); i++) {
    double ms = number * units[i].ms;
    if (end != value && strcmp(end, units[i].unit) == 0 &&
        ms <= DURATION_S_MAX * 1e3) {
      /* A positive time never becomes 0, which means "no limit". */
      uint32_t whole = (uint32_t)ms;
      *(uint32_t *)member(options, option) = whole == 0 && ms > 0 ? 1 : whole;
      return 0;
    }
  }
  cli_text_printf(problem,
                  "--%s wants a time such as 10, 2.5s, 500ms or 1m, not \"%s\"",
                  option->name, value);
  return -1;
}

int cli_set_list(cli_options *options, const cli_option *option,
                 const char *value, cli_text *problem)
{
  (void)option;
  if (value[0] == '\0') {
    cli_text_add(problem, "--input-file wants the name of a file, or -");
    return -1;
  }
  cli_options_append_source(options, value, true);
  return 0;
}

/* curl's --url; "@FILE" is a list there too. */
int cli_set_url(cli_options *options, const cli_option *option,
                const char *value, cli_text *problem)
{
  (void)option;
  (void)problem;
  bool is_list = value[0] == '@';
  cli_options_append_source(options, is_list ? value + 1 : value, is_list);
  return 0;
}

int cli_set_field(cli_options *options, const cli_option *option,
                  const char *value, cli_text *problem)
{
  size_t name = strcspn(value, ":;");

  (void)option;
  bool is_empty = value[name + strspn(value + name, ": \t")] == '\0';
  if (name == 0 || (is_empty && value[name] != ';')) {
    cli_text_printf(problem,
                    "--header wants \"Name: value\", or \"Name;\" for an empty "
                    "one, not \"%s\"",
                    value);
    return -1;
  }
  words_append(&options->fields, value);
  return 0;
}

int cli_set_auth_scheme(cli_options *options, const cli_option *option,
                        const char *value, cli_text *problem)
{
  (void)value;
  (void)problem;
  options->auth_scheme = (cli_auth_scheme)option->min;
  options->has_auth_scheme = true;
  return 0;
}

int cli_set_http(cli_options *options, const cli_option *option,
                 const char *value, cli_text *problem)
{
  (void)value;
  (void)problem;
  /* |min| holds the policy: these are three flags for one member. */
  options->http = (ahttp_http_policy)option->min;
  return 0;
}

int cli_set_resolve(cli_options *options, const cli_option *option,
                    const char *value, cli_text *problem)
{
  ahttp_resolve_entry entry;

  (void)option;
  if (cli_resolve_entry_parse(&entry, value, problem) != 0) {
    return -1;
  }
  options->resolve =
      cli_realloc(options->resolve,
                  (options->resolve_count + 1) * sizeof(*options->resolve));
  options->resolve[options->resolve_count++] = entry;
  return 0;
}

int cli_set_quiet(cli_options *options, const cli_option *option,
                  const char *value, cli_text *problem)
{
  (void)option;
  (void)value;
  (void)problem;
  options->quiet++;
  return 0;
}

/* |option->argument| lists the choices as "a|b|c"; sets |*index|. */
static int choose(const cli_option *option, const char *value, int *index,
                  cli_text *problem)
{
  const char *at = option->argument;

  for (*index = 0; *at != '\0'; (*index)++) {
    size_t len = strcspn(at, "|");
    if (strlen(value) == len && strncmp(at, value, len) == 0) {
      return 0;
    }
    at += len + (at[len] == '|' ? 1 : 0);
  }
  cli_text_printf(problem, "--%s wants one of %s, not \"%s\"", option->name,
                  option->argument, value);
  return -1;
}

int cli_set_progress(cli_options *options, const cli_option *option,
                     const char *value, cli_text *problem)
{
  int index;

  if (choose(option, value, &index, problem) != 0) {
    return -1;
  }
  options->progress = (cli_progress_mode)index;
  return 0;
}

int cli_set_progress_off(cli_options *options, const cli_option *option,
                         const char *value, cli_text *problem)
{
  (void)option;
  (void)value;
  (void)problem;
  options->progress = CLI_PROGRESS_NONE;
  return 0;
}

int cli_set_tls_min(cli_options *options, const cli_option *option,
                    const char *value, cli_text *problem)
{
  (void)value;
  (void)problem;
  options->tls.version_min = (ahttp_tls_version)option->min;
  return 0;
}

int cli_set_tls_version(cli_options *options, const cli_option *option,
                        const char *value, cli_text *problem)
{
  static const ahttp_tls_version versions[] = {AHTTP_TLS_1_2, AHTTP_TLS_1_3};
  int index;

  if (choose(option, value, &index, problem) != 0) {
    return -1;
  }
  *(ahttp_tls_version *)member(options, option) = versions[index];
  return 0;
}

int cli_set_color(cli_options *options, const cli_option *option,
                  const char *value, cli_text *problem)
{
  int index;

  if (choose(option, value, &index, problem) != 0) {
    return -1;
  }
  options->color = (cli_color)index;
  return 0;
}
