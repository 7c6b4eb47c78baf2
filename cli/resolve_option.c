/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "cli/resolve_option.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "cli/memory.h"

#define PORT_MAX 65535

/* True if the |len| bytes at |text| are a numeric address. */
static bool is_address(const char *text, size_t len)
{
  char copy[INET6_ADDRSTRLEN];
  unsigned char bytes[sizeof(struct in6_addr)];

  if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
    text++;
    len -= 2;
  }
  if (len == 0 || len >= sizeof(copy)) {
    return false;
  }
  memcpy(copy, text, len);
  copy[len] = '\0';
  return inet_pton(AF_INET, copy, bytes) == 1 ||
         inet_pton(AF_INET6, copy, bytes) == 1;
}

static bool are_addresses(const char *list)
{
  size_t len = strcspn(list, ",");

  while (is_address(list, len)) {
    if (list[len] == '\0') {
      return true;
    }
    list += len + 1;
    len = strcspn(list, ",");
  }
  return false;
}

/* The host ends at the first colon, or after the bracket of an address. */
static size_t host_len(const char *value)
{
  const char *bracket = value[0] == '[' ? strchr(value, ']') : NULL;

  return bracket != NULL ? (size_t)(bracket - value) + 1 : strcspn(value, ":");
}

/* Sets |*out| to |value| with the host in its ASCII form, as the resolver gets
 * it from the URL; false if it has none. */
static bool host_to_ascii(cli_text *out, const char *value)
{
  size_t host = host_len(value);
  bool is_ascii = true;
  ahttp_url *url;

  for (size_t i = 0; i < host; i++) {
    is_ascii = is_ascii && (unsigned char)value[i] < 0x80;
  }
  cli_text_reset(out);
  if (is_ascii) {
    cli_text_add(out, value);
    return true;
  }
  cli_text_add(out, "http://");
  cli_text_append(out, value, host);
  if (ahttp_url_parse(&url, cli_text_str(out), NULL) != AHTTP_OK) {
    return false;
  }
  cli_text_reset(out);
  cli_text_append_str(out, ahttp_url_host(url));
  cli_text_add(out, value + host);
  ahttp_url_free(url);
  return true;
}

static int entry_parse(ahttp_resolve_entry *out, const char *value,
                       cli_text *problem)
{
  size_t host = host_len(value);
  const char *port = value[host] == ':' ? value + host + 1 : "";
  char *end;
  unsigned long number = strtoul(port, &end, 10);
  bool port_is_good =
      port[0] >= '0' && port[0] <= '9' && *end == ':' && number <= PORT_MAX;

  *out = (ahttp_resolve_entry){0};
  if (host == 0 || !port_is_good || !are_addresses(end + 1)) {
    cli_text_printf(problem,
                    "--resolve wants HOST:PORT:ADDR with numeric addresses, "
                    "such as example.org:443:192.0.2.1, not \"%s\"",
                    value);
    return -1;
  }
  char *name = cli_strdup(value);
  name[host] = '\0';
  out->host = name;
  out->port = (uint16_t)number;
  out->addresses = name + (end + 1 - value);
  return 0;
}

int cli_resolve_entry_parse(ahttp_resolve_entry *out, const char *value,
                            cli_text *problem)
{
  cli_text ascii = {0};
  int rv = -1;

  *out = (ahttp_resolve_entry){0};
  if (host_to_ascii(&ascii, value)) {
    rv = entry_parse(out, cli_text_chars(&ascii), problem);
  } else {
    cli_text_printf(problem, "--resolve: \"%s\" has no valid host name", value);
  }
  cli_text_clear(&ascii);
  return rv;
}

void cli_resolve_entry_clear(ahttp_resolve_entry *entry)
{
  union {
    const char *borrowed;
    char *owned;
  } block = {.borrowed = entry->host};

  free(block.owned);
  *entry = (ahttp_resolve_entry){0};
}
