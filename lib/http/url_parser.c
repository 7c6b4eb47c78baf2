/* SPDX-License-Identifier: MIT */
/*
 * The basic URL parser of the URL standard (https://url.spec.whatwg.org,
 * section 4.4) with no state override.
 *
 * The standard describes a machine that looks at one code point at a time and
 * fills a record, and a serializer that writes the record.  Here every state is
 * a function that takes the whole run of input it is about and returns the next
 * state, and what it finds goes into an ah_url_builder at once, in the order of
 * the serialization: scheme, authority, path, query, fragment.  The parts are
 * offsets into that text.  This works because the states come in that order
 * too; what the standard puts together only at the end is little:
 *
 *   - scheme and authority inherited from the base are the same bytes at the
 *     same place in the base's serialization;
 *   - the path is a list in the standard; here it is the text with a "/" before
 *     each segment, and dropping the last segment cuts at the last "/";
 *   - "/." between a missing authority and a path that begins with "//" is
 *     squeezed in at the end.
 *
 * The standard's "remaining starts with" tests and its steps back by one code
 * point become peeking.  Its validation errors that are no failures are not
 * reported.
 */
#include "config.h"
#include "http/url_parser.h"

#include <string.h>

#include <ahttp/error.h>

#include "base/alloc.h"
#include "base/str.h"
#include "http/url_builder.h"

enum {
  END_OF_INPUT = -1
};

/* The states by their names in the standard, where "scheme" is part of "scheme
 * start" and "special authority ignore slashes" of the state before it. */
typedef enum url_state {
  SCHEME_START,
  NO_SCHEME,
  SPECIAL_RELATIVE_OR_AUTHORITY,
  PATH_OR_AUTHORITY,
  RELATIVE,
  RELATIVE_SLASH,
  SPECIAL_AUTHORITY_SLASHES,
  AUTHORITY,
  HOST,
  PORT,
  FILE_START,
  FILE_SLASH,
  FILE_HOST,
  PATH_START,
  PATH,
  OPAQUE_PATH,
  QUERY,
  FRAGMENT,
  DONE,  /* the input is used up */
  FAILED /* |error| says how */
} url_state;

typedef struct url_parser {
  const char *pos; /* the next byte of input; pos <= end */
  const char *end;
  const ahttp_url *base; /* or NULL */
  ah_arena *arena;
  ah_url_builder url;
  int error;       /* AHTTP_OK unless FAILED */
  const char *why; /* with AHTTP_EURL */
} url_parser;

/* The byte |ahead| of the next one, or END_OF_INPUT. */
static int peek(const url_parser *p, size_t ahead)
{
  if ((size_t)(p->end - p->pos) <= ahead) {
    return END_OF_INPUT;
  }
  return (uint8_t)p->pos[ahead];
}

/* A slash, or a backslash where the scheme is special. */
static bool is_slash(const url_parser *p, int c)
{
  return c == '/' || (c == '\\' && p->url.is_special);
}

/* True where an authority or a path segment ends. */
static bool is_part_end(const url_parser *p, int c)
{
  return c == END_OF_INPUT || c == '?' || c == '#' || is_slash(p, c);
}

/* How many bytes come before the end of the authority or path segment. */
static size_t part_len(const url_parser *p)
{
  size_t len = 0;
  while (!is_part_end(p, peek(p, len))) {
    len++;
  }
  return len;
}

/* Uses up |len| bytes of input. */
static ahttp_str take(url_parser *p, size_t len)
{
  ahttp_str text = ah_str(p->pos, len);
  p->pos += len;
  return text;
}

static url_state fail(url_parser *p, const char *why)
{
  p->error = AHTTP_EURL;
  p->why = why;
  return FAILED;
}

static bool parse_host(url_parser *p, ahttp_str text, ah_url_host *host)
{
  p->error =
      ah_url_host_parse(host, p->arena, text, p->url.is_special, &p->why);
  if (p->error == AHTTP_OK && host->text.len > text.len) {
    p->error = ah_url_builder_reserve(&p->url, host->text.len);
  }
  return p->error == AHTTP_OK;
}

