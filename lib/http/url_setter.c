/* SPDX-License-Identifier: MIT */
/*
 * The setters of the URL standard (section 6.1), which are its parser with a
 * state override.
 *
 * A URL is one text with views into it, so nothing is set in place.  The parts
 * are taken from the old URL, one of them is parsed anew by the rules of its
 * setter, and all are written again by an ah_url_builder.  What was encoded
 * once is its own encoding, as no set holds "%"; only paths, whose segments
 * would be looked at again, are copied.
 *
 * The standard's setters ignore what they do not like; here that is an error.
 * Like them these take the front of a value that goes wrong later where the
 * standard does: the digits a port begins with, a host whose port is too large.
 */
#include "config.h"
#include "http/url_setter.h"

#include <string.h>

#include <ahttp/error.h>

#include "base/alloc.h"
#include "base/str.h"
#include "http/url_builder.h"
#include "http/url_host.h"
#include "http/url_parser.h"

typedef struct url_parts {
  ah_arena *arena;
  ahttp_str scheme;
  ahttp_str username;
  ahttp_str password;
  ah_url_host host;
  ahttp_str path;
  ahttp_str query;
  ahttp_str fragment;
  uint16_t port; /* if has_port */
  bool has_authority;
  bool has_port;
  bool has_new_path; /* |path| is to be parsed */
  bool has_query;
  bool has_fragment;
  bool is_special;
  const char *why;
} url_parts;

static void parts_init(url_parts *parts, ah_arena *arena, const ahttp_url *url)
{
  *parts = (url_parts){
      .arena = arena,
      .scheme = url->scheme,
      .username = url->username,
      .password = url->password,
      .host = {.text = url->host, .is_ip = url->is_ip},
      .path = url->path,
      .query = url->query,
      .fragment = url->fragment,
      .port = url->port,
      .has_authority = url->host.ptr != NULL,
      .has_port = url->has_port,
      .has_query = url->has_query,
      .has_fragment = url->has_fragment,
      .is_special = url->is_special,
  };
}

static int refuse(url_parts *parts, const char *why)
{
  parts->why = why;
  return AHTTP_EURL;
}

static bool parts_are_file(const url_parts *parts)
{
  return ah_str_eq(parts->scheme, AH_STR("file"));
}

static bool parts_have_credentials(const url_parts *parts)
{
  return parts->username.len > 0 || parts->password.len > 0;
}

/* "Cannot have a username/password/port." */
static bool parts_have_no_server(const url_parts *parts)
{
  return parts->host.text.len == 0 || parts_are_file(parts);
}

static bool is_slash(const url_parts *parts, char c)
{
  return c == '/' || (c == '\\' && parts->is_special);
}

static ahttp_str cut(ahttp_str text, size_t start)
{
  return ah_str(text.ptr + start, text.len - start);
}

/* --- The setters.  |value| has no tabs and line ends. --------------------- */

/* A scheme up to its ":" or the end; 0 if there is none. */
static size_t scheme_len(ahttp_str value)
{
  size_t len = 0;
  if (value.len == 0 || !ah_char_is((uint8_t)value.ptr[0], AH_CHAR_ALPHA)) {
    return 0;
  }
  while (len < value.len && value.ptr[len] != ':') {
    char c = value.ptr[len];
    if (!ah_char_is((uint8_t)c, AH_CHAR_ALPHA | AH_CHAR_DIGIT) && c != '+' &&
        c != '-' && c != '.') {
      return 0;
    }
    len++;
  }
  return len;
}

static int set_scheme(url_parts *parts, ahttp_str value)
{
  ahttp_str scheme = ah_str(value.ptr, scheme_len(value));
  if (scheme.len == 0) {
    return refuse(parts, "the scheme is missing or has a character that is "
                         "not allowed");
  }
  if (ah_url_scheme_is_special(scheme) != parts->is_special) {
    return refuse(parts, "the scheme is of another kind");
  }
  bool is_file = ah_str_ieq(scheme, AH_STR("file"));
  if (is_file && (parts_have_credentials(parts) || parts->has_port)) {
    return refuse(parts, "a file URL has no credentials and no port");
  }
  if (parts_are_file(parts) && parts->host.text.len == 0 && !is_file) {
    return refuse(parts, "the host is missing");
  }
  parts->scheme = scheme;
  return AHTTP_OK;
}

static int set_credential(url_parts *parts, ahttp_str *part, ahttp_str value)
{
  if (parts_have_no_server(parts)) {
    return refuse(parts, "a URL without a host has no credentials");
  }
  *part = value;
  return AHTTP_OK;
}

static int set_username(url_parts *parts, ahttp_str value)
{
  return set_credential(parts, &parts->username, value);
}

