/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "http/url_builder.h"

#include <string.h>

#include <ahttp/error.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/str.h"
#include "http/url_percent.h"

/* What a serialization has more than three times its input: "://", "/.", a path
 * of "/", a port, and addresses, the longest of which is an IPv6 one. */
enum {
  HREF_SLACK = 64,
  SPECIAL_SCHEME_LEN_MAX = sizeof("https") - 1
};

typedef struct special_scheme {
  ahttp_str name;
  uint16_t port;
} special_scheme;

/* The special schemes and their default ports (URL standard, section 4.2). */
static const special_scheme special_schemes[] = {
    {{"https", 5}, 443}, {{"http", 4}, 80}, {{"wss", 3}, 443},
    {{"ws", 2}, 80},     {{"ftp", 3}, 21},  {{"file", 4}, 0},
};

/* The special scheme of that name in lower case, or NULL. */
static const special_scheme *find_special(ahttp_str name)
{
  size_t count = sizeof(special_schemes) / sizeof(special_schemes[0]);
  for (size_t i = 0; i < count; i++) {
    if (ah_str_eq(special_schemes[i].name, name)) {
      return &special_schemes[i];
    }
  }
  return NULL;
}

/* Fills in what follows from the scheme, which was just written. */
static void set_scheme_traits(ah_url_builder *b)
{
  ahttp_str scheme = ah_str(b->href, b->scheme.end);
  const special_scheme *special = find_special(scheme);
  if (special != NULL) {
    b->is_special = true;
    b->default_port = special->port;
  }
  b->is_file = ah_str_eq(scheme, AH_STR("file"));
}

static void put(ah_url_builder *b, ahttp_str text)
{
  ah_assert(text.len <= b->cap - b->len);
  if (text.len > 0) {
    memcpy(b->href + b->len, text.ptr, text.len);
  }
  b->len += text.len;
}

static void put_char(ah_url_builder *b, char c)
{
  ah_assert(b->len < b->cap);
  b->href[b->len++] = c;
}

static void put_encoded(ah_url_builder *b, ahttp_str text, unsigned set)
{
  ah_assert(3 * text.len <= b->cap - b->len);
  b->len += ah_url_percent_encode(b->href + b->len, text, set);
}

static ah_url_span span_here(const ah_url_builder *b)
{
  return (ah_url_span){b->len, b->len};
}

static ah_url_span span_of(const ahttp_url *url, ahttp_str part)
{
  size_t start = (size_t)(part.ptr - url->href.ptr);
  return (ah_url_span){start, start + part.len};
}

/* How many dots a segment is, "%2e" counting as one: 1 or 2; else 0. */
static unsigned segment_dots(ahttp_str segment)
{
  unsigned dots = 0;
  size_t i = 0;
  while (i < segment.len && dots <= 2) {
    if (segment.ptr[i] == '.') {
      i++;
    } else if (segment.len - i >= 3 &&
               ah_str_ieq(ah_str(segment.ptr + i, 3), AH_STR("%2e"))) {
      i += 3;
    } else {
      return 0;
    }
    dots++;
  }
  return dots <= 2 ? dots : 0;
}

static size_t path_end(const ah_url_builder *b)
{
  if (b->has_query) {
    return b->query.start - 1;
  }
  return b->has_fragment ? b->fragment.start - 1 : b->len;
}

/* Keeps a path that begins with "//" from being read as an authority where
 * there is none (the URL serializer, step 3). */
static void path_guard(ah_url_builder *b)
{
  size_t end = path_end(b);
  const char *path = b->href + b->path_start;
  if (b->has_authority || end - b->path_start < 2 || path[0] != '/' ||
      path[1] != '/') {
    return;
  }
  const ahttp_str guard = AH_STR("/.");
  ah_assert(guard.len <= b->cap - b->len);
  memmove(b->href + b->path_start + guard.len, path, b->len - b->path_start);
  memcpy(b->href + b->path_start, guard.ptr, guard.len);
  b->len += guard.len;
  b->path_start += guard.len;
  b->query.start += guard.len;
  b->query.end += guard.len;
  b->fragment.start += guard.len;
  b->fragment.end += guard.len;
}