static bool base_is_file(const url_parser *p)
{
  return p->base != NULL && ah_str_eq(p->base->scheme, AH_STR("file"));
}

/* Whether the rest of the input starts with a drive letter. */
static bool is_drive_next(const url_parser *p)
{
  return p->end - p->pos >= 2 && ah_url_is_drive(ah_str(p->pos, 2)) &&
         is_part_end(p, peek(p, 2));
}

static void put_empty_host(url_parser *p)
{
  ah_url_builder_put_authority(&p->url);
  ah_url_builder_put_host(&p->url, &(ah_url_host){.is_ip = false});
}

/* The state after a path or a query. */
static url_state after_path(url_parser *p)
{
  int c = peek(p, 0);
  if (c == END_OF_INPUT) {
    return DONE;
  }
  p->pos++;
  return c == '?' ? QUERY : FRAGMENT;
}

/* What "relative" and "file" share once the authority is inherited: the path,
 * less its last segment if the input has one, and the query if the input has
 * neither. */
static url_state inherit_path(url_parser *p)
{
  int c = peek(p, 0);
  ah_url_builder_put_path(&p->url, p->base->path);
  if (c == END_OF_INPUT || c == '#') {
    ah_url_builder_inherit_query(&p->url, p->base);
    return after_path(p);
  }
  if (c == '?') {
    return after_path(p);
  }
  ah_url_builder_shorten_path(&p->url);
  return PATH;
}

/* How long the scheme before a ":" is; 0 if there is none. */
static size_t scheme_len(const url_parser *p)
{
  size_t len = 0;
  int c = peek(p, 0);
  if (c == END_OF_INPUT || !ah_char_is((uint8_t)c, AH_CHAR_ALPHA)) {
    return 0;
  }
  while (c != END_OF_INPUT &&
         (ah_char_is((uint8_t)c, AH_CHAR_ALPHA | AH_CHAR_DIGIT) || c == '+' ||
          c == '-' || c == '.')) {
    c = peek(p, ++len);
  }
  return c == ':' ? len : 0;
}

static url_state on_scheme_start(url_parser *p)
{
  size_t len = scheme_len(p);
  if (len == 0) {
    return NO_SCHEME;
  }
  ah_url_builder_put_scheme(&p->url, take(p, len));
  p->pos++;
  if (p->url.is_file) {
    return FILE_START;
  }
  if (p->url.is_special) {
    bool is_base_scheme =
        p->base != NULL &&
        ah_str_eq(p->base->scheme, ah_str(p->url.href, p->url.scheme.end));
    return is_base_scheme ? SPECIAL_RELATIVE_OR_AUTHORITY
                          : SPECIAL_AUTHORITY_SLASHES;
  }
  return peek(p, 0) == '/' ? PATH_OR_AUTHORITY : OPAQUE_PATH;
}

static url_state on_no_scheme(url_parser *p)
{
  const ahttp_url *base = p->base;
  if (base == NULL) {
    return fail(p, "the scheme is missing");
  }
  ah_url_builder_put_scheme(&p->url, base->scheme);
  if (!ah_url_has_opaque_path(p->base)) {
    return p->url.is_file ? FILE_START : RELATIVE;
  }
  if (peek(p, 0) != '#') {
    return fail(p, "the base URL has no hierarchy to be relative to");
  }
  ah_url_builder_put_path(&p->url, base->path);
  ah_url_builder_inherit_query(&p->url, base);
  return after_path(p);
}

static url_state on_special_relative_or_authority(url_parser *p)
{
  bool has_slashes = peek(p, 0) == '/' && peek(p, 1) == '/';
  return has_slashes ? SPECIAL_AUTHORITY_SLASHES : RELATIVE;
}

static url_state on_path_or_authority(url_parser *p)
{
  p->pos++;
  if (peek(p, 0) != '/') {
    return PATH;
  }
  p->pos++;
  return AUTHORITY;
}

static url_state on_relative(url_parser *p)
{
  if (is_slash(p, peek(p, 0))) {
    p->pos++;
    return RELATIVE_SLASH;
  }
  ah_url_builder_inherit_authority(&p->url, p->base);
  return inherit_path(p);
}

