/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "cli/credentials.h"

#include <errno.h>
#include <string.h>

#include "cli/password.h"

static ahttp_str str(const char *text)
{
  return (ahttp_str){text, strlen(text)};
}

static int user_new(ahttp_auth **out, cli_auth_scheme scheme,
                    ahttp_str username, ahttp_str password)
{
  switch (scheme) {
  case CLI_AUTH_DIGEST:
    return ahttp_auth_new_digest(out, username, password);
  case CLI_AUTH_ANY:
    return ahttp_auth_new_any(out, username, password, true);
  case CLI_AUTH_BASIC:
    break;
  }
  return ahttp_auth_new_basic(out, username, password);
}

/* --user USER[:PASSWORD] */
static int open_user(ahttp_auth **out, const cli_options *options,
                     cli_text *problem)
{
  size_t len = strcspn(options->user, ":");
  ahttp_str username = {options->user, len};
  ahttp_str password = {NULL, 0};
  cli_text asked = {0};

  if (options->user[len] == ':') {
    password = str(options->user + len + 1);
  } else if (cli_password_ask(&asked, options->user, problem) != 0) {
    return -1;
  } else {
    password = cli_text_str(&asked);
  }
  int rv = user_new(out, options->auth_scheme, username, password);
  if (asked.len > 0) {
    explicit_bzero(asked.ptr, asked.len);
  }
  cli_text_clear(&asked);
  if (rv == AHTTP_EINVAL) {
    cli_text_add(problem,
                 "--user has a control character, which cannot be sent");
  } else if (rv != AHTTP_OK) {
    cli_text_printf(problem, "cannot start: %s", ahttp_strerror(rv));
  }
  return rv == AHTTP_OK ? 0 : -1;
}

static int open_bearer(ahttp_auth **out, const char *token, cli_text *problem)
{
  int rv = ahttp_auth_new_bearer(out, str(token));

  if (rv == AHTTP_EINVAL) {
    cli_text_add(problem, "--bearer wants a token of letters, digits and "
                          "-._~+/, with = at its end");
  } else if (rv != AHTTP_OK) {
    cli_text_printf(problem, "cannot start: %s", ahttp_strerror(rv));
  }
  return rv == AHTTP_OK ? 0 : -1;
}

static int open_netrc(ahttp_auth **out, const cli_options *options,
                      cli_text *problem)
{
  ahttp_error err;
  int rv = ahttp_auth_new_netrc(out, options->netrc_file, &err);

  if (rv == AHTTP_OK ||
      (options->netrc_optional && rv == AHTTP_EFILE && err.native == ENOENT)) {
    return 0;
  }
  cli_text_add(problem, err.text);
  return -1;
}

int cli_credentials_open(ahttp_auth **out, const cli_options *options,
                         cli_text *problem)
{
  *out = NULL;
  if (options->bearer != NULL) {
    return open_bearer(out, options->bearer, problem);
  }
  if (options->user != NULL) {
    return open_user(out, options, problem);
  }
  if (options->netrc || options->netrc_optional ||
      options->netrc_file != NULL) {
    return open_netrc(out, options, problem);
  }
  return 0;
}
