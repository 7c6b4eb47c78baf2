/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "http/base_url.h"

#include <string.h>

#include <ahttp/error.h>

#include "base/str.h"
#include "http/query.h"

/* Sets |*out| to the pairs of |under| and |over|; of the same names only those
 * of |over|. */
static int query_new(ahttp_str *out, ah_arena *arena, ahttp_str under,
                     ahttp_str over)
{
  ah_buf buf;
  ah_buf_init(&buf, AH_URL_BYTES_MAX);
  int rv = ah_query_merge(&buf, under, over);
  if (rv == AHTTP_OK) {
    rv = ah_arena_copy(arena, ah_query_view(&buf), out);
  }
  ah_buf_clear(&buf);
  return rv == AHTTP_ELIMIT ? AHTTP_EURL : rv;
}

static int params_encode(ahttp_str *out, ah_arena *arena,
                         const ahttp_params *params)
{
  ah_buf buf;
  ah_buf_init(&buf, AH_URL_BYTES_MAX);
  int rv = ah_params_write(params, &buf);
  if (rv == AHTTP_OK) {
    rv = ah_arena_copy(arena, ah_query_view(&buf), out);
  }
  ah_buf_clear(&buf);
  return rv == AHTTP_ELIMIT ? AHTTP_EURL : rv;
}

/* |given| up to its path, which gets a slash at the end. */
static int folder_parse(ahttp_url *out, ah_arena *arena, const ahttp_url *given)
{
  const char *path_end = given->path.ptr + given->path.len;
  size_t len = (size_t)(path_end - given->href.ptr);
  char *text = ah_arena_bytes(arena, len + 1);
  if (text == NULL) {
    return AHTTP_ENOMEM;
  }
  memcpy(text, given->href.ptr, len);
  if (path_end[-1] != '/') {
    text[len++] = '/';
  }
  return ah_url_parse(out, arena, ah_str(text, len), NULL, NULL);
}

int ah_url_check_http(const ahttp_url *url)
{
  if (!ah_str_eq(url->scheme, AH_STR("http")) &&
      !ah_str_eq(url->scheme, AH_STR("https"))) {
    return AHTTP_ESCHEME;
  }
  return url->host.len > 0 ? AHTTP_OK : AHTTP_EURL;
}

int ah_base_url_init(ah_base_url *base, ah_arena *arena, ahttp_str text,
                     const ahttp_params *params)
{
  *base = (ah_base_url){.params = {NULL, 0}};
  int rv = AHTTP_OK;
  if (ahttp_params_count(params) > 0) {
    rv = params_encode(&base->params, arena, params);
  }
  if (rv != AHTTP_OK || text.len == 0) {
    return rv;
  }
  ahttp_url given;
  rv = ah_url_parse(&given, arena, text, NULL, NULL);
  if (rv != AHTTP_OK) {
    return rv;
  }
  if (ah_url_check_http(&given) != AHTTP_OK) {
    return AHTTP_EURL;
  }
  rv = folder_parse(&base->url, arena, &given);
  if (rv != AHTTP_OK) {
    return rv;
  }
  return query_new(&base->relative, arena, given.query, base->params);
}

static bool is_blank(char c)
{
  return (uint8_t)c <= ' ';
}

static bool has_scheme(ahttp_str text)
{
  if (text.len == 0 || !ah_char_is((uint8_t)text.ptr[0], AH_CHAR_ALPHA)) {
    return false;
  }
  size_t len = 0;
  while (len < text.len &&
         (ah_char_is((uint8_t)text.ptr[len], AH_CHAR_ALPHA | AH_CHAR_DIGIT) ||
          text.ptr[len] == '+' || text.ptr[len] == '-' ||
          text.ptr[len] == '.')) {
    len++;
  }
  return len < text.len && text.ptr[len] == ':';
}

/* |text| becomes "./" and itself without what the parser would take for the
 * beginning of a host or of another path. */
static int join_below(ahttp_url *out, ah_arena *arena, const ah_base_url *base,
                      ahttp_str text)
{
  while (text.len > 0 &&
         (text.ptr[0] == '/' || text.ptr[0] == '\\' || is_blank(text.ptr[0]))) {
    text.ptr++;
    text.len--;
  }
  if (text.len > AH_URL_BYTES_MAX) {
    return AHTTP_EURL;
  }
  char *relative = ah_arena_bytes(arena, text.len + 2);
  if (relative == NULL) {
    return AHTTP_ENOMEM;
  }
  memcpy(relative, "./", 2);
  if (text.len > 0) {
    memcpy(relative + 2, text.ptr, text.len);
  }
  return ah_url_parse(out, arena, ah_str(relative, text.len + 2), &base->url,
                      NULL);
}

int ah_base_url_join(ahttp_url *out, ah_arena *arena, const ah_base_url *base,
                     ahttp_str text)
{
  while (text.len > 0 && is_blank(text.ptr[0])) {
    text.ptr++;
    text.len--;
  }
  bool is_relative = base->url.href.len > 0 && !has_scheme(text);
  int rv = is_relative ? join_below(out, arena, base, text)
                       : ah_url_parse(out, arena, text, NULL, NULL);
  ahttp_str params = is_relative ? base->relative : base->params;
  if (rv != AHTTP_OK || params.len == 0) {
    return rv;
  }
  ahttp_url joined = *out;
  return ah_url_put_query_under(out, arena, &joined, params);
}
