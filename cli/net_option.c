/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "cli/net_option.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <string.h>

/* The family of the |len| bytes at |text|, a numeric address; or AF_UNSPEC. */
static int address_family(const char *text, size_t len)
{
  char copy[INET6_ADDRSTRLEN];
  struct in6_addr address;

  if (len > 2 && text[0] == '[' && text[len - 1] == ']') {
    text++;
    len -= 2;
  }
  if (len == 0 || len >= sizeof(copy)) {
    return AF_UNSPEC;
  }
  memcpy(copy, text, len);
  copy[len] = '\0';
  copy[strcspn(copy, "%")] = '\0'; /* a zone is the library's to read */
  if (inet_pton(AF_INET, copy, &address) == 1) {
    return AF_INET;
  }
  return inet_pton(AF_INET6, copy, &address) == 1 ? AF_INET6 : AF_UNSPEC;
}

/* True for one address, or one of each family separated by a comma. */
static bool is_local_address(const char *value)
{
  size_t len = strcspn(value, ",");
  int first = address_family(value, len);
  const char *rest = value + len;

  if (first == AF_UNSPEC || *rest == '\0') {
    return first != AF_UNSPEC;
  }
  int second = address_family(rest + 1, strlen(rest + 1));
  return second != AF_UNSPEC && second != first;
}

int cli_set_family(cli_options *options, const cli_option *option,
                   const char *value, cli_text *problem)
{
  (void)value;
  (void)problem;
  options->family = (ahttp_family)option->min;
  return 0;
}

int cli_set_local_address(cli_options *options, const cli_option *option,
                          const char *value, cli_text *problem)
{
  if (!is_local_address(value)) {
    cli_text_printf(problem,
                    "--%s wants a numeric address, or one of each family "
                    "separated by a comma, not \"%s\"",
                    option->name, value);
    return -1;
  }
  options->local_address = value;
  return 0;
}

int cli_set_interface(cli_options *options, const cli_option *option,
                      const char *value, cli_text *problem)
{
  if (strncmp(value, "host!", 5) == 0) {
    return cli_set_local_address(options, option, value + 5, problem);
  }
  bool is_name = strncmp(value, "if!", 3) == 0;
  if (!is_name && is_local_address(value)) {
    options->local_address = value;
    return 0;
  }
  value += is_name ? 3 : 0;
  if (value[0] == '\0' || strlen(value) >= IF_NAMESIZE) {
    cli_text_printf(problem,
                    "--%s wants the name of a network interface or a numeric "
                    "address, not \"%s\"",
                    option->name, value);
    return -1;
  }
  options->interface_name = value;
  return 0;
}

void cli_net_opts_fill(ahttp_net_opts *net, const cli_options *options)
{
  *net = (ahttp_net_opts)AHTTP_NET_OPTS_INIT;
  net->local_address = options->local_address;
  net->interface_name = options->interface_name;
  net->family = options->family;
  net->keepalive_s = options->keepalive_s;
}
