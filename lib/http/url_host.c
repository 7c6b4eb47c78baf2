/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "http/url_host.h"

#include <string.h>

#include <ahttp/error.h>

#include "base/str.h"
#include "http/idna.h"
#include "http/url_percent.h"

enum {
  IPV4_PARTS = 4,
  IPV4_TEXT_MAX = sizeof("255.255.255.255"),
  IPV6_PIECES = 8,
  IPV6_TEXT_MAX = IPV6_PIECES * 5 + 2 /* "xxxx:" each, and brackets */
};

static const char why_ipv4[] = "the host is an invalid IPv4 address";
static const char why_ipv6[] = "the host is an invalid IPv6 address";

/* Writes |value| in |base| 10 or 16 and returns the end. */
static char *number_write(char *dst, unsigned value, unsigned base)
{
  char digits[10];
  size_t count = 0;
  do {
    digits[count++] = "0123456789abcdef"[value % base];
    value /= base;
  } while (value > 0);
  while (count > 0) {
    *dst++ = digits[--count];
  }
  return dst;
}

/* The last label, not counting an empty one after a final dot. */
static ahttp_str last_label(ahttp_str domain)
{
  size_t end = domain.len;
  if (end > 1 && domain.ptr[end - 1] == '.') {
    end--;
  }
  size_t start = end;
  while (start > 0 && domain.ptr[start - 1] != '.') {
    start--;
  }
  return ah_str(domain.ptr + start, end - start);
}

/*
 * One number of an IPv4 address: decimal, octal after "0", hexadecimal after
 * "0x".  Values too large for any place become UINT32_MAX + 1.
 */
static bool ipv4_number_parse(ahttp_str text, uint64_t *out)
{
  int base = 10;
  size_t i = 0;
  if (text.len == 0) {
    return false;
  }
  if (text.len >= 2 && text.ptr[0] == '0') {
    bool is_hex = text.ptr[1] == 'x' || text.ptr[1] == 'X';
    base = is_hex ? 16 : 8;
    i = is_hex ? 2 : 1;
  }
  uint64_t value = 0;
  for (; i < text.len; i++) {
    int digit = ah_char_hex((uint8_t)text.ptr[i]);
    if (digit < 0 || digit >= base) {
      return false;
    }
    value = value * (uint64_t)base + (uint64_t)digit;
    if (value > UINT32_MAX) {
      value = (uint64_t)UINT32_MAX + 1;
    }
  }
  *out = value;
  return true;
}

/* The "ends in a number" checker: such a host is an IPv4 address or nothing. */
static bool ends_in_number(ahttp_str domain)
{
  ahttp_str last = last_label(domain);
  uint64_t value = 0;
  return ah_str_all(last, AH_CHAR_DIGIT) || ipv4_number_parse(last, &value);
}

static bool ipv4_parse(ahttp_str text, uint32_t *address)
{
  uint64_t numbers[IPV4_PARTS];
  size_t count = 0;
  if (text.len > 1 && text.ptr[text.len - 1] == '.') {
    text.len--;
  }
  size_t start = 0;
  for (size_t i = 0; i <= text.len; i++) {
    if (i < text.len && text.ptr[i] != '.') {
      continue;
    }
    if (count == IPV4_PARTS ||
        !ipv4_number_parse(ah_str(text.ptr + start, i - start),
                           &numbers[count])) {
      return false;
    }
    count++;
    start = i + 1;
  }
  /* The last number fills all the bytes that are left. */
  uint64_t value = numbers[count - 1];
  if (value >> (8 * (IPV4_PARTS + 1 - count)) != 0) {
    return false;
  }
  for (size_t i = 0; i + 1 < count; i++) {
    if (numbers[i] > 255) {
      return false;
    }
    value |= numbers[i] << (8 * (IPV4_PARTS - 1 - i));
  }
  *address = (uint32_t)value;
  return true;
}

static size_t ipv4_write(char *dst, uint32_t address)
{
  char *end = dst;
  for (unsigned shift = 24;; shift -= 8) {
    end = number_write(end, (address >> shift) & 255, 10);
    if (shift == 0) {
      return (size_t)(end - dst);
    }
    *end++ = '.';
  }
}

/* The dotted tail of an IPv6 address: four decimal numbers without zeros in
 * front, as two pieces. */