static int set_password(url_parts *parts, ahttp_str value)
{
  return set_credential(parts, &parts->password, value);
}

/* How long the host is that |value| begins with: up to a slash, "?" or "#",
 * and, unless it is a file's, up to a ":" outside brackets. */
static size_t host_len(const url_parts *parts, ahttp_str value)
{
  bool has_port = !parts_are_file(parts);
  bool in_brackets = false;
  size_t len = 0;
  for (; len < value.len; len++) {
    char c = value.ptr[len];
    if (is_slash(parts, c) || c == '?' || c == '#' ||
        (c == ':' && has_port && !in_brackets)) {
      break;
    }
    if (c == '[' || c == ']') {
      in_brackets = c == '[';
    }
  }
  return len;
}

static int parse_host(url_parts *parts, ahttp_str text)
{
  int rv = ah_url_host_parse(&parts->host, parts->arena, text,
                             parts->is_special, &parts->why);
  if (rv != AHTTP_OK) {
    return rv;
  }
  parts->has_authority = true;
  if (parts_are_file(parts) &&
      ah_str_eq(parts->host.text, AH_STR("localhost"))) {
    parts->host.text.len = 0;
  }
  return AHTTP_OK;
}

static int set_file_host(url_parts *parts, ahttp_str text)
{
  if (text.len > 0) {
    return parse_host(parts, text);
  }
  parts->host = (ah_url_host){.text = AH_STR("")};
  parts->has_authority = true;
  return AHTTP_OK;
}

/* Sets the port to the number that |digits| begins with. */
static int set_port_number(url_parts *parts, ahttp_str digits)
{
  unsigned port = 0;
  size_t len = 0;
  while (len < digits.len &&
         ah_char_is((uint8_t)digits.ptr[len], AH_CHAR_DIGIT)) {
    port = port * 10 + (unsigned)(digits.ptr[len] - '0');
    if (port > UINT16_MAX) {
      return refuse(parts, "the port is larger than 65535");
    }
    len++;
  }
  if (len == 0) {
    return refuse(parts, "the port is not a number");
  }
  parts->port = (uint16_t)port;
  parts->has_port = true;
  return AHTTP_OK;
}

static int set_any_host(url_parts *parts, ahttp_str value, bool takes_port)
{
  size_t len = host_len(parts, value);
  ahttp_str text = ah_str(value.ptr, len);
  if (parts_are_file(parts)) {
    return set_file_host(parts, text);
  }
  bool has_colon = len < value.len && value.ptr[len] == ':';
  if (has_colon && !takes_port) {
    return refuse(parts, "the host has a port");
  }
  if (len == 0 && (has_colon || parts->is_special ||
                   parts_have_credentials(parts) || parts->has_port)) {
    return refuse(parts, "the host is missing");
  }
  int rv = parse_host(parts, text);
  if (rv == AHTTP_OK && has_colon) {
    (void)set_port_number(parts, cut(value, len + 1));
  }
  return rv;
}

static int set_host_port(url_parts *parts, ahttp_str value)
{
  return set_any_host(parts, value, true);
}

static int set_host(url_parts *parts, ahttp_str value)
{
  return set_any_host(parts, value, false);
}

static int set_port(url_parts *parts, ahttp_str value)
{
  return parts_have_no_server(parts)
             ? refuse(parts, "a URL without a host has no port")
             : set_port_number(parts, value);
}

static int set_path(url_parts *parts, ahttp_str value)
{
  parts->path = value;
  parts->has_new_path = true;
  return AHTTP_OK;
}

static int set_query(url_parts *parts, ahttp_str value)
{
  parts->query = value;
  parts->has_query = true;
  return AHTTP_OK;
}

static int set_fragment(url_parts *parts, ahttp_str value)
{
  parts->fragment = value;
  parts->has_fragment = true;
  return AHTTP_OK;
}

typedef struct setter {
  int (*set)(url_parts *parts, ahttp_str value);
  char prefix;          /* dropped from the value once, if it is not 0 */
  bool is_of_hierarchy; /* not with an opaque path */
  bool keeps_all;       /* of the value, tabs and line ends too */
} setter;

static const setter setters[] = {
    [AH_URL_SCHEME] = {.set = set_scheme},
    [AH_URL_USERNAME] = {.set = set_username, .keeps_all = true},
    [AH_URL_PASSWORD] = {.set = set_password, .keeps_all = true},
    [AH_URL_HOST_PORT] = {.set = set_host_port, .is_of_hierarchy = true},
    [AH_URL_HOST] = {.set = set_host, .is_of_hierarchy = true},
    [AH_URL_PORT] = {.set = set_port},
    [AH_URL_PATH] = {.set = set_path, .is_of_hierarchy = true},
    [AH_URL_QUERY] = {.set = set_query, .prefix = '?'},
    [AH_URL_FRAGMENT] = {.set = set_fragment, .prefix = '#'},
};

