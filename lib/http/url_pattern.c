/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "http/url_pattern.h"

#include <ahttp/error.h>

#include "base/str.h"
#include "http/url_host.h"

/* Cuts what comes before |mark| off |*rest|, |mark| included.  False if it is
 * not there. */
static bool cut_before(ahttp_str *rest, ahttp_str mark, ahttp_str *out)
{
  for (size_t i = 0; i + mark.len <= rest->len; i++) {
    if (memcmp(rest->ptr + i, mark.ptr, mark.len) == 0) {
      *out = ah_str(rest->ptr, i);
      *rest = ah_str(rest->ptr + i + mark.len, rest->len - i - mark.len);
      return true;
    }
  }
  return false;
}

static int parse_scheme(ah_url_pattern *out, ah_arena *arena, ahttp_str scheme)
{
  if (ah_str_ieq(scheme, AH_STR("all"))) {
    return AHTTP_OK;
  }
  char *bytes = ah_arena_bytes(arena, scheme.len + 1);
  if (bytes == NULL) {
    return AHTTP_ENOMEM;
  }
  for (size_t i = 0; i < scheme.len; i++) {
    uint8_t c = (uint8_t)scheme.ptr[i];
    bool is_other = c == '+' || c == '-' || c == '.';
    if (!ah_char_is(c, AH_CHAR_ALPHA | AH_CHAR_DIGIT) && !is_other) {
      return AHTTP_EINVAL;
    }
    bytes[i] = (char)ah_char_lower(c);
  }
  out->scheme = ah_str(bytes, scheme.len);
  return scheme.len > 0 ? AHTTP_OK : AHTTP_EINVAL;
}

/* Cuts the port off |*host|, whose colons are in brackets otherwise. */
static int parse_port(ah_url_pattern *out, ahttp_str *host)
{
  size_t at = host->len;
  while (at > 0 && ah_char_is((uint8_t)host->ptr[at - 1], AH_CHAR_DIGIT)) {
    at--;
  }
  if (at == 0 || host->ptr[at - 1] != ':') {
    return AHTTP_OK;
  }
  uint64_t port = 0;
  ahttp_str digits = ah_str(host->ptr + at, host->len - at);
  if (!ah_str_to_u64(digits, &port) || port == 0 || port > UINT16_MAX) {
    return AHTTP_EINVAL;
  }
  out->port = (uint16_t)port;
  host->len = at - 1;
  return AHTTP_OK;
}

static int parse_host(ah_url_pattern *out, ah_arena *arena, ahttp_str host)
{
  if (host.len == 0 || ah_str_eq(host, AH_STR("*"))) {
    return AHTTP_OK;
  }
  size_t skipped = 0;
  out->hosts = AH_PATTERN_EXACT;
  if (host.ptr[0] == '*') {
    bool is_below = host.ptr[1] == '.';
    out->hosts = is_below ? AH_PATTERN_BELOW : AH_PATTERN_AND_BELOW;
    skipped = is_below ? 2 : 1;
  }
  ah_url_host parsed;
  const char *why;
  int rv = ah_url_host_parse(&parsed, arena,
                             ah_str(host.ptr + skipped, host.len - skipped),
                             true, &why);
  if (rv != AHTTP_OK) {
    return rv == AHTTP_ENOMEM ? rv : AHTTP_EINVAL;
  }
  if (parsed.text.len == 0) {
    return AHTTP_EINVAL;
  }
  out->host = parsed.text;
  out->host_len = skipped + parsed.text.len;
  return AHTTP_OK;
}

int ah_url_pattern_parse(ah_url_pattern *out, ah_arena *arena, ahttp_str text)
{
  *out = (ah_url_pattern){.hosts = AH_PATTERN_ANY};
  ahttp_str rest = text;
  ahttp_str scheme;
  if (!cut_before(&rest, AH_STR("://"), &scheme)) {
    return AHTTP_EINVAL;
  }
  ahttp_str host = rest;
  if (cut_before(&rest, AH_STR("/"), &host) && rest.len > 0) {
    return AHTTP_EINVAL; /* a path would have no meaning */
  }
  int rv = parse_scheme(out, arena, scheme);
  if (rv == AHTTP_OK) {
    rv = parse_port(out, &host);
  }
  if (rv == AHTTP_OK) {
    rv = parse_host(out, arena, host);
  }
  if (rv != AHTTP_OK) {
    *out = (ah_url_pattern){.hosts = AH_PATTERN_ANY};
  }
  return rv;
}

/* True if |host| is a name below |domain|: a label more, at least. */
static bool is_below(ahttp_str host, ahttp_str domain)
{
  if (host.len < domain.len + 2) {
    return false;
  }
  size_t at = host.len - domain.len;
  return host.ptr[at - 1] == '.' &&
         ah_str_eq(ah_str(host.ptr + at, domain.len), domain);
}

static bool host_matches(const ah_url_pattern *pattern, ahttp_str host)
{
  switch (pattern->hosts) {
  case AH_PATTERN_ANY:
    return true;
  case AH_PATTERN_EXACT:
    return ah_str_eq(host, pattern->host);
  case AH_PATTERN_BELOW:
    return is_below(host, pattern->host);
  case AH_PATTERN_AND_BELOW:
    return ah_str_eq(host, pattern->host) || is_below(host, pattern->host);
  }
  return false;
}

bool ah_url_pattern_matches(const ah_url_pattern *pattern, const ahttp_url *url)
{
  if (pattern->scheme.len > 0 && !ah_str_eq(pattern->scheme, url->scheme)) {
    return false;
  }
  if (pattern->port != 0 && pattern->port != url->port) {
    return false;
  }
  return host_matches(pattern, url->host);
}

/* The longer one first. */
static int compare_lengths(size_t a, size_t b)
{
  return a == b ? 0 : a > b ? -1 : 1;
}

int ah_url_pattern_compare(const ah_url_pattern *a, const ah_url_pattern *b)
{
  if ((a->port != 0) != (b->port != 0)) {
    return a->port != 0 ? -1 : 1;
  }
  int order = compare_lengths(a->host_len, b->host_len);
  return order != 0 ? order : compare_lengths(a->scheme.len, b->scheme.len);
}