static bool ipv6_tail_parse(ahttp_str text, uint16_t pieces[2])
{
  unsigned value = 0;
  size_t dots = 0;
  size_t digits = 0;
  uint32_t address = 0;
  for (size_t i = 0; i < text.len; i++) {
    char c = text.ptr[i];
    if (c == '.') {
      if (digits == 0 || ++dots == IPV4_PARTS) {
        return false;
      }
      address = address << 8 | value;
      value = 0;
      digits = 0;
      continue;
    }
    if (!ah_char_is((uint8_t)c, AH_CHAR_DIGIT) || (digits > 0 && value == 0)) {
      return false;
    }
    value = value * 10 + (unsigned)(c - '0');
    digits++;
    if (value > 255) {
      return false;
    }
  }
  if (digits == 0 || dots != IPV4_PARTS - 1) {
    return false;
  }
  address = address << 8 | value;
  pieces[0] = (uint16_t)(address >> 16);
  pieces[1] = (uint16_t)address;
  return true;
}

/* Up to four hexadecimal digits at the front of |text|. */
static size_t ipv6_piece_parse(ahttp_str text, uint16_t *piece)
{
  unsigned value = 0;
  size_t len = 0;
  while (len < text.len && len < 4) {
    int digit = ah_char_hex((uint8_t)text.ptr[len]);
    if (digit < 0) {
      break;
    }
    value = value << 4 | (unsigned)digit;
    len++;
  }
  *piece = (uint16_t)value;
  return len;
}

/* Moves the pieces after "::" to the end; those it stands for become zero. */
static void ipv6_expand(uint16_t pieces[IPV6_PIECES], size_t count,
                        size_t compress)
{
  size_t after = count - compress;
  memmove(pieces + IPV6_PIECES - after, pieces + compress,
          after * sizeof(pieces[0]));
  memset(pieces + compress, 0, (IPV6_PIECES - count) * sizeof(pieces[0]));
}

/* |text| without brackets. */
static bool ipv6_parse(ahttp_str text, uint16_t pieces[IPV6_PIECES])
{
  const size_t none = IPV6_PIECES + 1;
  size_t compress = none; /* where the pieces after "::" begin */
  size_t count = 0;
  size_t i = 0;
  if (text.len > 0 && text.ptr[0] == ':') {
    if (text.len < 2 || text.ptr[1] != ':') {
      return false;
    }
    i = 1;
  }
  while (i < text.len) {
    if (count == IPV6_PIECES) {
      return false;
    }
    if (text.ptr[i] == ':') {
      if (compress != none) {
        return false;
      }
      i++;
      pieces[count++] = 0; /* "::" stands for one piece at least */
      compress = count;
      continue;
    }
    ahttp_str rest = ah_str(text.ptr + i, text.len - i);
    size_t len = ipv6_piece_parse(rest, &pieces[count]);
    if (len < rest.len && rest.ptr[len] == '.') {
      if (count > IPV6_PIECES - 2 || !ipv6_tail_parse(rest, &pieces[count])) {
        return false;
      }
      count += 2;
      break;
    }
    i += len;
    count++;
    if (i == text.len) {
      break;
    }
    /* A colon follows, and something after it. */
    if (text.ptr[i] != ':' || ++i == text.len) {
      return false;
    }
  }
  if (compress == none) {
    return count == IPV6_PIECES;
  }
  ipv6_expand(pieces, count, compress);
  return true;
}

/* The first longest run of at least two zero pieces, which "::" stands for;
 * |*len| is 0 if there is none. */
static size_t ipv6_find_zeros(const uint16_t pieces[IPV6_PIECES], size_t *len)
{
  size_t best = 0;
  *len = 0;
  size_t i = 0;
  while (i < IPV6_PIECES) {
    size_t run = 0;
    while (i + run < IPV6_PIECES && pieces[i + run] == 0) {
      run++;
    }
    if (run > 1 && run > *len) {
      best = i;
      *len = run;
    }
    i += run + 1;
  }
  return best;
}

/* RFC 5952, section 4, in brackets. */
static size_t ipv6_write(char *dst, const uint16_t pieces[IPV6_PIECES])
{
  size_t zeros_len = 0;
  size_t zeros = ipv6_find_zeros(pieces, &zeros_len);
  char *end = dst;
  *end++ = '[';
  for (size_t i = 0; i < IPV6_PIECES; i++) {
    if (zeros_len > 0 && i == zeros) {
      *end++ = ':';
      if (i == 0) {
        *end++ = ':';
      }
      i += zeros_len - 1;
      continue;
    }
    end = number_write(end, pieces[i], 16);
    if (i + 1 < IPV6_PIECES) {
      *end++ = ':';
    }
  }
  *end++ = ']';
  return (size_t)(end - dst);
}

static int host_parse_ipv6(ah_url_host *out, ah_arena *arena, ahttp_str text,
                           const char **why)
{
  uint16_t pieces[IPV6_PIECES] = {0};
  if (text.len < 2 || text.ptr[text.len - 1] != ']' ||
      !ipv6_parse(ah_str(text.ptr + 1, text.len - 2), pieces)) {
    *why = why_ipv6;
    return AHTTP_EURL;
  }
  char written[IPV6_TEXT_MAX];
  out->is_ip = true;
  return ah_arena_copy(arena, ah_str(written, ipv6_write(written, pieces)),
                       &out->text);
}

