/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "cli/cookies.h"

#include <errno.h>
#include <string.h>

bool cli_cookie_is_data(const char *word)
{
  return strchr(word, '=') != NULL;
}

/* A file that is written at the end need not be there at the beginning. */
static bool is_written(const cli_options *options, const char *name)
{
  return (options->cookie_jar != NULL &&
          strcmp(name, options->cookie_jar) == 0) ||
         (options->session != NULL && strcmp(name, options->session) == 0);
}

static void say_mistakes(const ahttp_cookie_report *report, const char *name,
                         cli_terminal *terminal)
{
  cli_terminal_printf(terminal, "ahttp: %s, line %zu is no cookie: %s", name,
                      report->first_bad_line, report->first_bad);
  if (report->bad > 1) {
    cli_terminal_printf(terminal, "ahttp: %s: %zu more lines are no cookies",
                        name, report->bad - 1);
  }
}

static int jar_load(ahttp_cookie_jar *jar, const cli_options *options,
                    const char *name, cli_terminal *terminal, cli_text *problem)
{
  ahttp_error err;
  ahttp_cookie_report report = {.size = sizeof(report)};

  if (name[0] == '\0') {
    return 0; /* as with curl: cookies, from nowhere */
  }
  int rv = ahttp_cookie_jar_load(
      jar, strcmp(name, "-") == 0 ? "/dev/stdin" : name, &report, &err);
  bool is_new =
      rv == AHTTP_EFILE && err.native == ENOENT && is_written(options, name);
  if (rv != AHTTP_OK && !is_new) {
    cli_text_add(problem, err.text);
    return -1;
  }
  if (report.bad > 0 && options->quiet < 2) {
    say_mistakes(&report, name, terminal);
  }
  return 0;
}

static int jar_load_all(ahttp_cookie_jar *jar, const cli_options *options,
                        cli_terminal *terminal, cli_text *problem)
{
  for (size_t i = 0; i < options->cookies.count; i++) {
    const char *word = options->cookies.items[i];
    if (!cli_cookie_is_data(word) &&
        jar_load(jar, options, word, terminal, problem) != 0) {
      return -1;
    }
  }
  if (options->junk_session) {
    ahttp_cookie_filter filter = AHTTP_COOKIE_FILTER_INIT;
    filter.session_only = true;
    (void)ahttp_cookie_jar_remove(jar, &filter, NULL); /* a valid filter */
  }
  return options->session == NULL
             ? 0
             : jar_load(jar, options, options->session, terminal, problem);
}

static bool options_want_jar(const cli_options *options)
{
  for (size_t i = 0; i < options->cookies.count; i++) {
    if (!cli_cookie_is_data(options->cookies.items[i])) {
      return true;
    }
  }
  return options->cookie_jar != NULL || options->session != NULL;
}

int cli_cookies_open(ahttp_cookie_jar **out, const cli_options *options,
                     cli_terminal *terminal, cli_text *problem)
{
  *out = NULL;
  if (!options_want_jar(options)) {
    return 0;
  }
  int rv = ahttp_cookie_jar_new(out);
  if (rv != AHTTP_OK) {
    cli_text_printf(problem, "cannot start: %s", ahttp_strerror(rv));
    return -1;
  }
  if (jar_load_all(*out, options, terminal, problem) != 0) {
    ahttp_cookie_jar_free(*out);
    *out = NULL;
    return -1;
  }
  return 0;
}

static int jar_save(ahttp_cookie_jar *jar, const char *name, cli_text *problem)
{
  ahttp_error err;
  const char *path = strcmp(name, "-") == 0 ? "/dev/stdout" : name;

  if (ahttp_cookie_jar_save(jar, path, &err) != AHTTP_OK) {
    cli_text_printf(problem, "the cookies are not saved: %s", err.text);
    return -1;
  }
  return 0;
}

int cli_cookies_save(ahttp_cookie_jar *jar, const cli_options *options,
                     cli_text *problem)
{
  if (jar != NULL && options->cookie_jar != NULL &&
      jar_save(jar, options->cookie_jar, problem) != 0) {
    return -1;
  }
  if (jar != NULL && options->session != NULL) {
    return jar_save(jar, options->session, problem);
  }
  return 0;
}
