/* SPDX-License-Identifier: MIT */
/* What a response says, read for its user: text, links, Retry-After. */
#include "config.h"

#include <ahttp/error.h>
#include <ahttp/message.h>
#include <ahttp/url.h>

#include "base/alloc.h"
#include "base/str.h"
#include "client/call.h"
#include "client/response.h"
#include "http/text.h"

enum {
  CHARSET_BYTES_MAX = 64
};

/* The charset parameter of Content-Type, if it is known; in |room|. */
static ahttp_str charset_of_type(const ahttp_response *response,
                                 char room[CHARSET_BYTES_MAX])
{
  const ah_field *field =
      ah_fields_find(&response->head->fields, AH_FIELD_CONTENT_TYPE);
  ahttp_media_type type;
  size_t len;
  if (field == NULL ||
      ahttp_media_type_parse(&type, field->value) != AHTTP_OK ||
      ahttp_field_params_get(type.params, "charset", room, CHARSET_BYTES_MAX,
                             &len) != AHTTP_OK ||
      !ah_text_knows(ah_str(room, len))) {
    return AH_STR("utf-8");
  }
  return ah_str(room, len);
}

/*
 * The Encoding Standard, "decode", has a byte order mark "more authoritative
 * than anything else"; HTTPX leaves it in the text.  Only who knows better than
 * the server is above it.
 */
static int text_decode(const ahttp_response *response, const char *charset,
                       ah_buf *out)
{
  ahttp_str content = response->content;
  char room[CHARSET_BYTES_MAX];
  size_t bom_len;
  ahttp_str marked = ah_text_bom(content, &bom_len);
  ahttp_str chosen = marked;
  if (charset != NULL) {
    chosen = ah_str_from_c(charset);
    if (!ah_str_ieq(chosen, marked)) {
      bom_len = 0;
    }
  } else if (bom_len == 0) {
    chosen = charset_of_type(response, room);
  }
  if (bom_len > 0) {
    content = ah_str(content.ptr + bom_len, content.len - bom_len);
  }
  return ah_text_decode(out, chosen, content);
}

int ahttp_response_text(ahttp_response *response, const char *charset,
                        ahttp_str *out)
{
  ah_buf text;
  size_t len = 0;
  char *bytes = NULL;
  *out = (ahttp_str){NULL, 0};
  ah_buf_init(&text, SIZE_MAX);
  int rv = text_decode(response, charset, &text);
  if (rv == AHTTP_OK) {
    rv = ah_buf_take(&text, &bytes, &len);
  }
  ah_buf_clear(&text);
  if (rv == AHTTP_OK) {
    ah_free(response->call->text);
    response->call->text = bytes;
    *out = ah_str(bytes, len);
  }
  return rv;
}

/* A link of this response's to |rel|. */
static bool link_is_wanted(const ahttp_link *link, const char *rel)
{
  ahttp_str params = link->params;
  ahttp_field_param param;
  while (ahttp_field_params_next(&params, &param)) {
    if (ah_str_ieq(param.name, AH_STR("anchor"))) {
      return false; /* RFC 8288, section 3.2: it may be ignored */
    }
  }
  return ahttp_link_has_rel(link, rel);
}

int ahttp_response_link(const ahttp_response *response, const char *rel,
                        ahttp_url **out)
{
  const ahttp_fields *fields = &response->head->fields;
  const ah_field *field = ah_fields_find(fields, AH_FIELD_LINK);
  *out = NULL;
  for (; field != NULL; field = ah_fields_find_next(fields, field)) {
    ahttp_str rest = field->value;
    ahttp_link link;
    while (ahttp_links_next(&rest, &link)) {
      if (!link_is_wanted(&link, rel)) {
        continue;
      }
      int rv = ahttp_url_parse(out, link.target, response->url);
      if (rv != AHTTP_EURL) {
        return rv;
      }
    }
  }
  return AHTTP_OK;
}

bool ahttp_response_retry_after(const ahttp_response *response, int64_t now_s,
                                uint32_t max_ms, uint32_t *out)
{
  const ah_field *field =
      ah_fields_find(&response->head->fields, AH_FIELD_RETRY_AFTER);
  *out = 0;
  return field != NULL &&
         ahttp_retry_after_parse(field->value, now_s, max_ms, out) == AHTTP_OK;
}
