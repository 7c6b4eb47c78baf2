/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "http/no_proxy.h"

#include "base/str.h"
#include "http/url_host.h"

enum {
  V4_BYTES = 4,
  V6_BYTES = 16,
  /* ::ffff:0:0/96, RFC 4291, section 2.5.5.2 */
  MAPPED_BYTES = 12
};

/* An address by its bytes; |len| 0: it is none. */
typedef struct ip {
  uint8_t bytes[V6_BYTES];
  size_t len;
} ip;

/* One item, cut into its parts; all are views of the list. */
typedef struct item {
  ahttp_str scheme; /* empty: every one */
  ahttp_str host;
  uint64_t port;       /* 0: every one */
  uint64_t prefix_len; /* bits */
  bool has_prefix_len;
} item;

static ahttp_str without_dot(ahttp_str name)
{
  if (name.len > 0 && name.ptr[name.len - 1] == '.') {
    name.len--;
  }
  return name;
}

/* An address of IPv4 within IPv6 is that of IPv4. */
static ip ip_parse(ahttp_str text)
{
  static const uint8_t mapped[MAPPED_BYTES] = {[10] = 0xff, [11] = 0xff};
  ip out = {.len = 0};
  out.len = ah_url_host_read_ip(text, out.bytes);
  if (out.len == V6_BYTES && memcmp(out.bytes, mapped, sizeof(mapped)) == 0) {
    memmove(out.bytes, out.bytes + MAPPED_BYTES, V4_BYTES);
    out.len = V4_BYTES;
  }
  return out;
}

static bool ip_is_within(const ip *address, const ip *net, uint64_t prefix_len)
{
  if (address->len != net->len || prefix_len > net->len * 8) {
    return false;
  }
  size_t whole = (size_t)prefix_len / 8;
  if (memcmp(address->bytes, net->bytes, whole) != 0) {
    return false;
  }
  unsigned rest = (unsigned)prefix_len % 8;
  unsigned mask = 0xffU << (8 - rest) & 0xffU;
  return rest == 0 || ((address->bytes[whole] ^ net->bytes[whole]) & mask) == 0;
}

static bool is_separator(char c)
{
  return c == ',' || c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Cuts the next item off |*rest|; false at the end. */
static bool list_next(ahttp_str *rest, ahttp_str *out)
{
  while (rest->len > 0 && is_separator(rest->ptr[0])) {
    *rest = ah_str(rest->ptr + 1, rest->len - 1);
  }
  size_t len = 0;
  while (len < rest->len && !is_separator(rest->ptr[len])) {
    len++;
  }
  *out = ah_str(rest->ptr, len);
  *rest = ah_str(rest->ptr + len, rest->len - len);
  return len > 0;
}

/* Cuts |mark| and the number behind it off the end of |*text|.  False if there
 * is a mark without a number. */
static bool cut_number(ahttp_str *text, char mark, uint64_t *out, bool *has)
{
  size_t at = text->len;
  *has = false;
  while (at > 0 && text->ptr[at - 1] != mark) {
    at--;
  }
  if (at == 0) {
    return true;
  }
  if (!ah_str_to_u64(ah_str(text->ptr + at, text->len - at), out)) {
    return false;
  }
  text->len = at - 1;
  *has = true;
  return true;
}

static bool has_one_colon(ahttp_str text)
{
  unsigned count = 0;
  for (size_t i = 0; i < text.len; i++) {
    count += text.ptr[i] == ':';
  }
  return count == 1;
}

static ahttp_str without_brackets(ahttp_str host)
{
  bool has =
      host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
  return has ? ah_str(host.ptr + 1, host.len - 2) : host;
}

static void cut_scheme(item *out)
{
  for (size_t i = 0; i + 3 <= out->host.len; i++) {
    if (memcmp(out->host.ptr + i, "://", 3) == 0) {
      ahttp_str scheme = ah_str(out->host.ptr, i);
      out->scheme = ah_str_ieq(scheme, AH_STR("all")) ? AH_STR("") : scheme;
      out->host = ah_str(out->host.ptr + i + 3, out->host.len - i - 3);
      return;
    }
  }
}

static bool item_parse(item *out, ahttp_str text)
{
  *out = (item){.host = text};
  cut_scheme(out);
  if (!cut_number(&out->host, '/', &out->prefix_len, &out->has_prefix_len)) {
    return false;
  }
  ahttp_str host = out->host;
  bool has_port = false;
  bool may_have_port =
      has_one_colon(host) ||
      (host.len > 0 && host.ptr[0] == '[' && host.ptr[host.len - 1] != ']');
  if (may_have_port && !cut_number(&out->host, ':', &out->port, &has_port)) {
    return false;
  }
  if (has_port && (out->port == 0 || out->port > UINT16_MAX)) {
    return false;
  }
  out->host = without_brackets(out->host);
  return true;
}

/* |name| is |domain| or, below it, ends in "." and |domain|. */
static bool name_is_below(ahttp_str name, ahttp_str domain)
{
  if (name.len <= domain.len || name.ptr[name.len - domain.len - 1] != '.') {
    return false;
  }
  return ah_str_ieq(ah_str(name.ptr + name.len - domain.len, domain.len),
                    domain);
}

static bool name_matches(const item *it, ahttp_str name)
{
  ahttp_str domain = without_dot(it->host);
  bool only_below = false;
  if (domain.len > 1 && domain.ptr[0] == '*' && domain.ptr[1] == '.') {
    domain = ah_str(domain.ptr + 1, domain.len - 1);
  }
  if (domain.len > 0 && domain.ptr[0] == '.') {
    domain = ah_str(domain.ptr + 1, domain.len - 1);
    only_below = true;
  }
  if (domain.len == 0) {
    return false;
  }
  return name_is_below(name, domain) ||
         (!only_below && ah_str_ieq(name, domain));
}

static bool item_matches(const item *it, const ahttp_url *url, ahttp_str name,
                         const ip *address)
{
  if (it->scheme.len > 0 && !ah_str_ieq(it->scheme, url->scheme)) {
    return false;
  }
  if (it->port != 0 && it->port != url->port) {
    return false;
  }
  if (ah_str_eq(it->host, AH_STR("*"))) {
    return true;
  }
  ip own = ip_parse(it->host);
  if (own.len == 0) {
    return !it->has_prefix_len && address->len == 0 && name_matches(it, name);
  }
  return address->len > 0 &&
         ip_is_within(address, &own,
                      it->has_prefix_len ? it->prefix_len : own.len * 8);
}

bool ah_no_proxy_matches(ahttp_str list, const ahttp_url *url)
{
  ahttp_str name = without_dot(ah_url_hostname(url));
  ip address = {.len = 0};
  if (url->is_ip) {
    address = ip_parse(name);
  }
  ahttp_str text;
  while (list_next(&list, &text)) {
    item it;
    if (item_parse(&it, text) && item_matches(&it, url, name, &address)) {
      return true;
    }
  }
  return false;
}