size_t ah_url_builder_room(size_t text_len, const ahttp_url *base)
{
  return 3 * text_len + HREF_SLACK + (base == NULL ? 0 : base->href.len);
}

void ah_url_builder_init(ah_url_builder *b, char *memory, size_t cap)
{
  *b = (ah_url_builder){.href = memory, .cap = cap};
}

void ah_url_builder_clear(ah_url_builder *b)
{
  ah_free(b->own);
  b->own = NULL;
}

int ah_url_builder_reserve(ah_url_builder *b, size_t len)
{
  size_t cap = b->cap + len;
  char *memory = ah_malloc(cap);
  if (memory == NULL) {
    return AHTTP_ENOMEM;
  }
  memcpy(memory, b->href, b->len);
  ah_url_builder_clear(b);
  b->own = memory;
  b->href = memory;
  b->cap = cap;
  return AHTTP_OK;
}

void ah_url_builder_put_scheme(ah_url_builder *b, ahttp_str scheme)
{
  for (size_t i = 0; i < scheme.len; i++) {
    put_char(b, (char)ah_char_lower((uint8_t)scheme.ptr[i]));
  }
  b->scheme.end = b->len;
  set_scheme_traits(b);
  put_char(b, ':');
  b->path_start = b->len;
}

void ah_url_builder_put_authority(ah_url_builder *b)
{
  put(b, AH_STR("//"));
  b->has_authority = true;
  b->username = span_here(b);
  b->password = span_here(b);
}

void ah_url_builder_put_credentials(ah_url_builder *b, ahttp_str text)
{
  const char *colon = memchr(text.ptr, ':', text.len);
  size_t user_len = colon == NULL ? text.len : (size_t)(colon - text.ptr);
  size_t used = colon == NULL ? user_len : user_len + 1;
  ah_url_builder_put_user(b, ah_str(text.ptr, user_len),
                          ah_str(text.ptr + used, text.len - used));
}

void ah_url_builder_put_user(ah_url_builder *b, ahttp_str username,
                             ahttp_str password)
{
  if (username.len == 0 && password.len == 0) {
    return;
  }
  put_encoded(b, username, AH_URL_SET_USERINFO);
  b->username.end = b->len;
  if (password.len > 0) {
    put_char(b, ':');
  }
  b->password.start = b->len;
  put_encoded(b, password, AH_URL_SET_USERINFO);
  b->password.end = b->len;
  put_char(b, '@');
}

void ah_url_builder_put_host(ah_url_builder *b, const ah_url_host *host)
{
  b->host.start = b->len;
  put(b, host->text);
  b->host.end = b->len;
  b->is_ip = host->is_ip;
  b->path_start = b->len;
}

void ah_url_builder_put_port(ah_url_builder *b, uint16_t port)
{
  if (b->is_special && port == b->default_port) {
    return;
  }
  char digits[5]; /* 65535 */
  size_t at = sizeof(digits);
  unsigned value = port;
  do {
    digits[--at] = (char)('0' + value % 10);
    value /= 10;
  } while (value > 0);
  put_char(b, ':');
  put(b, ah_str(digits + at, sizeof(digits) - at));
  b->port = port;
  b->has_port = true;
  b->path_start = b->len;
}

void ah_url_builder_inherit_authority(ah_url_builder *b, const ahttp_url *base)
{
  if (base->host.ptr == NULL) {
    return;
  }
  size_t end = span_of(base, base->path).start;
  put(b, ah_str(base->href.ptr + b->len, end - b->len));
  b->has_authority = true;
  b->username = span_of(base, base->username);
  b->password = span_of(base, base->password);
  b->host = span_of(base, base->host);
  b->port = base->port;
  b->has_port = base->has_port;
  b->is_ip = base->is_ip;
  b->path_start = b->len;
}

void ah_url_builder_put_path(ah_url_builder *b, ahttp_str path)
{
  put(b, path);
}

void ah_url_builder_put_opaque_path(ah_url_builder *b, ahttp_str path)
{
  put_encoded(b, path, AH_URL_SET_C0);
}