/* An empty value takes some parts away.  False if |part| is not such a one. */
static bool parts_remove(url_parts *parts, ah_url_part part)
{
  if (part == AH_URL_PORT && !parts_have_no_server(parts)) {
    parts->has_port = false;
    return true;
  }
  if (part == AH_URL_QUERY) {
    parts->has_query = false;
    return true;
  }
  if (part == AH_URL_FRAGMENT) {
    parts->has_fragment = false;
    return true;
  }
  return false;
}

/* --- Writing. ------------------------------------------------------------- */

/* "Path start state" and "path state". */
static void write_new_path(ah_url_builder *b, const url_parts *parts)
{
  ahttp_str rest = parts->path;
  if (rest.len == 0 && !parts->is_special && parts->has_authority) {
    return;
  }
  if (rest.len > 0 && is_slash(parts, rest.ptr[0])) {
    rest = cut(rest, 1);
  }
  for (;;) {
    size_t len = 0;
    while (len < rest.len && !is_slash(parts, rest.ptr[len])) {
      len++;
    }
    bool is_last = len == rest.len;
    ah_url_builder_put_segment(b, ah_str(rest.ptr, len), is_last);
    if (is_last) {
      return;
    }
    rest = cut(rest, len + 1);
  }
}

static void write_parts(ah_url_builder *b, const url_parts *parts)
{
  ah_url_builder_put_scheme(b, parts->scheme);
  if (parts->has_authority) {
    ah_url_builder_put_authority(b);
    ah_url_builder_put_user(b, parts->username, parts->password);
    ah_url_builder_put_host(b, &parts->host);
    if (parts->has_port) {
      ah_url_builder_put_port(b, parts->port);
    }
  }
  if (parts->has_new_path) {
    write_new_path(b, parts);
  } else {
    ah_url_builder_put_path(b, parts->path);
  }
  if (parts->has_query) {
    ah_url_builder_put_query(b, parts->query);
  }
  if (parts->has_fragment) {
    ah_url_builder_put_fragment(b, parts->fragment);
  }
}

/* All parts but the new ones are in the old URL's text, already encoded, which
 * the builder asks three times the room for. */
static int parts_finish(url_parts *parts, const ahttp_url *url,
                        size_t value_len, ahttp_url *out)
{
  size_t room = ah_url_builder_room(url->href.len + value_len, NULL) +
                parts->host.text.len;
  char *memory = ah_malloc(room);
  if (memory == NULL) {
    return AHTTP_ENOMEM;
  }
  ah_url_builder b;
  ah_url_builder_init(&b, memory, room);
  write_parts(&b, parts);
  int rv = ah_url_builder_finish(&b, out, parts->arena);
  ah_free(memory);
  return rv;
}

static int parts_set(url_parts *parts, ah_url_part part, ahttp_str value,
                     char *stripped)
{
  const setter *how = &setters[part];
  if (value.len == 0 && parts_remove(parts, part)) {
    return AHTTP_OK;
  }
  if (how->prefix != '\0' && value.ptr[0] == how->prefix) {
    value = cut(value, 1);
  }
  if (!how->keeps_all) {
    value = ah_str(stripped, ah_url_strip(stripped, value));
  }
  return how->set(parts, value);
}

int ah_url_set(ahttp_url *out, ah_arena *arena, const ahttp_url *url,
               ah_url_part part, ahttp_str value, const char **why)
{
  url_parts parts;
  parts_init(&parts, arena, url);
  int rv = AHTTP_OK;
  char *stripped = NULL;
  if (value.len > AH_URL_BYTES_MAX) {
    rv = refuse(&parts, "it is too long");
  } else if (setters[part].is_of_hierarchy && ah_url_has_opaque_path(url)) {
    rv = refuse(&parts, "a URL of this kind has no host and no folders");
  } else {
    stripped = ah_malloc(value.len + 1);
    rv = stripped == NULL ? AHTTP_ENOMEM
                          : parts_set(&parts, part, value, stripped);
  }
  if (rv == AHTTP_OK) {
    rv = parts_finish(&parts, url, value.len, out);
  }
  if (rv == AHTTP_OK && out->href.len > AH_URL_HREF_MAX) {
    rv = refuse(&parts, "it is too long");
  }
  if (rv == AHTTP_EURL && why != NULL) {
    *why = parts.why;
  }
  ah_free(stripped);
  return rv;
}
