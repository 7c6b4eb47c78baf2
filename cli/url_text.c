/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "cli/url_text.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static bool str_starts(ahttp_str str, const char *prefix)
{
  size_t len = strlen(prefix);

  return str.len >= len && strncasecmp(str.ptr, prefix, len) == 0;
}

static bool str_ends(ahttp_str str, const char *suffix)
{
  size_t len = strlen(suffix);

  return str.len >= len &&
         strncasecmp(str.ptr + str.len - len, suffix, len) == 0;
}

/* The index of the first byte of |set| in |str|; its length if none. */
static size_t str_find(ahttp_str str, const char *set)
{
  size_t at = 0;

  while (at < str.len &&
         (str.ptr[at] == '\0' || strchr(set, str.ptr[at]) == NULL)) {
    at++;
  }
  return at;
}

/* "http:", or anything before "://". */
static bool has_scheme(ahttp_str typed)
{
  if (str_starts(typed, "http:") || str_starts(typed, "https:")) {
    return true;
  }
  size_t slash = str_find(typed, "/?#");
  return slash > 0 && slash + 1 < typed.len && typed.ptr[slash - 1] == ':' &&
         typed.ptr[slash] == '/' && typed.ptr[slash + 1] == '/';
}

/* The host of |rest|, which starts with the authority. */
static ahttp_str host_of(ahttp_str rest)
{
  ahttp_str host = {rest.ptr, str_find(rest, "/?#\\")};
  const char *at = host.len == 0 ? NULL : memrchr(host.ptr, '@', host.len);

  if (at != NULL) {
    host.len -= (size_t)(at + 1 - host.ptr);
    host.ptr = at + 1;
  }
  if (host.len > 0 && host.ptr[0] == '[') {
    size_t bracket = str_find(host, "]");
    host.len = bracket < host.len ? bracket + 1 : host.len;
  } else {
    host.len = str_find(host, ":");
  }
  return host;
}

static bool host_is_local(ahttp_str host)
{
  if (host.len == 9 && str_starts(host, "localhost")) {
    return true;
  }
  if (str_ends(host, ".localhost")) {
    return true;
  }
  if (host.len == 5 && str_starts(host, "[::1]")) {
    return true;
  }
  for (size_t i = 0; i < host.len; i++) {
    if (!isdigit((unsigned char)host.ptr[i]) && host.ptr[i] != '.') {
      return false;
    }
  }
  return str_starts(host, "127.");
}

ahttp_str cli_url_complete(cli_text *room, ahttp_str typed)
{
  ahttp_str rest = typed;

  if (has_scheme(typed) || typed.len == 0) {
    return typed;
  }
  cli_text_reset(room);
  if (typed.ptr[0] == ':' && typed.len > 1 &&
      (typed.ptr[1] == '/' || isdigit((unsigned char)typed.ptr[1]))) {
    cli_text_add(room, "http://localhost");
    cli_text_append(room, typed.ptr + (typed.ptr[1] == '/' ? 1 : 0),
                    typed.len - (typed.ptr[1] == '/' ? 1 : 0));
    return cli_text_str(room);
  }
  if (str_starts(typed, "//")) {
    rest.ptr += 2;
    rest.len -= 2;
  } else if (strchr("/?#\\", typed.ptr[0]) != NULL) {
    /* Without a host the standard would take the first folder for one. */
    return typed;
  }
  cli_text_add(room, host_is_local(host_of(rest)) ? "http://" : "https://");
  cli_text_append_str(room, rest);
  return cli_text_str(room);
}

const char *cli_url_text_problem(ahttp_str typed)
{
  /* The URL standard drops tabs silently; in a list they are columns of a
   * format that this program does not read. */
  for (size_t i = 0; i < typed.len; i++) {
    if ((uint8_t)typed.ptr[i] < 0x20 || typed.ptr[i] == 0x7f) {
      return "there is a control character in the line";
    }
  }
  return NULL;
}