static url_state on_relative_slash(url_parser *p)
{
  if (!is_slash(p, peek(p, 0))) {
    ah_url_builder_inherit_authority(&p->url, p->base);
    return PATH;
  }
  if (p->url.is_special) {
    return SPECIAL_AUTHORITY_SLASHES;
  }
  p->pos++;
  return AUTHORITY;
}

/* Any number of slashes, even none, comes before a special authority. */
static url_state on_special_authority_slashes(url_parser *p)
{
  while (is_slash(p, peek(p, 0))) {
    p->pos++;
  }
  return AUTHORITY;
}

static url_state on_authority(url_parser *p)
{
  size_t len = part_len(p);
  const char *at = len == 0 ? NULL : memrchr(p->pos, '@', len);
  ah_url_builder_put_authority(&p->url);
  if (at == NULL) {
    return HOST;
  }
  size_t credentials_len = (size_t)(at - p->pos);
  if (credentials_len + 1 == len) {
    return fail(p, "the host is missing");
  }
  ah_url_builder_put_credentials(&p->url, take(p, credentials_len));
  p->pos++;
  return HOST;
}

static url_state on_host(url_parser *p)
{
  size_t len = 0;
  bool in_brackets = false;
  int c = peek(p, 0);
  while (!is_part_end(p, c) && (c != ':' || in_brackets)) {
    if (c == '[' || c == ']') {
      in_brackets = c == '[';
    }
    c = peek(p, ++len);
  }
  if (len == 0 && (c == ':' || p->url.is_special)) {
    return fail(p, "the host is missing");
  }
  ah_url_host host;
  if (!parse_host(p, take(p, len), &host)) {
    return FAILED;
  }
  ah_url_builder_put_host(&p->url, &host);
  if (c != ':') {
    return PATH_START;
  }
  p->pos++;
  return PORT;
}

static url_state on_port(url_parser *p)
{
  unsigned port = 0;
  size_t digits = 0;
  int c = peek(p, 0);
  for (; !is_part_end(p, c); c = peek(p, ++digits)) {
    if (!ah_char_is((uint8_t)c, AH_CHAR_DIGIT)) {
      return fail(p, "the port is not a number");
    }
    port = port * 10 + (unsigned)(c - '0');
    if (port > UINT16_MAX) {
      return fail(p, "the port is larger than 65535");
    }
  }
  p->pos += digits;
  if (digits > 0) {
    ah_url_builder_put_port(&p->url, (uint16_t)port);
  }
  return PATH_START;
}

static url_state on_file_start(url_parser *p)
{
  if (is_slash(p, peek(p, 0))) {
    p->pos++;
    return FILE_SLASH;
  }
  if (!base_is_file(p)) {
    put_empty_host(p);
    return PATH;
  }
  ah_url_builder_inherit_authority(&p->url, p->base);
  return is_drive_next(p) ? PATH : inherit_path(p);
}

static url_state on_file_slash(url_parser *p)
{
  if (is_slash(p, peek(p, 0))) {
    p->pos++;
    return FILE_HOST;
  }
  if (!base_is_file(p)) {
    put_empty_host(p);
    return PATH;
  }
  ah_url_builder_inherit_authority(&p->url, p->base);
  if (!is_drive_next(p) && ah_url_path_has_drive(p->base->path)) {
    ah_url_builder_put_path(&p->url, ah_str(p->base->path.ptr, 3));
  }
  return PATH;
}

static url_state on_file_host(url_parser *p)
{
  size_t len = part_len(p);
  if (ah_url_is_drive(ah_str(p->pos, len))) {
    put_empty_host(p);
    return PATH; /* the drive letter is its first segment */
  }
  if (len == 0) {
    put_empty_host(p);
    return PATH_START;
  }
  ah_url_host host;
  if (!parse_host(p, take(p, len), &host)) {
    return FAILED;
  }
  if (ah_str_eq(host.text, AH_STR("localhost"))) {
    host.text.len = 0;
  }
  ah_url_builder_put_authority(&p->url);
  ah_url_builder_put_host(&p->url, &host);
  return PATH_START;
}

