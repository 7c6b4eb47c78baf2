/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "http/url.h"

#include <string.h>

#include <ahttp/error.h>

#include "base/str.h"
#include "http/url_parser.h"
#include "http/url_percent.h"

/* The ends of the parts of a URL that is its own serialization. */
typedef struct plain_url {
  size_t scheme_len;
  size_t host_end;
  size_t authority_end; /* behind the port, if there is one */
  size_t path_end;
  size_t query_end;
  uint16_t default_port;
  uint16_t port;
  bool is_ip;
} plain_url;

static ahttp_str slice(ahttp_str text, size_t start, size_t end)
{
  return ah_str(text.ptr + start, end - start);
}

/* Drops C0 controls and spaces at both ends. */
static ahttp_str trim(ahttp_str text)
{
  while (text.len > 0 && (uint8_t)text.ptr[text.len - 1] <= ' ') {
    text.len--;
  }
  while (text.len > 0 && (uint8_t)text.ptr[0] <= ' ') {
    text.ptr++;
    text.len--;
  }
  return text;
}

static bool plain_scheme(plain_url *plain, ahttp_str text)
{
  if (text.len > 8 && memcmp(text.ptr, "https://", 8) == 0) {
    plain->scheme_len = 5;
    plain->default_port = 443;
    return true;
  }
  if (text.len > 7 && memcmp(text.ptr, "http://", 7) == 0) {
    plain->scheme_len = 4;
    plain->default_port = 80;
    return true;
  }
  return false;
}

/* An IPv4 address as it is serialized: four numbers up to 255, each without
 * zeros in front. */
static bool plain_ipv4(ahttp_str host)
{
  unsigned dots = 0;
  unsigned value = 0;
  size_t digits = 0;
  for (size_t i = 0; i < host.len; i++) {
    if (host.ptr[i] == '.' && digits > 0) {
      dots++;
      digits = 0;
      continue;
    }
    uint8_t digit = (uint8_t)(host.ptr[i] - '0');
    if (digit > 9 || (digits > 0 && value == 0)) {
      return false;
    }
    value = digits == 0 ? digit : value * 10 + digit;
    digits++;
    if (value > 255) {
      return false;
    }
  }
  return dots == 3 && digits > 0;
}

/* A host of lower-case letters, digits, "-" and ".", without A-labels. */
static bool plain_host(plain_url *plain, ahttp_str text)
{
  size_t start = plain->scheme_len + 3;
  size_t label = start;
  size_t i = start;
  for (; i < text.len; i++) {
    uint8_t c = (uint8_t)text.ptr[i];
    if (c == '.') {
      label = i + 1;
    } else if (c == '-') {
      if (text.ptr[i - 1] == '-') {
        return false;
      }
    } else if ((uint8_t)(c - 'a') >= 26 && (uint8_t)(c - '0') >= 10) {
      break;
    }
  }
  plain->host_end = i;
  if (i == label) {
    return false;
  }
  /* A last label that begins with a digit may make it an IPv4 address. */
  plain->is_ip = ah_char_is((uint8_t)text.ptr[label], AH_CHAR_DIGIT);
  return !plain->is_ip || plain_ipv4(slice(text, start, i));
}

static bool plain_port(plain_url *plain, ahttp_str text)
{
  size_t i = plain->host_end;
  plain->port = plain->default_port;
  plain->authority_end = i;
  if (i == text.len || text.ptr[i] != ':') {
    return true;
  }
  size_t start = ++i;
  unsigned port = 0;
  while (i < text.len && i - start < 5 &&
         ah_char_is((uint8_t)text.ptr[i], AH_CHAR_DIGIT)) {
    port = port * 10 + (unsigned)(text.ptr[i] - '0');
    i++;
  }
  plain->port = (uint16_t)port;
  plain->authority_end = i;
  return i > start && text.ptr[start] != '0' && port <= UINT16_MAX &&
         port != plain->default_port;
}

/* A path without dot segments and backslashes.  The set of user information
 * holds that of paths and the slashes. */
static bool plain_path(plain_url *plain, ahttp_str text)
{
  size_t i = plain->authority_end;
  for (; i < text.len; i++) {
    char c = text.ptr[i];
    if (!ah_url_set_has(AH_URL_SET_USERINFO, c)) {
      continue;
    }
    if (c == '\\') {
      return false;
    }
    if (c == '/' && i + 1 < text.len &&
        (text.ptr[i + 1] == '.' || text.ptr[i + 1] == '%')) {
      return false;
    }
    if (ah_url_set_has(AH_URL_SET_PATH, c)) {
      break;
    }
  }
  plain->path_end = i;
  return true;
}

/* Bytes from |start| to the first one of |set|. */
static size_t run_end(ahttp_str text, size_t start, unsigned set)
{
  while (start < text.len && !ah_url_set_has(set, text.ptr[start])) {
    start++;
  }
  return start;
}

