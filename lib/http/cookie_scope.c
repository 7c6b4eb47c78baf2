/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "http/cookie_scope.h"

#include <ahttp/error.h>

#include "base/str.h"

static bool has_suffix(ahttp_str text, ahttp_str suffix)
{
  return text.len >= suffix.len &&
         ah_str_eq(ah_str(text.ptr + text.len - suffix.len, suffix.len),
                   suffix);
}

static bool has_prefix(ahttp_str text, ahttp_str prefix)
{
  return text.len >= prefix.len &&
         ah_str_eq(ah_str(text.ptr, prefix.len), prefix);
}

bool ah_cookie_host_is_ip(ahttp_str host)
{
  if (host.len == 0 || host.ptr[0] == '[') {
    return host.len > 0;
  }
  /* In a canonical host only an IPv4 address ends in a number. */
  size_t at = host.len;
  while (at > 0 && ah_char_is((uint8_t)host.ptr[at - 1], AH_CHAR_DIGIT)) {
    at--;
  }
  return at < host.len && at > 0 && host.ptr[at - 1] == '.';
}

static bool host_is_loopback(ahttp_str host)
{
  if (ah_cookie_host_is_ip(host)) {
    return ah_str_eq(host, AH_STR("[::1]")) || has_prefix(host, AH_STR("127."));
  }
  return ah_str_eq(host, AH_STR("localhost")) ||
         has_suffix(host, AH_STR(".localhost"));
}

bool ah_cookie_target_of(const ahttp_url *url, ah_cookie_target *out)
{
  bool is_tls = ah_str_eq(url->scheme, AH_STR("https")) ||
                ah_str_eq(url->scheme, AH_STR("wss"));
  out->host = url->host;
  out->path = url->path;
  out->is_secure = is_tls || host_is_loopback(url->host);
  return url->host.len > 0;
}

bool ah_cookie_domain_matches(ahttp_str host, ahttp_str domain)
{
  if (ah_str_eq(host, domain)) {
    return true;
  }
  return domain.len > 0 && has_suffix(host, domain) &&
         host.ptr[host.len - domain.len - 1] == '.' &&
         !ah_cookie_host_is_ip(host);
}

ahttp_str ah_cookie_default_path(ahttp_str path)
{
  size_t len = path.len;
  while (len > 0 && path.ptr[len - 1] != '/') {
    len--;
  }
  if (len <= 1 || path.ptr[0] != '/') {
    return AH_STR("/");
  }
  return ah_str(path.ptr, len - 1);
}

bool ah_cookie_path_matches(ahttp_str path, ahttp_str cookie_path)
{
  if (!has_prefix(path, cookie_path)) {
    return false;
  }
  return path.len == cookie_path.len ||
         (cookie_path.len > 0 && cookie_path.ptr[cookie_path.len - 1] == '/') ||
         path.ptr[cookie_path.len] == '/';
}

static bool has_any_of(ahttp_str text, const char *bytes)
{
  for (size_t i = 0; i < text.len; i++) {
    if (strchr(bytes, text.ptr[i]) != NULL) {
      return true; /* a NUL counts as well */
    }
  }
  return false;
}

/* An IPv6 address without its brackets. */
static bool is_bare_ipv6(ahttp_str text)
{
  const char *colon = text.len == 0 ? NULL : memchr(text.ptr, ':', text.len);
  return colon != NULL && text.ptr[0] != '[';
}

int ah_cookie_host_canonical(ahttp_str text, ah_arena *arena, ahttp_str *out)
{
  const ahttp_str scheme = AH_STR("http://");
  if (text.len > 0 && text.ptr[0] == '.') {
    text = ah_str(text.ptr + 1, text.len - 1);
  }
  bool is_bare = is_bare_ipv6(text);
  size_t len = scheme.len + (is_bare ? 1 : 0);
  char *url_text = ah_arena_bytes(arena, len + text.len + 1);
  if (url_text == NULL) {
    return AHTTP_ENOMEM;
  }
  memcpy(url_text, scheme.ptr, scheme.len);
  url_text[scheme.len] = '[';
  if (text.len > 0) {
    memcpy(url_text + len, text.ptr, text.len);
  }
  url_text[len + text.len] = ']';
  len += text.len + (is_bare ? 1 : 0);
  ahttp_url url;
  int rv = ah_url_parse(&url, arena, ah_str(url_text, len), NULL, NULL);
  if (rv != AHTTP_OK) {
    return rv;
  }
  /* Anything more than a host would be a part of its own. */
  bool is_host =
      url.host.len > 0 && !url.has_port && !url.has_query &&
      !url.has_fragment &&
      !has_any_of(ah_str(url_text + scheme.len, len - scheme.len), "/\\@");
  if (!is_host) {
    return AHTTP_EURL;
  }
  *out = url.host;
  return AHTTP_OK;
}
