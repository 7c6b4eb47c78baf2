/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "net/address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <string.h>

#include "base/assert.h"
#include "base/str.h"

enum {
  V6_GROUPS = 8,
  PORT_TEXT_BYTES = 6,  /* "65535" */
  ZONE_TEXT_BYTES = 11, /* "4294967295" */
  /* What sscope and sport may be separated by, and the brackets. */
  PUNCTUATION_BYTES = 4
};

_Static_assert(INET6_ADDRSTRLEN + ZONE_TEXT_BYTES + PORT_TEXT_BYTES +
                       PUNCTUATION_BYTES <=
                   AH_ADDRESS_TEXT_BYTES,
               "the longest address fits");

/* Copies |text| with a NUL behind it; false if it does not fit. */
static bool text_copy(char *dst, size_t cap, ahttp_str text)
{
  if (text.len == 0 || text.len >= cap ||
      memchr(text.ptr, '\0', text.len) != NULL) {
    return false;
  }
  memcpy(dst, text.ptr, text.len);
  dst[text.len] = '\0';
  return true;
}

/* The number of the interface that |zone| names or numbers (RFC 4007, section
 * 11.2); 0 if there is none. */
static uint32_t zone_index(ahttp_str zone)
{
  uint64_t number;
  if (ah_str_to_u64(zone, &number)) {
    return number <= UINT32_MAX ? (uint32_t)number : 0;
  }
  char name[IF_NAMESIZE];
  return text_copy(name, sizeof(name), zone) ? if_nametoindex(name) : 0;
}

static bool parse_v6(ah_address *out, ahttp_str text, uint16_t port)
{
  ahttp_str digits = text;
  uint32_t scope = 0;
  const char *percent = memchr(text.ptr, '%', text.len);
  if (percent != NULL) {
    digits.len = (size_t)(percent - text.ptr);
    scope = zone_index(ah_str(percent + 1, text.len - digits.len - 1));
    if (scope == 0) {
      return false;
    }
  }
  char copy[INET6_ADDRSTRLEN];
  struct in6_addr addr;
  if (!text_copy(copy, sizeof(copy), digits) ||
      inet_pton(AF_INET6, copy, &addr) != 1) {
    return false;
  }
  memset(out, 0, sizeof(*out));
  out->v6.sin6_family = AF_INET6;
  out->v6.sin6_addr = addr;
  out->v6.sin6_scope_id = scope;
  out->v6.sin6_port = htons(port);
  return true;
}

bool ah_address_parse(ah_address *out, ahttp_str text, uint16_t port)
{
  char copy[INET_ADDRSTRLEN];
  struct in_addr addr;
  if (text.len == 0) {
    return false;
  }
  if (memchr(text.ptr, ':', text.len) != NULL) {
    return parse_v6(out, text, port);
  }
  if (!text_copy(copy, sizeof(copy), text) ||
      inet_pton(AF_INET, copy, &addr) != 1) {
    return false;
  }
  memset(out, 0, sizeof(*out));
  out->v4.sin_family = AF_INET;
  out->v4.sin_addr = addr;
  out->v4.sin_port = htons(port);
  return true;
}

/* Splits "[host]:port", "[host]", "host:port" and "host"; what has several
 * colons and no brackets is all host.  An absent port is left empty. */
static bool split_port(ahttp_str text, ahttp_str *host, ahttp_str *port)
{
  *host = text;
  *port = ah_str(NULL, 0);
  if (text.len > 0 && text.ptr[0] == '[') {
    const char *end = memchr(text.ptr, ']', text.len);
    if (end == NULL) {
      return false;
    }
    *host = ah_str(text.ptr + 1, (size_t)(end - text.ptr) - 1);
    ahttp_str rest = ah_str(end + 1, text.len - host->len - 2);
    if (memchr(host->ptr, ':', host->len) == NULL) {
      return false; /* brackets are for IPv6 */
    }
    if (rest.len == 0) {
      return true;
    }
    *port = ah_str(rest.ptr + 1, rest.len - 1);
    return rest.ptr[0] == ':' && port->len > 0;
  }
  const char *colon = memchr(text.ptr, ':', text.len);
  if (colon == NULL) {
    return true;
  }
  size_t before = (size_t)(colon - text.ptr);
  ahttp_str rest = ah_str(colon + 1, text.len - before - 1);
  if (memchr(rest.ptr, ':', rest.len) == NULL) {
    *host = ah_str(text.ptr, before);
    *port = rest;
    return rest.len > 0;
  }
  return true;
}

bool ah_address_parse_port(ah_address *out, ahttp_str text, uint16_t port)
{
  ahttp_str host;
  ahttp_str digits;
  if (text.len == 0 || !split_port(text, &host, &digits)) {
    return false;
  }
  uint64_t number = port;
  if (digits.len > 0 &&
      (!ah_str_to_u64(digits, &number) || number == 0 || number > UINT16_MAX)) {
    return false;
  }
  return ah_address_parse(out, host, (uint16_t)number);
}

void ah_address_set_port(ah_address *address, uint16_t port)
{
  if (address->any.sa_family == AF_INET) {
    address->v4.sin_port = htons(port);
  } else {
    address->v6.sin6_port = htons(port);
  }
}

uint16_t ah_address_port(const ah_address *address)
{
  return ntohs(address->any.sa_family == AF_INET ? address->v4.sin_port
                                                 : address->v6.sin6_port);
}