static int host_parse_ipv4(ah_url_host *out, ah_arena *arena, ahttp_str text,
                           const char **why)
{
  uint32_t address = 0;
  if (!ipv4_parse(text, &address)) {
    *why = why_ipv4;
    return AHTTP_EURL;
  }
  char written[IPV4_TEXT_MAX];
  out->is_ip = true;
  return ah_arena_copy(arena, ah_str(written, ipv4_write(written, address)),
                       &out->text);
}

/* Whether no byte of |text| is of |set|. */
static bool text_lacks(ahttp_str text, unsigned set)
{
  for (size_t i = 0; i < text.len; i++) {
    if (ah_url_set_has(set, text.ptr[i])) {
      return false;
    }
  }
  return true;
}

static int host_parse_opaque(ah_url_host *out, ah_arena *arena, ahttp_str text,
                             const char **why)
{
  if (!text_lacks(text, AH_URL_FORBIDDEN_HOST)) {
    *why = "the host has a character that is not allowed";
    return AHTTP_EURL;
  }
  char *dst = ah_arena_bytes(arena, 3 * text.len);
  if (dst == NULL) {
    return AHTTP_ENOMEM;
  }
  out->text = ah_str(dst, ah_url_percent_encode(dst, text, AH_URL_SET_C0));
  return AHTTP_OK;
}

/* What the bytes of a domain are. */
typedef struct domain_bytes {
  bool are_ascii;
  bool are_allowed; /* in the ASCII form */
} domain_bytes;

/*
 * Lower-cases the ASCII letters of |domain| in place.  If it has nothing beyond
 * ASCII this is all that "domain to ASCII" does: since 2026 it takes A-labels
 * ("xn--") of ASCII domains as they are, as browsers do.
 */
static domain_bytes domain_lower(char *domain, size_t len)
{
  unsigned sets = 0;
  uint8_t bits = 0;
  for (size_t i = 0; i < len; i++) {
    uint8_t c = (uint8_t)domain[i];
    sets |= ah_url_set_table[c];
    bits |= c;
    domain[i] = (char)ah_char_lower(c);
  }
  return (domain_bytes){.are_ascii = bits < 0x80,
                        .are_allowed = (sets & AH_URL_FORBIDDEN_DOMAIN) == 0};
}

static int host_parse_domain(ah_url_host *out, ah_arena *arena, ahttp_str text,
                             const char **why)
{
  char *domain = ah_arena_bytes(arena, text.len);
  if (domain == NULL) {
    return AHTTP_ENOMEM;
  }
  size_t len = ah_url_percent_decode(domain, text);
  out->text = ah_str(domain, len);
  domain_bytes bytes = domain_lower(domain, len);
  if (!bytes.are_ascii) {
    int rv = ah_idna_to_ascii(&out->text, arena, out->text, why);
    if (rv != AHTTP_OK) {
      return rv;
    }
    bytes.are_allowed = text_lacks(out->text, AH_URL_FORBIDDEN_DOMAIN);
  }
  if (!bytes.are_allowed) {
    *why = "the host has a character that is not allowed";
    return AHTTP_EURL;
  }
  if (ends_in_number(out->text)) {
    return host_parse_ipv4(out, arena, out->text, why);
  }
  return AHTTP_OK;
}

int ah_url_host_parse(ah_url_host *out, ah_arena *arena, ahttp_str text,
                      bool is_special, const char **why)
{
  *out = (ah_url_host){.is_ip = false};
  if (text.len > 0 && text.ptr[0] == '[') {
    return host_parse_ipv6(out, arena, text, why);
  }
  if (!is_special) {
    return host_parse_opaque(out, arena, text, why);
  }
  return host_parse_domain(out, arena, text, why);
}

size_t ah_url_host_read_ip(ahttp_str text, uint8_t bytes[16])
{
  uint16_t pieces[IPV6_PIECES] = {0};
  uint32_t address = 0;
  if (text.len == 0) {
    return 0;
  }
  if (memchr(text.ptr, ':', text.len) == NULL) {
    if (!ipv4_parse(text, &address)) {
      return 0;
    }
    for (unsigned i = 0; i < 4; i++) {
      bytes[i] = (uint8_t)(address >> (24 - 8 * i));
    }
    return 4;
  }
  if (!ipv6_parse(text, pieces)) {
    return 0;
  }
  for (size_t i = 0; i < IPV6_PIECES; i++) {
    bytes[2 * i] = (uint8_t)(pieces[i] >> 8);
    bytes[2 * i + 1] = (uint8_t)(pieces[i] & 255);
  }
  return sizeof(pieces);
}