void ah_url_builder_put_segment(ah_url_builder *b, ahttp_str segment,
                                bool is_last)
{
  unsigned dots = segment_dots(segment);
  if (dots > 0) {
    if (dots == 2) {
      ah_url_builder_shorten_path(b);
    }
    if (is_last) {
      put_char(b, '/');
    }
    return;
  }
  put_char(b, '/');
  if (b->is_file && b->len == b->path_start + 1 && ah_url_is_drive(segment)) {
    put_char(b, segment.ptr[0]);
    put_char(b, ':');
    return;
  }
  put_encoded(b, segment, AH_URL_SET_PATH);
}

void ah_url_builder_shorten_path(ah_url_builder *b)
{
  ahttp_str path = ah_str(b->href + b->path_start, b->len - b->path_start);
  if (b->is_file && path.len == 3 && ah_url_path_has_drive(path)) {
    return;
  }
  const char *slash = path.len == 0 ? NULL : memrchr(path.ptr, '/', path.len);
  if (slash != NULL) {
    b->len = (size_t)(slash - b->href);
  }
}

void ah_url_builder_put_query(ah_url_builder *b, ahttp_str query)
{
  put_char(b, '?');
  b->has_query = true;
  b->query.start = b->len;
  put_encoded(b, query,
              b->is_special ? AH_URL_SET_SPECIAL_QUERY : AH_URL_SET_QUERY);
  b->query.end = b->len;
}

void ah_url_builder_inherit_query(ah_url_builder *b, const ahttp_url *base)
{
  if (!base->has_query) {
    return;
  }
  put_char(b, '?');
  b->has_query = true;
  b->query.start = b->len;
  put(b, base->query);
  b->query.end = b->len;
}

void ah_url_builder_put_fragment(ah_url_builder *b, ahttp_str fragment)
{
  put_char(b, '#');
  b->has_fragment = true;
  b->fragment.start = b->len;
  put_encoded(b, fragment, AH_URL_SET_FRAGMENT);
  b->fragment.end = b->len;
}

static ahttp_str view_of(ahttp_str href, ah_url_span span)
{
  return ah_str(href.ptr + span.start, span.end - span.start);
}

int ah_url_builder_finish(ah_url_builder *b, ahttp_url *out, ah_arena *arena)
{
  path_guard(b);
  ahttp_str href;
  int rv = ah_arena_copy(arena, ah_str(b->href, b->len), &href);
  if (rv != AHTTP_OK) {
    return rv;
  }
  *out = (ahttp_url){
      .href = href,
      .scheme = view_of(href, b->scheme),
      .username = view_of(href, b->username),
      .password = view_of(href, b->password),
      .path = view_of(href, (ah_url_span){b->path_start, path_end(b)}),
      .query = view_of(href, b->query),
      .fragment = view_of(href, b->fragment),
      .port = b->has_port ? b->port : b->default_port,
      .has_port = b->has_port,
      .has_query = b->has_query,
      .has_fragment = b->has_fragment,
      .is_special = b->is_special,
      .is_ip = b->is_ip,
  };
  if (b->has_authority) {
    out->host = view_of(href, b->host);
  }
  return AHTTP_OK;
}

bool ah_url_scheme_is_special(ahttp_str scheme)
{
  char lower[SPECIAL_SCHEME_LEN_MAX];
  if (scheme.len > sizeof(lower)) {
    return false;
  }
  for (size_t i = 0; i < scheme.len; i++) {
    lower[i] = (char)ah_char_lower((uint8_t)scheme.ptr[i]);
  }
  return find_special(ah_str(lower, scheme.len)) != NULL;
}

bool ah_url_is_drive(ahttp_str text)
{
  return text.len == 2 && ah_char_is((uint8_t)text.ptr[0], AH_CHAR_ALPHA) &&
         (text.ptr[1] == ':' || text.ptr[1] == '|');
}

bool ah_url_path_has_drive(ahttp_str path)
{
  return path.len >= 3 && ah_url_is_drive(ah_str(path.ptr + 1, 2)) &&
         path.ptr[2] == ':' && (path.len == 3 || path.ptr[3] == '/');
}