/*
 * Takes http and https URLs apart that are written the way the standard
 * serializes them, as nearly all are.  False means that the parser must decide.
 */
static bool plain_parse(plain_url *plain, ahttp_str text)
{
  if (!plain_scheme(plain, text) || !plain_host(plain, text) ||
      !plain_port(plain, text)) {
    return false;
  }
  size_t i = plain->authority_end;
  if (i < text.len && text.ptr[i] != '/') {
    return false;
  }
  if (!plain_path(plain, text)) {
    return false;
  }
  i = plain->path_end;
  if (i < text.len && text.ptr[i] == '?') {
    i = run_end(text, i + 1, AH_URL_SET_SPECIAL_QUERY);
  }
  plain->query_end = i;
  if (i < text.len && text.ptr[i] == '#') {
    i = run_end(text, i + 1, AH_URL_SET_FRAGMENT);
  }
  return i == text.len;
}

/* |text| as it is, with a path of "/" if it has none. */
static int plain_copy(ahttp_url *out, ah_arena *arena, ahttp_str text,
                      const plain_url *plain)
{
  bool is_bare = plain->authority_end == text.len;
  char *copy = ah_arena_bytes(arena, text.len + 2);
  if (copy == NULL) {
    return AHTTP_ENOMEM;
  }
  memcpy(copy, text.ptr, text.len);
  copy[text.len] = is_bare ? '/' : '\0';
  copy[text.len + 1] = '\0';
  ahttp_str href = ah_str(copy, text.len + is_bare);
  size_t path_end = plain->path_end + is_bare;
  size_t query_end = plain->query_end + is_bare;
  size_t host = plain->scheme_len + 3;
  out->href = href;
  out->scheme = slice(href, 0, plain->scheme_len);
  out->username = slice(href, host, host);
  out->password = out->username;
  out->host = slice(href, host, plain->host_end);
  out->path = slice(href, plain->authority_end, path_end);
  out->has_query = query_end > path_end;
  out->query = slice(href, path_end + out->has_query, query_end);
  out->has_fragment = href.len > query_end;
  out->fragment = slice(href, query_end + out->has_fragment, href.len);
  out->port = plain->port;
  out->has_port = plain->authority_end > plain->host_end;
  out->is_special = true;
  out->is_ip = plain->is_ip;
  return AHTTP_OK;
}

int ah_url_parse(ahttp_url *out, ah_arena *arena, ahttp_str text,
                 const ahttp_url *base, const char **why)
{
  const char *ignored = NULL;
  *out = (ahttp_url){.port = 0};
  text = trim(text);
  plain_url plain;
  if (text.len > AH_URL_BYTES_MAX) {
    *(why == NULL ? &ignored : why) = "it is too long";
    return AHTTP_EURL;
  }
  if (plain_parse(&plain, text)) {
    return plain_copy(out, arena, text, &plain);
  }
  return ah_url_parser_run(out, arena, text, base,
                           why == NULL ? &ignored : why);
}

ahttp_str ah_url_hostname(const ahttp_url *url)
{
  ahttp_str host = url->host;
  if (host.len >= 2 && host.ptr[0] == '[') {
    return slice(host, 1, host.len - 1);
  }
  return host;
}

ahttp_str ah_url_target(const ahttp_url *url)
{
  size_t len = url->path.len;
  if (url->has_query) {
    len += 1 + url->query.len;
  }
  return ah_str(url->path.ptr, len);
}

ahttp_str ah_url_authority(const ahttp_url *url)
{
  if (url->host.ptr == NULL) {
    return url->host;
  }
  return ah_str(url->host.ptr, (size_t)(url->path.ptr - url->host.ptr));
}

bool ah_url_same_origin(const ahttp_url *a, const ahttp_url *b)
{
  return a->port == b->port && ah_str_eq(a->scheme, b->scheme) &&
         ah_str_eq(a->host, b->host);
}

/* Appends |text| to the C string |dst| of |*len| bytes, cut at |cap|. */
static void display_put(char *dst, size_t *len, size_t cap, ahttp_str text)
{
  size_t room = cap - 1 - *len;
  size_t used = text.len < room ? text.len : room;
  if (used > 0) {
    memcpy(dst + *len, text.ptr, used);
  }
  *len += used;
  dst[*len] = '\0';
}

char *ah_url_display(const ahttp_url *url, char *dst, size_t cap)
{
  size_t len = 0;
  if (cap == 0) {
    return dst;
  }
  if (url->password.len == 0) {
    display_put(dst, &len, cap, url->href);
    return dst;
  }
  size_t start = (size_t)(url->password.ptr - url->href.ptr);
  size_t end = start + url->password.len;
  display_put(dst, &len, cap, slice(url->href, 0, start));
  display_put(dst, &len, cap, AH_STR("[secure]"));
  display_put(dst, &len, cap, slice(url->href, end, url->href.len));
  return dst;
}