socklen_t ah_address_len(const ah_address *address)
{
  return address->any.sa_family == AF_INET ? sizeof(address->v4)
                                           : sizeof(address->v6);
}

/* Appends |value| in decimal to the string at |dst| if there is room. */
static void text_append_number(char *dst, size_t cap, char separator,
                               uint32_t value)
{
  char digits[ZONE_TEXT_BYTES + 1];
  size_t pos = sizeof(digits) - 1;
  digits[pos] = '\0';
  do {
    pos--;
    digits[pos] = (char)('0' + value % 10);
    value /= 10;
  } while (value > 0);
  pos--;
  digits[pos] = separator;
  size_t len = strlen(dst);
  size_t more = sizeof(digits) - pos;
  if (len + more <= cap) {
    memcpy(dst + len, digits + pos, more);
  }
}

/*
 * These two print as inet_ntop() does, which needs ten times as many
 * instructions: it goes through sprintf(), and each connection has two
 * addresses.  RFC 5952, section 4.
 */

static void v4_print(const struct in_addr *addr, char dst[INET_ADDRSTRLEN])
{
  uint32_t bits = ntohl(addr->s_addr);
  for (int shift = 24; shift >= 0; shift -= 8) {
    unsigned part = bits >> shift & 0xff;
    if (part >= 100) {
      *dst++ = (char)('0' + part / 100);
    }
    if (part >= 10) {
      *dst++ = (char)('0' + part / 10 % 10);
    }
    *dst++ = (char)('0' + part % 10);
    *dst++ = shift > 0 ? '.' : '\0';
  }
}

/* A group without its leading zeros; returns the end. */
static char *v6_put_group(char *dst, unsigned group)
{
  static const char hex[] = "0123456789abcdef";
  int shift = 12;
  while (shift > 0 && group >> shift == 0) {
    shift -= 4;
  }
  for (; shift >= 0; shift -= 4) {
    *dst++ = hex[group >> shift & 15];
  }
  return dst;
}

/* The first of the longest runs of groups that are 0, two at least; returns how
 * many it has. */
static int v6_find_zeros(const unsigned groups[V6_GROUPS], int *start)
{
  int best = 1;
  int run = 0;
  for (int i = 0; i < V6_GROUPS; i++) {
    run = groups[i] == 0 ? run + 1 : 0;
    if (run > best) {
      best = run;
      *start = i + 1 - run;
    }
  }
  return best > 1 ? best : 0;
}

/* False if it has an IPv4 address within, which is printed as such. */
static bool v6_print(const struct in6_addr *addr, char dst[INET6_ADDRSTRLEN])
{
  unsigned groups[V6_GROUPS];
  for (int i = 0; i < V6_GROUPS; i++) {
    groups[i] = (unsigned)addr->s6_addr[2 * i] << 8 | addr->s6_addr[2 * i + 1];
  }
  int start = V6_GROUPS;
  int zeros = v6_find_zeros(groups, &start);
  if (start == 0 && (zeros == 5 || zeros == 6)) {
    return false;
  }
  for (int i = 0; i < V6_GROUPS; i++) {
    if (i == start) {
      *dst++ = ':';
      i += zeros - 1;
    } else {
      if (i > 0) {
        *dst++ = ':';
      }
      dst = v6_put_group(dst, groups[i]);
    }
  }
  if (start + zeros == V6_GROUPS && zeros > 0) {
    *dst++ = ':';
  }
  *dst = '\0';
  return true;
}

char *ah_address_print(const ah_address *address, char *dst, size_t cap)
{
  ah_assert(cap > 0);
  dst[0] = '\0';
  bool is_v4 = address->any.sa_family == AF_INET;
  bool is_v6 = address->any.sa_family == AF_INET6;
  const void *addr = is_v4 ? (const void *)&address->v4.sin_addr
                           : (const void *)&address->v6.sin6_addr;
  if (is_v4 && cap >= INET_ADDRSTRLEN) {
    v4_print(addr, dst);
  } else if (!is_v6 || cap < INET6_ADDRSTRLEN || !v6_print(addr, dst)) {
    if (inet_ntop(address->any.sa_family, addr, dst, (socklen_t)cap) == NULL) {
      dst[0] = '\0'; /* no room */
      return dst;
    }
  }
  if (is_v6 && address->v6.sin6_scope_id != 0) {
    text_append_number(dst, cap, '%', address->v6.sin6_scope_id);
  }
  return dst;
}

char *ah_address_print_port(const ah_address *address, char *dst, size_t cap)
{
  char host[AH_ADDRESS_TEXT_BYTES];
  ah_address_print(address, host, sizeof(host));
  bool is_v4 = address->any.sa_family == AF_INET;
  size_t len = strlen(host);
  if (len + 3 > cap) { /* brackets and NUL */
    dst[0] = '\0';
    return dst;
  }
  char *end = dst;
  if (!is_v4) {
    *end++ = '[';
  }
  memcpy(end, host, len);
  end += len;
  if (!is_v4) {
    *end++ = ']';
  }
  *end = '\0';
  text_append_number(dst, cap, ':', ah_address_port(address));
  return dst;
}

bool ah_address_is_loopback(const ah_address *address)
{
  if (address->any.sa_family == AF_INET) {
    return ntohl(address->v4.sin_addr.s_addr) >> 24 == 127;
  }
  return IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr);
}
