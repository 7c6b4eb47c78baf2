/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "cli/proxy_option.h"

#include <stdlib.h>
#include <string.h>

#include "cli/memory.h"

int cli_set_proxy_auth(cli_options *options, const cli_option *option,
                       const char *value, cli_text *problem)
{
  (void)value;
  (void)problem;
  options->proxy_auth = (ahttp_proxy_auth)option->min;
  return 0;
}

/* The option that says something about a proxy of the command line; NULL:
 * none does. */
static const char *option_in_need(const cli_options *options)
{
  if (options->proxy_user != NULL) {
    return "--proxy-user";
  }
  if (options->proxy_ca_file != NULL) {
    return "--proxy-cacert";
  }
  if (options->proxy_insecure) {
    return "--proxy-insecure";
  }
  return options->proxy_auth != AHTTP_PROXY_AUTH_ANY
             ? "--proxy-basic and --proxy-digest"
             : NULL;
}

/* USERNAME:PASSWORD, or a username alone. */
static void proxy_set_user(cli_proxy *proxy, const char *user)
{
  if (user == NULL) {
    return;
  }
  size_t len = strcspn(user, ":");
  proxy->username = cli_malloc(len + 1);
  memcpy(proxy->username, user, len);
  proxy->username[len] = '\0';
  proxy->opts.username = proxy->username;
  proxy->opts.password = user[len] == ':' ? user + len + 1 : "";
}

/* As curl has it, NO_PROXY is for --proxy too. */
static const char *environments_exceptions(void)
{
  const char *value = getenv("no_proxy");
  return value == NULL ? getenv("NO_PROXY") : value;
}

int cli_proxy_fill(cli_proxy *out, ahttp_client_opts *client,
                   const cli_options *options, cli_text *problem)
{
  const char *in_need = option_in_need(options);
  memset(out, 0, sizeof(*out));
  client->no_proxy = options->no_proxy;
  if (options->proxy == NULL || options->proxy[0] == '\0') {
    client->env_off = options->proxy != NULL;
    if (in_need != NULL) {
      cli_text_printf(problem,
                      "%s is for a proxy given by --proxy, and there "
                      "is none",
                      in_need);
      return -1;
    }
    return 0;
  }
  out->tls = (ahttp_tls_opts)AHTTP_TLS_OPTS_INIT;
  out->tls.ca_file = options->proxy_ca_file;
  out->tls.verify_off = options->proxy_insecure;
  out->opts = (ahttp_proxy)AHTTP_PROXY_INIT;
  out->opts.url = options->proxy;
  out->opts.auth = options->proxy_auth;
  out->opts.tls = &out->tls;
  proxy_set_user(out, options->proxy_user);
  client->proxy = &out->opts;
  if (client->no_proxy == NULL) {
    client->no_proxy = environments_exceptions();
  }
  return 0;
}

void cli_proxy_clear(cli_proxy *proxy)
{
  free(proxy->username);
}