static url_state on_path_start(url_parser *p)
{
  int c = peek(p, 0);
  if (is_slash(p, c)) {
    p->pos++;
    return PATH;
  }
  return is_part_end(p, c) && !p->url.is_special ? after_path(p) : PATH;
}

static url_state on_path(url_parser *p)
{
  for (;;) {
    ahttp_str segment = take(p, part_len(p));
    bool is_last = !is_slash(p, peek(p, 0));
    ah_url_builder_put_segment(&p->url, segment, is_last);
    if (is_last) {
      return after_path(p);
    }
    p->pos++;
  }
}

static url_state on_opaque_path(url_parser *p)
{
  size_t len = 0;
  int c = peek(p, 0);
  while (c != END_OF_INPUT && c != '?' && c != '#') {
    c = peek(p, ++len);
  }
  ahttp_str path = take(p, len);
  /* A space before the query or fragment would be trimmed from the end of the
   * URL if those were removed. */
  bool has_space = c != END_OF_INPUT && len > 0 && path.ptr[len - 1] == ' ';
  if (has_space) {
    path.len--;
  }
  ah_url_builder_put_opaque_path(&p->url, path);
  if (has_space) {
    ah_url_builder_put_path(&p->url, AH_STR("%20"));
  }
  return after_path(p);
}

static url_state on_query(url_parser *p)
{
  const char *hash = memchr(p->pos, '#', (size_t)(p->end - p->pos));
  size_t len = (size_t)((hash == NULL ? p->end : hash) - p->pos);
  ah_url_builder_put_query(&p->url, take(p, len));
  return after_path(p);
}

static url_state on_fragment(url_parser *p)
{
  ah_url_builder_put_fragment(&p->url, take(p, (size_t)(p->end - p->pos)));
  return DONE;
}

typedef url_state (*state_fn)(url_parser *p);

static const state_fn states[] = {
    [SCHEME_START] = on_scheme_start,
    [NO_SCHEME] = on_no_scheme,
    [SPECIAL_RELATIVE_OR_AUTHORITY] = on_special_relative_or_authority,
    [PATH_OR_AUTHORITY] = on_path_or_authority,
    [RELATIVE] = on_relative,
    [RELATIVE_SLASH] = on_relative_slash,
    [SPECIAL_AUTHORITY_SLASHES] = on_special_authority_slashes,
    [AUTHORITY] = on_authority,
    [HOST] = on_host,
    [PORT] = on_port,
    [FILE_START] = on_file_start,
    [FILE_SLASH] = on_file_slash,
    [FILE_HOST] = on_file_host,
    [PATH_START] = on_path_start,
    [PATH] = on_path,
    [OPAQUE_PATH] = on_opaque_path,
    [QUERY] = on_query,
    [FRAGMENT] = on_fragment,
};

size_t ah_url_strip(char *dst, ahttp_str text)
{
  size_t len = 0;
  for (size_t i = 0; i < text.len; i++) {
    char c = text.ptr[i];
    if (c != '\t' && c != '\n' && c != '\r') {
      dst[len++] = c;
    }
  }
  return len;
}

int ah_url_parser_run(ahttp_url *out, ah_arena *arena, ahttp_str text,
                      const ahttp_url *base, const char **why)
{
  size_t room = ah_url_builder_room(text.len, base);
  char *memory = ah_malloc(room + text.len);
  if (memory == NULL) {
    return AHTTP_ENOMEM;
  }
  char *input = memory + room;
  url_parser p = {.pos = input, .base = base, .arena = arena};
  p.end = input + ah_url_strip(input, text);
  ah_url_builder_init(&p.url, memory, room);
  url_state state = SCHEME_START;
  while (state < DONE) {
    state = states[state](&p);
  }
  if (state == DONE) {
    p.error = ah_url_builder_finish(&p.url, out, arena);
  } else {
    *why = p.why;
  }
  ah_url_builder_clear(&p.url);
  ah_free(memory);
  return p.error;
}
