/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <ahttp/error.h>
#include <ahttp/message.h>

#include "base/str.h"
#include "http/field_params.h"

enum {
  REL_BYTES_MAX = 512 /* all relations of a link; names are a word or a URL */
};

static void advance(ahttp_str *text, size_t len)
{
  text->ptr += len;
  text->len -= len;
}

/* Drops what is up to the next comma that is not quoted, and that comma. */
static void skip_element(ahttp_str *rest)
{
  bool is_quoted = false;
  while (rest->len > 0) {
    char c = rest->ptr[0];
    if (is_quoted && c == '\\' && rest->len > 1) {
      advance(rest, 1);
    } else if (c == '"') {
      is_quoted = !is_quoted;
    }
    advance(rest, 1);
    if (c == ',' && !is_quoted) {
      return;
    }
  }
}

/* RFC 8288, appendix B.2. */
bool ahttp_links_next(ahttp_str *rest, ahttp_link *out)
{
  *out = (ahttp_link){.target = {NULL, 0}};
  while (rest->len > 0) {
    ah_field_params_skip_blanks(rest);
    const char *end = rest->len > 0 && rest->ptr[0] == '<'
                          ? memchr(rest->ptr, '>', rest->len)
                          : NULL;
    if (end == NULL) {
      skip_element(rest);
      continue;
    }
    size_t len = (size_t)(end - rest->ptr);
    out->target = ah_str_trim(ah_str(rest->ptr + 1, len - 1));
    advance(rest, len + 1);
    const char *params = rest->ptr;
    ahttp_field_param param;
    while (ahttp_field_params_next(rest, &param)) {
    }
    out->params = ah_str(params, (size_t)(rest->ptr - params));
    skip_element(rest);
    return true;
  }
  return false;
}

/* Section 3.3: rel is a list, separated by blanks; only the first rel counts.
 */
bool ahttp_link_has_rel(const ahttp_link *link, const char *rel)
{
  char rels[REL_BYTES_MAX];
  size_t len;
  if (ahttp_field_params_get(link->params, "rel", rels, sizeof(rels), &len) !=
      AHTTP_OK) {
    return false;
  }
  ahttp_str wanted = ah_str_from_c(rel);
  size_t at = 0;
  while (at < len) {
    size_t end = at;
    while (end < len && rels[end] != ' ' && rels[end] != '\t') {
      end++;
    }
    if (end > at && ah_str_ieq(ah_str(rels + at, end - at), wanted)) {
      return true;
    }
    at = end + 1;
  }
  return false;
}
